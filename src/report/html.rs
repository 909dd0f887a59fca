//! One self-contained HTML document: overview, findings, the state timeline, populations over time, and ladders.
//!
//! It needs no network and no other file, and its policy (Content-Security-Policy) allows none: the style sheet and the script
//! are known to it by their hashes, and nothing else runs. Everything can be read without the script, which adds zoom, filters,
//! sorting, and the lanes beyond the first ones. Text from outside goes through [`Html`] or a table of numbers and addresses,
//! and never becomes markup.
//!
//! The document stays below 5 MB whatever the capture holds: each part has its share, and what a part has no room for is
//! counted in it. Findings are never sampled: each rule names the numbers of all its connections.

mod charts;
mod found;
mod frame;
mod gather;
mod ladders;
mod lane;
mod overview;
mod population;
mod runs;
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
        ..
    } = gathered;
    for finding in &analysis.findings {
        found::add_together(&mut rules, finding);
    }
    let quality = quality.told(analysis, Hosts::default());
    let leaks = half_closes.leaks(span);
    let found = found::Found::of(rules, &analysis.findings, &leaks);
    let drawn = ladders.drawn(&analysis.capture, span);
    let timeline = timeline::Timeline::of(lanes, span, &drawn);
    let mut charts = charts::Charts::default();
    let population = population::section(
        &mut charts,
        &over_time.told(population::SERVICES),
        &leaks,
        &stays.time_waits(span, analysis.capture.time_wait_ns, besides.ephemeral_ports),
        span,
    );

    let title = overview::title(&analysis.capture);
    put(out, frame::head(&title))?;
    put(
        out,
        overview::banner(analysis, &quality, besides, timeline.total()),
    )?;
    put(out, overview::section(analysis, &quality, besides))?;
    put(out, found.section(span))?;
    put(out, timeline.section(analysis))?;
    put(out, population)?;
    for part in drawn.section(span) {
        put(out, part)?;
    }
    put(out, frame::foot(&analysis.capture))?;
    out.write_all(b"<script type=\"application/json\" id=\"data\">")?;
    timeline.write_data(out, &found, &charts)?;
    put(out, frame::end())
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
