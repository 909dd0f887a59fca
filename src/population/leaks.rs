//! Half-closes by the endpoint that does not close: how many are open, since when, and what tells a leak.
//!
//! A half-close lasts from the moment when one side entered CLOSE-WAIT (RFC 9293 section 3.6) until it left it. RFC 9293
//! sets no limit to it. One that is open at the end of the capture has lasted at least so long.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::curve::{Stay, Sweep};
use super::{CURVES, Curve, Span, Spread};
use crate::model::{Address, Cause, Connection, EndpointReport, Role, State};
use crate::time::Timestamp;

const SECOND: i64 = 1_000_000_000;
/// Open half-closes described one by one, and peers named, of a group.
const NAMED: usize = 10;
/// A half-close younger than this is open in ordinary traffic, too.
const SHORT_NS: i64 = SECOND;
/// A half-close older than this is hardly work in progress.
const LONG_NS: i64 = 30 * SECOND;
/// A half-close that carried payload within this time before the end of the capture is in use.
const IN_USE_NS: i64 = 3 * SECOND;

/// Half-closes of a capture, grouped.
#[derive(Debug, Clone, Serialize)]
pub struct Leaks {
    /// The time that the capture covers.
    pub span: Span,
    /// What the groups are.
    pub by: By,
    /// Half-closes that lasted shorter than this, nanoseconds, are left out of everything but `shorter`.
    pub min_age_ns: i64,
    /// Half-closes left out because they were shorter.
    pub shorter: u64,
    /// Open at the end of the capture, all groups together.
    pub open: u64,
    /// The most that were open at the same time, all groups together.
    pub peak: u64,
    /// When there were so many first; null if there never was one.
    pub peak_at: Option<Timestamp>,
    /// Ended before the end of the capture, all groups together.
    pub ended: u64,
    /// How long those had lasted; null if there are none.
    pub ended_ns: Option<Spread>,
    /// All groups together over time.
    pub curve: Curve,
    /// Most open first.
    pub groups: Vec<LeakGroup>,
}

/// What half-closes are grouped by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// The endpoint in CLOSE-WAIT: the address and port of a server, the address of a client.
    #[default]
    Server,
    /// The address of the client, whichever side is in CLOSE-WAIT.
    Client,
    /// Both.
    Pair,
    /// The process that has the socket, where that is known.
    Process,
}

/// What the half-closes of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Holder {
    /// The side in CLOSE-WAIT.
    pub endpoint: Role,
    /// The server; null where the group is not about one.
    pub server: Option<Address>,
    /// The client; null where the group is not about one.
    pub client: Option<IpAddr>,
    /// The process that has the sockets in CLOSE-WAIT; null where it is not known.
    pub process: Option<String>,
}

impl Holder {
    /// The group of a half-close in which `endpoint` is in CLOSE-WAIT. `process` counts only where that is asked for.
    pub fn of(connection: &Connection, endpoint: Role, by: By, process: Option<&str>) -> Holder {
        let (server, client) = (Some(connection.server), Some(connection.client.ip));
        let (server, client) = match (by, endpoint) {
            (By::Server | By::Process, Role::Server) => (server, None),
            (By::Server | By::Process, Role::Client) | (By::Client, Role::Client | Role::Server) => {
                (None, client)
            }
            (By::Pair, Role::Client | Role::Server) => (server, client),
        };
        Holder {
            endpoint,
            server,
            client,
            process: process.filter(|_| by == By::Process).map(str::to_owned),
        }
    }
}

/// The half-closes of one group.
#[derive(Debug, Clone, Serialize)]
pub struct LeakGroup {
    /// Who does not close.
    #[serde(flatten)]
    pub holder: Holder,
    /// Open at the end of the capture.
    pub open: u64,
    /// The most that were open at the same time.
    pub peak: u64,
    /// When there were so many first.
    pub peak_at: Option<Timestamp>,
    /// Thousandths of a connection per minute: see [`Curve::growth_milli_per_minute`].
    pub growth_milli_per_minute: i64,
    /// How long the open ones have lasted; lower bounds. Null if none is open.
    pub open_ns: Option<Spread>,
    /// How many ended, by what ended them.
    pub ended: Ended,
    /// How long those had lasted; null if there are none.
    pub ended_ns: Option<Spread>,
    /// Of the open ones: whether the request had been answered when the peer sent its FIN.
    pub request: Request,
    /// Of the open ones: what is known of the peer.
    pub peer: Peer,
    /// Of the open ones: octets of the peer's payload that the side in CLOSE-WAIT has not acknowledged.
    pub unacknowledged_bytes: u64,
    /// Of the open ones: octets that the side in CLOSE-WAIT sent in it.
    pub sent_bytes: u64,
    /// Open half-closes that ordinary work does not explain.
    pub overdue: Overdue,
    /// Who is at the other end of the open ones, the most frequent first; the first few. Where the group is about a client
    /// and its servers are in CLOSE-WAIT, those servers.
    pub peers: Vec<PeerCount>,
    /// How many there are.
    pub peers_total: u64,
    /// The oldest open ones, the oldest first; the first few.
    pub oldest: Vec<Oldest>,
    /// Ids of all open ones, the oldest first.
    pub open_ids: Vec<u64>,
    /// The count over time; null but for the first hundred groups.
    pub curve: Option<Curve>,
}

/// What ended half-closes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// All of them.
    pub total: u64,
    /// The side in CLOSE-WAIT sent its FIN.
    pub by_fin: u64,
    /// The side in CLOSE-WAIT sent a RST.
    pub by_own_reset: u64,
    /// The peer sent a RST: it had gone, or given up.
    pub by_peer_reset: u64,
    /// Something else: a new connection took the 4-tuple.
    pub otherwise: u64,
}

/// Whether the side in CLOSE-WAIT had sent payload after the last payload of its peer, before the FIN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Request {
    /// It had: the answer is out, and only the close is missing.
    pub answered: u64,
    /// It had not: the request may still be in work, or was never read.
    pub not_answered: u64,
    /// The peer had sent no payload, or the capture does not show it.
    pub unknown: u64,
}

/// What is known of the peers since they closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// Still there: it answered keepalives, or sent some.
    pub there: u64,
    /// It was asked and did not answer.
    pub silent: u64,
    /// Gone: it sent a RST.
    pub gone: u64,
    /// Nobody asked.
    pub not_asked: u64,
}

/// Open half-closes that ordinary work, cut off by the end of the capture, does not explain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Overdue {
    /// From when on one is overdue, nanoseconds: twice the 99th percentile of those that the endpoint ended itself (by a
    /// FIN or a RST of its own), and at least one second.
    pub limit_ns: i64,
    /// Open ones that have lasted longer, those still in use left out: payload passed in CLOSE-WAIT, and the last segment
    /// less than three seconds before the end of the capture.
    pub open: u64,
    /// Those that the endpoint itself ended, but later than that.
    pub ended: u64,
    /// Of the open ones: segments of the endpoint itself prove CLOSE-WAIT, and it has lasted for more than 30 s.
    pub certain: u64,
    /// Of the open ones: only one side was captured; its FIN may have passed unseen.
    pub one_sided: u64,
    /// Of the open ones: segments are missing in the capture.
    pub lossy: u64,
    /// Of the open ones: neither of these two faults.
    pub sound: u64,
    /// The oldest of the open ones; null if there are none.
    pub oldest_since: Option<Timestamp>,
    /// Ids of the open ones, the oldest first; the first few.
    pub ids: Vec<u64>,
}

/// How many open half-closes there are with a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerCount {
    /// Its address.
    pub ip: IpAddr,
    /// Its port, if it is a server.
    pub port: Option<u16>,
    /// Open half-closes with it.
    pub open: u64,
}

/// An open half-close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oldest {
    /// Id of the connection.
    pub id: u64,
    /// Its client.
    pub client: Address,
    /// Its server.
    pub server: Address,
    /// Since when it is open.
    pub since: Timestamp,
    /// How long at least, nanoseconds.
    pub age_ns: i64,
    /// Whether the request had been answered; null if that is not known.
    pub request_answered: Option<bool>,
    /// Octets that the side in CLOSE-WAIT sent in it.
    pub sent_bytes: Option<u64>,
}

/// Groups the half-closes of these connections. `span` is the time that the capture covers.
pub fn leaks(connections: &[Connection], span: Span, by: By, min_age_ns: i64) -> Leaks {
    leaks_with(connections, span, by, min_age_ns, |connection, endpoint| {
        Holder::of(connection, endpoint, by, None)
    })
}

/// As [`leaks`], with groups made by the caller: `holder` is given each connection with a half-close and the side in
/// CLOSE-WAIT.
pub fn leaks_with(
    connections: &[Connection],
    span: Span,
    by: By,
    min_age_ns: i64,
    holder: impl Fn(&Connection, Role) -> Holder,
) -> Leaks {
    let mut shorter = 0;
    let mut all = Vec::new();
    let mut durations = Vec::new();
    let mut groups: BTreeMap<Holder, Vec<HalfClose<'_>>> = BTreeMap::new();
    for half_close in connections.iter().filter_map(HalfClose::of) {
        if half_close.ns < min_age_ns {
            shorter += 1;
            continue;
        }
        all.push(half_close.stay());
        durations.extend((!half_close.open).then_some(half_close.ns));
        let key = holder(half_close.connection, half_close.endpoint);
        groups.entry(key).or_default().push(half_close);
    }
    let sweep = Sweep::of(&all);
    let peak = sweep.peak();
    let mut groups: Vec<LeakGroup> = (groups.into_iter())
        .map(|(holder, members)| LeakGroup::of(holder, members, span))
        .collect();
    // Stable: equal ones stay in the order of their names.
    groups.sort_by_key(|group| {
        let oldest = group.open_ns.map_or(0, |spread| spread.max_ns);
        Reverse((group.open, group.overdue.open, oldest, group.ended.total))
    });
    for group in groups.iter_mut().skip(CURVES) {
        group.curve = None;
    }
    Leaks {
        span,
        by,
        min_age_ns,
        shorter,
        open: sweep.now(),
        peak: peak.map_or(0, |(count, _)| count),
        peak_at: peak.map(|(_, at)| at),
        ended: durations.len() as u64,
        ended_ns: Spread::of(durations),
        curve: sweep.curve(span),
        groups,
    }
}

/// One half-close, as the model tells it.
struct HalfClose<'a> {
    connection: &'a Connection,
    /// The side in CLOSE-WAIT.
    endpoint: Role,
    since: Timestamp,
    ns: i64,
    open: bool,
}

impl<'a> HalfClose<'a> {
    fn of(connection: &'a Connection) -> Option<HalfClose<'a>> {
        let close = &connection.close;
        Some(HalfClose {
            connection,
            endpoint: close.close_wait_endpoint?,
            since: close.close_wait_since?,
            ns: close.half_close_ns?,
            open: close.half_close_open,
        })
    }

    fn stay(&self) -> Stay {
        Stay {
            from: self.since,
            until: (!self.open).then(|| self.since.plus(self.ns)),
        }
    }

    fn side(&self, role: Role) -> &'a EndpointReport {
        match role {
            Role::Client => &self.connection.endpoints.client,
            Role::Server => &self.connection.endpoints.server,
        }
    }

    fn own(&self) -> &'a EndpointReport {
        self.side(self.endpoint)
    }

    fn peer(&self) -> &'a EndpointReport {
        self.side(self.endpoint.other())
    }

    /// What made the endpoint leave CLOSE-WAIT.
    fn ended_by(&self) -> Option<Cause> {
        let mut steps = self.own().transitions.iter();
        steps.find(|step| step.to == State::CloseWait)?;
        steps.next().map(|step| step.cause)
    }

    fn ended_itself(&self) -> bool {
        !self.open && matches!(self.ended_by(), Some(Cause::FinSent | Cause::RstSent))
    }

    /// The peer uses it: legal for as long as it likes (section 3.6).
    fn in_use(&self, end: Timestamp) -> bool {
        let carried = self.connection.close.half_close_bytes.unwrap_or(0) > 0;
        carried && end.since(self.connection.last_time) < IN_USE_NS
    }

    fn proven(&self) -> bool {
        let mut steps = self.own().transitions.iter();
        steps.any(|step| step.to == State::CloseWait && step.evidence.is_proof())
    }
}

impl LeakGroup {
    fn of(holder: Holder, mut members: Vec<HalfClose<'_>>, span: Span) -> LeakGroup {
        members.sort_by_key(|member| (member.since, member.connection.id));
        let stays: Vec<Stay> = members.iter().map(HalfClose::stay).collect();
        let sweep = Sweep::of(&stays);
        let curve = sweep.curve(span);
        let peak = sweep.peak();
        let open: Vec<&HalfClose<'_>> = members.iter().filter(|member| member.open).collect();
        let ages = |open: bool| -> Vec<i64> {
            let those = members.iter().filter(|member| member.open == open);
            those.map(|member| member.ns).collect()
        };
        let (peers, peers_total) = peers(&holder, &open);
        LeakGroup {
            holder,
            open: open.len() as u64,
            peak: peak.map_or(0, |(count, _)| count),
            peak_at: peak.map(|(_, at)| at),
            growth_milli_per_minute: curve.growth_milli_per_minute(),
            open_ns: Spread::of(ages(true)),
            ended: ended(&members),
            ended_ns: Spread::of(ages(false)),
            request: request(&open),
            peer: peer(&open),
            unacknowledged_bytes: sum(open.iter().filter_map(|one| one.peer().unacknowledged_bytes)),
            sent_bytes: sum(open
                .iter()
                .filter_map(|one| one.connection.close.half_close_bytes)),
            overdue: overdue(&members, span.to),
            peers,
            peers_total,
            oldest: open.iter().take(NAMED).map(|one| oldest(one)).collect(),
            open_ids: open.iter().map(|one| one.connection.id).collect(),
            curve: Some(curve),
        }
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn oldest(one: &HalfClose<'_>) -> Oldest {
    Oldest {
        id: one.connection.id,
        client: one.connection.client,
        server: one.connection.server,
        since: one.since,
        age_ns: one.ns,
        request_answered: one.connection.close.request_answered,
        sent_bytes: one.connection.close.half_close_bytes,
    }
}

fn ended(members: &[HalfClose<'_>]) -> Ended {
    let mut ended = Ended::default();
    for member in members.iter().filter(|member| !member.open) {
        ended.total += 1;
        let count = match member.ended_by() {
            Some(Cause::FinSent) => &mut ended.by_fin,
            Some(Cause::RstSent) => &mut ended.by_own_reset,
            Some(Cause::RstReceived) => &mut ended.by_peer_reset,
            Some(
                Cause::SynSent
                | Cause::SynReceived
                | Cause::SynAcknowledged
                | Cause::FinReceived
                | Cause::FinAcknowledged
                | Cause::NewIncarnation
                | Cause::FirstSeen
                | Cause::Timer,
            )
            | None => &mut ended.otherwise,
        };
        *count += 1;
    }
    ended
}

fn request(open: &[&HalfClose<'_>]) -> Request {
    let mut request = Request::default();
    for one in open {
        match one.connection.close.request_answered {
            Some(true) => request.answered += 1,
            Some(false) => request.not_answered += 1,
            None => request.unknown += 1,
        }
    }
    request
}

fn peer(open: &[&HalfClose<'_>]) -> Peer {
    let mut peer = Peer::default();
    for one in open {
        let probed = one.connection.close.half_close_probes;
        let probed = probed.is_some_and(|probes| probes.client > 0 || probes.server > 0);
        let silent = one.peer().owes_answer.is_some_and(|owed| owed.since >= one.since);
        let count = match (one.peer().state == State::Closed, silent, probed) {
            (true, _, _) => &mut peer.gone,
            (false, true, _) => &mut peer.silent,
            (false, false, true) => &mut peer.there,
            (false, false, false) => &mut peer.not_asked,
        };
        *count += 1;
    }
    peer
}

fn overdue(members: &[HalfClose<'_>], end: Timestamp) -> Overdue {
    let own = || members.iter().filter(|member| member.ended_itself());
    let usual = Spread::of(own().map(|member| member.ns).collect());
    let limit_ns = usual
        .map_or(0, |usual| usual.p99_ns.saturating_mul(2))
        .max(SHORT_NS);
    let mut overdue = Overdue {
        limit_ns,
        ended: own().filter(|member| member.ns > limit_ns).count() as u64,
        ..Overdue::default()
    };
    let late = |member: &&HalfClose<'_>| member.open && member.ns > limit_ns && !member.in_use(end);
    for member in members.iter().filter(late) {
        let quality = &member.connection.quality;
        let lossy = quality.missed_bytes > 0 || quality.inferred_segments > 0;
        overdue.open += 1;
        overdue.certain += u64::from(member.proven() && member.ns > LONG_NS);
        overdue.one_sided += u64::from(quality.one_sided);
        overdue.lossy += u64::from(lossy);
        overdue.sound += u64::from(!quality.one_sided && !lossy);
        overdue.oldest_since.get_or_insert(member.since); // they are in order
        if overdue.ids.len() < NAMED {
            overdue.ids.push(member.connection.id);
        }
    }
    overdue
}

/// The most frequent peers (or servers, where the group is about none) of open half-closes, and how many peers there are.
fn peers(holder: &Holder, open: &[&HalfClose<'_>]) -> (Vec<PeerCount>, u64) {
    let mut counts: BTreeMap<(IpAddr, Option<u16>), u64> = BTreeMap::new();
    for one in open {
        let (client, server) = (one.connection.client, one.connection.server);
        let peer = match (one.endpoint, holder.server) {
            (Role::Server, Some(_)) => (client.ip, None),
            (Role::Client, _) | (Role::Server, None) => (server.ip, Some(server.port)),
        };
        *counts.entry(peer).or_default() += 1;
    }
    let mut peers: Vec<PeerCount> = (counts.into_iter())
        .map(|((ip, port), open)| PeerCount { ip, port, open })
        .collect();
    let total = peers.len() as u64;
    peers.sort_by_key(|peer| Reverse(peer.open)); // stable: equal ones stay in the order of addresses
    peers.truncate(NAMED);
    (peers, total)
}
