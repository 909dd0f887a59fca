//! Text that is read on a screen: the ladder and the rest of one connection, the capture as a whole, explanations, help.
//! All but the help is what the other commands print.

use crate::explain::{self, Answer};
use crate::model::{Analysis, Connection, Role, ServiceFinding};
use crate::report::header::{self, Fact, labelled};
use crate::report::lines::Lines;
use crate::report::look::{counted, number};
use crate::report::{self, Look, Tone, evidence, findings, ladder};

use super::app::App;
use super::contents::{Contents, MOST};
use super::lane::letter;
use super::query;
use crate::model::State;

/// Views are drawn no narrower than this; a narrower screen shows a part.
pub const NARROWEST: u16 = 40;
/// Lines of one text, at most.
const LONGEST: usize = 100_000;

/// What is shown of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// As `show` prints it.
    Ladder,
    /// How long each end was in each state, and what proves each transition.
    States,
    /// What was found in it, and in its service.
    Findings,
    /// What its findings and its last states mean.
    Explain,
}

impl Tab {
    /// From left to right.
    pub const ALL: [Tab; 4] = [Tab::Ladder, Tab::States, Tab::Findings, Tab::Explain];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Tab::Ladder => "ladder",
            Tab::States => "states",
            Tab::Findings => "findings",
            Tab::Explain => "explain",
        }
    }

    /// The one to the right, around the end.
    pub fn next(self) -> Tab {
        match self {
            Tab::Ladder => Tab::States,
            Tab::States => Tab::Findings,
            Tab::Findings => Tab::Explain,
            Tab::Explain => Tab::Ladder,
        }
    }

    /// The one to the left.
    pub fn previous(self) -> Tab {
        match self {
            Tab::Ladder => Tab::Explain,
            Tab::States => Tab::Ladder,
            Tab::Findings => Tab::States,
            Tab::Explain => Tab::Findings,
        }
    }
}

/// A text of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Keys, letters and the filter's language.
    Help,
    /// The capture as a whole.
    Capture,
    /// A word, or, without one, what can be explained.
    Explain(String),
}

impl Page {
    /// Its title and its lines.
    pub fn lines(&self, app: &App, look: &Look) -> (String, Vec<String>) {
        match self {
            Page::Help => ("help".to_owned(), help(look)),
            Page::Capture => ("the capture".to_owned(), capture(app, look)),
            Page::Explain(word) if word.is_empty() => {
                ("explain".to_owned(), drawn(&[explain::index()], look))
            }
            Page::Explain(word) => {
                let pages = match explain::lookup(word) {
                    Answer::Pages(pages) => pages,
                    Answer::Unknown { .. } => Vec::new(),
                };
                let title = report::escape::Escaped(word).to_string();
                (format!("explain {title}"), drawn(&pages, look))
            }
        }
    }
}

fn drawn(pages: &[explain::Page], look: &Look) -> Vec<String> {
    Lines::of(LONGEST, |out| report::explain::write(out, pages, look)).into_vec()
}

/// One connection, of an analysis that has it with its ladder.
pub fn of_connection(
    tab: Tab,
    analysis: &Analysis,
    connection: &Connection,
    contents: Option<&Contents>,
    look: &Look,
) -> Vec<String> {
    match tab {
        Tab::Ladder => {
            let lines = Lines::of(LONGEST, |out| ladder::write(out, analysis, connection, look));
            let cut = lines.is_cut();
            let mut lines = lines.into_vec();
            if cut {
                let text = format!(
                    "Cut after {} lines. All of it: tcptrace-states show FILE --conn {}",
                    number(LONGEST as u64),
                    connection.id
                );
                lines.push(look.paint(Tone::Attention, &text));
            }
            lines
        }
        Tab::States => {
            let mut lines = dwells(connection, look);
            let proofs = Lines::of(LONGEST, |out| evidence::write(out, connection, look));
            lines.extend(proofs.into_vec());
            lines
        }
        Tab::Findings => {
            let mut lines = findings::list(connection, look);
            if lines.is_empty() {
                lines.push("Nothing was found in this connection.".to_owned());
            }
            let services = contents.map_or(&analysis.findings, |contents| &contents.analysis.findings);
            let about = |finding: &&ServiceFinding| finding.is_about(connection.id);
            let together = findings::services(services.iter().filter(about), look);
            if !together.is_empty() {
                lines.push(String::new());
                lines.push(look.paint(Tone::Strong, "Together with other connections of its service"));
                lines.extend(together);
            }
            lines
        }
        Tab::Explain => {
            let mut words: Vec<&str> = Vec::new();
            let codes = connection.findings.iter().map(|finding| finding.code);
            let ends = [&connection.endpoints.client, &connection.endpoints.server];
            let states = ends.into_iter().map(|end| end.state.name());
            for word in codes.chain(states) {
                if !words.contains(&word) {
                    words.push(word);
                }
            }
            let pages = words.into_iter().filter_map(|word| match explain::lookup(word) {
                Answer::Pages(pages) => pages.into_iter().next(),
                Answer::Unknown { .. } => None,
            });
            drawn(&pages.collect::<Vec<_>>(), look)
        }
    }
}

/// How long each end was in each state.
fn dwells(connection: &Connection, look: &Look) -> Vec<String> {
    let mut lines = vec![look.paint(Tone::Strong, "Time in each state")];
    for (role, side) in [
        (Role::Client, &connection.endpoints.client),
        (Role::Server, &connection.endpoints.server),
    ] {
        let facts = State::ALL.into_iter().filter_map(|state| {
            let ns = side.dwell_ns.get(state)?;
            Some(Fact::plain(format!("{state} {}", look.duration(ns))))
        });
        let mut facts: Vec<Fact> = facts.collect();
        if facts.is_empty() {
            facts.push(Fact::new(Tone::Dim, "none is counted"));
        }
        lines.extend(labelled(look, role.name(), Tone::Plain, &facts));
    }
    lines
}

/// What is said of the capture as a whole.
fn capture(app: &App, look: &Look) -> Vec<String> {
    let Some(contents) = &app.contents else {
        return vec!["Nothing has been read yet.".to_owned()];
    };
    let analysis = &contents.analysis;
    let mut lines = Vec::new();
    if !app.is_read() {
        let packets = counted(analysis.capture.packets, "packet");
        let text = format!("So far: what stands after {packets}. The capture is still being read.");
        lines.push(look.paint(Tone::Attention, &text));
        lines.push(String::new());
    }
    lines.extend(header::lines(analysis, look));
    lines.extend(contents.found.lines(look));
    let together = findings::services(analysis.findings.iter(), look);
    if !together.is_empty() {
        lines.push(String::new());
        lines.push(look.paint(Tone::Strong, "Services, and the capture"));
        lines.extend(together);
    }
    lines.push(String::new());
    lines.extend(kept(contents, look));
    lines
}

/// How much of the capture the list has.
fn kept(contents: &Contents, look: &Look) -> Vec<String> {
    let mut facts = vec![Fact::plain(counted(contents.rows.len() as u64, "connection"))];
    let more = contents.rows.left_out();
    if more > 0 {
        let text = format!("{} more are counted, but not listed", number(more));
        facts.push(Fact::new(Tone::Attention, text));
        let most = number(MOST as u64);
        let text = format!("it keeps {most} at most, those with warnings and errors first");
        facts.push(Fact::plain(text));
    }
    labelled(look, "list", Tone::Strong, &facts)
}

/// Keys and what they do, by view.
const KEYS: [(&str, &[(&str, &str)]); 4] = [
    (
        "Everywhere",
        &[
            ("j k, arrows", "one line down, up"),
            ("Space b, PgDn PgUp", "one page; Ctrl-D Ctrl-U half of one"),
            ("g G, Home End", "to the beginning, to the end"),
            ("/ n N", "search, next, previous"),
            ("i", "the capture as a whole: quality, findings, services"),
            ("e", "explain a rule, a state, any word"),
            ("r", "read the capture anew"),
            ("Esc q", "back; q in the list ends, Q ends everywhere"),
            ("Ctrl-Z Ctrl-L", "suspend; draw the screen anew"),
        ],
    ),
    (
        "List and timeline",
        &[
            ("Enter", "the connection: ladder, states, findings, explanations"),
            ("Tab t", "from the list to the timeline and back"),
            ("f", "filter as you type; Esc in the list takes it away"),
            ("s S", "sort by; the other way round"),
            ("x", "stop reading, and keep what was read"),
        ],
    ),
    (
        "Timeline",
        &[
            ("+ -", "zoom in, out"),
            ("h l, Left Right", "move by a quarter; H L by a screen"),
            ("z", "zoom to the connection under the cursor"),
            ("0", "all of the capture"),
        ],
    ),
    (
        "Connection",
        &[
            ("Tab 1 2 3 4", "ladder, states, findings, explanations"),
            ("] [", "the next, the previous connection of the list"),
            ("a", "sequence numbers absolute, or counted from the ISS"),
            (
                "h l, Left Right",
                "to the side, where lines are longer than the screen",
            ),
            ("Esc", "break off reading"),
        ],
    ),
];

fn help(look: &Look) -> Vec<String> {
    const COLUMN: usize = 20;
    let pair = |left: &str, right: &str| {
        let gap = " ".repeat(COLUMN.saturating_sub(left.chars().count()).max(1));
        let words = header::wrapped(
            look,
            look.width.saturating_sub(COLUMN + 2).max(18),
            &[Fact::plain(right)],
        );
        let indent = " ".repeat(COLUMN + 2);
        let lines = words
            .into_iter()
            .enumerate()
            .map(move |(index, line)| match index {
                0 => format!("  {left}{gap}{line}"),
                _ => format!("{indent}{line}"),
            });
        lines.collect::<Vec<String>>()
    };
    let mut lines = Vec::new();
    let heading = |lines: &mut Vec<String>, text: &str| {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(look.paint(Tone::Strong, text));
    };
    for (view, keys) in KEYS {
        heading(&mut lines, view);
        for (key, what) in keys {
            lines.extend(pair(key, what));
        }
    }
    heading(&mut lines, "Filter and search");
    for (example, meaning) in query::HELP {
        lines.extend(pair(example, meaning));
    }
    heading(&mut lines, "Marks");
    for (mark, meaning) in [
        (
            "CLOSED?",
            "presumed or by timer, nothing from the endpoint proves it",
        ),
        ("CLOSED~", "inferred, the beginning or a packet is missing"),
        ("38 s+", "and counting: it was not over when the capture ended"),
        (
            "so far",
            "the capture is being read: what would stand if it ended there",
        ),
    ] {
        lines.extend(pair(mark, meaning));
    }
    heading(&mut lines, "Letters of the timeline");
    for state in [
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
        State::Closed,
        State::Listen,
        State::Unknown,
    ] {
        lines.extend(pair(&letter(state, look.ascii).to_string(), state.name()));
    }
    lines.extend(pair(
        "W?W? W~W~",
        "not proven: the letter and the mark behind the state take turns",
    ));
    lines.extend(pair("%", "transitions that were not kept"));
    lines.extend(pair("", "A column shows the state that lasted longest in it."));
    lines
}
