//! The beginning: what the capture is, what there is to say of it, how its connections ended.

use maud::{Markup, html};

use super::{Besides, percent, plain};
use crate::check::{Standing, Verdict};
use crate::diff::Difference;
use crate::model::{Analysis, Capture, Outcome, Severity};
use crate::quality::Quality;
use crate::report::escape::{Html, clipped};
use crate::report::look::{counted, number};
use crate::report::{Tone, check, header, outcome_tone};
use crate::select::attention;
use crate::time::human_duration;

/// Files named in the heading, and their letters.
const FILES: usize = 3;
const LETTERS: usize = 120;
/// Cases of `check`, remarks, and lines of damage that are shown.
const CASES: usize = 100;
const REMARKS: usize = 30;

/// The name of the document: its files.
pub(super) fn title(capture: &Capture) -> String {
    let mut names: Vec<String> = (capture.files.iter().take(FILES))
        .map(|file| {
            let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
            let (name, cut) = clipped(name, LETTERS);
            format!("{name}{}", if cut { "…" } else { "" })
        })
        .collect();
    if capture.files.len() > FILES {
        names.push(format!(
            "and {} more",
            number((capture.files.len() - FILES) as u64)
        ));
    }
    if names.is_empty() {
        names.push("no file".to_owned());
    }
    names.join(", ")
}

/// The verdict in one line, and how loud it is.
fn verdict(analysis: &Analysis, besides: &Besides<'_>) -> (&'static str, String) {
    if let Some(verdict) = besides.verdict {
        let tone = if verdict.fails() { "bad" } else { "good" };
        return (
            tone,
            format!("{}: {}", check::word(verdict), check::sentence(verdict)),
        );
    }
    let summary = &analysis.summary;
    let count = |of: fn(&crate::model::FindingTotal) -> u64| summary.findings.values().map(of).sum::<u64>();
    let (errors, warnings) = (count(|one| one.errors), count(|one| one.warnings));
    let of = counted(summary.connections, "connection");
    let found: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count, noun))
        .collect();
    match (errors, warnings) {
        _ if summary.connections == 0 => ("plain", "No TCP connection in this capture".to_owned()),
        (0, 0) => ("good", format!("No error and no warning in {of}")),
        (0, _) => ("attention", format!("{} in {of}", found.join(", "))),
        (_, _) => ("bad", format!("{} in {of}", found.join(", "))),
    }
}

/// The heading, and the way into the sections.
pub(super) fn banner(analysis: &Analysis, quality: &Quality, besides: &Besides<'_>, shown: u64) -> Markup {
    let capture = &analysis.capture;
    let (tone, text) = verdict(analysis, besides);
    let span = match (capture.first_time, capture.last_time) {
        (Some(first), Some(last)) => Some((first, last.since(first))),
        (Some(_), None) | (None, Some(_)) | (None, None) => None,
    };
    html! {
        header.banner {
            p.kicker { "TCP connection states" }
            h1 { (Html(&title(capture))) }
            p.verdict.(tone) {
                span.mark aria-hidden="true" { (symbol(tone)) }
                (Html(&text))
            }
            dl.tiles {
                div { dt { "Connections" } dd { (number(analysis.summary.connections)) } }
                div { dt { "Packets" } dd { (number(capture.packets)) } }
                div { dt { "Time covered" } dd {
                    @match span { Some((_, length)) => (human_duration(length)), None => "none" }
                } }
                div { dt { "Begins (UTC)" } dd.small {
                    @match span { Some((first, _)) => (first.to_string().replace('T', " ").get(..19).unwrap_or_default()), None => "–" }
                } }
                div { dt { "Transitions proven" } dd {
                    (percent_of(quality.proven_transitions, quality.proven_transitions.saturating_add(quality.unproven_transitions)))
                } }
            }
            @if shown < analysis.summary.connections {
                p.note {
                    "A selection: " (number(shown)) " of " (counted(analysis.summary.connections, "connection"))
                    ". The counts above are those of the capture, all lists and plots below those of the selection."
                }
            }
        }
        nav aria-label="Sections" {
            a href="#overview" { "Overview" }
            a href="#findings" { "Findings" }
            a href="#timeline" { "Timeline" }
            a href="#population" { "Populations" }
            a href="#connections" { "Connections" }
        }
        (maud::PreEscaped("<main>"))
    }
}

fn percent_of(part: u64, of: u64) -> String {
    if of == 0 {
        return "–".to_owned();
    }
    format!("{} %", part.saturating_mul(100) / of)
}

fn symbol(tone: &str) -> &'static str {
    match tone {
        "bad" => "✗",
        "attention" => "!",
        "good" => "✓",
        _ => "·",
    }
}

/// How loud a tone is, as a class.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "bad",
        Tone::Attention => "attention",
        Tone::Good => "good",
        Tone::Plain | Tone::Strong => "plain",
        Tone::Dim => "dim",
    }
}

/// How connections ended, and how far the capture can be trusted.
pub(super) fn section(analysis: &Analysis, quality: &Quality, besides: &Besides<'_>) -> Markup {
    html! {
        section id="overview" aria-labelledby="overview-h" {
            h2 id="overview-h" { "Overview" }
            @if let Some(verdict) = besides.verdict { (checked(verdict)) }
            @if let Some(difference) = besides.difference { (changed(difference)) }
            div.columns {
                div { h3 { "How connections ended" } (outcomes(analysis)) }
                div { h3 { "Capture quality" } (trust(analysis, quality)) }
            }
        }
    }
}

fn outcomes(analysis: &Analysis) -> Markup {
    let summary = &analysis.summary;
    let mut order = Outcome::ALL;
    order.sort_by_key(|outcome| attention(*outcome));
    let count = |outcome: Outcome| summary.outcomes.get(outcome.name()).copied().unwrap_or(0);
    let most = order.iter().map(|outcome| count(*outcome)).max().unwrap_or(0);
    html! {
        @if summary.connections == 0 { p.dim { "No connection." } } @else {
            table.bars {
                caption.sr { "Connections by how they ended" }
                thead.sr { tr { th scope="col" { "Outcome" } th scope="col" { "Share" } th scope="col" { "Connections" } } }
                tbody {
                    @for outcome in order.into_iter().filter(|outcome| count(*outcome) > 0) {
                        tr {
                            th scope="row" { (outcome.name()) }
                            td.bar { svg width="100%" height="14" aria-hidden="true" {
                                rect.(class(outcome_tone(outcome))) width=(percent(count(outcome), most) + "%") height="14" rx="2" {}
                            } }
                            td.n { (number(count(outcome))) }
                        }
                    }
                }
            }
        }
    }
}

fn trust(analysis: &Analysis, quality: &Quality) -> Markup {
    let (capture, look) = (&analysis.capture, plain());
    html! {
        @if !capture.complete || !capture.damage.is_empty() {
            div.alert {
                p { strong { @if capture.complete { "The input is damaged." } @else {
                    "The input is incomplete: all that follows covers only what was read before."
                } } }
                ul {
                    @for text in capture.damage.iter().take(REMARKS) { li { (Html(&clip(text))) } }
                    @if capture.damage.len() > REMARKS { li { "and " (number((capture.damage.len() - REMARKS) as u64)) " more" } }
                }
            }
        }
        ul.facts {
            @for fact in header::source(capture, &look).into_iter().chain(header::quality(capture, &look)) {
                li.(class(fact.tone)) { (Html(&clip(&fact.text))) }
            }
        }
        @if quality.caveats.is_empty() {
            @if capture.packets > 0 { p.good { "Nothing in this capture weakens the states that are shown." } }
        } @else {
            ul.caveats {
                @for caveat in &quality.caveats {
                    li {
                        strong { (caveat.what) ": " (number(caveat.count)) @if let Some(of) = caveat.of { " of " (number(of)) } }
                        span { (caveat.means) ". " em { "Next time: " } (caveat.advice) "." }
                    }
                }
            }
        }
    }
}

fn clip(text: &str) -> String {
    check::clip(text, "…")
}

/// What `check` says, case by case.
fn checked(verdict: &Verdict) -> Markup {
    html! {
        h3 { "Check: " (check::word(verdict)) }
        @if verdict.cases.is_empty() { p { "Nothing was found that a rule or a budget speaks of." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Cases of the check" { table.list {
                thead { tr {
                    th scope="col" { "Standing" } th scope="col" { "Severity" } th scope="col" { "Rule or budget" }
                    th scope="col" { "Where" } th.n scope="col" { "How often" } th scope="col" { "What" }
                } }
                tbody { @for case in verdict.cases.iter().take(CASES) { tr {
                    td { @match &case.standing {
                        Standing::Fails => strong.bad { "fails" },
                        Standing::Reported => "reported",
                        Standing::Allowed { reason, .. } => { "allowed: " (Html(&clip(reason))) },
                        Standing::Known => "in the baseline",
                    } }
                    td { (badge(case.severity)) }
                    td { (Html(&check::subject(case, "…"))) }
                    td { (Html(check::place(case).trim_start_matches(" at ").trim())) }
                    td.n { (check::frequency(case)) }
                    td { (Html(&clip(&case.message))) }
                } } }
            } }
            @if verdict.cases.len() > CASES { p.note { (number((verdict.cases.len() - CASES) as u64)) " more cases are not listed here." } }
        }
        @if !verdict.remarks.is_empty() { ul.facts {
            @for remark in verdict.remarks.iter().take(REMARKS) { li { (Html(&clip(remark))) } }
            @if verdict.remarks.len() > REMARKS { li { "and " (number((verdict.remarks.len() - REMARKS) as u64)) " more remarks" } }
        } }
    }
}

/// The word of a severity as a badge.
pub(super) fn badge(severity: Severity) -> Markup {
    let sign = match severity {
        Severity::Error => "✗",
        Severity::Warning => "!",
        Severity::Note | Severity::Info => "·",
    };
    html! { span.badge.(severity.name()) { span aria-hidden="true" { (sign) } (severity.name()) } }
}

/// What `diff` says of findings, as far as they differ.
fn changed(difference: &Difference) -> Markup {
    let sections = [
        ("new", &difference.new_findings),
        ("gone", &difference.gone_findings),
        ("changed", &difference.changed_findings),
    ];
    let all = sections.iter().map(|(_, list)| list.len()).sum::<usize>();
    let rows = sections
        .into_iter()
        .flat_map(|(what, list)| list.iter().map(move |change| (what, change)));
    html! {
        h3 { "What changed since " (Html(&clip(&difference.old.name))) }
        @if all == 0 { p.good { "No finding is new, gone or changed." } } @else {
            div.scroll tabindex="0" role="region" aria-label="Findings that changed" { table.list {
                thead { tr {
                    th scope="col" { "" } th scope="col" { "Severity" } th scope="col" { "Rule" } th scope="col" { "Service" }
                    th.n scope="col" { "Before" } th.n scope="col" { "Now" }
                } }
                tbody { @for (what, change) in rows.take(CASES) { tr {
                    td { @if what == "new" { strong.bad { (what) } } @else { (what) } }
                    td { (badge(change.severity())) }
                    td { (Html(&change.code)) " " (Html(&change.name)) }
                    td { @match change.service { Some(service) => (service), None => "the capture" }
                        @if let Some(endpoint) = change.endpoint { " · " (endpoint.name()) } }
                    td.n { (number(change.old.connections)) " of " (number(change.old.of)) }
                    td.n { (number(change.new.connections)) " of " (number(change.new.of)) }
                } } }
            } }
            @if all > CASES { p.note { (number((all - CASES) as u64)) " more changes are not listed here." } }
        }
        @for caveat in &difference.caveats { p.note { (Html(&crate::report::diff::caveat_text(caveat))) } }
    }
}
