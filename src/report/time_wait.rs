//! `time-wait`: who holds TIME-WAIT, the ports it takes from clients, and the reuse of 4-tuples in it.

use std::io::{self, Write};

use serde::Serialize;

use super::grid::{self, Column, LEFT, RIGHT};
use crate::model::{Analysis, Capture, ReuseVerdict, TimeWaitHolder};
use crate::population::time_wait::{Holder, Left, Pressure, ReuseCase, ReuseCount, Reuses, TimeWaits};
use crate::report::escape;
use crate::report::header::{self, Fact, labelled};
use crate::report::look::{counted, number};
use crate::report::{Look, Rows, Tone, findings, sparkline};
use crate::time::Timestamp;

const LABEL: usize = 13;
/// Code of the rule about what this view shows.
const TIME_WAIT_PRESSURE: &str = "TW11";

#[derive(Serialize)]
struct Document<'a> {
    capture: &'a Capture,
    time_wait: &'a TimeWaits,
}

/// Writes `{"capture": …, "time_wait": …}`, indented: the capture as everywhere, the rest as [`TimeWaits`].
///
/// # Errors
///
/// Those of `out`.
pub fn json(out: &mut dyn Write, analysis: &Analysis, waits: &TimeWaits) -> io::Result<()> {
    let document = Document {
        capture: &analysis.capture,
        time_wait: waits,
    };
    escape::json::write_pretty(out, &document)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}

/// Writes the screen.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis, waits: &TimeWaits, look: &Look) -> io::Result<()> {
    let mut lines = header::capture(&analysis.capture, look);
    lines.extend(labelled(look, "TIME-WAIT", Tone::Strong, &totals(waits, look)));
    if let Some(curve) = waits.total.curve.as_ref().filter(|_| waits.total.peak > 0) {
        let room = look.width.saturating_sub(LABEL).max(20);
        let facts = [
            Fact::new(Tone::Attention, sparkline::bars(curve, room, look)),
            Fact::plain(sparkline::scale(curve, waits.span.to, look)),
        ];
        lines.extend(labelled(look, "over time", Tone::Dim, &facts));
    }
    let about = analysis
        .findings
        .iter()
        .filter(|finding| finding.code == TIME_WAIT_PRESSURE);
    lines.extend(findings::services(about, look));
    write_lines(out, &lines)?;
    if waits.total.entered == 0 && waits.reuse.total == 0 {
        let text = "No endpoint was in TIME-WAIT.";
        return writeln!(out, "\n{}", look.paint(Tone::Good, text));
    }
    let limit = match look.rows {
        Rows::All => usize::MAX,
        Rows::Limit(limit) => limit,
        Rows::Screen(lines) => lines / 3,
    };
    let end = waits.span.to;
    let holders: Vec<(&Holder, Timestamp)> = waits.holders.iter().map(|one| (one, end)).take(limit).collect();
    if !holders.is_empty() {
        writeln!(out)?;
        grid::write(out, &holder_columns(), &holders, look)?;
        more(out, waits.holders.len(), holders.len(), look)?;
    }
    let pairs: Vec<(&Pressure, Timestamp)> =
        waits.pressure.iter().map(|one| (one, end)).take(limit).collect();
    if !pairs.is_empty() {
        writeln!(out)?;
        let stacked = !grid::fits(&pressure_columns(false), &pairs, look);
        grid::write(out, &pressure_columns(stacked), &pairs, look)?;
        more(out, waits.pressure.len(), pairs.len(), look)?;
        let ports = number(u64::from(waits.ephemeral_ports));
        let legend = [
            Fact::new(Tone::Dim, format!("share: peak of {ports} ephemeral ports")),
            Fact::new(Tone::Dim, "if it lasts: held at that rate after 2 MSL"),
        ];
        write_lines(out, &header::wrapped(look, look.width, &legend))?;
    }
    if waits.reuse.total > 0 {
        writeln!(out)?;
        write_reuse(out, &waits.reuse, look)?;
    }
    Ok(())
}

fn write_lines(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

fn more(out: &mut dyn Write, total: usize, shown: usize, look: &Look) -> io::Result<()> {
    if total > shown {
        let text = format!(
            "{} {} more: --limit N",
            look.ellipsis(),
            number((total - shown) as u64)
        );
        writeln!(out, "{}", look.paint(Tone::Dim, &text))?;
    }
    Ok(())
}

fn totals(waits: &TimeWaits, look: &Look) -> Vec<Fact> {
    let total = &waits.total;
    let mut facts = vec![Fact::plain(format!("{} held now", number(total.now)))];
    if let Some(at) = total.peak_at {
        let text = format!("at most {} at {}", number(total.peak), sparkline::clock(at));
        facts.push(Fact::plain(text));
    }
    facts.push(Fact::plain(format!("{} entered", number(total.entered))));
    if let Some(left) = left(total.left) {
        facts.push(Fact::plain(left));
    }
    if total.restarts > 0 {
        facts.push(Fact::plain(
            counted(total.restarts, "restart") + " by a FIN again",
        ));
    }
    facts.push(Fact::plain(format!(
        "2 MSL {}",
        look.duration(waits.time_wait_ns)
    )));
    facts
}

/// `left: 3 by timer, 1 by RST`.
fn left(left: Left) -> Option<String> {
    let counts = [
        (left.timer, "by timer"),
        (left.reset, "by RST"),
        (left.reused, "by a new connection"),
        (left.otherwise, "otherwise"),
    ];
    let words: Vec<String> = (counts.into_iter().filter(|(count, _)| *count > 0))
        .map(|(count, words)| format!("{} {words}", number(count)))
        .collect();
    (!words.is_empty()).then(|| format!("left: {}", words.join(", ")))
}

fn holder(holder: &Holder) -> String {
    match (holder.port, holder.ip.is_ipv6()) {
        (Some(port), true) => format!("[{}]:{port}", holder.ip),
        (Some(port), false) => format!("{}:{port}", holder.ip),
        (None, _) => format!("{} ({})", holder.ip, holder.endpoint.name()),
    }
}

/// An endpoint, and when the capture ended.
fn holder_columns<'a>() -> [Column<(&'a Holder, Timestamp)>; 8] {
    [
        Column {
            heading: "TIME-WAIT held by",
            alignment: LEFT,
            rank: 0,
            cell: |(one, _), _| holder(one),
        },
        Column {
            heading: "now",
            alignment: RIGHT,
            rank: 0,
            cell: |(one, _), _| number(one.held.now),
        },
        Column {
            heading: "peak",
            alignment: RIGHT,
            rank: 0,
            cell: |(one, _), _| number(one.held.peak),
        },
        Column {
            heading: "entered",
            alignment: RIGHT,
            rank: 1,
            cell: |(one, _), _| number(one.held.entered),
        },
        Column {
            heading: "oldest",
            alignment: RIGHT,
            rank: 2,
            cell: |(one, end), look| {
                let since = one.held.oldest_since;
                since.map_or("-".to_owned(), |since| look.duration(end.since(since)) + "+")
            },
        },
        Column {
            heading: "timer",
            alignment: RIGHT,
            rank: 4,
            cell: |(one, _), _| number(one.held.left.timer),
        },
        Column {
            heading: "RST",
            alignment: RIGHT,
            rank: 3,
            cell: |(one, _), _| number(one.held.left.reset),
        },
        Column {
            heading: "reused",
            alignment: RIGHT,
            rank: 3,
            cell: |(one, _), _| number(one.held.left.reused),
        },
    ]
}

fn pressure_columns<'a>(stacked: bool) -> Vec<Column<(&'a Pressure, Timestamp)>> {
    let ends = |heading, cell: fn(&(&'a Pressure, Timestamp), &Look) -> String| Column {
        heading,
        alignment: LEFT,
        rank: 0,
        cell,
    };
    let mut columns = if stacked {
        vec![ends("client / server", |(pair, _), _| {
            format!("{}\n{}", pair.client, pair.server)
        })]
    } else {
        vec![
            ends("client", |(pair, _), _| pair.client.to_string()),
            ends("server", |(pair, _), _| pair.server.to_string()),
        ]
    };
    let rest: [Column<(&'a Pressure, Timestamp)>; 7] = [
        Column {
            heading: "held by",
            alignment: LEFT,
            rank: 0,
            cell: |(pair, _), _| pair.holder.name().to_owned(),
        },
        Column {
            heading: "now",
            alignment: RIGHT,
            rank: 2,
            cell: |(pair, _), _| number(pair.held.now),
        },
        Column {
            heading: "peak",
            alignment: RIGHT,
            rank: 0,
            cell: |(pair, _), _| number(pair.held.peak),
        },
        Column {
            heading: "share",
            alignment: RIGHT,
            rank: 0,
            cell: |(pair, _), _| permille(pair.peak_permille),
        },
        Column {
            heading: "per s",
            alignment: RIGHT,
            rank: 3,
            cell: |(pair, _), _| pair.rate_milli_per_second.map_or("-".to_owned(), rate),
        },
        Column {
            heading: "if it lasts",
            alignment: RIGHT,
            rank: 4,
            cell: |(pair, _), _| pair.steady.map_or("-".to_owned(), number),
        },
        Column {
            heading: "ports taken",
            alignment: LEFT,
            rank: 1,
            cell: |(pair, end), look| full(pair, *end, look),
        },
    ];
    columns.extend(rest);
    columns
}

/// `50.3 %`.
fn permille(share: u64) -> String {
    format!("{}.{} %", number(share / 10), share % 10)
}

/// `0.250`, `12.5`, `1 204`.
fn rate(milli: u64) -> String {
    match milli {
        0..10_000 => format!("{}.{:03}", milli / 1_000, milli % 1_000),
        10_000..100_000 => format!("{}.{}", milli / 1_000, milli % 1_000 / 100),
        100_000.. => number(milli / 1_000),
    }
}

/// When as many 4-tuples are in TIME-WAIT as the client has ports.
fn full(pair: &Pressure, end: Timestamp, look: &Look) -> String {
    match pair.full_at {
        Some(at) if at <= end => format!("all at {}", sparkline::clock(at)),
        Some(at) => format!("all in {}", look.duration(at.since(end))),
        None => "-".to_owned(),
    }
}

fn reuse_columns<'a>() -> [Column<&'a ReuseCount>; 5] {
    [
        Column {
            heading: "reuse in TIME-WAIT",
            alignment: LEFT,
            rank: 0,
            cell: |count, look| look.paint(tone(count.verdict), verdict(count.verdict)),
        },
        Column {
            heading: "count",
            alignment: RIGHT,
            rank: 0,
            cell: |count, _| number(count.count),
        },
        Column {
            heading: "youngest",
            alignment: RIGHT,
            rank: 1,
            cell: |count, look| count.age_min_ns.map_or("-".to_owned(), |ns| look.duration(ns)),
        },
        Column {
            heading: "age p50",
            alignment: RIGHT,
            rank: 2,
            cell: |count, look| count.age_p50_ns.map_or("-".to_owned(), |ns| look.duration(ns)),
        },
        Column {
            heading: "longest delay",
            alignment: RIGHT,
            rank: 1,
            cell: |count, look| count.delay_max_ns.map_or("-".to_owned(), |ns| look.duration(ns)),
        },
    ]
}

/// A verdict in words.
fn verdict(verdict: ReuseVerdict) -> &'static str {
    match verdict {
        ReuseVerdict::Free => "free",
        ReuseVerdict::LegalByIss => "legal by ISS",
        ReuseVerdict::LegalByTimestamp => "legal by timestamp",
        ReuseVerdict::ByHolder => "by the holder itself",
        ReuseVerdict::Refused => "refused at first",
        ReuseVerdict::Illegal => "illegal",
        ReuseVerdict::Unanswered => "not answered",
        ReuseVerdict::NotOver => "before the other side was over",
        ReuseVerdict::AfterUnanswered => "after an attempt that nobody answered",
        ReuseVerdict::Unknown => "not known",
    }
}

fn tone(verdict: ReuseVerdict) -> Tone {
    match verdict {
        ReuseVerdict::Illegal => Tone::Bad,
        ReuseVerdict::Refused | ReuseVerdict::Unanswered | ReuseVerdict::ByHolder => Tone::Attention,
        ReuseVerdict::Free | ReuseVerdict::LegalByIss | ReuseVerdict::LegalByTimestamp => Tone::Good,
        ReuseVerdict::NotOver | ReuseVerdict::AfterUnanswered | ReuseVerdict::Unknown => Tone::Plain,
    }
}

fn write_reuse(out: &mut dyn Write, reuse: &Reuses, look: &Look) -> io::Result<()> {
    let counts: Vec<&ReuseCount> = reuse.verdicts.iter().collect();
    grid::write(out, &reuse_columns(), &counts, look)?;
    if reuse.telling.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    for one in &reuse.telling {
        write_lines(out, &header::wrapped(look, look.width, &case(one, look)))?;
    }
    let more = reuse.telling_total.saturating_sub(reuse.telling.len() as u64);
    if more > 0 {
        let text = format!("{} {} more", look.ellipsis(), number(more));
        writeln!(out, "{}", look.paint(Tone::Dim, &text))?;
    }
    if let Some(first) = reuse.telling.first() {
        let text = format!(
            "next: tcptrace-states show FILE --conn {} --conn {}",
            first.previous, first.id
        );
        writeln!(out, "{}", look.paint(Tone::Dim, &text))?;
    }
    Ok(())
}

/// One telling case, `#4 after #3 · 10.0.0.1:40000 → 10.0.0.2:80 · refused at first · …`.
fn case(one: &ReuseCase, look: &Look) -> Vec<Fact> {
    let mut facts = vec![
        Fact::plain(format!("#{} after #{}", one.id, one.previous)),
        Fact::plain(format!("{} {} {}", one.client, look.arrow(), one.server)),
        Fact::new(tone(one.verdict), verdict(one.verdict)),
    ];
    if let Some(holder) = one.holder {
        let holder = match holder {
            TimeWaitHolder::Client => "client",
            TimeWaitHolder::Server => "server",
            TimeWaitHolder::Both => "both",
        };
        let age = one
            .age_ns
            .map_or(String::new(), |ns| format!(" for {}", look.duration(ns)));
        facts.push(Fact::plain(format!("held by {holder}{age}")));
    }
    if let Some(ns) = one.delay_ns {
        facts.push(Fact::plain(format!("delayed by {}", look.duration(ns))));
    }
    facts
}
