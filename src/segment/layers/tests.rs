//! Each layer by itself (`links`, `tunnels`), mixed nests and their bound, and any bytes.

mod links;
mod tunnels;

use super::*;
use crate::capture::Frame;
use crate::segment::{Decoder, Segment};
use crate::time::Timestamp;
use proptest::prelude::*;

fn tcp() -> Vec<u8> {
    vec![
        3, 0xe8, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0,
    ]
}

/// An IPv4 packet between 10.0.0.`last`[0] and 10.0.0.`last`[1].
fn v4(protocol: u8, last: [u8; 2], payload: Vec<u8>) -> Vec<u8> {
    let [high, low] = ((payload.len() + 20) as u16).to_be_bytes();
    let header = [
        0x45, 0, high, low, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, last[0], 10, 0, 0, last[1],
    ];
    [&header[..], &payload].concat()
}

fn v6(next: u8, payload: Vec<u8>) -> Vec<u8> {
    let [high, low] = (payload.len() as u16).to_be_bytes();
    let mut header = [0u8; 40];
    header[..8].copy_from_slice(&[0x60, 0, 0, 0, high, low, next, 63]);
    (header[23], header[39]) = (1, 2);
    [&header[..], &payload].concat()
}

/// The packet that all these tests look for.
fn inner() -> Vec<u8> {
    v4(6, [1, 2], tcp())
}

fn ethertype(number: u16, payload: Vec<u8>) -> Vec<u8> {
    [&number.to_be_bytes()[..], &payload].concat()
}

fn ethernet(number: u16, payload: Vec<u8>) -> Vec<u8> {
    [vec![0x02; 12], ethertype(number, payload)].concat()
}

fn udp(source: u16, destination: u16, payload: Vec<u8>) -> Vec<u8> {
    let length = (payload.len() + 8) as u16;
    let words = [source, destination, length, 0].map(u16::to_be_bytes).concat();
    v4(17, [9, 8], [words, payload].concat())
}

fn after(header: &[u8], payload: Vec<u8>) -> Vec<u8> {
    [header, &payload].concat()
}

fn snap(oui: [u8; 3], number: u16, payload: Vec<u8>) -> Vec<u8> {
    [&[0xaa, 0xaa, 3][..], &oui, &ethertype(number, payload)].concat()
}

fn vxlan(network: u8, payload: Vec<u8>) -> Vec<u8> {
    udp(50_000, 4789, after(&[8, 0, 0, 0, 0, 0, network, 0], payload))
}

fn wlan(control: u8, flags: u8, rest: &[u8], payload: Vec<u8>) -> Vec<u8> {
    [&[control, flags][..], &[0; 22], rest, &payload].concat()
}

fn read(link: u32, bytes: &[u8]) -> Result<(Segment, String), Skip> {
    let mut decoder = Decoder::default();
    let segment = *decoder.decode(&Frame {
        number: 1,
        time: Timestamp::from_ns(0),
        link: LinkType(link),
        bytes,
        original_len: bytes.len() as u32,
        interface: 0,
        direction: None,
        process: None,
    })?;
    let path = decoder.tunnel(segment.scope.tunnel).map(ToString::to_string);
    Ok((segment, path.unwrap_or_default()))
}

/// Each of these gives the inner packet with this path; cut anywhere, it gives a reason.
fn finds(name: &str, link: u32, bytes: &[u8], path: &str) {
    let (segment, found) = read(link, bytes).unwrap_or_else(|skip| panic!("{name}: {skip}"));
    assert_eq!(found, path, "{name}");
    assert_eq!(
        (segment.source.port, segment.destination.port),
        (1_000, 80),
        "{name}"
    );
    assert_eq!(
        (segment.seq.0, segment.raw_ack, segment.payload_len),
        (7, 9, 0),
        "{name}"
    );
    for length in 0..bytes.len() {
        if let Ok((cut, _)) = read(link, &bytes[..length]) {
            assert!(cut.cut || length + 24 >= bytes.len(), "{name} cut at {length}");
            assert_eq!(cut.seq, segment.seq, "{name} cut at {length}");
        }
    }
}

#[test]
fn both_directions_have_one_path() {
    let [high, low] = ((inner().len() + 16) as u16).to_be_bytes();
    let gtp = |ends, endpoint: u8| {
        let header = [
            &[8, 104, 8, 104, high, low, 0, 0][..],
            &[0x30, 0xff, 0, 40, 0, 0, 0, endpoint],
        ]
        .concat();
        v4(17, ends, after(&header, inner()))
    };
    let mut decoder = Decoder::default();
    let mut number = |bytes: &[u8]| {
        let frame = Frame {
            number: 1,
            time: Timestamp::from_ns(0),
            link: LinkType(101),
            bytes,
            original_len: bytes.len() as u32,
            interface: 0,
            direction: None,
            process: None,
        };
        decoder.decode(&frame).expect("a segment").scope.tunnel.0
    };
    assert_eq!(number(&inner()), 0);
    assert_eq!(number(&gtp([9, 8], 1)), 1);
    assert_eq!(number(&gtp([8, 9], 2)), 1);
    assert_eq!(number(&gtp([8, 7], 2)), 2);
    assert_eq!(number(&vxlan(7, ethernet(0x0800, inner()))), 3);
    assert_eq!(number(&vxlan(8, ethernet(0x0800, inner()))), 4);
}

#[test]
fn tags_of_all_layers_go_into_the_scope() {
    let tagged = |outer: u16, tag: u8, payload: Vec<u8>| {
        ethernet(
            outer,
            after(&[0, tag], ethertype(0x8100, after(&[0, 4], payload))),
        )
    };
    let inside = ethernet(0x9100, after(&[0, 6], ethertype(0x0800, inner())));
    let bytes = tagged(0x88a8, 9, ethertype(0x0800, vxlan(7, inside)));
    let (segment, path) = read(1, &bytes).expect("a segment");
    assert_eq!(segment.scope.vlan_ids().collect::<Vec<_>>(), [9, 4, 6]);
    assert_eq!(path, "vxlan 7 10.0.0.8-10.0.0.9");
}

#[test]
fn depth_is_bounded() {
    let tags = |count: usize| {
        ethernet(
            0x8100,
            [
                [0, 1, 0x81, 0].repeat(count - 1),
                vec![0, 1],
                ethertype(0x0800, inner()),
            ]
            .concat(),
        )
    };
    assert!(read(1, &tags(4)).is_ok());
    assert_eq!(read(1, &tags(5)).map(|_| ()), Err(Skip::VlanTooDeep));
    assert_eq!(read(1, &tags(1_000)).map(|_| ()), Err(Skip::VlanTooDeep));
    let nested = |count: usize| (0..count).fold(inner(), |packet, _| v4(4, [9, 8], packet));
    assert!(read(101, &nested(MOST_TUNNELS)).is_ok());
    assert_eq!(
        read(101, &nested(MOST_TUNNELS + 1)).map(|_| ()),
        Err(Skip::TunnelTooDeep)
    );
    assert_eq!(read(101, &nested(1_000)).map(|_| ()), Err(Skip::TunnelTooDeep));
    let mixed = |rounds: usize| {
        (0..rounds).fold(inner(), |packet, _| {
            let gre = v4(47, [9, 8], after(&[0, 0, 8, 0], packet));
            let pppoe = ethernet(0x8864, after(&[0x11, 0, 0, 3, 0, 42, 0, 0x21], gre));
            vxlan(1, ethernet(0x8847, after(&[0, 2, 1, 64], pppoe)))
        })
    };
    assert!(read(101, &mixed(2)).is_ok());
    assert_eq!(read(101, &mixed(3)).map(|_| ()), Err(Skip::TunnelTooDeep));
    // Tags that are no tunnels, and labels.
    let etags = [[0, 0, 0, 0, 0, 0, 0x89, 0x3f].repeat(1_000), vec![0; 8]].concat();
    assert_eq!(
        read(1, &ethernet(0x893f, etags)).map(|_| ()),
        Err(Skip::TunnelTooDeep)
    );
    assert_eq!(
        read(1, &ethernet(0x8847, [0, 1, 0, 64].repeat(1_000))).map(|_| ()),
        Err(Skip::TunnelTooDeep)
    );
}

#[test]
fn what_is_not_read_has_a_reason() {
    let eth = || ethernet(0x0800, inner());
    let llc = || snap([0; 3], 0x0800, inner());
    for (link, bytes, reason) in [
        (1, ethernet(0x0806, vec![]), Skip::Ethertype(0x0806)),
        (1, vec![0; 13], Skip::LinkHeaderCut),
        (1, ethernet(0x8100, vec![0, 1, 8]), Skip::LinkHeaderCut),
        (1, ethernet(38, vec![0x42, 0x42, 3]), Skip::Llc),
        (1, ethernet(38, snap([0, 0, 0x0c], 0x2000, vec![])), Skip::Llc),
        (1, ethernet(46, snap([0; 3], 9, llc())), Skip::Ethertype(9)),
        (
            1,
            ethernet(0x88e5, after(&[0x0c, 0, 0, 0, 0, 1], eth())),
            Skip::EncryptedMacsec,
        ),
        (
            1,
            ethernet(0x8864, after(&[0x21, 0, 0, 3, 0, 42, 0, 0x21], inner())),
            Skip::BadLinkHeader,
        ),
        (
            1,
            ethernet(0x8847, after(&[0, 2, 1, 64], vec![0x10; 40])),
            Skip::MplsContent,
        ),
        (0, vec![7, 0, 0, 0], Skip::AddressFamily(7)),
        (0, vec![7, 0, 0, 7], Skip::BadLinkHeader),
        (0, vec![2, 0, 0], Skip::LinkHeaderCut),
        (9, vec![0xc0, 0x21], Skip::PppProtocol(0xc021)),
        (
            9,
            after(&[0, 0x3d, 0x80, 0, 0, 1, 0, 0x21], inner()),
            Skip::PppFragment,
        ),
        (107, vec![0x18, 0x41, 3, 0x08], Skip::Nlpid(8)),
        (107, vec![0x18, 0x40, 0, 0], Skip::BadLinkHeader),
        (129, vec![1, 2, 0, 0, 213], Skip::ArcnetProtocol(213)),
        (129, vec![1, 2, 0, 0, 212, 3, 0, 0], Skip::LinkFragment),
        (258, after(&[0; 60], eth()), Skip::BadLinkHeader),
        (105, wlan(0x80, 0, &[], vec![]), Skip::WlanManagement),
        (105, wlan(0xd4, 0, &[], vec![]), Skip::WlanControl),
        (105, wlan(0x48, 1, &[], vec![]), Skip::WlanNoData),
        (105, wlan(0x88, 0x41, &[0, 0], llc()), Skip::EncryptedWlan),
        (105, wlan(0x08, 0x05, &[], llc()), Skip::LinkFragment),
        (
            105,
            wlan(0x88, 1, &[&[0x80, 0][..], &[0; 12], &[0, 4]].concat(), llc()),
            Skip::WlanAggregate,
        ),
        (101, v4(50, [9, 8], inner()), Skip::IpProtocol(50)),
        (101, v4(17, [9, 8], vec![0; 7]), Skip::IpProtocol(17)),
        (101, v4(47, [9, 8], vec![0, 0, 0, 0]), Skip::Ethertype(0)),
        (101, v4(47, [9, 8], vec![0, 5, 8, 0]), Skip::BadTunnelHeader),
        (
            101,
            v4(47, [9, 8], vec![0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 1]),
            Skip::TunnelControl,
        ),
        (
            101,
            v4(97, [9, 8], after(&[0x20, 0], eth())),
            Skip::BadTunnelHeader,
        ),
        (
            101,
            v4(115, [9, 8], after(&[0, 0, 0, 0], vec![0; 20])),
            Skip::TunnelControl,
        ),
        (
            101,
            v4(115, [9, 8], after(&[0, 0, 0, 1], vec![0; 40])),
            Skip::L2tpContent,
        ),
        (
            101,
            udp(1701, 1701, vec![0xc8, 2, 0, 12, 0, 1, 0, 0, 0, 0, 0, 0]),
            Skip::TunnelControl,
        ),
        (
            101,
            udp(2152, 2152, vec![0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
            Skip::TunnelControl,
        ),
        (101, vxlan(1, vec![]), Skip::TunnelHeaderCut),
        (101, udp(9, 6343, vec![0, 0, 0, 5, 0, 0, 0, 1]), Skip::SflowSample),
        (101, udp(9, 5247, vec![0; 20]), Skip::CapwapData),
        // Ordinary UDP at a tunnel's port.
        (
            101,
            udp(5, 53, after(&[8, 0, 0, 0, 0, 0, 7, 0], eth())),
            Skip::IpProtocol(17),
        ),
        (
            101,
            udp(4789, 53, after(&[8, 0, 0, 0, 0, 0, 7, 0], eth())),
            Skip::IpProtocol(17),
        ),
        (
            101,
            udp(5, 4789, after(&[0, 0, 0, 0, 0, 0, 7, 0], eth())),
            Skip::IpProtocol(17),
        ),
        (101, udp(5, 4789, vec![0xff; 60]), Skip::IpProtocol(17)),
        (
            101,
            udp(5, 6081, after(&[0, 0x3f, 0x65, 0x58, 0, 0, 7, 0], eth())),
            Skip::IpProtocol(17),
        ),
        (101, udp(5, 6081, vec![0xff; 60]), Skip::IpProtocol(17)),
        (
            101,
            udp(5, 2152, after(&[0x30, 0xff, 0xff, 0, 0, 0, 0, 1], inner())),
            Skip::IpProtocol(17),
        ),
        (101, udp(5, 2152, vec![0xff; 60]), Skip::IpProtocol(17)),
        (101, udp(5, 3544, vec![0xff; 60]), Skip::IpProtocol(17)),
        (101, udp(5, 1701, vec![0xff; 60]), Skip::IpProtocol(17)),
        (147, eth(), Skip::LinkType(147)),
    ] {
        assert_eq!(read(link, &bytes).map(|_| ()), Err(reason), "{link} {bytes:02x?}");
    }
}

/// Wraps a packet in the layer with this number.
fn wrap(layer: u8, packet: Vec<u8>) -> Vec<u8> {
    match layer % 10 {
        0 => v4(4, [9, 8], packet),
        1 => v4(47, [9, 8], after(&[0, 0, 8, 0], packet)),
        2 => vxlan(layer, ethernet(0x0800, packet)),
        3 => v4(
            47,
            [9, 8],
            after(&[0x30, 1, 0x88, 0x0b, 0, 42, 0, 7, 0, 0, 0, 1, 0, 0x21], packet),
        ),
        4 => udp(5, 6081, after(&[0, 0, 8, 0, 0, 0, layer, 0], packet)),
        5 => udp(1701, 1701, after(&[0, 2, 0, 5, 0, 6, 0, 0x21], packet)),
        6 => v4(
            97,
            [9, 8],
            after(&[0x30, 0], ethernet(0x8847, after(&[0, 2, 1, 64], packet))),
        ),
        7 => {
            let [high, low] = (packet.len() as u16).to_be_bytes();
            udp(
                2152,
                2152,
                after(&[0x30, 0xff, high, low, 0, 0, 0, layer], packet),
            )
        }
        8 => v4(137, [9, 8], after(&[0, 2, 1, 64], packet)),
        _ => v6(4, packet),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Any nest of tunnels gives the inner segment up to the bound; damaged or cut it gives a segment or a reason.
    #[test]
    fn any_stack_of_layers(
        layers in prop::collection::vec(0u8..10, 0..12),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut packet = layers.iter().fold(inner(), |packet, layer| wrap(*layer, packet));
        let whole = read(101, &packet).map(|(segment, path)| (segment.seq.0, path.split(" > ").filter(|name| !name.is_empty()).count()));
        match layers.len() <= MOST_TUNNELS {
            true => prop_assert_eq!(whole, Ok((7, layers.len()))),
            false => prop_assert_eq!(whole, Err(Skip::TunnelTooDeep)),
        }
        for (at, value) in damage {
            let at = at.index(packet.len());
            packet[at] = value;
        }
        packet.truncate(keep.index(packet.len()) + 1);
        if let Err(skip) = read(101, &packet) {
            prop_assert!(!skip.name().is_empty());
        }
    }

    #[test]
    fn any_bytes_behind_any_tunnel_port(
        port in prop::sample::select(&[4789u16, 8472, 4790, 6081, 2152, 3544, 1701, 6635, 6343, 5247][..]), bytes: Vec<u8>,
    ) {
        if let Err(skip) = read(101, &udp(port, port, bytes)) {
            prop_assert!(!skip.name().is_empty());
        }
    }

    #[test]
    fn any_bytes_in_any_link_type(link in 0u32..290, bytes: Vec<u8>) {
        if let Err(skip) = read(link, &bytes) {
            prop_assert!(!skip.name().is_empty());
        }
    }
}
