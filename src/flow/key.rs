//! What tells connections apart: both endpoints and the outer context.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use crate::segment::{Endpoint, Scope, Segment};

/// A 4-tuple with its outer context, whichever side sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKey {
    low: Endpoint,
    high: Endpoint,
    pub(super) scope: Scope,
}

impl FlowKey {
    /// The key of a segment.
    pub fn of(seg: &Segment) -> FlowKey {
        FlowKey::between(seg.source, seg.destination, seg.scope)
    }

    /// Whether these are its endpoints, in either order.
    pub(super) fn joins(&self, a: Endpoint, b: Endpoint) -> bool {
        (a == self.low && b == self.high) || (a == self.high && b == self.low)
    }

    /// The same 4-tuple in another outer context.
    pub(super) fn under(self, scope: Scope) -> FlowKey {
        FlowKey { scope, ..self }
    }

    /// The key of two endpoints.
    pub fn between(a: Endpoint, b: Endpoint, scope: Scope) -> FlowKey {
        let ordered = match (a.ip, b.ip) {
            // The same order, by one number each.
            (IpAddr::V4(x), IpAddr::V4(y)) => {
                let number = |ip, port| u64::from(u32::from(ip)) << 16 | u64::from(port);
                number(x, a.port) <= number(y, b.port)
            }
            _ => order(&a) <= order(&b),
        };
        let (low, high) = if ordered { (a, b) } else { (b, a) };
        FlowKey { low, high, scope }
    }
}

impl Hash for FlowKey {
    /// As few words as possible, because this is done for each segment. Keys that differ give different words.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports = u64::from(self.low.port) << 16 | u64::from(self.high.port);
        let rest = u128::from(ports << 32 | u64::from(self.scope.tunnel.0)) << 64;
        match (self.low.ip, self.high.ip) {
            (IpAddr::V4(low), IpAddr::V4(high)) => {
                let addresses = u64::from(u32::from(low)) << 32 | u64::from(u32::from(high));
                state.write_u128(rest | u128::from(addresses));
            }
            (low, high) => {
                state.write_u128(bits(low));
                state.write_u128(bits(high));
                state.write_u128(rest);
            }
        }
        let [a, b, c, d] = self.scope.vlans.map(u64::from);
        let vlans = a << 48 | b << 32 | c << 16 | d;
        if vlans != 0 {
            state.write_u128(vlans.into());
        }
    }
}

/// Some order of endpoints: version, address, port.
fn order(end: &Endpoint) -> (bool, u128, u16) {
    (end.ip.is_ipv6(), bits(end.ip), end.port)
}

fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u32::from(ip).into(),
        IpAddr::V6(ip) => ip.into(),
    }
}
