//! Damaged captures through the program itself: it ends with one of its exit codes, in time, in little memory, and what it
//! says of the packets adds up.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `TCPTRACE_STATES_MUTATIONS` | runs, about; see `tests/mutations/run.sh` for all of them |
//! | `TCPTRACE_STATES_PROGRAM` | the program to run in place of the one built for the tests |
//!
//! A capture that breaks it is kept in `mutations` beside the build.

#![allow(clippy::print_stdout)] // the table is for people who run it with --nocapture

mod captures;
#[path = "hostile/mod.rs"]
mod hostile;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use captures::{Big, Little, Order, enhanced, interface, option, pcap_header, pcap_packet, section};
use hostile::mutation::{Random, mutate, mutate_contents, mutate_records};
use hostile::seeds::files;
use serde_json::Value;
use wait4::Wait4;

/// Runs, unless told otherwise.
const RUNS: usize = 600;
/// Runs of which everything is a part: each length of the small files, each bit of one.
const ALL_RUNS: usize = 24_000;
/// The small file of which each bit is changed.
const BITS_OF: usize = 2;
/// Processor time of one run.
const TIME: Duration = Duration::from_secs(2);
/// Memory of one run, KiB.
const MEMORY: u64 = 256 << 10;
/// Exit codes that there are. `check` has 1, too, and this test never asks it to fail.
const CODES: [i32; 4] = [0, 2, 3, 4];
/// Captures above this size are not mutated, octets.
const LARGEST: u64 = 128 << 10;

/// The rates at which octets of packets are changed.
const RATES: [(&str, usize); 4] = [("0.001", 1_000), ("0.01", 100), ("0.02", 50), ("0.1", 10)];

/// What `randpkt` can make.
const RANDPKT: [&str; 23] = [
    "arp",
    "bgp",
    "bvlc",
    "dns",
    "eth",
    "fddi",
    "giop",
    "icmp",
    "ieee802.15.4",
    "ip",
    "ipv6",
    "llc",
    "m2m",
    "megaco",
    "nbns",
    "ncp2222",
    "sctp",
    "syslog",
    "tds",
    "tcp",
    "tr",
    "udp",
    "usb-linux",
];

/// One way to have a hostile file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// A small file up to an octet.
    Cut,
    /// A small file with one bit changed.
    Bit,
    /// Records with other lengths, repeated, missing, exchanged, spliced.
    Records,
    /// Octets of packets changed.
    Contents,
    /// Anything anywhere.
    Anything,
    /// `editcap -E`.
    Editcap,
    /// `randpkt`.
    Randpkt,
}

/// A file, and which one it is.
#[derive(Clone, Copy, Debug)]
struct Case {
    class: Class,
    /// Which small file, capture, or kind.
    base: usize,
    /// Length, bit, or seed.
    seed: usize,
}

/// What all cases are made of.
struct Material {
    small: Vec<(&'static str, Vec<u8>)>,
    captures: Vec<PathBuf>,
    tools: [bool; 2],
    folder: PathBuf,
    /// For files at hand: another run at the same time has another one.
    scratch: tempfile::TempDir,
    program: PathBuf,
}

/// How a run went.
struct Run {
    case: Case,
    code: Option<i32>,
    time: Duration,
    memory: u64,
    /// Packets told, and whether that is all, if the run told them.
    packets: Option<(u64, bool)>,
    wrong: Option<String>,
}

#[test]
fn the_program_survives_damaged_captures() {
    let told = std::env::var("TCPTRACE_STATES_MUTATIONS").ok();
    let wanted = told.map_or(RUNS, |text| {
        text.parse().expect("TCPTRACE_STATES_MUTATIONS is a number")
    });
    let material = Material::gather();
    let cases = cases(&material, wanted);
    let next = AtomicUsize::new(0);
    let runs = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (material, cases, next, runs) = (&material, &cases, &next, &runs);
            scope.spawn(move || {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = material.run(*case, worker);
                    runs.lock().expect("no worker panics").push(run);
                }
            });
        }
    });
    let runs = runs.into_inner().expect("no worker panics");
    assert_eq!(runs.len(), cases.len());
    print_table(&runs);
    check_cuts(&material, &runs);
    let wrong: Vec<String> = runs
        .iter()
        .filter_map(|run| Some(format!("{:?}: {}", run.case, run.wrong.as_ref()?)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} runs went wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// As many cases as are wanted: of the lengths and bits every n-th, of the rest what is left.
fn cases(material: &Material, wanted: usize) -> Vec<Case> {
    let every = ALL_RUNS.div_ceil(wanted.max(1)).max(1);
    let lengths = material.small.iter().enumerate();
    let cuts = lengths.flat_map(|(base, (_, bytes))| (0..=bytes.len()).map(move |seed| (base, seed)));
    let cut = |(base, seed)| Case {
        class: Class::Cut,
        base,
        seed,
    };
    let bit = |seed| Case {
        class: Class::Bit,
        base: BITS_OF,
        seed,
    };
    let mut cases: Vec<Case> = cuts.map(cut).step_by(every).collect();
    let bits = material.small[BITS_OF].1.len() * 8;
    cases.extend((0..bits).map(bit).step_by(every));
    let captures = material.captures.len();
    let left = wanted.saturating_sub(cases.len());
    let share = |class: Class| match class {
        Class::Editcap if material.tools[0] => left / 4,
        Class::Randpkt if material.tools[1] => (left / 40).max(RANDPKT.len().min(left)),
        Class::Editcap | Class::Randpkt => 0,
        Class::Records => left * 3 / 8,
        Class::Contents => left / 8,
        _ => left / 4,
    };
    for class in [
        Class::Records,
        Class::Contents,
        Class::Anything,
        Class::Editcap,
        Class::Randpkt,
    ] {
        cases.extend((0..share(class)).map(|seed| Case {
            class,
            base: Random(seed as u64).below(captures),
            seed,
        }));
    }
    cases
}

impl Material {
    fn gather() -> Material {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut captures = files(&root.join("testdata"), &["pcap", "pcapng"]);
        captures.retain(|path| fs::metadata(path).is_ok_and(|data| data.len() <= LARGEST));
        assert!(captures.len() > 100, "{} captures in testdata", captures.len());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutations");
        fs::create_dir_all(&folder).expect("space beside the build");
        let tools = ["editcap", "randpkt"].map(|tool| {
            let there = Command::new(tool)
                .arg("-h")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok();
            if !there {
                println!(
                    "SKIPPED: {tool} (of Wireshark) is not installed; its share of the mutations is not run"
                );
            }
            there
        });
        let program = std::env::var_os("TCPTRACE_STATES_PROGRAM");
        Material {
            small: small_files(root),
            captures,
            tools,
            scratch: tempfile::tempdir_in(&folder).expect("space beside the build"),
            folder,
            program: program.map_or(env!("CARGO_BIN_EXE_tcptrace-states").into(), PathBuf::from),
        }
    }

    /// Writes the file of a case; false if its tool refuses to.
    fn make(&self, case: Case, file: &Path) -> bool {
        let read = |index: usize| fs::read(&self.captures[index]).expect("a capture of testdata");
        let mut random = Random(case.seed as u64 ^ 0x5eed);
        let other = random.below(self.captures.len());
        let bytes = match case.class {
            Class::Cut => self.small[case.base].1[..case.seed].to_vec(),
            Class::Bit => {
                let mut bytes = self.small[case.base].1.clone();
                bytes[case.seed / 8] ^= 1 << (case.seed % 8);
                bytes
            }
            Class::Records => mutate_records(&read(case.base), &read(other), &mut random),
            Class::Contents => mutate_contents(&read(case.base), RATES[case.seed % 4].1, &mut random),
            Class::Anything => {
                let mut bytes = match case.seed % 4 {
                    0 => self.small[case.seed / 4 % self.small.len()].1.clone(),
                    _ => read(case.base),
                };
                mutate(&mut bytes, &read(other), &mut random);
                bytes
            }
            Class::Editcap => {
                let (rate, _) = RATES[case.seed % 4];
                let seed = case.seed.to_string();
                return quietly(
                    Command::new("editcap")
                        .args(["-E", rate, "--seed", &seed])
                        .arg(&self.captures[case.base])
                        .arg(file),
                );
            }
            Class::Randpkt => {
                let kind = RANDPKT[case.seed % RANDPKT.len()];
                return quietly(
                    Command::new("randpkt")
                        .args(["-t", kind, "-c", "200", "-b", "1000"])
                        .arg(file),
                );
            }
        };
        fs::write(file, bytes).expect("space beside the build");
        true
    }

    fn run(&self, case: Case, worker: usize) -> Run {
        let [file, output, told] =
            ["capture", "out", "err"].map(|kind| self.scratch.path().join(format!("{worker}.{kind}")));
        let mut run = Run {
            case,
            code: None,
            time: Duration::ZERO,
            memory: 0,
            packets: None,
            wrong: None,
        };
        if !self.make(case, &file) {
            run.wrong = Some("the file could not be made".to_owned());
            return run;
        }
        // Most runs write JSON, which is checked; the others are the views.
        let arguments: &[&str] = match (case.class, case.seed % 12) {
            (Class::Cut, _) => &["--format", "json"],
            (_, 0) => &["--all", "--width", "100"],
            (_, 1) => &["show"],
            (_, 2) => &["--format", "csv"],
            (_, 3) => &["--format", "jsonl", "--severity", "info"],
            (_, 4) => &["leaks"],
            (_, 5) => &["time-wait"],
            (_, 6) => &["check", "--no-config", "--fail-on", "never", "--format", "sarif"],
            _ => &["--format", "json"],
        };
        let start = Instant::now();
        let child = Command::new("sh")
            .args([
                "-c",
                "ulimit -v 1048576 && ulimit -t 10 && exec timeout -s KILL 30 \"$@\"",
                "sh",
            ])
            .arg(&self.program)
            .args(arguments)
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(fs::File::create(&output).expect("space beside the build"))
            .stderr(fs::File::create(&told).expect("space beside the build"))
            .spawn();
        let ended = child.expect("a shell").wait4().expect("a child");
        run.code = ended.status.code();
        run.time = ended.rusage.stime + ended.rusage.utime;
        run.memory = ended.rusage.maxrss >> 10;
        let wall = start.elapsed();
        let told = fs::read_to_string(&told).unwrap_or_else(|error| error.to_string());
        let wrong = if run.code.is_none_or(|code| !CODES.contains(&code)) {
            Some(format!(
                "exit code {:?}, signal {:?}",
                run.code,
                ended.status.signal()
            ))
        } else if run.time > TIME {
            Some(format!("{:?} of processor time, {wall:?} in all", run.time))
        } else if run.memory > MEMORY {
            Some(format!("{} KiB", run.memory))
        } else if told.contains("panicked") {
            Some("a panic".to_owned())
        } else if run.code == Some(0) && arguments == ["--format", "json"] {
            match account(&output) {
                Ok(packets) => {
                    run.packets = Some(packets);
                    None
                }
                Err(wrong) => Some(wrong),
            }
        } else {
            None
        };
        run.wrong = wrong.map(|wrong| {
            let kept = self
                .folder
                .join(format!("broken-{:?}-{}-{}", case.class, case.base, case.seed));
            let _ = fs::copy(&file, &kept);
            format!(
                "{wrong} by `{} {}`; {}",
                arguments.join(" "),
                kept.display(),
                told.lines().next().unwrap_or_default()
            )
        });
        run
    }
}

fn quietly(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Every packet is a segment of one connection or has its reason. Gives the packets, and whether they are all.
fn account(output: &Path) -> Result<(u64, bool), String> {
    let text = fs::read(output).map_err(|error| error.to_string())?;
    let report: Value = serde_json::from_slice(&text).map_err(|error| format!("no JSON: {error}"))?;
    let number = |value: &Value| value.as_u64().ok_or_else(|| format!("no number: {value}"));
    let (capture, summary) = (&report["capture"], &report["summary"]);
    let packets = number(&capture["packets"])?;
    let segments = number(&capture["tcp_segments"])?;
    let reasons = capture["skipped"].as_object().ok_or("no reasons")?;
    let skipped: u64 = reasons.values().filter_map(Value::as_u64).sum();
    let connections = report["connections"].as_array().ok_or("no connections")?;
    let side = |connection: &Value, side: &str| {
        connection["endpoints"][side]["packets"]
            .as_u64()
            .unwrap_or_default()
    };
    let tracked: u64 = connections
        .iter()
        .map(|one| side(one, "client") + side(one, "server"))
        .sum();
    let complete = capture["complete"].as_bool().ok_or("no word on completeness")?;
    let damage = capture["damage"].as_array().ok_or("no list of damage")?;
    let holds = [
        ("packets = segments + skipped", packets == segments + skipped),
        ("segments = packets of the connections", segments == tracked),
        ("summary: packets", number(&summary["packets"])? == packets),
        ("summary: segments", number(&summary["tcp_segments"])? == segments),
        (
            "summary: skipped",
            number(&summary["skipped_packets"])? == skipped,
        ),
        (
            "summary: connections",
            number(&summary["connections"])? == connections.len() as u64,
        ),
        ("summary: complete", summary["complete"] == complete),
        ("complete = no damage", complete == damage.is_empty()),
    ];
    match holds.iter().find(|(_, holds)| !holds) {
        Some((law, _)) => Err(format!("does not hold: {law}")),
        None => Ok((packets, complete)),
    }
}

/// A longer beginning of a file never tells fewer packets, and all of it is complete.
fn check_cuts(material: &Material, runs: &[Run]) {
    for (base, (name, whole)) in material.small.iter().enumerate() {
        let cuts: BTreeMap<usize, &Run> = runs
            .iter()
            .filter(|run| run.case.class == Class::Cut && run.case.base == base)
            .map(|run| (run.case.seed, run))
            .collect();
        let mut before = 0;
        for (length, run) in &cuts {
            let packets = run.packets.map_or(0, |(packets, _)| packets);
            assert!(
                packets >= before,
                "{name}: fewer packets in the first {length} octets"
            );
            before = packets;
        }
        let complete: BTreeSet<usize> = cuts
            .iter()
            .filter(|(_, run)| run.packets.is_some_and(|(_, complete)| complete))
            .map(|(length, _)| *length)
            .collect();
        let ends = ends_of_records(whole);
        for length in complete {
            assert!(
                length == whole.len()
                    || ends.is_none()
                    || ends.as_ref().is_some_and(|ends| ends.contains(&length)),
                "{name}: the first {length} octets end inside a record, and nothing says so"
            );
        }
    }
}

/// Where a file could end and be whole; None if that cannot be told from outside, as in a compressed one.
fn ends_of_records(file: &[u8]) -> Option<BTreeSet<usize>> {
    let (header, records) = hostile::mutation::records(file)?;
    let mut ends = BTreeSet::from([header.len()]);
    let mut at = header.len();
    for record in records {
        at += record.len();
        ends.insert(at);
    }
    Some(ends)
}

/// About a thousand octets in each format: the beginning of a story.
fn small_files(root: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let story = fs::read(root.join("testdata/scenarios/01normal.pcap")).expect("a scenario");
    let frames: Vec<Vec<u8>> = captures::packets(&story)
        .into_iter()
        .filter_map(|packet| Some(packet.ok()?.5))
        .take(10)
        .collect();
    let pcap = |order: Order| {
        let packets = frames
            .iter()
            .zip(1..)
            .map(|(frame, at)| pcap_packet(order, 1_700_000_000, at, frame.len() as u32, frame));
        [pcap_header(order, captures::MICRO, (2, 4), 65_535, 1)]
            .into_iter()
            .chain(packets)
            .collect::<Vec<_>>()
            .concat()
    };
    let pcapng = |order: Order| {
        let options = [
            option(order, 2, b"eth0"),
            option(order, 9, &[9]),
            option(order, 0, &[]),
        ]
        .concat();
        let packets = frames.iter().zip(1..).map(|(frame, at)| {
            let length = frame.len() as u32;
            enhanced(order, 0, 1_700_000_000_000_000_000 + at, length, length, frame)
        });
        [section(order), interface(order, 1, 0, &options)]
            .into_iter()
            .chain(packets)
            .collect::<Vec<_>>()
            .concat()
    };
    vec![
        ("pcap, little endian", pcap(Little)),
        ("pcap, big endian", pcap(Big)),
        ("pcapng, little endian", pcapng(Little)),
        ("pcapng, big endian", pcapng(Big)),
        ("pcap in gzip", gzip(&pcap(Little))),
        ("pcapng in zstd", zstd(&pcapng(Little))),
    ]
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(bytes).expect("in memory");
    writer.finish().expect("in memory")
}

/// A frame of uncompressed blocks (RFC 8878 section 3.1.1).
fn zstd(bytes: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 200;
    let size = u16::try_from(bytes.len() - 256).expect("a small file");
    // One segment, its size in two octets.
    let mut frame = [&[0x28, 0xb5, 0x2f, 0xfd, 0x60][..], &size.to_le_bytes()].concat();
    let blocks = bytes.chunks(BLOCK);
    let last = blocks.len() - 1;
    for (number, block) in blocks.enumerate() {
        let header = (block.len() as u32) << 3 | u32::from(number == last);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(block);
    }
    frame
}

fn print_table(runs: &[Run]) {
    println!(
        "{:10} {:>7} {:>7} {:>7} {:>7} {:>7} {:>12} {:>12}",
        "", "runs", "exit 0", "exit 2", "other", "wrong", "slowest", "largest RSS"
    );
    let row = |name: &str, of: &dyn Fn(&Run) -> bool| {
        let runs: Vec<&Run> = runs.iter().filter(|run| of(run)).collect();
        let code = |code: i32| runs.iter().filter(|run| run.code == Some(code)).count();
        let wrong = runs.iter().filter(|run| run.wrong.is_some()).count();
        let slowest = runs.iter().map(|run| run.time).max().unwrap_or_default();
        let largest = runs.iter().map(|run| run.memory).max().unwrap_or_default();
        println!(
            "{name:10} {:>7} {:>7} {:>7} {:>7} {wrong:>7} {:>9} ms {:>8} KiB",
            runs.len(),
            code(0),
            code(2),
            runs.len() - code(0) - code(2),
            slowest.as_millis(),
            largest,
        );
    };
    let classes: BTreeSet<Class> = runs.iter().map(|run| run.case.class).collect();
    for class in classes {
        row(&format!("{class:?}"), &|run| run.case.class == class);
    }
    row("all", &|_| true);
}
