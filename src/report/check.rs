//! What `check` says, for people and for the machines of a CI system. All of it is in [`crate::check::Verdict`].
//!
//! | format | for |
//! | --- | --- |
//! | [`human`] | a terminal |
//! | [`json`] | other programs |
//! | [`junit`] | test reports of CI systems |
//! | [`sarif`] | code scanning |
//! | [`github`] | annotations of a GitHub Actions run |
//! | [`markdown`] | the summary of a GitHub Actions run |
//!
//! All of them say first whether the check fails, none hides that the input was incomplete, and every text from outside goes
//! through [`crate::report::escape`].

pub mod github;
pub mod human;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sarif;

use std::collections::BTreeSet;

use crate::check::{Case, Example, Standing, Verdict};
use crate::model::Role;
use crate::report::escape::clipped;
use crate::report::look::{counted, number};

/// Name of the program, as it stands in every format.
const TOOL: &str = env!("CARGO_PKG_NAME");
/// Its version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Examples that a case shows where room is short.
const EXAMPLES: usize = 3;

/// Characters of one text from outside where room is short.
const CLIP: usize = 300;

/// `FAIL` or `ok`.
pub(super) fn word(verdict: &Verdict) -> &'static str {
    if verdict.fails() { "FAIL" } else { "ok" }
}

/// The verdict in one sentence: `2 of 14 rules fail`.
pub(super) fn sentence(verdict: &Verdict) -> String {
    let failing = verdict
        .cases
        .iter()
        .filter(|case| case.standing == Standing::Fails);
    let failing = distinct(failing.map(|case| case.code.as_str()));
    let found = verdict.cases.iter().map(|case| case.code.as_str());
    let passed = verdict.passed.iter().map(|passed| passed.code.as_str());
    let checked = distinct(found.chain(passed));
    let of = counted(checked, "rule");
    let sentence = match failing {
        0 if checked == 0 => "no rule was checked".to_owned(),
        0 => format!("{of} checked, none fails"),
        1 => format!("1 of {of} fails"),
        _ => format!("{} of {of} fail", number(failing)),
    };
    if verdict.complete || checked == 0 {
        sentence
    } else {
        sentence + " in what could be read"
    }
}

fn distinct<'a>(codes: impl Iterator<Item = &'a str>) -> u64 {
    codes.collect::<BTreeSet<&str>>().len() as u64
}

/// How many cases stand how; what there is none of is left out.
pub(super) fn tally(verdict: &Verdict) -> Vec<String> {
    let allowed = Standing::Allowed {
        reason: String::new(),
        expires: None,
    };
    let kinds = [
        (Standing::Fails, "failing"),
        (Standing::Reported, "not failing"),
        (allowed, "allowed"),
        (Standing::Known, "in the baseline"),
    ];
    let counts = kinds.iter().map(|(kind, name)| (verdict.count(kind), name));
    counts
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{} {name}", number(count as u64)))
        .collect()
}

/// What was checked: files (the first few), packets, connections, and what makes the check fail.
fn checked(verdict: &Verdict, ellipsis: &str) -> Vec<String> {
    let files = verdict.files.iter().take(EXAMPLES);
    let mut facts: Vec<String> = files.map(|file| clip(file, ellipsis)).collect();
    if verdict.files.len() > EXAMPLES {
        facts.push(format!(
            "{ellipsis} {}",
            counted(verdict.files.len() as u64, "file")
        ));
    }
    facts.push(counted(verdict.packets, "packet"));
    facts.push(counted(verdict.connections, "connection"));
    facts.push(match verdict.fail_on {
        Some(severity) => format!("fails from {} on", severity.name()),
        None => "fails never".to_owned(),
    });
    facts
}

/// What was wrong with the input, and what follows from that; empty for sound input.
fn damage(verdict: &Verdict) -> Vec<&str> {
    let rest = (!verdict.complete).then_some("what is said here covers only what was read before");
    verdict.damage.iter().map(String::as_str).chain(rest).collect()
}

/// One word on the input that is not sound.
fn damage_word(verdict: &Verdict) -> &'static str {
    if verdict.complete { "damaged" } else { "incomplete" }
}

/// Code and name of a case. What a budget demands is its name.
pub(super) fn subject(case: &Case, ellipsis: &str) -> String {
    let (code, title) = (clip(&case.code, ellipsis), clip(&case.title, ellipsis));
    if case.budget {
        format!("budget {code}: {title}")
    } else {
        format!("{code} {title}")
    }
}

/// The service of a case and the side of the connections that it is about: ` at 10.0.0.9:80 (server)`.
pub(super) fn place(case: &Case) -> String {
    let service = case
        .service
        .map_or_else(String::new, |service| format!(" at {service}"));
    let side = case
        .endpoint
        .map_or_else(String::new, |role: Role| format!(" ({})", role.name()));
    service + &side
}

/// `3 connections, 12 times`.
pub(super) fn frequency(case: &Case) -> String {
    let connections = counted(case.connections, "connection");
    if case.count == case.connections {
        return connections;
    }
    format!("{connections}, {}", counted(case.count, "time"))
}

/// Why a case does not count, if that needs words.
fn excuse(standing: &Standing, ellipsis: &str) -> Option<String> {
    match standing {
        Standing::Fails | Standing::Reported => None,
        Standing::Known => Some("in the baseline".to_owned()),
        Standing::Allowed { reason, expires } => {
            let until = expires
                .as_ref()
                .map_or_else(String::new, |day| format!(" until {}", clip(day, ellipsis)));
            Some(format!("allowed{until}: {}", clip(reason, ellipsis)))
        }
    }
}

/// One connection that shows a case: which, where, and what if that is not what the case says anyway.
fn example(case: &Case, example: &Example, arrow: &str, ellipsis: &str) -> String {
    let Example { client, server, .. } = example;
    let mut text = format!("connection {}, {client} {arrow} {server}", example.connection);
    match (example.packet, example.at) {
        (Some(packet), _) => text += &format!(", packet {packet}"),
        (None, Some(at)) => text += &format!(", since {at}"),
        (None, None) => {}
    }
    if !example.message.is_empty() && example.message != case.message {
        text += &format!(": {}", clip(&example.message, ellipsis));
    }
    text
}

/// All that is known of a case behind its heading, one fact a line, for formats without a layout of their own.
fn details(case: &Case, examples: usize) -> Vec<String> {
    let (arrow, ellipsis) = ("->", "…");
    let mut lines = vec![format!(
        "{}, {}, {}",
        case.severity.name(),
        case.confidence.name(),
        frequency(case)
    )];
    lines.extend(excuse(&case.standing, ellipsis));
    lines.extend(
        (case.examples.iter().take(examples)).map(|connection| example(case, connection, arrow, ellipsis)),
    );
    lines
}

/// A text from outside, cut to a length that can be read. It is still to be escaped.
pub(super) fn clip(text: &str, ellipsis: &str) -> String {
    match clipped(text, CLIP) {
        (text, false) => text.to_owned(),
        (start, true) => {
            let length = number(text.chars().count() as u64);
            format!("{start}{ellipsis} ({length} characters)")
        }
    }
}
