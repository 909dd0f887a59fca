//! What the report keeps of the connections while they pass, one after the other.

use std::collections::{BTreeMap, BinaryHeap};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::sample::Sample;
use crate::model::{Address, Connection, Finding, Numbers, Outcome, PacketNumber, Role, Severity};
use crate::population::over_time::OverTime;
use crate::population::{By, HalfCloses, Span, Stays};
use crate::quality::Tally;
use crate::select::Need;
use crate::time::Timestamp;

/// Lanes of those that need attention most, and of the others.
const FOREMOST: usize = 5_000;
const OTHERS: usize = 5_000;
/// Ladders asked for; how many there is room for is seen when they are drawn.
const LADDERS: usize = 2_000;
/// Segments of all of them together, and of one at most: they are in memory at once.
const SEGMENTS: u64 = 400_000;
const SEGMENTS_OF_ONE: u64 = 4_096;
/// Findings of a rule told one by one.
const TOLD: usize = 25;
/// Services of a rule that are counted one by one.
const SERVICES: usize = 1_024;
/// Octets of a message.
const MESSAGE: usize = 400;

/// Everything that the report needs of the connections. Memory grows with the connections that were half-closed or in
/// TIME-WAIT, as in [`crate::population`], and with nothing else.
pub struct Gathered {
    pub(super) span: Span,
    pub(super) lanes: Sample,
    pub(super) rules: BTreeMap<&'static str, Group>,
    pub(super) over_time: OverTime,
    pub(super) half_closes: HalfCloses,
    pub(super) stays: Stays,
    pub(super) quality: Tally,
    /// Connections that were given up for a limit.
    pub(super) evicted: Numbers,
    /// Ladders that a command had drawn anyway.
    pub(super) with_ladders: Vec<Connection>,
    /// Rows of those.
    rows: u64,
    wanted: BinaryHeap<(Need, Wanted, u64)>,
}

/// A connection whose ladder is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Its number.
    pub id: u64,
    /// Its ends.
    pub between: (Address, Address),
    /// Its first packet and its last one: to know it again.
    pub packets: (PacketNumber, PacketNumber),
}

/// The findings of one rule.
pub(super) struct Group {
    pub name: &'static str,
    pub severity: Severity,
    /// Findings by severity, in the order of [`Severity::ALL`].
    pub by_severity: [u64; Severity::ALL.len()],
    /// Repeats of all of them.
    pub count: u64,
    /// All connections with one.
    pub ids: Numbers,
    /// Connections by service and side.
    pub services: HashMap<(Address, Option<Role>), u64, RandomState>,
    /// Connections of other services.
    pub other_services: u64,
    /// Some of them, the worst first.
    pub told: Vec<Case>,
    /// About services, or the capture.
    pub together: u64,
}

/// One finding.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub id: u64,
    pub client: Address,
    pub server: Address,
    pub severity: Severity,
    pub confidence: &'static str,
    pub message: String,
    pub packet: Option<PacketNumber>,
    pub at: Option<Timestamp>,
    pub weakened_by: Vec<&'static str>,
}

impl Gathered {
    /// Of a capture that covers this time.
    pub fn new(span: Span) -> Gathered {
        Gathered {
            span,
            lanes: Sample::new(FOREMOST, OTHERS),
            rules: BTreeMap::new(),
            over_time: OverTime::new(span),
            half_closes: HalfCloses::new(By::Server, 0),
            stays: Stays::default(),
            quality: Tally::default(),
            evicted: Numbers::default(),
            with_ladders: Vec::new(),
            rows: 0,
            wanted: BinaryHeap::new(),
        }
    }

    /// Looks at the next connection.
    pub fn add(&mut self, connection: &Connection) {
        self.quality.add(connection);
        self.over_time.add(connection);
        self.half_closes.add(connection);
        self.stays.add(connection);
        self.lanes.add(connection);
        for finding in &connection.findings {
            let group = self
                .rules
                .entry(finding.code)
                .or_insert_with(|| Group::of(finding.name));
            group.add(connection, finding);
        }
        if connection.outcome == Outcome::Evicted {
            self.evicted.add(connection.id);
        }
        let ends = &connection.endpoints;
        let segments = ends.client.packets.saturating_add(ends.server.packets);
        self.wanted.push((
            Need::of(connection),
            Wanted {
                id: connection.id,
                between: (connection.client, connection.server),
                packets: (connection.first_packet, connection.last_packet),
            },
            segments,
        ));
        if self.wanted.len() > LADDERS {
            self.wanted.pop();
        }
        let rows = self.rows.saturating_add(connection.ladder.len() as u64);
        if !connection.ladder.is_empty() && self.with_ladders.len() < LADDERS && rows <= SEGMENTS {
            self.rows = rows;
            self.with_ladders.push(connection.clone());
        }
    }

    /// The connections whose ladders are wanted, those that need attention most first.
    pub fn wanted(&self) -> Vec<Wanted> {
        let mut wanted: Vec<(Need, Wanted, u64)> = self.wanted.iter().copied().collect();
        wanted.sort_unstable();
        let mut left = SEGMENTS;
        wanted.retain(
            |(.., segments)| match left.checked_sub(SEGMENTS_OF_ONE.min(*segments)) {
                Some(rest) => {
                    left = rest;
                    true
                }
                None => false,
            },
        );
        wanted.into_iter().map(|(_, wanted, _)| wanted).collect()
    }

    /// The connections that passed with their ladders, those that need attention most first.
    pub fn ladders(&self) -> Vec<Connection> {
        let mut connections = self.with_ladders.clone();
        connections.sort_by_key(Need::of);
        connections
    }

    /// Whether the connections that passed had their ladders with them.
    pub fn has_ladders(&self) -> bool {
        !self.with_ladders.is_empty()
    }
}

impl Group {
    pub fn of(name: &'static str) -> Group {
        Group {
            name,
            severity: Severity::Info,
            by_severity: [0; Severity::ALL.len()],
            count: 0,
            ids: Numbers::default(),
            services: HashMap::default(),
            other_services: 0,
            told: Vec::new(),
            together: 0,
        }
    }

    fn add(&mut self, connection: &Connection, finding: &Finding) {
        self.severity = self.severity.max(finding.severity);
        self.by_severity[finding.severity as usize] += 1;
        self.count = self.count.saturating_add(finding.count);
        let before = self.ids.count();
        self.ids.add(connection.id);
        if self.ids.count() > before {
            self.add_service((connection.server, finding.endpoint));
        }
        let worse = |told: &Case| told.severity < finding.severity;
        if self.told.len() >= TOLD {
            // One that is not as bad makes room; the last of them.
            match self.told.last().is_some_and(worse) {
                true => self.told.pop(),
                false => return,
            };
        }
        let place = self.told.partition_point(|told| !worse(told));
        let (message, cut) = crate::report::escape::clipped(&finding.message, MESSAGE);
        self.told.insert(
            place,
            Case {
                id: connection.id,
                client: connection.client,
                server: connection.server,
                severity: finding.severity,
                confidence: finding.confidence.name(),
                message: if cut {
                    format!("{message}…")
                } else {
                    message.to_owned()
                },
                packet: finding.packet,
                at: finding.at,
                weakened_by: finding.weakened_by.clone(),
            },
        );
    }

    fn add_service(&mut self, service: (Address, Option<Role>)) {
        if let Some(count) = self.services.get_mut(&service) {
            *count += 1;
        } else if self.services.len() < SERVICES {
            self.services.insert(service, 1);
        } else {
            self.other_services += 1;
        }
    }
}
