//! Connections taken together: the counts, against what one can count by hand, against the kernel, and on the screen.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use proptest::prelude::*;
use serde_json::Value;
use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::*;
use tcptrace_states::population::leaks::{Holder, leaks_with};
use tcptrace_states::population::{By, Span, TimeWaits, leaks, time_wait};
use tcptrace_states::report::leaks::{SocketNote, SocketNotes};
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};

mod handmade;

use handmade::{SECOND, Story, at};

const MINUTE: i64 = 60 * SECOND;

/// A half-close that began at `since` and lasted so long, both in nanoseconds; `open` at the end of the capture.
fn half_close(
    id: u64,
    (client, server): (&str, &str),
    side: Role,
    since: i64,
    ns: i64,
    open: bool,
) -> Connection {
    let step = |from, to, ns, cause| Transition {
        from,
        to,
        cause,
        packet: Some(id),
        at: at(ns),
        earliest: None,
        latest: None,
        evidence: Evidence::Confirmed,
        proven_by: Some(id),
    };
    let mut connection = Story::new(id, client, server).outcome(Outcome::HalfClosed);
    connection.last_time = at(since);
    let close = &mut connection.close;
    close.kind = Some(CloseKind::ActivePassive);
    close.first_closer = Some(side.other());
    close.close_wait_endpoint = Some(side);
    close.close_wait_since = Some(at(since));
    close.half_close_ns = Some(ns);
    close.half_close_open = open;
    close.half_close_bytes = Some(0);
    close.request_answered = Some(!id.is_multiple_of(5));
    close.half_close_probes = Some(SidePair::default());
    let (own, peer) = match side {
        Role::Client => (&mut connection.endpoints.client, &mut connection.endpoints.server),
        Role::Server => (&mut connection.endpoints.server, &mut connection.endpoints.client),
    };
    (own.state, peer.state) = (State::CloseWait, State::FinWait2);
    own.transitions.push(step(
        State::Established,
        State::CloseWait,
        since,
        Cause::FinReceived,
    ));
    peer.unacknowledged_bytes = Some(10);
    if !open {
        own.state = State::LastAck;
        own.transitions
            .push(step(State::CloseWait, State::LastAck, since + ns, Cause::FinSent));
    }
    connection
}

/// TIME-WAIT from `since` on, left after so many nanoseconds by this cause, if it was.
fn waiting(
    id: u64,
    (client, server): (&str, &str),
    side: Role,
    since: i64,
    left: Option<(i64, Cause)>,
) -> Connection {
    let step = |from, to, ns, cause| Transition {
        from,
        to,
        cause,
        packet: Some(id),
        at: at(ns),
        earliest: None,
        latest: None,
        evidence: Evidence::Sent,
        proven_by: Some(id),
    };
    let mut connection = Story::new(id, client, server).outcome(Outcome::Closed);
    let end = match side {
        Role::Client => &mut connection.endpoints.client,
        Role::Server => &mut connection.endpoints.server,
    };
    end.state = State::TimeWait;
    end.transitions
        .push(step(State::FinWait2, State::TimeWait, since, Cause::FinReceived));
    if let Some((ns, cause)) = left {
        end.state = State::Closed;
        end.transitions
            .push(step(State::TimeWait, State::Closed, since + ns, cause));
    }
    connection
}

fn span(ns: i64) -> Span {
    Span {
        from: at(0),
        to: at(ns),
    }
}

fn server(number: usize) -> &'static str {
    ["10.0.0.5:8080", "10.0.0.5:9090", "[2001:db8::1]:443"][number % 3]
}

fn client(number: u64) -> String {
    format!("10.0.0.{}:{}", 9 + number % 3, 40_000 + number)
}

/// A service that leaks 22 half-closes in five minutes, one that closes, and a client that leaks one.
fn leaky() -> Analysis {
    let mut connections = Vec::new();
    for nth in 0_u64..22 {
        let since = 9 * SECOND + nth as i64 * 12 * SECOND;
        let ends = (&client(nth)[..], server(0));
        connections.push(half_close(
            nth + 1,
            ends,
            Role::Server,
            since,
            5 * MINUTE - since,
            true,
        ));
    }
    for nth in 22..62 {
        let ends = (&client(nth)[..], server(1));
        let since = nth as i64 * SECOND;
        connections.push(half_close(
            nth + 1,
            ends,
            Role::Server,
            since,
            12_000_000 * (nth as i64 - 20),
            nth == 61,
        ));
    }
    let one = ("10.0.0.77:50001", server(1));
    connections.push(half_close(
        63,
        one,
        Role::Client,
        100 * SECOND,
        200 * SECOND,
        true,
    ));
    connections[2].endpoints.client.owes_answer = Some(Owed {
        since: at(200 * SECOND),
        asked: 3,
        only_probes: true,
    });
    connections[3].close.half_close_probes = Some(SidePair { client: 0, server: 2 });
    let mut analysis = handmade::analysis(connections, 5 * MINUTE);
    let settings = tcptrace_states::findings::Settings::default();
    analysis.findings =
        tcptrace_states::findings::service::judge(&analysis.capture, &analysis.connections, &settings);
    analysis
}

/// A busy client, a server that waits, and some that came back too early.
fn waiting_room() -> (Analysis, TimeWaits) {
    let mut connections = Vec::new();
    for nth in 0_u64..600 {
        let since = 60 * SECOND + nth as i64 * SECOND / 10;
        let from = format!("10.0.0.9:{}", 32_768 + nth);
        connections.push(waiting(nth + 1, (&from, server(0)), Role::Client, since, None));
    }
    for nth in 600..610 {
        let left = match nth % 3 {
            0 => None,
            1 => Some((MINUTE, Cause::Timer)),
            _ => Some((SECOND, Cause::NewIncarnation)),
        };
        let ends = ("10.0.0.10:40000", server(1));
        connections.push(waiting(
            nth + 1,
            ends,
            Role::Server,
            (nth as i64 - 600) * 4 * SECOND,
            left,
        ));
    }
    for (place, verdict, age, delay) in [
        (604, ReuseVerdict::LegalByIss, 1, None),
        (605, ReuseVerdict::Refused, 12, Some(3)),
        (606, ReuseVerdict::Refused, 14, Some(1)),
        (607, ReuseVerdict::Illegal, 2, None),
    ] {
        connections[place].reuse = Some(Reuse {
            previous: place as u64,
            same_roles: true,
            opener_state: State::Closed,
            peer_state: State::TimeWait,
            time_wait_age_ns: Some(age * SECOND),
            time_wait_holder: Some(TimeWaitHolder::Server),
            iss_distance: Some(-5),
            tsval_distance: None,
            linux_time_wait_iss: false,
            verdict,
            refused_by_packet: None,
            reset_packet: None,
            delay_ns: delay.map(|seconds: i64| seconds * SECOND),
        });
    }
    let analysis = handmade::analysis(connections, 2 * MINUTE);
    let waits = time_wait(&analysis.connections, Span::of(&analysis.capture), MINUTE, 1_000);
    (analysis, waits)
}

fn look(width: usize, ascii: bool) -> Look {
    Look {
        width,
        rows: Rows::Limit(10),
        ascii,
        color: false,
        seq: SequenceNumbers::Absolute,
    }
}

fn written(view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    view(&mut out).expect("a Vec takes everything");
    String::from_utf8(out).expect("views write UTF-8")
}

fn leaks_text(analysis: &Analysis, by: By, sockets: Option<&SocketNotes>, look: &Look) -> String {
    let leaks = leaks(&analysis.connections, Span::of(&analysis.capture), by, 0);
    written(|out| report::leaks::write(out, analysis, &leaks, sockets, look))
}

fn time_wait_text(look: &Look) -> String {
    let (analysis, waits) = waiting_room();
    written(|out| report::time_wait::write(out, &analysis, &waits, look))
}

#[test]
fn leaks_at_80_columns() {
    insta::assert_snapshot!(leaks_text(&leaky(), By::Server, None, &look(80, false)));
}

#[test]
fn leaks_at_120_columns_by_pair() {
    insta::assert_snapshot!(leaks_text(&leaky(), By::Pair, None, &look(120, false)));
}

#[test]
fn leaks_in_ascii_with_what_the_host_says() {
    let note = |process: &str| SocketNote {
        text: "Recv-Q 1: it never read the end".to_owned(),
        process: Some(process.to_owned()),
    };
    let notes = SocketNotes::from([
        (1, note("java pid 4121")),
        (2, note("java pid 4121")),
        (3, note("e\u{1b}vil")),
    ]);
    let text = leaks_text(&leaky(), By::Server, Some(&notes), &look(80, true));
    assert!(text.is_ascii() && !text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_leaks() {
    let text = leaks_text(&handmade::empty(), By::Server, None, &look(80, false));
    assert!(
        text.ends_with("\nNothing leaks: there is no half-close.\n"),
        "{text}"
    );
    let ended = half_close(1, ("10.0.0.9:1", server(0)), Role::Server, 0, SECOND, false);
    let text = leaks_text(
        &handmade::analysis(vec![ended], MINUTE),
        By::Server,
        None,
        &look(80, false),
    );
    assert!(
        text.ends_with("\nNothing leaks: no half-close was open when the capture ended.\n"),
        "{text}"
    );
}

#[test]
fn time_wait_at_80_columns() {
    insta::assert_snapshot!(time_wait_text(&look(80, false)));
}

#[test]
fn time_wait_at_120_columns() {
    insta::assert_snapshot!(time_wait_text(&look(120, false)));
}

#[test]
fn time_wait_in_ascii() {
    let text = time_wait_text(&look(80, true));
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_is_wider_than_the_screen() {
    for width in [80, 100, 120, 160] {
        for text in [
            leaks_text(&leaky(), By::Server, None, &look(width, false)),
            leaks_text(&leaky(), By::Client, None, &look(width, false)),
            leaks_text(&leaky(), By::Pair, None, &look(width, true)),
            time_wait_text(&look(width, false)),
        ] {
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{width}:\n{text}");
        }
    }
    for width in 0..50 {
        leaks_text(&leaky(), By::Server, None, &look(width, false));
        time_wait_text(&look(width, true));
    }
}

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
    let process = |connection: &Connection| (connection.id % 2 == 0).then_some("java");
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
        findings: Default::default(),
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
                (kernel_ns - ours.0).abs() < SLACK_NS,
                "{name}: {} ns",
                kernel_ns - ours.0
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
            "leaks is written as --format table or json",
        ),
        (
            &["time-wait", LEAK, "--format", "jsonl"],
            "time-wait is written as --format table or json",
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
