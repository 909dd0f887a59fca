//! `diff`: captures and saved reports of them against each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const LEAK: &str = "testdata/kernel/close_wait_leak.server.pcapng";
const LEAK_CLIENT: &str = "testdata/kernel/close_wait_leak.client.pcapng";
const REUSED: &str = "testdata/scenarios/06twreuse_bad.pcap";
const HEALTHY: &str = "testdata/kernel/close_client.server.pcap";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn run(args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("tcptrace-states"))
        .args(args)
        .current_dir(root())
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .expect("the program")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn scratch(name: &str, text: &[u8]) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("space");
    path.to_string_lossy().into_owned()
}

fn json(old: &str, new: &str) -> Value {
    let output = run(&["diff", old, new, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

fn assert_same(difference: &Value) {
    for list in [
        "caveats",
        "new_findings",
        "gone_findings",
        "changed_findings",
        "services",
    ] {
        assert_eq!(
            difference[list],
            Value::Array(Vec::new()),
            "{list} of {difference}"
        );
    }
}

/// Captures of the kernel, by their ends.
fn kernel(end: &str) -> Vec<String> {
    let folder = root().join("testdata/kernel");
    let entries = fs::read_dir(folder)
        .expect("testdata")
        .map(|entry| entry.expect("an entry").path());
    let mut found: Vec<String> = entries
        .filter(|path| fs::metadata(path).is_ok_and(|file| file.len() < 1 << 20))
        .map(|path| path.to_string_lossy().into_owned())
        .filter(|path| path.contains(end) && path.contains(".pcap"))
        .collect();
    found.sort();
    assert!(found.len() > 30);
    found
}

#[test]
fn the_same_capture_twice_is_no_difference() {
    for capture in kernel(".server.").iter().step_by(5) {
        assert_same(&json(capture, capture));
    }
    let text = stdout(&run(&["diff", LEAK, LEAK, "--width", "80"]));
    assert!(text.contains("no difference"), "{text}");
}

#[test]
fn a_report_says_what_its_capture_says() {
    for capture in kernel(".client.")
        .iter()
        .step_by(7)
        .map(String::as_str)
        .chain([LEAK])
    {
        for format in ["jsonl", "json"] {
            let saved = run(&[capture, "--format", format]);
            let name = format!(
                "{}.{format}",
                Path::new(capture).file_stem().expect("a name").to_string_lossy()
            );
            let report = scratch(&name, &saved.stdout);
            assert_same(&json(capture, &report));
            assert_same(&json(&report, capture));
        }
    }
}

#[test]
fn a_document_on_one_line_is_a_report_too() {
    let saved = run(&[LEAK, "--format", "json"]);
    let document: Value = serde_json::from_slice(&saved.stdout).expect("JSON");
    let compact = scratch("compact.json", document.to_string().as_bytes());
    assert_same(&json(LEAK, &compact));
}

#[test]
fn both_ends_of_one_path_tell_of_the_same_services() {
    for client in kernel(".client.") {
        let server = client.replace(".client.", ".server.");
        if !Path::new(&server).exists() {
            continue;
        }
        let output = run(&["diff", &client, &server]);
        assert_eq!(output.status.code(), Some(0), "{client}: {}", stderr(&output));
        for width in ["60", "80", "200"] {
            let text = stdout(&run(&["diff", &client, &server, "--width", width]));
            let room: usize = width.parse().expect("a number");
            // A path is one word: it is not cut.
            let wide = text
                .lines()
                .find(|line| line.chars().count() > room && !line.contains('/'));
            assert_eq!(wide, None, "{width}");
        }
    }
}

#[test]
fn screens() {
    let text = |args: &[&str]| stdout(&run(&[&["diff", "--width", "80"], args].concat()));
    insta::assert_snapshot!("healthy_and_leak", text(&[HEALTHY, LEAK]));
    insta::assert_snapshot!("client_and_server_tap", text(&[LEAK_CLIENT, LEAK]));
    insta::assert_snapshot!(
        "loss",
        text(&[
            "testdata/kernel/fin_lost.client.pcap",
            "testdata/kernel/fin_lost.server.pcap"
        ])
    );
    insta::assert_snapshot!(
        "findings",
        text(&[REUSED, "testdata/scenarios/05twreuse_ok.pcap"])
    );
    insta::assert_snapshot!("same", text(&[LEAK, LEAK]));
    insta::assert_snapshot!("markdown", text(&[HEALTHY, LEAK, "--format", "markdown"]));
    let ascii = text(&[HEALTHY, LEAK, "--ascii"]);
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn no_ephemeral_port_is_told() {
    let difference = json(HEALTHY, LEAK);
    let connections = run(&[LEAK, "--format", "jsonl"]);
    let clients: Vec<u64> = stdout(&connections)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["client"]["port"].as_u64())
        .collect();
    assert!(!clients.is_empty());
    let text = difference.to_string();
    for port in clients {
        assert!(!text.contains(&format!("\"port\":{port}")), "{port}");
    }
}

#[test]
fn a_new_finding_fails_only_where_that_is_asked_for() {
    let code = |args: &[&str]| run(&[&["diff"], args].concat()).status.code();
    let difference = json(HEALTHY, REUSED);
    let levels: Vec<&str> = difference["new_findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|f| f["new_severity"].as_str())
        .collect();
    assert!(!levels.is_empty(), "{difference}");
    assert_eq!(code(&[HEALTHY, REUSED]), Some(0));
    assert_eq!(code(&[HEALTHY, REUSED, "--fail-on-new", "note"]), Some(1));
    assert_eq!(
        code(&[REUSED, REUSED, "--fail-on-new", "note"]),
        Some(0),
        "nothing is new"
    );
    let error = levels.contains(&"error");
    assert_eq!(
        code(&[HEALTHY, REUSED, "--fail-on-new", "error"]),
        Some(i32::from(error))
    );
}

#[test]
fn a_damaged_report_says_where() {
    let saved = run(&[LEAK, "--format", "jsonl"]);
    let text = stdout(&saved);
    let lines: Vec<&str> = text.lines().collect();
    let summary_line = format!("line {}", lines.len());
    let cut = lines[..lines.len() - 1].join("\n") + "\n";
    let half = text[..text.len() * 2 / 3].to_owned();
    let broken = text.replacen("\"outcome\":\"", "\"outcome\":\"un\\u001b[31m", 1);
    let headless = lines[1..].join("\n");
    let missing = [&lines[..3], &lines[4..]].concat().join("\n");
    let twice = format!("{text}\n\n{text}");
    let tail = format!("{text}x");
    let after_summary = format!("line {}", lines.len() + 1);
    let newer = text.replacen("\"schema_version\":1", "\"schema_version\":999", 1);
    let document = stdout(&run(&[LEAK, "--format", "json"]));
    let document = document[..document.len() / 2].to_owned();
    let cases = [
        ("cut.jsonl", cut, vec!["cut off", "summary", &summary_line]),
        (
            "half.jsonl",
            half,
            vec!["line ", "expected a line of type connection"],
        ),
        ("broken.jsonl", broken, vec!["line 2", "is no outcome"]),
        (
            "headless.jsonl",
            headless,
            vec!["line 1", "beginning is missing", "capture"],
        ),
        (
            "missing.jsonl",
            missing,
            vec!["summary counts 22 connections, the report has 21"],
        ),
        (
            "twice.jsonl",
            twice,
            vec!["something follows", "one report a file", &after_summary],
        ),
        ("tail.jsonl", tail, vec!["something follows", "one report a file"]),
        ("newer.jsonl", newer, vec!["schema version 999"]),
        ("half.json", document, vec!["line ", "column "]),
        (
            "other.json",
            "{\"name\": \"package\"}\n".to_owned(),
            vec!["expected a report of this program"],
        ),
        (
            "brace.json",
            "{".to_owned(),
            vec!["expected a report of this program"],
        ),
    ];
    for (name, text, words) in cases {
        let path = scratch(name, text.as_bytes());
        let output = run(&["diff", &path, LEAK]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", stdout(&output));
        assert!(stdout(&output).is_empty(), "{name}");
        for word in words.into_iter().chain([name]) {
            assert!(
                stderr(&output).contains(word),
                "{name}: no `{word}` in {}",
                stderr(&output)
            );
        }
        assert!(!stderr(&output).contains('\u{1b}'), "{name}: shown, not obeyed");
    }
}

#[test]
fn standard_input_is_a_capture_or_a_report() {
    for input in [
        run(&[LEAK, "--format", "jsonl"]).stdout,
        fs::read(root().join(LEAK)).expect("testdata"),
    ] {
        let path = scratch("stdin", &input);
        let output = Command::new(assert_cmd::cargo::cargo_bin!("tcptrace-states"))
            .args(["diff", LEAK, "-"])
            .current_dir(root())
            .stdin(fs::File::open(path).expect("just written"))
            .output()
            .expect("the program");
        assert!(
            stdout(&output).contains("no difference"),
            "{} {}",
            stdout(&output),
            stderr(&output)
        );
    }
    assert_eq!(run(&["diff", "-", "-"]).status.code(), Some(2));
}

#[test]
fn a_damaged_capture_is_compared_and_said_to_be_incomplete() {
    let mut bytes = fs::read(root().join(HEALTHY)).expect("testdata");
    bytes.truncate(bytes.len() - 10);
    let path = scratch("damaged.pcap", &bytes);
    let output = run(&["diff", HEALTHY, &path]);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stdout(&output).contains("the new one is damaged or cut off"),
        "{}",
        stdout(&output)
    );
    assert!(stderr(&output).contains("damaged.pcap"), "{}", stderr(&output));
    let code = |level: &str| {
        run(&["diff", HEALTHY, &path, "--fail-on-new", level])
            .status
            .code()
    };
    assert_eq!(code("error"), Some(3), "a gate does not pass on half the input");
}

#[test]
fn a_report_is_compared_from_the_severity_on_that_it_was_saved_with() {
    let churn = "testdata/kernel/churn.server.pcap";
    let saved = |severity: &str| {
        let output = run(&[churn, "--format", "jsonl", "--severity", severity]);
        scratch(&format!("diff-{severity}.jsonl"), &output.stdout)
    };
    let (errors, infos) = (saved("error"), saved("info"));
    for report in [&errors, &infos] {
        assert_same(&json(report, churn));
        assert_same(&json(churn, report));
    }
    let refused = run(&["diff", &errors, &infos]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("save both with the same --severity"),
        "{}",
        stderr(&refused)
    );
}
