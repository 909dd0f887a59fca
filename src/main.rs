//! The program: reads the arguments, runs the analysis, hands the result to a view.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use tcptrace_states::analyze::{LadderRequest, Progress, Settings, analyze};
use tcptrace_states::cli::{Cli, Color, Command, Common, Format, List, ProgressWhen, Show};
use tcptrace_states::model::{Address, Analysis, Connection};
use tcptrace_states::report::escape::Escaped;
use tcptrace_states::report::look::{counted, number};
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers, Tone};
use tcptrace_states::select::{Selection, by_attention};

/// Columns where there is no terminal to ask: enough for one line a connection, which a pipe can be searched by.
const WIDTH: usize = 160;
/// Connections listed where there is no terminal to fill.
const ROWS: usize = 20;
/// A run shorter than this shows no progress bar.
const QUIET: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        None => list(&cli.list),
        Some(Command::Show(show)) => self::show(show),
    };
    exit_code(result)
}

/// What a run that gave a result says about its input.
struct Verdict {
    complete: bool,
    damage: Vec<String>,
}

impl Verdict {
    fn of(analysis: &Analysis) -> Verdict {
        Verdict {
            complete: analysis.capture.complete,
            damage: analysis.capture.damage.clone(),
        }
    }
}

/// The one place that knows exit codes and that writes to standard error when all is done.
fn exit_code(result: anyhow::Result<Verdict>) -> ExitCode {
    match result {
        // What was read is a result, and every output says that it is incomplete.
        Ok(verdict) => {
            if !verdict.complete && verdict.damage.is_empty() {
                complain("warning", "the capture is incomplete");
            }
            verdict.damage.iter().for_each(|text| complain("warning", text));
            ExitCode::SUCCESS
        }
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS, // who reads the output has seen enough
        Err(error) => {
            complain("error", &format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// One line on standard error. If even that cannot be written there is nobody left to tell.
fn complain(level: &str, text: &str) {
    let level = format!("{level}:");
    let _ = writeln!(anstream::stderr(), "{} {}", level.red().bold(), Escaped(text));
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// The default command.
fn list(args: &List) -> anyhow::Result<Verdict> {
    let common = &args.common;
    if args.show_is_misplaced() {
        bail!("there is no file `show`; as a command it comes first: tcptrace-states show [OPTIONS] <FILE>");
    }
    if args.limit.is_some() && common.format != Format::Table {
        bail!("--limit is for --format table; the other formats have all that the selection leaves");
    }
    let mut analysis = run(&args.files, common, LadderRequest::None)?;
    common.selection.to_selection().apply(&mut analysis);
    let screen = Screen::of_stdout(common);
    let rows = match (args.all, args.limit, screen.lines) {
        (true, _, _) => Rows::All,
        (false, Some(limit), _) => Rows::Limit(limit),
        (false, None, Some(lines)) => Rows::Screen(lines),
        (false, None, None) => Rows::Limit(ROWS),
    };
    let look = screen.look(common, rows, SequenceNumbers::Absolute);
    print(common.format, &analysis, &screen, |out| {
        report::table::write(out, &analysis, &look)
    })?;
    Ok(Verdict::of(&analysis))
}

/// `show`.
fn show(args: &Show) -> anyhow::Result<Verdict> {
    let common = &args.common;
    let selection = common.selection.to_selection();
    let (mut analysis, chosen) = analysis_with_ladders(args, &selection)?;
    Selection {
        ids: chosen.ids.clone(),
        ..Selection::default()
    }
    .apply(&mut analysis);
    let screen = Screen::of_stdout(common);
    let look = screen.look(common, Rows::All, args.seq.into());
    print(common.format, &analysis, &screen, |out| {
        if let Some(why) = &chosen.why {
            writeln!(out, "{}\n", look.paint(Tone::Dim, why))?;
        }
        for (index, connection) in analysis.connections.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            report::ladder::write(out, &analysis, connection, &look)?;
        }
        Ok(())
    })?;
    Ok(Verdict::of(&analysis))
}

/// The connections that `show` shows, and why, if nobody named them.
struct Chosen {
    ids: Vec<u64>,
    /// Addresses of the first of them.
    between: (Address, Address),
    why: Option<String>,
}

/// Without a number, a file is read once to choose the connection and once for its ladder, so that no more than one
/// ladder is in memory. Standard input can be read only once.
fn analysis_with_ladders(args: &Show, selection: &Selection) -> anyhow::Result<(Analysis, Chosen)> {
    let common = &args.common;
    if !args.files.iter().all(|file| is_regular(file)) {
        let analysis = run(&args.files, common, LadderRequest::All)?;
        let chosen = choose(&analysis, selection)?;
        return Ok((analysis, chosen));
    }
    let chosen = choose(&run(&args.files, common, LadderRequest::None)?, selection)?;
    let (client, server) = chosen.between;
    let request = match chosen.ids.len() {
        1 => LadderRequest::Between(client, server),
        _ => LadderRequest::All,
    };
    Ok((run(&args.files, common, request)?, chosen))
}

fn is_regular(file: &Path) -> bool {
    file.as_os_str() != "-" && fs::metadata(file).is_ok_and(|metadata| metadata.is_file())
}

fn choose(analysis: &Analysis, selection: &Selection) -> anyhow::Result<Chosen> {
    let total = analysis.summary.connections;
    let known = |id: &u64| analysis.connections.iter().any(|connection| connection.id == *id);
    if total == 0 {
        bail!("the capture holds no TCP connection");
    }
    if let Some(id) = selection.ids.iter().find(|id| !known(id)) {
        bail!(
            "there is no connection {id}: the capture has {}",
            counted(total, "connection")
        );
    }
    let mut kept: Vec<&Connection> = analysis
        .connections
        .iter()
        .filter(|c| selection.keeps(c))
        .collect();
    if !selection.ids.is_empty() && !kept.is_empty() {
        return Ok(Chosen {
            ids: kept.iter().map(|connection| connection.id).collect(),
            between: (kept[0].client, kept[0].server),
            why: None,
        });
    }
    kept.sort_by(|a, b| by_attention(a, b));
    let Some(first) = kept.first() else {
        bail!("no connection matches the selection")
    };
    let why = (kept.len() > 1).then(|| {
        let count = number(kept.len() as u64);
        format!(
            "Connection {} of {count} needs attention most. Another: --conn ID",
            first.id
        )
    });
    Ok(Chosen {
        ids: vec![first.id],
        between: (first.client, first.server),
        why,
    })
}

/// The analysis, with a progress bar if it takes long.
fn run(files: &[PathBuf], common: &Common, ladder: LadderRequest) -> anyhow::Result<Analysis> {
    let settings = Settings {
        files: files.to_vec(),
        time_wait_ns: common.msl,
        ladder,
        findings: Default::default(),
    };
    let started = Instant::now();
    let wanted = common.progress == ProgressWhen::Auto && io::stderr().is_terminal();
    let mut bar: Option<ProgressBar> = None;
    let result = analyze(&settings, &mut |progress: Progress| {
        if !wanted {
            return;
        }
        // The bar counts from the start, so that its rate is that of the run, and shows itself when it takes long.
        let bar = bar.get_or_insert_with(|| progress_bar(&progress));
        if bar.is_hidden() && started.elapsed() >= QUIET {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_message(counted(progress.packets, "packet"));
        bar.set_position(progress.bytes_read);
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    result
}

/// A bar that is not shown yet.
fn progress_bar(progress: &Progress) -> ProgressBar {
    let template = match progress.bytes_total {
        Some(_) => "{bar:30} {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left  {msg}",
        None => "{spinner} {bytes}  {bytes_per_sec}  {msg}",
    };
    let bar = ProgressBar::with_draw_target(progress.bytes_total, ProgressDrawTarget::hidden());
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar, // the templates above are sound
    }
}

/// What is known about standard output.
struct Screen {
    width: usize,
    /// Lines, if it is a terminal.
    lines: Option<usize>,
    color: ColorChoice,
}

impl Screen {
    fn of_stdout(common: &Common) -> Screen {
        match common.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
        .write_global();
        let stdout = io::stdout();
        let size = if stdout.is_terminal() {
            terminal_size::terminal_size_of(&stdout)
        } else {
            None
        };
        let columns = || {
            std::env::var("COLUMNS")
                .ok()
                .and_then(|text| text.parse().ok())
                .filter(|n| *n >= 40)
        };
        let width = common
            .width
            .map(usize::from)
            .or(size.map(|(width, _)| usize::from(width.0)));
        Screen {
            width: width.or_else(columns).unwrap_or(WIDTH),
            lines: size.map(|(_, height)| usize::from(height.0)),
            color: AutoStream::choice(&stdout),
        }
    }

    fn look(&self, common: &Common, rows: Rows, seq: SequenceNumbers) -> Look {
        let color = self.color != ColorChoice::Never;
        Look {
            width: self.width,
            rows,
            ascii: common.ascii,
            color,
            seq,
        }
    }
}

/// Writes one view to standard output. `people` is the view of `--format table`.
fn print(
    format: Format,
    analysis: &Analysis,
    screen: &Screen,
    people: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let stdout = io::stdout().lock();
    let written = match format {
        // Old Windows consoles do not know ANSI colours: AutoStream translates.
        Format::Table => flushed(AutoStream::new(stdout, screen.color), people),
        Format::Json => flushed(stdout, |out| report::json::write(out, analysis)),
        Format::Jsonl => flushed(stdout, |out| report::jsonl::write(out, analysis)),
        Format::Csv => flushed(stdout, |out| report::csv::write(out, analysis)),
    };
    written.context("the output could not be written")
}

fn flushed(raw: impl Write, view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(raw);
    view(&mut out)?;
    out.flush()
}
