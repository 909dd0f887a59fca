//! One connection: what the list knows of it while the capture is read for it, and then its ladder and the rest.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::list::about;
use super::{Canvas, clip, hints, position, share, text, title};
use crate::report::SequenceNumbers;
use crate::report::look::{counted, state_label};
use crate::tui::app::{App, Detail, DetailState};
use crate::tui::pages::Tab;
use crate::tui::view::layout;

pub fn draw(app: &App, canvas: &mut Canvas<'_>) {
    let areas = layout::connection(app);
    let Some(detail) = &app.detail else {
        return;
    };
    let arrow = app.theme.glyph("→", "->");
    let (client, server) = (detail.job.client, detail.job.server);
    let name = format!("connection {}  {client} {arrow} {server}", detail.id);
    title(app, canvas, areas.title, &[name, app.name.clone()]);
    if areas.head.height > 0 {
        canvas.line(areas.head.y, &tabs(app, detail));
    }
    if matches!(detail.state, DetailState::Ready(_)) {
        text(app, canvas, areas.body);
    } else {
        waiting(app, canvas, detail, areas.body);
    }
    let keys: &[(&str, &str)] = match detail.state {
        DetailState::Ready(_) => &[
            ("?", "help"),
            ("q", "back"),
            ("Tab", "next tab"),
            ("j k", "scroll"),
            ("] [", "next, previous"),
            ("/", "search"),
            ("a", "seq rel/abs"),
        ],
        DetailState::Reading(_) => &[("Esc", "break off"), ("q", "back"), ("?", "help")],
        DetailState::Stopped | DetailState::Failed(_) => {
            &[("Enter", "read again"), ("q", "back"), ("?", "help")]
        }
    };
    hints(app, canvas, areas.hint, keys, &position(app));
}

fn tabs(app: &App, detail: &Detail) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    for (place, tab) in (1..).zip(Tab::ALL) {
        let selected = tab == detail.tab;
        let text = if selected {
            format!("[{place} {}]", tab.name())
        } else {
            format!(" {place} {} ", tab.name())
        };
        let style = if selected {
            app.theme.strong()
        } else {
            app.theme.dim()
        };
        spans.push(Span::styled(text, style));
        spans.push(Span::raw(" "));
    }
    let seq = match app.seq {
        SequenceNumbers::Absolute => "absolute seq",
        SequenceNumbers::Relative => "relative seq",
    };
    if detail.tab == Tab::Ladder {
        spans.push(Span::styled(format!("  {seq}"), app.theme.dim()));
    }
    Line::from(spans)
}

/// What is known before the ladder is there.
fn waiting(app: &App, canvas: &mut Canvas<'_>, detail: &Detail, body: Rect) {
    let width = usize::from(body.width);
    let mut lines: Vec<Line<'static>> = Vec::new();
    match &detail.state {
        DetailState::Reading(progress) => {
            let share = progress.and_then(share);
            let far = match (share, progress) {
                (Some(share), Some(progress)) => {
                    format!("{share} %, {}", counted(progress.packets, "packet"))
                }
                (None, Some(progress)) => counted(progress.packets, "packet"),
                (_, None) => "begun".to_owned(),
            };
            let text = format!(" Reading the capture again for the ladder: {far}");
            lines.push(Line::from(Span::styled(text, app.theme.strong())));
            if let Some(share) = share {
                lines.push(Line::raw(bar(app, share, width)));
            }
        }
        DetailState::Stopped => lines.push(Line::raw(" Reading was broken off. Enter begins anew.")),
        DetailState::Failed(why) => {
            lines.push(Line::from(Span::styled(
                clip(app, &format!(" {why}"), width),
                app.theme.alarm(),
            )));
        }
        DetailState::Ready(_) => {}
    }
    let row = app.contents.as_ref().and_then(|contents| {
        let row = app.list.row(&contents.rows)?;
        (row.first_packet == detail.job.first_packet).then_some((contents, row))
    });
    if let Some((contents, row)) = row {
        lines.push(Line::raw(""));
        let text = if app.is_read() {
            " What the list knows:"
        } else {
            " What the list knows so far:"
        };
        lines.push(Line::from(Span::styled(text, app.theme.dim())));
        lines.push(about(app, contents, row, width));
        let [client, server] = row.states.map(|(state, evidence)| state_label(state, evidence));
        lines.push(Line::raw(format!(" client {client}, server {server}")));
    }
    for (y, line) in (body.y..body.bottom()).zip(lines) {
        canvas.line(y, &line);
    }
}

fn bar(app: &App, share: u64, width: usize) -> String {
    let room = width.saturating_sub(2).min(60);
    let full = usize::try_from(share).unwrap_or(0).min(100) * room / 100;
    let (done, left) = (app.theme.glyph("█", "#"), app.theme.glyph("░", "."));
    format!(" {}{}", done.repeat(full), left.repeat(room - full))
}
