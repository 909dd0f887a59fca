//! Classic pcap: one header, then records of 16 (Kuznetzov's: 24) octets of header and the packet.

use pcap_parser::PcapHeader;

use super::error::{Fault, Part};
use super::source::Source;
use super::{Frame, LARGEST_RECORD, LinkType, PacketNumber, Record, Skip, timestamp};

const HEADER: usize = 24;

/// Records up to this many octets are believed whatever the file states as snap length, as in Wireshark and libpcap.
const LARGEST_PACKET: u32 = 262_144;

/// Bits of the header's link type field that hold the link type.
const LINK_TYPE_BITS: u32 = 0x03ff_ffff;
/// Bit of the link type field: the length of the frame check sequence is known.
const FCS_PRESENT: u32 = 0x0400_0000;

/// What the file's header says about every record.
pub(super) struct Header {
    format: PcapHeader,
    link: LinkType,
    /// Octets of frame check sequence at the end of each frame.
    fcs: u32,
    lengths: Lengths,
}

/// The order of the two lengths in a record's header.
enum Lengths {
    /// Captured, then original: version 2.4 and later.
    CapturedFirst,
    /// Original, then captured: before version 2.3, and DG/UX's 543.0.
    OriginalFirst,
    /// Version 2.3 was written in both ways: the smaller one is the captured length.
    SmallerIsCaptured,
}

/// Whether the input begins with one of the magic numbers.
pub(super) fn begins(data: &[u8]) -> bool {
    matches!(
        data.first_chunk().map(|magic| u32::from_le_bytes(*magic)),
        Some(0xa1b2_c3d4 | 0xd4c3_b2a1 | 0xa1b2_3c4d | 0x4d3c_b2a1 | 0xa1b2_cd34)
    )
}

impl Header {
    /// Reads the file's header and consumes it.
    pub fn open(source: &mut Source) -> Result<Header, Fault> {
        let had = source.fill(HEADER)?;
        let Ok((_, format)) = pcap_parser::parse_pcap_header(source.head(HEADER)) else {
            return Err(Fault::Cut {
                part: Part::FileHeader,
                expected: HEADER as u64,
                had: had as u64,
            });
        };
        let lengths = match (format.version_major, format.version_minor) {
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, _) => Lengths::CapturedFirst,
            (major, minor) => {
                return Err(Fault::Version {
                    format: "pcap",
                    major,
                    minor,
                    known: "2.x",
                });
            }
        };
        source.consume(HEADER);
        let network = u32::from_ne_bytes(format.network.0.to_ne_bytes());
        // The length of the frame check sequence is counted in units of two octets.
        let fcs = if network & FCS_PRESENT == 0 {
            0
        } else {
            (network >> 28).saturating_mul(2)
        };
        Ok(Header {
            link: LinkType(network & LINK_TYPE_BITS),
            fcs,
            lengths,
            format,
        })
    }

    pub fn name(&self) -> &'static str {
        if self.format.is_modified_format() {
            "pcap-modified"
        } else if self.format.is_nanosecond_precision() {
            "pcap-ns"
        } else {
            "pcap"
        }
    }

    pub fn snap_length(&self) -> Option<u32> {
        Some(self.format.snaplen).filter(|length| *length > 0)
    }

    /// Waits until the next record is complete; its length with header, or `None` at the end of the file.
    pub fn find_packet(&self, source: &mut Source) -> Result<Option<usize>, Fault> {
        let header_len = self.record_header_len();
        let had = source.fill(header_len)?;
        if had == 0 {
            return Ok(None);
        }
        let cut = |part, expected: usize, had: usize| Fault::Cut {
            part,
            expected: expected as u64,
            had: had as u64,
        };
        let Some(header) = self
            .record_header(source.head(header_len))
            .filter(|_| had == header_len)
        else {
            return Err(cut(Part::PacketHeader, header_len, had));
        };
        let allowed = LARGEST_PACKET.max(self.format.snaplen).min(LARGEST_RECORD);
        if header.captured > allowed {
            return Err(Fault::Corrupt(format!(
                "its header states {} captured bytes, at most {allowed} are possible",
                header.captured
            )));
        }
        let captured = usize::try_from(header.captured).unwrap_or(usize::MAX);
        let length = header_len.saturating_add(captured);
        match source.fill(length)? {
            had if had < length => Err(cut(Part::PacketData, captured, had.saturating_sub(header_len))),
            _ => Ok(Some(length)),
        }
    }

    /// The packet in a complete record.
    pub fn packet<'a>(&self, record: &'a [u8], number: PacketNumber) -> Record<'a> {
        let (Some(header), Some(bytes)) =
            (self.record_header(record), record.get(self.record_header_len()..))
        else {
            return Record::Skip {
                number,
                reason: Skip::BadPacketBlock,
            };
        };
        let unit = if self.format.is_nanosecond_precision() {
            1
        } else {
            1_000
        };
        let time = i128::from(header.seconds) * 1_000_000_000 + i128::from(header.fraction) * unit;
        let (bytes, original_len) = without_fcs(bytes, header.original, self.fcs);
        Record::Frame(Frame {
            number,
            time: timestamp(time),
            link: self.link,
            bytes,
            original_len,
            interface: 0,
        })
    }

    fn record_header_len(&self) -> usize {
        if self.format.is_modified_format() { 24 } else { 16 }
    }

    /// Reads a record's header. pcap-parser's own function for this knows only one order of the lengths, and takes as
    /// many octets as the first one says.
    fn record_header(&self, record: &[u8]) -> Option<RecordHeader> {
        let big_endian = self.format.is_bigendian();
        let mut fields = record
            .chunks_exact(4)
            .filter_map(|bytes| bytes.first_chunk::<4>())
            .map(|bytes| {
                if big_endian {
                    u32::from_be_bytes(*bytes)
                } else {
                    u32::from_le_bytes(*bytes)
                }
            });
        let (seconds, fraction) = (fields.next()?, fields.next()?);
        let (first, second) = (fields.next()?, fields.next()?);
        let (captured, original) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        Some(RecordHeader {
            seconds,
            fraction,
            captured,
            original,
        })
    }
}

struct RecordHeader {
    /// Seconds since the epoch, unsigned: up to the year 2106.
    seconds: u32,
    /// Microseconds or nanoseconds; nothing keeps a file from a second's worth or more.
    fraction: u32,
    captured: u32,
    original: u32,
}

/// Takes the frame check sequence off the end of a frame, as far as it was captured.
pub(super) fn without_fcs(bytes: &[u8], original_len: u32, fcs: u32) -> (&[u8], u32) {
    let original_len = original_len.saturating_sub(fcs);
    let end = usize::try_from(original_len).unwrap_or(usize::MAX);
    if fcs == 0 {
        (bytes, original_len)
    } else {
        (bytes.get(..end).unwrap_or(bytes), original_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_parser::{parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified};
    use proptest::prelude::*;

    fn header(magic: [u8; 4]) -> Header {
        let big_endian = magic[0] == 0xa1;
        let version = if big_endian { [0, 2, 0, 4] } else { [2, 0, 4, 0] };
        let bytes = [&magic[..], &version, &[0; 16]].concat();
        Header::open(&mut Source::new(Box::new(std::io::Cursor::new(bytes)))).expect("a header")
    }

    proptest! {
        /// The crate is the oracle for the record header that is read here.
        #[test]
        fn record_headers_are_as_the_crate_reads_them(mut record in prop::collection::vec(any::<u8>(), 24..64)) {
            record[8..12].fill(0); // no data, so that the crate takes any record
            for (magic, parse) in [
                ([0xd4, 0xc3, 0xb2, 0xa1], parse_pcap_frame as fn(_) -> _),
                ([0xa1, 0xb2, 0xc3, 0xd4], parse_pcap_frame_be),
                ([0x34, 0xcd, 0xb2, 0xa1], parse_pcap_frame_modified),
            ] {
                let (_, theirs) = parse(&record).expect("a record");
                let ours = header(magic).record_header(&record).expect("a record");
                prop_assert_eq!(
                    (ours.seconds, ours.fraction, ours.captured, ours.original),
                    (theirs.ts_sec, theirs.ts_usec, theirs.caplen, theirs.origlen)
                );
            }
        }
    }

    #[test]
    fn frame_check_sequences_are_taken_off() {
        assert_eq!(without_fcs(&[1, 2, 3, 4, 5, 6], 6, 4), (&[1u8, 2][..], 2));
        assert_eq!(
            without_fcs(&[1, 2, 3], 6, 4),
            (&[1u8, 2][..], 2),
            "captured in part"
        );
        assert_eq!(without_fcs(&[1], 6, 4), (&[1u8][..], 2), "not captured");
        assert_eq!(
            without_fcs(&[1, 2], 2, 4),
            (&[][..], 0),
            "nothing but a piece of it"
        );
        assert_eq!(
            without_fcs(&[1, 2, 3], 1, 0),
            (&[1u8, 2, 3][..], 1),
            "none announced"
        );
    }
}
