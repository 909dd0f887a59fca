//! The commands of the program, one a file, and what they share: running the analysis, and the screen.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use anyhow::bail;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use tcptrace_states::analyze::{Connections, LadderRequest, Progress, Settings, Told, connections};
use tcptrace_states::capture::Stop;
use tcptrace_states::cli::{Color, Common, Format, ProgressWhen, ReadingArgs, ScreenArgs};
use tcptrace_states::findings;
use tcptrace_states::model::{Analysis, Capture, Connection, Usual};
use tcptrace_states::population::Span;
use tcptrace_states::report::look::counted;
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};
use tcptrace_states::segment::DecodeSettings;
use tcptrace_states::select::Selection;

use html::Html;
use output::Identity;
use sockets::is_stdin;

pub mod bug;
pub mod check;
pub mod diff;
pub mod explain;
pub mod export;
mod follow;
mod html;
pub mod info;
pub mod interrupt;
pub mod leaks;
pub mod list;
pub mod output;
pub mod schema;
pub mod show;
mod sockets;
pub mod time_wait;
#[cfg(feature = "tui")]
pub mod tui;

/// Columns where there is no terminal to ask: enough for one line a connection, which a pipe can be searched by.
const WIDTH: usize = 160;
/// Connections listed where there is no terminal to fill.
const ROWS: usize = 20;
/// A run shorter than this shows no progress bar.
const QUIET: Duration = Duration::from_secs(1);

/// How a run ended that gave a result.
pub struct Done {
    /// Nothing of the input is missing, and nothing was given up for a limit.
    pub complete: bool,
    /// What was wrong with it.
    pub damage: Vec<String>,
    /// What `check` found; none for commands that only show.
    pub checked: Option<Checked>,
    /// Outputs that are missing.
    pub unwritten: Vec<Unwritten>,
}

/// What a check says to whoever waits for its exit code.
pub enum Checked {
    /// Nothing fails, or nothing that should count.
    Passes,
    /// Something fails.
    Fails,
}

impl Done {
    pub fn of(analysis: &Analysis) -> Done {
        Done::of_capture(&analysis.capture)
    }

    pub fn of_capture(capture: &Capture) -> Done {
        let mut damage = capture.damage.clone();
        let evicted = capture.evicted_connections;
        if evicted > 0 {
            damage.push(format!(
                "{} given up for a limit, nothing is shown of them; raise --max-memory or --max-connections",
                counted(evicted, "connection")
            ));
        }
        Done {
            complete: capture.complete && evicted == 0,
            damage,
            checked: None,
            unwritten: Vec::new(),
        }
    }

    /// Of a command that reads no capture.
    pub fn sound() -> Done {
        Done {
            complete: true,
            damage: Vec::new(),
            checked: None,
            unwritten: Vec::new(),
        }
    }
}

/// An output that could not be written, and why.
#[derive(Debug, thiserror::Error)]
#[error("{what} could not be written")]
pub struct Unwritten {
    /// Which one.
    pub what: String,
    #[source]
    error: io::Error,
}

impl Unwritten {
    pub fn new(what: impl Into<String>, error: io::Error) -> Unwritten {
        Unwritten {
            what: what.into(),
            error,
        }
    }

    /// Who reads the output has seen enough: nothing to complain about.
    pub fn is_closed_pipe(&self) -> bool {
        self.error.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Why there is no result although nothing is wrong: a signal came too early.
#[derive(Debug, thiserror::Error)]
#[error("interrupted: {0}")]
pub struct Interrupted(pub &'static str);

/// Standard output, for messages.
pub const STDOUT: &str = "the output";

/// The analysis, with a progress bar if it takes long.
pub fn analysis_of(files: &[PathBuf], common: &Common, ladder: LadderRequest) -> anyhow::Result<Analysis> {
    analysis_by(&settings_of(files, common, ladder), common.progress)
}

/// What the common options ask for.
pub fn settings_of(files: &[PathBuf], common: &Common, ladder: LadderRequest) -> Settings {
    Settings {
        time_wait_ns: common.msl,
        ladder,
        findings: findings::Settings {
            least: common.severity,
            ..findings::Settings::default()
        },
        ..reading_of(files, &common.reading)
    }
}

/// What is to be read, and how.
pub fn reading_of(files: &[PathBuf], args: &ReadingArgs) -> Settings {
    Settings {
        files: files.to_vec(),
        dedup: args.dedup,
        align_clocks: args.align_clocks,
        decode: DecodeSettings {
            verify_checksums: args.verify_checksums,
            ..DecodeSettings::default()
        },
        limits: args.limits.to_limits(),
        ..Settings::default()
    }
}

/// See [`analysis_of`].
pub fn analysis_by(settings: &Settings, progress: ProgressWhen) -> anyhow::Result<Analysis> {
    connections_by(settings, progress, Connections::into_analysis)
}

/// The connections of captures one after the other, with a progress bar if it takes long. A signal ends the reading, not
/// the program; nor does the first one end what `then` makes of them.
pub fn connections_by<T>(
    settings: &Settings,
    progress: ProgressWhen,
    then: impl FnOnce(Connections) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    reading_by(&settings.files, progress, |stop, report| {
        then(connections(settings, stop, report)?)
    })
}

/// What `read` makes of captures, with a progress bar if it takes long. A signal ends the reading, not the program.
pub fn reading_by<T>(
    files: &[PathBuf],
    progress: ProgressWhen,
    read: impl FnOnce(&Stop, &mut dyn FnMut(Progress)) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    no_input_is_the_output(files)?;
    let started = Instant::now();
    let wanted = progress == ProgressWhen::Auto && io::stderr().is_terminal();
    let mut bar: Option<ProgressBar> = None;
    let mut report = |progress: Progress| {
        bug::read(progress.packets);
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
    };
    bug::reading(files);
    let result = interrupt::deferred(|stop| read(stop, &mut report));
    bug::reading_is_over();
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    result
}

/// Shows `each` the connections that a selection keeps, one after the other. Returns all else; the summary says how many
/// there were. See [`connections_by`].
pub fn each_selected(
    settings: &Settings,
    progress: ProgressWhen,
    selection: &Selection,
    each: impl FnMut(Connection),
) -> anyhow::Result<Analysis> {
    each_selected_with(settings, progress, selection, &mut Html::none(), each)
}

/// As [`each_selected`]; `html` sees them, too.
pub fn each_selected_with(
    settings: &Settings,
    progress: ProgressWhen,
    selection: &Selection,
    html: &mut Html<'_>,
    each: impl FnMut(Connection),
) -> anyhow::Result<Analysis> {
    connections_by(settings, progress, |connections| {
        let mut selected = Selected::seen_by(html, connections, selection);
        selected.by_ref().for_each(each);
        selected.finish()
    })
}

/// Those connections that a selection keeps, one after the other.
pub struct Selected<'a, C = Connections> {
    connections: C,
    selection: &'a Selection,
    keeps_all: bool,
    onlooker: Option<&'a mut (dyn Onlooker + 'a)>,
    count: u64,
}

/// Who sees connections pass that somebody else asked for.
pub trait Onlooker {
    /// Whether it wants to see any.
    fn looks(&self) -> bool;
    /// What follows comes from captures that cover this time.
    fn begin(&mut self, span: Span);
    /// Looks at the next connection.
    fn see(&mut self, connection: &Connection);
}

impl<'a, C: Told> Selected<'a, C> {
    /// Of all that are still to be told.
    pub fn of(connections: C, selection: &'a Selection) -> Selected<'a, C> {
        Selected {
            connections,
            keeps_all: selection.keeps_all(),
            selection,
            onlooker: None,
            count: 0,
        }
    }

    /// How many passed.
    pub fn passed(&self) -> u64 {
        self.count
    }

    /// Passes over the next connection if it is selected, nobody else wants to see it, and [`Told::pass_usual`] does.
    pub fn pass_usual(&mut self, unwanted: impl FnOnce(&Usual, Option<findings::Sure>) -> bool) -> bool {
        let seen = self.onlooker.as_ref().is_some_and(|onlooker| onlooker.looks());
        let passed = self.keeps_all && !seen && self.connections.pass_usual(unwanted);
        self.count += u64::from(passed);
        passed
    }
}

impl<'a> Selected<'a> {
    /// As [`Selected::of`], with somebody who sees them first.
    pub fn seen_by(
        onlooker: &'a mut (dyn Onlooker + 'a),
        connections: Connections,
        selection: &'a Selection,
    ) -> Selected<'a> {
        let covered = connections.covered().map(|(from, to)| Span { from, to });
        onlooker.begin(covered.unwrap_or_default());
        Selected {
            onlooker: Some(onlooker),
            ..Selected::of(connections, selection)
        }
    }

    /// All else; the summary says how many connections were kept.
    pub fn finish(self) -> anyhow::Result<Analysis> {
        let mut analysis = self.connections.finish()?;
        analysis.summary.connections_selected = self.count;
        Ok(analysis)
    }
}

impl<C: Told> Iterator for Selected<'_, C> {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        let selection = self.selection;
        let next = self.connections.find(|connection| selection.keeps(connection))?;
        self.count += 1;
        if let Some(onlooker) = &mut self.onlooker {
            onlooker.see(&next);
        }
        Some(next)
    }
}

/// Refuses `tcptrace-states a.pcap >> a.pcap`, which would read what it writes.
fn no_input_is_the_output(files: &[PathBuf]) -> anyhow::Result<()> {
    let Some(output) = Identity::of_stdout() else {
        return Ok(());
    };
    for file in files {
        let (input, name) = if is_stdin(file) {
            (Identity::of_stdin(), "standard input".into())
        } else {
            (Identity::of(file), file.to_string_lossy())
        };
        if input.as_ref() == Some(&output) {
            bail!("{name}: is also the output; write the output to another file");
        }
    }
    Ok(())
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

/// Does something that tells how many of so many packets have passed; a bar shows it where it takes long.
pub fn with_bar<T>(progress: ProgressWhen, packets: u64, then: impl FnOnce(&mut dyn FnMut(u64)) -> T) -> T {
    let started = Instant::now();
    let wanted = progress == ProgressWhen::Auto && io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(Some(packets), ProgressDrawTarget::hidden());
    let bar = match ProgressStyle::with_template("{bar:30} {percent:>3}%  {eta} left  writing") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar, // the template above is sound
    };
    let result = then(&mut |passed| {
        if wanted && bar.is_hidden() && started.elapsed() >= QUIET {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        bar.set_position(passed);
    });
    bar.finish_and_clear();
    result
}

/// What is known about standard output.
pub struct Screen {
    width: usize,
    /// Lines, if it is a terminal.
    pub lines: Option<usize>,
    color: ColorChoice,
    ascii: bool,
}

impl Screen {
    /// With what the user says of it.
    pub fn of_stdout(args: &ScreenArgs) -> Screen {
        match args.color {
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
        let width = args
            .width
            .map(usize::from)
            .or(size.map(|(width, _)| usize::from(width.0)));
        Screen {
            width: width.or_else(columns).unwrap_or(WIDTH),
            lines: size.map(|(_, height)| usize::from(height.0)),
            color: AutoStream::choice(&stdout),
            ascii: args.ascii,
        }
    }

    pub fn look(&self, rows: Rows, seq: SequenceNumbers) -> Look {
        let color = self.color != ColorChoice::Never;
        Look {
            width: self.width,
            rows,
            ascii: self.ascii,
            color,
            seq,
        }
    }
}

/// Writes one view to standard output. `people` is the view of `--format table`.
pub fn print(
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
    written.map_err(|error| Unwritten::new(STDOUT, error).into())
}

/// Writes text for people, in the colours that standard output can show.
pub fn print_text(
    screen: &Screen,
    view: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let stdout = io::stdout().lock();
    let written = flushed(AutoStream::new(stdout, screen.color), view);
    written.map_err(|error| Unwritten::new(STDOUT, error).into())
}

/// Writes text for programs.
pub fn print_raw<T>(view: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> anyhow::Result<T> {
    let written = flushed(io::stdout().lock(), view);
    written.map_err(|error| Unwritten::new(STDOUT, error).into())
}

/// As [`print_raw`], but what is told is told to its end although nobody reads it any more: another output needs it.
pub fn print_raw_to_the_end<T>(view: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> anyhow::Result<T> {
    let written = flushed(Patient(io::stdout().lock()), view);
    written.map_err(|error| Unwritten::new(STDOUT, error).into())
}

/// An output that nobody has to read to its end.
struct Patient<W>(W);

impl<W: Write> Write for Patient<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self.0.write(octets) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(octets.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// Writes a view of all connections together: for people, or as one JSON document.
pub fn print_together(
    format: Format,
    screen: &Screen,
    json: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    people: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let stdout = io::stdout().lock();
    let written = match format {
        Format::Table => flushed(AutoStream::new(stdout, screen.color), people),
        Format::Json | Format::Jsonl | Format::Csv => flushed(stdout, json),
    };
    written.map_err(|error| Unwritten::new(STDOUT, error).into())
}

fn flushed<T>(raw: impl Write, view: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
    let mut out = BufWriter::new(raw);
    let seen = view(&mut out)?;
    out.flush()?;
    Ok(seen)
}
