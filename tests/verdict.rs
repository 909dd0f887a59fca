//! Findings, budgets, allowances and the baseline held together, on analyses made by hand.

mod handmade;

use handmade::*;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use tcptrace_states::check::{Baseline, Case, Config, Standing, Verdict, verdict};
use tcptrace_states::model::*;
use tcptrace_states::population::nearest_rank;

const SERVER: &str = "10.0.0.5:8080";

fn today() -> Date {
    date(2027, 3, 1)
}

fn config(text: &str) -> Config {
    Config::parse(text, "a.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn judged(analysis: &Analysis, text: &str) -> Verdict {
    verdict(analysis, &config(text), None, today())
}

/// The verdict on one budget for all services.
fn budget(analysis: &Analysis, limit: &str) -> Verdict {
    judged(
        analysis,
        &format!("[[budget]]\nname = \"b\"\nservice = \"*\"\n{limit}"),
    )
}

fn messages(verdict: &Verdict) -> Vec<&str> {
    verdict.cases.iter().map(|case| case.message.as_str()).collect()
}

fn finding(endpoint: Role, severity: Severity, count: u64, message: &str) -> Finding {
    Finding {
        code: "FN08",
        name: "data-after-fin",
        severity,
        confidence: Confidence::Proven,
        endpoint: Some(endpoint),
        packet: Some(7),
        at: Some(at(SECOND)),
        packets: vec![7],
        count,
        last_packet: Some(7),
        message: message.to_owned(),
        weakened_by: Vec::new(),
    }
}

/// Connections of one service, each with one finding.
fn found(count: u64, severity: Severity) -> Analysis {
    let connections = (1..=count).map(|id| {
        let mut connection = open(id, "10.0.0.9:51300", SERVER);
        let message = format!("sent data, story {id}");
        connection.findings.push(finding(Client, severity, id, &message));
        connection
    });
    analysis(connections.collect(), 10 * SECOND)
}

/// Half-closes that took so long, one connection each.
fn half_closes(took: &[i64], open: bool) -> Analysis {
    let connections = (1..).zip(took).map(|(id, ns)| {
        let mut connection = half_closed(id, "10.0.0.9:51300", SERVER, *ns);
        connection.close.half_close_open = open;
        connection.close.close_wait_since = Some(at(10 * SECOND));
        connection
    });
    analysis(connections.collect(), 1_000 * SECOND)
}

fn only(verdict: &Verdict) -> &Case {
    assert_eq!(verdict.cases.len(), 1, "{:#?}", verdict.cases);
    &verdict.cases[0]
}

#[test]
fn findings_of_one_rule_service_and_side_are_one_case() {
    let mut analysis = found(20, Severity::Error);
    analysis.connections[4]
        .findings
        .push(finding(Server, Severity::Warning, 1, "the other side"));
    analysis.connections[5]
        .findings
        .push(finding(Client, Severity::Note, 100, "again"));
    analysis.connections[6].server.port = 9090;
    let verdict = judged(&analysis, "");
    let cases: Vec<(&str, u64, u64, Severity, &Standing)> = (verdict.cases.iter())
        .map(|case| {
            let key = case.fingerprint.as_str();
            (key, case.connections, case.count, case.severity, &case.standing)
        })
        .collect();
    let (errors, warning) = (Severity::Error, Severity::Warning);
    assert_eq!(
        cases,
        [
            (
                "FN08 10.0.0.5:8080 client",
                19,
                210 - 7 + 100,
                errors,
                &Standing::Fails
            ),
            ("FN08 10.0.0.5:9090 client", 1, 7, errors, &Standing::Fails),
            ("FN08 10.0.0.5:8080 server", 1, 1, warning, &Standing::Reported),
        ]
    );
    let first = &verdict.cases[0];
    assert_eq!(first.message, "sent data, story 20 (and 18 more connections)");
    let shown: Vec<u64> = first.examples.iter().map(|example| example.connection).collect();
    assert_eq!(
        shown,
        [20, 19, 18, 17, 16, 15, 14, 13],
        "the worst first, and no more than 8"
    );
    assert!(verdict.fails());
    assert!(verdict.passed.iter().all(|passed| passed.code != "FN08"));
}

#[test]
fn what_is_found_in_a_service_is_a_case_with_the_connections_that_show_it() {
    let mut analysis = mixed();
    let leak = |server: Option<Address>, ids: Vec<u64>, connections: u64| ServiceFinding {
        code: "HC05",
        name: "close-wait-leak",
        severity: Severity::Error,
        confidence: Confidence::Likely,
        server,
        client: None,
        endpoint: Some(Server),
        connections,
        ids,
        behind: Default::default(),
        at: None,
        message: "leaks".to_owned(),
        weakened_by: Vec::new(),
    };
    let server = analysis.connections[2].server;
    analysis.findings = vec![
        leak(Some(server), vec![9, 3, 4_000], 22),
        leak(None, Vec::new(), 0),
    ];
    let verdict = judged(
        &analysis,
        "[[allow]]\nrule = \"FN08\"\nserver = \"*\"\nreason = \"x\"",
    );
    let keys: Vec<&str> = verdict
        .cases
        .iter()
        .map(|case| case.fingerprint.as_str())
        .collect();
    assert_eq!(keys, ["HC05 10.0.0.5:8080 server", "HC05 capture server"]);
    let case = &verdict.cases[0];
    assert_eq!(
        (case.connections, case.count, case.message.as_str()),
        (22, 1, "leaks")
    );
    let shown: Vec<u64> = case.examples.iter().map(|example| example.connection).collect();
    assert_eq!(shown, [9, 3]);
}

#[test]
fn fail_on_decides_what_counts() {
    let analysis = found(1, Severity::Warning);
    for (text, fails) in [
        ("", false),
        ("fail-on = \"error\"", false),
        ("fail-on = \"warning\"", true),
        ("fail-on = \"note\"", true),
        ("fail-on = \"never\"", false),
    ] {
        let verdict = judged(&analysis, text);
        assert_eq!(verdict.fails(), fails, "{text}");
        assert_eq!(verdict.cases.len(), 1, "it is told in any case");
    }
}

#[test]
fn a_level_is_the_most_that_a_rule_can_be_and_information_is_left_out() {
    let severe = found(1, Severity::Error);
    let level = |level: &str| judged(&severe, &format!("[rules.FN08]\nlevel = \"{level}\""));
    assert_eq!(only(&level("note")).severity, Severity::Note);
    assert_eq!(only(&level("info")).severity, Severity::Info);
    assert_eq!(only(&level("error")).severity, Severity::Error);
    let plain = found(1, Severity::Info);
    assert_eq!(judged(&plain, "").cases.len(), 0);
    assert_eq!(judged(&plain, "[rules.FN08]\nlevel = \"info\"").cases.len(), 1);
}

#[test]
fn rules_that_are_on_and_found_nothing_passed() {
    let passed = |text: &str| -> Vec<String> {
        let verdict = judged(&analysis(vec![classic()], SECOND), text);
        verdict.passed.into_iter().map(|passed| passed.code).collect()
    };
    assert!(passed("").contains(&"FN08".to_owned()));
    assert!(!passed("[rules.FN08]\nlevel = \"off\"").contains(&"FN08".to_owned()));
}

#[test]
fn what_is_allowed_is_told_with_its_reason_and_does_not_fail() {
    let analysis = found(3, Severity::Error);
    let allowed = |entry: &str| judged(&analysis, &format!("[[allow]]\nreason = \"known\"\n{entry}"));
    let verdict = allowed("rule = \"FN08\"\nserver = \"10.0.0.0/24:8080\"\nexpires = 2027-03-01");
    assert_eq!(
        only(&verdict).standing,
        Standing::Allowed {
            reason: "known".to_owned(),
            expires: Some("2027-03-01".to_owned())
        },
        "the day itself still counts"
    );
    assert!(!verdict.fails() && verdict.remarks.is_empty());
    assert!(!allowed("rule = \"FN*\"").fails());
    assert!(!allowed("rule = \"data-*\"").fails());

    let elsewhere = allowed("rule = \"FN08\"\nserver = \"10.0.0.5:8081\"");
    assert!(elsewhere.fails());
    assert_eq!(
        elsewhere.remarks,
        ["the allowance for FN08 at 10.0.0.5:8081 (known) matched nothing"]
    );
}

#[test]
fn an_expired_allowance_allows_nothing_and_is_remarked() {
    let analysis = found(1, Severity::Error);
    let expired = "[[allow]]\nrule = \"FN08\"\nreason = \"old\"\nexpires = 2027-02-28\n";
    let verdict = judged(&analysis, expired);
    assert!(verdict.fails());
    assert_eq!(
        verdict.remarks,
        ["the allowance for FN08 (old) expired on 2027-02-28: it no longer allows"]
    );
    let both = format!("{expired}[[allow]]\nrule = \"FN*\"\nreason = \"new\"\n");
    assert_eq!(
        only(&judged(&analysis, &both)).standing,
        Standing::Allowed {
            reason: "new".to_owned(),
            expires: None
        }
    );
}

#[test]
fn a_baseline_accepts_what_was_there_and_fails_again_when_it_grows() {
    let rules = config("");
    let before = verdict(&found(5, Severity::Error), &rules, None, today());
    let baseline = Baseline::accepting(&before);
    let text = baseline.to_json().expect("JSON");
    assert_eq!(
        text,
        "{\n  \"version\": 1,\n  \"accepted\": {\n    \"FN08 10.0.0.5:8080 client\": 5\n  }\n}\n"
    );
    let baseline = Baseline::parse(&text).expect("its own file");

    for fewer in [1, 5] {
        let same = verdict(&found(fewer, Severity::Error), &rules, Some(&baseline), today());
        assert_eq!(only(&same).standing, Standing::Known);
        assert!(!same.fails() && same.remarks.is_empty());
    }
    let grown = verdict(&found(7, Severity::Error), &rules, Some(&baseline), today());
    let case = only(&grown);
    assert_eq!(case.standing, Standing::Fails);
    assert!(
        case.message
            .ends_with("; 7 connections now, the baseline accepts 5"),
        "{}",
        case.message
    );
    let gone = verdict(&analysis(Vec::new(), 0), &rules, Some(&baseline), today());
    assert_eq!(
        gone.remarks,
        [
            "no TCP connection was found: nothing could be checked",
            "1 entry of the baseline matched nothing: FN08 10.0.0.5:8080 client"
        ]
    );
}

#[test]
fn a_baseline_takes_neither_what_is_allowed_nor_what_does_not_fail() {
    let allowed = judged(
        &found(5, Severity::Error),
        "[[allow]]\nrule = \"FN08\"\nreason = \"x\"",
    );
    assert!(Baseline::accepting(&allowed).is_empty());
    let below = judged(&found(5, Severity::Warning), "");
    assert!(Baseline::accepting(&below).is_empty());
}

#[test]
fn a_budget_counts_half_closes_longer_than_a_time() {
    let took = [60 * SECOND, 60 * SECOND + 1, 61 * SECOND, 5 * SECOND];
    let analysis = half_closes(&took, true);
    let verdict = budget(&analysis, "max-half-closes = 1\nlonger-than = \"60s\"");
    let case = only(&verdict);
    assert_eq!(
        case.message,
        "2 half-closes longer than 60 s; the budget allows 1"
    );
    assert_eq!(case.title, "at most 1 half-closes longer than 60 s");
    assert_eq!((case.connections, case.standing.clone()), (2, Standing::Fails));
    let first = &case.examples[0];
    assert_eq!((first.connection, first.packet), (3, Some(1902)));
    assert_eq!(first.message, "server in CLOSE-WAIT for 61.00 s and counting");
    let met = budget(&analysis, "max-half-closes = 2\nlonger-than = \"60s\"");
    assert!(met.cases.is_empty());
    let passed = met
        .passed
        .iter()
        .find(|passed| passed.code == "b")
        .expect("the budget");
    assert_eq!(passed.title, "at most 2 half-closes longer than 60 s at *");
}

#[test]
fn a_budget_for_a_percentile_is_exact_and_says_where_it_is_a_lower_bound() {
    let hundred: Vec<i64> = (1..=100).map(|count| count * SECOND).collect();
    let closed = half_closes(&hundred, false);
    for (limit, met) in [
        ("close-wait-p50 = \"50s\"", true),
        ("close-wait-p50 = \"49.999999999s\"", false),
        ("close-wait-p99 = \"99s\"", true),
        ("close-wait-p99 = \"98.999999999s\"", false),
        ("close-wait-max = \"100s\"", true),
        ("close-wait-max = \"99.999999999s\"", false),
    ] {
        assert_eq!(budget(&closed, limit).cases.is_empty(), met, "{limit}");
    }
    assert_eq!(
        messages(&budget(&closed, "close-wait-p99 = \"98s\"")),
        ["p99 of the time in CLOSE-WAIT is 99.00 s (of 100, 2 longer); the budget allows 98 s"]
    );
    assert_eq!(
        messages(&budget(
            &half_closes(&hundred, true),
            "close-wait-p50 = \"49.9999s\""
        )),
        ["p50 of the time in CLOSE-WAIT is at least 50 s (of 100, 51 longer); the budget allows 49.9999 s"],
        "where both round to the same, all digits are shown"
    );
}

#[test]
fn a_budget_for_fin_wait_2_takes_the_longest() {
    let analysis = half_closes(&[70 * SECOND, 59 * SECOND], true);
    assert_eq!(
        messages(&budget(&analysis, "fin-wait-2-max = \"60s\"")),
        ["max of the time in FIN-WAIT-2 is at least 70.00 s (of 2, 1 longer); the budget allows 60 s"]
    );
    assert!(budget(&analysis, "fin-wait-2-max = \"70s\"").cases.is_empty());
}

/// A connection of the service whose server enters TIME-WAIT and leaves it.
fn in_time_wait(id: u64, from: i64, until: Option<i64>) -> Connection {
    let step = |from_state: State, to: State, ns: i64| Transition {
        from: from_state,
        to,
        cause: Cause::FinReceived,
        packet: Some(id),
        at: at(ns),
        earliest: None,
        latest: None,
        evidence: Sent,
        proven_by: None,
    };
    let mut connection = open(id, "10.0.0.9:51300", SERVER);
    let life = &mut connection.endpoints.server;
    life.transitions = vec![step(FinWait2, TimeWait, from)];
    life.transitions
        .extend(until.map(|until| step(TimeWait, Closed, until)));
    connection
}

#[test]
fn a_budget_for_time_wait_takes_the_moment_with_the_most() {
    let connections = vec![
        in_time_wait(1, 0, Some(10 * SECOND)),
        in_time_wait(2, 10 * SECOND, Some(20 * SECOND)),
        in_time_wait(3, 12 * SECOND, Some(70 * SECOND)),
        in_time_wait(4, 19 * SECOND, None),
        in_time_wait(5, 90 * SECOND, None),
        in_time_wait(6, 15 * SECOND, Some(15 * SECOND)),
    ];
    let analysis = analysis(connections, 100 * SECOND);
    let verdict = budget(&analysis, "time-wait-peak = 2");
    let case = only(&verdict);
    let message = format!(
        "3 in TIME-WAIT at once, at {}; the budget allows 2",
        at(19 * SECOND)
    );
    assert_eq!(case.message, message);
    let shown: Vec<u64> = case.examples.iter().map(|example| example.connection).collect();
    assert_eq!(shown, [2, 3, 4]);
    assert!(budget(&analysis, "time-wait-peak = 3").cases.is_empty());
}

#[test]
fn both_ends_in_time_wait_take_one_4_tuple() {
    let mut connection = in_time_wait(1, 0, Some(10 * SECOND));
    let mut later = connection.endpoints.server.transitions.clone();
    for step in &mut later {
        step.at = step.at.plus(5 * SECOND);
    }
    connection.endpoints.client.transitions = later;
    let analysis = analysis(vec![connection], 100 * SECOND);
    assert!(budget(&analysis, "time-wait-peak = 1").cases.is_empty());
    assert_eq!(only(&budget(&analysis, "time-wait-peak = 0")).connections, 1);
}

#[test]
fn budgets_count_how_connections_ended() {
    let cases = [
        (
            "max-open = 0",
            "1 connection still open at the end; the budget allows 0",
        ),
        ("max-resets = 0", "1 connection reset; the budget allows 0"),
        ("max-refused = 0", "1 connection refused; the budget allows 0"),
        (
            "max-unanswered = 0",
            "1 connection unanswered; the budget allows 0",
        ),
    ];
    for (limit, message) in cases {
        assert_eq!(messages(&budget(&mixed(), limit)), [message]);
        assert!(budget(&mixed(), &limit.replace('0', "1")).cases.is_empty());
    }
}

#[test]
fn a_budget_for_handshakes() {
    assert_eq!(
        messages(&budget(&many(5), "handshake-p99 = \"239us\"")),
        ["p99 of the handshake's round trip is 240 µs (of 5, 5 longer); the budget allows 239 µs"]
    );
    assert!(budget(&many(5), "handshake-p99 = \"240us\"").cases.is_empty());
}

#[test]
fn a_budget_for_a_rule_counts_connections() {
    let mut analysis = found(3, Severity::Note);
    analysis.connections[0]
        .findings
        .push(finding(Server, Severity::Error, 1, "the worst"));
    let verdict = budget(&analysis, "rule = \"FN08\"\nmax = 2");
    let case = verdict.cases.iter().find(|case| case.budget).expect("the budget");
    assert_eq!(case.message, "3 connections with FN08; the budget allows 2");
    assert_eq!((case.connections, case.count), (3, 1 + 2 + 3 + 1));
    assert_eq!(case.examples[0].message, "the worst");
    assert_eq!(case.fingerprint, "budget:b 10.0.0.5:8080");
    let met = budget(&analysis, "rule = \"FN08\"\nmax = 3");
    assert!(met.cases.iter().all(|case| !case.budget));
}

#[test]
fn a_budget_holds_for_each_service_by_itself() {
    let text = "[[budget]]\nname = \"b\"\nservice = \"*:443\"\nlevel = \"warning\"\nmax-open = 1\n";
    let servers = [
        "10.0.0.1:443",
        "10.0.0.1:443",
        "10.0.0.2:443",
        "10.0.0.3:80",
        "10.0.0.3:80",
    ];
    let connections = (1..).zip(servers);
    let connections = connections.map(|(id, server)| open(id, "10.0.0.9:51300", server));
    let verdict = judged(&analysis(connections.collect(), SECOND), text);
    let case = only(&verdict);
    assert_eq!(case.fingerprint, "budget:b 10.0.0.1:443");
    assert_eq!(
        (case.severity, &case.standing),
        (Severity::Warning, &Standing::Reported)
    );
}

#[test]
fn a_budget_without_a_service_is_remarked() {
    let verdict = judged(
        &mixed(),
        "[[budget]]\nname = \"b\"\nservice = \"10.9.9.9:80\"\nmax-open = 0\n",
    );
    assert_eq!(verdict.remarks, ["budget \"b\": no connection to 10.9.9.9:80"]);
    assert!(!verdict.fails());
}

#[test]
fn an_exceeded_budget_can_be_in_the_baseline() {
    let rules = config("[[budget]]\nname = \"b\"\nservice = \"*\"\nmax-half-closes = 0\n");
    let two = half_closes(&[SECOND, SECOND], true);
    let baseline = Baseline::accepting(&verdict(&two, &rules, None, today()));
    assert_eq!(
        only(&verdict(&two, &rules, Some(&baseline), today())).standing,
        Standing::Known
    );
    let three = half_closes(&[SECOND, SECOND, SECOND], true);
    assert_eq!(
        messages(&verdict(&three, &rules, Some(&baseline), today())),
        ["3 half-closes; the budget allows 0; 3 connections now, the baseline accepts 2"]
    );
}

#[test]
fn a_damaged_capture_is_told_in_the_verdict() {
    let verdict = judged(&damaged(), "");
    assert!(!verdict.complete && verdict.damage.len() == 1 && !verdict.fails());
}

proptest! {
    /// The definition: the smallest value that at least so many percent of the values do not exceed.
    #[test]
    fn a_percentile_is_what_its_definition_says(mut values in prop::collection::vec(-50_i64..50, 1..300), percent in 1_u64..=100) {
        values.sort_unstable();
        let got = nearest_rank(&values, percent).expect("a value");
        let up_to = |bound: i64| values.iter().filter(|value| **value <= bound).count() as u64 * 100;
        let enough = percent * values.len() as u64;
        prop_assert!(values.contains(&got));
        prop_assert!(up_to(got) >= enough);
        prop_assert!(values.iter().all(|value| *value >= got || up_to(*value) < enough));
    }
}

#[test]
fn of_no_values_there_is_no_percentile() {
    assert_eq!(nearest_rank(&[], 99), None);
}
