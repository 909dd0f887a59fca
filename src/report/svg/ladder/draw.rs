//! The drawing itself.

use super::layout::{Band, Item, LABEL_LINE, LINES, Layout, What};
use super::sheets;
use crate::model::{Capture, Connection, Evidence, Finding, Role, Severity, State};
use crate::report::ending;
use crate::report::ladder::steps::endpoint;
use crate::report::look::{counted, number, seconds_since, state_label};
use crate::report::svg::canvas::{Canvas, Picture, Point, at, fixed_width};
use crate::report::svg::style::state_class;
use crate::report::svg::{Options, Place};
use crate::time::human_duration;

/// Space around everything.
pub(super) const MARGIN: f64 = 16.0;
/// Where times end, and where packet numbers do.
const TIME_ENDS: f64 = 92.0;
const PACKET_ENDS: f64 = 150.0;
/// Between a band and its line.
const GAP: f64 = 8.0;
const BAND: f64 = 176.0;
/// Where badges begin.
const BADGES: f64 = LINES[1] + GAP + BAND + 10.0;
pub(super) const BADGE: f64 = 44.0;
/// Size of the letters on arrows.
const LETTERS: f64 = 11.0;
/// Between a line and the label of an arrow that begins there.
const INDENT: f64 = 20.0;
/// Draws a layout.
pub fn draw(capture: &Capture, connection: &Connection, layout: &Layout, options: &Options<'_>) -> Picture {
    let mut canvas = Canvas::new(options.place);
    let title = format!(
        "Connection {}: {} to {}",
        connection.id, connection.client, connection.server
    );
    let width = match connection
        .findings
        .iter()
        .any(|finding| place_of(finding, layout).is_some())
    {
        true => BADGES + BADGE + MARGIN,
        false => BADGES - 10.0 + MARGIN,
    };
    let top = heading(&mut canvas, connection, options);
    let drawing = Drawing {
        capture,
        connection,
        layout,
        top,
        width,
    };
    drawing.lines(&mut canvas);
    drawing.bands(&mut canvas, Role::Client);
    drawing.bands(&mut canvas, Role::Server);
    drawing.findings_glow(&mut canvas);
    let mut last_text = f64::MIN;
    for item in &layout.items {
        drawing.item(&mut canvas, item, &mut last_text);
    }
    for item in &layout.items {
        drawing.label(&mut canvas, item);
    }
    drawing.end(&mut canvas, &mut last_text);
    drawing.badges(&mut canvas);
    let height = drawing.foot(&mut canvas) + MARGIN;
    let description = description(connection);
    let cuts = sheets::cuts(layout, top, width, height);
    canvas.finish_in_sheets(options.place, &title, &description, (width, height), &cuts)
}

/// The connection in one sentence, for those who do not see the picture.
fn description(connection: &Connection) -> String {
    let states = |role: Role| {
        let side = endpoint(connection, role);
        let states = side
            .transitions
            .iter()
            .map(|transition| state_label(transition.to, Some(transition.evidence)));
        let states: Vec<String> = states.collect();
        match states.is_empty() {
            true => format!(
                "{}: {}",
                role.name(),
                state_label(side.state, side.state_evidence)
            ),
            false => format!("{}: {}", role.name(), states.join(", ")),
        }
    };
    format!(
        "Ladder diagram; {}. {}. {}.",
        ending(connection),
        states(Role::Client),
        states(Role::Server)
    )
}

/// What stands above everything; returns where it ends.
fn heading(canvas: &mut Canvas, connection: &Connection, options: &Options<'_>) -> f64 {
    let mut y = MARGIN;
    if options.place == Place::Document {
        y += 14.0;
        canvas.text(
            "ts-title",
            at(MARGIN, y),
            &format!("Connection {}", connection.id),
        );
        let mut facts = vec![ending(connection)];
        if let Some(ns) = connection.close.half_close_ns {
            let bound = if connection.close.half_close_open { "+" } else { "" };
            facts.push(format!("half-close {}{bound}", human_duration(ns)));
        }
        if let Some(ns) = connection.handshake.rtt_ns {
            facts.push(format!("round trip {}", human_duration(ns)));
        }
        facts.push(format!(
            "{} segments",
            number(
                connection
                    .endpoints
                    .client
                    .packets
                    .saturating_add(connection.endpoints.server.packets)
            )
        ));
        y += 19.0;
        canvas.text("ts-dim", at(MARGIN, y), &facts.join(" · "));
        y += 16.0;
    }
    let (left, right) = (LINES[0] - GAP - BAND, LINES[1] + GAP + BAND);
    y += 12.0;
    canvas.text("ts-head", at(left, y), "client");
    canvas.text("ts-head ts-end", at(right, y), "server");
    y += 15.0;
    canvas.text("ts-fixed", at(left, y), &connection.client.to_string());
    canvas.text("ts-fixed ts-end", at(right, y), &connection.server.to_string());
    canvas.text("ts-dim ts-end", at(TIME_ENDS, y), "time, s");
    canvas.text("ts-dim ts-end", at(PACKET_ENDS, y), "packet");
    y + 10.0
}

/// A ladder that is drawn.
pub(super) struct Drawing<'a> {
    capture: &'a Capture,
    pub(super) connection: &'a Connection,
    pub(super) layout: &'a Layout,
    /// Where both lines begin.
    pub(super) top: f64,
    width: f64,
}

impl Drawing<'_> {
    fn lines(&self, canvas: &mut Canvas) {
        let (top, bottom) = (self.top, self.top + self.layout.bottom);
        let rule = |canvas: &mut Canvas, y| canvas.line("ts-rule", at(MARGIN, y), at(self.width - MARGIN, y));
        rule(canvas, top);
        if let Some(x) = self.tap() {
            canvas.line("ts-tap", at(x, top), at(x, bottom));
            canvas.text("ts-dim ts-small ts-middle", at(x, top - 4.0), "tap");
        }
        for x in LINES {
            canvas.line("ts-life", at(x, top), at(x, bottom));
        }
    }

    /// Where the tap was, if it was at neither end.
    fn tap(&self) -> Option<f64> {
        let share = self.tap_share()?;
        (0.06..=0.94)
            .contains(&share)
            .then(|| LINES[0] + share * (LINES[1] - LINES[0]))
    }

    /// The part of the way that lies between client and tap.
    fn tap_share(&self) -> Option<f64> {
        let [client, server] = self.layout.flights?;
        let all = client.saturating_add(server);
        (all > 0).then(|| client as f64 / all as f64)
    }

    fn bands(&self, canvas: &mut Canvas, role: Role) {
        let x = match role {
            Role::Client => LINES[0] - GAP - BAND,
            Role::Server => LINES[1] + GAP,
        };
        let side = endpoint(self.connection, role);
        for band in self.layout.bands.get(role as usize).into_iter().flatten() {
            let (state, evidence) = match &band.entered {
                Some(transition) => (transition.to, Some(transition.evidence)),
                None => match side.transitions.first() {
                    Some(first) => (first.from, None),
                    None => (side.state, side.state_evidence),
                },
            };
            self.band(canvas, role, x, band, state, evidence);
        }
    }

    fn band(
        &self,
        canvas: &mut Canvas,
        role: Role,
        x: f64,
        band: &Band,
        state: State,
        evidence: Option<Evidence>,
    ) {
        let (y, height) = (self.top + band.from, band.to - band.from);
        let label = state_label(state, evidence);
        let title = match &band.entered {
            None => format!("{}: {label} at first", role.name()),
            Some(transition) => {
                let by = transition
                    .packet
                    .map_or_else(|| ", no packet".to_owned(), |packet| format!(", packet {packet}"));
                let proof = match (transition.evidence, transition.proven_by) {
                    (Evidence::Confirmed, Some(packet)) => format!("confirmed by packet {packet}"),
                    (evidence, _) => evidence.name().to_owned(),
                };
                format!(
                    "{}: {} to {}, {}{by}; {proof}",
                    role.name(),
                    transition.from,
                    transition.to,
                    transition.cause.name()
                )
            }
        };
        canvas.begin("ts-state", &title);
        canvas.rect(
            &format!("{} ts-band", state_class(state)),
            at(x, y),
            BAND,
            height,
            3.0,
        );
        let proven = evidence.is_none_or(Evidence::is_proof) && state != State::Unknown;
        if !proven {
            canvas.hatched(at(x, y), BAND, height, 3.0);
        }
        canvas.text("ts-name", at(x + 8.0, y + 14.0), &label);
        let dwell = match band.not_kept {
            0 => band.dwell.clone(),
            more => format!("{} not kept", counted(more, "more change")),
        };
        canvas.text("ts-dwell ts-end", at(x + BAND - 8.0, y + 14.0), &dwell);
        canvas.end();
    }

    fn item(&self, canvas: &mut Canvas, item: &Item, last_text: &mut f64) {
        match &item.what {
            What::Arrow {
                from,
                flags,
                label,
                again,
                lost,
            } => {
                let [left, right] = self.ends(item);
                let (tail, head) = match from {
                    Role::Client => (left, right),
                    Role::Server => (right, left),
                };
                let class = if flags.contains("RST") {
                    ("ts-reset", "ts-reset-head")
                } else if *again {
                    ("ts-again", "ts-again-head")
                } else if flags == "ACK" || flags == "PSH,ACK" {
                    ("ts-wire", "ts-wire-head")
                } else {
                    ("ts-control", "ts-control-head")
                };
                let packet = item.packets.map_or(0, |(first, _)| first);
                canvas.begin(
                    "ts-arrow",
                    &format!("packet {packet}, from the {}: {}", from.name(), label.join(" ")),
                );
                let end = if *lost { along(tail, head, 0.8) } else { head };
                let short = along(end, tail, 6.0 / distance(tail, end).max(7.0));
                let line = if *lost {
                    format!("{} ts-lost", class.0)
                } else {
                    class.0.to_owned()
                };
                canvas.line(&line, tail, short);
                match lost {
                    true => {
                        let (a, b) = (5.0, 5.0);
                        canvas.line("ts-reset", at(end.x - a, end.y - b), at(end.x + a, end.y + b));
                        canvas.line("ts-reset", at(end.x - a, end.y + b), at(end.x + a, end.y - b));
                    }
                    false => canvas.arrow_head(class.1, tail, end),
                }
                canvas.end();
                let share = self.tap_share().unwrap_or(0.0);
                self.gutter(canvas, item, along(left, right, share).y, last_text);
            }
            What::Run(arrows) => {
                let (from, to) = (self.top + item.at[0], self.top + item.at[1]);
                let (left, right) = (LINES[0] + 6.0, LINES[1] - 6.0);
                canvas.begin("ts-folded", "several segments, folded");
                canvas.rect("ts-run", at(left, from), right - left, to - from, 4.0);
                for (index, (role, text)) in arrows.iter().enumerate() {
                    let y = from + 18.0 + 20.0 * index as f64;
                    let (tail, head) = match role {
                        Role::Client => (at(left + 6.0, y), at(right - 6.0, y)),
                        Role::Server => (at(right - 6.0, y), at(left + 6.0, y)),
                    };
                    canvas.line(
                        "ts-wire",
                        at(tail.x, y - 1.3),
                        at(along(head, tail, 0.02).x, y - 1.3),
                    );
                    canvas.line(
                        "ts-wire",
                        at(tail.x, y + 1.3),
                        at(along(head, tail, 0.02).x, y + 1.3),
                    );
                    canvas.arrow_head("ts-wire-head", tail, head);
                    canvas.text("ts-fixed ts-middle", at((left + right) / 2.0, y - 5.0), text);
                }
                canvas.end();
                self.gutter(canvas, item, from + 14.0, last_text);
            }
            What::Words(text) => {
                let y = self.top + item.at[0];
                canvas.line("ts-break", at(LINES[0], y), at(LINES[1], y));
                self.middle(canvas, y + 4.0, text);
                self.gutter(canvas, item, y, last_text);
            }
            What::Silence(text) => {
                let y = self.top + item.at[0];
                for x in LINES {
                    canvas.rect("ts-page", at(x - 5.0, y - 7.0), 10.0, 14.0, 0.0);
                    for dy in [-7.0, 7.0] {
                        canvas.line("ts-life", at(x - 6.0, y + dy + 3.0), at(x + 6.0, y + dy - 3.0));
                    }
                }
                self.middle(canvas, y + 4.0, &format!("{text} of silence"));
            }
        }
    }

    /// What stands on an arrow; above all lines.
    fn label(&self, canvas: &mut Canvas, item: &Item) {
        let What::Arrow { from, label, .. } = &item.what else {
            return;
        };
        let [left, right] = self.ends(item);
        let degrees = ((right.y - left.y) / (right.x - left.x)).atan().to_degrees();
        let (x, anchor) = match from {
            Role::Client => (LINES[0] + INDENT, ""),
            Role::Server => (LINES[1] - INDENT, " ts-end"),
        };
        let on_line = along(left, right, (x - LINES[0]) / (LINES[1] - LINES[0])).y;
        for (index, text) in label.iter().enumerate() {
            let below = if index == 0 {
                -4.0
            } else {
                LABEL_LINE * index as f64 - 1.5
            };
            let class = format!("ts-fixed ts-halo{anchor}");
            canvas.turned(&class, at(x, on_line + below), degrees, text);
        }
    }

    fn middle(&self, canvas: &mut Canvas, y: f64, text: &str) {
        canvas.text(
            "ts-dim ts-middle ts-halo",
            at((LINES[0] + LINES[1]) / 2.0, y),
            text,
        );
    }

    /// Both ends of an arrow, the client's first.
    fn ends(&self, item: &Item) -> [Point; 2] {
        [
            at(LINES[0], self.top + item.at[0]),
            at(LINES[1], self.top + item.at[1]),
        ]
    }

    /// Time and packet number of an item; a line below the one before at least.
    fn gutter(&self, canvas: &mut Canvas, item: &Item, y: f64, last_text: &mut f64) {
        let y = (y + 4.0).max(*last_text + 12.0);
        *last_text = y;
        let time = seconds_since(self.connection.first_time, item.time);
        canvas.text("ts-fixed ts-end", at(TIME_ENDS, y), &time);
        let packets = match item.packets {
            None => String::new(),
            Some((first, last)) if first == last => first.to_string(),
            Some((first, last)) => {
                let both = format!("{first}-{last}");
                match fixed_width(&both, LETTERS) < PACKET_ENDS - TIME_ENDS - 6.0 {
                    true => both,
                    false => format!("{first}…"),
                }
            }
        };
        canvas.text("ts-fixed ts-dim ts-end", at(PACKET_ENDS, y), &packets);
    }

    fn end(&self, canvas: &mut Canvas, last_text: &mut f64) {
        let y = self.top + self.layout.end;
        let end = self.capture.last_time.unwrap_or(self.connection.last_time);
        let close = &self.connection.close;
        let text = match close.first_closer.filter(|_| close.half_close_open) {
            Some(closer) => format!("end of the capture, no FIN from the {}", closer.other().name()),
            None => "end of the capture".to_owned(),
        };
        let half = text.chars().count() as f64 * 3.1 + 8.0;
        let middle = (LINES[0] + LINES[1]) / 2.0;
        canvas.line("ts-open", at(LINES[0], y), at(middle - half, y));
        canvas.line("ts-open", at(middle + half, y), at(LINES[1], y));
        self.middle(canvas, y + 4.0, &text);
        let y = (y + 4.0).max(*last_text + 12.0);
        *last_text = y;
        let time = seconds_since(self.connection.first_time, end);
        canvas.text("ts-fixed ts-end", at(TIME_ENDS, y), &time);
    }

    /// A glow around the arrows that findings name.
    fn findings_glow(&self, canvas: &mut Canvas) {
        for finding in &self.connection.findings {
            let packets = finding.packets.iter().chain(finding.packet.iter());
            let mut packets: Vec<_> = packets.collect();
            packets.dedup();
            for item in packets
                .into_iter()
                .filter_map(|packet| self.layout.item_of(*packet))
            {
                if matches!(item.what, What::Arrow { .. }) {
                    let [left, right] = self.ends(item);
                    let class = format!("ts-glow {}", severity_class(finding.severity));
                    canvas.line(&class, left, right);
                }
            }
        }
    }

    /// The codes of the findings, beside what shows them.
    fn badges(&self, canvas: &mut Canvas) {
        let mut placed: Vec<(f64, &Finding)> = (self.connection.findings.iter())
            .filter_map(|finding| Some((place_of(finding, self.layout)?, finding)))
            .collect();
        placed.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut free = f64::MIN;
        for (height, finding) in placed {
            let y = (self.top + height - 8.0).max(free);
            free = y + 19.0;
            canvas.begin(severity_class(finding.severity), &finding.message);
            canvas.rect(severity_class(finding.severity), at(BADGES, y), BADGE, 16.0, 8.0);
            canvas.text(
                "ts-on-badge ts-middle",
                at(BADGES + BADGE / 2.0, y + 11.8),
                finding.code,
            );
            canvas.end();
        }
    }
}

/// The height of what a finding is about.
fn place_of(finding: &Finding, layout: &Layout) -> Option<f64> {
    let packet = finding.packet.or(finding.packets.first().copied());
    let by_packet = packet.and_then(|packet| layout.item_of(packet));
    let by_time = || {
        let at = finding.at.filter(|_| packet.is_none())?;
        layout.items.iter().rev().find(|item| item.time <= at)
    };
    let item = by_packet.or_else(by_time)?;
    Some(match finding.endpoint {
        Some(Role::Client) => item.at[0],
        Some(Role::Server) => item.at[1],
        None => (item.at[0] + item.at[1]) / 2.0,
    })
}

pub(super) fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "ts-info",
        Severity::Note => "ts-note",
        Severity::Warning => "ts-warning",
        Severity::Error => "ts-error",
    }
}

/// The point at this share of the way.
fn along(from: Point, to: Point, share: f64) -> Point {
    at(from.x + share * (to.x - from.x), from.y + share * (to.y - from.y))
}

fn distance(a: Point, b: Point) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}
