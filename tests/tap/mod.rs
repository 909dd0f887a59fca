//! A tap through which connections pass that are made up: a table, its clock, and its packet numbers.
#![allow(dead_code, missing_docs)] // no test file uses all of it

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use tcptrace_states::analyze::Limits;
use tcptrace_states::flow::{Flows, Ladders, Totals};
use tcptrace_states::model::{self, Connection};
use tcptrace_states::segment::{Decoder, Endpoint, Flags, Options, Segment};
use tcptrace_states::seq::Seq;
use tcptrace_states::time::Timestamp;

pub const SECOND: i64 = 1_000_000_000;
pub const TIME_WAIT: i64 = 60 * SECOND;
pub const SYN: u16 = Flags::SYN;
pub const ACK: u16 = Flags::ACK;
pub const SYN_ACK: u16 = Flags::SYN | Flags::ACK;
pub const FIN_ACK: u16 = Flags::FIN | Flags::ACK;
pub const RST_ACK: u16 = Flags::RST | Flags::ACK;

/// A table, its clock, and its packet numbers: one packet a millisecond.
pub struct Tap {
    pub flows: Flows,
    pub packet: u64,
    /// What passed, where it is kept.
    pub said: Vec<Segment>,
    pub keeps: bool,
    /// Idle time so far, ns.
    pub offset: i64,
    /// What is added to all numbers of both sides.
    pub first_number: u32,
    pub payload_len: u32,
}

impl Tap {
    pub fn new(connections: Option<u64>, memory: Option<u64>) -> Tap {
        Tap {
            flows: Flows::bounded(
                Ladders::None,
                Limits { connections, memory },
                Some(model::report_bytes),
            ),
            packet: 0,
            said: Vec::new(),
            keeps: false,
            offset: 0,
            first_number: 0,
            payload_len: 0,
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_ns(self.packet as i64 * 1_000_000 + self.offset)
    }

    /// A segment from the client of connection `id` (or to it), numbers counted from 0 on both sides.
    pub fn pass(&mut self, id: u32, from_client: bool, flags: u16, seq: u32, ack: u32) {
        self.packet += 1;
        let [source, destination] = if from_client {
            [client(id), server()]
        } else {
            [server(), client(id)]
        };
        let [seq, ack] = [seq, ack].map(|number| number.wrapping_add(self.first_number));
        let seg = Segment {
            packet: self.packet,
            time: self.now(),
            source,
            destination,
            scope: Default::default(),
            seq: Seq(seq),
            ack: (flags & ACK != 0).then_some(Seq(ack)),
            raw_ack: ack,
            flags: Flags(flags),
            window: 65_535,
            payload_len: self.payload_len,
            options: Options::default(),
            ip_id: Some(self.packet as u16 | 1),
            ttl: 64,
            checksum: Some(self.packet as u16),
            checksum_state: Default::default(),
            header_cut: false,
            cut: false,
        };
        self.flows.on_segment(&seg);
        if self.keeps {
            self.said.push(seg);
        }
    }

    /// One octet from the client.
    pub fn data(&mut self, id: u32, seq: u32) {
        self.payload_len = 1;
        self.pass(id, true, ACK | Flags::PSH, seq, 301);
        self.payload_len = 0;
    }

    pub fn open(&mut self, id: u32) {
        self.pass(id, true, SYN, 100, 0);
        self.pass(id, false, SYN_ACK, 300, 101);
        self.pass(id, true, ACK, 101, 301);
    }

    /// The client closes; the server stays in CLOSE-WAIT.
    pub fn half_close(&mut self, id: u32) {
        self.open(id);
        self.pass(id, true, FIN_ACK, 101, 301);
        self.pass(id, false, ACK, 301, 102);
    }

    pub fn close(&mut self, id: u32) {
        self.half_close(id);
        self.pass(id, false, FIN_ACK, 301, 102);
        self.pass(id, true, ACK, 102, 302);
    }

    pub fn reset(&mut self, id: u32) {
        self.open(id);
        self.pass(id, false, RST_ACK, 301, 101);
    }

    /// What is told at the end, and the counts, which have to add up.
    pub fn end(self) -> (Vec<Connection>, Totals, BTreeMap<&'static str, u64>) {
        let (end, packets) = (self.now(), self.packet);
        let rest = self.flows.finish(end);
        let (totals, evicted) = (rest.totals(), rest.evicted().clone());
        let connections = model::connections(rest, &Decoder::default(), end, TIME_WAIT);
        adds_up(totals, connections.len() as u64);
        let told: u64 = (connections.iter())
            .map(|c| c.endpoints.client.packets + c.endpoints.server.packets)
            .sum();
        assert_eq!(
            packets,
            told + evicted.packets(),
            "each segment is in one connection"
        );
        let classes = evicted.classes().map(|(class, count)| (class.name(), count));
        (connections, totals, classes.collect())
    }
}

pub fn server() -> Endpoint {
    Endpoint {
        ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        port: 80,
    }
}

/// Sequential ports of sequential hosts.
pub fn client(id: u32) -> Endpoint {
    Endpoint {
        ip: IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + id / 50_000)),
        port: 10_000 + (id % 50_000) as u16,
    }
}

/// Numbers below what is asked for, always the same ones.
pub fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut random = seed;
    move |below| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    }
}

pub fn adds_up(totals: Totals, reported: u64) {
    assert_eq!(totals.standing, reported);
    assert_eq!(
        totals.begun,
        totals.standing + totals.evicted + totals.absorbed + totals.taken,
        "{totals:?}"
    );
}
