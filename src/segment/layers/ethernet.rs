//! Ethernet II and IEEE 802.3 with LLC and SNAP, and what EtherTypes announce.

use super::{Layers, Next, TunnelKind};
use crate::capture::Skip;

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;

/// The largest value of an Ethernet type field that is a length (IEEE 802.3 section 3.2.6).
pub(super) const LONGEST_LENGTH: u16 = 1500;

/// The destinations of ISL frames, their first five octets.
const ISL: [[u8; 5]; 2] = [[0x01, 0, 0x0c, 0, 0], [0x0c, 0, 0x0c, 0, 0]];

/// Two addresses and a type or a length.
pub(super) fn frame(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let number = at.be16(12)?;
    if number <= LONGEST_LENGTH && ISL.iter().any(|destination| at.bytes.starts_with(destination)) {
        // Cisco ISL: 26 octets around a whole frame, its VLAN in the upper 15 bits of a field at 20.
        let tag = at.be16(20)? >> 1;
        at.tag(tag)?;
        at.pass(26)?;
        return Ok(Next::Ethernet);
    }
    at.pass(14)?;
    content(at, number)
}

/// What an EtherType announces; a number that is a length announces LLC.
pub(super) fn content(at: &mut Layers<'_, '_, '_>, number: u16) -> Result<Next, Skip> {
    match number {
        IPV4 | IPV6 => Ok(Next::Ip),
        // IEEE 802.1Q, 802.1ad, and what was used for the outer tag before it.
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
            let (tag, inner) = (at.be16(0)?, at.be16(2)?);
            at.tag(tag)?;
            at.pass(4)?;
            Ok(Next::Ethertype(inner))
        }
        // Linux cooked headers use small numbers too, for content that is never SNAP.
        0..=LONGEST_LENGTH => Ok(Next::Llc),
        0x8847 | 0x8848 => Ok(Next::Mpls),
        0x8864 => pppoe(at),
        0x880b => Ok(Next::Ppp),
        0x6558 => Ok(Next::Ethernet),
        // Tags that say nothing of the 4-tuple: what they hold differs by direction.
        0x893f => tagged(at, 6), // E-TAG (IEEE 802.1BR)
        0x8926 => tagged(at, 4), // VN-TAG
        0x8909 => tagged(at, 6), // Cisco metadata
        0x892f => tagged(at, 4), // HSR (IEC 62439-3)
        0x88e5 => macsec(at),
        // IEEE 802.1ah: flags, 24 bits of I-SID, then a whole frame.
        0x88e7 => {
            let service = at.be32(0)? & 0x00ff_ffff;
            at.enter_below_ip(TunnelKind::Pbb, Some(service.into()))?;
            at.pass(4)?;
            Ok(Next::Ethernet)
        }
        // FabricPath: forwarding tag and time to live, then a whole frame.
        0x8903 => {
            at.enter_below_ip(TunnelKind::FabricPath, None)?;
            at.pass(2)?;
            Ok(Next::Ethernet)
        }
        0x22f3 => trill(at),
        0x894f => service_header(at),
        other => Err(Skip::Ethertype(other)),
    }
}

/// Passes over a tag; the EtherType of what follows stands behind it.
fn tagged(at: &mut Layers<'_, '_, '_>, octets: usize) -> Result<Next, Skip> {
    let inner = at.be16(octets)?;
    at.pass(octets.saturating_add(2))?;
    Ok(Next::Ethertype(inner))
}

/// IEEE 802.2: LLC with SNAP, with IP's own number, or with an NLPID.
pub(super) fn llc(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    match *at.bytes {
        [0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8, high, low, ..] => {
            at.pass(8)?;
            match u16::from_be_bytes([high, low]) {
                // A length makes no sense here: it would be LLC in LLC.
                number @ 0..=LONGEST_LENGTH => Err(Skip::Ethertype(number)),
                number => Ok(Next::Ethertype(number)),
            }
        }
        // Ethernet bridged in other media (RFC 2427, 2684): with padding, and with or without a check sequence.
        [0xaa, 0xaa, 0x03, 0, 0x80, 0xc2, 0, 1 | 7, ..] => {
            at.pass(8)?;
            Ok(Next::Ethernet)
        }
        [0xaa, 0xaa, 0x03, _, _, _, _, _, ..] => Err(Skip::Llc),
        [0x06, 0x06, 0x03, ..] => {
            at.pass(3)?;
            Ok(Next::Ip)
        }
        [0xfe, 0xfe, 0x03, 0xcc | 0x8e, ..] => {
            at.pass(4)?;
            Ok(Next::Ip)
        }
        [first, second, _, ..] if (first, second) != (0xaa, 0xaa) => Err(Skip::Llc),
        _ => Err(at.cut()),
    }
}

/// PPPoE (RFC 2516): the session is the same in both directions.
pub(super) fn pppoe(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let (version_and_type, code, session) = (at.byte(0)?, at.byte(1)?, at.be16(2)?);
    if (version_and_type, code) != (0x11, 0) {
        return Err(Skip::BadLinkHeader);
    }
    at.pass(6)?;
    at.enter_below_ip(TunnelKind::Pppoe, Some(session.into()))?;
    Ok(Next::Ppp)
}

/// MACsec (IEEE 802.1AE): readable where it only protects the frame's integrity.
fn macsec(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const CHECK_VALUE: usize = 16;
    let control = at.byte(0)?;
    if control & 0x80 != 0 {
        return Err(Skip::BadLinkHeader); // a version that is not defined
    }
    if control & 0x0c != 0 {
        return Err(Skip::EncryptedMacsec);
    }
    let header = if control & 0x20 != 0 { 14 } else { 6 };
    at.drop_trailer(CHECK_VALUE);
    tagged(at, header)
}

/// TRILL (RFC 6325 section 3): six octets, options, then a whole frame.
fn trill(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let first = at.be16(0)?;
    if first >> 14 != 0 {
        return Err(Skip::BadLinkHeader);
    }
    let options = usize::from((first >> 6) & 0x1f).saturating_mul(4);
    at.pass(options.saturating_add(6))?;
    at.enter_below_ip(TunnelKind::Trill, None)?;
    Ok(Next::Ethernet)
}

/// The network service header (RFC 8300). Its path differs by direction.
pub(super) fn service_header(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let (first, protocol) = (at.be16(0)?, at.byte(3)?);
    let length = usize::from(first & 0x3f).saturating_mul(4);
    if first >> 14 != 0 || length < 8 {
        return Err(Skip::BadTunnelHeader);
    }
    at.pass(length)?;
    numbered_by_gpe(protocol)
}

/// What follows a network service header or VXLAN-GPE, which share one list of numbers.
pub(super) fn numbered_by_gpe(protocol: u8) -> Result<Next, Skip> {
    match protocol {
        1 | 2 => Ok(Next::Ip),
        3 => Ok(Next::Ethernet),
        4 => Ok(Next::Ethertype(0x894f)),
        5 => Ok(Next::Mpls),
        _ => Err(Skip::BadTunnelHeader),
    }
}
