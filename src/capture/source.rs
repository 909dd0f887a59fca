//! A growing window on the input: what has been read and not yet consumed.

use std::io::{self, ErrorKind, Read};

/// Octets asked for at once. Larger windows fall out of the processor's cache.
const CHUNK: usize = 256 << 10;

/// The input and its window.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    /// `buffer[start..end]` is the window.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Octets consumed before the window.
    offset: u64,
    /// The reader said that nothing follows.
    at_end: bool,
}

impl Source {
    pub fn new(reader: Box<dyn Read + Send>) -> Source {
        Source {
            reader,
            buffer: vec![0; CHUNK],
            start: 0,
            end: 0,
            offset: 0,
            at_end: false,
        }
    }

    /// Reads until the window holds `wanted` octets or the input ends; returns how many it holds, at most `wanted`.
    ///
    /// The buffer grows with the octets that really arrive, at most twofold at a time, so that a length that lies costs
    /// no memory.
    pub fn fill(&mut self, wanted: usize) -> io::Result<usize> {
        while self.data().len() < wanted && !self.at_end {
            self.make_room(wanted);
            let Some(space) = self.buffer.get_mut(self.end..) else {
                break;
            };
            match self.reader.read(space) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.end = self.end.saturating_add(count).min(self.buffer.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.data().len().min(wanted))
    }

    /// Makes sure that there is space behind the window.
    fn make_room(&mut self, wanted: usize) {
        if self.start.saturating_add(wanted) > self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end.saturating_sub(self.start));
        }
        if self.end == self.buffer.len() {
            let doubled = self.buffer.len().saturating_mul(2);
            self.buffer
                .resize(doubled.min(wanted.max(CHUNK)).max(self.end.saturating_add(1)), 0);
        }
    }

    /// All of the window.
    pub fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The first `length` octets of the window, or what there is of them.
    pub fn head(&self, length: usize) -> &[u8] {
        let data = self.data();
        data.get(..length).unwrap_or(data)
    }

    /// Moves the window's start on.
    pub fn consume(&mut self, length: usize) {
        let length = length.min(self.data().len());
        self.start = self.start.saturating_add(length);
        self.offset = self.offset.saturating_add(length as u64);
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
        assert_eq!(small.buffer.len(), CHUNK);
    }
}
