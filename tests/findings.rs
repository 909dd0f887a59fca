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
            let capture = story::capture(&segments, end);
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
