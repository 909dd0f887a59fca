//! Connections that wait for their next segment, packed: those that are over, and those that have been idle for long.

use std::mem::size_of;

use super::lives::{Handle, Life, Waiting, after};
use super::{Class, FlowKey, Flows};
use crate::time::Timestamp;
use crate::tracker::footprint::allocated;

/// When connections are packed until their next segment comes. What is told of them does not depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// As soon as both ends are gone.
    pub over: bool,
    /// So many of each table are left as they are, however long they have been idle.
    pub awake: u64,
    /// Of more, those are packed that got no segment for longer than this, nanoseconds of capture time. Where many of them
    /// wake up again, it is doubled.
    pub idle_ns: i64,
    /// Those on which all goes by the book have no tracker.
    pub by_the_book: bool,
}

impl Packing {
    /// So few wake up again by chance.
    const MANY: u64 = 1 << 10;
}

impl Default for Packing {
    fn default() -> Packing {
        Packing {
            over: true,
            awake: 1 << 7,
            idle_ns: 5_000_000_000,
            by_the_book: true,
        }
    }
}

impl Flows {
    /// Packs a life that is over, if no other depends on it: its segments are few from now on, if any. It is the current one
    /// of its key.
    pub(super) fn put_to_sleep(&mut self, key: FlowKey, index: u32) {
        let over = |life: &&Life| life.stands_alone() && life.tracker.is_over();
        if self.packing.over && self.lives.get(index).filter(over).is_some() {
            self.pack(key, index, true);
        }
    }

    /// Packs lives that have been idle for long, where there are many. Each new life makes two looked at, so that the number
    /// of trackers is about that of connections in use.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        if self.lives.awake() <= self.packing.awake {
            return;
        }
        for _ in 0..2 {
            self.broom = after(self.broom, self.lives.slots());
            let index = self.broom;
            let idle = |life: &&Life| {
                life.stands_alone() && now.since(life.tracker.last.time) > self.packing.idle_ns
            };
            let Some(key) = self.lives.get(index).filter(idle).map(Life::key) else {
                continue;
            };
            if self.current_life(&key) == Some(index) {
                self.pack(key, index, false);
            }
        }
    }

    fn pack(&mut self, key: FlowKey, index: u32, over: bool) {
        let Some(life) = self.lives.get(index) else { return };
        if !life.tracker.pack(&mut self.packed) {
            return;
        }
        let own = size_of::<Option<Waiting>>() as u64 + allocated(self.packed.len());
        let tracker = self.lives.packs.put(&self.packed);
        let Some(life) = self.lives.get(index) else { return };
        let waiting = Waiting {
            birth: life.birth,
            key,
            last: life.tracker.last,
            over,
            class: Class::of(&life.tracker),
            footprint: self.footprint(own, &life.tracker),
            tracker,
        };
        self.charge(waiting.footprint, waiting.class.is_attempt());
        self.slept = self.slept.saturating_add(u64::from(!over));
        let handle = self.lives.insert_waiting(waiting);
        self.current.insert(&key, handle, &self.lives);
        if let Some((footprint, attempt)) = self.lives.get(index).map(|life| (life.footprint, life.attempt)) {
            self.lives.forget(index);
            self.discharge(footprint, attempt);
        }
    }

    /// Unpacks a life that waited.
    pub(super) fn wake(&mut self, slot: u32) -> Option<u32> {
        let waiting = self.lives.waiting(slot)?;
        if !waiting.over {
            self.woke = self.woke.saturating_add(1);
            if self.woke > Packing::MANY && self.woke > self.slept / 4 {
                self.packing.idle_ns = self.packing.idle_ns.saturating_mul(2);
                (self.slept, self.woke) = (0, 0);
            }
        }
        let (key, life) = (
            waiting.key,
            Life::new(self.lives.unpacked(waiting), waiting.birth),
        );
        let index = self.lives.insert(life);
        self.current.insert(&key, Handle::life(index), &self.lives);
        self.take_waiting(slot);
        self.weigh(index);
        Some(index)
    }

    /// Takes a life that waits out of its slot; nothing must lead there any more.
    fn take_waiting(&mut self, slot: u32) -> Option<Waiting> {
        let waiting = self.lives.take_waiting(slot)?;
        self.discharge(waiting.footprint, waiting.class.is_attempt());
        Some(waiting)
    }
}
