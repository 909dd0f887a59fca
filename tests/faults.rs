//! What surrounds the program fails: readers that leave, full disks, signals, inputs that stall, change and never end.

#![cfg(unix)]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod program;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use program::*;
use serde_json::Value;

const HALF_CLOSE: &str = "scenarios/04halfclose.pcap";
const LEAK: &str = "kernel/close_wait_leak.server.pcapng";

fn fifo(place: &Place, name: &str) -> String {
    let path = place.name(name);
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    path
}

/// Opens the writing end, writes, and leaves it open as long as the result lives.
fn feed(path: &str, content: Vec<u8>) -> thread::JoinHandle<File> {
    let path = path.to_owned();
    thread::spawn(move || {
        let mut file = File::options().write(true).open(path).expect("the other end");
        file.write_all(&content).expect("room in the pipe");
        file
    })
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .status();
    assert!(sent.expect("a shell").success());
}

/// Whether a child of this process hears a signal; one that is started in the background may have SIGINT ignored.
fn is_heard(bit: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored =
        mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).expect("a mask") >> (bit - 1) & 1 == 1);
    if ignored {
        eprintln!("skipped: signal {bit} is ignored by all that is started from here");
    }
    !ignored
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// Until a child has read what was written to it: it says nothing, so it is given time.
fn a_moment() {
    thread::sleep(Duration::from_millis(300));
}

#[test]
fn a_signal_ends_the_reading_of_an_input_that_never_ends() {
    let capture = fs::read(testdata(HALF_CLOSE)).expect("a capture");
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        if !is_heard(number) {
            continue;
        }
        let place = Place::new();
        let input = fifo(&place, "live");
        let child = program()
            .args([&input, "--format", "jsonl"])
            .spawn()
            .expect("it runs");
        let writer = feed(&input, capture.clone()).join().expect("written");
        a_moment();
        signal(&child, name);
        let output = finish(child);
        drop(writer);
        assert_eq!(code(&output), Some(130), "{name}: {}", stderr(&output));
        let lines = lines(&stdout(&output));
        let (first, last) = (&lines[0], lines.last().expect("a summary"));
        assert_eq!(
            (&first["complete"], &first["packets"]),
            (&false.into(), &21.into())
        );
        assert_eq!(
            (&last["type"], &last["complete"]),
            (&"summary".into(), &false.into())
        );
        let note = format!("{input}: interrupted after packet 21; what follows was not read");
        assert_eq!(first["damage"], serde_json::json!([note]));
        assert_eq!(stderr(&output), format!("warning: {note}\n"));
    }
}

#[test]
fn every_view_of_an_interrupted_run_says_so() {
    let capture = fs::read(testdata(LEAK)).expect("a capture");
    let views: [&[&str]; 10] = [
        &[],
        &["--format", "json"],
        &["leaks"],
        &["leaks", "--format", "json"],
        &["time-wait"],
        &["show"],
        &["check", "--no-config"],
        &["check", "--no-config", "--format", "markdown"],
        &["check", "--no-config", "--format", "junit"],
        &["check", "--no-config", "--format", "sarif"],
    ];
    thread::scope(|scope| {
        for view in views {
            let capture = &capture;
            scope.spawn(move || {
                let mut child = program()
                    .args(view)
                    .arg("-")
                    .stdin(Stdio::piped())
                    .spawn()
                    .expect("it runs");
                let mut input = child.stdin.take().expect("its input");
                input.write_all(capture).expect("room in the pipe");
                a_moment();
                signal(&child, "TERM");
                let output = finish(child);
                drop(input);
                assert_eq!(code(&output), Some(130), "{view:?}: {}", stderr(&output));
                let text = stdout(&output);
                assert!(text.contains("interrupted after packet"), "{view:?}: {text}");
            });
        }
    });
}

#[test]
fn an_input_that_ends_soon_after_the_signal_is_complete() {
    let capture = fs::read(testdata(HALF_CLOSE)).expect("a capture");
    let (before, after) = capture.split_at(capture.len() / 2);
    let mut child = program()
        .args(["-", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(before).expect("room in the pipe");
    a_moment();
    signal(&child, "TERM");
    thread::sleep(Duration::from_millis(100));
    input.write_all(after).expect("it still reads");
    drop(input);
    let output = finish(child);
    assert_eq!((code(&output), stderr(&output).as_str()), (Some(0), ""));
    assert_eq!(lines(&stdout(&output))[0]["packets"], 21);
}

#[test]
fn without_a_packet_there_is_no_report() {
    let place = Place::new();
    // Nobody opens the other end; the other end says nothing.
    let unopened = fifo(&place, "unopened");
    let silent = fifo(&place, "silent");
    for input in [&unopened, &silent] {
        let child = program().arg(input).spawn().expect("it runs");
        let writer = (input == &silent).then(|| feed(&silent, Vec::new()).join().expect("open"));
        a_moment();
        signal(&child, "TERM");
        let output = finish(child);
        drop(writer);
        assert_eq!((code(&output), stdout(&output).as_str()), (Some(130), ""));
        assert!(
            stderr(&output).contains("interrupted before the first packet"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn nothing_is_compared_by_halves() {
    let place = Place::new();
    let live = fifo(&place, "live");
    let child = program()
        .args(["diff", &testdata(HALF_CLOSE), &live])
        .spawn()
        .expect("it runs");
    let capture = fs::read(testdata(HALF_CLOSE)).expect("a capture");
    let writer = feed(&live, capture).join().expect("written");
    a_moment();
    signal(&child, "TERM");
    let output = finish(child);
    drop(writer);
    assert_eq!((code(&output), stdout(&output).as_str()), (Some(130), ""));
}

#[test]
fn a_second_signal_ends_the_program_at_once() {
    let place = Place::new();
    let input = fifo(&place, "live");
    let child = program().arg(&input).spawn().expect("it runs");
    let writer = feed(&input, Vec::new()).join().expect("open");
    a_moment();
    signal(&child, "TERM");
    thread::sleep(Duration::from_millis(100));
    signal(&child, "TERM");
    let output = finish(child);
    drop(writer);
    assert_eq!((output.status.signal(), stdout(&output).as_str()), (Some(15), ""));
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    let mut child = shell("trap '' HUP; exec \"$0\" - --format jsonl", &[])
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut input = child.stdin.take().expect("its input");
    let capture = fs::read(testdata(HALF_CLOSE)).expect("a capture");
    let (before, after) = capture.split_at(capture.len() / 2);
    input.write_all(before).expect("room");
    a_moment();
    signal(&child, "HUP");
    thread::sleep(Duration::from_millis(1_300)); // longer than an input is waited for after a signal
    input.write_all(after).expect("it still reads");
    drop(input);
    let output = finish(child);
    assert_eq!(
        code(&output),
        Some(if cfg!(target_os = "linux") { 0 } else { 130 }),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    for script in [
        "\"$0\" \"$1\" --format jsonl | head -n 1",
        "\"$0\" show \"$1\" | head -n 1",
        "\"$0\" explain | head -n 1",
        "\"$0\" schema | head -n 1",
        "\"$0\" --help | head -n 1",
        "\"$0\" \"$1\" | :",
    ] {
        let output = run(&mut shell(script, &[&testdata(LEAK)]));
        assert_eq!(
            (code(&output), stderr(&output).as_str()),
            (Some(0), ""),
            "{script}"
        );
    }
    // The exit code is still that of the run.
    let script = "{ \"$0\" check --no-config \"$1\"; echo $? >&2; } | :";
    let output = run(&mut shell(script, &[&testdata(LEAK)]));
    assert_eq!(stderr(&output), "1\n");
}

#[test]
fn a_full_disk_is_told_with_the_file_and_a_code_of_its_own() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: there is no /dev/full");
        return;
    }
    for command in ["", "show", "leaks", "time-wait", "check --no-config"] {
        for format in ["", "--format json"] {
            let script = format!("\"$0\" {command} \"$1\" {format} > /dev/full");
            let output = run(&mut shell(&script, &[&testdata(LEAK)]));
            let said = stderr(&output);
            assert_eq!(code(&output), Some(4), "{script}: {said}");
            assert!(
                said.contains("the output could not be written: No space left"),
                "{said}"
            );
        }
    }
    for format in ["json", "junit", "sarif", "markdown", "github"] {
        let option = format!("--{format}=/dev/full");
        let output = run(program().args(["check", "--no-config", &testdata(LEAK), &option]));
        assert_eq!(code(&output), Some(4), "{format}");
        let said = stderr(&output);
        assert!(
            said.contains("error: /dev/full could not be written: No space left"),
            "{said}"
        );
        assert!(stdout(&output).contains("HC05"), "the other outputs are written");
    }
    let script = "\"$0\" \"$1\" 2> /dev/full >&2";
    assert_eq!(code(&run(&mut shell(script, &[&testdata(LEAK)]))), Some(4));
}

#[test]
fn a_file_is_written_as_a_whole_or_not_at_all() {
    // A limit on the size of files, because a small disk needs rights to be made.
    let place = Place::new();
    let [old, new] = ["old.json", "new.json"].map(|name| place.name(name));
    fs::write(&old, "old").expect("a file");
    let script = "trap '' XFSZ; ulimit -f 1; \"$0\" check --no-config \"$1\" --json \"$2\" --sarif \"$3\"";
    let output = run(&mut shell(script, &[&testdata(LEAK), &old, &new]));
    let said = stderr(&output);
    assert_eq!(code(&output), Some(4), "{said}");
    for path in [&old, &new] {
        assert!(
            said.contains(&format!("error: {path} could not be written: File too large")),
            "{said}"
        );
    }
    assert_eq!(fs::read_to_string(&old).expect("a file"), "old");
    assert_eq!(place.names(), ["old.json"], "nothing is left beside it");
}

#[test]
fn a_small_disk_that_fills_up_is_survived() {
    let place = Place::new();
    let script = "mount -t tmpfs -o size=8k none \"$2\" || exit 77
        echo old > \"$2/old\"; \"$0\" check --no-config \"$1\" --json \"$2/old\"; code=$?
        cat \"$2/old\"; ls -A \"$2\"; exit $code";
    let mut command = Command::new("unshare");
    command.args([
        "-rm",
        "sh",
        "-c",
        script,
        PROGRAM,
        &testdata(LEAK),
        &place.name(""),
    ]);
    let output = match command.output() {
        Ok(output) if output.status.code() != Some(77) && !stderr(&output).contains("unshare") => output,
        _ => {
            eprintln!("skipped: no disk can be mounted here");
            return;
        }
    };
    assert_eq!(code(&output), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains("No space left"), "{}", stderr(&output));
    assert!(stdout(&output).ends_with("\nold\nold\n"), "{}", stdout(&output));
}

#[test]
fn a_folder_or_file_that_may_not_be_written_is_an_error() {
    let place = Place::new();
    let [folder, file] = ["folder", "file"].map(|name| place.path(name));
    fs::create_dir(&folder).expect("a folder");
    fs::write(&file, "mine").expect("a file");
    let set =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    set(&folder, 0o555);
    set(&file, 0o444);
    let root = File::create(folder.join("probe")).is_ok();
    let inside = folder.join("x.json");
    for path in [
        &inside,
        &file,
        &place.path("missing/x.json"),
        &place.folder().to_path_buf(),
    ] {
        if root && (path == &inside || path == &file) {
            eprintln!("skipped: to this user nothing is forbidden");
            continue;
        }
        let path = path.to_string_lossy();
        let output = run(program().args(["check", "--no-config", &testdata(LEAK), "--json", &path]));
        assert_eq!(code(&output), Some(4), "{}", stderr(&output));
        assert!(
            stderr(&output).contains(&format!("error: {path} could not be written: ")),
            "{}",
            stderr(&output)
        );
    }
    set(&folder, 0o755);
    assert_eq!(fs::read_to_string(&file).expect("a file"), "mine");
}

#[test]
fn outputs_that_are_no_files_are_written_as_they_are() {
    let place = Place::new();
    let check = ["check", "--no-config", &testdata(LEAK)];
    let pipe = fifo(&place, "pipe");
    let child = program()
        .args(check)
        .args(["--json", &pipe])
        .spawn()
        .expect("it runs");
    let read: Value = serde_json::from_slice(&fs::read(&pipe).expect("the other end")).expect("JSON");
    assert_eq!((code(&finish(child)), &read["fails"]), (Some(1), &true.into()));
    assert!(
        fs::metadata(&pipe).is_ok_and(|data| !data.is_file()),
        "the pipe is still there"
    );

    // Standard output by name: a pipe, and a file that the shell has opened.
    let output = run(program().args(check).args(["--markdown", "/dev/stdout"]));
    let text = stdout(&output);
    assert!(
        text.contains("| --- |") || text.contains("|---|") || text.contains("<details>"),
        "{text}"
    );
    let file = place.name("out");
    let script = "\"$0\" check --no-config \"$1\" --markdown /dev/stdout > \"$2\"";
    run(&mut shell(script, &[&testdata(LEAK), &file]));
    assert_eq!(fs::read_to_string(&file).expect("a file"), text);
}

#[test]
fn no_input_is_written_over() {
    let place = Place::new();
    let [capture, hard, soft] = ["a.pcap", "hard.pcap", "soft.pcap"].map(|name| place.name(name));
    fs::copy(testdata(LEAK), &capture).expect("a copy");
    fs::hard_link(&capture, &hard).expect("a link");
    std::os::unix::fs::symlink("a.pcap", &soft).expect("a link");
    let original = fs::read(&capture).expect("a capture");
    let mut runs = vec![];
    for output in [&capture, &hard, &soft] {
        runs.push(run(program().args([
            "check",
            "--no-config",
            &capture,
            "--json",
            output,
        ])));
        runs.push(run(program().args([
            "check",
            "--no-config",
            &capture,
            "--baseline",
            output,
            "--update-baseline",
        ])));
        runs.push(run(&mut shell(
            "\"$0\" check --no-config - --json \"$2\" < \"$1\"",
            &[&capture, output],
        )));
        runs.push(run(&mut shell(
            "\"$0\" \"$1\" --format json >> \"$2\"",
            &[&capture, output],
        )));
    }
    for output in &runs {
        assert_eq!(code(output), Some(2), "{}", stderr(output));
    }
    assert!(fs::read(&capture).expect("a capture") == original);
    let config = place.name("c.toml");
    fs::write(&config, "").expect("a file");
    let over = ["check", &capture, "--json", &config];
    assert_eq!(
        code(&run(program().args(over).args(["--config", &config]))),
        Some(2)
    );
    assert_eq!(
        code(&run(program().args(over).env("TCPTRACE_STATES_CONFIG", &config))),
        Some(2)
    );
}

#[test]
fn whatever_kills_it_no_half_file_is_left_under_the_name() {
    let place = Place::new();
    let path = place.name("report.json");
    let whole = |text: &[u8]| {
        text == b"old" || serde_json::from_slice::<Value>(text).is_ok_and(|v| v["fails"] == true)
    };
    for delay in 0..60 {
        fs::write(&path, "old").expect("a file");
        let command = ["check", "--no-config", &testdata(LEAK), "--json", &path];
        let mut child = program().args(command).spawn().expect("it runs");
        thread::sleep(Duration::from_micros(delay * 400));
        child.kill().expect("SIGKILL");
        child.wait().expect("dead");
        let text = fs::read(&path).expect("one of both");
        assert!(whole(&text), "after {delay}: {}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn single_octets_make_the_same_report() {
    for capture in [HALF_CLOSE, LEAK] {
        let whole = run(&mut shell(
            "\"$0\" - --format jsonl < \"$1\"",
            &[&testdata(capture)],
        ));
        let mut child = program()
            .args(["-", "--format", "jsonl"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut input = child.stdin.take().expect("its input");
        for octet in fs::read(testdata(capture)).expect("a capture").chunks(1) {
            input.write_all(octet).expect("it reads");
        }
        drop(input);
        let dripped = finish(child);
        assert_eq!(code(&dripped), Some(0), "{}", stderr(&dripped));
        assert_eq!(stdout(&dripped), stdout(&whole));
    }
}

#[test]
fn a_writer_that_pauses_and_dies_leaves_a_report_of_what_it_wrote() {
    let mut child = program()
        .args(["-", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("it runs");
    let capture = fs::read(testdata(HALF_CLOSE)).expect("a capture");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(&capture[..capture.len() / 3]).expect("room");
    a_moment();
    input
        .write_all(&capture[capture.len() / 3..capture.len() - 5])
        .expect("room");
    drop(input);
    let output = finish(child);
    assert_eq!(code(&output), Some(0));
    let first = &lines(&stdout(&output))[0];
    assert_eq!(
        (&first["packets"], &first["complete"]),
        (&20.into(), &false.into())
    );
    assert!(stderr(&output).contains("cut off"), "{}", stderr(&output));
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_reported_as_far_as_it_goes() {
    let place = Place::new();
    let path = place.path("shrinks.pcap");
    let capture = fs::read(testdata(HALF_CLOSE)).expect("a capture");
    let (header, packets) = capture.split_at(24);
    let long = [header, &packets.repeat(6_000)].concat();
    for delay in [0, 5, 15, 30, 60] {
        fs::write(&path, &long).expect("a file");
        let child = program()
            .arg(&path)
            .args(["--format", "jsonl"])
            .spawn()
            .expect("it runs");
        thread::sleep(Duration::from_millis(delay));
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(1_000))
            .expect("cut");
        let output = finish(child);
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        let lines = lines(&stdout(&output));
        let (first, last) = (&lines[0], lines.last().expect("a summary"));
        assert_eq!(
            (&last["type"], &first["complete"]),
            (&"summary".into(), &last["complete"])
        );
        assert_eq!(
            first["complete"] == true,
            first["damage"] == serde_json::json!([])
        );
    }
}

#[test]
fn what_is_no_capture_is_refused() {
    let place = Place::new();
    let socket = place.path("socket");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    for input in [
        place.name(""),
        place.name("socket"),
        "/dev/zero".into(),
        "/dev/null".into(),
        place.name("none"),
    ] {
        let output = run(program().arg(&input));
        assert_eq!(
            (code(&output), stdout(&output).as_str()),
            (Some(2), ""),
            "{input}"
        );
        assert!(
            stderr(&output).starts_with("error: ") && stderr(&output).contains(&input),
            "{}",
            stderr(&output)
        );
    }
    for script in [
        "\"$0\" - < /dev/null",
        "\"$0\" - <&-",
        ": | \"$0\" -",
        "\"$0\" check --no-config - <&-",
    ] {
        let output = run(&mut shell(script, &[]));
        assert_eq!(
            (code(&output), stdout(&output).as_str()),
            (Some(2), ""),
            "{script}"
        );
        assert!(
            stderr(&output).contains("standard input: is empty"),
            "{script}: {}",
            stderr(&output)
        );
    }
    for script in [
        "\"$0\" \"$1\" >&-",
        "\"$0\" \"$1\" 2>&-",
        "\"$0\" \"$1\" <&- >&- 2>&-",
    ] {
        assert_eq!(
            code(&run(&mut shell(script, &[&testdata(LEAK)]))),
            Some(0),
            "{script}"
        );
    }
}

#[test]
fn poor_surroundings_are_enough() {
    let usual = stdout(&run(program().arg(testdata(LEAK))));
    let same: [(&str, &str); 8] = [
        ("TMPDIR", "/nonexistent"),
        ("TERM", "dumb"),
        ("TERM", ""),
        ("LANG", "C"),
        ("LC_ALL", "xx_YY.KOI8-R"),
        ("COLUMNS", "0"),
        ("COLUMNS", "1"),
        ("COLUMNS", "-5"),
    ];
    for (name, value) in same {
        let output = run(program().arg(testdata(LEAK)).env(name, value));
        assert_eq!(
            (code(&output), stdout(&output)),
            (Some(0), usual.clone()),
            "{name}={value}"
        );
    }
    let output = run(program().arg(testdata(LEAK)).env_clear());
    assert_eq!((code(&output), stdout(&output)), (Some(0), usual));
    let place = Place::new();
    let json = place.name("x.json");
    let check = ["check", "--no-config", &testdata(LEAK), "--json", &json];
    assert_eq!(
        code(&run(program().args(check).env("TMPDIR", "/nonexistent"))),
        Some(1)
    );
    for columns in ["40", "65535", "99999999999"] {
        for command in [
            vec![],
            vec!["show"],
            vec!["leaks"],
            vec!["time-wait"],
            vec!["check", "--no-config"],
        ] {
            let output = run(program()
                .args(&command)
                .arg(testdata(LEAK))
                .env("COLUMNS", columns));
            assert!(
                matches!(code(&output), Some(0 | 1)),
                "{command:?} {columns}: {}",
                stderr(&output)
            );
            assert!(output.stdout.len() < 10_000_000, "{command:?} {columns}");
        }
    }
}

#[test]
fn little_stack_and_memory_are_enough_or_told() {
    for command in ["", "show", "leaks", "time-wait", "check --no-config --exit-zero"] {
        let script = format!("ulimit -s 256; \"$0\" {command} \"$1\"");
        let output = run(&mut shell(&script, &[&testdata(LEAK)]));
        assert_eq!(code(&output), Some(0), "{command}: {}", stderr(&output));
    }
    for input in ["\"$1\"", "- < \"$1\""] {
        for kibibytes in [400_000, 100_000, 40_000, 20_000] {
            let script = format!("ulimit -v {kibibytes} && \"$0\" {input}");
            let output = run(&mut shell(&script, &[&testdata(LEAK)]));
            let said = stderr(&output);
            assert!(
                code(&output) == Some(0) || !said.is_empty(),
                "{kibibytes}: {:?}",
                output.status
            );
            assert!(!said.contains("bug:"), "{said}");
        }
    }
    let output = run(&mut shell("ulimit -n 20; \"$0\" \"$1\"", &[&testdata(LEAK)]));
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
}

#[test]
fn a_panic_is_told_and_ends_the_program() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a program built for use cannot be asked to panic");
        return;
    }
    for place in ["main", "thread"] {
        let output = run(program()
            .arg(testdata(LEAK))
            .env("TCPTRACE_STATES_PRACTISE_PANIC", place));
        assert_eq!(
            (code(&output), stdout(&output).as_str()),
            (Some(101), ""),
            "{place}"
        );
        let said = stderr(&output);
        assert!(
            said.starts_with("bug: tcptrace-states ") && said.contains(": practised\n"),
            "{said}"
        );
        assert!(said.contains("Please report it"), "{said}");
    }
}

/// No part of what was being written stays behind.
#[test]
fn a_panic_leaves_no_unfinished_file() {
    if !cfg!(debug_assertions) {
        eprintln!("skipped: a program built for use cannot be asked to panic");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("report.html");
    let write = |panic: bool| {
        let mut program = program();
        program.arg(testdata(LEAK)).arg("--html").arg(&target);
        if panic {
            program.env("TCPTRACE_STATES_PRACTISE_PANIC", "output");
        }
        code(&run(&mut program))
    };
    let names = || -> Vec<_> {
        let entries = folder.path().read_dir().expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect()
    };
    assert_eq!((write(true), names()), (Some(101), vec![]));
    assert_eq!((write(false), names()), (Some(0), vec!["report.html".into()]));
    let before = fs::read(&target).expect("the report");
    assert_eq!((write(true), names()), (Some(101), vec!["report.html".into()]));
    assert_eq!(fs::read(&target).expect("the report"), before);
}
