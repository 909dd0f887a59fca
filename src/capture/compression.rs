//! Compressed captures: one layer, told by content, unpacked as it is read.
//!
//! Each format may consist of several members (gzip members, zstd and lz4 frames, xz and bzip2 streams), one after
//! another. The members are told apart here, and each gets a decoder of its own, so that what follows the last one is
//! known to be the end, padding, or garbage.

use std::fmt;
use std::io::{self, BufRead, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::limits::Limits;

/// Compressed octets asked for at once, in the end.
const CHUNK: usize = 128 << 10;
/// And at first: twice as many whenever the input gave all that it was asked for.
const FIRST: usize = 4 << 10;

/// A compression format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
    Lz4,
    Xz,
    Bzip2,
}

impl Compression {
    /// Octets of the beginning that tell the format.
    pub const ENOUGH: usize = 6;

    /// Tells the format from the first octets.
    pub fn of(data: &[u8]) -> Option<Compression> {
        Some(match data {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            // A skippable frame stands first in what pzstd writes.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Lz4,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
            _ => return None,
        })
    }

    /// The format's name, which is also that of the program that unpacks it.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
            Compression::Xz => "xz",
            Compression::Bzip2 => "bzip2",
        }
    }
}

/// What can be wrong with compressed data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It ends inside a member.
    Cut,
    /// The decoder refuses it, and says why.
    Corrupt(String),
    /// Something else follows its end.
    Garbage,
    /// It would cost more than is allowed; the limit in words.
    Limit(String),
}

/// A flaw, and where; travels inside an [`io::Error`].
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub format: &'static str,
    pub flaw: Flaw,
    /// Octets from the start of the compressed input.
    pub at: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} data: {:?} at byte {}", self.format, self.flaw, self.at)
    }
}

impl std::error::Error for Broken {}

/// Unpacks what a reader gives.
pub(super) struct Decompressor {
    compression: Compression,
    state: State,
    memory: u32,
    /// The flaw that was met; said again whenever it is asked for more.
    broken: Option<Broken>,
}

enum State {
    /// Before a member, or behind the last.
    Between(Input),
    Gzip(Box<flate2::bufread::GzDecoder<Input>>),
    Zstd(zstd::stream::read::Decoder<'static, Input>),
    Lz4(Box<lz4_flex::frame::FrameDecoder<Input>>),
    Xz(Box<lzma_rust2::XzReader<Input>>),
    Bzip2(bzip2::bufread::BzDecoder<Input>),
    Ended,
}

impl Decompressor {
    /// Unpacks `head`, which was read already, and what `reader` gives behind it. `taken` counts the octets of both.
    pub fn new(
        compression: Compression,
        head: Vec<u8>,
        reader: Box<dyn Read + Send>,
        taken: Arc<AtomicU64>,
        limits: &Limits,
    ) -> Decompressor {
        taken.store(head.len() as u64, Ordering::Relaxed);
        Decompressor {
            compression,
            state: State::Between(Input {
                reader,
                end: head.len(),
                buffer: head,
                start: 0,
                consumed: 0,
                taken,
                plenty: false,
                hit_end: false,
                failed: false,
            }),
            memory: limits.decoder_memory,
            broken: None,
        }
    }

    /// Begins the next member; false at the end.
    fn begin(&mut self, mut input: Input) -> io::Result<bool> {
        let mut padded = false;
        let found = loop {
            let (octets, had) = input.peek()?;
            let head = octets.get(..had).unwrap_or_default();
            match head {
                [] => return Ok(false),
                [0, ..] if input.consumed > 0 || padded => {
                    padded = true;
                    input.consume(1);
                }
                [0x50..=0x5f, 0x2a, 0x4d, 0x18, rest @ ..]
                    if matches!(self.compression, Compression::Zstd | Compression::Lz4) =>
                {
                    let Some(length) = rest.first_chunk().map(|length| u32::from_le_bytes(*length)) else {
                        input.consume(head.len());
                        return Err(self.flaw(Flaw::Cut, input.consumed));
                    };
                    input.consume(8);
                    if !input.skip(u64::from(length))? {
                        return Err(self.flaw(Flaw::Cut, input.consumed));
                    }
                }
                head => break Compression::of(head),
            }
        };
        if found != Some(self.compression) {
            let cut = input.peek()?.1 < Compression::ENOUGH && !padded;
            let flaw = if cut { Flaw::Cut } else { Flaw::Garbage };
            return Err(self.flaw(flaw, input.consumed));
        }
        input.hit_end = false;
        self.state = match self.compression {
            Compression::Gzip => State::Gzip(Box::new(flate2::bufread::GzDecoder::new(input))),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?.single_frame();
                decoder.window_log_max(self.memory.checked_ilog2().unwrap_or(0))?;
                State::Zstd(decoder)
            }
            Compression::Lz4 => State::Lz4(Box::new(lz4_flex::frame::FrameDecoder::new(input))),
            // The reader asks for some more than the dictionary, which is what the limit is about.
            Compression::Xz => {
                let kibibytes = (self.memory >> 10).saturating_add(1_024);
                State::Xz(Box::new(lzma_rust2::XzReader::new_mem_limit(
                    input, false, kibibytes,
                )))
            }
            Compression::Bzip2 => State::Bzip2(bzip2::bufread::BzDecoder::new(input)),
        };
        Ok(true)
    }

    /// Notes a flaw for good.
    fn flaw(&mut self, flaw: Flaw, at: u64) -> io::Error {
        let broken = Broken {
            format: self.compression.name(),
            flaw,
            at,
        };
        self.broken = Some(broken.clone());
        self.state = State::Ended;
        io::Error::other(broken)
    }

    /// What a decoder's error means.
    fn judge(&mut self, error: io::Error) -> io::Error {
        let Some(input) = self.state.input() else {
            return error;
        };
        if input.failed {
            return error;
        }
        let (at, cut) = (input.consumed, input.hit_end);
        let what = error.to_string();
        let flaw = if error.kind() == ErrorKind::OutOfMemory || what.contains("too much memory") {
            Flaw::Limit(format!(
                "the limit of {} bytes of memory for a decoder",
                self.memory
            ))
        } else if cut || error.kind() == ErrorKind::UnexpectedEof {
            Flaw::Cut
        } else {
            Flaw::Corrupt(what)
        };
        self.flaw(flaw, at)
    }
}

impl Read for Decompressor {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if let Some(broken) = &self.broken {
            return Err(io::Error::other(broken.clone()));
        }
        loop {
            let read = match &mut self.state {
                State::Ended => return Ok(0),
                State::Between(_) => {
                    let State::Between(input) = std::mem::replace(&mut self.state, State::Ended) else {
                        return Ok(0);
                    };
                    if !self.begin(input)? {
                        return Ok(0);
                    }
                    continue;
                }
                State::Gzip(decoder) => decoder.read(space),
                State::Zstd(decoder) => decoder.read(space),
                State::Lz4(decoder) => decoder.read(space),
                State::Xz(decoder) => decoder.read(space),
                State::Bzip2(decoder) => decoder.read(space),
            };
            match read {
                Ok(0) if !space.is_empty() => {
                    let Some(input) = std::mem::replace(&mut self.state, State::Ended).into_input() else {
                        return Ok(0);
                    };
                    // Whole members never ask for more than they have; lz4_flex takes a missing rest for the end.
                    if input.hit_end {
                        return Err(self.flaw(Flaw::Cut, input.consumed));
                    }
                    self.state = State::Between(input);
                }
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => return Err(self.judge(error)),
            }
        }
    }
}

impl State {
    fn input(&self) -> Option<&Input> {
        Some(match self {
            State::Between(input) => input,
            State::Gzip(decoder) => decoder.get_ref(),
            State::Zstd(decoder) => decoder.get_ref(),
            State::Lz4(decoder) => decoder.get_ref(),
            State::Xz(decoder) => decoder.inner(),
            State::Bzip2(decoder) => decoder.get_ref(),
            State::Ended => return None,
        })
    }

    fn into_input(self) -> Option<Input> {
        Some(match self {
            State::Between(input) => input,
            State::Gzip(decoder) => decoder.into_inner(),
            State::Zstd(decoder) => decoder.finish(),
            State::Lz4(decoder) => decoder.into_inner(),
            State::Xz(decoder) => decoder.into_inner(),
            State::Bzip2(decoder) => decoder.into_inner(),
            State::Ended => return None,
        })
    }
}

/// The compressed octets.
struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Octets that the decoders took.
    consumed: u64,
    /// Octets that came from the reader.
    taken: Arc<AtomicU64>,
    /// The last read gave all that was asked for.
    plenty: bool,
    /// A decoder wanted more than there was.
    hit_end: bool,
    /// The reader itself failed.
    failed: bool,
}

impl Input {
    fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The next eight octets, or what there is of them; and how many these are.
    fn peek(&mut self) -> io::Result<([u8; 8], usize)> {
        let mut head = [0; 8];
        while self.data().len() < head.len() && self.refill()? > 0 {}
        let mut had = 0;
        for (to, from) in head.iter_mut().zip(self.data()) {
            *to = *from;
            had += 1;
        }
        Ok((head, had))
    }

    /// Passes over octets; false if there are fewer.
    fn skip(&mut self, mut length: u64) -> io::Result<bool> {
        while length > 0 {
            let have = self.fill_buf()?.len();
            if have == 0 {
                return Ok(false);
            }
            let step = usize::try_from(length).unwrap_or(usize::MAX).min(have);
            self.consume(step);
            length = length.saturating_sub(step as u64);
        }
        Ok(true)
    }

    fn refill(&mut self) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end.saturating_sub(self.start));
        let length = self.buffer.len();
        if length < FIRST {
            self.buffer.resize(FIRST, 0);
        } else if (self.plenty || self.end == length) && length < CHUNK {
            self.buffer.resize(length.saturating_mul(2).min(CHUNK), 0);
        }
        let Some(space) = self.buffer.get_mut(self.end..) else {
            return Ok(0);
        };
        loop {
            match self.reader.read(space) {
                Ok(count) => {
                    self.plenty = count >= space.len();
                    self.end = self.end.saturating_add(count).min(self.buffer.len());
                    self.taken.fetch_add(count as u64, Ordering::Relaxed);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failed = true;
                    return Err(error);
                }
            }
        }
    }
}

/// How many octets of a compressed input a decoder gets at once when it has taken so many. A decoder that meets a fault keeps
/// back what it made of the octets it got last: those are few at the beginning, where a small file may lie as a whole.
fn step(consumed: u64) -> usize {
    let size = match consumed {
        0..0x1_0000 => 16,
        0x1_0000..0x40_0000 => 1 << 10,
        _ => 1 << 16,
    };
    let left = size - consumed % size;
    usize::try_from(left).unwrap_or(1)
}

impl BufRead for Input {
    /// Never across the end of a step: what a decoder gives before a fault depends on how much it was given at once, and must
    /// not depend on how the input came.
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let step = step(self.consumed);
        while self.data().len() < step && self.refill()? > 0 {}
        if self.data().is_empty() {
            self.hit_end = true;
        }
        let data = self.data();
        Ok(data.get(..step).unwrap_or(data))
    }

    fn consume(&mut self, length: usize) {
        let length = length.min(self.data().len());
        self.start = self.start.saturating_add(length);
        self.consumed = self.consumed.saturating_add(length as u64);
    }
}

impl Read for Input {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if space.is_empty() {
            return Ok(0);
        }
        let data = self.fill_buf()?;
        let count = data.len().min(space.len());
        for (to, from) in space.iter_mut().zip(data) {
            *to = *from;
        }
        self.consume(count);
        Ok(count)
    }
}
