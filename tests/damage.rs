//! Broken, foreign and hostile input through the public reader.

mod captures;

use std::io::{self, Cursor, Read};
use std::path::Path;

use captures::*;
use proptest::prelude::*;
use tcptrace_states::capture::{CaptureError, CaptureReader, Limits, Record};

#[test]
fn a_lie_inside_a_block_costs_that_block_only() {
    for order in [Little, Big] {
        for captured in [6, 1_000, 1 << 30, u32::MAX - 4, u32::MAX] {
            let mut torn = enhanced(order, 0, 0, 2, 2, b"xy");
            let at = torn.len() - 1;
            torn[at] ^= 0x55; // the length at the end
            let file = [
                section(order),
                enhanced(order, 0, 0, 2, 2, b"xy"), // before any interface
                interface(order, 1, 0, &[]),
                enhanced(order, 0, 0, captured, 5, b"hello"[..4].as_ref()),
                enhanced(order, 3, 0, 2, 2, b"xy"),
                torn,
                block(order, 6, &[0; 12]), // too short
                enhanced(order, 0, 0, 2, 2, b"ok"),
            ];
            assert_eq!(
                packets(&file.concat()),
                [
                    skipped(1, "unknown-interface"),
                    skipped(2, "bad-packet-block"),
                    skipped(3, "unknown-interface"),
                    skipped(4, "bad-packet-block"),
                    skipped(5, "bad-packet-block"),
                    Ok((6, 0, 1, 2, 0, b"ok".to_vec())),
                ]
            );
        }
    }
}

#[test]
fn an_unreadable_interface_keeps_its_number() {
    let file = [
        section(Little),
        block(Little, 1, &[0; 4]), // too short
        interface(Little, 101, 0, &[]),
        enhanced(Little, 0, 0, 0, 0, b""),
        enhanced(Little, 1, 0, 0, 0, b""),
    ];
    assert_eq!(
        packets(&file.concat()),
        [skipped(1, "unknown-interface"), Ok((2, 0, 101, 0, 1, vec![]))]
    );
}

#[test]
fn block_lengths_are_checked() {
    for length in [0, 4, 8, 11, 13, 30, (16 << 20) + 4, 0x7fff_fffc, u32::MAX] {
        let bad = [Little.words(&[0x8000_0001, length]), vec![0; 64]].concat();
        let (packets, error) = read(&[small_pcapng(Little), bad].concat());
        assert_eq!(packets.len(), 4);
        let error = error.expect("corrupt");
        assert!(
            matches!(error, CaptureError::Corrupt { packet: 5, .. }),
            "{error}"
        );
        assert!(error.is_damage());
    }
}

#[test]
fn zeros_at_the_end_are_padding() {
    for zeros in [4, 7, 8, 11, 12, 5_000, 100_000] {
        assert_eq!(
            packets(&[small_pcapng(Big), vec![0; zeros]].concat()).len(),
            4,
            "{zeros}"
        );
    }
    for zeros in [12, 4_096, 8_192, 5_000] {
        let (records, error) = records(&[small_pcapng(Big), vec![0; zeros], small_pcapng(Big)].concat());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(records.len(), 9, "zeros between: passed over and told");
        assert_eq!(records[4], Err(zeros as u64));
    }
    let (packets, error) = read(&[small_pcapng(Big), vec![0; 5_000], vec![7; 5_000]].concat());
    assert_eq!(packets.len(), 4);
    assert!(matches!(error, Some(CaptureError::Corrupt { .. })));
}

/// Number and octets of a packet, or how many octets were passed over.
type Found = Result<(u64, Vec<u8>), u64>;

/// What comes out of a capture.
fn records(bytes: &[u8]) -> (Vec<Found>, Option<CaptureError>) {
    let mut reader =
        CaptureReader::from_reader("test", Box::new(Cursor::new(bytes.to_vec()))).expect("a capture");
    let mut all = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(Record::Frame(frame))) => all.push(Ok((frame.number, frame.bytes.to_vec()))),
            Ok(Some(Record::Skip { number, .. })) => all.push(Ok((number, Vec::new()))),
            Ok(Some(Record::Damage(damage))) => {
                assert!(damage.what.contains("passed over"), "{}", damage.what);
                all.push(Err(damage.passed_over));
            }
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error)),
        }
    }
}

/// Packets of `count` seconds with data that no header looks like, and where each record begins.
fn long_pcap(order: Order, magic: u32, count: u32) -> (Vec<u8>, Vec<usize>) {
    let mut file = pcap_header(order, magic, (2, 4), 2_000, 1);
    let mut begins = Vec::new();
    for number in 0..count {
        begins.push(file.len());
        let data = vec![0xa0 | number as u8 & 0xf; 100 + number as usize % 50];
        let length = data.len() as u32;
        file.extend(order.words(&[1_600_000_000 + number, 5, length, length]));
        if magic == MODIFIED {
            file.extend([0; 8]);
        }
        file.extend(data);
    }
    (file, begins)
}

const MODIFIED: u32 = 0xa1b2_cd34;

#[test]
fn reading_goes_on_behind_a_damaged_pcap_header() {
    for order in [Little, Big] {
        for magic in [MICRO, NANO, MODIFIED] {
            let (sound, begins) = long_pcap(order, magic, 20);
            let (whole, _) = records(&sound);
            for hurt in [1, 7, 18] {
                let mut file = sound.clone();
                let at = begins[hurt];
                file[at + 8..at + 12].fill(0xee); // the captured length
                let (found, error) = records(&file);
                assert!(error.is_none(), "{error:?}");
                assert_eq!(found[..hurt], whole[..hurt]);
                assert_eq!(found[hurt], Err((begins[hurt + 1] - at) as u64));
                let behind: Vec<_> = found[hurt + 1..].iter().flatten().map(|(_, data)| data).collect();
                let expected: Vec<_> = whole[hurt + 1..].iter().flatten().map(|(_, data)| data).collect();
                assert_eq!(behind, expected, "nothing lost but the packet, nothing invented");
                let last = found.last().expect("packets").as_ref().expect("a packet");
                assert_eq!(last.0, 19, "numbers go on");
            }
        }
    }
}

#[test]
fn octets_lost_in_the_middle_cost_what_they_held() {
    let (sound, begins) = long_pcap(Little, MICRO, 60);
    let (whole, _) = records(&sound);
    for (from, to) in [
        (begins[10] + 3, begins[20] + 40),
        (begins[10] + 50, begins[11] + 7),
        (begins[5], begins[5] + 1),
    ] {
        let file = [&sound[..from], &sound[to..]].concat();
        let (found, error) = records(&file);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(found.iter().filter(|record| record.is_err()).count(), 1);
        // From the record after the next on everything is as it was.
        let next = begins.iter().filter(|begin| **begin < to).count();
        let tail: Vec<_> = whole[next..].iter().flatten().map(|(_, data)| data).collect();
        let found: Vec<_> = found.iter().flatten().map(|(_, data)| data).collect();
        assert!(found.ends_with(&tail));
    }
}

#[test]
fn a_length_beyond_the_end_is_damage_and_not_a_cut() {
    let (sound, begins) = long_pcap(Little, MICRO, 20);
    let mut file = sound.clone();
    file[begins[3] + 8..begins[3] + 12].copy_from_slice(&200_000u32.to_le_bytes());
    let (found, error) = records(&file);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found.len(), 20);
    assert!(found[3].is_err());
    // Cut inside the data: nothing is searched for in it.
    let (found, error) = records(&sound[..begins[10] + 60]);
    assert_eq!(found.len(), 10);
    assert!(matches!(error, Some(CaptureError::Cut { .. })));
}

#[test]
fn zeros_are_no_pcap_packets() {
    let (sound, begins) = long_pcap(Little, MICRO, 20);
    let (found, error) = records(&[&sound[..begins[10]], &[0; 4_000][..], &sound[begins[10]..]].concat());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(found.len(), 21);
    assert_eq!(found[10], Err(4_000));
    let (found, error) = records(&[&sound[..], &[0; 4_000][..]].concat());
    assert_eq!(found.len(), 20);
    assert!(error.expect("damage").to_string().contains("zeros"));
}

#[test]
fn the_search_is_bounded() {
    let (sound, begins) = long_pcap(Little, MICRO, 20);
    for (garbage, found_again) in [((1 << 20) - 100, true), ((1 << 20) + 100, false)] {
        let file = [
            &sound[..begins[10]],
            &vec![0xee; garbage][..],
            &sound[begins[10]..],
        ]
        .concat();
        let (found, error) = records(&file);
        assert_eq!(error.is_none(), found_again, "{error:?}");
        assert_eq!(found.len(), if found_again { 21 } else { 10 });
    }
}

#[test]
fn many_damaged_places_are_passed_up_to_a_limit() {
    let (sound, begins) = long_pcap(Little, MICRO, 41);
    let mut file = sound;
    for at in begins.iter().skip(1).step_by(3) {
        file[at + 8..at + 12].fill(0xee);
    }
    let limits = Limits {
        damages: 10,
        ..Limits::default()
    };
    let mut reader =
        CaptureReader::from_reader_with("test", Box::new(Cursor::new(file)), &limits).expect("a capture");
    let (mut damages, mut frames) = (0, 0);
    let error = loop {
        match reader.next_record() {
            Ok(Some(Record::Damage(_))) => damages += 1,
            Ok(Some(_)) => frames += 1,
            Ok(None) => panic!("an error is due"),
            Err(error) => break error,
        }
    };
    assert_eq!((damages, frames), (10, 21));
    assert!(error.to_string().contains("11 damaged places"), "{error}");
}

#[test]
fn reading_goes_on_behind_a_damaged_pcapng_block() {
    for order in [Little, Big] {
        let packet = |n: u8| enhanced(order, 0, u64::from(n), 40, 40, &[0xa0 | n; 40]);
        let blocks: Vec<Vec<u8>> = (0..8).map(packet).collect();
        let head = [section(order), interface(order, 1, 0, &[])].concat();
        for hurt in 0..7 {
            // A first length that leads nowhere, a type and length of garbage, and a block that lost octets.
            for way in 0..3 {
                let mut blocks = blocks.clone();
                match way {
                    0 => blocks[hurt][4..8].copy_from_slice(&order.u32(56)),
                    1 => blocks[hurt][..8].fill(0xee),
                    _ => drop(blocks[hurt].drain(10..17)),
                }
                let (found, error) = records(&[head.clone(), blocks.concat()].concat());
                assert!(error.is_none(), "{error:?}");
                let sound: Vec<u8> = found
                    .iter()
                    .flatten()
                    .filter_map(|(_, data)| data.first().copied())
                    .collect();
                let expected: Vec<u8> = (0..8)
                    .filter(|n| usize::from(*n) != hurt)
                    .map(|n| 0xa0 | n)
                    .collect();
                assert_eq!(sound, expected, "{order:?} {hurt} {way}");
                assert_eq!(found.iter().filter(|record| record.is_err()).count(), 1);
            }
        }
    }
}

#[test]
fn interfaces_behind_damage_are_not_trusted() {
    let mut hurt = interface(Little, 101, 0, &[]);
    hurt[4] = 0xff;
    let file = [
        section(Little),
        hurt,
        interface(Little, 1, 0, &[]),
        enhanced(Little, 0, 0, 2, 2, b"xy"), // belongs to the interface that cannot be read
        section(Little),
        interface(Little, 1, 0, &[]),
        enhanced(Little, 0, 0, 2, 2, b"ok"),
    ];
    let (packets, error) = read(&file.concat());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        packets,
        [
            skipped(1, "unknown-interface"),
            Ok((2, 0, 1, 2, 0, b"ok".to_vec()))
        ]
    );
}

#[test]
fn absurd_lengths_are_corrupt() {
    for (snap_length, captured, fine) in [
        (0, 262_144, true),
        (0, 262_145, false),
        (300_000, 300_000, true),
        (u32::MAX, 17 << 20, false),
        (u32::MAX, 0x7fff_ffff, false),
    ] {
        let record = [
            Little.words(&[0, 0, captured, captured]),
            vec![7; captured.min(400_000) as usize],
        ]
        .concat();
        let (packets, error) = read(&[pcap_header(Little, MICRO, (2, 4), snap_length, 1), record].concat());
        assert_eq!(packets.len(), usize::from(fine));
        assert_eq!(error.is_none(), fine, "{error:?}");
        if let Some(error) = error {
            assert!(
                matches!(
                    error,
                    CaptureError::Corrupt {
                        packet: 1,
                        offset: 24,
                        ..
                    }
                ),
                "{error}"
            );
        }
    }
}

/// The first `kept` octets give a prefix of what the whole gives, and the error names the next packet. Returns whether
/// the cut passes for a clean end.
fn check_cut(whole: &[u8], kept: usize, all: &[Packet]) -> bool {
    let (packets, error) = match drain(Box::new(Cursor::new(whole[..kept].to_vec()))) {
        Ok(drained) => drained,
        Err(error) => {
            assert!(!error.is_damage(), "{error}");
            return false;
        }
    };
    assert_eq!(packets, all[..packets.len()], "cut at {kept}");
    match error {
        Some(
            error @ CaptureError::Cut {
                packet,
                offset,
                expected,
                had,
                ..
            },
        ) => {
            assert_eq!(packet, packets.len() as u64 + 1);
            assert!(had < expected && offset < kept as u64, "{error}");
            assert!(
                error.is_damage() && error.to_string().contains(&format!("packet {packet}")),
                "{error}"
            );
            false
        }
        Some(other) => panic!("cut at {kept}: {other}"),
        None => true,
    }
}

#[test]
fn a_cut_at_any_octet_gives_a_prefix_and_says_so() {
    for order in [Little, Big] {
        for (whole, between_records) in [
            (small_pcap(order), vec![24, 45, 61, 80]),
            (
                small_pcapng(order),
                vec![28, 60, 100, 124, 160, 180, 208, 228, 264],
            ),
        ] {
            let all = packets(&whole);
            let clean: Vec<usize> = (0..=whole.len())
                .filter(|kept| check_cut(&whole, *kept, &all))
                .collect();
            assert_eq!(clean, between_records);
        }
    }
}

#[test]
fn a_cut_at_any_octet_of_longer_files() {
    let (pcap, begins) = long_pcap(Big, MICRO, 24);
    assert!(pcap.len() > 3_000);
    let all = packets(&pcap);
    for kept in 24..pcap.len() {
        assert_eq!(check_cut(&pcap, kept, &all), begins.contains(&kept), "{kept}");
    }
    let pcapng = [small_pcapng(Little), small_pcapng(Big)].concat().repeat(3);
    let all = packets(&pcapng);
    let clean = (28..pcapng.len())
        .filter(|kept| check_cut(&pcapng, *kept, &all))
        .count();
    assert_eq!(clean, 9 * 6 - 1, "between two blocks only");
}

#[test]
fn foreign_input_is_named() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (b"\x1f\x9d\x90", "`gzip -dc FILE | tcptrace-states -`"),
        (b"PK\x03\x04", "zip"),
        (b"\x7fELF", "ELF"),
        (b"\n<!DOCTYPE html>", "HTML"),
        (b"{\"a\": 1}", "JSON"),
        (b"12:00:01 IP 10.0.0.1.80 > 10.0.0.2.1000", "text"),
        (&[0; 100], "zeros"),
        (b"\xde\xad\xbe\xef", "de ad be ef"),
    ];
    for (bytes, words) in cases {
        let error = refused(bytes);
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.is_damage());
    }
}

#[test]
fn files_that_cannot_be_opened() {
    let missing = CaptureReader::open(Path::new("/no/such/\u{1b}[31mfile"))
        .map(|_| ())
        .expect_err("missing");
    assert!(matches!(missing, CaptureError::Missing { .. }));
    assert!(!missing.to_string().contains('\u{1b}'));
    let directory = CaptureReader::open(Path::new("/"))
        .map(|_| ())
        .expect_err("a directory");
    assert!(matches!(directory, CaptureError::Directory { .. }), "{directory}");
}

/// Fails behind its octets.
struct Broken(Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        match self.0.read(space)? {
            0 => Err(io::Error::other("the disk is on fire")),
            count => Ok(count),
        }
    }
}

#[test]
fn failures_of_the_input_keep_their_cause() {
    let (packets, error) = drain(Box::new(Broken(Cursor::new(small_pcap(Little))))).expect("a capture");
    assert_eq!(packets.len(), 3);
    let error = error.expect("broken");
    assert!(
        error.is_damage() && error.to_string().contains("the disk is on fire"),
        "{error}"
    );
    let error = drain(Box::new(Broken(Cursor::new(vec![])))).expect_err("broken at once");
    assert!(
        !error.is_damage() && error.to_string().contains("the disk is on fire"),
        "{error}"
    );
}

#[test]
fn many_interfaces_and_options_cost_little() {
    let mut file = section(Little);
    let options = option(Little, 1, b"x").repeat(10);
    file.extend(interface(Little, 101, 0, &options).repeat(100_000));
    file.extend(enhanced(Little, 65_535, 0, 0, 0, b""));
    file.extend(enhanced(Little, 65_536, 0, 0, 0, b""));
    let all = packets(&file);
    assert!(all[0].is_ok());
    assert_eq!(all[1], skipped(2, "unknown-interface"));
}

/// Reads whatever there is; every packet must have the next number.
fn survive(bytes: Vec<u8>) {
    if let Ok((packets, _)) = drain(Box::new(Cursor::new(bytes))) {
        for (index, packet) in packets.iter().enumerate() {
            let number = match packet {
                Ok(frame) => frame.0,
                Err((number, _)) => *number,
            };
            assert_eq!(number, index as u64 + 1);
        }
    }
}

fn any_tail() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0u8), Just(0xff), 0u8..16, any::<u8>()], 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        survive(bytes);
    }

    #[test]
    fn any_bytes_behind_a_magic_are_survived(which in 0usize..7, tail in any_tail()) {
        let magic: [&[u8]; 7] = [
            b"\xd4\xc3\xb2\xa1\x02\0\x04\0",
            b"\xa1\xb2\xc3\xd4\0\x02\0\x04",
            b"\x4d\x3c\xb2\xa1\x02\0\x03\0",
            b"\xa1\xb2\x3c\x4d\0\x02\0\x02",
            b"\x34\xcd\xb2\xa1\x02\0\x04\0",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0",
            b"\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\x01\0\0",
        ];
        survive([magic[which], &tail].concat());
    }

    #[test]
    fn any_block_is_survived(big: bool, kind in prop_oneof![0u32..12, any::<u32>()], body in any_tail()) {
        let order = if big { Big } else { Little };
        let file = [section(order), interface(order, 1, 0, &[]), block(order, kind, &body), small_pcapng(order)];
        survive(file.concat());
    }

    #[test]
    fn any_interface_is_survived(big: bool, options in any_tail(), time: u64) {
        let order = if big { Big } else { Little };
        survive([section(order), interface(order, 1, 0, &options), enhanced(order, 0, time, 0, 0, b"")].concat());
    }

    #[test]
    fn damaged_captures_are_survived(
        big: bool, ng: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let order = if big { Big } else { Little };
        let mut file = if ng { small_pcapng(order) } else { small_pcap(order) };
        for (at, value) in damage {
            let at = at.index(file.len());
            file[at] = value;
        }
        survive(file);
    }
}

#[test]
fn every_flipped_bit_is_survived() {
    let long = [
        small_pcapng(Little),
        small_pcapng(Big),
        small_pcapng(Little),
        small_pcapng(Big),
    ]
    .concat();
    assert!(long.len() > 1_000);
    for whole in [small_pcap(Little), long] {
        for bit in 0..whole.len() * 8 {
            let mut file = whole.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            survive(file);
        }
    }
}
