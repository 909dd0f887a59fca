//! Frame to segment: what one captured packet says about TCP, or why it says nothing.
//!
//! Layers are opened one after another down to the innermost TCP, through tags and tunnels; the tunnels' path is part of
//! the segment's [`Scope`]. IP fragments are put together in a bounded pool. Checksums are verified on request.
//!
//! A [`Segment`] is plain data (`Copy`, it borrows nothing), so that it can be queued, sorted and replayed.

mod checksum;
mod decode;
mod direct;
mod fragments;
mod layers;
mod lean;
mod options;
mod tunnel;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

pub use crate::capture::PacketNumber;
use crate::seq::Seq;
use crate::time::Timestamp;
pub use checksum::{ChecksumFacts, ChecksumState};
pub use decode::{DecodeSettings, Decoder};
pub use fragments::{FragmentFacts, FragmentLimits};
pub use lean::{Lean, Wide};
pub use tunnel::{NoTunnels, Tunnel, TunnelKind, TunnelPath};

/// One end of a connection: an IP address and a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            IpAddr::V4(ip) => write!(f, "{ip}:{}", self.port),
            IpAddr::V6(ip) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// What surrounds the IP packet and keeps two equal 4-tuples apart: the VLAN ids, outermost first, and the tunnels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// VLAN identifiers (12 bits each) plus one, so that "no tag" and "tag 0" differ; at most four are kept.
    pub vlans: [u16; 4],
    /// The tunnels around the packet.
    pub tunnel: TunnelId,
}

/// A path of tunnels, numbered by the [`Decoder`] in order of appearance; 0 stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelId(pub u32);

impl TunnelId {
    /// What all paths share that came when too many were known already.
    pub const OVERFLOW: TunnelId = TunnelId(u32::MAX);
}

impl Scope {
    /// The VLAN ids in order, outermost first.
    pub fn vlan_ids(&self) -> impl Iterator<Item = u16> + '_ {
        self.vlans.iter().filter(|tag| **tag != 0).map(|tag| tag - 1)
    }
}

/// The TCP control bits of a segment (RFC 9293 section 3.1; AE from RFC 9768).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// No more data from sender.
    pub const FIN: u16 = 0x001;
    /// Synchronize sequence numbers.
    pub const SYN: u16 = 0x002;
    /// Reset the connection.
    pub const RST: u16 = 0x004;
    /// Push function.
    pub const PSH: u16 = 0x008;
    /// The acknowledgment field is significant.
    pub const ACK: u16 = 0x010;
    /// The urgent pointer is significant.
    pub const URG: u16 = 0x020;
    /// ECN echo.
    pub const ECE: u16 = 0x040;
    /// Congestion window reduced.
    pub const CWR: u16 = 0x080;
    /// Accurate ECN.
    pub const AE: u16 = 0x100;

    /// Whether all bits of `mask` are set.
    pub fn has(self, mask: u16) -> bool {
        self.0 & mask == mask
    }
    /// SYN is set.
    pub fn syn(self) -> bool {
        self.has(Flags::SYN)
    }
    /// FIN is set.
    pub fn fin(self) -> bool {
        self.has(Flags::FIN)
    }
    /// RST is set.
    pub fn rst(self) -> bool {
        self.has(Flags::RST)
    }
    /// ACK is set.
    pub fn ack(self) -> bool {
        self.has(Flags::ACK)
    }
    /// SEG.LEN of a segment with so much payload: one more for SYN and one for FIN (RFC 9293 section 3.4); zero for a RST (R5).
    #[inline]
    pub fn seq_len(self, payload: u32) -> u32 {
        // Without branches, for what differs from segment to segment.
        let own = u32::from(self.syn()) + u32::from(self.fin());
        let octets = payload.saturating_add(own);
        octets & u32::from(self.rst()).wrapping_sub(1)
    }
    /// No stack sets these together: SYN with FIN, RST or URG, FIN with RST, FIN with URG but no ACK; or none of SYN, FIN,
    /// RST and ACK.
    pub fn contradict(self) -> bool {
        let syn = self.syn() && self.0 & (Flags::FIN | Flags::RST | Flags::URG) != 0;
        let fin = self.fin() && (self.rst() || self.has(Flags::URG) && !self.ack());
        syn || fin || self.0 & (Flags::SYN | Flags::FIN | Flags::RST | Flags::ACK) == 0
    }
}

impl fmt::Display for Flags {
    /// The names of the set bits in the order people write them: `SYN,ACK`, `PSH,ACK`, `FIN,ACK`; `-` for none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(u16, &str); 9] = [
            (Flags::SYN, "SYN"),
            (Flags::FIN, "FIN"),
            (Flags::RST, "RST"),
            (Flags::PSH, "PSH"),
            (Flags::URG, "URG"),
            (Flags::ACK, "ACK"),
            (Flags::ECE, "ECE"),
            (Flags::CWR, "CWR"),
            (Flags::AE, "AE"),
        ];
        let mut separator = "";
        for (bit, name) in NAMES {
            if self.has(bit) {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        if separator.is_empty() {
            f.write_str("-")
        } else {
            Ok(())
        }
    }
}

/// TCP options of one segment, as far as they were captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size (RFC 9293 section 3.7.1), octets.
    pub mss: Option<u16>,
    /// Window scale shift count as sent (RFC 7323 section 2); above 14 counts as 14.
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018).
    pub sack_permitted: bool,
    /// TSval and TSecr (RFC 7323 section 3).
    pub timestamps: Option<(u32, u32)>,
    /// SACK blocks, left and right edge; the first one may be a D-SACK (RFC 2883).
    pub sack: [Option<(Seq, Seq)>; 4],
    /// A Fast Open option (RFC 7413, kind 34, or the experimental one): its cookie length, 0 for a request.
    pub fast_open: Option<u8>,
    /// The option list was malformed (a length of 0 or 1, or one that runs past the header).
    pub malformed: bool,
}

/// One TCP segment as captured.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Packet number in the capture, from 1.
    pub packet: PacketNumber,
    /// Capture time.
    pub time: Timestamp,
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// Outer context that is part of the 4-tuple.
    pub scope: Scope,
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK, if the ACK bit is set.
    pub ack: Option<Seq>,
    /// The raw acknowledgment field, whether or not the ACK bit is set (0 where none was sent).
    pub raw_ack: u32,
    /// Control bits.
    pub flags: Flags,
    /// SEG.WND, unscaled.
    pub window: u16,
    /// Octets of payload by the IP header's length, not by what was captured (R3).
    pub payload_len: u32,
    /// Options.
    pub options: Options,
    /// IPv4 identification; `None` for IPv6.
    pub ip_id: Option<u16>,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// The TCP checksum field, as captured (part of recognising capture duplicates).
    pub checksum: Option<u16>,
    /// Whether the checksum is right, if that was asked for. The segment is there either way.
    pub checksum_state: ChecksumState,
    /// The capture cut this packet inside the TCP header: options may be missing.
    pub header_cut: bool,
    /// The capture cut this packet anywhere (snap length).
    pub cut: bool,
}

/// The bits of what is.
pub fn bits(all: &[(bool, u16)]) -> u16 {
    // Without branches, for what differs from segment to segment.
    all.iter()
        .fold(0, |bits, (is, bit)| bits | bit & u16::from(*is).wrapping_neg())
}

/// Multiples of the words by odd numbers without a pattern, laid over each other: none of them waits for another. No adversary
/// gains by a collision but a wrong count.
#[inline(always)]
fn print(parts: &[u32; 7]) -> u32 {
    let [a, b, c, d, e, f, g] = parts.map(u64::from);
    let all = (a << 32 | b).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (c << 32 | d).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ (e << 32 | f).wrapping_mul(0xd6e8_feb8_6659_fd93)
        ^ g.wrapping_mul(0xa076_1d64_78bd_642f);
    // What stands high in a word is only high in its multiple, and the other way round.
    ((all ^ all >> 32).wrapping_mul(0xe703_7ed1_a0b4_28db) >> 32) as u32
}

impl Default for Segment {
    /// None at all: what a place holds before a segment is read into it.
    fn default() -> Segment {
        let nobody = Endpoint {
            ip: Ipv4Addr::UNSPECIFIED.into(),
            port: 0,
        };
        Segment {
            packet: 0,
            time: Timestamp::default(),
            source: nobody,
            destination: nobody,
            scope: Scope::default(),
            seq: Seq(0),
            ack: None,
            raw_ack: 0,
            flags: Flags::default(),
            window: 0,
            payload_len: 0,
            options: Options::default(),
            ip_id: None,
            ttl: 0,
            checksum: None,
            checksum_state: ChecksumState::NotVerified,
            header_cut: false,
            cut: false,
        }
    }
}

impl Segment {
    /// A number that two copies of one segment share and hardly anything else: the TCP checksum stands for the payload.
    #[inline]
    pub fn print(&self) -> u32 {
        let (tsval, tsecr) = self.options.timestamps.unwrap_or((0, 0));
        print(&[
            self.seq.0,
            self.raw_ack,
            u32::from(self.flags.0) << 16 | u32::from(self.window),
            self.payload_len,
            u32::from(self.ip_id.unwrap_or(0)) << 16 | u32::from(self.checksum.unwrap_or(0)),
            tsval,
            tsecr,
        ])
    }

    /// SEG.LEN (see [`Flags::seq_len`]).
    pub fn seq_len(&self) -> u32 {
        self.flags.seq_len(self.payload_len)
    }

    /// The sequence number after this segment's last octet.
    pub fn seq_end(&self) -> Seq {
        self.seq.plus(self.seq_len())
    }
}
