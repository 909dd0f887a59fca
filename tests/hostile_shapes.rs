//! Shapes that an attacker, a broken clock or a broken host gives a capture: the answer stays right, and what is kept of it
//! stays small. Lies of the file formats themselves are in `tests/damage.rs`.
//!
//! `TCPTRACE_STATES_MUTATIONS` makes the long ones longer: so many segments in place of 60,000.

mod captures;
mod story;

use std::fmt::Write as _;

use captures::{Little, enhanced, interface, option, section};
use story::{SECOND, START, host, observe, segment};
use tcptrace_states::model::{Connection, EndpointReport};
use tcptrace_states::segment::{Endpoint, Flags, Segment};
use tcptrace_states::seq::Seq;
use tcptrace_states::time::Timestamp;

const SYN: u16 = Flags::SYN;
const RST: u16 = Flags::RST;
const ACK: u16 = Flags::ACK;

fn many() -> u64 {
    let told = std::env::var("TCPTRACE_STATES_MUTATIONS").ok();
    let told = told.map_or(0, |text| {
        text.parse().expect("TCPTRACE_STATES_MUTATIONS is a number")
    });
    told.max(60_000)
}

fn ends(connection: &Connection) -> [&EndpointReport; 2] {
    [&connection.endpoints.client, &connection.endpoints.server]
}

fn at_microsecond(packet: u64, from: char, flags: u16, seq: u32, ack: u32) -> Segment {
    let [source, destination] = if from == 'C' { ['C', 'S'] } else { ['S', 'C'] }.map(host);
    let mut seg = segment(packet, START + packet as i64 * 1_000, source, destination, flags);
    seg.seq = Seq(seq);
    seg.raw_ack = ack;
    seg.ack = seg.flags.ack().then_some(Seq(ack));
    seg
}

fn told(segments: &[Segment]) -> Vec<Connection> {
    let end = segments.iter().map(|seg| seg.time).max().expect("some segments");
    let connections = observe(segments, end);
    let all = || connections.iter().flat_map(ends);
    assert_eq!(
        all().map(|end| end.packets).sum::<u64>(),
        segments.len() as u64,
        "every segment is counted"
    );
    for end in all() {
        assert!(
            end.transitions.len() <= 257,
            "{} transitions",
            end.transitions.len()
        );
        assert!(end.withdrawn.len() <= 64, "{} withdrawn", end.withdrawn.len());
    }
    for connection in &connections {
        assert!(
            connection.events.len() <= 8 * 2 * 64,
            "{} events",
            connection.events.len()
        );
        assert!(
            connection
                .findings
                .iter()
                .all(|finding| finding.packets.len() <= 64)
        );
    }
    connections
}

#[test]
fn a_syn_that_is_reset_again_and_again() {
    // The same SYN each time: one attempt, refused; not as many connections.
    let segments: Vec<Segment> = (0..many() / 2)
        .flat_map(|round| {
            let packet = round * 2 + 1;
            [
                at_microsecond(packet, 'C', SYN, 100, 0),
                at_microsecond(packet + 1, 'S', RST | ACK, 0, 101),
            ]
        })
        .collect();
    let connections = told(&segments);
    let written = serde_json::to_string(&connections).expect("plain data");
    assert!(
        connections.len() == 1 && written.len() < 200_000,
        "{} connections, {} octets",
        connections.len(),
        written.len()
    );
}

#[test]
fn an_open_connection_that_is_reset_and_opened_again() {
    let segments: Vec<Segment> = (0..many() / 4)
        .flat_map(|round| {
            let (packet, iss) = (round * 4 + 1, round as u32 * 70_000);
            [
                at_microsecond(packet, 'C', SYN, iss, 0),
                at_microsecond(packet + 1, 'S', SYN | ACK, iss, iss.wrapping_add(1)),
                at_microsecond(packet + 2, 'C', ACK, iss.wrapping_add(1), iss.wrapping_add(1)),
                at_microsecond(packet + 3, 'C', RST, iss.wrapping_add(1), 0),
            ]
        })
        .collect();
    let connections = told(&segments);
    assert_eq!(connections.len() as u64, many() / 4, "each is one of its own");
    assert_eq!(
        connections.last().map(|last| u64::from(last.incarnation)),
        Some(many() / 4 - 1)
    );
}

#[test]
fn every_second_segment_is_missing() {
    // What comes behind a gap is kept as ranges, of which there are few.
    let data = |number: u64| {
        let mut seg = at_microsecond(number + 4, 'C', ACK, 101 + number as u32 * 200, 301);
        seg.payload_len = 100;
        seg
    };
    let (mut segments, _) = story::read("open");
    segments.extend((1..many()).map(data));
    for (seg, packet) in segments.iter_mut().zip(1..) {
        (seg.packet, seg.time) = (packet, Timestamp::from_ns(START + packet as i64 * 1_000));
    }
    let connections = told(&segments);
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].endpoints.client.payload_bytes, (many() - 1) * 100);
}

#[test]
fn all_control_bits_in_every_state() {
    // Each combination after each beginning of a connection, from both sides.
    let (story, _) = story::read("closed");
    let mut checked = 0;
    for length in 0..=story.len() {
        for flags in 0..0x200 {
            for from in ['C', 'S'] {
                let mut segments = story[..length].to_vec();
                let next = |letter: char| {
                    let own = story[..length]
                        .iter()
                        .rev()
                        .find(|seg| seg.source == host(letter));
                    own.map_or(50, |seg| seg.seq_end().0)
                };
                let peer = if from == 'C' { 'S' } else { 'C' };
                let time = segments.last().map_or(START, |seg| seg.time.ns() + 1_000_000);
                let [source, destination] = [from, peer].map(host);
                let mut seg = segment(length as u64 + 1, time, source, destination, flags);
                seg.seq = Seq(next(from));
                seg.raw_ack = next(peer);
                seg.ack = seg.flags.ack().then_some(Seq(seg.raw_ack));
                segments.push(seg);
                checked += told(&segments).len().min(1);
            }
        }
    }
    assert_eq!(checked, 8 * 0x200 * 2);
}

#[test]
fn numbers_wrap_anywhere() {
    // The same story, whatever numbers it begins with: also those that wrap in its middle.
    let (story, end) = story::read("closed");
    let shape = |connections: Vec<Connection>| {
        let states = |end: &EndpointReport| {
            end.transitions
                .iter()
                .map(|t| (t.to, t.packet))
                .collect::<Vec<_>>()
        };
        connections
            .iter()
            .map(|one| (one.outcome, ends(one).map(states)))
            .collect::<Vec<_>>()
    };
    let expected = shape(observe(&story, end));
    let client: Endpoint = host('C');
    for client_shift in [
        0,
        0u32.wrapping_sub(100),
        0u32.wrapping_sub(101),
        0u32.wrapping_sub(102),
        1 << 31,
        u32::MAX,
    ] {
        for server_shift in [
            0,
            0u32.wrapping_sub(300),
            0u32.wrapping_sub(301),
            0u32.wrapping_sub(302),
            1 << 31,
        ] {
            let shifted: Vec<Segment> = story
                .iter()
                .map(|seg| {
                    let own = seg.source == client;
                    let (seq, ack) = if own {
                        (client_shift, server_shift)
                    } else {
                        (server_shift, client_shift)
                    };
                    Segment {
                        seq: seg.seq.plus(seq),
                        ack: seg.ack.map(|number| number.plus(ack)),
                        raw_ack: seg.raw_ack.wrapping_add(if seg.ack.is_some() { ack } else { 0 }),
                        ..*seg
                    }
                })
                .collect();
            assert_eq!(
                shape(observe(&shifted, end)),
                expected,
                "{client_shift} {server_shift}"
            );
        }
    }
}

#[test]
fn shift_counts_beyond_14_count_as_14() {
    // RFC 7323 section 2.3. A shift of 255 must not shift a window by 255 bits.
    let mut of_14 = None;
    for shift in [14, 15, 32, 63, 64, 255] {
        let mut segments = story::read("closed").0;
        for seg in &mut segments {
            seg.options.window_scale = seg.flags.syn().then_some(shift);
        }
        let frames: Vec<_> = segments.iter().map(|seg| (seg.time, story::frame(seg))).collect();
        let analysis = story::analyze_bytes(&[story::pcap(&frames)]);
        let [connection] = &analysis.connections[..] else {
            panic!("{} connections", analysis.connections.len())
        };
        let offered = connection
            .handshake
            .client_options
            .as_ref()
            .and_then(|options| options.window_scale);
        assert_eq!(offered, Some(shift), "as it was sent");
        let told = serde_json::to_value((&connection.endpoints, &connection.events)).expect("plain data");
        assert_eq!(of_14.get_or_insert_with(|| told.clone()), &told, "{shift}");
    }
}

/// A close as a capture whose clocks are at fault: interfaces as `(if_tsresol, if_tsoffset)`, and for each of the seven
/// packets its interface and its time in the units of that.
struct Clock {
    name: &'static str,
    interfaces: &'static [(u8, i64)],
    packet: fn(u64) -> (u32, u64),
}

const NANOSECONDS: &[(u8, i64)] = &[(9, 0)];
const MICROSECONDS: &[(u8, i64)] = &[(6, 0)];
const BASE: u64 = START as u64;
const S: u64 = SECOND as u64;
const YEAR: u64 = 31_557_600 * S;

const CLOCKS: [Clock; 40] = [
    Clock {
        name: "steady, 1 s",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n * S),
    },
    Clock {
        name: "steady, 1 ns",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n),
    },
    Clock {
        name: "all equal",
        interfaces: NANOSECONDS,
        packet: |_| (0, BASE),
    },
    Clock {
        name: "all zero",
        interfaces: NANOSECONDS,
        packet: |_| (0, 0),
    },
    Clock {
        name: "from zero",
        interfaces: NANOSECONDS,
        packet: |n| (0, n * S),
    },
    Clock {
        name: "one packet at zero",
        interfaces: NANOSECONDS,
        packet: |n| (0, if n == 3 { 0 } else { BASE + n * S }),
    },
    Clock {
        name: "first packet at zero",
        interfaces: NANOSECONDS,
        packet: |n| (0, if n == 0 { 0 } else { BASE + n * S }),
    },
    Clock {
        name: "last packet at zero",
        interfaces: NANOSECONDS,
        packet: |n| (0, if n == 6 { 0 } else { BASE + n * S }),
    },
    Clock {
        name: "across 2038",
        interfaces: NANOSECONDS,
        packet: |n| (0, (0x7fff_fffd + n) * S),
    },
    Clock {
        name: "across 2106",
        interfaces: NANOSECONDS,
        packet: |n| (0, (0xffff_fffd + n) * S),
    },
    Clock {
        name: "32 bits of seconds wrap",
        interfaces: NANOSECONDS,
        packet: |n| (0, ((0xffff_fffd + n) & 0xffff_ffff) * S),
    },
    Clock {
        name: "31 bits of seconds wrap",
        interfaces: NANOSECONDS,
        packet: |n| (0, ((0x7fff_fffd + n) & 0x7fff_ffff) * S),
    },
    Clock {
        name: "up to the end of time",
        interfaces: NANOSECONDS,
        packet: |n| (0, i64::MAX as u64 - (6 - n)),
    },
    Clock {
        name: "beyond the end of time",
        interfaces: NANOSECONDS,
        packet: |n| (0, i64::MAX as u64 - 3 + n),
    },
    Clock {
        name: "all bits set",
        interfaces: NANOSECONDS,
        packet: |_| (0, u64::MAX),
    },
    Clock {
        name: "one packet with all bits set",
        interfaces: NANOSECONDS,
        packet: |n| (0, if n == 3 { u64::MAX } else { BASE + n * S }),
    },
    Clock {
        name: "end of time, then zero",
        interfaces: NANOSECONDS,
        packet: |n| (0, if n % 2 == 0 { u64::MAX } else { 0 }),
    },
    Clock {
        name: "backwards, 1 ns a packet",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE - n),
    },
    Clock {
        name: "backwards, 1 s a packet",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE - n * S),
    },
    Clock {
        name: "backwards, a year a packet",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE - n * YEAR),
    },
    Clock {
        name: "a step of -1 us",
        interfaces: NANOSECONDS,
        packet: |n| {
            (
                0,
                if n < 4 {
                    BASE + n * S
                } else {
                    BASE + 3 * S - 1_000 + (n - 4) * S
                },
            )
        },
    },
    Clock {
        name: "a step of -500 ms (NTP)",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n * S - if n < 4 { 0 } else { 3 * S / 2 }),
    },
    Clock {
        name: "a step of -1 h",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n * S - if n < 4 { 0 } else { 3_600 * S }),
    },
    Clock {
        name: "a step of +1 h",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n * S + if n < 4 { 0 } else { 3_600 * S }),
    },
    Clock {
        name: "a step of +10 years",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n * S + if n < 4 { 0 } else { 10 * YEAR }),
    },
    Clock {
        name: "a step back inside the handshake",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n * S - if n < 1 { 0 } else { 3 * S }),
    },
    Clock {
        name: "a step back before the last ACK",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n * S - if n < 6 { 0 } else { 30 * S }),
    },
    Clock {
        name: "a leap second, repeated",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + n.min(3) * S + n.saturating_sub(4) * S),
    },
    Clock {
        name: "there and back",
        interfaces: NANOSECONDS,
        packet: |n| (0, BASE + if n % 2 == 0 { 0 } else { S }),
    },
    Clock {
        name: "microseconds",
        interfaces: MICROSECONDS,
        packet: |n| (0, (BASE + n * S) / 1_000),
    },
    Clock {
        name: "nanoseconds said to be microseconds",
        interfaces: MICROSECONDS,
        packet: |n| (0, BASE + n * S),
    },
    Clock {
        name: "microseconds said to be nanoseconds",
        interfaces: NANOSECONDS,
        packet: |n| (0, (BASE + n * S) / 1_000),
    },
    Clock {
        name: "seconds",
        interfaces: &[(0, 0)],
        packet: |n| (0, BASE / S + n),
    },
    Clock {
        name: "2^-32 s",
        interfaces: &[(0x80 | 32, 0)],
        packet: |n| (0, ((BASE / S) << 32) + (n << 30)),
    },
    Clock {
        name: "2^-127 s",
        interfaces: &[(0xff, 0)],
        packet: |n| (0, u64::MAX - n),
    },
    Clock {
        name: "10^-127 s",
        interfaces: &[(0x7f, 0)],
        packet: |n| (0, u64::MAX - n),
    },
    Clock {
        name: "an offset before all time",
        interfaces: &[(9, i64::MIN)],
        packet: |n| (0, BASE + n * S),
    },
    Clock {
        name: "an offset behind all time",
        interfaces: &[(9, i64::MAX)],
        packet: |n| (0, BASE + n * S),
    },
    Clock {
        name: "two interfaces, two resolutions",
        interfaces: &[(9, 0), (6, 0)],
        packet: |n| (n as u32 % 2, (BASE + n * S) / if n % 2 == 0 { 1 } else { 1_000 }),
    },
    Clock {
        name: "two interfaces, clocks 5 s apart",
        interfaces: &[(9, 0), (9, -5)],
        packet: |n| (n as u32 % 2, BASE + n * S),
    },
];

#[test]
fn clocks_at_fault() {
    let (story, _) = story::read("closed");
    let mut all = String::new();
    for clock in &CLOCKS {
        let interfaces = clock.interfaces.iter().map(|(resolution, offset)| {
            let options = [
                option(Little, 9, &[*resolution]),
                option(Little, 14, &Little.u64(*offset as u64)),
            ];
            interface(Little, 1, 0, &options.concat())
        });
        let packets = story.iter().zip(0..).map(|(seg, number)| {
            let (interface, time) = (clock.packet)(number);
            let frame = story::frame(seg);
            enhanced(
                Little,
                interface,
                time,
                frame.len() as u32,
                frame.len() as u32,
                &frame,
            )
        });
        let file: Vec<Vec<u8>> = [section(Little)]
            .into_iter()
            .chain(interfaces)
            .chain(packets)
            .collect();
        let analysis = story::analyze_bytes(&[file.concat()]);
        let (capture, [connection]) = (&analysis.capture, &analysis.connections[..]) else {
            panic!("{}: {} connections", clock.name, analysis.connections.len())
        };
        assert_eq!((capture.packets, capture.tcp_segments), (7, 7), "{}", clock.name);
        assert_eq!(connection.outcome.name(), "closed", "{}", clock.name);
        for end in ends(connection) {
            assert!(end.dwell_ns.iter().all(|(_, ns)| ns >= 0), "{}", clock.name);
            for transition in &end.transitions {
                assert!(
                    transition
                        .earliest
                        .is_none_or(|earliest| earliest <= transition.at),
                    "{}",
                    clock.name
                );
                assert!(
                    transition.latest.is_none_or(|latest| transition.at <= latest),
                    "{}",
                    clock.name
                );
            }
        }
        let moment = |time: Option<Timestamp>| time.map_or("-".to_owned(), |time| time.to_string());
        let dwell = |end: &EndpointReport| {
            let states = end.dwell_ns.iter().map(|(state, ns)| format!("{state} {ns}"));
            states.collect::<Vec<_>>().join(", ")
        };
        let _ = writeln!(
            all,
            "{}\n    {} to {}, steps back {}, longest {}\n    half-close {:?}, round trip {:?}\n    client: {}\n    server: {}",
            clock.name,
            moment(capture.first_time),
            moment(capture.last_time),
            capture.time_steps_back,
            connection.quality.longest_step_back_ns,
            connection.close.half_close_ns,
            connection.handshake.rtt_ns,
            dwell(&connection.endpoints.client),
            dwell(&connection.endpoints.server),
        );
    }
    insta::assert_snapshot!(all);
}
