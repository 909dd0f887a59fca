//! The program as people run it: exit codes, messages, formats, closed pipes, on the captures in `testdata`.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const NORMAL: &str = "testdata/scenarios/01normal.pcap";
const LEAK: &str = "testdata/kernel/close_wait_leak.server.pcapng";

#[test]
fn the_main_job_in_one_screen() {
    let output = run(&[NORMAL]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(stdout(&output));
}

#[test]
fn the_list_is_cut_to_what_fits_and_says_how_to_see_the_rest() {
    let text = stdout(&run(&[LEAK]));
    assert!(text.lines().count() < 35, "one screen:\n{text}");
    assert!(text.contains("… 2 more: --all"), "{text}");
    let all = stdout(&run(&["--all", LEAK]));
    assert!(!all.contains("more: --all") && all.lines().count() > 25, "{all}");
}

#[test]
fn the_two_pictures_of_the_textbook() {
    insta::assert_snapshot!(stdout(&run(&["show", "--width", "90", &textbook()])));
}

#[test]
fn show_takes_the_connection_that_needs_attention_most_and_says_so() {
    let text = stdout(&run(&["show", LEAK]));
    assert!(
        text.starts_with("Connection 1 of 22 needs attention most. Another: --conn ID"),
        "{text}"
    );
    let other = stdout(&run(&["show", LEAK, "--conn", "7"]));
    assert!(other.contains("connection   7 ·"), "{other}");
    let unknown = run(&["show", LEAK, "--conn", "99"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("there is no connection 99: the capture has 22 connections"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn json_lines_tell_a_complete_run() {
    let output = run(&["--format", "jsonl", LEAK]);
    let lines: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    assert_eq!(lines[0]["type"], "capture");
    assert_eq!(lines.last().expect("lines")["type"], "summary");
    // Connections, then what was found in services.
    let (capture, summary) = (&lines[0], &lines[lines.len() - 1]);
    let middle = &lines[1..lines.len() - 1];
    let of_connections = middle
        .iter()
        .take_while(|line| line["type"] == "connection")
        .count();
    let (connections, findings) = middle.split_at(of_connections);
    assert!(findings.iter().all(|line| line["type"] == "finding"));
    assert!(findings.iter().any(|line| line["code"] == "HC05"), "{findings:?}");
    let skipped: u64 = capture["skipped"]
        .as_object()
        .expect("reasons")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    let count = |value: &Value| value.as_u64().expect("a count");
    assert_eq!(
        count(&capture["packets"]),
        count(&capture["tcp_segments"]) + skipped,
        "each packet is counted once"
    );
    assert_eq!(count(&summary["connections"]), of_connections as u64);
    let in_connections: u64 = connections
        .iter()
        .map(|line| {
            count(&line["endpoints"]["client"]["packets"]) + count(&line["endpoints"]["server"]["packets"])
        })
        .sum();
    assert_eq!(
        in_connections,
        count(&capture["tcp_segments"]),
        "each segment belongs to one connection"
    );
    let outcomes: u64 = summary["outcomes"]
        .as_object()
        .expect("outcomes")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(outcomes, count(&summary["connections"]));
}

#[test]
fn json_is_the_same_as_one_document_and_csv_one_row_a_connection() {
    let document: Value = serde_json::from_str(&stdout(&run(&["--format", "json", LEAK]))).expect("JSON");
    let mut lines: Vec<Value> = stdout(&run(&["--format", "jsonl", LEAK]))
        .lines()
        .map(|line| serde_json::from_str(line).expect("a JSON object"))
        .collect();
    for line in &mut lines {
        line.as_object_mut().expect("an object").remove("type");
    }
    assert_eq!(document["capture"], lines[0]);
    let list = |name: &str| document[name].as_array().expect("a list").clone();
    let all = [list("connections"), list("findings")].concat();
    assert_eq!(all.len(), lines.len() - 2);
    for (object, line) in all.iter().zip(&lines[1..]) {
        assert_eq!(object, line);
    }
    let csv = stdout(&run(&["--format", "csv", LEAK]));
    assert_eq!(csv.lines().count(), 1 + 22);
}

#[test]
fn selections_leave_what_they_say() {
    let ids = |args: &[&str]| -> Vec<u64> {
        let mut all = vec!["--format", "jsonl"];
        all.extend_from_slice(args);
        let lines = stdout(&run(&all));
        let objects = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        objects.filter_map(|line| line["id"].as_u64()).collect()
    };
    assert_eq!(ids(&["--conn", "3", "--conn", "5", LEAK]), [3, 5]);
    assert_eq!(ids(&["--state", "server=CLOSE-WAIT", LEAK]).len(), 22);
    assert_eq!(ids(&["--state", "client=close_wait", LEAK]).len(), 0);
    assert_eq!(ids(&["--outcome", "half-closed", LEAK]).len(), 22);
    assert_eq!(ids(&["--outcome", "refused", LEAK]).len(), 0);
    assert_eq!(ids(&["--port", "24503", LEAK]), [1]);
    assert_eq!(ids(&["--addr", "[fd05:8::3b]:28451", LEAK]), [2]);
}

#[test]
fn an_end_that_was_never_heard_is_shown_as_unproven() {
    let server = |capture: &str| -> (Value, String) {
        let lines = stdout(&run(&["--format", "jsonl", capture]));
        let first = lines.lines().nth(1).expect("a connection");
        let connection: Value = serde_json::from_str(first).expect("JSON");
        let table = stdout(&run(&["--color", "never", capture]));
        let row = table.lines().find(|line| line.starts_with(" 1 ")).expect("a row");
        let shown = row.split_whitespace().nth(4).expect("the state of the server");
        (connection["endpoints"]["server"].clone(), shown.to_owned())
    };
    let (silent, shown) = server("testdata/kernel/syn_timeout.client.pcap");
    assert_eq!(silent["packets"], 0);
    assert_eq!(
        (&silent["state"], &silent["state_evidence"]),
        (&"CLOSED".into(), &"presumed".into())
    );
    assert_eq!(
        shown, "CLOSED?",
        "it may have been LISTEN, or SYN-RECEIVED with its answer lost"
    );
    let (refusing, shown) = server("testdata/kernel/refused.client.pcap");
    assert_eq!(
        (&refusing["state"], &refusing["state_evidence"]),
        (&"CLOSED".into(), &Value::Null)
    );
    assert_eq!(shown, "CLOSED", "its RST says so");
}

#[test]
fn the_msl_decides_when_time_wait_is_expected_to_end() {
    let state = |msl: &str| -> String {
        let lines = stdout(&run(&[
            "--format",
            "jsonl",
            "--msl",
            msl,
            "testdata/kernel/tw_expire.client.pcapng",
        ]));
        let first = lines.lines().nth(1).expect("a connection").to_owned();
        let connection: Value = serde_json::from_str(&first).expect("JSON");
        let side = connection["close"]["time_wait_holder"]
            .as_str()
            .expect("a holder")
            .to_owned();
        let end = &connection["endpoints"][&side];
        format!(
            "{} {}",
            end["state"].as_str().expect("a state"),
            end["state_evidence"].as_str().expect("evidence")
        )
    };
    assert_eq!(
        state("linux"),
        "TIME-WAIT confirmed",
        "the capture ends before 60 s are over"
    );
    assert_eq!(
        state("20ms"),
        "CLOSED timer",
        "2 MSL of 40 ms are over long before"
    );
    let two_msl = |msl: &str| -> u64 {
        let lines = stdout(&run(&["--format", "jsonl", "--msl", msl, NORMAL]));
        let capture: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
        capture["time_wait_ns"].as_u64().expect("nanoseconds") / 1_000_000_000
    };
    assert_eq!(
        ["linux", "rfc", "windows", "bsd", "30s"].map(two_msl),
        [60, 240, 120, 60, 60]
    );
}

#[test]
fn standard_input_is_a_capture_like_any_other() {
    let bytes = fs::read(root().join(LEAK)).expect("testdata");
    let piped = run_with_input(&["--format", "csv", "-"], &bytes);
    assert_eq!(piped.status.code(), Some(0), "{}", stderr(&piped));
    assert_eq!(stdout(&piped), stdout(&run(&["--format", "csv", LEAK])));
    let show = run_with_input(&["show", "-", "--conn", "2"], &bytes);
    assert!(stdout(&show).contains("connection   2 ·"), "{}", stdout(&show));
}

#[test]
fn a_capture_split_in_two_files_reads_as_one() {
    let bytes = fs::read(root().join(NORMAL)).expect("testdata");
    // Behind the file header and five records of a pcap file.
    let mut at = 24;
    for _ in 0..5 {
        let length: [u8; 4] = bytes[at + 8..at + 12].try_into().expect("a record header");
        at += 16 + u32::from_le_bytes(length) as usize;
    }
    let (first, second) = (scratch("split-1.pcap"), scratch("split-2.pcap"));
    fs::write(&first, &bytes[..at]).expect("space");
    fs::write(&second, [&bytes[..24], &bytes[at..]].concat()).expect("space");
    let whole = stdout(&run(&["--format", "csv", NORMAL]));
    let halves = stdout(&run(&[
        "--format",
        "csv",
        &first.to_string_lossy(),
        &second.to_string_lossy(),
    ]));
    assert_eq!(whole, halves);
}

#[test]
fn unreadable_input_says_what_and_why_and_what_to_do() {
    let cases: [(&str, Vec<u8>, &[&str]); 6] = [
        ("empty.pcap", Vec::new(), &["empty.pcap", "empty"]),
        (
            "page.pcap",
            b"<!DOCTYPE html><html><body>404</body></html>".to_vec(),
            &["page.pcap", "HTML"],
        ),
        (
            "packed.pcap",
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03rest of it".to_vec(),
            &["packed.pcap", "the gzip data is corrupt", "copy the file again"],
        ),
        (
            "packed.pcap.Z",
            b"\x1f\x9d\x90rest of it".to_vec(),
            &["packed.pcap.Z", "compress", "gzip -dc"],
        ),
        (
            "words.pcap",
            b"just some words, no capture at all, really none".to_vec(),
            &["words.pcap", "not a pcap or pcapng"],
        ),
        (
            "sniffer.cap",
            b"TRSNIFF data    \x1aand more".to_vec(),
            &["sniffer.cap", "Sniffer", "editcap"],
        ),
    ];
    for (name, bytes, words) in cases {
        let path = scratch(name);
        fs::write(&path, bytes).expect("space");
        let output = run(&[&path.to_string_lossy()]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert_eq!(stdout(&output), "", "{name}: nothing was read");
        for word in words {
            assert!(
                stderr(&output).contains(word),
                "{name}: no `{word}` in: {}",
                stderr(&output)
            );
        }
    }
    for (path, word) in [
        ("testdata/no-such-file.pcap", "no such file"),
        ("testdata", "directory"),
    ] {
        let output = run(&[path]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            stderr(&output).to_lowercase().contains(word),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(run(&[]).status.code(), Some(2), "no argument is a usage error");
    assert_eq!(run(&["--state", "ASLEEP", NORMAL]).status.code(), Some(2));
}

#[test]
fn what_came_before_the_damage_is_reported_and_marked() {
    let mut bytes = fs::read(root().join(NORMAL)).expect("testdata");
    bytes.truncate(bytes.len() - 10);
    let path = scratch("cut.pcap");
    fs::write(&path, &bytes).expect("space");
    let name = path.to_string_lossy().into_owned();
    let table = run(&[&name]);
    assert_eq!(table.status.code(), Some(0), "there is a result");
    assert!(
        stdout(&table).contains("INCOMPLETE") && stdout(&table).contains("10.0.0.1:40000"),
        "{}",
        stdout(&table)
    );
    for word in ["cut.pcap", "packet 11", "byte"] {
        assert!(stderr(&table).contains(word), "no `{word}` in {}", stderr(&table));
    }
    let lines = stdout(&run(&["--format", "jsonl", &name]));
    let capture: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    let summary: Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    assert_eq!(
        (&capture["complete"], &summary["complete"]),
        (&Value::Bool(false), &Value::Bool(false))
    );
    assert_eq!(capture["packets"], 10);
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let mut child = command(&["--format", "jsonl", "testdata/kernel/soak.client.pcap"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut first = [0u8; 64];
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_exact(&mut first)
        .expect("some output");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn colour_only_where_it_is_asked_for() {
    let escape = '\u{1b}';
    assert!(!stdout(&run(&[LEAK])).contains(escape), "not into a pipe");
    assert!(stdout(&run(&["--color", "always", LEAK])).contains(escape));
    let wanted_but_refused = command(&[LEAK])
        .env("NO_COLOR", "1")
        .output()
        .expect("the program");
    assert!(!stdout(&wanted_but_refused).contains(escape));
    // The same words with and without colour.
    let plain = stdout(&run(&["--color", "never", LEAK]));
    let painted = stdout(&run(&["--color", "always", LEAK]));
    assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
}

#[test]
fn help_has_examples() {
    for args in [&["--help"][..], &["show", "--help"][..]] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains("Examples"), "{}", stdout(&output));
    }
}

/// A capture with the numbers of the textbook (RFC 9293 figures 6 and 12): ISS 100 and 300, a handshake, a four-way
/// close. It is written here so that it can be read here.
fn textbook() -> String {
    const FIN: u8 = 1;
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    let segments: [(u32, bool, u8, u32, u32); 7] = [
        (0, true, SYN, 100, 0),
        (10, false, SYN | ACK, 300, 101),
        (20, true, ACK, 101, 301),
        (1000, true, FIN | ACK, 101, 301),
        (1010, false, ACK, 301, 102),
        (3000, false, FIN | ACK, 301, 102),
        (3010, true, ACK, 102, 302),
    ];
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend_from_slice(&u32::to_le_bytes(word));
    }
    for (millis, from_client, flags, seq, ack) in segments {
        for word in [1_700_000_000 + millis / 1000, millis % 1000 * 1000, 40, 40] {
            file.extend_from_slice(&u32::to_le_bytes(word));
        }
        let (client, server) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (from, to) = if from_client {
            (client, server)
        } else {
            (server, client)
        };
        file.extend_from_slice(&[0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0]);
        file.extend_from_slice(&from);
        file.extend_from_slice(&to);
        let ports: (u16, u16) = if from_client { (40_000, 80) } else { (80, 40_000) };
        file.extend_from_slice(&ports.0.to_be_bytes());
        file.extend_from_slice(&ports.1.to_be_bytes());
        file.extend_from_slice(&seq.to_be_bytes());
        file.extend_from_slice(&ack.to_be_bytes());
        file.extend_from_slice(&[0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    }
    let path = scratch("textbook.pcap");
    fs::write(&path, file).expect("space");
    path.to_string_lossy().into_owned()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tcptrace-states"));
    command
        .args(args)
        .current_dir(root())
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE");
    command
}

fn run(args: &[&str]) -> Output {
    command(args).stdin(Stdio::null()).output().expect("the program")
}

fn run_with_input(args: &[&str], input: &[u8]) -> Output {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input)
        .expect("a reader");
    child.wait_with_output().expect("an end")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[test]
fn ascii_is_ascii_in_every_view_with_findings() {
    let busy = "testdata/kernel/churn.server.pcap";
    for args in [
        &["--severity", "info", "--all", busy][..],
        &["show", "--severity", "info", "--finding", "HC01", busy],
        &["show", "--finding", "HS12", busy],
        &["leaks", busy],
        &["check", "--no-config", "--fail-on", "note", busy],
    ] {
        let output = run(&[args, &["--ascii"]].concat());
        let text = stdout(&output);
        assert!(!text.is_empty(), "{args:?}: {}", stderr(&output));
        let wide = text.lines().find(|line| !line.is_ascii());
        assert_eq!(wide, None, "{args:?}");
    }
}
