//! Classic pcap: one header, then records of 16 (Kuznetzov's: 24) octets of header and the packet.

use super::error::{Fault, Part};
use super::limits::Limits;
use super::source::Source;
use super::{Frame, LinkType, PacketNumber, Record, Skip};
use crate::time::Timestamp;

const HEADER: usize = 24;

/// Records up to this many octets are believed whatever the file states as snap length, as in Wireshark and libpcap.
const LARGEST_PACKET: u32 = 262_144;

/// Bits of the header's link type field that hold the link type.
const LINK_TYPE_BITS: u32 = 0x03ff_ffff;
/// Bit of the link type field: the length of the frame check sequence is known.
const FCS_PRESENT: u32 = 0x0400_0000;

/// How far from a packet before it the time of a packet behind damage may be, seconds: an hour back, thirty days on.
const BACK: i64 = 3_600;
const ON: i64 = 30 * 86_400;

/// What the file's header says about every record, and what the records up to here were like.
pub(super) struct Header {
    big_endian: bool,
    variant: Variant,
    pub link: LinkType,
    pub snap_length: u32,
    /// Octets of frame check sequence at the end of each frame.
    fcs: u32,
    lengths: Lengths,
    /// The most octets that a record may hold.
    allowed: u32,
    habits: Habits,
}

/// Packets whose records stand beside each other in the window. Nothing has changed yet: they may be read again.
pub(super) struct Row {
    /// How many.
    pub packets: usize,
    /// Octets of their records.
    pub octets: usize,
    /// With them.
    habits: Habits,
}

/// What was seen in the records up to here: the measure of those behind damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Habits {
    /// Seconds of the first record and of the last two.
    first: Option<u32>,
    before_last: u32,
    last: u32,
    /// The most octets in a record.
    longest: u32,
    /// There was a record with more octets captured than there were.
    over_original: bool,
}

/// What the magic number says besides the byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Microseconds,
    Nanoseconds,
    /// Kuznetzov's: eight octets more in each record's header.
    Modified,
    /// Ixia's: four octets more in the file's header, nanoseconds.
    Ixia,
}

impl Variant {
    fn of(magic: u32) -> Option<Variant> {
        Some(match magic {
            0xa1b2_c3d4 => Variant::Microseconds,
            0xa1b2_3c4d => Variant::Nanoseconds,
            0xa1b2_cd34 => Variant::Modified,
            0x1c00_01ac | 0x1c00_01ab => Variant::Ixia,
            _ => return None,
        })
    }
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
    magic(data).is_some()
}

/// The magic number's meaning, and whether the numbers are big-endian.
fn magic(data: &[u8]) -> Option<(Variant, bool)> {
    let octets = *data.first_chunk()?;
    let little = Variant::of(u32::from_le_bytes(octets)).map(|variant| (variant, false));
    little.or_else(|| Variant::of(u32::from_be_bytes(octets)).map(|variant| (variant, true)))
}

impl Header {
    /// Reads the file's header and consumes it.
    pub fn open(source: &mut Source, limits: &Limits) -> Result<Header, Fault> {
        let had = source.fill(HEADER)?;
        let cut = |expected: usize, had: usize| Fault::cut(Part::FileHeader, expected as u64, had as u64);
        let (Some((variant, big_endian)), true) = (magic(source.data()), had == HEADER) else {
            return Err(cut(HEADER, had));
        };
        let long = |at| number(source.data(), at, big_endian).unwrap_or(0);
        let (snap_length, network) = (long(16), long(20));
        let version = long(4); // two halves, so that the byte order decides which comes first
        let (low, high) = (version & 0xffff, version >> 16);
        let (major, minor) = if big_endian { (high, low) } else { (low, high) };
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2, _) => Lengths::CapturedFirst,
            (major, minor) => {
                return Err(Fault::Version {
                    format: "pcap",
                    major: u16::try_from(major).unwrap_or(u16::MAX),
                    minor: u16::try_from(minor).unwrap_or(u16::MAX),
                    known: "2.x",
                });
            }
        };
        let length = if variant == Variant::Ixia {
            HEADER + 4
        } else {
            HEADER
        };
        let had = source.fill(length)?;
        if had < length {
            return Err(cut(length, had));
        }
        source.consume(length);
        // The length of the frame check sequence is counted in units of two octets.
        let fcs = if network & FCS_PRESENT == 0 {
            0
        } else {
            (network >> 28).saturating_mul(2)
        };
        Ok(Header {
            big_endian,
            variant,
            link: LinkType(network & LINK_TYPE_BITS),
            snap_length,
            fcs,
            lengths,
            allowed: LARGEST_PACKET.max(snap_length).min(limits.largest_record),
            habits: Habits::default(),
        })
    }

    pub fn name(&self) -> &'static str {
        match self.variant {
            Variant::Microseconds => "pcap",
            Variant::Nanoseconds => "pcap-ns",
            Variant::Modified => "pcap-modified",
            Variant::Ixia => "pcap-ixia",
        }
    }

    pub fn snap_length(&self) -> Option<u32> {
        Some(self.snap_length).filter(|length| *length > 0)
    }

    /// Whether records are as most files have them.
    #[inline]
    pub fn has_short_way(&self) -> bool {
        self.variant != Variant::Modified && matches!(self.lengths, Lengths::CapturedFirst)
    }

    /// The header of the next record, and the record's length with it, if the window holds all of it and nothing about it is
    /// unusual: the short way for what most records are.
    #[inline]
    fn record_in(&self, window: &[u8]) -> Option<(RecordHeader, usize)> {
        const LENGTH: usize = 16;
        if !self.has_short_way() {
            return None;
        }
        let header = RecordHeader::read(window.first_chunk::<LENGTH>()?, self.big_endian);
        let length = usize::try_from(header.captured).ok()?.checked_add(LENGTH)?;
        if header.captured > self.allowed || header.is_zero() || length > window.len() {
            return None;
        }
        Some((header, length))
    }

    /// The next packet and the length of its record, as [`Header::find_packet`] and [`Header::packet`] give them, if the window
    /// holds all of it and nothing about it is unusual.
    #[inline]
    pub fn packet_in<'a>(&mut self, window: &'a [u8], number: PacketNumber) -> Option<(Frame<'a>, usize)> {
        let (header, length) = self.record_in(window)?;
        let bytes = window.get(16..length)?;
        self.habits.note(&header);
        Some((self.frame(&header, bytes, number), length))
    }

    /// The next packets, as [`Header::packet_in`] gives them one after the other, from this number on, until `frames` is full, or
    /// one is earlier than the one before it; what all of them have in common stands there already. Frame check sequences and the
    /// first packet of all are left to that.
    #[inline(always)]
    pub fn row_in<'a>(&self, window: &'a [u8], number: PacketNumber, frames: &mut [Frame<'a>]) -> Row {
        let mut row = Row {
            packets: 0,
            octets: 0,
            habits: self.habits,
        };
        if !self.has_short_way() || self.fcs > 0 || self.habits.first.is_none() {
            return row;
        }
        let (allowed, big_endian, unit) = (self.allowed, self.big_endian, self.unit());
        let (mut left, mut newest) = (window, Timestamp::from_ns(i64::MIN));
        for frame in frames {
            let Some((header, behind)) = left.split_first_chunk() else {
                break;
            };
            let header = RecordHeader::read(header, big_endian);
            let Some((bytes, behind)) = behind.split_at_checked(header.captured as usize) else {
                break;
            };
            let time = header.time(unit);
            if header.captured > allowed || header.is_zero() || time < newest {
                break;
            }
            frame.number = number.saturating_add(row.packets as u64);
            frame.time = time;
            frame.bytes = bytes;
            frame.original_len = header.original;
            row.habits.note_next(&header);
            row.packets += 1;
            (left, newest) = (behind, time);
        }
        row.octets = window.len() - left.len();
        row
    }

    /// Takes a row as read.
    pub fn accept(&mut self, row: &Row) {
        self.habits = row.habits;
    }

    /// Waits until the next record is complete; its length with header, or `None` at the end of the file.
    pub fn find_packet(&mut self, source: &mut Source) -> Result<Option<usize>, Fault> {
        if let Some((header, length)) = self.record_in(source.data()) {
            self.habits.note(&header);
            return Ok(Some(length));
        }
        let header_len = self.record_header_len();
        let had = source.fill(header_len)?;
        if had == 0 {
            return Ok(None);
        }
        let Some(header) = self
            .record_header(source.head(header_len))
            .filter(|_| had == header_len)
        else {
            return Err(Fault::cut(Part::PacketHeader, header_len as u64, had as u64));
        };
        if header.captured > self.allowed {
            return Err(Fault::Corrupt(format!(
                "its header states {} captured bytes, at most {} are possible",
                header.captured, self.allowed
            )));
        }
        if header.is_zero() {
            return Err(Fault::Corrupt(
                "zeros stand where its header should be".to_owned(),
            ));
        }
        let captured = usize::try_from(header.captured).unwrap_or(usize::MAX);
        let length = header_len.saturating_add(captured);
        let had = source.fill(length)?;
        if had < length {
            return Err(Fault::Cut {
                part: Part::PacketData,
                expected: captured as u64,
                had: had.saturating_sub(header_len) as u64,
                doubtful: self.is_odd(&header),
            });
        }
        self.habits.note(&header);
        Ok(Some(length))
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
        Record::Frame(self.frame(&header, bytes, number))
    }

    #[inline]
    fn frame<'a>(&self, header: &RecordHeader, bytes: &'a [u8], number: PacketNumber) -> Frame<'a> {
        let (bytes, original_len) = without_fcs(bytes, header.original, self.fcs);
        Frame {
            number,
            time: header.time(self.unit()),
            link: self.link,
            bytes,
            original_len,
            interface: 0,
            direction: None,
            process: None,
        }
    }

    /// Looks behind a damaged place for the next sound record; how far from the window's start it is.
    ///
    /// Sound is a record that could be real (see [`Header::is_plausible`]) and that ends where another one such begins,
    /// or where the input ends. In octets at random one header passes by chance in less than one of 10^13 places, two in
    /// a row practically never. A capture inside a packet (somebody copied one over the network) passes, however: its
    /// records cannot be told from ours if its times are near.
    pub fn search(&self, source: &mut Source, limits: &Limits) -> Result<Option<usize>, Fault> {
        let header_len = self.record_header_len();
        for at in 1..=usize::try_from(limits.search).unwrap_or(usize::MAX) {
            let end = at.saturating_add(header_len);
            if source.reach(end)? < end {
                return Ok(None);
            }
            let plausible = |data: &[u8], at: usize| {
                let header = self.record_header(data.get(at..)?.get(..header_len)?)?;
                self.is_plausible(&header)
                    .then(|| usize::try_from(header.captured).unwrap_or(usize::MAX))
            };
            let Some(captured) = plausible(source.data(), at) else {
                continue;
            };
            let next = end.saturating_add(captured);
            let next_end = next.saturating_add(header_len);
            let had = source.reach(next_end)?;
            if (had == next && source.at_end()) || plausible(source.data(), next).is_some() {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Whether a header behind damage can be that of a packet: not empty, no longer than any packet is said or was seen
    /// to be, no longer than it was on the wire, a fraction below a second, and a time near that of a packet before.
    fn is_plausible(&self, header: &RecordHeader) -> bool {
        header.captured > 0
            && header.captured <= self.allowed
            && header.original <= LARGEST_PACKET.max(self.allowed)
            && header.fraction < self.fractions()
            && !self.is_odd(header)
            && self.habits.is_near(header.seconds)
    }

    /// Whether a header is unlike all before: longer than the snap length or the packet itself, where none was.
    fn is_odd(&self, header: &RecordHeader) -> bool {
        let snap_length = self.snap_length().unwrap_or(u32::MAX).max(self.habits.longest);
        header.captured > snap_length || (header.captured > header.original && !self.habits.over_original)
    }

    /// Nanoseconds of a fraction.
    fn unit(&self) -> i64 {
        match self.variant {
            Variant::Nanoseconds | Variant::Ixia => 1,
            Variant::Microseconds | Variant::Modified => 1_000,
        }
    }

    /// Fractions in a second.
    fn fractions(&self) -> u32 {
        match self.variant {
            Variant::Nanoseconds | Variant::Ixia => 1_000_000_000,
            Variant::Microseconds | Variant::Modified => 1_000_000,
        }
    }

    fn record_header_len(&self) -> usize {
        if self.variant == Variant::Modified { 24 } else { 16 }
    }

    /// Reads a record's header. pcap-parser's own function for this knows only one order of the lengths, and takes as
    /// many octets as the first one says.
    fn record_header(&self, record: &[u8]) -> Option<RecordHeader> {
        let header = RecordHeader::read(record.first_chunk()?, self.big_endian);
        let (first, second) = (header.captured, header.original);
        let (captured, original) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        Some(RecordHeader {
            captured,
            original,
            ..header
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

impl RecordHeader {
    /// Four numbers; the captured length comes first.
    fn read(header: &[u8; 16], big_endian: bool) -> RecordHeader {
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, o0, o1, o2, o3] = *header;
        let number = |octets| {
            if big_endian {
                u32::from_be_bytes(octets)
            } else {
                u32::from_le_bytes(octets)
            }
        };
        RecordHeader {
            seconds: number([s0, s1, s2, s3]),
            fraction: number([f0, f1, f2, f3]),
            captured: number([c0, c1, c2, c3]),
            original: number([o0, o1, o2, o3]),
        }
    }

    /// `unit` is that of the fraction, nanoseconds. Seconds are unsigned, and the fraction may be more than a second: both fit
    /// into what a time can hold.
    fn time(&self, unit: i64) -> Timestamp {
        let seconds = i64::from(self.seconds) * 1_000_000_000;
        Timestamp::from_ns(seconds.wrapping_add(i64::from(self.fraction).wrapping_mul(unit)))
    }

    #[inline]
    fn is_zero(&self) -> bool {
        self.captured == 0 && (self.seconds, self.fraction, self.original) == (0, 0, 0)
    }
}

impl Habits {
    fn note(&mut self, header: &RecordHeader) {
        self.first.get_or_insert(header.seconds);
        self.note_next(header);
    }

    /// As [`Habits::note`], of a record that is not the first one.
    #[inline(always)]
    fn note_next(&mut self, header: &RecordHeader) {
        self.before_last = std::mem::replace(&mut self.last, header.seconds);
        self.longest = self.longest.max(header.captured);
        self.over_original |= header.captured > header.original;
    }

    /// The last record may itself be a piece of the damage: the one before it and the first count as well.
    fn is_near(&self, seconds: u32) -> bool {
        let Some(first) = self.first else {
            return true;
        };
        [first, self.before_last, self.last].into_iter().any(|known| {
            let apart = i64::from(seconds) - i64::from(known);
            (-BACK..=ON).contains(&apart)
        })
    }
}

fn number(data: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let octets = *data.get(at..)?.first_chunk()?;
    Some(if big_endian {
        u32::from_be_bytes(octets)
    } else {
        u32::from_le_bytes(octets)
    })
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
        let mut source = Source::new(Box::new(std::io::Cursor::new(bytes)));
        Header::open(&mut source, &Limits::default()).expect("a header")
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

    proptest! {
        /// A row ends before what is earlier or unusual, and when it is full; until it is accepted nothing has changed.
        #[test]
        fn a_row_is_what_its_packets_are_one_by_one(
            big_endian: bool, nanoseconds: bool, fcs in 0..2u32, most in 1..9usize, keep in any::<prop::sample::Index>(),
            records in prop::collection::vec((0..3u32, 0..3u32, 0..40u32, 0..50u32, 0..30u32), 1..12),
        ) {
            let magic = match (big_endian, nanoseconds) {
                (false, false) => [0xd4, 0xc3, 0xb2, 0xa1],
                (false, true) => [0x4d, 0x3c, 0xb2, 0xa1],
                (true, false) => [0xa1, 0xb2, 0xc3, 0xd4],
                (true, true) => [0xa1, 0xb2, 0x3c, 0x4d],
            };
            let mut bytes = Vec::new();
            for (at, (seconds, fraction, captured, original, odd)) in (0_u32..).zip(records) {
                let captured_here = if odd == 0 { 300_000 } else { captured };
                // Most are later than those before.
                let numbers = [seconds + at, fraction, captured_here, original].map(|number| if odd == 1 { 0 } else { number });
                let octets = |number: u32| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
                bytes.extend(numbers.into_iter().flat_map(octets));
                bytes.extend((0..captured).map(|octet| octet as u8));
            }
            bytes.truncate(keep.index(bytes.len()) + 1);
            let (mut in_rows, mut one_by_one) = (header(magic), header(magic));
            (in_rows.fcs, one_by_one.fcs) = (4 * fcs, 4 * fcs);
            let mut frames = [Frame { link: in_rows.link, ..crate::capture::at_hand::NO_FRAME }; 9];
            let mut window = &bytes[..];
            let mut number = 7;
            loop {
                let row = in_rows.row_in(window, number, &mut frames[..most]);
                let before = in_rows.habits;
                let (mut at, mut newest) = (0, None);
                for frame in &frames[..row.packets] {
                    let (expected, length) = one_by_one.packet_in(&window[at..], number).expect("a packet");
                    prop_assert_eq!(format!("{frame:?}"), format!("{expected:?}"));
                    prop_assert!(newest <= Some(frame.time));
                    newest = Some(frame.time);
                    at += length;
                    number += 1;
                }
                prop_assert_eq!(at, row.octets);
                prop_assert_eq!(in_rows.habits, before);
                in_rows.accept(&row);
                prop_assert_eq!(in_rows.habits, one_by_one.habits);
                window = &window[at..];
                // Why it ends here.
                let Some((next, length)) = one_by_one.packet_in(window, number) else { break };
                prop_assert!(row.packets == most || newest > Some(next.time) || fcs > 0 || before.first.is_none());
                in_rows.packet_in(window, number);
                window = &window[length..];
                number += 1;
            }
        }
    }

    #[test]
    fn the_short_way_takes_what_is_sound_and_there() {
        let record = |captured: u32, original: u32, there: usize| {
            let numbers = [u32::MAX, u32::MAX, captured, original];
            let mut record: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            record.resize(16 + there, 7);
            record
        };
        let cases = [
            // captured, original, octets there, length
            (4, 9, 4, Some(20)),
            (4, 9, 8, Some(20)),
            (0, 0, 0, Some(16)),
            (9, 4, 9, Some(25)),
            (4, 9, 3, None),
            (300_000, 9, 300_000, None),
        ];
        for (captured, original, there, length) in cases {
            let bytes = record(captured, original, there);
            for magic in [[0xd4, 0xc3, 0xb2, 0xa1], [0x4d, 0x3c, 0xb2, 0xa1]] {
                assert_eq!(
                    header(magic).record_in(&bytes).map(|(_, length)| length),
                    length,
                    "{captured} {original} {there}"
                );
            }
            assert_eq!(
                header([0x34, 0xcd, 0xb2, 0xa1])
                    .record_in(&bytes)
                    .map(|(_, length)| length),
                None
            );
        }
        assert_eq!(
            header([0xd4, 0xc3, 0xb2, 0xa1])
                .record_in(&[0; 40])
                .map(|(_, length)| length),
            None,
            "zeros are damage"
        );
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
