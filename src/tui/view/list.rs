//! The list of connections: one a line, with as many columns as there is room for.

mod table;

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Canvas, clip, columns, hints, title};
use crate::findings;
use crate::model::ServiceFinding;
use crate::report::look::{counted, number};
use crate::report::{SequenceNumbers, outcome_tone};
use crate::tui::app::{App, Reading};
use crate::tui::contents::Contents;
use crate::tui::row::Row;
use crate::tui::view::layout;
use table::Table;

pub fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let areas = layout::list(app);
    title(app, canvas, areas.title, &facts_of_title(app));
    let Some(contents) = &app.contents else {
        let text = match app.reading {
            Reading::Over => "Nothing was read.",
            Reading::On(_) | Reading::Stopping(_) => {
                "Reading the capture. Connections are listed as they come."
            }
        };
        canvas.put(1, areas.body.y, areas.body.width, &Line::raw(text));
        return keys(app, canvas, areas.hint);
    };
    if app.list.shown.is_empty() {
        let line = Line::raw(clip(
            app,
            &nothing(app, contents),
            usize::from(areas.body.width).saturating_sub(1),
        ));
        if areas.body.height > 0 {
            canvas.put(1, areas.body.y, areas.body.width, &line);
        }
        return keys(app, canvas, areas.hint);
    }
    let rows: Vec<&Row> = app
        .list
        .shown
        .iter()
        .skip(app.list.top)
        .take(usize::from(areas.body.height))
        .filter_map(|place| contents.rows.get(*place))
        .collect();
    let table = Table::fitting(app, contents, &rows, usize::from(areas.body.width));
    if areas.head.height > 0 {
        canvas.line(areas.head.y, &table.heading(app));
    }
    for (y, (index, row)) in (areas.body.y..areas.body.bottom()).zip(rows.iter().enumerate()) {
        let selected = app.list.top + index == app.list.cursor;
        canvas.line(y, &table.line(app, contents, row, selected));
        if selected {
            canvas.style(y, app.theme.selected());
        }
    }
    if areas.foot.height > 0 {
        footer(app, canvas, contents, areas.foot.y);
    }
    keys(app, canvas, areas.hint);
}

fn facts_of_title(app: &App) -> Vec<String> {
    let mut facts = vec![app.name.clone()];
    facts.extend(facts_of_list(app));
    facts
}

/// How many connections are shown, and in which order.
pub fn facts_of_list(app: &App) -> Vec<String> {
    let Some(contents) = &app.contents else {
        return Vec::new();
    };
    let all = contents.rows.len() as u64;
    let shown = app.list.shown.len() as u64;
    let mut facts = vec![if app.list.filter.is_empty() {
        counted(all, "connection")
    } else {
        format!("{} of {}", number(shown), counted(all, "connection"))
    }];
    let more = contents.rows.left_out();
    if more > 0 {
        facts.push(format!("{} more NOT LISTED: i", number(more)));
    }
    if !app.list.filter.is_empty() {
        let text = crate::report::escape::Escaped(&app.list.filter_text);
        facts.push(format!("filter {text}"));
    }
    let reversed = if app.list.reversed { ", reversed" } else { "" };
    facts.push(format!("by {}{reversed}", app.list.order.name()));
    facts
}

fn nothing(app: &App, contents: &Contents) -> String {
    let summary = &contents.analysis.summary;
    if !contents.rows.is_empty() {
        "No connection matches the filter. Esc takes it away, f changes it.".to_owned()
    } else if !app.is_read() {
        "No connection so far.".to_owned()
    } else if summary.connections > 0 {
        "No connection matches the selection of the command line.".to_owned()
    } else if summary.packets == 0 {
        "The capture holds no packet.".to_owned()
    } else {
        "The capture holds no TCP connection. i says what it holds.".to_owned()
    }
}

fn keys(app: &App, canvas: &mut Canvas<'_>, y: Option<u16>) {
    let place = match app.list.shown.len() {
        0 => String::new(),
        all => format!("{} of {}", number(app.list.cursor as u64 + 1), number(all as u64)),
    };
    let mut all = vec![
        ("?", "help"),
        ("q", "quit"),
        ("Enter", "open"),
        ("f", "filter"),
        ("s", "sort"),
        ("t", "timeline"),
        ("/", "search"),
        ("i", "capture"),
    ];
    if !app.list.filter.is_empty() {
        all.insert(2, ("Esc", "no filter"));
    }
    hints(app, canvas, y, &all, &place);
}

/// A rule, and what is known of the connection under the cursor.
fn footer(app: &App, canvas: &mut Canvas<'_>, contents: &Contents, y: u16) {
    let width = usize::from(canvas.area.width);
    let rule = app.theme.glyph("─", "-").repeat(width);
    canvas.line(y, &Line::from(Span::styled(rule, app.theme.dim())));
    let Some(row) = app.list.row(&contents.rows) else {
        return;
    };
    canvas.line(y + 1, &about(app, contents, row, width));
    canvas.line(y + 2, &found(app, contents, row, width));
}

/// One line on a connection: ends, ending, half-close, amounts.
pub fn about(app: &App, contents: &Contents, row: &Row, width: usize) -> Line<'static> {
    let look = app.theme.look(app.size.0, SequenceNumbers::Absolute);
    let gap = look.separator();
    let arrow = look.arrow();
    let ends = format!(" {}  {} {arrow} {}", row.id, row.client, row.server);
    let mut spans = vec![Span::styled(ends.clone(), app.theme.strong())];
    let mut used = columns(&ends);
    let ending = contents.rows.ending(row).to_owned();
    let half_close = row.half_close(&look);
    let mut facts = vec![(ending, app.theme.tone(outcome_tone(row.outcome)))];
    if !half_close.is_empty() {
        facts.push((format!("half-close {half_close}"), Style::new()));
    }
    facts.push((
        format!("spans {}", look.duration(row.duration_ns())),
        Style::new(),
    ));
    facts.push((format!("{} B", number(row.bytes)), Style::new()));
    facts.push((counted(row.packets, "packet"), Style::new()));
    for (text, style) in facts {
        used += columns(gap) + columns(&text);
        if used > width {
            break;
        }
        spans.push(Span::styled(gap, app.theme.dim()));
        spans.push(Span::styled(text, style));
    }
    Line::from(spans)
}

/// The findings of a connection and of its service, by code and name; how many there is no room for.
fn found(app: &App, contents: &Contents, row: &Row, width: usize) -> Line<'static> {
    let own = row.findings().filter_map(|found| {
        let rule = findings::rules().nth(usize::from(found.rule))?;
        let text = format!("{} {} {}", found.severity.name(), rule.code, rule.name);
        Some((text, found.severity))
    });
    let about_it = |finding: &&ServiceFinding| {
        let client = finding.client.is_none_or(|client| client == row.client.ip);
        finding.server == Some(row.server) && client
    };
    let services = contents.analysis.findings.iter().filter(about_it).map(|finding| {
        let text = format!(
            "service: {} {} {}",
            finding.severity.name(),
            finding.code,
            finding.name
        );
        (text, finding.severity)
    });
    let all: Vec<_> = own.chain(services).collect();
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    if all.is_empty() {
        spans.push(Span::styled("no findings", app.theme.dim()));
    }
    for (index, (text, severity)) in all.iter().enumerate() {
        let rest = format!("{} more", all.len() - index);
        let gap = if index == 0 {
            ""
        } else {
            app.theme.glyph(" · ", " | ")
        };
        used += columns(gap) + columns(text);
        let last = index + 1 == all.len();
        spans.push(Span::styled(gap, app.theme.dim()));
        if used + if last { 0 } else { columns(&rest) + 3 } > width {
            spans.push(Span::styled(rest, app.theme.dim()));
            break;
        }
        spans.push(Span::styled(text.clone(), app.theme.severity(*severity)));
    }
    Line::from(spans)
}
