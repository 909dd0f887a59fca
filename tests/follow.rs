//! `--follow`: captures that grow while they are read.

#![cfg(unix)]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod program;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use program::*;
use serde_json::Value;

/// Longer than a line may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// The header and the records of a little-endian pcap, each record moved by so many seconds; then the client's port is
/// another one, too.
fn pcap(name: &str, later: u32) -> (Vec<u8>, Vec<Vec<u8>>) {
    let octets = std::fs::read(testdata(name)).expect("a capture");
    let (header, mut rest) = octets.split_at(24);
    let number = |at: &[u8]| u32::from_le_bytes(at.try_into().expect("four octets"));
    let mut records = Vec::new();
    while !rest.is_empty() {
        let (record, behind) = rest.split_at(16 + number(&rest[8..12]) as usize);
        let mut record = record.to_vec();
        record[..4].copy_from_slice(&(number(&rest[..4]) + later).to_le_bytes());
        for port in [50, 52] {
            if later > 0 && record[port..port + 2] == 40_000u16.to_be_bytes() {
                record[port..port + 2].copy_from_slice(&40_001u16.to_be_bytes());
            }
        }
        records.push(record);
        rest = behind;
    }
    (header.to_vec(), records)
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
}

/// The program that follows this file, by its number.
fn process(path: &Path) -> String {
    let wanted = format!("{PROGRAM}\0--follow\0{}\0", path.display());
    let mut entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let process = entries.find(|entry| {
        let line = std::fs::read_to_string(entry.path().join("cmdline"));
        line.is_ok_and(|line| line == wanted)
    });
    process
        .expect("it runs")
        .file_name()
        .to_string_lossy()
        .into_owned()
}

/// The lines of a program as they come.
fn lines_of(child: &mut Child) -> Receiver<Value> {
    let (sender, lines) = channel();
    let stdout = child.stdout.take().expect("a pipe");
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let line = serde_json::from_str(&line.expect("text")).expect("JSON");
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// What the program says of a whole capture.
fn at_once(path: &Path) -> Vec<Value> {
    let output = run(program().arg(path).args(["--format", "jsonl"]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    let lines = stdout(&output);
    lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn a_connection_is_written_when_it_is_over() {
    let place = Place::new();
    let path = place.path("growing.pcap");
    let (header, closed) = pcap("scenarios/01normal.pcap", 0);
    let (_, later) = pcap("scenarios/04halfclose.pcap", 1_000);
    let mut file = File::create(&path).expect("a file");
    let mut child = program()
        .args(["--follow", "--format", "jsonl"])
        .arg(&path)
        .spawn()
        .expect("it runs");
    let lines = lines_of(&mut child);
    let next = || lines.recv_timeout(PATIENCE).expect("a line");

    file.write_all(&header).expect("written");
    assert_eq!(next()["type"], "capture");
    for record in &closed {
        let (one, other) = record.split_at(record.len() / 2);
        for part in [one, other] {
            file.write_all(part).expect("written");
        }
    }
    // Nothing in the capture says yet that 2 MSL have passed.
    assert!(lines.recv_timeout(Duration::from_millis(300)).is_err());
    file.write_all(&later[0]).expect("written");
    let first = next();
    assert_eq!((&first["type"], &first["id"]), (&"connection".into(), &1.into()));
    for record in &later[1..] {
        file.write_all(record).expect("written");
    }
    thread::sleep(Duration::from_millis(500)); // it says nothing of an open connection, so it is given time
    interrupt(&child);
    let mut all = vec![first];
    all.extend(lines.iter());
    assert_eq!(child.wait().expect("a child").code(), Some(0));

    let whole = at_once(&path);
    let connections = |lines: &[Value]| {
        let lines = lines.iter().filter(|line| line["type"] == "connection");
        lines.cloned().collect::<Vec<Value>>()
    };
    assert_eq!(connections(&all), connections(&whole));
    let mut summary = all.pop().expect("a summary");
    let end = summary
        .as_object_mut()
        .and_then(|summary| summary.remove("capture"));
    assert_eq!(Some(&summary), whole.last());
    let mut capture = whole[0].clone();
    capture.as_object_mut().expect("an object").remove("type");
    assert_eq!(end, Some(capture));
}

#[test]
fn a_stream_is_followed_to_its_end_and_a_saved_one_is_a_report() {
    let place = Place::new();
    let saved = place.path("saved.jsonl");
    let script = "{ head -c 700 \"$1\"; sleep 0.3; tail -c +701 \"$1\"; } | \"$0\" --follow --format jsonl -";
    let capture = testdata("kernel/soak.client.pcap");
    let output = run(&mut shell(script, &[&capture]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    std::fs::write(&saved, &output.stdout).expect("written");
    let text = stdout(&output);
    let last: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    let whole = at_once(Path::new(&capture));
    for field in [
        "packets",
        "tcp_segments",
        "connections",
        "outcomes",
        "states",
        "transitions",
        "complete",
    ] {
        assert_eq!(last[field], whole.last().expect("a summary")[field], "{field}");
    }
    let compared = run(program()
        .arg("diff")
        .arg(&capture)
        .arg(&saved)
        .args(["--format", "json"]));
    assert_eq!(code(&compared), Some(0), "{}", stderr(&compared));
    let compared: Value = serde_json::from_str(&stdout(&compared)).expect("JSON");
    assert_eq!(compared["new"]["packets"], compared["old"]["packets"]);
}

#[test]
fn without_a_terminal_the_last_screen_is_that_of_the_whole() {
    let capture = testdata("kernel/close_wait_leak.server.pcapng");
    let script = "cat \"$1\" | \"$0\" --follow -";
    let followed = run(&mut shell(script, &[&capture]));
    let plain = run(&mut shell("cat \"$1\" | \"$0\" -", &[&capture]));
    assert_eq!(code(&followed), Some(0), "{}", stderr(&followed));
    assert_eq!(stdout(&followed), stdout(&plain));
}

#[test]
fn a_terminal_is_drawn_over() {
    if Command::new("script").arg("--version").output().is_err() || !Path::new("/proc/self/cmdline").exists()
    {
        eprintln!("SKIPPED: this needs `script` (Debian: bsdutils) and /proc");
        return;
    }
    let place = Place::new();
    let path = place.path("growing.pcap");
    let (header, records) = pcap("scenarios/04halfclose.pcap", 0);
    let mut file = File::create(&path).expect("a file");
    file.write_all(&header).expect("written");
    file.write_all(&records[0]).expect("written");
    let command = format!(
        "stty rows 30 cols 100; exec {PROGRAM} --follow {}",
        path.display()
    );
    let child = shell("exec script -qefc \"$1\" /dev/null", &[&command])
        .env("TERM", "xterm")
        .spawn()
        .expect("it runs");
    thread::sleep(Duration::from_millis(1_500));
    for record in &records[1..] {
        file.write_all(record).expect("written");
    }
    thread::sleep(Duration::from_millis(2_500));
    // As Ctrl-C does: the program hears it, and not the terminal around it.
    let sent = Command::new("kill").args(["-INT", &process(&path)]).status();
    assert!(sent.expect("kill").success());
    let output = finish(child);
    let text = stdout(&output);
    let frames: Vec<&str> = text.split("\x1b[H").skip(1).collect();
    assert!(frames.len() >= 3, "{text}");
    assert!(
        frames[0].contains("following") && frames[0].contains("1 packet"),
        "{text}"
    );
    let last = frames.last().expect("a frame");
    assert!(
        last.contains("followed") && last.contains("1 closed") && last.contains("\x1b[J"),
        "{text}"
    );
    for frame in frames {
        assert!(frame.matches('\n').count() < 30, "{frame}");
    }
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let capture = testdata("scenarios/01normal.pcap");
    for (arguments, said) in [
        (vec!["--follow", &capture, &capture], "is the same file"),
        (vec!["--follow", &capture, "--format", "csv"], "jsonl"),
        (vec!["--follow", "nowhere.pcap"], "no such file"),
    ] {
        let output = run(program().args(&arguments));
        assert_eq!(code(&output), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    let place = Place::new();
    let two = [place.path("a.pcap"), place.path("b.pcap")];
    for path in &two {
        std::fs::copy(&capture, path).expect("copied");
    }
    let output = run(program().arg("--follow").args(&two));
    assert!(stderr(&output).contains("name one file"), "{}", stderr(&output));
}
