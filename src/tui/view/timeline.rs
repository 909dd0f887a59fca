//! The timeline: two lanes a connection, one for each end, with the state as a letter in each column.

use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};

use super::list::{about, facts_of_list};
use super::{Canvas, clip_middle, columns, hints, title};
use crate::findings;
use crate::model::{Address, Role, State};
use crate::report::SequenceNumbers;
use crate::report::look::{Mark, number};
use crate::time::Timestamp;
use crate::tui::app::App;
use crate::tui::contents::Contents;
use crate::tui::lane::{Cell, lane, letter, tick, tick_label};
use crate::tui::row::Row;
use crate::tui::theme::Theme;
use crate::tui::view::layout;

/// Columns between two ticks of the axis, at least.
const TICK: usize = 14;
/// Labels take one part of the width in so many, at most.
const LABEL_SHARE: usize = 3;

pub fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let areas = layout::timeline(app);
    let span = app.window.span();
    let width = usize::from(areas.body.width);
    let rows: Vec<&Row> = match &app.contents {
        Some(contents) => {
            let shown = app.list.shown.iter().skip(app.list.top);
            let shown = shown.take(usize::from(areas.body.height).div_ceil(layout::LANES));
            shown.filter_map(|place| contents.rows.get(*place)).collect()
        }
        None => Vec::new(),
    };
    let label = label_width(&rows, width);
    let room = width.saturating_sub(label);
    title(app, canvas, areas.title, &facts_of_title(app, room));
    if areas.head.height > 0 {
        canvas.put(
            u16::try_from(label).unwrap_or(u16::MAX),
            areas.head.y,
            areas.head.width,
            &axis(app, room),
        );
    }
    let end = app
        .contents
        .as_ref()
        .map_or(Timestamp::default(), |contents| contents.span().1);
    let mut letters = Letters::default();
    let mut y = areas.body.y;
    for (index, row) in rows.iter().enumerate() {
        let selected = app.list.top + index == app.list.cursor;
        for (role, address) in [(Role::Client, row.client), (Role::Server, row.server)] {
            if y >= areas.body.bottom() {
                break;
            }
            let cells = lane(&row.stretches(role, end), span, room, app.theme.ascii);
            letters.add(&cells);
            let line = Line::from(vec![label_of(
                app,
                row,
                role,
                address,
                (id_width(&rows), label),
                selected,
            )]);
            canvas.line(y, &line);
            let line = lane_line(app.theme, &cells);
            canvas.put(
                u16::try_from(label).unwrap_or(u16::MAX),
                y,
                areas.body.width,
                &line,
            );
            y += 1;
        }
    }
    if rows.is_empty() && areas.body.height > 0 {
        let text = if app.contents.is_none() {
            "Reading the capture."
        } else {
            "No connection to show."
        };
        canvas.put(1, areas.body.y, areas.body.width, &Line::raw(text));
    }
    if areas.foot.height > 0
        && let Some(contents) = &app.contents
    {
        footer(app, canvas, contents, areas.foot.y, label, &letters);
    }
    let keys = [
        ("?", "help"),
        ("q", "back"),
        ("+ -", "zoom"),
        ("h l", "move"),
        ("z", "fit"),
        ("0", "all"),
        ("Enter", "open"),
        ("f", "filter"),
        ("s", "sort"),
    ];
    let place = match app.list.shown.len() {
        0 => String::new(),
        all => format!("{} of {}", number(app.list.cursor as u64 + 1), number(all as u64)),
    };
    hints(app, canvas, areas.hint, &keys, &place);
}

fn facts_of_title(app: &App, room: usize) -> Vec<String> {
    let look = app.theme.look(app.size.0, SequenceNumbers::Absolute);
    let span = app.window.span();
    let column = span.length() / i128::try_from(room.max(1)).unwrap_or(1);
    let column = look.duration(i64::try_from(column).unwrap_or(i64::MAX));
    let shown = if app.window.is_whole() {
        format!("timeline, a column is {column}")
    } else {
        let whole = app.window.whole().length().max(1);
        // In tenths, rounded up: what is shown is never nothing.
        let tenths = (span.length() * 1_000).div_euclid(whole).max(1);
        format!(
            "timeline, a column is {column}, {}.{} % shown",
            tenths / 10,
            tenths % 10
        )
    };
    let mut facts = vec![shown, app.name.clone()];
    facts.extend(facts_of_list(app));
    facts
}

/// As wide as the longest address on the screen, but not too wide: mark, number, address, end.
fn label_width(rows: &[&Row], width: usize) -> usize {
    let addresses = rows.iter().flat_map(|row| [row.client, row.server]);
    let longest = addresses.map(|address| columns(&address.to_string())).max();
    let wanted = 2 + id_width(rows) + 1 + longest.unwrap_or(0) + 3;
    wanted.min((width / LABEL_SHARE).max(12)).min(width)
}

fn id_width(rows: &[&Row]) -> usize {
    rows.iter()
        .map(|row| columns(&row.id.to_string()))
        .max()
        .unwrap_or(0)
}

fn label_of(
    app: &App,
    row: &Row,
    role: Role,
    address: Address,
    (ids, width): (usize, usize),
    selected: bool,
) -> Text<'static> {
    let (mark, id, end) = match role {
        Role::Client => (if selected { ">" } else { " " }, row.id.to_string(), "c"),
        Role::Server => (" ", String::new(), "s"),
    };
    let before = format!("{mark} {id:>ids$} ");
    let room = width.saturating_sub(columns(&before) + 3);
    let address = clip_middle(app, &address.to_string(), room);
    let space = " ".repeat(room.saturating_sub(columns(&address)));
    let text: String = format!("{before}{address}{space} {end} ")
        .chars()
        .take(width)
        .collect();
    let style = match (selected, role) {
        (true, _) => app.theme.selected(),
        (false, Role::Client) => Style::new(),
        (false, Role::Server) => app.theme.dim(),
    };
    Text::styled(text, style)
}

fn lane_line(theme: Theme, cells: &[Option<Cell>]) -> Line<'static> {
    let mut spans: Vec<Text<'static>> = Vec::new();
    let mut run = String::new();
    let mut style = Style::new();
    for cell in cells {
        let (character, next) = match cell {
            None => (' ', Style::new()),
            Some(Cell {
                character,
                state: Some((state, evidence)),
            }) => (*character, theme.lane(*state, *evidence)),
            Some(Cell {
                character,
                state: None,
            }) => (*character, theme.dim()),
        };
        if next != style && !run.is_empty() {
            spans.push(Text::styled(std::mem::take(&mut run), style));
        }
        style = next;
        run.push(character);
    }
    spans.push(Text::styled(run, style));
    Line::from(spans)
}

/// Ticks with the time since the beginning of the capture.
fn axis(app: &App, room: usize) -> Line<'static> {
    let span = app.window.span();
    let start = app.window.whole().from;
    let distance = tick(span, room, TICK);
    let mark = app.theme.glyph("│", "|");
    let mut text = String::new();
    let since = i128::from(span.from) - i128::from(start);
    let step = i128::from(distance);
    let mut at = since.div_euclid(step) * step;
    if at < since {
        at += step;
    }
    while let Ok(moment) = i64::try_from(i128::from(start) + at) {
        let Ok(column) = usize::try_from(span.column(moment, room)) else {
            break;
        };
        if column >= room {
            break;
        }
        let label = tick_label(at, distance);
        if column >= columns(&text) {
            text.push_str(&" ".repeat(column - columns(&text)));
            text.push_str(mark);
            text.push_str(&label);
        }
        at += step;
    }
    Line::from(Text::styled(text, app.theme.strong()))
}

/// A rule; what is known of the connection under the cursor; its findings where they happened; what the letters mean.
fn footer(app: &App, canvas: &mut Canvas<'_>, contents: &Contents, y: u16, label: usize, letters: &Letters) {
    let width = usize::from(canvas.area.width);
    let rule = app.theme.glyph("─", "-").repeat(width);
    canvas.line(y, &Line::from(Text::styled(rule, app.theme.dim())));
    if let Some(row) = app.list.row(&contents.rows) {
        canvas.line(y + 1, &about(app, contents, row, width));
        canvas.line(y + 2, &Line::from(Text::styled(" findings", app.theme.dim())));
        let line = findings_of(app, row, width.saturating_sub(label));
        canvas.put(
            u16::try_from(label).unwrap_or(u16::MAX),
            y + 2,
            canvas.area.width,
            &line,
        );
    }
    for (index, line) in letters.lines(app, width).into_iter().take(2).enumerate() {
        canvas.line(y + 3 + u16::try_from(index).unwrap_or(0), &line);
    }
}

/// Each finding below the column where it happened; those outside of it are counted.
fn findings_of(app: &App, row: &Row, room: usize) -> Line<'static> {
    let span = app.window.span();
    let mark = app.theme.glyph("▲", "^");
    let (mut placed, mut outside, mut timeless) = (Vec::new(), 0u32, 0u32);
    for found in row.findings() {
        let code = findings::rules()
            .nth(usize::from(found.rule))
            .map_or("", |rule| rule.code);
        let style = app.theme.severity(found.severity);
        match found.at_ns {
            None => timeless += 1,
            Some(at) => match usize::try_from(span.column(row.first.ns().saturating_add(at), room)) {
                Ok(column) if column < room => placed.push((column, code, style)),
                Ok(_) | Err(_) => outside += 1,
            },
        }
    }
    placed.sort_by_key(|(column, ..)| *column);
    let mut spans = Vec::new();
    let mut used = 0;
    let mut hidden = 0u32;
    for (column, code, style) in placed {
        let text = format!("{mark}{code}");
        // At the right edge the code stands before its mark.
        let (start, text) = match column + columns(&text) > room {
            true => (column.saturating_sub(columns(code)), format!("{code}{mark}")),
            false => (column, text),
        };
        if start < used {
            hidden += 1;
            continue;
        }
        spans.push(Text::raw(" ".repeat(start - used)));
        used = start + columns(&text);
        spans.push(Text::styled(text, style));
    }
    let mut rest = Vec::new();
    for (count, what) in [
        (hidden, "here too"),
        (outside, "outside"),
        (timeless, "without a time"),
    ] {
        if count > 0 {
            rest.push(format!("{count} {what}"));
        }
    }
    if spans.is_empty() && rest.is_empty() {
        rest.push("none of its own".to_owned());
    }
    if !rest.is_empty() {
        let text = format!("{}{}", if used == 0 { "" } else { "  " }, rest.join(", "));
        // There may be no room behind the last mark: then in front of the first one.
        if used + columns(&text) <= room {
            spans.push(Text::styled(text, app.theme.dim()));
        } else if let Some(first) = spans.first_mut()
            && columns(&first.content) > columns(&text)
        {
            let space = columns(&first.content) - columns(&text);
            *first = Text::styled(format!("{text}{}", " ".repeat(space)), app.theme.dim());
        }
    }
    Line::from(spans)
}

/// What stands on the screen, so that it can be explained.
#[derive(Default)]
struct Letters {
    states: Vec<State>,
    marks: Vec<Mark>,
    not_kept: bool,
}

impl Letters {
    fn add(&mut self, cells: &[Option<Cell>]) {
        for cell in cells.iter().flatten() {
            match cell.state {
                None => self.not_kept = true,
                Some((state, evidence)) => {
                    if !self.states.contains(&state) {
                        self.states.push(state);
                    }
                    if let Some(mark) = evidence.and_then(Mark::of).filter(|_| state != State::Unknown)
                        && !self.marks.contains(&mark)
                    {
                        self.marks.push(mark);
                    }
                }
            }
        }
    }

    fn lines(&self, app: &App, width: usize) -> Vec<Line<'static>> {
        let theme = app.theme;
        let states = State::ALL.into_iter().filter(|state| self.states.contains(state));
        let mut entries: Vec<(String, Style, String)> = states
            .map(|state| {
                let text = letter(state, theme.ascii).to_string();
                (text, theme.lane(state, None), state.name().to_owned())
            })
            .collect();
        for (mark, words) in [(Mark::Inferred, "inferred"), (Mark::NotProven, "not proven")] {
            if self.marks.contains(&mark) {
                entries.push((mark.symbol().to_string(), Style::new(), words.to_owned()));
            }
        }
        if self.not_kept {
            entries.push(("%".to_owned(), theme.dim(), "not kept".to_owned()));
        }
        let mut lines = Vec::new();
        let mut spans = vec![Text::raw(" ")];
        let mut used = 1;
        for (sign, style, words) in entries {
            let length = columns(&sign) + 1 + columns(&words) + 2;
            if used + length > width + 2 && used > 1 {
                lines.push(Line::from(std::mem::replace(&mut spans, vec![Text::raw(" ")])));
                used = 1;
            }
            used += length;
            spans.push(Text::styled(sign, style));
            spans.push(Text::raw(format!(" {words}  ")));
        }
        if used > 1 {
            lines.push(Line::from(spans));
        }
        lines
    }
}
