//! `leaks`: who does not close.

use anyhow::bail;

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::Leaks;
use tcptrace_states::population::leaks::leaks_with;
use tcptrace_states::population::sockets::Listings;
use tcptrace_states::population::{By, HalfCloses, Span};
use tcptrace_states::report::html::Besides;
use tcptrace_states::report::{self, Rows, SequenceNumbers};

use super::html::Html;
use super::sockets::{Listed, is_stdin, one_reads_stdin};
use super::{Done, Screen, analysis_by, each_selected_with, print_together, settings_of};

/// `leaks`.
pub fn run(args: &Leaks) -> anyhow::Result<Done> {
    let common = &args.common;
    let by: By = args.by.into();
    let asked = !args.ss.is_empty() || args.ss_now;
    if by == By::Process && !asked {
        bail!(
            "--by process: a capture does not show processes; add --ss FILE, the output of `ss -tanp`, or --ss-now"
        );
    }
    one_reads_stdin(&args.files, &args.ss)?;
    let mut listed = Listed::default();
    args.ss.iter().try_for_each(|path| listed.read(path))?;
    // Sockets as they are when the capture ends: that of a pipe may go on for hours, that of a file has ended.
    let live = args.files.iter().any(|file| is_stdin(file));
    if args.ss_now && !live {
        listed.ask()?;
    }
    let selection = common.selection.to_selection();
    let settings = settings_of(&args.files, common, LadderRequest::None);
    let mut html = Html::of(common.html.as_deref(), &settings, common.progress)?;
    html.apart_from(&args.ss)?;
    let (mut analysis, leaks, sockets) = if asked {
        // Sockets are joined with all connections.
        let mut analysis = analysis_by(&settings, common.progress)?;
        if args.ss_now && live {
            listed.ask()?;
        }
        let known = Listings::join(&listed.names, &listed.listings, &analysis.connections);
        selection.apply(&mut analysis);
        let (connections, span) = (&analysis.connections, Span::of(&analysis.capture));
        html.add_all(&analysis);
        let leaks = leaks_with(connections, span, by, args.min_age, |connection, endpoint| {
            known.holder(connection, endpoint, by)
        });
        let sockets = known.tell(connections, &leaks);
        (analysis, leaks, Some(sockets))
    } else {
        let mut half_closes = HalfCloses::new(by, args.min_age);
        let analysis = each_selected_with(&settings, common.progress, &selection, &mut html, |connection| {
            half_closes.add(&connection);
        })?;
        let leaks = half_closes.leaks(Span::of(&analysis.capture));
        (analysis, leaks, None)
    };
    let unwritten = html.write(&mut analysis, &Besides::default());
    let screen = Screen::of_stdout(&common.screen);
    let look = screen.look(Rows::Limit(args.limit), SequenceNumbers::Absolute);
    print_together(
        common.format,
        &screen,
        |out| report::leaks::json(out, &analysis, &leaks, sockets.as_ref()),
        |out| report::leaks::write(out, &analysis, &leaks, sockets.as_ref(), &look),
    )?;
    let mut done = Done::of(&analysis);
    done.damage.extend(listed.warnings);
    done.unwritten.extend(unwritten);
    Ok(done)
}
