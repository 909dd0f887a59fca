//! Analyses made by hand: what the tracker would say about short stories, for tests of the views.

#![allow(dead_code, missing_docs, clippy::too_many_arguments)]

use std::net::SocketAddr;

use tcptrace_states::model::*;
use tcptrace_states::time::Timestamp;

pub use Evidence::{Confirmed, Inferred, Presumed, Sent, Timer};
pub use Role::{Client, Server};
pub use State::*;

/// 2026-03-01T09:00:00Z.
const START: i64 = 1_772_355_600_000_000_000;
pub const MS: i64 = 1_000_000;
pub const SECOND: i64 = 1_000 * MS;

pub fn at(ns: i64) -> Timestamp {
    Timestamp::from_ns(START + ns)
}

fn address(text: &str) -> Address {
    let parsed: SocketAddr = text.parse().expect("an address with a port");
    Address {
        ip: parsed.ip(),
        port: parsed.port(),
    }
}

fn endpoint(state: State) -> EndpointReport {
    EndpointReport {
        state,
        state_evidence: None,
        transitions: Vec::new(),
        transitions_folded: 0,
        withdrawn_folded: 0,
        withdrawn: Vec::new(),
        dwell_ns: Dwell::default(),
        packets: 0,
        payload_bytes: 0,
        retransmitted_segments: 0,
        probes: 0,
        fin_packet: None,
        fin_acknowledged: None,
        unacknowledged_bytes: None,
        silent_before_reset_ns: None,
        owes_answer: None,
        tap_rtt_ns: None,
    }
}

/// Builds one connection, segment by segment.
pub struct Story {
    pub connection: Connection,
}

impl Story {
    pub fn new(id: u64, client: &str, server: &str) -> Story {
        Story {
            connection: Connection {
                id,
                incarnation: 0,
                client: address(client),
                server: address(server),
                roles_from: RolesFrom::Syn,
                vlans: Vec::new(),
                tunnels: Vec::new(),
                first_packet: 0,
                last_packet: 0,
                first_time: at(0),
                last_time: at(0),
                handshake: Handshake {
                    complete: false,
                    simultaneous: false,
                    syn_packet: None,
                    syn_ack_packet: None,
                    ack_packet: None,
                    client_iss: None,
                    server_iss: None,
                    rtt_ns: None,
                    client_options: None,
                    server_options: None,
                    in_force: None,
                    syn_retransmissions: 0,
                    syn_ack_retransmissions: 0,
                    syn_data_bytes: 0,
                    syn_data_accepted: None,
                },
                outcome: Outcome::Open,
                close: Close {
                    kind: None,
                    first_closer: None,
                    half_close_ns: None,
                    half_close_bytes: None,
                    half_close_open: false,
                    close_wait_endpoint: None,
                    close_wait_since: None,
                    request_answered: None,
                    half_close_probes: None,
                    time_wait_holder: None,
                    time_wait_restarts: 0,
                    reset_by: None,
                },
                endpoints: Endpoints {
                    client: endpoint(Closed),
                    server: endpoint(Listen),
                },
                quality: Quality::default(),
                reuse: None,
                successor: None,
                findings: Vec::new(),
                events: Vec::new(),
                events_folded: Vec::new(),
                ladder: Vec::new(),
                trace: None,
            },
        }
    }

    fn side(&mut self, role: Role) -> &mut EndpointReport {
        match role {
            Client => &mut self.connection.endpoints.client,
            Server => &mut self.connection.endpoints.server,
        }
    }

    fn touch(&mut self, first: u64, last: u64, from: i64, to: i64) {
        if self.connection.first_packet == 0 {
            self.connection.first_packet = first;
            self.connection.first_time = at(from);
        }
        self.connection.last_packet = last;
        self.connection.last_time = at(to);
    }

    /// One segment, `seq` and `ack` as on the wire.
    pub fn segment(
        self,
        packet: u64,
        ns: i64,
        from: Role,
        flags: &str,
        seq: u32,
        ack: u32,
        payload: u32,
    ) -> Story {
        self.noted(packet, ns, from, flags, seq, ack, payload, &[])
    }

    pub fn noted(
        mut self,
        packet: u64,
        ns: i64,
        from: Role,
        flags: &str,
        seq: u32,
        ack: u32,
        payload: u32,
        notes: &[&'static str],
    ) -> Story {
        self.touch(packet, packet, ns, ns);
        let side = self.side(from);
        side.packets += 1;
        side.payload_bytes += u64::from(payload);
        if flags.contains("FIN") {
            side.fin_packet.get_or_insert(packet);
        }
        let handshake = &mut self.connection.handshake;
        if flags.contains("SYN") {
            match from {
                Client => {
                    handshake.client_iss = Some(seq);
                    handshake.syn_packet.get_or_insert(packet);
                }
                Server => {
                    handshake.server_iss = Some(seq);
                    handshake.syn_ack_packet.get_or_insert(packet);
                }
            }
        }
        self.connection.ladder.push(LadderRow {
            first_packet: packet,
            last_packet: packet,
            first_time: at(ns),
            last_time: at(ns),
            content: LadderContent::Segment {
                from,
                flags: flags.to_owned(),
                seq,
                ack: flags.contains("ACK").then_some(ack),
                payload,
                notes: notes.to_vec(),
            },
        });
        self
    }

    /// A run of plain data.
    pub fn run(
        mut self,
        packets: (u64, u64),
        ns: (i64, i64),
        client: (u64, u64),
        server: (u64, u64),
    ) -> Story {
        self.touch(packets.0, packets.1, ns.0, ns.1);
        for (role, (segments, bytes)) in [(Client, client), (Server, server)] {
            self.side(role).packets += segments;
            self.side(role).payload_bytes += bytes;
        }
        self.connection.ladder.push(LadderRow {
            first_packet: packets.0,
            last_packet: packets.1,
            first_time: at(ns.0),
            last_time: at(ns.1),
            content: LadderContent::Run {
                first_from: Client,
                client_segments: client.0,
                client_bytes: client.1,
                server_segments: server.0,
                server_bytes: server.1,
            },
        });
        self
    }

    fn time_of(&self, packet: u64) -> Timestamp {
        let row = self
            .connection
            .ladder
            .iter()
            .find(|row| (row.first_packet..=row.last_packet).contains(&packet));
        row.expect("a packet of the story").first_time
    }

    fn push(mut self, role: Role, mut transition: Transition) -> Story {
        let side = self.side(role);
        let before = side.transitions.last().map(|before| before.at);
        if let (Some(before), None) = (before, counted_state(side.state)) {
            let held = transition.at.since(before);
            side.dwell_ns.add(side.state, held);
        }
        transition.from = side.state;
        side.state = transition.to;
        side.state_evidence = Some(transition.evidence);
        side.transitions.push(transition);
        self
    }

    /// The endpoint sent this packet.
    pub fn sent(self, role: Role, to: State, packet: u64) -> Story {
        let time = self.time_of(packet);
        let transition = Transition {
            from: Unknown,
            to,
            cause: Cause::FirstSeen,
            packet: Some(packet),
            at: time,
            earliest: None,
            latest: Some(time),
            evidence: Sent,
            proven_by: Some(packet),
        };
        self.push(role, transition)
    }

    /// The endpoint received this packet, as a later one proves.
    pub fn received(self, role: Role, to: State, packet: u64, proven_by: Option<u64>) -> Story {
        let time = self.time_of(packet);
        let transition = Transition {
            from: Unknown,
            to,
            cause: Cause::FirstSeen,
            packet: Some(packet),
            at: time,
            earliest: Some(time),
            latest: proven_by.map(|packet| self.time_of(packet)),
            evidence: if proven_by.is_some() { Confirmed } else { Presumed },
            proven_by,
        };
        self.push(role, transition)
    }

    pub fn inferred(mut self, role: Role, to: State, packet: u64) -> Story {
        self.side(role).state = if self.side(role).transitions.is_empty() {
            Unknown
        } else {
            self.side(role).state
        };
        let time = self.time_of(packet);
        let transition = Transition {
            from: Unknown,
            to,
            cause: Cause::FirstSeen,
            packet: Some(packet),
            at: time,
            earliest: None,
            latest: Some(time),
            evidence: Inferred,
            proven_by: None,
        };
        self.push(role, transition)
    }

    pub fn timer(self, role: Role, to: State, ns: i64) -> Story {
        let transition = Transition {
            from: Unknown,
            to,
            cause: Cause::FirstSeen,
            packet: None,
            at: at(ns),
            earliest: Some(at(ns)),
            latest: None,
            evidence: Timer,
            proven_by: None,
        };
        self.push(role, transition)
    }

    pub fn change(mut self, edit: impl FnOnce(&mut Connection)) -> Story {
        edit(&mut self.connection);
        self
    }

    pub fn outcome(mut self, outcome: Outcome) -> Connection {
        self.connection.outcome = outcome;
        self.connection
    }

    /// SYN, SYN-ACK, ACK as packets 1 to 3, 41 µs apart.
    pub fn handshake(self, client_iss: u32, server_iss: u32) -> Story {
        let us = 1_000;
        self.segment(1, 0, Client, "SYN", client_iss, 0, 0)
            .segment(
                2,
                181 * us,
                Server,
                "SYN,ACK",
                server_iss,
                client_iss.wrapping_add(1),
                0,
            )
            .segment(
                3,
                240 * us,
                Client,
                "ACK",
                client_iss.wrapping_add(1),
                server_iss.wrapping_add(1),
                0,
            )
            .sent(Client, SynSent, 1)
            .received(Client, Established, 2, Some(3))
            .sent(Server, SynReceived, 2)
            .change(|c| {
                let options = OfferedOptions {
                    mss: Some(1460),
                    window_scale: Some(7),
                    sack_permitted: true,
                    timestamps: true,
                    fast_open: false,
                    cut: false,
                };
                c.handshake.complete = true;
                c.handshake.ack_packet = Some(3);
                c.handshake.rtt_ns = Some(240_000);
                c.handshake.client_options = Some(options.clone());
                c.handshake.server_options = Some(options);
                c.handshake.in_force = Some(OptionsInForce {
                    window_scaling: true,
                    sack: true,
                    timestamps: true,
                });
            })
    }
}

fn counted_state(state: State) -> Option<()> {
    matches!(state, Closed | Listen | Unknown).then_some(())
}

/// The two classic pictures: three-way handshake with 100 and 300, and the four-way close.
pub fn classic() -> Connection {
    Story::new(1, "10.0.0.1:40000", "10.0.0.2:5432")
        .handshake(100, 300)
        .run((4, 7), (MS, 4 * MS), (2, 512), (2, 2890))
        .segment(8, 10_004 * MS, Client, "FIN,ACK", 613, 3191, 0)
        .segment(9, 10_004 * MS + 55_000, Server, "ACK", 3191, 614, 0)
        .segment(10, 48_004 * MS, Server, "FIN,ACK", 3191, 614, 0)
        .segment(11, 48_004 * MS + 61_000, Client, "ACK", 614, 3192, 0)
        .received(Server, Established, 3, Some(5))
        .sent(Client, FinWait1, 8)
        .received(Client, FinWait2, 9, Some(11))
        .received(Server, CloseWait, 8, Some(9))
        .sent(Server, LastAck, 10)
        .received(Client, TimeWait, 10, Some(11))
        .received(Server, Closed, 11, None)
        .timer(Client, Closed, 108_004 * MS)
        .change(|c| {
            c.close.kind = Some(CloseKind::ActivePassive);
            c.close.first_closer = Some(Client);
            c.close.half_close_ns = Some(38_000 * MS);
            c.close.half_close_bytes = Some(0);
            c.close.time_wait_holder = Some(TimeWaitHolder::Client);
        })
        .outcome(Outcome::Closed)
}

/// Both FINs cross.
pub fn simultaneous_close() -> Connection {
    Story::new(2, "10.0.0.1:40001", "10.0.0.2:5432")
        .handshake(100, 300)
        .segment(4, 2 * MS, Client, "FIN,ACK", 101, 301, 0)
        .segment(5, 2 * MS + 20_000, Server, "FIN,ACK", 301, 101, 0)
        .segment(6, 2 * MS + 90_000, Server, "ACK", 302, 102, 0)
        .segment(7, 2 * MS + 95_000, Client, "ACK", 102, 302, 0)
        .received(Server, Established, 3, Some(5))
        .sent(Client, FinWait1, 4)
        .sent(Server, FinWait1, 5)
        .received(Client, Closing, 5, Some(7))
        .received(Server, Closing, 4, Some(6))
        .received(Client, TimeWait, 6, None)
        .received(Server, TimeWait, 7, None)
        .change(|c| {
            c.close.kind = Some(CloseKind::Simultaneous);
            c.close.time_wait_holder = Some(TimeWaitHolder::Both);
        })
        .outcome(Outcome::Closed)
}

/// The server never closes. ISS of real life, and more packets.
pub fn half_closed(id: u64, client: &str, server: &str, open_ns: i64) -> Connection {
    let fin = 10_004 * MS;
    let mut connection = Story::new(id, client, server)
        .handshake(2_911_840_022, 883_120_119)
        .segment(4, MS, Client, "PSH,ACK", 2_911_840_023, 883_120_120, 512)
        .run((5, 10), (4 * MS, 6 * MS), (2, 0), (4, 2890))
        .segment(1902, fin, Client, "FIN,ACK", 2_911_840_535, 883_123_010, 0)
        .segment(1903, fin + 55_000, Server, "ACK", 883_123_010, 2_911_840_536, 0)
        .received(Server, Established, 3, Some(5))
        .sent(Client, FinWait1, 1902)
        .received(Client, FinWait2, 1903, None)
        .received(Server, CloseWait, 1902, Some(1903))
        .change(|c| {
            c.close.kind = Some(CloseKind::ActivePassive);
            c.close.first_closer = Some(Client);
            c.close.half_close_ns = Some(open_ns);
            c.close.half_close_bytes = Some(0);
            c.close.half_close_open = true;
            c.events.push(Event {
                kind: EventKind::SegmentOutsideWindow,
                endpoint: Server,
                packet: 5,
                at: at(4 * MS),
            });
            c.events_folded.push(FoldedEvents {
                kind: EventKind::SegmentOutsideWindow,
                endpoint: Server,
                count: 1_204,
                last_packet: 1_700,
                last_at: at(9 * SECOND),
            });
        })
        .outcome(Outcome::HalfClosed);
    connection.endpoints.client.dwell_ns.add(FinWait2, open_ns);
    connection.endpoints.server.dwell_ns.add(CloseWait, open_ns);
    connection
}

/// A RST answers the SYN; the first SYN got lost.
pub fn refused(id: u64) -> Connection {
    let mut connection = Story::new(id, "10.0.0.1:40002", "10.0.0.2:81")
        .segment(20, 0, Client, "SYN", 4_000_000_000, 0, 0)
        .noted(
            21,
            1_030 * MS,
            Client,
            "SYN",
            4_000_000_000,
            0,
            0,
            &["retransmission"],
        )
        .segment(22, 1_030 * MS + 33_000, Server, "RST,ACK", 0, 4_000_000_001, 0)
        .sent(Client, SynSent, 20)
        .received(Client, Closed, 22, None)
        .change(|c| {
            c.handshake.syn_retransmissions = 1;
            c.close.kind = Some(CloseKind::Reset);
            c.close.reset_by = Some(Server);
        })
        .outcome(Outcome::Refused);
    connection.endpoints.server.state = Closed;
    connection
}

pub fn unanswered(id: u64) -> Connection {
    Story::new(id, "10.0.0.1:40003", "10.0.0.77:443")
        .segment(30, 0, Client, "SYN", 77, 0, 0)
        .noted(31, 1_010 * MS, Client, "SYN", 77, 0, 0, &["retransmission"])
        .sent(Client, SynSent, 30)
        .change(|c| {
            c.handshake.syn_retransmissions = 1;
            c.quality.one_sided = true;
            c.endpoints.server.state = Closed;
            c.endpoints.server.state_evidence = Some(Presumed);
        })
        .outcome(Outcome::Unanswered)
}

/// Capture began in mid-connection; then a RST.
pub fn midstream_reset(id: u64) -> Connection {
    Story::new(id, "192.168.100.10:51234", "192.168.100.200:8080")
        .segment(40, 0, Client, "PSH,ACK", 5_000, 9_000, 100)
        .segment(41, MS, Server, "ACK", 9_000, 5_100, 0)
        .segment(42, 2 * MS, Server, "RST,ACK", 9_000, 5_100, 0)
        .inferred(Client, Established, 40)
        .inferred(Server, Established, 41)
        .sent(Server, Closed, 42)
        .received(Client, Closed, 42, None)
        .change(|c| {
            c.roles_from = RolesFrom::Guess;
            c.quality.midstream = true;
            c.close.kind = Some(CloseKind::Reset);
            c.close.reset_by = Some(Server);
        })
        .outcome(Outcome::Reset)
}

/// Nothing but data yet; the SYN-ACK had to come twice.
pub fn open(id: u64, client: &str, server: &str) -> Connection {
    Story::new(id, client, server)
        .handshake(1_000, 2_000)
        .noted(
            4,
            1_000 * MS,
            Server,
            "SYN,ACK",
            2_000,
            1_001,
            0,
            &["retransmission"],
        )
        .segment(5, 1_001 * MS, Client, "ACK", 1_001, 2_001, 0)
        .segment(6, 1_002 * MS, Server, "PSH,ACK", 2_001, 1_001, 20)
        .received(Server, Established, 5, Some(6))
        .change(|c| {
            c.endpoints.server.withdrawn.push(Withdrawn {
                from: SynReceived,
                to: Established,
                packet: 3,
                by_reset: false,
                refuted_by: Some(4),
            });
            c.handshake.syn_ack_retransmissions = 1;
        })
        .outcome(Outcome::Open)
}

/// One FIN,ACK answers the FIN: two transitions of the client on one packet.
pub fn three_way_close(id: u64, client: &str, server: &str) -> Connection {
    Story::new(id, client, server)
        .handshake(3_500_000_000, 1_200_300_400)
        .segment(4, 5 * MS, Server, "FIN,ACK", 1_200_300_401, 3_500_000_001, 0)
        .segment(5, 6 * MS, Client, "FIN,ACK", 3_500_000_001, 1_200_300_402, 0)
        .segment(6, 7 * MS, Server, "ACK", 1_200_300_402, 3_500_000_002, 0)
        .received(Server, Established, 3, Some(4))
        .sent(Server, FinWait1, 4)
        .received(Server, FinWait2, 5, Some(6))
        .received(Server, TimeWait, 5, Some(6))
        .received(Client, CloseWait, 4, Some(5))
        .sent(Client, LastAck, 5)
        .received(Client, Closed, 6, None)
        .change(|c| {
            c.close.kind = Some(CloseKind::ActivePassive);
            c.close.first_closer = Some(Server);
            c.close.half_close_ns = Some(MS);
            c.close.half_close_bytes = Some(0);
            c.close.time_wait_holder = Some(TimeWaitHolder::Server);
        })
        .outcome(Outcome::Closed)
}

/// The capture around the connections, with totals that fit them.
pub fn analysis(connections: Vec<Connection>, last: i64) -> Analysis {
    let packets = connections
        .iter()
        .map(|c| c.endpoints.client.packets + c.endpoints.server.packets)
        .sum();
    let mut summary = Summary {
        packets,
        tcp_segments: packets,
        connections: connections.len() as u64,
        connections_selected: connections.len() as u64,
        complete: true,
        ..Summary::default()
    };
    for connection in &connections {
        *summary
            .outcomes
            .entry(connection.outcome.name().to_owned())
            .or_default() += 1;
        for side in [&connection.endpoints.client, &connection.endpoints.server] {
            *summary.states.entry(side.state.name().to_owned()).or_default() += 1;
            for transition in &side.transitions {
                *summary
                    .transitions
                    .entry(transition.evidence.name().to_owned())
                    .or_default() += 1;
            }
        }
    }
    Analysis {
        findings: Vec::new(),
        sources: Vec::new(),
        capture: Capture {
            schema_version: SCHEMA_VERSION,
            program: "tcptrace-states 0.1.0".to_owned(),
            files: vec!["web.pcapng".to_owned()],
            formats: vec!["pcapng".to_owned()],
            link_types: vec!["ETHERNET".to_owned()],
            packets,
            tcp_segments: packets,
            first_time: Some(at(0)),
            last_time: Some(at(last)),
            complete: true,
            time_wait_ns: 60 * SECOND,
            ..Capture::default()
        },
        connections,
        summary,
    }
}

pub fn empty() -> Analysis {
    let mut analysis = analysis(Vec::new(), 0);
    analysis.capture.first_time = None;
    analysis.capture.last_time = None;
    analysis
}

/// A bit of everything.
pub fn mixed() -> Analysis {
    let server = "10.0.0.5:8080";
    let mut analysis = analysis(
        vec![
            classic(),
            simultaneous_close(),
            half_closed(3, "10.0.0.9:51234", server, 301_200 * MS),
            refused(4),
            unanswered(5),
            midstream_reset(6),
            open(7, "10.0.0.9:51300", server),
            three_way_close(8, "10.0.0.9:51301", server),
            half_closed(9, "10.0.0.9:51290", server, 298_700 * MS),
        ],
        312_400 * MS,
    );
    let capture = &mut analysis.capture;
    capture.packets += 4_203;
    capture.skipped = [("udp", 4_000), ("arp", 200), ("fragment", 2), ("not-ip", 1)]
        .map(|(name, count)| (name.to_owned(), count))
        .into();
    capture.one_sided_connections = 1;
    capture.cut_segments = 12;
    capture.snap_length = Some(128);
    capture.duplicate_segments = 3;
    capture.missed_bytes = 14_600;
    capture.time_steps_back = 1;
    analysis.summary.packets = analysis.capture.packets;
    analysis.summary.skipped_packets = 4_203;
    analysis
}

/// Cut off inside a packet, and named to deceive.
pub fn damaged() -> Analysis {
    let mut analysis = analysis(vec![classic()], 108_100 * MS);
    analysis.capture.files = vec!["evil\u{1b}[31m\u{202e}gnp.pcap".to_owned()];
    analysis.capture.complete = false;
    analysis.summary.complete = false;
    analysis.capture.damage = vec![
        "evil\u{1b}[31m\u{202e}gnp.pcap: the file ends inside packet 12 (byte 1 204 of its 1 514)".to_owned(),
    ];
    analysis
}

pub fn ipv6() -> Analysis {
    let long = "[2001:db8:1234:5678:9abc:def0:1234:5678]:51234";
    let connections = vec![
        three_way_close(1, long, "[2001:db8::1]:443"),
        half_closed(2, "[::1]:50000", "[::1]:443", 45 * SECOND),
    ];
    analysis(connections, 55 * SECOND)
}

pub fn many(count: u64) -> Analysis {
    let connections = (1..=count)
        .map(|id| three_way_close(id, "10.0.0.9:51301", "10.0.0.5:8080"))
        .collect();
    analysis(connections, 10 * SECOND)
}

pub fn by_name(name: &str) -> Option<Analysis> {
    let one = |connection: Connection| {
        let last = connection.last_time.ns() - START + 100 * MS;
        Some(analysis(vec![connection], last))
    };
    match name {
        "classic" => Some(analysis(vec![classic()], 108_100 * MS)),
        "simultaneous" => one(simultaneous_close()),
        "half" => Some(analysis(
            vec![half_closed(1, "10.0.0.9:51234", "10.0.0.5:8080", 301_200 * MS)],
            312_400 * MS,
        )),
        "refused" => one(refused(1)),
        "unanswered" => one(unanswered(1)),
        "midstream" => one(midstream_reset(1)),
        "open" => one(open(1, "10.0.0.9:51300", "10.0.0.5:8080")),
        "three" => one(three_way_close(1, "10.0.0.9:51300", "10.0.0.5:8080")),
        "mixed" => Some(mixed()),
        "damaged" => Some(damaged()),
        "empty" => Some(empty()),
        "ipv6" => Some(ipv6()),
        "many" => Some(many(1_224)),
        _ => None,
    }
}
