//! `--follow`: a capture that still grows.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use anstream::AutoStream;
use anyhow::bail;

use tcptrace_states::analyze::{Following, LadderRequest, News, Settings, follow};
use tcptrace_states::cli::{Format, List};
use tcptrace_states::model::{Analysis, Line};
use tcptrace_states::report::escape::{Escaped, json};
use tcptrace_states::report::html::Besides;
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers, Tone};
use tcptrace_states::select::Selection;

use super::html::Html;
use super::{
    Done, ROWS, STDOUT, Screen, Unwritten, bug, interrupt, no_input_is_the_output, print, settings_of,
};

/// How often the screen is drawn anew, at most.
const EVERY: Duration = Duration::from_secs(1);
/// To the upper left corner.
const HOME: &str = "\x1b[H";
/// Nothing more on this line.
const END_OF_LINE: &str = "\x1b[K";
/// Nothing more on the screen.
const END_OF_SCREEN: &str = "\x1b[J";

/// `--follow`.
pub fn run(args: &List) -> anyhow::Result<Done> {
    let common = &args.common;
    let settings = settings_of(&args.files, common, LadderRequest::None);
    let mut html = Html::of(common.html.as_deref(), &settings, common.progress)?;
    if html.is_wanted() && common.format != Format::Table {
        bail!(
            "--html draws states over the whole time of a capture, and --follow --format jsonl forgets each connection when it is \
             told: leave --format jsonl out, or write the report when the capture is done (tcptrace-states FILE --html report.html)"
        );
    }
    html.without_ladders("The capture was still growing: connections are not shown one by one.");
    no_input_is_the_output(&settings.files)?;
    let selection = common.selection.to_selection();
    bug::reading(&settings.files);
    let done = match common.format {
        Format::Table => screens(args, &settings, &selection, html),
        Format::Jsonl => lines(&settings, &selection),
        Format::Json | Format::Csv => {
            bail!(
                "--follow draws a table or writes --format jsonl; the other formats need all connections at once"
            )
        }
    };
    bug::reading_is_over();
    done
}

/// Draws the screen again and again; without a terminal, only the last one is written.
fn screens(
    args: &List,
    settings: &Settings,
    selection: &Selection,
    mut html: Html<'_>,
) -> anyhow::Result<Done> {
    let screen = || Screen::of_stdout(&args.common.screen);
    let frame = |analysis: &Analysis, note: &str| -> anyhow::Result<bool> {
        let screen = screen();
        let Some(lines) = screen.lines.filter(|_| !is_dumb()) else {
            return Ok(false);
        };
        // One line for the note, one for the cursor.
        let room = lines.saturating_sub(2);
        let look = screen.look(Rows::Screen(room.saturating_add(1)), SequenceNumbers::Absolute);
        let mut text = Vec::new();
        report::table::write(&mut text, analysis, &look)?;
        let text = String::from_utf8_lossy(&text);
        let stdout = AutoStream::new(io::stdout().lock(), screen.color);
        draw(stdout, &text, room, &look.paint(Tone::Dim, note))
            .map_err(|error| Unwritten::new(STDOUT, error))?;
        Ok(true)
    };
    let name = args.files.first().map(|file| file.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let name = Escaped(&name);
    let note = format!("following {name}: Ctrl-C ends");
    let mut analysis = interrupt::deferred(|stop| {
        follow(settings, Following::Everything(EVERY), stop, &mut |news| {
            if let News::Now(mut analysis) = news {
                bug::read(analysis.capture.packets);
                selection.apply(&mut analysis);
                frame(&analysis, &note)?;
            }
            Ok(())
        })
    })?;
    selection.apply(&mut analysis);
    html.add_all(&analysis);
    if !frame(&analysis, &format!("followed {name}"))? {
        let screen = screen();
        let look: Look = screen.look(Rows::Limit(ROWS), SequenceNumbers::Absolute);
        print(Format::Table, &analysis, &screen, |out| {
            report::table::write(out, &analysis, &look)
        })?;
    }
    let unwritten = html.write(&mut analysis, &Besides::default());
    let mut done = Done::of(&analysis);
    done.unwritten.extend(unwritten);
    Ok(done)
}

/// A terminal that does as it is told cannot be told where to write.
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}

/// Draws over what was drawn before, without a moment of nothing in between.
fn draw(raw: impl Write, text: &str, room: usize, note: &str) -> io::Result<()> {
    let mut out = BufWriter::new(raw);
    write!(out, "{HOME}")?;
    for line in text.lines().take(room) {
        write!(out, "{line}{END_OF_LINE}\r\n")?;
    }
    write!(out, "{note}{END_OF_LINE}\r\n{END_OF_SCREEN}")?;
    out.flush()
}

/// Writes each connection when it is over, and at the end those that are not, and the summary.
fn lines(settings: &Settings, selection: &Selection) -> anyhow::Result<Done> {
    let mut selected: u64 = 0;
    let write = |lines: &mut dyn Iterator<Item = Line<'_>>| -> anyhow::Result<()> {
        let mut out = BufWriter::new(io::stdout().lock());
        let mut written = Ok(());
        for line in lines {
            written = written
                .and_then(|()| json::write(&mut out, &line))
                .and_then(|()| out.write_all(b"\n"));
        }
        written
            .and_then(|()| out.flush())
            .map_err(|error| Unwritten::new(STDOUT, error).into())
    };
    let mut analysis = interrupt::deferred(|stop| {
        follow(settings, Following::Ends, stop, &mut |news| match news {
            News::Begun(capture) => write(&mut std::iter::once(Line::Capture(capture))),
            News::Ended(connections) => {
                let mut kept = connections.iter().filter(|one| selection.keeps(one)).peekable();
                if kept.peek().is_none() {
                    return Ok(());
                }
                write(&mut kept.map(|one| {
                    selected += 1;
                    Line::Connection(one)
                }))
            }
            News::Now(_) => Ok(()),
        })
    })?;
    selection.apply(&mut analysis);
    analysis.summary.connections_selected = selected.saturating_add(analysis.summary.connections_selected);
    analysis.summary.capture = Some(Box::new(analysis.capture.clone()));
    let rest = analysis.connections.iter().map(Line::Connection);
    let findings = analysis.findings.iter().map(Line::Finding);
    let end = std::iter::once(Line::Summary(&analysis.summary));
    write(&mut rest.chain(findings).chain(end))?;
    Ok(Done::of(&analysis))
}
