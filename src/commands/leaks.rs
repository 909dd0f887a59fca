//! `leaks`: who does not close.

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::Leaks;
use tcptrace_states::population::{self, Span};
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::{Done, Screen, analysis_of, only_table_or_json, print_together};

/// `leaks`.
pub fn run(args: &Leaks) -> anyhow::Result<Done> {
    let common = &args.common;
    only_table_or_json(common, "leaks")?;
    let mut analysis = analysis_of(&args.files, common, LadderRequest::None)?;
    common.selection.to_selection().apply(&mut analysis);
    let span = Span::of(&analysis.capture);
    let leaks = population::leaks(&analysis.connections, span, args.by.into(), args.min_age);
    let screen = Screen::of_stdout(common);
    let look = screen.look(common, Rows::Limit(args.limit), SequenceNumbers::Absolute);
    print_together(
        common.format,
        &screen,
        |out| report::leaks::json(out, &analysis, &leaks),
        |out| report::leaks::write(out, &analysis, &leaks, None, &look),
    )?;
    Ok(Done::of(&analysis))
}
