//! Every TCP segment as tshark reads it, against ours: frame number, addresses, ports, sequence and acknowledgment
//! numbers, flags and payload length.
//!
//! The captures are those of `testdata` and, where `TCPTRACE_STATES_CORPUS` names a folder, those in it. Without tshark the
//! test says that it is skipped.

#![allow(clippy::print_stdout, clippy::print_stderr)] // the figures are for people who run it with --nocapture

mod corpus;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tcptrace_states::capture::{CaptureReader, Record};
use tcptrace_states::segment::Decoder;

/// File, kind of difference, and who is right.
const EXPLAINED: [(&str, &str, &str); 7] = [
    (
        "pcpp-fuzz-575575.bin",
        "length",
        "fuzzed lengths: an IPv6 jumbo length beyond 2^31, which tshark caps",
    ),
    (
        "suricata-tcp-session-decode-malformed-ipv4.pcap",
        "extra",
        "a malformed IP option, where tshark stops; the TCP part is intact",
    ),
    (
        "tcptrace-fast_reuse.dmp.gz",
        "length",
        "frames that state less than their IP length: we count the IP length, tshark the frame",
    ),
    (
        "tcptrace-long_rtt.dmp.gz",
        "length",
        "frames that state less than their IP length: we count the IP length, tshark the frame",
    ),
    (
        "zeek-cisco-fabric-path.pcap",
        "extra",
        "tshark takes the last four octets of a FabricPath frame for a check sequence that is not there, and lacks them",
    ),
    (
        "zeek-pppoe-over-qinq.pcap",
        "length",
        "PPPoE headers that state less than the IP length: we count the IP length, tshark that of PPPoE",
    ),
    (
        "zeek-tcp-reassembly.pcap",
        "length",
        "frames that state less than their IP length: we count the IP length, tshark the frame",
    ),
];

/// Protocols whose content is a quotation of packets: what tshark finds in it was not captured there.
const QUOTING: [&str; 3] = ["icmp", "icmpv6", "sflow"];

/// How many tshark processes run at a time.
const PROCESSES: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    seq: u32,
    ack: u32,
    flags: u16,
    len: u32,
}

impl Row {
    /// Which fields differ.
    fn differences(&self, other: &Row) -> Vec<&'static str> {
        let pairs = [
            (
                self.source.0 == other.source.0 && self.destination.0 == other.destination.0,
                "addresses",
            ),
            (
                self.source.1 == other.source.1 && self.destination.1 == other.destination.1,
                "ports",
            ),
            (self.seq == other.seq, "seq"),
            (self.ack == other.ack, "ack"),
            (self.flags == other.flags, "flags"),
            (self.len == other.len, "length"),
        ];
        pairs
            .into_iter()
            .filter(|(equal, _)| !equal)
            .map(|(_, name)| name)
            .collect()
    }
}

#[derive(Debug, Default)]
struct Tally {
    files: usize,
    unreadable: BTreeSet<String>,
    compared: usize,
    equal: usize,
    /// File and kind of difference: how many, and the first one.
    differ: BTreeMap<(String, &'static str), (usize, String)>,
}

#[test]
fn every_segment_is_as_tshark_reads_it() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("SKIPPED: tshark is not installed (Debian and Ubuntu: apt-get install tshark)");
        return;
    }
    let files = files();
    let tally = Mutex::new(Tally::default());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                while let Some((name, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let theirs = tshark(path);
                    let ours = ours(path);
                    compare(
                        name,
                        &theirs,
                        ours,
                        &mut tally.lock().expect("no thread panicked"),
                    );
                }
            });
        }
    });
    let mut tally = tally.into_inner().expect("no thread panicked");
    println!(
        "{} files, {} segments compared, {} equal, not readable here: {:?}",
        tally.files, tally.compared, tally.equal, tally.unreadable
    );
    for ((file, kind), (count, first)) in &tally.differ {
        println!("{file}: {count} x {kind}: {first}");
    }
    let names: BTreeSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for (file, kind, _) in EXPLAINED {
        // An explanation that explains nothing any more has to go.
        assert!(
            tally.differ.remove(&(file.to_owned(), kind)).is_some() || !names.contains(file),
            "{file} agrees in {kind} by now"
        );
    }
    assert!(tally.differ.is_empty(), "not explained: {:#?}", tally.differ);
    assert!(
        tally.equal > 1_000,
        "hardly anything was compared: {}",
        tally.equal
    );
}

/// The captures of the repository, and those of the corpus if there is one.
fn files() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    for folder in ["scenarios", "kernel", "ss"] {
        let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
            continue;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path
                .extension()
                .is_some_and(|end| end == "pcap" || end == "pcapng")
            {
                found.push((
                    path.file_name().expect("a name").to_string_lossy().into_owned(),
                    path,
                ));
            }
        }
    }
    found.sort();
    if let Some(corpus) = corpus::folder() {
        found.extend(corpus::captures(&corpus, "tshark.tsv"));
    }
    found
}

fn compare(name: &str, theirs: &BTreeMap<u64, Row>, ours: Option<Ours>, tally: &mut Tally) {
    let Some(ours) = ours else {
        if !theirs.is_empty() {
            tally.unreadable.insert(name.to_owned());
        }
        return;
    };
    tally.files += 1;
    let mut differ = |kind: &'static str, what: String| {
        tally.differ.entry((name.to_owned(), kind)).or_insert((0, what)).0 += 1;
    };
    for (number, row) in theirs {
        tally.compared += 1;
        match ours.segments.get(number) {
            None => differ(
                "missing",
                format!(
                    "packet {number}: tshark {row:?}, we {:?}",
                    ours.reasons.get(number)
                ),
            ),
            Some(mine) if mine == row => tally.equal += 1,
            Some(mine) => {
                for kind in row.differences(mine) {
                    differ(kind, format!("packet {number}: tshark {row:?}, we {mine:?}"));
                }
            }
        }
    }
    for (number, row) in &ours.segments {
        if !theirs.contains_key(number) {
            differ("extra", format!("packet {number}: we {row:?}"));
        }
    }
}

struct Ours {
    segments: BTreeMap<u64, Row>,
    reasons: BTreeMap<u64, String>,
}

/// What this program makes of a capture; None if it cannot be read.
fn ours(path: &Path) -> Option<Ours> {
    let mut reader = CaptureReader::open(path).ok()?;
    let mut decoder = Decoder::default();
    let (mut segments, mut reasons) = (BTreeMap::new(), BTreeMap::new());
    while let Ok(Some(record)) = reader.next_record() {
        let Record::Frame(frame) = record else { continue };
        match decoder.decode(&frame) {
            Ok(segment) => {
                let row = Row {
                    source: (segment.source.ip, segment.source.port),
                    destination: (segment.destination.ip, segment.destination.port),
                    seq: segment.seq.0,
                    ack: segment.raw_ack,
                    flags: segment.flags.0,
                    len: segment.payload_len,
                };
                segments.insert(frame.number, row);
            }
            Err(skip) => {
                reasons.insert(frame.number, skip.to_string());
            }
        }
    }
    Some(Ours { segments, reasons })
}

/// What tshark makes of it.
fn tshark(path: &Path) -> BTreeMap<u64, Row> {
    const FIELDS: [&str; 12] = [
        "frame.number",
        "frame.protocols",
        "ip.src",
        "ip.dst",
        "ipv6.src",
        "ipv6.dst",
        "tcp.srcport",
        "tcp.dstport",
        "tcp.seq_raw",
        "tcp.ack_raw",
        "tcp.flags",
        "tcp.len",
    ];
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(path);
    for option in [
        "ip.defragment:TRUE",
        "ipv6.defragment:TRUE",
        "tcp.desegment_tcp_streams:FALSE",
        "tcp.analyze_sequence_numbers:FALSE", // raw numbers need no analysis
    ] {
        command.args(["-o", option]);
    }
    command.args(["-Y", "tcp", "-T", "fields"]);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().expect("tshark runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(row).collect()
}

/// One line of tshark's table: the innermost TCP that is no quotation.
fn row(line: &str) -> Option<(u64, Row)> {
    let cells: Vec<Vec<&str>> = line.split('\t').map(|cell| cell.split(',').collect()).collect();
    let protocols: Vec<&str> = cells.get(1)?.first()?.split(':').collect();
    let quoted = protocols
        .iter()
        .position(|name| QUOTING.contains(name))
        .unwrap_or(protocols.len());
    let place = protocols.get(..quoted)?.iter().rposition(|name| *name == "tcp")?;
    let before = |wanted: &str| protocols[..place].iter().filter(|name| **name == wanted).count();
    let nth = before("tcp");
    let six = protocols[..place].iter().rev().find_map(|name| match *name {
        "ip" => Some(false),
        "ipv6" => Some(true),
        _ => None,
    })?;
    let (source, destination, level) = if six {
        (4, 5, before("ipv6"))
    } else {
        (2, 3, before("ip"))
    };
    let address = |column: usize| cells.get(column)?.get(level.checked_sub(1)?)?.parse().ok();
    let cell = |column: usize| {
        cells
            .get(column)?
            .get(nth)
            .copied()
            .filter(|cell| !cell.is_empty())
    };
    let port = |column: usize| cell(column)?.parse().ok();
    let flags = cell(10)?.strip_prefix("0x")?;
    Some((
        cells.first()?.first()?.parse().ok()?,
        Row {
            source: (address(source)?, port(6)?),
            destination: (address(destination)?, port(7)?),
            seq: cell(8)?.parse().ok()?,
            ack: cell(9)?.parse().ok()?,
            flags: u16::from_str_radix(flags, 16).ok()? & 0x01ff,
            len: cell(11)?.parse().ok()?,
        },
    ))
}
