//! A connection of which one SYN was seen: that SYN, and nothing else.
//!
//! Floods and scans leave millions of them. Everything that a tracker knows after its first segment follows from that
//! segment, so it is enough to keep this; the tracker is made when a second segment comes, or for the report.

use super::FlowKey;
use crate::segment::{ChecksumState, Endpoint, Flags, Options, Scope, Segment, bits};
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::tracker::evidence::Mark;
use crate::tracker::{Course, Digest};

/// A SYN, packed. When it came and what it is recognised by comes last.
#[derive(Clone)]
#[repr(C)]
pub(super) struct Embryo {
    /// Number among all lives, from 0 in order of first packets.
    pub birth: u64,
    seq: Seq,
    raw_ack: u32,
    timestamps: (u32, u32),
    payload_len: u32,
    scope: Scope,
    flags: Flags,
    window: u16,
    mss: u16,
    ip_id: u16,
    checksum: u16,
    window_scale: u8,
    fast_open: u8,
    ttl: u8,
    checksum_state: ChecksumState,
    bits: u16,
    time: Timestamp,
    pub packet: u64,
    source: Endpoint,
    destination: Endpoint,
}

const TIMESTAMPS: u16 = 1;
const MSS: u16 = 1 << 1;
const IP_ID: u16 = 1 << 2;
const CHECKSUM: u16 = 1 << 3;
const WINDOW_SCALE: u16 = 1 << 4;
const FAST_OPEN: u16 = 1 << 5;
const SACK_PERMITTED: u16 = 1 << 6;
const MALFORMED: u16 = 1 << 7;
const HEADER_CUT: u16 = 1 << 8;
const CUT: u16 = 1 << 9;

impl Embryo {
    /// Octets of what comes last.
    #[cfg(test)]
    pub const RECOGNISED_BY: usize = size_of::<Embryo>() - std::mem::offset_of!(Embryo, time);

    /// Packs a segment; none if it is no SYN of one that opens a connection, or has something that is not kept.
    #[inline(always)]
    pub fn of(seg: &Segment, birth: u64) -> Option<Embryo> {
        let Options {
            mss,
            window_scale,
            sack_permitted,
            timestamps,
            sack: [None, None, None, None],
            fast_open,
            malformed,
        } = seg.options
        else {
            return None;
        };
        const CONTROL: u16 = Flags::SYN | Flags::FIN | Flags::RST | Flags::ACK;
        if seg.flags.0 & CONTROL != Flags::SYN {
            return None;
        }
        let has = [
            (timestamps.is_some(), TIMESTAMPS),
            (mss.is_some(), MSS),
            (seg.ip_id.is_some(), IP_ID),
            (seg.checksum.is_some(), CHECKSUM),
            (window_scale.is_some(), WINDOW_SCALE),
            (fast_open.is_some(), FAST_OPEN),
            (sack_permitted, SACK_PERMITTED),
            (malformed, MALFORMED),
            (seg.header_cut, HEADER_CUT),
            (seg.cut, CUT),
        ];
        Some(Embryo {
            birth,
            packet: seg.packet,
            time: seg.time,
            source: seg.source,
            destination: seg.destination,
            scope: seg.scope,
            seq: seg.seq,
            raw_ack: seg.raw_ack,
            timestamps: timestamps.unwrap_or_default(),
            payload_len: seg.payload_len,
            flags: seg.flags,
            window: seg.window,
            mss: mss.unwrap_or_default(),
            ip_id: seg.ip_id.unwrap_or_default(),
            checksum: seg.checksum.unwrap_or_default(),
            window_scale: window_scale.unwrap_or_default(),
            fast_open: fast_open.unwrap_or_default(),
            ttl: seg.ttl,
            checksum_state: seg.checksum_state,
            bits: bits(&has),
        })
    }

    /// The segment. (Of one that is looked at right there, only what is looked at is made.)
    #[inline(always)]
    pub fn segment(&self) -> Segment {
        let has = |bit: u16| self.bits & bit != 0;
        Segment {
            packet: self.packet,
            time: self.time,
            source: self.source,
            destination: self.destination,
            scope: self.scope,
            seq: self.seq,
            ack: None,
            raw_ack: self.raw_ack,
            flags: self.flags,
            window: self.window,
            payload_len: self.payload_len,
            options: Options {
                mss: has(MSS).then_some(self.mss),
                window_scale: has(WINDOW_SCALE).then_some(self.window_scale),
                sack_permitted: has(SACK_PERMITTED),
                timestamps: has(TIMESTAMPS).then_some(self.timestamps),
                sack: [None; 4],
                fast_open: has(FAST_OPEN).then_some(self.fast_open),
                malformed: has(MALFORMED),
            },
            ip_id: has(IP_ID).then_some(self.ip_id),
            ttl: self.ttl,
            checksum: has(CHECKSUM).then_some(self.checksum),
            checksum_state: self.checksum_state,
            header_cut: has(HEADER_CUT),
            cut: has(CUT),
        }
    }

    /// The digest of the tracker that it does without.
    pub fn digest(&self) -> Digest {
        const STRANGE: u16 = FAST_OPEN | MALFORMED | HEADER_CUT;
        let plain = self.bits & STRANGE == 0
            && self.flags.0 & !(Flags::ECE | Flags::CWR) == Flags::SYN
            && self.payload_len == 0
            && self.checksum_state != ChecksumState::Bad
            && self.source != self.destination;
        Digest {
            addresses: [self.source, self.destination],
            first: self.mark(),
            course: plain.then_some(Course::Unanswered),
            midstream: false,
            cut: self.is_cut(),
        }
    }

    /// Reads a little of all of it. What that is means nothing.
    #[inline]
    pub fn touch(&self) -> i64 {
        self.time.ns() ^ i64::from(self.seq.0 ^ u32::from(self.destination.port))
    }

    /// As [`Embryo::touch`], of what it is recognised by.
    #[inline]
    pub fn touch_ends(&self) -> i64 {
        self.time.ns()
    }

    /// Its packet and time.
    pub fn mark(&self) -> Mark {
        Mark {
            packet: self.packet,
            time: self.time,
        }
    }

    /// The snap length cut it.
    pub fn is_cut(&self) -> bool {
        self.bits & CUT != 0
    }

    /// The key that it is looked up by.
    pub fn key(&self) -> FlowKey {
        FlowKey::between(self.source, self.destination, self.scope)
    }

    /// Whether it is looked up by this key.
    pub fn has(&self, key: &FlowKey) -> bool {
        key.joins(self.source, self.destination) && self.scope == key.scope
    }

    /// Whether it is in tags or tunnels.
    pub fn is_in_scope(&self) -> bool {
        self.scope != Scope::default()
    }

    /// Who sent it.
    pub fn client(&self) -> Endpoint {
        self.source
    }

    /// Who was to answer.
    pub fn server(&self) -> Endpoint {
        self.destination
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_all_there(
            words in any::<[u32; 6]>(), shorts in any::<[u16; 6]>(), octets in any::<[u8; 5]>(), bits: u16, time: i64, v6: bool,
        ) {
            let end = |host: u32, port| Endpoint {
                ip: if v6 { std::net::Ipv6Addr::from(u128::from(host) << 70).into() } else { std::net::Ipv4Addr::from(host).into() },
                port,
            };
            let bit = |at: u16| bits >> at & 1 != 0;
            let seg = Segment {
                packet: u64::from(words[0]),
                time: Timestamp::from_ns(time),
                source: end(words[1], shorts[0]),
                destination: end(words[2], shorts[1]),
                scope: Scope { vlans: [shorts[2], 0, 0, 0], ..Scope::default() },
                seq: Seq(words[3]),
                ack: None,
                raw_ack: words[4],
                flags: Flags(Flags::SYN | (shorts[3] & (Flags::PSH | Flags::URG | Flags::ECE | Flags::CWR))),
                window: shorts[4],
                payload_len: words[5],
                options: Options {
                    mss: bit(0).then_some(shorts[5]),
                    window_scale: bit(1).then_some(octets[0]),
                    sack_permitted: bit(2),
                    timestamps: bit(3).then_some((words[0], words[1])),
                    sack: [None; 4],
                    fast_open: bit(4).then_some(octets[1]),
                    malformed: bit(5),
                },
                ip_id: bit(6).then_some(shorts[0]),
                ttl: octets[2],
                checksum: bit(7).then_some(shorts[1]),
                checksum_state: if bit(8) { ChecksumState::Bad } else { ChecksumState::NotVerified },
                header_cut: bit(9),
                cut: bit(10),
            };
            let embryo = Embryo::of(&seg, 9);
            let back = embryo.as_ref().map(Embryo::segment);
            prop_assert_eq!(format!("{:?}", back), format!("{:?}", Some(seg)));
            prop_assert!(embryo.is_some_and(|embryo| embryo.has(&FlowKey::of(&seg)) && embryo.key() == FlowKey::of(&seg)));
        }
    }

    #[test]
    fn a_million_of_them_take_little() {
        assert!(
            size_of::<Option<Embryo>>() <= 112,
            "{}",
            size_of::<Option<Embryo>>()
        );
    }
}
