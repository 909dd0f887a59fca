//! The views: each formats what is in [`crate::model`] and computes nothing.
//!
//! [`html`] is a document for people, with all of them in one; it keeps what it needs of the connections while they pass.
//! Five are for people ([`table`], [`ladder`], [`leaks`], [`time_wait`], [`info`]) and take a [`Look`]; three are for programs ([`jsonl`], [`json`],
//! [`mod@csv`]) and look the same everywhere. All write to a `&mut dyn Write` and return its error unchanged, so that the
//! caller can tell a closed pipe from a full disk.

pub mod check;
pub mod csv;
pub mod diagram;
pub mod diff;
pub mod escape;
pub mod evidence;
pub mod explain;
pub mod findings;
mod grid;
pub mod header;
pub mod html;
pub mod info;
pub mod json;
pub mod jsonl;
pub mod ladder;
pub mod leaks;
pub mod lines;
pub mod look;
pub mod sparkline;
pub mod svg;
pub mod table;
pub mod time_wait;

use crate::model::{CloseKind, Connection, Outcome, Role};
pub use look::{Look, Rows, SequenceNumbers, Tone};

/// How a connection ended and who began it: `closed by client`, `reset by server`, `half-open`.
pub fn ending(connection: &Connection) -> String {
    let name = connection.outcome.name();
    let close = &connection.close;
    let by = match connection.outcome {
        Outcome::Reset => close.reset_by.map(Role::name),
        Outcome::Closed | Outcome::Closing | Outcome::HalfClosed => match close.kind {
            Some(CloseKind::Simultaneous) => Some("both"),
            Some(CloseKind::ActivePassive | CloseKind::Reset) | None => close.first_closer.map(Role::name),
        },
        Outcome::Refused | Outcome::Unanswered | Outcome::HalfOpen | Outcome::Open | Outcome::Evicted => None,
    };
    match by {
        Some(by) => format!("{name} by {by}"),
        None => name.to_owned(),
    }
}

/// How loud an outcome is.
pub fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Reset | Outcome::Refused | Outcome::Evicted => Tone::Bad,
        Outcome::HalfClosed | Outcome::Closing | Outcome::HalfOpen | Outcome::Unanswered => Tone::Attention,
        Outcome::Open => Tone::Good,
        Outcome::Closed => Tone::Plain,
    }
}

/// The duration of the half-close, `+` where it is a lower bound; empty without one.
pub fn half_close(connection: &Connection, look: &Look) -> String {
    let Some(ns) = connection.close.half_close_ns else {
        return String::new();
    };
    let bound = if connection.close.half_close_open { "+" } else { "" };
    format!("{}{bound}", look.duration(ns))
}
