//! In which order the list stands.

use std::cmp::{Ordering, Reverse};

use crate::model::{Outcome, Severity, State};
use crate::select::attention;

use super::row::Row;

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// What needs attention most first: see [`crate::select::by_attention`].
    Attention,
    /// The first packet.
    Start,
    /// Time from the first to the last packet.
    Duration,
    /// Time in CLOSE-WAIT.
    HalfClose,
    /// State of the client, then of the server, in the order of a connection's life.
    State,
    /// How it ended.
    Ending,
    /// Payload of both sides.
    Bytes,
    /// Segments of both sides.
    Packets,
    /// Severity of the worst finding, then how many there are.
    Findings,
    /// Address of the client.
    Client,
    /// Address of the server.
    Server,
}

impl Order {
    /// All of them.
    pub const ALL: [Order; 11] = [
        Order::Attention,
        Order::Start,
        Order::Duration,
        Order::HalfClose,
        Order::State,
        Order::Ending,
        Order::Bytes,
        Order::Packets,
        Order::Findings,
        Order::Client,
        Order::Server,
    ];

    /// The key that chooses it.
    pub fn key(self) -> char {
        match self {
            Order::Attention => 'a',
            Order::Start => 's',
            Order::Duration => 'd',
            Order::HalfClose => 'h',
            Order::State => 't',
            Order::Ending => 'e',
            Order::Bytes => 'b',
            Order::Packets => 'p',
            Order::Findings => 'f',
            Order::Client => 'c',
            Order::Server => 'v',
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Order::Attention => "attention",
            Order::Start => "start",
            Order::Duration => "duration",
            Order::HalfClose => "half-close",
            Order::State => "state",
            Order::Ending => "ending",
            Order::Bytes => "bytes",
            Order::Packets => "packets",
            Order::Findings => "findings",
            Order::Client => "client",
            Order::Server => "server",
        }
    }

    /// The largest stands first, because that is what one looks for.
    pub fn is_descending(self) -> bool {
        match self {
            Order::Duration | Order::HalfClose | Order::Bytes | Order::Packets | Order::Findings => true,
            Order::Attention
            | Order::Start
            | Order::State
            | Order::Ending
            | Order::Client
            | Order::Server => false,
        }
    }

    /// How two rows stand to each other; equal ones by their numbers.
    pub fn compare(self, a: &Row, b: &Row) -> Ordering {
        let by = match self {
            Order::Attention => need(a).cmp(&need(b)),
            Order::Start => a.first.cmp(&b.first),
            Order::Duration => a.duration_ns().cmp(&b.duration_ns()),
            Order::HalfClose => a.half_close_ns.cmp(&b.half_close_ns),
            Order::State => states(a).cmp(&states(b)),
            Order::Ending => (a.outcome, a.ending).cmp(&(b.outcome, b.ending)),
            Order::Bytes => a.bytes.cmp(&b.bytes),
            Order::Packets => a.packets.cmp(&b.packets),
            Order::Findings => found(a).cmp(&found(b)),
            Order::Client => a.client.cmp(&b.client),
            Order::Server => (a.server, a.client).cmp(&(b.server, b.client)),
        };
        let by = if self.is_descending() { by.reverse() } else { by };
        by.then(a.id.cmp(&b.id))
    }
}

/// As [`crate::select::by_attention`] has it.
fn need(row: &Row) -> (Reverse<Option<Severity>>, u8, Reverse<Option<i64>>) {
    let half_close = row.half_close_ns.filter(|_| row.outcome == Outcome::HalfClosed);
    let worst = row.worst.filter(|worst| *worst >= Severity::Warning);
    (Reverse(worst), attention(row.outcome), Reverse(half_close))
}

fn states(row: &Row) -> [State; 2] {
    row.states.map(|(state, _)| state)
}

fn found(row: &Row) -> (Option<Severity>, usize) {
    (row.worst, row.findings().count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::{Settings, analyze};
    use crate::select::by_attention;

    #[test]
    fn attention_is_that_of_the_default_screen() {
        let settings = Settings {
            files: vec!["testdata/kernel/soak_lossy.server.pcap".into()],
            ..Settings::default()
        };
        let mut connections = analyze(&settings, &mut |_| {}).expect("a capture").connections;
        let mut rows: Vec<Row> = connections.iter().map(|one| Row::of(one, 0)).collect();
        rows.sort_by(|a, b| Order::Attention.compare(a, b));
        connections.sort_by(by_attention);
        let ids: Vec<u64> = connections.iter().map(|one| one.id).collect();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
        for order in Order::ALL {
            rows.sort_by(|a, b| order.compare(a, b));
            let end = |row: Option<&Row>| row.map(|row| row.half_close_ns);
            if order == Order::HalfClose {
                assert!(end(rows.first()) >= end(rows.last()));
            }
            if order == Order::Start {
                assert!(rows.is_sorted_by_key(|row| row.first));
            }
        }
    }

    #[test]
    fn each_has_a_key_of_its_own() {
        for (place, order) in Order::ALL.into_iter().enumerate() {
            assert!(
                Order::ALL
                    .iter()
                    .skip(place + 1)
                    .all(|other| other.key() != order.key())
            );
            assert!(
                !"rqj".contains(order.key()),
                "these do something else in the menu"
            );
        }
    }
}
