//! `show`: one connection as a ladder.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::io::Write;

use anyhow::bail;

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::cli::Show;
use tcptrace_states::export::filter;
use tcptrace_states::input;
use tcptrace_states::model::{Address, Analysis, Connection};
use tcptrace_states::report::html::Besides;
use tcptrace_states::report::look::{counted, number};
use tcptrace_states::report::{self, Rows, Tone, svg};
use tcptrace_states::select::{Foremost, Selection};

use super::html::Html;
use super::{
    Done, Interrupted, Screen, Unwritten, analysis_of, each_selected, interrupt, output, print, print_raw,
    settings_of,
};

/// `show`.
pub fn run(args: &Show) -> anyhow::Result<Done> {
    let common = &args.common;
    let selection = common.selection.to_selection();
    if let Some(path) = &args.picture.svg {
        output::apart_from(&args.files, path, "--svg")?;
    }
    let settings = settings_of(&args.files, common, LadderRequest::None);
    let mut html = Html::of(common.html.as_deref(), &settings, common.progress)?;
    html.apart_from(args.picture.svg.as_slice())?;
    let (mut analysis, chosen) = analysis_with_ladders(args, &selection)?;
    if analysis.connections.is_empty() && interrupt::came() {
        return Err(Interrupted("the connection to show was not reached").into());
    }
    html.add_all(&analysis);
    let mut done = Done::of(&analysis);
    let shown = show(args, &analysis, &chosen, &mut done);
    // Who reads the ladder may have seen enough of it, but not who reads the report.
    let unwritten = html.write(&mut analysis, &Besides::default());
    shown?;
    done.unwritten.extend(unwritten);
    Ok(done)
}

/// Draws the connections, on standard output or in a file.
fn show(args: &Show, analysis: &Analysis, chosen: &Chosen, done: &mut Done) -> anyhow::Result<()> {
    let common = &args.common;
    let screen = Screen::of_stdout(&common.screen);
    let look = screen.look(Rows::All, args.seq.into());
    if let Some(path) = &args.picture.svg {
        let picture = picture(args, analysis)?;
        let view = |out: &mut dyn Write| out.write_all(picture.as_bytes());
        if path.as_os_str() == "-" {
            return print_raw(view);
        }
        let written = output::write(path, view);
        done.unwritten.extend(
            written
                .err()
                .map(|error| Unwritten::new(path.to_string_lossy(), error)),
        );
    }
    if args.picture.wireshark_filter {
        let filters = filters(analysis, &chosen.others, &common.selection.to_selection());
        return print_raw(|out| filters.iter().try_for_each(|filter| writeln!(out, "{filter}")));
    }
    print(common.format, analysis, &screen, |out| {
        if let Some(why) = &chosen.why {
            writeln!(out, "{}\n", look.paint(Tone::Dim, why))?;
        }
        for (index, connection) in analysis.connections.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            match args.picture.diagram {
                true => report::diagram::write(out, connection, &look)?,
                false => report::ladder::write(out, analysis, connection, &look)?,
            }
        }
        Ok(())
    })
}

/// The display filters of the connections, or where findings were asked for of the packets that show these.
fn filters(analysis: &Analysis, others: &[Connection], selection: &Selection) -> Vec<String> {
    let one_file = analysis.sources.len() == 1;
    let mut filters = Vec::new();
    for connection in &analysis.connections {
        let findings = connection.findings.iter().filter(|finding| {
            let mut wanted = selection.findings.iter();
            wanted.any(|filter| filter.names(finding.code, finding.name))
        });
        let own: Vec<String> = findings
            .filter(|_| one_file)
            .filter_map(filter::of_finding)
            .collect();
        match own.is_empty() {
            true => filters.push(filter::of_connection(connection, others, one_file)),
            false => filters.extend(own),
        }
    }
    filters
}

/// The picture that is asked for.
fn picture(args: &Show, analysis: &Analysis) -> anyhow::Result<String> {
    let [connection] = analysis.connections.as_slice() else {
        bail!("--svg draws one connection; choose it by --conn");
    };
    let options = svg::Options {
        seq: args.seq.into(),
        ..svg::Options::DOCUMENT
    };
    let picture = match (args.picture.diagram, args.picture.graph) {
        (true, _) => Some(svg::diagram(connection, &options)),
        (false, Some(direction)) => svg::time_sequence(connection, direction.into(), &options),
        (false, None) => Some(svg::ladder(&analysis.capture, connection, &options)),
    };
    match picture {
        Some(picture) => Ok(picture),
        None => bail!(
            "connection {}: that end sent nothing that a graph could show",
            connection.id
        ),
    }
}

/// The connections that `show` shows, and why, if nobody named them.
struct Chosen {
    ids: Vec<u64>,
    /// Addresses of the first of them.
    between: (Address, Address),
    why: Option<String>,
    /// Other connections with their ladders, where they were asked for.
    others: Vec<Connection>,
}

/// Without a number, a file is read once to choose the connection and once for its ladder, so that no more than one
/// ladder is in memory. Standard input can be read only once.
fn analysis_with_ladders(args: &Show, selection: &Selection) -> anyhow::Result<(Analysis, Chosen)> {
    let common = &args.common;
    if !input::find(&args.files)?.can_be_read_again() {
        let analysis = analysis_of(&args.files, common, LadderRequest::All)?;
        let mut choice = Choice::of(selection);
        analysis
            .connections
            .iter()
            .for_each(|connection| choice.add(connection));
        let mut chosen = choice.made(&analysis)?;
        let mut analysis = analysis;
        let wanted = chosen.selection();
        let (shown, others) = (analysis.connections.into_iter()).partition(|one| wanted.keeps(one));
        (analysis.connections, chosen.others) = (shown, others);
        analysis.summary.connections_selected = analysis.connections.len() as u64;
        return Ok((analysis, chosen));
    }
    let settings = settings_of(&args.files, common, LadderRequest::None);
    let mut choice = Choice::of(selection);
    let first = each_selected(&settings, common.progress, &Selection::default(), |connection| {
        choice.add(connection);
    })?;
    if !first.capture.complete && interrupt::came() {
        return Err(Interrupted("the connection to show is chosen when all is read").into());
    }
    let mut chosen = choice.made(&first)?;
    let (client, server) = chosen.between;
    let request = match chosen.ids.len() {
        1 => LadderRequest::Between(client, server),
        _ => LadderRequest::All,
    };
    let settings = settings_of(&args.files, common, request);
    let (mut shown, wanted) = (Vec::new(), chosen.selection());
    let all = if args.picture.wireshark_filter {
        Selection::default() // other lives of the same addresses are left out of the filter by their packets
    } else {
        chosen.selection()
    };
    let analysis = each_selected(&settings, common.progress, &all, |connection| {
        if wanted.keeps(&connection) {
            shown.push(connection);
        } else if !connection.ladder.is_empty() {
            chosen.others.push(connection);
        }
    })?;
    let analysis = Analysis {
        connections: shown,
        ..analysis
    };
    Ok((analysis, chosen))
}

impl Chosen {
    /// What keeps them alone.
    fn selection(&self) -> Selection {
        Selection {
            ids: self.ids.clone(),
            ..Selection::default()
        }
    }
}

/// The choice, made of one connection after the other.
struct Choice<'a, C> {
    selection: &'a Selection,
    /// Numbers that were asked for and are there.
    known: BTreeSet<u64>,
    /// The selected ones by their numbers, where numbers were asked for.
    named: Vec<u64>,
    /// Addresses of the first of them.
    between: Option<(Address, Address)>,
    /// The selected one that needs attention most.
    foremost: Foremost<C>,
}

impl<'a, C: Borrow<Connection>> Choice<'a, C> {
    fn of(selection: &'a Selection) -> Choice<'a, C> {
        Choice {
            selection,
            known: BTreeSet::new(),
            named: Vec::new(),
            between: None,
            foremost: Foremost::new(1),
        }
    }

    fn add(&mut self, connection: C) {
        let one = connection.borrow();
        let asked = self.selection.ids.contains(&one.id);
        if asked {
            self.known.insert(one.id);
        }
        if !self.selection.keeps(one) {
            return;
        }
        if asked {
            self.named.push(one.id);
            self.between.get_or_insert((one.client, one.server));
        }
        self.foremost.add(connection);
    }

    /// Of all connections of `analysis`.
    fn made(self, analysis: &Analysis) -> anyhow::Result<Chosen> {
        let total = analysis.summary.connections;
        if total == 0 {
            bail!("the capture holds no TCP connection");
        }
        if let Some(id) = self.selection.ids.iter().find(|id| !self.known.contains(id)) {
            bail!(
                "there is no connection {id}: the capture has {}",
                counted(total, "connection")
            );
        }
        if let Some(between) = self.between {
            return Ok(Chosen {
                ids: self.named,
                between,
                why: None,
                others: Vec::new(),
            });
        }
        let kept = self.foremost.shown();
        let foremost = self.foremost.into_sorted();
        let Some(first) = foremost.first().map(Borrow::borrow) else {
            bail!("no connection matches the selection")
        };
        let why = (kept > 1).then(|| {
            let count = number(kept);
            format!(
                "Connection {} of {count} needs attention most. Another: --conn ID",
                first.id
            )
        });
        Ok(Chosen {
            ids: vec![first.id],
            between: (first.client, first.server),
            why,
            others: Vec::new(),
        })
    }
}
