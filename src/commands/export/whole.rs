//! `export --to canonical` and `--to parquet`: the whole result, by several threads.

use std::io::{self, BufWriter, Write};

#[cfg(feature = "parquet")]
use anyhow::Context;
use anyhow::bail;

use tcptrace_states::analyze::Settings;
use tcptrace_states::cli::Export;
use tcptrace_states::fleet::canonical::Lines;
use tcptrace_states::fleet::{self, Outcome, Sink};
use tcptrace_states::report::escape::Escaped;
use tcptrace_states::report::look::counted;

use super::super::{Done, Interrupted, Unwritten, interrupt, reading_by};
use super::{name, say, write};

/// `export --to canonical`.
pub fn canonical(args: &Export, settings: &Settings) -> anyhow::Result<Done> {
    all_of_them(args, "canonical")?;
    let mut result = None;
    let written = write(&args.output, |out| {
        let mut out = BufWriter::new(out);
        match run(args, settings, &mut Lines::to(&mut out)) {
            Ok(outcome) => {
                result = Some(Ok(outcome));
                out.flush()
            }
            Err(error) => match error.downcast::<io::Error>() {
                Ok(error) => Err(error),
                Err(error) => {
                    result = Some(Err(error));
                    Err(io::Error::other("there is no result"))
                }
            },
        }
    });
    match (result, written) {
        (Some(Err(error)), _) => Err(error),
        (_, Err(error)) => Err(Unwritten::new(name(&args.output), error).into()),
        (Some(Ok(outcome)), Ok(())) => Ok(done(args, &outcome)),
        (None, Ok(())) => Ok(Done::sound()),
    }
}

/// `export --to parquet`.
#[cfg(feature = "parquet")]
pub fn parquet(args: &Export, settings: &Settings) -> anyhow::Result<Done> {
    all_of_them(args, "parquet")?;
    if args.output.as_os_str() == "-" {
        bail!("Parquet is several files; name a folder with --output");
    }
    let mut tables = tcptrace_states::export::parquet::Tables::in_folder(&args.output, args.segments)?;
    let outcome = run(args, settings, &mut tables)
        .with_context(|| format!("{} is not whole", Escaped(&name(&args.output))))?;
    Ok(done(args, &outcome))
}

fn all_of_them(args: &Export, kind: &str) -> anyhow::Result<()> {
    if !args.selection.is_empty() {
        bail!("--to {kind} has all connections; leave the selection to what reads it");
    }
    Ok(())
}

fn run(args: &Export, settings: &Settings, sink: &mut dyn Sink) -> anyhow::Result<Outcome> {
    let outcome = reading_by(&settings.files, args.progress, |stop, progress| {
        fleet::run(settings, args.threads, stop, progress, sink)
    })?;
    if interrupt::came() {
        return Err(Interrupted("nothing is exported of a part").into());
    }
    Ok(outcome)
}

fn done(args: &Export, outcome: &Outcome) -> Done {
    say(format_args!(
        "{}: {} of {}",
        Escaped(&name(&args.output)),
        counted(outcome.summary.connections, "connection"),
        counted(outcome.capture.packets, "packet")
    ));
    Done::of_capture(&outcome.capture)
}
