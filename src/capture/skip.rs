//! Why a packet gave no TCP segment.

use std::borrow::Cow;
use std::fmt;

use super::LinkType;

/// The reason why one packet of the capture gave no TCP segment.
///
/// Every packet gives exactly one [`Segment`](crate::segment::Segment) or one `Skip`, so that the summary adds up. `Skip` is small,
/// `Copy` and hashable: count by value while reading, make the text once in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Skip {
    /// A pcapng packet block names an interface that no block described (or one whose description is broken).
    UnknownInterface,
    /// A pcapng packet block whose own lengths contradict each other.
    BadPacketBlock,
    /// A record that takes a packet number but holds no packet (systemd journal, custom block, system call event).
    NotAPacket,
    /// A link type that is not decoded.
    LinkType(u32),
    /// The captured bytes, or the frame itself, end inside the link layer header.
    LinkHeaderCut,
    /// Link layer content other than IP, by EtherType.
    Ethertype(u16),
    /// An IEEE 802.3 frame whose LLC header does not announce an EtherType (spanning tree, NetBIOS, …).
    Llc,
    /// NULL or LOOP framing with an address family that is not IP.
    AddressFamily(u8),
    /// PPP content other than IP.
    PppProtocol(u16),
    /// A link layer header with a value that its format does not allow.
    BadLinkHeader,
    /// More than four VLAN tags.
    VlanTooDeep,
    /// More than eight tunnels, or more layers than any network has.
    TunnelTooDeep,
    /// The captured bytes, or the packet itself, end inside the header of a tunnel or of what it carries.
    TunnelHeaderCut,
    /// A tunnel's header with a value that its format does not allow, or that announces nothing known.
    BadTunnelHeader,
    /// A message of a tunnel's own protocol, without a packet in it (L2TP, PPTP and GTP).
    TunnelControl,
    /// MPLS with neither IP nor Ethernet behind its labels.
    MplsContent,
    /// An L2TP version 3 session in which no known frame begins.
    L2tpContent,
    /// Part of a PPP packet that was split over several links.
    PppFragment,
    /// Part of an IEEE 802.11 or ARCNET packet that was split below IP.
    LinkFragment,
    /// Frame Relay content other than IP, by NLPID.
    Nlpid(u8),
    /// ARCNET content other than IP, by protocol number.
    ArcnetProtocol(u8),
    /// An IEEE 802.11 management frame.
    WlanManagement,
    /// An IEEE 802.11 control frame.
    WlanControl,
    /// An IEEE 802.11 data frame without data.
    WlanNoData,
    /// An IEEE 802.11 frame that holds several packets: one packet can give one segment.
    WlanAggregate,
    /// An encrypted IEEE 802.11 frame.
    EncryptedWlan,
    /// An encrypted MACsec frame.
    EncryptedMacsec,
    /// An sFlow datagram: it quotes packets that an agent picked at random, which is no capture of a connection.
    SflowSample,
    /// CAPWAP data between an access point and its controller.
    CapwapData,
    /// The captured bytes, or the frame itself, end inside the IP header or its extension headers.
    IpHeaderCut,
    /// An IP header that contradicts itself (version, header length, total length, order of extension headers).
    BadIpHeader,
    /// A fragment of an IP packet with TCP or a tunnel in it. It is held until the packet is whole, which then counts at the
    /// fragment that completed it; a packet that never gets whole gives no segment.
    IpFragment,
    /// IP content other than TCP, by IP protocol number.
    IpProtocol(u8),
    /// The capture cut the packet before flags and window of the TCP header.
    TcpHeaderCut,
    /// The IP packet is too short for the fixed TCP header.
    TcpTooShort,
    /// A TCP data offset below five words, or one that runs past the end of the IP packet.
    BadTcpDataOffset,
    /// A TCP segment that another file held already: two taps saw it.
    DuplicateOfAnotherFile,
}

impl Skip {
    /// Stable name of the reason, kebab-case, its parameter and what that means in it: `ip-fragment`,
    /// `ethertype-0x0806 (ARP)`, `ip-protocol-17 (UDP)`, `link-type-105 (IEEE802_11)`.
    pub fn name(self) -> Cow<'static, str> {
        let plain = match self {
            Skip::UnknownInterface => "unknown-interface",
            Skip::BadPacketBlock => "bad-packet-block",
            Skip::NotAPacket => "not-a-packet",
            Skip::LinkHeaderCut => "link-header-cut",
            Skip::Llc => "llc",
            Skip::BadLinkHeader => "bad-link-header",
            Skip::VlanTooDeep => "vlan-too-deep",
            Skip::TunnelTooDeep => "tunnel-too-deep",
            Skip::TunnelHeaderCut => "tunnel-header-cut",
            Skip::BadTunnelHeader => "bad-tunnel-header",
            Skip::TunnelControl => "tunnel-control",
            Skip::MplsContent => "mpls-content",
            Skip::L2tpContent => "l2tp-content",
            Skip::PppFragment => "ppp-fragment",
            Skip::LinkFragment => "link-fragment",
            Skip::WlanManagement => "wlan-management",
            Skip::WlanControl => "wlan-control",
            Skip::WlanNoData => "wlan-no-data",
            Skip::WlanAggregate => "wlan-aggregate",
            Skip::EncryptedWlan => "encrypted-wlan",
            Skip::EncryptedMacsec => "encrypted-macsec",
            Skip::SflowSample => "sflow-sample",
            Skip::CapwapData => "capwap-data",
            Skip::IpHeaderCut => "ip-header-cut",
            Skip::BadIpHeader => "bad-ip-header",
            Skip::IpFragment => "ip-fragment",
            Skip::TcpHeaderCut => "tcp-header-cut",
            Skip::TcpTooShort => "tcp-too-short",
            Skip::BadTcpDataOffset => "bad-tcp-data-offset",
            Skip::DuplicateOfAnotherFile => "duplicate-of-another-file",
            Skip::LinkType(number) => {
                return with_meaning(format!("link-type-{number}"), LinkType(number).known_name());
            }
            Skip::Ethertype(number) => {
                return with_meaning(format!("ethertype-0x{number:04x}"), ethertype_meaning(number));
            }
            Skip::Nlpid(number) => return format!("nlpid-0x{number:02x}").into(),
            Skip::ArcnetProtocol(number) => return format!("arcnet-protocol-{number}").into(),
            Skip::AddressFamily(number) => return format!("address-family-{number}").into(),
            Skip::PppProtocol(number) => {
                return with_meaning(format!("ppp-protocol-0x{number:04x}"), ppp_meaning(number));
            }
            Skip::IpProtocol(number) => {
                return with_meaning(format!("ip-protocol-{number}"), ip_protocol_meaning(number));
            }
        };
        Cow::Borrowed(plain)
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

fn with_meaning(name: String, meaning: Option<&str>) -> Cow<'static, str> {
    match meaning {
        Some(meaning) => format!("{name} ({meaning})").into(),
        None => name.into(),
    }
}

fn ethertype_meaning(number: u16) -> Option<&'static str> {
    Some(match number {
        0x0004 => "802.2 LLC",
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x2000 => "CDP",
        0x22f0 => "AVTP",
        0x6558 => "Ethernet bridging",
        0x6559 => "Frame Relay",
        0x8035 => "RARP",
        0x8100 | 0x88a8 | 0x9100 => "VLAN",
        0x8137 => "IPX",
        0x8808 => "pause",
        0x8809 => "slow protocols",
        0x8847 | 0x8848 => "MPLS",
        0x8863 => "PPPoE discovery",
        0x8864 => "PPPoE",
        0x888e => "EAPOL",
        0x8892 => "PROFINET",
        0x88b8 => "GOOSE",
        0x88cc => "LLDP",
        0x88e5 => "MACsec",
        0x88e7 => "provider backbone bridge",
        0x88f7 => "PTP",
        0x8903 => "FabricPath",
        0x893f => "E-TAG",
        0x894f => "NSH",
        0x9000 => "loopback",
        _ => return None,
    })
}

fn ppp_meaning(number: u16) -> Option<&'static str> {
    Some(match number {
        0x002d | 0x002f => "compressed TCP/IP",
        0x003d => "multilink",
        0x8021 => "IPCP",
        0x8057 => "IPV6CP",
        0xc021 => "LCP",
        0xc023 => "PAP",
        0xc223 => "CHAP",
        _ => return None,
    })
}

fn ip_protocol_meaning(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPv4 in IP",
        17 => "UDP",
        41 => "IPv6 in IP",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        58 => "ICMPv6",
        59 => "no next header",
        88 => "EIGRP",
        89 => "OSPF",
        94 | 97 => "Ethernet in IP",
        103 => "PIM",
        108 => "IPComp",
        112 => "VRRP",
        115 => "L2TP",
        132 => "SCTP",
        136 => "UDP-Lite",
        137 => "MPLS in IP",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable() {
        let cases = [
            (Skip::IpFragment, "ip-fragment"),
            (Skip::Ethertype(0x0806), "ethertype-0x0806 (ARP)"),
            (Skip::Ethertype(0xabcd), "ethertype-0xabcd"),
            (Skip::IpProtocol(17), "ip-protocol-17 (UDP)"),
            (Skip::IpProtocol(253), "ip-protocol-253"),
            (Skip::TunnelTooDeep, "tunnel-too-deep"),
            (Skip::Nlpid(9), "nlpid-0x09"),
            (Skip::LinkType(105), "link-type-105 (IEEE802_11)"),
            (Skip::LinkType(65_000), "link-type-65000"),
            (Skip::AddressFamily(7), "address-family-7"),
            (Skip::PppProtocol(0xc021), "ppp-protocol-0xc021 (LCP)"),
        ];
        for (skip, name) in cases {
            assert_eq!(skip.to_string(), name);
        }
    }
}
