//! `info`: what a capture holds, what it lacks, and where it was made.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::escape::{self, Escaped};
use super::grid::{self, Column, LEFT, RIGHT};
use crate::model::{Analysis, Capture, Interface, Source, Step};
use crate::quality::{Caveat, Host, Quality};
use crate::report::header::{self, Fact, labelled};
use crate::report::look::{counted, number};
use crate::report::{Look, Rows, Tone};
use crate::untrusted::Untrusted;

/// Texts of one kind from the files that are shown.
const MOST_TOLD: usize = 5;
/// Characters of each that are shown.
const LONGEST_TOLD: usize = 100;

#[derive(Serialize)]
struct Document<'a> {
    capture: &'a Capture,
    sources: &'a [Source],
    quality: &'a Quality,
}

/// Writes `{"capture": …, "sources": […], "quality": …}`, indented: the capture as everywhere, a [`Source`] a file, the rest
/// as [`Quality`].
///
/// # Errors
///
/// Those of `out`.
pub fn json(out: &mut dyn Write, analysis: &Analysis, quality: &Quality) -> io::Result<()> {
    let document = Document {
        capture: &analysis.capture,
        sources: &analysis.sources,
        quality,
    };
    escape::json::write_pretty(out, &document)?; // keeps the kind of the io::Error
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
    lines.extend(told(&analysis.sources, look));
    write_lines(out, &lines)?;
    let limit = match look.rows {
        Rows::All => usize::MAX,
        Rows::Limit(limit) => limit,
        Rows::Screen(lines) => lines / 3,
    };
    let several = analysis.sources.len() > 1;
    if several || analysis.sources.iter().any(|source| source.compression.is_some()) {
        writeln!(out)?;
        let shown: Vec<&Source> = analysis.sources.iter().take(limit).collect();
        grid::write(out, &told_of(file_columns(), &shown, look), &shown, look)?;
        more(out, analysis.sources.len() as u64, shown.len(), look)?;
    }
    let interfaces = interfaces(&analysis.sources);
    if !interfaces.is_empty() {
        writeln!(out)?;
        let shown: Vec<Place<'_>> = interfaces.iter().take(limit).copied().collect();
        let mut columns = told_of(interface_columns(), &shown, look);
        columns.retain(|column| several || column.heading != IN_FILE);
        grid::write(out, &columns, &shown, look)?;
        more(out, interfaces.len() as u64, shown.len(), look)?;
    }
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
        grid::write(out, &told_of(host_columns(), &shown, look), &shown, look)?;
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
    for (count, text) in [
        (
            capture.copies_not_looked_for,
            "segments too many to look for all their copies",
        ),
        (
            capture.tunnels_not_told_apart,
            "segments from tunnels not told apart",
        ),
    ] {
        if count > 0 {
            facts.push(Fact::new(Tone::Attention, format!("{} {text}", number(count))));
        }
    }
    if capture.entries_passed_over > 0 {
        let entries = number(capture.entries_passed_over);
        facts.push(Fact::plain(format!(
            "{entries} directory entries are no captures"
        )));
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

/// What the files say about themselves: the programs that wrote them, comments, processes.
fn told(sources: &[Source], look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    let mut writers: Vec<String> = Vec::new();
    for writer in sources.iter().flat_map(|source| &source.writers) {
        let parts = [&writer.application, &writer.os, &writer.hardware];
        let parts: Vec<String> = parts.into_iter().flatten().map(shown).collect();
        let writer = parts.join(", ");
        if !writer.is_empty() && !writers.contains(&writer) && writers.len() < MOST_TOLD {
            writers.push(writer);
        }
    }
    let mut label = |name: &str, facts: Vec<Fact>| {
        if !facts.is_empty() {
            lines.extend(labelled(look, name, Tone::Strong, &facts));
        }
    };
    label("written by", writers.into_iter().map(Fact::plain).collect());
    let all = sources.iter().map(|source| source.comment_count).sum();
    let comments = sources.iter().flat_map(|source| &source.comments);
    let comments = comments.map(|comment| match comment.packet {
        Some(packet) if sources.len() == 1 => format!("packet {}: {}", number(packet), shown(&comment.text)),
        _ => shown(&comment.text),
    });
    label("comments", some(comments, all, look));
    let all = sources.iter().map(|source| source.process_count).sum();
    let processes = sources.iter().flat_map(|source| &source.processes);
    let processes = processes.map(|process| match &process.name {
        Some(name) => format!("{} {}", process.pid, shown(name)),
        None => process.pid.to_string(),
    });
    label("processes", some(processes, all, look));
    lines
}

/// The first of many, equal ones once.
fn some(texts: impl Iterator<Item = String>, all: u64, look: &Look) -> Vec<Fact> {
    let mut groups: Vec<(String, u64)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for text in texts {
        let place = *places.entry(text).or_insert_with_key(|text| {
            groups.push((text.clone(), 0));
            groups.len() - 1
        });
        if let Some((_, count)) = groups.get_mut(place) {
            *count += 1;
        }
    }
    groups.truncate(MOST_TOLD);
    let left = all.saturating_sub(groups.iter().map(|(_, count)| count).sum());
    let mut facts: Vec<Fact> = (groups.into_iter())
        .map(|(text, count)| match count {
            1 => Fact::plain(text),
            count => Fact::plain(format!("{text} ({} times)", number(count))),
        })
        .collect();
    if left > 0 {
        let text = format!("{} {} more: --format json", look.ellipsis(), number(left));
        facts.push(Fact::new(Tone::Dim, text));
    }
    facts
}

/// A text from outside, short enough to leave room for others.
fn shown(text: &Untrusted) -> String {
    let raw = text.as_raw();
    match raw.char_indices().nth(LONGEST_TOLD) {
        Some((end, _)) => format!("{}…", Escaped(raw.get(..end).unwrap_or_default())),
        None => Escaped(raw).to_string(),
    }
}

/// Without the columns that no row has something for.
fn told_of<R, const N: usize>(columns: [Column<R>; N], rows: &[R], look: &Look) -> Vec<Column<R>> {
    let told = |column: &Column<R>| rows.iter().any(|row| !(column.cell)(row, look).is_empty());
    columns.into_iter().filter(told).collect()
}

fn optional(text: Option<&Untrusted>) -> String {
    text.map(shown).unwrap_or_default()
}

fn file_columns<'a>() -> [Column<&'a Source>; 6] {
    [
        Column {
            heading: "file",
            alignment: LEFT,
            rank: 0,
            cell: |source, _| Escaped(&source.name).to_string(),
        },
        Column {
            heading: "format",
            alignment: LEFT,
            rank: 1,
            cell: |source, _| {
                let format = source.format.as_deref().unwrap_or_default();
                match &source.compression {
                    Some(compression) => format!("{format} in {compression}"),
                    None => format.to_owned(),
                }
            },
        },
        Column {
            heading: "packets",
            alignment: RIGHT,
            rank: 0,
            cell: |source, _| number(source.packets),
        },
        Column {
            heading: "lasts",
            alignment: RIGHT,
            rank: 2,
            cell: |source, look| match (source.first_time, source.last_time) {
                (Some(first), Some(last)) => look.duration(last.since(first)),
                _ => String::new(),
            },
        },
        Column {
            heading: "after the others",
            alignment: RIGHT,
            rank: 1,
            cell: |source, look| match source.gap_ns {
                Some(gap) if gap < 0 => format!("overlaps {}", look.duration(gap.saturating_neg())),
                Some(gap) => look.duration(gap),
                None => String::new(),
            },
        },
        Column {
            heading: "copies",
            alignment: RIGHT,
            rank: 2,
            cell: |source, _| match source.copies {
                0 => String::new(),
                copies => number(copies),
            },
        },
    ]
}

/// Which file an interface is in.
const IN_FILE: &str = "in";

/// An interface, and which file it is in.
type Place<'a> = (&'a Source, &'a Interface);

/// The interfaces that a file tells something about.
fn interfaces(sources: &[Source]) -> Vec<Place<'_>> {
    let all = (sources.iter()).flat_map(|source| source.interfaces.iter().map(move |one| (source, one)));
    let all: Vec<Place<'_>> = all.collect();
    let plain = |one: &Interface| one.name.is_none() && one.description.is_none() && one.dropped.is_none();
    if all.iter().all(|(_, one)| plain(one)) && all.len() == sources.len() {
        return Vec::new(); // one in each file, and nothing is known of it
    }
    all
}

fn interface_columns<'a>() -> [Column<Place<'a>>; 7] {
    [
        Column {
            heading: "interface",
            alignment: LEFT,
            rank: 0,
            cell: |(_, one), _| {
                let name = one.name.as_ref().or(one.description.as_ref());
                name.map_or_else(|| format!("#{}", one.id), shown)
            },
        },
        Column {
            heading: IN_FILE,
            alignment: LEFT,
            rank: 3,
            cell: |(source, _), _| Escaped(&source.name).to_string(),
        },
        Column {
            heading: "link type",
            alignment: LEFT,
            rank: 1,
            cell: |(_, one), _| one.link_type.clone(),
        },
        Column {
            heading: "packets",
            alignment: RIGHT,
            rank: 0,
            cell: |(_, one), _| number(one.packets),
        },
        Column {
            heading: "received",
            alignment: RIGHT,
            rank: 2,
            cell: |(_, one), _| one.received.map(number).unwrap_or_default(),
        },
        Column {
            heading: "dropped",
            alignment: RIGHT,
            rank: 0,
            cell: |(_, one), _| one.dropped.map(number).unwrap_or_default(),
        },
        Column {
            heading: "filter",
            alignment: LEFT,
            rank: 2,
            cell: |(_, one), _| optional(one.filter.as_ref()),
        },
    ]
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

fn host_columns<'a>() -> [Column<&'a Host>; 9] {
    [
        Column {
            heading: "host",
            alignment: LEFT,
            rank: 0,
            cell: |host, _| host.ip.to_string(),
        },
        Column {
            heading: "name",
            alignment: LEFT,
            rank: 1,
            cell: |host, _| optional(host.name.as_ref()),
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
