//! How far a capture can be trusted: what it lacks, how its clock ran, and where its tap was.
//!
//! Everything here follows from the facts of [`crate::model`]; nothing is measured again. A [`Caveat`] says what a
//! weakness of the capture means for the states that are reported from it.

mod caveat;
mod tap;

pub use caveat::{Caveat, caveats};
pub use tap::{Host, Hosts, Position, hosts};

use serde::Serialize;

use crate::model::{Analysis, Connection};

/// The quality of a capture beyond what [`Capture`](crate::model::Capture) itself states.
#[derive(Debug, Clone, Serialize)]
pub struct Quality {
    /// Connections (incarnations).
    pub connections: u64,
    /// Of these, those of which only one side was captured.
    pub one_sided: u64,
    /// Of these, those whose beginning is missing.
    pub midstream: u64,
    /// Of these, those with octets that were acknowledged but never captured.
    pub with_gaps: u64,
    /// What the capture missed.
    pub loss: Loss,
    /// Transitions that a segment of the endpoint itself proves.
    pub proven_transitions: u64,
    /// Transitions that are inferred, presumed or by timer.
    pub unproven_transitions: u64,
    /// The hosts, by segments sent, and where the tap was between them.
    pub hosts: Hosts,
    /// What this means for the states, the worst first; empty for a sound capture.
    pub caveats: Vec<Caveat>,
}

/// What the capture missed, as acknowledgments show it: they tell of octets and FINs that were received but not captured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// Octets of payload captured, copies included.
    pub captured_bytes: u64,
    /// Octets of payload that were acknowledged but never captured.
    pub missed_bytes: u64,
    /// `missed_bytes` of a million octets. Null without payload. A lower bound of what is missing: acknowledgments, too, may
    /// be missing, and tell of nothing then.
    pub missed_per_million: Option<u64>,
    /// FINs that are not in the capture although they were acknowledged.
    pub missed_fins: u64,
}

/// The counts of [`Quality`], taken from one connection after the other.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    connections: u64,
    one_sided: u64,
    midstream: u64,
    with_gaps: u64,
    loss: Loss,
}

impl Tally {
    /// Looks at the next connection.
    pub fn add(&mut self, connection: &Connection) {
        let quality = &connection.quality;
        self.connections += 1;
        self.one_sided += u64::from(quality.one_sided);
        self.midstream += u64::from(quality.midstream);
        self.with_gaps += u64::from(quality.missed_bytes > 0);
        self.loss.add(connection);
    }

    /// What they tell of a capture, of which `analysis` needs no connections. Hosts are those given.
    pub fn told(self, analysis: &Analysis, hosts: Hosts) -> Quality {
        let proven = |name: &str| matches!(name, "sent" | "confirmed");
        let transitions = |is_proven: bool| {
            let wanted = (analysis.summary.transitions.iter()).filter(|(name, _)| proven(name) == is_proven);
            wanted.map(|(_, count)| count).sum()
        };
        let mut quality = Quality {
            connections: self.connections,
            one_sided: self.one_sided,
            midstream: self.midstream,
            with_gaps: self.with_gaps,
            loss: self.loss.shared(),
            proven_transitions: transitions(true),
            unproven_transitions: transitions(false),
            hosts,
            caveats: Vec::new(),
        };
        quality.caveats = caveats(&analysis.capture, &quality);
        quality
    }
}

impl Quality {
    /// Of everything that a run found.
    pub fn of(analysis: &Analysis) -> Quality {
        let mut tally = Tally::default();
        analysis
            .connections
            .iter()
            .for_each(|connection| tally.add(connection));
        tally.told(analysis, hosts(&analysis.connections, &analysis.sources))
    }
}

impl Loss {
    fn add(&mut self, connection: &Connection) {
        let ends = &connection.endpoints;
        let payload = ends
            .client
            .payload_bytes
            .saturating_add(ends.server.payload_bytes);
        let quality = &connection.quality;
        self.captured_bytes = self.captured_bytes.saturating_add(payload);
        self.missed_bytes = self.missed_bytes.saturating_add(quality.missed_bytes);
        self.missed_fins = self.missed_fins.saturating_add(quality.inferred_segments);
    }

    /// With the share of what was missed.
    fn shared(mut self) -> Loss {
        let all = u128::from(self.captured_bytes) + u128::from(self.missed_bytes);
        let share = (u128::from(self.missed_bytes) * 1_000_000).checked_div(all);
        self.missed_per_million = share.and_then(|share| u64::try_from(share).ok());
        self
    }
}
