//! Capture files to frames: classic pcap, pcapng and snoop, plain or compressed, from a file or standard input, in one
//! pass.
//!
//! The formats are read with the pcap-parser crate, one record at a time: this module finds out where a record ends,
//! waits until all of it is there, and only then has the crate parse it. The crate's own streaming readers are not used,
//! because they lose the `io::Error`, cannot begin on a short first read, and ask for ever more input when a length
//! inside a record lies. Memory is bounded by the largest record (16 MiB) and the other [`Limits`], whatever
//! the file's size.

mod at_hand;
mod compression;
pub(crate) mod error;
mod facts;
mod limits;
mod link_type;
mod octets;
mod pcap;
mod pcapng;
mod skip;
mod snoop;
mod source;
mod stop;
mod unpacked;
mod waiting;
mod windows;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use crate::time::Timestamp;
pub(crate) use at_hand::AtHand;
use compression::Compression;
use error::Fault;
pub use error::{CaptureError, Flaw, LooksLike, Part};
pub use facts::{Comment, Direction, Facts, InterfaceFacts, ProcessFacts, ProcessId, SectionFacts, Subject};
pub use limits::Limits;
pub use link_type::LinkType;
pub use octets::Octets;
pub use skip::Skip;
use source::Source;
pub use stop::Stop;
pub(crate) use unpacked::Unpacker;
use waiting::Waiting;
pub(crate) use windows::{Window, WindowSize, Windows};

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
    /// Whether the packet was received or sent, where the file says so.
    pub direction: Option<Direction>,
    /// The process that the packet belongs to, where the file says so.
    pub process: Option<ProcessId>,
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
    facts: Facts,
    limits: Limits,
    /// The regular file that is read.
    origin: Option<Origin>,
    /// Number of the last packet given out.
    packets: PacketNumber,
    /// Octets at the source's head that the last record occupies; the caller may still be looking at them.
    lent: usize,
    /// Damaged places passed.
    damages: u64,
    /// The end of a growing file was met; more may come.
    waiting: bool,
    /// The end, clean or not, was reported.
    ended: bool,
    /// See [`CaptureReader::bytes_read`].
    looked_at: Option<u64>,
    /// Asks for an early end.
    stop: Stop,
    /// The input is a regular file: nothing makes its reader wait.
    regular: bool,
}

/// A regular file, to see whether it changes while it is read.
struct Origin {
    /// Its path, and another handle of it, if it is growing. Others have but one handle, for the sake of those who read
    /// many files.
    growing: Option<(PathBuf, File)>,
    /// Octets that it had when it was opened.
    length: u64,
}

/// What to do while a growing file has no header yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// Look again.
    Continue,
    /// Take what is there for all.
    Stop,
}

enum Format {
    Pcap(pcap::Header),
    Pcapng(pcapng::Section),
    Snoop(snoop::Header),
}

impl CaptureReader {
    /// Opens a capture file within the default [`Limits`]; `-` is standard input.
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
        CaptureReader::open_with(path, &Limits::default(), stop)
    }

    /// As [`CaptureReader::open_until`], within these limits.
    ///
    /// # Errors
    ///
    /// Those of [`CaptureReader::open_until`].
    pub fn open_with(path: &Path, limits: &Limits, stop: &Stop) -> Result<CaptureReader, CaptureError> {
        if path != Path::new("-")
            && let Some((file, length)) = open_regular(path)?
        {
            return CaptureReader::from_reader_with(&path.to_string_lossy(), Box::new(file), limits)
                .map(|reader| reader.of_length(length).until(stop));
        }
        CaptureReader::open_stream(path, limits, stop, false)
    }

    /// Opens standard input, a FIFO or a device. `tell`: when nothing comes, that is the end for now, as in a growing file.
    fn open_stream(
        path: &Path,
        limits: &Limits,
        stop: &Stop,
        tell: bool,
    ) -> Result<CaptureReader, CaptureError> {
        let name = path.to_string_lossy();
        let read = |opened: std::io::Result<Waiting>, name: &str| match opened {
            Ok(waiting) => {
                let silent = waiting.tell();
                let reader = CaptureReader::from_reader_with(name, Box::new(waiting), limits)?;
                // A decoder would take it for a fault that nothing comes.
                silent.store(tell && reader.compression().is_none(), Ordering::Relaxed);
                Ok(reader)
            }
            Err(reason) => Err(CaptureError::cannot_open(name, reason)),
        };
        let opened = if path == Path::new("-") {
            read(Waiting::open(|| Ok(std::io::stdin()), stop), "standard input")
        } else {
            let path = path.to_owned();
            read(Waiting::open(|| File::open(path), stop), &name)
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

    /// Opens a capture file that somebody still writes to. While it has no complete header, `wait` is called: it should
    /// sleep for a while, or give up.
    ///
    /// Such a reader answers [`None`] whenever all complete packets were given out, and goes on when asked again; see
    /// [`CaptureReader::is_waiting`]. A record that is not yet complete is waited for. The same holds for standard input, a
    /// FIFO or a device once its header has come, unless it is compressed: that one blocks.
    ///
    /// # Errors
    ///
    /// As [`CaptureReader::open_with`]; and the file is compressed, because a decoder takes what is not there yet for
    /// damage.
    pub fn open_growing(
        path: &Path,
        limits: &Limits,
        stop: &Stop,
        wait: &mut dyn FnMut() -> Growth,
    ) -> Result<CaptureReader, CaptureError> {
        if path == Path::new("-") {
            return CaptureReader::open_stream(path, limits, stop, true);
        }
        let Some((file, length)) = open_regular(path)? else {
            return CaptureReader::open_stream(path, limits, stop, true);
        };
        let name = path.to_string_lossy();
        let second = file
            .try_clone()
            .map_err(|reason| CaptureError::cannot_open(&name, reason))?;
        let name = error::printable(&name);
        let mut source = Source::new(Box::new(file));
        source.set_growing(true);
        loop {
            let mut facts = Facts::default();
            let recognized = source
                .fill(Compression::ENOUGH)
                .map_err(Fault::from)
                .and_then(|_| match Compression::of(source.data()) {
                    Some(compression) => Ok(Err(compression)),
                    None => Format::recognize(&mut source, limits, &mut facts).map(Ok),
                });
            match recognized {
                Ok(Ok(format)) => {
                    let mut reader = CaptureReader::new(name, source, format, facts, limits).until(stop);
                    reader.origin = Some(Origin {
                        growing: Some((path.to_owned(), second)),
                        length,
                    });
                    return Ok(reader);
                }
                Ok(Err(compression)) => {
                    return Err(CaptureError::CompressedGrowing {
                        name,
                        format: compression.name(),
                    });
                }
                Err(fault) if fault.is_waiting() => {
                    if stop.asked() {
                        return Err(CaptureError::Interrupted { name, packet: 0 });
                    }
                    if wait() == Growth::Stop {
                        source.set_growing(false);
                    }
                }
                Err(fault) => return Err(fault.at_the_beginning(name, &source)),
            }
        }
    }

    /// Reads a capture from any source of octets within the default [`Limits`]; `name` is what error messages call it.
    ///
    /// # Errors
    ///
    /// The source cannot be read, is empty, or does not begin like a capture. Nothing was readable then.
    pub fn from_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<CaptureReader, CaptureError> {
        CaptureReader::from_reader_with(name, reader, &Limits::default())
    }

    /// Reads a capture from any source of octets; `name` is what error messages call it.
    ///
    /// # Errors
    ///
    /// The source cannot be read, is empty, or does not begin like a capture. Nothing was readable then.
    pub fn from_reader_with(
        name: &str,
        reader: Box<dyn Read + Send>,
        limits: &Limits,
    ) -> Result<CaptureReader, CaptureError> {
        let name = error::printable(name);
        let mut source = Source::new(reader);
        if let Err(reason) = source.fill(Compression::ENOUGH) {
            return Err(Fault::from(reason).at_the_beginning(name, &source));
        }
        if let Some(compression) = Compression::of(source.data()) {
            source = source.decompress(compression, limits);
        }
        let mut facts = Facts::default();
        match Format::recognize(&mut source, limits, &mut facts) {
            Ok(format) => Ok(CaptureReader::new(name, source, format, facts, limits)),
            Err(fault) => Err(fault.at_the_beginning(name, &source)),
        }
    }

    fn new(name: String, source: Source, format: Format, mut facts: Facts, limits: &Limits) -> CaptureReader {
        if let Some((link, snap_length)) = match &format {
            Format::Pcap(header) => Some((header.link, header.snap_length)),
            Format::Snoop(header) => Some((header.link, 0)),
            Format::Pcapng(_) => None,
        } {
            facts.interface(limits, InterfaceFacts::new(0, 0, link, snap_length));
        }
        CaptureReader {
            name,
            source,
            format,
            facts,
            limits: *limits,
            origin: None,
            packets: 0,
            lent: 0,
            damages: 0,
            waiting: false,
            ended: false,
            looked_at: None,
            stop: Stop::default(),
            regular: false,
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

    /// Says how many octets the source had when it was opened, if it is a regular file: only so it can be told that it was
    /// changed while it was read. [`CaptureReader::open`] does it by itself.
    pub fn of_length(self, octets: u64) -> CaptureReader {
        CaptureReader {
            origin: Some(Origin {
                growing: None,
                length: octets,
            }),
            ..self
        }
    }

    /// The next packet, or a damaged place that was passed over; `None` at the end.
    ///
    /// # Errors
    ///
    /// The file is cut off or corrupt and nothing readable follows, reading failed, or it was to be stopped. All packets
    /// before were given out; from then on the reader answers `None`.
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
            Format::Pcapng(section) => section.find_packet(&mut self.source, &mut self.facts),
            Format::Snoop(header) => header.find_packet(&mut self.source),
        };
        let length = match found {
            Ok(Some(length)) => length,
            Ok(None) => return self.end(),
            Err(fault) => return self.fault(fault),
        };
        let number = self.packets.saturating_add(1);
        self.packets = number;
        self.lent = length;
        self.waiting = false;
        let record = self.source.head(length);
        Ok(Some(match &mut self.format {
            Format::Pcap(header) => header.packet(record, number),
            Format::Pcapng(section) => section.packet(record, number, &mut self.facts),
            Format::Snoop(header) => header.packet(record, number),
        }))
    }

    /// The end, and whether the file is what it was.
    fn end(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        self.finish();
        match self.shrunk() {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Nothing more comes.
    fn finish(&mut self) {
        self.ended = true;
        self.waiting = false;
        self.settle();
    }

    /// Completes the facts of formats without interfaces.
    fn settle(&mut self) {
        let lost = match &self.format {
            Format::Pcap(_) => 0,
            Format::Snoop(header) => header.dropped,
            Format::Pcapng(_) => return,
        };
        if let Some(interface) = self.facts.interfaces.first_mut() {
            interface.packets = self.packets;
            interface.lost_between = u64::from(lost);
        }
    }

    /// What cannot be read is passed over, waited for, or the end.
    fn fault(&mut self, fault: Fault) -> Result<Option<Record<'_>>, CaptureError> {
        if self.stop.heeded() {
            return Err(self.interrupted());
        }
        if fault.is_waiting() {
            return self.wait();
        }
        let mut fault = fault;
        // How much more of the file is at hand depends on how it is read.
        let most = usize::try_from(self.limits.search).unwrap_or(usize::MAX);
        let mut searched = 0;
        // A snoop record has nothing that tells it from octets by chance: it is not searched for.
        let searchable = !matches!(self.format, Format::Snoop(_));
        if searchable && fault.may_be_passed() && self.damages < self.limits.damages {
            match self.search() {
                Ok(Some(damaged)) => return Ok(Some(Record::Damage(self.pass_over(&fault, damaged)))),
                Ok(None) => {
                    if let Fault::Corrupt(what) = &mut fault {
                        searched = self.source.data().len().min(most);
                        what.push_str(&format!(
                            "; no readable record in the {searched} bytes from there on"
                        ));
                    }
                }
                Err(waiting) if waiting.is_waiting() => return self.wait(),
                Err(_) => {}
            }
        } else if let Fault::Corrupt(what) = &mut fault
            && self.damages > 0
        {
            what.push_str(&format!(
                "; reading stops after {} damaged places",
                self.damages.saturating_add(1)
            ));
        }
        if self.stop.heeded() {
            return Err(self.interrupted()); // while it was searched
        }
        self.finish();
        if self.source.compression().is_none() && !self.source.at_end() {
            self.looked_at = Some(self.source.offset().saturating_add(searched as u64));
        }
        let number = self.packets.saturating_add(1);
        if matches!(fault, Fault::Cut { .. })
            && let Some(error) = self.shrunk()
        {
            return Err(error);
        }
        Err(fault.at_packet(self.name.clone(), &self.source, number))
    }

    /// Ends the reading early, as was asked for.
    fn interrupted(&mut self) -> CaptureError {
        self.finish();
        CaptureError::Interrupted {
            name: self.name.clone(),
            packet: self.packets,
        }
    }

    /// How many octets to the next sound record.
    fn search(&mut self) -> Result<Option<usize>, Fault> {
        match &mut self.format {
            Format::Pcap(header) => header.search(&mut self.source, &self.limits),
            Format::Pcapng(section) => section.search(&mut self.source),
            Format::Snoop(_) => Ok(None),
        }
    }

    fn pass_over(&mut self, fault: &Fault, length: usize) -> Damage {
        let at = self.source.offset();
        let zeros = match &mut self.format {
            Format::Pcapng(section) => section.pass_over(&self.source),
            _ => 0,
        };
        self.source.consume(length);
        self.damages = self.damages.saturating_add(1);
        let passed_over = (length as u64).saturating_add(zeros);
        Damage {
            what: format!(
                "{}: corrupt at packet {}, byte {at}: {}; {passed_over} bytes were passed over, and reading went on at \
                 byte {}; packets among them are missing and not numbered",
                self.name,
                self.packets.saturating_add(1),
                fault.what(),
                self.source.offset()
            ),
            passed_over,
        }
    }

    /// All that is there of a growing file was read.
    fn wait(&mut self) -> Result<Option<Record<'_>>, CaptureError> {
        self.settle();
        let changed = self
            .origin
            .as_ref()
            .and_then(|origin| origin.changed(self.source.taken()));
        let Some(what) = changed else {
            self.waiting = true;
            return Ok(None);
        };
        self.finish();
        Err(CaptureError::Changed {
            name: self.name.clone(),
            what,
            packet: self.packets.saturating_add(1),
        })
    }

    /// Whether the file has become shorter than it was when it was opened.
    fn shrunk(&self) -> Option<CaptureError> {
        let taken = self.source.taken_outside();
        let length = self.origin.as_ref()?.length;
        (taken < length).then(|| CaptureError::Changed {
            name: self.name.clone(),
            what: format!("was cut short from {length} to {taken} bytes"),
            packet: self.packets.saturating_add(1),
        })
    }

    /// Where the record that was given out last lies in the (unpacked) file: offset and octets. Behind damage it is the place
    /// where reading goes on, and at an error the one where it stopped; without octets.
    pub fn place(&self) -> (u64, usize) {
        (self.source.offset(), self.lent)
    }

    /// Whether the last `None` was the end of a growing file for now: ask again later.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Takes a growing file for complete: what is there is read, and then comes the end.
    pub fn stop_waiting(&mut self) {
        self.source.set_growing(false);
    }

    /// Whether more octets were read than the file had when it was opened: somebody was writing to it.
    pub fn grew(&self) -> bool {
        let length = self.origin.as_ref().map(|origin| origin.length);
        length.is_some_and(|length| self.source.taken_outside() > length)
    }

    /// The file format: `pcap`, `pcap-ns` (time stamps in nanoseconds), `pcap-modified` (Kuznetzov's), `pcap-ixia`,
    /// `pcapng` or `snoop`.
    pub fn format(&self) -> &'static str {
        match &self.format {
            Format::Pcap(header) => header.name(),
            Format::Pcapng(_) => "pcapng",
            Format::Snoop(_) => "snoop",
        }
    }

    /// How the capture is compressed: `gzip`, `zstd`, `lz4`, `xz` or `bzip2`; `None` if it is not.
    pub fn compression(&self) -> Option<&'static str> {
        self.source.compression().map(Compression::name)
    }

    /// The largest snap length that the file states up to here, octets; `None` if it states none.
    pub fn snap_length(&self) -> Option<u32> {
        match &self.format {
            Format::Pcap(header) => header.snap_length(),
            Format::Pcapng(section) => section.snap_length(),
            Format::Snoop(_) => None,
        }
    }

    /// What the file says about itself up to here. Packets and losses of a file without interfaces are counted at its
    /// end.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The interfaces of all sections up to here; see [`Facts::interfaces`].
    pub fn interfaces(&self) -> &[InterfaceFacts] {
        &self.facts.interfaces
    }

    /// Takes out what the file said about itself, when reading is over.
    pub fn take_facts(&mut self) -> Facts {
        std::mem::take(&mut self.facts)
    }

    /// The process that a packet belongs to; see [`Frame::process`].
    pub fn process(&self, id: ProcessId) -> Option<&ProcessFacts> {
        self.facts.processes.get(usize::try_from(id.0).ok()?)
    }

    /// Octets taken from the file so far, compressed ones if it is compressed; for a progress bar. Once reading was given up inside
    /// a file that is not compressed, octets up to there.
    pub fn bytes_read(&self) -> u64 {
        self.looked_at.unwrap_or_else(|| self.source.taken_outside())
    }
}

impl Origin {
    /// What happened to a file of which `read` octets were read, if it was made shorter or replaced.
    fn changed(&self, read: u64) -> Option<String> {
        let (path, file) = self.growing.as_ref()?;
        let own = file.metadata().ok()?;
        if own.len() < read {
            return Some(format!("was cut short from {read} to {} bytes", own.len()));
        }
        let named = fs::metadata(path).ok();
        match named {
            None => Some("was removed".to_owned()),
            Some(named) if !is_same(&own, &named) => Some("was replaced by another file".to_owned()),
            Some(_) => None,
        }
    }
}

/// Opens a regular file; and how many octets it has. `None` for what is no regular file and may make its reader wait.
fn open_regular(path: &Path) -> Result<Option<(File, u64)>, CaptureError> {
    let name = path.to_string_lossy();
    let failed = |reason| CaptureError::cannot_open(&name, reason);
    let kind = fs::metadata(path).map_err(failed)?;
    if kind.is_dir() {
        return Err(CaptureError::Directory {
            name: error::printable(&name),
        });
    }
    if !kind.is_file() {
        return Ok(None);
    }
    let file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    Ok(Some((file, length)))
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Without a number of the file, the time of its making has to do.
#[cfg(not(unix))]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    one.created().ok() == other.created().ok()
}

impl Format {
    /// Tells the format from the first octets and reads the file's header.
    fn recognize(source: &mut Source, limits: &Limits, facts: &mut Facts) -> Result<Format, Fault> {
        if source.fill(4)? == 0 {
            return Err(Fault::Empty);
        }
        if pcapng::begins(source.data()) {
            return Ok(Format::Pcapng(pcapng::Section::open(source, limits, facts)?));
        }
        if pcap::begins(source.data()) {
            return Ok(Format::Pcap(pcap::Header::open(source, limits)?));
        }
        source.fill(8)?;
        if snoop::begins(source.data()) {
            return Ok(Format::Snoop(snoop::Header::open(source, limits.largest_record)?));
        }
        // A damaged block is unpacked to something foreign before its checksum tells: bzip2's have up to 900,000 octets.
        if source.compression().is_some() {
            source.fill(1 << 20)?;
        }
        source.fill(LooksLike::ENOUGH)?;
        Err(Fault::Foreign(LooksLike::guess(
            source.head(LooksLike::ENOUGH),
            source.compression(),
        )))
    }
}

/// Time in nanoseconds since the epoch, clamped to what a [`Timestamp`] holds.
fn timestamp(nanoseconds: i128) -> Timestamp {
    Timestamp::from_ns(i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 {
        i64::MIN
    } else {
        i64::MAX
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_clamped() {
        assert_eq!(timestamp(i128::MAX).ns(), i64::MAX);
        assert_eq!(timestamp(i128::MIN).ns(), i64::MIN + 1);
        assert_eq!(timestamp(-1).ns(), -1);
    }
}
