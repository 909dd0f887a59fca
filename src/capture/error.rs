//! What can be wrong with an input, and what to do about it.

use std::fmt;
use std::io::{self, ErrorKind};

use super::PacketNumber;
pub use super::compression::Flaw;
use super::compression::{Broken, Compression};
use super::source::Source;

/// Why a capture cannot be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// No such file.
    #[error("{name}: no such file; check the path, or use - to read standard input")]
    Missing {
        /// The file.
        name: String,
    },
    /// The file may not be read.
    #[error("{name}: permission denied; run as a user who may read it, or have its mode changed")]
    Denied {
        /// The file.
        name: String,
    },
    /// A directory was named.
    #[error("{name}: is a directory; name the capture files in it")]
    Directory {
        /// The directory.
        name: String,
    },
    /// The file cannot be opened for another reason.
    #[error("{name}: cannot be opened: {reason}")]
    Open {
        /// The file.
        name: String,
        /// What the system said.
        #[source]
        reason: io::Error,
    },
    /// The input has no octets.
    #[error(
        "{name}: is empty, expected a pcap or pcapng capture; did the capturing program run and have the right to write?"
    )]
    Empty {
        /// The file.
        name: String,
    },
    /// The input is no capture.
    #[error("{name}: is not a pcap or pcapng capture: {looks_like}")]
    Foreign {
        /// The file.
        name: String,
        /// What it looks like.
        looks_like: LooksLike,
    },
    /// A version of the format that nobody knows.
    #[error(
        "{name}: {format} version {major}.{minor} at byte {offset}, expected {known}; the file is damaged or of a \
         format unknown to this program"
    )]
    Version {
        /// The file.
        name: String,
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
        /// What can be read.
        known: &'static str,
        /// Where the header begins, octets from the start of the input.
        offset: u64,
        /// The packet that would have been next.
        packet: PacketNumber,
    },
    /// The input ends inside a record.
    #[error(
        "{name}: cut off in {} at byte {offset}: expected {expected} bytes, had {had}; {}", 
        of_packet(*part, *packet), before(*packet, "copy the file again, or let the capturing program finish")
    )]
    Cut {
        /// The file.
        name: String,
        /// What was cut.
        part: Part,
        /// The packet that is damaged or would have been next, from 1.
        packet: PacketNumber,
        /// Where the damaged record begins, octets from the start of the input.
        offset: u64,
        /// Octets that `part` should have had.
        expected: u64,
        /// Octets that it had.
        had: u64,
    },
    /// A record says something impossible.
    #[error(
        "{name}: corrupt at packet {packet}, byte {offset}: {what}; {}",
        before(*packet, "copy the file again (in binary mode), or repair it with another tool")
    )]
    Corrupt {
        /// The file.
        name: String,
        /// The packet that is damaged or would have been next, from 1.
        packet: PacketNumber,
        /// Where the damaged record begins, octets from the start of the input.
        offset: u64,
        /// What was found, and what was expected.
        what: String,
    },
    /// The capture is compressed, and the compressed data is damaged or too much.
    #[error("{name}: {}; {}", of_flaw(format, flaw, *at, *packet), before(*packet, advice(flaw)))]
    Compressed {
        /// The file.
        name: String,
        /// The compression format.
        format: &'static str,
        /// What is wrong with it.
        flaw: Flaw,
        /// Where, octets from the start of the compressed input.
        at: u64,
        /// The packet that would have been next, from 1.
        packet: PacketNumber,
    },
    /// A compressed capture cannot be followed while it grows.
    #[error(
        "{name}: is compressed ({format}) and cannot be followed; wait until it is complete, or follow what it is made from"
    )]
    CompressedGrowing {
        /// The file.
        name: String,
        /// The compression format.
        format: &'static str,
    },
    /// The file is no longer what it was when it was opened.
    #[error("{name}: {what} while it was read; {}", before(*packet, "copy the file first, or read it when nothing writes to it"))]
    Changed {
        /// The file.
        name: String,
        /// What happened to it.
        what: String,
        /// The packet that would have been next, from 1.
        packet: PacketNumber,
    },
    /// Reading failed.
    #[error("{name}: reading failed at byte {offset}, packet {packet}: {reason}; {}", before(*packet, "check the device or the network"))]
    Io {
        /// The file.
        name: String,
        /// The packet that would have been next, from 1.
        packet: PacketNumber,
        /// Where in the input.
        offset: u64,
        /// What the system said.
        #[source]
        reason: io::Error,
    },
    /// Reading was stopped on request.
    #[error("{name}: interrupted {}; what follows was not read", after(*packet))]
    Interrupted {
        /// The file.
        name: String,
        /// The last packet that was read; 0 if there is none.
        packet: PacketNumber,
    },
}

impl CaptureError {
    /// Whether the file's header was fine and the damage came behind it: what was read before is usable.
    pub fn is_damage(&self) -> bool {
        match self {
            CaptureError::Missing { .. }
            | CaptureError::Denied { .. }
            | CaptureError::Directory { .. }
            | CaptureError::Open { .. }
            | CaptureError::Empty { .. }
            | CaptureError::CompressedGrowing { .. }
            | CaptureError::Foreign { .. } => false,
            CaptureError::Version { packet, .. }
            | CaptureError::Cut { packet, .. }
            | CaptureError::Corrupt { packet, .. }
            | CaptureError::Compressed { packet, .. }
            | CaptureError::Changed { packet, .. }
            | CaptureError::Io { packet, .. }
            | CaptureError::Interrupted { packet, .. } => *packet > 0,
        }
    }

    pub(crate) fn cannot_open(name: &str, reason: io::Error) -> CaptureError {
        let name = printable(name);
        match reason.kind() {
            ErrorKind::NotFound => CaptureError::Missing { name },
            ErrorKind::PermissionDenied => CaptureError::Denied { name },
            ErrorKind::IsADirectory => CaptureError::Directory { name },
            _ => CaptureError::Open { name, reason },
        }
    }
}

/// What was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The header of a pcap file.
    FileHeader,
    /// The header of a packet in a pcap file.
    PacketHeader,
    /// The data of a packet in a pcap file.
    PacketData,
    /// A block of a pcapng file.
    Block,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::FileHeader => "the file header",
            Part::PacketHeader => "the packet header",
            Part::PacketData => "the packet data",
            Part::Block => "a block",
        })
    }
}

/// Packet 0 stands for the beginning of the file, before any packet.
fn of_packet(part: Part, packet: PacketNumber) -> String {
    match (part, packet) {
        (_, 0) => part.to_string(),
        (Part::Block, packet) => format!("{part} (packet {packet} or before it)"),
        (_, packet) => format!("{part} of packet {packet}"),
    }
}

fn of_flaw(format: &str, flaw: &Flaw, at: u64, packet: PacketNumber) -> String {
    let next = match packet {
        0 => String::new(),
        packet => format!(", packet {packet}"),
    };
    match flaw {
        Flaw::Cut => format!("the {format} data is cut off at byte {at} of the compressed file{next}"),
        Flaw::Corrupt(what) => format!(
            "the {format} data is corrupt at or before byte {at} of the compressed file{next}: {what}"
        ),
        Flaw::Garbage => {
            format!(
                "other data follows the end of the {format} data at byte {at} of the compressed file{next}"
            )
        }
        Flaw::Limit(limit) => {
            format!("the {format} data exceeds {limit} at byte {at} of the compressed file{next}")
        }
    }
}

fn advice(flaw: &Flaw) -> &'static str {
    match flaw {
        Flaw::Cut => "copy the file again, or let the compressing program finish",
        Flaw::Corrupt(_) => "copy the file again (in binary mode)",
        Flaw::Garbage => "copy the file again, or cut off what follows",
        Flaw::Limit(_) => "if you trust the file, unpack it first and read the result",
    }
}

/// What is left to the user: the packets before, and a way to more.
fn before(packet: PacketNumber, advice: &str) -> String {
    match packet.saturating_sub(1) {
        0 => format!("no packet before it; {advice}"),
        1 => format!("the packet before it was read; {advice}"),
        count => format!("the {count} packets before it were read; {advice}"),
    }
}

/// Where an interrupted reading was.
fn after(packet: PacketNumber) -> String {
    match packet {
        0 => "before the first packet".to_owned(),
        packet => format!("after packet {packet}"),
    }
}

/// A fault before it is known which file and packet it belongs to.
#[derive(Debug)]
pub(super) enum Fault {
    Empty,
    Foreign(LooksLike),
    Version {
        format: &'static str,
        major: u16,
        minor: u16,
        known: &'static str,
    },
    Cut {
        part: Part,
        expected: u64,
        had: u64,
        /// The record's own length is hard to believe: the input may be damaged and not cut.
        doubtful: bool,
    },
    Corrupt(String),
    Compressed(Broken),
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(reason: io::Error) -> Fault {
        match reason.downcast::<Broken>() {
            Ok(broken) => Fault::Compressed(broken),
            Err(reason) => Fault::Io(reason),
        }
    }
}

impl Fault {
    pub fn cut(part: Part, expected: u64, had: u64) -> Fault {
        Fault::Cut {
            part,
            expected,
            had,
            doubtful: false,
        }
    }

    /// Whether sound records may follow.
    pub fn may_be_passed(&self) -> bool {
        matches!(self, Fault::Corrupt(_) | Fault::Cut { doubtful: true, .. })
    }

    /// Whether there is nothing more for now.
    pub fn is_waiting(&self) -> bool {
        matches!(self, Fault::Io(reason) if reason.kind() == ErrorKind::WouldBlock)
    }

    /// What is wrong, as a part of a sentence.
    pub fn what(&self) -> String {
        match self {
            Fault::Corrupt(what) => what.clone(),
            Fault::Cut {
                part, expected, had, ..
            } => {
                format!("{part} would have {expected} bytes, of which only {had} are there")
            }
            _ => "it cannot be read".to_owned(),
        }
    }

    /// The fault was met before any packet could be read.
    pub fn at_the_beginning(self, name: String, source: &Source) -> CaptureError {
        self.at_packet(name, source, 0)
    }

    /// The fault was met where packet `packet` was to be read.
    pub fn at_packet(self, name: String, source: &Source, packet: PacketNumber) -> CaptureError {
        let offset = source.offset();
        match self {
            Fault::Empty => CaptureError::Empty { name },
            Fault::Foreign(looks_like) => CaptureError::Foreign { name, looks_like },
            Fault::Version {
                format,
                major,
                minor,
                known,
            } => CaptureError::Version {
                name,
                format,
                major,
                minor,
                known,
                offset,
                packet,
            },
            Fault::Cut {
                part, expected, had, ..
            } => CaptureError::Cut {
                name,
                part,
                packet,
                offset,
                expected,
                had,
            },
            Fault::Corrupt(what) => CaptureError::Corrupt {
                name,
                packet,
                offset,
                what,
            },
            Fault::Compressed(Broken { format, flaw, at }) => CaptureError::Compressed {
                name,
                format,
                flaw,
                at,
                packet,
            },
            Fault::Io(reason) if reason.kind() == ErrorKind::IsADirectory => CaptureError::Directory { name },
            Fault::Io(reason) => CaptureError::Io {
                name,
                packet,
                offset: source.taken(),
                reason,
            },
        }
    }
}

/// What an input that is no capture looks like; `Display` says so and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LooksLike {
    /// Compressed, and the program that unpacks it to standard output.
    Compressed {
        /// Name of the format.
        format: &'static str,
        /// The command.
        command: &'static str,
    },
    /// Compressed twice.
    Nested {
        /// Name of the outer format, and of the program that unpacks it.
        outer: &'static str,
        /// Name of the inner format.
        inner: &'static str,
    },
    /// A foreign capture format, executable or archive.
    Known {
        /// What it is.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// Zeros only.
    Zeros,
    /// Something else.
    Unknown {
        /// Its first octets, four at most.
        magic: Vec<u8>,
    },
}

impl LooksLike {
    /// Octets of the input's beginning that are enough to guess.
    pub(super) const ENOUGH: usize = 512;

    /// Guesses from the first octets.
    pub(super) fn guess(data: &[u8], unpacked: Option<Compression>) -> LooksLike {
        const CONVERT: &str = "convert it with `editcap -F pcapng FILE OUT.pcapng`";
        const SAVE: &str = "save the capture itself, not a page or text made of it";
        const EXTRACT: &str = "extract the capture from it first";
        if let (Some(outer), Some(inner)) = (unpacked, Compression::of(data)) {
            return LooksLike::Nested {
                outer: outer.name(),
                inner: inner.name(),
            };
        }
        let compressed = |format, command| LooksLike::Compressed { format, command };
        let known = |what, advice| LooksLike::Known { what, advice };
        let text = data.trim_ascii_start();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        match data {
            [0x1f, 0x9d, ..] => compressed("compress (.Z)", "gzip"),
            [b'P', b'K', 3 | 5 | 7, ..] => known("a zip archive", EXTRACT),
            [b'7', b'z', 0xbc, 0xaf, ..] => known("a 7z archive", EXTRACT),
            [0x7f, b'E', b'L', b'F', ..] => known("an ELF program", "name the capture instead"),
            [b'T', b'R', b'S', b'N', b'I', b'F', b'F', ..] => known("a Sniffer capture", CONVERT),
            [b'X', b'C', b'P', 0, ..] => known("a NetXRay capture", CONVERT),
            [b'G', b'M', b'B', b'U', ..] => known("a Network Monitor capture", CONVERT),
            [b'R', b'T', b'S', b'S', ..] => known("a Network Monitor capture", CONVERT),
            data if data.get(257..262) == Some(b"ustar") => known("a tar archive", EXTRACT),
            data if data.iter().all(|byte| *byte == 0) => LooksLike::Zeros,
            _ if text.first() == Some(&b'<') => known("an HTML or XML page", SAVE),
            _ if matches!(text.first(), Some(b'{' | b'[')) => known("JSON", SAVE),
            data if is_text(data) => known("text", SAVE),
            data => LooksLike::Unknown {
                magic: data.iter().take(4).copied().collect(),
            },
        }
    }
}

fn is_text(data: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    data.len() > 3
        && data.iter().all(printable)
        && data.iter().filter(|byte| **byte >= 0x80).count() * 4 < data.len()
}

impl fmt::Display for LooksLike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LooksLike::Compressed { format, command } => {
                write!(
                    f,
                    "it looks like {format} data; try `{command} -dc FILE | tcptrace-states -`"
                )
            }
            LooksLike::Nested { outer, inner } => write!(
                f,
                "it is {inner} data inside {outer} data, and one layer is unpacked; try `{outer} -dc FILE | tcptrace-states -`"
            ),
            LooksLike::Known { what, advice } => write!(f, "it looks like {what}; {advice}"),
            LooksLike::Zeros => f.write_str("it begins with zeros only; copy the file again"),
            LooksLike::Unknown { magic } => {
                let magic: Vec<String> = magic.iter().map(|byte| format!("{byte:02x}")).collect();
                write!(
                    f,
                    "it begins with {}, expected d4 c3 b2 a1 (pcap) or 0a 0d 0d 0a (pcapng); if another program can read \
                     it, convert it with `editcap -F pcapng FILE OUT.pcapng`",
                    magic.join(" ")
                )
            }
        }
    }
}

/// A name without anything that a terminal would obey: control and direction characters are written as escapes.
pub(crate) fn printable(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => {
                text.extend(character.escape_unicode());
            }
            character if character.is_control() => text.extend(character.escape_default()),
            character => text.push(character),
        }
    }
    text
}
