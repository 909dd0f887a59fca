//! What was given up for a limit: counted exactly, by what it was.

use std::cmp::Reverse;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::segment::Endpoint;
use crate::tracker::state::State;
use crate::tracker::textbook::Stage;
use crate::tracker::{RolesFrom, Tracker};

/// Servers that are counted at once.
const SERVERS_COUNTED: usize = 256;
/// Servers that are named.
const SERVERS_NAMED: usize = 8;

/// What a connection is to whoever needs room, in the order in which they go; within one class the one that was silent
/// for longest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// SYNs of one side, and nothing else.
    Unanswered,
    /// One segment, or stray RSTs, without a beginning.
    Leftover,
    /// A handshake that was not completed.
    HalfOpen,
    /// Both sides sent a FIN, and both ends are gone.
    Closed,
    /// Both ends are gone otherwise: reset, refused, or replaced by a new connection of the 4-tuple.
    Ended,
    /// Open.
    Open,
    /// One or both sides have closed, and it is not over: CLOSE-WAIT, FIN-WAIT-2 and their like.
    HalfClosed,
}

impl Class {
    /// All of them, the first to go first.
    pub const ALL: [Class; 7] = [
        Class::Unanswered,
        Class::Leftover,
        Class::HalfOpen,
        Class::Closed,
        Class::Ended,
        Class::Open,
        Class::HalfClosed,
    ];

    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Class::Unanswered => "unanswered",
            Class::Leftover => "leftover",
            Class::HalfOpen => "half-open",
            Class::Closed => "closed",
            Class::Ended => "ended",
            Class::Open => "open",
            Class::HalfClosed => "half-closed",
        }
    }

    /// Whether no handshake is known to have been completed: what floods and scans leave.
    pub fn is_attempt(self) -> bool {
        self <= Class::HalfOpen
    }

    /// What a connection is now.
    pub fn of(tracker: &Tracker) -> Class {
        if tracker.is_embryo() {
            return Class::Unanswered;
        }
        let packets = packets(tracker);
        if tracker.is_only_resets() || tracker.roles_from != RolesFrom::Syn && packets <= 1 {
            return Class::Leftover;
        }
        let closed = tracker.streams.each_ref().map(|stream| stream.fin().is_some());
        match (tracker.is_over(), closed) {
            (true, [true, true]) => Class::Closed,
            (true, _) => Class::Ended,
            (false, [false, false]) => {
                let opening = |state| matches!(state, State::SynSent | State::SynReceived | State::Listen);
                if tracker.ends.iter().any(|end| opening(end.presumed())) {
                    Class::HalfOpen
                } else {
                    Class::Open
                }
            }
            (false, _) => Class::HalfClosed,
        }
    }
}

impl From<Stage> for Class {
    fn from(stage: Stage) -> Class {
        match stage {
            Stage::HalfOpen => Class::HalfOpen,
            Stage::Open => Class::Open,
            Stage::HalfClosed => Class::HalfClosed,
            Stage::Closed => Class::Closed,
            Stage::Ended => Class::Ended,
        }
    }
}

/// All segments of a connection.
pub(super) fn packets(tracker: &Tracker) -> u64 {
    tracker.streams[0]
        .packets
        .saturating_add(tracker.streams[1].packets)
}

/// Connections that were given up for a limit. Nothing is told of them but these counts.
#[derive(Clone, Debug, Default)]
pub struct Evicted {
    by_class: [u64; Class::ALL.len()],
    packets: u64,
    servers: HashMap<Endpoint, u64, RandomState>,
}

impl Evicted {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_class.iter().sum()
    }

    /// Those of each class that has any.
    pub fn classes(&self) -> impl Iterator<Item = (Class, u64)> + '_ {
        let all = Class::ALL.into_iter().zip(self.by_class);
        all.filter(|(_, count)| *count > 0)
    }

    /// The segments that they had got.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// The servers with most of them, and at least how many: a server with more than one in 256 of all is certainly counted,
    /// by no more than that share too low.
    pub fn servers(&self) -> Vec<(Endpoint, u64)> {
        let mut servers: Vec<(Endpoint, u64)> =
            self.servers.iter().map(|(end, count)| (*end, *count)).collect();
        servers.sort_unstable_by_key(|(end, count)| (Reverse(*count), *end));
        servers.truncate(SERVERS_NAMED);
        servers
    }

    pub(super) fn note(&mut self, server: Endpoint, packets: u64, class: Class) {
        self.by_class[class as usize] = self.by_class[class as usize].saturating_add(1);
        self.packets = self.packets.saturating_add(packets);
        if let Some(count) = self.servers.get_mut(&server) {
            *count = count.saturating_add(1);
        } else if self.servers.len() < SERVERS_COUNTED {
            self.servers.insert(server, 1);
        } else {
            // Misra and Gries: each pays one, so that only heavy ones stay; what is paid was counted before.
            self.all_pay(1);
        }
    }

    /// Adds those of another table.
    pub(super) fn merge(&mut self, other: &Evicted) {
        for (own, more) in self.by_class.iter_mut().zip(other.by_class) {
            *own = own.saturating_add(more);
        }
        self.packets = self.packets.saturating_add(other.packets);
        for (server, count) in &other.servers {
            let own = self.servers.entry(*server).or_default();
            *own = own.saturating_add(*count);
        }
        // Each pays as much as the heaviest of those that are too many: no more in all than if they had been counted together.
        let mut counts: Vec<u64> = self.servers.values().copied().collect();
        if counts.len() > SERVERS_COUNTED {
            counts.sort_unstable_by_key(|count| Reverse(*count));
            self.all_pay(counts[SERVERS_COUNTED]);
        }
    }

    fn all_pay(&mut self, price: u64) {
        self.servers.retain(|_, count| {
            *count = count.saturating_sub(price);
            *count > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten servers have a twentieth each, the others one each: the ten are named, by no more than an allowed share too low.
    #[test]
    fn heavy_servers_are_known_however_the_connections_were_shared_out() {
        let server = |number: u32| Endpoint {
            ip: std::net::Ipv4Addr::from(number).into(),
            port: 80,
        };
        for tables in [1, 2, 8] {
            let mut evicted = vec![Evicted::default(); tables];
            for number in 0..20_000_u32 {
                let to = if number % 2 == 0 {
                    number / 2 % 10
                } else {
                    1_000 + number
                };
                evicted[number as usize / 7 % tables].note(server(to), 2, Class::Unanswered);
            }
            let mut all = Evicted::default();
            evicted.iter().for_each(|evicted| all.merge(evicted));
            assert_eq!((all.total(), all.packets()), (20_000, 40_000));
            assert!(all.servers.len() <= SERVERS_COUNTED);
            for heavy in 0..10 {
                let known = all.servers.get(&server(heavy)).copied().unwrap_or_default();
                assert!(
                    (1_000 - 20_000 / 256..=1_000).contains(&known),
                    "{heavy}: {known}"
                );
            }
        }
    }
}
