//! The capture again, with a comment on each packet that matters.
//!
//! What is not commented is copied octet for octet. Of a pcapng file a commented packet block gets options more and new
//! lengths, and nothing else of it changes; a section that states its length states none afterwards. Records of other formats
//! become enhanced packet blocks of one interface, which has the file's link type, snap length and resolution of time.
//!
//! Several files become one, each with sections of its own behind those of the file before: interfaces stay apart, and each file
//! keeps the order of its packets. Files that follow each other are in order of time so; those of several taps are not.

mod block;

use std::io::{self, Read, Write};
use std::path::Path;

use crate::capture::{CaptureError, CaptureReader, Frame, Limits, Octets, Record, Skip, Stop};
use crate::model::{Address, PacketNumber};
use crate::report::escape::visible;
use crate::segment::{DecodeSettings, Decoder, Flags, Segment};

use super::notes::Notes;
use block::{Blocks, Section};

/// Characters of one comment.
const LONGEST: usize = 1_000;
/// How many packets pass between two words on how far it is.
const PASSED_EVERY: u64 = 1 << 12;
/// Comments of one packet.
const MOST: usize = 32;

/// Which packets are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// All of them.
    All,
    /// Those of the connections that the notes are about, and fragments of IP packets, which may belong to them.
    Selected,
    /// Of those the ones that carry SYN, FIN or RST, and the ones that there is something to be said about.
    Matters,
}

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Packets of the capture.
    pub read: PacketNumber,
    /// Packets in the copy.
    pub written: u64,
    /// Packets with a comment of ours.
    pub commented: u64,
    /// Packets that there was something to be said about and that have no room for it: simple packet blocks, and blocks
    /// whose options are damaged.
    pub no_room: u64,
    /// Fragments of IP packets that were kept because they may belong to a selected connection.
    pub fragments: u64,
    /// Packets of several captures that stand elsewhere among all than in order of time: the captures overlap.
    pub elsewhere: u64,
    /// Damaged places, which are left out.
    pub damage: Vec<String>,
}

impl Copied {
    /// Counts what was copied of the next file, too.
    fn add(&mut self, next: Copied) {
        self.read = self.read.saturating_add(next.read);
        self.written = self.written.saturating_add(next.written);
        self.commented = self.commented.saturating_add(next.commented);
        self.no_room = self.no_room.saturating_add(next.no_room);
        self.fragments = self.fragments.saturating_add(next.fragments);
        self.elsewhere = self.elsewhere.saturating_add(next.elsewhere);
        self.damage.extend(next.damage);
    }
}

/// Which numbers the notes give to the packets of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Numbers {
    /// Those that they have in it.
    #[default]
    Own,
    /// Those of a timeline of several files: of each run its first number in the file, its number in the timeline, and how
    /// many packets it has, in order.
    InTimeline(Vec<(PacketNumber, PacketNumber, u64)>),
}

impl Numbers {
    /// The number that the notes give to packet `number` of the file; none for one that the timeline did not have.
    fn of(&self, number: PacketNumber) -> Option<PacketNumber> {
        match self {
            Numbers::Own => Some(number),
            Numbers::InTimeline(runs) => {
                let after = runs.partition_point(|(first, ..)| *first <= number);
                let (first, there, count) = runs.get(after.checked_sub(1)?)?;
                let place = number.checked_sub(*first)?;
                (place < *count).then(|| there.saturating_add(place))
            }
        }
    }
}

/// One file to copy.
#[derive(Debug, Clone, Copy)]
pub struct Original<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// How its packets are numbered.
    pub numbers: &'a Numbers,
}

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The capture cannot be read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The copy cannot be written, or the capture not be read as a file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Copies captures to `out`, one after the other, each with its own sections and interfaces, with what `notes` say. Packets are
/// numbered as they were when the notes were made of the same files. Damaged places are left out and told. `passed` is told
/// now and then how many packets were read.
///
/// # Errors
///
/// A capture cannot be read at all, `stop` was asked for, or `out` takes no more.
pub fn copy(
    files: &[Original<'_>],
    stop: &Stop,
    notes: &Notes,
    keep: Keep,
    passed: &mut dyn FnMut(u64),
    out: &mut dyn Write,
) -> Result<Copied, ExportError> {
    let mut all = Copied::default();
    for from in files {
        let before = all.read;
        let copied = copy_file(*from, stop, notes, keep, before, passed, out)?;
        all.add(copied);
    }
    Ok(all)
}

/// Copies one file; `before` are the packets of those before it.
fn copy_file(
    from: Original<'_>,
    stop: &Stop,
    notes: &Notes,
    keep: Keep,
    before: u64,
    passed: &mut dyn FnMut(u64),
    out: &mut dyn Write,
) -> Result<Copied, ExportError> {
    let (path, limits) = (from.path, &Limits::default());
    let mut reader = CaptureReader::open_with(path, limits, stop)?;
    let is_pcapng = reader.format() == "pcapng";
    let mut copy = Copy {
        from: Blocks::new(Octets::open(path, limits)?),
        at: 0,
        out,
        notes,
        numbers: from.numbers,
        before,
        keep,
        decoder: Decoder::new(DecodeSettings::default()),
        copied: Copied::default(),
        section: None,
        raw: Vec::new(),
    };
    loop {
        let seen = match reader.next_record() {
            Ok(None) => break,
            Ok(Some(Record::Frame(frame))) => {
                let packet = copy.judge(&frame, is_pcapng);
                Seen::Packet(packet)
            }
            // A block without a packet that has a number; and what cannot be told, which may matter.
            Ok(Some(Record::Skip { number, reason })) => Seen::Packet(Packet {
                number,
                kept: keep == Keep::All || reason == Skip::NotAPacket,
                time_ns: 0,
                original: 0,
            }),
            Ok(Some(Record::Damage(damage))) => Seen::Damage(damage.what, damage.passed_over),
            Err(error @ CaptureError::Interrupted { .. }) => return Err(error.into()),
            Err(error) => Seen::Damage(error.to_string(), 0),
        };
        let (offset, length) = reader.place();
        if let Seen::Packet(packet) = &seen
            && packet.number.is_multiple_of(PASSED_EVERY)
        {
            passed(before.saturating_add(packet.number));
        }
        match seen {
            Seen::Packet(packet) => {
                copy.between(offset, is_pcapng, &reader)?;
                copy.packet(packet, length, is_pcapng)?;
            }
            Seen::Damage(what, passed_over) => {
                copy.between(offset.saturating_sub(passed_over), is_pcapng, &reader)?;
                copy.pass(offset)?;
                copy.copied.damage.push(what);
            }
        }
    }
    if copy.copied.damage.is_empty() {
        copy.between(u64::MAX, is_pcapng, &reader)?;
    } else {
        // What stands behind the last damage was read up to here.
        let (offset, _) = reader.place();
        copy.between(offset, is_pcapng, &reader)?;
    }
    Ok(copy.copied)
}

/// What the reader gave.
enum Seen {
    Packet(Packet),
    /// What is wrong, and how many octets are passed over.
    Damage(String, u64),
}

/// A packet and what becomes of it.
struct Packet {
    number: PacketNumber,
    kept: bool,
    /// Time and original length, for records that become blocks.
    time_ns: i64,
    original: u32,
}

struct Copy<'a> {
    from: Blocks<Octets>,
    /// Octets of the file that were copied or passed.
    at: u64,
    out: &'a mut dyn Write,
    notes: &'a Notes,
    numbers: &'a Numbers,
    /// Packets of the files before this one.
    before: u64,
    keep: Keep,
    decoder: Decoder,
    copied: Copied,
    /// What the header of a file that is no pcapng says, once its section was written.
    section: Option<Section>,
    raw: Vec<u8>,
}

impl Copy<'_> {
    /// Whether a packet is kept.
    fn judge(&mut self, frame: &Frame<'_>, is_pcapng: bool) -> Packet {
        let kept = match self.keep {
            Keep::All => true,
            Keep::Selected | Keep::Matters => match self.decoder.decode(frame).copied() {
                Ok(segment) => self.wants(frame.number, &segment),
                Err(Skip::IpFragment) => {
                    self.copied.fragments = self.copied.fragments.saturating_add(1);
                    true
                }
                Err(_) => false,
            },
        };
        Packet {
            number: frame.number,
            kept,
            time_ns: if is_pcapng { 0 } else { frame.time.ns() },
            original: frame.original_len,
        }
    }

    fn wants(&self, number: PacketNumber, segment: &Segment) -> bool {
        let Some(number) = self.numbers.of(number) else {
            return false;
        };
        let address = |end: crate::segment::Endpoint| Address {
            ip: end.ip,
            port: end.port,
        };
        let selected = (self.notes).selects(address(segment.source), address(segment.destination), number);
        let control = segment.flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) != 0;
        selected && (self.keep == Keep::Selected || control || self.notes.has(number))
    }

    /// Copies what stands before the next packet, up to this offset: blocks of other kinds, or the header of the file.
    fn between(&mut self, to: u64, is_pcapng: bool, reader: &CaptureReader) -> io::Result<()> {
        let length = to.saturating_sub(self.at);
        if is_pcapng {
            self.at = self.at.saturating_add(self.from.copy(length, self.out)?);
        } else if self.section.is_none() {
            let mut header = Vec::new();
            let count = (&mut self.from).take(length.min(64)).read_to_end(&mut header)?;
            self.at = self.at.saturating_add(count as u64);
            let section = Section::of(&header, reader);
            section.write(self.out)?;
            self.section = Some(section);
            self.pass(to)?;
        } else if to != u64::MAX {
            self.pass(to)?;
        }
        Ok(())
    }

    /// Leaves out what stands before this offset.
    fn pass(&mut self, to: u64) -> io::Result<()> {
        let length = to.saturating_sub(self.at);
        self.at = self.at.saturating_add(self.from.pass(length)?);
        Ok(())
    }

    fn packet(&mut self, packet: Packet, length: usize, is_pcapng: bool) -> io::Result<()> {
        self.raw.clear();
        self.copied.read = packet.number;
        let count = (&mut self.from).take(length as u64).read_to_end(&mut self.raw)?;
        self.at = self.at.saturating_add(count as u64);
        if count < length {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the capture was cut short while it was copied",
            ));
        }
        if !packet.kept {
            return Ok(());
        }
        self.copied.written = self.copied.written.saturating_add(1);
        let place = self.before.saturating_add(packet.number);
        let moved = self
            .numbers
            .of(packet.number)
            .is_some_and(|number| number != place);
        self.copied.elsewhere = self.copied.elsewhere.saturating_add(u64::from(moved));
        let comments = self.comments(packet.number);
        let commented = match &self.section {
            _ if is_pcapng => match block::with_comments(&self.raw, &comments) {
                Some(block) if !comments.is_empty() => {
                    self.out.write_all(&block)?;
                    true
                }
                Some(_) | None => {
                    self.out.write_all(&self.raw)?;
                    self.copied.no_room = self
                        .copied
                        .no_room
                        .saturating_add(u64::from(!comments.is_empty()));
                    false
                }
            },
            Some(section) => {
                section.write_packet(self.out, &self.raw, packet.time_ns, packet.original, &comments)?;
                !comments.is_empty()
            }
            None => false,
        };
        self.copied.commented = self.copied.commented.saturating_add(u64::from(commented));
        Ok(())
    }

    /// The comments of a packet. Where packets are left out, those that stay have other numbers in the copy: the first comment
    /// tells the number that the others mean.
    fn comments(&self, number: PacketNumber) -> Vec<String> {
        let place = self.before.saturating_add(number);
        let Some(number) = self.numbers.of(number) else {
            return Vec::new();
        };
        let mut comments: Vec<String> = self
            .notes
            .of(number)
            .take(MOST)
            .map(|text| shown(&text))
            .collect();
        if (self.keep != Keep::All || place != number) && !comments.is_empty() {
            let whole = match self.numbers {
                Numbers::Own => "the whole capture",
                Numbers::InTimeline(_) => "all captures in order of time",
            };
            comments.insert(0, format!("packet {number} of {whole}"));
        }
        comments
    }
}

/// A comment without what a screen would obey, and not too long.
fn shown(text: &str) -> String {
    visible(text).take(LONGEST).collect()
}
