//! The default command: the screen of connections.

use std::io;

use anyhow::bail;

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::{Format, List};
use tcptrace_states::model::{Analysis, Line};
use tcptrace_states::report::table::Listing;
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::{
    Done, ROWS, Screen, Selected, connections_by, each_selected, follow, print_raw, print_text, settings_of,
};

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
    let selected = |connections| Selected::of(connections, &selection);
    let read = || {
        connections_by(&settings, common.progress, |connections| {
            Ok(selected(connections))
        })
    };
    let analysis = match common.format {
        Format::Table => {
            let mut listing = Listing::new(&look);
            let add = |connection| listing.add(connection);
            let analysis = each_selected(&settings, common.progress, &selection, add)?;
            print_text(&screen, |out| listing.write(out, &analysis, &look))?;
            analysis
        }
        Format::Json => {
            let selected = read()?;
            let (capture, sources) = (
                selected.connections.capture(),
                selected.connections.sources().to_vec(),
            );
            print_raw(|out| report::json::write_each(out, &capture, &sources, selected, finish))?
        }
        Format::Jsonl => {
            let mut selected = read()?;
            print_raw(|out| {
                let capture = selected.connections.capture();
                report::jsonl::write_line(out, &Line::Capture(&capture))?;
                report::jsonl::write_connections(out, selected.by_ref())?;
                let analysis = finish(selected)?;
                report::jsonl::write_end(out, &analysis)?;
                Ok(analysis)
            })?
        }
        Format::Csv => {
            let mut selected = read()?;
            print_raw(|out| {
                report::csv::write_each(out, selected.by_ref())?;
                finish(selected)
            })?
        }
    };
    Ok(Done::of(&analysis))
}

fn finish(selected: Selected<'_>) -> io::Result<Analysis> {
    selected.finish().map_err(io::Error::other)
}
