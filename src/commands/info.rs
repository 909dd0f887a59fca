//! `info`: the quality of a capture.

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::Info;
use tcptrace_states::quality::Quality;
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::html::{Html, besides};
use super::{Done, Screen, analysis_by, print_together, settings_of};

/// `info`.
pub fn run(args: &Info) -> anyhow::Result<Done> {
    let common = &args.common;
    let settings = settings_of(&args.files, common, LadderRequest::None);
    let mut html = Html::of(common.html.as_deref(), &settings, common.progress)?;
    let mut analysis = analysis_by(&settings, common.progress)?;
    common.selection.to_selection().apply(&mut analysis);
    let quality = Quality::of(&analysis);
    html.add_all(&analysis);
    let unwritten = html.write(&mut analysis, &besides(&settings.findings.thresholds));
    let screen = Screen::of_stdout(&common.screen);
    let look = screen.look(Rows::Limit(args.limit), SequenceNumbers::Absolute);
    print_together(
        common.format,
        &screen,
        |out| report::info::json(out, &analysis, &quality),
        |out| report::info::write(out, &analysis, &quality, &look),
    )?;
    let mut done = Done::of(&analysis);
    done.unwritten.extend(unwritten);
    Ok(done)
}
