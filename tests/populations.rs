//! Connections taken together: the counts, against what one can count by hand, and against the kernel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use serde_json::Value;
use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::*;
use tcptrace_states::population::leaks::{Holder, leaks_with};
use tcptrace_states::population::{By, Span, leaks, time_wait};
use tcptrace_states::report;
use tcptrace_states::time::Timestamp;

mod crowd;
mod handmade;
mod story;

use crowd::*;
use handmade::{SECOND, Story, at};

#[test]
fn the_leak_is_the_one_that_is_overdue() {
    let analysis = leaky();
    let leaks = leaks(&analysis.connections, span(5 * MINUTE), By::Server, 0);
    let worst = &leaks.groups[0];
    assert_eq!(
        worst.holder.server.map(|server| server.to_string()).as_deref(),
        Some(server(0))
    );
    assert_eq!(
        (worst.open, worst.peak, worst.ended.total, worst.overdue.open),
        (22, 22, 0, 22)
    );
    assert_eq!(
        (worst.peer.silent, worst.peer.there, worst.peer.not_asked),
        (1, 1, 20)
    );
    assert_eq!((worst.request.answered, worst.request.not_answered), (18, 4));
    assert_eq!(worst.unacknowledged_bytes, 220);
    assert_eq!(
        (worst.open_ids.len(), worst.oldest[0].id, worst.peers_total),
        (22, 1, 3)
    );
    // One every 12 s; the line through the stairs is a little flatter at the end, where the last one has come.
    assert!(
        (4_500..5_500).contains(&worst.growth_milli_per_minute),
        "{}",
        worst.growth_milli_per_minute
    );
    // The other service has one open, no older than those that ended.
    let other = leaks
        .groups
        .iter()
        .find(|group| group.ended.total == 39)
        .expect("the other service");
    assert_eq!((other.open, other.overdue.open, other.ended.by_fin), (1, 0, 39));
    let codes: Vec<(&str, Option<String>)> = (analysis.findings.iter())
        .map(|finding| (finding.code, finding.server.map(|server| server.to_string())))
        .collect();
    assert_eq!(codes, [("HC05", Some(server(0).to_owned()))]);
    assert_eq!(analysis.findings[0].confidence, Confidence::Proven);
}

#[test]
fn a_level_that_is_set_or_off_is_honoured() {
    let analysis = leaky();
    let judged = |levels: Vec<(&'static str, Option<Severity>)>, least: Severity| {
        let settings = tcptrace_states::findings::Settings {
            levels,
            least,
            ..Default::default()
        };
        let found =
            tcptrace_states::findings::service::judge(&analysis.capture, &analysis.connections, &settings);
        found.iter().map(|finding| finding.severity).collect::<Vec<_>>()
    };
    assert_eq!(judged(vec![], Severity::Error), [Severity::Error]);
    assert_eq!(judged(vec![("HC05", None)], Severity::Note), []);
    assert_eq!(
        judged(vec![("HC05", Some(Severity::Warning))], Severity::Note),
        [Severity::Warning]
    );
    assert_eq!(
        judged(vec![("HC05", Some(Severity::Warning))], Severity::Error),
        []
    );
}

#[test]
fn a_one_sided_capture_weakens_a_leak() {
    let mut analysis = leaky();
    for connection in &mut analysis.connections {
        connection.quality.one_sided = true;
    }
    let settings = tcptrace_states::findings::Settings::default();
    let found =
        tcptrace_states::findings::service::judge(&analysis.capture, &analysis.connections, &settings);
    let graded: Vec<_> = (found.iter())
        .map(|finding| (finding.severity, finding.confidence, finding.weakened_by.clone()))
        .collect();
    assert_eq!(
        graded,
        [(Severity::Warning, Confidence::Possible, vec!["one-sided"])]
    );
}

#[test]
fn half_closes_can_be_grouped_by_what_the_host_knows() {
    let analysis = leaky();
    let process = |connection: &Connection| connection.id.is_multiple_of(2).then_some("java");
    let leaks = leaks_with(
        &analysis.connections,
        span(5 * MINUTE),
        By::Process,
        0,
        |connection, side| Holder::of(connection, side, By::Process, process(connection)),
    );
    let java = leaks
        .groups
        .iter()
        .filter(|group| group.holder.process.as_deref() == Some("java"));
    assert_eq!(java.map(|group| group.open).sum::<u64>(), 12);
    assert_eq!(
        leaks.groups.iter().map(|group| group.open).sum::<u64>(),
        leaks.open
    );
}

/// Ten a second for half a minute.
fn busy() -> Vec<Connection> {
    (0..300)
        .map(|nth| {
            let from = format!("10.0.0.9:{}", 32_768 + nth);
            waiting(
                nth + 1,
                (&from, server(0)),
                Role::Client,
                nth as i64 * SECOND / 10,
                None,
            )
        })
        .collect()
}

#[test]
fn ports_are_taken_when_they_are_and_will_be_when_the_rate_says_so() {
    let end = 30 * SECOND;
    let of = |ports| time_wait(&busy(), span(end), MINUTE, ports).pressure.remove(0);
    let pair = of(1_000);
    assert_eq!(
        (pair.held.now, pair.held.peak, pair.peak_permille),
        (300, 300, 300)
    );
    assert_eq!(
        (pair.rate_milli_per_second, pair.steady),
        (Some(9_966), Some(598))
    );
    assert_eq!(pair.full_at, None, "no more than 598 at the same time");
    // 300 are held, 200 more at ten a second, and nobody leaves before.
    let full = of(500).full_at.expect("full one day").since(at(end));
    assert!((20 * SECOND..21 * SECOND).contains(&full), "{full}");
    // Those that are held now leave from 30 s on, as fast as others come.
    assert_eq!(of(250).full_at, Some(at(249 * SECOND / 10)));
    let few = time_wait(&busy()[..9], span(end), MINUTE, 5).pressure.remove(0);
    assert_eq!((few.rate_milli_per_second, few.steady), (None, None));
    assert_eq!(few.full_at, Some(at(4 * SECOND / 10)), "five of five ports");
}

#[test]
fn those_that_leave_make_room() {
    // 100 at once, long ago; then ten a second in the last ten seconds.
    let end = 59 * SECOND;
    let mut connections: Vec<Connection> = (0..100)
        .map(|nth| {
            let from = format!("10.0.0.9:{}", 10_000 + nth);
            waiting(nth + 1, (&from, server(0)), Role::Client, 0, None)
        })
        .collect();
    connections.extend((0..100).map(|nth| {
        let from = format!("10.0.0.9:{}", 20_000 + nth);
        let since = 49 * SECOND + nth as i64 * SECOND / 10;
        waiting(200 + nth, (&from, server(0)), Role::Client, since, None)
    }));
    // In the last MSL 100 came: 3.33 a second, 200 at the same time. In a second the first hundred are gone.
    let pair = time_wait(&connections, span(end), MINUTE, 201).pressure.remove(0);
    assert_eq!((pair.held.now, pair.steady, pair.full_at), (200, Some(200), None));
    let full = time_wait(&connections, span(end), MINUTE, 200)
        .pressure
        .remove(0)
        .full_at;
    assert_eq!(
        full,
        Some(at(589 * SECOND / 10)),
        "it was full when the last one came"
    );
}

#[test]
fn reuse_is_told_by_verdict_and_the_worst_first() {
    let (_, waits) = waiting_room();
    let counts: Vec<(ReuseVerdict, u64)> = (waits.reuse.verdicts.iter())
        .map(|count| (count.verdict, count.count))
        .collect();
    assert_eq!(
        counts,
        [
            (ReuseVerdict::LegalByIss, 1),
            (ReuseVerdict::Refused, 2),
            (ReuseVerdict::Illegal, 1)
        ]
    );
    let told: Vec<(ReuseVerdict, Option<i64>)> = (waits.reuse.telling.iter())
        .map(|case| (case.verdict, case.delay_ns.map(|ns| ns / SECOND)))
        .collect();
    assert_eq!(
        told,
        [
            (ReuseVerdict::Illegal, None),
            (ReuseVerdict::Refused, Some(3)),
            (ReuseVerdict::Refused, Some(1))
        ]
    );
    assert_eq!((waits.reuse.total, waits.reuse.telling_total), (4, 3));
}

/// What the rules about services find in these.
fn judged(analysis: &Analysis) -> Vec<ServiceFinding> {
    let settings = tcptrace_states::findings::Settings::default();
    tcptrace_states::findings::service::judge(&analysis.capture, &analysis.connections, &settings)
}

/// Attempts at these moments (nanoseconds), completed or not.
fn attempts(moments: impl Iterator<Item = (i64, bool)>) -> Analysis {
    let connections = moments.zip(1_u64..).map(|((ns, complete), id)| {
        let from = format!("10.0.{}.{}:{}", id / 200 % 200, id % 200, 1_024 + id);
        let mut connection = Story::new(id, &from, server(0)).outcome(Outcome::Unanswered);
        connection.handshake.syn_packet = Some(id);
        connection.handshake.complete = complete;
        connection.first_time = at(ns);
        if complete {
            connection.outcome = Outcome::Open;
        }
        connection
    });
    handmade::analysis(connections.collect(), 100 * MINUTE)
}

#[test]
fn a_flood_is_many_at_once_and_most_of_all() {
    let flood = |moments: Vec<(i64, bool)>| -> Vec<(u64, Option<Timestamp>)> {
        let found = judged(&attempts(moments.into_iter()));
        assert!(found.iter().all(|finding| finding.code == "HS15"));
        found
            .iter()
            .map(|finding| (finding.connections, finding.at))
            .collect()
    };
    let every = |ns: i64, count: i64| (0..count).map(move |nth| nth * ns);
    assert_eq!(flood(every(SECOND / 10, 99).map(|ns| (ns, false)).collect()), []);
    assert_eq!(
        flood(every(SECOND / 10, 150).map(|ns| (ns, false)).collect()),
        [(150, Some(at(0)))]
    );
    // A client that tries a dead service once in a while.
    assert_eq!(flood(every(20 * SECOND, 250).map(|ns| (ns, false)).collect()), []);
    // A busy service that drops a third.
    let busy = every(SECOND / 100, 3_000)
        .zip(0..)
        .map(|(ns, nth)| (ns, nth % 3 > 0));
    assert_eq!(flood(busy.collect()), []);
    // A burst in an hour of ordinary traffic.
    let mut hour: Vec<(i64, bool)> = every(SECOND, 3_600).map(|ns| (ns, true)).collect();
    hour.extend(every(SECOND / 50, 200).map(|ns| (30 * MINUTE + ns, false)));
    assert_eq!(flood(hour), [(200, Some(at(30 * MINUTE)))]);
}

#[test]
fn a_flood_of_new_numbers_on_one_4_tuple_is_one() {
    let lines = (0..120_u32).map(|nth| {
        let (seq, ms) = (100 + nth * 7_000_000, nth * 20);
        format!("{}.{:03} C>S SYN seq={seq}\n", ms / 1_000, ms % 1_000)
    });
    let (segments, end) = story::read(&lines.collect::<String>());
    let connections = story::observe(&segments, end);
    let settings = tcptrace_states::findings::Settings::default();
    let capture = story::capture(&segments, end);
    let found = tcptrace_states::findings::service::judge(&capture, &connections, &settings);
    let told: Vec<(&str, &str)> = (found.iter())
        .map(|finding| (finding.code, finding.message.as_str()))
        .collect();
    let message = "120 of 120 connections to 10.0.0.2:80 in 2.38 s were never completed (50/s), from 1 address and 1 4-tuple; \
                   none was answered";
    assert_eq!(told, [("HS15", message)]);
}

#[test]
fn extremes_do_no_harm() {
    let mut analysis = leaky();
    let extremes = [i64::MIN, -1, 0, 1, i64::MAX];
    for (place, connection) in analysis.connections.iter_mut().enumerate() {
        connection.close.half_close_ns = Some(extremes[place % 5]);
        connection.close.close_wait_since = Some(Timestamp::from_ns(extremes[place / 5 % 5]));
        connection.close.half_close_bytes = Some(u64::MAX);
        connection.endpoints.client.unacknowledged_bytes = Some(u64::MAX);
    }
    let (_, mut waits) = waiting_room();
    for (from, to) in [(i64::MIN, i64::MAX), (i64::MAX, i64::MIN), (0, 0)] {
        analysis.capture.first_time = Some(Timestamp::from_ns(from));
        analysis.capture.last_time = Some(Timestamp::from_ns(to));
        judged(&analysis);
        for width in [0, 40, 80, 65_535] {
            leaks_text(&analysis, By::Pair, None, &look(width, false));
        }
        for msl in extremes {
            let span = Span::of(&analysis.capture);
            time_wait(&busy(), span, msl, 0);
            waits = time_wait(&busy(), span, msl, u32::MAX);
        }
    }
    written(|out| report::time_wait::write(out, &analysis, &waits, &look(80, false)));
}

/// What must hold of any capture.
fn sums_are_right(connections: &[Connection], span: Span, time_wait_ns: i64) {
    for by in [By::Server, By::Client, By::Pair] {
        let leaks = leaks(connections, span, by, 0);
        let open = connections.iter().filter(|c| c.close.half_close_open).count() as u64;
        let all = connections
            .iter()
            .filter(|c| c.close.half_close_ns.is_some())
            .count() as u64;
        assert_eq!((leaks.open, leaks.open + leaks.ended), (open, all));
        assert_eq!(leaks.curve.at_end.last(), Some(&open));
        assert_eq!(leaks.curve.most.iter().max(), Some(&leaks.peak));
        assert_eq!(leaks.groups.iter().map(|group| group.open).sum::<u64>(), open);
        assert_eq!(
            leaks.groups.iter().map(|group| group.ended.total).sum::<u64>(),
            leaks.ended
        );
        for group in &leaks.groups {
            let ended = group.ended;
            assert_eq!(
                ended.by_fin + ended.by_own_reset + ended.by_peer_reset + ended.otherwise,
                ended.total
            );
            assert!(group.peak >= group.open && group.peak <= leaks.peak);
            assert_eq!(group.open_ids.len() as u64, group.open);
            if let Some(curve) = &group.curve {
                assert_eq!(curve.at_end.last(), Some(&group.open));
                assert!(curve.at_end.len() <= 60);
            }
        }
        // What lasted shorter is left out, and nothing else.
        let long = tcptrace_states::population::leaks(connections, span, by, SECOND);
        assert_eq!(long.shorter + long.open + long.ended, all);
    }
    let waits = time_wait(connections, span, time_wait_ns, 28_232);
    let ends = connections
        .iter()
        .flat_map(|c| [&c.endpoints.client, &c.endpoints.server]);
    let held = ends.filter(|end| end.state == State::TimeWait).count() as u64;
    let left = waits.total.left;
    assert_eq!(waits.total.now, held);
    assert_eq!(
        waits.total.entered,
        held + left.timer + left.reset + left.reused + left.otherwise
    );
    assert_eq!(waits.holders.iter().map(|one| one.held.now).sum::<u64>(), held);
    assert_eq!(waits.pressure.iter().map(|one| one.held.now).sum::<u64>(), held);
    assert_eq!(
        waits.total.curve.as_ref().and_then(|curve| curve.at_end.last()),
        Some(&held)
    );
    for holder in &waits.holders {
        let curve = holder.held.curve.as_ref().and_then(|curve| curve.at_end.last());
        assert!(curve.is_none_or(|last| *last == holder.held.now));
        assert_eq!(holder.held.oldest_since.is_some(), holder.held.now > 0);
    }
}

fn connection() -> impl Strategy<Value = Connection> {
    let since = (0..100_i64).prop_map(|tenths| tenths * SECOND / 10);
    let side = any::<bool>().prop_map(|client| if client { Role::Client } else { Role::Server });
    (
        0..20_u64,
        0..3_usize,
        side,
        since,
        0..30_i64,
        any::<bool>(),
        0..5_u8,
    )
        .prop_map(|(from, to, side, since, tenths, open, kind)| {
            let (client, ns) = (client(from), tenths * SECOND / 10);
            let ends = (&client[..], server(to));
            match kind {
                0 | 1 => half_close(from, ends, side, since, ns, open),
                2 => waiting(from, ends, side, since, None),
                3 => waiting(from, ends, side, since, Some((ns, Cause::Timer))),
                _ => waiting(from, ends, side, since, Some((ns, Cause::NewIncarnation))),
            }
        })
}

proptest! {
    #[test]
    fn sums_are_right_whatever_there_is(connections in prop::collection::vec(connection(), 0..60), end in 0..20_i64) {
        sums_are_right(&connections, span(end * SECOND), MINUTE);
    }
}

fn read(file: &Path) -> Analysis {
    let settings = Settings {
        files: vec![file.to_owned()],
        time_wait_ns: MINUTE,
        ladder: LadderRequest::None,
        limits: Default::default(),
        findings: Default::default(),
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).expect("a readable capture")
}

fn kernel(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/kernel")
        .join(name)
}

#[test]
fn sums_are_right_in_every_capture_of_the_kernel() {
    let mut captures = 0;
    for entry in fs::read_dir(kernel("")).expect("captures") {
        let path = entry.expect("an entry").path();
        if path.to_string_lossy().contains(".pcap") {
            let analysis = read(&path);
            sums_are_right(&analysis.connections, Span::of(&analysis.capture), MINUTE);
            captures += 1;
        }
    }
    assert!(captures > 100);
}

/// The kernel's own time in CLOSE-WAIT, against ours at the tap beside it.
#[test]
fn half_closes_last_as_long_as_the_kernel_says() {
    const SLACK_NS: i64 = 1_000_000;
    for (name, file) in [
        ("close_wait_leak", "close_wait_leak.server.pcapng"),
        ("half_close_stream", "half_close_stream.server.pcap"),
        ("close_client", "close_client.server.pcap"),
    ] {
        let truth = fs::read_to_string(kernel(&format!("{name}.truth.json"))).expect("the truth");
        let truth: Value = serde_json::from_str(&truth).expect("JSON");
        let analysis = read(&kernel(file));
        let leaks = leaks(&analysis.connections, Span::of(&analysis.capture), By::Pair, 0);
        let told = truth["connections"].as_array().expect("connections");
        assert_eq!(leaks.open + leaks.ended, told.len() as u64, "{name}");
        let mut durations: Vec<i64> = Vec::new();
        for one in told {
            let ms = one["close_wait_ms"]["server"]
                .as_f64()
                .expect("CLOSE-WAIT of the server");
            if one["final_server_state"] != "CLOSE-WAIT" {
                durations.push((ms * 1e6) as i64);
                continue;
            }
            let port = one["client"]["port"].as_u64().expect("a port");
            let connection = (analysis.connections.iter())
                .find(|c| u64::from(c.client.port) == port)
                .expect("the connection");
            // Still open: ours is a lower bound, and it begins when the kernel says.
            assert!(connection.close.half_close_ns.expect("a half-close") < (ms * 1e6) as i64);
            let steps = one["server_transitions"].as_array().expect("transitions");
            let entered = steps
                .iter()
                .find(|step| step["to"] == "CLOSE-WAIT")
                .expect("CLOSE-WAIT");
            let kernel_ns = (entered["t"].as_f64().expect("a time") * 1e9) as i64;
            let ours = connection.close.close_wait_since.expect("a half-close");
            assert!(
                (kernel_ns - ours.ns()).abs() < SLACK_NS,
                "{name}: {} ns",
                kernel_ns - ours.ns()
            );
        }
        durations.sort_unstable();
        if let Some(longest) = durations.last() {
            let ours = leaks.ended_ns.expect("ended ones");
            assert!((ours.max_ns - longest).abs() < SLACK_NS, "{name}");
            let median = durations[(durations.len() - 1) / 2];
            assert!((ours.p50_ns - median).abs() < SLACK_NS, "{name}");
        }
    }
}

#[test]
fn a_flood_and_leaks_are_found_where_they_are() {
    let codes = |file: &str| -> Vec<(&'static str, u64)> {
        let found = read(&kernel(file)).findings;
        found
            .iter()
            .map(|finding| (finding.code, finding.connections))
            .collect()
    };
    assert_eq!(codes("close_wait_leak.server.pcapng"), [("HC05", 12)]);
    assert_eq!(codes("close_wait_leak.client.pcapng").len(), 1);
    assert_eq!(codes("syn_flood.server.pcap"), [("HS15", 240)]);
    assert_eq!(
        codes("scan_syn.server.pcapng"),
        [],
        "one attempt a service, and refused"
    );
    assert_eq!(codes("scan_connect.server.pcap"), []);
    assert_eq!(codes("churn.server.pcap"), []);
    assert_eq!(codes("half_close_stream.server.pcap"), []);
}

fn run(args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin!("tcptrace-states"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("COLUMNS")
        .env_remove("CLICOLOR_FORCE")
        .stdin(Stdio::null())
        .output()
        .expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

const LEAK: &str = "testdata/kernel/close_wait_leak.server.pcapng";

#[test]
fn the_commands_say_what_they_are_asked() {
    let output = run(&["leaks", LEAK, "--width", "80"]);
    assert_eq!(output.status.code(), Some(0));
    let screen = text(&output.stdout);
    assert!(
        screen.contains("half-closes  22 open now") && screen.contains("HC05 error"),
        "{screen}"
    );
    assert!(screen.contains("show FILE --conn 1"), "{screen}");
    let none = text(&run(&["leaks", "testdata/kernel/churn.server.pcap"]).stdout);
    assert!(none.contains("Nothing leaks"), "{none}");
    let old = text(&run(&["leaks", LEAK, "--min-age", "1.5s", "--by", "client"]).stdout);
    assert!(
        old.contains("7 open now") && old.contains("15 shorter than 1.50 s left out"),
        "{old}"
    );
    let reuse = text(&run(&["time-wait", "testdata/kernel/tw_syn_low_isn.server.pcap"]).stdout);
    assert!(
        reuse.contains("refused at first") && reuse.contains("show FILE --conn 3 --conn 4"),
        "{reuse}"
    );
}

#[test]
fn the_same_for_programs() {
    let json = |args: &[&str]| -> Value { serde_json::from_slice(&run(args).stdout).expect("JSON") };
    let document = json(&["leaks", LEAK, "--format", "json"]);
    let leaks = &document["leaks"];
    assert_eq!(
        (leaks["by"].as_str(), leaks["open"].as_u64()),
        (Some("server"), Some(22))
    );
    let group = &leaks["groups"][0];
    assert_eq!(group["endpoint"], "server");
    assert_eq!(group["server"]["port"], 8979);
    assert_eq!(group["open_ids"].as_array().map(Vec::len), Some(22));
    assert!(group["open_ns"]["max_ns"].as_u64() > Some(2_000_000_000));
    assert!(
        group["oldest"][0]["since"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );
    assert_eq!(document["findings"][0]["code"], "HC05");
    assert_eq!(document["capture"]["packets"], 157);
    let document = json(&[
        "time-wait",
        "testdata/kernel/tw_reuse_server.server.pcapng",
        "-F",
        "json",
    ]);
    let waits = &document["time_wait"];
    assert_eq!(
        (
            waits["total"]["now"].as_u64(),
            waits["total"]["left"]["reused"].as_u64()
        ),
        (Some(2), Some(5))
    );
    assert_eq!(waits["reuse"]["verdicts"][0]["verdict"], "legal-by-iss");
    assert_eq!(waits["pressure"][0]["holder"], "server");
}

#[test]
fn wrong_use_is_told() {
    for (args, said) in [
        (
            &["leaks", LEAK, "--format", "csv"][..],
            "[possible values: table, json]",
        ),
        (
            &["time-wait", LEAK, "--format", "jsonl"],
            "[possible values: table, json]",
        ),
        (
            &["leaks", LEAK, "--min-age", "30"],
            "write a duration with its unit",
        ),
        (
            &["time-wait", LEAK, "--ephemeral-ports", "0"],
            "0 is not in 1..=65535",
        ),
        (
            &["--all", "leaks", LEAK],
            "there is no file `leaks`; as a command it comes first",
        ),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            text(&output.stderr).contains(said),
            "{args:?}: {}",
            text(&output.stderr)
        );
    }
}
