//! Every rule fires in its own example, once and where marked, and stays silent in what its documentation says is not it.

mod story;

use std::collections::BTreeSet;

use tcptrace_states::findings::{self, Check, Rule, Settings};
use tcptrace_states::model::Severity;

/// Packets at which the rule fires in a story; 0 where no packet shows it.
fn fires(rule: &Rule, story: &str) -> Vec<u64> {
    let settings = Settings {
        least: Severity::Info,
        ..Settings::default()
    };
    let (segments, end) = story::read(story);
    let mut connections = story::observe(&segments, end);
    let packets: Vec<u64> = match rule.check {
        Check::Connection(_) => {
            for connection in &mut connections {
                findings::judge(connection, end, story::TIME_WAIT, &settings);
            }
            let found = connections.iter().flat_map(|connection| &connection.findings);
            let found = found.filter(|finding| finding.code == rule.code);
            found.map(|finding| finding.packet.unwrap_or(0)).collect()
        }
        Check::Together => {
            let mut capture = story::capture(&segments, end);
            capture.skipped = story::skipped(story);
            capture.evicted_connections = story::evicted(story);
            let found = findings::service::judge(&capture, &connections, &settings);
            found
                .iter()
                .filter(|finding| finding.code == rule.code)
                .map(|_| 0)
                .collect()
        }
    };
    packets
}

#[test]
fn every_rule_fires_in_its_example() {
    let mut wrong = Vec::new();
    for rule in findings::rules() {
        let example = rule
            .story("Example")
            .unwrap_or_else(|| panic!("{} has no example", rule.code));
        let wanted = story::marked(&example);
        let got = fires(rule, &example);
        if got.len() != 1 || wanted.is_some_and(|wanted| got != [wanted]) {
            wrong.push(format!("{} at {wanted:?}, got {got:?}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_rule_fires_in_what_is_not_it() {
    let mut wrong = Vec::new();
    for rule in findings::rules() {
        let other = rule
            .story("Not this")
            .unwrap_or_else(|| panic!("{} has no such story", rule.code));
        let got = fires(rule, &other);
        if !got.is_empty() {
            wrong.push(format!("{}: {got:?}", rule.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rules_are_documented_and_named_once() {
    let mut codes = BTreeSet::new();
    let mut names = BTreeSet::new();
    for rule in findings::rules() {
        assert!(codes.insert(rule.code), "{} twice", rule.code);
        assert!(names.insert(rule.name), "{} twice", rule.name);
        for heading in ["Why it matters", "Reference"] {
            let text = rule.section(heading).unwrap_or_default();
            assert!(!text.is_empty(), "{} says nothing under {heading}", rule.code);
        }
        assert!(rule.summary().ends_with('.'), "{}: {}", rule.code, rule.summary());
    }
}

#[test]
fn octets_behind_their_own_acknowledgment_are_out_of_order_and_not_lost() {
    let story = "open
        1.000 S>C ACK     seq=301 ack=111
        1.001 C>S PSH,ACK seq=101 ack=301 len=10
        1.010 C>S PSH,ACK seq=111 ack=301 len=10";
    let rule = |code| findings::find(code).expect("a rule");
    assert_eq!(fires(rule("CP04"), story), [4]);
    assert_eq!(fires(rule("CP02"), story), [0; 0]);
}

#[test]
fn a_syn_again_with_fewer_options_is_a_note() {
    let story = "0.000 C>S SYN seq=100 mss=1460 ws=7 sackok ts=10/0
        1.000 C>S SYN seq=100 mss=1460 sackok";
    let (segments, end) = story::read(story);
    let connections = story::observe(&segments, end);
    let found = connections.iter().flat_map(|connection| &connection.findings);
    let of_options: Vec<Severity> = found
        .filter(|finding| finding.code == "OP06")
        .map(|finding| finding.severity)
        .collect();
    assert_eq!(of_options, [Severity::Note]);
}

#[test]
fn a_segment_that_the_receiver_has_does_not_make_later_ones_old() {
    // Only an acceptable segment moves TS.Recent: #5 is a copy of what was acknowledged, and #6 fills a hole.
    let story = "0.000 C>S SYN     seq=100 ts=5000/0
        0.010 S>C SYN,ACK seq=300 ack=101 ts=70/5000
        0.020 C>S PSH,ACK seq=101 ack=301 len=10 ts=5020/70
        0.030 S>C ACK     seq=301 ack=111 ts=90/5020
        0.040 C>S PSH,ACK seq=101 ack=301 len=10 ts=5050/90
        0.041 C>S PSH,ACK seq=111 ack=301 len=10 ts=5030/90";
    assert_eq!(fires(findings::find("SQ04").expect("a rule"), story), [0; 0]);
}
