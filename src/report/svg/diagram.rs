//! Figure 5 of RFC 9293 (section 3.3.2) with the way that both ends of a connection took through it.

mod figure;

use crate::model::{Connection, Evidence, Role, State, Transition};
use crate::report::ending;
use crate::report::ladder::steps::endpoint;
use crate::report::look::{counted, marks};
use crate::report::svg::canvas::{Canvas, Point, Px, at, lines_of};
use crate::report::svg::style::state_class;
use crate::report::svg::{Options, Place};
use crate::time::human_duration;
use figure::{EDGES, Edge, HEIGHT, NODE, NODES, Node, WIDTH};

/// Packets that are named on one edge.
const NAMED: usize = 4;
const MARGIN: f64 = 16.0;
const LINE: f64 = 13.0;

/// Draws the diagram. Edges that an end took are coloured and name the packets that caused it, dashed where nothing proves it;
/// states that were entered have their colour and say for how long they were held.
pub fn diagram(connection: &Connection, options: &Options<'_>) -> String {
    let mut canvas = Canvas::new(options.place);
    let mut top = MARGIN;
    if options.place == Place::Document {
        canvas.text(
            "ts-title",
            at(MARGIN, top + 14.0),
            &format!("Connection {}", connection.id),
        );
        canvas.text("ts-dim", at(MARGIN, top + 33.0), &ending(connection));
        top += 50.0;
    }
    let ends = [
        (Role::Client, connection.client, "ts-client"),
        (Role::Server, connection.server, "ts-server"),
    ];
    for (role, address, class) in ends {
        canvas.line(class, at(MARGIN, top + 6.0), at(MARGIN + 26.0, top + 6.0));
        canvas.text(
            &format!("{class}-text"),
            at(MARGIN + 34.0, top + 10.0),
            role.name(),
        );
        canvas.text("ts-fixed", at(MARGIN + 80.0, top + 10.0), &address.to_string());
        top += 17.0;
    }
    let picture = Picture {
        connection,
        top: top + 6.0,
        passages: passages(connection),
    };
    picture.edges(&mut canvas);
    picture.nodes(&mut canvas);
    let mut y = picture.top + HEIGHT;
    for line in picture.notes().iter().flat_map(|note| lines_of(note, 165)) {
        y += 14.0;
        canvas.text("ts-dim ts-small", at(MARGIN, y), &line);
    }
    let title = format!("State diagram of connection {}", connection.id);
    canvas.finish(options.place, &title, &picture.description(), WIDTH, y + MARGIN)
}

/// An edge, and every time that an end took it.
struct Passage<'a> {
    from: State,
    to: State,
    /// Of client and server.
    taken: [Vec<&'a Transition>; 2],
}

/// Each change of state that happened, once, in order of the first time.
fn passages(connection: &Connection) -> Vec<Passage<'_>> {
    let mut passages: Vec<Passage<'_>> = Vec::new();
    for role in [Role::Client, Role::Server] {
        for transition in &endpoint(connection, role).transitions {
            let (from, to) = (transition.from, transition.to);
            let known = passages
                .iter()
                .position(|passage| (passage.from, passage.to) == (from, to));
            let index = known.unwrap_or_else(|| {
                passages.push(Passage {
                    from,
                    to,
                    taken: [Vec::new(), Vec::new()],
                });
                passages.len() - 1
            });
            if let Some(passage) = passages.get_mut(index) {
                passage.taken[role as usize].push(transition);
            }
        }
    }
    passages
}

struct Picture<'a> {
    connection: &'a Connection,
    top: f64,
    passages: Vec<Passage<'a>>,
}

impl Picture<'_> {
    fn point(&self, (x, y): (f64, f64), (dx, dy): (f64, f64)) -> Point {
        at(x + dx, self.top + y + dy)
    }

    fn edges(&self, canvas: &mut Canvas) {
        let unused: Vec<&Edge> = EDGES.iter().filter(|edge| self.passage(edge).is_none()).collect();
        for edge in unused {
            self.way(canvas, edge.way, "ts-edge", "ts-edge-head", (0.0, 0.0));
            self.label(canvas, edge, None);
        }
        for passage in &self.passages {
            match EDGES.iter().find(|edge| edge.is(passage.from, passage.to)) {
                Some(edge) => {
                    self.taken(canvas, edge.way, passage, (2.2, 2.2));
                    self.label(canvas, edge, Some(passage));
                }
                None => self.another(canvas, passage),
            }
        }
    }

    fn passage(&self, edge: &Edge) -> Option<&Passage<'_>> {
        self.passages
            .iter()
            .find(|passage| edge.is(passage.from, passage.to))
    }

    /// The lines of both ends, beside each other where both went there.
    fn taken(&self, canvas: &mut Canvas, way: &[(f64, f64)], passage: &Passage<'_>, apart: (f64, f64)) {
        let both = passage.taken.iter().all(|taken| !taken.is_empty());
        let ends = [("ts-client", -1.0), ("ts-server", 1.0)];
        for ((class, side), taken) in ends.into_iter().zip(&passage.taken) {
            if taken.is_empty() {
                continue;
            }
            let side = if both { side } else { 0.0 };
            let shift = (side * apart.0, side * apart.1);
            let proven = taken.iter().any(|transition| transition.evidence.is_proof());
            let line = if proven {
                class.to_owned()
            } else {
                format!("{class} ts-unproven")
            };
            self.way(canvas, way, &line, &format!("{class}-head"), shift);
        }
    }

    fn way(&self, canvas: &mut Canvas, way: &[(f64, f64)], line: &str, head: &str, shift: (f64, f64)) {
        let points: Vec<Point> = way.iter().map(|point| self.point(*point, shift)).collect();
        let [.., before, end] = points.as_slice() else {
            return;
        };
        let length = (end.x - before.x).hypot(end.y - before.y).max(1.0);
        let share = 1.0 - 6.0 / length;
        let short = at(
            before.x + share * (end.x - before.x),
            before.y + share * (end.y - before.y),
        );
        let last = points.len() - 1;
        let mut words = String::new();
        for (index, point) in points.iter().enumerate() {
            let point = if index == last { &short } else { point };
            let word = if index == 0 { 'M' } else { 'L' };
            words.push_str(&format!("{word}{} {}", Px(point.x), Px(point.y)));
        }
        canvas.path(line, &words);
        canvas.arrow_head(head, *before, *end);
    }

    /// A change of state that has no edge in the figure: a RST, or a state that the capture cannot tell.
    fn another(&self, canvas: &mut Canvas, passage: &Passage<'_>) {
        let (from, to) = (node(passage.from, true), node(passage.to, false));
        let (from, to) = (at(from.x, from.y), at(to.x, to.y));
        let ways = [(from.x, from.y), border(from, to)];
        // Both lines stay beside each other whichever way they lean.
        let leans_back = (to.x - from.x) * (to.y - from.y) < 0.0;
        self.taken(
            canvas,
            &ways,
            passage,
            if leans_back { (2.2, 2.2) } else { (2.2, -2.2) },
        );
        let middle = at((from.x + to.x) / 2.0, self.top + (from.y + to.y) / 2.0 - 6.0);
        let mut causes: Vec<&str> = (passage.taken.iter().flatten())
            .map(|transition| transition.cause.name())
            .collect();
        causes.sort_unstable();
        causes.dedup();
        canvas.text("ts-dim ts-small ts-halo ts-middle", middle, &causes.join(", "));
        for (index, (class, text)) in packets(passage).into_iter().enumerate() {
            let y = middle.y + LINE * (index + 1) as f64;
            canvas.text(
                &format!("{class}-text ts-small ts-halo ts-middle"),
                at(middle.x, y),
                &text,
            );
        }
    }

    fn label(&self, canvas: &mut Canvas, edge: &Edge, passage: Option<&Passage<'_>>) {
        let (x, y, anchor) = edge.label;
        let mut y = self.top + y;
        let lines: Vec<_> = passage.map(packets).into_iter().flatten().collect();
        if edge.is_named_above() {
            y -= LINE * lines.len() as f64;
        }
        let class = if passage.is_some() {
            "ts-small"
        } else {
            "ts-small ts-dim"
        };
        canvas.text(&format!("{class} ts-halo {anchor}"), at(x, y), edge.words);
        for (class, text) in lines {
            y += LINE;
            canvas.text(
                &format!("{class}-text ts-small ts-halo {anchor}"),
                at(x, y),
                &text,
            );
        }
    }

    fn nodes(&self, canvas: &mut Canvas) {
        for shown in NODES
            .iter()
            .filter(|node| node.state != State::Unknown || self.uses(State::Unknown))
        {
            let corner = at(shown.x - NODE.0 / 2.0, self.top + shown.y - NODE.1 / 2.0);
            let ends = [Role::Client, Role::Server];
            let was_there = ends.map(|role| shown.spot().held(self.connection, role));
            let on = was_there.iter().any(|there| *there);
            canvas.begin("ts-place", &self.told(shown));
            match on {
                true => {
                    let class = format!("{} ts-node-on", state_class(shown.state));
                    canvas.rect(&class, corner, NODE.0, NODE.1, 6.0);
                }
                false => canvas.rect("ts-node", corner, NODE.0, NODE.1, 6.0),
            }
            let dwells: Vec<String> = (ends.into_iter())
                .filter_map(|role| {
                    let ns = endpoint(self.connection, role).dwell_ns.get(shown.state)?;
                    (ns > 0).then(|| format!("{} {}", role.name(), human_duration(ns)))
                })
                .collect();
            let name = if on {
                "ts-name ts-middle"
            } else {
                "ts-dim ts-middle"
            };
            let dy = if dwells.is_empty() { 4.0 } else { -3.0 };
            canvas.text(name, at(shown.x, self.top + shown.y + dy), shown.state.name());
            let text = dwells.join(" · ");
            canvas.text(
                "ts-dwell ts-middle",
                at(shown.x, self.top + shown.y + 12.0),
                &text,
            );
            canvas.end();
            for (role, class, x) in [
                (Role::Client, "ts-client-head", corner.x + 8.0),
                (Role::Server, "ts-server-head", corner.x + NODE.0 - 58.0),
            ] {
                if shown.spot().holds(self.connection, role) {
                    canvas.rect(class, at(x, corner.y - 8.0), 50.0, 14.0, 7.0);
                    canvas.text("ts-on-badge ts-middle", at(x + 25.0, corner.y + 2.8), role.name());
                }
            }
        }
    }

    fn uses(&self, state: State) -> bool {
        let ends = [
            &self.connection.endpoints.client,
            &self.connection.endpoints.server,
        ];
        ends.iter().any(|end| end.state == state)
            || self
                .passages
                .iter()
                .any(|passage| passage.from == state || passage.to == state)
    }

    /// A node in words.
    fn told(&self, node: &Node) -> String {
        let who: Vec<&str> = [Role::Client, Role::Server]
            .into_iter()
            .filter(|role| node.spot().held(self.connection, *role))
            .map(Role::name)
            .collect();
        match who.is_empty() {
            true => format!("{}: not entered", node.state),
            false => format!("{}: {}", node.state, who.join(" and ")),
        }
    }

    fn description(&self) -> String {
        let ways = [Role::Client, Role::Server].map(|role| {
            let end = endpoint(self.connection, role);
            let states = end.transitions.iter().map(|transition| transition.to.name());
            let states: Vec<&str> = states.collect();
            match states.is_empty() {
                true => format!("{}: {}.", role.name(), end.state),
                false => format!("{}: {}.", role.name(), states.join(", ")),
            }
        });
        format!(
            "The states of RFC 9293, figure 5, and the way through them. {}",
            ways.join(" ")
        )
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![
            "RFC 9293, figure 5. Beside each edge: what causes it / what the end sends, and the packets that did it. A tag: \
             where an end is when the capture ends."
                .to_owned(),
        ];
        let all = self
            .passages
            .iter()
            .flat_map(|passage| passage.taken.iter().flatten());
        let states = all.map(|transition| (transition.to, Some(transition.evidence)));
        let meanings = marks(states);
        if !meanings.is_empty() {
            notes.push(format!("Dashed: not proven. {}.", meanings.join("; ")));
        }
        for role in [Role::Client, Role::Server] {
            let folded = endpoint(self.connection, role).transitions_folded;
            if folded > 0 {
                notes.push(format!(
                    "{}: {} not kept.",
                    role.name(),
                    counted(folded, "more change of state").replace("change of states", "changes of state")
                ));
            }
        }
        notes
    }
}

/// The packets that made each end take an edge, in words, with the class of the end.
fn packets(passage: &Passage<'_>) -> Vec<(&'static str, String)> {
    let ends = [(Role::Client, "ts-client"), (Role::Server, "ts-server")];
    let words = ends
        .into_iter()
        .zip(&passage.taken)
        .filter(|(_, taken)| !taken.is_empty());
    words
        .map(|((role, class), taken)| {
            let mut names: Vec<String> = (taken.iter().take(NAMED))
                .map(|transition| {
                    let mark = match transition.evidence {
                        Evidence::Sent | Evidence::Confirmed => "",
                        Evidence::Inferred => "~",
                        Evidence::Presumed | Evidence::Timer => "?",
                    };
                    match transition.packet {
                        Some(packet) => format!("{packet}{mark}"),
                        None => format!("timer{mark}"),
                    }
                })
                .collect();
            if taken.len() > NAMED {
                names.push(format!("{} more", taken.len() - NAMED));
            }
            let what = match taken.first().and_then(|transition| transition.packet) {
                Some(_) => "packet ",
                None => "",
            };
            (class, format!("{}: {what}{}", role.name(), names.join(", ")))
        })
        .collect()
}

/// The place of a state in the figure; of CLOSED the one where a way begins, or the one where it ends.
fn node(state: State, begins: bool) -> &'static Node {
    let fits = |node: &&Node| node.state == state && (state != State::Closed || node.end != begins);
    NODES.iter().find(fits).unwrap_or(&NODES[0])
}

/// Where a line from one node's middle meets the border of another node.
fn border(from: Point, to: Point) -> (f64, f64) {
    let (dx, dy) = (from.x - to.x, from.y - to.y);
    let (width, height) = (NODE.0 / 2.0 + 2.0, NODE.1 / 2.0 + 2.0);
    let share = (width / dx.abs().max(0.001))
        .min(height / dy.abs().max(0.001))
        .min(1.0);
    (to.x + share * dx, to.y + share * dy)
}
