//! PPP (RFC 1661) in its framings, Cisco HDLC and Frame Relay.

use super::{Layers, Next};
use crate::capture::Skip;

/// Address and control may have been left out, the protocol may be compressed to one octet (RFC 1661, 1662).
pub(super) fn open(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    if at.bytes.starts_with(&[0xff, 0x03]) {
        at.pass(2)?;
    }
    protocol(at)
}

fn protocol(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let first = at.byte(0)?;
    if first & 1 == 1 {
        at.pass(1)?;
        return Ok(Next::PppContent(first.into()));
    }
    let number = at.be16(0)?;
    at.pass(2)?;
    Ok(Next::PppContent(number))
}

/// What a PPP protocol number announces.
pub(super) fn content(at: &mut Layers<'_, '_, '_>, number: u16) -> Result<Next, Skip> {
    match number {
        0x0021 | 0x0057 => Ok(Next::Ip),
        0x0281 | 0x0283 => Ok(Next::Mpls),
        0x003d => multilink(at),
        // Bridged frames (RFC 3518): flags, which of them is Ethernet, perhaps a LAN, then padding up to the frame.
        0x0031 => {
            let (flags, kind) = (at.byte(0)?, at.byte(1)?);
            if kind != 1 {
                return Err(Skip::PppProtocol(number));
            }
            at.pass(if flags & 0x40 != 0 { 6 } else { 2 })?;
            Ok(Next::Ethernet)
        }
        other => Err(Skip::PppProtocol(other)),
    }
}

/// Multilink (RFC 1990): read where one link carries the whole packet. Four octets of header, or two if both ends agreed on
/// short sequence numbers; the one behind which a known protocol stands.
fn multilink(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const WHOLE: u8 = 0xc0;
    if at.byte(0)? & WHOLE != WHOLE {
        return Err(Skip::PppFragment);
    }
    let known = |header: usize| match at.bytes.get(header..) {
        Some([0x21 | 0x57, ..] | [0, 0x21 | 0x57, ..]) => true,
        Some(_) | None => false,
    };
    let header = [4, 2].into_iter().find(|header| known(*header));
    at.pass(header.unwrap_or(4))?;
    protocol(at)
}

/// Cisco HDLC: address, control and an EtherType.
pub(super) fn cisco_hdlc(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let number = at.be16(2)?;
    at.pass(4)?;
    Ok(Next::Ethertype(number))
}

/// Frame Relay: an address of two to four octets, then a control octet and an NLPID (RFC 2427), or Cisco's EtherType.
pub(super) fn frame_relay(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const LONGEST_ADDRESS: usize = 4;
    let address = at.bytes.iter().take(LONGEST_ADDRESS);
    let address = match address.clone().position(|octet| octet & 1 == 1) {
        Some(last) => last.saturating_add(1),
        None if address.len() < LONGEST_ADDRESS => return Err(at.cut()),
        None => return Err(Skip::BadLinkHeader),
    };
    at.pass(address)?;
    if at.byte(0)? != 0x03 {
        let number = at.be16(0)?;
        at.pass(2)?;
        return Ok(Next::Ethertype(number));
    }
    at.pass(1)?;
    if at.byte(0)? == 0 {
        at.pass(1)?; // padding
    }
    match at.byte(0)? {
        0xcc | 0x8e => {
            at.pass(1)?;
            Ok(Next::Ip)
        }
        0xcf => {
            at.pass(1)?;
            Ok(Next::Ppp)
        }
        0x80 => match *at.bytes {
            [_, 0, 0, 0, high, low, ..] => {
                at.pass(6)?;
                Ok(Next::Ethertype(u16::from_be_bytes([high, low])))
            }
            [_, 0, 0x80, 0xc2, 0, 1 | 7, ..] => {
                at.pass(6)?;
                Ok(Next::Ethernet)
            }
            [_, _, _, _, _, _, ..] => Err(Skip::Nlpid(0x80)),
            _ => Err(at.cut()),
        },
        other => Err(Skip::Nlpid(other)),
    }
}
