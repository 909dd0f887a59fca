//! One connection of the state timeline: what is kept of it, and how it is written for the script.

use crate::model::{Address, Connection, Evidence, Outcome, Role, Severity, State};
use crate::report::ending;
use crate::time::Timestamp;

/// Stretches kept of an endpoint; a lane has no room for more.
const STRETCHES: usize = 24;
/// Findings marked on a lane.
const MARKS: usize = 8;

/// What the timeline shows of one connection.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub id: u64,
    pub client: Address,
    pub server: Address,
    pub first_time: Timestamp,
    pub last_time: Timestamp,
    pub outcome: Outcome,
    /// `closed by client`.
    pub ending: String,
    /// Client and server.
    pub ends: [End; 2],
    /// Nanoseconds, and whether it is a lower bound.
    pub half_close: Option<(i64, bool)>,
    /// Findings on it, the worst first.
    pub marks: Vec<Mark>,
    /// Findings beyond those.
    pub more_marks: usize,
    /// Only one side was captured.
    pub one_sided: bool,
}

/// One endpoint.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub state: State,
    pub evidence: Option<Evidence>,
    pub stretches: Vec<Piece>,
    /// Stretches beyond those.
    pub more: usize,
}

/// A stretch of time in one state.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub state: State,
    pub evidence: Option<Evidence>,
    pub proven: bool,
    pub from: Timestamp,
    pub packet: Option<u64>,
    pub cause: &'static str,
}

/// A finding on a lane.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub code: &'static str,
    pub severity: Severity,
    pub endpoint: Option<Role>,
    pub at: Option<Timestamp>,
}

impl Lane {
    pub fn of(connection: &Connection) -> Lane {
        let marks = connection.findings.iter().take(MARKS).map(|finding| Mark {
            code: finding.code,
            severity: finding.severity,
            endpoint: finding.endpoint,
            at: finding.at,
        });
        Lane {
            id: connection.id,
            client: connection.client,
            server: connection.server,
            first_time: connection.first_time,
            last_time: connection.last_time,
            outcome: connection.outcome,
            ending: ending(connection),
            ends: [Role::Client, Role::Server].map(|role| End::of(connection, role)),
            half_close: (connection.close.half_close_ns).map(|ns| (ns, connection.close.half_close_open)),
            marks: marks.collect(),
            more_marks: connection.findings.len().saturating_sub(MARKS),
            one_sided: connection.quality.one_sided,
        }
    }

    /// Each code once.
    pub fn codes(&self) -> Vec<(&'static str, Severity)> {
        let mut codes: Vec<(&'static str, Severity)> = Vec::new();
        for mark in &self.marks {
            if codes.iter().all(|(code, _)| *code != mark.code) {
                codes.push((mark.code, mark.severity));
            }
        }
        codes
    }
}

impl End {
    fn of(connection: &Connection, role: Role) -> End {
        let end = connection.endpoint(role);
        let all = connection.stretches(role).count();
        let pieces = connection.stretches(role).take(STRETCHES).map(|stretch| Piece {
            state: stretch.state,
            evidence: stretch.evidence,
            proven: stretch.is_proven(),
            from: stretch.from,
            packet: stretch.packet,
            cause: stretch.cause.map_or("", |cause| cause.name()),
        });
        let mut stretches: Vec<Piece> = pieces.collect();
        let more = all.saturating_sub(STRETCHES);
        // What follows is another state: it must not look as if the last one went on.
        if more > 0
            && let Some(last) = stretches.last_mut()
        {
            last.state = State::Unknown;
            last.proven = false;
        }
        End {
            state: end.state,
            evidence: end.state_evidence,
            stretches,
            more,
        }
    }
}

/// The mark behind a state that is not proven, as in the other views.
pub(super) fn mark(state: State, evidence: Option<Evidence>) -> &'static str {
    match evidence {
        _ if state == State::Unknown => "",
        None | Some(Evidence::Sent | Evidence::Confirmed) => "",
        Some(Evidence::Inferred) => "~",
        Some(Evidence::Presumed | Evidence::Timer) => "?",
    }
}

/// The number of a kind of evidence for the script; zero where there is none.
pub(super) fn evidence_number(evidence: Option<Evidence>) -> u8 {
    match evidence {
        None => 0,
        Some(Evidence::Sent) => 1,
        Some(Evidence::Confirmed) => 2,
        Some(Evidence::Presumed) => 3,
        Some(Evidence::Inferred) => 4,
        Some(Evidence::Timer) => 5,
    }
}

/// Names of the kinds of evidence, by [`evidence_number`].
pub(super) const EVIDENCE: [&str; 6] = ["", "sent", "confirmed", "presumed", "inferred", "timer"];
