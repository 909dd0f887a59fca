//! Octets as the segments of some connections, through the tracker to the findings and the views.
//!
//! The first octet chooses what is looked at besides the connections themselves, the next nine are both ISS and how the
//! hosts open. Then each segment is a few octets: direction and 4-tuple, pause, kind, and what the kind needs. Most kinds
//! count octets as a host does, so that the stories get somewhere.

use std::net::{IpAddr, Ipv4Addr};

use tcptrace_states::findings::{self, service};
use tcptrace_states::flow::{Flows, Ladders};
use tcptrace_states::model::{
    self, Analysis, Capture, Connection, EndpointReport, Evidence, Severity, State,
};
use tcptrace_states::population::{By, Span, leaks, time_wait};
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};
use tcptrace_states::segment::{Decoder, Endpoint, Flags, Options, Scope, Segment};
use tcptrace_states::seq::Seq;
use tcptrace_states::time::Timestamp;
use tcptrace_states::tracker::state::{Event, Step, step};

use super::bytes::Bytes;

const START: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;
/// 2 MSL.
const TIME_WAIT: i64 = 60_000 * MS;
/// Segments taken of one input.
const MOST_SEGMENTS: usize = 2_000;
/// Stories up to this length are shown in all views, too.
const MOST_VIEWED: usize = 200;

/// Bounds on lists, whatever the traffic: transitions (a timer may add one), withdrawn ones, events of one kind, rows.
const TRANSITIONS: usize = 257;
const WITHDRAWN: usize = 64;
const EVENTS_OF_A_KIND: usize = 8;
const LADDER_ROWS: usize = 4_097;

pub fn survive(input: &[u8]) {
    let mut left = Bytes(input);
    let what = left.u8();
    let segments = segments(&mut left);
    if segments.is_empty() {
        return;
    }
    let ladders = if what & 1 == 0 {
        Ladders::None
    } else {
        Ladders::All
    };
    let end = segments.iter().map(|seg| seg.time).max().unwrap_or_default();
    let connections = told(&segments, ladders, end);
    check_accounts(&segments, &connections);
    for connection in &connections {
        check(connection, &segments);
    }
    if what & 2 != 0 {
        for connection in &connections {
            let written = serde_json::to_string(connection).expect("plain data");
            let read: serde_json::Value = serde_json::from_str(&written).expect("JSON");
            assert_eq!(read["id"], connection.id);
            assert!(!written.contains(['\n', '\r']), "one line");
        }
    }
    if what & 12 != 0 && segments.len() <= MOST_VIEWED {
        let capture = Capture {
            schema_version: model::SCHEMA_VERSION,
            packets: segments.len() as u64,
            tcp_segments: segments.len() as u64,
            first_time: segments.iter().map(|seg| seg.time).min(),
            last_time: Some(end),
            complete: true,
            time_wait_ns: TIME_WAIT,
            ..Capture::default()
        };
        let settings = settings();
        let analysis = Analysis {
            sources: Vec::new(),
            findings: service::judge(&capture, &connections, &settings),
            capture,
            connections,
            summary: Default::default(),
        };
        check_views(&analysis, usize::from(what >> 4) * 13);
    }
}

fn settings() -> findings::Settings {
    findings::Settings {
        least: Severity::Info,
        ..findings::Settings::default()
    }
}

fn told(segments: &[Segment], ladders: Ladders, end: Timestamp) -> Vec<Connection> {
    let mut flows = Flows::new(ladders);
    for seg in segments {
        flows.on_segment(seg);
    }
    let mut connections = model::connections(flows.finish(end), &Decoder::default(), end, TIME_WAIT);
    let settings = settings();
    for connection in &mut connections {
        findings::judge(connection, end, TIME_WAIT, &settings);
    }
    connections
}

/// One of the 4-tuples: two endpoints, what each sends next, and the clock of its timestamps.
struct Pair {
    ends: [Endpoint; 2],
    next: [Seq; 2],
    timestamps: bool,
}

fn pairs(left: &mut Bytes<'_>) -> [Pair; 4] {
    let iss = [left.u32(), left.u32()];
    let how = left.u8();
    [0u8, 1, 2, 3].map(|number| {
        let end = |last, port| Endpoint {
            ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
            port,
        };
        // The last one tells nothing by its ports.
        let ports = if number == 3 {
            [7_000, 7_000]
        } else {
            [40_000 + u16::from(number), 80]
        };
        Pair {
            ends: [end(1, ports[0]), end(2, ports[1])],
            next: iss.map(Seq),
            timestamps: how >> number & 1 != 0,
        }
    })
}

/// Flags that hosts send, the common ones first.
const FLAGS: [u16; 16] = [
    Flags::ACK,
    Flags::ACK | Flags::PSH,
    Flags::FIN | Flags::ACK,
    Flags::SYN,
    Flags::SYN | Flags::ACK,
    Flags::RST,
    Flags::RST | Flags::ACK,
    Flags::FIN,
    0,
    Flags::SYN | Flags::FIN,
    Flags::SYN | Flags::RST,
    Flags::FIN | Flags::RST | Flags::ACK,
    Flags::ACK | Flags::URG,
    Flags::ACK | Flags::ECE | Flags::CWR,
    Flags::SYN | Flags::ECE | Flags::CWR,
    0x1ff,
];

/// Since the segment before, nanoseconds.
const PAUSES: [i64; 12] = [
    0,
    10_000,
    MS,
    12 * MS,
    250 * MS,
    1_000 * MS,
    2_900 * MS,
    31_000 * MS,
    61_000 * MS,
    7_200_000 * MS,
    -MS,
    -3_000 * MS,
];

fn segments(left: &mut Bytes<'_>) -> Vec<Segment> {
    let mut pairs = pairs(left);
    let mut segments: Vec<Segment> = Vec::new();
    let mut time = START;
    while !left.is_empty() && segments.len() < MOST_SEGMENTS {
        let (route, kind) = (left.u8(), left.u8());
        let pause = usize::from(route >> 3);
        time = match PAUSES.get(pause) {
            Some(pause) => time.saturating_add(*pause),
            None if pause == 31 => left.u64() as i64,
            None => time,
        };
        let pair = &mut pairs[usize::from(route >> 1 & 3)];
        let (me, peer) = (usize::from(route & 1), usize::from(route & 1 ^ 1));
        let mut seg = plain(segments.len() as u64 + 1, time, pair.ends[me], pair.ends[peer]);
        let flags = Flags(FLAGS[usize::from(kind & 15)]);
        (seg.flags, seg.seq) = (flags, pair.next[me]);
        seg.raw_ack = pair.next[peer].0;
        if pair.timestamps {
            let clock = (time.wrapping_sub(START) / MS) as u32;
            seg.options.timestamps = Some((clock, clock.wrapping_sub(20)));
        }
        match kind >> 4 {
            0..=3 => {} // no payload
            4 => seg.payload_len = u32::from(left.u8()),
            5 => seg.payload_len = 1_460,
            6 => {
                seg.seq = seg.seq.plus(i32::from(left.u8() as i8) as u32);
                seg.raw_ack = seg.raw_ack.wrapping_add(i32::from(left.u8() as i8) as u32);
                seg.payload_len = u32::from(left.u8());
            }
            7 => {
                seg.seq = seg.seq.plus(left.u32());
                seg.raw_ack = seg.raw_ack.wrapping_add(left.u32());
            }
            8 => {
                // A new life.
                seg.seq = Seq(left.u32());
                (seg.flags, pair.next[me]) = (Flags(Flags::SYN), seg.seq);
            }
            9 => {
                // A keepalive, or a window probe.
                (seg.seq, seg.payload_len) = (seg.seq.minus(1), u32::from(kind & 1));
                seg.flags = Flags(Flags::ACK);
            }
            10 | 11 => {
                let which = usize::from(left.u16());
                if let Some(before) = segments.len().checked_sub(1 + which % (segments.len() + 1)) {
                    let ip_id = seg.ip_id;
                    (seg.packet, seg.time) = (segments.len() as u64 + 1, Timestamp::from_ns(time));
                    seg = Segment {
                        packet: seg.packet,
                        time: seg.time,
                        ..segments[before]
                    };
                    if kind >> 4 == 11 {
                        seg.ip_id = ip_id; // sent again, and not a copy made on the way
                    }
                }
            }
            12 => {
                seg.window = left.u16();
                seg.options = Options {
                    mss: Some(left.u16()),
                    window_scale: Some(left.u8() % 15),
                    sack_permitted: kind & 1 != 0,
                    fast_open: (kind & 2 != 0).then_some(kind & 8),
                    ..seg.options
                };
                seg.payload_len = u32::from(left.u8() & 3);
            }
            13 => {
                let edge = seg.raw_ack.wrapping_add(left.u32());
                seg.options.sack[0] = Some((Seq(edge), Seq(edge.wrapping_add(left.u32()))));
                seg.options.timestamps = Some((left.u32(), left.u32()));
            }
            14 => {
                let tags = left.u8();
                seg.scope.vlans[0] = u16::from(tags & 3);
                seg.ip_id = (tags & 4 != 0).then_some(u16::from(tags >> 5));
                (seg.cut, seg.header_cut) = (tags & 24 != 0, tags & 16 != 0);
                seg.ttl = 64 - (tags >> 6);
            }
            _ => {
                seg.flags = Flags(left.u16() & 0x1ff);
                (seg.seq, seg.raw_ack) = (Seq(left.u32()), left.u32());
                seg.payload_len = left.u32() & 0x1_ffff;
                seg.window = left.u16();
            }
        }
        seg.ack = seg.flags.ack().then_some(Seq(seg.raw_ack));
        // What a host sends in its place moves what it sends next.
        if seg.seq == pair.next[me] {
            pair.next[me] = seg.seq_end();
        }
        segments.push(seg);
    }
    segments
}

fn plain(packet: u64, time: i64, source: Endpoint, destination: Endpoint) -> Segment {
    Segment {
        packet,
        time: Timestamp::from_ns(time),
        source,
        destination,
        scope: Scope::default(),
        seq: Seq(0),
        ack: None,
        raw_ack: 0,
        flags: Flags(0),
        window: u16::MAX,
        payload_len: 0,
        options: Options::default(),
        ip_id: Some(packet as u16),
        ttl: 64,
        checksum: None,
        checksum_state: Default::default(),
        header_cut: false,
        cut: false,
    }
}

fn ends(connection: &Connection) -> [&EndpointReport; 2] {
    [&connection.endpoints.client, &connection.endpoints.server]
}

/// Every segment is in exactly one connection.
fn check_accounts(segments: &[Segment], connections: &[Connection]) {
    let all = || connections.iter().flat_map(ends);
    assert_eq!(all().map(|end| end.packets).sum::<u64>(), segments.len() as u64);
    let payload: u64 = segments.iter().map(|seg| u64::from(seg.payload_len)).sum();
    assert_eq!(all().map(|end| end.payload_bytes).sum::<u64>(), payload);
    for (connection, id) in connections.iter().zip(1..) {
        assert_eq!(connection.id, id);
    }
}

fn check(connection: &Connection, segments: &[Segment]) {
    assert!(connection.first_packet <= connection.last_packet);
    let packets = 1..=segments.len() as u64;
    let forwards = segments.is_sorted_by_key(|seg| seg.time);
    for end in ends(connection) {
        assert!(end.transitions.len() <= TRANSITIONS);
        assert!(end.withdrawn.len() <= WITHDRAWN);
        assert!(end.dwell_ns.iter().all(|(_, ns)| ns >= 0));
        // What is inferred is placed by the packet that shows it, which can be a later one.
        let ordered = forwards && end.transitions.iter().all(|t| t.evidence != Evidence::Inferred);
        let mut state = None;
        let mut before = None;
        for transition in &end.transitions {
            let bound = matches!(transition.evidence, Evidence::Inferred | Evidence::Timer);
            let leads = |event| step(transition.from, event) == Step::To(transition.to);
            assert!(
                bound || Event::ALL.into_iter().any(leads),
                "no such edge: {transition:?}"
            );
            assert_ne!(transition.from, transition.to);
            // Of a list that was folded only its ends fit together.
            let begins_again = transition.from == State::Listen && state == Some(State::Closed);
            let follows = state.is_none_or(|state| state == transition.from);
            assert!(
                follows || begins_again || end.transitions_folded > 0,
                "{:?}",
                end.transitions
            );
            assert!(
                transition
                    .earliest
                    .is_none_or(|earliest| earliest <= transition.at),
                "{transition:?}"
            );
            assert!(
                transition.latest.is_none_or(|latest| transition.at <= latest),
                "{transition:?}"
            );
            assert!(
                !ordered || before.is_none_or(|before| before <= transition.at),
                "{:?}",
                end.transitions
            );
            for packet in [transition.packet, transition.proven_by].into_iter().flatten() {
                assert!(packets.contains(&packet), "{transition:?}");
            }
            (state, before) = (Some(transition.to), Some(transition.at));
        }
        if let Some(state) = state
            && end.transitions_folded == 0
        {
            assert_eq!(end.state, state);
        }
    }
    for event in &connection.events {
        let same = |other: &&model::Event| other.kind == event.kind && other.endpoint == event.endpoint;
        assert!(connection.events.iter().filter(same).count() <= EVENTS_OF_A_KIND);
        assert!(packets.contains(&event.packet));
    }
    assert!(connection.ladder.len() <= LADDER_ROWS);
    for finding in &connection.findings {
        assert!(findings::find(finding.code).is_some(), "{}", finding.code);
        assert!(!finding.message.is_empty() && !finding.message.chars().any(char::is_control));
        assert!(finding.packets.is_sorted(), "{finding:?}");
        assert!(
            finding.packets.iter().all(|packet| packets.contains(packet)),
            "{finding:?}"
        );
        assert!(finding.count >= 1, "{finding:?}");
    }
}

/// The views take what there is, and what programs read can be read.
fn check_views(analysis: &Analysis, width: usize) {
    let look = Look {
        width,
        rows: Rows::All,
        ascii: width % 2 == 1,
        color: false,
        seq: SequenceNumbers::Relative,
    };
    let written = |what: &str, view: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut out = Vec::new();
        view(&mut out).unwrap_or_else(|error| panic!("{what}: {error}"));
        String::from_utf8(out).unwrap_or_else(|error| panic!("{what}: {error}"))
    };
    for line in written("jsonl", &|out| report::jsonl::write(out, analysis)).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("a line of JSON");
    }
    let table = written("csv", &|out| report::csv::write(out, analysis));
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let rows = rows.records().map(|row| row.expect("as many cells as columns"));
    assert_eq!(rows.count(), analysis.connections.len());
    let span = Span::of(&analysis.capture);
    let half_closes = leaks(&analysis.connections, span, By::Pair, 0);
    let waits = time_wait(&analysis.connections, span, TIME_WAIT, 28_232);
    let mut screens = vec![
        written("table", &|out| report::table::write(out, analysis, &look)),
        written("leaks", &|out| {
            report::leaks::write(out, analysis, &half_closes, None, &look)
        }),
        written("time-wait", &|out| {
            report::time_wait::write(out, analysis, &waits, &look)
        }),
    ];
    for connection in analysis.connections.iter().take(4) {
        screens.push(written("ladder", &|out| {
            report::ladder::write(out, analysis, connection, &look)
        }));
        screens.push(written("evidence", &|out| {
            report::evidence::write(out, connection, &look)
        }));
    }
    for screen in screens {
        let shown = |character: char| character == '\n' || !character.is_control();
        assert!(screen.chars().all(shown), "{screen:?}");
    }
}
