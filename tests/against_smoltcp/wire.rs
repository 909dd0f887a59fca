//! Bytes of an IPv4 packet to the tracker's [`Segment`]. On purpose not the parser of the product: what the two have in
//! common is the RFC.

use std::net::{IpAddr, Ipv4Addr};

use tcptrace_states::segment::{Endpoint, Flags, Options, Scope, Segment};
use tcptrace_states::seq::Seq;
use tcptrace_states::time::Timestamp;

/// Reads a whole IPv4/TCP packet. Packet number and time are the tap's business and stay zero.
pub fn parse(packet: &[u8]) -> Segment {
    let word = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    let long = |at: usize| u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]);
    assert_eq!((packet[0] >> 4, packet[9]), (4, 6), "IPv4 with TCP");
    let tcp = usize::from(packet[0] & 0x0f) * 4;
    let payload = tcp + usize::from(packet[tcp + 12] >> 4) * 4;
    let flags = Flags(word(tcp + 12) & 0x1ff);
    let address = |at: usize| IpAddr::V4(Ipv4Addr::from(long(at)));
    Segment {
        packet: 0,
        time: Timestamp::from_ns(0),
        source: Endpoint {
            ip: address(12),
            port: word(tcp),
        },
        destination: Endpoint {
            ip: address(16),
            port: word(tcp + 2),
        },
        scope: Scope::default(),
        seq: Seq(long(tcp + 4)),
        ack: flags.ack().then(|| Seq(long(tcp + 8))),
        raw_ack: long(tcp + 8),
        flags,
        window: word(tcp + 14),
        payload_len: u32::from(word(2)) - payload as u32,
        options: options(&packet[tcp + 20..payload]),
        ip_id: Some(word(4)),
        ttl: packet[8],
        checksum: Some(word(tcp + 16)),
        checksum_state: Default::default(),
        header_cut: false,
        cut: false,
    }
}

fn options(mut list: &[u8]) -> Options {
    let mut options = Options::default();
    while let [kind, rest @ ..] = list {
        match kind {
            0 => break,
            1 => list = rest,
            _ => {
                let length = usize::from(rest[0]);
                let body = &list[2..length];
                let long =
                    |at: usize| u32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
                match kind {
                    2 => options.mss = Some(u16::from_be_bytes([body[0], body[1]])),
                    3 => options.window_scale = Some(body[0]),
                    4 => options.sack_permitted = true,
                    5 => {
                        for (slot, block) in options.sack.iter_mut().zip(0..body.len() / 8) {
                            *slot = Some((Seq(long(block * 8)), Seq(long(block * 8 + 4))));
                        }
                    }
                    8 => options.timestamps = Some((long(0), long(4))),
                    _ => {}
                }
                list = &list[length..];
            }
        }
    }
    options
}

/// The same segment of a connection whose sequence numbers start elsewhere: `own` is added to the numbers of its
/// sender, `peer` to those of its receiver. So the numbers can be put next to the wrap of 2^32.
pub fn shifted(mut seg: Segment, own: u32, peer: u32) -> Segment {
    seg.seq = seg.seq.plus(own);
    seg.ack = seg.ack.map(|ack| ack.plus(peer));
    seg.raw_ack = seg.ack.map_or(seg.raw_ack, |ack| ack.0);
    for (left, right) in seg.options.sack.iter_mut().flatten() {
        *left = left.plus(peer);
        *right = right.plus(peer);
    }
    seg
}

/// Lowers the MSS option of a SYN, as routers before a narrow path do. The checksum is left wrong.
pub fn clamp_mss(packet: &mut [u8], mss: u16) {
    let tcp = usize::from(packet[0] & 0x0f) * 4;
    // smoltcp puts the option first.
    if packet[tcp + 13] & Flags::SYN as u8 != 0 && packet[tcp + 20..tcp + 22] == [2, 4] {
        packet[tcp + 22..tcp + 24].copy_from_slice(&mss.to_be_bytes());
    }
}

/// Puts another TSecr into the timestamp option, if there is one. The checksum is left wrong.
pub fn set_echo(packet: &mut [u8], echo: u32) {
    let tcp = usize::from(packet[0] & 0x0f) * 4;
    let end = tcp + usize::from(packet[tcp + 12] >> 4) * 4;
    let mut at = tcp + 20;
    while at < end && packet[at] != 0 {
        match packet[at] {
            1 => at += 1,
            8 => return packet[at + 6..at + 10].copy_from_slice(&echo.to_be_bytes()),
            _ => at += usize::from(packet[at + 1]),
        }
    }
}
