//! `show`: one connection as a ladder.

use anyhow::bail;

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::Show;
use tcptrace_states::input;
use tcptrace_states::model::{Address, Analysis, Connection};
use tcptrace_states::report::look::{counted, number};
use tcptrace_states::report::{self, Rows, Tone};
use tcptrace_states::select::{Selection, by_attention};

use super::{Done, Interrupted, Screen, analysis_of, interrupt, print};

/// `show`.
pub fn run(args: &Show) -> anyhow::Result<Done> {
    let common = &args.common;
    let selection = common.selection.to_selection();
    let (mut analysis, chosen) = analysis_with_ladders(args, &selection)?;
    Selection {
        ids: chosen.ids.clone(),
        ..Selection::default()
    }
    .apply(&mut analysis);
    if analysis.connections.is_empty() && interrupt::came() {
        return Err(Interrupted("the connection to show was not reached").into());
    }
    let screen = Screen::of_stdout(&common.screen);
    let look = screen.look(Rows::All, args.seq.into());
    print(common.format, &analysis, &screen, |out| {
        if let Some(why) = &chosen.why {
            writeln!(out, "{}\n", look.paint(Tone::Dim, why))?;
        }
        for (index, connection) in analysis.connections.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            report::ladder::write(out, &analysis, connection, &look)?;
        }
        Ok(())
    })?;
    Ok(Done::of(&analysis))
}

/// The connections that `show` shows, and why, if nobody named them.
struct Chosen {
    ids: Vec<u64>,
    /// Addresses of the first of them.
    between: (Address, Address),
    why: Option<String>,
}

/// Without a number, a file is read once to choose the connection and once for its ladder, so that no more than one
/// ladder is in memory. Standard input can be read only once.
fn analysis_with_ladders(args: &Show, selection: &Selection) -> anyhow::Result<(Analysis, Chosen)> {
    let common = &args.common;
    if !input::find(&args.files)?.can_be_read_again() {
        let analysis = analysis_of(&args.files, common, LadderRequest::All)?;
        let chosen = choose(&analysis, selection)?;
        return Ok((analysis, chosen));
    }
    let first = analysis_of(&args.files, common, LadderRequest::None)?;
    if !first.capture.complete && interrupt::came() {
        return Err(Interrupted("the connection to show is chosen when all is read").into());
    }
    let chosen = choose(&first, selection)?;
    drop(first);
    let (client, server) = chosen.between;
    let request = match chosen.ids.len() {
        1 => LadderRequest::Between(client, server),
        _ => LadderRequest::All,
    };
    Ok((analysis_of(&args.files, common, request)?, chosen))
}

fn choose(analysis: &Analysis, selection: &Selection) -> anyhow::Result<Chosen> {
    let total = analysis.summary.connections;
    let known = |id: &u64| analysis.connections.iter().any(|connection| connection.id == *id);
    if total == 0 {
        bail!("the capture holds no TCP connection");
    }
    if let Some(id) = selection.ids.iter().find(|id| !known(id)) {
        bail!(
            "there is no connection {id}: the capture has {}",
            counted(total, "connection")
        );
    }
    let mut kept: Vec<&Connection> = analysis
        .connections
        .iter()
        .filter(|c| selection.keeps(c))
        .collect();
    if !selection.ids.is_empty() && !kept.is_empty() {
        return Ok(Chosen {
            ids: kept.iter().map(|connection| connection.id).collect(),
            between: (kept[0].client, kept[0].server),
            why: None,
        });
    }
    kept.sort_by(|a, b| by_attention(a, b));
    let Some(first) = kept.first() else {
        bail!("no connection matches the selection")
    };
    let why = (kept.len() > 1).then(|| {
        let count = number(kept.len() as u64);
        format!(
            "Connection {} of {count} needs attention most. Another: --conn ID",
            first.id
        )
    });
    Ok(Chosen {
        ids: vec![first.id],
        between: (first.client, first.server),
        why,
    })
}
