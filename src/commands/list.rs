//! The default command: the screen of connections.

use std::convert::Infallible;
use std::io;

use anyhow::bail;

use tcptrace_states::analyze::{Connections, LadderRequest, Part, PartSize, Told};
use tcptrace_states::cli::{Format, List};
use tcptrace_states::model::{Analysis, Connection, Line};
use tcptrace_states::report::html::Besides;
use tcptrace_states::report::table::Listing;
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};
use tcptrace_states::select::Selection;

use super::html::Html;
use super::{
    Done, ROWS, Screen, Selected, connections_by, follow, print_raw, print_raw_to_the_end, print_text,
    settings_of,
};

/// Lines that a thread writes at once, and octets that one has hardly more of.
const LINES: usize = 128;
const LINE: usize = 6 << 10;

/// The default command.
pub fn run(args: &List) -> anyhow::Result<Done> {
    let common = &args.common;
    if let Some(name) = args.misplaced() {
        bail!(
            "there is no file `{name}`; as a command it comes first: tcptrace-states {name} [OPTIONS] <FILE>"
        );
    }
    if args.limit.is_some() && common.format != Format::Table {
        bail!("--limit is for --format table; the other formats have all that the selection leaves");
    }
    if args.follow {
        return follow::run(args);
    }
    let screen = Screen::of_stdout(&common.screen);
    let rows = match (args.all, args.limit, screen.lines) {
        (true, _, _) => Rows::All,
        (false, Some(limit), _) => Rows::Limit(limit),
        (false, None, Some(lines)) => Rows::Screen(lines),
        (false, None, None) => Rows::Limit(ROWS),
    };
    let look = screen.look(rows, SequenceNumbers::Absolute);
    let settings = settings_of(&args.files, common, LadderRequest::None);
    let selection = common.selection.to_selection();
    let mut html = Html::of(common.html.as_deref(), &settings, common.progress)?;
    let wanted = html.is_wanted();
    let read = |html| {
        connections_by(&settings, common.progress, |connections| {
            Ok(Selected::seen_by(html, connections, &selection))
        })
    };
    let mut unwritten = None;
    let mut analysis = match common.format {
        Format::Table => {
            let (listing, mut analysis) = connections_by(&settings, common.progress, |mut connections| {
                if wanted {
                    let mut selected = Selected::seen_by(&mut html, connections, &selection);
                    let listing = listed(&mut selected, &look);
                    return Ok((listing, selected.finish()?));
                }
                let mut listing = Listing::new(&look);
                let each = |part: &mut Part<'_>| listed(&mut Selected::of(part, &selection), &look);
                let Ok(()) = connections.in_parts(PartSize::AsFew, each, |part| {
                    listing.merge(part);
                    Ok::<_, Infallible>(())
                });
                let mut analysis = connections.finish()?;
                analysis.summary.connections_selected = listing.given();
                Ok((listing, analysis))
            })?;
            unwritten = std::mem::replace(&mut html, Html::none()).write(&mut analysis, &Besides::default());
            print_text(&screen, |out| listing.write(out, &analysis, &look))?;
            analysis
        }
        Format::Json => {
            let selected = read(&mut html)?;
            let (capture, sources) = (
                selected.connections.capture(),
                selected.connections.sources().to_vec(),
            );
            print_streamed(wanted, |out| {
                report::json::write_each(out, &capture, &sources, selected, finish)
            })?
        }
        Format::Jsonl if !wanted => {
            let connections = connections_by(&settings, common.progress, Ok)?;
            print_raw(|out| json_lines(out, connections, &selection))?
        }
        Format::Jsonl => {
            let mut selected = read(&mut html)?;
            print_streamed(wanted, |out| {
                let capture = selected.connections.capture();
                report::jsonl::write_line(out, &Line::Capture(&capture))?;
                report::jsonl::write_connections(out, selected.by_ref())?;
                let analysis = finish(selected)?;
                report::jsonl::write_end(out, &analysis)?;
                Ok(analysis)
            })?
        }
        Format::Csv => {
            let mut selected = read(&mut html)?;
            print_streamed(wanted, |out| {
                report::csv::write_each(out, selected.by_ref())?;
                finish(selected)
            })?
        }
    };
    let mut done = Done::of(&analysis);
    done.unwritten.extend(unwritten);
    done.unwritten
        .extend(html.write(&mut analysis, &Besides::default()));
    Ok(done)
}

/// All of these as JSON Lines.
fn json_lines(
    out: &mut dyn io::Write,
    mut connections: Connections,
    selection: &Selection,
) -> io::Result<Analysis> {
    report::jsonl::write_line(out, &Line::Capture(&connections.capture()))?;
    let mut count = 0;
    let each = |part: &mut Part<'_>| {
        let mut selected = Selected::of(part, selection);
        let mut lines = Vec::with_capacity(LINES * LINE);
        report::jsonl::write_connections(&mut lines, selected.by_ref())?;
        Ok((lines, selected.passed()))
    };
    connections.in_parts(PartSize::Connections(LINES), each, |part: io::Result<_>| {
        let (lines, selected) = part?;
        count += selected;
        out.write_all(&lines)
    })?;
    let mut analysis = connections.finish().map_err(io::Error::other)?;
    analysis.summary.connections_selected = count;
    report::jsonl::write_end(out, &analysis)?;
    Ok(analysis)
}

/// The listing of all of these.
fn listed<C: Told>(selected: &mut Selected<'_, C>, look: &Look) -> Listing<Connection> {
    let mut listing = Listing::new(look);
    loop {
        if selected.pass_usual(|usual, found| listing.takes_usual(usual, found)) {
            continue;
        }
        let Some(connection) = selected.next() else {
            return listing;
        };
        listing.add(connection);
    }
}

/// The connections pass while they are written: to the end, where another output needs them.
fn print_streamed<T>(
    to_the_end: bool,
    view: impl FnOnce(&mut dyn io::Write) -> io::Result<T>,
) -> anyhow::Result<T> {
    if to_the_end {
        print_raw_to_the_end(view)
    } else {
        print_raw(view)
    }
}

fn finish(selected: Selected<'_>) -> io::Result<Analysis> {
    selected.finish().map_err(io::Error::other)
}
