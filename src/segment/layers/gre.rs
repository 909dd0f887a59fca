//! GRE: version 0 (RFC 2784, 2890, and 1701 with its routing), version 1 for PPTP (RFC 2637), and what it carries.

use super::{Layers, Next, TunnelKind, ethernet};
use crate::capture::Skip;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

const PPP: u16 = 0x880b;
const BRIDGING: u16 = 0x6558;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const WCCP: u16 = 0x883e;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;

/// RFC 7637 reserves the virtual subnets below this one: a key without them is no NVGRE.
const FIRST_VIRTUAL_SUBNET: u32 = 0x1000;

pub(super) fn open(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let (flags, protocol) = (at.be16(0)?, at.be16(2)?);
    match flags & VERSION {
        0 => {}
        1 if protocol == PPP && flags & KEY != 0 => return pptp(at, flags),
        _ => return Err(Skip::BadTunnelHeader),
    }
    at.pass(4)?;
    if flags & (CHECKSUM | ROUTING) != 0 {
        at.pass(4)?;
    }
    let mut key = None;
    if flags & KEY != 0 {
        key = Some(at.be32(0)?);
        at.pass(4)?;
    }
    if flags & SEQUENCE != 0 {
        at.pass(4)?;
    }
    if flags & ROUTING != 0 {
        pass_routes(at)?;
    }
    match protocol {
        ERSPAN if flags & SEQUENCE == 0 => {
            // Type I has no header of its own.
            at.enter(TunnelKind::Erspan, None)?;
            return Ok(Next::Ethernet);
        }
        ERSPAN | ERSPAN_III => return erspan(at),
        BRIDGING
            if flags & (CHECKSUM | SEQUENCE) == 0
                && key.is_some_and(|key| key >> 8 >= FIRST_VIRTUAL_SUBNET) =>
        {
            at.enter(TunnelKind::Nvgre, key.map(|key| u64::from(key >> 8)))?;
            return Ok(Next::Ethernet);
        }
        // A number that would be a length elsewhere: keepalives and the like.
        0..=ethernet::LONGEST_LENGTH => return Err(Skip::Ethertype(protocol)),
        _ => {}
    }
    at.enter(TunnelKind::Gre, key.map(u64::from))?;
    match protocol {
        WCCP => {
            // Version 2 has a header of four octets before the packet; the packet's first octet tells.
            if at.byte(0)? >> 4 != 4 {
                at.pass(4)?;
            }
            Ok(Next::Ip)
        }
        MPLS | MPLS_MULTICAST => Ok(Next::Mpls),
        other => Ok(Next::Ethertype(other)),
    }
}

/// The source routes of RFC 1701, up to the empty one.
fn pass_routes(at: &mut Layers<'_, '_, '_>) -> Result<(), Skip> {
    loop {
        let (family, length) = (at.be16(0)?, usize::from(at.byte(3)?));
        at.pass(length.saturating_add(4))?;
        if family == 0 && length == 0 {
            return Ok(());
        }
    }
}

/// PPTP: the key is payload length and call id; a packet without a sequence number only acknowledges.
fn pptp(at: &mut Layers<'_, '_, '_>, flags: u16) -> Result<Next, Skip> {
    if flags & SEQUENCE == 0 {
        return Err(Skip::TunnelControl);
    }
    at.pass(if flags & ACKNOWLEDGMENT != 0 { 16 } else { 12 })?;
    at.enter(TunnelKind::Pptp, None)?;
    Ok(Next::Ppp)
}

/// ERSPAN types II and III (draft-foschiano-erspan): version 1 has 8 octets, version 2 has 12 and perhaps 8 more.
fn erspan(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const SUBHEADER: u8 = 0x01;
    let session = at.be16(2)? & 0x03ff;
    let header = match at.byte(0)? >> 4 {
        1 => 8,
        2 if at.byte(11)? & SUBHEADER != 0 => 20,
        2 => 12,
        _ => return Err(Skip::BadTunnelHeader),
    };
    at.pass(header)?;
    at.enter(TunnelKind::Erspan, Some(session.into()))?;
    Ok(Next::Ethernet)
}
