//! Curves over time: stacked areas and bars, drawn so that they stretch with the page, their scales beside them as text.

use std::fmt::Write as _;
use std::io::{self, Write};

use maud::{Markup, html};

use crate::population::Span;
use crate::report::look::number;
use crate::time::human_duration;

/// The size in which curves are drawn; the page stretches it.
const WIDTH: u32 = 600;
const HEIGHT: u32 = 150;

/// One curve: how many there were in each bucket.
pub(super) struct Series {
    pub name: String,
    /// Class of its colour.
    pub class: String,
    pub counts: Vec<u64>,
    /// The part of them that is not proven.
    pub unproven: Vec<u64>,
}

/// The values of all charts, for the script.
#[derive(Default)]
pub(super) struct Charts {
    list: Vec<String>,
}

/// A chart and what stands around it.
pub(super) struct Chart<'a> {
    pub title: &'a str,
    pub span: Span,
    pub bucket_ns: i64,
    /// A line across: where it is and what it says.
    pub limit: Option<(u64, String)>,
    pub small: bool,
}

impl Charts {
    /// Curves one above the other.
    pub fn stacked(&mut self, chart: &Chart<'_>, series: &[Series]) -> Markup {
        let buckets = series.iter().map(|one| one.counts.len()).max().unwrap_or(0);
        let mut base = vec![0_u64; buckets];
        let mut areas = Vec::new();
        for one in series {
            let top: Vec<u64> = added(&base, &one.counts);
            let hatched: Vec<u64> = (top.iter().zip(padded(&one.unproven, buckets)))
                .map(|(top, unproven)| top.saturating_sub(unproven))
                .collect();
            areas.push((one, base.clone(), top.clone(), hatched));
            base = top;
        }
        let most = base.iter().copied().max().unwrap_or(0);
        let highest = match &chart.limit {
            Some((limit, _)) => most.max(*limit),
            None => most,
        }
        .max(1);
        let drawn = html! {
            @for (one, below, top, hatched) in &areas {
                path.s.(one.class) d=(area(below, top, highest)) {}
                @if one.unproven.iter().any(|count| *count > 0) { path.hatch d=(area(hatched, top, highest)) {} }
            }
            @if let Some((limit, _)) = &chart.limit {
                line.limit x1="0" x2=(WIDTH) y1=(level(*limit, highest)) y2=(level(*limit, highest)) {}
            }
        };
        self.framed(chart, series, highest, drawn)
    }

    /// Bars: the first series upwards, the others downwards.
    pub fn bars(&mut self, chart: &Chart<'_>, series: &[Series]) -> Markup {
        let Some((up, down)) = series.split_first() else {
            return html! {};
        };
        let buckets = up.counts.len().max(1);
        let mut fallen = vec![0_u64; buckets];
        let mut parts = Vec::new();
        for one in down {
            let next = added(&fallen, &one.counts);
            parts.push((one, fallen.clone(), next.clone()));
            fallen = next;
        }
        let highest = up.counts.iter().chain(&fallen).copied().max().unwrap_or(0).max(1);
        // Both halves have the same scale.
        let half = |count: u64| u64::from(HEIGHT / 2).saturating_mul(10).saturating_mul(count) / highest;
        let tenths = |value: u64| format!("{}.{}", value / 10, value % 10);
        let wide = u64::from(WIDTH) * 10;
        let bar = |place: usize, from: u64, to: u64, up: bool| {
            let (place, buckets) = (place as u64, buckets as u64);
            let x = wide * place / buckets;
            let width = (wide * (place + 1) / buckets - x).saturating_sub(3).max(2);
            let middle = u64::from(HEIGHT / 2) * 10;
            let y = if up {
                middle - half(to)
            } else {
                middle + half(from)
            };
            let height = (half(to) - half(from)).max(u64::from(to > from) * 10);
            format!(
                "M{} {}h{}v{}h-{}z",
                tenths(x),
                tenths(y),
                tenths(width),
                tenths(height),
                tenths(width)
            )
        };
        let path = |from: &[u64], to: &[u64], up: bool| {
            let places = to.iter().zip(from).enumerate();
            let bars = places.filter(|(_, (to, from))| to > from);
            bars.map(|(place, (to, from))| bar(place, *from, *to, up))
                .collect::<String>()
        };
        let nothing = vec![0; buckets];
        let drawn = html! {
            path.(up.class) d=(path(&nothing, &up.counts, true)) {}
            @for (one, from, to) in &parts { path.(one.class) d=(path(from, to, false)) {} }
            line.zero x1="0" x2=(WIDTH) y1=(HEIGHT / 2) y2=(HEIGHT / 2) {}
        };
        self.framed(chart, series, highest, drawn)
    }

    fn framed(&mut self, chart: &Chart<'_>, series: &[Series], highest: u64, drawn: Markup) -> Markup {
        let place = self.list.len();
        self.keep(chart, series);
        let buckets = series.first().map_or(0, |one| one.counts.len());
        let mirrored = series.first().is_some_and(|one| one.class == "opened");
        html! {
            figure.chart.small[chart.small] data-chart=(place) {
                figcaption { (chart.title) }
                div.plot {
                    div.scale aria-hidden="true" {
                        span { (number(highest)) }
                        @if mirrored { span { "0" } span { (number(highest)) } } @else { span { "0" } }
                    }
                    div.canvas {
                        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                            aria-label={ (chart.title) ": " (in_words(series, mirrored)) } { (drawn) }
                        @if let Some((limit, text)) = &chart.limit {
                            @if *limit * 10 > highest * 9 { span.limit-label { (text) } } @else { span.limit-label.low { (text) } }
                        }
                        span.cursor aria-hidden="true" hidden {}
                    }
                    div.times aria-hidden="true" {
                        span { "0" }
                        @if !chart.small { span { (human_duration(chart.span.length_ns() / 2)) } }
                        span { (human_duration(chart.span.length_ns())) }
                    }
                }
                @if !chart.small { ul.keys { @for one in series {
                    li {
                        svg width="14" height="14" aria-hidden="true" {
                            rect.s.(one.class) width="14" height="14" {}
                            @if one.unproven.iter().any(|count| *count > 0) { rect.hatch width="14" height="14" {} }
                        }
                        (one.name)
                        span.dim { " " (in_short(one, mirrored)) }
                    }
                } } }
                p.readout id={ "readout-" (place) } { @if buckets > 1 { "" } }
            }
        }
    }

    /// `{"bucket":…,"names":[…],"values":[[…]]}`, in microseconds; only numbers and names of the program.
    fn keep(&mut self, chart: &Chart<'_>, series: &[Series]) {
        let mut text = format!("{{\"bucket\":{},\"names\":[", chart.bucket_ns / 1_000);
        let quoted: Vec<String> = series.iter().map(|one| format!("\"{}\"", one.name)).collect();
        text.push_str(&quoted.join(","));
        text.push_str("],\"values\":[");
        for (index, one) in series.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let counts: Vec<String> = one.counts.iter().map(u64::to_string).collect();
            // A String takes everything.
            let _ = write!(text, "{comma}[{}]", counts.join(","));
        }
        text.push_str("]}");
        self.list.push(text);
    }

    /// Octets of the values.
    pub fn len(&self) -> usize {
        self.list.iter().map(|one| one.len() + 2).sum()
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "[{}]", self.list.join(",\n"))
    }
}

fn in_short(one: &Series, sums: bool) -> String {
    let (last, most) = (
        one.counts.last().copied().unwrap_or(0),
        one.counts.iter().copied().max().unwrap_or(0),
    );
    if sums {
        return number(one.counts.iter().sum());
    }
    format!("{} at the end, at most {}", number(last), number(most))
}

fn in_words(series: &[Series], sums: bool) -> String {
    let parts: Vec<String> = series
        .iter()
        .map(|one| format!("{} {}", one.name, in_short(one, sums)))
        .collect();
    parts.join("; ")
}

fn padded(counts: &[u64], length: usize) -> impl Iterator<Item = u64> + '_ {
    counts.iter().copied().chain(std::iter::repeat(0)).take(length)
}

fn added(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter()
        .zip(padded(b, a.len()))
        .map(|(a, b)| a.saturating_add(b))
        .collect()
}

/// The height of a count, `12.3`.
fn level(count: u64, highest: u64) -> String {
    let up = u128::from(HEIGHT) * 10 * u128::from(count) / u128::from(highest.max(1));
    let down = u128::from(HEIGHT * 10).saturating_sub(up);
    format!("{}.{}", down / 10, down % 10)
}

/// Where a bucket begins, `12.3`.
fn left(place: usize, buckets: usize) -> String {
    let tenths = u64::from(WIDTH) * 10 * place as u64 / (buckets as u64).max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Steps from left to right: one for each change.
fn steps(counts: &[u64], highest: u64) -> Vec<(usize, String)> {
    let mut steps: Vec<(usize, String)> = Vec::new();
    for (place, count) in counts.iter().enumerate() {
        let level = level(*count, highest);
        if steps.last().is_none_or(|(_, before)| *before != level) {
            steps.push((place, level));
        }
    }
    steps
}

/// What lies between two step curves.
fn area(below: &[u64], top: &[u64], highest: u64) -> String {
    let buckets = top.len();
    let mut path = outline(top, highest);
    for (place, level) in steps(below, highest).into_iter().rev() {
        let _ = write!(path, "V{level}H{}", left(place, buckets));
    }
    path.push('Z');
    path
}

/// A step curve.
fn outline(top: &[u64], highest: u64) -> String {
    let buckets = top.len();
    let mut path = String::new();
    for (place, level) in steps(top, highest) {
        if path.is_empty() {
            let _ = write!(path, "M{} {level}", left(place, buckets));
        } else {
            let _ = write!(path, "H{}V{level}", left(place, buckets));
        }
    }
    if !path.is_empty() {
        let _ = write!(path, "H{WIDTH}");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_steps() {
        assert_eq!(outline(&[1, 1, 2, 2], 2), "M0.0 75.0H300.0V0.0H600");
        assert_eq!(
            area(&[0, 0, 1, 1], &[1, 1, 2, 2], 2),
            "M0.0 75.0H300.0V0.0H600V75.0H300.0V150.0H0.0Z"
        );
        assert_eq!(outline(&[], 1), "");
        assert_eq!(level(u64::MAX, 1), "0.0");
    }
}
