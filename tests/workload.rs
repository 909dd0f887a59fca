//! The captures that speed is measured with are what their maker says: every connection is found, with its ending and its
//! counts.

#[path = "../benches/workload/mod.rs"]
mod workload;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tcptrace_states::analyze::{Settings, analyze};
use tcptrace_states::model::{Address, Analysis, Severity};
use workload::{Ending, Format, Made, Shape, Told, write};

/// What both sides must agree on for one connection.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    outcome: &'static str,
    packets: [u64; 2],
    payload: [u64; 2],
    again: [u64; 2],
}

fn made(name: &str, shape: &Shape, format: Format) -> (Made, Vec<Told>, Analysis) {
    let file = tempfile::NamedTempFile::with_prefix(name).expect("a temporary file");
    let mut all = Vec::new();
    let out = std::io::BufWriter::new(file.as_file());
    let made = write(shape, 7, format, out, &mut |told| all.push(told.clone())).expect("room");
    let octets = file.as_file().metadata().expect("it is ours").len();
    assert_eq!(made.octets, octets);
    let settings = Settings {
        files: vec![file.path().to_owned()],
        ..Settings::default()
    };
    (made, all, analyze(&settings, &mut |_| {}).expect("a capture"))
}

fn small(shape: &Shape, connections: u64, at_once: u64) -> Shape {
    Shape {
        connections,
        at_once,
        ..*shape
    }
}

fn told(all: &[Told]) -> BTreeMap<[SocketAddr; 2], Facts> {
    let facts = |one: &Told| Facts {
        outcome: one.ending.outcome(),
        packets: one.packets,
        payload: one.payload,
        again: one.again,
    };
    all.iter().map(|one| (one.ends, facts(one))).collect()
}

fn found(analysis: &Analysis) -> BTreeMap<[SocketAddr; 2], Facts> {
    let address = |end: Address| SocketAddr::new(end.ip, end.port);
    let all = analysis.connections.iter().map(|connection| {
        let ends = [&connection.endpoints.client, &connection.endpoints.server];
        let facts = Facts {
            outcome: connection.outcome.name(),
            packets: ends.map(|end| end.packets),
            payload: ends.map(|end| end.payload_bytes),
            again: ends.map(|end| end.retransmitted_segments),
        };
        ([connection.client, connection.server].map(address), facts)
    });
    all.collect()
}

#[test]
fn what_is_made_is_found() {
    let shapes = [
        ("mixed", small(&Shape::MIXED, 3_000, 100)),
        ("headers", small(&Shape::HEADERS, 2_000, 300)),
        ("shortflows", small(&Shape::SHORT_FLOWS, 2_000, 50)),
        ("synflood", small(&Shape::SYN_FLOOD, 5_000, 1)),
        ("longtail", small(&Shape::LONG_TAIL, 1_000, 1_000)),
        (
            "elephants",
            Shape {
                response: (400_000, 0),
                ..small(&Shape::ELEPHANTS, 3, 3)
            },
        ),
    ];
    for (name, shape) in shapes {
        for format in [Format::Pcap, Format::Pcapng] {
            let (made, all, analysis) = made(name, &shape, format);
            let capture = &analysis.capture;
            let said = format!("{name} as {format:?}");
            assert!(
                capture.complete && capture.missed_bytes == 0,
                "{said}: {capture:?}"
            );
            assert_eq!(made.packets, capture.packets, "{said}");
            assert_eq!(made.connections, shape.connections, "{said}");
            assert_eq!(made.connections, analysis.connections.len() as u64, "{said}");
            let (told, found) = (told(&all), found(&analysis));
            assert_eq!(
                told.len() as u64,
                made.connections,
                "{said}: no two have the same addresses"
            );
            for (ends, told) in &told {
                assert_eq!(Some(told), found.get(ends), "{said}: {ends:?}");
            }
            let errors = analysis.connections.iter().flat_map(|one| &one.findings);
            let errors: Vec<_> = errors.filter(|one| one.severity == Severity::Error).collect();
            assert!(errors.is_empty(), "{said}: {errors:?}");
        }
    }
}

#[test]
fn all_that_is_mixed_comes_up() {
    let (_, all, analysis) = made("mixed", &small(&Shape::MIXED, 3_000, 100), Format::Pcap);
    for ending in Ending::ALL {
        let wanted = Shape::MIXED.endings[ending as usize] > 0;
        assert_eq!(wanted, all.iter().any(|one| one.ending == ending), "{ending:?}");
    }
    assert!(all.iter().any(|one| one.again[0] > 0) && all.iter().any(|one| one.again[1] > 0));
    assert!(analysis.connections.iter().any(|one| one.client.ip.is_ipv6()));
    assert!(analysis.connections.iter().any(|one| !one.vlans.is_empty()));
    assert!(analysis.capture.packets > analysis.capture.tcp_segments + 1_000);
}

#[test]
fn only_headers_are_kept_where_that_is_wanted() {
    let (_, _, analysis) = made("cut", &small(&Shape::HEADERS, 200, 50), Format::Pcap);
    let capture = &analysis.capture;
    assert_eq!(capture.snap_length, Some(96));
    assert!(capture.cut_segments > 500, "{capture:?}");
}

#[test]
fn the_same_seed_makes_the_same_octets() {
    let shape = small(&Shape::MIXED, 200, 20);
    let octets = |seed| {
        let mut out = Vec::new();
        write(&shape, seed, Format::Pcapng, &mut out, &mut |_| {}).expect("a Vec takes everything");
        out
    };
    assert_eq!(octets(1), octets(1));
    assert_ne!(octets(1), octets(2));
}
