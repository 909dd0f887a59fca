//! Link types, each by itself.

use super::*;

#[test]
fn link_types() {
    let ip = inner;
    let llc = || snap([0; 3], 0x0800, ip());
    let tap = |link: u32| [[60u32, 1, link].map(u32::to_le_bytes).concat(), vec![0; 48]].concat();
    for (name, link, bytes) in [
        ("Ethernet", 1, ethernet(0x0800, ip())),
        ("IPv6", 1, ethernet(0x86dd, v6(6, tcp()))),
        ("802.3 SNAP", 1, ethernet(48, llc())),
        (
            "SNAP of bridges",
            1,
            ethernet(48, snap([0, 0, 0xf8], 0x0800, ip())),
        ),
        (
            "bridged Ethernet in SNAP",
            1,
            ethernet(48, snap([0, 0x80, 0xc2], 7, ethernet(0x0800, ip()))),
        ),
        ("802.3 LLC", 1, ethernet(48, after(&[6, 6, 3], ip()))),
        (
            "802.3 NLPID",
            1,
            ethernet(48, after(&[0xfe, 0xfe, 3, 0xcc], ip())),
        ),
        ("ISL", 1, {
            let header = [
                &[1u8, 0, 0x0c, 0, 0][..],
                &[0; 7],
                &[0, 90],
                &[0; 6],
                &[0, 14],
                &[0; 4],
            ]
            .concat();
            [header, ethernet(0x0800, ip()), vec![0; 4]].concat()
        }),
        (
            "E-TAG",
            1,
            ethernet(0x893f, after(&[0; 6], ethertype(0x0800, ip()))),
        ),
        (
            "VN-TAG",
            1,
            ethernet(0x8926, after(&[0; 4], ethertype(0x0800, ip()))),
        ),
        (
            "HSR",
            1,
            ethernet(0x892f, after(&[0; 4], ethertype(0x0800, ip()))),
        ),
        (
            "Cisco metadata",
            1,
            ethernet(0x8909, after(&[1, 1, 0, 1, 0, 4], ethertype(0x0800, ip()))),
        ),
        (
            "NSH",
            1,
            ethernet(0x894f, after(&[0x0f, 0xc2, 2, 1, 0, 0, 0, 9], ip())),
        ),
        ("MACsec", 1, {
            let clear = after(&[0, 0, 0, 0, 0, 1], ethertype(0x0800, ip()));
            ethernet(0x88e5, [clear, vec![0xcc; 16]].concat())
        }),
        ("MACsec with SCI", 1, {
            let clear = after(
                &[0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8],
                ethertype(0x0800, ip()),
            );
            ethernet(0x88e5, [clear, vec![0xcc; 16]].concat())
        }),
        (
            "MPLS",
            1,
            ethernet(0x8847, after(&[0, 1, 0, 64, 0, 2, 1, 64], ip())),
        ),
        (
            "MPLS with IPv6",
            1,
            ethernet(0x8847, after(&[0, 2, 1, 64], v6(6, tcp()))),
        ),
        ("cooked", 113, after(&[0; 14], ethertype(0x0800, ip()))),
        (
            "cooked with a tag",
            113,
            after(
                &[0; 14],
                ethertype(0x8100, after(&[0, 5], ethertype(0x0800, ip()))),
            ),
        ),
        (
            "cooked, second version",
            276,
            [&[8, 0][..], &[0; 18], &ip()].concat(),
        ),
        ("NULL", 0, after(&[2, 0, 0, 0], ip())),
        ("LOOP", 108, after(&[0, 0, 0, 2], ip())),
        ("raw", 101, ip()),
        ("PPP", 9, after(&[0xff, 3, 0, 0x21], ip())),
        ("PPP without address and control", 9, after(&[0, 0x21], ip())),
        ("PPP with a short protocol", 50, after(&[0x21], ip())),
        ("PPP with IPv6", 9, after(&[0, 0x57], v6(6, tcp()))),
        ("PPP with MPLS", 9, after(&[2, 0x81, 0, 1, 1, 64], ip())),
        ("PPP bridging", 9, after(&[0, 0x31, 0, 1], ethernet(0x0800, ip()))),
        (
            "PPP bridging with a LAN",
            9,
            after(&[0, 0x31, 0x40, 1, 0, 0, 0, 1], ethernet(0x0800, ip())),
        ),
        (
            "multilink, long",
            9,
            after(&[0, 0x3d, 0xc0, 0, 0, 1, 0, 0x21], ip()),
        ),
        ("multilink, short", 9, after(&[0, 0x3d, 0xc0, 1, 0x21], ip())),
        ("PPP behind a direction", 204, after(&[1, 0xff, 3, 0, 0x21], ip())),
        ("PPP with a direction", 166, after(&[1, 3, 0, 0x21], ip())),
        ("Cisco HDLC", 104, after(&[0x0f, 0, 8, 0], ip())),
        ("Cisco HDLC as PPP", 50, after(&[0x0f, 0, 8, 0], ip())),
        ("Frame Relay", 107, after(&[0x18, 0x41, 3, 0xcc], ip())),
        (
            "Frame Relay with SNAP",
            107,
            after(&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], ip()),
        ),
        ("Frame Relay of Cisco", 107, after(&[0x18, 0x41, 8, 0], ip())),
        (
            "Frame Relay bridging",
            107,
            after(
                &[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7],
                ethernet(0x0800, ip()),
            ),
        ),
        ("FDDI", 10, after(&[0x50; 13], llc())),
        ("Token Ring", 6, after(&[0x10; 14], llc())),
        ("Token Ring with a route", 6, {
            let mut header = [0x10; 14];
            header[8] = 0x90;
            [&header[..], &[4, 0, 1, 2], &llc()].concat()
        }),
        ("ARCNET, RFC 1051", 129, after(&[1, 2, 0, 0, 240], ip())),
        ("ARCNET, RFC 1201", 129, after(&[1, 2, 0, 0, 212, 0, 0, 1], ip())),
        (
            "ARCNET, exception packet",
            7,
            after(&[1, 2, 212, 0xff, 0xff, 0xff, 0xff, 0, 0, 1], ip()),
        ),
        ("IPoIB", 242, [&[0; 40][..], &[8, 0, 0, 0], &ip()].concat()),
        ("FireWire", 138, after(&[0; 16], ethertype(0x0800, ip()))),
        ("netANALYZER", 240, after(&[0; 4], ethernet(0x0800, ip()))),
        (
            "Juniper",
            178,
            after(&[0x4d, 0x47, 0x43, 0x80, 0, 3, 9, 9, 9], ethernet(0x0800, ip())),
        ),
        (
            "Juniper without link layer",
            178,
            after(&[0x4d, 0x47, 0x43, 2, 0, 0, 0, 2], ip()),
        ),
        (
            "NFLOG",
            239,
            after(&[2, 0, 0, 40, 5, 0, 10, 0, 1, 0, 0, 0, 44, 0, 9, 0], ip()),
        ),
        (
            "NFLOG, big endian",
            239,
            after(&[2, 0, 0, 40, 0, 5, 0, 10, 1, 0, 0, 0, 0, 44, 0, 9], ip()),
        ),
        ("PFLOG", 117, after(&[&[61, 2][..], &[0; 62]].concat(), ip())),
        ("ENC", 109, after(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], ip())),
        ("PKTAP", 258, after(&tap(1), ethernet(0x0800, ip()))),
        ("PKTAP with raw IP", 258, after(&tap(12), ip())),
        ("802.11", 105, wlan(8, 1, &[], llc())),
        ("802.11 QoS", 105, wlan(0x88, 2, &[0, 0], llc())),
        (
            "802.11 QoS with HT control",
            105,
            wlan(0x88, 0x82, &[0; 6], llc()),
        ),
        ("802.11, four addresses", 105, wlan(8, 3, &[0; 6], llc())),
        ("802.11, one frame in an aggregate", 105, {
            let [high, low] = (llc().len() as u16).to_be_bytes();
            wlan(0x88, 1, &[&[0x80, 0][..], &[0; 12], &[high, low]].concat(), llc())
        }),
        (
            "radiotap",
            127,
            after(&[0, 0, 8, 0, 0, 0, 0, 0], wlan(8, 1, &[], llc())),
        ),
        ("radiotap, padded, with a check sequence", 127, {
            let header = [0u8, 0, 17, 0, 3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x30];
            [&header[..], &wlan(0x88, 1, &[0, 0, 0, 0], llc()), &[0xfc; 4]].concat()
        }),
        ("radiotap with two words", 127, {
            after(
                &[0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0],
                wlan(8, 1, &[], llc()),
            )
        }),
        ("PPI with 802.11 and a check sequence", 192, {
            let field = [&[2u8, 0, 20, 0][..], &[0; 8], &[1, 0], &[0; 10]].concat();
            let header = [&[0u8, 0, 32, 0, 105, 0, 0, 0][..], &field].concat();
            [header, wlan(8, 1, &[], llc()), vec![0xfc; 4]].concat()
        }),
        (
            "PPI with Ethernet",
            192,
            after(&[0, 0, 8, 0, 1, 0, 0, 0], ethernet(0x0800, ip())),
        ),
        (
            "Prism",
            119,
            after(
                &[&[0x44, 0, 0, 0, 144, 0, 0, 0][..], &[0; 136]].concat(),
                wlan(8, 1, &[], llc()),
            ),
        ),
        (
            "AVS",
            163,
            after(
                &[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat(),
                wlan(8, 1, &[], llc()),
            ),
        ),
        (
            "AVS as Prism",
            119,
            after(
                &[&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64][..], &[0; 56]].concat(),
                wlan(8, 1, &[], llc()),
            ),
        ),
    ] {
        finds(name, link, &bytes, "");
    }
}
