//! Tunnels over UDP: told by their port and by a header that makes sense there. All else is ordinary UDP.

use super::{Layers, Next, TunnelKind, ethernet, is_ethernet, is_ip, l2tp};
use crate::capture::Skip;

const VXLAN: u16 = 4789;
/// Where Linux had VXLAN before it got a number.
const VXLAN_OF_LINUX: u16 = 8472;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const L2TP: u16 = 1701;
const MPLS: u16 = 6635;
const SFLOW: u16 = 6343;
const CAPWAP_DATA: u16 = 5247;

/// UDP's number in IP.
const UDP: u8 = 17;
/// Length of a UDP header, octets.
const HEADER: usize = 8;

/// Whether a tunnel is known at one of these ports.
pub(super) fn is_tunnel(source: u16, destination: u16) -> bool {
    matches!(source, TEREDO | L2TP)
        || matches!(
            destination,
            VXLAN | VXLAN_OF_LINUX | VXLAN_GPE | GENEVE | GTP_U | TEREDO | L2TP | MPLS
        )
}

/// Whether nothing but UDP is known at any of these ports.
pub(in crate::segment) fn is_ordinary(source: u16, destination: u16) -> bool {
    !is_tunnel(source, destination) && !matches!(destination, SFLOW | CAPWAP_DATA)
}

pub(super) fn open(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let ordinary = Skip::IpProtocol(UDP);
    let (Ok(source), Ok(destination)) = (at.be16(0), at.be16(2)) else {
        return Err(ordinary);
    };
    if !is_tunnel(source, destination) {
        return Err(match destination {
            // Headers of packets that an agent picked at random: no capture of any connection.
            SFLOW if at.be32(8) == Ok(5) => Skip::SflowSample,
            CAPWAP_DATA => Skip::CapwapData,
            _ => ordinary,
        });
    }
    at.pass(HEADER).map_err(|_| ordinary)?;
    let next = match (source, destination) {
        (_, VXLAN | VXLAN_OF_LINUX) => vxlan(at)?,
        (_, VXLAN_GPE) => vxlan_gpe(at)?,
        (_, GENEVE) => geneve(at)?,
        (_, GTP_U) => gtp(at)?,
        (_, MPLS) => {
            at.enter(TunnelKind::MplsInIp, None)?;
            Some(Next::Mpls)
        }
        (L2TP, _) | (_, L2TP) => l2tp::over_udp(at)?,
        _ => teredo(at)?,
    };
    next.ok_or(ordinary)
}

/// RFC 7348: a flag, and 24 bits of network identifier. Receivers ignore the other bits, of which some have a meaning in
/// extensions; where one is set, a known frame must follow.
fn vxlan(at: &mut Layers<'_, '_, '_>) -> Result<Option<Next>, Skip> {
    const VALID: u8 = 0x08;
    let (flags, network) = (at.byte(0)?, at.be32(4)? >> 8);
    at.pass(8)?;
    if flags & VALID == 0 || flags != VALID && !is_ethernet(at.bytes) {
        return Ok(None);
    }
    at.enter(TunnelKind::Vxlan, Some(network.into()))?;
    Ok(Some(Next::Ethernet))
}

/// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe): the header says what follows.
fn vxlan_gpe(at: &mut Layers<'_, '_, '_>) -> Result<Option<Next>, Skip> {
    const VALID: u8 = 0x08;
    const HAS_PROTOCOL: u8 = 0x04;
    let (flags, protocol, network) = (at.byte(0)?, at.byte(3)?, at.be32(4)? >> 8);
    if flags & VALID == 0 || flags & 0xc0 != 0 {
        return Ok(None);
    }
    let next = match flags & HAS_PROTOCOL {
        0 => Next::Ethernet,
        _ => match ethernet::numbered_by_gpe(protocol) {
            Ok(next) => next,
            Err(_) => return Ok(None),
        },
    };
    at.pass(8)?;
    at.enter(TunnelKind::Vxlan, Some(network.into()))?;
    Ok(Some(next))
}

/// RFC 8926: version 0, reserved bits 0, options.
fn geneve(at: &mut Layers<'_, '_, '_>) -> Result<Option<Next>, Skip> {
    let (first, flags, protocol, network) = (at.byte(0)?, at.byte(1)?, at.be16(2)?, at.be32(4)? >> 8);
    let next = match protocol {
        0x6558 => Next::Ethernet,
        ethernet::IPV4 | ethernet::IPV6 | 0x8847 | 0x894f => Next::Ethertype(protocol),
        _ => return Ok(None),
    };
    if first >> 6 != 0 || flags & 0x3f != 0 {
        return Ok(None);
    }
    let options = usize::from(first & 0x3f).saturating_mul(4);
    at.pass(options.saturating_add(8))?;
    at.enter(TunnelKind::Geneve, Some(network.into()))?;
    Ok(Some(next))
}

/// 3GPP TS 29.281: version 1, a message type, a length, an endpoint identifier, perhaps four octets and extension headers.
fn gtp(at: &mut Layers<'_, '_, '_>) -> Result<Option<Next>, Skip> {
    const PACKET: u8 = 255;
    const ANY_OPTIONAL: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    let (flags, message, length) = (at.byte(0)?, at.byte(1)?, at.be16(2)?);
    if flags & 0xf8 != 0x30 || usize::from(length).saturating_add(8) > at.wire {
        return Ok(None);
    }
    if message != PACKET {
        return Err(Skip::TunnelControl);
    }
    at.pass(8)?;
    if flags & ANY_OPTIONAL != 0 {
        let mut extension = if flags & EXTENSION != 0 { at.byte(3)? } else { 0 };
        at.pass(4)?;
        while extension != 0 {
            let octets = usize::from(at.byte(0)?).saturating_mul(4);
            let Some(last) = octets.checked_sub(1) else {
                return Err(Skip::BadTunnelHeader);
            };
            extension = at.byte(last)?;
            at.pass(octets)?;
        }
    }
    if !is_ip(at.bytes) {
        return Err(if at.bytes.is_empty() {
            Skip::TunnelHeaderCut
        } else {
            Skip::BadTunnelHeader
        });
    }
    at.enter(TunnelKind::GtpU, None)?;
    Ok(Some(Next::Ip))
}

/// RFC 4380: perhaps an authentication and an origin header, then IPv6.
fn teredo(at: &mut Layers<'_, '_, '_>) -> Result<Option<Next>, Skip> {
    if at.bytes.starts_with(&[0, 1]) {
        let (client, value) = (usize::from(at.byte(2)?), usize::from(at.byte(3)?));
        at.pass(client.saturating_add(value).saturating_add(13))?;
    }
    if at.bytes.starts_with(&[0, 0]) {
        at.pass(8)?;
    }
    if at.byte(0)? >> 4 != 6 {
        return Ok(None);
    }
    at.enter(TunnelKind::Teredo, None)?;
    Ok(Some(Next::Ip))
}
