//! How far the clocks of taps are apart, from segments that several of them saw.
//!
//! Each file keeps the segments with the lowest hashes of what copies have in common: files that saw the same traffic keep
//! the same ones, without knowing of each other. A segment that looks like another one of its file tells nothing and is left
//! out. Between two files that share enough of them, the difference of the clocks is the middle between the quarter and the
//! three quarters of the differences of times: where segments pass the two taps in either order, these are one way there
//! and one way back. Files are joined by the pairs that share most; the earliest of those that hang together keeps its clock.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::copies::likeness;
use crate::segment::Segment;
use crate::time::Timestamp;

/// Segments kept of a file.
const KEPT: usize = 512;
/// Segments that two files must share, at least: fewer say nothing of their clocks.
const LEAST: usize = 20;

/// Some segments of a file, with the effective times at which they passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sketch {
    /// By hash; no time for a hash that came more than once.
    kept: BTreeMap<u64, Option<Timestamp>>,
}

impl Sketch {
    /// Looks at the next segment, which passed at this time.
    #[inline]
    pub fn add(&mut self, segment: &Segment, time: Timestamp) {
        let hash = likeness(segment);
        if self.kept.len() >= KEPT
            && self
                .kept
                .last_key_value()
                .is_some_and(|(highest, _)| *highest < hash)
        {
            return;
        }
        self.kept
            .entry(hash)
            .and_modify(|known| *known = None)
            .or_insert(Some(time));
        if self.kept.len() > KEPT {
            self.kept.pop_last();
        }
    }

    /// The highest hash up to which all segments of the file are known.
    fn reach(&self) -> u64 {
        let full = self.kept.len() >= KEPT;
        let highest = self.kept.last_key_value().map(|(hash, _)| *hash);
        highest.filter(|_| full).unwrap_or(u64::MAX)
    }
}

/// What is known of the clock of one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// How far it is ahead of the clock of the file that it is measured by, nanoseconds.
    pub ahead_ns: i64,
    /// Segments that both have, of those kept; 0 if there is no other file to measure it by.
    pub shared: u64,
}

/// The clocks of files, in the order given: those that hang together by segments they share, relative to the first of them.
pub fn clocks(sketches: &[&Sketch]) -> Vec<Clock> {
    let mut seen: BTreeMap<u64, Vec<(usize, Timestamp)>> = BTreeMap::new();
    for (file, sketch) in sketches.iter().enumerate() {
        for (hash, time) in &sketch.kept {
            if let Some(time) = time {
                seen.entry(*hash).or_default().push((file, *time));
            }
        }
    }
    let mut differences: BTreeMap<(usize, usize), Vec<i64>> = BTreeMap::new();
    for (hash, times) in &seen {
        for (place, (a, at_a)) in times.iter().enumerate() {
            for (b, at_b) in times.iter().skip(place + 1) {
                let reach = |file: usize| sketches.get(file).map_or(0, |sketch| sketch.reach());
                if *hash <= reach(*a).min(reach(*b)) {
                    let difference = at_b.ns().saturating_sub(at_a.ns());
                    differences.entry((*a, *b)).or_default().push(difference);
                }
            }
        }
    }
    let mut pairs: Vec<(usize, usize, usize, i64)> = (differences.into_iter())
        .filter(|(_, all)| all.len() >= LEAST)
        .map(|((a, b), mut all)| {
            all.sort_unstable();
            let at = |quarter: usize| all.get((all.len() - 1) * quarter / 4).copied().unwrap_or(0);
            let (low, high) = (at(1), at(3));
            (all.len(), a, b, low.saturating_add(high.saturating_sub(low) / 2))
        })
        .collect();
    pairs.sort_unstable_by_key(|(shared, a, b, _)| (std::cmp::Reverse(*shared), *a, *b));
    join(sketches.len(), &pairs)
}

/// The tree of those pairs that share most, and each clock along it.
fn join(files: usize, pairs: &[(usize, usize, usize, i64)]) -> Vec<Clock> {
    let mut group: Vec<usize> = (0..files).collect();
    let mut clocks = vec![Clock::default(); files];
    for &(shared, a, b, b_ahead_of_a) in pairs {
        let (Some(&of_a), Some(&of_b)) = (group.get(a), group.get(b)) else {
            continue;
        };
        if of_a == of_b {
            continue;
        }
        // The group of the later file takes over the clock of the earlier one's.
        let ahead = |file: usize| clocks.get(file).map_or(0, |clock| clock.ahead_ns);
        let correct = ahead(a).saturating_add(b_ahead_of_a).saturating_sub(ahead(b));
        let (keeps, changes, correct) = match of_a < of_b {
            true => (of_a, of_b, correct),
            false => (of_b, of_a, correct.saturating_neg()),
        };
        for (clock, group) in clocks.iter_mut().zip(&mut group) {
            if *group == changes {
                *group = keeps;
                clock.ahead_ns = clock.ahead_ns.saturating_add(correct);
            }
        }
        for file in [a, b] {
            if let Some(clock) = clocks.get_mut(file) {
                clock.shared = clock.shared.max(shared as u64);
            }
        }
    }
    clocks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with segments of these hashes, by a clock that is so far ahead; it is so far away from where they pass first.
    fn sketch(hashes: impl IntoIterator<Item = u64>, ahead: i64, way: impl Fn(u64) -> i64) -> Sketch {
        let mut kept = BTreeMap::new();
        for hash in hashes {
            let passed = i64::try_from(hash).expect("small") * 1_000_000;
            kept.insert(hash, Some(Timestamp::from_ns(passed + ahead + way(hash))));
        }
        Sketch { kept }
    }

    #[test]
    fn clocks_are_told_by_shared_segments() {
        let still = |_| 0;
        // The second tap is 3 ms away: every other segment comes from its side.
        let away = |hash| if hash % 2 == 0 { 3_000_000 } else { -3_000_000 };
        let files = [
            sketch(0..100, 0, still),
            sketch(0..100, 300_000_000, away),
            sketch(1000..1100, 77, still),
            sketch(80..200, -5_000_000_000, still),
            sketch(500..510, 9, still),
            sketch(0..19, 9, still),
        ];
        let of = |ahead_ns, shared| Clock { ahead_ns, shared };
        let found = clocks(&files.iter().collect::<Vec<_>>());
        let expected = [
            of(0, 100),
            of(300_000_000, 100),
            of(0, 0),
            of(-5_000_000_000, 20),
            of(0, 0),
            of(0, 0),
        ];
        assert_eq!(found, expected);
    }

    /// Files of one tap have nothing in common, and hang together by those of another tap.
    #[test]
    fn rotated_files_are_joined_by_those_of_another_tap() {
        let still = |_| 0;
        let files = [
            sketch(100..200, 40, still),
            sketch(0..150, 0, still),
            sketch(200..300, 40, still),
            sketch(150..300, 0, still),
        ];
        let ahead: Vec<i64> = clocks(&files.iter().collect::<Vec<_>>())
            .iter()
            .map(|clock| clock.ahead_ns)
            .collect();
        assert_eq!(ahead, [0, -40, 0, -40]);
    }

    #[test]
    fn nothing_to_tell() {
        assert_eq!(clocks(&[]), []);
        assert_eq!(
            clocks(&[&Sketch::default(), &Sketch::default()]),
            [Clock::default(); 2]
        );
    }
}
