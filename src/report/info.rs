//! `info`: what a capture holds, what it lacks, and where it was made.

use std::io::{self, Write};

use serde::Serialize;

use super::escape::Escaped;
use super::grid::{self, Column, LEFT, RIGHT};
use crate::model::{Analysis, Capture, Step};
use crate::quality::{Caveat, Host, Quality};
use crate::report::header::{self, Fact, labelled};
use crate::report::look::{counted, number};
use crate::report::{Look, Rows, Tone};

#[derive(Serialize)]
struct Document<'a> {
    capture: &'a Capture,
    quality: &'a Quality,
}

/// Writes `{"capture": …, "quality": …}`, indented: the capture as everywhere, the rest as [`Quality`].
///
/// # Errors
///
/// Those of `out`.
pub fn json(out: &mut dyn Write, analysis: &Analysis, quality: &Quality) -> io::Result<()> {
    let document = Document {
        capture: &analysis.capture,
        quality,
    };
    serde_json::to_writer_pretty(&mut *out, &document)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}

/// Writes the screen.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis, quality: &Quality, look: &Look) -> io::Result<()> {
    let capture = &analysis.capture;
    let mut lines = header::capture(capture, look);
    lines.extend(labelled(look, "clock", Tone::Strong, &clock(capture, look)));
    lines.extend(labelled(look, "loss", Tone::Strong, &loss(capture, quality)));
    lines.extend(labelled(look, "states", Tone::Strong, &states(quality)));
    write_lines(out, &lines)?;
    let limit = match look.rows {
        Rows::All => usize::MAX,
        Rows::Limit(limit) => limit,
        Rows::Screen(lines) => lines / 3,
    };
    let unread = unread(capture);
    if !unread.is_empty() {
        writeln!(out)?;
        let shown: Vec<Unread> = unread.iter().take(limit).cloned().collect();
        grid::write(out, &unread_columns(), &shown, look)?;
        more(out, unread.len() as u64, shown.len(), look)?;
    }
    let hosts = &quality.hosts;
    if !hosts.listed.is_empty() {
        writeln!(out)?;
        let shown: Vec<&Host> = hosts.listed.iter().take(limit).collect();
        grid::write(out, &host_columns(), &shown, look)?;
        more(
            out,
            hosts.more.saturating_add(hosts.listed.len() as u64),
            shown.len(),
            look,
        )?;
    }
    writeln!(out)?;
    write_caveats(out, &quality.caveats, look)
}

/// The clock of the capture: its steps and its longest pause.
fn clock(capture: &Capture, look: &Look) -> Vec<Fact> {
    let at = |step: Step| format!("{} before packet {}", look.duration(step.ns), number(step.packet));
    let mut facts = Vec::new();
    if let Some(pause) = capture.longest_pause {
        facts.push(Fact::plain(format!("longest pause {}", at(pause))));
    }
    match capture.longest_step_back {
        Some(step) => facts.push(Fact::new(
            Tone::Attention,
            format!(
                "{} back, the longest {}",
                counted(capture.time_steps_back, "step"),
                at(step)
            ),
        )),
        None => facts.push(Fact::plain("no step back")),
    }
    facts
}

/// What the capture lacks.
fn loss(capture: &Capture, quality: &Quality) -> Vec<Fact> {
    let mut facts = vec![match capture.kernel_drops {
        None => Fact::plain("the files do not tell of drops"),
        Some(0) => Fact::plain("no drops by the capturing system"),
        Some(drops) => Fact::new(
            Tone::Attention,
            counted(drops, "drop") + " by the capturing system",
        ),
    }];
    let loss = &quality.loss;
    facts.push(match (loss.missed_bytes, loss.missed_per_million) {
        (_, None) => Fact::plain("no payload to tell by"),
        (0, Some(_)) => Fact::plain("every acknowledged octet was captured"),
        (missed, Some(share)) => Fact::new(
            Tone::Attention,
            format!(
                "{} of payload acknowledged but not captured (at least {})",
                counted(missed, "octet"),
                percent(share)
            ),
        ),
    });
    if loss.missed_fins > 0 {
        facts.push(Fact::new(
            Tone::Attention,
            counted(loss.missed_fins, "FIN") + " not captured",
        ));
    }
    if let Some(checksums) = capture.checksums {
        let tone = if checksums.bad > 0 {
            Tone::Attention
        } else {
            Tone::Plain
        };
        facts.push(Fact::new(
            tone,
            format!(
                "checksums: {} good, {} bad, {} left to the network card, {} not captured whole",
                number(checksums.good),
                number(checksums.bad),
                number(checksums.offloaded),
                number(checksums.not_captured)
            ),
        ));
    }
    let fragments = capture.fragments;
    if fragments.packets > 0 {
        facts.push(Fact::plain(format!(
            "{}: {} put together, {} incomplete, {} overlapping",
            counted(fragments.packets, "IP fragment"),
            number(fragments.reassembled),
            number(fragments.incomplete),
            number(fragments.overlaps)
        )));
    }
    facts
}

/// How much of what is reported is proven.
fn states(quality: &Quality) -> Vec<Fact> {
    let mut facts = vec![
        Fact::plain(counted(quality.connections, "connection")),
        Fact::plain(format!(
            "{} proven by a segment of the endpoint",
            counted(quality.proven_transitions, "transition")
        )),
        Fact::plain(format!(
            "{} inferred or presumed",
            number(quality.unproven_transitions)
        )),
    ];
    for (count, text) in [
        (quality.one_sided, "one-sided"),
        (quality.midstream, "begun before the capture"),
    ] {
        if count > 0 {
            facts.push(Fact::new(Tone::Attention, format!("{} {text}", number(count))));
        }
    }
    facts
}

/// Packets that gave no TCP segment, by reason.
#[derive(Clone)]
struct Unread {
    reason: String,
    packets: u64,
    per_million: u64,
}

/// Most first.
fn unread(capture: &Capture) -> Vec<Unread> {
    let mut rows: Vec<Unread> = (capture.skipped.iter())
        .filter(|(_, packets)| **packets > 0)
        .map(|(reason, packets)| Unread {
            reason: reason.clone(),
            packets: *packets,
            per_million: per_million(*packets, capture.packets),
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.packets)); // stable: equal ones stay in order of name
    rows
}

fn unread_columns() -> [Column<Unread>; 3] {
    [
        Column {
            heading: "no TCP segment because",
            alignment: LEFT,
            rank: 0,
            cell: |row, _| Escaped(&row.reason).to_string(),
        },
        Column {
            heading: "packets",
            alignment: RIGHT,
            rank: 0,
            cell: |row, _| number(row.packets),
        },
        Column {
            heading: "share",
            alignment: RIGHT,
            rank: 1,
            cell: |row, _| percent(row.per_million),
        },
    ]
}

fn host_columns<'a>() -> [Column<&'a Host>; 8] {
    [
        Column {
            heading: "host",
            alignment: LEFT,
            rank: 0,
            cell: |host, _| host.ip.to_string(),
        },
        Column {
            heading: "tap",
            alignment: LEFT,
            rank: 0,
            cell: |host, _| host.position.name().to_owned(),
        },
        Column {
            heading: "round trip",
            alignment: RIGHT,
            rank: 0,
            cell: |host, look| duration(host.round_trip_ns, look),
        },
        Column {
            heading: "median",
            alignment: RIGHT,
            rank: 3,
            cell: |host, look| duration(host.median_round_trip_ns, look),
        },
        Column {
            heading: "client of",
            alignment: RIGHT,
            rank: 2,
            cell: |host, _| number(host.as_client),
        },
        Column {
            heading: "server of",
            alignment: RIGHT,
            rank: 2,
            cell: |host, _| number(host.as_server),
        },
        Column {
            heading: "segments sent",
            alignment: RIGHT,
            rank: 1,
            cell: |host, _| number(host.segments),
        },
        Column {
            heading: "silent in",
            alignment: RIGHT,
            rank: 1,
            cell: |host, _| number(host.unheard),
        },
    ]
}

fn duration(ns: Option<i64>, look: &Look) -> String {
    ns.map(|ns| look.duration(ns)).unwrap_or_default()
}

/// What this means for the states, or that nothing is wrong.
fn write_caveats(out: &mut dyn Write, caveats: &[Caveat], look: &Look) -> io::Result<()> {
    if caveats.is_empty() {
        let text = "Nothing in this capture weakens what is reported from it.";
        return writeln!(out, "{}", look.paint(Tone::Good, text));
    }
    writeln!(
        out,
        "{}",
        look.paint(Tone::Strong, "What this means for the states")
    )?;
    for caveat in caveats {
        let of = caveat
            .of
            .map(|all| format!(" of {}", number(all)))
            .unwrap_or_default();
        let what = format!("{}: {}{of}", caveat.what, number(caveat.count));
        for (tone, text) in [
            (Tone::Attention, what.as_str()),
            (Tone::Plain, caveat.means),
            (Tone::Dim, caveat.advice),
        ] {
            let indent = if tone == Tone::Attention { "  " } else { "    " };
            let room = look.width.saturating_sub(indent.len()).max(20);
            for line in header::wrapped(look, room, &[Fact::new(tone, text)]) {
                writeln!(out, "{indent}{}", line.trim_end())?;
            }
        }
    }
    Ok(())
}

fn write_lines(out: &mut dyn Write, lines: &[String]) -> io::Result<()> {
    (lines.iter()).try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

fn more(out: &mut dyn Write, total: u64, shown: usize, look: &Look) -> io::Result<()> {
    let left = total.saturating_sub(shown as u64);
    if left > 0 {
        let text = format!("{} {} more: --limit N", look.ellipsis(), number(left));
        writeln!(out, "{}", look.paint(Tone::Dim, &text))?;
    }
    Ok(())
}

fn per_million(part: u64, all: u64) -> u64 {
    let share = (u128::from(part) * 1_000_000).checked_div(u128::from(all));
    share.and_then(|share| u64::try_from(share).ok()).unwrap_or(0)
}

/// `12.3 %`, and never `0 %` for what is there.
fn percent(per_million: u64) -> String {
    match per_million {
        share if share < 1_000 => "< 0.1 %".to_owned(),
        share => format!("{}.{} %", share / 10_000, share % 10_000 / 1_000),
    }
}
