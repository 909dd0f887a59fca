//! What is to be said about single packets, small enough for millions of them.

use std::collections::HashMap;

use crate::model::{
    Address, Cause, Connection, Evidence, Finding, PacketNumber, Role, Severity, State, Transition,
};

/// Notes that are kept; what is beyond is counted.
const MOST: usize = 8 << 20;
/// Findings whose words are kept.
const MOST_FINDINGS: usize = 1 << 20;

/// What is to be said, by packet, and which packets belong to the connections that it is about.
#[derive(Debug, Default)]
pub struct Notes {
    notes: Vec<Note>,
    findings: Vec<Words>,
    lives: HashMap<(Address, Address), Vec<(PacketNumber, PacketNumber)>>,
    connections: u64,
    left_out: u64,
    sorted: bool,
}

/// One thing about one packet.
#[derive(Debug, Clone, Copy)]
struct Note {
    packet: PacketNumber,
    connection: u64,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// The packet changed the state of an endpoint.
    Transition {
        role: Role,
        from: State,
        to: State,
        cause: Cause,
        evidence: Evidence,
        proven_by: Option<PacketNumber>,
    },
    /// It shows a finding; index into the words.
    Finding(usize),
}

/// A finding in words.
#[derive(Debug)]
struct Words {
    code: &'static str,
    name: &'static str,
    severity: Severity,
    message: Box<str>,
}

impl Notes {
    /// Takes one more connection: its packets are among those that are selected, and its transitions and findings are noted.
    pub fn add(&mut self, connection: &Connection) {
        self.connections = self.connections.saturating_add(1);
        self.sorted = false;
        let packets = (connection.first_packet, connection.last_packet);
        self.lives
            .entry(pair(connection.client, connection.server))
            .or_default()
            .push(packets);
        let ends = [
            (Role::Client, &connection.endpoints.client),
            (Role::Server, &connection.endpoints.server),
        ];
        for (role, end) in ends {
            for transition in &end.transitions {
                self.transition(connection.id, role, transition);
            }
        }
        for finding in &connection.findings {
            self.finding(connection.id, finding);
        }
    }

    fn transition(&mut self, connection: u64, role: Role, transition: &Transition) {
        let Some(packet) = transition.packet else {
            return; // a timer
        };
        self.note(Note {
            packet,
            connection,
            what: What::Transition {
                role,
                from: transition.from,
                to: transition.to,
                cause: transition.cause,
                evidence: transition.evidence,
                proven_by: transition.proven_by,
            },
        });
    }

    fn finding(&mut self, connection: u64, finding: &Finding) {
        let mut packets: Vec<PacketNumber> = finding.packets.clone();
        packets.extend(finding.packet);
        packets.sort_unstable();
        packets.dedup();
        if packets.is_empty() {
            return;
        }
        if self.findings.len() >= MOST_FINDINGS {
            self.left_out = self.left_out.saturating_add(packets.len() as u64);
            return;
        }
        let index = self.findings.len();
        self.findings.push(Words {
            code: finding.code,
            name: finding.name,
            severity: finding.severity,
            message: finding.message.as_str().into(),
        });
        for packet in packets {
            self.note(Note {
                packet,
                connection,
                what: What::Finding(index),
            });
        }
    }

    fn note(&mut self, note: Note) {
        if self.notes.len() < MOST {
            self.notes.push(note);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Puts them into the order of packets; to be called when all connections were added.
    pub fn sort(&mut self) {
        self.notes.sort_by_key(|note| note.packet); // stable: the order of connections and of states stays
        for lives in self.lives.values_mut() {
            lives.sort_unstable();
        }
        self.sorted = true;
    }

    /// What is to be said about a packet, one sentence each, in the order of connections. Nothing before [`Notes::sort`].
    pub fn of(&self, packet: PacketNumber) -> impl Iterator<Item = String> + '_ {
        let notes = if self.sorted { self.notes.as_slice() } else { &[] };
        let first = notes.partition_point(|note| note.packet < packet);
        let own = notes.get(first..).unwrap_or_default();
        own.iter()
            .take_while(move |note| note.packet == packet)
            .map(|note| self.sentence(note))
    }

    /// Whether there is something to be said about a packet.
    pub fn has(&self, packet: PacketNumber) -> bool {
        self.notes
            .binary_search_by_key(&packet, |note| note.packet)
            .is_ok()
    }

    /// Whether a packet between these two addresses belongs to one of the connections.
    pub fn selects(&self, one: Address, other: Address, packet: PacketNumber) -> bool {
        let lives = self.lives.get(&pair(one, other));
        lives.is_some_and(|lives| {
            // Lives of one 4-tuple follow each other; those that begin later cannot hold it.
            let end = lives.partition_point(|(first, _)| *first <= packet);
            lives
                .get(..end)
                .unwrap_or_default()
                .iter()
                .rev()
                .any(|(_, last)| packet <= *last)
        })
    }

    /// Connections that were added.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Notes beyond the bound.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    fn sentence(&self, note: &Note) -> String {
        let id = note.connection;
        match note.what {
            What::Transition {
                role,
                from,
                to,
                cause,
                evidence,
                proven_by,
            } => {
                let proof = match (evidence, proven_by) {
                    (Evidence::Sent, _) => "proven by this packet".to_owned(),
                    (Evidence::Confirmed, Some(packet)) => format!("proven by packet {packet}"),
                    (Evidence::Confirmed, None) => "confirmed".to_owned(),
                    (Evidence::Presumed, _) => "presumed, nothing proves that it arrived".to_owned(),
                    (Evidence::Inferred, _) => "inferred, something is missing in the capture".to_owned(),
                    (Evidence::Timer, _) => "assumed by a timer".to_owned(),
                };
                format!(
                    "connection {id}, {}: {from} -> {to} ({}), {proof}",
                    role.name(),
                    cause.name()
                )
            }
            What::Finding(index) => match self.findings.get(index) {
                Some(words) => format!(
                    "connection {id}, {} {} ({}): {}",
                    words.code,
                    words.name,
                    words.severity.name(),
                    words.message
                ),
                None => String::new(),
            },
        }
    }
}

/// Both addresses, whoever sent.
fn pair(one: Address, other: Address) -> (Address, Address) {
    (one.min(other), one.max(other))
}
