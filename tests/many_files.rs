//! Many files as one timeline: whatever the order of the names and however a capture is split, the answer is that of the
//! whole capture.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tcptrace_states::analyze::{LadderRequest, Settings, analyze, analyze_with_facts};
use tcptrace_states::capture::{CaptureReader, Record, Stop};
use tcptrace_states::input::{Dedup, Facts, Origins};
use tcptrace_states::model::Analysis;
use tempfile::TempDir;

mod order;

use order::shuffled;

/// A classic pcap file taken apart: the file header, and the records with their time in its own unit.
struct Pcap {
    header: Vec<u8>,
    records: Vec<(u64, Vec<u8>)>,
}

impl Pcap {
    fn read(path: &Path) -> Pcap {
        let bytes = fs::read(path).expect("testdata");
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four octets"));
        let mut records = Vec::new();
        let mut at = 24;
        while at < bytes.len() {
            let length = 16 + usize::try_from(word(at + 8)).expect("a length");
            let time = u64::from(word(at)) << 32 | u64::from(word(at + 4));
            records.push((time, bytes[at..at + length].to_vec()));
            at += length;
        }
        Pcap {
            header: bytes[..24].to_vec(),
            records,
        }
    }

    /// A file with some of the records.
    fn write<'a>(&self, path: &Path, records: impl IntoIterator<Item = &'a (u64, Vec<u8>)>) {
        let mut bytes = self.header.clone();
        for (_, record) in records {
            bytes.extend_from_slice(record);
        }
        fs::write(path, bytes).expect("space");
    }

    /// Whether no two records have the same time, so that a merge can only have one result.
    fn is_strict(&self) -> bool {
        self.records.windows(2).all(|pair| pair[0].0 < pair[1].0)
    }
}

fn kernel(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/kernel")
        .join(name)
}

/// Captures of the lab in classic pcap.
const SPLIT: [&str; 6] = [
    "churn.client.pcap",
    "close_client.client.pcap",
    "half_close_stream.server.pcap",
    "rst_linger.client.pcap",
    "vlan.server.pcap",
    "cut_short.client.pcap",
];

fn settings(files: &[PathBuf], dedup: Dedup) -> Settings {
    Settings {
        files: files.to_vec(),
        dedup,
        time_wait_ns: 60_000_000_000,
        ladder: LadderRequest::None,
        limits: Default::default(),
        findings: Default::default(),
        ..Settings::default()
    }
}

fn told(files: &[PathBuf], dedup: Dedup) -> (Analysis, Facts) {
    analyze_with_facts(&settings(files, dedup), &Stop::default(), &mut |_| {}).expect("captures")
}

/// All that JSON Lines say, but for the names of the files.
fn lines(mut analysis: Analysis) -> String {
    analysis.capture.files.clear();
    let mut bytes = Vec::new();
    tcptrace_states::report::jsonl::write(&mut bytes, &analysis).expect("memory");
    String::from_utf8(bytes).expect("JSON")
}

fn files_in(directory: &TempDir, count: usize) -> Vec<PathBuf> {
    (0..count)
        .map(|number| directory.path().join(format!("part{number}.pcap")))
        .collect()
}

#[test]
fn a_capture_split_by_count_is_the_same_in_any_order() {
    for name in SPLIT {
        let whole = Pcap::read(&kernel(name));
        let expected = lines(told(&[kernel(name)], Dedup::Auto).0);
        for parts in 2..=7 {
            let directory = tempfile::tempdir().expect("a directory");
            let files = files_in(&directory, parts);
            let size = whole.records.len().div_ceil(parts);
            for (file, records) in files.iter().zip(whole.records.chunks(size)) {
                whole.write(file, records);
            }
            let files: Vec<PathBuf> = files.into_iter().filter(|file| file.exists()).collect();
            for seed in 1..=4 {
                let (analysis, facts) = told(&shuffled(&files, seed), Dedup::Auto);
                assert_eq!(lines(analysis), expected, "{name} in {parts}");
                let read: Vec<_> = facts.files.iter().map(|file| file.path.clone()).collect();
                assert_eq!(read, files, "in the order of time");
                assert!(facts.files[1..].iter().all(|file| file.gap_ns >= Some(0)));
            }
        }
    }
}

#[test]
fn a_capture_dealt_out_one_by_one_is_the_same_in_any_order() {
    let mut compared = 0;
    for name in SPLIT {
        let whole = Pcap::read(&kernel(name));
        if !whole.is_strict() {
            continue; // which of two packets of one time comes first, files that take turns do not tell
        }
        compared += 1;
        let expected = lines(told(&[kernel(name)], Dedup::Off).0);
        for parts in 2..=7 {
            let directory = tempfile::tempdir().expect("a directory");
            let files = files_in(&directory, parts);
            for (number, file) in files.iter().enumerate() {
                whole.write(file, whole.records.iter().skip(number).step_by(parts));
            }
            for seed in 1..=4 {
                let (analysis, facts) = told(&shuffled(&files, seed), Dedup::Off);
                assert_eq!(lines(analysis), expected, "{name} in {parts}");
                // Each packet is found again in its file.
                let origins = facts.origins.expect("several files");
                for packet in 1..=whole.records.len() {
                    let (file, number) = origins.source_of(packet as u64).expect("known");
                    assert_eq!(facts.files[file].path, files[(packet - 1) % parts]);
                    assert_eq!(number as usize, (packet - 1) / parts + 1);
                }
                assert!(
                    facts.files[1..].iter().all(|file| file.gap_ns < Some(0)),
                    "they overlap"
                );
            }
        }
    }
    assert!(
        compared >= 3,
        "{compared} captures have no two packets of one time"
    );
}

#[test]
fn steps_back_inside_a_file_keep_the_order_of_the_file() {
    let whole = Pcap::read(&kernel("close_client.client.pcap"));
    let directory = tempfile::tempdir().expect("a directory");
    let [mixed, late] = ["mixed.pcap", "late.pcap"].map(|name| directory.path().join(name));
    let (first, last) = whole.records.split_at(40);
    let mut first = first.to_vec();
    first.swap(20, 21);
    whole.write(&mixed, &first);
    whole.write(&late, last);
    let (analysis, facts) = told(&[late, mixed], Dedup::Auto);
    assert_eq!(analysis.capture.time_steps_back, 1);
    let steps: Vec<u64> = facts.files.iter().map(|file| file.steps_back).collect();
    assert_eq!(steps, [1, 0]);
    assert_eq!(facts.origins.expect("two files").source_of(22), Some((0, 22)));
}

#[test]
fn a_copied_file_changes_nothing() {
    for name in SPLIT {
        let directory = tempfile::tempdir().expect("a directory");
        let files = files_in(&directory, 3);
        for file in &files {
            fs::copy(kernel(name), file).expect("space");
        }
        let (one, alone) = told(&files[..1], Dedup::Auto);
        for count in 2..=3 {
            let (many, facts) = told(&files[..count], Dedup::Auto);
            let copies = many.capture.skipped["duplicate-of-another-file"];
            assert_eq!(copies, one.capture.tcp_segments * (count as u64 - 1), "{name}");
            assert_eq!(many.capture.tcp_segments, one.capture.tcp_segments);
            let skipped: u64 = many.capture.skipped.values().sum();
            assert_eq!(many.capture.packets, many.capture.tcp_segments + skipped);
            assert_eq!(states(&many, &facts), states(&one, &alone), "{name}");
            let counted: u64 = facts
                .files
                .iter()
                .flat_map(|file| &file.copies_of)
                .map(|(_, n)| n)
                .sum();
            assert_eq!(counted, copies);
        }
    }
}

/// All that is said of the connections, with packet numbers as in the file they came from.
fn states(analysis: &Analysis, facts: &Facts) -> Vec<Value> {
    let in_its_file = |connection| {
        let mut value = serde_json::to_value(connection).expect("JSON");
        if let Some(origins) = &facts.origins {
            renumber(&mut value, false, origins);
        }
        value
    };
    analysis.connections.iter().map(in_its_file).collect()
}

fn renumber(value: &mut Value, is_packet: bool, origins: &Origins) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let counts = name.ends_with("packets") && value.is_number();
                let names = name.contains("packet") || name == "proven_by";
                renumber(value, names && !counts, origins);
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| renumber(item, is_packet, origins)),
        Value::Number(number) if is_packet => {
            let packet = number.as_u64().expect("a packet");
            *value = origins.source_of(packet).expect("a known packet").1.into();
        }
        _ => {}
    }
}

/// The states of both ends, in their order.
fn paths(analysis: &Analysis) -> Vec<String> {
    let mut paths: Vec<String> = analysis
        .connections
        .iter()
        .map(|connection| {
            let ends = [&connection.endpoints.client, &connection.endpoints.server];
            let ends = ends.map(|end| {
                let steps = end.transitions.iter().map(|step| step.to.name());
                steps.collect::<Vec<_>>().join(" ")
            });
            format!("{} {} {}", connection.client, connection.server, ends.join(" | "))
        })
        .collect();
    paths.sort();
    paths
}

/// A SYN comes to life between the taps and overtakes the client's own. By the clock it passes the server's tap behind the
/// client's SYN at the client's tap, and the merged order is not that of any host.
const FORGED_BETWEEN: [&str; 1] = ["old_dup_syn"];

#[test]
fn two_taps_tell_what_each_of_them_tells() {
    let mut compared = 0;
    let mut different = Vec::new();
    for entry in fs::read_dir(kernel("")).expect("testdata") {
        let client = entry.expect("an entry").path();
        let name = client.file_name().expect("a name").to_string_lossy().into_owned();
        let Some((story, kind)) = name.split_once(".client.") else {
            continue;
        };
        let server = kernel(&format!("{story}.server.{kind}"));
        if !server.exists() {
            continue;
        }
        let [one, other] = [&client, &server].map(|file| told(std::slice::from_ref(file), Dedup::Auto).0);
        if paths(&one) != paths(&other) || FORGED_BETWEEN.contains(&story) {
            continue; // something was lost between the taps
        }
        compared += 1;
        let (both, _) = told(&[server, client], Dedup::Auto);
        if paths(&both) != paths(&one) {
            different.push(format!("{story}:\n{:#?}\n{:#?}", paths(&one), paths(&both)));
        }
    }
    assert!(compared > 30, "{compared}");
    assert!(
        different.is_empty(),
        "{} of {compared}: {}",
        different.len(),
        different.join("\n")
    );
}

#[test]
fn a_retransmission_that_two_taps_saw_is_one_retransmission() {
    for (story, least) in [("last_ack_lost", 1), ("bulk_loss", 5)] {
        let of = |tap: &str| {
            let plain = kernel(&format!("{story}.{tap}.pcap"));
            if plain.exists() {
                plain
            } else {
                plain.with_extension("pcapng")
            }
        };
        let retransmitted = |analysis: &Analysis| -> u64 {
            let ends = analysis
                .connections
                .iter()
                .flat_map(|c| [&c.endpoints.client, &c.endpoints.server]);
            ends.map(|end| end.retransmitted_segments).sum()
        };
        let one = retransmitted(&told(&[of("client")], Dedup::Auto).0);
        let other = retransmitted(&told(&[of("server")], Dedup::Auto).0);
        let both = retransmitted(&told(&[of("client"), of("server")], Dedup::Auto).0);
        let twice = retransmitted(&told(&[of("client"), of("server")], Dedup::Off).0);
        assert!(one >= least, "{story}: {one}");
        assert!(
            both >= one.max(other) && both <= one + other,
            "{story}: {one} {other} {both}"
        );
        assert!(twice > both, "{story}: without it {twice}");
    }
}

fn program(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tcptrace-states"))
        .current_dir(directory)
        .args(args)
        .output()
        .expect("the program")
}

fn csv(directory: &Path, args: &[&str]) -> String {
    let output = program(directory, &[&["--format", "csv"], args].concat());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("CSV")
}

/// A ring of five files, and what the whole capture says.
fn ring() -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let whole = Pcap::read(&kernel("churn.client.pcap"));
    let size = whole.records.len().div_ceil(5);
    for (number, records) in whole.records.chunks(size).enumerate() {
        // A ring goes round: the names do not follow the time.
        whole.write(
            &directory.path().join(format!("ring.pcap{}", (number + 3) % 5)),
            records,
        );
    }
    let whole = kernel("churn.client.pcap");
    let expected = csv(directory.path(), &[&whole.to_string_lossy()]);
    (directory, expected)
}

#[test]
fn a_directory_stands_for_the_captures_in_it() {
    let (directory, expected) = ring();
    let at = directory.path();
    fs::write(at.join("notes.txt"), "no capture, just words").expect("space");
    fs::write(at.join("ring.pcap9"), "").expect("space");
    fs::write(at.join(".hidden.pcap"), "hidden").expect("space");
    fs::create_dir(at.join("old")).expect("space");
    fs::copy(kernel("refused.client.pcap"), at.join("old/other.pcap")).expect("space");
    assert_eq!(csv(at, &["."]), expected);
    // A file that the directory holds, too, is read once.
    assert_eq!(csv(at, &[".", "ring.pcap2"]), expected);
    assert_eq!(csv(at, &["ring.pcap2", ".", "ring.*"]).len(), expected.len());
    let (_, facts) = told(&[at.to_owned()], Dedup::Auto);
    assert_eq!(facts.passed_over.count, 3);
    assert_eq!(
        facts.passed_over.first,
        ["old", "notes.txt", "ring.pcap9"].map(|name| at.join(name))
    );
    assert_eq!(facts.files.len(), 5);
}

#[test]
fn a_directory_without_captures_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("notes.txt"), "no capture, just words").expect("space");
    let output = program(directory.path(), &["."]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("no capture in this directory (1 other entries"),
        "{errors}"
    );
}

#[test]
fn patterns_that_no_shell_expanded() {
    let (directory, expected) = ring();
    let at = directory.path();
    assert_eq!(csv(at, &["ring.pcap?"]), expected);
    assert_eq!(csv(at, &["ring.pcap[0-2]", "ring.pcap[34]"]), expected);
    assert_eq!(
        csv(at, &["r*", "ring.pcap1"]),
        expected,
        "the overlap is read once"
    );
    // A file that is called so is that file.
    fs::rename(at.join("ring.pcap0"), at.join("ring[0].pcap")).expect("renamed");
    assert_eq!(csv(at, &["ring[0].pcap", "ring.pcap*"]), expected);
    let output = program(at, &["gone*.pcap"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        errors.contains("gone*.pcap: no file has a name like this"),
        "{errors}"
    );
}

#[test]
fn the_same_file_twice_is_refused() {
    let (directory, _) = ring();
    let at = directory.path();
    fs::hard_link(at.join("ring.pcap0"), at.join("link")).expect("a link");
    for second in ["ring.pcap0", "./ring.pcap0", "link"] {
        let output = program(at, &["ring.pcap0", "ring.pcap1", second]);
        assert_eq!(output.status.code(), Some(2), "{second}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            errors.contains(&format!("{second}: is the same file as ring.pcap0")),
            "{errors}"
        );
    }
    let output = program(at, &["-", "ring.pcap0", "-"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard input is named twice"));
}

#[test]
fn what_cannot_be_read_beside_good_files_is_damage_in_any_order() {
    let (directory, expected) = ring();
    let at = directory.path();
    fs::write(at.join("empty.pcap"), "").expect("space");
    fs::write(at.join("words.pcap"), "no capture, just words").expect("space");
    let cut = fs::read(at.join("ring.pcap1")).expect("there");
    fs::write(at.join("cut.pcap"), &cut[..cut.len() - 3]).expect("space");
    for bad in ["empty.pcap", "words.pcap", "gone.pcap", "gone*"] {
        for args in [[bad, "ring.*"], ["ring.*", bad]] {
            let output = program(at, &[&["--format", "csv"], &args[..]].concat());
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{errors}");
            assert!(errors.contains(bad), "{bad}: {errors}");
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
            let lines = program(at, &[&["--format", "jsonl"], &args[..]].concat());
            let first: Value =
                serde_json::from_slice(lines.stdout.split(|b| *b == b'\n').next().expect("a line"))
                    .expect("JSON");
            assert_eq!(first["complete"], false);
            assert_eq!(
                first["files"].as_array().expect("files").len(),
                5,
                "those that were read"
            );
        }
    }
    // Damage inside a file ends that file only.
    fs::remove_file(at.join("ring.pcap1")).expect("there");
    let (analysis, facts) = told(&[at.join("ring.*"), at.join("cut.pcap")], Dedup::Auto);
    assert!(!analysis.capture.complete);
    assert_eq!(
        facts.files.iter().filter(|file| !file.damage.is_empty()).count(),
        1
    );
    let whole = Pcap::read(&kernel("churn.client.pcap")).records.len() as u64;
    assert_eq!(analysis.capture.packets, whole - 1);
    // Nothing can be read: an error.
    let output = program(at, &["empty.pcap", "words.pcap", "gone.pcap"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors.contains("of 2 more inputs none"), "{errors}");
}

/// One file for every packet, and as many more as asked for, which hold the same packets at later times.
fn many(directory: &Path, count: usize) -> u64 {
    let whole = Pcap::read(&kernel("churn.client.pcap"));
    for number in 0..count {
        let (_, record) = &whole.records[number % whole.records.len()];
        let mut record = record.clone();
        let seconds = u32::try_from(1_700_000_000 + number).expect("a time");
        record[..4].copy_from_slice(&seconds.to_le_bytes());
        // Names that do not follow the time.
        let name = format!("{:05}.pcap", number * 7_919 % count);
        whole.write(&directory.join(name), [&(0, record)]);
    }
    count as u64
}

#[test]
fn ten_thousand_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let packets = many(directory.path(), 10_000);
    let (analysis, facts) = told(&[directory.path().to_owned()], Dedup::Auto);
    assert_eq!(
        (analysis.capture.packets, facts.files.len() as u64),
        (packets, packets)
    );
    assert_eq!(analysis.capture.time_steps_back, 0);
    assert!(facts.files[1..].iter().all(|file| file.gap_ns >= Some(0)));
    assert!(facts.files.is_sorted_by_key(|file| file.first_time));
}

/// Files that all overlap, more than there are descriptors.
#[cfg(unix)]
#[test]
fn few_descriptors() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = directory.path();
    let whole = Pcap::read(&kernel("soak.client.pcap"));
    let parts = 300;
    for number in 0..parts {
        let records = whole.records.iter().skip(number).step_by(parts);
        whole.write(&at.join(format!("{number}.pcap")), records);
    }
    let program = env!("CARGO_BIN_EXE_tcptrace-states");
    let run = |script: String| {
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(at)
            .output()
            .expect("a shell");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && errors.is_empty(), "{script}: {errors}");
        String::from_utf8(output.stdout).expect("CSV")
    };
    let plenty = run(format!("{program} --format csv ."));
    assert_eq!(plenty, run(format!("ulimit -n 20; {program} --format csv .")));
    let (analysis, _) = told(&[at.to_owned()], Dedup::Auto);
    assert_eq!(analysis.capture.packets, whole.records.len() as u64);
}

#[cfg(unix)]
#[test]
fn standard_input_and_fifos_take_their_place_in_time() {
    let (directory, expected) = ring();
    let at = directory.path();
    let program = env!("CARGO_BIN_EXE_tcptrace-states");
    let script = format!(
        "mkfifo fifo && {{ cat ring.pcap4 > fifo & }} && \
         {program} --format csv ring.pcap0 fifo ring.pcap1 - ring.pcap2 < ring.pcap3"
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(at)
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn packets_without_use_before_the_first_one_stay_in_their_file() {
    let whole = Pcap::read(&kernel("close_client.client.pcap"));
    let directory = tempfile::tempdir().expect("a directory");
    let [early, late] = ["early.pcap", "late.pcap"].map(|name| directory.path().join(name));
    let (first, last) = whole.records.split_at(30);
    whole.write(&early, first);
    // The late file is a pcapng that begins with a packet of an interface that nobody described.
    let block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len() + 12).expect("short").to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    };
    let words = |words: &[u32]| {
        words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let link = u32::from_le_bytes(whole.header[20..24].try_into().expect("four octets"));
    let mut bytes = block(0x0a0d_0d0a, &words(&[0x1a2b_3c4d, 1, u32::MAX, u32::MAX]));
    bytes.extend(block(1, &words(&[link, 0])));
    bytes.extend(block(6, &words(&[9, 0, 0, 0, 0])));
    let nanoseconds = whole.header[..4] == 0xa1b2_3c4d_u32.to_le_bytes();
    for (time, record) in last {
        let fraction = if nanoseconds {
            (time & 0xffff_ffff) / 1_000
        } else {
            time & 0xffff_ffff
        };
        let time = (time >> 32) * 1_000_000 + fraction;
        let data = &record[16..];
        let length = u32::try_from(data.len()).expect("short");
        let original = u32::from_le_bytes(record[12..16].try_into().expect("four octets"));
        let mut body = words(&[0, (time >> 32) as u32, time as u32, length, original]);
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(4), 0);
        bytes.extend(block(6, &body));
    }
    fs::write(&late, bytes).expect("space");
    let (analysis, facts) = told(&[late, early], Dedup::Auto);
    assert_eq!(analysis.capture.skipped["unknown-interface"], 1);
    assert_eq!(analysis.capture.packets, whole.records.len() as u64 + 1);
    let origins = facts.origins.expect("two files");
    assert_eq!(origins.source_of(30), Some((0, 30)));
    assert_eq!(origins.source_of(31), Some((1, 1)));
    assert_eq!(analysis.capture.formats.len(), 2);
}

#[test]
fn a_single_file_is_read_as_ever() {
    let path = kernel("close_server.client.pcapng");
    let mut reader = CaptureReader::open(&path).expect("a capture");
    let mut packets = 0;
    while let Some(record) = reader.next_record().expect("whole") {
        packets += u64::from(!matches!(record, Record::Damage(_)));
    }
    let (analysis, facts) = told(std::slice::from_ref(&path), Dedup::Auto);
    assert_eq!(analysis.capture.packets, packets);
    assert!(facts.origins.is_none());
    assert_eq!(facts.files[0].octets, fs::metadata(&path).expect("there").len());
    let mut bytes = 0;
    analyze(&settings(&[path], Dedup::Auto), &mut |progress| {
        bytes = progress.bytes_read
    })
    .expect("a capture");
    assert!(bytes <= facts.files[0].octets);
}
