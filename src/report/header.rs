//! What stands above a list of connections: the capture, its quality, and how the connections ended.

use crate::model::{Analysis, Capture, Outcome};
use crate::report::escape::Escaped;
use crate::report::look::{counted, number};
use crate::report::{Look, Tone, outcome_tone};
use crate::select::attention;

/// Width of the labels on the left.
const LABEL: usize = 13;

/// One fact of a labelled line.
#[derive(Debug, Clone)]
pub struct Fact {
    /// The text, safe for a terminal.
    pub text: String,
    /// How loud.
    pub tone: Tone,
}

impl Fact {
    /// A fact that needs no colour.
    pub fn plain(text: impl Into<String>) -> Fact {
        Fact {
            text: text.into(),
            tone: Tone::Plain,
        }
    }

    /// A fact with a colour.
    pub fn new(tone: Tone, text: impl Into<String>) -> Fact {
        Fact {
            text: text.into(),
            tone,
        }
    }
}

/// A label and facts behind it.
pub fn labelled(look: &Look, label: &str, label_tone: Tone, facts: &[Fact]) -> Vec<String> {
    let first = format!(
        "{}{}",
        look.paint(label_tone, label),
        " ".repeat(LABEL.saturating_sub(label.len()))
    );
    let indent = " ".repeat(LABEL);
    let lines = wrapped(look, look.width.saturating_sub(LABEL).max(20), facts);
    (lines.into_iter().enumerate())
        .map(|(index, line)| format!("{}{line}", if index == 0 { &first } else { &indent }))
        .collect()
}

/// Facts in lines of at most `room` columns, broken between facts (and inside one only where it alone is too long).
pub fn wrapped(look: &Look, room: usize, facts: &[Fact]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for fact in facts {
        for (index, part) in split_words(&fact.text, room).into_iter().enumerate() {
            let (separator, length) = (look.separator(), part.chars().count());
            let gap = if used == 0 { 0 } else { separator.chars().count() };
            if used > 0 && (index > 0 || used + gap + length > room) {
                lines.push(std::mem::take(&mut line));
                used = 0;
            } else if used > 0 {
                line.push_str(&look.paint(Tone::Dim, separator));
                used += gap;
            }
            line.push_str(&look.paint(fact.tone, &part));
            used += length;
        }
    }
    lines.push(line);
    lines
}

/// Cuts a text that is longer than `room` between words.
fn split_words(text: &str, room: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match parts.last_mut() {
            Some(part) if part.chars().count() + 1 + word.chars().count() <= room => {
                part.push(' ');
                part.push_str(word);
            }
            Some(_) | None => parts.push(word.to_owned()),
        }
    }
    parts
}

/// All lines above the list.
pub fn lines(analysis: &Analysis, look: &Look) -> Vec<String> {
    let mut lines = capture(&analysis.capture, look);
    lines.extend(labelled(look, "connections", Tone::Strong, &outcomes(analysis)));
    lines
}

/// The capture: where it came from, when, and how good it is.
pub fn capture(capture: &Capture, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(labelled(look, "capture", Tone::Strong, &source(capture, look)));
    lines.extend(labelled(look, "time (UTC)", Tone::Strong, &time(capture, look)));
    lines.extend(labelled(look, "quality", Tone::Strong, &quality(capture, look)));
    lines.extend(damage(capture, look));
    lines.extend(evicted(capture, look));
    lines
}

/// What was given up for a limit; empty if nothing was.
pub fn evicted(capture: &Capture, look: &Look) -> Vec<String> {
    if capture.evicted_connections == 0 {
        return Vec::new();
    }
    let mut facts = vec![
        Fact::new(
            Tone::Bad,
            counted(capture.evicted_connections, "connection")
                + " given up for a limit, nothing is shown of them",
        ),
        Fact::plain("raise --max-memory or --max-connections"),
    ];
    if let Some(most) = capture.evicted_servers.first() {
        facts.push(Fact::plain(format!(
            "most at {} ({} or more)",
            most.server,
            number(most.connections)
        )));
    }
    labelled(look, "EVICTED", Tone::Bad, &facts)
}

/// What was wrong with the input, loudly; empty for sound input.
pub fn damage(capture: &Capture, look: &Look) -> Vec<String> {
    let label = if capture.complete { "DAMAGED" } else { "INCOMPLETE" };
    let mut facts: Vec<Fact> = capture
        .damage
        .iter()
        .map(|text| Fact::new(Tone::Bad, Escaped(text).to_string()))
        .collect();
    if !capture.complete {
        facts.push(Fact::new(
            Tone::Bad,
            "all that follows covers only what was read before",
        ));
    }
    if facts.is_empty() {
        Vec::new()
    } else {
        labelled(look, label, Tone::Bad, &facts)
    }
}

pub(super) fn source(capture: &Capture, look: &Look) -> Vec<Fact> {
    const NAMED: usize = 3;
    /// How many link types are.
    const KINDS_NAMED: usize = 30;
    let mut files: Vec<String> = capture
        .files
        .iter()
        .take(NAMED)
        .map(|file| Escaped(file).to_string())
        .collect();
    if capture.files.len() > NAMED {
        files.push(look.ellipsis().to_owned());
        files.push(counted(capture.files.len() as u64, "file"));
    }
    let mut facts = vec![Fact::new(Tone::Strong, files.join(", "))];
    for list in [&capture.formats, &capture.link_types] {
        let mut named: Vec<String> = (list.iter().take(KINDS_NAMED))
            .map(|name| Escaped(name).to_string())
            .collect();
        if list.len() > KINDS_NAMED {
            named.push(format!("{} {} more", look.ellipsis(), list.len() - KINDS_NAMED));
        }
        if !named.is_empty() {
            facts.push(Fact::plain(named.join(", ")));
        }
    }
    facts.push(Fact::plain(counted(capture.packets, "packet")));
    facts
}

pub(super) fn time(capture: &Capture, look: &Look) -> Vec<Fact> {
    match (capture.first_time, capture.last_time) {
        (Some(first), Some(last)) => {
            let span = look.duration(last.since(first));
            vec![
                Fact::plain(first.to_string()),
                Fact::plain(format!("{span} to the last packet")),
            ]
        }
        (Some(_), None) | (None, Some(_)) | (None, None) => vec![Fact::plain("no packet")],
    }
}

/// How far the capture can be trusted. Says so, too, when nothing is wrong with it.
pub(super) fn quality(capture: &Capture, look: &Look) -> Vec<Fact> {
    let mut facts = vec![Fact::plain(counted(capture.tcp_segments, "TCP segment"))];
    if let Some(text) = skipped(capture, look) {
        facts.push(Fact::plain(text));
    }
    let cut = match capture.snap_length {
        Some(length) => format!("{} cut by snap length {length}", number(capture.cut_segments)),
        None => format!("{} cut by the snap length", number(capture.cut_segments)),
    };
    let troubles = [
        (capture.cut_segments, cut),
        (
            capture.duplicate_segments,
            format!("{} recorded twice", number(capture.duplicate_segments)),
        ),
        (
            capture.missed_bytes,
            format!("{} B not captured", number(capture.missed_bytes)),
        ),
        (
            capture.one_sided_connections,
            counted(capture.one_sided_connections, "connection") + " one-sided",
        ),
        (
            capture.time_steps_back,
            counted(capture.time_steps_back, "time step") + " back",
        ),
    ];
    let sound = facts.len();
    facts.extend(
        (troubles.into_iter())
            .filter(|(count, _)| *count > 0)
            .map(|(_, text)| Fact::new(Tone::Attention, text)),
    );
    if facts.len() == sound
        && capture.tcp_segments > 0
        && capture.complete
        && capture.evicted_connections == 0
    {
        facts.push(Fact::new(Tone::Good, "nothing cut, doubled or missing"));
    }
    facts
}

/// `4 203 skipped (udp 4 000, arp 203)`, the main reasons first.
fn skipped(capture: &Capture, look: &Look) -> Option<String> {
    const NAMED: usize = 3;
    let total: u64 = capture.skipped.values().sum();
    let mut reasons: Vec<(&String, u64)> = capture
        .skipped
        .iter()
        .map(|(reason, count)| (reason, *count))
        .filter(|(_, count)| *count > 0)
        .collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count)); // stable: equal ones stay in order of name
    let mut named: Vec<String> = (reasons.iter().take(NAMED))
        .map(|(reason, count)| {
            format!(
                "{} {}",
                Escaped(reason).to_string().replace('-', " "),
                number(*count)
            )
        })
        .collect();
    if reasons.len() > NAMED {
        named.push(look.ellipsis().to_owned());
    }
    (total > 0).then(|| format!("{} skipped ({})", number(total), named.join(", ")))
}

/// How many connections ended how, what needs attention first.
pub(super) fn outcomes(analysis: &Analysis) -> Vec<Fact> {
    let summary = &analysis.summary;
    if summary.connections == 0 {
        return vec![Fact::plain("none")];
    }
    let mut facts = vec![Fact::plain(number(summary.connections))];
    let mut order = Outcome::ALL;
    order.sort_by_key(|outcome| attention(*outcome));
    for outcome in order {
        let count = summary.outcomes.get(outcome.name()).copied().unwrap_or(0);
        if count > 0 {
            let now = if outcome == Outcome::HalfClosed {
                " now"
            } else {
                ""
            };
            let text = format!("{} {}{now}", number(count), outcome.name());
            facts.push(Fact::new(outcome_tone(outcome), text));
        }
    }
    facts
}
