//! One segment seen at two taps: its copy in another file is no segment of its own.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashMap;

use super::timeline::{Place, overlap};
use crate::segment::{Endpoint, Flags, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;

/// How much later a copy may pass another tap, by default, nanoseconds: longer than the way between two taps mostly takes,
/// and no longer than the shortest retransmission timeout in wide use (Linux: 200 ms).
const WINDOW: i64 = 200_000_000;
/// Segments that are remembered, at most.
const MOST: usize = 1 << 18;
/// Pairs of files that are counted apart, at most.
const MOST_PAIRS: usize = 1 << 16;

/// Whether copies of a segment in other files are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dedup {
    /// Between files that overlap in time, within 200 ms.
    #[default]
    Auto,
    /// Between any two files, within so many nanoseconds.
    Within(i64),
    /// Never.
    Off,
}

/// Recognises a segment that another file held already.
///
/// A copy is equal in all that decides a state: addresses, ports, sequence and acknowledgment number, control bits, window,
/// length, time stamps and SACK blocks, and in the identification of the IPv4 packet. VLAN tags, tunnels, the TTL and the
/// checksum (which a network card may fill in behind the tap) may differ.
///
/// Copies are matched one to one: the second copy in a file stands for the second one in the other. So a retransmission
/// that two taps saw stays one retransmission.
#[derive(Clone)]
pub struct Copies {
    /// Nanoseconds; `None` to look for none.
    window: Option<i64>,
    /// Only between files that overlap in time.
    overlapping_only: bool,
    /// Segments let through lately, oldest first.
    recent: VecDeque<(Timestamp, u128)>,
    known: HashMap<u128, Seen, RandomState>,
    seeds: [RandomState; 2],
    pairs: HashMap<(usize, usize), u64, RandomState>,
    forgotten: u64,
}

/// What is known of segments that look alike.
#[derive(Clone)]
struct Seen {
    /// How many were let through.
    passed: u64,
    /// How many of them are too old to have copies.
    expired: u64,
    /// The file of the newest one let through; it has seen them all.
    newest: usize,
    /// How many of them other files have seen, by file, in order of the files.
    others: Vec<(usize, u64)>,
}

/// What a copy has in common with its original.
#[derive(Hash)]
struct Likeness {
    source: Endpoint,
    destination: Endpoint,
    seq: Seq,
    ack: u32,
    flags: Flags,
    window: u16,
    payload_len: u32,
    ip_id: Option<u16>,
    timestamps: Option<(u32, u32)>,
    sack: [Option<(Seq, Seq)>; 4],
}

impl Copies {
    /// For so many files.
    pub fn new(dedup: Dedup, files: usize) -> Copies {
        let (window, overlapping_only) = match dedup {
            Dedup::Auto => (Some(WINDOW), true),
            Dedup::Within(window) => (Some(window), false),
            Dedup::Off => (None, false),
        };
        Copies {
            window: window.filter(|_| files > 1),
            overlapping_only,
            recent: VecDeque::new(),
            known: HashMap::default(),
            seeds: [RandomState::default(), RandomState::default()],
            pairs: HashMap::default(),
            forgotten: 0,
        }
    }

    /// Whether a segment at this place can be a copy, or have one.
    #[inline]
    pub fn looks_at(&mut self, place: &Place<'_>) -> bool {
        self.window.is_some_and(|window| {
            self.expire(place.time, window);
            let awaited = place.next.is_some_and(|next| next.since(place.time) <= window);
            awaited || !self.recent.is_empty()
        })
    }

    /// Whether this segment is the copy of one in another file. Segments come in the order of the timeline.
    #[inline]
    pub fn is_copy(&mut self, place: &Place<'_>, segment: &Segment) -> bool {
        self.looks_at(place) && self.is_copy_within(place, segment)
    }

    fn is_copy_within(&mut self, place: &Place<'_>, segment: &Segment) -> bool {
        let key = self.key(segment);
        let file = place.file;
        if let Some(seen) = self.known.get_mut(&key) {
            if seen.newest != file {
                let of = seen.newest;
                let far = self.overlapping_only && !overlap(place.spans, of, file);
                let index = seen.others.binary_search_by_key(&file, |(other, _)| *other);
                let count = index
                    .ok()
                    .and_then(|index| seen.others.get(index))
                    .map_or(0, |(_, count)| *count)
                    .max(seen.expired);
                if count < seen.passed && !far {
                    let entry = (file, count.saturating_add(1));
                    match index {
                        Ok(index) => {
                            if let Some(place) = seen.others.get_mut(index) {
                                *place = entry;
                            }
                        }
                        Err(index) => seen.others.insert(index, entry),
                    }
                    if self.pairs.len() < MOST_PAIRS || self.pairs.contains_key(&(file, of)) {
                        *self.pairs.entry((file, of)).or_insert(0) += 1;
                    }
                    return true;
                }
                if let Ok(index) = index {
                    seen.others.remove(index);
                }
                if let Err(index) = seen.others.binary_search_by_key(&of, |(other, _)| *other) {
                    seen.others.insert(index, (of, seen.passed));
                }
                seen.newest = file;
            }
            seen.passed = seen.passed.saturating_add(1);
        } else {
            let seen = Seen {
                passed: 1,
                expired: 0,
                newest: file,
                others: Vec::new(),
            };
            self.known.insert(key, seen);
        }
        self.recent.push_back((place.time, key));
        if self.recent.len() > MOST {
            self.forgotten += 1;
            self.forget_oldest();
        }
        false
    }

    /// Forgets all segments: those that come have no copies among those that came.
    pub fn begin_anew(&mut self) {
        self.recent.clear();
        self.known.clear();
    }

    /// How many segments were forgotten before the window had passed, because there were too many: their copies were not
    /// looked for to the end.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many segments of the first file are copies of one of the second, by indices of files, in their order.
    pub fn pairs(&self) -> Vec<(usize, usize, u64)> {
        let mut pairs: Vec<_> = self
            .pairs
            .iter()
            .map(|((file, of), count)| (*file, *of, *count))
            .collect();
        pairs.sort_unstable();
        pairs
    }

    fn expire(&mut self, now: Timestamp, window: i64) {
        while self
            .recent
            .front()
            .is_some_and(|(time, _)| now.since(*time) > window)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, key)) = self.recent.pop_front() else {
            return;
        };
        if let Some(seen) = self.known.get_mut(&key) {
            seen.expired = seen.expired.saturating_add(1);
            if seen.expired >= seen.passed {
                self.known.remove(&key);
            }
        }
    }

    /// 128 bits of two seeded hashes stand for the likeness: two that differ meet by chance alone, and never in practice.
    fn key(&self, segment: &Segment) -> u128 {
        let likeness = Likeness::of(segment);
        let [high, low] = self.seeds.each_ref().map(|seed| seed.hash_one(&likeness));
        u128::from(high) << 64 | u128::from(low)
    }
}

impl Likeness {
    fn of(segment: &Segment) -> Likeness {
        Likeness {
            source: segment.source,
            destination: segment.destination,
            seq: segment.seq,
            ack: segment.raw_ack,
            flags: segment.flags,
            window: segment.window,
            payload_len: segment.payload_len,
            ip_id: segment.ip_id,
            timestamps: segment.options.timestamps,
            sack: segment.options.sack,
        }
    }
}

/// What copies of a segment have in common, as a number that is the same wherever it is made.
pub(super) fn likeness(segment: &Segment) -> u64 {
    FixedState::default().hash_one(Likeness::of(segment))
}
