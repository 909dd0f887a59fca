//! How much is kept at once.

/// Bounds on what is kept at once. What is beyond them is evicted and counted ([`super::Evicted`]).
///
/// Memory is counted by the connections' own account of their structures and lists, not asked of the system: the same
/// input under the same limits gives the same result everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections; none is no bound.
    pub connections: Option<u64>,
    /// Octets, for the table and for what is told of its connections at the end; none is no bound.
    pub memory: Option<u64>,
}

impl Limits {
    /// No bounds.
    pub const NONE: Limits = Limits {
        connections: None,
        memory: None,
    };

    /// The part of a limit that is left in use after an eviction: many at once, so that each costs little.
    pub(super) fn after_eviction(self) -> Limits {
        let part = |limit: u64| limit - limit / 16;
        Limits {
            connections: self.connections.map(part),
            memory: self.memory.map(part),
        }
    }

    /// Whether so many connections of so many octets are too much.
    pub(super) fn exceeded(self, connections: u64, memory: u64) -> bool {
        self.connections.is_some_and(|most| connections > most)
            || self.memory.is_some_and(|most| memory > most)
    }
}

impl Default for Limits {
    /// 4 GiB, however many connections that are.
    fn default() -> Limits {
        Limits {
            connections: None,
            memory: Some(4 << 30),
        }
    }
}
