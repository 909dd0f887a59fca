//! Where segments came from, by the order in which they were tracked.
//!
//! A tracker names packets by numbers that only have to grow; that of a segment here is its place in the order of tracking.
//! What stands in the result is the packet in its file. Both ends of that way are here: places are only added at the end and
//! seldom looked up, so they are kept in small blocks of differences, some five octets each, and in a temporary file beyond a
//! bound. Memory does not grow with the segments, but for eight octets in [`BLOCK`] of them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::Position;
use crate::time::Timestamp;
use crate::varint::{put_signed, take_signed};

/// Positions in a block.
const BLOCK: u64 = 64;
/// Octets of blocks in memory; beyond, they go to the file.
const IN_MEMORY: usize = 16 << 20;

/// The positions of segments, numbered from 1 as they come.
#[derive(Default)]
pub(super) struct Places {
    /// How many there are.
    count: u64,
    /// Where each block begins, in `file` and `blocks` put together.
    begins: Vec<u64>,
    /// Those that are not in the file; the last one may grow.
    blocks: Vec<u8>,
    /// Octets in the file, which stand before `blocks`.
    filed: u64,
    file: Option<File>,
    newest: Option<Position>,
    /// The block that was looked at last, and which one it is.
    looked_at: Vec<Position>,
    which: Option<usize>,
}

impl Places {
    /// Adds one, and says its number.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be made or written.
    pub fn add(&mut self, position: Position) -> io::Result<u64> {
        if self.count.is_multiple_of(BLOCK) {
            if self.blocks.len() >= IN_MEMORY {
                self.put_away()?;
            }
            self.begins
                .push(self.filed.saturating_add(self.blocks.len() as u64));
            self.newest = None;
        }
        let before = self.newest.replace(position);
        put(&mut self.blocks, position, before);
        self.count += 1;
        let last = usize::try_from((self.count - 1) / BLOCK).ok();
        if self.which == last {
            self.which = None; // it has grown
        }
        Ok(self.count)
    }

    /// The position with this number; none if there is none.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be read.
    pub fn get(&mut self, number: u64) -> io::Result<Option<Position>> {
        let Some(place) = number.checked_sub(1).filter(|place| *place < self.count) else {
            return Ok(None);
        };
        let Ok(block) = usize::try_from(place / BLOCK) else {
            return Ok(None);
        };
        if self.which != Some(block) {
            self.look_at(block)?;
        }
        let inside = usize::try_from(place % BLOCK).unwrap_or(usize::MAX);
        Ok(self.looked_at.get(inside).copied())
    }

    fn look_at(&mut self, block: usize) -> io::Result<()> {
        self.which = None;
        self.looked_at.clear();
        let Some(begin) = self.begins.get(block).copied() else {
            return Ok(());
        };
        let written;
        let octets = match begin.checked_sub(self.filed) {
            Some(inside) => usize::try_from(inside)
                .ok()
                .and_then(|inside| self.blocks.get(inside..)),
            None => {
                let end = self.begins.get(block + 1).copied().unwrap_or(self.filed);
                let length = usize::try_from(end.saturating_sub(begin)).map_err(io::Error::other)?;
                let mut octets = vec![0; length];
                if let Some(file) = &mut self.file {
                    file.seek(SeekFrom::Start(begin))?;
                    file.read_exact(&mut octets)?;
                }
                written = octets;
                Some(written.as_slice())
            }
        };
        let mut octets = octets.unwrap_or_default();
        let mut before = None;
        while (self.looked_at.len() as u64) < BLOCK {
            let Some(position) = take(&mut octets, before) else {
                break;
            };
            self.looked_at.push(position);
            before = Some(position);
        }
        self.which = Some(block);
        Ok(())
    }

    fn put_away(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.seek(SeekFrom::Start(self.filed))?;
        file.write_all(&self.blocks)?;
        self.filed = self.filed.saturating_add(self.blocks.len() as u64);
        self.blocks.clear();
        Ok(())
    }
}

/// Appends a position as its differences to the one before in its block.
fn put(into: &mut Vec<u8>, position: Position, before: Option<Position>) {
    let before = before.unwrap_or(START);
    put_signed(into, position.time.ns().wrapping_sub(before.time.ns()));
    put_signed(
        into,
        i64::from(position.file).wrapping_sub(i64::from(before.file)),
    );
    put_signed(into, position.number.wrapping_sub(before.number).cast_signed());
}

fn take(from: &mut &[u8], before: Option<Position>) -> Option<Position> {
    let before = before.unwrap_or(START);
    let time = before.time.ns().wrapping_add(take_signed(from)?);
    let file = i64::from(before.file).wrapping_add(take_signed(from)?);
    let number = before.number.wrapping_add(take_signed(from)?.cast_unsigned());
    Some(Position {
        time: Timestamp::from_ns(time),
        file: u32::try_from(file).ok()?,
        number,
    })
}

const START: Position = Position {
    time: Timestamp::from_ns(0),
    file: 0,
    number: 0,
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn position() -> impl Strategy<Value = Position> {
        (any::<i64>(), any::<u32>(), any::<u64>()).prop_map(|(time, file, number)| Position {
            time: Timestamp::from_ns(time),
            file,
            number,
        })
    }

    proptest! {
        #[test]
        fn any_position_is_found_again(positions in proptest::collection::vec(position(), 0..40)) {
            let mut places = Places::default();
            for (place, position) in (1..).zip(&positions) {
                prop_assert_eq!(places.add(*position).expect("memory"), place);
                prop_assert_eq!(places.get(place).expect("memory"), Some(*position));
            }
            for (place, position) in (1..).zip(&positions) {
                prop_assert_eq!(places.get(place).expect("memory"), Some(*position));
            }
            prop_assert_eq!(places.get(0).expect("memory"), None);
            prop_assert_eq!(places.get(positions.len() as u64 + 1).expect("memory"), None);
        }
    }

    /// Files that take turns, and times that make many octets: more than memory may hold.
    #[test]
    fn beyond_the_bound_they_stand_in_a_file() {
        let mut places = Places::default();
        let of = |place: u64| Position {
            time: Timestamp::from_ns((place as i64).wrapping_mul(0x1234_5678_9abc_def1)),
            file: u32::try_from(place % 7).expect("small"),
            number: place / 7,
        };
        let count = 2_000_000;
        for place in 1..=count {
            places.add(of(place)).expect("space");
        }
        assert!(places.file.is_some() && places.blocks.len() < IN_MEMORY + 4096);
        for place in (1..=count).step_by(9973).chain([1, 64, 65, count]) {
            assert_eq!(places.get(place).expect("a file"), Some(of(place)), "{place}");
        }
    }
}
