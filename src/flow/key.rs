//! What tells connections apart: both endpoints and the outer context.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use crate::segment::{Endpoint, Scope, Segment};

/// A 4-tuple with its outer context, whichever side sent first.
///
/// It is made and compared for each segment, so it is plain numbers: of two IPv4 endpoints, address and port in one each; of
/// others the address, and the ports apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowKey {
    /// Some order of endpoints tells which one is the lesser.
    low: [u64; 2],
    high: [u64; 2],
    ports: u32,
    /// Whether each is IPv6.
    v6: [bool; 2],
    pub(super) scope: Scope,
}

impl FlowKey {
    /// The key of a segment.
    #[inline]
    pub fn of(seg: &Segment) -> FlowKey {
        FlowKey::between(seg.source, seg.destination, seg.scope)
    }

    /// Whether these are its endpoints, in either order.
    #[inline]
    pub(super) fn joins(&self, a: Endpoint, b: Endpoint) -> bool {
        let (IpAddr::V4(x), IpAddr::V4(y)) = (a.ip, b.ip) else {
            return FlowKey::between_others(a, b, self.scope) == *self;
        };
        let (x, y) = (v4(x, a.port), v4(y, b.port));
        let ends = (self.low[1], self.high[1]);
        !self.v6[1] && (ends == (x, y) || ends == (y, x))
    }

    /// The same 4-tuple in another outer context.
    pub(super) fn under(self, scope: Scope) -> FlowKey {
        FlowKey { scope, ..self }
    }

    /// The key of two endpoints.
    #[inline]
    pub fn between(a: Endpoint, b: Endpoint, scope: Scope) -> FlowKey {
        if let (IpAddr::V4(x), IpAddr::V4(y)) = (a.ip, b.ip) {
            let (x, y) = (v4(x, a.port), v4(y, b.port));
            return FlowKey {
                low: [0, x.min(y)],
                high: [0, x.max(y)],
                ports: 0,
                v6: [false; 2],
                scope,
            };
        }
        FlowKey::between_others(a, b, scope)
    }

    /// A number that is spread evenly, the same in each run and in each outer context.
    #[inline]
    pub(super) fn spread(&self) -> u64 {
        let [low, high] = [self.low[1], self.high[1]];
        if !self.v6[1] {
            return Pair { low, high }.spread();
        }
        let others = [self.low[0], self.high[0], self.ports.into()];
        let products = FACTORS[2..].iter().zip(others);
        scatter(products.fold(sum(low, high), |sum, (factor, number)| {
            sum.wrapping_add(number.wrapping_mul(*factor))
        }))
    }

    fn between_others(a: Endpoint, b: Endpoint, scope: Scope) -> FlowKey {
        let (low, high) = if order(&a) <= order(&b) { (a, b) } else { (b, a) };
        let number = |end: Endpoint| {
            let address = bits(end.ip);
            [(address >> 64) as u64, address as u64]
        };
        FlowKey {
            low: number(low),
            high: number(high),
            ports: u32::from(low.port) << 16 | u32::from(high.port),
            v6: [low.ip.is_ipv6(), high.ip.is_ipv6()],
            scope,
        }
    }
}

/// The 4-tuple of an IPv4 segment without outer context: a key without what it does not need, for most segments.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    low: u64,
    high: u64,
}

impl Pair {
    /// Of two endpoints: address and port of each in one number.
    #[inline]
    pub fn of([a, b]: [u64; 2]) -> Pair {
        Pair {
            low: a.min(b),
            high: a.max(b),
        }
    }

    /// As [`FlowKey::spread`].
    #[inline]
    pub fn spread(self) -> u64 {
        scatter(sum(self.low, self.high))
    }
}

impl Hash for Pair {
    /// As its key.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from(self.high) << 48 | u128::from(self.low));
    }
}

/// Odd, and without a pattern in their bits: sums of multiples of such numbers are spread in their highest bits.
const FACTORS: [u64; 5] = [
    0x9e37_79b9_7f4a_7c15,
    0xc2b2_ae3d_27d4_eb4f,
    0xd6e8_feb8_6659_fd93,
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
];

#[inline]
fn sum(low: u64, high: u64) -> u64 {
    let (low, high) = (low.wrapping_mul(FACTORS[0]), high.wrapping_mul(FACTORS[1]));
    low.wrapping_add(high)
}

/// Ports stand in the lowest bits: those of the sum are mixed into the highest.
#[inline]
fn scatter(sum: u64) -> u64 {
    (sum ^ sum >> 32).wrapping_mul(FACTORS[0])
}

impl Hash for FlowKey {
    /// As few words as possible, because this is done for each segment. Keys that differ give different words, but for those
    /// between IPv4 and IPv6, which there are not.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let tunnel = u128::from(self.scope.tunnel.0);
        let [high, low] =
            [self.high, self.low].map(|[above, below]| u128::from(above) << 64 | u128::from(below));
        if self.v6[1] {
            state.write_u128(low);
            state.write_u128(high);
            state.write_u128(tunnel << 32 | u128::from(self.ports));
        } else {
            state.write_u128(tunnel << 96 | high << 48 | low);
        }
        let [a, b, c, d] = self.scope.vlans.map(u64::from);
        let vlans = a << 48 | b << 32 | c << 16 | d;
        if vlans != 0 {
            state.write_u128(vlans.into());
        }
    }
}

/// The number of an IPv4 endpoint.
#[inline]
fn v4(ip: Ipv4Addr, port: u16) -> u64 {
    u64::from(u32::from(ip)) << 16 | u64::from(port)
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

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn keys_are_equal_whoever_sent_and_differ_otherwise() {
        let ends: Vec<Endpoint> = [
            "10.0.0.1",
            "10.0.0.2",
            "255.255.255.255",
            "::10.0.0.1",
            "fd00::1",
            "fd00::2",
        ]
        .iter()
        .flat_map(|ip| {
            [80, 443].map(|port| Endpoint {
                ip: ip.parse().expect("test data"),
                port,
            })
        })
        .collect();
        let scopes = [0, 1].map(|vlan| Scope {
            vlans: [vlan, 0, 0, 0],
            ..Scope::default()
        });
        let mut keys = Vec::new();
        for scope in scopes {
            for (place, a) in ends.iter().enumerate() {
                for b in &ends[place..] {
                    let key = FlowKey::between(*a, *b, scope);
                    assert_eq!(key, FlowKey::between(*b, *a, scope));
                    assert!(key.joins(*a, *b) && key.joins(*b, *a));
                    if let (IpAddr::V4(x), IpAddr::V4(y)) = (a.ip, b.ip)
                        && scope == Scope::default()
                    {
                        let pair = Pair::of([v4(y, b.port), v4(x, a.port)]);
                        let seed = foldhash::quality::RandomState::default();
                        assert_eq!(seed.hash_one(pair), seed.hash_one(key));
                        assert_eq!(pair.spread(), key.spread());
                    }
                    assert!(!keys.contains(&key), "{a} {b}");
                    keys.push(key);
                }
            }
        }
    }
}
