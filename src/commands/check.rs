//! `check`: the findings and budgets of captures, held against a configuration and a baseline.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anstream::AutoStream;
use anyhow::{Context, bail};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use tcptrace_states::analyze::Settings;
use tcptrace_states::check::config::{self, FILE_NAME};
use tcptrace_states::check::{Baseline, Config, Verdict, baseline, verdict};
use tcptrace_states::cli::Check;
use tcptrace_states::cli::check::CheckFormat;
use tcptrace_states::model::Analysis;
use tcptrace_states::report::escape::Escaped;
use tcptrace_states::report::html::Besides;
use tcptrace_states::report::look::counted;
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers, Tone};
use tcptrace_states::time::time_wait;

use super::html::Html;
use super::output::{self, Taken};
use super::{Checked, Done, STDOUT, Screen, Unwritten, WIDTH, analysis_by, flushed, reading_of};

/// Names a configuration where none is given.
const CONFIG_VARIABLE: &str = "TCPTRACE_STATES_CONFIG";
/// Names the file that all steps of a GitHub workflow append their summaries to.
const SUMMARY_VARIABLE: &str = "GITHUB_STEP_SUMMARY";

/// `check`.
pub fn run(args: &Check) -> anyhow::Result<Done> {
    outputs_are_apart(args)?;
    let (mut config, config_path) = configuration(args)?;
    if let Some(fail_on) = args.fail_on {
        config.fail_on = fail_on.severity();
    }
    let known = known(args)?;
    // A system's name is always known; without one nothing is set.
    let usual = time_wait("linux").unwrap_or_default();
    let settings = Settings {
        time_wait_ns: args.msl.or(config.time_wait_ns).unwrap_or(usual),
        findings: config.findings.clone(),
        ..reading_of(&args.files, &args.reading)
    };
    let mut html = Html::of(args.outputs.html.as_deref(), &settings, args.progress)?;
    let mut analysis = analysis_by(&settings, args.progress)?;
    html.add_all(&analysis);
    let today = today();

    let mut done = Done::of(&analysis);
    let mut said: Vec<String> = config_path
        .iter()
        .map(|path| format!("configuration {}", Escaped(&path.to_string_lossy())))
        .collect();
    let mut verdict = verdict(&analysis, &config, known.as_ref(), today);
    if let (true, Some(path)) = (args.update_baseline, &args.baseline) {
        match update(path, &analysis, &config, today) {
            Ok(Updated::Written(news, baseline)) => {
                verdict = news;
                said.push(written(path, &baseline));
            }
            Ok(Updated::Incomplete) => verdict.remarks.push(
                "the baseline was not updated: the input is damaged or cut off, or connections were evicted, and what was not read would be missing in it"
                    .to_owned(),
            ),
            Err(error) => done.unwritten.push(Unwritten::new(shown(path), error)),
        }
    }

    let besides = Besides {
        verdict: Some(&verdict),
        ..Besides::default()
    };
    done.unwritten.extend(html.write(&mut analysis, &besides));
    for (format, path) in args.outputs.wanted() {
        if !is_stdout(path)
            && let Err(error) = to_file(path, format, &verdict)
        {
            done.unwritten.push(Unwritten::new(shown(path), error));
        }
    }
    if let Err(error) = to_stdout(args, &said, &verdict) {
        let unwritten = Unwritten::new(STDOUT, error);
        // Who reads the output has seen enough, but not who waits for the exit code.
        if !unwritten.is_closed_pipe() {
            done.unwritten.push(unwritten);
        }
    }
    done.checked = Some(if verdict.fails() && !args.exit_zero {
        Checked::Fails
    } else {
        Checked::Passes
    });
    Ok(done)
}

/// Writes the verdict in one format. The one place that knows all of them.
fn view(format: CheckFormat, out: &mut dyn Write, verdict: &Verdict, look: &Look) -> io::Result<()> {
    match format {
        CheckFormat::Human => report::check::human::write(out, verdict, look),
        CheckFormat::Json => report::check::json::write(out, verdict),
        CheckFormat::Junit => report::check::junit::write(out, verdict),
        CheckFormat::Sarif => report::check::sarif::write(out, verdict),
        CheckFormat::Github => report::check::github::write(out, verdict),
        CheckFormat::Markdown => report::check::markdown::write(out, verdict),
    }
}

fn to_stdout(args: &Check, said: &[String], verdict: &Verdict) -> io::Result<()> {
    let screen = Screen::of_stdout(&args.screen);
    let look = screen.look(Rows::All, SequenceNumbers::Absolute);
    let stdout = io::stdout().lock();
    match args.format {
        CheckFormat::Human => flushed(AutoStream::new(stdout, screen.color), |out| {
            for line in said {
                writeln!(out, "{}", look.paint(Tone::Dim, line))?;
            }
            view(CheckFormat::Human, out, verdict, &look)?;
            if args.outputs.github.as_deref().is_some_and(is_stdout) {
                view(CheckFormat::Github, out, verdict, &look)?;
            }
            Ok(())
        }),
        format => flushed(stdout, |out| view(format, out, verdict, &look)),
    }
}

fn to_file(path: &Path, format: CheckFormat, verdict: &Verdict) -> io::Result<()> {
    let plain = Look {
        width: WIDTH,
        rows: Rows::All,
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    };
    let view = |out: &mut dyn Write| view(format, out, verdict, &plain);
    if std::env::var_os(SUMMARY_VARIABLE).is_some_and(|summary| summary == path.as_os_str()) {
        output::append(path, view)
    } else {
        output::write(path, view)
    }
}

fn is_stdout(path: impl AsRef<Path>) -> bool {
    path.as_ref().as_os_str() == "-"
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Refuses what would mix two outputs or overwrite an input.
fn outputs_are_apart(args: &Check) -> anyhow::Result<()> {
    let mut taken = Taken::by_inputs(&args.files)?;
    if let Some(path) = &args.baseline
        && args.update_baseline
        && let Some(other) = taken.taken(path)
    {
        bail!("--update-baseline would overwrite {other}");
    }
    for path in configured(args).iter().chain(&args.baseline) {
        taken.by(path);
    }
    if let Some(path) = args.outputs.html.as_deref().filter(|path| !is_stdout(path)) {
        taken.take("html", path)?;
    }
    for (format, path) in args.outputs.wanted() {
        let name = format.name();
        if is_stdout(path) {
            if format != CheckFormat::Github {
                bail!("--{name} takes the name of a file; for standard output write --format {name}");
            }
            if args.format != CheckFormat::Human {
                bail!(
                    "--github - and --format {} would mix on standard output",
                    args.format.name()
                );
            }
        } else {
            taken.take(name, path)?;
        }
    }
    Ok(())
}

/// The configuration that is named, by an argument or the environment.
fn configured(args: &Check) -> Option<PathBuf> {
    if args.no_config {
        return None;
    }
    let named = std::env::var_os(CONFIG_VARIABLE).filter(|name| !name.is_empty());
    args.config.clone().or(named.map(PathBuf::from))
}

/// The configuration and where it comes from, if anywhere.
fn configuration(args: &Check) -> anyhow::Result<(Config, Option<PathBuf>)> {
    let (path, text) = match configured(args) {
        _ if args.no_config => return Ok((Config::default(), None)),
        Some(path) => {
            let text = read(&path, config::MOST_BYTES, "configuration")?;
            (path, text)
        }
        None => {
            let path = PathBuf::from(FILE_NAME);
            match path.try_exists() {
                Ok(false) => return Ok((Config::default(), None)),
                // One that is there and cannot be read is told as such.
                Ok(true) | Err(_) => {
                    let text = read(&path, config::MOST_BYTES, "configuration")?;
                    (path, text)
                }
            }
        }
    };
    Ok((Config::parse(&text, &shown(&path))?, Some(path)))
}

/// The baseline that holds before the run; none if there is none, or a new one is to be made.
fn known(args: &Check) -> anyhow::Result<Option<Baseline>> {
    let Some(path) = &args.baseline else {
        return Ok(None);
    };
    if args.update_baseline && !path.exists() {
        return Ok(None);
    }
    if args.update_baseline && !fs::metadata(path).is_ok_and(|data| data.is_file()) {
        bail!("{}: a baseline to be updated is a regular file", shown(path));
    }
    let text = read(path, baseline::MOST_BYTES, "baseline")?;
    let parsed = Baseline::parse(&text).map_err(|why| anyhow::anyhow!("{}: {why}", shown(path)))?;
    Ok(Some(parsed))
}

/// Reads a file of a bounded size.
fn read(path: &Path, most_bytes: u64, what: &str) -> anyhow::Result<String> {
    let unreadable = || format!("the {what} {} cannot be read", shown(path));
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(unreadable)?;
    let mut bounded = file.take(most_bytes + 1);
    bounded.read_to_end(&mut bytes).with_context(unreadable)?;
    if bytes.len() as u64 > most_bytes {
        bail!(
            "{}: larger than {} MiB, this is no {what}",
            shown(path),
            most_bytes >> 20
        );
    }
    String::from_utf8(bytes).with_context(unreadable)
}

/// What became of `--update-baseline`.
enum Updated {
    /// The verdict with the new baseline.
    Written(Verdict, Baseline),
    /// Not written.
    Incomplete,
}

fn update(path: &Path, analysis: &Analysis, config: &Config, today: Date) -> io::Result<Updated> {
    if !analysis.capture.complete || analysis.capture.evicted_connections > 0 {
        return Ok(Updated::Incomplete);
    }
    let baseline = Baseline::accepting(&verdict(analysis, config, None, today));
    let text = baseline.to_json()?;
    output::write(path, |out| out.write_all(text.as_bytes()))?;
    let verdict = verdict(analysis, config, Some(&baseline), today);
    Ok(Updated::Written(verdict, baseline))
}

fn written(path: &Path, baseline: &Baseline) -> String {
    let cases = counted(baseline.len() as u64, "case");
    format!("baseline      {cases} written to {}", Escaped(&shown(path)))
}

/// The day on which allowances are judged, in UTC: the same for everybody.
fn today() -> Date {
    jiff::Timestamp::now().to_zoned(TimeZone::UTC).date()
}
