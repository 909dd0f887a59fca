//! A plain file read in windows, by whoever has time to: several threads copy at once what one of them parses then, in the order
//! of the file.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::sync::Arc;

use super::{CaptureReader, Unpacker};

/// How large windows are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowSize {
    octets: usize,
    /// Room before them, for a record that began in the window before.
    head: usize,
}

impl WindowSize {
    /// One that stays in the processor's cache until it is parsed.
    pub const USUAL: WindowSize = WindowSize {
        octets: 256 << 10,
        head: 64 << 10,
    };

    /// One of unpacked octets.
    pub const UNPACKED: WindowSize = WindowSize {
        octets: 256 << 10,
        head: 64 << 10,
    };

    /// Another one.
    #[cfg(test)]
    pub const fn new(octets: usize, head: usize) -> WindowSize {
        WindowSize { octets, head }
    }

    /// Octets of each window.
    pub fn octets(self) -> u64 {
        self.octets as u64
    }
}

/// Octets of a page of memory.
const PAGE: usize = 4 << 10;
/// Octets go to a place that lies by so many behind theirs in a page. Processors copy slowly where it is less, but not nothing: on
/// an AMD EPYC 2.5 times as slowly below 16, 1.2 times below 32.
const BEHIND: usize = 64;

/// Octets that follow each other in a file.
#[derive(Default)]
pub(crate) struct Window {
    buffer: Vec<u8>,
    /// Where they begin there, how many there are, and how many may be put before them.
    head: usize,
    filled: usize,
    room: usize,
    /// As many as there can be.
    full: bool,
    /// Compressed octets that were taken up to its end, if they were unpacked.
    packed: Option<u64>,
}

/// A file from some octet on, in windows numbered from 0. The last one is the first that is not full.
#[derive(Debug)]
pub(crate) struct Windows {
    file: Arc<File>,
    begin: u64,
    size: WindowSize,
}

impl Window {
    /// An empty one, which takes no memory yet.
    pub fn new() -> Window {
        Window::default()
    }

    /// How many octets of the file it has.
    pub fn filled(&self) -> usize {
        self.filled
    }

    /// Whether it may have another one behind it.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// Whether its octets were unpacked.
    pub fn is_unpacked(&self) -> bool {
        self.packed.is_some()
    }

    /// Compressed octets that were taken up to its end, if its octets were unpacked.
    pub(super) fn packed(&self) -> Option<u64> {
        self.packed
    }

    /// Room for the octets of a window of this size.
    pub(super) fn clear(&mut self, size: WindowSize) -> &mut [u8] {
        let WindowSize { octets, head } = size;
        self.buffer.resize(head + octets, 0);
        (self.head, self.room, self.filled) = (head, head, 0);
        self.buffer.get_mut(head..).unwrap_or_default()
    }

    /// So many were written to the room that there was for them, out of compressed ones of which so many were taken.
    pub(super) fn fill(&mut self, filled: usize, packed: Option<u64>) {
        self.filled = filled;
        self.full = self.head + filled == self.buffer.len();
        self.packed = packed;
    }

    /// Its octets.
    pub(super) fn octets(&self) -> &[u8] {
        self.buffer
            .get(self.head..self.head + self.filled)
            .unwrap_or_default()
    }

    /// Exchanges its buffer for this one, after it has put what is there in this range before its own octets: all that is then
    /// there in the range that is returned. None if there is no room for it; nothing has changed then.
    pub(super) fn lend(&mut self, buffer: &mut Vec<u8>, range: Range<usize>) -> Option<Range<usize>> {
        let before = buffer.get(range)?;
        let fits = before.len() <= self.room;
        let start = self.head.checked_sub(before.len()).filter(|_| fits)?;
        self.buffer.get_mut(start..self.head)?.copy_from_slice(before);
        std::mem::swap(&mut self.buffer, buffer);
        Some(start..self.head + self.filled)
    }

    /// Takes its buffer back; what is there in this range goes into the one that it got for it.
    pub(super) fn take_back(&mut self, buffer: &mut Vec<u8>, range: Range<usize>) {
        self.buffer.clear();
        self.buffer
            .extend_from_slice(buffer.get(range).unwrap_or_default());
        std::mem::swap(&mut self.buffer, buffer);
    }
}

impl Windows {
    /// This file from some octet on.
    pub fn new(file: File, begin: u64, size: WindowSize) -> Windows {
        Windows {
            file: Arc::new(file),
            begin,
            size,
        }
    }

    /// Reads the window with this number. What cannot be read is not in it: who reads the file on from there learns why.
    pub fn read(&self, number: u64, window: &mut Window) {
        let WindowSize { octets, head: room } = self.size;
        let begin = number.saturating_mul(octets as u64).saturating_add(self.begin);
        window.buffer.resize(room + PAGE + octets, 0);
        let place = window.buffer.as_ptr().addr().wrapping_add(room);
        let behind = place.wrapping_sub(begin as usize).wrapping_sub(BEHIND) % PAGE;
        let head = room + (PAGE - behind) % PAGE;
        (window.head, window.filled, window.room) = (head, 0, room);
        while let Some(space) = window.buffer.get_mut(head + window.filled..head + octets)
            && !space.is_empty()
        {
            match read_at(&self.file, space, begin.saturating_add(window.filled as u64)) {
                Ok(0) => break,
                Ok(count) => window.filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        (window.full, window.packed) = (window.filled == octets, None);
    }

    /// The file from some octet on, read by one alone.
    pub fn rest(&self, offset: u64) -> Box<dyn Read + Send> {
        Box::new(Rest {
            file: Arc::clone(&self.file),
            offset,
        })
    }
}

impl CaptureReader {
    /// From here on the octets of the file are brought in windows: those from this one on. None if they cannot be.
    pub(crate) fn by_windows(&mut self) -> Option<u64> {
        self.source.by_windows()
    }

    /// As [`CaptureReader::by_windows`], of a compressed file: what unpacks them.
    pub(crate) fn by_unpacked_windows(&mut self, size: WindowSize) -> Option<Unpacker> {
        self.source.by_unpacked_windows(size)
    }

    /// Takes the next window until it is given back. Where the octets that were brought end, that is the end for now
    /// ([`CaptureReader::is_waiting`]).
    pub(crate) fn bring(&mut self, window: &mut Window) {
        self.source.bring(window);
    }

    /// Gives the window back; what it still needs of it, it keeps.
    pub(crate) fn give_back(&mut self, window: &mut Window) {
        self.source.consume(std::mem::take(&mut self.lent));
        self.source.give_back(window);
    }

    /// Reads on by itself, behind the windows that were brought: what there is from this octet on.
    pub(crate) fn go_on(&mut self, rest: impl FnOnce(u64) -> Box<dyn Read + Send>) {
        self.source.go_on_with(rest(self.source.taken()));
        self.waiting = false;
    }
}

/// What is left of a file that was read in windows.
struct Rest {
    file: Arc<File>,
    offset: u64,
}

impl Read for Rest {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, space, self.offset)?;
        self.offset = self.offset.saturating_add(count as u64);
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, space: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, space, offset)
}

#[cfg(windows)]
fn read_at(file: &File, space: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, space, offset)
}

#[cfg(not(any(unix, windows)))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}
