//! What changed between two captures, or two reports of them: findings, how connections ended, how long half-closes and
//! handshakes took, and the states at the end.
//!
//! Everything is counted by service (the server's address and port) and side. Client addresses and ephemeral ports play no
//! part, so that two runs of the same programs can be compared. Counts are exact; what would weaken the comparison (one
//! capture is longer, or lost packets) is a [`Caveat`].

mod caveat;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use caveat::{Caveat, Which};

use crate::model::{
    Address, Analysis, Capture, Connection, Outcome, Role, ServiceFinding, Severity, State, Summary,
};
use crate::population::nearest_rank;

/// What a side says about its origin and quality.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The file, as it was named.
    pub name: String,
    /// The program that wrote the report; this one for a capture.
    pub program: String,
    /// Packets read.
    pub packets: u64,
    /// Connections in the capture; those compared may be a selection of them.
    pub connections: u64,
    /// From the first packet to the last; null without packets.
    pub span_ns: Option<i64>,
    /// Octets that the capture lacks although they were acknowledged.
    pub missed_bytes: u64,
    /// Connections of which only one side was captured.
    pub one_sided_connections: u64,
    /// Segments that the capture recorded twice.
    pub duplicate_segments: u64,
    /// Packets that the snap length cut.
    pub cut_segments: u64,
    /// Packets whose time stamp lies before that of the packet before.
    pub time_steps_back: u64,
    /// 2 MSL in force, nanoseconds.
    pub time_wait_ns: i64,
    /// Findings below this severity were left out.
    pub findings_from: Severity,
    /// False if the input was damaged or cut off.
    pub complete: bool,
}

/// What is compared of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The server's address and port.
    pub service: Address,
    /// How it ended.
    pub outcome: Outcome,
    /// Time that the second closer spent in CLOSE-WAIT.
    pub half_close_ns: Option<i64>,
    /// It has not closed yet: that time is a lower bound.
    pub half_close_open: bool,
    /// The round trip of the handshake.
    pub rtt_ns: Option<i64>,
    /// State of client and server at the end.
    pub states: [State; 2],
    /// Its findings.
    pub findings: Vec<Found>,
}

/// What is compared of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Code of the rule.
    pub code: String,
    /// Name of the rule.
    pub name: String,
    /// How bad.
    pub severity: Severity,
    /// The side.
    pub endpoint: Option<Role>,
}

/// What two runs of the same programs have in common about a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    code: String,
    service: Option<Address>,
    endpoint: Option<Role>,
}

/// How often, and how bad.
#[derive(Debug, Clone)]
struct Counted {
    name: String,
    severity: Severity,
    connections: u64,
}

/// One of the two sides, counted connection by connection.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Where it comes from.
    pub origin: Origin,
    compared: u64,
    services: BTreeMap<Address, Service>,
    findings: BTreeMap<Key, Counted>,
}

#[derive(Debug, Clone, Default)]
struct Service {
    connections: u64,
    outcomes: BTreeMap<Outcome, u64>,
    half_closes: Vec<i64>,
    half_closes_open: u64,
    rtts: Vec<i64>,
    states: [BTreeMap<State, u64>; 2],
}

impl Side {
    /// Without a connection.
    pub fn new(origin: Origin) -> Side {
        Side {
            origin,
            ..Side::default()
        }
    }

    /// Of an analysis.
    pub fn of(name: &str, analysis: &Analysis) -> Side {
        let mut side = Side::default();
        for connection in &analysis.connections {
            side.add_connection(connection);
        }
        side.told(name, analysis)
    }

    /// Counts one connection of an analysis.
    pub fn add_connection(&mut self, connection: &Connection) {
        self.add(&facts(connection));
    }

    /// With all else of the analysis whose connections were counted.
    #[must_use]
    pub fn told(mut self, name: &str, analysis: &Analysis) -> Side {
        self.origin = origin(name, &analysis.capture, &analysis.summary);
        for finding in &analysis.findings {
            self.add_service_finding(finding);
        }
        self
    }

    /// Counts one connection.
    pub fn add(&mut self, facts: &Facts) {
        self.compared += 1;
        let service = self.services.entry(facts.service).or_default();
        service.connections += 1;
        *service.outcomes.entry(facts.outcome).or_insert(0) += 1;
        service.half_closes.extend(facts.half_close_ns);
        service.half_closes_open += u64::from(facts.half_close_open);
        service.rtts.extend(facts.rtt_ns);
        for (states, state) in service.states.iter_mut().zip(facts.states) {
            *states.entry(state).or_insert(0) += 1;
        }
        // Several findings of one rule at one side of a connection are one connection with it.
        let mut seen: BTreeSet<Key> = BTreeSet::new();
        for found in &facts.findings {
            let first = seen.insert(key(found, Some(facts.service)));
            self.count(found, Some(facts.service), u64::from(first));
        }
    }

    /// Counts one finding about a service (or about the capture, without one) that concerns so many connections.
    pub fn count(&mut self, found: &Found, service: Option<Address>, connections: u64) {
        let counted = self
            .findings
            .entry(key(found, service))
            .or_insert_with(|| Counted {
                name: found.name.clone(),
                severity: found.severity,
                connections: 0,
            });
        counted.severity = counted.severity.max(found.severity);
        counted.connections = counted.connections.saturating_add(connections);
    }

    fn add_service_finding(&mut self, finding: &ServiceFinding) {
        let found = Found {
            code: finding.code.to_owned(),
            name: finding.name.to_owned(),
            severity: finding.severity,
            endpoint: finding.endpoint,
        };
        self.count(&found, finding.server, finding.connections);
    }

    /// Connections that can have a finding at this service.
    fn of_service(&self, service: Option<Address>) -> u64 {
        match service {
            Some(service) => self
                .services
                .get(&service)
                .map_or(0, |service| service.connections),
            None => self.compared,
        }
    }
}

fn key(found: &Found, service: Option<Address>) -> Key {
    Key {
        code: found.code.clone(),
        service,
        endpoint: found.endpoint,
    }
}

fn origin(name: &str, capture: &Capture, summary: &Summary) -> Origin {
    Origin {
        name: name.to_owned(),
        program: capture.program.clone(),
        packets: capture.packets,
        connections: summary.connections,
        span_ns: capture
            .first_time
            .zip(capture.last_time)
            .map(|(first, last)| last.since(first)),
        missed_bytes: capture.missed_bytes,
        one_sided_connections: capture.one_sided_connections,
        duplicate_segments: capture.duplicate_segments,
        cut_segments: capture.cut_segments,
        time_steps_back: capture.time_steps_back,
        time_wait_ns: capture.time_wait_ns,
        findings_from: capture.findings_from,
        complete: capture.complete,
    }
}

fn facts(connection: &Connection) -> Facts {
    let found = connection.findings.iter().map(|finding| Found {
        code: finding.code.to_owned(),
        name: finding.name.to_owned(),
        severity: finding.severity,
        endpoint: finding.endpoint,
    });
    Facts {
        service: connection.server,
        outcome: connection.outcome,
        half_close_ns: connection.close.half_close_ns,
        half_close_open: connection.close.half_close_open,
        rtt_ns: connection.handshake.rtt_ns,
        states: [
            connection.endpoints.client.state,
            connection.endpoints.server.state,
        ],
        findings: found.collect(),
    }
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The side before.
    pub old: Origin,
    /// The side now.
    pub new: Origin,
    /// What weakens the comparison.
    pub caveats: Vec<Caveat>,
    /// Findings that only the new side has, the worst first.
    pub new_findings: Vec<FindingChange>,
    /// Findings that only the old side has.
    pub gone_findings: Vec<FindingChange>,
    /// Findings that both have, at another rate or severity.
    pub changed_findings: Vec<FindingChange>,
    /// Findings that both have at the same rate and severity.
    pub same_findings: u64,
    /// Services that differ, those with most connections first.
    pub services: Vec<ServiceChange>,
    /// Services that do not.
    pub same_services: u64,
}

/// One rule at one service and side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingChange {
    /// Code of the rule.
    pub code: String,
    /// Name of the rule.
    pub name: String,
    /// The service; null for what concerns the capture.
    pub service: Option<Address>,
    /// The side; null if it is neither.
    pub endpoint: Option<Role>,
    /// How bad it was; null if it was not there.
    pub old_severity: Option<Severity>,
    /// How bad it is; null if it is gone.
    pub new_severity: Option<Severity>,
    /// How often before.
    pub old: Rate,
    /// How often now.
    pub new: Rate,
}

impl FindingChange {
    /// The worse of both severities.
    pub fn severity(&self) -> Severity {
        self.old_severity.max(self.new_severity).unwrap_or(Severity::Info)
    }
}

/// How many of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// Connections with the finding, exactly.
    pub connections: u64,
    /// Connections to the service (all of them, where the finding concerns the capture).
    pub of: u64,
}

impl Rate {
    /// Whether both are the same share, compared exactly.
    fn equals(self, other: Rate) -> bool {
        let cross = |a: u64, b: u64| u128::from(a) * u128::from(b);
        (self.connections == 0) == (other.connections == 0)
            && cross(self.connections, other.of) == cross(other.connections, self.of)
            // Without connections to share there is no rate: the counts decide.
            && ((self.of == 0) == (other.of == 0))
            && (self.of > 0 || self.connections == other.connections)
    }

    /// Rounded to the nearest; None where there is nothing to share.
    pub fn per_1000(self) -> Option<u64> {
        let of = u128::from(self.of);
        let scaled = u128::from(self.connections) * 1000 + of / 2;
        u64::try_from(scaled.checked_div(of)?).ok()
    }
}

/// One service that differs. A side without a connection to it is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceChange {
    /// The server's address and port.
    pub service: Address,
    /// Before.
    pub old: Option<ServiceFacts>,
    /// Now.
    pub new: Option<ServiceFacts>,
}

/// All connections to a service together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServiceFacts {
    /// How many.
    pub connections: u64,
    /// By outcome.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Half-closes: lengths in nanoseconds; those still open count as long as they were seen.
    pub half_close: Option<Spread>,
    /// Of them, those that were open at the end.
    pub half_closes_open: u64,
    /// Round trips of handshakes.
    pub handshake_rtt: Option<Spread>,
    /// Clients by state at the end.
    pub client_states: BTreeMap<&'static str, u64>,
    /// Servers by state at the end.
    pub server_states: BTreeMap<&'static str, u64>,
}

/// How values are spread (nearest rank: each is one that occurred).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many values.
    pub count: u64,
    /// Half of them are not greater.
    pub p50_ns: i64,
    /// 99 of 100 are not greater.
    pub p99_ns: i64,
    /// The greatest.
    pub max_ns: i64,
}

impl Spread {
    fn of(values: &[i64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        Some(Spread {
            count: sorted.len() as u64,
            p50_ns: nearest_rank(&sorted, 50)?,
            p99_ns: nearest_rank(&sorted, 99)?,
            max_ns: *sorted.last()?,
        })
    }
}

impl Service {
    fn facts(&self) -> ServiceFacts {
        let named = |states: &BTreeMap<State, u64>| {
            states
                .iter()
                .map(|(state, count)| (state.name(), *count))
                .collect()
        };
        let [client, server] = &self.states;
        ServiceFacts {
            connections: self.connections,
            outcomes: self
                .outcomes
                .iter()
                .map(|(outcome, count)| (outcome.name(), *count))
                .collect(),
            half_close: Spread::of(&self.half_closes),
            half_closes_open: self.half_closes_open,
            handshake_rtt: Spread::of(&self.rtts),
            client_states: named(client),
            server_states: named(server),
        }
    }
}

impl Difference {
    /// Compares two sides.
    pub fn between(old: &Side, new: &Side) -> Difference {
        let mut difference = Difference {
            old: old.origin.clone(),
            new: new.origin.clone(),
            caveats: caveat::between(old, new),
            new_findings: Vec::new(),
            gone_findings: Vec::new(),
            changed_findings: Vec::new(),
            same_findings: 0,
            services: Vec::new(),
            same_services: 0,
        };
        difference.compare_findings(old, new);
        difference.compare_services(old, new);
        difference
    }

    fn compare_findings(&mut self, old: &Side, new: &Side) {
        let keys: BTreeSet<&Key> = old.findings.keys().chain(new.findings.keys()).collect();
        for key in keys {
            let (before, now) = (old.findings.get(key), new.findings.get(key));
            let rate = |side: &Side, counted: Option<&Counted>| Rate {
                connections: counted.map_or(0, |counted| counted.connections),
                of: side.of_service(key.service),
            };
            let change = FindingChange {
                code: key.code.clone(),
                name: now
                    .or(before)
                    .map(|counted| counted.name.clone())
                    .unwrap_or_default(),
                service: key.service,
                endpoint: key.endpoint,
                old_severity: before.map(|counted| counted.severity),
                new_severity: now.map(|counted| counted.severity),
                old: rate(old, before),
                new: rate(new, now),
            };
            match (before, now) {
                (None, _) => self.new_findings.push(change),
                (Some(_), None) => self.gone_findings.push(change),
                (Some(before), Some(now))
                    if before.severity == now.severity && change.old.equals(change.new) =>
                {
                    self.same_findings += 1;
                }
                (Some(_), Some(_)) => self.changed_findings.push(change),
            }
        }
        for list in [
            &mut self.new_findings,
            &mut self.gone_findings,
            &mut self.changed_findings,
        ] {
            // Stable: equal ones stay in the order of their codes and services.
            list.sort_by_key(|change| {
                std::cmp::Reverse((
                    change.severity(),
                    change.new.connections.max(change.old.connections),
                ))
            });
        }
    }

    fn compare_services(&mut self, old: &Side, new: &Side) {
        let services: BTreeSet<&Address> = old.services.keys().chain(new.services.keys()).collect();
        for service in services {
            let facts = |side: &Side| side.services.get(service).map(Service::facts);
            let (before, now) = (facts(old), facts(new));
            if before == now {
                self.same_services += 1;
                continue;
            }
            self.services.push(ServiceChange {
                service: *service,
                old: before,
                new: now,
            });
        }
        let size = |facts: &Option<ServiceFacts>| facts.as_ref().map_or(0, |facts| facts.connections);
        self.services
            .sort_by_key(|change| std::cmp::Reverse(size(&change.old).max(size(&change.new))));
    }

    /// Whether nothing changed. Caveats are no change.
    pub fn is_empty(&self) -> bool {
        self.new_findings.is_empty()
            && self.gone_findings.is_empty()
            && self.changed_findings.is_empty()
            && self.services.is_empty()
    }

    /// Whether a finding is new that is at least this bad, or has become so.
    pub fn has_new(&self, least: Severity) -> bool {
        let reached = |change: &FindingChange| {
            change.new_severity.is_some_and(|now| now >= least)
                && change.old_severity.is_none_or(|before| before < least)
        };
        self.new_findings
            .iter()
            .chain(&self.changed_findings)
            .any(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_values_that_occurred() {
        let spread =
            |values: &[i64]| Spread::of(values).map(|spread| (spread.p50_ns, spread.p99_ns, spread.max_ns));
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[7]), Some((7, 7, 7)));
        assert_eq!(spread(&[4, 1, 3, 2]), Some((2, 4, 4)));
        let hundred: Vec<i64> = (1..=200).collect();
        assert_eq!(spread(&hundred), Some((100, 198, 200)));
    }

    #[test]
    fn rates_are_compared_exactly() {
        let rate = |connections, of| Rate { connections, of };
        assert!(rate(1, 3).equals(rate(2, 6)) && !rate(1, 3).equals(rate(333_333, 1_000_000)));
        assert!(
            rate(0, 0).equals(rate(0, 0)) && !rate(1, 0).equals(rate(2, 0)) && !rate(0, 5).equals(rate(0, 0))
        );
        assert!(rate(u64::MAX, u64::MAX).equals(rate(1, 1)));
        let rounded = [rate(1, 3), rate(2, 3), rate(1, 2000), rate(5, 0)].map(Rate::per_1000);
        assert_eq!(rounded, [Some(333), Some(667), Some(1), None]);
    }
}
