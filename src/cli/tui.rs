//! Arguments of `tui`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::ValueParser;

use super::{Color, ReadingArgs, ScreenArgs, SelectionArgs, severity_parser};
use crate::model::Severity;
use crate::time::time_wait;

pub(super) const EXAMPLES: &str = "\
Connections are listed while the capture is read; what is shown then is what stands so far. ? shows all keys.

Examples:
  tcptrace-states tui capture.pcapng
  tcptrace-states tui ring/ --addr 10.0.0.5:8080       only these connections
  tcptrace-states tui capture.pcapng --color never     letters and marks say it all, as with NO_COLOR
  In it: f filters (state:close-wait port:443 finding:TW04 10.0.0.9), s sorts, Enter opens, t shows the timeline, q ends";

/// `tui`.
#[derive(Debug, Args)]
pub struct Tui {
    /// Captures: files, directories of them, patterns; read as one in time order
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Which connections to list.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The maximum segment lifetime: see the default command
    #[arg(long, value_name = "MSL", default_value = "linux", value_parser = ValueParser::new(time_wait))]
    pub msl: i64,
    /// How captures are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Findings from this severity on
    #[arg(long, value_name = "LEVEL", default_value = "note", value_parser = severity_parser())]
    pub severity: Severity,
    /// When to use colours; `auto` heeds NO_COLOR
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Draw with ASCII characters only
    #[arg(long)]
    pub ascii: bool,
}

impl Tui {
    /// How it is drawn: as wide as the terminal is.
    pub fn screen(&self) -> ScreenArgs {
        ScreenArgs {
            color: self.color,
            ascii: self.ascii,
            width: None,
        }
    }
}
