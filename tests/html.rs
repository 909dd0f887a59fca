//! The HTML report: its form, hostile text, what it draws, and every command that writes it.

mod handmade;
mod page;
mod program;

use std::collections::BTreeSet;
use std::fs;

use handmade::*;
use page::*;
use program::*;
use serde_json::Value;
use tcptrace_states::model::{Connection, Severity, State};
use tcptrace_states::population::Span;
use tcptrace_states::population::over_time::{Curves, OverTime};

const LEAK: &str = "kernel/close_wait_leak.client.pcapng";

#[test]
fn every_report_is_well_formed_and_needs_nothing_else() {
    for name in ["classic", "simultaneous", "mixed", "damaged", "ipv6", "empty"] {
        let analysis = by_name(name).unwrap_or_else(|| panic!("there is no {name}"));
        let html = page(&analysis);
        let all = elements(&html);
        let count = |wanted: &str| all.iter().filter(|(name, _)| name == wanted).count();
        assert_eq!(
            (count("script"), count("style"), count("h1")),
            (2, 2, 1),
            "{name}"
        );
        for (element, attributes) in &all {
            assert!(
                !["img", "link", "iframe", "object", "base", "form"].contains(&element.as_str()),
                "{name}: <{element}>"
            );
            for word in names_of(attributes) {
                let bad = word.starts_with("on") || ["style", "src", "srcdoc", "xlink:href"].contains(&word);
                assert!(!bad, "{name}: <{element} {attributes}>");
            }
            if let Some((_, address)) = attributes.split_once("href=\"") {
                assert!(address.starts_with('#'), "{name}: {address}");
            }
        }
        let policy = html
            .split("content=\"")
            .find(|part| part.starts_with("default-src 'none'"));
        let policy = policy.and_then(|rest| rest.split('"').next()).expect("a policy");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains(':'));
        data(&html);
        let ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .filter_map(|part| part.split('"').next())
            .collect();
        let once: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), once.len(), "{name}: an id stands twice");
    }
}

#[test]
fn an_empty_capture_says_so() {
    let html = page(&empty());
    assert!(html.contains("No TCP connection in this capture"));
    assert!(html.contains("There is no connection to draw."));
    assert!(html.contains("There is no connection to show."));
}

#[test]
fn text_from_outside_stays_text() {
    let mut analysis = mixed();
    let hostile = [
        "</script><script>alert(1)</script>.pcap",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style><style>*{display:none}",
        "</title><svg onload=alert(1)>",
        "\u{202e}pacp.\u{1b}[31m\u{0}",
        "<!--",
        "]]>",
    ];
    analysis.capture.files = hostile.map(str::to_owned).to_vec();
    analysis.capture.damage = hostile.map(str::to_owned).to_vec();
    analysis.capture.formats = hostile.map(str::to_owned).to_vec();
    analysis.capture.link_types = hostile.map(str::to_owned).to_vec();
    for connection in &mut analysis.connections {
        let mut bad = finding("HC05", "close-wait-leak", Severity::Error);
        bad.message = hostile.concat();
        connection.findings.push(bad);
    }
    let html = page(&analysis);
    let all = elements(&html);
    assert_eq!(all.iter().filter(|(name, _)| name == "script").count(), 2);
    assert!(!all.iter().any(|(name, _)| name == "img"));
    let names = all.iter().flat_map(|(_, attributes)| names_of(attributes));
    assert!(names.clone().count() > 100 && names.clone().all(|name| !name.starts_with("on")));
    assert!(!html.contains(['\u{202e}', '\u{1b}', '\u{0}']));
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;"));
    // What is packed is markup that was made in the same way.
    let hostile_one = analysis.connections[0].clone();
    analysis.connections = (1..=60)
        .map(|id| Connection {
            id,
            ..hostile_one.clone()
        })
        .collect();
    let packed = packed_ladders(&data(&page(&analysis)));
    assert!(!packed.is_empty());
    for (_, part) in packed {
        let all = elements(&format!("<!DOCTYPE html>{part}"));
        assert!(
            !all.iter()
                .any(|(name, _)| ["script", "img", "style", "title><"].contains(&name.as_str()))
        );
        assert!(
            all.iter()
                .flat_map(|(_, attributes)| names_of(attributes))
                .all(|name| !name.starts_with("on"))
        );
        assert!(!part.contains(['\u{202e}', '\u{1b}']));
    }
}

#[test]
fn the_lanes_of_a_capture_are_its_connections() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r.html").to_string_lossy().into_owned();
    let args = [testdata(LEAK), "--html".to_owned(), file.clone()];
    assert!(program().args(&args).output().expect("it runs").status.success());
    let html = fs::read_to_string(&file).expect("a report");
    elements(&html);
    let data = data(&html);
    let state = |name: &str| {
        let states = data["states"].as_array().expect("states");
        states.iter().position(|state| state == name).expect("a state") as u64
    };
    let listed = program()
        .args([&testdata(LEAK), "--format", "json"])
        .output()
        .expect("it runs");
    let analysis: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let connections = analysis["connections"].as_array().expect("connections");
    let lanes = data["lanes"].as_array().expect("lanes");
    assert_eq!(lanes.len(), connections.len());
    // The finding is about a service; the overdue half-closes behind it are named all the same.
    let leak = &analysis["findings"][0];
    let behind = numbers(&data, "HC05");
    assert_eq!(
        behind.len() as u64,
        leak["connections"].as_u64().expect("a count")
    );
    let first = leak["ids"].as_array().expect("numbers").iter();
    assert!(first.filter_map(Value::as_u64).all(|id| behind.contains(&id)));
    for id in &behind {
        let one = connections
            .iter()
            .find(|one| one["id"] == *id)
            .expect("the connection");
        assert_eq!(one["outcome"], "half-closed");
    }
    for connection in connections {
        let lane = lanes
            .iter()
            .find(|lane| lane[0] == connection["id"])
            .expect("a lane");
        for (end, role) in [(11, "client"), (12, "server")] {
            let name = connection["endpoints"][role]["state"].as_str().expect("a state");
            assert_eq!(lane[end].as_u64().expect("a number") >> 3, state(name));
        }
        for (end, role) in [(13, "client"), (14, "server")] {
            let steps = connection["endpoints"][role]["transitions"]
                .as_array()
                .expect("transitions");
            let pieces: Vec<u64> = lane[end]
                .as_array()
                .expect("numbers")
                .chunks(4)
                .filter_map(|piece| piece[0].as_u64())
                .collect();
            let reached: Vec<u64> = steps
                .iter()
                .map(|step| state(step["to"].as_str().expect("a state")))
                .collect();
            let drawn: Vec<u64> = pieces.iter().map(|what| what >> 4).collect();
            assert_eq!(drawn, reached);
            for (what, step) in pieces.iter().zip(steps) {
                let proven = ["sent", "confirmed"].contains(&step["evidence"].as_str().expect("a word"));
                assert_eq!(what & 1 == 1, proven);
            }
        }
    }
    let outline = outline(&html);
    let (first, _) = outline.split_once("\n  summary: 3 ").expect("a third connection");
    insta::assert_snapshot!("html_outline", first);
}

/// Headings, summaries and captions, one a line: what the report is made of.
fn outline(html: &str) -> String {
    let mut lines = Vec::new();
    for (tag, indent) in [
        ("h1", ""),
        ("h2", ""),
        ("h3", "  "),
        ("summary", "  "),
        ("figcaption", "    "),
    ] {
        for part in html.split(&format!("<{tag}")).skip(1) {
            let inside = part.split_once('>').map_or("", |(_, rest)| rest);
            let inside = inside.split(&format!("</{tag}>")).next().unwrap_or_default();
            let mut text = String::new();
            let mut tagged = false;
            for letter in inside.chars() {
                match letter {
                    '<' => tagged = true,
                    '>' => {
                        tagged = false;
                        text.push(' ');
                    }
                    _ if !tagged => text.push(letter),
                    _ => {}
                }
            }
            let offset = part.as_ptr() as usize - html.as_ptr() as usize;
            let words: Vec<&str> = text.split_whitespace().collect();
            lines.push((offset, format!("{indent}{tag}: {}", words.join(" "))));
        }
    }
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

#[test]
fn every_command_writes_it_and_says_the_same_as_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r.html").to_string_lossy().into_owned();
    let leak = testdata(LEAK);
    let other = testdata("kernel/close_client.client.pcap");
    let commands: &[&[&str]] = &[
        &[&leak],
        &[&leak, "--format", "json"],
        &[&leak, "--format", "jsonl"],
        &[&leak, "--format", "csv"],
        &[&leak, "--state", "LISTEN"],
        &["show", &leak],
        &["show", &leak, "--conn", "1", "--conn", "2"],
        &["leaks", &leak],
        &["time-wait", &leak],
        &["info", &leak],
        &["check", &leak, "--no-config"],
        &["diff", &other, &leak],
    ];
    for command in commands {
        let without = program().args(*command).output().expect("it runs");
        let with = program()
            .args(*command)
            .args(["--html", &file])
            .output()
            .expect("it runs");
        assert_eq!(with.stdout, without.stdout, "{command:?}");
        assert_eq!(
            with.status.code(),
            without.status.code(),
            "{command:?}: {}",
            String::from_utf8_lossy(&with.stderr)
        );
        let html = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{command:?} writes a report"));
        elements(&html);
        data(&html);
        assert!(html.contains("close_wait_leak.client.pcapng"), "{command:?}");
        fs::remove_file(&file).expect("removed");
    }
}

#[test]
fn ladders_are_drawn_where_the_capture_can_be_read_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r.html").to_string_lossy().into_owned();
    let leak = testdata(LEAK);
    let read = || fs::read_to_string(&file).expect("a report");
    assert!(
        program()
            .args([&leak, "--html", &file])
            .output()
            .expect("it runs")
            .status
            .success()
    );
    assert!(read().contains("aria-label=\"Ladder of connection 1\"") && read().contains("class=\"ts-svg"));
    let piped = shell("cat \"$1\" | \"$0\" - --html \"$2\"", &[&leak, &file]).output();
    assert!(piped.expect("it runs").status.success());
    assert!(read().contains("Standard input can be read only once"));
    assert!(!read().contains("Ladder of connection"));
    // Who reads standard output may have seen enough; the report is whole all the same.
    fs::remove_file(&file).expect("removed");
    for format in ["table", "json", "jsonl", "csv"] {
        let script = "\"$0\" \"$1\" --html \"$2\" --format \"$3\" | head -c 1 > /dev/null";
        assert!(
            shell(script, &[&leak, &file, format])
                .output()
                .expect("it runs")
                .status
                .success()
        );
        elements(&read());
        fs::remove_file(&file).expect("removed");
    }
}

#[test]
fn it_overwrites_no_input_and_tells_what_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let capture = at("a.pcapng");
    fs::copy(testdata(LEAK), &capture).expect("copied");
    let before = fs::read(&capture).expect("a capture");
    let refused: &[&[&str]] = &[
        &[&capture, "--html", &capture],
        &["show", &capture, "--html", &capture],
        &["check", &capture, "--no-config", "--html", &capture],
        &["check", &capture, "--no-config", "--html", "x", "--junit", "x"],
        &["diff", &capture, &testdata(LEAK), "--html", &capture],
        &[&capture, "--html", "-"],
    ];
    for args in refused {
        let output = program()
            .args(*args)
            .current_dir(folder.path())
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    assert_eq!(fs::read(&capture).expect("a capture"), before);
    let output = program()
        .args([&capture, "--html", &at("no/such/folder.html")])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(4));
    assert!(!output.stdout.is_empty());
}

#[test]
fn curves_over_time_count_what_is_there_at_the_end_of_each_interval() {
    for analysis in [mixed(), ipv6(), damaged(), many(40)] {
        let mut over_time = OverTime::new(Span::of(&analysis.capture));
        analysis.connections.iter().for_each(|one| over_time.add(one));
        let told = over_time.told(100);
        let begin = told.span.from.ns();
        for role in [Client, Server] {
            for state in State::ALL {
                if matches!(state, Closed | Listen) {
                    continue;
                }
                let curve = told.all.of(role, state);
                for place in 0..told.buckets {
                    let last = place + 1 == told.buckets;
                    let end = begin + told.bucket_ns * (i64::try_from(place).expect("small") + 1);
                    let stretches = analysis.connections.iter().flat_map(|one| one.stretches(role));
                    // What lies behind the end of the capture counts as of its last interval.
                    let there = stretches.filter(|stretch| {
                        stretch.state == state
                            && (last || stretch.from.ns() < end)
                            && stretch.until.is_none_or(|until| !last && until.ns() >= end)
                    });
                    let (all, unproven) = there.fold((0, 0), |(all, unproven), stretch| {
                        (all + 1, unproven + u64::from(!stretch.is_proven()))
                    });
                    let counted = curve.map_or((0, 0), |curve| (curve.count[place], curve.unproven[place]));
                    assert_eq!(counted, (all, unproven), "{} {state} in {place}", role.name());
                }
                let at_end = analysis.connections.iter().map(|one| one.endpoint(role).state);
                let at_end = at_end.filter(|end| *end == state).count() as u64;
                let last = curve.map_or(0, |curve| *curve.count.last().expect("a bucket"));
                assert_eq!(last, at_end, "{} {state} at the end", role.name());
            }
        }
        let waiting = |one: &Curves| {
            let at_end = |state| {
                let curves = [Server, Client].map(|role| one.of(role, state));
                let last = curves
                    .into_iter()
                    .flatten()
                    .filter_map(|curve| curve.count.last());
                last.sum::<u64>()
            };
            (at_end(CloseWait), at_end(TimeWait), one.connections)
        };
        let order: Vec<_> = told.services.iter().map(waiting).collect();
        assert!(order.is_sorted_by(|a, b| a >= b), "{order:?}");
        let by_service: u64 = told.services.iter().map(|one| one.connections).sum();
        assert_eq!(by_service, analysis.connections.len() as u64);
        let opened: u64 = told.all.opened.iter().sum();
        let syns = analysis
            .connections
            .iter()
            .filter(|one| one.handshake.syn_packet.is_some());
        assert_eq!(opened, syns.count() as u64);
        let half_closes = told
            .half_closes
            .ended
            .iter()
            .chain(&told.half_closes.open)
            .sum::<u64>();
        let there = analysis
            .connections
            .iter()
            .filter(|one| one.close.half_close_ns.is_some());
        assert_eq!(half_closes, there.count() as u64);
    }
}
