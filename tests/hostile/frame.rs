//! Octets as frames, one after another through one decoder: each gives a segment, or the reason why not.
//!
//! A frame is written as: one octet that chooses the link type ([`LINKS`]), one octet for the rest (low half: by how much
//! the frame was longer on the wire; high half: how much later it came), two octets of length, the frame.

use tcptrace_states::capture::{Frame, LinkType, Skip};
use tcptrace_states::segment::{Decoder, Segment};
use tcptrace_states::time::Timestamp;

use super::assert_inert;
use super::bytes::Bytes;

/// The link types most worth trying; a number beyond the list is followed by the link type itself.
pub const LINKS: [u16; 64] = [
    0, 1, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18, 50, 51, 99, 100, 101, 104, 105, 106, 107, 108, 109, 113, 114,
    117, 119, 120, 122, 127, 129, 138, 141, 143, 147, 163, 166, 169, 182, 187, 189, 192, 195, 203, 204, 205,
    209, 220, 226, 228, 229, 235, 239, 240, 242, 247, 249, 253, 258, 266, 272, 274, 276, 289,
];

/// Frames taken of one input.
const MOST_FRAMES: u64 = 64;

/// Octets that a segment's IP packet can have beyond what its own length fields tell.
const IP_PACKET: u32 = 65_535 + 40;

pub fn survive(input: &[u8]) {
    let frames = split(input);
    let mut decoder = Decoder::default();
    let mut again = Decoder::default();
    for frame in &frames {
        let first = decoder.decode(frame).copied();
        check(frame, &first);
        let second = again.decode(frame).copied();
        assert_eq!(
            first.map(facts),
            second.map(facts),
            "the same frames, another result"
        );
    }
}

fn split(input: &[u8]) -> Vec<Frame<'_>> {
    let mut left = Bytes(input);
    let mut time = Timestamp::from_ns(1_700_000_000_000_000_000);
    let mut frames = Vec::new();
    for number in 1..=MOST_FRAMES {
        if left.is_empty() {
            break;
        }
        let link = match LINKS.get(usize::from(left.u8())) {
            Some(link) => *link,
            None => left.u16(),
        };
        let more = left.u8();
        let length = usize::from(left.u16());
        let bytes = left.take(length);
        let captured = bytes.len() as u32;
        time = time.plus(i64::from(more >> 4).pow(4) * 1_000_000);
        frames.push(Frame {
            number,
            time,
            link: LinkType(u32::from(link)),
            bytes,
            original_len: match more & 15 {
                0..=11 => captured,
                12 => captured.saturating_add(40),
                13 => 65_535,
                14 => 0,
                _ => u32::MAX,
            },
            interface: 0,
            direction: None,
            process: None,
        });
    }
    frames
}

/// What a segment says.
fn facts(segment: Segment) -> impl PartialEq + std::fmt::Debug {
    let numbers = (
        segment.seq,
        segment.raw_ack,
        segment.flags,
        segment.window,
        segment.payload_len,
    );
    let ends = (segment.source, segment.destination, segment.scope);
    (ends, numbers, segment.options, segment.checksum, segment.cut)
}

fn check(frame: &Frame<'_>, told: &Result<Segment, Skip>) {
    match told {
        Err(reason) => {
            let name = reason.name();
            assert!(!name.is_empty() && name.len() < 200, "{name}");
            assert_inert(&name);
        }
        Ok(segment) => {
            assert_eq!((segment.packet, segment.time), (frame.number, frame.time));
            assert_eq!(segment.ack.is_some(), segment.flags.ack());
            assert!(segment.ack.is_none_or(|ack| ack.0 == segment.raw_ack));
            assert!(
                segment.payload_len <= frame.original_len.max(IP_PACKET),
                "{segment:?}"
            );
            assert!(segment.flags.0 < 0x200);
            assert!(segment.cut || !segment.header_cut, "a cut header is a cut packet");
            let _ = segment.seq_end();
        }
    }
}
