//! Broken, foreign and hostile input through the public reader.

mod captures;

use std::io::{self, Cursor, Read};
use std::path::Path;

use captures::*;
use proptest::prelude::*;
use tcptrace_states::capture::{CaptureError, CaptureReader};

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
    let (packets, error) = read(&[small_pcapng(Big), vec![0; 5_000], small_pcapng(Big)].concat());
    assert_eq!(packets.len(), 4);
    assert!(matches!(error, Some(CaptureError::Corrupt { .. })));
}

#[test]
fn absurd_lengths_are_corrupt() {
    for (snap_length, captured, fine) in [
        (0, 262_144, true),
        (0, 262_145, false),
        (300_000, 300_000, true),
        (u32::MAX, 17 << 20, false),
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
fn foreign_input_is_named() {
    let cases: [(&[u8], &str); 14] = [
        (b"", "empty"),
        (b"\x1f\x8b\x08\0", "`gzip -dc FILE | tcptrace-states -`"),
        (b"\x28\xb5\x2f\xfd", "`zstd -dc FILE | tcptrace-states -`"),
        (b"\xfd7zXZ\0", "`xz -dc"),
        (b"BZh9", "`bzip2 -dc"),
        (b"\x04\x22\x4d\x18", "`lz4 -dc"),
        (b"PK\x03\x04", "zip"),
        (b"\x7fELF", "ELF"),
        (b"snoop\0\0\0", "snoop"),
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
    for whole in [small_pcap(Little), small_pcapng(Little), small_pcapng(Big)] {
        for bit in 0..whole.len() * 8 {
            let mut file = whole.clone();
            file[bit / 8] ^= 1 << (bit % 8);
            survive(file);
        }
    }
}
