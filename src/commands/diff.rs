//! `diff`: what changed between two captures or two saved reports.

use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::Path;

use anyhow::{Context, bail};

use tcptrace_states::analyze::Settings;
use tcptrace_states::cli::{Diff, DiffFormat};
use tcptrace_states::diff::{Difference, Side};
use tcptrace_states::findings;
use tcptrace_states::model::{Analysis, Severity};
use tcptrace_states::report::html::Besides;
use tcptrace_states::report::{self, Rows, SequenceNumbers};
use tcptrace_states::saved;
use tcptrace_states::select::Selection;

use super::html::Html;
use super::{
    Checked, Done, Interrupted, Screen, Unwritten, each_selected_with, interrupt, print_raw, print_text,
    reading_of,
};

/// `diff`.
pub fn run(args: &Diff) -> anyhow::Result<Done> {
    if args.old.as_os_str() == "-" && args.new.as_os_str() == "-" {
        bail!("standard input can be read only once");
    }
    let mut captures = Done::sound();
    let (old, new) = (saved_side(&args.old)?, saved_side(&args.new)?);
    // A report says which findings were left out of it; a capture is judged as the report beside it.
    let levels = [&old, &new].map(|side| side.as_ref().map(|side| side.origin.findings_from));
    if let [Some(before), Some(now)] = levels
        && before != now
    {
        bail!(
            "{} has the findings from {} on, {} those from {} on: save both with the same --severity",
            args.old.display(),
            before.name(),
            args.new.display(),
            now.name()
        );
    }
    let least = levels.into_iter().flatten().next().unwrap_or(Severity::Note);
    // The connections to show are those of the new side.
    if args.html.is_some() && new.is_some() {
        bail!(
            "--html shows the connections of NEW over time, and {} is a saved report, which has their counts only: name the capture \
             that it was made of",
            args.new.display()
        );
    }
    let settings = side_settings(args, &args.new, least);
    let mut html = Html::of(args.html.as_deref(), &settings, args.progress)?;
    html.apart_from(std::slice::from_ref(&args.old))?;
    let mut analysed = None;
    let old = match old {
        Some(side) => side,
        None => captured_side(args, &args.old, least, &mut captures, &mut Html::none())?.0,
    };
    let new = match new {
        Some(side) => side,
        None => {
            let (side, analysis) = captured_side(args, &args.new, least, &mut captures, &mut html)?;
            analysed = Some(analysis);
            side
        }
    };
    let difference = Difference::between(&old, &new);
    let unwritten = match &mut analysed {
        Some(analysis) => html.write(
            analysis,
            &Besides {
                difference: Some(&difference),
                ..Besides::default()
            },
        ),
        None => None,
    };
    let written = match args.format {
        DiffFormat::Table => {
            let screen = Screen::of_stdout(&args.screen);
            let look = screen.look(Rows::All, SequenceNumbers::Absolute);
            print_text(&screen, |out| report::diff::write(out, &difference, &look))
        }
        DiffFormat::Json => print_raw(|out| report::diff::write_json(out, &difference)),
        DiffFormat::Markdown => print_raw(|out| report::diff::write_markdown(out, &difference)),
    };
    // Who closes the pipe early gets the exit code all the same.
    if let Err(error) = written
        && !error
            .downcast_ref::<Unwritten>()
            .is_some_and(Unwritten::is_closed_pipe)
    {
        return Err(error);
    }
    Ok(Done {
        complete: difference.old.complete && difference.new.complete && captures.complete,
        damage: captures.damage,
        checked: args.fail_on_new.map(|level| {
            if difference.has_new(level.into()) {
                Checked::Fails
            } else {
                Checked::Passes
            }
        }),
        unwritten: unwritten.into_iter().collect(),
    })
}

/// A side that begins like a saved report; None for a capture.
fn saved_side(path: &Path) -> anyhow::Result<Option<Side>> {
    let name = path.to_string_lossy();
    if name == "-" {
        // What is looked at stays in the buffer that all readers of standard input share.
        let mut stdin = io::stdin().lock();
        if saved::is_report(&mut stdin).context("standard input cannot be read")? {
            return Ok(Some(saved::read("standard input", &mut stdin)?));
        }
    } else if fs::metadata(path).is_ok_and(|data| data.is_file()) {
        let file = File::open(path).with_context(|| format!("{name} cannot be opened"))?;
        let mut input = BufReader::new(file);
        if saved::is_report(&mut input).with_context(|| format!("{name} cannot be read"))? {
            return Ok(Some(saved::read(&name, &mut input)?));
        }
    }
    Ok(None)
}

/// A side that is a capture, with its findings from `least` on.
fn captured_side(
    args: &Diff,
    path: &Path,
    least: Severity,
    captures: &mut Done,
    html: &mut Html<'_>,
) -> anyhow::Result<(Side, Analysis)> {
    let settings = side_settings(args, path, least);
    let mut side = Side::default();
    let all = Selection::default();
    let analysis = each_selected_with(&settings, args.progress, &all, html, |connection| {
        side.add_connection(&connection);
    })?;
    if !analysis.capture.complete && interrupt::came() {
        return Err(Interrupted("nothing is compared, because only a part of a side was read").into());
    }
    let done = Done::of(&analysis);
    captures.complete &= done.complete;
    captures.damage.extend(done.damage);
    Ok((side.told(&path.to_string_lossy(), &analysis), analysis))
}

/// How a side that is a capture is read.
fn side_settings(args: &Diff, path: &Path, least: Severity) -> Settings {
    Settings {
        time_wait_ns: args.msl,
        findings: findings::Settings {
            least,
            ..findings::Settings::default()
        },
        ..reading_of(&[path.to_path_buf()], &args.reading)
    }
}
