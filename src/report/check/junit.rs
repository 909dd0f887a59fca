//! JUnit XML: one test case is one rule (or budget) at one service.
//!
//! | what | test case |
//! | --- | --- |
//! | fails | with a `failure` |
//! | allowed, in the baseline | `skipped`, with the reason |
//! | below what makes the check fail | passed, told in `system-out` |
//! | found nothing | passed |
//! | the input | `input`: an `error` if it is damaged, else passed |
//!
//! No times are given, so that the same capture gives the same report.

use std::io::{self, Write};

use super::{EXAMPLES, TOOL, damage, damage_word, details, excuse, place};
use crate::check::{Case, Standing, Verdict};
use crate::report::escape::Xml;

/// Writes the document.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let count = |wanted: fn(&Standing) -> bool| {
        let standings = verdict.cases.iter().map(|case| &case.standing);
        standings.filter(|standing| wanted(standing)).count()
    };
    let failures = count(|standing| matches!(standing, Standing::Fails));
    let skipped = count(|standing| matches!(standing, Standing::Allowed { .. } | Standing::Known));
    let tests = 1 + verdict.cases.len() + verdict.passed.len();
    let errors = usize::from(!damage(verdict).is_empty());
    let totals = format!("name=\"{TOOL}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites {totals}>")?;
    writeln!(out, "  <testsuite {totals} skipped=\"{skipped}\">")?;
    input(out, verdict)?;
    for found in &verdict.cases {
        case(out, found)?;
    }
    for passed in &verdict.passed {
        open(out, &passed.code, &passed.title)?;
        writeln!(out, "/>")?;
    }
    if !verdict.remarks.is_empty() {
        text(out, "    ", "system-err", "", &verdict.remarks)?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

/// The input itself.
fn input(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    open(out, "input", "capture is complete")?;
    let damage = damage(verdict);
    if damage.is_empty() {
        return writeln!(out, "/>");
    }
    writeln!(out, ">")?;
    let word = damage_word(verdict);
    let attributes = format!(" message=\"the capture is {word}\" type=\"{word}\"");
    text(out, "      ", "error", &attributes, &damage)?;
    writeln!(out, "    </testcase>")
}

fn case(out: &mut dyn Write, case: &Case) -> io::Result<()> {
    open(out, &case.code, &format!("{}{}", case.title, place(case)))?;
    writeln!(out, ">")?;
    let lines = details(case, EXAMPLES);
    match &case.standing {
        Standing::Fails => {
            let (message, severity) = (Xml(&case.message), case.severity.name());
            let attributes = format!(" message=\"{message}\" type=\"{severity}\"");
            text(out, "      ", "failure", &attributes, &lines)?;
        }
        Standing::Allowed { .. } | Standing::Known => {
            let reason = excuse(&case.standing, "…").unwrap_or_default();
            writeln!(out, "      <skipped message=\"{}\"/>", Xml(&reason))?;
            told(out, case, &lines)?;
        }
        Standing::Reported => told(out, case, &lines)?,
    }
    writeln!(out, "    </testcase>")
}

/// What a case that does not fail has to say.
fn told(out: &mut dyn Write, case: &Case, details: &[String]) -> io::Result<()> {
    let lines: Vec<&str> = [case.message.as_str()]
        .into_iter()
        .chain(details.iter().map(String::as_str))
        .collect();
    text(out, "      ", "system-out", "", &lines)
}

/// The start of a test case, its tag still open.
fn open(out: &mut dyn Write, class: &str, name: &str) -> io::Result<()> {
    let (class, name) = (Xml(class), Xml(name));
    write!(out, "    <testcase classname=\"{TOOL}.{class}\" name=\"{name}\"")
}

/// An element with lines of text. `attributes` are escaped already.
fn text<T: AsRef<str>>(
    out: &mut dyn Write,
    indent: &str,
    element: &str,
    attributes: &str,
    lines: &[T],
) -> io::Result<()> {
    write!(out, "{indent}<{element}{attributes}>")?;
    for (index, line) in lines.iter().enumerate() {
        let end = if index == 0 { "" } else { "\n" };
        write!(out, "{end}{}", Xml(line.as_ref()))?;
    }
    writeln!(out, "</{element}>")
}
