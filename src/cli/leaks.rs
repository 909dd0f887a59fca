//! `leaks`: who does not close.

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::{Args, ValueEnum};

use super::{Common, duration_argument};
use crate::population::By;

pub(super) const EXAMPLES: &str = "\
A half-close that is open when the capture ends has lasted at least so long: such durations carry a `+`.

With --ss or --ss-now the sockets of a host are joined with the connections by address and port: process, pid, descriptor,
and Recv-Q of a socket in CLOSE-WAIT, where the peer's FIN counts as one octet on Linux:
  1      the program never read the end of the stream
  0      it read everything and did not close
  1 + n  it left n octets unread
Take the listing as root, on the host that does not close, when the capture ends: `ss -tanp`, with or without -i, -e and -o.

Examples:
  tcptrace-states leaks capture.pcapng
  tcptrace-states leaks capture.pcapng --by pair --min-age 30s
  tcptrace-states leaks capture.pcapng --port 8080
  tcptrace-states leaks capture.pcapng --ss ss.txt
  ssh host ss -tanp | tcptrace-states leaks capture.pcapng --ss - --by process
  tcptrace-states leaks capture.pcapng --format json | jq '.leaks.groups[].open'";

/// `leaks`.
#[derive(Debug, Args)]
pub struct Leaks {
    /// Captures: files, directories of them, patterns; read as one in time order; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What half-closes are grouped by
    #[arg(long, value_name = "WHAT", default_value = "server")]
    pub by: Grouping,
    /// Leave out half-closes that lasted shorter than this, a duration with its unit
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = ValueParser::new(duration_argument))]
    pub min_age: i64,
    /// A listing of sockets, the output of `ss -tanp` (repeatable, in order of time); `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub ss: Vec<PathBuf>,
    /// Ask this host for its sockets, as `ss -Htanpieo`: where the capture was taken here and has just ended
    #[arg(long)]
    pub ss_now: bool,
    /// Show at most N groups
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// What all commands understand.
    #[command(flatten)]
    pub common: Common,
}

/// What half-closes are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Grouping {
    /// The endpoint in CLOSE-WAIT: the address and port of a server, the address of a client
    Server,
    /// The client, whichever side is in CLOSE-WAIT
    Client,
    /// Client and server
    Pair,
    /// The process that holds the socket and its endpoint; needs --ss or --ss-now
    Process,
}

impl From<Grouping> for By {
    fn from(grouping: Grouping) -> By {
        match grouping {
            Grouping::Server => By::Server,
            Grouping::Client => By::Client,
            Grouping::Pair => By::Pair,
            Grouping::Process => By::Process,
        }
    }
}
