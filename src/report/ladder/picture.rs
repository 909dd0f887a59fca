//! The drawing itself.

use std::io::{self, Write};

use crate::model::{Capture, Connection, LadderContent, Role, State, Transition};
use crate::report::ladder::steps::{Step, endpoint, first_state, steps};
use crate::report::ladder::words::{Wording, is_plain};
use crate::report::look::{seconds_since, state_label};
use crate::report::{Look, Tone};
use crate::time::Timestamp;

/// A silence or a state that lasts this long gets a line of its own.
const LONG_NS: i64 = 1_000_000_000;
/// The space between the two lines is never narrower and never wider than this.
const NARROWEST: usize = 30;
const WIDEST: usize = 72;
/// What an arrow needs around its label: `--- ` before, ` ->` after.
const ARROW: usize = 7;

/// Writes the picture.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, capture: &Capture, connection: &Connection, look: &Look) -> io::Result<()> {
    let steps = steps(connection);
    let picture = Picture::new(capture, connection, &steps, look);
    picture.write_heading(out)?;
    let mut before = connection.first_time;
    for step in &steps {
        picture.write_gap(out, Some(step), before, step.time)?;
        picture.write_step(out, step)?;
        before = step.last_time;
    }
    let end = capture.last_time.unwrap_or(connection.last_time);
    picture.write_gap(out, None, before, end)?;
    picture.write_end(out, end)
}

/// The columns and what they need to know.
struct Picture<'a> {
    connection: &'a Connection,
    look: &'a Look,
    time: usize,
    state: usize,
    /// 2 MSL.
    time_wait_ns: i64,
    /// Between the two lines.
    middle: usize,
    /// Longest text on an arrow.
    label: usize,
    /// Arrows of plain data and acknowledgments leave one of their numbers out so that they fit.
    short: bool,
    /// Runs name only their first packet.
    first_packet_only: bool,
}

/// The texts of one line: time, client's state, middle, server's state, packet; states in colour with their width.
#[derive(Default)]
struct Cells {
    time: String,
    client: Shown,
    middle: String,
    server: Shown,
    packet: String,
}

/// A text, and how it looks on the screen.
#[derive(Default, Clone)]
struct Shown {
    plain: String,
    painted: String,
}

impl<'a> Picture<'a> {
    fn new(capture: &Capture, connection: &'a Connection, steps: &[Step<'a>], look: &'a Look) -> Picture<'a> {
        let start = connection.first_time;
        let end = capture.last_time.unwrap_or(connection.last_time);
        let times = steps.iter().map(|step| step.time).chain([end]);
        let time = times
            .map(|moment| seconds_since(start, moment).len())
            .max()
            .unwrap_or(0)
            .max(8);
        let states = [&connection.endpoints.client, &connection.endpoints.server]
            .into_iter()
            .flat_map(|side| {
                let last = state_label(side.state, side.state_evidence);
                let others = side
                    .transitions
                    .iter()
                    .map(|t| state_label(t.to, Some(t.evidence)));
                let long = side.dwell_ns.iter().filter(|(_, ns)| *ns >= LONG_NS);
                let dwells = long.map(|(_, ns)| format!("{} {}+", look.time_passes(), look.duration(ns)));
                let labels = others.chain(dwells).chain([last, first_state(side)]);
                labels.map(|label| label.chars().count()).max()
            });
        let state = states.max().unwrap_or(0).max(11);
        let packet = |short| {
            steps
                .iter()
                .map(|step| packet_text(step, short, look).chars().count())
                .max()
                .unwrap_or(0)
        };
        // time, client, bar, middle, bar, server, packet, with a space between any two columns
        let room = |packet: usize| {
            look.width
                .saturating_sub(time + 1 + state + 1 + 2 + 1 + state + 1 + packet.max(6))
        };
        let first_packet_only = room(packet(false)) < NARROWEST;
        let room = room(packet(first_packet_only));
        let mut picture = Picture {
            connection,
            look,
            time,
            state,
            time_wait_ns: capture.time_wait_ns,
            middle: room.clamp(NARROWEST, WIDEST),
            label: 0,
            short: false,
            first_packet_only,
        };
        let longest = |picture: &Picture<'_>| {
            let rows = steps.iter().filter_map(|step| step.content);
            let plain = rows
                .filter(|row| is_plain(row))
                .flat_map(|row| picture.words(row, false));
            plain
                .map(|(_, words)| words.join(" ").chars().count())
                .max()
                .unwrap_or(0)
        };
        picture.short = longest(&picture) + ARROW > picture.middle;
        let rows = steps
            .iter()
            .filter_map(|step| step.content.map(|row| (row, step.refuted)));
        let all = rows.flat_map(|(row, refuted)| picture.words(row, refuted));
        let all = all
            .map(|(_, words)| words.join(" ").chars().count())
            .max()
            .unwrap_or(0);
        // Not wider than the labels need, but wide enough for both addresses above it.
        let ends = connection.client.to_string().len() + connection.server.to_string().len();
        let needed = (all + ARROW + 3).max(ends + 2);
        picture.middle = needed.clamp(NARROWEST, picture.middle);
        picture.label = picture.middle.saturating_sub(ARROW);
        picture
    }

    /// Names of the columns, then the states before the first packet.
    fn write_heading(&self, out: &mut dyn Write) -> io::Result<()> {
        let (client, server) = (
            self.connection.client.to_string(),
            self.connection.server.to_string(),
        );
        let space = (self.middle + 2).saturating_sub(client.len() + server.len());
        let (left, right) = ("client", "server");
        let ends = if space >= 2 {
            format!("{client}{}{server}", " ".repeat(space))
        } else {
            " ".repeat(self.middle + 2)
        };
        let line = format!(
            "{:>time$} {left:>state$} {ends} {right:<state$} packet",
            "time",
            time = self.time,
            state = self.state
        );
        writeln!(out, "{}", self.look.paint(Tone::Strong, &line))?;
        let first = |role| {
            let text = first_state(endpoint(self.connection, role));
            Shown {
                painted: self.look.paint(Tone::Dim, &text),
                plain: text,
            }
        };
        let middle = " ".repeat(self.middle);
        self.write_line(
            out,
            &Cells {
                client: first(Role::Client),
                middle,
                server: first(Role::Server),
                ..Cells::default()
            },
        )
    }

    /// One segment, run or timer, on as many lines as its states and its label need.
    fn write_step(&self, out: &mut dyn Write, step: &Step<'_>) -> io::Result<()> {
        let middle = self.middle_lines(step);
        let (client, server) = (self.states(step, Role::Client), self.states(step, Role::Server));
        let count = middle.len().max(client.len()).max(server.len());
        for index in 0..count {
            let mut cells = Cells {
                client: client.get(index).cloned().unwrap_or_default(),
                middle: middle
                    .get(index)
                    .cloned()
                    .unwrap_or_else(|| " ".repeat(self.middle)),
                server: server.get(index).cloned().unwrap_or_default(),
                ..Cells::default()
            };
            if index == 0 {
                cells.time = seconds_since(self.connection.first_time, step.time);
                cells.packet = packet_text(step, self.first_packet_only, self.look);
            }
            self.write_line(out, &cells)?;
        }
        Ok(())
    }

    fn states(&self, step: &Step<'_>, role: Role) -> Vec<Shown> {
        let shown = |transition: &&Transition| self.state(transition.to, transition);
        step.side(role).iter().map(shown).collect()
    }

    fn state(&self, state: State, transition: &Transition) -> Shown {
        let evidence = Some(transition.evidence);
        Shown {
            plain: state_label(state, evidence),
            painted: self.look.paint_state(state, evidence),
        }
    }

    /// A line that says how long nothing happened, and how long the states that end now were held. `step` is none at
    /// the end of the capture, where all states are still held.
    fn write_gap(
        &self,
        out: &mut dyn Write,
        step: Option<&Step<'_>>,
        before: Timestamp,
        now: Timestamp,
    ) -> io::Result<()> {
        let (client, server) = (self.dwell(step, Role::Client), self.dwell(step, Role::Server));
        let silence = now.since(before);
        let dwells = !client.plain.is_empty() || !server.plain.is_empty();
        let ends = [
            &self.connection.endpoints.client,
            &self.connection.endpoints.server,
        ];
        let over = step.is_none() && ends.iter().all(|end| end.state == State::Closed);
        if over || (silence < LONG_NS && !dwells) {
            return Ok(());
        }
        let text = match self.connection.close.first_closer {
            Some(closer) if step.is_none() && self.connection.close.half_close_open => {
                let other = match closer {
                    Role::Client => Role::Server,
                    Role::Server => Role::Client,
                };
                format!("no FIN from {}", other.name())
            }
            Some(_) | None if silence >= LONG_NS => format!("{} of silence", self.look.duration(silence)),
            Some(_) | None => String::new(),
        };
        let middle = self
            .look
            .paint(Tone::Dim, &format!("{text:^width$}", width = self.middle));
        let alone = client.plain.is_empty();
        let time = if alone {
            self.look.time_passes().to_owned()
        } else {
            String::new()
        };
        self.write_line(
            out,
            &Cells {
                time,
                client,
                middle,
                server,
                packet: String::new(),
            },
        )
    }

    /// How long this side held the state that it leaves now, if that was long.
    fn dwell(&self, step: Option<&Step<'_>>, role: Role) -> Shown {
        let side = endpoint(self.connection, role);
        let (state, bound) = match step {
            Some(step) => (step.side(role).first().map(|transition| transition.from), ""),
            None => (Some(side.state), "+"),
        };
        let held = state
            .and_then(|state| side.dwell_ns.get(state))
            .filter(|ns| *ns >= LONG_NS);
        let plain = held.map_or_else(String::new, |ns| {
            format!("{} {}{bound}", self.look.time_passes(), self.look.duration(ns))
        });
        Shown {
            painted: self.look.paint(Tone::Dim, &plain),
            plain,
        }
    }

    fn write_end(&self, out: &mut dyn Write, end: Timestamp) -> io::Result<()> {
        let shown = |role| {
            let side = endpoint(self.connection, role);
            Shown {
                plain: state_label(side.state, side.state_evidence),
                painted: self.look.paint_state(side.state, side.state_evidence),
            }
        };
        let middle = format!("{:^width$}", "end of capture", width = self.middle);
        self.write_line(
            out,
            &Cells {
                time: seconds_since(self.connection.first_time, end),
                client: shown(Role::Client),
                middle: self.look.paint(Tone::Dim, &middle),
                server: shown(Role::Server),
                packet: String::new(),
            },
        )
    }

    fn write_line(&self, out: &mut dyn Write, cells: &Cells) -> io::Result<()> {
        let left = format!("{:>width$} ", cells.time, width = self.time);
        let pad = self.state.saturating_sub(cells.client.plain.chars().count());
        let right = self.state.saturating_sub(cells.server.plain.chars().count());
        let line = format!(
            "{left}{}{} |{}| {}{} {}",
            " ".repeat(pad),
            cells.client.painted,
            cells.middle,
            cells.server.painted,
            " ".repeat(right),
            cells.packet,
        );
        writeln!(out, "{}", line.trim_end())
    }

    /// Arrow and continuation lines, each exactly as wide as the space between the lines.
    fn middle_lines(&self, step: &Step<'_>) -> Vec<String> {
        let Some(content) = step.content else {
            let left = step
                .client
                .iter()
                .chain(&step.server)
                .map(|transition| transition.from);
            let text = match (
                step.is_timer(),
                left.into_iter().all(|state| state == State::TimeWait),
            ) {
                (true, true) => format!("2 MSL ({}) over, assumed", self.look.duration(self.time_wait_ns)),
                (true, false) => "a timer, assumed".to_owned(),
                (false, _) => "not drawn".to_owned(),
            };
            return vec![
                self.look
                    .paint(Tone::Dim, &format!("{text:^width$}", width = self.middle)),
            ];
        };
        self.words(content, step.refuted)
            .into_iter()
            .flat_map(|(from, words)| self.arrow(from, &words))
            .collect()
    }

    /// `--- SYN seq=100 ---->`; what does not fit stands below, under the second word.
    fn arrow(&self, from: Role, words: &[String]) -> Vec<String> {
        let indent = match words.first().map(|word| word.chars().count() + 1) {
            Some(first)
                if words
                    .iter()
                    .all(|word| first + word.chars().count() <= self.label) =>
            {
                first
            }
            Some(_) | None => 0,
        };
        let mut lines: Vec<String> = Vec::new();
        for word in words {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + word.chars().count() <= self.label => {
                    line.push(' ');
                    line.push_str(word);
                }
                Some(_) => lines.push(format!("{}{word}", " ".repeat(indent))),
                None => lines.push(word.clone()),
            }
        }
        let draw = |(index, text): (usize, String)| {
            if index > 0 {
                return format!("{:<width$}", format!("    {text}"), width = self.middle);
            }
            let dashes = "-".repeat(self.middle.saturating_sub(text.chars().count() + 6).max(1));
            match from {
                Role::Client => format!("--- {text} {dashes}>"),
                Role::Server => format!("<-- {text} -{dashes}"),
            }
        };
        lines.into_iter().enumerate().map(draw).collect()
    }

    /// What stands on the arrow of this row; two arrows for a run in both directions.
    fn words(&self, content: &LadderContent, refuted: bool) -> Vec<(Role, Vec<String>)> {
        let wording = Wording {
            connection: self.connection,
            seq: self.look.seq,
            short: self.short,
        };
        wording.words(content, refuted)
    }
}

fn packet_text(step: &Step<'_>, first_only: bool, look: &Look) -> String {
    match step.packets {
        None => String::new(),
        Some((first, last)) if first == last => first.to_string(),
        Some((first, _)) if first_only => format!("{first}{}", look.ellipsis()),
        Some((first, last)) => format!("{first}-{last}"),
    }
}
