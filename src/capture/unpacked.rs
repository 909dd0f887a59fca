//! A compressed file read in windows: one thread unpacks what comes next while another one still parses what comes before it.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::windows::{Window, WindowSize};

/// Octets asked for at once of a decoder: at a fault it keeps back what it made of the last that it was asked for.
const STEP: usize = 64 << 10;

/// What is left of a compressed file, in windows. The last one is the first that is not full.
pub(crate) struct Unpacker {
    decoder: Box<dyn Read + Send>,
    /// Compressed octets taken.
    taken: Arc<AtomicU64>,
    size: WindowSize,
}

impl Unpacker {
    /// What this decoder gives, which counts there what it takes.
    pub(super) fn new(decoder: Box<dyn Read + Send>, taken: Arc<AtomicU64>, size: WindowSize) -> Unpacker {
        Unpacker { decoder, taken, size }
    }

    /// Unpacks the next window. What cannot be unpacked is not in it: who reads on learns why.
    pub fn read(&mut self, window: &mut Window) {
        let mut space = window.clear(self.size);
        let mut filled = 0;
        while !space.is_empty() {
            let step = space.len().min(STEP);
            let (next, _) = space.split_at_mut(step);
            match self.decoder.read(next) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    space = space.get_mut(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        window.fill(filled, Some(self.taken.load(Ordering::Relaxed)));
    }
}

impl Read for Unpacker {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{CaptureReader, Limits};

    /// A limit is met in the same place however much was unpacked ahead.
    #[test]
    fn what_was_unpacked_ahead_does_not_count() {
        let record = [[0; 8].as_slice(), &[60, 0, 0, 0, 60, 0, 0, 0], &[7; 60]].concat();
        let header = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 1_u32].map(u32::to_le_bytes);
        let octets = [header.concat(), record.repeat(20_000)].concat();
        let packed = zstd::encode_all(octets.as_slice(), 1).expect("packed");
        let limits = Limits {
            decompressed: 40_000,
            ..Limits::default()
        };
        let mut told = Vec::new();
        for ahead in [1, 5] {
            let source = Box::new(io::Cursor::new(packed.clone()));
            let mut reader = CaptureReader::from_reader_with("test", source, &limits).expect("a capture");
            let size = WindowSize::new(9_000, 100);
            let mut unpacker = reader.by_unpacked_windows(size).expect("a compressed one");
            let mut windows = Vec::new();
            let (error, packets) = loop {
                while windows.len() < ahead {
                    let mut window = Window::new();
                    unpacker.read(&mut window);
                    assert!(window.is_full() && window.is_unpacked());
                    windows.push(window);
                }
                let mut window = windows.remove(0);
                reader.bring(&mut window);
                let mut packets = 0;
                let ended = loop {
                    match reader.next_record() {
                        Ok(Some(_)) => packets += 1,
                        Ok(None) => break None,
                        Err(error) => break Some(error),
                    }
                };
                reader.give_back(&mut window);
                if let Some(error) = ended {
                    break (error.to_string(), packets);
                }
                assert!(reader.is_waiting());
            };
            assert!(error.contains("the limit of 40000 decompressed bytes"), "{error}");
            told.push((error, packets, reader.bytes_read()));
        }
        assert_eq!(told[0], told[1]);
    }
}
