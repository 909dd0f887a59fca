//! The short way to TCP for what most frames are: Ethernet, perhaps one VLAN tag, then an IP header without options or
//! extensions, not in fragments.
//!
//! It gives what `layers` gives for such a frame (a test holds them equal), or nothing: then `layers` is asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::layers::be16;
use super::layers::ip::{IpPacket, TCP};
use super::{ChecksumState, Endpoint, Flags, Options, Scope, Segment, options};
use crate::capture::Frame;
use crate::seq::Seq;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;

/// Octets of an IPv4 header without options and a TCP header without.
const HEADERS: usize = 40;

/// The segment in an Ethernet frame with at most one tag, over IPv4 without options, if both headers were captured and nothing
/// about them is unusual. Its checksum is not verified.
#[inline(always)]
pub(super) fn read(frame: &Frame<'_>, segment: &mut Segment) -> Option<()> {
    let mut scope = Scope::default();
    let packet = match be16(frame.bytes, 12)? {
        IPV4 => frame.bytes.get(14..)?,
        VLAN if be16(frame.bytes, 16)? == IPV4 => {
            scope.vlans[0] = (be16(frame.bytes, 14)? & 0x0fff) + 1;
            frame.bytes.get(18..)?
        }
        _ => return None,
    };
    let headers: &[u8; HEADERS] = packet.first_chunk()?;
    let short = |at: usize| u16::from_be_bytes([headers[at], headers[at + 1]]);
    let word =
        |at: usize| u32::from_be_bytes([headers[at], headers[at + 1], headers[at + 2], headers[at + 3]]);
    // Neither more fragments nor an offset.
    if headers[0] != 0x45 || headers[9] != TCP || short(6) & 0x3fff != 0 {
        return None;
    }
    let total = usize::from(short(2));
    let header_len = usize::from(headers[32] >> 4) * 4;
    let payload_len = u32::from(short(2)).checked_sub(20 + u32::from(headers[32] >> 4) * 4)?;
    let options_len = header_len.checked_sub(20)?;
    if options_len > 0 {
        let captured = packet.get(HEADERS..total).or_else(|| packet.get(HEADERS..))?;
        options::read_into(captured, options_len, &mut segment.options);
    } else {
        segment.options = Options::default();
    }
    let flags = Flags(short(32) & 0x1ff);
    let end = |at: usize, port: u16| Endpoint {
        ip: IpAddr::V4(Ipv4Addr::from_bits(word(at))),
        port,
    };
    // All of them: a field that is forgotten here is one too few.
    let Segment {
        packet: number,
        time,
        source,
        destination,
        scope: to_scope,
        seq,
        ack,
        raw_ack,
        flags: to_flags,
        window,
        payload_len: to_payload_len,
        options: _,
        ip_id,
        ttl,
        checksum,
        checksum_state,
        header_cut,
        cut,
    } = segment;
    *number = frame.number;
    *time = frame.time;
    *source = end(12, short(20));
    *destination = end(16, short(22));
    *to_scope = scope;
    *seq = Seq(word(24));
    *ack = flags.ack().then_some(Seq(word(28)));
    *raw_ack = word(28);
    *to_flags = flags;
    *window = short(34);
    *to_payload_len = payload_len;
    *ip_id = Some(short(4));
    *ttl = headers[8];
    *checksum = Some(short(36));
    *checksum_state = ChecksumState::NotVerified;
    *header_cut = packet.len() < 20 + header_len;
    *cut = packet.len() < total;
    Some(())
}

/// The IP packet in an Ethernet frame, and its tag.
#[inline(always)]
pub(super) fn open(frame: &[u8]) -> Option<(Scope, IpPacket<'_>)> {
    let mut scope = Scope::default();
    match be16(frame, 12)? {
        IPV4 => Some((scope, v4(frame.get(14..)?)?)),
        IPV6 => Some((scope, v6(frame.get(14..)?)?)),
        VLAN => {
            scope.vlans[0] = (be16(frame, 14)? & 0x0fff) + 1;
            let packet = frame.get(18..)?;
            match be16(frame, 16)? {
                IPV4 => Some((scope, v4(packet)?)),
                IPV6 => Some((scope, v6(packet)?)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[inline(always)]
fn v4(packet: &[u8]) -> Option<IpPacket<'_>> {
    let (header, rest) = packet.split_first_chunk::<20>()?;
    let [
        0x45,
        _,
        total0,
        total1,
        id0,
        id1,
        split0,
        split1,
        ttl,
        TCP,
        _,
        _,
        source @ ..,
        d0,
        d1,
        d2,
        d3,
    ] = *header
    else {
        return None;
    };
    // Neither more fragments nor an offset.
    if u16::from_be_bytes([split0, split1]) & 0x3fff != 0 {
        return None;
    }
    let payload_len = usize::from(u16::from_be_bytes([total0, total1])).checked_sub(header.len())?;
    Some(IpPacket {
        source: IpAddr::V4(Ipv4Addr::from(source)),
        destination: IpAddr::V4(Ipv4Addr::from([d0, d1, d2, d3])),
        id: Some(u16::from_be_bytes([id0, id1])),
        ttl,
        v4_header: Some(header),
        payload: rest.get(..payload_len).unwrap_or(rest),
        payload_len,
    })
}

#[inline]
fn v6(packet: &[u8]) -> Option<IpPacket<'_>> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let [0x60..=0x6f, _, _, _, length0, length1, TCP, ttl, addresses @ ..] = header else {
        return None;
    };
    let payload_len = usize::from(u16::from_be_bytes([*length0, *length1]));
    if payload_len == 0 {
        return None; // a packet that was captured before the network card split it
    }
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    Some(IpPacket {
        source: IpAddr::V6(Ipv6Addr::from(*source)),
        destination: IpAddr::V6(Ipv6Addr::from(*destination.first_chunk::<16>()?)),
        id: None,
        ttl: *ttl,
        v4_header: None,
        payload: rest.get(..payload_len).unwrap_or(rest),
        payload_len,
    })
}
