//! The same answer, octet by octet, however the work is divided: by one thread, by several, and by parts that know of each
//! other only what a fleet's tasks do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use tcptrace_states::analyze::{Settings, analyze};
use tcptrace_states::capture::Stop;
use tcptrace_states::fleet::{
    self, Config, FileReader, FileReport, FleetError, FlowOctets, Partition, Plan, Position, Row, Share,
    Together, Told, Totals, canonical, flow_octets,
};
use tcptrace_states::input::Dedup;
use tcptrace_states::model::{Connection, Severity};
use tempfile::TempDir;

mod order;
mod program;

use order::shuffled;
use program::{program, run, testdata};

/// All findings, to compare as much as there is.
fn settings(files: &[PathBuf]) -> Settings {
    let mut settings = Config::default().settings();
    settings.findings.least = Severity::Info;
    settings.files = files.to_vec();
    settings
}

fn by_threads(settings: &Settings, threads: usize) -> String {
    let mut out = Vec::new();
    let mut lines = canonical::Lines::to(&mut out);
    fleet::run(settings, threads, &Stop::default(), &mut |_| {}, &mut lines).expect("captures");
    String::from_utf8(out).expect("JSON")
}

/// What the tasks of a fleet would do: files in an order of their own, rows to partitions by their flow.
fn by_fleet(settings: &Settings, partitions: usize, seed: u64) -> String {
    try_by_fleet(settings, partitions, seed).expect("captures")
}

fn try_by_fleet(settings: &Settings, partitions: usize, seed: u64) -> Result<String, FleetError> {
    let files = shuffled(&settings.files, seed);
    let mut reports = Vec::new();
    let mut rows: Vec<(usize, Row)> = Vec::new();
    for (given, file) in files.iter().enumerate() {
        let name = file.to_string_lossy();
        match FileReader::open(&name, settings, &Stop::default()) {
            Err(error) => reports.push(FileReport::unreadable(&name, &error)),
            Ok(mut reader) => {
                while let Some(more) = reader.next_rows(1 + usize::try_from(seed % 1000).expect("small")) {
                    rows.extend(more.into_iter().map(|row| (given, row)));
                }
                reports.push(over_the_wire(&reader.finish()));
            }
        }
    }
    let plan = Arc::new(over_the_wire(&Plan::new(reports, |_| false)));
    let mut tasks: BTreeMap<u64, Vec<(FlowOctets, Row)>> = BTreeMap::new();
    for (given, mut row) in rows {
        row.position.file = plan.rank(given).expect("it was read");
        let ahead = plan.ahead_ns(given);
        row.position.time = row.position.time.plus(-ahead);
        row.segment.time = row.segment.time.plus(-ahead);
        let flow = flow_octets(&row.segment);
        let task = flow.iter().fold(seed, |sum, octet| {
            sum.wrapping_mul(31).wrapping_add(u64::from(*octet))
        });
        tasks
            .entry(task % partitions as u64)
            .or_default()
            .push((flow, row));
    }
    let mut all: Vec<(Position, String)> = Vec::new();
    let mut shares: Vec<Share> = Vec::new();
    let mut totals = Totals::default();
    for rows in tasks.values_mut() {
        rows.sort_by(|(a, row), (b, other)| (a, row.position).cmp(&(b, other.position)));
        let mut partition = Partition::new(Arc::clone(&plan), settings.clone());
        let mut told: Vec<Told> = Vec::new();
        for (_, row) in rows {
            partition.take(row, &mut told)?;
        }
        totals.add_json(&partition.finish(&mut told)?.to_json()?)?;
        for told in &told {
            shares.extend(partition.shares(&told.connection));
            all.push((told.first, canonical::line(told).expect("JSON")));
        }
    }
    let mut together = Together::new(&plan, settings.clone());
    shares.sort_by(|a, b| (a.rule, &a.group, a.id).cmp(&(b.rule, &b.group, b.id)));
    for share in &shares {
        together.take(share.rule, &share.group, &share.kept)?;
    }
    let capture = plan.capture(settings, &totals);
    let of_services = together.finish().into_iter().map(|finding| {
        fleet::read_finding(&serde_json::to_string(&finding).expect("JSON")).expect("what was written")
    });
    let findings = fleet::all_findings(of_services.collect(), &capture, settings);
    let mut out = Vec::new();
    canonical::write_begin(&mut out, &capture).expect("memory");
    all.sort();
    for (_, line) in all {
        out.extend_from_slice(line.as_bytes());
        out.push(b'\n');
    }
    let summary = totals.summary(&capture, &findings);
    canonical::write_end(&mut out, &findings, &summary).expect("memory");
    Ok(String::from_utf8(out).expect("JSON"))
}

/// As one task gives it to another.
fn over_the_wire<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("JSON");
    serde_json::from_str(&text).expect("what was written")
}

/// The same by all ways, and that.
fn same_by_all(settings: &Settings, what: &str) -> String {
    let alone = by_threads(settings, 0);
    for threads in [1, 2, 8] {
        assert_same(
            &alone,
            &by_threads(settings, threads),
            &format!("{what}, {threads} threads"),
        );
    }
    for (partitions, seed) in [(1, 1), (3, 2), (7, 3), (1000, 4)] {
        assert_same(
            &alone,
            &by_fleet(settings, partitions, seed),
            &format!("{what}, {partitions} partitions"),
        );
    }
    alone
}

fn assert_same(a: &str, b: &str, what: &str) {
    if a != b {
        let (x, y) = a.lines().zip(b.lines()).find(|(a, b)| a != b).unwrap_or((a, b));
        let equal = x.bytes().zip(y.bytes()).take_while(|(x, y)| x == y).count();
        let around =
            |line: &str| -> String { line.chars().skip(equal.saturating_sub(150)).take(400).collect() };
        let head: String = x.chars().take(60).collect();
        panic!("{what}: {head}\n{}\nis not\n{}", around(x), around(y));
    }
}

fn captures(folders: &[&str]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(root.join(folder)).expect("a folder");
        files.extend(
            entries
                .map(|entry| entry.expect("an entry").path())
                .filter(|path| {
                    let name = path.to_string_lossy();
                    name.ends_with(".pcap") || name.ends_with(".pcapng")
                }),
        );
    }
    files.sort();
    assert!(!files.is_empty());
    files
}

#[test]
fn each_capture_alone() {
    for file in captures(&["kernel", "scenarios"]) {
        same_by_all(&settings(std::slice::from_ref(&file)), &file.to_string_lossy());
    }
}

#[test]
fn all_captures_as_one_fleet() {
    let lines = same_by_all(&settings(&captures(&["kernel"])), "the lab");
    let counted = lines.lines().count();
    assert!(counted > 500, "{counted} lines");
    same_by_all(&settings(&captures(&["scenarios"])), "the stories");
}

/// Nothing but ids (in messages, too) and, for several files, packet numbers differs from what the program says otherwise.
#[test]
fn the_objects_are_those_of_json_lines() {
    let mut compared = 0;
    for file in captures(&["kernel", "scenarios"]) {
        let settings = settings(std::slice::from_ref(&file));
        let analysis = analyze(&settings, &mut |_| {}).expect("a capture");
        let first: BTreeMap<u64, u64> = (analysis.connections.iter())
            .map(|one| (one.id, one.first_packet))
            .collect();
        let canonical = by_threads(&settings, 0);
        let connections = (canonical.lines())
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
            .filter(|line| line["type"] == "connection");
        let mut expected = analysis.connections.iter();
        for found in connections {
            let mut wanted = serde_json::to_value(expected.next().expect("as many")).expect("JSON");
            wanted["type"] = "connection".into();
            for id in ["/id", "/reuse/previous", "/successor/id"] {
                if let Some(id) = wanted.pointer_mut(id) {
                    *id = first[&id.as_u64().expect("a number")].into();
                }
            }
            for finding in wanted["findings"].as_array_mut().expect("a list") {
                let message = finding["message"].as_str().expect("text");
                finding["message"] = with_ids(message, &first).into();
            }
            assert_eq!(found, wanted, "{}", file.display());
            compared += 1;
        }
        assert!(expected.next().is_none());
    }
    assert!(compared > 300, "{compared} connections");
}

/// The message with other numbers of connections.
fn with_ids(message: &str, ids: &BTreeMap<u64, u64>) -> String {
    let mut parts = message.split("connection ");
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let number = number.parse().ok().and_then(|id: u64| ids.get(&id));
        changed += "connection ";
        changed += &number.map_or_else(|| part[..digits].to_owned(), u64::to_string);
        changed += rest;
    }
    changed
}

/// Packets of one connection in several files, and files that have the same packets.
#[test]
fn connections_that_lie_in_many_files() {
    for name in [
        "close_client.client.pcap",
        "half_close_stream.server.pcap",
        "churn.client.pcap",
    ] {
        let whole = Pcap::read(
            &captures(&["kernel"])
                .into_iter()
                .find(|file| file.ends_with(name))
                .expect("it"),
        );
        let directory = tempfile::tempdir().expect("a directory");
        // Behind one another.
        let parts = whole.write_in(&directory, "part", 3, |number, count| number * 3 / count);
        let lines = same_by_all(&settings(&parts), name);
        let alone = whole.write_in(&directory, "whole", 1, |_, _| 0);
        let rest = |lines: &str| {
            lines
                .lines()
                .skip(1)
                .map(str::to_owned)
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(rest(&lines), rest(&by_threads(&settings(&alone), 0)), "{name}");
        // In turns.
        same_by_all(
            &settings(&whole.write_in(&directory, "turn", 4, |number, _| number % 4)),
            name,
        );
        // Twice.
        let twice = [alone.clone(), whole.write_in(&directory, "copy", 1, |_, _| 0)].concat();
        let lines = same_by_all(&settings(&twice), name);
        let capture: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
        assert_eq!(
            capture["skipped"]["duplicate-of-another-file"],
            capture["tcp_segments"]
        );
        let unchanged = Settings {
            dedup: Dedup::Off,
            ..settings(&twice)
        };
        same_by_all(&unchanged, name);
    }
}

/// Two taps whose clocks are 300 ms apart, the second one in two files, as one.
#[test]
fn clocks_that_are_apart_are_aligned() {
    let whole = captures(&["kernel"])
        .into_iter()
        .find(|file| file.ends_with("churn.client.pcap"));
    let whole = Pcap::read(&whole.expect("it"));
    let directory = tempfile::tempdir().expect("a directory");
    let mut late = Pcap::read(&whole.write_in(&directory, "early", 1, |_, _| 0)[0]);
    for record in &mut late.records {
        let part = |place: usize| {
            u64::from(u32::from_le_bytes(
                record[place..place + 4].try_into().expect("four"),
            ))
        };
        let moment = part(0) * 1_000_000 + part(4) + 300_000;
        let [seconds, micros] =
            [moment / 1_000_000, moment % 1_000_000].map(|part| u32::try_from(part).expect("32 bits"));
        record[..4].copy_from_slice(&seconds.to_le_bytes());
        record[4..8].copy_from_slice(&micros.to_le_bytes());
    }
    let early = directory.path().join("early0.pcap");
    let halves = late.write_in(&directory, "late", 2, |number, count| number * 2 / count);
    let files = [vec![early.clone()], halves].concat();
    let aligned = Settings {
        align_clocks: true,
        ..settings(&files)
    };
    let lines = same_by_all(&aligned, "aligned");
    let capture: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        capture["skipped"]["duplicate-of-another-file"],
        capture["tcp_segments"]
    );
    // All is as the first tap alone has it, but for the capture as a whole and packets of the others.
    let alone = by_threads(&settings(&[early]), 0);
    let connections = |lines: &str| {
        lines
            .lines()
            .filter(|line| line.contains("\"type\":\"connection\""))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(connections(&lines), connections(&alone));
    assert!(connections(&same_by_all(&settings(&files), "not aligned")).len() >= connections(&alone).len());
}

#[test]
fn empty_and_damaged_files_among_good_ones() {
    let whole = captures(&["kernel"]);
    let file = whole
        .iter()
        .find(|file| file.ends_with("churn.client.pcap"))
        .expect("it");
    let octets = fs::read(file).expect("a file");
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, octets: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, octets).expect("space");
        path
    };
    let files = [
        write("good.pcap", &octets),
        write("no packets.pcap", &octets[..24]),
        write("empty.pcap", &[]),
        write("cut.pcap", &octets[..octets.len() / 2]),
        write("other.pcap", b"this is a text and no capture at all"),
        directory.path().join("is not there.pcap"),
    ];
    let lines = same_by_all(&settings(&files), "damaged");
    let capture: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    let damage: Vec<&str> = (capture["damage"].as_array().expect("a list").iter())
        .map(|one| one.as_str().expect("text"))
        .collect();
    assert_eq!(
        (damage.len(), &capture["complete"]),
        (4, &Value::Bool(false)),
        "{damage:#?}"
    );
}

#[test]
fn rows_out_of_order_are_refused() {
    let files = captures(&["kernel"]);
    let file = files
        .iter()
        .find(|file| file.ends_with("churn.client.pcap"))
        .expect("it");
    let settings = settings(std::slice::from_ref(file));
    let mut reader =
        FileReader::open(&file.to_string_lossy(), &settings, &Stop::default()).expect("a capture");
    let mut rows = Vec::new();
    while let Some(more) = reader.next_rows(1000) {
        rows.extend(more);
    }
    let plan = Arc::new(Plan::new(vec![reader.finish()], |_| false));
    rows.sort_by_key(|row| (flow_octets(&row.segment), row.position));
    let taken = |rows: &[Row]| {
        let mut partition = Partition::new(Arc::clone(&plan), settings.clone());
        let mut told = Vec::new();
        rows.iter().try_for_each(|row| partition.take(row, &mut told))
    };
    assert!(taken(&rows).is_ok());
    for place in 1..rows.len().min(200) {
        let mut swapped = rows.clone();
        swapped.swap(place - 1, place);
        let error = taken(&swapped).expect_err("out of order");
        assert!(matches!(error, FleetError::Order { .. }), "{error}");
        assert!(
            error.to_string().contains("rows must be sorted by flow"),
            "{error}"
        );
        let mut twice = rows.clone();
        twice.insert(place, rows[place - 1].clone());
        assert!(matches!(taken(&twice), Err(FleetError::Order { .. })));
    }
    let mut elsewhere = rows[0].clone();
    elsewhere.position.file = 1;
    assert!(matches!(taken(&[elsewhere]), Err(FleetError::File(1))));
}

/// A number that is not among those that are changed would stay what it was.
#[test]
fn every_packet_number_is_changed() {
    fn change(value: &mut Value, key: &str, number: fn(u64) -> u64) {
        let named = key.ends_with("packet") || matches!(key, "proven_by" | "refuted_by");
        match value {
            Value::Object(fields) => {
                let counts = fields.contains_key("payload_bytes"); // of an endpoint: `packets` is a count
                for (key, value) in fields.iter_mut() {
                    let list = key == "packets" && !counts;
                    change(value, if list { "packet" } else { key }, number);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| change(value, key, number)),
            Value::Number(old) if named => *value = number(old.as_u64().expect("a packet")).into(),
            _ => {}
        }
    }
    let number = |packet: u64| packet * 1000 + 7;
    for file in captures(&["kernel", "scenarios"]) {
        let settings = Settings {
            ladder: tcptrace_states::analyze::LadderRequest::All,
            ..settings(&[file])
        };
        for connection in analyze(&settings, &mut |_| {}).expect("a capture").connections {
            let mut expected = serde_json::to_value(&connection).expect("JSON");
            change(&mut expected, "", number);
            let mut changed: Connection = connection;
            let result: Result<(), ()> = changed.change_packets(&mut |packet| Ok(number(packet)));
            assert_eq!(result, Ok(()));
            assert_eq!(serde_json::to_value(&changed).expect("JSON"), expected);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any capture dealt out to any number of files, in any order.
    #[test]
    fn dealt_out_in_any_way(
        name in prop::sample::select(vec!["vlan.server.pcap", "rst_linger.client.pcap", "tw_syn_low_isn.client.pcap"]),
        deal in prop::collection::vec(0_usize..5, 1..60),
        partitions in 1_usize..9,
        seed in any::<u64>(),
    ) {
        let whole = Pcap::read(&captures(&["kernel"]).into_iter().find(|file| file.ends_with(name)).expect("it"));
        let directory = tempfile::tempdir().expect("a directory");
        let files = whole.write_in(&directory, "dealt", 5, |number, _| deal[number % deal.len()]);
        let settings = settings(&files);
        let alone = by_threads(&settings, 0);
        assert_same(&alone, &by_threads(&settings, 1 + partitions % 4), "threads");
        assert_same(&alone, &by_fleet(&settings, partitions, seed), "fleet");
    }
}

/// A classic capture file, record by record.
struct Pcap {
    header: Vec<u8>,
    records: Vec<Vec<u8>>,
}

impl Pcap {
    fn read(path: &Path) -> Pcap {
        let bytes = fs::read(path).expect("a capture");
        let (header, mut rest) = bytes.split_at(24);
        let mut records = Vec::new();
        while rest.len() >= 16 {
            let length = u32::from_le_bytes(rest[8..12].try_into().expect("four octets"));
            let (record, next) = rest.split_at(16 + usize::try_from(length).expect("small"));
            records.push(record.to_vec());
            rest = next;
        }
        Pcap {
            header: header.to_vec(),
            records,
        }
    }

    /// Deals its records out to so many files; gives those that get some.
    fn write_in(
        &self,
        directory: &TempDir,
        name: &str,
        files: usize,
        to: impl Fn(usize, usize) -> usize,
    ) -> Vec<PathBuf> {
        let mut contents = vec![Vec::new(); files];
        for (number, record) in self.records.iter().enumerate() {
            contents[to(number, self.records.len())].extend_from_slice(record);
        }
        let named = (0..).map(|number| directory.path().join(format!("{name}{number}.pcap")));
        let mut paths = Vec::new();
        for (content, path) in contents
            .iter()
            .zip(named)
            .filter(|(content, _)| !content.is_empty())
        {
            fs::write(&path, [self.header.as_slice(), content].concat()).expect("space");
            paths.push(path);
        }
        paths
    }
}

/// By the program itself: one thread or several, any order of files, to a file and to standard output.
#[test]
fn canonical_lines_do_not_depend_on_how_the_work_is_divided() {
    let files = [
        "churn.client.pcap",
        "close_client.client.pcap",
        "close_wait_leak.server.pcapng",
    ];
    let files = files.map(|name| testdata(&format!("kernel/{name}")));
    let exported = |files: &[&String], more: &[&str]| {
        run(program()
            .arg("export")
            .args(files)
            .args(["--to", "canonical"])
            .args(more))
    };
    let [a, b, c] = &files;
    let alone = exported(&[a, b, c], &["-o", "-"]);
    assert!(alone.status.success() && alone.stdout.len() > 10_000);
    assert_eq!(
        exported(&[c, a, b], &["-o", "-", "--threads", "3"]).stdout,
        alone.stdout
    );
    let directory = tempfile::tempdir().expect("a directory");
    let output = directory.path().join("out.jsonl");
    let name = output.to_string_lossy();
    assert!(
        exported(&[b, c, a], &["-o", &name, "--threads", "1"])
            .status
            .success()
    );
    assert_eq!(fs::read(&output).expect("a file"), alone.stdout);
    let refused = exported(&[a], &["-o", "-", "--conn", "3"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("has all connections"));
    // What does not fit is an error, because the lines would depend on what was given up.
    let too_many = exported(&[a, b, c], &["-o", "-", "--max-connections", "5"]);
    assert_eq!(too_many.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&too_many.stderr).contains("raise --max-memory"));
}
