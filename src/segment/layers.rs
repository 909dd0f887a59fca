//! The layers around a TCP segment, from the link layer to the innermost IP packet.
//!
//! One step opens one layer and says what comes next; the steps run in one loop with one bound, so that nothing nests in
//! the program that nests in a packet. A UDP tunnel is recognised by its well-known port and by a header that makes
//! sense there; otherwise it is ordinary UDP.

mod cooked;
mod ethernet;
mod gre;
pub(super) mod ip;
mod l2tp;
mod mpls;
mod ppp;
pub(super) mod udp;
mod wireless;

use std::net::IpAddr;

use super::Scope;
use super::tunnel::{Tunnel, TunnelKind};
use crate::capture::{LinkType, Skip};
use ip::{Fragment, IpPacket};

/// How many tunnels may be around a packet.
pub(super) const MOST_TUNNELS: usize = 8;
/// How many steps a packet may take; tags that leave no trace in the path (MACsec, E-TAG, …) come from this alone.
const MOST_STEPS: usize = 64;

/// What the layers passed so far leave behind.
pub(super) struct Around<'d> {
    /// VLAN tags of all layers, in order.
    pub scope: Scope,
    /// The tunnels, outermost first.
    pub path: &'d mut Vec<Tunnel>,
    /// Source and destination of the innermost IP header so far.
    pub outer: Option<(IpAddr, IpAddr)>,
}

/// What stands at the place where the layers were opened up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The first layer of a link type.
    Link(LinkType),
    /// An Ethernet header.
    Ethernet,
    /// What an EtherType announces.
    Ethertype(u16),
    /// An IEEE 802.2 LLC header.
    Llc,
    /// A PPP header.
    Ppp,
    /// What a PPP protocol number announces.
    PppContent(u16),
    /// An MPLS label stack.
    Mpls,
    /// An IEEE 802.11 header.
    Wireless,
    /// A GRE header.
    Gre,
    /// A UDP header.
    Udp,
    /// An L2TP version 3 session in IP.
    L2tpV3,
    /// An IP header.
    Ip,
}

/// Where the steps ended.
pub(super) enum Found<'a> {
    /// A whole TCP segment, or what was captured of it.
    Tcp(IpPacket<'a>),
    /// A fragment that may belong to one.
    Fragment(Fragment<'a>),
}

/// The place inside a packet up to which its layers were opened.
pub(super) struct Layers<'a, 'r, 'd> {
    /// Captured octets from here on.
    bytes: &'a [u8],
    /// Octets from here on that were on the wire, at most.
    wire: usize,
    around: &'r mut Around<'d>,
}

impl<'a, 'r, 'd> Layers<'a, 'r, 'd> {
    pub fn new(bytes: &'a [u8], wire: usize, around: &'r mut Around<'d>) -> Layers<'a, 'r, 'd> {
        Layers { bytes, wire, around }
    }

    /// Opens layer by layer up to TCP.
    pub fn open(mut self, first: Next) -> Result<Found<'a>, Skip> {
        let mut next = first;
        for _ in 0..MOST_STEPS {
            next = match next {
                Next::Link(LinkType::ETHERNET) | Next::Ethernet => ethernet::frame(&mut self)?,
                Next::Link(link) => cooked::open(&mut self, link)?,
                Next::Ethertype(number) => ethernet::content(&mut self, number)?,
                Next::Llc => ethernet::llc(&mut self)?,
                Next::Ppp => ppp::open(&mut self)?,
                Next::PppContent(protocol) => ppp::content(&mut self, protocol)?,
                Next::Mpls => mpls::open(&mut self)?,
                Next::Wireless => wireless::open(&mut self)?,
                Next::Gre => gre::open(&mut self)?,
                Next::Udp => udp::open(&mut self)?,
                Next::L2tpV3 => l2tp::open_session(&mut self)?,
                Next::Ip => match ip::open(&mut self)? {
                    ip::Opened::Found(found) => return Ok(found),
                    ip::Opened::Next(next) => next,
                },
            };
        }
        Err(Skip::TunnelTooDeep)
    }

    fn byte(&self, at: usize) -> Result<u8, Skip> {
        self.bytes.get(at).copied().ok_or(self.cut())
    }

    fn be16(&self, at: usize) -> Result<u16, Skip> {
        be16(self.bytes, at).ok_or(self.cut())
    }

    fn be32(&self, at: usize) -> Result<u32, Skip> {
        be32(self.bytes, at).ok_or(self.cut())
    }

    /// Passes over `octets`.
    fn pass(&mut self, octets: usize) -> Result<(), Skip> {
        self.bytes = self.bytes.get(octets..).ok_or(self.cut())?;
        self.wire = self.wire.saturating_sub(octets);
        Ok(())
    }

    /// Takes `octets` off the end of the packet, as far as they were captured.
    fn drop_trailer(&mut self, octets: usize) {
        self.wire = self.wire.saturating_sub(octets);
        self.bytes = self.bytes.get(..self.wire).unwrap_or(self.bytes);
    }

    /// The reason for a header that is not all there.
    fn cut(&self) -> Skip {
        if self.around.path.is_empty() && self.around.outer.is_none() {
            Skip::LinkHeaderCut
        } else {
            Skip::TunnelHeaderCut
        }
    }

    /// Notes a VLAN tag's identifier.
    fn tag(&mut self, id: u16) -> Result<(), Skip> {
        let slot = self.around.scope.vlans.iter_mut().find(|slot| **slot == 0);
        *slot.ok_or(Skip::VlanTooDeep)? = (id & 0x0fff).saturating_add(1);
        Ok(())
    }

    /// Notes a tunnel that the innermost IP header so far carries.
    fn enter(&mut self, kind: TunnelKind, id: Option<u64>) -> Result<(), Skip> {
        let ends = self
            .around
            .outer
            .map(|(source, destination)| [source.min(destination), source.max(destination)]);
        self.push(Tunnel { kind, id, ends })
    }

    /// Notes a tunnel that no IP header carries.
    fn enter_below_ip(&mut self, kind: TunnelKind, id: Option<u64>) -> Result<(), Skip> {
        self.push(Tunnel { kind, id, ends: None })
    }

    fn push(&mut self, tunnel: Tunnel) -> Result<(), Skip> {
        if self.around.path.len() >= MOST_TUNNELS {
            return Err(Skip::TunnelTooDeep);
        }
        self.around.path.push(tunnel);
        Ok(())
    }
}

/// Whether a UDP tunnel is known at the ports with which this UDP header begins.
pub(super) fn is_udp_tunnel(header: &[u8]) -> bool {
    match (be16(header, 0), be16(header, 2)) {
        (Some(source), Some(destination)) => udp::is_tunnel(source, destination),
        _ => false,
    }
}

/// Whether an Ethernet frame with content that is known here may begin with these octets.
fn is_ethernet(bytes: &[u8]) -> bool {
    match (be16(bytes, 12), bytes.get(14)) {
        (Some(ethernet::IPV4), Some(first)) => first >> 4 == 4,
        (Some(ethernet::IPV6), Some(first)) => first >> 4 == 6,
        (Some(number), _) => matches!(
            number,
            0x0806 | 0x8100 | 0x88a8 | 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x88cc | 0x88e7
        ),
        (None, _) => false,
    }
}

/// Whether an IP packet may begin with these octets: version, and for IPv4 the header length.
fn is_ip(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_some_and(|first| first >> 4 == 6 || (0x45..=0x4f).contains(first))
}

pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u16::from_be_bytes(*bytes))
}

pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u32::from_be_bytes(*bytes))
}

fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u16::from_le_bytes(*bytes))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
