//! A summary in GitHub's Markdown, for `$GITHUB_STEP_SUMMARY`.
//!
//! GitHub drops a summary of more than 1 MiB, so each part has a share of that; what does not fit is counted.

use std::io::{self, Write};

use super::{checked, clip, damage, damage_word, details, frequency, place, sentence, subject, tally, word};
use crate::check::{Case, Standing, Verdict};
use crate::report::escape::Markdown;
use crate::report::look::counted;

/// Octets for the table, and as many for the details.
const SHARE: usize = 400 * 1024;
/// Octets for damage, and as many for remarks.
const SMALL_SHARE: usize = 64 * 1024;
/// Connections shown for a case.
const EXAMPLES: usize = 10;

/// Writes the summary.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    writeln!(out, "## {}: {}\n", word(verdict), sentence(verdict))?;
    let facts: Vec<String> = (checked(verdict, "…").into_iter().chain(tally(verdict)))
        .map(|fact| safe(&fact))
        .collect();
    writeln!(out, "{}\n", facts.join(" · "))?;
    let damage = damage(verdict);
    if !damage.is_empty() {
        writeln!(out, "**The capture is {}:**\n", damage_word(verdict))?;
        let lines = damage.iter().map(|text| format!("- {}\n", safe(text)));
        shared(out, SMALL_SHARE, lines, damage.len(), "line")?;
        writeln!(out)?;
    }
    let cases = &verdict.cases;
    if !cases.is_empty() {
        writeln!(out, "| | | rule | where | how often | what |")?;
        writeln!(out, "| --- | --- | --- | --- | --- | --- |")?;
        shared(out, SHARE, cases.iter().map(row), cases.len(), "case")?;
        writeln!(out)?;
        shared(out, SHARE, cases.iter().map(folded), cases.len(), "case")?;
    }
    if !verdict.remarks.is_empty() {
        writeln!(out, "**Remarks:**\n")?;
        let remarks = verdict
            .remarks
            .iter()
            .map(|remark| format!("- {}\n", safe(remark)));
        shared(out, SMALL_SHARE, remarks, verdict.remarks.len(), "remark")?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes as many parts as fit the share, and how many did not.
fn shared(
    out: &mut dyn Write,
    share: usize,
    parts: impl Iterator<Item = String>,
    total: usize,
    noun: &str,
) -> io::Result<()> {
    let mut left = share;
    for (written, part) in parts.enumerate() {
        if part.len() > left {
            let rest = counted((total - written) as u64, noun);
            return writeln!(out, "\n… {rest} more, left out here\n");
        }
        left -= part.len();
        out.write_all(part.as_bytes())?;
    }
    Ok(())
}

/// A text from outside, cut and escaped.
fn safe(text: &str) -> String {
    Markdown(&clip(text, "…")).to_string()
}

/// A row of the table.
fn row(case: &Case) -> String {
    let standing = match case.standing {
        Standing::Fails => "**fails**",
        Standing::Reported => "reported",
        Standing::Allowed { .. } => "allowed",
        Standing::Known => "in the baseline",
    };
    let place = place(case);
    format!(
        "| {standing} | {} | {} | {} | {} | {} |\n",
        case.severity.name(),
        Markdown(&subject(case, "…")),
        Markdown(place.trim_start_matches(" at ").trim_start()),
        frequency(case),
        safe(&case.message),
    )
}

/// A case with its connections, folded away.
fn folded(case: &Case) -> String {
    let heading = Markdown(&(subject(case, "…") + &place(case))).to_string();
    let mut text = format!(
        "<details><summary>{heading}</summary>\n\n{}\n\n",
        safe(&case.message)
    );
    for line in details(case, EXAMPLES) {
        text += &format!("- {}\n", Markdown(&line));
    }
    text + "\n</details>\n\n"
}
