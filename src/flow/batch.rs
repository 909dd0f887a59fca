//! Segments on their way to the table of connections, and what the table does with most of them.

use std::hint::black_box;

use super::index::{Hash, Keyer};
use super::lean::{Lean, Wide};
use super::lives::Place;
use super::{FlowKey, Flows};
use crate::segment::{Scope, Segment};

/// Segments of which the memory is asked for at once.
const AT_ONCE: usize = 32;

/// Segments in capture order.
#[derive(Default)]
pub struct Batch {
    /// What most are, and the IPv6 addresses of some.
    segments: Vec<Lean>,
    wide: Wide,
    /// The others, and how many of `segments` each comes behind.
    others: Vec<Other>,
    behind: Vec<u32>,
}

/// A segment as it was read, and what it is looked up by.
struct Other {
    segment: Segment,
    key: FlowKey,
    hash: Hash,
}

impl Batch {
    /// Adds the next segment.
    #[inline]
    pub fn add(&mut self, segment: &Segment, keyer: &Keyer) {
        let hash = keyer.hash(segment);
        match Lean::of(segment, hash, &mut self.wide) {
            Some(lean) => self.segments.push(lean),
            None => self.add_other(segment, hash),
        }
    }

    #[cold]
    fn add_other(&mut self, segment: &Segment, hash: Hash) {
        self.behind
            .push(u32::try_from(self.segments.len()).unwrap_or(u32::MAX));
        self.others.push(Other {
            segment: *segment,
            key: FlowKey::of(segment),
            hash,
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.segments.len() + self.others.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn clear(&mut self) {
        self.segments.clear();
        self.wide.clear();
        self.others.clear();
        self.behind.clear();
    }
}

impl Flows {
    /// Takes the next segments in capture order, added with this table's [`Keyer`], and leaves the batch empty. Where their
    /// connections are many, most of the time is spent waiting for memory: that of some dozens is asked for at once.
    pub fn on_batch(&mut self, batch: &mut Batch) {
        let Batch {
            segments,
            wide,
            others,
            behind,
        } = batch;
        let mut others = behind.iter().zip(others.iter()).peekable();
        let mut place = 0;
        for some in segments.chunks(AT_ONCE) {
            let end = place + some.len() as u32; // of some thousand
            let coming = others.clone().take_while(|(behind, _)| **behind < end);
            let hashes = some.iter().map(|lean| lean.hash);
            self.fetch(hashes.chain(coming.map(|(_, other)| other.hash)));
            for lean in some {
                while let Some((_, other)) = others.next_if(|(behind, _)| **behind <= place) {
                    self.take(&other.key, other.hash, &other.segment);
                }
                place += 1;
                if !self.pass(lean, wide) {
                    self.take_whole(lean, wide);
                }
            }
        }
        others.for_each(|(_, other)| self.take(&other.key, other.hash, &other.segment));
        batch.clear();
    }

    /// Reads a little of everything that segments with these hashes will need.
    #[inline]
    fn fetch(&self, hashes: impl Iterator<Item = Hash>) {
        let mut handles = [None; 2 * AT_ONCE];
        let mut count = 0;
        for (handle, hash) in handles.iter_mut().zip(hashes) {
            *handle = self.current.glance(hash);
            count += 1;
        }
        let touched = handles[..count].iter().flatten();
        black_box(touched.fold(0, |sum, handle| sum ^ self.lives.touch(*handle)));
    }

    /// Takes a segment of a connection by the book that is by the book, or one that changes no more than numbers of another
    /// connection. False if this is none; nothing has changed then.
    #[inline]
    fn pass(&mut self, lean: &Lean, wide: &Wide) -> bool {
        if self.charged {
            return false;
        }
        let Some(handle) = self.current.glance(lean.hash) else {
            return false;
        };
        let [source, destination] = lean.ends(wide);
        let passed = match handle.place() {
            Place::Ordinary(slot) => {
                let Some(ordinary) = self.lives.ordinary_mut(slot) else {
                    return false;
                };
                let Some(from) = ordinary.syn.sender(source, destination) else {
                    return false;
                };
                let passing = lean.passing();
                passing.is_some_and(|passing| ordinary.book.take_passing(&passing, from))
                    || self.tell(slot, lean, wide)
            }
            Place::Life(slot) => self.lives.get_mut(slot).is_some_and(|life| {
                // Nothing competes with it for the segment.
                let alone = life.previous.is_none() && life.scope == Scope::default();
                let from = life.tracker.sender(source, destination).filter(|_| alone);
                from.zip(lean.passing())
                    .is_some_and(|(from, passing)| life.tracker.take_calmly(&passing, from))
            }),
            Place::Embryo(_) | Place::Waiting(_) => false,
        };
        self.segments_since = self.segments_since.saturating_add(u64::from(passed));
        passed
    }

    /// A segment of the connection by the book in this slot, which may tell something.
    #[inline(never)]
    fn tell(&mut self, slot: u32, lean: &Lean, wide: &Wide) -> bool {
        let segment = lean.segment(wide);
        let told = self.take_by_the_book(slot, &segment);
        if self.charged {
            self.look_at_limits(&segment);
        }
        told
    }

    #[inline(never)]
    fn take_whole(&mut self, lean: &Lean, wide: &Wide) {
        let segment = lean.segment(wide);
        self.take(&FlowKey::of(&segment), lean.hash, &segment);
    }
}
