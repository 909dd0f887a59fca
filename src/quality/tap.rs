//! Where the tap was: how long each host takes to answer what passes it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::model::{Connection, EndpointReport};
use crate::population::nearest_rank;

/// Hosts that are listed; the others are counted.
const LISTED: usize = 1_000;

/// A host that answers within this time may be the one that the capture was made on, nanoseconds.
const NEXT_TO_THE_TAP_NS: i64 = 1_000_000;

/// Round trips of one host that are kept for its median.
const SAMPLES: usize = 1_024;

/// The hosts of a capture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hosts {
    /// Those that sent most segments, in that order.
    pub listed: Vec<Host>,
    /// Hosts beyond those.
    pub more: u64,
}

/// One IP address as the tap saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its address.
    pub ip: IpAddr,
    /// Connections that it opened.
    pub as_client: u64,
    /// Connections that it was the server of.
    pub as_server: u64,
    /// Segments that it sent.
    pub segments: u64,
    /// Connections in which nothing from it was captured.
    pub unheard: u64,
    /// Smallest round trip from the tap to the host and back, of all its connections, nanoseconds; null if none could be
    /// measured.
    pub round_trip_ns: Option<i64>,
    /// Half of its connections (of the first thousand measured) had a smallest round trip no longer than this.
    pub median_round_trip_ns: Option<i64>,
    /// The same from the tap to its peers: the smallest.
    pub peers_round_trip_ns: Option<i64>,
    /// Where the tap was.
    pub position: Position,
}

/// Where the tap was, seen from a host.
///
/// An answer contains the host's own work, so a round trip is an upper bound of the distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// At the host or next to it: it answers within a millisecond, and four times faster than its peers.
    AtHost,
    /// At its peers: these answer within a millisecond, and four times faster than it.
    AtPeers,
    /// Somewhere between, or both sides are near.
    Between,
    /// Nothing tells: no round trip was measured on one of the sides.
    Unknown,
}

impl Position {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Position::AtHost => "at this host",
            Position::AtPeers => "at its peers",
            Position::Between => "between",
            Position::Unknown => "unknown",
        }
    }

    fn of(own: Option<i64>, peers: Option<i64>) -> Position {
        let near = |one: i64, other: i64| one < NEXT_TO_THE_TAP_NS && one.saturating_mul(4) <= other;
        match (own, peers) {
            (Some(own), Some(peers)) if near(own, peers) => Position::AtHost,
            (Some(own), Some(peers)) if near(peers, own) => Position::AtPeers,
            (Some(_), Some(_)) => Position::Between,
            (Some(_) | None, None) | (None, Some(_)) => Position::Unknown,
        }
    }
}

#[derive(Default)]
struct Seen {
    as_client: u64,
    as_server: u64,
    segments: u64,
    unheard: u64,
    nearest: Option<i64>,
    samples: Vec<i64>,
    peers: Option<i64>,
}

impl Seen {
    fn note(&mut self, end: &EndpointReport, peer: &EndpointReport) {
        self.segments = self.segments.saturating_add(end.packets);
        self.unheard += u64::from(end.packets == 0);
        self.nearest = least(self.nearest, end.tap_rtt_ns);
        self.peers = least(self.peers, peer.tap_rtt_ns);
        if self.samples.len() < SAMPLES {
            self.samples.extend(end.tap_rtt_ns);
        }
    }
}

/// The smaller one of what there is.
fn least(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

/// The hosts of these connections, by segments sent.
pub fn hosts(connections: &[Connection]) -> Hosts {
    let mut seen: BTreeMap<IpAddr, Seen> = BTreeMap::new();
    for connection in connections {
        let (client, server) = (&connection.endpoints.client, &connection.endpoints.server);
        let entry = seen.entry(connection.client.ip).or_default();
        entry.as_client += 1;
        entry.note(client, server);
        let entry = seen.entry(connection.server.ip).or_default();
        entry.as_server += 1;
        entry.note(server, client);
    }
    let mut all: Vec<(IpAddr, Seen)> = seen.into_iter().collect();
    all.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.segments)); // stable: equal ones stay in order of address
    let more = all.len().saturating_sub(LISTED) as u64;
    all.truncate(LISTED);
    let listed = all.into_iter().map(|(ip, mut seen)| {
        seen.samples.sort_unstable();
        Host {
            ip,
            as_client: seen.as_client,
            as_server: seen.as_server,
            segments: seen.segments,
            unheard: seen.unheard,
            round_trip_ns: seen.nearest,
            median_round_trip_ns: nearest_rank(&seen.samples, 50),
            peers_round_trip_ns: seen.peers,
            position: Position::of(seen.nearest, seen.peers),
        }
    });
    Hosts {
        listed: listed.collect(),
        more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_near_side_is_told_by_the_far_one() {
        let cases = [
            (Some(20_000), Some(30_000_000), Position::AtHost),
            (Some(30_000_000), Some(20_000), Position::AtPeers),
            (Some(20_000), Some(79_999), Position::Between),
            (Some(20_000), Some(80_000), Position::AtHost),
            (Some(5_000_000), Some(30_000_000), Position::Between),
            (Some(20_000), None, Position::Unknown),
            (None, Some(20_000), Position::Unknown),
            (None, None, Position::Unknown),
        ];
        for (own, peers, position) in cases {
            assert_eq!(Position::of(own, peers), position, "{own:?} {peers:?}");
        }
    }
}
