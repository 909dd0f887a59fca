//! Budgets: limits that a team sets on what its services may show, each applied to every matching service.
//!
//! All numbers are exact: counts are counted, percentiles are those of the sorted values (nearest rank), nothing is
//! sampled or interpolated. What lasts until the end of the capture counts with its lower bound.

use std::collections::BTreeMap;

use super::pattern::ServicePattern;
use super::{EXAMPLES, Example};
use crate::model::{
    Address, Analysis, Connection, EndpointReport, Finding, Outcome, PacketNumber, Role, ServiceFinding,
    Severity, State,
};
use crate::population::nearest_rank;
use crate::time::{Timestamp, exact_duration, human_duration};

/// A limit for some services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its name, unique in the configuration.
    pub name: String,
    /// The services that it is for.
    pub service: ServicePattern,
    /// How bad it is to exceed it.
    pub level: Severity,
    /// What it limits.
    pub limit: Limit,
}

/// What a budget limits. Times in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// Half-closes that last longer than a time, up to so many.
    HalfCloses {
        /// Up to so many,
        most: u64,
        /// that last longer than this.
        longer_than_ns: i64,
    },
    /// Time that the second closer spends in CLOSE-WAIT.
    CloseWait {
        /// Which of the times.
        of: Quantile,
        /// Up to so long.
        most_ns: i64,
    },
    /// Time that any endpoint spends in FIN-WAIT-2, up to so long.
    FinWait2 {
        /// Up to so long.
        most_ns: i64,
    },
    /// 4-tuples in TIME-WAIT at the same moment, up to so many.
    TimeWaitPeak {
        /// Up to so many.
        most: u64,
    },
    /// Connections that ended like this, up to so many.
    Ended {
        /// How they ended.
        outcome: Outcome,
        /// Up to so many.
        most: u64,
    },
    /// Handshakes: the 99th percentile of their round trips, up to so long.
    Handshake {
        /// Up to so long.
        most_ns: i64,
    },
    /// Connections in which a rule finds something, up to so many.
    Rule {
        /// Code of the rule.
        code: &'static str,
        /// Up to so many.
        most: u64,
    },
}

/// Which of many values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// The median.
    P50,
    /// The smallest value that 99 % do not exceed.
    P99,
    /// The largest.
    Max,
}

impl Quantile {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Quantile::P50 => "p50",
            Quantile::P99 => "p99",
            Quantile::Max => "max",
        }
    }

    fn percent(self) -> u64 {
        match self {
            Quantile::P50 => 50,
            Quantile::P99 => 99,
            Quantile::Max => 100,
        }
    }
}

impl Budget {
    /// What it demands of each service, in words.
    pub fn demand(&self) -> String {
        match &self.limit {
            Limit::HalfCloses {
                most,
                longer_than_ns: 0,
            } => format!("at most {most} half-closes"),
            Limit::HalfCloses { most, longer_than_ns } => {
                let longer = exact_duration(*longer_than_ns);
                format!("at most {most} half-closes longer than {longer}")
            }
            Limit::CloseWait { of, most_ns } => {
                format!("CLOSE-WAIT {} at most {}", of.name(), exact_duration(*most_ns))
            }
            Limit::FinWait2 { most_ns } => format!("FIN-WAIT-2 max at most {}", exact_duration(*most_ns)),
            Limit::TimeWaitPeak { most } => format!("at most {most} in TIME-WAIT at once"),
            Limit::Ended { outcome, most } => format!("at most {most} {}", ended(*outcome)),
            Limit::Handshake { most_ns } => format!("handshake p99 at most {}", exact_duration(*most_ns)),
            Limit::Rule { code, most } => format!("at most {most} with {code}"),
        }
    }
}

/// In a sentence: `at most 3 …`, `5 …`.
fn ended(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Open => "still open at the end",
        Outcome::Reset => "reset",
        Outcome::Refused => "refused",
        Outcome::Unanswered => "unanswered",
        Outcome::Closed => "closed",
        Outcome::HalfOpen => "half-open at the end",
        Outcome::HalfClosed => "half-closed at the end",
        Outcome::Closing => "closing at the end",
        Outcome::Evicted => "evicted",
    }
}

/// A service that exceeds a budget.
#[derive(Debug, Clone)]
pub struct Overrun {
    /// The service; none for findings about the capture as a whole.
    pub service: Option<Address>,
    /// Connections that count, exactly: all of them where their number is limited, those beyond the limit where a time is.
    pub connections: u64,
    /// How often it happened, exactly.
    pub count: u64,
    /// What was measured and what is allowed, one line.
    pub message: String,
    /// Some of the connections, the worst first.
    pub examples: Vec<Example>,
}

/// What one service shows.
#[derive(Default)]
struct Service<'a> {
    connections: Vec<&'a Connection>,
    findings: Vec<&'a ServiceFinding>,
}

/// All services of an analysis, for its budgets.
pub struct Services<'a> {
    services: BTreeMap<Option<Address>, Service<'a>>,
    by_id: BTreeMap<u64, &'a Connection>,
}

impl<'a> Services<'a> {
    /// Groups the connections by service.
    pub fn of(analysis: &'a Analysis) -> Services<'a> {
        let mut services: BTreeMap<Option<Address>, Service<'a>> = BTreeMap::new();
        for connection in &analysis.connections {
            let service = services.entry(Some(connection.server)).or_default();
            service.connections.push(connection);
        }
        for finding in &analysis.findings {
            services.entry(finding.server).or_default().findings.push(finding);
        }
        let by_id = analysis
            .connections
            .iter()
            .map(|connection| (connection.id, connection));
        Services {
            services,
            by_id: by_id.collect(),
        }
    }

    /// The connection with this id.
    pub fn connection(&self, id: u64) -> Option<&'a Connection> {
        self.by_id.get(&id).copied()
    }

    /// The services that exceed a budget, and whether it is for any service at all.
    pub fn exceeding(&self, budget: &Budget) -> (Vec<Overrun>, bool) {
        let mut overruns = Vec::new();
        let mut applied = false;
        for (address, service) in &self.services {
            let matches = match address {
                Some(address) => budget.service.matches(*address),
                None => budget.service == ServicePattern::ANY,
            };
            if !matches {
                continue;
            }
            applied = true;
            if let Some(overrun) = self.measure(service, &budget.limit) {
                overruns.push(Overrun {
                    service: *address,
                    ..overrun
                });
            }
        }
        (overruns, applied)
    }

    fn measure(&self, service: &Service<'a>, limit: &Limit) -> Option<Overrun> {
        let connections = &service.connections;
        match limit {
            Limit::HalfCloses { most, longer_than_ns } => {
                let mut samples: Vec<Sample> = connections.iter().filter_map(|c| half_close(c)).collect();
                samples.retain(|sample| sample.ns > *longer_than_ns);
                let longer = match longer_than_ns {
                    0 => String::new(),
                    ns => format!(" longer than {}", exact_duration(*ns)),
                };
                too_many(samples, *most, |count| {
                    format!("{count} {}{longer}", plural(count, "half-close"))
                })
            }
            Limit::CloseWait { of, most_ns } => {
                let samples = connections.iter().filter_map(|c| half_close(c)).collect();
                too_long(samples, *of, *most_ns, "the time in CLOSE-WAIT")
            }
            Limit::FinWait2 { most_ns } => {
                let samples = connections.iter().filter_map(|c| fin_wait_2(c)).collect();
                too_long(samples, Quantile::Max, *most_ns, "the time in FIN-WAIT-2")
            }
            Limit::TimeWaitPeak { most } => {
                let (at, samples) = time_wait_peak(connections);
                too_many(samples, *most, |count| {
                    format!("{count} in TIME-WAIT at once, at {at}")
                })
            }
            Limit::Ended { outcome, most } => {
                let ended_so = connections
                    .iter()
                    .filter(|connection| connection.outcome == *outcome);
                let samples = ended_so.map(|connection| ending(connection, *outcome)).collect();
                too_many(samples, *most, |count| {
                    format!("{count} {} {}", plural(count, "connection"), ended(*outcome))
                })
            }
            Limit::Handshake { most_ns } => {
                let samples = connections.iter().filter_map(|c| handshake(c)).collect();
                too_long(samples, Quantile::P99, *most_ns, "the handshake's round trip")
            }
            Limit::Rule { code, most } => self.rule(service, code, *most),
        }
    }

    fn rule(&self, service: &Service<'a>, code: &str, most: u64) -> Option<Overrun> {
        let found = service.connections.iter().flat_map(|connection| {
            let findings = connection.findings.iter().filter(|finding| finding.code == code);
            findings.map(|finding| (*connection, finding))
        });
        let mut found: Vec<(&Connection, &Finding)> = found.collect();
        let together = service.findings.iter().filter(|finding| finding.code == code);
        let together: Vec<&ServiceFinding> = together.copied().collect();
        let mut count: u64 = found.iter().map(|(_, finding)| finding.count).sum();
        count += together.len() as u64;
        // Connections come one after another, so that one with two findings is next to itself.
        let mut ids: Vec<u64> = found.iter().map(|(connection, _)| connection.id).collect();
        ids.dedup();
        let about: u64 = together.iter().map(|finding| finding.connections.max(1)).sum();
        let total = (ids.len() as u64).saturating_add(about);
        if total <= most {
            return None;
        }
        found.sort_by(|(a, x), (b, y)| {
            (y.severity, y.confidence, y.count, a.id).cmp(&(x.severity, x.confidence, x.count, b.id))
        });
        let examples = found
            .iter()
            .map(|(connection, finding)| of_finding(connection, finding));
        let others = together.iter().flat_map(|finding| {
            let ids = finding.ids.iter().filter_map(|id| self.connection(*id));
            ids.map(|connection| of_service_finding(connection, finding))
        });
        Some(Overrun {
            service: None,
            connections: total,
            count,
            message: format!(
                "{total} {} with {code}; the budget allows {most}",
                plural(total, "connection")
            ),
            examples: examples.chain(others).take(EXAMPLES).collect(),
        })
    }
}

/// A connection as an example of a finding in it.
pub(super) fn of_finding(connection: &Connection, finding: &Finding) -> Example {
    Example {
        connection: connection.id,
        client: connection.client,
        server: connection.server,
        packet: finding.packet,
        at: finding.at,
        message: finding.message.clone(),
    }
}

/// A connection as an example of what was found in a service.
pub(super) fn of_service_finding(connection: &Connection, finding: &ServiceFinding) -> Example {
    Example {
        connection: connection.id,
        client: connection.client,
        server: connection.server,
        packet: Some(connection.first_packet),
        at: Some(connection.first_time),
        message: finding.message.clone(),
    }
}

/// One connection measured.
struct Sample<'a> {
    connection: &'a Connection,
    /// Nanoseconds, where a time is measured; the larger the worse.
    ns: i64,
    /// It went on when the capture ended: `ns` is a lower bound.
    open: bool,
    packet: Option<PacketNumber>,
    at: Option<Timestamp>,
    /// Who does what, in words: `server in CLOSE-WAIT`.
    what: &'static str,
}

impl Sample<'_> {
    fn example(&self) -> Example {
        let message = match (self.ns, self.open) {
            (0, _) => self.what.to_owned(),
            (ns, false) => format!("{} for {}", self.what, human_duration(ns)),
            (ns, true) => format!("{} for {} and counting", self.what, human_duration(ns)),
        };
        Example {
            connection: self.connection.id,
            client: self.connection.client,
            server: self.connection.server,
            packet: self.packet,
            at: self.at,
            message,
        }
    }
}

fn worst_first(samples: &mut [Sample<'_>]) {
    samples.sort_by_key(|sample| (std::cmp::Reverse(sample.ns), sample.connection.id));
}

fn examples(samples: &[Sample<'_>]) -> Vec<Example> {
    samples.iter().take(EXAMPLES).map(Sample::example).collect()
}

fn too_many(mut samples: Vec<Sample<'_>>, most: u64, what: impl FnOnce(u64) -> String) -> Option<Overrun> {
    let count = samples.len() as u64;
    if count <= most {
        return None;
    }
    worst_first(&mut samples);
    Some(Overrun {
        service: None,
        connections: count,
        count,
        message: format!("{}; the budget allows {most}", what(count)),
        examples: examples(&samples),
    })
}

fn too_long(mut samples: Vec<Sample<'_>>, of: Quantile, most_ns: i64, what: &str) -> Option<Overrun> {
    let mut values: Vec<i64> = samples.iter().map(|sample| sample.ns).collect();
    values.sort_unstable();
    let value = nearest_rank(&values, of.percent())?;
    if value <= most_ns {
        return None;
    }
    // One that goes on, up to this value, may grow beyond it and take the percentile with it.
    let bound = samples.iter().any(|sample| sample.open && sample.ns <= value);
    worst_first(&mut samples);
    let of_count = samples.len();
    samples.retain(|sample| sample.ns > most_ns);
    let count = samples.len() as u64;
    let shown = match (human_duration(value), human_duration(most_ns)) {
        (value_text, most_text) if value_text == most_text => exact_duration(value),
        (value_text, _) => value_text,
    };
    Some(Overrun {
        service: None,
        connections: count,
        count,
        message: format!(
            "{} of {what} is {}{shown} (of {of_count}, {count} longer); the budget allows {}",
            of.name(),
            if bound { "at least " } else { "" },
            exact_duration(most_ns)
        ),
        examples: examples(&samples),
    })
}

fn plural(count: u64, noun: &str) -> String {
    match count {
        1 => noun.to_owned(),
        _ => format!("{noun}s"),
    }
}

fn side(connection: &Connection, role: Role) -> &EndpointReport {
    match role {
        Role::Client => &connection.endpoints.client,
        Role::Server => &connection.endpoints.server,
    }
}

fn half_close(connection: &Connection) -> Option<Sample<'_>> {
    let close = &connection.close;
    let ns = close.half_close_ns?;
    let closer = close.first_closer.map(|role| side(connection, role));
    Some(Sample {
        connection,
        ns,
        open: close.half_close_open,
        packet: closer.and_then(|closer| closer.fin_packet),
        at: close.close_wait_since,
        what: match close.first_closer {
            Some(Role::Client) => "server in CLOSE-WAIT",
            Some(Role::Server) => "client in CLOSE-WAIT",
            None => "CLOSE-WAIT",
        },
    })
}

fn fin_wait_2(connection: &Connection) -> Option<Sample<'_>> {
    let held = |role: Role, what: &'static str| {
        let end = side(connection, role);
        let ns = end.dwell_ns.get(State::FinWait2)?;
        let step = end.transitions.iter().find(|step| step.to == State::FinWait2);
        Some(Sample {
            connection,
            ns,
            open: end.state == State::FinWait2,
            packet: step.and_then(|step| step.packet),
            at: step.map(|step| step.at),
            what,
        })
    };
    let client = held(Role::Client, "client in FIN-WAIT-2");
    let server = held(Role::Server, "server in FIN-WAIT-2");
    client.into_iter().chain(server).max_by_key(|sample| sample.ns)
}

fn ending(connection: &Connection, outcome: Outcome) -> Sample<'_> {
    Sample {
        connection,
        ns: 0,
        open: false,
        packet: Some(connection.last_packet),
        at: Some(connection.last_time),
        what: ended(outcome),
    }
}

fn handshake(connection: &Connection) -> Option<Sample<'_>> {
    let handshake = &connection.handshake;
    Some(Sample {
        connection,
        ns: handshake.rtt_ns?,
        open: false,
        packet: handshake.syn_packet,
        at: Some(connection.first_time),
        what: "handshake in progress",
    })
}

/// Since when and until when a connection's 4-tuple is in TIME-WAIT, at either end; no end while it is held.
struct Held<'a> {
    from: Timestamp,
    until: Option<Timestamp>,
    sample: Sample<'a>,
}

fn time_waits(connection: &Connection) -> Vec<Held<'_>> {
    let mut held: Vec<Held<'_>> = Vec::new();
    let sides = [
        (&connection.endpoints.client, "client in TIME-WAIT"),
        (&connection.endpoints.server, "server in TIME-WAIT"),
    ];
    for (end, what) in sides {
        for (index, step) in end.transitions.iter().enumerate() {
            if step.to != State::TimeWait {
                continue;
            }
            held.push(Held {
                from: step.at,
                until: end.transitions.get(index + 1).map(|next| next.at),
                sample: Sample {
                    connection,
                    ns: 0,
                    open: false,
                    packet: step.packet,
                    at: Some(step.at),
                    what,
                },
            });
        }
    }
    // Both ends may hold it; the 4-tuple is taken once.
    held.sort_by_key(|held| held.from);
    let mut merged: Vec<Held<'_>> = Vec::new();
    for next in held {
        match merged.last_mut() {
            Some(last) if last.until.is_none_or(|until| next.from <= until) => {
                last.until = match (last.until, next.until) {
                    (Some(a), Some(b)) => Some(a.max(b)),
                    _ => None,
                };
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// The most 4-tuples in TIME-WAIT at the same moment: when that was first, and which.
fn time_wait_peak<'a>(connections: &[&'a Connection]) -> (Timestamp, Vec<Sample<'a>>) {
    let held: Vec<Held<'a>> = connections
        .iter()
        .flat_map(|connection| time_waits(connection))
        .collect();
    let begins = held.iter().map(|held| (held.from, 1_i64));
    let ends = held
        .iter()
        .filter_map(|held| held.until.map(|until| (until.max(held.from), -1_i64)));
    let mut steps: Vec<(Timestamp, i64)> = begins.chain(ends).collect();
    steps.sort_unstable(); // at one moment, who leaves makes room first
    let (mut now, mut most, mut at) = (0, 0, Timestamp::default());
    for (moment, change) in steps {
        now += change;
        if now > most {
            (most, at) = (now, moment);
        }
    }
    let then = |held: &Held<'a>| held.from <= at && held.until.is_none_or(|until| at < until);
    let mut samples: Vec<Sample<'a>> = Vec::new();
    samples.extend(held.into_iter().filter(then).map(|held| held.sample));
    (at, samples)
}
