//! `time-wait`: who holds TIME-WAIT.

use std::path::PathBuf;

use clap::Args;

use super::Common;

pub(super) const EXAMPLES: &str = "\
TIME-WAIT lasts 2 MSL (see --msl); that it ended by time is the clock's word, no segment shows it.

Examples:
  tcptrace-states time-wait capture.pcapng
  tcptrace-states time-wait capture.pcapng --msl windows --ephemeral-ports 16384
  tcptrace-states time-wait capture.pcapng --format json | jq '.time_wait.pressure[0]'";

/// `time-wait`.
#[derive(Debug, Args)]
pub struct TimeWait {
    /// Captures: files, directories of them, patterns; read as one in time order; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Ports that a client has for connections to one service [default: 28232, that of Linux]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub ephemeral_ports: Option<u32>,
    /// Show at most N rows of each table
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// What all commands understand.
    #[command(flatten)]
    pub common: Common,
}
