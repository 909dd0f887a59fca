//! Link layers: where the IP packet begins in a frame, and the VLAN tags before it.

use crate::capture::{LinkType, Skip};
use crate::segment::Scope;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const VLAN_PROVIDER: u16 = 0x88a8;
const VLAN_OLD_PROVIDER: u16 = 0x9100;

/// The largest value of an Ethernet type field that is a length (IEEE 802.3 section 3.2.6).
const LONGEST_LENGTH: u16 = 1500;

/// Finds the IP packet in a frame: its offset from the frame's start in octets, and the tags around it.
///
/// Whether version 4 or 6 follows is left to the IP header itself.
pub(crate) fn find_ip(link: LinkType, frame: &[u8]) -> Result<(usize, Scope), Skip> {
    match link {
        LinkType::ETHERNET => past_ethertype(frame, 12),
        LinkType::LINUX_SLL => past_ethertype(frame, 14),
        LinkType::LINUX_SLL2 => {
            // The protocol comes first, 18 octets of interface and address follow.
            ethertype_chain(frame, be16(frame, 0).ok_or(Skip::LinkHeaderCut)?, 20)
        }
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Ok((0, Scope::default()))
        }
        LinkType::NULL | LinkType::LOOP => past_address_family(frame),
        // Some systems write Cisco HDLC under the numbers of PPP; its first octet cannot begin a PPP frame with IP.
        LinkType::PPP | LinkType::PPP_HDLC if !matches!(frame, [0x0f | 0x8f, 0, ..]) => past_ppp(frame),
        LinkType::PPP | LinkType::PPP_HDLC | LinkType::C_HDLC => past_ethertype(frame, 2),
        // FDDI is a control octet, two addresses and then always LLC, as behind a length in IEEE 802.3.
        LinkType::FDDI => ethertype_chain(frame, 0, 13),
        LinkType::IPOIB => {
            // EtherType, then two reserved octets, behind the pseudo header of 40.
            ethertype_chain(frame, be16(frame, 40).ok_or(Skip::LinkHeaderCut)?, 44)
        }
        other => Err(Skip::LinkType(other.0)),
    }
}

fn past_ethertype(frame: &[u8], at: usize) -> Result<(usize, Scope), Skip> {
    let ethertype = be16(frame, at).ok_or(Skip::LinkHeaderCut)?;
    ethertype_chain(frame, ethertype, at.saturating_add(2))
}

/// Follows EtherTypes from `at` on, where the content that `ethertype` announces begins.
fn ethertype_chain(frame: &[u8], ethertype: u16, at: usize) -> Result<(usize, Scope), Skip> {
    let (mut ethertype, mut at) = (ethertype, at);
    let mut scope = Scope::default();
    let mut slots = scope.vlans.iter_mut();
    let mut in_llc = false;
    loop {
        match ethertype {
            IPV4 | IPV6 => return Ok((at, scope)),
            VLAN | VLAN_PROVIDER | VLAN_OLD_PROVIDER => {
                let tag = be16(frame, at).ok_or(Skip::LinkHeaderCut)?;
                ethertype = be16(frame, at.saturating_add(2)).ok_or(Skip::LinkHeaderCut)?;
                *slots.next().ok_or(Skip::VlanTooDeep)? = (tag & 0x0fff).saturating_add(1);
                at = at.saturating_add(4);
            }
            // A length: IEEE 802.3 with LLC. SNAP may carry an EtherType. Linux cooked headers use small numbers too,
            // for content that is never SNAP.
            0..=LONGEST_LENGTH if !in_llc => {
                let llc = frame.get(at..).unwrap_or_default();
                match llc.first_chunk::<8>() {
                    Some([0xaa, 0xaa, 0x03, 0, 0, 0, high, low]) => {
                        ethertype = u16::from_be_bytes([*high, *low]);
                        at = at.saturating_add(8);
                        in_llc = true;
                    }
                    Some(_) => return Err(Skip::Llc),
                    None if llc.len() >= 3 && !llc.starts_with(&[0xaa, 0xaa]) => return Err(Skip::Llc),
                    None => return Err(Skip::LinkHeaderCut),
                }
            }
            other => return Err(Skip::Ethertype(other)),
        }
    }
}

/// NULL and LOOP: four octets of address family, in whatever byte order the capturing machine had. IPv6 has a number
/// of its own in every system.
fn past_address_family(frame: &[u8]) -> Result<(usize, Scope), Skip> {
    let bytes = frame.first_chunk::<4>().ok_or(Skip::LinkHeaderCut)?;
    let family = u32::from_be_bytes(*bytes).min(u32::from_le_bytes(*bytes));
    match u8::try_from(family) {
        // IPv4 everywhere; IPv6 on Linux, Windows, NetBSD and OpenBSD, FreeBSD, Darwin.
        Ok(2 | 10 | 23 | 24 | 28 | 30) => Ok((4, Scope::default())),
        Ok(other) => Err(Skip::AddressFamily(other)),
        Err(_) => Err(Skip::BadLinkHeader),
    }
}

/// PPP (RFC 1661, 1662): address and control may have been left out, the protocol may be compressed to one octet.
fn past_ppp(frame: &[u8]) -> Result<(usize, Scope), Skip> {
    let start = if frame.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
    let first = *frame.get(start).ok_or(Skip::LinkHeaderCut)?;
    let (protocol, length) = if first & 1 == 1 {
        (u16::from(first), 1)
    } else {
        (be16(frame, start).ok_or(Skip::LinkHeaderCut)?, 2)
    };
    match protocol {
        0x0021 | 0x0057 => Ok((start.saturating_add(length), Scope::default())),
        other => Err(Skip::PppProtocol(other)),
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ethernet(tail: &[u8]) -> Vec<u8> {
        [&[0u8; 12], tail].concat()
    }

    fn offset(link: LinkType, frame: &[u8]) -> Result<usize, Skip> {
        find_ip(link, frame).map(|(offset, _)| offset)
    }

    #[test]
    fn ethernet_and_its_tags() {
        assert_eq!(offset(LinkType::ETHERNET, &ethernet(&[8, 0])), Ok(14));
        let (at, scope) = find_ip(
            LinkType::ETHERNET,
            &ethernet(&[0x88, 0xa8, 0x20, 5, 0x91, 0, 0xf0, 0, 0x81, 0, 0, 7, 0x86, 0xdd]),
        )
        .expect("tags");
        assert_eq!(at, 26);
        assert_eq!(scope.vlan_ids().collect::<Vec<_>>(), [5, 0, 7]);
        let tag = [0x81, 0, 0, 1];
        let deep = |tags: usize| ethernet(&[tag.repeat(tags), vec![8, 0]].concat());
        assert_eq!(offset(LinkType::ETHERNET, &deep(4)), Ok(30));
        assert_eq!(offset(LinkType::ETHERNET, &deep(5)), Err(Skip::VlanTooDeep));
        assert_eq!(offset(LinkType::ETHERNET, &deep(1_000)), Err(Skip::VlanTooDeep));
        assert_eq!(
            offset(LinkType::ETHERNET, &ethernet(&[8, 6])),
            Err(Skip::Ethertype(0x0806))
        );
        assert_eq!(
            offset(LinkType::ETHERNET, &ethernet(&[0x81, 0, 0, 1, 8])),
            Err(Skip::LinkHeaderCut)
        );
        assert_eq!(offset(LinkType::ETHERNET, &[0; 13]), Err(Skip::LinkHeaderCut));
    }

    #[test]
    fn llc_and_snap() {
        let snap = [0, 46, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        assert_eq!(offset(LinkType::ETHERNET, &ethernet(&snap)), Ok(22));
        assert_eq!(
            offset(LinkType::ETHERNET, &ethernet(&[0, 38, 0x42, 0x42, 3])),
            Err(Skip::Llc)
        );
        let twice = [0, 46, 0xaa, 0xaa, 3, 0, 0, 0, 0, 9, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        assert_eq!(
            offset(LinkType::ETHERNET, &ethernet(&twice)),
            Err(Skip::Ethertype(9))
        );
    }

    #[test]
    fn cooked_raw_and_the_rest() {
        let sll = |protocol: [u8; 2]| [&[0u8; 14][..], &protocol].concat();
        assert_eq!(offset(LinkType::LINUX_SLL, &sll([8, 0])), Ok(16));
        assert_eq!(
            offset(LinkType::LINUX_SLL, &sll([8, 6])),
            Err(Skip::Ethertype(0x0806))
        );
        assert_eq!(
            offset(LinkType::LINUX_SLL2, &[&[0x86, 0xdd][..], &[0; 18]].concat()),
            Ok(20)
        );
        for link in [12, 14, 101, 228, 229] {
            assert_eq!(offset(LinkType(link), &[]), Ok(0));
        }
        assert_eq!(offset(LinkType::PPP, &[0xff, 3, 0, 0x21]), Ok(4));
        assert_eq!(offset(LinkType::PPP, &[0x57]), Ok(1));
        assert_eq!(
            offset(LinkType::PPP, &[0xc0, 0x21]),
            Err(Skip::PppProtocol(0xc021))
        );
        for link in [LinkType::C_HDLC, LinkType::PPP, LinkType::PPP_HDLC] {
            assert_eq!(offset(link, &[0x0f, 0, 8, 0]), Ok(4));
        }
        assert_eq!(
            offset(
                LinkType::FDDI,
                &[&[0u8; 13][..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat()
            ),
            Ok(21)
        );
        assert_eq!(
            offset(LinkType::IPOIB, &[&[0u8; 40][..], &[8, 0, 0, 0]].concat()),
            Ok(44)
        );
        assert_eq!(offset(LinkType(105), &[0; 64]), Err(Skip::LinkType(105)));
    }

    #[test]
    fn address_families_in_both_byte_orders() {
        for family in [2, 10, 23, 24, 28, 30] {
            for link in [LinkType::NULL, LinkType::LOOP] {
                assert_eq!(offset(link, &[family, 0, 0, 0]), Ok(4));
                assert_eq!(offset(link, &[0, 0, 0, family]), Ok(4));
            }
        }
        assert_eq!(offset(LinkType::NULL, &[7, 0, 0, 0]), Err(Skip::AddressFamily(7)));
        assert_eq!(offset(LinkType::NULL, &[7, 0, 0, 7]), Err(Skip::BadLinkHeader));
        assert_eq!(offset(LinkType::NULL, &[2, 0, 0]), Err(Skip::LinkHeaderCut));
    }
}
