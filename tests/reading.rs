//! Sound capture files of every format through the public reader.

mod captures;

use std::io::{self, Cursor, Read};

use captures::*;
use tcptrace_states::capture::{CaptureError, CaptureReader, LinkType};

#[test]
fn pcap_in_both_byte_orders_and_resolutions() {
    for order in [Little, Big] {
        for (magic, unit) in [(MICRO, 1_000), (NANO, 1)] {
            let file = [
                pcap_header(order, magic, (2, 4), 96, 1),
                pcap_packet(order, 4_000_000_000, 999_999, 77, b"hello"),
                pcap_packet(order, 1, u32::MAX, 0, b"x"),
            ]
            .concat();
            assert_eq!(
                packets(&file),
                [
                    Ok((
                        1,
                        4_000_000_000_000_000_000 + 999_999 * unit,
                        1,
                        77,
                        0,
                        b"hello".to_vec()
                    )),
                    Ok((
                        2,
                        1_000_000_000 + i64::from(u32::MAX) * unit,
                        1,
                        0,
                        0,
                        b"x".to_vec()
                    )),
                ]
            );
        }
    }
    let modified = [
        pcap_header(Little, 0xa1b2_cd34, (2, 4), 0, 1),
        Little.words(&[1, 2, 3, 3]),
        b"\0\0\0\0\0\0\0\0abc".to_vec(),
    ];
    assert_eq!(
        packets(&modified.concat()),
        [Ok((1, 1_000_002_000, 1, 3, 0, b"abc".to_vec()))]
    );
}

#[test]
fn readers_say_what_they_read() {
    let open =
        |bytes: Vec<u8>| CaptureReader::from_reader("test", Box::new(Cursor::new(bytes))).expect("a capture");
    let mut reader = open(small_pcapng(Big));
    assert_eq!((reader.format(), reader.snap_length()), ("pcapng", None));
    while reader.next_record().expect("whole").is_some() {}
    assert_eq!(reader.snap_length(), Some(100));
    assert_eq!(reader.bytes_read(), small_pcapng(Big).len() as u64);
    assert_eq!(open(small_pcap(Little)).format(), "pcap");
    assert_eq!(open(pcap_header(Big, NANO, (2, 4), 0, 1)).format(), "pcap-ns");
    assert_eq!(open(pcap_header(Big, NANO, (2, 4), 0, 1)).snap_length(), None);
    assert_eq!(
        open(pcap_header(Little, 0xa1b2_cd34, (2, 4), 9, 1)).format(),
        "pcap-modified"
    );
}

#[test]
fn frame_check_sequences_are_not_part_of_a_frame() {
    let header = pcap_header(Little, MICRO, (2, 4), 0, 0x2400_0001);
    let file = [
        header,
        pcap_packet(Little, 0, 0, 8, b"abcdFCS!"),
        pcap_packet(Little, 0, 0, 8, b"ab"),
    ]
    .concat();
    assert_eq!(
        packets(&file),
        [
            Ok((1, 0, 1, 4, 0, b"abcd".to_vec())),
            Ok((2, 0, 1, 4, 0, b"ab".to_vec()))
        ]
    );
}

#[test]
fn old_versions_have_their_lengths_the_other_way_round() {
    let record = |first, second| [Little.words(&[0, 0, first, second]), b"abc".to_vec()].concat();
    for (version, first, second) in [((2, 2), 9, 3), ((2, 3), 9, 3), ((2, 3), 3, 9), ((2, 5), 3, 9)] {
        let file = [pcap_header(Little, MICRO, version, 0, 1), record(first, second)].concat();
        assert_eq!(
            packets(&file),
            [Ok((1, 0, 1, 9, 0, b"abc".to_vec()))],
            "{version:?}"
        );
    }
    assert!(matches!(
        refused(&pcap_header(Big, MICRO, (1, 4), 0, 1)),
        CaptureError::Version {
            major: 1,
            minor: 4,
            ..
        }
    ));
}

#[test]
fn pcapng_in_both_byte_orders_with_several_sections() {
    for order in [Little, Big] {
        assert_eq!(
            packets(&small_pcapng(order)),
            [
                Ok((1, 7, 101, 5, 0, b"hello".to_vec())),
                Ok((2, 8, 101, 30, 0, b"abc".to_vec())),
                Ok((3, 8, 101, 4, 0, b"wxyz".to_vec())), // no time of its own
                Ok((4, 9_000, 1, 2, 0, b"hi".to_vec())),
            ]
        );
    }
    let mixed = [small_pcapng(Little), small_pcapng(Big)].concat();
    assert_eq!(packets(&mixed).len(), 8);
}

#[test]
fn pcapng_times() {
    for order in [Little, Big] {
        let offset = |seconds: i64| option(order, 14, &order.u64(seconds as u64));
        let interfaces = [
            interface(order, 1, 0, &[option(order, 9, &[0x80 | 10]), offset(5)].concat()),
            interface(order, 1, 0, &[option(order, 0, &[]), offset(5)].concat()), // behind the end of the options
            interface(
                order,
                1,
                0,
                &[option(order, 9, &[0xff]), offset(i64::MIN)].concat(),
            ),
            interface(order, 1, 0, &[option(order, 9, &[6, 6]), offset(-1)].concat()), // a wrong length
        ];
        let file = [
            section(order),
            interfaces.concat(),
            (0..4)
                .flat_map(|id| enhanced(order, id, 1_536, 0, 0, &[]))
                .collect(),
        ];
        let times: Vec<i64> = packets(&file.concat())
            .into_iter()
            .flatten()
            .map(|packet| packet.1)
            .collect();
        assert_eq!(
            times,
            [6_500_000_000, 1_536_000, i64::MIN, 1_536_000 - 1_000_000_000]
        );
    }
}

#[test]
fn old_and_unknown_blocks() {
    for order in [Little, Big] {
        let obsolete = |interface: u16, captured: u32| {
            let fields = order.words(&[0, 5, captured, 9]);
            block(
                order,
                2,
                &[&order.u16(interface)[..], &order.u16(77), &fields, b"abc"].concat(),
            )
        };
        let file = [
            section(order),
            block(order, 0x7777, b"not known"),
            interface(order, 1, 0, &[]),
            interface(order, 101, 0, &[]),
            obsolete(1, 3),
            obsolete(2, 3),
            obsolete(1, 50),
            block(order, 2, &[0; 8]),
            block(order, 9, b"__REALTIME_TIMESTAMP=1\n"),
            block(order, 0xbad, b"abcd"),
            block(order, 10, b"secrets"),
            block(order, 0x8000_0001, b""), // process information: pcap-parser panics on short ones
        ];
        assert_eq!(
            packets(&file.concat()),
            [
                Ok((1, 5_000, 101, 9, 1, b"abc".to_vec())),
                skipped(2, "unknown-interface"),
                skipped(3, "bad-packet-block"),
                skipped(4, "bad-packet-block"),
                skipped(5, "not-a-packet"),
                skipped(6, "not-a-packet"),
            ]
        );
    }
}

#[test]
fn simple_packets_end_at_the_snap_length() {
    let simple = |original: u32| block(Little, 3, &[&Little.u32(original)[..], b"abcdefgh"].concat());
    let file = [
        section(Little),
        interface(Little, 101, 6, &[]),
        simple(100),
        simple(3),
    ]
    .concat();
    assert_eq!(
        packets(&file),
        [
            Ok((1, 0, 101, 100, 0, b"abcdef".to_vec())),
            Ok((2, 0, 101, 3, 0, b"abc".to_vec()))
        ]
    );
    let lie = [
        section(Little),
        interface(Little, 101, 0, &[]),
        simple(100),
        simple(8),
    ]
    .concat();
    assert_eq!(packets(&lie)[0], skipped(1, "bad-packet-block"));
    assert!(packets(&lie)[1].is_ok());
}

/// Gives one octet at a time.
struct Drip(Cursor<Vec<u8>>);

impl Read for Drip {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let end = space.len().min(1);
        self.0.read(&mut space[..end])
    }
}

#[test]
fn slow_input_gives_the_same() {
    for whole in [small_pcap(Big), small_pcapng(Little)] {
        let (slow, error) = drain(Box::new(Drip(Cursor::new(whole.clone())))).expect("a capture");
        assert!(error.is_none());
        assert_eq!(slow, packets(&whole));
    }
}

#[test]
fn more_than_one_buffer() {
    let order = Little;
    let mut file = pcap_header(order, MICRO, (2, 4), 0, 101);
    for number in 0..3_000u32 {
        file.extend(pcap_packet(
            order,
            number,
            0,
            1_500,
            &vec![number as u8; 1_000 + number as usize % 7],
        ));
    }
    let all = packets(&file);
    assert_eq!(all.len(), 3_000);
    for (number, packet) in all.into_iter().enumerate() {
        let (_, time, _, _, _, bytes) = packet.expect("a packet");
        assert_eq!(time, number as i64 * 1_000_000_000);
        assert_eq!(bytes, vec![number as u8; 1_000 + number % 7]);
    }
}

#[test]
fn link_types_are_told_apart() {
    let file = [
        section(Big),
        interface(Big, 276, 0, &[]),
        enhanced(Big, 0, 0, 0, 0, b""),
    ]
    .concat();
    let links: Vec<_> = packets(&file)
        .into_iter()
        .flatten()
        .map(|packet| LinkType(packet.2).name())
        .collect();
    assert_eq!(links, ["LINUX_SLL2"]);
}
