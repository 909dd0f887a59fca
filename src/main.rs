//! The program: reads the arguments, runs the command, turns what comes back into an exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use owo_colors::OwoColorize;

use tcptrace_states::check::config::ConfigError;
use tcptrace_states::cli::{Cli, Command};
use tcptrace_states::report::escape::Escaped;

mod commands;

use commands::{Checked, Done, Unwritten};

/// Exit codes. Where several hold, an earlier one of [`Code::NoResult`], [`Code::Unwritten`], [`Code::Fails`],
/// [`Code::Incomplete`] is told: whatever makes what follows less certain.
enum Code {
    /// Done, and nothing fails.
    Done = 0,
    /// `check`: something fails.
    Fails = 1,
    /// Wrong usage, wrong configuration, unreadable input: there is no result. clap uses the same number.
    NoResult = 2,
    /// `check`: nothing fails, but the input was damaged or cut off, or connections were evicted.
    Incomplete = 3,
    /// There is a result, but it could not be written.
    Unwritten = 4,
}

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
        Some(Command::Check(args)) => commands::check::run(args),
    };
    let code = match result {
        Ok(done) => end(&done),
        Err(error) => give_up(&error),
    };
    ExitCode::from(code as u8)
}

/// What was read is a result, and every output says that it is incomplete.
fn end(done: &Done) -> Code {
    if !done.complete && done.damage.is_empty() {
        complain("warning", "the capture is incomplete");
    }
    done.damage.iter().for_each(|text| complain("warning", text));
    for unwritten in &done.unwritten {
        complain("error", &told(unwritten));
    }
    match &done.checked {
        _ if !done.unwritten.is_empty() => Code::Unwritten,
        None => Code::Done,
        Some(Checked::Fails) => Code::Fails,
        Some(Checked::Passes) if !done.complete => Code::Incomplete,
        Some(Checked::Passes) => Code::Done,
    }
}

fn give_up(error: &anyhow::Error) -> Code {
    if let Some(unwritten) = error.downcast_ref::<Unwritten>() {
        if unwritten.is_closed_pipe() {
            return Code::Done;
        }
        complain("error", &told(unwritten));
        return Code::Unwritten;
    }
    match error.downcast_ref::<ConfigError>() {
        Some(config) => {
            for fault in &config.faults {
                complain("error", &fault.to_string());
            }
            if config.more > 0 {
                complain("error", &format!("and {} more", config.more));
            }
        }
        None => complain("error", &format!("{error:#}")),
    }
    Code::NoResult
}

/// An error with its causes on one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// One line on standard error. If even that cannot be written there is nobody left to tell.
fn complain(level: &str, text: &str) {
    let level = format!("{level}:");
    let _ = writeln!(anstream::stderr(), "{} {}", level.red().bold(), Escaped(text));
}
