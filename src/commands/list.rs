//! The default command: the screen of connections.

use anyhow::bail;

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::{Format, List};
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::{Done, ROWS, Screen, analysis_of, follow, print};

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
    let mut analysis = analysis_of(&args.files, common, LadderRequest::None)?;
    common.selection.to_selection().apply(&mut analysis);
    let screen = Screen::of_stdout(&common.screen);
    let rows = match (args.all, args.limit, screen.lines) {
        (true, _, _) => Rows::All,
        (false, Some(limit), _) => Rows::Limit(limit),
        (false, None, Some(lines)) => Rows::Screen(lines),
        (false, None, None) => Rows::Limit(ROWS),
    };
    let look = screen.look(rows, SequenceNumbers::Absolute);
    print(common.format, &analysis, &screen, |out| {
        report::table::write(out, &analysis, &look)
    })?;
    Ok(Done::of(&analysis))
}
