//! pcapng: sections, each with a byte order and a list of interfaces of its own, made of blocks that state their length
//! at both ends.
//!
//! The outer length decides where a block ends. It is checked before the pcap-parser crate sees the block, so that a lie
//! inside a block costs that block only.

mod learn;

use pcap_parser::{Block, parse_block_be, parse_block_le};

use super::error::{Fault, Part};
use super::facts::{Direction, Facts, ProcessId, Subject};
use super::limits::Limits;
use super::pcap::without_fcs;
use super::source::Source;
use super::{Frame, LinkType, PacketNumber, Record, Skip, timestamp};
use crate::time::Timestamp;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// Darwin's process information block.
const PROCESS_INFORMATION: u32 = 0x8000_0001;
/// The option that is a comment in every block.
const COMMENT: u16 = 1;
/// Blocks without a packet that Wireshark gives a frame number: systemd journal, custom blocks, system call events.
const NUMBERED: [u32; 9] = [9, 0xbad, 0x4000_0bad, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222];

/// Type, both lengths.
const SMALLEST_BLOCK: u32 = 12;

/// The current section.
pub(super) struct Section {
    limits: Limits,
    big_endian: bool,
    /// Its number, from 0.
    number: u64,
    /// `None` stands for a description that cannot be read; it still counts.
    interfaces: Vec<Option<Interface>>,
    /// The processes of the section, by their place in it.
    processes: Vec<Option<ProcessId>>,
    /// Octets of this section were passed over: another interface or section may have been among them.
    damaged: bool,
    /// Zeros stand where a block should begin, so many octets of them consumed: nothing but zeros may follow.
    padding: Option<u64>,
    /// Largest snap length of any interface so far, sections before included.
    snap_length: u32,
    /// Time of the last packet: what a packet without time gets.
    last_time: Timestamp,
}

/// What an interface description says about its packets.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    /// 0: none stated.
    snap_length: u32,
    /// The raw option value.
    resolution: u8,
    /// Seconds to add to each time stamp.
    offset: i64,
    /// Octets of frame check sequence at the end of each frame, unless the packet says otherwise.
    fcs: u32,
    /// Where its facts are.
    place: Option<usize>,
}

/// Whether the input begins with a section header.
pub(super) fn begins(data: &[u8]) -> bool {
    data.starts_with(&SECTION_HEADER.to_be_bytes())
}

impl Section {
    /// Reads the first section header and consumes it.
    pub fn open(source: &mut Source, limits: &Limits, facts: &mut Facts) -> Result<Section, Fault> {
        let mut section = Section {
            limits: *limits,
            big_endian: false,
            number: 0,
            interfaces: Vec::new(),
            processes: Vec::new(),
            damaged: false,
            padding: None,
            snap_length: 0,
            last_time: Timestamp::default(),
        };
        if let Some((kind, length)) = section.find_block(source)? {
            section.learn(kind, source.head(length), facts)?;
            source.consume(length);
        }
        Ok(section)
    }

    pub fn snap_length(&self) -> Option<u32> {
        Some(self.snap_length).filter(|length| *length > 0)
    }

    /// Goes on to the next block that counts as a packet and waits until it is complete; its length, or `None` at the
    /// end of the file. Other blocks are consumed.
    pub fn find_packet(&mut self, source: &mut Source, facts: &mut Facts) -> Result<Option<usize>, Fault> {
        while let Some((kind, length)) = self.find_block(source)? {
            if counts_as_packet(kind) {
                self.check_lengths(source, length)?;
                return Ok(Some(length));
            }
            self.learn(kind, source.head(length), facts)?;
            source.consume(length);
        }
        Ok(None)
    }

    /// A packet block whose lengths disagree costs that block only, if the first one leads to another block or to the
    /// end of the file.
    fn check_lengths(&self, source: &mut Source, length: usize) -> Result<(), Fault> {
        let block = source.head(length);
        let (first, last) = (self.number(block, 4), self.trailer(block));
        if first == last {
            return Ok(());
        }
        let had = source.reach(length.saturating_add(SMALLEST_BLOCK as usize))?;
        if had <= length || self.block_at(source, length, |_| Some(SMALLEST_BLOCK))?.is_some() {
            return Ok(());
        }
        Err(lengths_differ(first, last))
    }

    /// The packet in a complete block.
    pub fn packet<'a>(&mut self, block: &'a [u8], number: PacketNumber, facts: &mut Facts) -> Record<'a> {
        match self.frame(block, number, facts) {
            Ok(frame) => {
                self.last_time = frame.time;
                Record::Frame(frame)
            }
            Err(reason) => Record::Skip { number, reason },
        }
    }

    /// The next packet and the length of its block, as [`Section::find_packet`] and [`Section::packet`] give them, if the window
    /// holds all of it and nothing about it is unusual: an enhanced packet block without options, of an interface without frame
    /// check sequence.
    #[inline]
    pub fn packet_in<'a>(
        &mut self,
        window: &'a [u8],
        number: PacketNumber,
        facts: &mut Facts,
    ) -> Option<(Frame<'a>, usize)> {
        let head = window.first_chunk::<28>()?;
        let field = |at: usize| self.number(head, at);
        let (stated, interface_id, captured) = (field(4)?, field(8)?, field(20)?);
        let length = captured.checked_next_multiple_of(4)?.checked_add(32)?;
        let sound =
            field(0) == Some(ENHANCED_PACKET) && stated == length && length <= self.limits.largest_record;
        if !sound || self.padding.is_some() {
            return None;
        }
        let block = window.get(..usize::try_from(length).ok()?)?;
        let interface = self.interface(interface_id).ok()?;
        if self.trailer(block) != Some(length) || interface.fcs != 0 {
            return None;
        }
        let frame = Frame {
            number,
            time: interface.time(field(12)?, field(16)?),
            link: interface.link,
            bytes: block.get(28..)?.get(..usize::try_from(captured).ok()?)?,
            original_len: field(24)?,
            interface: interface_id,
            direction: None,
            process: None,
        };
        if let Some(facts) = interface.place.and_then(|place| facts.interfaces.get_mut(place)) {
            facts.packets = facts.packets.saturating_add(1);
        }
        self.last_time = frame.time;
        Some((frame, block.len()))
    }

    fn frame<'a>(&self, block: &'a [u8], number: PacketNumber, facts: &mut Facts) -> Result<Frame<'a>, Skip> {
        let bad = Skip::BadPacketBlock;
        let kind = self.number(block, 0).ok_or(bad)?;
        if self.trailer(block) != self.number(block, 4) {
            return Err(bad);
        }
        let (frame, interface, options) = match kind {
            ENHANCED_PACKET => self.enhanced_packet(block, number)?,
            OBSOLETE_PACKET => self.obsolete_packet(block, number, facts)?,
            SIMPLE_PACKET => (self.simple_packet(block, number)?, self.interface(0)?, &[][..]),
            _ => return Err(Skip::NotAPacket),
        };
        if let Some(facts) = interface.place.and_then(|place| facts.interfaces.get_mut(place)) {
            facts.packets = facts.packets.saturating_add(1);
        }
        if options.is_empty() && interface.fcs == 0 {
            return Ok(frame);
        }
        Ok(self.with_options(frame, interface, options, facts))
    }

    /// The common packet block: interface, time, two lengths, data, options. Read here and not by pcap-parser, which
    /// refuses the packet where its options are broken.
    fn enhanced_packet<'a>(
        &self,
        block: &'a [u8],
        number: PacketNumber,
    ) -> Result<(Frame<'a>, &Interface, &'a [u8]), Skip> {
        let interface_id = self.number(block, 8).ok_or(Skip::BadPacketBlock)?;
        self.packet_of(block, number, interface_id)
    }

    /// What stands in both packet blocks behind the interface: time, two lengths, data, options.
    fn packet_of<'a>(
        &self,
        block: &'a [u8],
        number: PacketNumber,
        interface_id: u32,
    ) -> Result<(Frame<'a>, &Interface, &'a [u8]), Skip> {
        let field = |at| self.number(block, at).ok_or(Skip::BadPacketBlock);
        let interface = self.interface(interface_id)?;
        let (bytes, options) = data_and_options(block, field(20)?).ok_or(Skip::BadPacketBlock)?;
        let frame = Frame {
            number,
            time: interface.time(field(12)?, field(16)?),
            link: interface.link,
            bytes,
            original_len: field(24)?,
            interface: interface_id,
            direction: None,
            process: None,
        };
        Ok((frame, interface, options))
    }

    fn simple_packet<'a>(&self, block: &'a [u8], number: PacketNumber) -> Result<Frame<'a>, Skip> {
        let bad = Skip::BadPacketBlock;
        let parse = if self.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let Ok((_, Block::SimplePacket(packet))) = parse(block) else {
            return Err(bad);
        };
        let interface = self.interface(0)?;
        let captured = match interface.snap_length {
            0 => packet.origlen,
            snap_length => packet.origlen.min(snap_length),
        };
        Ok(Frame {
            number,
            time: self.last_time,
            link: interface.link,
            bytes: usize::try_from(captured)
                .ok()
                .and_then(|end| packet.data.get(..end))
                .ok_or(bad)?,
            original_len: packet.origlen,
            interface: 0,
            direction: None,
            process: None,
        })
    }

    /// The block that the enhanced packet block replaced: a 16-bit interface, a count of drops, then the same fields.
    /// pcap-parser does not know it.
    fn obsolete_packet<'a>(
        &self,
        block: &'a [u8],
        number: PacketNumber,
        facts: &mut Facts,
    ) -> Result<(Frame<'a>, &Interface, &'a [u8]), Skip> {
        // The id is the first half of its word, so the byte order decides which bits it is.
        let word = self.number(block, 8).ok_or(Skip::BadPacketBlock)?;
        let (interface_id, drops) = if self.big_endian {
            (word >> 16, word & 0xffff)
        } else {
            (word & 0xffff, word >> 16)
        };
        let packet = self.packet_of(block, number, interface_id)?;
        // All ones: not known.
        if drops != 0xffff {
            lost_before(facts, packet.1, u64::from(drops));
        }
        Ok(packet)
    }

    /// Takes over what a packet's options say: direction and length of the frame check sequence, packets lost before it,
    /// process, comments.
    fn with_options<'a>(
        &self,
        mut frame: Frame<'a>,
        interface: &Interface,
        options: &[u8],
        facts: &mut Facts,
    ) -> Frame<'a> {
        let mut fcs = interface.fcs;
        let mut effective = None;
        for (code, value) in self.options(options) {
            match (code, value.len()) {
                (COMMENT, _) => facts.comment(&self.limits, Subject::Packet(frame.number), value),
                (2, 4) => {
                    let flags = self.number(value, 0).unwrap_or(0);
                    frame.direction = match flags & 3 {
                        1 => Some(Direction::Inbound),
                        2 => Some(Direction::Outbound),
                        _ => None,
                    };
                    if flags >> 5 & 0xf != 0 {
                        fcs = flags >> 5 & 0xf;
                    }
                }
                (4, 8) => lost_before(facts, interface, self.long(value).unwrap_or(0)),
                // Darwin: the process, and the one on whose behalf it works.
                (0x8001, 4) => frame.process = self.process(value),
                (0x8003, 4) => effective = self.process(value),
                _ => {}
            }
        }
        frame.process = frame.process.or(effective);
        (frame.bytes, frame.original_len) = without_fcs(frame.bytes, frame.original_len, fcs);
        frame
    }

    fn process(&self, value: &[u8]) -> Option<ProcessId> {
        let place = usize::try_from(self.number(value, 0)?).ok()?;
        *self.processes.get(place)?
    }

    fn interface(&self, id: u32) -> Result<&Interface, Skip> {
        let known = usize::try_from(id).ok().and_then(|id| self.interfaces.get(id));
        known.and_then(Option::as_ref).ok_or(Skip::UnknownInterface)
    }

    /// Notes that octets will be passed over from the window's start on; how many zeros were before it.
    pub fn pass_over(&mut self, source: &Source) -> u64 {
        if begins(source.data()) {
            self.interfaces.clear();
            self.processes.clear();
        }
        self.damaged = true;
        self.padding.take().unwrap_or(0)
    }

    /// Looks behind a damaged place for the next sound block; how far from the window's start it is.
    ///
    /// Sound is a block of a known type that is long enough for it, whose two lengths agree, and behind which another
    /// such block or the end of the input stands. In octets at random one passes by chance in less than one of 10^17
    /// places. A capture inside a packet (somebody copied one over the network) passes, however.
    pub fn search(&self, source: &mut Source) -> Result<Option<usize>, Fault> {
        let from = usize::from(self.padding.is_none()); // zeros were consumed up to the window's start
        for at in from..=usize::try_from(self.limits.search).unwrap_or(usize::MAX) {
            let least = at.saturating_add(SMALLEST_BLOCK as usize);
            if source.reach(least)? < least {
                return Ok(None);
            }
            let Some(length) = self.block_at(source, at, least_length)? else {
                continue;
            };
            let next = at.saturating_add(length);
            let ends = source.reach(next.saturating_add(1))? == next && source.at_end();
            if ends || self.block_at(source, next, least_length)?.is_some() {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The length of the block `at` octets behind the window's start, if one can stand there. `least` says how long a
    /// block of a type must be, if that type can be.
    fn block_at(
        &self,
        source: &mut Source,
        at: usize,
        least: fn(u32) -> Option<u32>,
    ) -> Result<Option<usize>, Fault> {
        source.reach(at.saturating_add(12))?;
        let head = source.data().get(at..).and_then(|data| data.first_chunk::<12>());
        let Some(head) = head.copied() else {
            return Ok(None);
        };
        let big_endian = if begins(&head) {
            match head.last_chunk() {
                Some(order) if u32::from_be_bytes(*order) == BYTE_ORDER => true,
                Some(order) if u32::from_le_bytes(*order) == BYTE_ORDER => false,
                _ => return Ok(None),
            }
        } else {
            self.big_endian
        };
        let number = |data: &[u8], at: usize| number(data, at, big_endian);
        let (Some(kind), Some(length)) = (number(&head, 0), number(&head, 4)) else {
            return Ok(None);
        };
        let fits = length.is_multiple_of(4)
            && length <= self.limits.largest_record
            && least(kind).is_some_and(|least| length >= least);
        if !fits {
            return Ok(None);
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let end = at.saturating_add(length);
        let reached = source.reach(end)?;
        let trailer = number(source.data(), end.saturating_sub(4));
        Ok((reached == end && trailer == number(&head, 4)).then_some(length))
    }

    /// Waits until the next block is complete; its type and length, or `None` at the end of the file. A section header
    /// sets the byte order already here, because its length cannot be read otherwise.
    fn find_block(&mut self, source: &mut Source) -> Result<Option<(u32, usize)>, Fault> {
        if self.padding.is_some() {
            return self.zeros_to_the_end(source).map(|()| None);
        }
        let cut = |expected: u64, had: usize| Fault::cut(Part::Block, expected, had as u64);
        let had = source.fill(SMALLEST_BLOCK as usize)?;
        // Fewer than four zeros may be the beginning of a block type in big-endian order.
        if had == 0 || (had >= 4 && source.head(8).iter().all(|byte| *byte == 0)) {
            self.padding = Some(0);
            return self.zeros_to_the_end(source).map(|()| None);
        }
        if had < SMALLEST_BLOCK as usize {
            return Err(cut(u64::from(SMALLEST_BLOCK), had));
        }
        if begins(source.data()) {
            self.big_endian = match source.data().get(8..).and_then(|order| order.first_chunk()) {
                Some(order) if u32::from_be_bytes(*order) == BYTE_ORDER => true,
                Some(order) if u32::from_le_bytes(*order) == BYTE_ORDER => false,
                _ => {
                    return Err(Fault::Corrupt(
                        "the section header block has no byte order mark".to_owned(),
                    ));
                }
            };
        }
        let (Some(kind), Some(length)) = (self.number(source.data(), 0), self.number(source.data(), 4))
        else {
            return Err(cut(u64::from(SMALLEST_BLOCK), had));
        };
        if !length.is_multiple_of(4) || !(SMALLEST_BLOCK..=self.limits.largest_record).contains(&length) {
            return Err(Fault::Corrupt(format!(
                "the block (type 0x{kind:08x}) states a length of {length} bytes; it must be a multiple of 4 from \
                 {SMALLEST_BLOCK} to {}",
                self.limits.largest_record
            )));
        }
        let expected = usize::try_from(length).unwrap_or(usize::MAX);
        let had = source.fill(expected)?;
        if had < expected {
            return Err(Fault::Cut {
                part: Part::Block,
                expected: u64::from(length),
                had: had as u64,
                doubtful: self.is_odd(kind, length, source.data()),
            });
        }
        Ok(Some((kind, expected)))
    }

    /// Whether a block's length is hard to believe: no known type, or a packet's that does not fit what it holds.
    fn is_odd(&self, kind: u32, length: u32, data: &[u8]) -> bool {
        if least_length(kind).is_none() {
            return true;
        }
        let (ENHANCED_PACKET, Some(captured)) = (kind, self.number(data, 20)) else {
            return false;
        };
        let least = captured.saturating_add(32);
        length < least || length - least > 1 << 16
    }

    /// Some writers fill the last disk block with zeros: the end of the file, if nothing else follows.
    fn zeros_to_the_end(&mut self, source: &mut Source) -> Result<(), Fault> {
        loop {
            let had = source.fill(4096)?;
            if had == 0 {
                return Ok(());
            }
            if source.head(had).iter().any(|byte| *byte != 0) {
                return Err(Fault::Corrupt(
                    "zeros stand where a block should begin, and more data follows".to_owned(),
                ));
            }
            source.consume(had);
            let zeros = self.padding.unwrap_or(0).saturating_add(had as u64);
            self.padding = Some(zeros);
            if zeros > self.limits.padding {
                return Err(Fault::Corrupt(format!(
                    "more than {} zeros stand where a block should begin",
                    self.limits.padding
                )));
            }
        }
    }

    fn options<'a>(&self, octets: &'a [u8]) -> Options<'a> {
        Options {
            rest: octets,
            big_endian: self.big_endian,
        }
    }

    fn number(&self, block: &[u8], at: usize) -> Option<u32> {
        number(block, at, self.big_endian)
    }

    fn long(&self, value: &[u8]) -> Option<u64> {
        let octets = *value.first_chunk()?;
        Some(if self.big_endian {
            u64::from_be_bytes(octets)
        } else {
            u64::from_le_bytes(octets)
        })
    }

    /// The length at the block's end.
    fn trailer(&self, block: &[u8]) -> Option<u32> {
        self.number(block, block.len().checked_sub(4)?)
    }
}

impl Interface {
    /// A time stamp in nanoseconds since the epoch. `resolution` is a power of ten, or of two with its highest bit set.
    #[inline]
    fn time(&self, high: u32, low: u32) -> Timestamp {
        /// Nanoseconds of a unit, by its power of ten.
        const UNITS: [u64; 10] = [
            1_000_000_000,
            100_000_000,
            10_000_000,
            1_000_000,
            100_000,
            10_000,
            1_000,
            100,
            10,
            1,
        ];
        let units = u64::from(high) << 32 | u64::from(low);
        // What most interfaces have takes no division of wide numbers.
        let usual = UNITS
            .get(usize::from(self.resolution))
            .filter(|_| self.offset == 0);
        match usual.and_then(|unit| i64::try_from(units.checked_mul(*unit)?).ok()) {
            Some(ns) => Timestamp::from_ns(ns),
            None => self.any_time(units),
        }
    }

    fn any_time(&self, units: u64) -> Timestamp {
        let units = u128::from(units);
        let exponent = u32::from(self.resolution & 0x7f);
        let scaled = units.saturating_mul(1_000_000_000); // below 2^94
        let nanoseconds = if self.resolution & 0x80 != 0 {
            scaled.checked_shr(exponent).unwrap_or(0)
        } else {
            10u128
                .checked_pow(exponent)
                .and_then(|unit| scaled.checked_div(unit))
                .unwrap_or(0)
        };
        let offset = i128::from(self.offset).saturating_mul(1_000_000_000);
        timestamp(
            i128::try_from(nanoseconds)
                .unwrap_or(i128::MAX)
                .saturating_add(offset),
        )
    }
}

/// The options of a block: type, length, value, padded to four octets each. Ends where they are broken.
struct Options<'a> {
    rest: &'a [u8],
    big_endian: bool,
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let short = |at: usize| {
            let octets = *self.rest.get(at..)?.first_chunk()?;
            Some(if self.big_endian {
                u16::from_be_bytes(octets)
            } else {
                u16::from_le_bytes(octets)
            })
        };
        let (code, length) = (short(0)?, usize::from(short(2)?));
        let value = self.rest.get(4..)?.get(..length)?;
        self.rest = self
            .rest
            .get(4_usize.saturating_add(length.next_multiple_of(4))..)
            .unwrap_or_default();
        (code != 0).then_some((code, value))
    }
}

/// What of a block stands between `from` and the length at its end.
fn body(block: &[u8], from: usize) -> &[u8] {
    block.get(from..block.len().saturating_sub(4)).unwrap_or_default()
}

/// The captured octets and the options of an enhanced or obsolete packet block.
fn data_and_options(block: &[u8], captured: u32) -> Option<(&[u8], &[u8])> {
    let captured = usize::try_from(captured).ok()?;
    let data = body(block, 28);
    let options = data
        .get(captured.checked_next_multiple_of(4)?..)
        .unwrap_or_default();
    Some((data.get(..captured)?, options))
}

fn counts_as_packet(kind: u32) -> bool {
    matches!(kind, ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET) || NUMBERED.contains(&kind)
}

/// The least length of a block of a known type.
fn least_length(kind: u32) -> Option<u32> {
    Some(match kind {
        SECTION_HEADER => 28,
        INTERFACE_DESCRIPTION | DECRYPTION_SECRETS => 20,
        OBSOLETE_PACKET | ENHANCED_PACKET => 32,
        SIMPLE_PACKET | PROCESS_INFORMATION => 16,
        STATISTICS => 24,
        NAME_RESOLUTION => 12,
        kind if NUMBERED.contains(&kind) => 16,
        _ => return None,
    })
}

fn lengths_differ(first: Option<u32>, last: Option<u32>) -> Fault {
    Fault::Corrupt(format!(
        "the block states a length of {} bytes at its start and {} at its end",
        first.unwrap_or_default(),
        last.unwrap_or_default()
    ))
}

fn lost_before(facts: &mut Facts, interface: &Interface, packets: u64) {
    if let Some(facts) = interface.place.and_then(|place| facts.interfaces.get_mut(place)) {
        facts.lost_between = facts.lost_between.saturating_add(packets);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::ops::ControlFlow;

    use super::*;
    use crate::capture::CaptureReader;
    use crate::capture::at_hand::AtHand;

    fn interface(resolution: u8, offset: i64) -> Interface {
        Interface {
            link: LinkType::RAW,
            snap_length: 0,
            resolution,
            offset,
            fcs: 0,
            place: None,
        }
    }

    fn time(resolution: u8, offset: i64, units: u64) -> i64 {
        (interface(resolution, offset))
            .time((units >> 32) as u32, units as u32)
            .ns()
    }

    /// What a reader gives, as text; so many packets at a time by the short way.
    struct Given {
        at_once: usize,
        left: usize,
        all: Vec<String>,
    }

    impl AtHand for Given {
        fn row(&mut self, _: &mut [Frame<'_>]) -> bool {
            false
        }

        fn frame(&mut self, frame: &mut Frame<'_>) -> ControlFlow<()> {
            self.all.push(format!("{:?}", Record::Frame(*frame)));
            self.left -= 1;
            match self.left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }

    /// All that is in a capture, and what its interfaces were found to have; by the short way where it goes, if there is one.
    fn given(capture: &[u8], at_once: Option<usize>) -> (Vec<String>, usize) {
        let capture = std::io::Cursor::new(capture.to_vec());
        let mut reader = match CaptureReader::from_reader("it", Box::new(capture)) {
            Ok(reader) => reader,
            Err(error) => return (vec![error.to_string()], 0),
        };
        let (left, all) = (0, Vec::new());
        let (mut given, mut short) = (
            Given {
                at_once: at_once.unwrap_or(0),
                left,
                all,
            },
            0,
        );
        loop {
            if given.at_once > 0 {
                given.left = given.at_once;
                let before = given.all.len();
                let flow = reader.each_at_hand(&mut given);
                short += given.all.len() - before;
                if flow.is_break() {
                    continue;
                }
            }
            match reader.next_record() {
                Ok(Some(record)) => given.all.push(format!("{record:?}")),
                Ok(None) => break,
                Err(error) => given.all.push(error.to_string()),
            }
        }
        given.all.push(format!("{:?}", reader.facts()));
        (given.all, short)
    }

    fn block(kind: u32, body: &[u8], big: bool) -> Vec<u8> {
        let number = |number: u32| {
            if big {
                number.to_be_bytes()
            } else {
                number.to_le_bytes()
            }
        };
        let length = number(body.len() as u32 + SMALLEST_BLOCK);
        [&number(kind), &length, body, &length].concat()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        #[test]
        fn times_of_usual_interfaces_are_those_of_any(
            resolution in 0..=12u8, units: u64, shift in 0..64u32, offset in prop_oneof![Just(0i64), any::<i64>()],
        ) {
            let (units, of) = (units >> shift, interface(resolution, offset));
            prop_assert_eq!(of.time((units >> 32) as u32, units as u32), of.any_time(units));
        }

        /// Packets of two interfaces, one of them with a frame check sequence, and of one that there is not; with options and
        /// without, and other blocks between them; damaged, and cut.
        #[test]
        fn the_short_way_gives_what_the_long_one_gives(
            packets in prop::collection::vec((0..9u8, 0..4u32, any::<u32>(), prop::collection::vec(any::<u8>(), 0..20)), 0..40),
            big: bool, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
            cut in prop::option::weighted(0.3, any::<prop::sample::Index>()), at_once in 1..9usize,
        ) {
            let numbers = |all: &[u32]| -> Vec<u8> {
                all.iter().flat_map(|number| if big { number.to_be_bytes() } else { number.to_le_bytes() }).collect()
            };
            let halves = |high: u32, low: u32| if big { high << 16 | low } else { low << 16 | high };
            let mut capture = block(SECTION_HEADER, &numbers(&[BYTE_ORDER, halves(1, 0), u32::MAX, u32::MAX]), big);
            for options in [&[][..], &[halves(13, 1), u32::from_ne_bytes([4; 4]), 0]] {
                let body = [numbers(&[halves(1, 0), 0]), numbers(options)].concat();
                capture.extend(block(INTERFACE_DESCRIPTION, &body, big));
            }
            // What stands behind another block is found by the long way.
            let (mut plain, mut behind_packet) = (0, false);
            for (kind, interface, time, bytes) in &packets {
                let length = bytes.len() as u32;
                let fields = numbers(&[*interface / 2, 0x5_0000, *time, length, length + u32::from(*kind)]);
                let padded = [&bytes[..], &vec![0; bytes.len().next_multiple_of(4) - bytes.len()]].concat();
                let options = match kind {
                    0 => numbers(&[halves(2, 4), 1, 0]),
                    _ => Vec::new(),
                };
                plain += usize::from(*kind > 1 && *interface < 2 && behind_packet);
                behind_packet = *kind != 1;
                let kind = if *kind == 1 { STATISTICS } else { ENHANCED_PACKET };
                capture.extend(block(kind, &[fields, padded, options].concat(), big));
            }
            let sound = damage.is_empty() && cut.is_none();
            for (at, value) in damage {
                let at = at.index(capture.len());
                capture[at] = value;
            }
            if let Some(cut) = cut {
                capture.truncate(cut.index(capture.len()));
            }
            let ((long, _), (short, by_it)) = (given(&capture, None), given(&capture, Some(at_once)));
            prop_assert_eq!(long, short);
            prop_assert!(!sound || by_it == plain, "{} of {}", by_it, plain);
        }
    }

    #[test]
    fn resolutions_and_offsets() {
        assert_eq!(time(6, 0, 1_700_000_000_000_001), 1_700_000_000_000_001_000);
        assert_eq!(time(9, 0, 1_700_000_000_000_000_001), 1_700_000_000_000_000_001);
        assert_eq!(time(0, 0, 5_000_000_000), 5_000_000_000_000_000_000);
        assert_eq!(time(3, 0, 1_500), 1_500_000_000);
        assert_eq!(time(12, 0, 1_999), 1);
        assert_eq!(time(0x80 | 10, 0, 1_536), 1_500_000_000);
        assert_eq!(time(0x80 | 32, 0, (7 << 32) | (1 << 31)), 7_500_000_000);
        assert_eq!(time(6, 5, 1), 5_000_001_000);
        assert_eq!(time(6, -5, 0), -5_000_000_000);
    }

    #[test]
    fn extreme_times_are_clamped() {
        assert_eq!(time(0, 0, u64::MAX), i64::MAX);
        assert_eq!(time(0x80, 0, u64::MAX), i64::MAX);
        assert_eq!(time(6, i64::MAX, 0), i64::MAX);
        assert_eq!(time(6, i64::MIN, 0), i64::MIN + 1);
        assert_eq!(time(0x7f, 0, u64::MAX), 0);
        assert_eq!(time(0xff, 0, u64::MAX), 0);
        assert_eq!(time(38, 0, u64::MAX), 0);
    }
}
