//! MPLS (RFC 3032): a stack of labels, then whatever both ends agreed on, which the packet does not say.
//!
//! Labels are no part of the 4-tuple: each direction has its own, and the last router before the end takes them off.

use super::{Layers, Next, TunnelKind, is_ethernet, is_ip};
use crate::capture::Skip;

/// More labels than this are no MPLS.
const MOST_LABELS: usize = 32;

pub(super) fn open(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    for _ in 0..MOST_LABELS {
        let label = at.be32(0)?;
        at.pass(4)?;
        if label & 0x100 != 0 {
            return content(at);
        }
    }
    Err(Skip::TunnelTooDeep)
}

/// IP by its version, or Ethernet with or without the control word of a pseudowire (RFC 4385).
fn content(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    if !is_ethernet(at.bytes) {
        if is_ip(at.bytes) {
            return Ok(Next::Ip);
        }
        let behind_control_word = at.bytes.get(4..).unwrap_or_default();
        if at.byte(0)? >> 4 != 0 || !is_ethernet(behind_control_word) {
            return Err(Skip::MplsContent);
        }
        at.pass(4)?;
    }
    at.enter_below_ip(TunnelKind::Pseudowire, None)?;
    Ok(Next::Ethernet)
}
