//! Sound capture files of every format through the public reader.

mod captures;

use std::io::{self, Cursor, Read};

use captures::*;
use tcptrace_states::capture::{
    CaptureError, CaptureReader, Direction, Limits, LinkType, ProcessId, Record, Subject,
};
use tcptrace_states::untrusted::Untrusted;

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
            [6_500_000_000, 1_536_000, i64::MIN + 1, 1_536_000 - 1_000_000_000]
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

#[test]
fn snoop_is_read() {
    let header = |version: u32, link: u32| [&b"snoop\0\0\0"[..], &Big.words(&[version, link])].concat();
    let record = |original: u32, drops: u32, padding: u32, data: &[u8]| {
        let captured = data.len() as u32;
        let fields = Big.words(&[original, captured, 24 + captured + padding, drops, 7, 8]);
        [fields, data.to_vec(), vec![0; padding as usize]].concat()
    };
    let file = [
        header(2, 4),
        record(5, 0, 3, b"hello"),
        record(900, 2, 0, b"abcd"),
    ]
    .concat();
    assert_eq!(
        packets(&file),
        [
            Ok((1, 7_000_008_000, 1, 5, 0, b"hello".to_vec())),
            Ok((2, 7_000_008_000, 1, 900, 0, b"abcd".to_vec())),
        ]
    );
    let mut reader =
        CaptureReader::from_reader("test", Box::new(Cursor::new(file.clone()))).expect("a capture");
    while reader.next_record().expect("whole").is_some() {}
    assert_eq!(
        (reader.format(), reader.interfaces()[0].lost()),
        ("snoop", Some(2))
    );
    for kept in 16..file.len() {
        let (packets, error) = read(&file[..kept]);
        let clean = [16, 48].contains(&kept);
        assert_eq!(
            (packets.len(), error.is_none()),
            (usize::from(kept >= 48), clean),
            "{kept}"
        );
    }
    let mut lie = file;
    lie[24..28].copy_from_slice(&[0; 4]); // the record's length
    assert!(matches!(
        read(&lie).1,
        Some(CaptureError::Corrupt { packet: 1, .. })
    ));
    assert!(matches!(
        refused(&header(9, 4)),
        CaptureError::Version { major: 9, .. }
    ));
    assert!(refused(&header(2, 77)).to_string().contains("link type"));
}

#[test]
fn swapped_and_foreign_variants_of_pcap() {
    for order in [Little, Big] {
        let modified = [
            pcap_header(order, 0xa1b2_cd34, (2, 4), 0, 1),
            order.words(&[1, 2, 3, 3, 0, 0]),
            b"abc".to_vec(),
        ];
        assert_eq!(
            packets(&modified.concat()),
            [Ok((1, 1_000_002_000, 1, 3, 0, b"abc".to_vec()))]
        );
        for magic in [0x1c00_01ac, 0x1c00_01ab] {
            let ixia = [
                pcap_header(order, magic, (2, 4), 0, 1),
                order.words(&[0]),
                pcap_packet(order, 1, 2, 3, b"abc"),
            ];
            assert_eq!(
                packets(&ixia.concat()),
                [Ok((1, 1_000_000_002, 1, 3, 0, b"abc".to_vec()))]
            );
        }
    }
}

/// A pcapng file that says about itself all that is read.
fn talkative(order: Order) -> Vec<u8> {
    let text = |code, text: &str| option(order, code, text.as_bytes());
    let section = {
        let fixed = [
            &order.u32(0x1a2b_3c4d)[..],
            &order.u16(1),
            &order.u16(0),
            &[0xff; 8],
        ]
        .concat();
        let options = [
            text(1, "whole"),
            text(2, "a machine"),
            text(3, "an OS"),
            text(4, "a program"),
            text(0, ""),
        ];
        block(order, 0x0a0d_0d0a, &[fixed, options.concat()].concat())
    };
    let described = [
        text(2, "eth0"),
        text(3, "uplink\x1b[31m"),
        option(order, 8, &order.u64(1_000_000_000)),
        option(order, 11, b"\0tcp port 80"),
        text(12, "Linux"),
        option(order, 13, &[4]),
        text(15, "a card"),
        text(1, "of the interface"),
        text(0, ""),
        text(2, "behind the end"),
    ];
    let names = [
        &option(order, 1, b"\x0a\0\0\x01one\0uno\0")[..],
        &option(order, 2, b"\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x02two\0"),
        &option(order, 7, b"not known"),
        &option(order, 0, b""),
        &text(1, "of the names"),
    ]
    .concat();
    let process = |pid: u32, name: &str| {
        block(
            order,
            0x8000_0001,
            &[&order.u32(pid)[..], &text(2, name)].concat(),
        )
    };
    let counted = |total: u64, drops: u64| {
        let options = [
            (2, 5u64 << 32),
            (3, 6 << 32),
            (4, total),
            (5, drops),
            (6, 7),
            (7, 3),
            (8, 9),
        ];
        let options: Vec<u8> = options
            .iter()
            .flat_map(|(code, n)| option(order, *code, &order.u64(*n)))
            .collect();
        block(order, 5, &[order.words(&[0, 0, 0]), options].concat())
    };
    let packet = |options: &[u8]| {
        let fields = order.words(&[0, 0, 9, 6, 6]);
        block(order, 6, &[&fields[..], b"abFCS!\0\0", options].concat())
    };
    let flags = |flags: u32| option(order, 2, &order.u32(flags));
    [
        section,
        interface(order, 1, 96, &described.concat()),
        names,
        process(77, "curl"),
        process(1, "launchd"),
        packet(&[flags(1), option(order, 0x8001, &order.u32(0)), text(1, "look")].concat()),
        packet(&[flags(2 | 2 << 5), option(order, 4, &order.u64(5))].concat()),
        packet(&option(order, 0x8003, &order.u32(1))),
        packet(&option(order, 0x8001, &order.u32(2))), // nobody
        packet(&[0xff; 7]),                            // broken options
        block(order, 10, b"secrets!"),
        block(order, 0x7777, b"not known"),
        counted(10, 0),
        counted(100, 4),
        block(order, 0x8000_0001, b""),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, bytes)| {
        if index == 2 {
            block(order, 4, &bytes)
        } else {
            bytes
        }
    })
    .collect::<Vec<_>>()
    .concat()
}

#[test]
fn a_pcapng_file_tells_about_itself() {
    for order in [Little, Big] {
        let file = [talkative(order), talkative(Big)].concat();
        let mut reader = CaptureReader::from_reader("test", Box::new(Cursor::new(file))).expect("a capture");
        let mut seen = Vec::new();
        while let Some(record) = reader.next_record().expect("whole") {
            let Record::Frame(frame) = record else {
                panic!("only packets: {record:?}");
            };
            seen.push((
                frame.direction,
                frame.process.map(|id| id.0),
                frame.bytes.len(),
                frame.original_len,
            ));
        }
        assert_eq!(
            seen[..5],
            [
                (Some(Direction::Inbound), Some(0), 2, 2),
                (Some(Direction::Outbound), None, 4, 4), // its own length of the frame check sequence
                (None, Some(1), 2, 2),
                (None, None, 2, 2),
                (None, None, 2, 2),
            ]
        );
        let facts = reader.facts();
        let raw = |text: &Option<Untrusted>| {
            text.as_ref()
                .map(|text| text.as_raw().to_owned())
                .unwrap_or_default()
        };
        let [section, second] = &facts.sections[..] else {
            panic!("{:?}", facts.sections);
        };
        assert_eq!(
            (
                raw(&section.hardware),
                raw(&section.os),
                raw(&section.application)
            ),
            ("a machine".into(), "an OS".into(), "a program".into())
        );
        assert!(second.big_endian);
        let interface = &reader.interfaces()[0];
        assert_eq!(
            (interface.section, interface.id, interface.link),
            (0, 0, LinkType::ETHERNET)
        );
        assert_eq!(
            (interface.snap_length, interface.speed, interface.packets),
            (Some(96), Some(1_000_000_000), 5)
        );
        assert_eq!(raw(&interface.name), "eth0");
        assert_eq!(raw(&interface.description), "uplink\x1b[31m");
        assert_eq!(raw(&interface.filter), "tcp port 80");
        assert_eq!(
            (raw(&interface.os), raw(&interface.hardware)),
            ("Linux".into(), "a card".into())
        );
        assert_eq!(
            (interface.received, interface.dropped, interface.accepted),
            (Some(100), Some(4), Some(7))
        );
        assert_eq!(
            (interface.dropped_by_system, interface.delivered),
            (Some(3), Some(9))
        );
        assert_eq!((interface.lost_between, interface.lost()), (5, Some(7)));
        assert!(interface.start < interface.end && interface.start.is_some());
        assert_eq!(reader.interfaces()[1].section, 1);
        let names: Vec<String> = facts
            .names
            .iter()
            .map(|(ip, name)| format!("{ip} {}", name.as_raw()))
            .collect();
        assert_eq!(names, ["10.0.0.1 one", "fe80::2 two"]);
        assert_eq!(facts.name_count, 6);
        let comments: Vec<_> = facts
            .comments
            .iter()
            .map(|c| (c.subject, c.text.as_raw()))
            .collect();
        assert_eq!(
            comments[..4],
            [
                (Subject::Section(0), "whole"),
                (Subject::Interface(0, 0), "of the interface"),
                (Subject::Other, "of the names"),
                (Subject::Packet(1), "look"),
            ]
        );
        assert_eq!(comments[4].0, Subject::Section(1));
        let process = |id| {
            reader
                .process(ProcessId(id))
                .map(|process| (process.pid, raw(&process.name)))
        };
        assert_eq!(process(0), Some((77, "curl".to_owned())));
        assert_eq!(process(1), Some((1, "launchd".to_owned())));
        assert_eq!(
            (facts.secret_blocks, facts.unknown_blocks, facts.process_count),
            (2, 2, 6)
        );
    }
}

#[test]
fn what_a_file_tells_about_itself_is_bounded() {
    let limits = Limits {
        described: 2,
        names: 1,
        comments: 3,
        processes: 1,
        text: 100,
        ..Limits::default()
    };
    let file = talkative(Little).repeat(50);
    let mut reader =
        CaptureReader::from_reader_with("test", Box::new(Cursor::new(file)), &limits).expect("a capture");
    let mut packets = 0;
    while reader.next_record().expect("whole").is_some() {
        packets += 1;
    }
    assert_eq!(packets, 250, "no packet is lost to it");
    let facts = reader.facts();
    assert_eq!((facts.sections.len(), facts.section_count), (2, 50));
    assert_eq!((facts.interfaces.len(), facts.interface_count), (2, 50));
    assert_eq!((facts.names.len(), facts.name_count), (1, 150));
    assert!(facts.comments.len() <= 3 && facts.comment_count == 200);
    assert_eq!((facts.processes.len(), facts.process_count), (1, 50));
    assert!(facts.text_left_out > 0);

    // A million options in one block.
    let options = option(Little, 1, b"").repeat(1_000_000);
    let file = [
        section(Little),
        interface(Little, 1, 0, &options),
        enhanced(Little, 0, 0, 1, 1, b"x"),
    ]
    .concat();
    let mut reader = CaptureReader::from_reader("test", Box::new(Cursor::new(file))).expect("a capture");
    assert!(reader.next_record().expect("whole").is_some());
    assert_eq!(
        (reader.facts().comments.len(), reader.facts().comment_count),
        (1_000, 1_000_000)
    );
}
