//! The segments of a batch by connection: in capture order they alternate, and each change costs the time to look the next
//! connection up and to fetch it.

use super::index::Hash;

/// Behind the last one.
const NONE: u32 = u32::MAX;

/// Segments with one hash: of one connection, most likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// What they have in common.
    pub hash: Hash,
    /// The number of the first one.
    pub first: u32,
    last: u32,
}

/// Segments, by their numbers from 0 on, in runs: these in the order of their first ones, each in the order in which its segments
/// were added.
#[derive(Clone, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    /// By the lowest bits of the hash, and from there on: one more than the place of a run, or zero.
    heads: Vec<u32>,
    /// The one behind each segment in its run.
    next: Vec<u32>,
}

impl Runs {
    /// Forgets all, and gets ready for so many segments.
    pub fn begin(&mut self, segments: usize) {
        self.runs.clear();
        self.heads.clear();
        self.heads
            .resize(segments.saturating_mul(2).next_power_of_two(), 0);
        self.next.clear();
        self.next.resize(segments, NONE);
    }

    /// Adds a segment. Each is added once, and there are no more than there was said.
    #[inline]
    pub fn add(&mut self, segment: u32, hash: Hash) {
        let mask = self.heads.len().wrapping_sub(1);
        let mut at = hash.0 as usize & mask;
        while let Some(head) = self.heads.get_mut(at) {
            match self.runs.get_mut(head.wrapping_sub(1) as usize) {
                Some(run) if run.hash == hash => {
                    if let Some(next) = self.next.get_mut(run.last as usize) {
                        *next = segment;
                    }
                    run.last = segment;
                    return;
                }
                Some(_) => at = (at + 1) & mask,
                None => {
                    self.runs.push(Run {
                        hash,
                        first: segment,
                        last: segment,
                    });
                    *head = self.runs.len() as u32; // no more than segments
                    return;
                }
            }
        }
    }

    /// The runs.
    pub fn all(&self) -> &[Run] {
        &self.runs
    }

    /// The segment behind this one in its run.
    #[inline]
    pub fn after(&self, segment: u32) -> Option<u32> {
        let next = self.next.get(segment as usize).copied();
        next.filter(|next| *next != NONE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few hashes, many of which share their lowest bits, and all of them different ones; twice, with the same room.
        #[test]
        fn each_segment_is_in_the_run_of_its_hash(
            batches in prop::collection::vec(prop::collection::vec((0..9u32, 0..9u32), 0..200), 2),
            apart: bool,
        ) {
            let mut runs = Runs::default();
            for batch in batches {
                let hashes = batch.iter().enumerate().map(|(number, (high, low))| {
                    if apart { number as u32 } else { high << 16 | low }
                });
                let hashes: Vec<u32> = hashes.collect();
                let mut expected: Vec<(u32, Vec<u32>)> = Vec::new();
                runs.begin(hashes.len());
                for (number, hash) in (0..).zip(&hashes) {
                    runs.add(number, Hash(*hash));
                    match expected.iter_mut().find(|(other, _)| other == hash) {
                        Some((_, run)) => run.push(number),
                        None => expected.push((*hash, vec![number])),
                    }
                }
                let members = |run: &Run| std::iter::successors(Some(run.first), |number| runs.after(*number)).collect();
                let found: Vec<(u32, Vec<u32>)> = runs.all().iter().map(|run| (run.hash.0, members(run))).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
