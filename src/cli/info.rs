//! `info`: the quality of a capture.

use std::path::PathBuf;

use clap::Args;

use super::Common;

pub(super) const EXAMPLES: &str = "\
Examples:
  tcptrace-states info capture.pcapng         what the capture holds, what it lacks, and where it was made
  tcptrace-states info ring*.pcap             many files as one, each with its times
  tcptrace-states info capture.pcapng --format json | jq '.capture.skipped'";

/// `info`.
#[derive(Debug, Args)]
pub struct Info {
    /// Captures (pcap or pcapng), read one after another as one; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Show at most N rows of each table
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// What all commands understand.
    #[command(flatten)]
    pub common: Common,
}
