//! The short way to TCP for what most frames are: Ethernet, perhaps one VLAN tag, then an IP header without options or
//! extensions, not in fragments.
//!
//! It gives what `layers` gives for such a frame (a test holds them equal), or nothing: then `layers` is asked. Ordinary UDP, of
//! which there may be as much, is told as quickly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Scope;
use super::layers::ip::{IpPacket, TCP, UDP};
use super::layers::udp::is_ordinary;
use super::layers::{be16, be32};
use super::lean::{Lean, LeanIp, Wide};
use crate::capture::Frame;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;

/// What a [`Lean`] is read from: what IP says, the TCP header without options, and all that was captured behind it.
type Headers<'a> = (LeanIp, &'a [u8; 20], &'a [u8]);

/// The segment in an Ethernet frame without tags, over IPv4 without options, if it has no option but timestamps in their usual
/// form, and all that was captured of it. Its checksum is not verified.
#[inline(always)]
pub(super) fn lean_v4(frame: &Frame<'_>) -> Option<Lean> {
    let (ip, tcp, options) = headers_v4(frame)?;
    Lean::read(&ip, tcp, options)
}

/// As [`lean_v4`], over IPv6 without extensions. Its addresses are added to `wide`.
#[inline(always)]
pub(super) fn lean_v6(frame: &Frame<'_>, wide: &mut Wide) -> Option<Lean> {
    over_v6(frame, wide, Lean::read)
}

/// As [`lean_v4`] and [`lean_v6`], of a SYN with the options of most.
pub(super) fn lean_syn(frame: &Frame<'_>, wide: &mut Wide) -> Option<Lean> {
    match headers_v4(frame) {
        Some((ip, tcp, options)) => Lean::read_syn(&ip, tcp, options),
        None => over_v6(frame, wide, Lean::read_syn),
    }
}

#[inline(always)]
fn headers_v4<'a>(frame: &Frame<'a>) -> Option<Headers<'a>> {
    if be16(frame.bytes, 12)? != IPV4 {
        return None;
    }
    let packet = frame.bytes.get(14..)?;
    let (headers, options) = packet.split_first_chunk::<40>()?;
    let (ip, tcp) = headers.split_first_chunk::<20>()?;
    // Neither more fragments nor an offset.
    if ip[0] != 0x45 || ip[9] != TCP || be16(ip, 6)? & 0x3fff != 0 {
        return None;
    }
    let total = be16(ip, 2)?;
    let ip = LeanIp {
        packet: frame.number,
        time: frame.time,
        addresses: [be32(ip, 12)?, be32(ip, 16)?],
        id: Some(be16(ip, 4)?),
        ttl: ip[8],
        payload: total.checked_sub(20)?,
        cut: packet.len() < usize::from(total),
    };
    Some((ip, tcp.first_chunk()?, options))
}

#[inline(always)]
fn over_v6(
    frame: &Frame<'_>,
    wide: &mut Wide,
    read: impl FnOnce(&LeanIp, &[u8; 20], &[u8]) -> Option<Lean>,
) -> Option<Lean> {
    if be16(frame.bytes, 12)? != IPV6 {
        return None;
    }
    let packet = frame.bytes.get(14..)?;
    let (headers, options) = packet.split_first_chunk::<60>()?;
    let (ip, tcp) = headers.split_first_chunk::<40>()?;
    let payload = be16(ip, 4)?;
    // Without a length it was captured before the network card split it.
    if ip[0] >> 4 != 6 || ip[6] != TCP || payload == 0 {
        return None;
    }
    let address = |at: usize| Some(Ipv6Addr::from(*ip.get(at..)?.first_chunk::<16>()?));
    let addresses = [address(8)?, address(24)?];
    let ip = LeanIp {
        packet: frame.number,
        time: frame.time,
        addresses: [u32::try_from(wide.len()).ok()?, 0],
        id: None,
        ttl: ip[7],
        payload,
        cut: packet.len() < ip.len() + usize::from(payload),
    };
    let lean = read(&ip, tcp.first_chunk()?, options)?;
    wide.push(addresses);
    Some(lean)
}

/// Whether an Ethernet frame without tags holds ordinary UDP, over IP without options or extensions.
pub(super) fn is_udp(frame: &[u8]) -> bool {
    const HEADER: u16 = 8;
    let ordinary = |udp: &[u8]| {
        let ports = be16(udp, 0).zip(be16(udp, 2));
        ports.is_some_and(|(source, destination)| is_ordinary(source, destination))
    };
    let Some(packet) = frame.get(14..) else {
        return false;
    };
    match be16(frame, 12) {
        Some(IPV4) => packet.split_first_chunk::<20>().is_some_and(|(ip, udp)| {
            let [0x45, _, t0, t1, _, _, split0, split1, _, UDP, ..] = *ip else {
                return false;
            };
            let [total, split] = [[t0, t1], [split0, split1]].map(u16::from_be_bytes);
            // Neither more fragments nor an offset.
            split & 0x3fff == 0 && total >= ip.len() as u16 + HEADER && ordinary(udp)
        }),
        Some(IPV6) => packet.split_first_chunk::<40>().is_some_and(|(ip, udp)| {
            let [0x60..=0x6f, _, _, _, l0, l1, UDP, ..] = *ip else {
                return false;
            };
            u16::from_be_bytes([l0, l1]) >= HEADER && ordinary(udp)
        }),
        _ => false,
    }
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
