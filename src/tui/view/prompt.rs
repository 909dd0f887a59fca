//! What is typed, in the last line; what one can choose from, above it.

use ratatui::layout::Position;
use ratatui::text::{Line, Span};

use super::{Canvas, clip, columns};
use crate::report::escape::Escaped;
use crate::tui::app::{App, Prompt};
use crate::tui::input::Input;
use crate::tui::order::Order;

/// Draws what is asked for; returns the place of the cursor.
pub fn draw(app: &App, canvas: &mut Canvas<'_>) -> Option<Position> {
    let prompt = app.prompt.as_ref()?;
    let y = canvas.area.height.checked_sub(1)?;
    match prompt {
        Prompt::Filter { input, wrong, .. } => {
            let help = "state:close-wait port:443 finding:TW04 10.0.0.9  (? in the list has all)";
            match wrong {
                Some(wrong) => above(
                    canvas,
                    y,
                    Span::styled(clip_to(app, canvas, wrong), app.theme.alarm()),
                ),
                None if input.text().is_empty() => {
                    above(
                        canvas,
                        y,
                        Span::styled(clip_to(app, canvas, help), app.theme.dim()),
                    );
                }
                None => {}
            }
            Some(line(canvas, y, "filter: ", input))
        }
        Prompt::Search(input) => Some(line(canvas, y, "/", input)),
        Prompt::Explain(input) => {
            if input.text().is_empty() {
                let help = "a rule (TW04), a state, a field, any word; Enter alone lists them";
                above(
                    canvas,
                    y,
                    Span::styled(clip_to(app, canvas, help), app.theme.dim()),
                );
            }
            Some(line(canvas, y, "explain: ", input))
        }
        Prompt::Sort => {
            menu(app, canvas, y);
            None
        }
    }
}

fn clip_to(app: &App, canvas: &Canvas<'_>, text: &str) -> String {
    clip(app, &format!(" {text}"), usize::from(canvas.area.width))
}

/// In the line above the one that is typed in.
fn above(canvas: &mut Canvas<'_>, y: u16, span: Span<'static>) {
    if let Some(y) = y.checked_sub(1) {
        blank(canvas, y);
        canvas.line(y, &Line::from(span));
    }
}

fn blank(canvas: &mut Canvas<'_>, y: u16) {
    let width = usize::from(canvas.area.width);
    canvas.style(y, ratatui::style::Style::reset());
    canvas.line(y, &Line::raw(" ".repeat(width)));
}

/// The line that is typed; of a long one, what is around the cursor.
fn line(canvas: &mut Canvas<'_>, y: u16, label: &str, input: &Input) -> Position {
    let width = usize::from(canvas.area.width);
    let room = width.saturating_sub(columns(label) + 1).max(1);
    let text = input.text();
    let before: String = text.chars().take(input.cursor()).collect();
    let behind: String = text.chars().skip(input.cursor()).collect();
    let (before, behind) = (Escaped(&before).to_string(), Escaped(&behind).to_string());
    let mut skip = 0;
    while columns(&before.chars().skip(skip).collect::<String>()) > room {
        skip += 1;
    }
    let before: String = before.chars().skip(skip).collect();
    blank(canvas, y);
    canvas.line(y, &Line::raw(format!("{label}{before}{behind}")));
    let x = (columns(label) + columns(&before)).min(width.saturating_sub(1));
    Position::new(u16::try_from(x).unwrap_or(0), y)
}

/// What the list can be sorted by.
fn menu(app: &App, canvas: &mut Canvas<'_>, y: u16) {
    let width = usize::from(canvas.area.width);
    let entries = Order::ALL.into_iter().map(|order| {
        let now = if order == app.list.order { "*" } else { "" };
        (order.key(), format!("{}{now}", order.name()))
    });
    let entries = entries.chain([('r', "the other way round".to_owned())]);
    let mut lines = Vec::new();
    let mut spans = vec![Span::styled("sort by: ", app.theme.strong())];
    let mut used = 9;
    for (key, name) in entries {
        let length = 2 + columns(&name) + 2;
        if used + length > width && used > 9 {
            lines.push(Line::from(std::mem::replace(
                &mut spans,
                vec![Span::raw(" ".repeat(9))],
            )));
            used = 9;
        }
        used += length;
        spans.push(Span::styled(key.to_string(), app.theme.key()));
        spans.push(Span::styled(format!(" {name}  "), app.theme.dim()));
    }
    lines.push(Line::from(spans));
    let height = u16::try_from(lines.len()).unwrap_or(1);
    let top = (y + 1).saturating_sub(height);
    for (y, line) in (top..=y).zip(lines) {
        blank(canvas, y);
        canvas.line(y, &line);
    }
}
