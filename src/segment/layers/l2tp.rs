//! L2TP: version 2 over UDP (RFC 2661), version 3 over UDP and directly in IP (RFC 3931).

use super::{Layers, Next, TunnelKind, is_ethernet, is_ip};
use crate::capture::Skip;

const CONTROL: u16 = 0x8000;
const LENGTH: u16 = 0x4000;
const SEQUENCE: u16 = 0x0800;
const OFFSET: u16 = 0x0200;
/// Bits that are zero in every data message of version 2.
const RESERVED: u16 = 0x34f0;

/// L2TP behind a UDP header; `None` if these octets are no L2TP header.
pub(super) fn over_udp(at: &mut Layers<'_, '_, '_>) -> Result<Option<Next>, Skip> {
    let flags = at.be16(0)?;
    match flags & 0x000f {
        2 | 3 if flags & CONTROL != 0 && flags & LENGTH != 0 => Err(Skip::TunnelControl),
        2 if flags & RESERVED == 0 && flags & CONTROL == 0 => version_2(at, flags).map(Some),
        3 if flags & 0xfff0 == 0 => {
            at.pass(4)?;
            session(at).map(Some)
        }
        _ => Ok(None),
    }
}

fn version_2(at: &mut Layers<'_, '_, '_>, flags: u16) -> Result<Next, Skip> {
    at.pass(if flags & LENGTH != 0 { 8 } else { 6 })?;
    if flags & SEQUENCE != 0 {
        at.pass(4)?;
    }
    if flags & OFFSET != 0 {
        let padding = usize::from(at.be16(0)?);
        at.pass(padding.saturating_add(2))?;
    }
    at.enter(TunnelKind::L2tp, None)?;
    Ok(Next::Ppp)
}

/// L2TP directly in IP; session 0 carries control messages.
pub(super) fn open_session(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    if at.be32(0)? == 0 {
        return Err(Skip::TunnelControl);
    }
    session(at)
}

/// A session id, then a cookie and a sublayer of lengths that only its ends know, then the frame. The first place counts
/// where a known frame may begin.
fn session(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    at.pass(4)?;
    at.enter(TunnelKind::L2tpV3, None)?;
    for header in [0, 4, 8, 12] {
        let frame = at.bytes.get(header..).unwrap_or_default();
        let next = match frame {
            [0xff, 0x03, 0, 0x21 | 0x57, packet @ ..] if is_ip(packet) => Next::Ppp,
            [0, 0x21 | 0x57, packet @ ..] if is_ip(packet) => Next::Ppp,
            frame if is_ethernet(frame) => Next::Ethernet,
            _ => continue,
        };
        at.pass(header)?;
        return Ok(next);
    }
    Err(Skip::L2tpContent)
}
