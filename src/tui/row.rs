//! What is kept of each connection for the list and the timeline: a small part of its report, so that a million fit.

use crate::findings;
use crate::model::{
    Address, Connection, EndpointReport, Evidence, Finding, Outcome, PacketNumber, Role, Severity, State,
};
use crate::report::Look;
use crate::time::Timestamp;
use crate::varint::{put_signed, take_signed};

/// Transitions of one endpoint that are kept: the first half and the last half of so many.
const TRANSITIONS: usize = 64;
/// What stands for transitions that are not kept, where a state stands.
const NOT_KEPT: u8 = 15;
/// Kinds of evidence, by the number that stands for them.
const EVIDENCE: [Evidence; 5] = [
    Evidence::Sent,
    Evidence::Confirmed,
    Evidence::Presumed,
    Evidence::Inferred,
    Evidence::Timer,
];

/// One connection.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its number.
    pub id: u64,
    /// Its first packet, by which it is known even if its number changes while the capture is read.
    pub first_packet: PacketNumber,
    /// The client.
    pub client: Address,
    /// The server.
    pub server: Address,
    /// Time of the first packet.
    pub first: Timestamp,
    /// Time of the last packet.
    pub last: Timestamp,
    /// See [`crate::model::Close::half_close_ns`].
    pub half_close_ns: Option<i64>,
    /// The half-close lasts at least so long.
    pub half_close_open: bool,
    /// Octets of payload, both sides together.
    pub bytes: u64,
    /// Segments, both sides together.
    pub packets: u64,
    /// The states at the end, of client and server.
    pub states: [(State, Option<Evidence>); 2],
    /// How it ended.
    pub outcome: Outcome,
    /// How it ended and by whom: which of [`super::Rows::ending`].
    pub ending: u8,
    /// The worst of its findings.
    pub worst: Option<Severity>,
    /// Findings and transitions, packed: see [`Row::findings`] and [`Row::stretches`].
    life: Box<[u8]>,
}

/// A finding of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Which rule, in the order of [`findings::rules`].
    pub rule: u8,
    /// How bad.
    pub severity: Severity,
    /// When, nanoseconds since the first packet of the connection.
    pub at_ns: Option<i64>,
}

/// A time during which an endpoint was in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The state and how it is known; none where transitions were not kept.
    pub state: Option<(State, Option<Evidence>)>,
    /// Since when, nanoseconds since the Unix epoch.
    pub from: i64,
    /// Until when.
    pub to: i64,
}

impl Row {
    /// Of a connection. `ending` is what [`super::Rows`] calls its ending.
    pub(super) fn of(connection: &Connection, ending: u8) -> Row {
        let [client, server] = [&connection.endpoints.client, &connection.endpoints.server];
        let start = connection.first_time.ns();
        let mut life = Vec::new();
        pack_findings(&mut life, &connection.findings, start);
        for side in [client, server] {
            pack_transitions(&mut life, side, start);
        }
        Row {
            id: connection.id,
            first_packet: connection.first_packet,
            client: connection.client,
            server: connection.server,
            first: connection.first_time,
            last: connection.last_time,
            half_close_ns: connection.close.half_close_ns,
            half_close_open: connection.close.half_close_open,
            bytes: client.payload_bytes.saturating_add(server.payload_bytes),
            packets: client.packets.saturating_add(server.packets),
            states: [client, server].map(|side| (side.state, side.state_evidence)),
            outcome: connection.outcome,
            ending,
            worst: connection.findings.iter().map(|finding| finding.severity).max(),
            life: life.into_boxed_slice(),
        }
    }

    /// Somebody should look.
    pub fn is_loud(&self) -> bool {
        self.worst.is_some_and(|worst| worst >= Severity::Warning)
    }

    /// From the first to the last packet, nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        self.last.since(self.first)
    }

    /// The state of one end, and how it is known.
    pub fn state(&self, role: Role) -> (State, Option<Evidence>) {
        let [client, server] = self.states;
        match role {
            Role::Client => client,
            Role::Server => server,
        }
    }

    /// The half-close as the views show it: see [`crate::report::half_close`].
    pub fn half_close(&self, look: &Look) -> String {
        let bound = if self.half_close_open { "+" } else { "" };
        self.half_close_ns
            .map(|ns| format!("{}{bound}", look.duration(ns)))
            .unwrap_or_default()
    }

    /// The worst finding of each rule, the worst first.
    pub fn findings(&self) -> impl Iterator<Item = Found> + '_ {
        let mut packed = Packed(&self.life);
        let count = packed.octet().unwrap_or(0);
        (0..count).map_while(move |_| packed.finding())
    }

    /// What one endpoint went through. The last state lasts until `end`.
    pub fn stretches(&self, role: Role, end: Timestamp) -> Vec<Stretch> {
        let mut packed = Packed(&self.life);
        for _ in 0..packed.octet().unwrap_or(0) {
            packed.finding();
        }
        if role == Role::Server {
            packed.transitions(|_, _| {});
        }
        let start = self.first.ns();
        let mut stretches: Vec<Stretch> = Vec::new();
        packed.transitions(|state, at| {
            let from = start.saturating_add(at);
            if let Some(before) = stretches.last_mut() {
                before.to = from;
            }
            stretches.push(Stretch {
                state,
                from,
                to: from,
            });
        });
        if stretches.is_empty() {
            let state = Some(self.state(role));
            stretches.push(Stretch {
                state,
                from: start,
                to: start,
            });
        }
        if let Some(last) = stretches.last_mut() {
            last.to = end.ns().max(last.from);
        }
        stretches
    }
}

/// Place of each rule, by its code.
pub(super) fn rule_index(code: &str) -> Option<u8> {
    let place = findings::rules().position(|rule| rule.code == code)?;
    u8::try_from(place).ok()
}

fn pack_findings(into: &mut Vec<u8>, findings: &[Finding], start: i64) {
    let mut kept: Vec<(u8, &Finding)> = Vec::new();
    for finding in findings {
        if let Some(rule) = rule_index(finding.code)
            && kept.iter().all(|(before, _)| *before != rule)
        {
            kept.push((rule, finding));
        }
    }
    // There are fewer rules than 256, and each is there once.
    into.push(u8::try_from(kept.len()).unwrap_or(u8::MAX));
    for (rule, finding) in kept.into_iter().take(usize::from(u8::MAX)) {
        let severity = Severity::ALL.iter().position(|one| *one == finding.severity);
        let severity = u8::try_from(severity.unwrap_or(0)).unwrap_or(0);
        into.push(rule);
        into.push(severity << 1 | u8::from(finding.at.is_some()));
        if let Some(at) = finding.at {
            put_signed(into, at.ns().saturating_sub(start));
        }
    }
}

fn pack_transitions(into: &mut Vec<u8>, side: &EndpointReport, start: i64) {
    let all = &side.transitions;
    let half = TRANSITIONS / 2;
    // Where the report lacks some, they are missing in the middle, too.
    let (first, last) = if all.len() > TRANSITIONS || side.transitions_folded > 0 {
        let half = half.min(all.len() / 2);
        (half, all.len().saturating_sub(half))
    } else {
        (all.len(), all.len())
    };
    let missing = first < last || side.transitions_folded > 0;
    let count = first + usize::from(missing) + (all.len() - last);
    into.push(u8::try_from(count).unwrap_or(u8::MAX));
    let mut before = start;
    let mut put = |what: u8, at: i64| {
        into.push(what);
        put_signed(into, at.saturating_sub(before));
        before = at;
    };
    for (index, transition) in all.iter().enumerate() {
        if index == first && missing {
            // What comes next is not known from the end of the last transition that is kept.
            put(NOT_KEPT, transition.at.ns());
        }
        if index >= first && index < last {
            continue;
        }
        let state = u8::try_from(transition.to as usize).unwrap_or(NOT_KEPT);
        let evidence = EVIDENCE.iter().position(|one| *one == transition.evidence);
        let evidence = u8::try_from(evidence.unwrap_or(0)).unwrap_or(0);
        put(state | evidence << 4, transition.at.ns());
    }
}

/// What is left to unpack.
struct Packed<'a>(&'a [u8]);

impl Packed<'_> {
    fn octet(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn finding(&mut self) -> Option<Found> {
        let rule = self.octet()?;
        let rest = self.octet()?;
        let severity = *Severity::ALL.get(usize::from(rest >> 1))?;
        let at_ns = if rest & 1 == 1 {
            Some(take_signed(&mut self.0)?)
        } else {
            None
        };
        Some(Found {
            rule,
            severity,
            at_ns,
        })
    }

    /// Takes those of one endpoint: states with the times since the first packet.
    fn transitions(&mut self, mut take: impl FnMut(Option<(State, Option<Evidence>)>, i64)) {
        let mut at: i64 = 0;
        for _ in 0..self.octet().unwrap_or(0) {
            let (Some(what), Some(later)) = (self.octet(), take_signed(&mut self.0)) else {
                return;
            };
            at = at.saturating_add(later);
            let state = State::ALL.get(usize::from(what & 15)).copied();
            let evidence = EVIDENCE.get(usize::from(what >> 4)).copied();
            take(state.map(|state| (state, evidence)), at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::{Settings, analyze};

    fn connections(name: &str) -> Vec<Connection> {
        let settings = Settings {
            files: vec![name.into()],
            ..Settings::default()
        };
        analyze(&settings, &mut |_| {}).expect("a capture").connections
    }

    #[test]
    fn there_is_room_for_all_rules() {
        assert!(findings::rules().count() < usize::from(u8::MAX));
        assert!(State::ALL.len() < usize::from(NOT_KEPT));
        for (place, rule) in findings::rules().enumerate() {
            assert_eq!(rule_index(rule.code).map(usize::from), Some(place));
        }
    }

    #[test]
    fn a_row_keeps_each_transition_and_finding() {
        for name in [
            "close_wait_leak.server.pcapng",
            "simultaneous_close.client.pcap",
            "tw_syn_low_isn.client.pcap",
        ] {
            for connection in connections(&format!("testdata/kernel/{name}")) {
                let row = Row::of(&connection, 0);
                let end = Timestamp::from_ns(i64::MAX);
                for (role, side) in [
                    (Role::Client, &connection.endpoints.client),
                    (Role::Server, &connection.endpoints.server),
                ] {
                    let stretches = row.stretches(role, end);
                    let told: Vec<_> = side
                        .transitions
                        .iter()
                        .map(|t| (Some((t.to, Some(t.evidence))), t.at.ns()))
                        .collect();
                    let kept: Vec<_> = stretches.iter().map(|s| (s.state, s.from)).collect();
                    assert_eq!(kept, told, "{name} {}", connection.id);
                    assert_eq!(stretches.last().map(|last| last.to), Some(i64::MAX));
                }
                for finding in &connection.findings {
                    let rule = rule_index(finding.code).expect("a rule");
                    let found = row
                        .findings()
                        .find(|found| found.rule == rule)
                        .expect("it is kept");
                    assert!(found.severity >= finding.severity || connection.findings.len() > 1);
                }
            }
        }
    }

    #[test]
    fn of_many_transitions_the_middle_is_left_out_and_marked() {
        let mut connection = connections("testdata/kernel/close_client.client.pcap").remove(0);
        let first = connection.endpoints.client.transitions[0].clone();
        connection.endpoints.client.transitions = (0..1_000)
            .map(|later| crate::model::Transition {
                at: first.at.plus(later),
                ..first.clone()
            })
            .collect();
        let row = Row::of(&connection, 0);
        let stretches = row.stretches(Role::Client, connection.last_time);
        assert_eq!(stretches.len(), TRANSITIONS + 1);
        assert_eq!(stretches.iter().filter(|one| one.state.is_none()).count(), 1);
        assert_eq!(stretches[TRANSITIONS / 2].state, None);
        assert_eq!(
            row.stretches(Role::Server, connection.last_time).len(),
            connection.endpoints.server.transitions.len()
        );
        connection.endpoints.client.transitions.truncate(10);
        connection.endpoints.client.transitions_folded = 7;
        let row = Row::of(&connection, 0);
        assert_eq!(row.stretches(Role::Client, connection.last_time).len(), 11);
    }

    #[test]
    fn a_row_is_small() {
        assert!(size_of::<Row>() <= 168, "{}", size_of::<Row>());
    }
}
