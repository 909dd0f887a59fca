//! What must hold for any capture, sensible or not.
//!
//! The stories are random but not noise: two hosts count their octets, acknowledge, open, close, reset and open again, in
//! any order, with some numbers off, some segments doubled, sent again or exchanged with their neighbours.

mod story;

use proptest::prelude::*;
use tcptrace_states::model::{Connection, EndpointReport, Evidence, State, Transition};
use tcptrace_states::segment::{Endpoint, Flags, Segment};
use tcptrace_states::seq::Seq;
use tcptrace_states::time::Timestamp;
use tcptrace_states::tracker::state::{Event, Step, step};

use story::{START, observe};

const SYN: u16 = Flags::SYN;
const FIN: u16 = Flags::FIN;
const RST: u16 = Flags::RST;
const ACK: u16 = Flags::ACK;

/// What one host does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// A segment at SND.NXT with these control bits and this much payload.
    Send(u16, u32),
    /// A segment that many octets off its place, acknowledging that many octets off.
    Off(u16, u32, i32, i32),
    /// A SYN with a new ISS.
    OpenAgain(u32),
    /// A keepalive.
    Probe,
    /// An earlier segment once more, as the sender's retransmission or bit for bit.
    Repeat(prop::sample::Index, bool),
}

/// Side, act, nanoseconds since the segment before.
type Line = (bool, Act, i64);

fn act() -> impl Strategy<Value = Act> {
    let flags = prop_oneof![
        8 => Just(ACK),
        4 => Just(FIN | ACK),
        3 => Just(SYN | ACK),
        2 => Just(SYN),
        1 => Just(RST),
        1 => Just(RST | ACK),
        1 => 0_u16..64,
    ];
    let length = prop_oneof![3 => Just(0_u32), 2 => 1_u32..50, 1 => Just(1460_u32)];
    let off = prop_oneof![4 => -3_i32..4, 2 => -3000_i32..3000, 1 => any::<i32>()];
    prop_oneof![
        10 => (flags.clone(), length.clone()).prop_map(|(flags, length)| Act::Send(flags, length)),
        2 => (flags, length, off.clone(), off).prop_map(|(flags, length, seq, ack)| Act::Off(flags, length, seq, ack)),
        1 => any::<u32>().prop_map(Act::OpenAgain),
        1 => Just(Act::Probe),
        3 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, again)| Act::Repeat(which, again)),
    ]
}

fn pause() -> impl Strategy<Value = i64> {
    let ms = 1_000_000;
    prop_oneof![
        Just(0),
        Just(10_000),
        Just(ms),
        Just(12 * ms),
        Just(250 * ms),
        Just(2_000 * ms),
        Just(70_000 * ms)
    ]
}

/// The beginning of a story: nothing, or a handshake that the random part goes on from.
fn opening() -> impl Strategy<Value = Vec<Line>> {
    let open = vec![
        (false, Act::Send(SYN, 0), 0),
        (true, Act::Send(SYN | ACK, 0), 10_000_000),
        (false, Act::Send(ACK, 0), 10_000_000),
    ];
    prop_oneof![1 => Just(Vec::new()), 2 => Just(open)]
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    (
        opening(),
        prop::collection::vec((any::<bool>(), act(), pause()), 1..30),
    )
        .prop_map(|(opening, rest)| [opening, rest].concat())
}

/// Segments in the order of their capture; shown as the lines of a story.
#[derive(Clone)]
struct Story(Vec<Segment>);

impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|seg| write!(f, "\n    {}", story::line_of(seg)))
    }
}

impl std::ops::Deref for Story {
    type Target = Vec<Segment>;
    fn deref(&self) -> &Vec<Segment> {
        &self.0
    }
}

/// A story, with some neighbours exchanged. Both hosts use the same port, so that nothing tells them apart but what they
/// send.
fn stories() -> impl Strategy<Value = Story> {
    (
        lines(),
        any::<[u32; 2]>(),
        any::<bool>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    )
        .prop_map(|(lines, iss, timestamps, exchanges)| {
            let mut segments = write(&lines, iss, timestamps);
            for exchange in exchanges {
                let at = exchange.index(segments.len());
                if at > 0 {
                    segments.swap(at - 1, at);
                }
            }
            renumber(&mut segments);
            Story(segments)
        })
}

fn hosts() -> [Endpoint; 2] {
    ['C', 'S'].map(|letter| Endpoint {
        port: 7_000,
        ..story::host(letter)
    })
}

fn write(lines: &[Line], iss: [u32; 2], timestamps: bool) -> Vec<Segment> {
    let ends = hosts();
    let mut next = iss.map(Seq);
    let mut time = START;
    let mut segments: Vec<Segment> = Vec::new();
    for (side, act, pause) in lines {
        let (me, peer) = (usize::from(*side), usize::from(!*side));
        time += pause;
        let mut seg = story::segment(segments.len() as u64 + 1, time, ends[me], ends[peer], ACK);
        let (mut seq, mut ack) = (next[me], next[peer]);
        match *act {
            Act::Send(flags, length) => (seg.flags, seg.payload_len) = (Flags(flags), length),
            Act::Off(flags, length, seq_off, ack_off) => {
                (seg.flags, seg.payload_len) = (Flags(flags), length);
                (seq, ack) = (seq.plus(seq_off as u32), ack.plus(ack_off as u32));
            }
            Act::OpenAgain(iss) => {
                seg.flags = Flags(SYN);
                seq = Seq(iss);
            }
            Act::Probe => seq = seq.minus(1),
            Act::Repeat(which, again) => {
                if !segments.is_empty() {
                    let original = segments[which.index(segments.len())];
                    let ip_id = if again { original.ip_id } else { seg.ip_id };
                    segments.push(Segment {
                        time: seg.time,
                        ip_id,
                        ..original
                    });
                }
                continue;
            }
        }
        seg.seq = seq;
        if seg.flags.ack() {
            (seg.ack, seg.raw_ack) = (Some(ack), ack.0);
        }
        if timestamps {
            let clock = |time: i64| ((time - START) / 1_000_000) as u32;
            seg.options.timestamps = Some((clock(time), clock(time).saturating_sub(10)));
        }
        if !matches!(act, Act::Off(..)) && seg.seq_end().after(next[me]) || matches!(act, Act::OpenAgain(_)) {
            next[me] = seg.seq_end();
        }
        segments.push(seg);
    }
    if segments.is_empty() {
        let only = story::segment(1, START, ends[0], ends[1], ACK);
        segments.push(Segment {
            ack: Some(Seq(0)),
            ..only
        });
    }
    segments
}

/// Packet numbers and times in the order of the capture.
fn renumber(segments: &mut [Segment]) {
    let mut times: Vec<Timestamp> = segments.iter().map(|seg| seg.time).collect();
    times.sort();
    for ((seg, number), time) in segments.iter_mut().zip(1..).zip(times) {
        (seg.packet, seg.time) = (number, time);
    }
}

fn end_of(segments: &[Segment]) -> Timestamp {
    segments.iter().map(|seg| seg.time).max().expect("never empty")
}

fn told(segments: &[Segment]) -> Vec<Connection> {
    observe(segments, end_of(segments))
}

fn ends(connection: &Connection) -> [&EndpointReport; 2] {
    [&connection.endpoints.client, &connection.endpoints.server]
}

fn intervals_hold(end: &EndpointReport) -> bool {
    end.transitions.iter().all(|transition| {
        let late_enough = transition
            .earliest
            .is_none_or(|earliest| earliest <= transition.at);
        let early_enough = transition.latest.is_none_or(|latest| transition.at <= latest);
        late_enough && early_enough
    })
}

fn is_an_edge(transition: &Transition) -> bool {
    matches!(transition.evidence, Evidence::Inferred | Evidence::Timer)
        || Event::ALL
            .into_iter()
            .any(|event| step(transition.from, event) == Step::To(transition.to))
}

/// Everything that is told, as text; times from `origin`, and without the numbers of the connection itself.
fn facts(connections: &[Connection], origin: i64) -> String {
    let mut all = Vec::new();
    for connection in connections {
        let mut connection = connection.clone();
        connection.handshake.client_iss = None;
        connection.handshake.server_iss = None;
        let mut json = serde_json::to_value(&connection).expect("plain data");
        shift_times(&mut json, origin);
        all.push(json);
    }
    serde_json::to_string_pretty(&all).expect("plain data")
}

/// Every moment in the contract becomes a number of nanoseconds since `origin`.
fn shift_times(value: &mut serde_json::Value, origin: i64) {
    match value {
        serde_json::Value::String(text) => {
            if let Ok(moment) = text.parse::<jiff::Timestamp>() {
                let ns = moment.as_nanosecond() - i128::from(origin);
                *value = i64::try_from(ns).expect("within a century").into();
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| shift_times(item, origin)),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(|field| shift_times(field, origin)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

fn json<T: serde::Serialize>(part: &T) -> String {
    serde_json::to_string_pretty(part).expect("plain data")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn an_endpoint_moves_along_the_edges_of_the_relation(segments in stories()) {
        for connection in told(&segments) {
            for end in ends(&connection) {
                let mut state = None;
                for transition in &end.transitions {
                    prop_assert!(is_an_edge(transition), "{transition:?}");
                    prop_assert_ne!(transition.from, transition.to);
                    // A listener that is not seen to listen was CLOSED as far as the capture shows.
                    let begins_again = transition.from == State::Listen && state == Some(State::Closed);
                    prop_assert!(
                        state.is_none_or(|state| state == transition.from) || begins_again,
                        "{:?}", end.transitions
                    );
                    state = Some(transition.to);
                }
                if let Some(state) = state {
                    prop_assert_eq!(end.state, state);
                }
            }
        }
    }

    #[test]
    fn an_interval_holds_its_best_estimate(segments in stories()) {
        for end in told(&segments).iter().flat_map(ends) {
            prop_assert!(intervals_hold(end), "{:?}", end.transitions);
        }
    }

    #[test]
    fn every_packet_belongs_to_one_endpoint(segments in stories()) {
        let connections = told(&segments);
        let counted: u64 = connections.iter().flat_map(ends).map(|end| end.packets).sum();
        prop_assert_eq!(counted, segments.len() as u64);
        let bytes: u64 = connections.iter().flat_map(ends).map(|end| end.payload_bytes).sum();
        prop_assert_eq!(bytes, segments.iter().map(|seg| u64::from(seg.payload_len)).sum::<u64>());
        for (connection, id) in connections.iter().zip(1..) {
            prop_assert_eq!(connection.id, id);
            prop_assert!(connection.first_packet <= connection.last_packet);
        }
    }

    #[test]
    fn evidence_names_packets_that_are_there(segments in stories()) {
        let last = segments.len() as u64;
        for connection in told(&segments) {
            for transition in ends(&connection).into_iter().flat_map(|end| &end.transitions) {
                let timer = transition.evidence == Evidence::Timer;
                prop_assert_eq!(transition.packet.is_none(), timer);
                prop_assert!(transition.packet.is_none_or(|packet| (1..=last).contains(&packet)));
                let proven = matches!(transition.evidence, Evidence::Sent | Evidence::Confirmed);
                prop_assert!(!proven || transition.proven_by.is_some(), "{transition:?}");
            }
        }
    }

    #[test]
    fn only_differences_of_numbers_matter(segments in stories(), shift: [u32; 2]) {
        let shifted: Vec<Segment> = segments
            .iter()
            .map(|seg| {
                let (own, other) = if seg.source == hosts()[0] { (0, 1) } else { (1, 0) };
                let ack = seg.ack.map(|ack| ack.plus(shift[other]));
                Segment {
                    seq: seg.seq.plus(shift[own]),
                    ack,
                    raw_ack: ack.map_or(seg.raw_ack, |ack| ack.0),
                    ..*seg
                }
            })
            .collect();
        prop_assert_eq!(facts(&told(&segments), START), facts(&told(&shifted), START));
    }

    #[test]
    fn only_differences_of_times_matter(segments in stories(), microseconds in -1_000_000_000_000_i64..1_000_000_000_000) {
        let shift = microseconds * 1_000;
        let shifted: Vec<Segment> = segments
            .iter()
            .map(|seg| Segment { time: seg.time.plus(shift), ..*seg })
            .collect();
        prop_assert_eq!(facts(&told(&segments), START), facts(&told(&shifted), START + shift));
    }

    #[test]
    fn it_does_not_matter_who_has_which_address(segments in stories()) {
        let [a, b] = hosts();
        let other = |end: Endpoint| if end == a { b } else { a };
        let exchanged: Vec<Segment> = segments
            .iter()
            .map(|seg| Segment { source: other(seg.source), destination: other(seg.destination), ..*seg })
            .collect();
        let mut connections = told(&exchanged);
        for connection in &mut connections {
            std::mem::swap(&mut connection.client, &mut connection.server);
        }
        prop_assert_eq!(facts(&told(&segments), START), facts(&connections, START));
    }

    #[test]
    fn clocks_that_jump_are_survived(segments in stories(), jumps in prop::collection::vec(any::<i64>(), 1..30)) {
        let jumping: Vec<Segment> = segments
            .iter()
            .zip(jumps.iter().cycle())
            .map(|(seg, jump)| Segment { time: Timestamp::from_ns(*jump), ..*seg })
            .collect();
        let connections = told(&jumping);
        let counted: u64 = connections.iter().flat_map(ends).map(|end| end.packets).sum();
        prop_assert_eq!(counted, segments.len() as u64);
        for end in connections.iter().flat_map(ends) {
            prop_assert!(end.dwell_ns.iter().all(|(_, ns)| ns >= 0));
            prop_assert!(intervals_hold(end), "{:?}", end.transitions);
        }
    }

    #[test]
    fn any_segment_is_survived(
        raw in prop::collection::vec((any::<[bool; 2]>(), 0_u16..512, any::<[u32; 2]>(), any::<u16>(), 0_u32..70_000, 0_i64..3_000_000_000), 1..40)
    ) {
        let ends = hosts();
        let segments: Vec<Segment> = raw
            .iter()
            .zip(1..)
            .map(|((sides, flags, [seq, ack], window, length, time), packet)| {
                let mut seg = story::segment(packet, START + time, ends[usize::from(sides[0])], ends[usize::from(!sides[0])], *flags);
                (seg.seq, seg.window, seg.payload_len) = (Seq(*seq), *window, *length);
                seg.ack = seg.flags.ack().then_some(Seq(*ack));
                seg.raw_ack = *ack;
                seg
            })
            .collect();
        let _ = told(&segments);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Unless both files begin in the same nanosecond: those are taken for two taps, where a segment that both hold counts
    /// once.
    #[test]
    fn a_capture_in_two_files_is_the_same_capture(segments in stories(), cut: prop::sample::Index) {
        let frames: Vec<_> = segments.iter().map(|seg| (seg.time, story::frame(seg))).collect();
        let (first, second) = frames.split_at(cut.index(frames.len() + 1));
        let begin = [first, second].map(|file| file.first().map(|(time, _)| *time));
        prop_assume!(begin[0].is_none() || begin[0] != begin[1]);
        let whole = story::analyze_bytes(&[story::pcap(&frames)]);
        let parts = story::analyze_bytes(&[story::pcap(first), story::pcap(second)]);
        prop_assert_eq!(json(&whole.connections), json(&parts.connections));
        prop_assert_eq!(json(&whole.summary), json(&parts.summary));
        prop_assert_eq!(facts(&told(&segments), START), facts(&whole.connections, START));
    }
}
