//! How much is kept at once.

/// Bounds on what is kept at once. What is beyond them is evicted and counted ([`super::Evicted`]).
///
/// Memory is counted by the connections' own account of their structures and lists, not asked of the system: the same
/// input under the same limits gives the same result everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections; none is no bound.
    pub connections: Option<u64>,
    /// Octets, for the table and for what is told of its connections at the end; none is no bound. Attempts, of which no
    /// handshake is known to have been completed, take half of it at most: a flood of them is told by its number.
    pub memory: Option<u64>,
}

impl Limits {
    /// No bounds.
    pub const NONE: Limits = Limits {
        connections: None,
        memory: None,
    };

    /// A part of a whole that is freed, or kept for newcomers, at once.
    pub(super) fn part(whole: u64) -> u64 {
        whole / 16
    }

    /// What is left in use after an eviction: many go at once, so that each costs little.
    pub(super) fn after_eviction(self) -> Limits {
        let rest = |limit: u64| limit.saturating_sub(Limits::part(limit));
        Limits {
            connections: self.connections.map(rest),
            memory: self.memory.map(rest),
        }
    }

    /// Whether this is too much.
    pub(super) fn exceeded(self, used: Used) -> bool {
        self.exceeded_by_all(used) || self.memory.is_some_and(|most| used.attempts_memory > most / 2)
    }

    /// Whether this is too much, the part for attempts aside.
    pub(super) fn exceeded_by_all(self, used: Used) -> bool {
        self.connections.is_some_and(|most| used.connections > most)
            || self.memory.is_some_and(|most| used.memory > most)
    }
}

/// What a table takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub connections: u64,
    pub memory: u64,
    /// Of connections that may never have been established.
    pub attempts_memory: u64,
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
