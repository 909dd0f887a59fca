//! A segment on its way from one processor to another, in one line of the cache.
//!
//! What one processor writes, another one fetches line by line, and each line costs as much as the work on a segment. So what
//! most segments are travels in one: IPv4 without tags or tunnels, no option but timestamps.

use std::net::{IpAddr, Ipv4Addr};

use super::FlowKey;
use super::index::{Hash, Keyed};
use crate::segment::{ChecksumState, Endpoint, Flags, Options, Scope, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;

/// A segment as most are.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct Lean {
    packet: u64,
    time: Timestamp,
    addresses: [u32; 2],
    ports: [u16; 2],
    seq: u32,
    raw_ack: u32,
    timestamps: (u32, u32),
    hash: Hash,
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
const CONTROL: u16 = TIMESTAMPS - 1;

impl Lean {
    /// None if there is something about it that most segments do not have.
    #[inline]
    pub fn of(keyed: &Keyed) -> Option<Lean> {
        let Segment {
            packet,
            time,
            source:
                Endpoint {
                    ip: IpAddr::V4(source),
                    port: source_port,
                },
            destination:
                Endpoint {
                    ip: IpAddr::V4(destination),
                    port: destination_port,
                },
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
            ip_id: Some(ip_id),
            ttl,
            checksum: Some(checksum),
            checksum_state: ChecksumState::NotVerified,
            header_cut,
            cut,
        } = keyed.segment
        else {
            return None;
        };
        if scope != Scope::default() {
            return None;
        }
        let mut bits = flags;
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
            addresses: [source.to_bits(), destination.to_bits()],
            ports: [source_port, destination_port],
            seq: seq.0,
            raw_ack,
            timestamps: timestamps.unwrap_or_default(),
            hash: keyed.hash,
            bits,
            window,
            payload_len: u16::try_from(payload_len).ok()?,
            ip_id,
            checksum,
            ttl,
        })
    }

    /// The segment, and what it is looked up by.
    #[inline]
    pub fn keyed(&self) -> Keyed {
        let has = |bit: u16| self.bits & bit != 0;
        let end = |side: usize| Endpoint {
            ip: IpAddr::V4(Ipv4Addr::from_bits(self.addresses[side])),
            port: self.ports[side],
        };
        let flags = Flags(self.bits & CONTROL);
        let segment = Segment {
            packet: self.packet,
            time: self.time,
            source: end(0),
            destination: end(1),
            scope: Scope::default(),
            seq: Seq(self.seq),
            ack: flags.ack().then_some(Seq(self.raw_ack)),
            raw_ack: self.raw_ack,
            flags,
            window: self.window,
            payload_len: u32::from(self.payload_len),
            options: Options {
                timestamps: has(TIMESTAMPS).then_some(self.timestamps),
                ..Options::default()
            },
            ip_id: Some(self.ip_id),
            ttl: self.ttl,
            checksum: Some(self.checksum),
            checksum_state: ChecksumState::NotVerified,
            header_cut: has(HEADER_CUT),
            cut: has(CUT),
        };
        Keyed {
            key: FlowKey::of(&segment),
            segment,
            hash: self.hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::Flows;

    #[test]
    fn it_fits_a_line_of_the_cache() {
        assert_eq!(size_of::<Lean>(), 64);
    }

    proptest! {
        #[test]
        fn what_travels_arrives(
            words in any::<[u32; 6]>(), shorts in any::<[u16; 6]>(), ttl: u8, bits: u16, time: i64, odd in 0u8..30,
        ) {
            let end = |host: u32, port| Endpoint { ip: Ipv4Addr::from(host).into(), port };
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
                ip_id: Some(shorts[5]),
                ttl,
                checksum: Some(shorts[0]),
                header_cut: bit(1),
                cut: bit(2),
                ..Segment::default()
            };
            match odd {
                0 => segment.source.ip = std::net::Ipv6Addr::LOCALHOST.into(),
                1 => segment.scope.vlans[0] = 1,
                2 => segment.scope.tunnel.0 = 1,
                3 => segment.payload_len = 70_000,
                4 => segment.options.mss = Some(0),
                5 => segment.options.window_scale = Some(0),
                6 => segment.options.sack_permitted = true,
                7 => segment.options.sack[3] = Some((Seq(0), Seq(0))),
                8 => segment.options.fast_open = Some(0),
                9 => segment.options.malformed = true,
                10 => segment.ip_id = None,
                11 => segment.checksum = None,
                12 => segment.checksum_state = ChecksumState::Good,
                13 => segment.destination.ip = std::net::Ipv6Addr::LOCALHOST.into(),
                _ => {}
            }
            let mut keyed = Keyed { segment, ..Keyed::default() };
            Flows::default().keyer().key(&mut keyed);
            let lean = Lean::of(&keyed);
            prop_assert_eq!(lean.is_some(), odd > 13);
            if let Some(lean) = lean {
                prop_assert_eq!(format!("{:?}", lean.keyed()), format!("{keyed:?}"));
            }
        }
    }
}
