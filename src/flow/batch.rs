//! Segments on their way to the table of connections, and what the table does with most of them.

use std::hint::black_box;

use super::index::Hash;
use super::lives::{Handle, Place};
use super::{FlowKey, Flows};
use crate::segment::{Lean, Scope, Segment, Wide};
use crate::tracker::passing::{Passing, sender};

/// Segments of which the memory is asked for at once.
const AT_ONCE: usize = 32;

/// Segments in capture order.
#[derive(Default)]
pub struct Batch {
    /// What most are, and the IPv6 addresses of some.
    segments: Vec<Lean>,
    wide: Wide,
    others: Vec<Other>,
}

/// A segment as it was read, and what it is looked up by.
struct Other {
    segment: Segment,
    hash: Hash,
    /// How many of the first kind it comes behind.
    behind: u32,
}

/// How many of the first kind the next of these comes behind.
fn behind(others: &[Other]) -> u32 {
    others.first().map_or(u32::MAX, |other| other.behind)
}

impl Batch {
    /// Adds the next segment, and what it is looked up by.
    pub(super) fn add(&mut self, segment: &Segment, hash: Hash) {
        match Lean::of(segment, &mut self.wide) {
            Some(mut lean) => {
                lean.hash = hash.0;
                self.segments.push(lean);
            }
            None => self.add_other(segment, hash),
        }
    }

    /// Adds the next segment, which came over IPv4.
    #[inline(always)]
    pub(super) fn add_lean(&mut self, mut lean: Lean, hash: Hash) {
        lean.hash = hash.0;
        self.segments.push(lean);
    }

    /// Adds the next segment, which came over IPv6; `wide` has its addresses.
    #[inline]
    pub(super) fn add_wide(&mut self, mut lean: Lean, wide: &mut Wide, hash: Hash) {
        lean.take_along(wide, &mut self.wide);
        self.add_lean(lean, hash);
    }

    #[cold]
    fn add_other(&mut self, segment: &Segment, hash: Hash) {
        self.others.push(Other {
            segment: *segment,
            hash,
            behind: u32::try_from(self.segments.len()).unwrap_or(u32::MAX),
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
    }
}

impl Flows {
    /// Takes the next segments in capture order, added by a [`Sorter`](super::Sorter) for this table, and leaves the batch empty. Where their
    /// connections are many, most of the time is spent waiting for memory: that of some dozens is asked for at once.
    pub fn on_batch(&mut self, batch: &mut Batch) {
        let Batch {
            segments,
            wide,
            others,
        } = batch;
        let mut others: &[Other] = others;
        let mut place = 0;
        for some in segments.chunks(AT_ONCE) {
            let end = place + some.len() as u32; // of some thousand
            let age = self.current.age();
            let handles = self.ask_for(some.iter().map(|lean| Hash(lean.hash)));
            let mut next = behind(others);
            if next < end {
                let coming = others.iter().take_while(|other| other.behind < end);
                self.ask_for(coming.map(|other| other.hash));
            }
            for (lean, handle) in some.iter().zip(handles) {
                if next <= place {
                    others = self.take_others(others, place);
                    next = behind(others);
                }
                place += 1;
                if !self.pass(lean, wide, handle, age) {
                    self.take_whole(lean, wide);
                }
            }
        }
        self.take_others(others, place);
        batch.clear();
    }

    /// Asks for the memory of the connections of segments with these hashes, and tells where those are most likely.
    #[inline]
    fn ask_for(&self, hashes: impl Iterator<Item = Hash> + Clone) -> [Option<Handle>; AT_ONCE] {
        if self.current.is_large() {
            black_box(hashes.clone().fold(0, |sum, hash| sum ^ self.current.touch(hash)));
        }
        let mut handles = [None; AT_ONCE];
        for (handle, hash) in handles.iter_mut().zip(hashes) {
            *handle = self.current.glance(hash);
        }
        black_box(self.lives.touch(&handles));
        handles
    }

    /// Takes those that come behind no more segments than this, and returns the rest.
    #[inline(never)]
    fn take_others<'a>(&mut self, others: &'a [Other], place: u32) -> &'a [Other] {
        let count = others.iter().take_while(|other| other.behind <= place).count();
        let (now, later) = others.split_at(count);
        for other in now {
            self.take(&FlowKey::of(&other.segment), other.hash, &other.segment);
        }
        later
    }

    /// Takes a segment of a connection by the book that is by the book, or one that changes no more than numbers of another
    /// connection. False if this is none; nothing has changed then.
    ///
    /// `handle` leads to the connection, or did when the index was of this `age`.
    #[inline]
    fn pass(&mut self, lean: &Lean, wide: &Wide, handle: Option<Handle>, age: u64) -> bool {
        if self.charged {
            return false;
        }
        let place = match handle.map(Handle::place) {
            // Where it leads there is this connection, or one between other addresses, or none.
            Some(Place::Ordinary(slot)) => Place::Ordinary(slot),
            Some(Place::Life(slot)) if self.current.age() == age => Place::Life(slot),
            _ => match self.current.glance(Hash(lean.hash)) {
                Some(handle) => handle.place(),
                None => return false,
            },
        };
        let passed = match place {
            Place::Ordinary(slot) => {
                let Some(ordinary) = self.lives.ordinary_mut(slot) else {
                    return false;
                };
                let Some(from) = ordinary.sender(lean, wide) else {
                    return false;
                };
                let passing = Passing::lean(lean);
                passing.is_some_and(|passing| ordinary.book.take_passing(&passing, from))
                    || self.tell(slot, lean, wide)
            }
            Place::Life(slot) => self.lives.get_mut(slot).is_some_and(|life| {
                // Nothing competes with it for the segment.
                let alone = life.previous.is_none() && life.scope == Scope::default();
                let from = sender(&life.tracker.addresses, lean, wide).filter(|_| alone);
                from.zip(Passing::lean(lean))
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
        self.take(&FlowKey::of(&segment), Hash(lean.hash), &segment);
    }
}
