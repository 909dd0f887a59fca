//! `info`: the quality of a capture, as facts and as a screen.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::Analysis;
use tcptrace_states::quality::{Position, Quality};
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};

mod handmade;

fn read(path: &Path) -> Analysis {
    let settings = Settings {
        files: vec![path.to_owned()],
        time_wait_ns: 60_000_000_000,
        ladder: LadderRequest::None,
        limits: Default::default(),
        findings: Default::default(),
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).expect("a capture")
}

fn quality_of(analysis: &Analysis) -> Quality {
    Quality::of(analysis)
}

fn screen(analysis: &Analysis, width: usize, ascii: bool) -> String {
    let look = Look {
        width,
        rows: Rows::Limit(10),
        ascii,
        color: false,
        seq: SequenceNumbers::Absolute,
    };
    let mut out = Vec::new();
    report::info::write(&mut out, analysis, &quality_of(analysis), &look).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

/// Each of these was captured at both ends, across a link of some milliseconds: the tap is where the file's name says.
#[test]
fn the_tap_is_found_where_it_was() {
    let mut told = 0;
    for entry in fs::read_dir("testdata/kernel").expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.starts_with("simultaneous_open") {
            continue; // at the server's tap the server's own SYN is the first one, which makes it the client
        }
        let tap = match name.split('.').nth(1) {
            Some("client") => true,
            Some("server") => false,
            _ => continue,
        };
        let analysis = read(&path);
        for host in quality_of(&analysis).hosts.listed {
            let own = (host.as_client > 0, host.as_server > 0);
            let wrong = match own {
                (true, false) if tap => Position::AtPeers,
                (true, false) => Position::AtHost,
                (false, true) if tap => Position::AtHost,
                (false, true) => Position::AtPeers,
                _ => continue,
            };
            assert_ne!(host.position, wrong, "{name} {}", host.ip);
            told += u32::from(matches!(host.position, Position::AtHost | Position::AtPeers));
        }
    }
    assert!(told > 100, "only {told} hosts were placed");
}

#[test]
fn a_screen_of_80_columns() {
    insta::assert_snapshot!(screen(&handmade::mixed(), 80, false));
}

#[test]
fn ascii_is_ascii_and_an_empty_capture_has_a_screen() {
    assert!(screen(&handmade::mixed(), 60, true).is_ascii());
    insta::assert_snapshot!(screen(&handmade::empty(), 80, false));
}

#[test]
fn a_capture_with_every_weakness_tells_all_of_them() {
    let mut analysis = handmade::damaged();
    let capture = &mut analysis.capture;
    capture.kernel_drops = Some(12);
    capture.cut_headers = 2;
    capture.cut_segments = 7;
    capture.duplicate_segments = 3;
    capture.time_steps_back = 1;
    capture.checksums = Some(tcptrace_states::model::Checksums {
        good: 10,
        bad: 1,
        offloaded: 4,
        not_captured: 2,
        bad_ip_headers: 1,
    });
    capture.copies_not_looked_for = 7;
    capture.tunnels_not_told_apart = 8;
    capture.entries_passed_over = 9;
    capture.fragments = tcptrace_states::model::Fragments {
        packets: 9,
        reassembled: 2,
        incomplete: 1,
        overlaps: 1,
    };
    for connection in &mut analysis.connections {
        connection.quality.one_sided = true;
        connection.quality.midstream = true;
        connection.quality.missed_bytes = 1_460;
        connection.quality.inferred_segments = 1;
    }
    let quality = quality_of(&analysis);
    let names: Vec<&str> = quality.caveats.iter().map(|caveat| caveat.name).collect();
    assert_eq!(
        names,
        [
            "incomplete",
            "kernel-drops",
            "missed-octets",
            "missed-fins",
            "one-sided",
            "midstream",
            "time-steps-back",
            "recorded-twice",
            "cut-headers",
            "bad-checksums",
            "fragments-incomplete",
        ]
    );
    insta::assert_snapshot!(screen(&analysis, 100, false));
}

#[test]
fn the_command_writes_a_screen_and_json() {
    let run = |arguments: &[&str]| {
        let output = Command::cargo_bin("tcptrace-states")
            .expect("the program")
            .arg("info")
            .args(arguments)
            .output()
            .expect("a run");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let file = "testdata/kernel/close_wait_leak.client.pcapng";
    assert!(run(&[file]).contains("at this host"));
    let json: Value = serde_json::from_str(&run(&[file, "--format", "json"])).expect("JSON");
    let capture = json.get("capture").expect("the capture");
    let number = |name: &str| capture.get(name).and_then(Value::as_u64).expect("a number");
    let skipped = capture
        .get("skipped")
        .and_then(Value::as_object)
        .expect("reasons");
    let skipped: u64 = skipped.values().filter_map(Value::as_u64).sum();
    assert_eq!(number("packets"), number("tcp_segments") + skipped);
    let hosts = json.pointer("/quality/hosts/listed").and_then(Value::as_array);
    assert_eq!(hosts.map(Vec::len), Some(2));
}
