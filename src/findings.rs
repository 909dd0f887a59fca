//! Findings: what is wrong or remarkable with a connection, a service, or the capture.
//!
//! A rule sees the facts of the model (states, transitions, events), never segments. Each has a file of its own that
//! declares its code, name, severity and documentation once ([`Rule`]); rustdoc, `explain`, the README's table and the tests
//! of its examples all read that one text. The families have a folder each:
//!
//! | folder | codes | matter |
//! | --- | --- | --- |
//! | `handshake` | HS, OP | the opening and its options |
//! | `closing` | FN | FINs, and data around them |
//! | `half_close` | HC | CLOSE-WAIT and FIN-WAIT-2 |
//! | `time_wait` | TW | TIME-WAIT and the reuse of a 4-tuple in it |
//! | `restart` | RU | new SYNs, half-open connections, dead peers |
//! | `reset` | RS | RSTs |
//! | `sequence` | SQ, PB, ML | numbers, probes and flags that do not fit |
//! | `quality` | CP | the capture itself |
//!
//! A finding is graded down, and says why, where the quality of the capture could explain what was seen
//! ([`Rule::excused_by`]).

pub mod closing;
mod draft;
pub mod elsewhere;
pub mod half_close;
pub mod handshake;
pub mod quality;
pub mod reset;
pub mod restart;
mod rule;
pub mod sequence;
pub mod service;
pub mod time_wait;

pub use draft::{Draft, ROLES, Seen, Subject, counted, human_duration, times};
use rule::{Called, Marks};
pub use rule::{Check, Fault, Rule, Sign};
pub(crate) use rule::{family, rule};

use crate::model::{Confidence, Connection, Ending, Finding, Severity, Usual};
use crate::time::Timestamp;

/// All rules, in the order of their codes.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.iter().copied().flatten().copied()
}

/// The rule with this code or name, whatever the case.
pub fn find(word: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.code.eq_ignore_ascii_case(word) || rule.name.eq_ignore_ascii_case(word))
}

const FAMILIES: [&[&Rule]; 8] = [
    handshake::RULES,
    closing::RULES,
    half_close::RULES,
    time_wait::RULES,
    restart::RULES,
    reset::RULES,
    sequence::RULES,
    quality::RULES,
];

/// From when on something lasts long, is many, or is fast. Times in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// A half-close that lasts longer is worth a warning (HC02, HC03).
    pub half_close_warning_ns: i64,
    /// A half-close that lasts longer is an error; none by default, because RFC 9293 sets no limit.
    pub half_close_error_ns: Option<i64>,
    /// FIN-WAIT-2 that lasts longer: an orphaned socket of Linux is gone by then (HC04).
    pub fin_wait_2_ns: i64,
    /// So many half-closes that one endpoint leaves open at the end of the capture make a leak (HC05).
    pub leak_connections: u64,
    /// A FIN, or data, or a SYN without an answer for longer than this is unanswered (FN12, HS13, RU06).
    pub unanswered_ns: i64,
    /// Ports that a client has for connections to one service (TW11); the default is that of Linux.
    pub ephemeral_ports: u32,
    /// Share of those ports in TIME-WAIT that is worth a warning, percent (TW11).
    pub time_wait_percent: u32,
    /// So many connections that one service has not completed make a flood (HS15).
    pub flood_connections: u64,
    /// So many FINs or RSTs of one side of a connection make a storm (FN14, RS10).
    pub storm_segments: u64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        const SECOND: i64 = 1_000_000_000;
        Thresholds {
            half_close_warning_ns: 30 * SECOND,
            half_close_error_ns: None,
            fin_wait_2_ns: 60 * SECOND,
            leak_connections: 5,
            unanswered_ns: SECOND,
            ephemeral_ports: 28_232,
            time_wait_percent: 50,
            flood_connections: 100,
            storm_segments: 1_000,
        }
    }
}

/// What is looked for, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Findings below this are left out.
    pub least: Severity,
    /// Limits.
    pub thresholds: Thresholds,
    /// Rules whose severity is not their own: `None` turns a rule off.
    pub levels: Vec<(&'static str, Option<Severity>)>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            least: Severity::Note,
            thresholds: Thresholds::default(),
            levels: Vec::new(),
        }
    }
}

impl Settings {
    /// The severity of a rule; none if it is off or below what is wanted, so that it is not asked.
    pub fn severity(&self, rule: &Rule) -> Option<Severity> {
        let set = self.levels.iter().rev().find(|(code, _)| *code == rule.code);
        set.map_or(Some(rule.severity), |(_, level)| *level)
            .filter(|severity| *severity >= self.least)
    }
}

/// The rules that are asked, with what is set for them; made once for many connections.
pub struct Judge {
    thresholds: Thresholds,
    least: Severity,
    /// Those asked about every connection come first.
    asked: Vec<Asked>,
    always: usize,
    /// Which of `asked` are called by each event and by each sign, one bit each.
    called: Called,
    /// Those that find something in a usual connection are not asked, but for the ones that look how long a half-close lasted, and
    /// for those of which it is known what they find.
    passes_usual: bool,
    foreseen: Foreseen,
}

/// What is found in a connection that was not told.
#[derive(Clone, Copy)]
pub struct Sure {
    /// The rule that finds it, once, and as bad as it says.
    pub rule: &'static Rule,
    /// How bad it is.
    pub severity: Severity,
}

/// What the rules find in a usual connection that ended so, or began so; none where that rule is not asked. No other rule finds
/// anything in it, but those about how long a half-close lasted.
struct Foreseen {
    midstream: Option<Sure>,
    reset: Option<Sure>,
    refused: Option<Sure>,
    unanswered: Option<Sure>,
}

impl Foreseen {
    fn of(settings: &Settings) -> Foreseen {
        let sure = |rule: &'static Rule| settings.severity(rule).map(|severity| Sure { rule, severity });
        Foreseen {
            midstream: sure(&quality::midstream_pickup::RULE),
            reset: sure(&reset::accepted::RULE),
            refused: sure(&handshake::refused::RULE),
            unanswered: sure(&handshake::syn_unanswered::RULE),
        }
    }
}

/// What is found in a connection is not known before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsure;

/// A rule that looks at connections.
struct Asked {
    rule: &'static Rule,
    check: fn(&Subject<'_>, &mut Vec<Draft>),
    severity: Severity,
}

impl Judge {
    /// Leaves out the rules that are off.
    pub fn new(settings: &Settings) -> Judge {
        let asked = rules().filter_map(|rule| match rule.check {
            Check::Connection(check) => Some(Asked {
                rule,
                check,
                severity: settings.severity(rule)?,
            }),
            Check::Together => None,
        });
        let (mut asked, marked): (Vec<Asked>, Vec<Asked>) =
            asked.partition(|asked| Marks::asked(asked.rule).none());
        let always = asked.len();
        let by_duration = [
            &half_close::close_wait_long::RULE,
            &half_close::close_wait_open::RULE,
            &half_close::fin_wait_2_long::RULE,
        ];
        let by_duration = |rule: &Rule| by_duration.iter().any(|other| other.code == rule.code);
        // What is cut without any harm is told as an information.
        let cut_is_told = settings.least == Severity::Info
            || settings
                .severity(&quality::cut_by_snaplen::RULE)
                .is_some_and(|severity| severity != quality::cut_by_snaplen::RULE.severity);
        let passes_usual = asked.iter().all(|asked| by_duration(asked.rule)) && !cut_is_told;
        asked.extend(marked);
        Judge {
            thresholds: settings.thresholds.clone(),
            least: settings.least,
            always,
            called: Called::of(asked.iter().map(|asked| asked.rule)),
            asked,
            passes_usual,
            foreseen: Foreseen::of(settings),
        }
    }

    /// Whether there may be connections for which [`Judge::foresees`] what is found.
    pub fn passes_some(&self) -> bool {
        self.passes_usual
    }

    /// What is found in the connection that this stands for, or nothing (`Ok`). Where that is not sure, it has to be judged. `end`
    /// is the time of the capture's last packet.
    ///
    /// # Errors
    ///
    /// It is not sure.
    pub fn foresees(&self, usual: &Usual, end: Timestamp) -> Result<Option<Sure>, Unsure> {
        let limits = &self.thresholds;
        let found = match usual.ending {
            Ending::Opened | Ending::Open => None,
            Ending::Closed(close) => {
                let too_long = (limits.half_close_warning_ns.min(limits.fin_wait_2_ns))
                    .min(limits.half_close_error_ns.unwrap_or(i64::MAX));
                if close.half_close_ns() >= too_long {
                    return Err(Unsure);
                }
                self.foreseen.midstream.filter(|_| usual.midstream)
            }
            Ending::Reset => self.foreseen.reset,
            Ending::Refused => self.foreseen.refused,
            Ending::Unanswered => {
                let waited = end.since(usual.first_time);
                let unanswered = handshake::syn_unanswered::is_long(waited, limits.unanswered_ns);
                self.foreseen.unanswered.filter(|_| unanswered)
            }
        };
        if self.passes_usual { Ok(found) } else { Err(Unsure) }
    }

    /// Writes what the rules find into a connection. `end` is the time of the capture's last packet, `time_wait_ns` 2 MSL.
    pub fn judge(&self, connection: &mut Connection, end: Timestamp, time_wait_ns: i64) {
        let marks = Marks::of(connection);
        let mut findings = Vec::new();
        let mut drafts = Vec::new();
        let mut ask = |asked: &Asked| {
            let subject = Subject {
                connection,
                end,
                time_wait_ns,
                thresholds: &self.thresholds,
                severity: asked.severity,
            };
            (asked.check)(&subject, &mut drafts);
            if !drafts.is_empty() {
                let found = drafts.drain(..);
                findings.extend(found.map(|draft: Draft| draft.graded(asked.rule, connection)));
            }
        };
        self.asked.iter().take(self.always).for_each(&mut ask);
        if !marks.none() {
            let called = self.called.by(marks);
            called
                .filter_map(|place| self.asked.get(place))
                .for_each(&mut ask);
        }
        if !findings.is_empty() {
            findings.retain(|finding: &Finding| finding.severity >= self.least);
            findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.at, finding.code));
        }
        connection.findings = findings;
    }
}

/// Writes what the rules find into one connection. See [`Judge::judge`].
pub fn judge(connection: &mut Connection, end: Timestamp, time_wait_ns: i64, settings: &Settings) {
    Judge::new(settings).judge(connection, end, time_wait_ns);
}

/// The worst severity among findings.
pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.severity).max()
}

/// The least sure of two.
fn weaker(a: Confidence, b: Confidence) -> Confidence {
    a.min(b)
}
