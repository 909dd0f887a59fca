//! One self-contained HTML document: overview, findings, the state timeline, populations over time, and ladders.
//!
//! It needs no network and no other file, and its policy (Content-Security-Policy) allows none: the style sheet and the script
//! are known to it by their hashes, and nothing else runs. Everything can be read without the script, which adds zoom, filters,
//! sorting, and the lanes beyond the first ones. Text from outside goes through [`Html`] or a table of numbers and addresses,
//! and never becomes markup.
//!
//! The document stays below 5 MB whatever the capture holds: each part has its share, and what a part has no room for is
//! counted in it. Findings are never sampled: each names the numbers of all its connections. Those come first; lanes get of the
//! rest what they need, up to a bound, and ladders all that is left then. Numbers and most ladders are packed (see the module
//! `packed`): what the script unpacks is text that was made here, escaped as all other.

mod charts;
mod found;
mod frame;
mod gather;
mod ladders;
mod lane;
mod lists;
mod overview;
mod packed;
mod population;
mod sample;
mod strip;
mod timeline;

use std::io::{self, Write};

use maud::Markup;

pub use gather::{Gathered, Wanted};
pub use ladders::Ladders;

use crate::check::Verdict;
use crate::diff::Difference;
use crate::model::Analysis;
use crate::population::Span;
use crate::quality::Hosts;
use crate::report::escape::Html;
use crate::report::{Look, Rows, SequenceNumbers};

/// Octets of all parts together: what the parts do not count of themselves (words between numbers) makes some thousand more.
const MOST: usize = 4_900_000;
/// Of these, for numbers of connections with findings at most, and kept free for what is told of findings.
const NUMBERS: usize = 3_000_000;
const FINDINGS: usize = 1_200_000;

/// What a command has to say besides the connections.
#[derive(Default)]
pub struct Besides<'a> {
    /// What `check` says.
    pub verdict: Option<&'a Verdict>,
    /// What `diff` says.
    pub difference: Option<&'a Difference>,
    /// Ports that a client has for connections to one service.
    pub ephemeral_ports: u32,
}

/// Writes the document. Of `analysis` all but the connections is shown: what is shown of those was gathered.
///
/// # Errors
///
/// Those of `out`.
pub fn write(
    out: &mut dyn Write,
    analysis: &Analysis,
    gathered: Gathered,
    ladders: &Ladders,
    besides: &Besides<'_>,
) -> io::Result<()> {
    let Gathered {
        span,
        lanes,
        mut rules,
        over_time,
        half_closes,
        stays,
        quality,
        evicted,
        ..
    } = gathered;
    for finding in &analysis.findings {
        found::add_together(&mut rules, finding);
    }
    let quality = quality.told(analysis, Hosts::default());
    let leaks = half_closes.leaks(span);
    let mut charts = charts::Charts::default();
    let population = population::section(
        &mut charts,
        &over_time.told(population::SERVICES),
        &leaks,
        &stays.time_waits(span, analysis.capture.time_wait_ns, besides.ephemeral_ports),
        span,
    );

    // What has a bound of its own comes first; then findings, lanes and ladders share what is left.
    let title = overview::title(&analysis.capture);
    let top = [
        frame::head(&title),
        overview::banner(analysis, &quality, besides, lanes.total()),
        overview::section(analysis, &quality, besides),
    ];
    let bottom = [frame::foot(&analysis.capture), frame::end()];
    let bounded = [&population].into_iter().chain(&top).chain(&bottom);
    let taken = bounded.map(|part| part.0.len()).sum::<usize>() + charts.len();
    let mut left = MOST.saturating_sub(taken);
    let room = NUMBERS.min(left.saturating_sub(FINDINGS));
    let found = found::Found::of(rules, &analysis.findings, &evicted, room);
    let findings = found.section(span);
    left = left.saturating_sub(findings.0.len() + found.len());
    let timeline = timeline::Timeline::of(lanes, span, left);
    let lanes = timeline.section(analysis);
    left = left.saturating_sub(lanes.0.len() + timeline.len());
    let (connections, packs) = ladders.drawn(&analysis.capture, span, left).told();

    let [head, banner, overview] = top;
    let [foot, end] = bottom;
    let sections = [head, banner, overview, findings, lanes, population];
    for part in sections.into_iter().chain(connections).chain([foot]) {
        put(out, part)?;
    }
    out.write_all(b"<script type=\"application/json\" id=\"data\">")?;
    timeline.write_data(out, &found, &packs, &charts)?;
    put(out, end)
}

fn put(out: &mut dyn Write, markup: Markup) -> io::Result<()> {
    out.write_all(markup.into_string().as_bytes())
}

/// Nothing of a terminal: the phrases of other views are used in their full form.
fn plain() -> Look {
    Look {
        width: usize::MAX,
        rows: Rows::All,
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    }
}

/// A share in percent with two digits, between nothing and all.
fn percent(part: u64, of: u64) -> String {
    let of = u128::from(of.max(1));
    let hundredths = (u128::from(part) * 10_000 / of).min(10_000);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Where a moment lies in the time of the capture, in percent.
fn place(span: Span, at: crate::time::Timestamp) -> String {
    let length = span.length_ns().unsigned_abs().max(1);
    percent(at.since(span.from).unsigned_abs(), length)
}

/// A time since the beginning of the capture, `12.345678 s`.
fn since(span: Span, at: crate::time::Timestamp) -> String {
    format!("{} s", crate::report::look::seconds_since(span.from, at))
}

/// Prose of the program with `code` between backticks.
fn prose(text: &str) -> Markup {
    maud::html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (Html(part)) } } @else { (Html(part)) }
        }
    }
}
