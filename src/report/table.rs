//! The default screen: the capture, and the connections that need attention first, cut to what fits.
//!
//! One line a connection where all columns fit. Otherwise each endpoint gets its own line, so that no address is ever cut or
//! wrapped. Columns that are only nice to have go first.

use std::borrow::Borrow;
use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use crate::findings::Sure;
use crate::model::{Analysis, Connection, EndpointReport, Usual};
use crate::report::findings::ByCode;
use crate::report::look::{Rows, counted, marks, number};
use crate::report::{Look, Tone, ending, findings, half_close, header, outcome_tone};
use crate::select::{Foremost, Need};

/// How many connections `Rows::Screen` shows at least, however low the screen.
const FEWEST: usize = 3;

/// Spaces between two columns.
pub(super) const GAP: usize = 2;
/// What a column adds to reach [`GAP`]: one space is where other tables draw a line.
pub(super) const PADDING: u16 = 1;

/// Writes the screen.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis, look: &Look) -> io::Result<()> {
    let mut listing = Listing::new(look);
    analysis
        .connections
        .iter()
        .for_each(|connection| listing.add(connection));
    listing.write(out, analysis, look)
}

/// The screen, made of one connection after the other: it keeps those that it may have room for.
pub struct Listing<C> {
    foremost: Foremost<C>,
    findings: ByCode,
}

impl<C: Borrow<Connection>> Listing<C> {
    /// Without a connection.
    pub fn new(look: &Look) -> Listing<C> {
        let most = match look.rows {
            Rows::All => usize::MAX,
            Rows::Limit(limit) => limit,
            Rows::Screen(lines) => lines.max(FEWEST),
        };
        Listing {
            foremost: Foremost::new(most),
            findings: ByCode::default(),
        }
    }

    /// Takes the next one.
    pub fn add(&mut self, connection: C) {
        self.findings.add(connection.borrow());
        self.foremost.add(connection);
    }

    /// Takes the next one, for which this stands and in which this is found, if it has no room for it and all that it would keep is
    /// that there is one more. False if not; nothing has changed then.
    pub fn takes_usual(&mut self, usual: &Usual, found: Option<Sure>) -> bool {
        let worst = found.map(|found| found.severity);
        let passes = self.foremost.passes(Need::of_usual(usual, worst))
            && found.is_none_or(|found| self.findings.counts(found));
        if passes {
            self.foremost.pass();
        }
        passes
    }

    /// Takes what another one kept, which was given those that come behind.
    pub fn merge(&mut self, later: Listing<C>) {
        self.foremost.merge(later.foremost);
        self.findings.merge(later.findings);
    }

    /// How many it was given.
    pub fn given(&self) -> u64 {
        self.foremost.shown()
    }

    /// Writes the screen. Of `analysis` all but the connections is shown; `look` is that of the beginning.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(mut self, out: &mut dyn Write, analysis: &Analysis, look: &Look) -> io::Result<()> {
        let together = analysis.findings.iter();
        together.for_each(|finding| self.findings.add_together(finding));
        let total = self.given();
        let kept = self.foremost.into_sorted();
        let connections = kept.iter().map(Borrow::borrow).collect();
        write_listed(out, analysis, &self.findings, connections, total, look)
    }
}

/// `connections` are the foremost of so many, in order.
fn write_listed(
    out: &mut dyn Write,
    analysis: &Analysis,
    found: &ByCode,
    mut connections: Vec<&Connection>,
    total: u64,
    look: &Look,
) -> io::Result<()> {
    let mut header = header::lines(analysis, look);
    header.extend(found.lines(look));
    for line in &header {
        writeln!(out, "{line}")?;
    }
    if total == 0 {
        return nothing_to_list(out, analysis, look);
    }
    // Around the list: heading and rule, a blank line on both sides, two lines of legend, one of hints, the prompt.
    let room = |lines: usize| lines.saturating_sub(header.len() + 8);
    if let Rows::Screen(lines) = look.rows {
        connections.truncate(room(lines).max(FEWEST));
    }
    let mut layout = Layout::fitting(&connections, look);
    if let Rows::Screen(lines) = look.rows
        && layout.lines_each() > 1
    {
        connections.truncate((room(lines) / layout.lines_each()).max(FEWEST));
        layout = Layout::fitting(&connections, look); // what is left may be narrower
    }
    if !connections.is_empty() {
        writeln!(out)?;
        write_table(out, &layout.table(&connections, look))?;
        writeln!(out)?;
    }
    for line in legend(&connections, look) {
        writeln!(out, "{}", look.paint(Tone::Dim, &line))?;
    }
    let hint = hints(analysis, &connections, total, look);
    for line in header::wrapped(look, look.width, &hint) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A table without a frame, its heading underlined. `lines` are cut at the right end where nothing stands.
pub(super) fn write_table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// An empty table in the style of this program.
pub(super) fn plain_table(look: &Look) -> Table {
    let rule = LineStyle::none().fill(look.rule()).junction(look.rule());
    let mut table = Table::new();
    table
        .load_style(
            TableStyle::new()
                .header_lines(ContentLineStyle::none())
                .header_separator(rule)
                .content_lines(ContentLineStyle::none()),
        )
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    table
}

fn nothing_to_list(out: &mut dyn Write, analysis: &Analysis, look: &Look) -> io::Result<()> {
    if analysis.summary.connections > 0 {
        let text = "No connection matches the selection.";
        return writeln!(out, "\n{}", look.paint(Tone::Attention, text));
    }
    let text = if analysis.capture.packets == 0 {
        "The capture holds no packet."
    } else {
        "The capture holds no TCP connection."
    };
    writeln!(out, "\n{text}")
}

/// The meaning of what stands behind states and durations in these rows.
fn legend(connections: &[&Connection], look: &Look) -> Vec<String> {
    let ends = connections
        .iter()
        .flat_map(|c| [&c.endpoints.client, &c.endpoints.server]);
    let mut entries = marks(ends.map(|end| (end.state, end.state_evidence)));
    if connections
        .iter()
        .any(|connection| connection.close.half_close_open)
    {
        entries.push("+ and counting".to_owned());
    }
    let line = entries.join(look.separator());
    if line.chars().count() <= look.width {
        Vec::from_iter((!line.is_empty()).then_some(line))
    } else {
        entries
    }
}

fn hints(analysis: &Analysis, listed: &[&Connection], total: u64, look: &Look) -> Vec<header::Fact> {
    let mut facts = Vec::new();
    if (listed.len() as u64) < total {
        let rest = number(total - listed.len() as u64);
        facts.push(header::Fact::plain(format!(
            "{} {rest} more: --all",
            look.ellipsis()
        )));
    }
    if total < analysis.summary.connections {
        let of = counted(analysis.summary.connections, "connection");
        facts.push(header::Fact::plain(format!("{} of {of} selected", number(total))));
    }
    if let Some(first) = listed.first() {
        let text = format!("one connection: tcptrace-states show FILE --conn {}", first.id);
        facts.push(header::Fact::new(Tone::Dim, text));
    }
    facts
}

/// Which columns there are. The address, the states and the outcome always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// Each endpoint on its own line.
    stacked: bool,
    half_close: bool,
    iss: bool,
    packets: bool,
    /// Some of the connections have warnings or errors. Then their column is always there.
    findings: bool,
}

impl Layout {
    const fn new(stacked: bool, half_close: bool, iss: bool, packets: bool) -> Layout {
        Layout {
            stacked,
            half_close,
            iss,
            packets,
            findings: false,
        }
    }

    /// From the richest to the smallest. All columns on two lines are better than some of them on one.
    const ALL: [Layout; 5] = [
        Layout::new(false, true, true, true),
        Layout::new(true, true, true, true),
        Layout::new(true, true, true, false),
        Layout::new(true, true, false, false),
        Layout::new(true, false, false, false),
    ];

    /// The richest layout in which these connections fit the width.
    fn fitting(connections: &[&Connection], look: &Look) -> Layout {
        let plain = Look {
            color: false,
            ..look.clone()
        };
        let width_of = |column: &Column| {
            let cells = connections
                .iter()
                .map(|connection| width_of_text(&(column.cell)(connection, &plain)));
            cells.max().unwrap_or(0).max(width_of_text(column.heading))
        };
        let with_findings = |layout: Layout| Layout {
            findings: connections
                .iter()
                .any(|connection| !findings::codes(connection, &plain).is_empty()),
            ..layout
        };
        let widths = COLUMNS.each_ref().map(width_of);
        let fits = |layout: &Layout| {
            let wanted = COLUMNS
                .iter()
                .zip(widths)
                .filter(|(column, _)| (column.wanted)(*layout));
            wanted.map(|(_, width)| width + GAP).sum::<usize>() <= look.width + GAP
        };
        Layout::ALL
            .into_iter()
            .map(with_findings)
            .find(fits)
            .unwrap_or(with_findings(Layout::new(true, false, false, false)))
    }

    fn lines_each(self) -> usize {
        if self.stacked { 2 } else { 1 }
    }

    fn table(self, connections: &[&Connection], look: &Look) -> Table {
        let mut table = plain_table(look);
        let headings: Vec<&Column> = COLUMNS.iter().filter(|column| (column.wanted)(self)).collect();
        table.set_header(headings.iter().map(|column| {
            Cell::new(look.paint(Tone::Strong, column.heading)).set_alignment(column.alignment)
        }));
        for connection in connections {
            table.add_row(
                headings
                    .iter()
                    .map(|column| Cell::new((column.cell)(connection, look)).set_alignment(column.alignment)),
            );
        }
        let last = headings.len().saturating_sub(1);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { PADDING }));
        }
        table
    }
}

/// One column: when it is there, and what stands in it.
struct Column {
    heading: &'static str,
    alignment: CellAlignment,
    wanted: fn(Layout) -> bool,
    cell: fn(&Connection, &Look) -> String,
}

const LEFT: CellAlignment = CellAlignment::Left;
const RIGHT: CellAlignment = CellAlignment::Right;

/// All columns of both layouts from left to right. A stacked cell has two lines: client above, server below.
const COLUMNS: [Column; 16] = [
    Column {
        heading: "id",
        alignment: RIGHT,
        wanted: |_| true,
        cell: |c, _| c.id.to_string(),
    },
    Column {
        heading: "client / server",
        alignment: LEFT,
        wanted: |layout| layout.stacked,
        cell: |c, _| format!("{}\n{}", c.client, c.server),
    },
    Column {
        heading: "client",
        alignment: LEFT,
        wanted: |layout| !layout.stacked,
        cell: |c, _| c.client.to_string(),
    },
    Column {
        heading: "server",
        alignment: LEFT,
        wanted: |layout| !layout.stacked,
        cell: |c, _| c.server.to_string(),
    },
    Column {
        heading: "state",
        alignment: LEFT,
        wanted: |layout| layout.stacked,
        cell: |c, look| {
            format!(
                "{}\n{}",
                state(&c.endpoints.client, look),
                state(&c.endpoints.server, look)
            )
        },
    },
    Column {
        heading: "client state",
        alignment: LEFT,
        wanted: |layout| !layout.stacked,
        cell: |c, look| state(&c.endpoints.client, look),
    },
    Column {
        heading: "server state",
        alignment: LEFT,
        wanted: |layout| !layout.stacked,
        cell: |c, look| state(&c.endpoints.server, look),
    },
    Column {
        heading: "outcome",
        alignment: LEFT,
        wanted: |layout| layout.stacked,
        cell: |c, look| {
            let lines = ending(c).replacen(" by ", "\nby ", 1);
            let painted: Vec<String> = lines
                .lines()
                .map(|l| look.paint(outcome_tone(c.outcome), l))
                .collect();
            painted.join("\n")
        },
    },
    Column {
        heading: "outcome",
        alignment: LEFT,
        wanted: |layout| !layout.stacked,
        cell: |c, look| look.paint(outcome_tone(c.outcome), &ending(c)),
    },
    Column {
        heading: "half-close",
        alignment: RIGHT,
        wanted: |layout| layout.half_close,
        cell: half_close,
    },
    Column {
        heading: "findings",
        alignment: LEFT,
        wanted: |layout| layout.findings,
        cell: |c, look| findings::codes(c, look),
    },
    Column {
        heading: "ISS",
        alignment: RIGHT,
        wanted: |layout| layout.stacked && layout.iss,
        cell: |c, _| format!("{}\n{}", iss(c.handshake.client_iss), iss(c.handshake.server_iss)),
    },
    Column {
        heading: "ISS client",
        alignment: RIGHT,
        wanted: |layout| !layout.stacked && layout.iss,
        cell: |c, _| iss(c.handshake.client_iss),
    },
    Column {
        heading: "ISS server",
        alignment: RIGHT,
        wanted: |layout| !layout.stacked && layout.iss,
        cell: |c, _| iss(c.handshake.server_iss),
    },
    Column {
        heading: "packets",
        alignment: RIGHT,
        wanted: |layout| layout.stacked && layout.packets,
        cell: |c, _| {
            format!(
                "{}\n{}",
                number(c.endpoints.client.packets),
                number(c.endpoints.server.packets)
            )
        },
    },
    Column {
        heading: "packets c/s",
        alignment: RIGHT,
        wanted: |layout| !layout.stacked && layout.packets,
        cell: |c, _| {
            format!(
                "{} / {}",
                number(c.endpoints.client.packets),
                number(c.endpoints.server.packets)
            )
        },
    },
];

/// Columns that a cell takes: its longest line. All characters in cells are one column wide.
fn width_of_text(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

fn state(endpoint: &EndpointReport, look: &Look) -> String {
    look.paint_state(endpoint.state, endpoint.state_evidence)
}

fn iss(number: Option<u32>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}
