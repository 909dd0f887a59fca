//! What a rule is, and how its file declares it once: code, name, severity, and the text that rustdoc, `explain` and the
//! README show.

use super::{Draft, Subject};
use crate::model::{Cause, Connection, EventKind, Outcome, Quality, Severity, State};

/// One rule.
pub struct Rule {
    /// Stable code, `TW04`. Codes are never given to another rule.
    pub code: &'static str,
    /// Stable name, `reuse-illegal`.
    pub name: &'static str,
    /// How bad what it finds is, where nothing about the capture could explain it.
    pub severity: Severity,
    /// Its documentation, Markdown: the first paragraph says what is the matter; then the sections `# Why it matters`,
    /// `# What to do` (if there is something), `# Reference`, `# Example` (a story in which it fires once, at the packet
    /// marked `<--` if one is), `# Not this` (one in which it must not), `# Elsewhere` (what other tools call it).
    pub doc: &'static str,
    /// It is asked only about connections with one of these events, or one of the signs of `when`; about all if there are
    /// neither events nor signs.
    pub on: &'static [EventKind],
    /// See `on`.
    pub when: &'static [Sign],
    /// Faults of a capture that could explain what it finds.
    pub excused_by: &'static [Fault],
    /// Looks at a connection.
    pub check: Check,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
pub enum Check {
    /// One connection.
    Connection(fn(&Subject<'_>, &mut Vec<Draft>)),
    /// All connections together, or the capture: [`super::service`] knows how.
    Together,
}

/// What a connection shows besides events. Most show none of them, and then most rules have nothing to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A RST changed a state.
    Reset,
    /// It took over the 4-tuple of another connection.
    Reuse,
    /// Nobody answered the SYN.
    Unanswered,
    /// A RST answered the SYN.
    Refused,
    /// The handshake was not completed.
    HandshakeIncomplete,
    /// The SYN stands behind its SYN-ACK.
    SynBehindAnswer,
    /// An endpoint waits for the acknowledgment of its FIN.
    FinWaits,
    /// An endpoint was in CLOSING.
    Closing,
    /// A presumed change of state was refuted.
    Withdrawn,
    /// An endpoint owes an answer.
    AnswerOwed,
    /// The beginning is missing.
    Midstream,
    /// Only one side was captured.
    OneSided,
    /// Segments were recorded twice.
    Duplicates,
    /// Segments were cut.
    Cut,
    /// Time stamps go back.
    TimeStepsBack,
}

/// Events and signs of a connection, or those that a rule asks for, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    events: u64,
    signs: u32,
}

impl Marks {
    /// Those of a connection.
    pub fn of(connection: &Connection) -> Marks {
        let events = connection.events.iter();
        Marks {
            events: events.fold(0, |all, event| all | 1 << (event.kind as u64)),
            signs: signs_of(connection),
        }
    }

    /// Those that a rule asks for.
    pub fn asked(rule: &Rule) -> Marks {
        Marks {
            events: rule.on.iter().fold(0, |all, kind| all | 1 << (*kind as u64)),
            signs: rule.when.iter().fold(0, |all, sign| all | 1 << (*sign as u32)),
        }
    }

    /// Whether there is none.
    pub fn none(self) -> bool {
        self.events == 0 && self.signs == 0
    }

    /// Whether both have one.
    pub fn meet(self, other: Marks) -> bool {
        self.events & other.events != 0 || self.signs & other.signs != 0
    }
}

/// Rules by what calls them, as sets of their places in a list: one bit each.
pub(super) struct Called {
    by_event: [u128; 64],
    by_sign: [u128; 32],
}

impl Called {
    /// The places of so many rules; there are not nearly as many as bits (a test sees to it).
    pub fn of(rules: impl Iterator<Item = &'static Rule>) -> Called {
        let mut called = Called {
            by_event: [0; 64],
            by_sign: [0; 32],
        };
        for (place, rule) in rules.enumerate().take(128) {
            for kind in rule.on {
                called.by_event[*kind as usize] |= 1 << place;
            }
            for sign in rule.when {
                called.by_sign[*sign as usize] |= 1 << place;
            }
        }
        called
    }

    /// The places of the rules that one of these marks calls, in order.
    pub fn by(&self, marks: Marks) -> impl Iterator<Item = usize> + use<> {
        let mut called = 0;
        for event in bits(u128::from(marks.events)) {
            called |= self.by_event[event];
        }
        for sign in bits(u128::from(marks.signs)) {
            called |= self.by_sign[sign];
        }
        bits(called)
    }
}

/// The places of the bits that are set.
fn bits(mut set: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = set.trailing_zeros() as usize;
        set &= set.checked_sub(1)?;
        Some(place)
    })
}

fn signs_of(connection: &Connection) -> u32 {
    let mut signs = 0;
    let mut note = |sign: Sign, there: bool| signs |= u32::from(there) << (sign as u32);
    for end in [&connection.endpoints.client, &connection.endpoints.server] {
        for step in &end.transitions {
            note(
                Sign::Reset,
                matches!(step.cause, Cause::RstSent | Cause::RstReceived),
            );
            note(Sign::Closing, step.to == State::Closing);
        }
        note(
            Sign::FinWaits,
            matches!(end.state, State::FinWait1 | State::Closing | State::LastAck),
        );
        note(Sign::Withdrawn, !end.withdrawn.is_empty());
        note(Sign::AnswerOwed, end.owes_answer.is_some());
    }
    let handshake = &connection.handshake;
    let behind = handshake.syn_ack_packet.is_some() && handshake.syn_packet > handshake.syn_ack_packet;
    note(Sign::Reuse, connection.reuse.is_some());
    note(Sign::Unanswered, connection.outcome == Outcome::Unanswered);
    note(Sign::Refused, connection.outcome == Outcome::Refused);
    note(Sign::HandshakeIncomplete, !handshake.complete);
    note(Sign::SynBehindAnswer, behind);
    let quality = &connection.quality;
    note(Sign::Midstream, quality.midstream);
    note(Sign::OneSided, quality.one_sided);
    note(Sign::Duplicates, quality.duplicate_segments > 0);
    note(Sign::Cut, quality.cut_segments > 0);
    note(Sign::TimeStepsBack, quality.time_steps_back > 0);
    signs
}

impl Rule {
    /// Whether it is asked about this connection: it can find nothing in another one.
    pub fn concerns(&self, connection: &Connection) -> bool {
        let asked = Marks::asked(self);
        asked.none() || asked.meet(Marks::of(connection))
    }

    /// The first paragraph of the documentation, on one line.
    pub fn summary(&self) -> String {
        let paragraph: Vec<&str> = self
            .doc
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty())
            .collect();
        paragraph.join(" ")
    }

    /// The text of a section, without its heading; None if there is no such section.
    pub fn section(&self, heading: &str) -> Option<String> {
        let mut lines = self
            .doc
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
        lines.find(|line| line.strip_prefix("# ") == Some(heading))?;
        let text: Vec<&str> = lines.take_while(|line| !line.starts_with("# ")).collect();
        Some(text.join("\n").trim().to_owned())
    }

    /// The story of a section, without the fence around it; None if there is no such section.
    pub fn story(&self, heading: &str) -> Option<String> {
        let section = self.section(heading)?;
        let fenced = section.split("```").nth(1)?;
        Some(
            fenced
                .strip_prefix("text")
                .unwrap_or(fenced)
                .trim_matches('\n')
                .to_owned(),
        )
    }

    /// What other tools call it: tool and name.
    pub fn elsewhere(&self) -> Vec<(String, String)> {
        let section = self.section("Elsewhere").unwrap_or_default();
        let joined = section.replace('\n', " ");
        let tools = joined.split(';').filter_map(|part| part.split_once(':'));
        tools
            .flat_map(|(tool, names)| {
                names.split(',').map(move |name| {
                    let name = name.trim().trim_end_matches('.').trim_matches('`');
                    (tool.trim().to_owned(), name.to_owned())
                })
            })
            .collect()
    }
}

/// A fault of a capture that can make a healthy connection look broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Segments are missing although they were acknowledged.
    Loss,
    /// Segments were recorded twice.
    Duplicates,
    /// Only one side was captured.
    OneSided,
    /// The beginning is missing.
    CutStart,
    /// Time stamps go back: segments may not be in the order in which they passed.
    ClockSteps,
    /// The snap length cut segments inside their headers.
    SnapLength,
}

impl Fault {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Fault::Loss => "capture-loss",
            Fault::Duplicates => "capture-duplicates",
            Fault::OneSided => "one-sided",
            Fault::CutStart => "cut-start",
            Fault::ClockSteps => "clock-steps",
            Fault::SnapLength => "snap-length",
        }
    }

    /// Whether the connection suffers from it.
    pub fn is_in(self, quality: &Quality) -> bool {
        match self {
            Fault::Loss => quality.missed_bytes > 0 || quality.inferred_segments > 0,
            Fault::Duplicates => quality.duplicate_segments > 0,
            Fault::OneSided => quality.one_sided,
            Fault::CutStart => quality.midstream,
            Fault::ClockSteps => quality.time_steps_back > 0,
            Fault::SnapLength => quality.cut_segments > 0,
        }
    }
}

/// Declares the rule of a file: its documentation, code, name, severity, the events (`on`) and signs (`when`, if there are)
/// that call it, the faults that excuse what it finds (`excused_by`), and the function that looks.
macro_rules! rule {
    (
        $(#[doc = $doc:literal])*
        $code:literal, $name:literal, $severity:ident,
        on: [$($kind:ident),* $(,)?],
        $(when: [$($sign:ident),* $(,)?],)?
        excused_by: [$($fault:ident),* $(,)?],
        $check:ident
    ) => {
        $(#[doc = $doc])*
        pub static RULE: $crate::findings::Rule = $crate::findings::Rule {
            code: $code,
            name: $name,
            severity: $crate::model::Severity::$severity,
            doc: concat!($($doc, "\n"),*),
            on: &[$($crate::model::EventKind::$kind),*],
            when: &[$($($crate::findings::Sign::$sign),*)?],
            excused_by: &[$($crate::findings::Fault::$fault),*],
            check: $crate::findings::rule!(@check $check),
        };
    };
    (@check together) => { $crate::findings::Check::Together };
    (@check $check:ident) => { $crate::findings::Check::Connection($check) };
}
pub(crate) use rule;

/// Declares the files of a family, in the order of their codes.
macro_rules! family {
    ($($file:ident),* $(,)?) => {
        $(pub mod $file;)*
        pub(super) const RULES: &[&$crate::findings::Rule] = &[$(&$file::RULE),*];
    };
}
pub(crate) use family;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::rules;

    #[test]
    fn rules_and_marks_fit_their_bits() {
        assert!(rules().count() <= 128);
        assert!((Sign::TimeStepsBack as u32) < 32);
        for rule in rules() {
            assert!(rule.on.iter().all(|kind| (*kind as u64) < 64), "{}", rule.code);
        }
    }

    #[test]
    fn a_mark_calls_the_rules_that_ask_for_it() {
        let all: Vec<&'static Rule> = rules().collect();
        let called = Called::of(all.iter().copied());
        let marks_of: Vec<Marks> = all.iter().map(|rule| Marks::asked(rule)).collect();
        for marks in &marks_of {
            let expected: Vec<usize> = (marks_of.iter().enumerate())
                .filter(|(_, asked)| asked.meet(*marks))
                .map(|(place, _)| place)
                .collect();
            assert_eq!(called.by(*marks).collect::<Vec<_>>(), expected);
        }
        assert_eq!(called.by(Marks::default()).count(), 0);
        assert_eq!(bits(0b1001_0000 | 1 << 127).collect::<Vec<_>>(), [4, 7, 127]);
    }
}
