//! The transitions of one connection and what proves each; what was withdrawn; and the events beside them.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Table};

use crate::model::{Connection, EndpointReport, Evidence, Role, Transition};
use crate::report::look::{counted, number, seconds_since, state_label};
use crate::report::table::{GAP, PADDING, plain_table, write_table};
use crate::report::{Look, Tone};
use crate::time::Timestamp;

/// Events shown; the JSON views have all that were kept.
const EVENTS: usize = 20;

/// Writes all lists that are not empty.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, connection: &Connection, look: &Look) -> io::Result<()> {
    let sides = [
        (Role::Client, &connection.endpoints.client),
        (Role::Server, &connection.endpoints.server),
    ];
    if sides.iter().any(|(_, side)| !side.transitions.is_empty()) {
        writeln!(
            out,
            "\n{}",
            look.paint(Tone::Strong, "Transitions, and what proves them")
        )?;
        write_table(out, &transitions(connection.first_time, &sides, look))?;
    }
    for (role, side) in &sides {
        if side.transitions_folded > 0 {
            let text = format!(
                "{}: {} not kept",
                role.name(),
                counted(side.transitions_folded, "more transition")
            );
            writeln!(out, "{}", look.paint(Tone::Attention, &text))?;
        }
    }
    write_withdrawn(out, &sides, look)?;
    write_events(out, connection, look)
}

fn transitions(start: Timestamp, sides: &[(Role, &EndpointReport)], look: &Look) -> Table {
    const COLUMNS: usize = 6;
    const TIME: usize = 3;
    const HEADINGS: [(&str, CellAlignment); COLUMNS] = [
        ("", CellAlignment::Left),
        ("transition", CellAlignment::Left),
        ("packet", CellAlignment::Right),
        ("time", CellAlignment::Right),
        ("earliest .. latest", CellAlignment::Left),
        ("evidence", CellAlignment::Left),
    ];
    let mut rows: Vec<[String; COLUMNS]> = Vec::new();
    for (role, side) in sides {
        for (index, transition) in side.transitions.iter().enumerate() {
            let who = if index == 0 { role.name() } else { "" };
            rows.push([
                who.to_owned(),
                change(side, index, look),
                transition
                    .packet
                    .map_or_else(|| "-".to_owned(), |packet| packet.to_string()),
                seconds_since(start, transition.at),
                interval(start, transition, look),
                proof(transition),
            ]);
        }
    }
    let width = |rows: &[[String; COLUMNS]], columns: &[usize]| {
        let cell = |column: &usize| {
            let cells = rows
                .iter()
                .filter_map(|row| row.get(*column))
                .map(|cell| cell.chars().count());
            cells
                .chain(HEADINGS.get(*column).map(|(heading, _)| heading.len()))
                .max()
                .unwrap_or(0)
                + GAP
        };
        columns.iter().map(cell).sum::<usize>().saturating_sub(GAP)
    };
    // On a narrow screen the state before is left out: it is the one on the line above. If that is not enough, so is the
    // best estimate, which lies in the interval.
    let mut columns = vec![0, 1, 2, 3, 4, 5];
    if width(&rows, &columns) > look.width {
        let all = sides.iter().flat_map(|(_, side)| &side.transitions);
        for (row, transition) in rows.iter_mut().zip(all) {
            row[1] = format!(
                "{} {}",
                look.arrow(),
                state_label(transition.to, Some(transition.evidence))
            );
        }
    }
    if width(&rows, &columns) > look.width {
        columns.retain(|column| *column != TIME);
    }
    let pick = |row: [String; COLUMNS]| {
        let cells = row
            .into_iter()
            .zip(HEADINGS)
            .enumerate()
            .filter(|(index, _)| columns.contains(index));
        let cells = cells.map(|(_, (cell, (_, alignment)))| Cell::new(cell).set_alignment(alignment));
        cells.collect::<Vec<Cell>>()
    };
    let mut table = plain_table(look);
    table.set_header(pick(HEADINGS.map(|(heading, _)| look.paint(Tone::Dim, heading))));
    for row in rows {
        table.add_row(pick(row));
    }
    let last = columns.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { PADDING }));
    }
    table
}

fn change(side: &EndpointReport, index: usize, look: &Look) -> String {
    match side.transitions.get(index) {
        Some(Transition {
            from, to, evidence, ..
        }) => {
            format!("{from} {} {}", look.arrow(), state_label(*to, Some(*evidence)))
        }
        None => String::new(),
    }
}

/// The moments between which the endpoint made the transition.
fn interval(start: Timestamp, transition: &Transition, look: &Look) -> String {
    let (at_least, at_most) = if look.ascii { (">=", "<=") } else { ("≥", "≤") };
    match (transition.earliest, transition.latest) {
        (Some(earliest), Some(latest)) if earliest == latest => seconds_since(start, latest),
        (Some(earliest), Some(latest)) => {
            format!(
                "{}..{}",
                seconds_since(start, earliest),
                seconds_since(start, latest)
            )
        }
        (Some(earliest), None) => format!("{at_least} {}", seconds_since(start, earliest)),
        (None, Some(latest)) => format!("{at_most} {}", seconds_since(start, latest)),
        (None, None) => "not bounded".to_owned(),
    }
}

fn proof(transition: &Transition) -> String {
    let name = transition.evidence.name();
    match (transition.evidence, transition.proven_by) {
        (Evidence::Sent, _) | (_, None) => name.to_owned(),
        (Evidence::Confirmed | Evidence::Presumed | Evidence::Inferred | Evidence::Timer, Some(packet)) => {
            format!("{name} by {packet}")
        }
    }
}

fn write_withdrawn(out: &mut dyn Write, sides: &[(Role, &EndpointReport)], look: &Look) -> io::Result<()> {
    if sides.iter().all(|(_, side)| side.withdrawn.is_empty()) {
        return Ok(());
    }
    writeln!(
        out,
        "\n{}",
        look.paint(
            Tone::Strong,
            "Withdrawn: the packet passed here but never arrived"
        )
    )?;
    for (role, side) in sides {
        for item in &side.withdrawn {
            let why = match item.refuted_by {
                Some(packet) => format!("refuted by packet {packet}"),
                None => "the answer that was due never came".to_owned(),
            };
            writeln!(
                out,
                "{}  {} {} {}  by packet {}, {why}",
                role.name(),
                item.from,
                look.arrow(),
                item.to,
                item.packet,
            )?;
        }
        if side.withdrawn_folded > 0 {
            let text = format!(
                "{}: {} not kept",
                role.name(),
                counted(side.withdrawn_folded, "more withdrawn transition")
            );
            writeln!(out, "{}", look.paint(Tone::Attention, &text))?;
        }
    }
    Ok(())
}

fn write_events(out: &mut dyn Write, connection: &Connection, look: &Look) -> io::Result<()> {
    if connection.events.is_empty() && connection.events_folded.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", look.paint(Tone::Strong, "Events"))?;
    let shown = connection.events.iter().take(EVENTS);
    let times: Vec<String> = shown
        .clone()
        .map(|event| seconds_since(connection.first_time, event.at))
        .collect();
    let time_width = times.iter().map(String::len).max().unwrap_or(0);
    let packet_width = shown
        .clone()
        .map(|event| event.packet.to_string().len())
        .max()
        .unwrap_or(0);
    for (event, time) in shown.zip(&times) {
        let (packet, who, kind) = (
            event.packet,
            event.endpoint.name(),
            event.kind.name().replace('-', " "),
        );
        writeln!(
            out,
            "{time:>time_width$}  packet {packet:>packet_width$}  {who}  {kind}"
        )?;
    }
    let hidden = connection.events.len().saturating_sub(EVENTS);
    if hidden > 0 {
        let text = format!(
            "{} {} more: --format json",
            look.ellipsis(),
            number(hidden as u64)
        );
        writeln!(out, "{}", look.paint(Tone::Dim, &text))?;
    }
    if !connection.events_folded.is_empty() {
        let kinds = connection.events_folded.iter();
        let kinds: Vec<String> = kinds
            .map(|folded| {
                format!(
                    "{} {}",
                    number(folded.count),
                    folded.kind.name().replace('-', " ")
                )
            })
            .collect();
        let text = format!("beyond these: {}", kinds.join(", "));
        writeln!(out, "{}", look.paint(Tone::Dim, &text))?;
    }
    Ok(())
}
