//! What link types other than Ethernet begin with: capture headers that operating systems make, and smaller media.

use super::{Layers, Next, be16, be32, ethernet, le16, le32, ppp, wireless};
use crate::capture::{LinkType, Skip};

/// The first layer of a link type.
pub(super) fn open(at: &mut Layers<'_, '_, '_>, link: LinkType) -> Result<Next, Skip> {
    match link {
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Ok(Next::Ip)
        }
        LinkType::NULL | LinkType::LOOP => address_family(at),
        LinkType::LINUX_SLL => ethertype_at(at, 14, 16),
        // The protocol comes first, 18 octets of interface and address follow.
        LinkType::LINUX_SLL2 => ethertype_at(at, 0, 20),
        // Some systems write Cisco HDLC under the numbers of PPP; its first octet cannot begin a PPP frame with IP.
        LinkType::PPP | LinkType::PPP_HDLC if !matches!(at.bytes, [0x0f | 0x8f, 0, ..]) => Ok(Next::Ppp),
        LinkType::PPP | LinkType::PPP_HDLC | LinkType::C_HDLC => ppp::cisco_hdlc(at),
        LinkType::PPP_ETHER => ethernet::pppoe(at),
        LinkType::PPP_WITH_DIRECTION => {
            at.pass(1)?;
            Ok(Next::Ppp)
        }
        // A direction stands in the place of the address, the control octet follows.
        LinkType::LINUX_PPP_WITH_DIRECTION => {
            at.pass(2)?;
            Ok(Next::Ppp)
        }
        LinkType::FRELAY => ppp::frame_relay(at),
        // A control octet, two addresses and then always LLC.
        LinkType::FDDI => {
            at.pass(13)?;
            Ok(Next::Llc)
        }
        LinkType::TOKEN_RING => token_ring(at),
        LinkType::ARCNET_LINUX => arcnet(at, 4),
        LinkType::ARCNET_BSD => arcnet(at, 2),
        // An EtherType and two reserved octets, behind the pseudo header of 40.
        LinkType::IPOIB => ethertype_at(at, 40, 44),
        LinkType::APPLE_IP_OVER_IEEE1394 => ethertype_at(at, 16, 18),
        LinkType::NETANALYZER => {
            at.pass(4)?;
            Ok(Next::Ethernet)
        }
        LinkType::JUNIPER_ETHER => juniper(at),
        LinkType::NFLOG => nflog(at),
        LinkType::PFLOG => pflog(at),
        // Address family, security parameter index and flags.
        LinkType::ENC => {
            let family = at.be32(0)?;
            at.pass(12)?;
            family_content(family)
        }
        LinkType::PKTAP => pktap(at),
        LinkType::IEEE802_11 => Ok(Next::Wireless),
        LinkType::IEEE802_11_RADIOTAP => wireless::radiotap(at),
        LinkType::IEEE802_11_PRISM => wireless::prism(at),
        LinkType::IEEE802_11_AVS => wireless::avs(at),
        LinkType::PPI => wireless::ppi(at),
        other => Err(Skip::LinkType(other.0)),
    }
}

fn ethertype_at(at: &mut Layers<'_, '_, '_>, place: usize, header: usize) -> Result<Next, Skip> {
    let number = at.be16(place)?;
    at.pass(header)?;
    Ok(Next::Ethertype(number))
}

/// NULL and LOOP: four octets of address family, in whatever byte order the capturing machine had.
fn address_family(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let family = at.be32(0)?;
    at.pass(4)?;
    family_content(family)
}

/// IPv6 has a number of its own in every system.
fn family_content(family: u32) -> Result<Next, Skip> {
    match u8::try_from(family.min(family.swap_bytes())) {
        // IPv4 everywhere; IPv6 on Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
        Ok(2 | 10 | 23 | 24 | 28 | 30) => Ok(Next::Ip),
        Ok(other) => Err(Skip::AddressFamily(other)),
        Err(_) => Err(Skip::BadLinkHeader),
    }
}

/// Token Ring: control octets, two addresses, perhaps a route of the bridges, then LLC.
fn token_ring(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let has_route = at.byte(8)? & 0x80 != 0;
    at.pass(14)?;
    if has_route {
        let length = usize::from(at.byte(0)? & 0x1f);
        if length < 2 {
            return Err(Skip::BadLinkHeader);
        }
        at.pass(length)?;
    }
    Ok(Next::Llc)
}

/// ARCNET: source, destination and, on Linux, an offset; then the protocol. IP by RFC 1051 has nothing else, by RFC 1201 a
/// split flag and a sequence number.
fn arcnet(at: &mut Layers<'_, '_, '_>, protocol_at: usize) -> Result<Next, Skip> {
    const IP_OF_RFC_1051: u8 = 240;
    const IP_OF_RFC_1201: u8 = 212;
    const IPV6: u8 = 196;
    const EXCEPTION: u8 = 0xff;
    match at.byte(protocol_at)? {
        IP_OF_RFC_1051 => at.pass(protocol_at.saturating_add(1))?,
        IP_OF_RFC_1201 | IPV6 => {
            at.pass(protocol_at.saturating_add(1))?;
            match at.byte(0)? {
                0 => at.pass(3)?,
                EXCEPTION => at.pass(7)?,
                _ => return Err(Skip::LinkFragment),
            }
        }
        other => return Err(Skip::ArcnetProtocol(other)),
    }
    Ok(Next::Ip)
}

/// Juniper's header before Ethernet: a magic number, flags, and extensions where a flag says so.
fn juniper(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const NO_LINK_LAYER: u8 = 0x02;
    const EXTENSIONS: u8 = 0x80;
    if !at.bytes.starts_with(&[0x4d, 0x47, 0x43]) {
        return Err(if at.bytes.len() < 3 {
            at.cut()
        } else {
            Skip::BadLinkHeader
        });
    }
    let flags = at.byte(3)?;
    at.pass(4)?;
    if flags & EXTENSIONS != 0 {
        let length = usize::from(at.be16(0)?);
        at.pass(length.saturating_add(2))?;
    }
    if flags & NO_LINK_LAYER == 0 {
        return Ok(Next::Ethernet);
    }
    // Without a link layer the header ends with four octets of protocol family.
    let family = at.be32(0)?;
    at.pass(4)?;
    family_content(family)
}

/// Linux netfilter log: family, version, group, then attributes; lengths have the byte order of the capturing machine.
fn nflog(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const PAYLOAD: u16 = 9;
    let family = at.byte(0)?;
    at.pass(4)?;
    loop {
        let captured = at.bytes;
        let little = le16(captured, 0).zip(le16(captured, 2));
        let big = be16(captured, 0).zip(be16(captured, 2));
        // The types have small numbers: the order in which the type is small is the right one.
        let (length, kind) = match (little, big) {
            (Some(little), Some(big)) => {
                if little.1 & 0x3fff <= big.1 & 0x3fff {
                    little
                } else {
                    big
                }
            }
            _ => return Err(at.cut()),
        };
        if length < 4 {
            return Err(Skip::BadLinkHeader);
        }
        if kind & 0x3fff == PAYLOAD {
            at.pass(4)?;
            return family_content(family.into());
        }
        at.pass(usize::from(length).next_multiple_of(4))?;
    }
}

/// OpenBSD packet filter log: the header's length, the address family, and what the header is padded to.
fn pflog(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let (length, family) = (usize::from(at.byte(0)?), at.byte(1)?);
    if length < 4 {
        return Err(Skip::BadLinkHeader);
    }
    at.pass(length.next_multiple_of(4))?;
    family_content(family.into())
}

/// Apple's packet tap: a header that names the link type of what follows it. Its fields have the byte order of the
/// capturing machine.
fn pktap(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const SMALLEST: u32 = 60;
    const LARGEST: u32 = 4_096;
    for (length, link) in [
        (le32(at.bytes, 0), le32(at.bytes, 8)),
        (be32(at.bytes, 0), be32(at.bytes, 8)),
    ] {
        let (Some(length), Some(link)) = (length, link) else {
            return Err(at.cut());
        };
        if (SMALLEST..=LARGEST).contains(&length) {
            at.pass(usize::try_from(length).unwrap_or(usize::MAX))?;
            return match LinkType(link) {
                LinkType::PKTAP => Err(Skip::BadLinkHeader),
                link => Ok(Next::Link(link)),
            };
        }
    }
    Err(Skip::BadLinkHeader)
}
