//! Arguments of `diff`.

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Args, ValueEnum};

use super::screen::ScreenArgs;
use super::{ProgressWhen, ReadingArgs};
use crate::model::Severity;
use crate::time::time_wait;

pub(super) const EXAMPLES: &str = "\
OLD and NEW are captures, or reports that were saved with --format jsonl or json; the content tells which.
Findings are compared by rule, service and side; client addresses and ephemeral ports play no part.

Examples:
  tcptrace-states diff before.pcapng after.pcapng
  tcptrace-states before.pcapng --format jsonl > before.jsonl
  tcptrace-states diff before.jsonl after.pcapng --fail-on-new warning

Exit codes: 0 compared; 1 there is a new finding at or above --fail-on-new; 2 wrong usage or unreadable input;
with --fail-on-new, 3 if nothing is new but a side is damaged, cut off or had connections evicted; 4 the output could not be
written; 130 interrupted, nothing is compared.";

/// `diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// What was before: a capture or a saved report; `-` is standard input
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// What is now
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Exit with 1 if a finding at or above this level is new
    #[arg(long, value_name = "LEVEL")]
    pub fail_on_new: Option<Level>,
    /// How the output is written
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "table")]
    pub format: DiffFormat,
    /// The maximum segment lifetime, for captures: see the default command
    #[arg(long, value_name = "MSL", default_value = "linux", value_parser = ValueParser::new(time_wait))]
    pub msl: i64,
    /// Write a report of NEW, a capture, as one HTML file, with what changed since OLD
    #[arg(long, help_heading = "Reports", value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How captures are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// How it is drawn.
    #[command(flatten)]
    pub screen: ScreenArgs,
    /// A progress bar on standard error, for long runs on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressWhen,
}

/// How a difference is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// Markdown, for a review or a ticket
    Markdown,
}

/// A severity as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Worth knowing
    Note,
    /// Somebody should look
    Warning,
    /// A rule of the protocol is broken, or a program is
    Error,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Severity {
        match level {
            Level::Note => Severity::Note,
            Level::Warning => Severity::Warning,
            Level::Error => Severity::Error,
        }
    }
}
