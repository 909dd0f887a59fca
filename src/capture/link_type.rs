//! Link layer header types.

use std::borrow::Cow;

/// Link layer header type, numbered as in tcpdump.org's list of `LINKTYPE_` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u32);

impl LinkType {
    /// BSD loopback: address family in the byte order of the capturing machine.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Token Ring.
    pub const TOKEN_RING: LinkType = LinkType(6);
    /// ARCNET as the BSDs write it.
    pub const ARCNET_BSD: LinkType = LinkType(7);
    /// PPP.
    pub const PPP: LinkType = LinkType(9);
    /// FDDI.
    pub const FDDI: LinkType = LinkType(10);
    /// Raw IP as some BSDs number it.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// Raw IP as OpenBSD numbers it.
    pub const RAW_OPENBSD: LinkType = LinkType(14);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: LinkType = LinkType(50);
    /// PPPoE session packets without what carried them.
    pub const PPP_ETHER: LinkType = LinkType(51);
    /// Raw IP.
    pub const RAW: LinkType = LinkType(101);
    /// Cisco HDLC.
    pub const C_HDLC: LinkType = LinkType(104);
    /// IEEE 802.11.
    pub const IEEE802_11: LinkType = LinkType(105);
    /// Frame Relay.
    pub const FRELAY: LinkType = LinkType(107);
    /// OpenBSD loopback: address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// OpenBSD's interface of decrypted IPsec.
    pub const ENC: LinkType = LinkType(109);
    /// Linux cooked capture (the `any` interface).
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// OpenBSD packet filter log.
    pub const PFLOG: LinkType = LinkType(117);
    /// IEEE 802.11 behind a Prism header.
    pub const IEEE802_11_PRISM: LinkType = LinkType(119);
    /// IEEE 802.11 behind a radiotap header.
    pub const IEEE802_11_RADIOTAP: LinkType = LinkType(127);
    /// ARCNET as Linux writes it.
    pub const ARCNET_LINUX: LinkType = LinkType(129);
    /// IP over IEEE 1394 as Apple writes it.
    pub const APPLE_IP_OVER_IEEE1394: LinkType = LinkType(138);
    /// IEEE 802.11 behind an AVS header.
    pub const IEEE802_11_AVS: LinkType = LinkType(163);
    /// PPP with the direction in place of the address.
    pub const LINUX_PPP_WITH_DIRECTION: LinkType = LinkType(166);
    /// Ethernet behind Juniper's header.
    pub const JUNIPER_ETHER: LinkType = LinkType(178);
    /// Per-packet information: a header that names another link type.
    pub const PPI: LinkType = LinkType(192);
    /// PPP behind an octet of direction.
    pub const PPP_WITH_DIRECTION: LinkType = LinkType(204);
    /// Raw IPv4.
    pub const IPV4: LinkType = LinkType(228);
    /// Raw IPv6.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux netfilter log.
    pub const NFLOG: LinkType = LinkType(239);
    /// Ethernet behind Hilscher's header.
    pub const NETANALYZER: LinkType = LinkType(240);
    /// IP over InfiniBand.
    pub const IPOIB: LinkType = LinkType(242);
    /// Apple's packet tap: a header that names another link type.
    pub const PKTAP: LinkType = LinkType(258);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);

    /// The name as in tcpdump.org's list without its prefix: `EN10MB`, `LINUX_SLL`; `LINKTYPE_n` for those not known here.
    pub fn name(self) -> Cow<'static, str> {
        match self.known_name() {
            Some(name) => name.into(),
            None => format!("LINKTYPE_{}", self.0).into(),
        }
    }

    /// The name, if this program knows it.
    pub fn known_name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "NULL",
            1 => "EN10MB",
            6 => "TOKEN_RING",
            7 => "ARCNET_BSD",
            8 => "SLIP",
            9 => "PPP",
            10 => "FDDI",
            12 | 14 | 101 => "RAW",
            50 => "PPP_HDLC",
            51 => "PPP_ETHER",
            104 => "C_HDLC",
            105 => "IEEE802_11",
            107 => "FRELAY",
            108 => "LOOP",
            109 => "ENC",
            113 => "LINUX_SLL",
            117 => "PFLOG",
            119 => "IEEE802_11_PRISM",
            127 => "IEEE802_11_RADIOTAP",
            129 => "ARCNET_LINUX",
            138 => "APPLE_IP_OVER_IEEE1394",
            147 => "USER0",
            140 => "MTP2",
            143 => "DOCSIS",
            163 => "IEEE802_11_AVS",
            165 => "BACNET_MS_TP",
            166 => "PPP_PPPD",
            178 => "JUNIPER_ETHER",
            187 => "BLUETOOTH_HCI_H4",
            189 => "USB_LINUX",
            192 => "PPI",
            195 => "IEEE802_15_4",
            204 => "PPP_WITH_DIR",
            220 => "USB_LINUX_MMAPPED",
            228 => "IPV4",
            229 => "IPV6",
            239 => "NFLOG",
            240 => "NETANALYZER",
            242 => "IPOIB",
            249 => "USBPCAP",
            252 => "WIRESHARK_UPPER_PDU",
            253 => "NETLINK",
            258 => "PKTAP",
            276 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_types_have_names() {
        assert_eq!(LinkType::ETHERNET.name(), "EN10MB");
        assert_eq!(LinkType::LINUX_SLL2.name(), "LINUX_SLL2");
        assert_eq!(LinkType(60_000).name(), "LINKTYPE_60000");
    }
}
