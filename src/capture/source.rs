//! A growing window on the input: what has been read and not yet consumed.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::compression::{Broken, Compression, Decompressor, Flaw};
use super::limits::{Limits, too_much};
use super::unpacked::Unpacker;
use super::windows::{Window, WindowSize};

/// Octets asked for at once. Larger windows fall out of the processor's cache.
const CHUNK: usize = 256 << 10;
/// Octets asked for at once of a decoder, which has memory of its own.
const UNPACKED_CHUNK: usize = 64 << 10;
/// Octets asked for at first: opening a capture is cheap. More are asked for once the input gave all that it was asked for,
/// so a window is no larger than what a reader gives at once.
const FIRST: usize = 4 << 10;

/// The input and its window.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    /// `buffer[start..end]` is the window.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Octets consumed before the window.
    offset: u64,
    /// At least the number of records that were consumed.
    records: u64,
    /// The last read gave all that was asked for.
    plenty: bool,
    /// The reader said that nothing follows.
    at_end: bool,
    /// The end may move on: it is answered with `WouldBlock`.
    growing: bool,
    /// What follows is brought ([`Source::bring`]); what was not brought yet is answered with `WouldBlock`.
    by_windows: bool,
    /// The buffer is that of the window that was brought.
    borrowed: bool,
    packed: Option<Packed>,
}

/// What the window's octets are unpacked from.
struct Packed {
    compression: Compression,
    /// Compressed octets taken.
    taken: Arc<AtomicU64>,
    /// As many as that were taken for the window that was brought last, if nothing was read behind it: more may have been unpacked.
    brought: Option<u64>,
    limits: Limits,
}

impl Packed {
    fn taken(&self) -> u64 {
        self.brought.unwrap_or_else(|| self.taken.load(Ordering::Relaxed))
    }
}

impl Source {
    pub fn new(reader: Box<dyn Read + Send>) -> Source {
        Source {
            reader,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
            records: 0,
            plenty: false,
            at_end: false,
            growing: false,
            by_windows: false,
            borrowed: false,
            packed: None,
        }
    }

    /// From here on all that follows is brought: those are the octets from this one on. None if they cannot be, because it is
    /// unpacked, or grows.
    pub fn by_windows(&mut self) -> Option<u64> {
        self.by_windows = self.packed.is_none() && !self.growing && !self.at_end;
        self.by_windows.then(|| self.taken())
    }

    /// As [`Source::by_windows`], of what is unpacked: what unpacks it.
    pub fn by_unpacked_windows(&mut self, size: WindowSize) -> Option<Unpacker> {
        let packed = self.packed.as_mut().filter(|_| !self.growing && !self.at_end)?;
        self.by_windows = true;
        packed.brought = Some(packed.taken());
        let decoder = std::mem::replace(&mut self.reader, Box::new(io::empty()));
        Some(Unpacker::new(decoder, Arc::clone(&packed.taken), size))
    }

    /// Takes the octets that follow, until they are given back.
    pub fn bring(&mut self, window: &mut Window) {
        if let Some(packed) = &mut self.packed {
            packed.brought = window.packed();
        }
        let range = match window.lend(&mut self.buffer, self.start..self.end) {
            Some(range) => {
                self.borrowed = true;
                range
            }
            None => {
                self.buffer.copy_within(self.start..self.end, 0);
                self.buffer.truncate(self.end - self.start);
                self.buffer.extend_from_slice(window.octets());
                0..self.buffer.len()
            }
        };
        (self.start, self.end) = (range.start, range.end);
    }

    /// Gives the window back that was brought, and keeps what was not consumed.
    pub fn give_back(&mut self, window: &mut Window) {
        if std::mem::take(&mut self.borrowed) {
            window.take_back(&mut self.buffer, self.start..self.end);
            (self.start, self.end) = (0, self.buffer.len());
        }
    }

    /// What follows is read from here.
    pub fn go_on_with(&mut self, reader: Box<dyn Read + Send>) {
        self.reader = reader;
        self.by_windows = false;
    }

    /// Lets the end move on, or not any longer.
    pub fn set_growing(&mut self, growing: bool) {
        self.growing = growing;
    }

    /// Puts a decoder before an input of which nothing was consumed.
    pub fn decompress(self, compression: Compression, limits: &Limits) -> Source {
        let taken = Arc::new(AtomicU64::new(0));
        let decoder = Decompressor::new(
            compression,
            self.data().to_vec(),
            self.reader,
            Arc::clone(&taken),
            limits,
        );
        let mut source = Source::new(Box::new(decoder));
        source.packed = Some(Packed {
            compression,
            taken,
            brought: None,
            limits: *limits,
        });
        source
    }

    pub fn compression(&self) -> Option<Compression> {
        self.packed.as_ref().map(|packed| packed.compression)
    }

    /// Octets taken from the outermost input: compressed ones, if it is compressed.
    pub fn taken_outside(&self) -> u64 {
        match &self.packed {
            Some(packed) => packed.taken(),
            None => self.taken(),
        }
    }

    /// Whether the input ends with the window.
    pub fn at_end(&self) -> bool {
        self.at_end
    }

    /// As [`Source::fill`], but a failing input counts as an ending one.
    pub fn reach(&mut self, wanted: usize) -> io::Result<usize> {
        match self.fill(wanted) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Ok(self.data().len().min(wanted)),
            result => result,
        }
    }

    /// Reads until the window holds `wanted` octets or the input ends; returns how many it holds, at most `wanted`.
    ///
    /// The buffer grows with the octets that really arrive, at most twofold at a time, so that a length that lies costs
    /// no memory.
    pub fn fill(&mut self, wanted: usize) -> io::Result<usize> {
        while self.data().len() < wanted && !self.at_end {
            if self.by_windows {
                self.check_expansion()?;
                return Err(ErrorKind::WouldBlock.into());
            }
            if let Some(packed) = &mut self.packed {
                packed.brought = None;
            }
            self.make_room(wanted);
            let Some(space) = self.buffer.get_mut(self.end..) else {
                break;
            };
            match self.reader.read(space) {
                Ok(0) if self.growing => return Err(ErrorKind::WouldBlock.into()),
                Ok(0) => self.at_end = true,
                Ok(count) => {
                    self.plenty = count >= space.len();
                    self.end = self.end.saturating_add(count).min(self.buffer.len());
                    self.check_expansion()?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.data().len().min(wanted))
    }

    /// Stops a decoder that gives more than an honest capture can be.
    fn check_expansion(&self) -> io::Result<()> {
        let Some(packed) = &self.packed else {
            return Ok(());
        };
        let at = packed.taken();
        match too_much(&packed.limits, self.taken(), at, self.records) {
            None => Ok(()),
            Some(limit) => Err(io::Error::other(Broken {
                format: packed.compression.name(),
                flaw: Flaw::Limit(limit),
                at,
            })),
        }
    }

    /// Makes sure that there is space behind the window.
    fn make_room(&mut self, wanted: usize) {
        if self.start.saturating_add(wanted) > self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end.saturating_sub(self.start));
        }
        let chunk = if self.packed.is_some() {
            UNPACKED_CHUNK
        } else {
            CHUNK
        };
        let length = self.buffer.len();
        if self.end == length || (self.plenty && length < chunk) {
            let size = match length {
                0 => FIRST,
                length => length.saturating_mul(2).min(wanted.max(chunk)),
            };
            self.buffer.resize(size.max(self.end.saturating_add(1)), 0);
        }
    }

    /// All of the window.
    #[inline]
    pub fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The first `length` octets of the window, or what there is of them.
    pub fn head(&self, length: usize) -> &[u8] {
        let data = self.data();
        data.get(..length).unwrap_or(data)
    }

    /// Moves the window's start on.
    #[inline]
    pub fn consume(&mut self, length: usize) {
        let length = length.min(self.data().len());
        self.start = self.start.saturating_add(length);
        self.offset = self.offset.saturating_add(length as u64);
        self.records = self.records.wrapping_add(1);
    }

    /// What is consumed next are so many records.
    pub fn note_records(&mut self, records: u64) {
        self.records = self.records.wrapping_add(records);
    }

    /// Offset of the window's start in the input, octets.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Octets taken from the reader so far.
    pub fn taken(&self) -> u64 {
        self.offset.saturating_add(self.data().len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives `step` octets at a time, and is interrupted before each.
    struct Slow {
        left: Vec<u8>,
        step: usize,
        interrupted: bool,
    }

    impl Read for Slow {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(ErrorKind::Interrupted.into());
            }
            let count = self.step.min(space.len()).min(self.left.len());
            for (to, from) in space.iter_mut().zip(self.left.drain(..count)) {
                *to = from;
            }
            Ok(count)
        }
    }

    #[test]
    fn a_window_moves_over_the_input() {
        let bytes: Vec<u8> = (0..u8::MAX).collect();
        let mut source = Source::new(Box::new(Slow {
            left: bytes.clone(),
            step: 3,
            interrupted: false,
        }));
        let mut seen = Vec::new();
        while source.fill(10).expect("readable") > 0 {
            assert_eq!(source.offset(), seen.len() as u64);
            let head = source.head(10).to_vec();
            source.consume(head.len());
            seen.extend(head);
        }
        assert_eq!(seen, bytes);
        assert_eq!(source.taken(), bytes.len() as u64);
    }

    #[test]
    fn the_buffer_grows_only_with_what_arrives() {
        let mut source = Source::new(Box::new(&[7u8; 1_000_000][..]));
        assert_eq!(source.fill(usize::MAX).expect("readable"), 1_000_000);
        assert!(source.buffer.len() <= 2_000_000);
        let mut small = Source::new(Box::new(&[7u8; 10][..]));
        assert_eq!(small.fill(usize::MAX).expect("readable"), 10);
        assert_eq!(small.buffer.len(), FIRST);
    }
}
