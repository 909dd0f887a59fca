//! One analysis in parts that can be done apart, with the same answer: what a fleet of machines does to captures that no
//! single one could read, and what several threads do.
//!
//! ```text
//!  files ──> FileReader ──> rows ──(sorted by connection, then time)──> Partition ──> Told
//!            one a file     └ FileReport ──> Plan ───────────────────────┘   │
//!                                                                     shares ┴──> Together ──> findings about services
//! ```
//!
//! What is told of a connection depends on its own segments in their order, on the settings, and on a few facts of all files
//! (the [`Plan`]). Nothing in it comes from a running count: a packet has the number that it would have if the files stood
//! behind one another in the order of the plan ([`Plan::number`]), and a connection that of its first packet. For files
//! that do not overlap in time these are the numbers that the program always shows.
//!
//! [`canonical`] writes the same objects as [`report::jsonl`](crate::report::jsonl) in that form, in the order of first
//! packets: octet by octet the same, however the work was divided.

pub mod canonical;
mod config;
mod file;
mod packed;
mod partition;
mod places;
mod plan;
mod run;
mod together;
mod totals;
mod tracking;

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::segment::{Endpoint, Segment, TunnelPath};
use crate::time::Timestamp;

pub use config::Config;
pub use file::{FileReader, FileReport};
pub use packed::{NoSegment, pack, unpack};
pub use partition::{Partition, Share};
pub use plan::Plan;
pub use run::{Outcome, Sink, run};
pub use together::{Together, all_findings, read_finding};
pub use totals::Totals;
pub use tracking::Told;

/// Where a segment stands among those of all files. They are tracked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Effective time: that of the newest packet of its file up to this one.
    pub time: Timestamp,
    /// Rank of its file: see [`Plan::rank`].
    pub file: u32,
    /// Number of its packet in the file, from 1.
    pub number: u64,
}

/// A segment and all that is needed to track it elsewhere.
#[derive(Clone, Debug)]
pub struct Row {
    /// Where it stands. What a [`FileReader`] gives has no rank yet: the plan knows it once all files were read.
    pub position: Position,
    /// The segment; number of packet and tunnel mean nothing in it.
    pub segment: Segment,
    /// The tunnels around it.
    pub tunnels: Option<TunnelPath>,
}

/// What went wrong where a part of the work was done.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// Rows did not come in the order that was promised.
    #[error(
        "segments came out of order: {found} after {before}; rows must be sorted by flow, then time, file and number, and each \
         flow must be in one partition"
    )]
    Order {
        /// The row before.
        before: String,
        /// This one.
        found: String,
    },
    /// A row of a file that the plan does not have.
    #[error("a segment names file {0}, which the plan does not have")]
    File(u32),
    /// What is kept for later cannot be written or read.
    #[error("the temporary file of packet positions: {0}")]
    Places(#[from] std::io::Error),
    /// Something that was to be read back is not what was written.
    #[error("{what}: {reason}")]
    Unreadable {
        /// What.
        what: &'static str,
        /// Why.
        reason: serde_json::Error,
    },
    /// A connection had to be given up, so that the answer would depend on how the work was divided.
    #[error(
        "{0} connections did not fit into the memory allowed, and without them the result is not the canonical one; raise \
         --max-memory"
    )]
    Evicted(u64),
}

/// See [`flow_octets`]: 37 octets at most, made for each segment.
pub type FlowOctets = SmallVec<[u8; 64]>;

/// The 4-tuple of a segment, whichever side sent it, as octets that stand for it and sort: the IP version, the lower end's
/// address and port, then the higher end's.
pub fn flow_octets(segment: &Segment) -> FlowOctets {
    let (a, b) = (segment.source, segment.destination);
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut octets = FlowOctets::new();
    octets.push(if low.ip.is_ipv4() { 4 } else { 6 });
    for Endpoint { ip, port } in [low, high] {
        match ip {
            IpAddr::V4(ip) => octets.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => octets.extend_from_slice(&ip.octets()),
        }
        octets.extend_from_slice(&port.to_be_bytes());
    }
    octets
}

/// The two ends of a 4-tuple, the lower one first: what [`flow_octets`] was made of. None if it was made of nothing.
pub fn flow_ends(octets: &[u8]) -> Option<[Endpoint; 2]> {
    let (version, ends) = octets.split_first()?;
    let length = match version {
        4 => 4,
        6 => 16,
        _ => return None,
    };
    let end = |octets: &[u8]| -> Option<Endpoint> {
        let (ip, port) = octets.split_at_checked(length)?;
        let ip = match length {
            4 => IpAddr::from(<[u8; 4]>::try_from(ip).ok()?),
            _ => IpAddr::from(<[u8; 16]>::try_from(ip).ok()?),
        };
        let port = u16::from_be_bytes(port.try_into().ok()?);
        Some(Endpoint { ip, port })
    };
    let (low, high) = ends.split_at_checked(length + 2)?;
    Some([end(low)?, end(high)?])
}
