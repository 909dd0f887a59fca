//! The columns of the list.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::findings;
use crate::model::{Evidence, Role, Severity, State};
use crate::report::look::{Mark, number, seconds_since, state_label};
use crate::report::{Look, SequenceNumbers, outcome_tone};
use crate::tui::app::App;
use crate::tui::contents::Contents;
use crate::tui::order::Order;
use crate::tui::row::Row;
use crate::tui::view::{clip_middle, columns};

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Client,
    Server,
    ClientState,
    ServerState,
    Ending,
    HalfClose,
    Start,
    Duration,
    Bytes,
    Packets,
    Findings,
}

/// From left to right.
const COLUMNS: [Column; 12] = [
    Column::Id,
    Column::Client,
    Column::Server,
    Column::ClientState,
    Column::ServerState,
    Column::Ending,
    Column::HalfClose,
    Column::Findings,
    Column::Start,
    Column::Duration,
    Column::Bytes,
    Column::Packets,
];

/// How the list gets narrower, step by step. Each step is on top of those before.
#[derive(Debug, Clone, Copy)]
enum Step {
    Without(Column),
    /// Names of states cut to a few letters.
    Short,
    /// One space between columns, not two.
    Tight,
}

const STEPS: [Step; 10] = [
    Step::Without(Column::Packets),
    Step::Without(Column::Start),
    Step::Without(Column::Bytes),
    Step::Without(Column::Duration),
    Step::Without(Column::Ending),
    Step::Tight,
    Step::Short,
    Step::Without(Column::HalfClose),
    Step::Without(Column::Findings),
    Step::Without(Column::Id),
];

/// In front of the line with the cursor.
const CURSOR: &str = ">";
/// Columns of an address where there is no room for all of it.
const NARROWEST_ADDRESS: usize = 9;

/// A piece of text and its style.
type Cell = Vec<(String, Style)>;

/// Which columns there are, and how wide.
pub struct Table {
    columns: Vec<(Column, usize)>,
    short: bool,
    gap: usize,
    look: Look,
}

impl Table {
    /// As much as fits.
    pub fn fitting(app: &App, contents: &Contents, rows: &[&Row], width: usize) -> Table {
        let look = app.theme.look(app.size.0, SequenceNumbers::Absolute);
        let mut table = Table {
            columns: COLUMNS.map(|column| (column, 0)).to_vec(),
            short: false,
            gap: 2,
            look,
        };
        table.measure(app, contents, rows);
        // Columns in which nothing stands, wherever one scrolls to, go before any other.
        let empty = [
            (Column::HalfClose, app.list.has_half_close),
            (Column::Findings, app.list.has_findings),
        ];
        let empty = empty
            .into_iter()
            .filter(|(_, has)| !has)
            .map(|(column, _)| Step::Without(column));
        for step in empty.chain(STEPS) {
            if table.width() <= width {
                return table;
            }
            match step {
                Step::Without(column) => table.columns.retain(|(one, _)| *one != column),
                Step::Tight => table.gap = 1,
                Step::Short => {
                    table.short = true;
                    table.measure(app, contents, rows);
                }
            }
        }
        // Addresses give way last: the line below the list has them in full.
        let over = table.width().saturating_sub(width);
        let is_address = |column: Column| matches!(column, Column::Client | Column::Server);
        for (column, wide) in table.columns.iter_mut().filter(|(column, _)| is_address(*column)) {
            let _ = column;
            *wide = wide.saturating_sub(over.div_ceil(2)).max(NARROWEST_ADDRESS);
        }
        table
    }

    fn measure(&mut self, app: &App, contents: &Contents, rows: &[&Row]) {
        let (short, look) = (self.short, &self.look);
        for (column, width) in &mut self.columns {
            let heading = columns(&heading(app, *column, short));
            let cells = rows.iter().map(|row| {
                let cell = cell(app, contents, row, *column, short, look);
                cell.iter().map(|(text, _)| columns(text)).sum::<usize>()
            });
            *width = cells.max().unwrap_or(0).max(heading);
        }
    }

    fn width(&self) -> usize {
        let cells: usize = self.columns.iter().map(|(_, width)| width + self.gap).sum();
        // The mark of the cursor and a space in front.
        cells.saturating_sub(self.gap) + 2
    }

    pub fn heading(&self, app: &App) -> Line<'static> {
        let mut spans = vec![Span::raw("  ")];
        for (column, width) in &self.columns {
            let text = heading(app, *column, self.short);
            let space = " ".repeat(width.saturating_sub(columns(&text)));
            let gap = " ".repeat(self.gap);
            let text = if column.is_number() {
                format!("{space}{text}")
            } else {
                format!("{text}{space}")
            };
            spans.push(Span::styled(text, app.theme.strong()));
            spans.push(Span::raw(gap));
        }
        Line::from(spans)
    }

    pub fn line(&self, app: &App, contents: &Contents, row: &Row, selected: bool) -> Line<'static> {
        let mut spans = vec![Span::raw(if selected {
            format!("{CURSOR} ")
        } else {
            "  ".to_owned()
        })];
        for (column, width) in &self.columns {
            let mut cell = cell(app, contents, row, *column, self.short, &self.look);
            let mut length: usize = cell.iter().map(|(text, _)| columns(text)).sum();
            if length > *width
                && let [(text, _)] = cell.as_mut_slice()
            {
                *text = clip_middle(app, text, *width);
                length = columns(text);
            }
            let space = " ".repeat(width.saturating_sub(length));
            if column.is_number() {
                spans.push(Span::raw(space.clone()));
            }
            for (text, style) in cell {
                spans.push(Span::styled(text, if selected { Style::new() } else { style }));
            }
            if !column.is_number() {
                spans.push(Span::raw(space));
            }
            spans.push(Span::raw(" ".repeat(self.gap)));
        }
        Line::from(spans)
    }
}

impl Column {
    fn is_number(self) -> bool {
        match self {
            Column::Id
            | Column::HalfClose
            | Column::Start
            | Column::Duration
            | Column::Bytes
            | Column::Packets => true,
            Column::Client
            | Column::Server
            | Column::ClientState
            | Column::ServerState
            | Column::Ending
            | Column::Findings => false,
        }
    }

    /// What sorts by it.
    fn order(self) -> Option<Order> {
        match self {
            Column::Id | Column::ServerState => None,
            Column::Client => Some(Order::Client),
            Column::Server => Some(Order::Server),
            Column::ClientState => Some(Order::State),
            Column::Ending => Some(Order::Ending),
            Column::HalfClose => Some(Order::HalfClose),
            Column::Start => Some(Order::Start),
            Column::Duration => Some(Order::Duration),
            Column::Bytes => Some(Order::Bytes),
            Column::Packets => Some(Order::Packets),
            Column::Findings => Some(Order::Findings),
        }
    }
}

/// The name of a column, marked if the list is sorted by it.
fn heading(app: &App, column: Column, short: bool) -> String {
    let name = match column {
        Column::Id => "id",
        Column::Client => "client",
        Column::Server => "server",
        Column::ClientState if short => "c. state",
        Column::ServerState if short => "s. state",
        Column::ClientState => "client state",
        Column::ServerState => "server state",
        Column::Ending => "ended",
        Column::HalfClose => "half-close",
        Column::Start => "start s",
        Column::Duration => "duration",
        Column::Bytes => "bytes",
        Column::Packets => "packets",
        Column::Findings => "findings",
    };
    if column.order() != Some(app.list.order) {
        return name.to_owned();
    }
    let mark = if app.list.order.is_descending() != app.list.reversed {
        app.theme.glyph("▼", "v")
    } else {
        app.theme.glyph("▲", "^")
    };
    format!("{name}{mark}")
}

fn cell(app: &App, contents: &Contents, row: &Row, column: Column, short: bool, look: &Look) -> Cell {
    let theme = app.theme;
    let plain = |text: String| vec![(text, Style::new())];
    match column {
        Column::Id => vec![(row.id.to_string(), theme.dim())],
        Column::Client => plain(row.client.to_string()),
        Column::Server => plain(row.server.to_string()),
        Column::ClientState => state(app, row.state(Role::Client), short),
        Column::ServerState => state(app, row.state(Role::Server), short),
        Column::Ending => vec![(
            contents.rows.ending(row).to_owned(),
            theme.tone(outcome_tone(row.outcome)),
        )],
        Column::HalfClose => plain(row.half_close(look)),
        Column::Start => plain(seconds_since(contents.span().0, row.first)),
        Column::Duration => plain(look.duration(row.duration_ns())),
        Column::Bytes => plain(number(row.bytes)),
        Column::Packets => plain(number(row.packets)),
        Column::Findings => codes(app, row),
    }
}

/// The codes of warnings and errors; behind the third, how many more.
fn codes(app: &App, row: &Row) -> Cell {
    const SHOWN: usize = 3;
    let loud: Vec<_> = row
        .findings()
        .filter(|found| found.severity >= Severity::Warning)
        .collect();
    let mut cell = Cell::new();
    for found in loud.iter().take(SHOWN) {
        let code = findings::rules()
            .nth(usize::from(found.rule))
            .map_or("", |rule| rule.code);
        let gap = if cell.is_empty() { "" } else { " " };
        cell.push((format!("{gap}{code}"), app.theme.severity(found.severity)));
    }
    if loud.len() > SHOWN {
        cell.push((format!(" +{}", loud.len() - SHOWN), app.theme.dim()));
    }
    cell
}

fn state(app: &App, (state, evidence): (State, Option<Evidence>), short: bool) -> Cell {
    let text = if short {
        let mark = evidence.and_then(Mark::of).filter(|_| state != State::Unknown);
        format!(
            "{}{}",
            short_name(state),
            mark.map(|mark| mark.symbol().to_string()).unwrap_or_default()
        )
    } else {
        state_label(state, evidence)
    };
    vec![(text, app.theme.state(state, evidence))]
}

/// A state in at most seven letters.
fn short_name(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSED",
        State::Listen => "LISTEN",
        State::SynSent => "SYN-S",
        State::SynReceived => "SYN-R",
        State::Established => "ESTAB",
        State::FinWait1 => "FIN-W-1",
        State::FinWait2 => "FIN-W-2",
        State::CloseWait => "CLOSE-W",
        State::Closing => "CLOSING",
        State::LastAck => "LAST-A",
        State::TimeWait => "TIME-W",
        State::Unknown => "UNKNOWN",
    }
}
