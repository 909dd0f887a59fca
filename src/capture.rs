//! Capture files to frames: classic pcap and pcapng, from a file or standard input, in one pass.
//!
//! The formats are read with the pcap-parser crate, one record at a time: this module finds out where a record ends,
//! waits until all of it is there, and only then has the crate parse it. The crate's own streaming readers are not used,
//! because they lose the `io::Error`, cannot begin on a short first read, and ask for ever more input when a length
//! inside a record lies. Memory is bounded by the largest record (16 MiB), whatever the file's size.

pub(crate) mod error;
mod link_type;
mod pcap;
mod pcapng;
mod skip;
mod source;
mod stop;
mod waiting;

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::time::Timestamp;
use error::Fault;
pub use error::{CaptureError, LooksLike};
pub use link_type::LinkType;
pub use skip::Skip;
use source::Source;
pub use stop::Stop;
use waiting::Waiting;

/// The largest record that is believed, octets. libpcap starts from the same bound.
const LARGEST_RECORD: u32 = 16 << 20;

/// Number of a packet in its capture, from 1, as other tools show it ("frame number").
pub type PacketNumber = u64;

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number of the packet in the capture, from 1, as Wireshark's `frame.number`.
    pub number: PacketNumber,
    /// Capture time. A pcapng simple packet block has none: it gets that of the packet before it.
    pub time: Timestamp,
    /// What the first octet of `bytes` is.
    pub link: LinkType,
    /// The captured octets, from the link layer header on, without a frame check sequence.
    pub bytes: &'a [u8],
    /// Length on the wire in octets, without a frame check sequence. A damaged file may state less than was captured.
    pub original_len: u32,
    /// The pcapng interface, from 0 in each section; 0 for pcap.
    pub interface: u32,
}

/// What a capture gives next.
#[derive(Clone, Debug)]
pub enum Record<'a> {
    /// A packet.
    Frame(Frame<'a>),
    /// A packet that is there but unusable; reading goes on behind it.
    Skip {
        /// Number of the packet in the capture, from 1.
        number: PacketNumber,
        /// Why it is unusable.
        reason: Skip,
    },
    /// No packet: octets that cannot be read were passed over, and reading goes on behind them.
    Damage(Damage),
}

/// A damaged place inside a capture behind which reading went on.
#[derive(Clone, Debug)]
pub struct Damage {
    /// What is wrong there, and where: one sentence for people, as a [`CaptureError`] would say it.
    pub what: String,
    /// Octets passed over.
    pub passed_over: u64,
}

/// Reads the packets of one capture in order.
pub struct CaptureReader {
    /// As errors name it.
    name: String,
    source: Source,
    format: Format,
    /// Number of the last packet given out.
    packets: PacketNumber,
    /// Octets at the source's head that the last record occupies; the caller may still be looking at them.
    lent: usize,
    /// The end, clean or not, was reported.
    ended: bool,
    /// Asks for an early end.
    stop: Stop,
    /// The input is a regular file: nothing makes its reader wait.
    regular: bool,
}

enum Format {
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
}

impl CaptureReader {
    /// Opens a capture file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or [`CaptureReader::from_reader`] fails on it.
    pub fn open(path: &Path) -> Result<CaptureReader, CaptureError> {
        CaptureReader::open_until(path, &Stop::default())
    }

    /// As [`CaptureReader::open`], until `stop` is asked for: from then on there is [`CaptureError::Interrupted`] instead of
    /// a packet. It is heard while the input makes its reader wait, too.
    ///
    /// # Errors
    ///
    /// Those of [`CaptureReader::open`], or stopping was asked for before there was a capture.
    pub fn open_until(path: &Path, stop: &Stop) -> Result<CaptureReader, CaptureError> {
        let name = path.to_string_lossy();
        let failed = |reason| CaptureError::cannot_open(&name, reason);
        let waiting = |opened: std::io::Result<Waiting>, name: &str| match opened {
            Ok(waiting) => CaptureReader::from_reader(name, Box::new(waiting)),
            Err(reason) => Err(CaptureError::cannot_open(name, reason)),
        };
        let opened = if path == Path::new("-") {
            waiting(Waiting::open(|| Ok(std::io::stdin()), stop), "standard input")
        } else {
            let kind = fs::metadata(path).map_err(failed)?;
            if kind.is_dir() {
                return Err(CaptureError::Directory {
                    name: error::printable(&name),
                });
            }
            if kind.is_file() {
                let file = File::open(path).map_err(failed)?;
                return CaptureReader::from_reader(&name, Box::new(file)).map(|reader| reader.until(stop));
            }
            let path = path.to_owned();
            waiting(Waiting::open(|| File::open(path), stop), &name)
        };
        match opened {
            Ok(reader) => Ok(CaptureReader {
                stop: stop.clone(),
                ..reader
            }),
            Err(_) if stop.heeded() => Err(CaptureError::Interrupted {
                name: error::printable(&name),
                packet: 0,
            }),
            Err(error) => Err(error),
        }
    }

    /// Reads a capture from any source of octets; `name` is what error messages call it.
    ///
    /// # Errors
    ///
    /// The source cannot be read, is empty, or does not begin like a capture. Nothing was readable then.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<CaptureReader, CaptureError> {
        let name = error::printable(name);
        let mut source = Source::new(reader);
        match Format::recognize(&mut source) {
            Ok(format) => Ok(CaptureReader {
                name,
                source,
                format,
                packets: 0,
                lent: 0,
                ended: false,
                stop: Stop::default(),
                regular: false,
            }),
            Err(fault) => Err(fault.at_the_beginning(name, &source)),
        }
    }

    /// As [`CaptureReader::open_until`] does it for a regular file: the next packet after `stop` was asked for is
    /// [`CaptureError::Interrupted`]. For sources that do not make their reader wait.
    pub fn until(self, stop: &Stop) -> CaptureReader {
        CaptureReader {
            stop: stop.clone(),
            regular: true,
            ..self
        }
    }

    /// The next packet; `None` at the end.
    ///
    /// # Errors
    ///
    /// The file is cut off or corrupt, reading failed, or it was to be stopped. All packets before were given out; from then on the reader
    /// answers `None`.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        if self.ended {
            return Ok(None);
        }
        // An input that makes its reader wait decides for itself when it has waited long enough.
        if self.regular && self.stop.asked() {
            return Err(self.interrupted());
        }
        self.source.consume(std::mem::take(&mut self.lent));
        let found = match &mut self.format {
            Format::Pcap(header) => header.find_packet(&mut self.source),
            Format::Pcapng(section) => section.find_packet(&mut self.source),
        };
        let number = self.packets.saturating_add(1);
        match found {
            Ok(Some(length)) => {
                self.packets = number;
                self.lent = length;
                let record = self.source.head(length);
                Ok(Some(match &mut self.format {
                    Format::Pcap(header) => header.packet(record, number),
                    Format::Pcapng(section) => section.packet(record, number),
                }))
            }
            Ok(None) => {
                self.ended = true;
                Ok(None)
            }
            Err(_) if self.stop.heeded() => Err(self.interrupted()),
            Err(fault) => {
                self.ended = true;
                Err(fault.at_packet(self.name.clone(), &self.source, number))
            }
        }
    }

    /// Ends the reading early, as was asked for.
    fn interrupted(&mut self) -> CaptureError {
        self.ended = true;
        CaptureError::Interrupted {
            name: self.name.clone(),
            packet: self.packets,
        }
    }

    /// The file format: `pcap`, `pcap-ns` (time stamps in nanoseconds), `pcap-modified` (Kuznetzov's) or `pcapng`.
    pub fn format(&self) -> &'static str {
        match &self.format {
            Format::Pcap(header) => header.name(),
            Format::Pcapng(_) => "pcapng",
        }
    }

    /// The largest snap length that the file states up to here, octets; `None` if it states none.
    pub fn snap_length(&self) -> Option<u32> {
        match &self.format {
            Format::Pcap(header) => header.snap_length(),
            Format::Pcapng(section) => section.snap_length(),
        }
    }

    /// Octets taken from the source so far; for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        self.source.taken()
    }
}

impl Format {
    /// Tells the format from the first octets and reads the file's header.
    fn recognize(source: &mut Source) -> Result<Format, Fault> {
        if source.fill(4)? == 0 {
            return Err(Fault::Empty);
        }
        if pcapng::begins(source.data()) {
            return Ok(Format::Pcapng(pcapng::Section::open(source)?));
        }
        if pcap::begins(source.data()) {
            return Ok(Format::Pcap(pcap::Header::open(source)?));
        }
        source.fill(LooksLike::ENOUGH)?;
        Err(Fault::Foreign(LooksLike::guess(source.head(LooksLike::ENOUGH))))
    }
}

/// Time in nanoseconds since the epoch, clamped to what a [`Timestamp`] holds.
fn timestamp(nanoseconds: i128) -> Timestamp {
    Timestamp(i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_clamped() {
        assert_eq!(timestamp(i128::MAX).0, i64::MAX);
        assert_eq!(timestamp(i128::MIN).0, i64::MIN);
        assert_eq!(timestamp(-1).0, -1);
    }
}
