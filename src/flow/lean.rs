//! A segment on its way to the table of connections, in one line of the cache.
//!
//! What one processor writes, another one fetches line by line, and each line costs as much as the work on a segment. So what
//! most segments are travels in one: without tags or tunnels, no option but timestamps. IPv6 addresses travel beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::index::Hash;
use crate::segment::{ChecksumState, Endpoint, Flags, Options, Scope, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::tracker::evidence::Mark;
use crate::tracker::passing::Passing;
use crate::tracker::stream::fingerprint;

/// Source and destination of those segments that came over IPv6.
pub(super) type Wide = Vec<[Ipv6Addr; 2]>;

/// A segment as most are.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Lean {
    packet: u64,
    time: Timestamp,
    /// Those of IPv4; of IPv6 the first one tells the place among the wide ones.
    addresses: [u32; 2],
    ports: [u16; 2],
    seq: u32,
    raw_ack: u32,
    timestamps: (u32, u32),
    pub hash: Hash,
    /// See [`Passing::print`].
    print: u32,
    /// Control bits (nine), and the bits below.
    bits: u16,
    window: u16,
    payload_len: u16,
    ip_id: u16,
    checksum: u16,
    ttl: u8,
}

const TIMESTAMPS: u16 = 1 << 9;
const CUT: u16 = 1 << 10;
const HEADER_CUT: u16 = 1 << 11;
const V6: u16 = 1 << 12;
const CONTROL: u16 = TIMESTAMPS - 1;

impl Lean {
    /// None if there is something about it that most segments do not have.
    #[inline]
    pub fn of(segment: &Segment, hash: Hash, wide: &mut Wide) -> Option<Lean> {
        let Segment {
            packet,
            time,
            source,
            destination,
            scope,
            seq,
            ack: _, // told by the control bits
            raw_ack,
            flags: Flags(flags @ ..=CONTROL),
            window,
            payload_len,
            options:
                Options {
                    mss: None,
                    window_scale: None,
                    sack_permitted: false,
                    timestamps,
                    sack: [None, None, None, None],
                    fast_open: None,
                    malformed: false,
                },
            ip_id,
            ttl,
            checksum: Some(checksum),
            checksum_state: ChecksumState::NotVerified,
            header_cut,
            cut,
        } = *segment
        else {
            return None;
        };
        if scope != Scope::default() {
            return None;
        }
        let payload_len = u16::try_from(payload_len).ok()?;
        let mut bits = flags;
        let (addresses, ip_id) = match (source.ip, destination.ip, ip_id) {
            (IpAddr::V4(source), IpAddr::V4(destination), Some(ip_id)) => {
                ([source.to_bits(), destination.to_bits()], ip_id)
            }
            (IpAddr::V6(source), IpAddr::V6(destination), None) => {
                let place = u32::try_from(wide.len()).ok()?;
                wide.push([source, destination]);
                bits |= V6;
                ([place, 0], 0)
            }
            _ => return None,
        };
        if timestamps.is_some() {
            bits |= TIMESTAMPS;
        }
        if cut {
            bits |= CUT;
        }
        if header_cut {
            bits |= HEADER_CUT;
        }
        Some(Lean {
            packet,
            time,
            addresses,
            ports: [source.port, destination.port],
            seq: seq.0,
            raw_ack,
            timestamps: timestamps.unwrap_or_default(),
            hash,
            print: fingerprint(segment),
            bits,
            window,
            payload_len,
            ip_id,
            checksum,
            ttl,
        })
    }

    #[inline]
    fn has(&self, bit: u16) -> bool {
        self.bits & bit != 0
    }

    /// Source and destination.
    #[inline]
    pub fn ends(&self, wide: &Wide) -> [Endpoint; 2] {
        let [a, b] = self.addresses;
        let ips: [IpAddr; 2] = if self.has(V6) {
            let [a, b] = wide
                .get(a as usize)
                .copied()
                .unwrap_or([Ipv6Addr::UNSPECIFIED; 2]);
            [a.into(), b.into()]
        } else {
            [Ipv4Addr::from_bits(a).into(), Ipv4Addr::from_bits(b).into()]
        };
        let [source, destination] = ips;
        let [source_port, destination_port] = self.ports;
        [(source, source_port), (destination, destination_port)].map(|(ip, port)| Endpoint { ip, port })
    }

    #[inline]
    fn timestamps(&self) -> Option<(u32, u32)> {
        self.has(TIMESTAMPS).then_some(self.timestamps)
    }

    /// What the short ways look at, if it is data or an acknowledgment.
    #[inline]
    pub fn passing(&self) -> Option<Passing> {
        let plain = self.bits & Passing::CONTROL == Flags::ACK;
        plain.then(|| Passing {
            mark: Mark {
                packet: self.packet,
                time: self.time,
            },
            seq: Seq(self.seq),
            ack: Seq(self.raw_ack),
            seq_len: self.payload_len.into(),
            payload_len: self.payload_len.into(),
            window: self.window,
            timestamps: self.timestamps(),
            print: self.print,
            cut: self.has(CUT),
            header_cut: self.has(HEADER_CUT),
        })
    }

    /// The segment.
    pub fn segment(&self, wide: &Wide) -> Segment {
        let [source, destination] = self.ends(wide);
        let flags = Flags(self.bits & CONTROL);
        Segment {
            packet: self.packet,
            time: self.time,
            source,
            destination,
            scope: Scope::default(),
            seq: Seq(self.seq),
            ack: flags.ack().then_some(Seq(self.raw_ack)),
            raw_ack: self.raw_ack,
            flags,
            window: self.window,
            payload_len: u32::from(self.payload_len),
            options: Options {
                timestamps: self.timestamps(),
                ..Options::default()
            },
            ip_id: (!self.has(V6)).then_some(self.ip_id),
            ttl: self.ttl,
            checksum: Some(self.checksum),
            checksum_state: ChecksumState::NotVerified,
            header_cut: self.has(HEADER_CUT),
            cut: self.has(CUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_fits_a_line_of_the_cache() {
        assert_eq!(size_of::<Lean>(), 64);
    }

    proptest! {
        #[test]
        fn what_travels_arrives(
            words in any::<[u32; 6]>(), shorts in any::<[u16; 6]>(), ttl: u8, bits: u16, time: i64, odd in 0u8..30, v6: bool,
        ) {
            let end = |host: u32, port| Endpoint {
                ip: if v6 { Ipv6Addr::from(u128::from(host) << 70).into() } else { Ipv4Addr::from(host).into() },
                port,
            };
            let bit = |at: u16| bits >> at & 1 != 0;
            let flags = Flags(shorts[2] & 0x1ff);
            let mut segment = Segment {
                packet: u64::from(words[0]) << 8,
                time: Timestamp::from_ns(time),
                source: end(words[1], shorts[0]),
                destination: end(words[2], shorts[1]),
                seq: Seq(words[3]),
                ack: flags.ack().then_some(Seq(words[4])),
                raw_ack: words[4],
                flags,
                window: shorts[3],
                payload_len: u32::from(shorts[4]),
                options: Options { timestamps: bit(0).then_some((words[0], words[5])), ..Options::default() },
                ip_id: (!v6).then_some(shorts[5]),
                ttl,
                checksum: Some(shorts[0]),
                header_cut: bit(1),
                cut: bit(2),
                ..Segment::default()
            };
            match odd {
                0 => segment.source.ip = if v6 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() },
                1 => segment.scope.vlans[0] = 1,
                2 => segment.scope.tunnel.0 = 1,
                3 => segment.payload_len = 70_000,
                4 => segment.options.mss = Some(0),
                5 => segment.options.window_scale = Some(0),
                6 => segment.options.sack_permitted = true,
                7 => segment.options.sack[3] = Some((Seq(0), Seq(0))),
                8 => segment.options.fast_open = Some(0),
                9 => segment.options.malformed = true,
                10 => segment.ip_id = v6.then_some(0),
                11 => segment.checksum = None,
                12 => segment.checksum_state = ChecksumState::Good,
                _ => {}
            }
            let mut wide = vec![[Ipv6Addr::LOCALHOST; 2]];
            let lean = Lean::of(&segment, Hash::default(), &mut wide);
            prop_assert_eq!(lean.is_some(), odd > 12);
            if let Some(lean) = lean {
                prop_assert_eq!(format!("{:?}", lean.segment(&wide)), format!("{segment:?}"));
                prop_assert_eq!(format!("{:?}", lean.passing()), format!("{:?}", Passing::plain(&segment)));
                prop_assert_eq!(lean.ends(&wide), [segment.source, segment.destination]);
            }
        }
    }
}
