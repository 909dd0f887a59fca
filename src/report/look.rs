//! How the views for people look: width, colour, characters, and the few phrases they share.

use owo_colors::{OwoColorize, Style};

use crate::model::{Evidence, State};
use crate::time::{Timestamp, human_duration};

/// Everything that changes the look of a view but not its facts.
#[derive(Debug, Clone)]
pub struct Look {
    /// Columns to use.
    pub width: usize,
    /// How much of a long list to show.
    pub rows: Rows,
    /// Only ASCII characters.
    pub ascii: bool,
    /// ANSI colours. The text is the same without.
    pub color: bool,
    /// Which sequence numbers the ladder shows.
    pub seq: SequenceNumbers,
}

/// How much of the list of connections to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All connections.
    All,
    /// That many connections.
    Limit(usize),
    /// What fits if the whole screen has that many lines.
    Screen(usize),
}

/// Which sequence numbers the ladder shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceNumbers {
    /// The numbers on the wire.
    Absolute,
    /// Counted from each side's ISS, where it is known; those of SYNs stay absolute.
    Relative,
}

/// What a piece of text wants to say by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    Plain,
    /// A heading.
    Strong,
    /// All is well.
    Good,
    /// Look here.
    Attention,
    /// Something failed.
    Bad,
    /// Less important, or not proven.
    Dim,
}

impl Look {
    /// The text in the colour of `tone`; unchanged without colours.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Strong => Style::new().bold(),
            Tone::Good => Style::new().green(),
            Tone::Attention => Style::new().yellow(),
            Tone::Bad => Style::new().red(),
            Tone::Dim => Style::new().dimmed(),
        };
        if self.color && !text.is_empty() {
            text.style(style).to_string()
        } else {
            text.to_owned()
        }
    }

    /// A state with its mark, coloured.
    pub fn paint_state(&self, state: State, evidence: Option<Evidence>) -> String {
        let style = match state_tone(state) {
            Tone::Good => Style::new().green(),
            Tone::Attention => Style::new().yellow(),
            Tone::Plain | Tone::Strong | Tone::Bad | Tone::Dim => Style::new(),
        };
        let proven = evidence.is_none_or(Evidence::is_proof) && state != State::Unknown;
        let style = if proven { style } else { style.dimmed() };
        let label = state_label(state, evidence);
        if self.color && style != Style::new() {
            label.style(style).to_string()
        } else {
            label
        }
    }

    /// [`human_duration`], in ASCII where that is asked for.
    pub fn duration(&self, ns: i64) -> String {
        self.text(human_duration(ns))
    }

    /// A text of the program with durations in it, in ASCII where that is asked for.
    pub fn text(&self, text: String) -> String {
        if self.ascii { text.replace('µ', "u") } else { text }
    }

    /// Between two facts on one line.
    pub fn separator(&self) -> &'static str {
        if self.ascii { " | " } else { " · " }
    }

    /// Something was left out here.
    pub fn ellipsis(&self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }

    /// Time passes here.
    pub fn time_passes(&self) -> &'static str {
        if self.ascii { ":" } else { "┆" }
    }

    /// From one state to the next.
    pub fn arrow(&self) -> &'static str {
        if self.ascii { "->" } else { "→" }
    }

    /// The line below the heading of a table.
    pub fn rule(&self) -> char {
        if self.ascii { '-' } else { '─' }
    }
}

/// Which states ask for attention when they last.
fn state_tone(state: State) -> Tone {
    match state {
        State::Established => Tone::Good,
        State::SynSent
        | State::SynReceived
        | State::FinWait1
        | State::FinWait2
        | State::CloseWait
        | State::Closing
        | State::LastAck => Tone::Attention,
        State::Closed | State::Listen | State::TimeWait => Tone::Plain,
        State::Unknown => Tone::Dim,
    }
}

/// A mark behind a state that no segment of the endpoint itself proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// `~`
    Inferred,
    /// `?`
    NotProven,
}

impl Mark {
    /// The mark for this evidence; none for proof.
    pub fn of(evidence: Evidence) -> Option<Mark> {
        match evidence {
            Evidence::Sent | Evidence::Confirmed => None,
            Evidence::Inferred => Some(Mark::Inferred),
            Evidence::Presumed | Evidence::Timer => Some(Mark::NotProven),
        }
    }

    /// As it stands behind the state.
    pub fn symbol(self) -> char {
        match self {
            Mark::Inferred => '~',
            Mark::NotProven => '?',
        }
    }

    /// For the legend.
    pub fn meaning(self) -> &'static str {
        match self {
            Mark::Inferred => "inferred, the beginning or a packet is missing",
            Mark::NotProven => "presumed or by timer, nothing from the endpoint proves it",
        }
    }
}

/// The mark that stands behind this state. UNKNOWN says by itself that nothing is proven.
fn mark(state: State, evidence: Option<Evidence>) -> Option<Mark> {
    evidence.and_then(Mark::of).filter(|_| state != State::Unknown)
}

/// One letter for each state: where there is no room for its name. All views have the same.
pub fn state_letter(state: State) -> char {
    match state {
        State::Closed => '·',
        State::Listen => 'I',
        State::SynSent => 'S',
        State::SynReceived => 'R',
        State::Established => 'E',
        State::FinWait1 => '1',
        State::FinWait2 => '2',
        State::CloseWait => 'W',
        State::Closing => 'C',
        State::LastAck => 'L',
        State::TimeWait => 'T',
        State::Unknown => '?',
    }
}

/// A state with its mark, `CLOSED?`.
pub fn state_label(state: State, evidence: Option<Evidence>) -> String {
    match mark(state, evidence) {
        Some(mark) => format!("{state}{}", mark.symbol()),
        None => state.to_string(),
    }
}

/// Each mark that occurs behind these states, with its meaning.
pub fn marks(states: impl Iterator<Item = (State, Option<Evidence>)>) -> Vec<String> {
    let mut marks: Vec<Mark> = states
        .filter_map(|(state, evidence)| mark(state, evidence))
        .collect();
    marks.sort_unstable();
    marks.dedup();
    marks
        .into_iter()
        .map(|mark| format!("{} {}", mark.symbol(), mark.meaning()))
        .collect()
}

/// A count with a space between groups of three digits: `184 203`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 packet`, `2 004 packets`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(count), if count == 1 { "" } else { "s" })
}

/// Seconds from `start` to `moment` with six digits, cut, not rounded; negative where the clock went back.
pub fn seconds_since(start: Timestamp, moment: Timestamp) -> String {
    let ns = i128::from(moment.ns()) - i128::from(start.ns());
    let sign = if ns < 0 { "-" } else { "" };
    let micros = ns.unsigned_abs() / 1_000;
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1 000"), (1_234_567, "1 234 567")];
        for (count, text) in cases {
            assert_eq!(number(count), text);
        }
        assert_eq!(counted(1, "packet"), "1 packet");
        assert_eq!(counted(2_004, "packet"), "2 004 packets");
    }

    #[test]
    fn seconds_keep_their_sign_and_do_not_overflow() {
        let cases = [
            (0, 41_000, "0.000041"),
            (1_000, 0, "-0.000001"),
            (0, 312_400_000_999, "312.400000"),
            (i64::MIN, i64::MAX, "18446744073.709551"),
        ];
        for (start, moment, text) in cases {
            assert_eq!(
                seconds_since(Timestamp::from_ns(start), Timestamp::from_ns(moment)),
                text
            );
        }
    }

    #[test]
    fn marks_follow_the_evidence() {
        let cases = [
            (State::Closed, Some(Evidence::Presumed), "CLOSED?"),
            (State::Closed, Some(Evidence::Timer), "CLOSED?"),
            (State::Established, Some(Evidence::Inferred), "ESTABLISHED~"),
            (State::Established, Some(Evidence::Confirmed), "ESTABLISHED"),
            (State::Unknown, Some(Evidence::Inferred), "UNKNOWN"),
            (State::Listen, None, "LISTEN"),
        ];
        for (state, evidence, label) in cases {
            assert_eq!(state_label(state, evidence), label);
        }
    }
}
