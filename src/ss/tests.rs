use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

// Written by `ss` of iproute2 6.1 on Linux 6.18, with sockets on loopback in every state below.
const TANP: &str = include_str!("../../testdata/ss/tanp.txt");
const EVERYTHING: &str = include_str!("../../testdata/ss/Htanpieom.txt");
const ONE_LINE: &str = include_str!("../../testdata/ss/tanpieO.txt");
const CLOSE_WAIT: &str = include_str!("../../testdata/ss/close-wait.txt");
const NAMES: &str = include_str!("../../testdata/ss/names.txt");

fn clean(text: &str) -> Listing {
    let listing = parse(text);
    assert_eq!(listing.skipped, Skipped::default(), "{text}");
    assert_eq!(listing.complaints, [], "{text}");
    listing
}

fn with_peer(listing: &Listing, peer: &str) -> Socket {
    let mut found = listing
        .sockets
        .iter()
        .filter(|socket| socket.peer.to_string() == peer);
    found.next().expect("a socket with this peer").clone()
}

fn process(name: &str, pid: u32, fd: u32) -> Process {
    Process {
        name: name.to_owned(),
        pid,
        fd,
    }
}

fn only(text: &str) -> Socket {
    let listing = clean(text);
    assert_eq!(listing.sockets.len(), 1, "{text}");
    listing.sockets.first().expect("one socket").clone()
}

#[test]
fn a_plain_listing() {
    let listing = clean(TANP);
    assert_eq!(listing.sockets.len(), 37);
    assert_eq!(listing.without_state, 0);
    let count = |state| {
        listing
            .sockets
            .iter()
            .filter(|socket| socket.state == state)
            .count()
    };
    assert_eq!(count(State::Listen), 6);
    assert_eq!(count(State::Established), 10);
    assert_eq!(count(State::CloseWait), 9);
    assert_eq!(count(State::FinWait2), 9);
    assert_eq!(count(State::TimeWait), 2);
    assert_eq!(count(State::SynSent), 1);
    let socket = with_peer(&listing, "127.0.0.1:50001");
    assert_eq!(socket.state, State::Established);
    assert_eq!((socket.recv_q, socket.send_q), (5, 0));
    assert_eq!(socket.local.to_string(), "127.0.0.1:18080");
    assert_eq!(
        socket.processes,
        [process("worker 1", 21850, 7), process("python3", 21740, 7)]
    );
    assert_eq!(
        with_peer(&listing, "127.0.0.1:50013").local.to_string(),
        "127.0.0.1:18084"
    ); // bound to lo
    assert_eq!(
        with_peer(&listing, "127.0.0.1:50011").local.to_string(),
        "127.0.0.1:18082"
    ); // IPv4 in IPv6
    assert_eq!(
        with_peer(&listing, "[::1]:50010").local.to_string(),
        "[::1]:18081"
    );
    assert_eq!(with_peer(&listing, "*:*").local.to_string(), "*:18082");
}

#[test]
fn recv_q_tells_how_far_the_program_read() {
    let listing = clean(TANP);
    let reading = |peer| with_peer(&listing, peer).reading();
    assert_eq!(reading("127.0.0.1:50002"), Some(RecvQ::NeverReadEnd));
    assert_eq!(reading("127.0.0.1:50003"), Some(RecvQ::ReadEndNotClosed));
    assert_eq!(reading("127.0.0.1:50004"), Some(RecvQ::LeftUnread(100)));
    assert_eq!(reading("127.0.0.1:50005"), Some(RecvQ::LeftUnread(60)));
    // Read exactly the data, with the FIN behind it, and never again: Linux takes the FIN along.
    assert_eq!(reading("127.0.0.1:50006"), Some(RecvQ::ReadEndNotClosed));
    // The same, but the FIN came afterwards.
    assert_eq!(reading("127.0.0.1:50007"), Some(RecvQ::NeverReadEnd));
    assert_eq!(reading("127.0.0.1:50001"), None);
    assert!(RecvQ::LeftUnread(60).meaning().contains("60 octets"));
    assert!(RecvQ::NeverReadEnd.meaning().contains("end of the stream"));
    assert!(RecvQ::ReadEndNotClosed.meaning().contains("close()"));
}

#[test]
fn options_e_i_m_o() {
    let listing = clean(EVERYTHING);
    let plain = clean(TANP);
    assert_eq!(listing.sockets.len(), plain.sockets.len());
    for (all, plain) in listing.sockets.iter().zip(&plain.sockets) {
        assert_eq!(
            (all.state, all.local, all.peer, &all.processes),
            (plain.state, plain.local, plain.peer, &plain.processes)
        );
        assert!(all.inode.is_some());
    }
    let socket = with_peer(&listing, "127.0.0.1:50001");
    assert_eq!(
        socket.timer,
        Some(Timer {
            kind: TimerKind::Keepalive,
            remaining_ms: 119 * 60_000,
            retransmissions: 0
        })
    );
    assert_eq!(socket.inode, Some(744_957));
    assert_eq!(socket.info.bytes_received, Some(5));
    assert!(
        socket.info.lastsnd_ms.is_some()
            && socket.info.lastrcv_ms.is_some()
            && socket.info.lastack_ms.is_some()
    );
    assert_eq!(socket.waits_for_accept(), Some(false));
    let kinds: Vec<TimerKind> = listing
        .sockets
        .iter()
        .filter_map(|socket| Some(socket.timer?.kind))
        .collect();
    for kind in [TimerKind::TimeWait, TimerKind::Persist, TimerKind::Retransmission] {
        assert!(kinds.contains(&kind), "{kind:?}");
    }
    // In the queue of the listener: three octets and the FIN, and no process.
    let socket = with_peer(&listing, "127.0.0.1:50012");
    assert_eq!(socket.reading(), Some(RecvQ::LeftUnread(3)));
    assert_eq!(socket.waits_for_accept(), Some(true));
    let socket = with_peer(&listing, "127.0.0.1:50014");
    assert_eq!(socket.waits_for_accept(), Some(true));
}

#[test]
fn option_o_one_line() {
    let listing = clean(ONE_LINE);
    let all = clean(EVERYTHING);
    assert!(!listing.sockets.is_empty());
    for socket in &listing.sockets {
        let same = all.sockets.iter().find(|other| {
            (other.local, other.peer, other.inode, &other.processes)
                == (socket.local, socket.peer, socket.inode, &socket.processes)
        });
        let same = same.expect("the same socket");
        assert_eq!(same.info.bytes_received, socket.info.bytes_received);
        assert_eq!(same.info.lastack_ms.is_some(), socket.info.lastack_ms.is_some());
    }
}

#[test]
fn a_filter_for_one_state_takes_the_column_away() {
    let listing = clean(CLOSE_WAIT);
    assert_eq!(listing.sockets.len(), 9);
    assert_eq!(listing.without_state, 9);
    assert!(
        listing
            .sockets
            .iter()
            .all(|socket| socket.state == State::Unknown)
    );
    assert!(listing.sockets.iter().all(|socket| socket.reading().is_none()));
    assert_eq!(with_peer(&listing, "127.0.0.1:50005").recv_q, 61);
    assert_eq!(only("tcp 3 4 10.0.0.1:1 10.0.0.2:2").state, State::Unknown);
}

#[test]
fn names_that_try_to_pass_for_the_listing() {
    let listing = clean(NAMES);
    let names = [
        "\u{202e} a\tb\r",
        "\n0 0 ::1:1 *:2 ",
        "\",pid=1,fd=2", // this `ss` cuts names at a closing parenthesis
        "x\n\\\u{1b}[2J",
        "a\",pid=1,fd=2",
        "python3",
    ];
    assert_eq!(listing.sockets.len(), 11);
    for socket in &listing.sockets {
        let found: Vec<&str> = socket
            .processes
            .iter()
            .map(|process| process.name.as_str())
            .collect();
        assert_eq!(found, names);
        assert!(socket.processes.iter().all(|process| process.pid > 20_000));
    }
}

#[test]
fn a_name_that_ends_the_list_and_the_line() {
    let text = "ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 users:((\"\",pid=1,fd=2))\n\",pid=77,fd=3))\n\
                ESTAB 0 0 10.0.0.1:1 10.0.0.2:3 users:((\"\",pid=1,fd=2)) \",pid=77,fd=3),(\"x\ny\",pid=78,fd=4))\n";
    let listing = clean(text);
    let processes: Vec<&[Process]> = listing
        .sockets
        .iter()
        .map(|socket| socket.processes.as_slice())
        .collect();
    assert_eq!(
        processes,
        [
            [process("\",pid=1,fd=2))\n", 77, 3)].as_slice(),
            [process("\",pid=1,fd=2)) ", 77, 3), process("x\ny", 78, 4)].as_slice(),
        ]
    );
}

#[test]
fn a_list_that_was_cut_costs_the_list_but_no_socket() {
    let text = "State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n\
                ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 users:((\"ngin\n\
                LISTEN 0 0 0.0.0.0:1 0.0.0.0:*\n\
                ESTAB 0 0 10.0.0.1:1 10.0.0.2:3 users:((\"nginx\",pid=1\n\
                ESTAB 0 0 10.0.0.1:http 10.0.0.2:4 users:((\"nginx\",pid=1\n\
                Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n\
                7 0 10.0.0.1:1 10.0.0.2:5\n";
    let listing = parse(text);
    assert_eq!(listing.sockets.len(), 4);
    assert!(listing.sockets.iter().all(|socket| socket.processes.is_empty()));
    let lines: Vec<usize> = listing
        .complaints
        .iter()
        .map(|complaint| complaint.line)
        .collect();
    assert_eq!(lines, [2, 4]);
    assert_eq!(listing.skipped.unresolved, 1);
    assert_eq!(listing.skipped.unparsable, 0);
}

#[test]
fn other_protocols_are_counted() {
    let text = "Netid State      Recv-Q Send-Q       Local Address:Port         Peer Address:Port  Process\n\
                nl    UNCONN     4352   0                        4:17599                    *\n\
                u_str ESTAB      0      0                        * 735107                  * 735108 users:((\"cargo\",pid=16953,fd=4))\n\
                udp   UNCONN     0      0            127.0.0.53%lo:53               0.0.0.0:*\n\
                ???   UNCONN     0      0                        *:58                     *:*\n\
                sctp  LISTEN     0      128                0.0.0.0:5000             0.0.0.0:*\n\
                \x20     `- ESTAB   0      0              127.0.0.1:5000           127.0.0.1:6000\n\
                tcp   LISTEN     0      16               127.0.0.1:18080            0.0.0.0:*      users:((\"a b\",pid=17560,fd=3))\n\
                tcp   CLOSE-WAIT 4      0                127.0.0.1:18080          127.0.0.1:34302\n";
    let listing = parse(text);
    assert_eq!(listing.skipped.not_tcp, 5);
    assert_eq!(listing.skipped.unparsable, 0);
    assert_eq!(listing.sockets.len(), 2);
    assert_eq!(
        with_peer(&listing, "127.0.0.1:34302").reading(),
        Some(RecvQ::LeftUnread(3))
    );
}

#[test]
fn names_of_services_and_hosts_are_counted() {
    let text = "ESTAB 0 0 10.0.0.1:http 10.0.0.2:51000\nESTAB 0 0 10.0.0.1:51001 db.example.org:5432\n\
                ESTAB 0 0 10.0.0.1:51002 10.0.0.2:8080\nLISTEN 0 0 *:ssh *:*\n";
    let listing = parse(text);
    assert_eq!(listing.skipped.unresolved, 3);
    assert_eq!(listing.skipped.unparsable, 0);
    assert_eq!(listing.sockets.len(), 1);
    assert!(Skipped::ADVICE.contains("-n"));
}

#[test]
fn wrapped_indented_and_crlf_lines() {
    let expected =
        only("ESTAB 1 2 10.0.0.1:3 10.0.0.2:4 users:((\"a\",pid=5,fd=6),(\"b\",pid=7,fd=8)) uid:9 ino:10");
    for text in [
        "ESTAB 1 2 10.0.0.1:3\n    10.0.0.2:4\n  users:((\"a\",pid=5,fd=6),(\"b\",pid=7,fd=8)) uid:9\n ino:10\n",
        "ESTAB 1 2 10.0.0.1:3 10.0.0.2:4 users:((\"a\",pid=5,fd=6),\n       (\"b\",pid=7,fd=8))\n uid:9 ino:10",
        "ESTAB 1 2 10.0.0.1:3 10.0.0.2:4 users:((\"a\",pid=5,fd=6),(\"b\",pid=7,fd=8)) uid:9\r\n\r\n\tino:10\r\n",
        "\n\n    State Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n    ESTAB 1 2 10.0.0.1:3 10.0.0.2:4\n\
         \t users:((\"a\",pid=5,fd=6),(\"b\",pid=7,fd=8)) ino:10 uid:9\n",
        "tcp ESTAB 1 2 10.0.0.1:3 10.0.0.2:4 users:((\"a\",pid=5,fd=6),(\"b\",pid=7,fd=8)) uid:9 ino:10 sk:1 cgroup:/x ino:7",
    ] {
        assert_eq!(only(text), expected, "{text}");
    }
    let listing = clean(&TANP.replace('\n', "\r\n"));
    assert_eq!(listing, clean(TANP));
}

#[test]
fn every_state_has_its_name() {
    for (word, state) in [
        ("ESTAB", State::Established),
        ("SYN-SENT", State::SynSent),
        ("SYN-RECV", State::SynReceived),
        ("FIN-WAIT-1", State::FinWait1),
        ("FIN-WAIT-2", State::FinWait2),
        ("TIME-WAIT", State::TimeWait),
        ("UNCONN", State::Closed),
        ("CLOSE-WAIT", State::CloseWait),
        ("LAST-ACK", State::LastAck),
        ("LISTEN", State::Listen),
        ("CLOSING", State::Closing),
    ] {
        assert_eq!(only(&format!("{word} 0 0 10.0.0.1:1 10.0.0.2:2")).state, state);
    }
}

#[test]
fn timers_as_ss_rounds_them() {
    let cases = [
        ("44min", 2_640_000),
        ("1min20sec", 80_000),
        ("59sec", 59_000),
        ("1.234ms", 1_234), // seconds and milliseconds, whatever it looks like
        ("1min1sec", 61_000),
        ("200ms", 200),
        ("007ms", 7),
        ("", 0),
    ];
    for (text, ms) in cases {
        assert_eq!(read_remaining(text), Some(ms), "{text}");
    }
    for text in [
        "1",
        "x",
        "1h",
        "-1sec",
        "ms",
        "1sec1min",
        "99999999999999999999min",
    ] {
        assert_eq!(read_remaining(text), None, "{text}");
    }
    let timer = |text: &str| only(&format!("ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 timer:{text}")).timer;
    assert_eq!(
        timer("(on,,1)").map(|timer| timer.kind),
        Some(TimerKind::Retransmission)
    );
    assert_eq!(
        timer("(unknown,1sec,1)").map(|timer| timer.kind),
        Some(TimerKind::Other)
    );
    assert_eq!(timer("(on"), None);
    assert_eq!(timer("()"), None);
}

#[test]
fn what_cannot_be_read_is_counted_and_named() {
    let text = "$ ss -tanp\n\
                ESTAB x 0 10.0.0.1:1 10.0.0.2:2\n\
                ESTAB 0 -1 10.0.0.1:1 10.0.0.2:2\n\
                ESTAB 0 0 10.0.0.1 10.0.0.2:2\n\
                ESTAB 0 0 10.0.0.1:1\n\
                RTNETLINK answers: Invalid argument\n\
                \t skmem:(r0)\n\
                ESTAB 0 0 10.0.0.1:1 10.0.0.2:2\n";
    let listing = parse(text);
    assert_eq!(listing.sockets.len(), 1);
    assert_eq!(listing.skipped.unparsable, 6);
    let complaints: Vec<(usize, &str)> = listing
        .complaints
        .iter()
        .map(|complaint| (complaint.line, complaint.expected))
        .collect();
    assert_eq!(
        complaints,
        [
            (1, EXPECTED_SOCKET),
            (2, EXPECTED_RECV_Q),
            (3, EXPECTED_SEND_Q),
            (4, EXPECTED_LOCAL),
            (5, EXPECTED_PEER),
            (6, EXPECTED_SOCKET),
        ]
    );
    let listing = parse("  orphan\n  orphan\nnonsense\n");
    assert_eq!(listing.skipped.unparsable, 2);
    let listing = parse(&"nonsense\n".repeat(1000));
    assert_eq!(listing.skipped.unparsable, 1000);
    assert_eq!(listing.complaints.len(), COMPLAINTS_KEPT);
    assert_eq!(parse(""), Listing::default());
}

/// Parts that meet every branch.
const PARTS: [&str; 24] = [
    "ESTAB ",
    "CLOSE-WAIT ",
    "tcp ",
    "udp ",
    "0 0 ",
    "10.0.0.1:1 ",
    "[::1%eth0]:2 ",
    "10.0.0.1:http ",
    "*:* ",
    "users:((\"",
    "\",pid=1,fd=2)",
    "\",pid=1,proc_ctx=",
    ",(\"",
    "))",
    ")",
    "\"",
    ",",
    " timer:(on,1.2ms,3)",
    " ino:5 lastsnd:6 ",
    "\n",
    "\r\n",
    "\n\t ",
    "State Recv-Q Send-Q Local ",
    "\u{fffd}\u{202e}ü",
];

fn parts(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PARTS.to_vec()), length).prop_map(|parts| parts.concat())
}

/// Half a megabyte of the unit must not take long: quadratic work on it would take minutes.
fn is_linear(head: &str, unit: &str) {
    let text = head.to_owned() + &unit.repeat(524_288 / unit.len().max(1));
    let start = Instant::now();
    parse(&text);
    assert!(start.elapsed() < Duration::from_secs(10), "{head:?} {unit:?}");
}

#[test]
fn every_part_alone_takes_linear_time() {
    let socket = "ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 users:((\"";
    for first in PARTS {
        is_linear("", first);
        is_linear(socket, first);
    }
    for unit in [
        "\",pid=1,fd=2),(\"",
        "\",pid=1,fd=2)) ",
        "\",pid=1,fd=2))\n",
        "x\n",
        "\",pid=1,fd=2),",
        "\",pid=1,fd=2),   ",
        "\",pid=1,proc_ctx=a,fd=2,sock_ctx=",
    ] {
        is_linear(socket, unit);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read(text in "\\PC*") {
        parse(&text);
    }

    #[test]
    fn any_octets_are_read(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        parse(&String::from_utf8_lossy(&octets));
    }

    #[test]
    fn any_mix_of_parts_is_read(text in parts(0..80)) {
        let lines = text.lines().count() as u64;
        let listing = parse(&text);
        let Skipped { not_tcp, unresolved, unparsable } = listing.skipped;
        prop_assert!(listing.sockets.len() as u64 + not_tcp + unresolved + unparsable <= lines);
        prop_assert!(listing.complaints.len() <= COMPLAINTS_KEPT);
        for complaint in &listing.complaints {
            prop_assert!(complaint.line >= 1 && complaint.line as u64 <= lines);
        }
    }

    #[test]
    fn hostile_names_survive(
        names in prop::collection::vec("(\",pid=|[\",()=a-z0-9 \n\t]|,fd=[0-9]|\\)\\)|ESTAB 0|0 0|\\PC){0,15}", 1..4),
        pid in 10u32..4_194_304,
    ) {
        let names: Vec<String> = names.iter().map(|name| name.chars().take(15).collect()).collect();
        let entries: Vec<String> = names.iter().map(|name| format!("(\"{name}\",pid={pid},fd=3)")).collect();
        let line = format!("ESTAB 0 0 10.0.0.1:1 10.0.0.2:2 users:({}) uid:7\n", entries.join(","));
        let listing = parse(&line.repeat(2));
        prop_assert_eq!(listing.skipped, Skipped::default());
        prop_assert_eq!(listing.complaints.len(), 0);
        prop_assert_eq!(listing.sockets.len(), 2);
        for socket in &listing.sockets {
            let found: Vec<&String> = socket.processes.iter().map(|process| &process.name).collect();
            prop_assert_eq!(found, names.iter().collect::<Vec<_>>());
            prop_assert_eq!(socket.uid, Some(7));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_mix_of_parts_takes_linear_time(head in parts(0..12), unit in parts(1..6)) {
        is_linear(&head, &unit);
    }
}
