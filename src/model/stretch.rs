//! The life of an endpoint as stretches of time, each in one state.

use super::{Cause, Connection, EndpointReport, Evidence, PacketNumber, Role, State};
use crate::time::Timestamp;

/// A time that an endpoint spent in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The state.
    pub state: State,
    /// How it is known that the endpoint was in it; none where it was there before the capture shows it.
    pub evidence: Option<Evidence>,
    /// What made it enter.
    pub cause: Option<Cause>,
    /// The packet that did.
    pub packet: Option<PacketNumber>,
    /// When it entered, or when the connection was seen first.
    pub from: Timestamp,
    /// When it left; none: it is still in it at the end of the capture.
    pub until: Option<Timestamp>,
    /// Transitions behind this one were not kept: the endpoint may have been in other states, too.
    pub folded: bool,
}

impl Stretch {
    /// Whether segments of the endpoint itself prove it.
    pub fn is_proven(&self) -> bool {
        self.state != State::Unknown && !self.folded && self.evidence.is_some_and(Evidence::is_proof)
    }
}

impl Connection {
    /// One of its endpoints.
    pub fn endpoint(&self, role: Role) -> &EndpointReport {
        match role {
            Role::Client => &self.endpoints.client,
            Role::Server => &self.endpoints.server,
        }
    }

    /// What an endpoint went through, in order. CLOSED and LISTEN before the first transition are left out: there is no
    /// connection then.
    pub fn stretches(&self, role: Role) -> impl Iterator<Item = Stretch> + '_ {
        let end = self.endpoint(role);
        let steps = &end.transitions;
        let alone = steps.is_empty().then_some(Stretch {
            state: end.state,
            evidence: end.state_evidence,
            cause: None,
            packet: None,
            from: self.first_time,
            until: None,
            folded: false,
        });
        let before = steps.first().map(|first| Stretch {
            state: first.from,
            evidence: None,
            cause: None,
            packet: None,
            from: self.first_time,
            until: Some(first.at.max(self.first_time)),
            folded: false,
        });
        let nothing = |stretch: &Stretch| matches!(stretch.state, State::Closed | State::Listen);
        let first = alone.or(before).filter(|first| !nothing(first));
        // The first and the last ones of many transitions are kept, as many of each.
        let hole = (end.transitions_folded > 0).then_some(steps.len() / 2);
        let rest = steps.iter().enumerate().map(move |(place, step)| {
            let next = steps.get(place.saturating_add(1));
            Stretch {
                state: step.to,
                evidence: Some(step.evidence),
                cause: Some(step.cause),
                packet: step.packet,
                from: step.at,
                until: next.map(|next| next.at),
                folded: hole == Some(place.saturating_add(1)),
            }
        });
        first.into_iter().chain(rest)
    }
}
