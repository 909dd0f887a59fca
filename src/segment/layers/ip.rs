//! IPv4 and IPv6 with their extension headers, and what their protocol numbers announce.
//!
//! The headers are read with etherparse's lax slices, which take packets that the snap length cut. Extension headers are
//! not limited in number: each is looked at once, and there are no more than fit into the packet.

use std::net::IpAddr;

use etherparse::err::ip::LaxHeaderSliceError;
use etherparse::err::ipv6_exts::HeaderSliceError;
use etherparse::{IpNumber, LaxIpSlice, LaxIpv4Slice, LaxIpv6Slice};

use super::{Found, Layers, Next, TunnelKind};
use crate::capture::Skip;

pub(in crate::segment) const TCP: u8 = 6;
pub(in crate::segment) const UDP: u8 = 17;
/// Length of an IPv6 header, octets.
const V6_HEADER: usize = 40;

/// What the innermost IP header says about the TCP segment in it.
pub(in crate::segment) struct IpPacket<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub id: Option<u16>,
    pub ttl: u8,
    /// The IPv4 header, for its checksum.
    pub v4_header: Option<&'a [u8]>,
    /// As much of the payload as was captured; nothing beyond the packet's end.
    pub payload: &'a [u8],
    /// Octets of payload by the IP header.
    pub payload_len: usize,
}

/// A fragment of an IP packet in which there may be TCP.
#[derive(Clone, Copy)]
pub(in crate::segment) struct Fragment<'a> {
    pub source: IpAddr,
    pub destination: IpAddr,
    /// The protocol of the packet's payload; in IPv6 perhaps an extension header.
    pub protocol: u8,
    pub id: u32,
    /// Where its payload belongs in that of the packet, octets.
    pub offset: usize,
    /// Other fragments follow.
    pub more: bool,
    /// The header up to the payload, without the fragment header of IPv6.
    pub header: &'a [u8],
    /// Where in `header` the number of IPv6's fragment header stands.
    pub next_header_at: usize,
    /// As much of the payload as was captured.
    pub payload: &'a [u8],
    /// Octets of payload by the IP header.
    pub payload_len: usize,
}

pub(super) enum Opened<'a> {
    Found(Found<'a>),
    Next(Next),
}

pub(super) fn open<'a>(at: &mut Layers<'a, '_, '_>) -> Result<Opened<'a>, Skip> {
    let (ip, stopped) = LaxIpSlice::from_slice(at.bytes).map_err(|error| match error {
        LaxHeaderSliceError::Len(_) => Skip::IpHeaderCut,
        LaxHeaderSliceError::Content(_) => Skip::BadIpHeader,
    })?;
    if ip.is_fragmenting_payload() {
        return match &ip {
            LaxIpSlice::Ipv4(ip) => v4_fragment(at.bytes, ip),
            LaxIpSlice::Ipv6(ip) => v6_fragment(at.bytes, ip),
        }
        .map(|fragment| Opened::Found(Found::Fragment(fragment)));
    }
    let payload = ip.payload();
    if let Some((error, _)) = stopped {
        return Err(match error {
            HeaderSliceError::Len(_) if payload.incomplete => Skip::IpHeaderCut,
            HeaderSliceError::Len(_) | HeaderSliceError::Content(_) => Skip::BadIpHeader,
        });
    }
    let IpNumber(protocol) = payload.ip_number;
    if protocol != TCP && !may_hold_tcp(protocol) {
        return Err(Skip::IpProtocol(protocol));
    }
    let payload = payload.payload;
    let packet = match &ip {
        LaxIpSlice::Ipv4(ip) => from_v4(at.bytes, ip, payload, at.wire)?,
        LaxIpSlice::Ipv6(ip) => from_v6(ip, payload, at.wire)?,
    };
    if protocol == TCP {
        return Ok(Opened::Found(Found::Tcp(packet)));
    }
    at.bytes = packet.payload;
    at.wire = packet.payload_len;
    at.around.outer = Some((packet.source, packet.destination));
    content(at, protocol).map(Opened::Next)
}

/// Protocols that are opened to look for TCP in them.
fn may_hold_tcp(protocol: u8) -> bool {
    matches!(protocol, 4 | UDP | 41 | 47 | 94 | 97 | 115 | 137)
}

fn content(at: &mut Layers<'_, '_, '_>, protocol: u8) -> Result<Next, Skip> {
    match protocol {
        UDP => Ok(Next::Udp),
        47 => Ok(Next::Gre),
        4 | 41 | 94 => {
            at.enter(TunnelKind::IpInIp, None)?;
            Ok(Next::Ip)
        }
        // RFC 3378: version 3 in four bits, the rest of two octets is zero.
        97 => {
            if at.be16(0)? != 0x3000 {
                return Err(Skip::BadTunnelHeader);
            }
            at.pass(2)?;
            at.enter(TunnelKind::EtherIp, None)?;
            Ok(Next::Ethernet)
        }
        115 => Ok(Next::L2tpV3),
        137 => {
            at.enter(TunnelKind::MplsInIp, None)?;
            Ok(Next::Mpls)
        }
        other => Err(Skip::IpProtocol(other)),
    }
}

fn from_v4<'a>(
    bytes: &'a [u8],
    ip: &LaxIpv4Slice<'_>,
    payload: &'a [u8],
    wire: usize,
) -> Result<IpPacket<'a>, Skip> {
    let header = ip.header();
    let total = match usize::from(header.total_len()) {
        0 => wire,
        total => total,
    };
    let before_payload = header
        .slice()
        .len()
        .saturating_add(ip.extensions().auth.as_ref().map_or(0, |auth| auth.slice().len()));
    Ok(IpPacket {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        id: Some(header.identification()),
        ttl: header.ttl(),
        v4_header: bytes.get(..header.slice().len()),
        payload,
        payload_len: total.checked_sub(before_payload).ok_or(Skip::BadIpHeader)?,
    })
}

fn from_v6<'a>(ip: &LaxIpv6Slice<'_>, payload: &'a [u8], wire: usize) -> Result<IpPacket<'a>, Skip> {
    let header = ip.header();
    let total = match usize::from(header.payload_length()) {
        0 => wire.saturating_sub(header.slice().len()),
        total => total,
    };
    let extensions = ip.extensions().slice().len();
    Ok(IpPacket {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        id: None,
        ttl: header.hop_limit(),
        v4_header: None,
        payload,
        payload_len: total.checked_sub(extensions).ok_or(Skip::BadIpHeader)?,
    })
}

fn v4_fragment<'a>(bytes: &'a [u8], ip: &LaxIpv4Slice<'_>) -> Result<Fragment<'a>, Skip> {
    const AUTHENTICATION: u8 = 51;
    let header = ip.header();
    let IpNumber(protocol) = header.protocol();
    if !matches!(protocol, TCP | AUTHENTICATION) && !may_hold_tcp(protocol) {
        return Err(Skip::IpProtocol(protocol));
    }
    let length = header.slice().len();
    let total = usize::from(header.total_len());
    let payload_len = total.checked_sub(length).ok_or(Skip::BadIpHeader)?;
    let captured = bytes.get(length..).unwrap_or_default();
    Ok(Fragment {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol,
        id: header.identification().into(),
        offset: usize::from(header.fragments_offset().value()).saturating_mul(8),
        more: header.more_fragments(),
        header: bytes.get(..length).unwrap_or_default(),
        next_header_at: 9,
        payload: captured.get(..payload_len).unwrap_or(captured),
        payload_len,
    })
}

fn v6_fragment<'a>(bytes: &'a [u8], ip: &LaxIpv6Slice<'_>) -> Result<Fragment<'a>, Skip> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const DESTINATION_OPTIONS: u8 = 60;
    let header = ip.header();
    let IpNumber(mut number) = header.next_header();
    let (mut next_header_at, mut place) = (6, V6_HEADER);
    // The header that splits the packet: the ones before it are repeated in every fragment.
    let (protocol, offset, more, id) = loop {
        let extension = bytes.get(place..).unwrap_or_default();
        let (Some(&next), Some(&length)) = (extension.first(), extension.get(1)) else {
            return Err(Skip::IpHeaderCut);
        };
        let octets = match number {
            FRAGMENT => {
                let Some(&[_, _, high, low, id @ ..]) = extension.first_chunk::<8>() else {
                    return Err(Skip::IpHeaderCut);
                };
                let split = u16::from_be_bytes([high, low]);
                if split & 0xfff9 != 0 {
                    break (next, split & 0xfff8, split & 1 != 0, u32::from_be_bytes(id));
                }
                8
            }
            AUTHENTICATION => usize::from(length).saturating_add(2).saturating_mul(4),
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => {
                usize::from(length).saturating_add(1).saturating_mul(8)
            }
            _ => return Err(Skip::BadIpHeader),
        };
        (next_header_at, place, number) = (place, place.saturating_add(octets), next);
    };
    let extension = matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS
    );
    if !extension && protocol != TCP && !may_hold_tcp(protocol) {
        return Err(Skip::IpProtocol(protocol));
    }
    let before_payload = place.saturating_add(8);
    let total = usize::from(header.payload_length()).saturating_add(V6_HEADER);
    let payload_len = total.checked_sub(before_payload).ok_or(Skip::BadIpHeader)?;
    let captured = bytes.get(before_payload..).unwrap_or_default();
    Ok(Fragment {
        source: header.source_addr().into(),
        destination: header.destination_addr().into(),
        protocol,
        id,
        offset: offset.into(),
        more,
        header: bytes.get(..place).unwrap_or_default(),
        next_header_at,
        payload: captured.get(..payload_len).unwrap_or(captured),
        payload_len,
    })
}
