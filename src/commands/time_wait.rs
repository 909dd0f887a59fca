//! `time-wait`: who holds TIME-WAIT.

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::TimeWait;
use tcptrace_states::population::{Span, Stays};
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::html::{Html, besides};
use super::{Done, Screen, each_selected_with, print_together, settings_of};

/// `time-wait`.
pub fn run(args: &TimeWait) -> anyhow::Result<Done> {
    let common = &args.common;
    let mut settings = settings_of(&args.files, common, LadderRequest::None);
    let thresholds = &mut settings.findings.thresholds;
    thresholds.ephemeral_ports = args.ephemeral_ports.unwrap_or(thresholds.ephemeral_ports);
    let ports = thresholds.ephemeral_ports;
    let (mut stays, selection) = (Stays::default(), common.selection.to_selection());
    let mut html = Html::of(common.html.as_deref(), &settings, common.progress)?;
    let mut analysis = each_selected_with(&settings, common.progress, &selection, &mut html, |connection| {
        stays.add(&connection);
    })?;
    let waits = {
        let capture = &analysis.capture;
        stays.time_waits(Span::of(capture), capture.time_wait_ns, ports)
    };
    let unwritten = html.write(&mut analysis, &besides(&settings.findings.thresholds));
    let screen = Screen::of_stdout(&common.screen);
    let look = screen.look(Rows::Limit(args.limit), SequenceNumbers::Absolute);
    print_together(
        common.format,
        &screen,
        |out| report::time_wait::json(out, &analysis, &waits),
        |out| report::time_wait::write(out, &analysis, &waits, &look),
    )?;
    let mut done = Done::of(&analysis);
    done.unwritten.extend(unwritten);
    Ok(done)
}
