//! Other programs' words on real captures, against ours.
//!
//! The captures are other people's and not part of this repository. `TCPTRACE_STATES_CORPUS` names a folder that holds
//! them, and in its `truth` folder what tshark (`NAME.tshark.tsv`, a row a stream) and Zeek (`NAME.zeek-conn.log`) say of
//! each. Without it these tests say that they are skipped.

#![allow(clippy::print_stdout, clippy::print_stderr)] // the figures are for people who run it with --nocapture

mod corpus;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::model::{Analysis, Connection, LadderContent, Outcome, Role};

/// tshark's names of protocols that quote packets. What it finds below them was not captured there: such streams are none
/// for us.
const QUOTING: [&str; 3] = ["icmp", "icmpv6", "sflow"];

/// Captures where our figures differ from tshark's, and who is right.
const EXPLAINED: [(&str, &str); 8] = [
    (
        "pcpp-fuzz-575575.bin",
        "fuzzed lengths: an IPv6 jumbo length beyond 2^31, which tshark caps",
    ),
    (
        "suricata-filestore-5408.pcap",
        "tshark adds segments quoted in sFlow samples to the connections that they sample",
    ),
    (
        "suricata-issue-3341-tcphdr-01.pcap",
        "two SYNs within 80 ms, the first one's SYN-ACK answered by a bare RST: nobody stood behind the first (RFC 9293 \
         figure 9), so one connection; tshark begins a stream with every SYN",
    ),
    (
        "suricata-tcp-session-decode-malformed-ipv4.pcap",
        "packet 8 has a malformed IP option, where tshark stops; its TCP part is intact",
    ),
    (
        "tcptrace-fast_reuse.dmp.gz",
        "frames that state less than their IP length: we count the IP length, tshark the frame",
    ),
    (
        "tcptrace-long_rtt.dmp.gz",
        "frames that state less than their IP length: we count the IP length, tshark the frame",
    ),
    (
        "zeek-pppoe-over-qinq.pcap",
        "PPPoE headers that state less than the IP length: we count the IP length, tshark that of PPPoE",
    ),
    (
        "zeek-tcp-reassembly.pcap",
        "frames that state less than their IP length: we count the IP length, tshark the frame",
    ),
];

/// 4-tuples that tshark cuts into another number of streams than we see lives, and who is right.
const LIVES_EXPLAINED: [(&str, &str); 5] = [
    (
        "tcpflow-test5-lines-randomized.pcap",
        "the lines of the capture were shuffled: the SYN comes late and is no second connection",
    ),
    ("suricata-issue-3341-tcphdr-01.pcap", "see above"),
    (
        "zeek-cisco-fabric-path.pcap",
        "each packet is there twice, once inside FabricPath: a tunnel is part of the 4-tuple, for tshark it is none",
    ),
    (
        "zeek-tunnels-tunnel-direct-bypass.pcap",
        "every other packet is in a tunnel: a tunnel is part of the 4-tuple, for tshark it is none",
    ),
    (
        "zeek-vlan-collisions.pcap",
        "three connections with the same addresses and ports in three VLANs; tshark sees one",
    ),
];

#[test]
fn streams_agree_with_tshark() {
    let Some(corpus) = corpus::folder() else { return };
    let mut tally = Tally::default();
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, capture) in corpus::captures(&corpus, "tshark.tsv") {
        let streams = Table::read(&corpus.join("truth").join(format!("{name}.tshark.tsv")));
        let Some(analysis) = corpus::read(&capture, LadderRequest::All) else {
            tally.unreadable += 1;
            continue;
        };
        compare_streams(&name, &streams, &analysis, &mut tally, &mut wrong);
    }
    println!("{tally:?}");
    // An explanation that explains nothing any more has to go.
    let explained = EXPLAINED.iter().map(|(name, _)| *name);
    let stale: Vec<&str> = explained
        .filter(|name| wrong.remove(*name).is_none() && corpus.join(name).exists())
        .collect();
    assert!(
        wrong.is_empty() && stale.is_empty(),
        "agree by now: {stale:?}; {wrong:#?}"
    );
    assert!(tally.sides_equal > 5_000, "{tally:?}");
}

#[test]
fn lives_agree_with_tshark() {
    let Some(corpus) = corpus::folder() else { return };
    let mut differ = BTreeMap::new();
    for (name, capture) in corpus::captures(&corpus, "tshark.tsv") {
        let streams = Table::read(&corpus.join("truth").join(format!("{name}.tshark.tsv")));
        let Some(analysis) = corpus::read(&capture, LadderRequest::None) else {
            continue;
        };
        let ours = by_pair(&analysis);
        for (pair, rows) in streams.by_pair() {
            let lives = ours.get(&pair).map_or(0, Vec::len);
            if lives != rows.len() && rows.iter().all(|row| !row.is_quoted()) && lives > 0 {
                differ.insert(
                    name.clone(),
                    format!("{pair:?}: tshark {}, we {lives}", rows.len()),
                );
            }
        }
    }
    for (name, _) in LIVES_EXPLAINED {
        assert!(
            differ.remove(name).is_some() || !corpus.join(name).exists(),
            "{name} agrees by now"
        );
    }
    assert!(differ.is_empty(), "{differ:#?}");
}

/// Zeek's `conn_state`, where our model says another, and why.
const ZEEK_EXPLAINED: [(&str, &str); 4] = [
    (
        "zeek-globus-url-copy.pcap",
        "Zeek's GridFTP analyzer stops following the data connection: it never saw its end",
    ),
    (
        "zeek-llc.pcap",
        "Zeek makes a record of each of 1,333 lone RSTs of one 4-tuple",
    ),
    (
        "zeek-pop3-pop3.pcap",
        "Zeek makes a record of each SYN that is refused although all have one ISS",
    ),
    (
        "zeek-ssh-ssh.client-side-half-duplex.pcap",
        "Zeek's timer cuts a one-sided connection in two; the second part, with the FIN, agrees",
    ),
];

#[test]
fn conn_state_follows_from_our_model_as_zeek_says() {
    let Some(corpus) = corpus::folder() else { return };
    let (mut equal, mut differ) = (0, BTreeMap::new());
    for (name, capture) in corpus::captures(&corpus, "zeek-conn.log") {
        let log = Table::read_zeek(&corpus.join("truth").join(format!("{name}.zeek-conn.log")));
        let Some(analysis) = corpus::read(&capture, LadderRequest::None) else {
            continue;
        };
        let ours = by_pair(&analysis);
        for (pair, rows) in log.zeek_by_pair() {
            let theirs: Vec<String> = rows.iter().map(|row| row["conn_state"].clone()).collect();
            let Some(lives) = ours.get(&pair) else { continue };
            let mine = states(lives.iter());
            // Zeek knows no tunnels: what is there inside and outside of one is the same connection for it.
            let paths: BTreeSet<&[String]> = lives.iter().map(|life| &life.tunnels[..]).collect();
            let each_path = paths
                .iter()
                .all(|path| states(lives.iter().filter(|life| life.tunnels == *path)) == theirs);
            if mine == theirs || each_path {
                equal += mine.len();
            } else {
                differ.insert(name.clone(), format!("{pair:?}: Zeek {theirs:?}, we {mine:?}"));
            }
        }
    }
    println!("{equal} connections with the conn_state of Zeek");
    let explained = ZEEK_EXPLAINED.iter().map(|(name, _)| *name);
    let stale: Vec<&str> = explained
        .filter(|name| differ.remove(*name).is_none() && corpus.join(name).exists())
        .collect();
    assert!(
        differ.is_empty() && stale.is_empty(),
        "agree by now: {stale:?}; {differ:#?}"
    );
    assert!(equal > 80, "{equal}");
}

fn states<'a>(lives: impl Iterator<Item = &'a &'a Connection>) -> Vec<String> {
    lives.map(|life| conn_state(life).to_owned()).collect()
}

/// Zeek's summary of a connection (its documentation of `conn_state`), from our model.
fn conn_state(connection: &Connection) -> &'static str {
    let shake = &connection.handshake;
    let (syn, syn_ack) = (shake.syn_packet.is_some(), shake.syn_ack_packet.is_some());
    let ends = &connection.endpoints;
    let (client_fin, server_fin) = (ends.client.fin_packet.is_some(), ends.server.fin_packet.is_some());
    match connection.outcome {
        _ if !syn && !syn_ack => "OTH",
        Outcome::Unanswered => "S0",
        Outcome::Refused => "REJ",
        Outcome::Closed => "SF",
        Outcome::Reset => match (connection.close.reset_by, syn, syn_ack) {
            (Some(Role::Client), true, false) => "RSTOS0",
            (Some(Role::Server), false, _) => "RSTRH",
            (Some(Role::Client), _, _) => "RSTO",
            (_, _, _) => "RSTR",
        },
        Outcome::HalfOpen | Outcome::HalfClosed | Outcome::Closing | Outcome::Open | Outcome::Evicted => {
            match (client_fin, server_fin) {
                (true, true) if syn_ack => "SF",
                (true, _) => {
                    if syn_ack {
                        "S2"
                    } else {
                        "SH"
                    }
                }
                (false, true) => {
                    if syn {
                        "S3"
                    } else {
                        "SHR"
                    }
                }
                (false, false) => match (syn, syn_ack) {
                    (false, _) if shake.ack_packet.is_none() => "OTH",
                    (false, _) => "S1",
                    (true, false) => "S0",
                    (true, true) => "S1",
                },
            }
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    streams: usize,
    streams_only_quoted: usize,
    sides_equal: usize,
    iss_equal: usize,
    control_packets_equal: usize,
    unreadable: usize,
}

fn compare_streams(
    name: &str,
    streams: &Table,
    analysis: &Analysis,
    tally: &mut Tally,
    wrong: &mut BTreeMap<String, Vec<String>>,
) {
    let ours = by_pair(analysis);
    for (pair, rows) in streams.by_pair() {
        tally.streams += rows.len();
        let lives = ours.get(&pair).cloned().unwrap_or_default();
        if lives.is_empty() && rows.iter().any(|row| row.is_quoted()) {
            tally.streams_only_quoted += rows.len();
            continue;
        }
        if lives.is_empty() || pair[0] == pair[1] {
            wrong
                .entry(name.to_owned())
                .or_default()
                .push(format!("{pair:?}: not found"));
            continue;
        }
        for end in &pair {
            let theirs = rows
                .iter()
                .fold(Side::default(), |sum, row| sum.plus(&row.side(end)));
            let mine = lives
                .iter()
                .fold(Side::default(), |sum, life| sum.plus(&side_of(life, end)));
            if theirs == mine {
                tally.sides_equal += 1;
                tally.iss_equal += mine.iss.len();
                tally.control_packets_equal += mine.syn.len() + mine.fin.len() + mine.rst.len();
            } else {
                wrong
                    .entry(name.to_owned())
                    .or_default()
                    .push(format!("{end:?}: tshark {theirs:?}, we {mine:?}"));
            }
        }
    }
}

/// What one endpoint sent in all lives of a 4-tuple.
#[derive(Debug, Default, PartialEq, Eq)]
struct Side {
    packets: u64,
    bytes: u64,
    iss: BTreeSet<u64>,
    syn: BTreeSet<u64>,
    fin: BTreeSet<u64>,
    rst: BTreeSet<u64>,
}

impl Side {
    fn plus(mut self, other: &Side) -> Side {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.iss.extend(&other.iss);
        self.syn.extend(&other.syn);
        self.fin.extend(&other.fin);
        self.rst.extend(&other.rst);
        self
    }
}

type End = (String, u16);

fn side_of(life: &Connection, end: &End) -> Side {
    let is_client = (life.client.ip.to_string(), life.client.port) == *end;
    let role = if is_client { Role::Client } else { Role::Server };
    let report = if is_client {
        &life.endpoints.client
    } else {
        &life.endpoints.server
    };
    let syn_packet = if is_client {
        life.handshake.syn_packet
    } else {
        life.handshake.syn_ack_packet
    };
    let iss = if is_client {
        life.handshake.client_iss
    } else {
        life.handshake.server_iss
    };
    let mut side = Side {
        packets: report.packets,
        bytes: report.payload_bytes,
        ..Side::default()
    };
    for row in &life.ladder {
        let LadderContent::Segment { from, flags, .. } = &row.content else {
            continue;
        };
        if *from != role {
            continue;
        }
        for (flag, packets) in [
            ("SYN", &mut side.syn),
            ("FIN", &mut side.fin),
            ("RST", &mut side.rst),
        ] {
            if flags.split(',').any(|word| word == flag) {
                packets.insert(row.first_packet);
            }
        }
    }
    // tshark's comes from a captured SYN; ours may follow from the peer's acknowledgment.
    if syn_packet.is_some() || !side.syn.is_empty() {
        side.iss.extend(iss.map(u64::from));
    }
    side
}

struct Row(BTreeMap<String, String>);

impl Row {
    fn is_quoted(&self) -> bool {
        self.0["layers"].split(':').any(|layer| QUOTING.contains(&layer))
    }

    fn ends(&self) -> Option<[End; 2]> {
        let end = |side: &str| -> Option<End> {
            let address = self.0[&format!("{side}_addr")].parse::<std::net::IpAddr>().ok()?;
            Some((address.to_string(), self.0[&format!("{side}_port")].parse().ok()?))
        };
        let mut ends = [end("a")?, end("b")?];
        ends.sort();
        Some(ends)
    }

    fn side(&self, end: &End) -> Side {
        let letter = ["a", "b"].into_iter().find(|letter| {
            self.0[&format!("{letter}_port")] == end.1.to_string()
                && self.0[&format!("{letter}_addr")]
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|ip| ip.to_string() == end.0)
        });
        let letter = letter.expect("an end of this stream");
        let number = |field: &str| self.0[&format!("{letter}_{field}")].parse().unwrap_or(0);
        let set = |field: &str| -> BTreeSet<u64> {
            self.0[&format!("{letter}_{field}")]
                .split(',')
                .filter_map(|frame| frame.parse().ok())
                .collect()
        };
        Side {
            packets: number("pkts"),
            bytes: number("bytes"),
            iss: set("isn"),
            syn: set("syn_frames"),
            fin: set("fin_frames"),
            rst: set("rst_frames"),
        }
    }
}

struct Table(Vec<Row>);

impl Table {
    fn read(path: &Path) -> Table {
        let text = fs::read_to_string(path).expect("a table");
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let names: Vec<&str> = lines.next().expect("a header").split('\t').collect();
        Table(lines.map(|line| Row::new(&names, line)).collect())
    }

    fn read_zeek(path: &Path) -> Table {
        let text = fs::read_to_string(path).expect("a log");
        let fields = text.lines().find_map(|line| line.strip_prefix("#fields\t"));
        let Some(names) = fields.map(|line| line.split('\t').collect::<Vec<&str>>()) else {
            return Table(Vec::new());
        };
        Table(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| Row::new(&names, line))
                .collect(),
        )
    }

    fn by_pair(&self) -> BTreeMap<[End; 2], Vec<&Row>> {
        let mut pairs: BTreeMap<[End; 2], Vec<&Row>> = BTreeMap::new();
        for row in &self.0 {
            if let Some(ends) = row.ends() {
                pairs.entry(ends).or_default().push(row);
            }
        }
        pairs
    }

    fn zeek_by_pair(&self) -> BTreeMap<[End; 2], Vec<&BTreeMap<String, String>>> {
        let mut pairs: BTreeMap<[End; 2], Vec<&BTreeMap<String, String>>> = BTreeMap::new();
        for Row(row) in self.0.iter().filter(|row| row.0["proto"] == "tcp") {
            let end = |host: &str, port: &str| {
                let ip: std::net::IpAddr = row[host].parse().expect("an address");
                (ip.to_string(), row[port].parse::<u16>().expect("a port"))
            };
            let mut ends = [end("id.orig_h", "id.orig_p"), end("id.resp_h", "id.resp_p")];
            ends.sort();
            pairs.entry(ends).or_default().push(row);
        }
        pairs
    }
}

impl Row {
    fn new(names: &[&str], line: &str) -> Row {
        let cells = line.split('\t').chain(std::iter::repeat(""));
        Row(names
            .iter()
            .map(|name| (*name).to_owned())
            .zip(cells.map(str::to_owned))
            .collect())
    }
}

fn by_pair(analysis: &Analysis) -> BTreeMap<[End; 2], Vec<&Connection>> {
    let mut pairs: BTreeMap<[End; 2], Vec<&Connection>> = BTreeMap::new();
    for connection in &analysis.connections {
        let mut ends = [connection.client, connection.server].map(|end| (end.ip.to_string(), end.port));
        ends.sort();
        pairs.entry(ends).or_default().push(connection);
    }
    pairs
}
