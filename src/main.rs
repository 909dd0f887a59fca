//! The program: reads the arguments, runs the command, turns what comes back into an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use owo_colors::OwoColorize;

use tcptrace_states::cli::{Cli, Command};
use tcptrace_states::report::escape::Escaped;

mod commands;

use commands::Verdict;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        None => commands::list::run(&cli.list),
        Some(Command::Show(args)) => commands::show::run(args),
        Some(Command::Diff(args)) => commands::diff::run(args),
        Some(Command::Explain(args)) => commands::explain::run(args),
        Some(Command::Schema(_)) => commands::schema::run(),
        Some(Command::Leaks(args)) => commands::leaks::run(args),
        Some(Command::TimeWait(args)) => commands::time_wait::run(args),
    };
    exit_code(result)
}

/// The one place that knows exit codes and that writes to standard error when all is done.
fn exit_code(result: anyhow::Result<Verdict>) -> ExitCode {
    match result {
        // What was read is a result, and every output says that it is incomplete.
        Ok(verdict) => {
            if !verdict.complete && verdict.damage.is_empty() {
                complain("warning", "the capture is incomplete");
            }
            verdict.damage.iter().for_each(|text| complain("warning", text));
            if verdict.failed {
                ExitCode::from(1)
            } else {
                ExitCode::SUCCESS
            }
        }
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS, // who reads the output has seen enough
        Err(error) => {
            complain("error", &format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// One line on standard error. If even that cannot be written there is nobody left to tell.
fn complain(level: &str, text: &str) {
    let level = format!("{level}:");
    let _ = writeln!(anstream::stderr(), "{} {}", level.red().bold(), Escaped(text));
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
