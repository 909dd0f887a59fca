//! Arguments of `explain`.

use clap::{Args, ValueEnum};

use super::screen::ScreenArgs;

pub(super) const EXAMPLES: &str = "\
Examples:
  tcptrace-states explain                      all that can be explained, on one screen
  tcptrace-states explain CLOSE-WAIT           a state: what it is for, what is normal, what to do
  tcptrace-states explain TW05                 a rule, by code or name; `TW*` lists a family
  tcptrace-states explain close.half_close_ns  a field of the JSON contract
  tcptrace-states explain EXIT                 the exit codes
  tcptrace-states explain presumed             any other word of the output";

/// `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A rule's code or name, a state, a field, EXIT, or any word of the output
    #[arg(value_name = "WORD")]
    pub word: Option<String>,
    /// The table of all rules
    #[arg(long, conflicts_with = "word")]
    pub rules: bool,
    /// How the text is written
    #[arg(short = 'F', long, value_name = "FORMAT", default_value = "text")]
    pub format: TextFormat,
    /// How it is drawn.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    /// For a terminal
    Text,
    /// Markdown
    Markdown,
}
