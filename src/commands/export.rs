//! `export`: what is found, for Wireshark.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::bail;

use tcptrace_states::analyze::{LadderRequest, Settings};
use tcptrace_states::cli::{Export, ExportKind, Only};
use tcptrace_states::export::lua::{MOST, Plugin};
use tcptrace_states::export::notes::Notes;
use tcptrace_states::export::pcapng::{self, Copied, ExportError, Keep, Numbers};
use tcptrace_states::findings;
use tcptrace_states::input::{self, Facts, Timeline};
use tcptrace_states::model::Analysis;
use tcptrace_states::report::escape::Escaped;
use tcptrace_states::report::look::counted;

mod whole;

use super::{
    Done, Interrupted, STDOUT, Selected, Unwritten, connections_by, flushed, interrupt, output, reading_of,
    with_bar,
};

/// `export`.
pub fn run(args: &Export) -> anyhow::Result<Done> {
    match args.to {
        ExportKind::Pcapng => {
            can_be_shown_by_wireshark(args)?;
            to_pcapng(args, &settings_of(args)?)
        }
        ExportKind::Lua => {
            can_be_shown_by_wireshark(args)?;
            to_lua(args, &settings_of(args)?)
        }
        ExportKind::Canonical => whole::canonical(args, &settings_of(args)?),
        #[cfg(feature = "parquet")]
        ExportKind::Parquet => whole::parquet(args, &settings_of(args)?),
    }
}

/// Refuses what Wireshark would show otherwise than it is told here.
fn can_be_shown_by_wireshark(args: &Export) -> anyhow::Result<()> {
    let inputs = input::find(&args.files)?;
    if args.to == ExportKind::Lua && inputs.paths().nth(1).is_some() {
        bail!(
            "a plug-in is for one capture, and packets of several have no common numbers: \
             export them with --to pcapng first, or join them with `mergecap -w all.pcapng FILE...`"
        );
    }
    if args.reading.align_clocks {
        bail!(
            "--to pcapng and --to lua keep the packets and their times as they are; leave --align-clocks out"
        );
    }
    if !inputs.can_be_read_again() {
        let name = inputs.paths().next().unwrap_or(Path::new("-"));
        bail!(
            "{}: export reads captures twice; write it to a file first",
            name.to_string_lossy()
        );
    }
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && args.to == ExportKind::Pcapng && io::stdout().is_terminal() {
        bail!("a capture is nothing for a terminal; name a file with --output");
    }
    Ok(())
}

fn settings_of(args: &Export) -> anyhow::Result<Settings> {
    if args.output.as_os_str() != "-" {
        output::apart_from(&args.files, &args.output, "--output")?;
    }
    Ok(Settings {
        time_wait_ns: args.msl,
        ladder: LadderRequest::None,
        findings: findings::Settings {
            least: args.severity,
            ..findings::Settings::default()
        },
        ..reading_of(&args.files, &args.reading)
    })
}

fn to_pcapng(args: &Export, settings: &Settings) -> anyhow::Result<Done> {
    let selection = args.selection.to_selection();
    let mut notes = Notes::default();
    let analysis = connections_by(settings, args.progress, |connections| {
        let mut selected = Selected::of(connections, &selection);
        selected.by_ref().for_each(|connection| notes.add(&connection));
        selected.finish()
    })?;
    if interrupt::came() {
        return Err(Interrupted("nothing is exported of a part").into());
    }
    notes.sort();
    let files = files_of(settings)?;
    if interrupt::came() {
        return Err(Interrupted("nothing is exported of a part").into());
    }
    let from: Vec<pcapng::Original<'_>> = files
        .iter()
        .map(|(path, numbers)| pcapng::Original { path, numbers })
        .collect();
    let keep = match args.only {
        Only::All => Keep::All,
        Only::Selected => Keep::Selected,
        Only::Matters => Keep::Matters,
    };
    let mut done = Done::of(&analysis);
    let mut result = None;
    let written = write(&args.output, |out| {
        let copied = with_bar(args.progress, analysis.capture.packets, |passed| {
            interrupt::deferred(|stop| pcapng::copy(&from, stop, &notes, keep, passed, out))
        });
        match copied {
            Ok(copied) => {
                result = Some(Ok(copied));
                Ok(())
            }
            Err(ExportError::Io(error)) => Err(error),
            Err(ExportError::Capture(error)) => {
                result = Some(Err(error));
                Err(io::Error::other("the capture could not be read again"))
            }
        }
    });
    match (result, written) {
        (Some(Err(_)), _) if interrupt::came() => {
            return Err(Interrupted("nothing is exported of a part").into());
        }
        (Some(Err(error)), _) => return Err(error.into()),
        (_, Err(error)) => {
            let name = name(&args.output);
            done.unwritten.push(Unwritten::new(name, error));
        }
        (Some(Ok(copied)), Ok(())) => {
            if copied.read != analysis.capture.packets {
                bail!(
                    "the capture changed while it was exported: {} at first, then {}",
                    counted(analysis.capture.packets, "packet"),
                    copied.read
                );
            }
            tell(args, &notes, &copied, &analysis);
        }
        (None, Ok(())) => {}
    }
    Ok(done)
}

/// The captures in the order in which they are read, with the numbers that their packets have there.
fn files_of(settings: &Settings) -> anyhow::Result<Vec<(PathBuf, Numbers)>> {
    let inputs = input::find(&settings.files)?;
    let paths: Vec<PathBuf> = inputs.paths().map(Path::to_path_buf).collect();
    if paths.len() < 2 {
        return Ok(paths.into_iter().map(|path| (path, Numbers::Own)).collect());
    }
    // Which packet of which file is which: as when they were analysed.
    let facts = interrupt::deferred(|stop| -> anyhow::Result<Facts> {
        let mut timeline = Timeline::open(inputs, stop)?;
        let _ = timeline.read(|_| ControlFlow::Continue(()));
        Ok(timeline.facts())
    })?;
    let mut files = Vec::with_capacity(facts.files.len());
    for (place, file) in facts.files.into_iter().enumerate() {
        let runs = facts.origins.as_ref().and_then(|origins| origins.runs_of(place));
        let Some(runs) = runs else {
            bail!(
                "the packets of these captures take turns more than a million times: join them with `mergecap -w all.pcapng FILE...`"
            );
        };
        files.push((file.path, Numbers::InTimeline(runs)));
    }
    Ok(files)
}

fn to_lua(args: &Export, settings: &Settings) -> anyhow::Result<Done> {
    let selection = args.selection.to_selection();
    let (mut told, mut counts) = (None, (0, 0));
    let written = write(&args.output, |out| {
        let result = connections_by(settings, args.progress, |connections| {
            let capture = connections.capture();
            let mut plugin = Plugin::begin(out, &capture)?;
            let mut selected = Selected::of(connections, &selection);
            for connection in selected.by_ref() {
                plugin.add(&connection)?;
            }
            counts = plugin.counts();
            plugin.finish()?;
            selected.finish()
        });
        match result {
            Ok(analysis) => {
                told = Some(Ok(analysis));
                Ok(())
            }
            Err(error) => match error.downcast::<io::Error>() {
                Ok(error) => Err(error),
                Err(error) => {
                    told = Some(Err(error));
                    Err(io::Error::other("the capture cannot be read"))
                }
            },
        }
    });
    match (told, written) {
        (Some(Err(error)), _) => Err(error),
        (Some(Ok(analysis)), Ok(())) => {
            say(format_args!(
                "{}: {} of {}",
                Escaped(&name(&args.output)),
                counted(counts.0, "connection"),
                counted(analysis.capture.packets, "packet")
            ));
            if counts.1 > 0 {
                say(format_args!(
                    "{} left out, of those without a finding first: a plug-in holds {} MB; select fewer, for example with --addr, \
                     --state or --finding",
                    counted(counts.1, "connection"),
                    MOST >> 20
                ));
            }
            Ok(Done::of(&analysis))
        }
        (_, Err(error)) => Err(Unwritten::new(name(&args.output), error).into()),
        (None, Ok(())) => Ok(Done::sound()),
    }
}

/// Writes the output as a whole or not at all.
fn write(path: &Path, view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match path.as_os_str() == "-" {
        true => flushed(io::stdout().lock(), view),
        false => output::write(path, view),
    }
}

fn name(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => STDOUT.to_owned(),
        false => path.to_string_lossy().into_owned(),
    }
}

/// Says on standard error what became of it.
fn tell(args: &Export, notes: &Notes, copied: &Copied, analysis: &Analysis) {
    say(format_args!(
        "{}: {} of {}, {} with comments, about {}",
        Escaped(&name(&args.output)),
        counted(copied.written, "packet"),
        counted(analysis.capture.packets, "packet"),
        counted(copied.commented, "packet"),
        counted(notes.connections(), "connection")
    ));
    let counts = [
        (
            copied.no_room,
            "with something to be said have no room for a comment",
        ),
        (
            copied.fragments,
            "are fragments of IP packets, which may belong to selected connections: kept",
        ),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        say(format_args!("{} {what}", counted(count, "packet")));
    }
    if copied.elsewhere > 0 {
        say(format_args!(
            "the captures overlap and stand one behind the other: {} in another place than in order of time (`reordercap` sorts them)",
            counted(copied.elsewhere, "packet")
        ));
    }
    if notes.left_out() > 0 {
        say(format_args!(
            "{} are too many to be kept: left out",
            counted(notes.left_out(), "comment")
        ));
    }
    for damage in &copied.damage {
        say(format_args!("left out of the copy: {}", Escaped(damage)));
    }
}

/// A line on standard error; nobody is there to be told of it if that fails.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
