//! Stories: a few segments in one-line notation, and the states that both endpoints must be told to have been in.
//!
//! A story has one line a segment; its packet numbers count from 1.
//!
//! ```text
//! 0.010 S>C SYN,ACK seq=300 ack=101 mss=1460 ws=7 sackok ts=10/5
//! ```
//!
//! Time in seconds, direction, control bits, and then, in any order and all optional: `seq ack win len mss ws sackok
//! ts=TSval/TSecr sack=LEFT-RIGHT,… tfo=LENGTH id ttl sum`; `badsum`: its checksum is wrong; `cut` or `headcut`: cut by the
//! snap length in its payload or in its options. The client C is 10.0.0.1:40000, the server S 10.0.0.2:80;
//! D is the client's host on port 40001, N the same port behind another address (10.0.0.9:40000). Unless told, SEG.ACK is
//! missing if the ACK bit is, the window is 65535, and every packet has its own IP identification, so that only what is
//! meant to be a copy looks like one. Other lines:
//!
//! | line | stands for |
//! | --- | --- |
//! | `open` | a handshake at 0.000, 0.010 and 0.020: #1 to #3, ISS 100 and 300 |
//! | `closed` | `open` and a close by the client at 1.000 to 1.030: #4 to #7 |
//! | `2.5 again #4` | packet 4 once more, bit for bit: a copy made by the capture or by the network |
//! | `2.5 resent #4` | packet 4 sent once more by its sender: another IP identification; fields may follow to change it |
//! | `limit 3` | at most so many connections are kept at once |
//! | `2.5 skip bad-tcp-data-offset` | a frame that gives no segment, for this reason |
//! | `90.0 end` | the capture ends then, with a packet of somebody else |
//! | `20 times every 0.5 resent #4` | a line twenty times, the first half a second after the line before |
//! | `repeat 6 every 0.5` | first line: the whole story six times, each client on the next port, half a second later |
//!
//! What stands behind `<--` is for people.
//!
//! What is expected has one line an item, and only the items that the test asks for are compared; but every connection
//! must be named, and there must be no other. A line that does not begin with a number continues the one before.
//!
//! | item | content |
//! | --- | --- |
//! | `1 client`, `1 server` | the transitions: `CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3`: where from, then where to, by which packet, with which evidence, proven by which packet |
//! | `1 end` | states at the end of the capture |
//! | `1 outcome` | the outcome |
//! | `1 close` | kind, first closer, half-close, holder of TIME-WAIT and so on, as far as they are known |
//! | `1 withdrawn` | presumed transitions that were withdrawn |
//! | `1 when client` | `at` of each transition and the interval around it |
//! | `1 packets` | packets of client and server; where there were some, also retransmissions, probes, copies, missed octets |
//! | `1 numbers` | ISS of client and server |
//! | `1 roles` | who is the client, and how that was told |
//! | `1 life` | incarnation |
//! | `1 events` | protocol events |
//! | `1 handshake` | its three packets, and what was special |
#![allow(dead_code)] // no test file uses all of it

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::findings;
use tcptrace_states::flow::{Flows, Ladders, Limits};
use tcptrace_states::model::{self, Connection, EndpointReport, Role, TimeWaitHolder, Transition};
use tcptrace_states::segment::{ChecksumState, Decoder, Endpoint, Flags, Options, Scope, Segment};
use tcptrace_states::seq::Seq;
use tcptrace_states::time::Timestamp;

/// When stories begin.
pub const START: i64 = 1_700_000_000_000_000_000;
pub const SECOND: i64 = 1_000_000_000;
/// 2 MSL in stories.
pub const TIME_WAIT: i64 = 60 * SECOND;

const OPEN: &str = "
    0.000 C>S SYN     seq=100
    0.010 S>C SYN,ACK seq=300 ack=101
    0.020 C>S ACK     seq=101 ack=301";
const CLOSED: &str = "
    1.000 C>S FIN,ACK seq=101 ack=301
    1.010 S>C ACK     seq=301 ack=102
    1.020 S>C FIN,ACK seq=301 ack=102
    1.030 C>S ACK     seq=102 ack=302";

/// What a life of `closed` looks like, for the tests of what comes after it.
pub const CLIENT_CLOSED_FIRST: &str =
    "CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent > FIN-WAIT-2 #5 confirmed #7
     > TIME-WAIT #6 confirmed #7";
pub const SERVER_CLOSED_SECOND: &str =
    "LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5 > LAST-ACK #6 sent
     > CLOSED #7 presumed";

pub fn host(letter: char) -> Endpoint {
    let (last, port) = match letter {
        'C' => (1, 40_000),
        'D' => (1, 40_001),
        'N' => (9, 40_000),
        'S' => (2, 80),
        _ => panic!("no host {letter}"),
    };
    Endpoint {
        ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
        port,
    }
}

/// A plain segment, to be changed as the test needs it.
pub fn segment(packet: u64, time_ns: i64, source: Endpoint, destination: Endpoint, flags: u16) -> Segment {
    Segment {
        packet,
        time: Timestamp::from_ns(time_ns),
        source,
        destination,
        scope: Scope::default(),
        seq: Seq(0),
        ack: None,
        raw_ack: 0,
        flags: Flags(flags),
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

/// The segments of a story and the time of its last packet.
pub fn read(story: &str) -> (Vec<Segment>, Timestamp) {
    let mut segments: Vec<Segment> = Vec::new();
    let mut end = None;
    let mut repeat = None;
    for line in lines(story) {
        if let Some(time) = line.strip_suffix("end") {
            end = Some(moment(time));
        } else if line.starts_with("limit ") {
            // At most so many connections are kept: `evicted` counts the others.
        } else if line.contains(" skip ") {
            // A frame that gives no segment: `skipped` counts it.
        } else if let Some(how) = line.strip_prefix("repeat ") {
            repeat = Some(how.to_owned());
        } else if let Some((count, rest)) = line.split_once(" times every ") {
            let (every, line) = rest.split_once(' ').expect("a line to repeat");
            let every = moment(every).ns() - START;
            for _ in 0..count.parse::<u32>().expect("a count") {
                let after = segments.last().expect("a line before").time.plus(every);
                let segment = read_line(&format!("0 {line}"), &segments);
                segments.push(Segment {
                    time: after,
                    ..segment
                });
            }
        } else {
            let segment = read_line(&line, &segments);
            segments.push(segment);
        }
    }
    if let Some(how) = repeat {
        segments = repeated(&segments, &how);
    }
    let last = segments
        .iter()
        .map(|seg| seg.time)
        .max()
        .expect("a story has segments");
    (segments, end.unwrap_or(last))
}

/// The segments `count` times, in order of time: `6 every 0.5`.
fn repeated(segments: &[Segment], how: &str) -> Vec<Segment> {
    let (count, every) = how
        .split_once(" every ")
        .unwrap_or_else(|| panic!("repeat {how}"));
    let (count, every) = (
        count.trim().parse::<u16>().expect("a count"),
        moment(every).ns() - START,
    );
    let client = host('C').port;
    let mut all = Vec::new();
    for nth in 0..count {
        let shifted = |end: Endpoint| match end.port {
            port if port >= client => Endpoint {
                port: port + nth,
                ..end
            },
            _ => end,
        };
        all.extend(segments.iter().map(|seg| Segment {
            time: seg.time.plus(i64::from(nth) * every),
            source: shifted(seg.source),
            destination: shifted(seg.destination),
            ..*seg
        }));
    }
    all.sort_by_key(|seg| seg.time);
    for (seg, packet) in all.iter_mut().zip(1..) {
        (seg.packet, seg.ip_id) = (packet, Some(packet as u16));
    }
    all
}

fn lines(story: &str) -> Vec<String> {
    let bare = |line: &str| line.split("<--").next().unwrap_or_default().trim().to_owned();
    let expand = |line: &str| match bare(line).as_str() {
        "open" => OPEN.to_owned(),
        "closed" => OPEN.to_owned() + CLOSED,
        line => line.to_owned(),
    };
    let expanded: Vec<String> = story.lines().map(expand).collect();
    expanded
        .join("\n")
        .lines()
        .map(bare)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Frames of the story that give no segment, by reason.
pub fn skipped(story: &str) -> BTreeMap<String, u64> {
    let mut skipped = BTreeMap::new();
    for line in lines(story) {
        if let Some((_, reason)) = line.split_once(" skip ") {
            *skipped.entry(reason.to_owned()).or_insert(0) += 1;
        }
    }
    skipped
}

/// The number of the packet that a story marks with `<--`, if it marks one.
pub fn marked(story: &str) -> Option<u64> {
    let before: Vec<&str> = story.lines().take_while(|line| !line.contains("<--")).collect();
    (before.len() < story.lines().count()).then(|| lines(&before.join("\n")).len() as u64 + 1)
}

fn moment(seconds: &str) -> Timestamp {
    let (whole, fraction) = seconds.trim().split_once('.').unwrap_or((seconds.trim(), "0"));
    let number = |digits: &str| -> i64 { digits.parse().unwrap_or_else(|_| panic!("time {seconds}")) };
    Timestamp::from_ns(START + number(whole) * SECOND + number(&format!("{fraction:0<9}")))
}

fn read_line(line: &str, before: &[Segment]) -> Segment {
    let bad = |what: &str| -> ! { panic!("{what} in the story's line `{line}`") };
    let words: Vec<&str> = line.split_whitespace().collect();
    let [time, second, third, rest @ ..] = &words[..] else {
        bad("too few words")
    };
    let packet = before.len() as u64 + 1;
    let time = moment(time);
    if let "again" | "resent" = *second {
        let number: usize = third
            .trim_start_matches('#')
            .parse()
            .unwrap_or_else(|_| bad("no number"));
        let original = before[number - 1];
        let ip_id = match *second {
            "again" => original.ip_id,
            _ => Some(packet as u16),
        };
        let copy = Segment {
            packet,
            time,
            ip_id,
            ..original
        };
        return with_fields(copy, rest, line);
    }
    let mut ends = second.chars().filter(|letter| *letter != '>').map(host);
    let (Some(source), Some(destination)) = (ends.next(), ends.next()) else {
        bad("no direction")
    };
    let mut seg = segment(packet, time.ns(), source, destination, flags(third));
    if seg.flags.ack() {
        seg.ack = Some(Seq(0));
    }
    with_fields(seg, rest, line)
}

fn with_fields(mut seg: Segment, words: &[&str], line: &str) -> Segment {
    let bad = |what: &str| -> ! { panic!("{what} in the story's line `{line}`") };
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let number = || -> u32 { value.parse().unwrap_or_else(|_| bad("no number")) };
        let pair = |text: &str, sign: char| -> (u32, u32) {
            let read = |number: &str| number.parse().unwrap_or_else(|_| bad("no number"));
            let (left, right) = text.split_once(sign).unwrap_or_else(|| bad("no pair"));
            (read(left), read(right))
        };
        match key {
            "seq" => seg.seq = Seq(number()),
            "ack" if seg.flags.ack() => (seg.ack, seg.raw_ack) = (Some(Seq(number())), number()),
            "win" => seg.window = number() as u16,
            "len" => seg.payload_len = number(),
            "mss" => seg.options.mss = Some(number() as u16),
            "ws" => seg.options.window_scale = Some(number() as u8),
            "sackok" => seg.options.sack_permitted = true,
            "ts" => seg.options.timestamps = Some(pair(value, '/')),
            "sack" => {
                for (slot, block) in seg.options.sack.iter_mut().zip(value.split(',')) {
                    let (left, right) = pair(block, '-');
                    *slot = Some((Seq(left), Seq(right)));
                }
            }
            "tfo" => seg.options.fast_open = Some(number() as u8),
            "id" => seg.ip_id = Some(number() as u16),
            "ttl" => seg.ttl = number() as u8,
            "cut" => seg.cut = true,
            "badsum" => seg.checksum_state = ChecksumState::Bad,
            "headcut" => (seg.cut, seg.header_cut) = (true, true),
            "sum" => seg.checksum = Some(number() as u16),
            _ => bad("an unknown word"),
        }
    }
    seg
}

/// A segment in the notation of a story's line.
pub fn line_of(seg: &Segment) -> String {
    let letter = |end: Endpoint| {
        ['C', 'D', 'N', 'S']
            .into_iter()
            .find(|letter| host(*letter).ip == end.ip)
    };
    let [source, destination] = [seg.source, seg.destination].map(|end| letter(end).unwrap_or('?'));
    let mut line = format!(
        "{} {source}>{destination} {} seq={}",
        seconds(seg.time),
        seg.flags,
        seg.seq
    );
    if let Some(ack) = seg.ack {
        let _ = write!(line, " ack={ack}");
    }
    if let Some((value, echo)) = seg.options.timestamps {
        let _ = write!(line, " ts={value}/{echo}");
    }
    let _ = write!(
        line,
        " len={} win={} id={}",
        seg.payload_len,
        seg.window,
        seg.ip_id.unwrap_or(0)
    );
    line
}

fn flags(names: &str) -> u16 {
    let bit = |name: &str| match name {
        "FIN" => Flags::FIN,
        "SYN" => Flags::SYN,
        "RST" => Flags::RST,
        "PSH" => Flags::PSH,
        "ACK" => Flags::ACK,
        "URG" => Flags::URG,
        "ECE" => Flags::ECE,
        "CWR" => Flags::CWR,
        "AE" => Flags::AE,
        "-" => 0,
        _ => panic!("no control bit {name}"),
    };
    names.split(',').map(bit).fold(0, |all, bit| all | bit)
}

/// What the observer makes of segments.
pub fn observe(segments: &[Segment], end: Timestamp) -> Vec<Connection> {
    let mut flows = Flows::new(Ladders::None);
    for seg in segments {
        flows.on_segment(seg);
    }
    let mut connections = model::connections(flows.finish(end), &Decoder::default(), end, TIME_WAIT);
    for connection in &mut connections {
        findings::judge(connection, end, TIME_WAIT, &findings::Settings::default());
    }
    connections
}

/// How many connections are given up for the story's limit.
pub fn evicted(story: &str) -> u64 {
    let limit = lines(story)
        .iter()
        .find_map(|line| line.strip_prefix("limit ")?.parse().ok());
    let limits = Limits {
        connections: limit,
        memory: None,
    };
    let mut flows = Flows::bounded(Ladders::None, limits, Some(model::report_bytes));
    read(story).0.iter().for_each(|seg| flows.on_segment(seg));
    flows.evicted().total()
}

/// A capture that holds these segments and nothing else, without a fault.
pub fn capture(segments: &[Segment], end: Timestamp) -> model::Capture {
    model::Capture {
        schema_version: model::SCHEMA_VERSION,
        packets: segments.len() as u64,
        tcp_segments: segments.len() as u64,
        first_time: segments.iter().map(|seg| seg.time).min(),
        last_time: Some(end),
        complete: true,
        time_wait_ns: TIME_WAIT,
        ..model::Capture::default()
    }
}

/// What the observer makes of a story.
pub fn tell(story: &str) -> Vec<Connection> {
    let (segments, end) = read(story);
    observe(&segments, end)
}

/// The observer, given the story, says what is expected.
#[track_caller]
pub fn check(story: &str, expected: &str) {
    compare(&tell(story), expected, &lines(story));
}

/// The connections are what is expected. `story` is shown if they are not.
#[track_caller]
pub fn compare(connections: &[Connection], expected: &str, story: &[String]) {
    let wanted = items(expected);
    let got: Vec<String> = wanted.iter().map(|item| answer(connections, item)).collect();
    let named: BTreeSet<&str> = wanted.iter().filter_map(|item| item.split(' ').next()).collect();
    if got == wanted && named.len() == connections.len() {
        return;
    }
    let mut message = String::from("\nthe story:\n");
    for (number, line) in story.iter().enumerate() {
        let _ = writeln!(message, "  #{:<3} {line}", number + 1);
    }
    for (got, wanted) in got.iter().zip(&wanted) {
        if got == wanted {
            let _ = writeln!(message, "as expected:\n  {got}");
        } else {
            let _ = writeln!(message, "EXPECTED:\n  {wanted}\nGOT:\n  {got}");
        }
    }
    if named.len() != connections.len() {
        let _ = writeln!(
            message,
            "EXPECTED {} connections, GOT {}:",
            named.len(),
            connections.len()
        );
        for connection in connections {
            for item in ["roles", "client", "server", "outcome", "packets"] {
                let _ = writeln!(
                    message,
                    "  {}",
                    answer(connections, &format!("{} {item}", connection.id))
                );
            }
        }
    }
    panic!("{message}");
}

/// Lines of the expectation with single spaces, continuation lines joined.
fn items(expected: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for line in expected.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let line = words.join(" ");
        match items.last_mut() {
            _ if line.is_empty() => {}
            Some(last) if !line.starts_with(|first: char| first.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(&line);
            }
            _ => items.push(line),
        }
    }
    items
}

/// The item that an expectation asks for, as it is.
fn answer(connections: &[Connection], wanted: &str) -> String {
    let mut words = wanted.split(' ');
    let id = words.next().unwrap_or_default();
    let item = words.next().unwrap_or_default();
    let Some(connection) = connections
        .iter()
        .find(|connection| connection.id.to_string() == id)
    else {
        return format!("{id} is no connection");
    };
    let ends = [&connection.endpoints.client, &connection.endpoints.server];
    match item {
        "client" => format!("{id} client {}", transitions(ends[0])),
        "server" => format!("{id} server {}", transitions(ends[1])),
        "end" => format!("{id} end client {} server {}", ends[0].state, ends[1].state),
        "outcome" => format!("{id} outcome {}", connection.outcome.name()),
        "close" => format!("{id} close {}", close(connection)),
        "withdrawn" => format!("{id} withdrawn {}", withdrawn(ends)),
        "when" => {
            let side = words.next().unwrap_or_default();
            let end = if side == "client" { ends[0] } else { ends[1] };
            format!("{id} when {side} {}", intervals(end))
        }
        "packets" => format!("{id} packets {}", packets(connection)),
        "numbers" => {
            let shake = &connection.handshake;
            let iss = |iss: Option<u32>| iss.map_or("?".to_owned(), |iss| iss.to_string());
            format!("{id} numbers {} {}", iss(shake.client_iss), iss(shake.server_iss))
        }
        "roles" => format!(
            "{id} roles {} > {} by {}",
            connection.client,
            connection.server,
            kebab(&connection.roles_from)
        ),
        "life" => format!("{id} life {}", connection.incarnation),
        "events" => {
            let seen = |event: &model::Event| {
                format!(
                    "{} {} #{}",
                    event.endpoint.name(),
                    event.kind.name(),
                    event.packet
                )
            };
            let seen: Vec<String> = connection.events.iter().map(seen).collect();
            format!("{id} events {}", or_none(seen.join(", ")))
        }
        "handshake" => format!("{id} handshake {}", handshake(connection)),
        _ => panic!("no item `{item}` in `{wanted}`"),
    }
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

fn kebab<T: serde::Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).expect("plain data");
    json.trim_matches('"').to_owned()
}

fn transitions(end: &EndpointReport) -> String {
    let mut text = String::new();
    let mut state = None;
    for transition in &end.transitions {
        if state != Some(transition.from) {
            let separator = if state.is_some() { " | " } else { "" };
            let _ = write!(text, "{separator}{}", transition.from);
        }
        let _ = write!(text, " > {}", step(transition));
        state = Some(transition.to);
    }
    if text.is_empty() {
        format!("stays {}", end.state)
    } else {
        text
    }
}

fn step(transition: &Transition) -> String {
    let mut text = transition.to.to_string();
    if let Some(packet) = transition.packet {
        let _ = write!(text, " #{packet}");
    }
    let _ = write!(text, " {}", transition.evidence.name());
    if let Some(proof) = transition
        .proven_by
        .filter(|_| transition.packet != transition.proven_by)
    {
        let _ = write!(text, " #{proof}");
    }
    text
}

/// `FIN-WAIT-1 0.500 in 0.020..0.500, …`, seconds since the story began; `?` where there is no bound.
fn intervals(end: &EndpointReport) -> String {
    let bound = |time: Option<Timestamp>| time.map_or("?".to_owned(), seconds);
    let interval = |transition: &Transition| {
        format!(
            "{} {} in {}..{}",
            transition.to,
            seconds(transition.at),
            bound(transition.earliest),
            bound(transition.latest)
        )
    };
    or_none(
        end.transitions
            .iter()
            .map(interval)
            .collect::<Vec<_>>()
            .join(", "),
    )
}

fn seconds(time: Timestamp) -> String {
    duration(time.ns() - START)
}

/// Seconds with three digits, or as many as it takes.
fn duration(ns: i64) -> String {
    let text = format!("{}.{:09}", ns / SECOND, ns % SECOND);
    let (kept, digits) = text.split_at(text.len() - 6);
    format!("{kept}{}", digits.trim_end_matches('0'))
}

fn close(connection: &Connection) -> String {
    let close = &connection.close;
    let mut text = close.kind.as_ref().map_or("none".to_owned(), kebab);
    if let Some(closer) = close.first_closer {
        let _ = write!(text, " by {}", closer.name());
    }
    if let Some(by) = close.reset_by {
        let _ = write!(text, ", reset by {}", by.name());
    }
    if let Some(ns) = close.half_close_ns {
        let bytes = close
            .half_close_bytes
            .map_or("?".to_owned(), |bytes| bytes.to_string());
        let at_least = if close.half_close_open { "at least " } else { "" };
        let _ = write!(text, ", half-close {at_least}{} s {bytes} octets", duration(ns));
    }
    if let Some(holder) = close.time_wait_holder {
        let holder = match holder {
            TimeWaitHolder::Client => "client",
            TimeWaitHolder::Server => "server",
            TimeWaitHolder::Both => "both",
        };
        let _ = write!(text, ", TIME-WAIT {holder}");
    }
    if close.time_wait_restarts > 0 {
        let _ = write!(text, " restarted {}", close.time_wait_restarts);
    }
    text
}

fn withdrawn(ends: [&EndpointReport; 2]) -> String {
    let mut all = Vec::new();
    for (role, end) in [Role::Client, Role::Server].into_iter().zip(ends) {
        for taken_back in &end.withdrawn {
            let by = taken_back
                .refuted_by
                .map_or("silence".to_owned(), |packet| format!("#{packet}"));
            all.push(format!(
                "{} {} #{} by {by}",
                role.name(),
                taken_back.to,
                taken_back.packet
            ));
        }
    }
    or_none(all.join(", "))
}

fn packets(connection: &Connection) -> String {
    let (client, server) = (&connection.endpoints.client, &connection.endpoints.server);
    let quality = &connection.quality;
    let mut text = format!("{} {}", client.packets, server.packets);
    let pairs = [
        (
            "retransmitted",
            client.retransmitted_segments,
            server.retransmitted_segments,
        ),
        ("probes", client.probes, server.probes),
    ];
    for (name, client, server) in pairs {
        if client + server > 0 {
            let _ = write!(text, " {name} {client} {server}");
        }
    }
    for (name, count) in [
        ("copies", quality.duplicate_segments),
        ("missed", quality.missed_bytes),
    ] {
        if count > 0 {
            let _ = write!(text, " {name} {count}");
        }
    }
    text
}

fn handshake(connection: &Connection) -> String {
    let shake = &connection.handshake;
    let packet = |packet: Option<u64>| packet.map_or("?".to_owned(), |packet| format!("#{packet}"));
    let mut text = format!(
        "{} {} {}",
        packet(shake.syn_packet),
        packet(shake.syn_ack_packet),
        packet(shake.ack_packet)
    );
    if !shake.complete {
        text.push_str(" incomplete");
    }
    if shake.simultaneous {
        text.push_str(" simultaneous");
    }
    for (name, copies) in [
        ("SYN", shake.syn_retransmissions),
        ("SYN-ACK", shake.syn_ack_retransmissions),
    ] {
        if copies > 0 {
            let _ = write!(text, " {name} {copies} again");
        }
    }
    if let Some(taken) = shake.syn_data_accepted {
        text.push_str(if taken { " data taken" } else { " data ignored" });
    }
    text
}

/// The segment as an Ethernet frame of at least 60 octets, as it stands on the wire.
pub fn frame(seg: &Segment) -> Vec<u8> {
    let mut options = Vec::new();
    if let Some(mss) = seg.options.mss {
        options.extend([2, 4]);
        options.extend(mss.to_be_bytes());
    }
    if let Some(shift) = seg.options.window_scale {
        options.extend([1, 3, 3, shift]);
    }
    if seg.options.sack_permitted {
        options.extend([1, 1, 4, 2]);
    }
    if let Some((value, echo)) = seg.options.timestamps {
        options.extend([1, 1, 8, 10]);
        options.extend(value.to_be_bytes());
        options.extend(echo.to_be_bytes());
    }
    let header = 20 + options.len();
    let length = (20 + header) as u16 + seg.payload_len as u16;
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    frame.extend([0x45, 0]);
    frame.extend(length.to_be_bytes());
    frame.extend(seg.ip_id.unwrap_or(0).to_be_bytes());
    frame.extend([0x40, 0, seg.ttl, 6, 0, 0]);
    for end in [seg.source, seg.destination] {
        match end.ip {
            IpAddr::V4(ip) => frame.extend(ip.octets()),
            IpAddr::V6(_) => panic!("stories are told over IPv4"),
        }
    }
    frame.extend(seg.source.port.to_be_bytes());
    frame.extend(seg.destination.port.to_be_bytes());
    frame.extend(seg.seq.0.to_be_bytes());
    frame.extend(seg.raw_ack.to_be_bytes());
    frame.extend((((header / 4) as u16) << 12 | seg.flags.0).to_be_bytes());
    frame.extend(seg.window.to_be_bytes());
    frame.extend(seg.checksum.unwrap_or(0).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(options);
    frame.resize(frame.len() + seg.payload_len as usize, b'x');
    frame.resize(frame.len().max(60), 0);
    frame
}

/// A capture with the given frames and times: classic pcap, nanoseconds, Ethernet.
pub fn pcap(frames: &[(Timestamp, Vec<u8>)]) -> Vec<u8> {
    let words = |numbers: &[u32]| -> Vec<u8> { numbers.iter().flat_map(|n| n.to_le_bytes()).collect() };
    let mut file = words(&[0xa1b2_3c4d, 0x0004_0002, 0, 0, 65_535, 1]);
    for (time, frame) in frames {
        let length = frame.len() as u32;
        file.extend(words(&[
            (time.ns() / SECOND) as u32,
            (time.ns() % SECOND) as u32,
            length,
            length,
        ]));
        file.extend(frame);
    }
    file
}

/// What the whole program makes of captures that are read as one.
pub fn analyze_files(files: &[std::path::PathBuf]) -> model::Analysis {
    let settings = Settings {
        files: files.to_vec(),
        time_wait_ns: TIME_WAIT,
        ladder: LadderRequest::None,
        limits: Default::default(),
        findings: Default::default(),
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).expect("readable captures")
}

/// What the whole program makes of captures, given as octets.
pub fn analyze_bytes(captures: &[Vec<u8>]) -> model::Analysis {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let directory = std::env::temp_dir().join(format!(
        "tcptrace-states-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    ));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let files: Vec<_> = (0..captures.len())
        .map(|number| directory.join(format!("{number}.pcap")))
        .collect();
    for (file, bytes) in files.iter().zip(captures) {
        std::fs::write(file, bytes).expect("a temporary file");
    }
    let analysis = analyze_files(&files);
    std::fs::remove_dir_all(&directory).expect("our own directory");
    analysis
}
