//! `export`.

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Args, ValueEnum};

use super::{ProgressWhen, ReadingArgs, SelectionArgs, severity_parser};
use crate::model::Severity;
use crate::time::time_wait;

/// Examples below the help.
pub const EXAMPLES: &str = "\
Examples:
  tcptrace-states export capture.pcapng --to pcapng -o commented.pcapng
  tcptrace-states export capture.pcapng --to pcapng -o short.pcapng --only matters --finding 'TW*'
  tcptrace-states export ring/ --to pcapng -o all.pcapng
  tcptrace-states export capture.pcapng --to lua -o states.lua
  wireshark -X lua_script:states.lua capture.pcapng -Y 'tcptrace.server.state == \"CLOSE-WAIT\"'";

/// `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Captures: regular files, because they are read twice. Several become one pcapng file, one behind the other, each with its
    /// own interfaces; a plug-in is for one
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What is made of it
    #[arg(long, value_name = "KIND")]
    pub to: ExportKind,
    /// Where it is written; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// With --to pcapng: which packets are copied
    #[arg(long, value_name = "PACKETS", default_value = "all")]
    pub only: Only,
    /// With --to parquet: the TCP segments, too
    #[cfg(feature = "parquet")]
    #[arg(long)]
    pub segments: bool,
    /// With --to canonical and parquet: threads that track connections beside the one that reads
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// Which connections are told of.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// The maximum segment lifetime: a TIME-WAIT lasts twice that. A duration (30s, 2m, 500ms) is one MSL; a name
    /// stands for a system's 2 MSL: linux and bsd 60 s, windows 120 s, rfc 240 s
    #[arg(long, value_name = "MSL", default_value = "linux", value_parser = ValueParser::new(time_wait))]
    pub msl: i64,
    /// How captures are read.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Findings from this severity on
    #[arg(long, value_name = "LEVEL", default_value = "note", value_parser = severity_parser())]
    pub severity: Severity,
    /// A progress bar on standard error, for long runs on a terminal
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressWhen,
}

/// What is made of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportKind {
    /// The capture again, with a comment on each packet that changed a state or shows a finding
    Pcapng,
    /// A plug-in for Wireshark: the states of this capture as fields to filter by, and for columns
    Lua,
    /// JSON Lines that are the same octet by octet however the work is divided: ids and packets are numbered file by file
    Canonical,
    /// A folder of Parquet files: connections, transitions, findings, and the quality of each file
    #[cfg(feature = "parquet")]
    Parquet,
}

/// Which packets are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// All of them
    All,
    /// Those of the selected connections
    Selected,
    /// Of those the ones with SYN, FIN or RST and the ones that are commented
    Matters,
}
