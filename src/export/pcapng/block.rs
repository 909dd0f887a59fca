//! Blocks of pcapng: those that are copied, and those that are made.

use std::io::{self, Read, Write};

use crate::capture::CaptureReader;

const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const ENHANCED_PACKET: u32 = 6;
const COMMENT: u16 = 1;
/// Of an interface: resolution of time, and octets of frame check sequence.
const RESOLUTION: u16 = 9;
const FCS_LENGTH: u16 = 13;
/// Octets before the data of a packet block.
const BEFORE_DATA: usize = 28;

/// The blocks of a file one after the other.
pub struct Blocks<R> {
    from: R,
    big_endian: bool,
}

impl<R: Read> Read for Blocks<R> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.from.read(space)
    }
}

impl<R: Read> Blocks<R> {
    /// At the beginning of a file.
    pub fn new(from: R) -> Blocks<R> {
        Blocks {
            from,
            big_endian: false,
        }
    }

    /// Copies so many octets, or all there are: whole blocks, unless the file ends within one. Sections that state a length
    /// state none in the copy, because comments make them longer.
    pub fn copy(&mut self, length: u64, out: &mut dyn Write) -> io::Result<u64> {
        let mut copied = 0u64;
        while copied < length {
            let head = self.read_up_to(8, length - copied)?;
            copied += head.len() as u64;
            let (Some(kind), true) = (head.first_chunk::<4>().copied(), head.len() == 8) else {
                out.write_all(&head)?;
                break; // the end
            };
            let mut had = 8;
            out.write_all(&head)?;
            if kind == SECTION_HEADER {
                let mut rest = self.read_up_to(16, length - copied)?;
                copied += rest.len() as u64;
                had += rest.len() as u64;
                if let Some(order) = rest.first_chunk::<4>() {
                    self.big_endian = *order == BYTE_ORDER.to_be_bytes();
                }
                if let Some(stated) = rest.get_mut(8..16) {
                    stated.fill(0xff); // not stated
                }
                out.write_all(&rest)?;
            }
            let stated = u64::from(number(&head, 4, self.big_endian).unwrap_or(0));
            let rest = stated
                .next_multiple_of(4)
                .saturating_sub(had)
                .min(length - copied);
            copied += io::copy(&mut (&mut self.from).take(rest), out)?;
        }
        Ok(copied)
    }

    fn read_up_to(&mut self, count: u64, most: u64) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        (&mut self.from).take(count.min(most)).read_to_end(&mut octets)?;
        Ok(octets)
    }

    /// Leaves so many octets out.
    pub fn pass(&mut self, length: u64) -> io::Result<u64> {
        io::copy(&mut (&mut self.from).take(length), &mut io::sink())
    }
}

/// A packet block with comments behind its other options; none if it has no room for any, or its options are damaged.
pub fn with_comments(block: &[u8], comments: &[String]) -> Option<Vec<u8>> {
    // A small number tells the byte order by itself.
    let big_endian = match (number(block, 0, false)?, number(block, 0, true)?) {
        (ENHANCED_PACKET | OBSOLETE_PACKET, _) => false,
        (_, ENHANCED_PACKET | OBSOLETE_PACKET) => true,
        _ => return None,
    };
    let captured = usize::try_from(number(block, 20, big_endian)?).ok()?;
    let options_at = BEFORE_DATA.checked_add(captured.checked_next_multiple_of(4)?)?;
    let options_end = block.len().checked_sub(4)?;
    let options = block.get(options_at..options_end)?;
    let (own, behind) = options.split_at_checked(end_of_options(options, big_endian)?)?;
    let end: &[u8] = if behind.is_empty() { &[0; 4] } else { behind };
    let mut made = block.get(..options_at)?.to_vec();
    made.extend_from_slice(own);
    made.extend_from_slice(&comment_options(comments, big_endian));
    made.extend_from_slice(end);
    let length = octets(u32::try_from(made.len().checked_add(4)?).ok()?, big_endian);
    made.get_mut(4..8)?.copy_from_slice(&length);
    made.extend_from_slice(&length);
    Some(made)
}

/// Where the option that ends the list stands, or the list itself ends; none if it is damaged.
fn end_of_options(options: &[u8], big_endian: bool) -> Option<usize> {
    let mut at = 0usize;
    while at < options.len() {
        let code = short(options, at, big_endian)?;
        if code == 0 {
            return Some(at);
        }
        let length = usize::from(short(options, at.checked_add(2)?, big_endian)?);
        at = at.checked_add(4)?.checked_add(length.next_multiple_of(4))?;
    }
    (at == options.len()).then_some(at)
}

fn comment_options(comments: &[String], big_endian: bool) -> Vec<u8> {
    let mut options = Vec::new();
    for comment in comments {
        option(&mut options, COMMENT, comment.as_bytes(), big_endian);
    }
    options
}

fn option(options: &mut Vec<u8>, code: u16, value: &[u8], big_endian: bool) {
    let Ok(length) = u16::try_from(value.len()) else {
        return; // comments are shorter
    };
    for number in [code, length] {
        let octets = match big_endian {
            true => number.to_be_bytes(),
            false => number.to_le_bytes(),
        };
        options.extend_from_slice(&octets);
    }
    options.extend_from_slice(value);
    options.resize(options.len().next_multiple_of(4), 0);
}

fn octets(number: u32, big_endian: bool) -> [u8; 4] {
    match big_endian {
        true => number.to_be_bytes(),
        false => number.to_le_bytes(),
    }
}

fn number(block: &[u8], at: usize, big_endian: bool) -> Option<u32> {
    let octets = *block.get(at..)?.first_chunk()?;
    Some(match big_endian {
        true => u32::from_be_bytes(octets),
        false => u32::from_le_bytes(octets),
    })
}

fn short(block: &[u8], at: usize, big_endian: bool) -> Option<u16> {
    let octets = *block.get(at..)?.first_chunk()?;
    Some(match big_endian {
        true => u16::from_be_bytes(octets),
        false => u16::from_le_bytes(octets),
    })
}

/// The one section and interface that stand for the header of a file that is no pcapng.
pub struct Section {
    link: u32,
    snap_length: u32,
    /// Nanoseconds in a unit of time: 1 or 1000.
    unit: i64,
    fcs: u32,
    /// Octets of header of a record.
    record_header: usize,
    /// Records say themselves how many octets were captured; what follows is padding.
    padded: bool,
}

impl Section {
    /// Of the header of a file and what its reader knows of it.
    pub fn of(header: &[u8], reader: &CaptureReader) -> Section {
        let interface = reader.interfaces().first();
        let format = reader.format();
        let nanoseconds = matches!(format, "pcap-ns" | "pcap-ixia");
        let big_endian = matches!(header.first(), Some(0xa1 | 0x1c));
        // Bits above the link type: a frame check sequence follows, so many times two octets.
        let network = number(header, 20, big_endian).unwrap_or(0);
        let has_fcs = format != "snoop" && network & 0x0400_0000 != 0;
        Section {
            link: interface.map_or(0, |interface| interface.link.0),
            snap_length: reader.snap_length().unwrap_or(0),
            unit: if nanoseconds { 1 } else { 1_000 },
            fcs: if has_fcs {
                (network >> 28).saturating_mul(2)
            } else {
                0
            },
            record_header: match format {
                "snoop" | "pcap-modified" => 24,
                _ => 16,
            },
            padded: format == "snoop",
        }
    }

    /// Writes both blocks.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut section = BYTE_ORDER.to_le_bytes().to_vec();
        section.extend_from_slice(&[1, 0, 0, 0]); // version 1.0
        section.extend_from_slice(&[0xff; 8]); // length not stated
        let application = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        option(&mut section, 4, application.as_bytes(), false);
        section.extend_from_slice(&[0; 4]);
        write_block(out, SECTION_HEADER, &section)?;
        let unknown = |_| io::Error::other(format!("pcapng has no link type {}", self.link));
        let link = u16::try_from(self.link).map_err(unknown)?;
        let mut interface = link.to_le_bytes().to_vec();
        interface.extend_from_slice(&[0; 2]);
        interface.extend_from_slice(&self.snap_length.to_le_bytes());
        option(
            &mut interface,
            RESOLUTION,
            &[if self.unit == 1 { 9 } else { 6 }],
            false,
        );
        if let Some(fcs) = u8::try_from(self.fcs).ok().filter(|fcs| *fcs > 0) {
            option(&mut interface, FCS_LENGTH, &[fcs], false);
        }
        interface.extend_from_slice(&[0; 4]);
        write_block(out, INTERFACE_DESCRIPTION.to_le_bytes(), &interface)
    }

    /// Writes a record as an enhanced packet block. `original`: its length on the wire without a frame check sequence.
    pub fn write_packet(
        &self,
        out: &mut dyn Write,
        record: &[u8],
        time_ns: i64,
        original: u32,
        comments: &[String],
    ) -> io::Result<()> {
        let data = record.get(self.record_header..).unwrap_or_default();
        let stated = number(record, 4, true).and_then(|captured| usize::try_from(captured).ok());
        let data = match stated {
            Some(captured) if self.padded => data.get(..captured).unwrap_or(data),
            Some(_) | None => data,
        };
        let units = u64::try_from(time_ns / self.unit).unwrap_or(0);
        let captured = u32::try_from(data.len()).map_err(io::Error::other)?;
        let [high, low] = [units >> 32, units & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(0));
        let fields = [0, high, low, captured, original.saturating_add(self.fcs)];
        let mut body: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(4), 0);
        if !comments.is_empty() {
            body.extend_from_slice(&comment_options(comments, false));
            body.extend_from_slice(&[0; 4]);
        }
        write_block(out, ENHANCED_PACKET.to_le_bytes(), &body)
    }
}

fn write_block(out: &mut dyn Write, kind: [u8; 4], body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len().saturating_add(12)).map_err(io::Error::other)?;
    out.write_all(&kind)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(body)?;
    out.write_all(&length.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(big_endian: bool, data: &[u8], options: &[u8]) -> Vec<u8> {
        let captured = u32::try_from(data.len()).expect("short");
        let fields = [ENHANCED_PACKET, 0, 3, 1, 2, captured, 60];
        let mut block: Vec<u8> = fields
            .iter()
            .flat_map(|field| octets(*field, big_endian))
            .collect();
        block.extend_from_slice(data);
        block.resize(block.len().next_multiple_of(4), 0xaa);
        block.extend_from_slice(options);
        let length = octets(u32::try_from(block.len() + 4).expect("short"), big_endian);
        block[4..8].copy_from_slice(&length);
        block.extend_from_slice(&length);
        block
    }

    #[test]
    fn a_comment_changes_nothing_else() {
        for big_endian in [false, true] {
            let mut flags = Vec::new();
            option(&mut flags, 2, &[1, 0, 0, 0], big_endian);
            let ended = [flags.as_slice(), &[0; 4]].concat();
            for options in [&[][..], &flags, &ended] {
                let before = block(big_endian, b"12345", options);
                let after = with_comments(&before, &["héllo".to_owned()]).expect("room");
                assert_eq!(after.len() % 4, 0);
                let length = octets(u32::try_from(after.len()).expect("short"), big_endian);
                assert_eq!(
                    (&after[4..8], &after[after.len() - 4..]),
                    (&length[..], &length[..])
                );
                let packet = (&before[..4], &before[8..36]);
                assert_eq!((&after[..4], &after[8..36]), packet, "with its padding");
                let own = if options.is_empty() { 0 } else { 8 };
                assert_eq!(&after[36..36 + own], &before[36..36 + own]);
                let mut comment = Vec::new();
                option(&mut comment, 1, "héllo".as_bytes(), big_endian);
                comment.extend_from_slice(&[0; 4]);
                assert_eq!(&after[36 + own..after.len() - 4], comment);
            }
        }
    }

    #[test]
    fn blocks_that_lie_get_no_comment() {
        let comments = ["x".to_owned()];
        let sound = block(false, b"12345", &[]);
        let mut lies = vec![sound.clone(), sound.clone(), block(false, b"1234", &[1, 0, 9, 0])];
        lies[0][20] = 0xff; // more captured than there is
        lies[1][0] = 3; // a simple packet
        for block in &lies {
            assert_eq!(with_comments(block, &comments), None);
        }
        for end in 0..sound.len() {
            let _ = with_comments(&sound[..end], &comments); // and nothing panics
        }
    }

    #[test]
    fn sections_state_no_length_in_the_copy() {
        for big_endian in [false, true] {
            let mut header = SECTION_HEADER.to_vec();
            for number in [28, BYTE_ORDER, 1, 0, 1_000, 28] {
                header.extend_from_slice(&octets(number, big_endian));
            }
            let mut other = octets(4, big_endian).to_vec();
            for number in [16, 0x1234_5678, 16] {
                other.extend_from_slice(&octets(number, big_endian));
            }
            let file = [header.as_slice(), &other, &[0; 6]].concat();
            let mut out = Vec::new();
            let copied = Blocks::new(file.as_slice())
                .copy(u64::MAX, &mut out)
                .expect("a Vec");
            assert_eq!(copied, file.len() as u64);
            let mut expected = file.clone();
            expected[16..24].fill(0xff);
            assert_eq!(out, expected);
        }
    }
}
