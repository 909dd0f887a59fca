//! What is left when the capture has ended.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::lives::ByBirth;
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
        self.lives.awake().for_each(|(_, life)| look(&life.tracker));
        self.lives
            .waiting()
            .for_each(|waiting| look(&waiting.tracker.unpack()));
    }

    /// The same connections, each with its number and the connection that took its 4-tuple over. None may be taken before.
    pub fn numbered(self) -> Numbered {
        Numbered {
            heirs: self.heirs(),
            rest: self,
            told: 0,
        }
    }

    /// The connections that took the 4-tuple of another one over, by the number of that one.
    fn heirs(&self) -> HashMap<u64, Heir, RandomState> {
        // What took a 4-tuple over is not packed as long as it knows of the one before.
        let later = self.lives.awake();
        let heirs = later.filter(|(_, life)| life.tracker.incarnation > 0);
        heirs
            .filter_map(|(number, life)| {
                let before = life.tracker.aside.predecessor.as_ref()?;
                let rank = self.lives.rank(before.number.saturating_sub(1))?;
                Some((rank, life.tracker.as_heir(number)?))
            })
            .collect()
    }
}

/// The connections that are left, each with its number, from 1.
pub struct Numbered {
    rest: Rest,
    /// What took the 4-tuple of a connection over, by its number.
    heirs: HashMap<u64, Heir, RandomState>,
    told: u64,
}

impl Numbered {
    /// What the next one would tell, if that is only what is usual.
    pub fn usual(&self) -> Option<Usual> {
        let next = self.rest.lives.next_ordinary()?;
        let close = next.book.usual_close()?;
        let syn = next.syn.segment();
        Some(Usual {
            number: self.told + 1,
            client: syn.source,
            server: syn.destination,
            began: syn.time,
            close,
            cut: next.book.is_cut(&syn),
        })
    }

    /// Passes over the next one, which has told what is usual.
    pub fn pass(&mut self) {
        self.told += 1;
        self.rest.lives.pass_ordinary();
    }
}

impl Iterator for Numbered {
    type Item = Finished;

    fn next(&mut self) -> Option<Finished> {
        let tracker = self.rest.next()?;
        self.told += 1;
        Some(Finished {
            number: self.told,
            successor: self.heirs.get(&self.told).copied(),
            tracker,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

impl Iterator for Rest {
    type Item = Box<Tracker>;

    fn next(&mut self) -> Option<Box<Tracker>> {
        let mut tracker = self.lives.next()?.tracker;
        tracker.end(self.end);
        // Lives that turned out to be none leave gaps: predecessors are named by their place among those that stand.
        if tracker.aside.predecessor.is_some()
            && let Some(before) = &mut tracker.aside.predecessor
        {
            match self.lives.rank(before.number.saturating_sub(1)) {
                Some(number) => before.number = number,
                None => tracker.aside.predecessor = None,
            }
        }
        Some(tracker)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.lives.remaining(), Some(self.lives.remaining()))
    }
}
