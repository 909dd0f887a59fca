//! A segment in one line of the cache, as it travels from the thread that reads to the one that tracks.
//!
//! What one processor writes, another one fetches line by line, and each line costs as much as the work on a segment. So what
//! most segments are travels in one: without tags or tunnels, no option but timestamps, or those of most SYNs. IPv6 addresses
//! travel beside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::layers::{be16, be32};
use super::{ChecksumState, Endpoint, Flags, Options, PacketNumber, Scope, Segment, bits, options};
use crate::seq::Seq;
use crate::time::Timestamp;

/// Source and destination of those lean segments that came over IPv6.
pub type Wide = Vec<[Ipv6Addr; 2]>;

/// A segment as most are. Its checksum was not verified.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct Lean {
    /// See [`Segment::packet`].
    pub packet: PacketNumber,
    /// Capture time.
    pub time: Timestamp,
    /// Those of IPv4; of IPv6 the first one tells the place among the wide ones.
    addresses: [u32; 2],
    ports: [u16; 2],
    /// SEG.SEQ.
    pub seq: Seq,
    raw_ack: u32,
    timestamps: (u32, u32),
    /// Room for what its connection is looked up by.
    pub hash: u32,
    /// See [`Segment::print`].
    pub print: u32,
    /// Control bits (nine), and the bits below.
    bits: u16,
    /// SEG.WND, unscaled.
    pub window: u16,
    /// Octets of payload; of a SYN with options, which has none, the MSS, if that is one of them.
    pub payload_len: u16,
    ip_id: u16,
    checksum: u16,
    ttl: u8,
    /// Window scale of a SYN with options.
    shift: u8,
}

const TIMESTAMPS: u16 = 1 << 9;
const CUT: u16 = 1 << 10;
const HEADER_CUT: u16 = 1 << 11;
const V6: u16 = 1 << 12;
/// Options that only a SYN without payload has here.
const MSS: u16 = 1 << 13;
const WINDOW_SCALE: u16 = 1 << 14;
const SACK_PERMITTED: u16 = 1 << 15;
const OPENS: u16 = MSS | WINDOW_SCALE | SACK_PERMITTED;
const CONTROL: u16 = TIMESTAMPS - 1;

/// What [`Lean::read`] wants to know of a packet.
pub(super) struct LeanIp {
    pub packet: PacketNumber,
    pub time: Timestamp,
    pub addresses: [u32; 2],
    /// That of IPv4.
    pub id: Option<u16>,
    pub ttl: u8,
    /// Octets behind the IP header, TCP's included.
    pub payload: u16,
    /// Not all of the packet was captured.
    pub cut: bool,
}

impl Lean {
    /// None if there is something about it that most segments do not have.
    #[inline]
    pub fn of(segment: &Segment, wide: &mut Wide) -> Option<Lean> {
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
                    mss,
                    window_scale,
                    sack_permitted,
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
        let opening = of_opening(mss, window_scale, sack_permitted);
        if opening != 0 && !(opens(flags) && payload_len == 0) {
            return None;
        }
        let mut bits = flags | opening;
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
            seq,
            raw_ack,
            timestamps: timestamps.unwrap_or_default(),
            hash: 0,
            print: segment.print(),
            bits,
            window,
            payload_len: mss.map_or_else(|| u16::try_from(payload_len).ok(), Some)?,
            ip_id,
            checksum,
            ttl,
            shift: window_scale.unwrap_or_default(),
        })
    }

    /// The segment behind an IP header that says so much; `header` is that of TCP, without options, `options` all that was
    /// captured behind it.
    #[inline(always)]
    pub(super) fn read(ip: &LeanIp, header: &[u8; 20], options: &[u8]) -> Option<Lean> {
        // Each number is read where it is used: all of them at once are more than the processor has registers.
        let (header_len, timestamps) = match header[12] >> 4 {
            5 => (20, None),
            8 => {
                let options = options.first_chunk::<12>()?;
                if !options.starts_with(&[1, 1, 8, 10]) {
                    return None;
                }
                (32, Some((be32(options, 4)?, be32(options, 8)?)))
            }
            _ => return None,
        };
        Lean::with(ip, header, header_len, timestamps)
    }

    /// As [`Lean::read`], of a SYN with the options of most, in whatever order.
    pub(super) fn read_syn(ip: &LeanIp, header: &[u8; 20], options: &[u8]) -> Option<Lean> {
        let header_len = u16::from(header[12] >> 4) * 4;
        let list = options.get(..usize::from(header_len.checked_sub(20)?))?;
        if !opens(be16(header, 12)? & CONTROL) || ip.payload != header_len {
            return None;
        }
        let mut read = Options::default();
        options::read_into(list, list.len(), &mut read);
        let Options {
            mss,
            window_scale,
            sack_permitted,
            timestamps,
            sack: [None, None, None, None],
            fast_open: None,
            malformed: false,
        } = read
        else {
            return None;
        };
        let lean = Lean::with(ip, header, header_len, timestamps)?;
        Some(Lean {
            bits: lean.bits | of_opening(mss, window_scale, sack_permitted),
            payload_len: mss.unwrap_or_default(),
            shift: window_scale.unwrap_or_default(),
            ..lean
        })
    }

    #[inline(always)]
    fn with(ip: &LeanIp, header: &[u8; 20], header_len: u16, timestamps: Option<(u32, u32)>) -> Option<Lean> {
        let mut bits = be16(header, 12)? & CONTROL;
        let payload_len = ip.payload.checked_sub(header_len)?;
        if timestamps.is_some() {
            bits |= TIMESTAMPS;
        }
        if ip.cut {
            bits |= CUT;
        }
        let (id, v6) = match ip.id {
            Some(id) => (id, 0),
            None => (0, V6),
        };
        let mut lean = Lean {
            packet: ip.packet,
            time: ip.time,
            addresses: ip.addresses,
            ports: [be16(header, 0)?, be16(header, 2)?],
            seq: Seq(be32(header, 4)?),
            raw_ack: be32(header, 8)?,
            timestamps: timestamps.unwrap_or_default(),
            hash: 0,
            print: 0,
            bits: bits | v6,
            window: be16(header, 14)?,
            payload_len,
            ip_id: id,
            checksum: be16(header, 16)?,
            ttl: ip.ttl,
            shift: 0,
        };
        lean.print = super::print(&[
            lean.seq.0,
            lean.raw_ack,
            u32::from(lean.bits & CONTROL) << 16 | u32::from(lean.window),
            lean.payload_len.into(),
            u32::from(lean.ip_id) << 16 | u32::from(lean.checksum),
            lean.timestamps.0,
            lean.timestamps.1,
        ]);
        Some(lean)
    }

    #[inline]
    fn has(&self, bit: u16) -> bool {
        self.bits & bit != 0
    }

    /// Whether it came over IPv6.
    #[inline]
    pub fn is_wide(&self) -> bool {
        self.has(V6)
    }

    /// Whether it is a SYN that has other options than timestamps.
    #[inline]
    pub fn opens(&self) -> bool {
        self.has(OPENS)
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

    /// Source and destination of one that came over IPv4, address and port of each in one number.
    #[inline]
    pub fn v4_ends(&self) -> [u64; 2] {
        [0, 1].map(|end| number(self.addresses[end], self.ports[end]))
    }

    /// Moves its addresses from some wide ones, which are left empty, to others.
    #[inline]
    pub fn take_along(&mut self, from: &mut Wide, to: &mut Wide) {
        if self.has(V6) {
            let place = self.addresses[0] as usize;
            // As many as segments in a batch.
            self.addresses[0] = to.len() as u32;
            to.push(from.get(place).copied().unwrap_or([Ipv6Addr::UNSPECIFIED; 2]));
            from.clear();
        }
    }

    /// Whether it goes from `a` to `b`, or the other way; none if neither.
    #[inline]
    pub fn goes(&self, a: &Endpoint, b: &Endpoint, wide: &Wide) -> Option<bool> {
        if self.has(V6) {
            let ends = self.ends(wide);
            let there = ends == [*a, *b];
            return (there || ends == [*b, *a]).then_some(there);
        }
        let (IpAddr::V4(x), IpAddr::V4(y)) = (a.ip, b.ip) else {
            return None;
        };
        let (a, b) = (number(x.to_bits(), a.port), number(y.to_bits(), b.port));
        let [source, destination] = self.v4_ends();
        // Without branches: nothing foretells who speaks next.
        let there = (source ^ a) | (destination ^ b) == 0;
        let back = (source ^ b) | (destination ^ a) == 0;
        (there | back).then_some(there)
    }

    /// TSval and TSecr.
    #[inline]
    pub fn timestamps(&self) -> Option<(u32, u32)> {
        self.has(TIMESTAMPS).then_some(self.timestamps)
    }

    /// Control bits.
    #[inline]
    pub fn flags(&self) -> Flags {
        Flags(self.bits & CONTROL)
    }

    /// SEG.ACK, whether or not the ACK bit is set.
    #[inline]
    pub fn raw_ack(&self) -> Seq {
        Seq(self.raw_ack)
    }

    /// See [`Segment::ip_id`].
    #[inline]
    pub fn ip_id(&self) -> Option<u16> {
        (!self.has(V6)).then_some(self.ip_id)
    }

    /// TCP checksum as it stood in the header.
    #[inline]
    pub fn checksum(&self) -> u16 {
        self.checksum
    }

    /// See [`Segment::cut`].
    #[inline]
    pub fn cut(&self) -> bool {
        self.has(CUT)
    }

    /// See [`Segment::header_cut`].
    #[inline]
    pub fn header_cut(&self) -> bool {
        self.has(HEADER_CUT)
    }

    /// The segment. (Of one that is looked at right there, only what is looked at is made.)
    #[inline(always)]
    pub fn segment(&self, wide: &Wide) -> Segment {
        let [source, destination] = self.ends(wide);
        let flags = self.flags();
        Segment {
            packet: self.packet,
            time: self.time,
            source,
            destination,
            scope: Scope::default(),
            seq: self.seq,
            ack: flags.ack().then_some(self.raw_ack()),
            raw_ack: self.raw_ack,
            flags,
            window: self.window,
            payload_len: if self.opens() { 0 } else { self.payload_len.into() },
            options: Options {
                mss: self.has(MSS).then_some(self.payload_len),
                window_scale: self.has(WINDOW_SCALE).then_some(self.shift),
                sack_permitted: self.has(SACK_PERMITTED),
                timestamps: self.timestamps(),
                ..Options::default()
            },
            ip_id: self.ip_id(),
            ttl: self.ttl,
            checksum: Some(self.checksum),
            checksum_state: ChecksumState::NotVerified,
            header_cut: self.has(HEADER_CUT),
            cut: self.has(CUT),
        }
    }
}

/// Whether control bits are those of a SYN that may have its options.
#[inline]
fn opens(flags: u16) -> bool {
    flags & (Flags::SYN | Flags::FIN | Flags::RST) == Flags::SYN
}

/// The bits of those options that only a SYN has.
#[inline]
fn of_opening(mss: Option<u16>, window_scale: Option<u8>, sack_permitted: bool) -> u16 {
    bits(&[
        (mss.is_some(), MSS),
        (window_scale.is_some(), WINDOW_SCALE),
        (sack_permitted, SACK_PERMITTED),
    ])
}

/// Address and port in one number.
#[inline]
fn number(address: u32, port: u16) -> u64 {
    u64::from(address) << 16 | u64::from(port)
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
            opens in prop::bool::weighted(0.3),
        ) {
            let end = |host: u32, port| Endpoint {
                ip: if v6 { Ipv6Addr::from(u128::from(host) << 70).into() } else { Ipv4Addr::from(host).into() },
                port,
            };
            let bit = |at: u16| bits >> at & 1 != 0;
            let flags = match opens {
                true => Flags(shorts[2] & 0x1ff & !(Flags::FIN | Flags::RST) | Flags::SYN),
                false => Flags(shorts[2] & 0x1fd),
            };
            let with_options = opens && bits & 0b11_1000 != 0;
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
                payload_len: if opens { 0 } else { shorts[4].into() },
                options: Options {
                    mss: (opens && bit(3)).then_some(shorts[4]),
                    window_scale: (opens && bit(4)).then_some(ttl),
                    sack_permitted: opens && bit(5),
                    timestamps: bit(0).then_some((words[0], words[5])),
                    ..Options::default()
                },
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
                4 if !opens => segment.options.mss = Some(0),
                5 if !opens => segment.options.window_scale = Some(0),
                6 if !opens => segment.options.sack_permitted = true,
                7 => segment.options.sack[3] = Some((Seq(0), Seq(0))),
                8 => segment.options.fast_open = Some(0),
                9 => segment.options.malformed = true,
                10 => segment.ip_id = v6.then_some(0),
                11 => segment.checksum = None,
                12 => segment.checksum_state = ChecksumState::Good,
                13 if with_options => segment.flags.0 |= Flags::FIN,
                14 if with_options => segment.flags.0 |= Flags::RST,
                15 if with_options => segment.flags.0 &= !Flags::SYN,
                _ => {}
            }
            let mut wide = vec![[Ipv6Addr::LOCALHOST; 2]];
            let lean = Lean::of(&segment, &mut wide);
            let is_odd = match odd {
                0..=3 | 7..=12 => true,
                4..=6 => !opens,
                13..=15 => with_options,
                _ => false,
            };
            prop_assert_eq!(lean.is_some(), !is_odd);
            if let Some(lean) = lean {
                prop_assert_eq!(format!("{:?}", lean.segment(&wide)), format!("{segment:?}"));
                prop_assert_eq!((lean.print, lean.is_wide(), lean.opens()), (segment.print(), v6, with_options));
                prop_assert_eq!(lean.ends(&wide), [segment.source, segment.destination]);
            }
        }
    }
}
