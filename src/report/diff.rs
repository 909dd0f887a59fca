//! What changed, for people, as JSON, and as Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::diff::{Caveat, Difference, FindingChange, Origin, Rate, ServiceChange, ServiceFacts, Spread};
use crate::model::{Role, Severity};
use crate::report::escape::{self, Escaped, Markdown};
use crate::report::header::{Fact, labelled, wrapped};
use crate::report::look::{counted, number};
use crate::report::{Look, Tone};
use crate::time::human_duration;

/// So many of a list are shown; JSON has all.
const SHOWN: usize = 20;
/// Columns of a value.
const VALUE: usize = 12;
/// Columns of the name of a value.
const NAME: usize = 34;

/// Writes one JSON document.
///
/// # Errors
///
/// Those of `out`.
pub fn write_json(out: &mut dyn Write, difference: &Difference) -> io::Result<()> {
    escape::json::write_pretty(out, difference)?;
    out.write_all(b"\n")
}

/// Writes the screen.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, difference: &Difference, look: &Look) -> io::Result<()> {
    let mut lines = Vec::new();
    for (label, origin) in [("old", &difference.old), ("new", &difference.new)] {
        let mut facts = vec![Fact::new(Tone::Strong, Escaped(&origin.name).to_string())];
        facts.extend(sizes(origin).into_iter().map(|text| Fact::plain(look.text(text))));
        lines.extend(labelled(look, label, Tone::Strong, &facts));
    }
    for (index, caveat) in difference.caveats.iter().enumerate() {
        let label = if index == 0 { "careful" } else { "" };
        let text = look.text(Escaped(&caveat_text(caveat)).to_string());
        lines.extend(labelled(
            look,
            label,
            Tone::Attention,
            &[Fact::new(Tone::Attention, text)],
        ));
    }
    for (title, list) in sections(difference) {
        if list.is_empty() {
            continue;
        }
        lines.push(String::new());
        lines.push(look.paint(Tone::Strong, &format!("{title} ({})", number(list.len() as u64))));
        for change in list.iter().take(SHOWN) {
            finding_lines(change, look, &mut lines);
        }
        lines.extend(more(look, list.len()));
    }
    for change in difference.services.iter().take(SHOWN) {
        lines.push(String::new());
        let service = change.service.to_string();
        let long = service.chars().count() > NAME;
        if long {
            lines.push(look.paint(Tone::Strong, &service));
        }
        let head = [
            if long { String::new() } else { service },
            "old".to_owned(),
            "new".to_owned(),
        ];
        lines.push(look.paint(Tone::Strong, &columns(&head)));
        for (name, old, new) in rows(change) {
            lines.push(columns(&[format!("  {name}"), look.text(old), look.text(new)]));
        }
    }
    lines.extend(more(look, difference.services.len()));
    lines.push(String::new());
    lines.extend(wrapped(look, look.width, &same(difference)));
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

/// A line that says how much of a list is not shown.
fn more(look: &Look, length: usize) -> Option<String> {
    let rest = length.checked_sub(SHOWN).filter(|rest| *rest > 0)?;
    let text = format!("{} {} more: --format json", look.ellipsis(), number(rest as u64));
    Some(look.paint(Tone::Dim, &text))
}

fn sections(difference: &Difference) -> [(&'static str, &Vec<FindingChange>); 3] {
    [
        ("New findings", &difference.new_findings),
        ("Findings that are gone", &difference.gone_findings),
        ("Findings at another rate", &difference.changed_findings),
    ]
}

fn finding_lines(change: &FindingChange, look: &Look, lines: &mut Vec<String>) {
    let tone = match change.severity() {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Attention,
        Severity::Note | Severity::Info => Tone::Plain,
    };
    let severity = severity_text(change, look.arrow());
    let code = Escaped(&change.code).to_string();
    let name = Escaped(&change.name).to_string();
    lines.push(format!(
        "{} {} {name}",
        look.paint(tone, &format!("{severity:<8}")),
        look.paint(Tone::Strong, &code)
    ));
    let mut facts = vec![Fact::plain(place(change))];
    facts.push(Fact::plain(format!(
        "{} {} {}",
        rate(change.old),
        look.arrow(),
        rate(change.new)
    )));
    facts.extend(per_1000(change, look.arrow()).map(|text| Fact::new(Tone::Dim, text)));
    let room = look.width.saturating_sub(9).max(20);
    lines.extend(
        wrapped(look, room, &facts)
            .into_iter()
            .map(|line| format!("{}{line}", " ".repeat(9))),
    );
}

/// `error`, or `note → error` where that changed.
fn severity_text(change: &FindingChange, arrow: &str) -> String {
    match (change.old_severity, change.new_severity) {
        (Some(old), Some(new)) if old != new => format!("{} {arrow} {}", old.name(), new.name()),
        (_, _) => change.severity().name().to_owned(),
    }
}

fn place(change: &FindingChange) -> String {
    let side = change.endpoint.map(Role::name);
    match (change.service, side) {
        (Some(service), Some(side)) => format!("{service} {side}"),
        (Some(service), None) => service.to_string(),
        (None, Some(side)) => format!("the capture, {side}"),
        (None, None) => "the capture".to_owned(),
    }
}

fn rate(rate: Rate) -> String {
    format!("{} of {}", number(rate.connections), number(rate.of))
}

fn per_1000(change: &FindingChange, arrow: &str) -> Option<String> {
    let text = |rate: Rate| rate.per_1000().map_or("none".to_owned(), number);
    (change.old.of.max(change.new.of) > 0).then(|| {
        format!(
            "{} {arrow} {} per 1 000 connections",
            text(change.old),
            text(change.new)
        )
    })
}

fn sizes(origin: &Origin) -> Vec<String> {
    let mut facts = vec![
        counted(origin.packets, "packet"),
        counted(origin.connections, "connection"),
    ];
    facts.extend(origin.span_ns.map(human_duration));
    facts
}

pub(super) fn caveat_text(caveat: &Caveat) -> String {
    let pair = |what: &str, old: u64, new: u64| {
        format!(
            "{what}: {} in the old one, {} in the new one",
            number(old),
            number(new)
        )
    };
    match caveat {
        Caveat::Incomplete { side } => {
            format!("the {} one is damaged or cut off: it is not all", side.name())
        }
        Caveat::Empty { side } => format!("the {} one has no connection", side.name()),
        Caveat::Selection {
            side,
            connections,
            of,
        } => format!(
            "the {} one is a selection: {} of {}",
            side.name(),
            number(*connections),
            counted(*of, "connection")
        ),
        Caveat::Length { old_ns, new_ns } => format!(
            "other length, {} and {}: half-closes and states at the end had another time to develop",
            human_duration(*old_ns),
            human_duration(*new_ns)
        ),
        Caveat::Missing { old_bytes, new_bytes } => pair("octets not captured", *old_bytes, *new_bytes),
        Caveat::OneSided { old, new } => pair("one-sided connections", *old, *new),
        Caveat::Duplicates { old, new } => pair("segments recorded twice", *old, *new),
        Caveat::Cut { old, new } => pair("segments cut by the snap length", *old, *new),
        Caveat::ClockSteps { old, new } => pair("time steps back", *old, *new),
        Caveat::TimeWait { old_ns, new_ns } => {
            format!(
                "2 MSL was taken as {} and {}",
                human_duration(*old_ns),
                human_duration(*new_ns)
            )
        }
        Caveat::Program { old, new } => format!("written by {old} and {new}: rules may have been added"),
    }
}

/// What differs at a service: name, before, now.
fn rows(change: &ServiceChange) -> Vec<(String, String, String)> {
    let none = ServiceFacts::default();
    let (old, new) = (
        change.old.as_ref().unwrap_or(&none),
        change.new.as_ref().unwrap_or(&none),
    );
    let mut rows = vec![(
        "connections".to_owned(),
        number(old.connections),
        number(new.connections),
    )];
    let mut counts = |prefix: &str, old: &BTreeMap<&str, u64>, new: &BTreeMap<&str, u64>| {
        let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        for name in names {
            let of = |map: &BTreeMap<&str, u64>| map.get(name).copied().unwrap_or(0);
            if of(old) != of(new) {
                rows.push((format!("{prefix}{name}"), number(of(old)), number(of(new))));
            }
        }
    };
    counts("", &old.outcomes, &new.outcomes);
    counts("client at the end ", &old.client_states, &new.client_states);
    counts("server at the end ", &old.server_states, &new.server_states);
    spreads("half-close", true, old.half_close, new.half_close, &mut rows);
    if old.half_closes_open != new.half_closes_open {
        rows.push((
            "half-closes open".to_owned(),
            number(old.half_closes_open),
            number(new.half_closes_open),
        ));
    }
    spreads(
        "handshake",
        false,
        old.handshake_rtt,
        new.handshake_rtt,
        &mut rows,
    );
    rows
}

fn spreads(
    name: &str,
    with_max: bool,
    old: Option<Spread>,
    new: Option<Spread>,
    rows: &mut Vec<(String, String, String)>,
) {
    type Value = fn(Spread) -> i64;
    let values: [(&str, Value); 3] = [
        ("p50", |spread| spread.p50_ns),
        ("p99", |spread| spread.p99_ns),
        ("max", |spread| spread.max_ns),
    ];
    for (rank, value) in values.into_iter().take(if with_max { 3 } else { 2 }) {
        let text = |ns: Option<i64>| ns.map_or("none".to_owned(), human_duration);
        let (before, now) = (text(old.map(value)), text(new.map(value)));
        // What reads the same would only raise questions.
        if before != now {
            rows.push((format!("{name} {rank}"), before, now));
        }
    }
}

fn columns([name, old, new]: &[String; 3]) -> String {
    format!("{name:<NAME$} {old:>VALUE$} {new:>VALUE$}")
}

/// What did not change, and whether anything did.
fn same(difference: &Difference) -> Vec<Fact> {
    let mut facts = Vec::new();
    if difference.is_empty() {
        facts.push(Fact::new(Tone::Good, "no difference"));
    }
    facts.push(Fact::new(
        Tone::Dim,
        format!(
            "the same: {}, {}",
            counted(difference.same_findings, "finding"),
            counted(difference.same_services, "service")
        ),
    ));
    facts
}

/// Writes Markdown.
///
/// # Errors
///
/// Those of `out`.
pub fn write_markdown(out: &mut dyn Write, difference: &Difference) -> io::Result<()> {
    writeln!(out, "| | file | |\n| --- | --- | --- |")?;
    for (label, origin) in [("old", &difference.old), ("new", &difference.new)] {
        writeln!(
            out,
            "| {label} | {} | {} |",
            Markdown(&origin.name),
            sizes(origin).join(", ")
        )?;
    }
    if !difference.caveats.is_empty() {
        writeln!(out, "\n**Careful:**\n")?;
    }
    for caveat in &difference.caveats {
        writeln!(out, "- {}", Markdown(&caveat_text(caveat)))?;
    }
    for (title, list) in sections(difference) {
        if list.is_empty() {
            continue;
        }
        writeln!(out, "\n### {title} ({})\n", list.len())?;
        writeln!(
            out,
            "| severity | code | name | where | old | new | per 1 000 connections |"
        )?;
        writeln!(out, "| --- | --- | --- | --- | ---: | ---: | ---: |")?;
        for change in list {
            let cells = [
                severity_text(change, "→"),
                Markdown(&change.code).to_string(),
                Markdown(&change.name).to_string(),
                Markdown(&place(change)).to_string(),
                rate(change.old),
                rate(change.new),
                per_1000(change, "→")
                    .unwrap_or_default()
                    .replace(" per 1 000 connections", ""),
            ];
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
    }
    for change in &difference.services {
        writeln!(out, "\n### {}\n", Markdown(&change.service.to_string()))?;
        writeln!(out, "| | old | new |\n| --- | ---: | ---: |")?;
        for (name, old, new) in rows(change) {
            writeln!(out, "| {name} | {old} | {new} |")?;
        }
    }
    let verdict = if difference.is_empty() {
        "**No difference.** "
    } else {
        ""
    };
    writeln!(
        out,
        "\n{verdict}The same: {}, {}.",
        counted(difference.same_findings, "finding"),
        counted(difference.same_services, "service")
    )
}
