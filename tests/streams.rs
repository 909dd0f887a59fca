//! Connections told one after the other make the same reports as all of them at once.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tcptrace_states::analyze::{self, Settings, analyze, connections};
use tcptrace_states::capture::Stop;
use tcptrace_states::findings::{self, Check, Subject, rules};
use tcptrace_states::model::{Analysis, Connection, Line, Severity};
use tcptrace_states::population::{By, HalfCloses, Span, Stays, leaks, time_wait};
use tcptrace_states::report::table::Listing;
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};
use tcptrace_states::select::{Foremost, by_attention};

/// The captures of the repository.
fn captures() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is = |extension: &str| path.extension().is_some_and(|own| own == extension);
            if path.is_dir() {
                folders.push(path);
            } else if is("pcap") || is("pcapng") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 50, "only {} captures", found.len());
    found
}

fn settings(file: &Path, least: Severity) -> Settings {
    Settings {
        files: vec![file.to_owned()],
        findings: findings::Settings {
            least,
            ..findings::Settings::default()
        },
        ..Settings::default()
    }
}

/// Both ways of reading a capture; none for one that cannot be read at all.
fn read(settings: &Settings) -> Option<(Analysis, analyze::Connections)> {
    let kept = analyze(settings, &mut |_| {}).ok()?;
    let told = connections(settings, &Stop::default(), &mut |_| {}).expect("it could be read just now");
    Some((kept, told))
}

fn look(rows: Rows) -> Look {
    Look {
        width: 120,
        rows,
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn every_format_is_the_same_from_a_stream() {
    let mut connections_seen = 0;
    for file in captures() {
        let name = file.display();
        let Some((kept, told)) = read(&settings(&file, Severity::Info)) else {
            continue;
        };
        connections_seen += kept.connections.len();
        let lines = text(|out| report::jsonl::write(out, &kept).expect("written"));
        let streamed = text(|out| {
            let mut told = told;
            report::jsonl::write_line(out, &Line::Capture(&told.capture())).expect("written");
            for connection in told.by_ref() {
                report::jsonl::write_line(out, &Line::Connection(&connection)).expect("written");
            }
            let rest = told.finish().expect("it adds up");
            report::jsonl::write_end(out, &rest).expect("written");
        });
        assert_eq!(lines, streamed, "{name}");

        let again = || {
            let settings = settings(&file, Severity::Info);
            connections(&settings, &Stop::default(), &mut |_| {}).expect("it can be read")
        };
        let document = text(|out| report::json::write(out, &kept).expect("written"));
        let streamed = text(|out| {
            let told = again();
            let (capture, sources) = (told.capture(), told.sources().to_vec());
            let finish = |told: analyze::Connections| told.finish().map_err(std::io::Error::other);
            let rest = report::json::write_each(out, &capture, &sources, told, finish).expect("written");
            assert_eq!(rest.summary.connections, kept.summary.connections);
        });
        assert_eq!(document, streamed, "{name}");

        let rows = text(|out| report::csv::write(out, &kept).expect("written"));
        let streamed = text(|out| report::csv::write_each(out, again()).expect("written"));
        assert_eq!(rows, streamed, "{name}");

        for rows in [
            Rows::All,
            Rows::Limit(0),
            Rows::Limit(3),
            Rows::Screen(0),
            Rows::Screen(24),
        ] {
            let look = look(rows);
            let screen = text(|out| report::table::write(out, &kept, &look).expect("written"));
            let streamed = text(|out| {
                let (mut told, mut listing) = (again(), Listing::new(&look));
                told.by_ref().for_each(|connection| listing.add(connection));
                let rest = told.finish().expect("it adds up");
                listing.write(out, &rest, &look).expect("written");
            });
            assert_eq!(screen, streamed, "{name} {rows:?}");
        }
    }
    assert!(connections_seen > 500, "{connections_seen} connections");
}

#[test]
fn populations_are_the_same_from_a_stream() {
    for file in captures() {
        let Some((kept, mut told)) = read(&settings(&file, Severity::Note)) else {
            continue;
        };
        let mut half_closes = HalfCloses::new(By::Pair, 0);
        let mut stays = Stays::default();
        for connection in told.by_ref() {
            half_closes.add(&connection);
            stays.add(&connection);
        }
        let rest = told.finish().expect("it adds up");
        let span = Span::of(&rest.capture);
        assert_eq!(
            json(&half_closes.leaks(span)),
            json(&leaks(&kept.connections, span, By::Pair, 0)),
            "{}",
            file.display()
        );
        let msl = rest.capture.time_wait_ns;
        assert_eq!(
            json(&stays.time_waits(span, msl, 100)),
            json(&time_wait(&kept.connections, span, msl, 100)),
            "{}",
            file.display()
        );
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

#[test]
fn what_the_capture_lacks_is_known_before_the_connections() {
    let mut flawed = 0;
    for file in captures() {
        let Some((kept, told)) = read(&settings(&file, Severity::Note)) else {
            continue;
        };
        assert_eq!(json(&told.capture()), json(&kept.capture), "{}", file.display());
        let capture = &kept.capture;
        flawed += capture.duplicate_segments + capture.missed_bytes + capture.one_sided_connections;
    }
    assert!(flawed > 0, "no capture lacks anything");
}

#[test]
fn the_foremost_are_the_first_of_all_in_order() {
    let mut all: Vec<Connection> = Vec::new();
    for file in captures() {
        all.extend(
            analyze(&settings(&file, Severity::Note), &mut |_| {})
                .map_or(Vec::new(), |kept| kept.connections),
        );
    }
    let mut sorted: Vec<&Connection> = all.iter().collect();
    sorted.sort_by(|a, b| by_attention(a, b));
    assert!(
        sorted
            .windows(2)
            .any(|pair| by_attention(pair[0], pair[1]) == Ordering::Equal),
        "no ties"
    );
    for most in [0, 1, 2, 7, 100, all.len(), all.len() + 1, usize::MAX] {
        let mut foremost = Foremost::new(most);
        all.iter().for_each(|connection| foremost.add(connection));
        assert_eq!(foremost.shown(), all.len() as u64);
        let kept = foremost.into_sorted();
        assert_eq!(kept.len(), most.min(all.len()));
        let same =
            |(a, b): (&&Connection, &&Connection)| std::ptr::eq::<Connection>((*a).borrow(), (*b).borrow());
        assert!(kept.iter().zip(&sorted).all(same), "{most}");
    }
}

#[test]
fn a_rule_finds_nothing_where_it_is_not_asked() {
    let mut found = 0;
    for file in captures() {
        let settings = settings(&file, Severity::Info);
        let Ok(kept) = analyze(&settings, &mut |_| {}) else {
            continue;
        };
        let end = kept.capture.last_time.unwrap_or_default();
        for connection in &kept.connections {
            for rule in rules() {
                let Check::Connection(check) = rule.check else {
                    continue;
                };
                let subject = Subject {
                    connection,
                    end,
                    time_wait_ns: settings.time_wait_ns,
                    thresholds: &settings.findings.thresholds,
                    severity: rule.severity,
                };
                let mut drafts = Vec::new();
                check(&subject, &mut drafts);
                found += drafts.len();
                let asked = rule.concerns(connection);
                assert!(
                    asked || drafts.is_empty(),
                    "{} is not asked about connection {} of {}",
                    rule.code,
                    connection.id,
                    file.display()
                );
            }
        }
    }
    assert!(found > 1000, "only {found} findings");
}
