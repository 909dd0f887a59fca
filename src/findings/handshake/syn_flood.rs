//! HS15

use std::collections::{BTreeMap, BTreeSet};

use crate::findings::rule;
use crate::findings::service::{Found, Together};
use crate::model::{Address, Cause, Confidence, Connection, Outcome, Role, State};
use crate::time::human_duration;

/// A flood has its connections within this time, nanoseconds; slower ones fill no queue.
const WITHIN_NS: i64 = 60_000_000_000;
/// Connections named.
const NAMED: usize = 10;

rule! {
    /// Connections to a service are opened in numbers and never completed.
    ///
    /// # Why it matters
    ///
    /// Each SYN takes a place in the service's queue until the handshake is completed or given up. When the queue is full, the
    /// SYNs of others are dropped or answered without options. New SYNs with ever different initial sequence numbers on one
    /// 4-tuple do the same.
    ///
    /// It is one where within a minute as many attempts as the threshold (100 unless set otherwise) were not completed (no
    /// SYN-ACK, or no ACK of the SYN-ACK), and they are more than half of all attempts between the first and the last of them.
    /// Refused connections do not count.
    ///
    /// # What to do
    ///
    /// Look at the sources. Many that never send their SYN again are an attack with forged addresses: SYN cookies let the
    /// others through. A few that do send it again are clients that do not hear the service: if it answered no one, it is
    /// down or filtered.
    ///
    /// # Reference
    ///
    /// RFC 4987; RFC 9293 section 3.5.
    ///
    /// # Example
    ///
    /// ```text
    /// repeat 120 every 0.01
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 1.010 S>C SYN,ACK seq=300 ack=101
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// repeat 120 every 0.01
    /// open
    /// 0.100 C>S PSH,ACK seq=101 ack=301 len=50
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_synack_flood, 3whs_syn_flood.
    "HS15", "syn-flood", Warning,
    on: [],
    excused_by: [OneSided],
    together
}

/// One finding for each flooded service, the one with the most connections first.
pub fn judge(together: &Together<'_>) -> Vec<Found> {
    let mut services: BTreeMap<Address, Vec<&Connection>> = BTreeMap::new();
    for connection in together.connections {
        if connection.handshake.syn_packet.is_some() {
            services.entry(connection.server).or_default().push(connection);
        }
    }
    let least = usize::try_from(together.settings.thresholds.flood_connections).unwrap_or(usize::MAX);
    let mut found: Vec<Found> = (services.into_iter())
        .filter_map(|(server, attempts)| judge_service(server, attempts, least.max(2)))
        .collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.connections));
    found
}

/// The attempt was not completed, and nobody said why.
fn hangs(connection: &Connection) -> bool {
    !connection.handshake.complete
        && match connection.outcome {
            Outcome::Unanswered | Outcome::HalfOpen => true,
            Outcome::Open => gave_way(connection),
            Outcome::Closed
            | Outcome::Reset
            | Outcome::Refused
            | Outcome::HalfClosed
            | Outcome::Closing
            | Outcome::Evicted => false,
        }
}

/// The next SYN took the 4-tuple before the handshake was done.
fn gave_way(connection: &Connection) -> bool {
    let ends = [&connection.endpoints.client, &connection.endpoints.server];
    let mut last = ends.into_iter().filter_map(|end| end.transitions.last());
    last.any(|step| {
        step.cause == Cause::NewIncarnation && matches!(step.from, State::SynSent | State::SynReceived)
    })
}

fn judge_service(server: Address, mut attempts: Vec<&Connection>, least: usize) -> Option<Found> {
    attempts.sort_by_key(|connection| (connection.first_time, connection.id));
    let hanging: Vec<(usize, &Connection)> = (attempts.iter().enumerate())
        .filter(|(_, connection)| hangs(connection))
        .map(|(place, connection)| (place, *connection))
        .collect();
    // Every row of `least` of them in which they are dense enough; `flood` is what those rows cover.
    let mut flood: Vec<(usize, &Connection)> = Vec::new();
    let mut covered = 0;
    for (start, row) in hanging.windows(least).enumerate() {
        let [(first_place, first), .., (last_place, last)] = row else {
            continue;
        };
        let all = last_place - first_place + 1;
        if 2 * least > all && last.first_time.since(first.first_time) <= WITHIN_NS {
            let new = covered.max(start);
            flood.extend(row.iter().skip(new - start));
            covered = start + least;
        }
    }
    let ((first_place, first), (last_place, last)) = (*flood.first()?, *flood.last()?);
    Some(about(server, first, last, last_place - first_place + 1, &flood))
}

fn about(
    server: Address,
    first: &Connection,
    last: &Connection,
    attempts: usize,
    flood: &[(usize, &Connection)],
) -> Found {
    let all = || flood.iter().map(|(_, connection)| *connection);
    let count = flood.len();
    let span = last.first_time.since(first.first_time);
    let rate = count as i128 * 1_000_000_000 / i128::from(span.max(1_000_000));
    let sources: BTreeSet<_> = all().map(|connection| connection.client.ip).collect();
    let tuples: BTreeSet<_> = all().map(|connection| connection.client).collect();
    let unanswered = all().filter(|connection| connection.endpoints.server.packets == 0).count();
    let again = all().filter(|connection| connection.handshake.syn_retransmissions > 0).count();
    let one_sided = all().any(|connection| connection.quality.one_sided);
    let mut message = format!(
        "{count} of {attempts} connections to {server} in {} were never completed ({rate}/s), from {}",
        human_duration(span),
        plural(sources.len(), "address", "addresses"),
    );
    if tuples.len() < count {
        message += &format!(" and {}", plural(tuples.len(), "4-tuple", "4-tuples"));
    }
    message += &match unanswered {
        0 => "; the SYN-ACK of each was never acknowledged".to_owned(),
        _ if unanswered == count => "; none was answered".to_owned(),
        _ => format!("; {unanswered} were not answered, the other SYN-ACKs never acknowledged"),
    };
    if again > 0 {
        message += &format!("; {again} sent their SYN again");
    }
    Found {
        confidence: Confidence::Likely,
        server: Some(server),
        client: sources.first().copied().filter(|_| sources.len() == 1),
        endpoint: Some(Role::Client),
        connections: count as u64,
        ids: all().take(NAMED).map(|connection| connection.id).collect(),
        at: Some(first.first_time),
        message,
        weakened_by: if one_sided { vec!["one-sided"] } else { Vec::new() },
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
