//! Packets in pieces, through the whole decoder.

use super::*;
use crate::capture::{Frame, LinkType};
use crate::segment::{DecodeSettings, Decoder, Segment};
use proptest::prelude::*;

/// A TCP segment with this many octets of payload, each with its place as value.
fn tcp(payload: usize) -> Vec<u8> {
    let header = [
        3, 0xe8, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0x20, 0, 0, 0, 0, 0,
    ];
    header
        .into_iter()
        .chain((0..payload).map(|at| at as u8))
        .collect()
}

fn v4_piece(protocol: u8, id: u8, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let [high, low] = ((payload.len() + 20) as u16).to_be_bytes();
    let split = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
    let [split_high, split_low] = split.to_be_bytes();
    let header = [
        0x45, 0, high, low, 0, id, split_high, split_low, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    [&header[..], payload].concat()
}

fn v6_piece(next: u8, id: u8, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let [high, low] = ((payload.len() + 16) as u16).to_be_bytes();
    let mut header = [0u8; 40];
    header[..8].copy_from_slice(&[0x60, 0, 0, 0, high, low, 0, 63]);
    let [split_high, split_low] = (offset as u16 | u16::from(more)).to_be_bytes();
    let extensions = [
        44, 0, 1, 4, 0, 0, 0, 0, next, 0, split_high, split_low, 0, 0, 0, id,
    ];
    [&header[..], &extensions, payload].concat()
}

/// A whole payload in pieces of `size` octets.
fn split(whole: &[u8], size: usize, piece: impl Fn(usize, bool, &[u8]) -> Vec<u8>) -> Vec<Vec<u8>> {
    let parts = whole.chunks(size).enumerate();
    parts
        .map(|(index, part)| piece(index * size, (index + 1) * size < whole.len(), part))
        .collect()
}

struct Reader {
    decoder: Decoder,
    packets: u64,
}

impl Reader {
    fn new() -> Reader {
        Reader::with(FragmentLimits::default())
    }

    fn with(fragments: FragmentLimits) -> Reader {
        let settings = DecodeSettings {
            verify_checksums: true,
            fragments,
        };
        Reader {
            decoder: Decoder::new(settings),
            packets: 0,
        }
    }

    fn at(&mut self, seconds: i64, bytes: &[u8], original: usize) -> Result<Segment, Skip> {
        self.packets += 1;
        self.decoder
            .decode(&Frame {
                number: self.packets,
                time: Timestamp::from_ns(seconds * 1_000_000_000),
                link: LinkType::RAW,
                bytes,
                original_len: original as u32,
                interface: 0,
                direction: None,
                process: None,
            })
            .copied()
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Segment, Skip> {
        self.at(self.packets as i64, bytes, bytes.len())
    }

    fn facts(&self) -> FragmentFacts {
        self.decoder.fragments()
    }
}

fn skipped(result: Result<Segment, Skip>) -> Skip {
    result.map(|segment| segment.packet).expect_err("no segment")
}

#[test]
fn in_any_order_a_segment_comes_with_the_last_fragment() {
    let whole = tcp(60);
    let four = split(&whole, 24, |at, more, part| v4_piece(6, 1, at, more, part));
    let six = split(&whole, 24, |at, more, part| v6_piece(6, 1, at, more, part));
    for pieces in [four, six] {
        assert_eq!(pieces.len(), 4);
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            let mut reader = Reader::new();
            for index in &order[..3] {
                assert_eq!(
                    skipped(reader.read(&pieces[*index])),
                    Skip::IpFragment,
                    "{order:?}"
                );
            }
            let segment = reader.read(&pieces[order[3]]).expect("the last one");
            assert_eq!((segment.packet, segment.time.ns()), (4, 3_000_000_000));
            assert_eq!(
                (segment.source.port, segment.seq.0, segment.payload_len),
                (1_000, 7, 60)
            );
            assert!(!segment.cut && !segment.header_cut);
            let facts = reader.facts();
            assert_eq!(
                (
                    facts.fragments,
                    facts.completed,
                    facts.incomplete,
                    facts.octets_held
                ),
                (4, 1, 0, 0)
            );
        }
    }
}

#[test]
fn a_first_fragment_that_splits_the_tcp_header() {
    let mut reader = Reader::new();
    let whole = tcp(10);
    assert_eq!(
        skipped(reader.read(&v4_piece(6, 1, 0, true, &whole[..8]))),
        Skip::IpFragment
    );
    let segment = reader
        .read(&v4_piece(6, 1, 8, false, &whole[8..]))
        .expect("a segment");
    assert_eq!(
        (segment.flags.0, segment.window, segment.payload_len),
        (0x18, 0x2000, 10)
    );
}

#[test]
fn fragments_in_and_of_tunnels() {
    let vxlan = |frame: &[u8]| {
        [
            &[0x12u8, 0, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 7, 0][..],
            frame,
        ]
        .concat()
    };
    let frame = |packet: &[u8]| [&[2u8; 12][..], &[8, 0], packet].concat();
    // A fragmented packet inside of fragmented UDP.
    let mut reader = Reader::new();
    let inner = split(&tcp(60), 40, |at, more, part| v4_piece(6, 1, at, more, part));
    let (mut found, mut reasons) = (None, Vec::new());
    for (id, piece) in inner.iter().enumerate() {
        let outer = vxlan(&frame(piece));
        for part in split(&outer, 32, |at, more, part| {
            v4_piece(17, 100 + id as u8, at, more, part)
        }) {
            match reader.read(&part) {
                Ok(segment) => found = Some(segment),
                Err(skip) => reasons.push(skip),
            }
        }
    }
    let segment = found.expect("a segment");
    assert_eq!((segment.packet, segment.payload_len), (reader.packets, 60));
    let path = reader
        .decoder
        .tunnel(segment.scope.tunnel)
        .map(ToString::to_string);
    assert_eq!(path.as_deref(), Some("vxlan 7 10.0.0.1-10.0.0.2"));
    assert_eq!(
        reasons.iter().filter(|skip| **skip == Skip::IpFragment).count(),
        1
    );
    assert!(
        reasons
            .iter()
            .all(|skip| matches!(skip, Skip::IpFragment | Skip::IpProtocol(17)))
    );
    // Fragments of the same number in two tunnels do not mix.
    let mut reader = Reader::new();
    let in_network = |network: u8, piece: &[u8]| {
        let mut packet = vxlan(&frame(piece));
        packet[14] = network;
        v4_piece(17, 1, 0, false, &packet)
    };
    assert_eq!(skipped(reader.read(&in_network(1, &inner[0]))), Skip::IpFragment);
    assert_eq!(skipped(reader.read(&in_network(2, &inner[1]))), Skip::IpFragment);
    assert!(reader.read(&in_network(1, &inner[1])).is_ok());
}

#[test]
fn ordinary_udp_is_let_go() {
    let mut reader = Reader::new();
    let whole = vec![0x22; 64]; // ports 8738
    for part in split(&whole, 32, |at, more, part| v4_piece(17, 1, at, more, part)) {
        assert_eq!(skipped(reader.read(&part)), Skip::IpProtocol(17));
    }
    let facts = reader.facts();
    assert_eq!((facts.no_tunnel, facts.incomplete, facts.octets_held), (1, 0, 0));
    let other = v4_piece(1, 1, 0, true, &whole);
    assert_eq!(skipped(reader.read(&other)), Skip::IpProtocol(1));
    assert_eq!(reader.facts().fragments, 2, "ICMP is not held");
}

#[test]
fn first_octets_win_and_overlaps_are_told() {
    let whole = tcp(44);
    let mut other = whole.clone();
    other[7] = 99; // another sequence number
    let mut reader = Reader::new();
    assert!(reader.read(&v4_piece(6, 1, 0, true, &whole[..16])).is_err());
    assert!(reader.read(&v4_piece(6, 1, 0, true, &whole[..16])).is_err());
    assert!(reader.read(&v4_piece(6, 1, 0, true, &other[..24])).is_err());
    assert!(reader.read(&v4_piece(6, 1, 40, false, &whole[40..])).is_err());
    assert!(
        reader.read(&v4_piece(6, 1, 48, false, &[1; 8])).is_err(),
        "beyond the end"
    );
    let segment = reader
        .read(&v4_piece(6, 1, 8, true, &whole[8..48]))
        .expect("a segment");
    assert_eq!((segment.seq.0, segment.payload_len), (7, 44));
    let facts = reader.facts();
    assert_eq!((facts.duplicates, facts.overlaps, facts.completed), (2, 2, 1));
}

#[test]
fn what_cannot_be_put_together_is_counted() {
    let whole = tcp(60);
    let first = v4_piece(6, 1, 0, true, &whole[..40]);
    let last = v4_piece(6, 1, 40, false, &whole[40..]);
    let mut reader = Reader::new();
    assert_eq!(skipped(reader.at(0, &first[..50], first.len())), Skip::IpFragment);
    assert_eq!(skipped(reader.at(0, &last, last.len())), Skip::IpFragment);
    assert_eq!(
        (
            reader.facts().cut,
            reader.facts().completed,
            reader.facts().incomplete
        ),
        (1, 0, 0)
    );

    let mut reader = Reader::new();
    assert!(reader.at(0, &first, first.len()).is_err());
    assert_eq!(reader.facts().incomplete, 1);
    assert!(reader.at(61, &last, last.len()).is_err(), "a minute is over");
    assert_eq!((reader.facts().timed_out, reader.facts().incomplete), (1, 1));

    let mut reader = Reader::new();
    for bad in [
        v4_piece(6, 1, 0, true, &whole[..39]),
        v4_piece(6, 1, 0, true, &[]),
        v4_piece(6, 1, 65_528, false, &whole),
    ] {
        assert_eq!(skipped(reader.read(&bad)), Skip::BadIpHeader);
    }
    assert_eq!(reader.facts(), FragmentFacts::default());
}

#[test]
fn the_pool_is_bounded() {
    let mut reader = Reader::with(FragmentLimits {
        octets: 4_096,
        datagrams: 10,
        wait_ns: i64::MAX,
    });
    for id in 0..200 {
        assert!(reader.at(0, &v4_piece(6, id, 0, true, &[id; 64]), 84).is_err());
        assert!(reader.facts().incomplete <= 10);
    }
    assert_eq!((reader.facts().evicted, reader.facts().incomplete), (190, 10));
    for at in 0..100 {
        assert!(
            reader
                .at(0, &v4_piece(6, 250, at * 80, true, &[1; 72]), 92)
                .is_err()
        );
        assert!(reader.facts().octets_held <= 4_096 + 64 + 72);
    }
    assert!(reader.decoder.fragments().evicted >= 201);
}

/// One that never gets its last fragment does not keep what came and went behind it.
#[test]
fn what_is_done_leaves_nothing_behind() {
    let mut pool = Pool::new(FragmentLimits::default());
    let add = |pool: &mut Pool, id: u32, offset: usize, more: bool| {
        let fragment = Fragment {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            protocol: 6,
            id,
            offset,
            more,
            header: &[0x45; 20],
            next_header_at: 9,
            payload: &[0; 8],
            payload_len: 8,
        };
        let place = (Scope::default(), TunnelId::default());
        pool.add(&fragment, place, Timestamp::from_ns(0), |_| true)
            .expect("sound")
    };
    assert_eq!(add(&mut pool, 0, 0, true), None);
    for id in 1..50_000 {
        assert_eq!(add(&mut pool, id, 0, true), None);
        assert!(add(&mut pool, id, 8, false).is_some());
    }
    assert!(pool.order.len() <= 2 * 4_096, "{}", pool.order.len());
    assert_eq!((pool.waiting.len(), pool.facts().evicted), (1, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any order, with copies: the segment comes once its octets are there, and is the one that was split.
    #[test]
    fn any_order_with_copies(
        six: bool, payload in 40usize..2_000, size in 1usize..40,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..40), seed: u64,
    ) {
        let whole = tcp(payload);
        let make = |at, more, part: &[u8]| if six { v6_piece(6, 1, at, more, part) } else { v4_piece(6, 1, at, more, part) };
        let pieces = split(&whole, size * 8, make);
        prop_assume!(pieces.len() > 1);
        let mut order: Vec<usize> = picks.iter().map(|pick| pick.index(pieces.len())).collect();
        let mut rest: Vec<usize> = (0..pieces.len()).collect();
        rest.sort_by_key(|index| (*index as u64).wrapping_mul(seed | 1).rotate_left(17));
        order.extend(rest);
        let mut reader = Reader::new();
        let found = order.iter().find_map(|index| reader.at(0, &pieces[*index], pieces[*index].len()).ok());
        let segment = found.expect("all pieces were there");
        prop_assert_eq!((segment.seq.0, segment.payload_len as usize), (7, payload));
        prop_assert_eq!(reader.facts().overlaps, 0);
    }

    /// Fragments that contradict each other give a segment or a reason, within the bound.
    #[test]
    fn any_fragments(
        pieces in prop::collection::vec((0usize..64, any::<bool>(), 0u8..3, 0usize..200, any::<bool>()), 0..60),
    ) {
        let mut reader = Reader::with(FragmentLimits { octets: 1_000, datagrams: 2, wait_ns: 20_000_000_000 });
        for (offset, more, id, length, six) in pieces {
            let payload = vec![id; length];
            let bytes = if six { v6_piece(6, id, offset * 8, more, &payload) } else { v4_piece(6, id, offset * 8, more, &payload) };
            let _ = reader.read(&bytes);
            let facts = reader.facts();
            prop_assert!(facts.incomplete <= 2 && facts.octets_held <= 1_000);
        }
    }
}
