//! The screens: what [`App`] holds, drawn into the cells of a terminal. Whatever the size, what does not fit is left out.

mod connection;
pub(super) mod layout;
mod list;
mod prompt;
mod timeline;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthChar;

use super::app::{App, Reading, View};
use super::styled;
use crate::analyze::Progress;
use crate::report::look::{counted, number};

/// A fact in fewer columns than these is left out, not cut.
const WORTH_CLIPPING: usize = 16;

/// Draws the screen.
pub fn draw(app: &App, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut canvas = Canvas {
        buffer: frame.buffer_mut(),
        area,
    };
    match app.view() {
        View::List => list::draw(app, &mut canvas),
        View::Timeline => timeline::draw(app, &mut canvas),
        View::Connection => connection::draw(app, &mut canvas),
        View::Page => page(app, &mut canvas),
    }
    if let Some(cursor) = prompt::draw(app, &mut canvas) {
        frame.set_cursor_position(cursor);
    }
}

/// The cells, safe to write to anywhere.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
}

impl Canvas<'_> {
    /// Writes a line at `x`, `y`, in at most `width` columns.
    fn put(&mut self, x: u16, y: u16, width: u16, line: &Line<'_>) {
        let room = Rect::new(x, y, width, 1).intersection(self.area);
        if !room.is_empty() {
            self.buffer.set_line(room.x, room.y, line, room.width);
        }
    }

    /// Writes a line from the left edge.
    fn line(&mut self, y: u16, line: &Line<'_>) {
        self.put(0, y, self.area.width, line);
    }

    /// Gives the cells of a line a style.
    fn style(&mut self, y: u16, style: Style) {
        let room = Rect::new(0, y, self.area.width, 1).intersection(self.area);
        self.buffer.set_style(room, style);
    }
}

/// The bar on top: what is shown, and at its right end how far the reading is.
fn title(app: &App, canvas: &mut Canvas<'_>, y: Option<u16>, facts: &[String]) {
    let Some(y) = y else {
        return;
    };
    let width = usize::from(canvas.area.width);
    let right = format!(" {} ", state_of_reading(app));
    let right = if right.trim().is_empty() {
        String::new()
    } else {
        right
    };
    let gap = app.theme.glyph(" · ", " | ");
    let mut left = String::from(" ");
    for (index, fact) in facts.iter().enumerate() {
        let with = format!("{}{fact}", if index == 0 { "" } else { gap });
        // What comes later matters less; a few letters of it tell nothing.
        let rest = width.saturating_sub(columns(&left) + columns(&right));
        if index > 0 && columns(&with) > rest {
            if rest >= WORTH_CLIPPING {
                left.push_str(&clip(app, &with, rest));
            }
            break;
        }
        left.push_str(&with);
    }
    let left = clip(app, &left, width.saturating_sub(columns(&right)));
    let space = " ".repeat(width.saturating_sub(columns(&left) + columns(&right)));
    let bar = app.theme.bar();
    let loud = match is_damaged(app) {
        true if app.theme.has_color() => bar.fg(ratatui::style::Color::Yellow),
        _ => bar,
    };
    let line = Line::from(vec![
        Span::styled(left, bar),
        Span::styled(space, bar),
        Span::styled(right, loud),
    ]);
    canvas.style(y, bar);
    canvas.line(y, &line);
}

fn is_damaged(app: &App) -> bool {
    let capture = app.analysis().map(|analysis| &analysis.capture);
    capture.is_some_and(|capture| {
        !capture.complete || !capture.damage.is_empty() || capture.evicted_connections > 0
    })
}

/// `reading 43 %, so far 1 204 000 packets`; what is wrong with the capture; nothing if it was read and is sound.
fn state_of_reading(app: &App) -> String {
    let packets = |progress: Option<Progress>| {
        let of_contents = app.analysis().map(|analysis| analysis.capture.packets);
        let of_progress = progress.map(|progress| progress.packets);
        of_contents.or(of_progress)
    };
    match app.reading {
        Reading::On(progress) | Reading::Stopping(progress) => {
            let doing = match app.reading {
                Reading::Stopping(_) => "stopping",
                Reading::On(_) | Reading::Over => "reading",
            };
            let share = progress.and_then(share).map(|share| format!(" {share} %"));
            let so_far = packets(progress).map(|packets| format!(", so far {}", counted(packets, "packet")));
            format!(
                "{doing}{}{}",
                share.unwrap_or_default(),
                so_far.unwrap_or_default()
            )
        }
        Reading::Over => {
            let Some(capture) = app.analysis().map(|analysis| &analysis.capture) else {
                return String::new();
            };
            if !capture.complete {
                "INCOMPLETE: i says why".to_owned()
            } else if !capture.damage.is_empty() {
                "DAMAGED: i says where".to_owned()
            } else if capture.evicted_connections > 0 {
                format!("{} EVICTED: i says why", number(capture.evicted_connections))
            } else {
                String::new()
            }
        }
    }
}

/// Percent that are read.
fn share(progress: Progress) -> Option<u64> {
    let total = progress.bytes_total.filter(|total| *total > 0)?;
    let read = u128::from(progress.bytes_read.min(total));
    u64::try_from(read * 100 / u128::from(total)).ok()
}

/// A page of text.
fn page(app: &App, canvas: &mut Canvas<'_>) {
    let areas = layout::text(app);
    title(
        app,
        canvas,
        areas.title,
        &[app.text.title.clone(), app.name.clone()],
    );
    text(app, canvas, areas.body);
    hints(
        app,
        canvas,
        areas.hint,
        &[
            ("q", "back"),
            ("j k", "scroll"),
            ("/", "search"),
            ("e", "explain"),
        ],
        &position(app),
    );
}

/// The lines of the text that are on the screen.
fn text(app: &App, canvas: &mut Canvas<'_>, body: Rect) {
    let shown = app.text.lines.iter().enumerate().skip(app.text.top);
    for (y, (place, line)) in (body.y..body.bottom()).zip(shown) {
        let line = styled::line(line, app.text.left);
        canvas.line(y, &line);
        if app.text.found == Some(place) {
            canvas.style(y, app.theme.selected());
        }
    }
}

/// How much of the text is above the lower edge.
fn position(app: &App) -> String {
    let room = usize::from(layout::text(app).body.height);
    let (end, all) = (app.text.top.saturating_add(room), app.text.lines.len());
    if all <= room {
        String::new()
    } else if end >= all {
        "end".to_owned()
    } else {
        format!("{} %", end.saturating_mul(100) / all.max(1))
    }
}

/// The last line: a note, or keys and what they do, and on the right where one is.
fn hints(app: &App, canvas: &mut Canvas<'_>, y: Option<u16>, keys: &[(&str, &str)], place: &str) {
    let Some(y) = y.filter(|_| app.prompt.is_none()) else {
        return;
    };
    let width = usize::from(canvas.area.width);
    if let Some(note) = &app.note {
        let style = if note.is_bad {
            app.theme.alarm()
        } else {
            app.theme.strong()
        };
        canvas.line(
            y,
            &Line::from(Span::styled(clip(app, &format!(" {}", note.text), width), style)),
        );
        return;
    }
    let room = width.saturating_sub(columns(place) + 2);
    let mut spans = vec![Span::raw(" ")];
    let mut used = 1;
    for (key, what) in keys {
        let length = columns(key) + 1 + columns(what) + 2;
        if used + length > room {
            break;
        }
        used += length;
        spans.push(Span::styled((*key).to_owned(), app.theme.key()));
        spans.push(Span::styled(format!(" {what}  "), app.theme.dim()));
    }
    canvas.line(y, &Line::from(spans));
    let x = width.saturating_sub(columns(place) + 1);
    let line = Line::from(Span::styled(place.to_owned(), app.theme.dim()));
    if used <= room || columns(place) < width {
        canvas.put(u16::try_from(x).unwrap_or(0), y, canvas.area.width, &line);
    }
}

/// Columns that a text takes.
fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// A text in so many columns: what is too long ends with an ellipsis.
fn clip(app: &App, text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let ellipsis = app.theme.glyph("…", "~");
    let mut clipped = String::new();
    let mut used = columns(ellipsis);
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > room {
            break;
        }
        clipped.push(character);
    }
    if room > 0 {
        clipped.push_str(ellipsis);
    }
    clipped
}

/// An address in so many columns: of what is in front of the port most is left out.
fn clip_middle(app: &App, text: &str, room: usize) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(1);
    let behind = (kept * 3).div_ceil(4);
    let front: String = text.chars().take(kept - behind).collect();
    let back: String = text.chars().skip(length - behind).collect();
    if room == 0 {
        String::new()
    } else {
        format!("{front}{}{back}", app.theme.glyph("…", "~"))
    }
}
