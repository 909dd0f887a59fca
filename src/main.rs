//! The program: reads the arguments, runs the command, turns what comes back into an exit code.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use owo_colors::OwoColorize;

use tcptrace_states::capture::CaptureError;
use tcptrace_states::check::config::ConfigError;
use tcptrace_states::cli::{Cli, Command};
use tcptrace_states::input::InputError;
use tcptrace_states::report::escape::Escaped;

mod commands;

use commands::{Checked, Done, Interrupted, Unwritten, bug, interrupt};

/// Exit codes. Where several hold, an earlier one of [`Code::NoResult`], [`Code::Unwritten`], [`Code::Interrupted`],
/// [`Code::Fails`], [`Code::Incomplete`] is told: whatever makes what follows less certain. A panic has 101, see
/// [`commands::bug`].
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
    /// A signal ended the reading: what was read before is a result, and marked as a part.
    Interrupted = 130,
}

fn main() -> ExitCode {
    bug::tell_panics();
    bug::practise();
    // A system that cannot do it ends the program at the first signal: there is nothing to tell anybody.
    let _ = interrupt::listen();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let result = match &cli.command {
        None => commands::list::run(&cli.list),
        Some(Command::Show(args)) => commands::show::run(args),
        Some(Command::Diff(args)) => commands::diff::run(args),
        Some(Command::Export(args)) => commands::export::run(args),
        Some(Command::Explain(args)) => commands::explain::run(args),
        Some(Command::Schema(_)) => commands::schema::run(),
        Some(Command::Leaks(args)) => commands::leaks::run(args),
        Some(Command::TimeWait(args)) => commands::time_wait::run(args),
        Some(Command::Info(args)) => commands::info::run(args),
        #[cfg(feature = "tui")]
        Some(Command::Tui(args)) => commands::tui::run(args),
        Some(Command::Check(args)) => commands::check::run(args),
    };
    let code = match result {
        Ok(done) => end(&done),
        Err(error) => give_up(&error),
    };
    ExitCode::from(code as u8)
}

/// Help, or what is wrong with the arguments.
fn misused(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    // A shell may have put the name of a file there that nobody has looked at.
    let shown: Vec<String> = text.lines().map(|line| Escaped(line).to_string()).collect();
    let shown = shown.join("\n");
    if shown == text.trim_end_matches('\n') {
        // A help that nobody reads to its end is no error.
        let _ = error.print();
    } else {
        let _ = writeln!(anstream::stderr(), "{shown}");
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Code::NoResult as u8))
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
        _ if !done.complete && interrupt::came() => Code::Interrupted,
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
    let cut_short = |error: &CaptureError| matches!(error, CaptureError::Interrupted { .. });
    let of_input = |error: &InputError| matches!(error, InputError::Capture(error) if cut_short(error));
    if error.is::<Interrupted>()
        || error.downcast_ref().is_some_and(cut_short)
        || error.downcast_ref().is_some_and(of_input)
    {
        complain("error", &format!("{error:#}"));
        return Code::Interrupted;
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
