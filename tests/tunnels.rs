//! Equal 4-tuples in different tunnels, and segments in fragments, from the capture file to the views.

mod captures;

use std::path::PathBuf;

use captures::{Little, MICRO, pcap_header, pcap_packet};
use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::{Analysis, State};
use tcptrace_states::report::look::{Look, Rows, SequenceNumbers};
use tcptrace_states::report::{csv, ladder};

const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const ACK: u8 = 0x10;

/// A segment between 10.1.0.1:40000 (`from` 0) and 10.1.0.2:80 (`from` 1).
fn segment(from: u8, seq: u32, ack: u32, flags: u8) -> Vec<u8> {
    let ports = if from == 0 { [40_000u16, 80] } else { [80, 40_000] };
    let tcp = [
        ports.map(u16::to_be_bytes).concat(),
        [seq, ack].map(u32::to_be_bytes).concat(),
        vec![0x50, flags, 0x20, 0, 0, 0, 0, 0],
    ];
    ip(6, [10, 1, 0, 1 + from], [10, 1, 0, 2 - from], 0, &tcp.concat())
}

fn ip(protocol: u8, source: [u8; 4], destination: [u8; 4], split: u16, payload: &[u8]) -> Vec<u8> {
    let [high, low] = ((payload.len() + 20) as u16).to_be_bytes();
    let [split_high, split_low] = split.to_be_bytes();
    let header = [
        0x45, 0, high, low, 0, 1, split_high, split_low, 64, protocol, 0, 0,
    ];
    [&header[..], &source, &destination, payload].concat()
}

/// The packet in VXLAN between 10.0.0.1 and 10.0.0.2, in the direction of the packet.
fn vxlan(network: u8, from: u8, packet: &[u8]) -> Vec<u8> {
    let udp = [0xc0, 0, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, network, 0];
    let ethernet = [&[2u8; 12][..], &[8, 0]].concat();
    let payload = [&udp[..], &ethernet, packet].concat();
    ip(17, [10, 0, 0, 1 + from], [10, 0, 0, 2 - from], 0, &payload)
}

fn handshake(iss: u32) -> [(u8, Vec<u8>); 3] {
    [
        (0, segment(0, iss, 0, SYN)),
        (1, segment(1, 9_000, iss + 1, SYN_ACK)),
        (0, segment(0, iss + 1, 9_001, ACK)),
    ]
}

/// What the program makes of these IP packets, one a second.
fn analysis_of(name: &str, packets: &[Vec<u8>]) -> Analysis {
    let mut file = pcap_header(Little, MICRO, (2, 4), 65_535, 101);
    for (second, packet) in packets.iter().enumerate() {
        file.extend(pcap_packet(Little, second as u32, 0, packet.len() as u32, packet));
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, file).expect("space beside the build");
    let settings = Settings {
        files: vec![path],
        time_wait_ns: 60_000_000_000,
        ladder: LadderRequest::All,
        limits: Default::default(),
        findings: Default::default(),
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).expect("a capture")
}

#[test]
fn equal_tuples_in_two_tunnels_and_outside_are_three_connections() {
    let mut packets = Vec::new();
    for index in 0..3 {
        for (network, iss) in [(7, 100), (8, 5_000)] {
            let (from, packet) = &handshake(iss)[index];
            packets.push(vxlan(network, *from, packet));
        }
        packets.push(handshake(70_000)[index].1.clone());
    }
    let analysis = analysis_of("tunnels.pcap", &packets);
    assert_eq!(analysis.capture.tcp_segments, 9);
    let tunnels: Vec<&[String]> = analysis
        .connections
        .iter()
        .map(|connection| &connection.tunnels[..])
        .collect();
    let in_7 = ["vxlan 7 10.0.0.1-10.0.0.2".to_owned()];
    let in_8 = ["vxlan 8 10.0.0.1-10.0.0.2".to_owned()];
    assert_eq!(tunnels, [&in_7[..], &in_8[..], &[]]);
    for connection in &analysis.connections {
        assert_eq!(connection.endpoints.client.state, State::Established);
        assert_eq!(connection.endpoints.server.state, State::Established);
    }

    let look = Look {
        width: 100,
        rows: Rows::All,
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    };
    let mut screen = Vec::new();
    ladder::write(&mut screen, &analysis, &analysis.connections[0], &look).expect("a Vec takes everything");
    let screen = String::from_utf8(screen).expect("UTF-8");
    assert!(screen.contains("in vxlan 7 10.0.0.1-10.0.0.2"), "{screen}");
    let mut table = Vec::new();
    csv::write(&mut table, &analysis).expect("a Vec takes everything");
    let table = String::from_utf8(table).expect("UTF-8");
    assert!(
        table
            .lines()
            .next()
            .is_some_and(|names| names.ends_with(",tunnels"))
    );
    assert!(table.contains(",vxlan 8 10.0.0.1-10.0.0.2"), "{table}");
    let json = serde_json::to_value(&analysis).expect("JSON");
    assert_eq!(json["connections"][1]["tunnels"], serde_json::json!(in_8));
    assert!(json["connections"][2].get("tunnels").is_none());
}

#[test]
fn a_segment_in_fragments_counts_at_the_last_one() {
    const MORE: u16 = 0x2000;
    let [(_, syn), (_, syn_ack), (_, ack)] = handshake(100);
    let tcp = &syn_ack[20..];
    let first = ip(6, [10, 1, 0, 2], [10, 1, 0, 1], MORE, &tcp[..8]);
    let last = ip(6, [10, 1, 0, 2], [10, 1, 0, 1], 1, &tcp[8..]);
    let analysis = analysis_of("fragments.pcap", &[syn, last, first, ack]);
    let [connection] = &analysis.connections[..] else {
        panic!("{} connections", analysis.connections.len());
    };
    assert_eq!(connection.handshake.syn_ack_packet, Some(3));
    assert_eq!(connection.endpoints.client.state, State::Established);
    let skipped = analysis.capture.skipped.get("ip-fragment");
    assert_eq!(skipped.copied(), Some(1));
}
