//! What goes when more is in use than the limits allow.

use super::embryo::Embryo;
use super::evicted::packets;
use super::limits::Used;
use super::lives::{Handle, Place};
use super::{Class, Flows, Limits};
use crate::tracker::Role;

impl Flows {
    #[inline(never)]
    pub(super) fn look_at_limits(&mut self) {
        self.charged = self.limits.exceeded(self.used());
        if self.charged {
            self.make_room();
            self.forget_contexts();
        }
    }

    fn used(&self) -> Used {
        Used {
            connections: self.lives.len(),
            memory: self.memory.saturating_add(self.contexts.memory()),
            attempts_memory: self.attempts_memory,
        }
    }

    /// Gives up what is least worth keeping, a part of all at once: each look at the whole table makes room for a part of
    /// it, so that a new connection costs the same however many there are. The newest ones stay if others can go: a table
    /// full of better ones would never see a handshake to its end.
    fn make_room(&mut self) {
        let goal = self.limits.after_eviction();
        let newest = self.newest();
        let mut order: Vec<(bool, Class, u64, Handle)> = Vec::new();
        let mut attempts_memory = 0_u64;
        for (index, life) in self.lives.iter_mut() {
            let class = Class::of(&life.tracker);
            // One that was replaced meanwhile is an attempt no longer.
            life.attempt = class.is_attempt();
            if life.attempt {
                attempts_memory = attempts_memory.saturating_add(life.footprint);
            }
            order.push((
                life.birth >= newest,
                class,
                life.tracker.last.packet,
                Handle::life(index),
            ));
        }
        for (handle, embryo) in self.lives.embryos() {
            attempts_memory = attempts_memory.saturating_add(self.embryo_bytes.unwrap_or_default());
            order.push((embryo.birth >= newest, Class::Unanswered, embryo.packet, handle));
        }
        for (handle, waiting) in self.lives.all_waiting() {
            if waiting.class.is_attempt() {
                attempts_memory = attempts_memory.saturating_add(waiting.footprint);
            }
            order.push((
                waiting.birth >= newest,
                waiting.class,
                waiting.last.packet,
                handle,
            ));
        }
        for (handle, ordinary) in self.lives.all_ordinary() {
            let class = Class::from(ordinary.book.stage());
            if class.is_attempt() {
                attempts_memory = attempts_memory.saturating_add(ordinary.footprint.into());
            }
            order.push((
                ordinary.syn.birth >= newest,
                class,
                ordinary.book.last().packet,
                handle,
            ));
        }
        self.attempts_memory = attempts_memory;
        let batch = Limits::part(order.len() as u64).max(1);
        let mut rest = order.as_mut_slice();
        while !rest.is_empty() && goal.exceeded(self.used()) {
            let size = usize::try_from(batch).map_or(rest.len(), |batch| batch.min(rest.len()));
            rest.select_nth_unstable(size - 1);
            let (now, later) = rest.split_at_mut(size);
            now.sort_unstable();
            for (_, class, _, handle) in now {
                let used = self.used();
                if !goal.exceeded(used) {
                    return;
                }
                // What is exceeded may be the part for attempts only.
                if class.is_attempt() || goal.exceeded_by_all(used) {
                    self.evict(*handle, *class);
                }
            }
            rest = later;
        }
    }

    /// From which birth on a life is one of the newest: as many of those that stand as are kept for newcomers.
    fn newest(&self) -> u64 {
        let mut births: Vec<u64> = self.lives.each_birth().map(|(birth, _)| birth).collect();
        let count = Limits::part(births.len() as u64).max(1);
        let older = births
            .len()
            .saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        if births.is_empty() {
            return 0;
        }
        let (_, newest, _) = births.select_nth_unstable(older);
        *newest
    }

    fn evict(&mut self, handle: Handle, class: Class) {
        let index = match handle.place() {
            Place::Life(index) => index,
            Place::Embryo(slot) => {
                if let Some(key) = self.lives.embryo(slot).map(Embryo::key) {
                    self.current.remove(&key, &self.lives);
                }
                if let Some(embryo) = self.take_embryo(slot) {
                    self.evicted.note(embryo.server(), 1, class);
                }
                return;
            }
            Place::Ordinary(slot) => {
                if let Some(key) = self.lives.ordinary(slot).map(|ordinary| ordinary.syn.key()) {
                    self.current.remove(&key, &self.lives);
                }
                if let Some(ordinary) = self.take_ordinary(slot) {
                    self.evicted
                        .note(ordinary.syn.server(), ordinary.book.packets(), class);
                }
                return;
            }
            // What is told of it stands in its tracker.
            Place::Waiting(slot) => match self.wake(slot) {
                Some(index) => index,
                None => return,
            },
        };
        // A SYN that nobody answered still says something about the connection before it.
        if self.settle(index) != index {
            return; // it was none
        }
        if let Some(life) = self.remove(index) {
            let server = life.tracker.addresses[Role::Server as usize];
            self.evicted.note(server, packets(&life.tracker), class);
        }
    }
}
