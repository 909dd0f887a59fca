//! Half-closes by the endpoint that does not close: how many are open, since when, and what tells a leak.
//!
//! A half-close lasts from the moment when one side entered CLOSE-WAIT (RFC 9293 section 3.6) until it left it. RFC 9293
//! sets no limit to it. One that is open at the end of the capture has lasted at least so long.

mod half_close;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::curve::Sweep;
use super::grouped::{Grouped, Lots, Names};
use super::{CURVES, Curve, Span, Spread};
use crate::model::{Address, Connection, Numbers, Role, Usual};
use crate::time::Timestamp;
pub use half_close::KeptHalfClose;
use half_close::{EndedBy, EndedOne, HalfClose, Kept, OpenOne, PeerIs};

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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
        Holder {
            process: process.filter(|_| by == By::Process).map(str::to_owned),
            ..Holder::between(connection.client.ip, connection.server, endpoint, by)
        }
    }

    /// See [`Holder::of`]; of no process.
    fn between(client: IpAddr, server: Address, endpoint: Role, by: By) -> Holder {
        let (server, client) = (Some(server), Some(client));
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
            process: None,
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
    let mut half_closes = HalfCloses::new(by, min_age_ns);
    let mut groups = Groups::default();
    for connection in connections {
        match half_closes.take(connection) {
            Taken::Not => {}
            Taken::Ended(side) => groups.ended.push(groups.names.number(holder(connection, side))),
            Taken::Open(side) => groups.open.push(groups.names.number(holder(connection, side))),
        }
    }
    half_closes.told(groups, span)
}

/// Half-closes of a capture, collected from one connection after the other. Of those that ended little is kept.
pub struct HalfCloses {
    by: By,
    min_age_ns: i64,
    shorter: u64,
    ended: Lots<EndedOne>,
    open: Vec<OpenOne>,
}

/// What became of a connection that was looked at, with the side in CLOSE-WAIT.
enum Taken {
    Not,
    Ended(Role),
    Open(Role),
}

/// Groups of half-closes, and the number of the group of each.
#[derive(Default)]
struct Groups {
    names: Names<Holder>,
    ended: Vec<u32>,
    open: Vec<u32>,
}

impl HalfCloses {
    /// None yet. See [`leaks`] for what they are grouped by, and which are left out.
    pub fn new(by: By, min_age_ns: i64) -> HalfCloses {
        HalfCloses {
            by,
            min_age_ns,
            shorter: 0,
            ended: Lots::default(),
            open: Vec::new(),
        }
    }

    /// Looks at the next connection.
    pub fn add(&mut self, connection: &Connection) {
        self.take(connection);
    }

    /// As [`HalfCloses::add`] of the connection that it stands for.
    #[cfg(test)]
    pub(crate) fn add_usual(&mut self, usual: &Usual) {
        match EndedOne::of_usual(usual) {
            Some(one) if one.ns < self.min_age_ns => self.shorter += 1,
            Some(one) => self.ended.push(one),
            None => {}
        }
    }

    /// Takes those of connections that come behind the ones that were looked at.
    pub fn merge(&mut self, later: HalfCloses) {
        self.shorter += later.shorter;
        self.ended.append(later.ended);
        self.open.extend(later.open);
    }

    /// Takes what was kept of one elsewhere; all of them count, however short.
    pub fn add_kept(&mut self, kept: KeptHalfClose) {
        match kept.0 {
            Kept::Ended(one) => self.ended.push(one),
            Kept::Open(one) => self.open.push(one),
        }
    }

    fn take(&mut self, connection: &Connection) -> Taken {
        let Some(half_close) = HalfClose::of(connection) else {
            return Taken::Not;
        };
        if half_close.ns < self.min_age_ns {
            self.shorter += 1;
            return Taken::Not;
        }
        if connection.close.half_close_open {
            self.open.push(half_close.still_open());
            Taken::Open(half_close.endpoint)
        } else {
            self.ended.push(half_close.ended());
            Taken::Ended(half_close.endpoint)
        }
    }

    /// Groups them. `span` is the time that the capture covers.
    pub fn leaks(self, span: Span) -> Leaks {
        let by = self.by;
        let mut groups = Groups::default();
        for one in self.ended.iter() {
            groups.ended.push(groups.names.number(one.ends.holder(by)));
        }
        for one in &self.open {
            groups.open.push(groups.names.number(one.ends.holder(by)));
        }
        self.told(groups, span)
    }

    fn told(self, groups: Groups, span: Span) -> Leaks {
        let HalfCloses {
            by,
            min_age_ns,
            shorter,
            ..
        } = self;
        let stays = self.ended.iter().map(EndedOne::stay);
        let sweep = Sweep::of(stays.chain(self.open.iter().map(OpenOne::stay)));
        let durations: Vec<i64> = self.ended.iter().map(|one| one.ns).collect();
        let peak = sweep.peak();
        let make = |holder, ended: &[_], open: &[_]| LeakGroup::of(holder, ended, open, span);
        let mut groups = self.groups(groups, |_| true, make);
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

    /// What is overdue in the groups with so many open half-closes or more, in the order of [`Leaks::groups`]. The others are
    /// not looked at. `end` is the end of the capture; those that `usual` ones stand for are there, too, where they matter.
    pub(crate) fn overdue(mut self, least: u64, end: Timestamp, usual: &Lots<Usual>) -> Vec<Leaking> {
        if (self.open.len() as u64) < least {
            return Vec::new();
        }
        let by = self.by;
        let mut groups = Groups::default();
        for one in &self.open {
            groups.open.push(groups.names.number(one.ends.holder(by)));
        }
        // Those of groups that are not wanted belong to none.
        let names = &groups.names;
        let known = |one: &EndedOne| names.known(&one.ends.holder(by)).unwrap_or(u32::MAX);
        let usual = usual.iter().filter_map(EndedOne::of_usual);
        usual
            .filter(|one| one.ns >= self.min_age_ns && known(one) != u32::MAX)
            .for_each(|one| self.ended.push(one));
        groups.ended = self.ended.iter().map(known).collect();
        let mut groups = self.groups(
            groups,
            |open| open.len() as u64 >= least,
            |holder, ended, open| {
                let overdue = overdue(ended, open, end);
                let all = open.iter().filter(|one| one.overdue(overdue.limit_ns, end));
                Leaking {
                    holder,
                    open: open.len() as u64,
                    oldest_ns: open.iter().map(|one| one.ns).max().unwrap_or(0),
                    behind: all.map(|one| one.id).collect(),
                    overdue,
                    ended: ended.len() as u64,
                    ended_ns: Spread::of(ended.iter().map(|one| one.ns).collect()),
                }
            },
        );
        groups.sort_by_key(|group| Reverse((group.open, group.overdue.open, group.oldest_ns, group.ended)));
        groups
    }

    /// What `make` makes of the groups whose open half-closes are `wanted`, in the order of their names. Open ones are given
    /// in the order of time.
    fn groups<G>(
        self,
        groups: Groups,
        wanted: impl Fn(&[OpenOne]) -> bool,
        make: impl Fn(Holder, &[EndedOne], &[OpenOne]) -> G,
    ) -> Vec<G> {
        let count = groups.names.len();
        let mut open = Grouped::of(&self.open, &groups.open, count);
        let mut holders: Vec<(Holder, usize)> = (groups.names.into_iter())
            .filter(|(_, group)| wanted(open.group(*group)))
            .collect();
        if holders.is_empty() {
            return Vec::new();
        }
        holders.sort_unstable();
        let ended = Grouped::of(self.ended.iter(), &groups.ended, count);
        let groups = holders.into_iter().map(|(holder, group)| {
            let open = open.group_mut(group);
            open.sort_unstable_by_key(|one| (one.since, one.id));
            make(holder, ended.group(group), open)
        });
        groups.collect()
    }
}

/// A group of half-closes, as far as it is overdue.
#[derive(Debug, Clone)]
pub struct Leaking {
    /// Who does not close.
    pub holder: Holder,
    /// Open at the end of the capture.
    pub open: u64,
    /// How long the oldest of them has lasted, nanoseconds.
    pub oldest_ns: i64,
    /// Those that ordinary work does not explain.
    pub overdue: Overdue,
    /// The ids of all of those.
    pub behind: Numbers,
    /// How many ended.
    pub ended: u64,
    /// How long those had lasted; none if there are none.
    pub ended_ns: Option<Spread>,
}

impl LeakGroup {
    fn of(holder: Holder, ended: &[EndedOne], open: &[OpenOne], span: Span) -> LeakGroup {
        let sweep = Sweep::of(
            ended
                .iter()
                .map(EndedOne::stay)
                .chain(open.iter().map(OpenOne::stay)),
        );
        let curve = sweep.curve(span);
        let peak = sweep.peak();
        let (peers, peers_total) = peers(&holder, open);
        LeakGroup {
            holder,
            open: open.len() as u64,
            peak: peak.map_or(0, |(count, _)| count),
            peak_at: peak.map(|(_, at)| at),
            growth_milli_per_minute: curve.growth_milli_per_minute(),
            open_ns: Spread::of(open.iter().map(|one| one.ns).collect()),
            ended: count_ended(ended),
            ended_ns: Spread::of(ended.iter().map(|one| one.ns).collect()),
            request: request(open),
            peer: peer(open),
            unacknowledged_bytes: sum(open.iter().filter_map(|one| one.unacknowledged_bytes)),
            sent_bytes: sum(open.iter().filter_map(|one| one.sent_bytes)),
            overdue: overdue(ended, open, span.to),
            peers,
            peers_total,
            oldest: open.iter().take(NAMED).map(oldest).collect(),
            open_ids: open.iter().map(|one| one.id).collect(),
            curve: Some(curve),
        }
    }
}

fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

fn oldest(one: &OpenOne) -> Oldest {
    Oldest {
        id: one.id,
        client: one.client,
        server: one.ends.server,
        since: one.since,
        age_ns: one.ns,
        request_answered: one.request_answered,
        sent_bytes: one.sent_bytes,
    }
}

fn count_ended(ended: &[EndedOne]) -> Ended {
    let mut counts = Ended::default();
    for one in ended {
        counts.total += 1;
        let count = match one.by {
            EndedBy::Fin => &mut counts.by_fin,
            EndedBy::OwnReset => &mut counts.by_own_reset,
            EndedBy::PeerReset => &mut counts.by_peer_reset,
            EndedBy::Other => &mut counts.otherwise,
        };
        *count += 1;
    }
    counts
}

fn request(open: &[OpenOne]) -> Request {
    let mut request = Request::default();
    for one in open {
        match one.request_answered {
            Some(true) => request.answered += 1,
            Some(false) => request.not_answered += 1,
            None => request.unknown += 1,
        }
    }
    request
}

fn peer(open: &[OpenOne]) -> Peer {
    let mut peer = Peer::default();
    for one in open {
        let count = match one.peer {
            PeerIs::There => &mut peer.there,
            PeerIs::Silent => &mut peer.silent,
            PeerIs::Gone => &mut peer.gone,
            PeerIs::NotAsked => &mut peer.not_asked,
        };
        *count += 1;
    }
    peer
}

/// `open` is in order of time.
fn overdue(ended: &[EndedOne], open: &[OpenOne], end: Timestamp) -> Overdue {
    let own = || ended.iter().filter(|one| one.itself());
    let usual = Spread::of(own().map(|one| one.ns).collect());
    let limit_ns = usual
        .map_or(0, |usual| usual.p99_ns.saturating_mul(2))
        .max(SHORT_NS);
    let mut overdue = Overdue {
        limit_ns,
        ended: own().filter(|one| one.ns > limit_ns).count() as u64,
        ..Overdue::default()
    };
    for one in open.iter().filter(|one| one.overdue(limit_ns, end)) {
        overdue.open += 1;
        overdue.certain += u64::from(one.proven && one.ns > LONG_NS);
        overdue.one_sided += u64::from(one.one_sided);
        overdue.lossy += u64::from(one.lossy);
        overdue.sound += u64::from(!one.one_sided && !one.lossy);
        overdue.oldest_since.get_or_insert(one.since);
        if overdue.ids.len() < NAMED {
            overdue.ids.push(one.id);
        }
    }
    overdue
}

/// The most frequent peers (or servers, where the group is about none) of open half-closes, and how many peers there are.
fn peers(holder: &Holder, open: &[OpenOne]) -> (Vec<PeerCount>, u64) {
    let mut counts: BTreeMap<(IpAddr, Option<u16>), u64> = BTreeMap::new();
    for one in open {
        let (client, server) = (one.client, one.ends.server);
        let peer = match (one.ends.endpoint, holder.server) {
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
