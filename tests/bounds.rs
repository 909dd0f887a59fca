//! Memory is bounded: by limits that evict what is least worth keeping and count it, and by caps on every list.

mod repository;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use repository::captures;
use tcptrace_states::analyze::{Limits, Settings, analyze};
use tcptrace_states::capture::{CaptureReader, Record};
use tcptrace_states::flow::{Class, FlowKey, Flows, Ladders, Packing, Totals};
use tcptrace_states::model::{self, Connection, Outcome};
use tcptrace_states::segment::{Decoder, Endpoint, Flags, Options, Segment};
use tcptrace_states::seq::Seq;
use tcptrace_states::time::Timestamp;

const SECOND: i64 = 1_000_000_000;
const TIME_WAIT: i64 = 60 * SECOND;
const SYN: u16 = Flags::SYN;
const ACK: u16 = Flags::ACK;
const SYN_ACK: u16 = Flags::SYN | Flags::ACK;
const FIN_ACK: u16 = Flags::FIN | Flags::ACK;
const RST_ACK: u16 = Flags::RST | Flags::ACK;

/// A table, its clock, and its packet numbers: one packet a millisecond.
struct Tap {
    flows: Flows,
    packet: u64,
    /// What passed, where it is kept.
    said: Vec<Segment>,
    keeps: bool,
    /// Idle time so far, ns.
    offset: i64,
    /// What is added to all numbers of both sides.
    first_number: u32,
    payload_len: u32,
}

impl Tap {
    fn new(connections: Option<u64>, memory: Option<u64>) -> Tap {
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

    fn now(&self) -> Timestamp {
        Timestamp::from_ns(self.packet as i64 * 1_000_000 + self.offset)
    }

    /// A segment from the client of connection `id` (or to it), numbers counted from 0 on both sides.
    fn pass(&mut self, id: u32, from_client: bool, flags: u16, seq: u32, ack: u32) {
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
    fn data(&mut self, id: u32, seq: u32) {
        self.payload_len = 1;
        self.pass(id, true, ACK | Flags::PSH, seq, 301);
        self.payload_len = 0;
    }

    fn open(&mut self, id: u32) {
        self.pass(id, true, SYN, 100, 0);
        self.pass(id, false, SYN_ACK, 300, 101);
        self.pass(id, true, ACK, 101, 301);
    }

    /// The client closes; the server stays in CLOSE-WAIT.
    fn half_close(&mut self, id: u32) {
        self.open(id);
        self.pass(id, true, FIN_ACK, 101, 301);
        self.pass(id, false, ACK, 301, 102);
    }

    fn close(&mut self, id: u32) {
        self.half_close(id);
        self.pass(id, false, FIN_ACK, 301, 102);
        self.pass(id, true, ACK, 102, 302);
    }

    fn reset(&mut self, id: u32) {
        self.open(id);
        self.pass(id, false, RST_ACK, 301, 101);
    }

    /// What is told at the end, and the counts, which have to add up.
    fn end(self) -> (Vec<Connection>, Totals, BTreeMap<&'static str, u64>) {
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

fn adds_up(totals: Totals, reported: u64) {
    assert_eq!(totals.standing, reported);
    assert_eq!(
        totals.begun,
        totals.standing + totals.evicted + totals.absorbed + totals.taken,
        "{totals:?}"
    );
}

fn server() -> Endpoint {
    Endpoint {
        ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
        port: 80,
    }
}

/// Sequential ports of sequential hosts.
fn client(id: u32) -> Endpoint {
    Endpoint {
        ip: IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + id / 50_000)),
        port: 10_000 + (id % 50_000) as u16,
    }
}

fn with(connections: &[Connection], outcome: Outcome) -> usize {
    connections.iter().filter(|c| c.outcome == outcome).count()
}

/// Numbers below what is asked for, always the same ones.
fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut random = seed;
    move |below| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    }
}

#[test]
fn a_flood_of_a_million_syns_stays_within_the_limit_and_is_counted_exactly() {
    const CAP: u64 = 10_000;
    const SYNS: u32 = 1_000_000;
    let mut tap = Tap::new(Some(CAP), None);
    let (mut most, mut most_memory) = (0, 0);
    for id in 0..SYNS {
        tap.pass(id, true, SYN, id, 0);
        most = most.max(tap.flows.len());
        most_memory = most_memory.max(tap.flows.memory());
    }
    assert_eq!(most, CAP);
    assert!(most_memory < CAP * 8192, "{most_memory}");
    let servers = tap.flows.evicted().servers();
    let (connections, totals, classes) = tap.end();
    assert_eq!(totals.begun, u64::from(SYNS));
    assert_eq!(classes, BTreeMap::from([("unanswered", totals.evicted)]));
    assert_eq!(with(&connections, Outcome::Unanswered), connections.len());
    assert_eq!(servers, [(server(), totals.evicted)], "the victim is named");
    // The newest are those that are left, numbered in order.
    let numbers: Vec<u64> = connections.iter().map(|c| c.id).collect();
    assert!(numbers.into_iter().eq(1..=totals.standing));
    let first = connections.iter().map(|c| c.first_packet).min();
    assert_eq!(first, Some(u64::from(SYNS) - totals.standing + 1));
}

#[test]
fn real_half_closes_outlive_a_flood() {
    let mut tap = Tap::new(Some(2_000), None);
    let mut flood = 1_000_000;
    for id in 0..1_000 {
        tap.half_close(id);
        for _ in 0..50 {
            flood += 1;
            tap.pass(flood, true, SYN, flood, 0);
            if flood.is_multiple_of(2) {
                tap.pass(flood, false, SYN_ACK, 1, flood + 1); // a flood that is answered
            }
        }
        tap.close(100_000 + id); // and ordinary work
    }
    let (connections, totals, classes) = tap.end();
    assert_eq!(totals.begun, 52_000);
    assert_eq!(with(&connections, Outcome::HalfClosed), 1_000);
    assert!(!classes.contains_key("half-closed"), "{classes:?}");
    let open = connections.iter().filter(|c| c.close.half_close_open);
    assert_eq!(open.count(), 1_000);
}

#[test]
fn what_is_least_worth_keeping_goes_first() {
    // One of each class, the most precious first, so that age would take them in the other order.
    let order = |cap: u64| {
        let mut tap = Tap::new(Some(cap), None);
        tap.half_close(1);
        tap.open(2);
        tap.reset(3);
        tap.close(4);
        tap.pass(5, true, SYN, 100, 0);
        tap.pass(5, false, SYN_ACK, 300, 101);
        tap.pass(6, true, ACK, 100, 300);
        tap.pass(7, true, SYN, 100, 0);
        // Room for others is made one by one: more half-closed ones.
        for id in 8..15 {
            tap.half_close(id);
        }
        tap.end().2
    };
    let names: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
    for cap in 7..14_u64 {
        let gone = order(cap);
        let goes: Vec<&str> = gone.keys().copied().collect();
        let mut wanted: Vec<&str> = names[..goes.len()].to_vec();
        wanted.sort_unstable();
        assert_eq!(goes, wanted, "with room for {cap}");
        assert_eq!(gone.values().sum::<u64>(), 14 - cap);
    }
}

#[test]
fn among_equals_the_one_that_was_silent_for_longest_goes() {
    let mut tap = Tap::new(Some(3), None);
    (1..=3).for_each(|id| tap.open(id));
    tap.pass(1, false, ACK, 301, 101); // the oldest speaks again
    tap.open(4);
    let (connections, _, classes) = tap.end();
    let ports: Vec<u16> = connections.iter().map(|c| c.client.port).collect();
    assert_eq!(ports, [1, 3, 4].map(|id| client(id).port));
    assert_eq!(classes, BTreeMap::from([("open", 1)]));
}

#[test]
fn memory_is_a_limit_of_its_own() {
    const MEMORY: u64 = 2 << 20;
    let mut tap = Tap::new(None, Some(MEMORY));
    for id in 0..5_000 {
        tap.close(id);
        assert!(tap.flows.memory() <= MEMORY);
    }
    let kept = tap.flows.len();
    let (connections, totals, classes) = tap.end();
    assert_eq!(classes, BTreeMap::from([("closed", totals.evicted)]));
    assert!((200..2_000).contains(&kept), "{kept}");
    assert_eq!(connections.len() as u64, kept);
}

#[test]
fn what_comes_after_an_eviction_is_no_truth_about_what_was_before() {
    let mut tap = Tap::new(Some(3), None);
    tap.open(1);
    (2..=4).for_each(|id| tap.half_close(id)); // the last one evicts the first
    assert_eq!(
        tap.flows.evicted().classes().collect::<Vec<_>>(),
        [(Class::Open, 1)]
    );
    tap.pass(1, true, FIN_ACK, 101, 301); // which comes back without a beginning, as the newest one
    let ports =
        |connections: &[Connection]| -> Vec<u16> { connections.iter().map(|c| c.client.port).collect() };
    let (connections, totals, _) = tap.end();
    assert_eq!((totals.begun, totals.standing), (5, 3));
    assert_eq!(ports(&connections), [3, 4, 1].map(|id| client(id).port));
    let back = &connections[2];
    assert!(back.quality.midstream);
    assert_ne!(back.outcome, Outcome::Closed);
    assert!(
        back.reuse.is_none(),
        "nothing is said of the life that is not there"
    );

    let mut tap = Tap::new(Some(3), None);
    tap.open(1);
    (2..=4).for_each(|id| tap.half_close(id));
    tap.pass(1, true, FIN_ACK, 101, 301);
    tap.half_close(5); // now it is not the newest any more
    assert_eq!(ports(&tap.end().0), [3, 4, 5].map(|id| client(id).port));

    let mut tap = Tap::new(Some(1), None);
    tap.close(1);
    tap.pass(2, true, SYN, 1, 0);
    tap.close(3); // evicts the SYN, which had evicted the first
    tap.pass(1, true, SYN, 500_000, 0);
    let (connections, ..) = tap.end();
    let reuse: Vec<bool> = connections.iter().map(|c| c.reuse.is_some()).collect();
    assert_eq!(reuse, [false], "no reuse of what is not there");
}

#[test]
fn every_reference_is_to_a_connection_that_is_told() {
    // Many lives of few 4-tuples under a small limit: closed, refused, reused, answered by old numbers.
    for seed in 0..40_u64 {
        let mut next = dice(seed);
        let mut tap = Tap::new(Some(4 + seed % 8), None);
        for _ in 0..3_000 {
            let id = next(12) as u32;
            let flags = [SYN, SYN_ACK, ACK, FIN_ACK, RST_ACK, Flags::RST][next(6) as usize];
            let (seq, ack) = (next(6) as u32 * 100_000_000, next(6) as u32 * 100_000_000 + 1);
            tap.pass(id, next(2) == 0, flags, seq, ack);
        }
        let (connections, ..) = tap.end();
        for (place, connection) in (1..).zip(&connections) {
            assert_eq!(connection.id, place);
            if let Some(reuse) = &connection.reuse {
                let before = &connections[reuse.previous as usize - 1];
                assert!(before.id < connection.id);
                assert_eq!(before.successor.map(|next| next.id), Some(connection.id));
                let ends = |c: &Connection| {
                    let mut ends = [c.client, c.server];
                    ends.sort();
                    ends
                };
                assert_eq!(ends(before), ends(connection), "seed {seed}");
            }
        }
    }
}

#[test]
fn one_connection_is_bounded_however_long_it_lives() {
    // Twice the input does not take more: structures are compared, not times.
    let footprint = |rounds: u32| {
        let mut tap = Tap::new(None, None);
        tap.open(1);
        for round in 0..rounds {
            // Every other octet, from behind: a comb of holes; odd flags; RSTs outside the window; late FINs.
            tap.pass(
                1,
                true,
                ACK | Flags::PSH,
                500_000_000_u32.wrapping_sub(round * 2),
                301,
            );
            tap.pass(1, false, Flags::RST, 900_000_000 + round, 0);
            tap.pass(1, true, SYN | Flags::FIN, 100 + round, 0);
            tap.pass(1, true, 0, 101, 0);
            tap.pass(1, false, ACK, 301, 1_500_000_000 + round);
        }
        let totals = tap.flows.totals();
        assert_eq!(tap.flows.len(), totals.begun - totals.absorbed);
        tap.flows.memory() / tap.flows.len()
    };
    let (once, twice) = (footprint(20_000), footprint(40_000));
    assert!(twice <= once + 64, "{once} grew to {twice}");
    assert!(twice < 64 << 10, "{twice}");
}

#[test]
fn lives_of_one_4_tuple_are_bounded_by_the_limit() {
    let mut tap = Tap::new(Some(100), None);
    for life in 0..100_000_u32 {
        let iss = life.wrapping_mul(1 << 20);
        tap.pass(1, true, SYN, iss, 0);
        tap.pass(1, false, RST_ACK, 0, iss.wrapping_add(1));
        assert!(tap.flows.len() <= 100);
    }
    let (connections, totals, _) = tap.end();
    assert_eq!(totals.begun, totals.evicted + connections.len() as u64);
    assert!(connections.len() >= 90);
}

#[test]
fn a_comb_of_holes_costs_the_same_however_long_it_is() {
    // Each segment behind a hole, forwards and backwards; what compared each with all others would take hours.
    let began = std::time::Instant::now();
    let mut tap = Tap::new(None, None);
    (1..=2).for_each(|id| tap.open(id));
    for round in 1..=500_000_u32 {
        tap.data(1, 101 + round * 2);
        tap.data(2, 101 + 4_000_000 - round * 2);
    }
    assert!(tap.flows.memory() < 64 << 10, "{}", tap.flows.memory());
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    let (connections, ..) = tap.end();
    assert_eq!(connections.len(), 2);
    assert_eq!(connections[0].endpoints.client.payload_bytes, 500_000);
}

#[test]
fn a_connection_that_is_reset_and_opened_again_for_ever_is_bounded() {
    let mut tap = Tap::new(None, Some(4 << 20));
    for round in 0..200_000_u32 {
        // The same SYN and its RST, in both directions in turn; now and then another SYN.
        let iss = (round / 1_000).wrapping_mul(50_000_000);
        tap.pass(1, round % 2 == 0, SYN, iss, 0);
        tap.pass(1, round % 2 == 1, RST_ACK, 0, iss.wrapping_add(1));
    }
    assert!(tap.flows.memory() <= 4 << 20);
    tap.end(); // where each segment is accounted for
}

#[test]
fn the_first_and_the_last_transitions_are_kept_and_the_others_counted() {
    // A client whose RST is overtaken again and again: each time it goes on after it.
    use tcptrace_states::tracker::endpoint::{FIRST_KEPT, LAST_KEPT, Mirror};
    use tcptrace_states::tracker::evidence::{Cause, Mark};
    use tcptrace_states::tracker::state::State;

    for count in [0_usize, 1, 255, 256, 257, 383, 384, 385, 10_000] {
        let mut mirror = Mirror::new(State::Closed);
        for step in 1..=count {
            let to = if step % 2 == 1 {
                State::Established
            } else {
                State::Closed
            };
            let mark = Mark {
                packet: step as u64,
                time: Timestamp::from_ns(step as i64),
            };
            mirror.infer(to, Cause::FirstSeen, mark, None);
        }
        let record = mirror.into_record();
        let kept = count.min(FIRST_KEPT + LAST_KEPT);
        assert_eq!(record.transitions.len(), kept);
        assert_eq!(record.transitions_folded, (count - kept) as u64);
        let packets: Vec<u64> = record.transitions.iter().filter_map(|step| step.packet).collect();
        let head = packets.iter().copied().take(FIRST_KEPT);
        assert!(head.eq(1..=kept.min(FIRST_KEPT) as u64));
        assert!(
            packets
                .iter()
                .rev()
                .take(LAST_KEPT)
                .copied()
                .eq((1..=count as u64).rev().take(LAST_KEPT))
        );
    }
}

#[test]
fn the_order_of_the_table_is_never_that_of_its_hashes() {
    use std::hash::BuildHasher;
    // Each table has a seed of its own, and the result does not depend on it.
    let key = |state: &foldhash::fast::RandomState| state.hash_one(server());
    let seeds: Vec<u64> = (0..8)
        .map(|_| key(&foldhash::fast::RandomState::default()))
        .collect();
    assert!(seeds.windows(2).any(|pair| pair[0] != pair[1]), "{seeds:?}");
    let told = || {
        let mut tap = Tap::new(Some(500), None);
        for id in 0..3_000 {
            match id % 3 {
                0 => tap.close(id),
                1 => tap.half_close(id),
                _ => tap.pass(id, true, SYN, id, 0),
            }
        }
        let (connections, totals, classes) = tap.end();
        (
            serde_json::to_string(&connections).expect("plain data"),
            totals,
            classes,
        )
    };
    assert_eq!(told(), told());
}

#[test]
fn keys_that_collide_under_one_seed_do_not_under_another() {
    use std::collections::HashSet;
    use std::hash::BuildHasher;
    const PLACES: u64 = 1 << 10;
    let key = |id: u32| FlowKey::between(client(id), server(), Default::default());
    let places = |state: &dyn Fn(&FlowKey) -> u64, keys: &[FlowKey]| {
        let places: HashSet<u64> = keys.iter().map(|key| state(key) % PLACES).collect();
        places.len()
    };
    // Made for one seed, so that all fall into one place of a small table.
    let fixed = foldhash::quality::FixedState::with_seed(1);
    let crafted: Vec<FlowKey> = (0..2_000_000)
        .map(key)
        .filter(|key| fixed.hash_one(key) % PLACES == 7)
        .collect();
    assert!(crafted.len() > 1_000, "{}", crafted.len());
    assert_eq!(places(&|key| fixed.hash_one(key), &crafted), 1);
    // Under the seed of a run they spread as any others do, and so do ports and addresses in sequence.
    let sequence: Vec<FlowKey> = (0..2_000).map(key).collect();
    for _ in 0..8 {
        let seeded = foldhash::quality::RandomState::default();
        for keys in [&crafted, &sequence] {
            let spread = places(&|key| seeded.hash_one(key), keys);
            assert!(
                spread > 700,
                "{spread} places of {PLACES} for {} keys",
                keys.len()
            );
        }
    }
}

fn segments(path: &Path) -> (Vec<Segment>, Timestamp) {
    let (mut decoder, mut segments, mut end) = (Decoder::default(), Vec::new(), Timestamp::default());
    let Ok(mut reader) = CaptureReader::open(path) else {
        return (segments, end);
    };
    while let Ok(Some(record)) = reader.next_record() {
        if let Record::Frame(frame) = record {
            end = end.max(frame.time);
            segments.extend(decoder.decode(&frame).ok().copied());
        }
    }
    (segments, end)
}

/// What is told of connections does not depend on when they were packed, nor on which of them had no tracker because all went
/// by the book.
#[test]
fn packed_connections_are_told_of_as_others() {
    let never = Packing {
        over: false,
        awake: u64::MAX,
        idle_ns: i64::MAX,
        by_the_book: false,
    };
    let always = Packing {
        over: true,
        awake: 0,
        idle_ns: 0,
        by_the_book: false,
    };
    let by_the_book = Packing {
        by_the_book: true,
        ..always
    };
    let (mut packed, mut ordinary) = (0, 0);
    for path in captures() {
        let (segments, end) = segments(&path);
        let told = |packing: Packing| {
            let mut flows = Flows::new(Ladders::None).packing(packing);
            segments.iter().for_each(|seg| flows.on_segment(seg));
            let short = (flows.packed(), flows.by_the_book());
            let told = model::connections(flows.finish(end), &Decoder::default(), end, TIME_WAIT);
            (serde_json::to_string(&told).expect("plain data"), short)
        };
        let (plain, none) = told(never);
        assert_eq!(none, (0, 0));
        for packing in [always, by_the_book, Packing::default()] {
            let (also, some) = told(packing);
            assert_eq!(also, plain, "{}", path.display());
            packed += some.0;
            ordinary += some.1;
        }
    }
    assert!(packed > 500 && ordinary > 500, "{packed}, {ordinary}");
}

/// Numbers without gaps, in every reference; `successor` and `reuse` only where both connections stood at once, since one
/// that was given out is not remembered.
fn renumbered(mut connections: Vec<Connection>) -> Vec<String> {
    connections.sort_by_key(|connection| connection.id);
    let places: BTreeMap<u64, u64> = connections.iter().map(|c| c.id).zip(1..).collect();
    for connection in &mut connections {
        connection.id = places[&connection.id];
        if let Some(reuse) = &mut connection.reuse {
            reuse.previous = places[&reuse.previous];
        }
        if let Some(successor) = &mut connection.successor {
            successor.id = places[&successor.id];
        }
    }
    let json = |connection: &Connection| serde_json::to_string(connection).expect("plain data");
    connections.iter().map(json).collect()
}

/// The segments of captures one after the other, each on addresses of its own and with an idle time after it, which a packet
/// of somebody else ends.
fn with_idle_times(captures: &[PathBuf], idle: i64) -> (Vec<Segment>, Timestamp) {
    let (mut all, mut now, mut packet) = (Vec::new(), Timestamp::from_ns(SECOND), 0);
    for (index, path) in (0_u16..).zip(captures) {
        let (segments, end) = segments(path);
        let Some(start) = segments.iter().map(|seg| seg.time).min() else {
            continue;
        };
        let (shift, before) = (now.since(start), packet);
        let elsewhere = |end: Endpoint| {
            let ip = match end.ip {
                IpAddr::V4(ip) => u128::from(u32::from(ip)),
                IpAddr::V6(ip) => u128::from(ip),
            };
            let ip = IpAddr::V6(Ipv6Addr::from(ip ^ (u128::from(index + 1) << 112)));
            Endpoint { ip, ..end }
        };
        for mut seg in segments {
            seg.time = seg.time.plus(shift);
            seg.packet += before;
            (seg.source, seg.destination) = (elsewhere(seg.source), elsewhere(seg.destination));
            packet = packet.max(seg.packet);
            all.push(seg);
        }
        now = end.plus(shift).plus(idle);
        packet += 1;
        let [mut somebody] = [all[all.len() - 1]];
        somebody.source.ip = IpAddr::V6(Ipv6Addr::from(u128::from(index) + 1));
        somebody.flags = Flags(SYN);
        (somebody.time, somebody.packet) = (now, packet);
        all.push(somebody);
    }
    (all, now)
}

#[test]
fn connections_that_are_given_out_early_are_those_of_the_end() {
    let captures = captures();
    assert!(captures.len() > 20, "{}", captures.len());
    let mut early = 0;
    for idle in [2 * TIME_WAIT, TIME_WAIT / 4] {
        for path in &captures {
            let (segments, end) = with_idle_times(std::slice::from_ref(path), idle);
            early += given_out_early(&segments, end, &path.display().to_string());
        }
        let (segments, end) = with_idle_times(&captures, idle);
        early += given_out_early(&segments, end, "all captures");
    }
    assert!(early > 1_000, "{early}");
}

#[test]
fn a_4_tuple_that_is_used_again_is_told_the_same_where_both_lives_stand() {
    let (mut early, mut reused) = (0, 0);
    for seed in 0..60 {
        let mut next = dice(seed);
        let mut tap = Tap::new(None, None);
        tap.keeps = true;
        for round in 0..200_u32 {
            let id = next(8) as u32;
            tap.first_number = round * 20_000_000;
            match next(5) {
                0 => tap.reset(id),
                1 => tap.half_close(id),
                2 => tap.pass(id, true, SYN, 100, 0),
                _ => tap.close(id),
            }
            tap.offset += [0, SECOND, TIME_WAIT / 3, 2 * TIME_WAIT][next(4) as usize];
        }
        tap.offset += 2 * TIME_WAIT;
        tap.open(1_000);
        reused += tap.said.iter().filter(|seg| seg.flags.0 == SYN).count() - 9;
        early += given_out_early(&tap.said, tap.now(), &format!("seed {seed}"));
    }
    assert!(early > 3_000 && reused > 3_000, "{early} {reused}");
}

/// How many connections were given out early, each as it would have been told at the end.
fn given_out_early(segments: &[Segment], end: Timestamp, path: &str) -> usize {
    let decoder = Decoder::default();
    let mut flows = Flows::new(Ladders::None);
    segments.iter().for_each(|seg| flows.on_segment(seg));
    let mut at_end = model::connections(flows.finish(end), &decoder, end, TIME_WAIT);

    let mut flows = Flows::new(Ladders::None);
    let (mut streamed, mut now) = (Vec::new(), Timestamp::default());
    for seg in segments {
        flows.on_segment(seg);
        now = now.max(seg.time);
        let finished = flows.take_finished(now, TIME_WAIT).into_iter();
        streamed.extend(finished.map(|mut one| model::finished(&mut one, None, now, TIME_WAIT)));
    }
    let early = streamed.len();
    let (totals, _, rest) = flows.finish_rest(end);
    streamed.extend(rest.map(|mut one| model::finished(&mut one, None, end, TIME_WAIT)));
    assert_eq!(totals.taken, early as u64, "{path}");
    assert_eq!(totals.taken + totals.standing, at_end.len() as u64, "{path}");
    streamed.sort_by_key(|connection| connection.id);
    assert!(
        streamed.windows(2).all(|pair| pair[0].id < pair[1].id),
        "{path}: each once"
    );

    // What came on the 4-tuple of one that had been given out cannot know it, and is the first of its 4-tuple again. What had
    // been given out does not know that its opener was seen to be ready for another one.
    for index in 0..at_end.len() {
        let Some(reuse) = &at_end[index].reuse else {
            continue;
        };
        let previous = reuse.previous as usize - 1;
        if streamed[index].reuse.is_none() {
            let gap = at_end[index].first_time.since(at_end[previous].last_time);
            assert!(gap >= TIME_WAIT, "{path}: forgotten after {gap} ns");
            at_end[index].reuse = None;
            at_end[previous].successor = None;
            at_end[previous].endpoints = streamed[previous].endpoints.clone();
        }
        at_end[index].incarnation = streamed[index].incarnation;
    }
    for (wanted, got) in renumbered(at_end).iter().zip(&renumbered(streamed)) {
        assert_eq!(wanted, got, "{path}");
    }
    early
}

#[test]
fn a_connection_is_given_out_once_and_when_it_is_over() {
    let mut tap = Tap::new(None, None);
    tap.close(1);
    tap.half_close(2);
    tap.reset(3);
    let soon = tap.now();
    assert!(tap.flows.take_finished(soon, TIME_WAIT).is_empty());
    let later = soon.plus(TIME_WAIT);
    let taken: Vec<u64> = tap
        .flows
        .take_finished(later, TIME_WAIT)
        .iter()
        .map(|one| one.number)
        .collect();
    let mut sorted = taken.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [1, 3], "the half-closed one is not over");
    assert!(tap.flows.take_finished(later, TIME_WAIT).is_empty());
    let (totals, _, rest) = tap.flows.finish_rest(later);
    let rest: Vec<u64> = rest.map(|one| one.number).collect();
    assert_eq!(rest, [2]);
    assert_eq!((totals.begun, totals.taken, totals.standing), (3, 2, 1));
}

/// A capture with more connections than a limit allows.
fn crowded() -> (PathBuf, u64) {
    let many = |path: &PathBuf| {
        let settings = Settings {
            files: vec![path.clone()],
            limits: Limits::NONE,
            ..Settings::default()
        };
        analyze(&settings, &mut |_| {}).map_or(0, |analysis| analysis.summary.connections)
    };
    let found = captures().into_iter().map(|path| (many(&path), path));
    let (connections, path) = found
        .max_by_key(|(connections, _)| *connections)
        .expect("captures");
    (path, connections)
}

#[test]
fn every_view_says_that_something_was_evicted() {
    let (path, connections) = crowded();
    assert!(connections > 2, "{connections}");
    let run = |args: &[&str]| {
        let output = Command::cargo_bin("tcptrace-states")
            .expect("the program")
            .args(args)
            .arg(&path)
            .env_remove("TCPTRACE_STATES_CONFIG")
            .output()
            .expect("a run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, screen, complaint) = run(&["--max-connections", "2"]);
    assert_eq!(code, Some(0));
    assert!(screen.contains("EVICTED"), "{screen}");
    assert!(complaint.contains("given up for a limit"), "{complaint}");

    let (_, json, _) = run(&["--max-connections", "2", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let reported = json["connections"].as_array().expect("a list").len() as u64;
    let evicted = json["capture"]["evicted_connections"].as_u64().expect("a number");
    assert_eq!(json["summary"]["connections"].as_u64(), Some(reported + evicted));
    let sum = |value: &serde_json::Value| -> u64 {
        let counts = value.as_object().expect("counts").values();
        counts.filter_map(serde_json::Value::as_u64).sum()
    };
    assert_eq!(sum(&json["summary"]["evicted"]), evicted);
    assert_eq!(sum(&json["summary"]["outcomes"]), reported + evicted);
    assert_eq!(json["summary"]["outcomes"]["evicted"].as_u64(), Some(evicted));
    assert_eq!(
        json["capture"]["complete"].as_bool(),
        Some(true),
        "the input is whole"
    );
    let codes = json["findings"].as_array().expect("a list");
    assert!(codes.iter().any(|finding| finding["code"] == "CP11"));

    let (code, ..) = run(&[
        "check",
        "--no-config",
        "--fail-on",
        "never",
        "--max-connections",
        "2",
    ]);
    assert_eq!(code, Some(3));
    let (code, ..) = run(&["check", "--no-config", "--fail-on", "never"]);
    assert_eq!(code, Some(0));
}
