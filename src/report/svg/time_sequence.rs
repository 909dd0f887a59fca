//! One direction of a connection: sequence numbers over time, in the manner of tcptrace's time-sequence graph.
//!
//! Segments are strokes from their first to their last octet, at the time of their capture. Below them runs the line of what
//! the other side acknowledged, above them the line of what it was ready to take.

mod axes;
mod scale;

use crate::model::{Connection, ControlKind, Direction, Edge, Marks, Role, Stroke, Trace};
use crate::report::look::{counted, number};
use crate::report::svg::canvas::{Canvas, Px, at, lines_of};
use crate::report::svg::{Options, Place};
use axes::Axes;
use scale::Numbers;

/// Space around everything.
const MARGIN: f64 = 16.0;
/// Letters of controls that are drawn; the marks of all are.
const LETTERS: usize = 60;
/// A stroke is at least so high, pixels.
const LEAST: f64 = 2.0;

/// Draws what `from` sent, out of the [`Connection::trace`] that is kept with the ladder. `None` if there is none, or if `from`
/// sent nothing that takes a sequence number.
///
/// Of each kind at most [`Options::most_marks`] marks are drawn: where there are more, neighbours are joined to one, and the
/// picture says of how many.
pub fn time_sequence(connection: &Connection, from: Role, options: &Options<'_>) -> Option<String> {
    let trace = connection.trace.as_deref()?;
    let graph = Graph::of(connection, trace, from, options.most_marks)?;
    Some(graph.draw(options))
}

/// The marks of one direction, thinned, and the room that they need.
struct Graph<'a> {
    connection: &'a Connection,
    from: Role,
    sent: Direction,
    acks: Marks<Edge>,
    sacks: Marks<Stroke>,
    numbers: Numbers,
    axes: Axes,
    /// Marks that are far away from all others.
    outside: u64,
    /// How far the window reaches beyond the top, octets.
    window_beyond: Option<i64>,
}

impl<'a> Graph<'a> {
    fn of(connection: &'a Connection, trace: &Trace, from: Role, most: usize) -> Option<Graph<'a>> {
        let (sent, heard) = (trace.of(from), trace.of(from.other()));
        let sent = Direction {
            fresh: sent.fresh.at_most(most),
            repeated: sent.repeated.at_most(most),
            controls: sent.controls.at_most(most),
            ..Direction::default()
        };
        let (acks, sacks) = (heard.acks.at_most(most), heard.sacks.at_most(most));
        let numbers = Numbers::of(connection, from, &sent, &acks)?;
        // What was drawn of the sender decides how much there is to see: a window may be far above.
        let strokes = || sent.fresh.all().iter().chain(sent.repeated.all());
        let tops = strokes()
            .filter_map(|stroke| numbers.place(stroke.to, stroke.first))
            .chain(
                (sent.controls.all().iter()).filter_map(|control| numbers.place(control.seq, control.time)),
            );
        let highest = tops.max().unwrap_or(0).max(1);
        let edges = acks.all().iter().filter_map(|edge| {
            numbers
                .place(edge.ack, edge.time)?
                .checked_add(i64::from(edge.window?))
        });
        let window = edges.max();
        let room = highest.saturating_add(highest / 2).max(4);
        let top = window.map_or(highest, |window| window.clamp(highest, room));
        let lows = strokes()
            .filter_map(|stroke| numbers.place(stroke.from, stroke.first))
            .chain(
                (sent.controls.all().iter()).filter_map(|control| numbers.place(control.seq, control.time)),
            );
        let bottom = lows.min().unwrap_or(0).min(highest);
        let times = strokes()
            .flat_map(|stroke| [stroke.first, stroke.last])
            .chain(sent.controls.all().iter().map(|control| control.time))
            .chain(acks.all().iter().map(|edge| edge.time))
            .chain(sacks.all().iter().map(|sack| sack.last));
        let (first, last) = times.fold(None, |range: Option<(_, _)>, time| match range {
            None => Some((time, time)),
            Some((first, last)) => Some((time.min(first), time.max(last))),
        })?;
        let outside = strokes()
            .filter(|stroke| numbers.place(stroke.from, stroke.first).is_none())
            .map(|stroke| stroke.count)
            .chain(
                (sent.controls.all().iter())
                    .filter(|control| numbers.place(control.seq, control.time).is_none())
                    .map(|control| control.count),
            )
            .fold(0, u64::saturating_add);
        Some(Graph {
            connection,
            from,
            axes: Axes::new(first, last, bottom, top),
            window_beyond: window
                .and_then(|window| window.checked_sub(top))
                .filter(|more| *more > 0),
            sent,
            acks,
            sacks,
            numbers,
            outside,
        })
    }

    fn draw(&self, options: &Options<'_>) -> String {
        let mut canvas = Canvas::new(options.place);
        let (sender, receiver) = match self.from {
            Role::Client => (self.connection.client, self.connection.server),
            Role::Server => (self.connection.server, self.connection.client),
        };
        let to = self.from.other().name();
        let title = format!("{} to {to}: sequence numbers over time", self.from.name());
        let mut y = MARGIN;
        if options.place == Place::Document {
            y += 14.0;
            let heading = format!("Connection {} · {} to {to}", self.connection.id, self.from.name());
            canvas.text("ts-title", at(MARGIN, y), &heading);
            y += 18.0;
            canvas.text(
                "ts-dim ts-fixed",
                at(MARGIN, y),
                &format!("{sender} to {receiver}"),
            );
            y += 8.0;
        }
        let y = self.legend(&mut canvas, y + 12.0);
        let axes = &self.axes.below(y + 10.0);
        axes.draw(&mut canvas, self.connection.first_time, self.numbers.name());
        self.acknowledgments(&mut canvas, axes);
        canvas.path("ts-sacked", &self.strokes(axes, &self.sacks, LEAST));
        canvas.path("ts-fresh", &self.strokes(axes, &self.sent.fresh, LEAST));
        canvas.path(
            "ts-sent-again",
            &self.strokes(axes, &self.sent.repeated, 3.0 * LEAST),
        );
        self.controls(&mut canvas, axes);
        let mut y = axes.bottom() + 42.0;
        for line in self.notes().iter().flat_map(|note| lines_of(note, 145)) {
            y += 14.0;
            canvas.text("ts-dim ts-small", at(MARGIN, y), &line);
        }
        let description = format!("Time-sequence graph. {}", self.notes().join(" "));
        canvas.finish(
            options.place,
            &title,
            &description,
            axes.right() + MARGIN + 8.0,
            y + MARGIN,
        )
    }

    /// What each line means, of those that are there; returns the height of its text.
    fn legend(&self, canvas: &mut Canvas, y: f64) -> f64 {
        let window = self.acks.all().iter().any(|edge| edge.window.is_some());
        let entries = [
            ("ts-fresh", "segment", !self.sent.fresh.all().is_empty()),
            (
                "ts-sent-again",
                "sent again",
                !self.sent.repeated.all().is_empty(),
            ),
            ("ts-acked", "acknowledged", !self.acks.all().is_empty()),
            ("ts-window", "end of the window", window),
            (
                "ts-sacked",
                "SACK: arrived out of order",
                !self.sacks.all().is_empty(),
            ),
            ("ts-mark", "SYN, FIN", !self.sent.controls.all().is_empty()),
        ];
        let mut x = MARGIN;
        for (class, text, _) in entries.into_iter().filter(|(.., there)| *there) {
            match class {
                "ts-mark" => canvas.path(class, &diamond(x + 9.0, y - 4.0)),
                _ => canvas.line(class, at(x, y - 3.5), at(x + 18.0, y - 3.5)),
            }
            canvas.text("", at(x + 24.0, y), text);
            x += 24.0 + text.len() as f64 * 5.8 + 22.0;
        }
        y
    }

    /// All strokes of one kind as one path.
    fn strokes(&self, axes: &Axes, marks: &Marks<Stroke>, least: f64) -> String {
        let mut words = String::new();
        for stroke in marks.all() {
            let (Some(from), Some(to)) = (
                self.numbers.place(stroke.from, stroke.first),
                self.numbers.place(stroke.to, stroke.first),
            ) else {
                continue;
            };
            let (x1, x2) = (axes.x(stroke.first), axes.x(stroke.last));
            let (low, high) = (axes.y(from), axes.y(to));
            let short = (least - (low - high)).max(0.0) / 2.0;
            words.push_str(&format!(
                "M{} {}L{} {}",
                Px(x1),
                Px(low + short),
                Px(x2),
                Px(high - short)
            ));
        }
        words
    }

    /// The line of what was acknowledged, and that of the window's end.
    fn acknowledgments(&self, canvas: &mut Canvas, axes: &Axes) {
        let (mut acked, mut window) = (String::new(), String::new());
        let mut window_on = false;
        for edge in self.acks.all() {
            let Some(ack) = self.numbers.place(edge.ack, edge.time) else {
                continue;
            };
            let x = Px(axes.x(edge.time));
            let step = |on: bool, y: f64| match on {
                true => format!("H{x}V{}", Px(y)),
                false => format!("M{x} {}", Px(y)),
            };
            acked.push_str(&step(!acked.is_empty(), axes.y(ack)));
            let end = edge.window.and_then(|window| ack.checked_add(i64::from(window)));
            match end.filter(|end| axes.shows(*end)) {
                Some(end) => {
                    window.push_str(&step(window_on, axes.y(end)));
                    window_on = true;
                }
                None => {
                    if window_on {
                        window.push_str(&format!("H{x}"));
                    }
                    window_on = false;
                }
            }
        }
        for (class, words, on) in [("ts-window", window, window_on), ("ts-acked", acked, true)] {
            if !words.is_empty() {
                let end = if on {
                    format!("H{}", Px(axes.right()))
                } else {
                    String::new()
                };
                canvas.path(class, &format!("{words}{end}"));
            }
        }
    }

    fn controls(&self, canvas: &mut Canvas, axes: &Axes) {
        let (mut marks, mut resets) = (String::new(), String::new());
        let mut last = (f64::MIN, f64::MIN);
        let mut letters = 0;
        for control in self.sent.controls.all() {
            let Some(seq) = self.numbers.place(control.seq, control.time) else {
                continue;
            };
            let (x, y) = (axes.x(control.time), axes.y(seq));
            let name = match control.kind {
                ControlKind::Syn => "SYN",
                ControlKind::Fin => "FIN",
                ControlKind::Rst => "RST",
            };
            match control.kind {
                ControlKind::Rst => resets.push_str(&format!(
                    "M{0} {1}L{2} {3}M{0} {3}L{2} {1}",
                    Px(x - 4.0),
                    Px(y - 4.0),
                    Px(x + 4.0),
                    Px(y + 4.0)
                )),
                ControlKind::Syn | ControlKind::Fin => marks.push_str(&diamond(x, y)),
            }
            let free = (x - last.0).abs() > 30.0 || (y - last.1).abs() > 12.0;
            if free && letters < LETTERS {
                let (dx, class) = match x + 40.0 > axes.right() {
                    true => (-7.0, "ts-small ts-strong ts-halo ts-end"),
                    false => (7.0, "ts-small ts-strong ts-halo"),
                };
                canvas.text(class, at(x + dx, y - 5.0), name);
                (last, letters) = ((x, y), letters + 1);
            }
        }
        canvas.path("ts-mark", &marks);
        canvas.path("ts-mark-rst", &resets);
    }

    /// What was counted, and how the picture differs from all that there was.
    fn notes(&self) -> Vec<String> {
        let mut counts = vec![counted(self.sent.fresh.count(), "segment") + " with data"];
        let again = self.sent.repeated.count();
        if again > 0 {
            counts.push(format!("{} sent again", number(again)));
        }
        if self.sacks.count() > 0 {
            counts.push(counted(self.sacks.count(), "SACK block"));
        }
        counts.push(format!(
            "{} of acknowledgment or window",
            counted(self.acks.count(), "move")
        ));
        let mut notes = vec![format!("{}.", counts.join(", "))];
        let most = |marks: &Marks<Stroke>| marks.all().iter().map(|stroke| stroke.count).max().unwrap_or(0);
        let joined = [&self.sent.fresh, &self.sent.repeated, &self.sacks]
            .into_iter()
            .map(most)
            .chain(self.acks.all().iter().map(|edge| edge.count))
            .chain(self.sent.controls.all().iter().map(|control| control.count))
            .max()
            .unwrap_or(0);
        if joined > 1 {
            notes.push(format!(
                "Too many to draw one by one: neighbours are joined, one mark stands for up to {} of them.",
                number(joined)
            ));
        }
        if let Some(beyond) = self.window_beyond {
            notes.push(format!(
                "The window reaches up to {} B beyond the top.",
                number(beyond.unsigned_abs())
            ));
        }
        let no_scale = self.acks.all().iter().any(|edge| edge.window.is_none());
        if no_scale {
            notes.push("No window where its scale is not known: it needs both SYNs.".to_owned());
        }
        if self.outside > 0 {
            notes.push(format!(
                "{} far outside of these numbers not drawn.",
                counted(self.outside, "segment")
            ));
        }
        notes
    }
}

/// A small diamond.
fn diamond(x: f64, y: f64) -> String {
    format!(
        "M{} {}L{} {}L{} {}L{} {}Z",
        Px(x),
        Px(y - 4.5),
        Px(x + 4.5),
        Px(y),
        Px(x),
        Px(y + 4.5),
        Px(x - 4.5),
        Px(y)
    )
}
