//! pcapng: sections, each with a byte order and a list of interfaces of its own, made of blocks that state their length
//! at both ends.
//!
//! The outer length decides where a block ends. It is checked before the pcap-parser crate sees the block, so that a lie
//! inside a block costs that block only.

use pcap_parser::{
    Block, InterfaceDescriptionBlock, OptionCode, PcapNGOption, parse_block_be, parse_block_le,
    parse_sectionheaderblock,
};

use super::error::{Fault, Part};
use super::source::Source;
use super::{Frame, LARGEST_RECORD, LinkType, PacketNumber, Record, Skip, timestamp};
use crate::time::Timestamp;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
/// Blocks without a packet that Wireshark gives a frame number: systemd journal, custom blocks, system call events.
const NUMBERED: [u32; 9] = [9, 0xbad, 0x4000_0bad, 0x204, 0x208, 0x216, 0x217, 0x221, 0x222];

/// Type, both lengths.
const SMALLEST_BLOCK: u32 = 12;
/// Interfaces of one section that are remembered.
const MOST_INTERFACES: usize = 1 << 16;

/// The current section.
pub(super) struct Section {
    big_endian: bool,
    /// `None` stands for a description that cannot be read; it still counts.
    interfaces: Vec<Option<Interface>>,
    /// Largest snap length of any interface so far, sections before included.
    snap_length: u32,
    /// Time of the last packet: what a packet without time gets.
    last_time: Timestamp,
}

/// What an interface description says about its packets.
struct Interface {
    link: LinkType,
    /// 0: none stated.
    snap_length: u32,
    /// The raw option value.
    resolution: u8,
    /// Seconds to add to each time stamp.
    offset: i64,
}

/// Whether the input begins with a section header.
pub(super) fn begins(data: &[u8]) -> bool {
    data.starts_with(&SECTION_HEADER.to_be_bytes())
}

impl Section {
    /// Reads the first section header and consumes it.
    pub fn open(source: &mut Source) -> Result<Section, Fault> {
        let mut section = Section {
            big_endian: false,
            interfaces: Vec::new(),
            snap_length: 0,
            last_time: Timestamp::default(),
        };
        if let Some((kind, length)) = section.find_block(source)? {
            section.learn(kind, source.head(length))?;
            source.consume(length);
        }
        Ok(section)
    }

    pub fn snap_length(&self) -> Option<u32> {
        Some(self.snap_length).filter(|length| *length > 0)
    }

    /// Goes on to the next block that counts as a packet and waits until it is complete; its length, or `None` at the
    /// end of the file. Other blocks are consumed.
    pub fn find_packet(&mut self, source: &mut Source) -> Result<Option<usize>, Fault> {
        while let Some((kind, length)) = self.find_block(source)? {
            if matches!(kind, ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET) || NUMBERED.contains(&kind) {
                return Ok(Some(length));
            }
            self.learn(kind, source.head(length))?;
            source.consume(length);
        }
        Ok(None)
    }

    /// The packet in a complete block.
    pub fn packet<'a>(&mut self, block: &'a [u8], number: PacketNumber) -> Record<'a> {
        match self.frame(block, number) {
            Ok(frame) => {
                self.last_time = frame.time;
                Record::Frame(frame)
            }
            Err(reason) => Record::Skip { number, reason },
        }
    }

    fn frame<'a>(&self, block: &'a [u8], number: PacketNumber) -> Result<Frame<'a>, Skip> {
        let bad = Skip::BadPacketBlock;
        let kind = self.number(block, 0).ok_or(bad)?;
        if self.trailer(block) != self.number(block, 4) {
            return Err(bad);
        }
        if kind == OBSOLETE_PACKET {
            return self.obsolete_packet(block, number);
        }
        if kind != ENHANCED_PACKET && kind != SIMPLE_PACKET {
            return Err(Skip::NotAPacket);
        }
        let parse = if self.big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        match parse(block) {
            Ok((_, Block::EnhancedPacket(packet))) => {
                let interface = self.interface(packet.if_id)?;
                let captured = usize::try_from(packet.caplen).map_err(|_| bad)?;
                Ok(Frame {
                    number,
                    time: interface.time(packet.ts_high, packet.ts_low),
                    link: interface.link,
                    bytes: packet.data.get(..captured).ok_or(bad)?,
                    original_len: packet.origlen,
                    interface: packet.if_id,
                })
            }
            Ok((_, Block::SimplePacket(packet))) => {
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
                })
            }
            _ => Err(bad),
        }
    }

    /// The block that the enhanced packet block replaced: a 16-bit interface, a count of drops, then the same fields.
    /// pcap-parser does not know it.
    fn obsolete_packet<'a>(&self, block: &'a [u8], number: PacketNumber) -> Result<Frame<'a>, Skip> {
        let field = |at| self.number(block, at).ok_or(Skip::BadPacketBlock);
        // The id is the first half of its word, so the byte order decides which bits it is.
        let interface_id = if self.big_endian {
            field(8)? >> 16
        } else {
            field(8)? & 0xffff
        };
        let interface = self.interface(interface_id)?;
        let captured = usize::try_from(field(20)?).map_err(|_| Skip::BadPacketBlock)?;
        let data = block
            .get(28..block.len().saturating_sub(4))
            .ok_or(Skip::BadPacketBlock)?;
        Ok(Frame {
            number,
            time: interface.time(field(12)?, field(16)?),
            link: interface.link,
            bytes: data.get(..captured).ok_or(Skip::BadPacketBlock)?,
            original_len: field(24)?,
            interface: interface_id,
        })
    }

    fn interface(&self, id: u32) -> Result<&Interface, Skip> {
        let known = usize::try_from(id).ok().and_then(|id| self.interfaces.get(id));
        known.and_then(Option::as_ref).ok_or(Skip::UnknownInterface)
    }

    /// Takes over what a complete block other than a packet says.
    fn learn(&mut self, kind: u32, block: &[u8]) -> Result<(), Fault> {
        if kind == SECTION_HEADER {
            let Ok((_, header)) = parse_sectionheaderblock(block) else {
                return Err(Fault::Corrupt(
                    "the section header block cannot be read".to_owned(),
                ));
            };
            if header.major_version != 1 {
                let (major, minor) = (header.major_version, header.minor_version);
                return Err(Fault::Version {
                    format: "pcapng",
                    major,
                    minor,
                    known: "1.x",
                });
            }
            self.interfaces.clear();
        }
        // A packet block with two lengths is skipped; behind any other such block nothing can be trusted.
        let (length, trailer) = (self.number(block, 4), self.trailer(block));
        if length != trailer {
            return Err(Fault::Corrupt(format!(
                "the block states a length of {} bytes at its start and {} at its end",
                length.unwrap_or_default(),
                trailer.unwrap_or_default()
            )));
        }
        if kind == INTERFACE_DESCRIPTION && self.interfaces.len() < MOST_INTERFACES {
            let parse = if self.big_endian {
                parse_block_be
            } else {
                parse_block_le
            };
            let interface = match parse(block) {
                Ok((_, Block::InterfaceDescription(block))) => Some(Interface::new(&block, self.big_endian)),
                _ => None,
            };
            self.snap_length = self
                .snap_length
                .max(interface.as_ref().map_or(0, |i| i.snap_length));
            self.interfaces.push(interface);
        }
        Ok(())
    }

    /// Waits until the next block is complete; its type and length, or `None` at the end of the file. A section header
    /// sets the byte order already here, because its length cannot be read otherwise.
    fn find_block(&mut self, source: &mut Source) -> Result<Option<(u32, usize)>, Fault> {
        let cut = |expected: u64, had: usize| Fault::Cut {
            part: Part::Block,
            expected,
            had: had as u64,
        };
        let had = source.fill(SMALLEST_BLOCK as usize)?;
        // Fewer than four zeros may be the beginning of a block type in big-endian order.
        if had == 0 || (had >= 4 && source.head(8).iter().all(|byte| *byte == 0)) {
            return zeros_to_the_end(source).map(|()| None);
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
        if !length.is_multiple_of(4) || !(SMALLEST_BLOCK..=LARGEST_RECORD).contains(&length) {
            return Err(Fault::Corrupt(format!(
                "the block (type 0x{kind:08x}) states a length of {length} bytes; it must be a multiple of 4 from \
                 {SMALLEST_BLOCK} to {LARGEST_RECORD}"
            )));
        }
        let expected = usize::try_from(length).unwrap_or(usize::MAX);
        match source.fill(expected)? {
            had if had < expected => Err(cut(u64::from(length), had)),
            _ => Ok(Some((kind, expected))),
        }
    }

    fn number(&self, block: &[u8], at: usize) -> Option<u32> {
        let bytes = block.get(at..)?.first_chunk()?;
        Some(if self.big_endian {
            u32::from_be_bytes(*bytes)
        } else {
            u32::from_le_bytes(*bytes)
        })
    }

    /// The length at the block's end.
    fn trailer(&self, block: &[u8]) -> Option<u32> {
        self.number(block, block.len().checked_sub(4)?)
    }
}

impl Interface {
    fn new(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Interface {
        let mut interface = Interface {
            link: LinkType(u32::try_from(block.linktype.0).unwrap_or(u32::MAX)),
            snap_length: block.snaplen,
            resolution: 6,
            offset: 0,
        };
        // The crate reads the offset in the wrong byte order, and goes on behind the end of the options.
        for option in block
            .options
            .iter()
            .take_while(|option| option.code != OptionCode::EndOfOpt)
        {
            interface.note(option, big_endian);
        }
        interface
    }

    fn note(&mut self, option: &PcapNGOption<'_>, big_endian: bool) {
        let value = option.value.get(..usize::from(option.len)).unwrap_or_default();
        match (option.code, value) {
            (OptionCode::IfTsresol, [resolution]) => self.resolution = *resolution,
            (OptionCode::IfTsoffset, value) if value.len() == 8 => {
                if let Some(bytes) = value.first_chunk() {
                    self.offset = if big_endian {
                        i64::from_be_bytes(*bytes)
                    } else {
                        i64::from_le_bytes(*bytes)
                    };
                }
            }
            _ => {}
        }
    }

    /// A time stamp in nanoseconds since the epoch. `resolution` is a power of ten, or of two with its highest bit set.
    fn time(&self, high: u32, low: u32) -> Timestamp {
        let units = (u128::from(high) << 32) | u128::from(low);
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

/// Some writers fill the last disk block with zeros: the end of the file, if nothing else follows.
fn zeros_to_the_end(source: &mut Source) -> Result<(), Fault> {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(resolution: u8, offset: i64, units: u64) -> i64 {
        let interface = Interface {
            link: LinkType::RAW,
            snap_length: 0,
            resolution,
            offset,
        };
        interface.time((units >> 32) as u32, units as u32).0
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
        assert_eq!(time(6, i64::MIN, 0), i64::MIN);
        assert_eq!(time(0x7f, 0, u64::MAX), 0);
        assert_eq!(time(0xff, 0, u64::MAX), 0);
        assert_eq!(time(38, 0, u64::MAX), 0);
    }
}
