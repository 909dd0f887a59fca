//! Which connections get a lane: those that need attention most, and an even sample of the others.

use std::collections::BinaryHeap;

use super::lane::Lane;
use crate::model::Connection;
use crate::select::Need;

/// Those that need attention most, and of the rest as many taken without regard of what they are. The sample is the same in
/// each run: it follows from the numbers of the connections.
#[derive(Debug)]
pub(super) struct Sample {
    foremost: BinaryHeap<Kept<(Need, u64)>>,
    others: BinaryHeap<Kept<u64>>,
    most_foremost: usize,
    most_others: usize,
    total: u64,
}

#[derive(Debug)]
struct Kept<K> {
    key: K,
    lane: Lane,
}

impl<K: Ord> PartialEq for Kept<K> {
    fn eq(&self, other: &Kept<K>) -> bool {
        self.key == other.key
    }
}

impl<K: Ord> Eq for Kept<K> {}

impl<K: Ord> PartialOrd for Kept<K> {
    fn partial_cmp(&self, other: &Kept<K>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> Ord for Kept<K> {
    fn cmp(&self, other: &Kept<K>) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl Sample {
    pub fn new(most_foremost: usize, most_others: usize) -> Sample {
        Sample {
            foremost: BinaryHeap::new(),
            others: BinaryHeap::new(),
            most_foremost,
            most_others,
            total: 0,
        }
    }

    /// Shows it the next connection.
    pub fn add(&mut self, connection: &Connection) {
        self.total += 1;
        let key = (Need::of(connection), self.total);
        if self.foremost.len() < self.most_foremost {
            let lane = Lane::of(connection);
            return self.foremost.push(Kept { key, lane });
        }
        let given_up = match self.foremost.peek_mut() {
            Some(mut least) if key < least.key => {
                let lane = Lane::of(connection);
                Some(std::mem::replace(&mut *least, Kept { key, lane }).lane)
            }
            Some(_) | None => None,
        };
        if let Some(lane) = given_up {
            return self.offer(mixed(lane.id), || lane);
        }
        self.offer(mixed(connection.id), || Lane::of(connection));
    }

    /// Keeps it if its place in an order that has nothing to do with what it is comes early enough.
    fn offer(&mut self, key: u64, lane: impl FnOnce() -> Lane) {
        if self.others.len() < self.most_others {
            self.others.push(Kept { key, lane: lane() });
        } else if let Some(mut last) = self.others.peek_mut()
            && key < last.key
        {
            *last = Kept { key, lane: lane() };
        }
    }

    pub fn total(&self) -> u64 {
        self.total
    }

    /// Those that need attention most, in that order, and those taken evenly from the rest: so are the first ones of these.
    pub fn told(self) -> (Vec<Lane>, Vec<Lane>) {
        let foremost = self.foremost.into_sorted_vec();
        let others = self.others.into_sorted_vec();
        (
            foremost.into_iter().map(|kept| kept.lane).collect(),
            others.into_iter().map(|kept| kept.lane).collect(),
        )
    }
}

/// A number's place in an order that mixes them well (the finalizer of SplitMix64).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
