//! How far a capture can be trusted: what it lacks, how its clock ran, and where its tap was.
//!
//! Everything here follows from the facts of [`crate::model`]; nothing is measured again. A [`Caveat`] says what a
//! weakness of the capture means for the states that are reported from it.

mod caveat;
mod tap;

pub use caveat::{Caveat, caveats};
pub use tap::{Host, Hosts, Position, hosts};

use serde::Serialize;

use crate::model::{Capture, Connection, Summary};

/// The quality of a capture beyond what [`Capture`] itself states.
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

impl Quality {
    /// Of a capture and all of its connections.
    pub fn of(capture: &Capture, connections: &[Connection], summary: &Summary) -> Quality {
        let count = |test: fn(&Connection) -> bool| connections.iter().filter(|one| test(one)).count() as u64;
        let proven = |name: &str| matches!(name, "sent" | "confirmed");
        let transitions = |is_proven: bool| {
            let wanted = summary
                .transitions
                .iter()
                .filter(|(name, _)| proven(name) == is_proven);
            wanted.map(|(_, count)| count).sum()
        };
        let mut quality = Quality {
            connections: connections.len() as u64,
            one_sided: count(|one| one.quality.one_sided),
            midstream: count(|one| one.quality.midstream),
            with_gaps: count(|one| one.quality.missed_bytes > 0),
            loss: Loss::of(connections),
            proven_transitions: transitions(true),
            unproven_transitions: transitions(false),
            hosts: hosts(connections),
            caveats: Vec::new(),
        };
        quality.caveats = caveats(capture, &quality);
        quality
    }
}

impl Loss {
    fn of(connections: &[Connection]) -> Loss {
        let mut loss = Loss::default();
        for connection in connections {
            let ends = &connection.endpoints;
            let payload = ends
                .client
                .payload_bytes
                .saturating_add(ends.server.payload_bytes);
            loss.captured_bytes = loss.captured_bytes.saturating_add(payload);
            loss.missed_bytes = loss.missed_bytes.saturating_add(connection.quality.missed_bytes);
            loss.missed_fins = loss
                .missed_fins
                .saturating_add(connection.quality.inferred_segments);
        }
        let all = u128::from(loss.captured_bytes) + u128::from(loss.missed_bytes);
        let share = (u128::from(loss.missed_bytes) * 1_000_000).checked_div(all);
        loss.missed_per_million = share.and_then(|share| u64::try_from(share).ok());
        loss
    }
}
