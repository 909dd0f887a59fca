//! Workflow commands of GitHub Actions: each makes an annotation of the run.
//!
//! What fails is an error; what is only reported is a warning or a notice; what is allowed or in the baseline is none. GitHub
//! shows ten of each kind and step, so no more are written; the last line, which is none, tells how many are left out.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{EXAMPLES, TOOL, clip, damage, damage_word, details, place, sentence, subject, word};
use crate::check::{Case, Standing, Verdict};
use crate::model::Severity;
use crate::report::escape::{CommandData, CommandProperty, LINE_END};
use crate::report::look::counted;

/// Annotations of one kind that GitHub shows.
const SHOWN: usize = 10;

/// What GitHub knows, the loudest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Error,
    Warning,
    Notice,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Error, Kind::Warning, Kind::Notice];

    fn name(self) -> &'static str {
        match self {
            Kind::Error => "error",
            Kind::Warning => "warning",
            Kind::Notice => "notice",
        }
    }

    /// None for what needs nobody's attention.
    fn of(case: &Case) -> Option<Kind> {
        match (&case.standing, case.severity) {
            (Standing::Fails, _) => Some(Kind::Error),
            // An error is what makes a step fail, and this does not.
            (Standing::Reported, Severity::Error | Severity::Warning) => Some(Kind::Warning),
            (Standing::Reported, Severity::Note | Severity::Info) => Some(Kind::Notice),
            (Standing::Allowed { .. } | Standing::Known, _) => None,
        }
    }
}

/// Writes the commands.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let mut commands = Commands {
        out,
        seen: BTreeMap::new(),
    };
    let damage = damage(verdict);
    if !damage.is_empty() {
        let kind = if verdict.complete {
            Kind::Warning
        } else {
            Kind::Error
        };
        let title = format!("the capture is {}", damage_word(verdict));
        let lines: Vec<String> = damage.iter().map(|text| clip(text, "…")).collect();
        commands.write(kind, &title, &lines)?;
    }
    for case in &verdict.cases {
        let Some(kind) = Kind::of(case) else { continue };
        let mut lines = vec![clip(&case.message, "…")];
        lines.extend(details(case, EXAMPLES));
        commands.write(kind, &(subject(case, "…") + &place(case)), &lines)?;
    }
    for remark in &verdict.remarks {
        commands.write(Kind::Notice, "configuration", &[clip(remark, "…")])?;
    }
    let left_out = commands.left_out();
    write!(out, "{TOOL}: {}: {}", word(verdict), sentence(verdict))?;
    if left_out.is_empty() {
        writeln!(out)
    } else {
        writeln!(out, "; not annotated: {}", left_out.join(", "))
    }
}

struct Commands<'a> {
    out: &'a mut dyn Write,
    /// How many of each kind there were.
    seen: BTreeMap<Kind, usize>,
}

impl Commands<'_> {
    fn write(&mut self, kind: Kind, title: &str, lines: &[String]) -> io::Result<()> {
        let seen = self.seen.entry(kind).or_default();
        *seen += 1;
        if *seen > SHOWN {
            return Ok(());
        }
        write!(self.out, "::{} title={}::", kind.name(), CommandProperty(title))?;
        for (index, line) in lines.iter().enumerate() {
            let end = if index == 0 { "" } else { LINE_END };
            write!(self.out, "{end}{}", CommandData(line))?;
        }
        writeln!(self.out)
    }

    fn left_out(&self) -> Vec<String> {
        let rest = |kind: Kind| self.seen.get(&kind).map_or(0, |seen| seen.saturating_sub(SHOWN));
        let rests = Kind::ALL.into_iter().map(|kind| (kind, rest(kind)));
        rests
            .filter(|(_, rest)| *rest > 0)
            .map(|(kind, rest)| counted(rest as u64, kind.name()))
            .collect()
    }
}
