//! What is left when the capture has ended.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::by_birth::ByBirth;
use super::{Evicted, Totals};
use crate::time::Timestamp;
use crate::tracker::{Finished, Heir, Tracker, Usual};

/// The connections that are left when the capture has ended, in order of their first packets.
pub struct Rest {
    pub(super) totals: Totals,
    pub(super) evicted: Evicted,
    pub(super) lives: ByBirth,
    pub(super) end: Timestamp,
}

impl Rest {
    /// Where all connections went.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// What was given up for a limit.
    pub fn evicted(&self) -> &Evicted {
        &self.evicted
    }

    /// Shows those that are still to come, in any order, before the last word is said on what they wait for; those left out
    /// of which one SYN was seen, and nothing else.
    pub fn look_at_answered(&self, mut look: impl FnMut(&Tracker)) {
        self.lives.each_awake(|life| look(&life.tracker));
        self.lives.each_waiting(|tracker| look(&tracker));
    }

    /// The same connections, each with its number and the connection that took its 4-tuple over. None may be taken before.
    pub fn numbered(self) -> Numbered {
        Numbered {
            heirs: Arc::new(self.heirs()),
            lives: self.lives,
            end: self.end,
        }
    }

    /// The connections that took the 4-tuple of another one over, by the number of that one.
    fn heirs(&self) -> Heirs {
        let mut heirs = Heirs::default();
        // What took a 4-tuple over is not packed as long as it knows of the one before.
        self.lives.each_awake(|life| {
            if life.tracker.incarnation > 0
                && let Some(before) = &life.tracker.aside.predecessor
                && let Some(rank) = self.lives.rank(before.number.saturating_sub(1))
                && let Some(heir) = self
                    .lives
                    .rank(life.birth)
                    .and_then(|own| life.tracker.as_heir(own))
            {
                // The last one that names it.
                let known = heirs.entry(rank).or_insert(heir);
                if known.number < heir.number {
                    *known = heir;
                }
            }
        });
        heirs
    }
}

/// What took the 4-tuple of a connection over, by its number.
type Heirs = HashMap<u64, Heir, RandomState>;

/// The connections that are left, or a part of them, each with its number, from 1.
pub struct Numbered {
    lives: ByBirth,
    heirs: Arc<Heirs>,
    end: Timestamp,
}

impl Numbered {
    /// What the next one would tell, if that is only what is usual.
    pub fn usual(&mut self) -> Option<Usual> {
        let number = self.lives.number();
        self.lives.digest()?.usual(number)
    }

    /// Passes over the next one, which has told what is usual.
    pub fn pass(&mut self) {
        self.lives.pass();
    }

    /// Takes back what was given out and told, for its room.
    pub fn give_back(&mut self, told: Finished) {
        self.lives.give_back(told.tracker);
    }

    /// Keeps so many of those that are still to come. The others, which come behind them, are those of the result: each part
    /// can be told by a thread of its own.
    pub fn split_off(&mut self, count: usize) -> Numbered {
        Numbered {
            lives: self.lives.split_off(count),
            heirs: Arc::clone(&self.heirs),
            end: self.end,
        }
    }
}

/// The next one, at the end of the capture.
fn ended(lives: &mut ByBirth, end: Timestamp) -> Option<Box<Tracker>> {
    let mut tracker = lives.next()?.tracker;
    tracker.end(end);
    // Lives that turned out to be none leave gaps: predecessors are named by their place among those that stand.
    if tracker.aside.predecessor.is_some()
        && let Some(before) = &mut tracker.aside.predecessor
    {
        match lives.rank(before.number.saturating_sub(1)) {
            Some(number) => before.number = number,
            None => tracker.aside.predecessor = None,
        }
    }
    Some(tracker)
}

impl Iterator for Rest {
    type Item = Box<Tracker>;

    fn next(&mut self) -> Option<Box<Tracker>> {
        ended(&mut self.lives, self.end)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.lives.remaining(), Some(self.lives.remaining()))
    }
}

impl Iterator for Numbered {
    type Item = Finished;

    fn next(&mut self) -> Option<Finished> {
        let number = self.lives.number();
        let tracker = ended(&mut self.lives, self.end)?;
        Some(Finished {
            number,
            successor: self.heirs.get(&number).copied(),
            tracker,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.lives.remaining(), Some(self.lives.remaining()))
    }
}
