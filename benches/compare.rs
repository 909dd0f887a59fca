//! Times the release build beside its peers on workloads of our own making, and prints the ratios: see `compare.sh`.
//!
//! Every round runs each tool once, in turn, so that what else the machine does falls on all of them alike, and reads the
//! file once before, uncounted, so that it is in memory. The best round counts.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a tool of the developers

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

const USAGE: &str = "\
usage: benches/compare.sh [--full] [--rounds N] [--limit SECONDS] [--folder FOLDER] [--only NAME]...
  --full     the sizes of the README's table (about 10 GB, and an hour with all peers); without it a twentieth
  --rounds   how often each tool runs (5)
  --limit    a tool that runs for longer is stopped and not run again (180)
  --folder   where the workloads are made (target/workloads); those that are there are taken as they are
  --only     only these workloads
  --program  another build of the program than target/release/tcptrace-states";

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn compare() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let release = PathBuf::from(arguments.next().unwrap_or_default());
    let mut tools = Tools {
        program: release.join("tcptrace-states"),
        parse_only: release.join("examples/parse_only"),
        make_workload: release.join("examples/make_workload"),
        folder: release.join("../workloads"),
        full: false,
        rounds: 5,
        limit: 180,
    };
    let mut only: Vec<String> = Vec::new();
    while let Some(option) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| anyhow::anyhow!("{option} needs a value\n{USAGE}"))
        };
        match option.as_str() {
            "--help" => {
                println!("{USAGE}");
                return Ok(());
            }
            "--full" => tools.full = true,
            "--rounds" => tools.rounds = value()?.parse()?,
            "--limit" => tools.limit = value()?.parse()?,
            "--folder" => tools.folder = value()?.into(),
            "--program" => tools.program = value()?.into(),
            "--only" => only.push(value()?),
            _ => anyhow::bail!("{option}?\n{USAGE}"),
        }
    }
    fs::create_dir_all(&tools.folder)?;
    println!("{}\n", machine());
    for comparison in comparisons() {
        if only.is_empty() || only.iter().any(|name| name == comparison.name) {
            tools.table(&comparison)?;
        }
    }
    Ok(())
}

/// What is measured on one workload.
struct Comparison {
    name: &'static str,
    about: &'static str,
    /// Its files: each a name, and how `make_workload` makes it or what compresses which other file.
    files: Vec<(&'static str, Source)>,
    /// What runs, each a name and a command; the first one is what the others are compared with.
    runs: Vec<(&'static str, Run)>,
}

/// How a file comes to be.
enum Source {
    /// By `make_workload`: shape, connections of the full size, other options.
    Shape(&'static str, u64, &'static [&'static str]),
    /// By a tool out of another file; the tool writes to standard output.
    Packed(&'static [&'static str], &'static str),
}

/// What is run, with the file that it reads.
enum Run {
    /// The program, with these options.
    Ours(&'static str, &'static [&'static str]),
    /// The parse-only tool.
    Parse(&'static str),
    /// Another tool, its options before the file.
    Peer(&'static str, &'static [&'static str]),
}

use Run::{Ours, Parse, Peer};
use Source::{Packed, Shape};

fn comparisons() -> Vec<Comparison> {
    vec![
        Comparison {
            name: "mixed",
            about: "everything, whole packets",
            files: vec![("mixed.pcap", Shape("mixed", 52_000, &[]))],
            runs: vec![
                ("summary", Ours("mixed.pcap", &[])),
                ("parse only", Parse("mixed.pcap")),
                ("`cat`", Peer("mixed.pcap", &["cat"])),
                ("`capinfos -c`", Peer("mixed.pcap", &["capinfos", "-c"])),
                ("`tcptrace -n`", Peer("mixed.pcap", &["tcptrace", "-n"])),
                (
                    "`tshark -q -z conv,tcp`",
                    Peer("mixed.pcap", &["tshark", "-n", "-q", "-z", "conv,tcp", "-r"]),
                ),
            ],
        },
        Comparison {
            name: "headers",
            about: "the same traffic cut at 96 octets",
            files: vec![("headers.pcap", Shape("headers", 360_000, &[]))],
            runs: vec![
                ("summary", Ours("headers.pcap", &[])),
                ("parse only", Parse("headers.pcap")),
                ("`cat`", Peer("headers.pcap", &["cat"])),
                ("`capinfos -c`", Peer("headers.pcap", &["capinfos", "-c"])),
                ("`tcptrace -n`", Peer("headers.pcap", &["tcptrace", "-n"])),
            ],
        },
        Comparison {
            name: "shortflows",
            about: "connections of 11 packets, all closed",
            files: vec![("shortflows.pcap", Shape("shortflows", 1_000_000, &[]))],
            runs: vec![
                ("summary", Ours("shortflows.pcap", &[])),
                ("JSON Lines", Ours("shortflows.pcap", &["--format", "jsonl"])),
                ("`cat`", Peer("shortflows.pcap", &["cat"])),
                ("`tcptrace -n`", Peer("shortflows.pcap", &["tcptrace", "-n"])),
            ],
        },
        Comparison {
            name: "concurrency",
            about: "the same cut at 96 octets, by how many of a million connections are open at once",
            files: vec![
                (
                    "at-once-1k.pcap",
                    Shape("shortflows", 1_000_000, &["--at-once", "1000", "--snap", "96"]),
                ),
                (
                    "at-once-all.pcap",
                    Shape("shortflows", 1_000_000, &["--at-once", "1000000", "--snap", "96"]),
                ),
            ],
            runs: vec![
                ("a thousand at once", Ours("at-once-1k.pcap", &[])),
                ("all at once", Ours("at-once-all.pcap", &[])),
            ],
        },
        Comparison {
            name: "synflood",
            about: "a SYN each, unanswered",
            files: vec![("synflood.pcap", Shape("synflood", 10_000_000, &[]))],
            runs: vec![
                ("summary", Ours("synflood.pcap", &[])),
                ("`cat`", Peer("synflood.pcap", &["cat"])),
                ("`tcptrace -n`", Peer("synflood.pcap", &["tcptrace", "-n"])),
            ],
        },
        Comparison {
            name: "elephants",
            about: "ten downloads, and the same four times as long",
            files: vec![
                (
                    "elephants.pcap",
                    Shape("elephants", 0, &["--response", "100000000"]),
                ),
                (
                    "elephants-4.pcap",
                    Shape("elephants", 0, &["--response", "400000000"]),
                ),
            ],
            runs: vec![
                ("summary", Ours("elephants.pcap", &[])),
                ("summary, four times as long", Ours("elephants-4.pcap", &[])),
                ("`cat`", Peer("elephants.pcap", &["cat"])),
                ("`tcptrace -n`", Peer("elephants.pcap", &["tcptrace", "-n"])),
            ],
        },
        Comparison {
            name: "longtail",
            about: "many idle connections, cut at 96 octets",
            files: vec![("longtail.pcap", Shape("longtail", 400_000, &[]))],
            runs: vec![
                ("summary", Ours("longtail.pcap", &[])),
                ("`cat`", Peer("longtail.pcap", &["cat"])),
            ],
        },
        Comparison {
            name: "formats",
            about: "the headers in other formats",
            files: vec![
                ("quarter.pcap", Shape("headers", 90_000, &[])),
                (
                    "quarter.pcapng",
                    Shape("headers", 90_000, &["--format", "pcapng"]),
                ),
                (
                    "quarter.pcap.zst",
                    Packed(&["zstd", "-3", "-c", "-q"], "quarter.pcap"),
                ),
                ("quarter.pcap.gz", Packed(&["gzip", "-1", "-c"], "quarter.pcap")),
            ],
            runs: vec![
                ("pcap", Ours("quarter.pcap", &[])),
                ("pcapng", Ours("quarter.pcapng", &[])),
                (".zst", Ours("quarter.pcap.zst", &[])),
                ("`zstd -dc`", Peer("quarter.pcap.zst", &["zstd", "-dc", "-q"])),
                (".gz", Ours("quarter.pcap.gz", &[])),
                ("`gzip -dc`", Peer("quarter.pcap.gz", &["gzip", "-dc"])),
            ],
        },
    ]
}

struct Tools {
    program: PathBuf,
    parse_only: PathBuf,
    make_workload: PathBuf,
    folder: PathBuf,
    full: bool,
    rounds: usize,
    /// Seconds.
    limit: u64,
}

/// What one run took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    /// Peak of the memory in use, octets.
    memory: u64,
    /// It was stopped, or failed.
    failed: bool,
}

impl Tools {
    /// Makes the files, runs everything, and prints the table.
    fn table(&self, comparison: &Comparison) -> anyhow::Result<()> {
        for (name, source) in &comparison.files {
            self.make(name, source)?;
        }
        let missing: Vec<&str> = (comparison.runs.iter())
            .filter_map(|(_, run)| run.tool())
            .filter(|tool| !installed(tool))
            .collect();
        let runs: Vec<_> = (comparison.runs.iter())
            .filter(|(_, run)| run.tool().is_none_or(installed) && self.path(run.file()).is_file())
            .collect();
        let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); runs.len()];
        for _ in 0..self.rounds {
            for ((_, run), costs) in runs.iter().zip(&mut costs) {
                if !costs.iter().any(|cost| cost.failed) {
                    warm(&self.path(run.file()))?;
                    costs.push(self.once(run)?);
                }
            }
        }
        let mut table = format!(
            "**{}** ({}), best of {}:\n\n\
             | | packets | wall s | user + system s | peak MiB | ns a packet | MB/s | times {} |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
            comparison.name, comparison.about, self.rounds, comparison.runs[0].0,
        );
        let best = |costs: &[Cost]| costs.iter().copied().min_by_key(|cost| cost.wall);
        let first = costs
            .first()
            .and_then(|costs| best(costs))
            .map(|cost| cost.wall.as_secs_f64());
        for ((name, run), costs) in runs.iter().zip(&costs) {
            let Some(cost) = best(costs) else { continue };
            let path = self.path(run.file());
            let packets = self.packets(run.file()).unwrap_or_default();
            let (wall, octets) = (cost.wall.as_secs_f64(), fs::metadata(&path)?.len());
            let name = if cost.failed {
                format!("{name} (failed or stopped)")
            } else {
                (*name).to_owned()
            };
            writeln!(
                table,
                "| {name} | {packets} | {wall:.3} | {:.3} | {:.1} | {:.1} | {:.0} | {:.2} |",
                cost.cpu.as_secs_f64(),
                cost.memory as f64 / f64::from(1 << 20),
                wall * 1e9 / packets.max(1) as f64,
                octets as f64 / wall / 1e6,
                wall / first.unwrap_or(wall),
            )?;
        }
        for tool in missing {
            writeln!(table, "\n`{tool}` is not installed.")?;
        }
        println!("{table}");
        Ok(())
    }

    fn path(&self, file: &str) -> PathBuf {
        let size = if self.full { "full" } else { "twentieth" };
        self.folder.join(format!("{size}-{file}"))
    }

    /// Makes a file that is not there yet, and notes beside it how many packets it has.
    fn make(&self, name: &str, source: &Source) -> anyhow::Result<()> {
        let path = self.path(name);
        if path.is_file() {
            return Ok(());
        }
        let part = path.with_extension("part");
        match source {
            Shape(shape, connections, options) => {
                let mut command = Command::new(&self.make_workload);
                command.arg(shape).arg(&part);
                if *connections > 0 {
                    let scale = if self.full { 1 } else { 20 };
                    command.args(["--connections", &(connections / scale).to_string()]);
                }
                command.args(*options);
                if !self.full && *connections == 0 {
                    // The size of these is that of their responses.
                    let response: u64 = options[1].parse()?;
                    command.args(["--response", &(response / 20).to_string()]);
                }
                let output = command.output()?;
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                anyhow::ensure!(output.status.success(), "{told}");
                let packets = told.split(", ").find_map(|part| part.strip_suffix(" packets"));
                fs::write(noted(&path), packets.unwrap_or_default())?;
            }
            Packed([tool, ..], _) if !installed(tool) => return Ok(()),
            Packed(command, of) => {
                let status = Command::new(command[0])
                    .args(&command[1..])
                    .arg(self.path(of))
                    .stdout(File::create(&part)?)
                    .status()?;
                anyhow::ensure!(status.success(), "{} failed", command[0]);
                fs::copy(noted(&self.path(of)), noted(&path))?;
            }
        }
        fs::rename(part, path)?;
        Ok(())
    }

    fn packets(&self, file: &str) -> Option<u64> {
        fs::read_to_string(noted(&self.path(file))).ok()?.parse().ok()
    }

    fn once(&self, run: &Run) -> anyhow::Result<Cost> {
        let path = self.path(run.file());
        let mut command = match run {
            Ours(_, options) => {
                let mut command = Command::new(&self.program);
                command.args(*options).arg(path);
                command
            }
            Parse(_) => {
                let mut command = Command::new(&self.parse_only);
                command.arg(path);
                command
            }
            Peer(_, words) => {
                // What may take for ever is stopped; the wrapper costs a few milliseconds, and slow tools do not notice.
                let mut command = Command::new(words[0]);
                if ["tshark", "tcptrace"].contains(&words[0]) {
                    command = Command::new("timeout");
                    command.arg(self.limit.to_string()).arg(words[0]);
                }
                command.args(&words[1..]).arg(path);
                command
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let start = Instant::now();
        let used = command.spawn()?.wait4()?;
        Ok(Cost {
            wall: start.elapsed(),
            cpu: used.rusage.utime + used.rusage.stime,
            memory: used.rusage.maxrss,
            failed: !used.status.success(),
        })
    }
}

impl Run {
    fn file(&self) -> &'static str {
        match self {
            Ours(file, _) | Parse(file) | Peer(file, _) => file,
        }
    }

    /// The tool that must be installed.
    fn tool(&self) -> Option<&'static str> {
        match self {
            Ours(..) | Parse(_) => None,
            Peer(_, words) => Some(words[0]),
        }
    }
}

/// Where it is noted how many packets a file has.
fn noted(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".packets");
    name.into()
}

/// Brings a file to memory.
fn warm(path: &Path) -> std::io::Result<()> {
    let (mut file, mut buffer) = (File::open(path)?, vec![0; 1 << 18]);
    while file.read(&mut buffer)? > 0 {}
    Ok(())
}

fn installed(tool: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(tool).is_file())
}

/// What it was measured on, and when.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = jiff::Timestamp::now().to_string();
    format!(
        "{}, {cores} cores, {}, {}",
        processor.as_deref().unwrap_or("an unknown processor"),
        std::env::consts::OS,
        date.split('T').next().unwrap_or_default(),
    )
}
