//! Tunnels, each by itself.

use super::*;

#[test]
fn tunnels() {
    let ip = inner;
    let eth = || ethernet(0x0800, ip());
    for (name, bytes, path) in [
        ("IPv4 in IPv4", v4(4, [9, 8], ip()), "ip-in-ip 10.0.0.8-10.0.0.9"),
        ("6in4", v4(41, [9, 8], v6(6, tcp())), "ip-in-ip 10.0.0.8-10.0.0.9"),
        ("4in6", v6(4, ip()), "ip-in-ip ::1-::2"),
        ("IPv6 in IPv6", v6(41, v6(6, tcp())), "ip-in-ip ::1-::2"),
        (
            "IP in AH in IP",
            v4(51, [9, 8], after(&[4, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1], ip())),
            "ip-in-ip 10.0.0.8-10.0.0.9",
        ),
        (
            "GRE",
            v4(47, [9, 8], after(&[0, 0, 8, 0], ip())),
            "gre 10.0.0.8-10.0.0.9",
        ),
        (
            "GRE with all fields",
            v4(
                47,
                [9, 8],
                after(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1], ip()),
            ),
            "gre 5 10.0.0.8-10.0.0.9",
        ),
        (
            "GRE with routes",
            v4(
                47,
                [9, 8],
                after(
                    &[0x40, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0],
                    ip(),
                ),
            ),
            "gre 10.0.0.8-10.0.0.9",
        ),
        (
            "GRE bridging",
            v4(47, [9, 8], after(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 5], eth())),
            "gre 5 10.0.0.8-10.0.0.9",
        ),
        (
            "NVGRE",
            v4(47, [9, 8], after(&[0x20, 0, 0x65, 0x58, 0, 0x20, 1, 0xee], eth())),
            "nvgre 8193 10.0.0.8-10.0.0.9",
        ),
        (
            "WCCP",
            v4(47, [9, 8], after(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], ip())),
            "gre 10.0.0.8-10.0.0.9",
        ),
        (
            "MPLS in GRE",
            v4(47, [9, 8], after(&[0, 0, 0x88, 0x47, 0, 2, 1, 64], ip())),
            "gre 10.0.0.8-10.0.0.9",
        ),
        (
            "PPTP",
            v4(
                47,
                [9, 8],
                after(
                    &[
                        0x30, 0x81, 0x88, 0x0b, 0, 42, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3, 0, 0x21,
                    ],
                    ip(),
                ),
            ),
            "pptp 10.0.0.8-10.0.0.9",
        ),
        (
            "ERSPAN I",
            v4(47, [9, 8], after(&[0, 0, 0x88, 0xbe], eth())),
            "erspan 10.0.0.8-10.0.0.9",
        ),
        (
            "ERSPAN II",
            v4(
                47,
                [9, 8],
                after(
                    &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 7, 0, 0, 0, 0],
                    eth(),
                ),
            ),
            "erspan 7 10.0.0.8-10.0.0.9",
        ),
        (
            "ERSPAN III",
            v4(
                47,
                [9, 8],
                after(
                    &[
                        0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0,
                    ],
                    eth(),
                ),
            ),
            "erspan 7 10.0.0.8-10.0.0.9",
        ),
        (
            "ERSPAN III with a subheader",
            v4(
                47,
                [9, 8],
                after(
                    &[
                        0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
                        0, 0, 0, 0,
                    ],
                    eth(),
                ),
            ),
            "erspan 7 10.0.0.8-10.0.0.9",
        ),
        ("VXLAN", vxlan(7, eth()), "vxlan 7 10.0.0.8-10.0.0.9"),
        (
            "VXLAN with a group",
            udp(5, 4789, after(&[0x88, 0, 0, 3, 0, 0, 7, 0], eth())),
            "vxlan 7 10.0.0.8-10.0.0.9",
        ),
        (
            "VXLAN of Linux",
            udp(5, 8472, after(&[8, 0, 0, 0, 0, 0, 7, 0], eth())),
            "vxlan 7 10.0.0.8-10.0.0.9",
        ),
        (
            "VXLAN-GPE with IPv4",
            udp(5, 4790, after(&[0x0c, 0, 0, 1, 0, 0, 7, 0], ip())),
            "vxlan 7 10.0.0.8-10.0.0.9",
        ),
        (
            "VXLAN-GPE with NSH",
            udp(
                5,
                4790,
                after(&[0x0c, 0, 0, 4, 0, 0, 7, 0, 0x0f, 0xc2, 2, 3, 0, 0, 0, 9], eth()),
            ),
            "vxlan 7 10.0.0.8-10.0.0.9",
        ),
        (
            "Geneve",
            udp(5, 6081, after(&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 0], eth())),
            "geneve 7 10.0.0.8-10.0.0.9",
        ),
        (
            "Geneve with IPv4",
            udp(5, 6081, after(&[0, 0, 8, 0, 0, 0, 7, 0], ip())),
            "geneve 7 10.0.0.8-10.0.0.9",
        ),
        (
            "GTP-U",
            udp(2152, 2152, after(&[0x30, 0xff, 0, 40, 0, 0, 0, 1], ip())),
            "gtp-u 10.0.0.8-10.0.0.9",
        ),
        (
            "GTP-U with an extension",
            udp(
                2152,
                2152,
                after(
                    &[0x34, 0xff, 0, 48, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 5, 0],
                    ip(),
                ),
            ),
            "gtp-u 10.0.0.8-10.0.0.9",
        ),
        ("Teredo", udp(3544, 5, v6(6, tcp())), "teredo 10.0.0.8-10.0.0.9"),
        (
            "Teredo with its headers",
            udp(
                5,
                3544,
                after(
                    &[
                        0, 1, 1, 1, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6,
                    ],
                    v6(6, tcp()),
                ),
            ),
            "teredo 10.0.0.8-10.0.0.9",
        ),
        (
            "L2TP",
            udp(1701, 1701, after(&[0, 2, 0, 5, 0, 6, 0xff, 3, 0, 0x21], ip())),
            "l2tp 10.0.0.8-10.0.0.9",
        ),
        (
            "L2TP with all fields",
            udp(
                1701,
                1701,
                after(
                    &[0x4a, 2, 0, 60, 0, 5, 0, 6, 0, 1, 0, 2, 0, 1, 0, 0xff, 3, 0, 0x21],
                    ip(),
                ),
            ),
            "l2tp 10.0.0.8-10.0.0.9",
        ),
        (
            "L2TPv3",
            v4(115, [9, 8], after(&[0, 0, 0, 1, 1, 2, 3, 4], eth())),
            "l2tpv3 10.0.0.8-10.0.0.9",
        ),
        (
            "L2TPv3 over UDP",
            udp(
                1701,
                1701,
                after(&[0, 3, 0, 0, 0, 0, 0, 1, 0xff, 3, 0, 0x21], ip()),
            ),
            "l2tpv3 10.0.0.8-10.0.0.9",
        ),
        (
            "EtherIP",
            v4(97, [9, 8], after(&[0x30, 0], eth())),
            "etherip 10.0.0.8-10.0.0.9",
        ),
        (
            "MPLS in IP",
            v4(137, [9, 8], after(&[0, 2, 1, 64], ip())),
            "mpls-in-ip 10.0.0.8-10.0.0.9",
        ),
        (
            "MPLS in UDP",
            udp(5, 6635, after(&[0, 2, 1, 64], ip())),
            "mpls-in-ip 10.0.0.8-10.0.0.9",
        ),
    ] {
        finds(name, 101, &bytes, path);
    }
    for (name, bytes, path) in [
        (
            "PPPoE",
            ethernet(0x8864, after(&[0x11, 0, 0, 3, 0, 42, 0, 0x21], ip())),
            "pppoe 3",
        ),
        (
            "pseudowire",
            ethernet(0x8847, after(&[0, 2, 1, 64], eth())),
            "pseudowire",
        ),
        (
            "pseudowire with a control word",
            ethernet(0x8847, after(&[0, 2, 1, 64, 0, 0, 0, 0], eth())),
            "pseudowire",
        ),
        ("PBB", ethernet(0x88e7, after(&[0, 0, 1, 2], eth())), "pbb 258"),
        (
            "FabricPath",
            ethernet(0x8903, after(&[0, 0x60], eth())),
            "fabricpath",
        ),
        (
            "TRILL",
            ethernet(0x22f3, after(&[0, 0x50, 0, 1, 0, 2, 9, 9, 9, 9], eth())),
            "trill",
        ),
    ] {
        finds(name, 1, &bytes, path);
    }
    finds(
        "PPPoE without Ethernet",
        51,
        &after(&[0x11, 0, 0, 3, 0, 42, 0, 0x21], ip()),
        "pppoe 3",
    );
}
