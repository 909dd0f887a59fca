//! Sun's snoop, RFC 1761: one header, then records of 24 octets of header, the packet, and padding; big-endian.

use super::error::{Fault, LooksLike, Part};
use super::source::Source;
use super::{Frame, LinkType, PacketNumber, Record, Skip, timestamp};

const HEADER: usize = 16;
const RECORD_HEADER: usize = 24;
const MAGIC: &[u8] = b"snoop\0\0\0";

/// What the file's header says about every record.
pub(super) struct Header {
    pub link: LinkType,
    largest: u32,
    /// Packets that were dropped, as the last record says.
    pub dropped: u32,
}

/// Whether the input begins with the identification pattern.
pub(super) fn begins(data: &[u8]) -> bool {
    data.starts_with(MAGIC)
}

impl Header {
    /// Reads the file's header and consumes it.
    pub fn open(source: &mut Source, largest: u32) -> Result<Header, Fault> {
        let had = source.fill(HEADER)?;
        let (Some(version), Some(datalink)) = (number(source.data(), 8), number(source.data(), 12)) else {
            return Err(Fault::cut(Part::FileHeader, HEADER as u64, had as u64));
        };
        // Version 1 was never published, and later ones (Shomiti, Finisar) lay their records out in the same way.
        if !(2..=5).contains(&version) {
            return Err(Fault::Version {
                format: "snoop",
                major: u16::try_from(version).unwrap_or(u16::MAX),
                minor: 0,
                known: "2",
            });
        }
        let link = match datalink {
            0 | 4 => LinkType::ETHERNET,
            2 => LinkType(6), // token ring
            8 => LinkType::FDDI,
            _ => {
                return Err(Fault::Foreign(LooksLike::Known {
                    what: "a snoop capture of a link type that is not known",
                    advice: "convert it with `editcap -F pcapng FILE OUT.pcapng`",
                }));
            }
        };
        source.consume(HEADER);
        Ok(Header {
            link,
            largest,
            dropped: 0,
        })
    }

    /// Waits until the next record is complete; its length with header, or `None` at the end of the file.
    pub fn find_packet(&mut self, source: &mut Source) -> Result<Option<usize>, Fault> {
        let had = source.fill(RECORD_HEADER)?;
        if had == 0 {
            return Ok(None);
        }
        let data = source.data();
        let (Some(captured), Some(length), Some(dropped)) =
            (number(data, 4), number(data, 8), number(data, 12))
        else {
            return Err(Fault::cut(Part::PacketHeader, RECORD_HEADER as u64, had as u64));
        };
        let least = captured.saturating_add(24);
        if captured > self.largest || length < least || length - least > self.largest {
            return Err(Fault::Corrupt(format!(
                "its header states {captured} captured bytes in a record of {length}, at most {} in a record of 24 \
                 more are possible",
                self.largest
            )));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let had = source.fill(length)?;
        if had < length {
            return Err(Fault::cut(Part::PacketData, length as u64, had as u64));
        }
        self.dropped = self.dropped.max(dropped);
        Ok(Some(length))
    }

    /// The packet in a complete record.
    pub fn packet<'a>(&self, record: &'a [u8], number_of_packet: PacketNumber) -> Record<'a> {
        let field = |at| number(record, at);
        let frame = || {
            let captured = usize::try_from(field(4)?).ok()?;
            let time = i128::from(field(16)?) * 1_000_000_000 + i128::from(field(20)?) * 1_000;
            Some(Frame {
                number: number_of_packet,
                time: timestamp(time),
                link: self.link,
                bytes: record.get(RECORD_HEADER..)?.get(..captured)?,
                original_len: field(0)?,
                interface: 0,
                direction: None,
                process: None,
            })
        };
        match frame() {
            Some(frame) => Record::Frame(frame),
            None => Record::Skip {
                number: number_of_packet,
                reason: Skip::BadPacketBlock,
            },
        }
    }
}

fn number(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}
