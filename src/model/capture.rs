//! The capture as a whole, and the totals.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Address, PacketNumber, Severity};
use crate::time::Timestamp;

/// The capture: where it came from and how good it is. First line of a JSON Lines stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Capture {
    /// Version of this contract.
    pub schema_version: u32,
    /// The program and its version.
    pub program: String,
    /// The files read, as they were named.
    pub files: Vec<String>,
    /// Formats of the files: `pcap`, `pcap-ns`, `pcapng`.
    pub formats: Vec<String>,
    /// Names of the link types seen, in order of appearance.
    pub link_types: Vec<String>,
    /// Packets read.
    pub packets: u64,
    /// Packets that gave a TCP segment to a connection. `packets` is this plus all of `skipped`.
    pub tcp_segments: u64,
    /// Packets that gave no TCP segment, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Packets among the TCP segments that the snap length cut.
    pub cut_segments: u64,
    /// Of these, those that were cut inside the TCP header: options are missing.
    pub cut_headers: u64,
    /// Segments seen twice by the capture itself (a mirror port, `any` on a router), among the TCP segments.
    pub duplicate_segments: u64,
    /// Octets that the capture lacks although they were acknowledged.
    pub missed_bytes: u64,
    /// Connections of which only one side was captured.
    pub one_sided_connections: u64,
    /// Packets whose time stamp lies before that of the packet before.
    pub time_steps_back: u64,
    /// The longest of these steps; null without any.
    pub longest_step_back: Option<Step>,
    /// The longest time without any packet; null with fewer than two packets.
    pub longest_pause: Option<Step>,
    /// Packets of any kind that the snap length cut.
    pub cut_packets: u64,
    /// Packets that the capturing system says it dropped; null if the files do not tell.
    pub kernel_drops: Option<u64>,
    /// Checksums of the TCP segments; null unless they were verified (`--verify-checksums`).
    pub checksums: Option<Checksums>,
    /// IP fragments.
    pub fragments: Fragments,
    /// Segments whose copies in other files were not looked for to the end, because too many came within the window.
    pub copies_not_looked_for: u64,
    /// Segments from tunnels that were not told apart any more, because too many were seen.
    pub tunnels_not_told_apart: u64,
    /// Entries of directories that were named which are no captures.
    pub entries_passed_over: u64,
    /// Time of the earliest packet; null if there is none.
    pub first_time: Option<Timestamp>,
    /// Time of the latest packet; null if there is none.
    pub last_time: Option<Timestamp>,
    /// Snap length that the file states, if it does.
    pub snap_length: Option<u32>,
    /// False if the input was damaged or cut off: what follows covers only what was read before.
    pub complete: bool,
    /// What was wrong with the input, where, and what to do.
    pub damage: Vec<String>,
    /// Octets of the input that could not be read and were passed over; reading went on behind them.
    pub passed_over_bytes: u64,
    /// Connections that were given up for a limit of memory or number. Nothing is shown of them, and what came later of one
    /// of them stands as a connection without a beginning.
    pub evicted_connections: u64,
    /// The servers with most of the evicted connections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evicted_servers: Vec<EvictedServer>,
    /// 2 MSL in force for the TIME-WAIT timer, nanoseconds.
    pub time_wait_ns: i64,
    /// Findings below this severity were left out.
    pub findings_from: Severity,
}

/// A place where the clock of the capture makes a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The packet behind it.
    pub packet: PacketNumber,
    /// Its size, nanoseconds.
    pub ns: i64,
}

/// What became of the checksums of TCP segments (RFC 9293 section 3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checksums {
    /// Right.
    pub good: u64,
    /// Wrong, and offloading does not explain it.
    pub bad: u64,
    /// Left to the network card: captured on the sending host before they were filled in.
    pub offloaded: u64,
    /// Not all octets of the segment were captured.
    pub not_captured: u64,
    /// Of `bad`: those where the checksum of the IPv4 header is wrong.
    pub bad_ip_headers: u64,
}

impl Checksums {
    /// Segments whose checksum could be told right or wrong.
    pub fn verified(&self) -> u64 {
        self.good.saturating_add(self.bad)
    }
}

/// What became of IP fragments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fragments {
    /// Fragments taken in: of packets with TCP, a tunnel, or UDP that might hold one.
    pub packets: u64,
    /// IP packets put together from them.
    pub reassembled: u64,
    /// IP packets that could not be put together: a fragment is missing, or there was no room to keep it.
    pub incomplete: u64,
    /// Fragments that overlap another one with other content; the octets that came first count.
    pub overlaps: u64,
}

/// Totals. Last line of a JSON Lines stream, so that a reader can tell a complete run from one that was cut off.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Summary {
    /// Packets read.
    pub packets: u64,
    /// TCP segments given to connections.
    pub tcp_segments: u64,
    /// Packets skipped, all reasons together.
    pub skipped_packets: u64,
    /// Connections (incarnations) in the capture, evicted ones included.
    pub connections: u64,
    /// Connections that the selection left to be shown.
    pub connections_selected: u64,
    /// Connections by outcome, evicted ones under `evicted`.
    pub outcomes: BTreeMap<String, u64>,
    /// Connections that were given up for a limit, by what they were then: `unanswered`, `leftover` (one segment without a
    /// beginning, or stray RSTs), `half-open`, `closed`, `ended` (reset, refused or replaced), `open`, `half-closed`. They go
    /// in this order.
    pub evicted: BTreeMap<&'static str, u64>,
    /// Endpoints by their state at the end of the capture.
    pub states: BTreeMap<String, u64>,
    /// Transitions reported, by evidence.
    pub transitions: BTreeMap<String, u64>,
    /// Findings by code, exactly, whether or not a view shows them.
    pub findings: BTreeMap<&'static str, FindingTotal>,
    /// False if the input was damaged or cut off.
    pub complete: bool,
    /// The capture as it was in the end, in a stream that was written while the capture grew (`--follow`): its first line
    /// could not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<Box<Capture>>,
}

/// Evicted connections of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvictedServer {
    /// Address and port.
    pub server: Address,
    /// How many at least: up to one in 256 of all may be missing.
    pub connections: u64,
}

/// How often a rule fired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindingTotal {
    /// Connections (or services) with this finding.
    pub findings: u64,
    /// Repeats counted.
    pub count: u64,
    /// Of the findings, those that are errors.
    pub errors: u64,
    /// Of the findings, those that are warnings.
    pub warnings: u64,
    /// Of the findings, those that are notes. What is left is information.
    pub notes: u64,
}
