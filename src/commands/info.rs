//! `info`: the quality of a capture.

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::Info;
use tcptrace_states::quality::Quality;
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::{Done, Screen, analysis_of, print_together};

/// `info`.
pub fn run(args: &Info) -> anyhow::Result<Done> {
    let common = &args.common;
    let mut analysis = analysis_of(&args.files, common, LadderRequest::None)?;
    common.selection.to_selection().apply(&mut analysis);
    let quality = Quality::of(&analysis.capture, &analysis.connections, &analysis.summary);
    let screen = Screen::of_stdout(&common.screen);
    let look = screen.look(Rows::Limit(args.limit), SequenceNumbers::Absolute);
    print_together(
        common.format,
        &screen,
        |out| report::info::json(out, &analysis, &quality),
        |out| report::info::write(out, &analysis, &quality, &look),
    )?;
    Ok(Done::of(&analysis))
}
