//! How much memory a connection takes, by its own account: sizes of structures and capacities of lists. The same input
//! gives the same account on every machine of one word size, whatever the allocator does.

use std::mem::size_of;

#[cfg(test)]
use super::Opening;
use super::arrival::Arrival;
use super::endpoint::Mirror;
use super::evidence::Mark;
use super::opening::OtherSynAck;
use super::{Aside, Predecessor, Tracker};

/// What an allocation of so many octets takes: its header, and room up to the next multiple of 16.
#[must_use]
pub fn allocated(octets: usize) -> u64 {
    match octets {
        0 => 0,
        _ => (octets as u64).saturating_add(23) & !15,
    }
}

/// What a list with room for so many of `T` takes.
#[must_use]
pub fn list<T>(capacity: usize) -> u64 {
    allocated(capacity.saturating_mul(size_of::<T>()))
}

impl Tracker {
    /// Octets that it holds besides its own size.
    pub fn heap_bytes(&self) -> u64 {
        let streams: u64 = self.streams.iter().map(super::Stream::heap_bytes).sum();
        let ends: u64 = self.ends.iter().map(Mirror::heap_bytes).sum();
        let aside = if self.aside.is_there() {
            self.aside.heap_bytes()
        } else {
            0
        };
        let ladder = self.ladder.as_ref().map_or(0, |ladder| ladder.heap_bytes());
        aside + streams + ends + ladder
    }

    /// Octets of what its report takes over as it is: the lives of both endpoints, with what is presumed at the end.
    pub fn record_bytes(&self) -> u64 {
        self.ends.iter().map(Mirror::record_bytes).sum()
    }
}

impl Aside {
    /// What it takes with all that it holds.
    fn heap_bytes(&self) -> u64 {
        let own = allocated(size_of::<Aside>()) + self.observations.heap_bytes();
        let predecessor = self
            .predecessor
            .as_ref()
            .map_or(0, |_| allocated(size_of::<Predecessor>()));
        let mirrors = self.before_inferred_fin.as_ref().map_or(0, |ends| {
            allocated(size_of::<[Mirror; 2]>()) + ends.iter().map(Mirror::heap_bytes).sum::<u64>()
        });
        let mirror = self.before_stray_syn_ack.as_ref().map_or(0, |stray| {
            allocated(size_of::<(Mirror, Mark)>()) + stray.0.heap_bytes()
        });
        let answer = self
            .other_syn_ack
            .as_ref()
            .map_or(0, |_| allocated(size_of::<OtherSynAck>()) + list::<Arrival>(4));
        own + predecessor + mirrors + mirror + answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::evidence::Transition;
    use crate::tracker::stream::Stream;

    /// Millions of them are held at once: who makes them larger should know.
    #[test]
    fn a_connection_is_no_larger_than_it_was() {
        let sizes = [
            ("tracker", size_of::<Tracker>()),
            ("stream", size_of::<Stream>()),
            ("mirror", size_of::<Mirror>()),
            ("opening", size_of::<Opening>()),
            ("arrival", size_of::<Arrival>()),
            ("transition", size_of::<Transition>()),
        ];
        assert_eq!(
            sizes.map(|(_, size)| size),
            [1288, 280, 128, 216, 72, 64],
            "{sizes:?}"
        );
    }
}
