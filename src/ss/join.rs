//! Which socket belongs to which end of which connection.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use serde::Serialize;

use super::{Listing, Socket};
use crate::model::{Address, Connection, EndpointReport, Role, State};

/// A socket by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketRef {
    /// Index of the listing.
    pub listing: usize,
    /// Index in [`Listing::sockets`].
    pub socket: usize,
}

impl SocketRef {
    /// The socket itself; `None` if these are not the listings that were joined.
    pub fn find(self, listings: &[Listing]) -> Option<&Socket> {
        listings.get(self.listing)?.sockets.get(self.socket)
    }
}

/// Whether the state of a socket fits the state that the capture shows at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// It is the same.
    Same,
    /// It can be reached from there (RFC 9293 figure 5): the socket has moved on since, or one of the two is not known.
    Later,
    /// It cannot: the listing is older than the end of the capture, belongs to another life of the 4-tuple or to
    /// another network namespace, or the capture lacks packets.
    Contradicts,
}

impl Fit {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Fit::Same => "same",
            Fit::Later => "later",
            Fit::Contradicts => "contradicts",
        }
    }
}

/// The socket of one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The socket. Of several, one of the last listing; there, the one that fits best.
    pub socket: SocketRef,
    /// Whether its state fits.
    pub fit: Fit,
    /// How many sockets have this 4-tuple, in all listings.
    pub candidates: usize,
}

/// A connection with at least one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// Index of the connection.
    pub connection: usize,
    /// Its number.
    pub id: u64,
    /// The client's socket.
    pub client: Option<Match>,
    /// The server's socket.
    pub server: Option<Match>,
}

impl Joined {
    /// The socket of one end.
    pub fn end(&self, role: Role) -> Option<Match> {
        match role {
            Role::Client => self.client,
            Role::Server => self.server,
        }
    }
}

/// A connection that should have a socket and has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithoutSocket {
    /// Index of the connection.
    pub connection: usize,
    /// Its number.
    pub id: u64,
    /// A listing has sockets with the address of one of its ends. If so, it was closed before the listing or is in another
    /// network namespace; if not, the listings are probably of other hosts, or an address was translated (NAT).
    pub host_listed: bool,
}

/// A socket that belongs to no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stray {
    /// The socket.
    pub socket: SocketRef,
    /// Why.
    pub reason: StrayReason,
}

/// Why a socket belongs to no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrayReason {
    /// The capture does not have its 4-tuple: another interface, another time, or a translated address (NAT).
    NotCaptured,
    /// The capture has it, but the connection with this number was over at its end: the listing is older, or the 4-tuple
    /// has a new life since.
    Over(u64),
}

/// Connections and sockets, brought together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Join {
    /// Connections with sockets, in order of connections.
    pub joined: Vec<Joined>,
    /// Connections that should have a socket and have none, in order of connections.
    pub without_socket: Vec<WithoutSocket>,
    /// Sockets without connection, in order of listings. LISTEN, CLOSED and sockets without peer are left out.
    pub without_connection: Vec<Stray>,
}

/// Local and peer address.
type Tuple = (Address, Address);

/// The sockets of one 4-tuple.
#[derive(Default)]
struct Candidates {
    count: usize,
    /// The latest in each state, with it. There are few states.
    latest: Vec<(State, SocketRef)>,
}

/// Brings listings and connections together by their 4-tuples. A listing may come from either host or hold both ends;
/// where several show a 4-tuple the last one counts, so give them in order of time. Only the last life of a 4-tuple takes
/// part, and only if one of its ends is not CLOSED or LISTEN. Takes time linear in sockets and connections.
pub fn join(listings: &[Listing], connections: &[Connection]) -> Join {
    let mut sockets: HashMap<Tuple, Candidates> = HashMap::new();
    let mut hosts: HashSet<IpAddr> = HashSet::new();
    for (at, socket) in all_sockets(listings) {
        if let Some(local) = socket.local.address() {
            hosts.insert(local.ip);
        }
        if let Some(tuple) = tuple(socket) {
            let candidates = sockets.entry(tuple).or_default();
            candidates.count += 1;
            match candidates
                .latest
                .iter_mut()
                .find(|(state, _)| *state == socket.state)
            {
                Some((_, latest)) => *latest = at,
                None => candidates.latest.push((socket.state, at)),
            }
        }
    }

    let mut join = Join::default();
    let mut over: HashMap<Tuple, u64> = HashMap::new();
    let mut taken: HashSet<Tuple> = HashSet::new();
    for index in last_lives(connections) {
        let Some(connection) = connections.get(index) else {
            continue;
        };
        let ends = [
            (connection.client, connection.server),
            (connection.server, connection.client),
        ];
        if is_over(connection) {
            over.extend(ends.map(|tuple| (tuple, connection.id)));
            continue;
        }
        taken.extend(ends);
        let [client, server] = ends;
        let client = choose(sockets.get(&client), &connection.endpoints.client);
        let server = choose(sockets.get(&server), &connection.endpoints.server);
        if client.is_some() || server.is_some() {
            join.joined.push(Joined {
                connection: index,
                id: connection.id,
                client,
                server,
            });
        } else {
            join.without_socket.push(WithoutSocket {
                connection: index,
                id: connection.id,
                host_listed: hosts.contains(&connection.client.ip) || hosts.contains(&connection.server.ip),
            });
        }
    }
    for (at, socket) in all_sockets(listings) {
        if let Some(tuple) = tuple(socket)
            && !taken.contains(&tuple)
        {
            let reason = match over.get(&tuple) {
                Some(id) => StrayReason::Over(*id),
                None => StrayReason::NotCaptured,
            };
            join.without_connection.push(Stray { socket: at, reason });
        }
    }
    join
}

/// Whether a socket in state `socket` can be the endpoint that the capture left in state `mirrored`.
pub fn fit(mirrored: State, socket: State) -> Fit {
    if mirrored == socket {
        Fit::Same
    } else if socket == State::Unknown || later(mirrored).contains(&socket) {
        Fit::Later
    } else {
        Fit::Contradicts
    }
}

/// The states that figure 5 reaches from a state within one life, RST and abort included.
fn later(state: State) -> &'static [State] {
    use State::*;
    const OPENED: [State; 8] = [
        Established,
        FinWait1,
        FinWait2,
        CloseWait,
        Closing,
        LastAck,
        TimeWait,
        Closed,
    ];
    match state {
        Unknown => &State::ALL,
        Listen => &State::ALL,
        SynSent => &[
            SynReceived,
            Established,
            FinWait1,
            FinWait2,
            CloseWait,
            Closing,
            LastAck,
            TimeWait,
            Closed,
        ],
        SynReceived => &OPENED,
        Established => &[FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait, Closed],
        FinWait1 => &[FinWait2, Closing, TimeWait, Closed],
        FinWait2 => &[TimeWait, Closed],
        CloseWait => &[LastAck, Closed],
        Closing => &[TimeWait, Closed],
        LastAck => &[Closed],
        TimeWait => &[Closed],
        Closed => &[],
    }
}

fn all_sockets(listings: &[Listing]) -> impl Iterator<Item = (SocketRef, &Socket)> {
    listings.iter().enumerate().flat_map(|(listing, content)| {
        let sockets = content.sockets.iter().enumerate();
        sockets.map(move |(socket, content)| (SocketRef { listing, socket }, content))
    })
}

/// The 4-tuple of a socket; `None` for one that has no connection.
fn tuple(socket: &Socket) -> Option<Tuple> {
    match socket.state {
        State::Listen | State::Closed => None,
        State::SynSent
        | State::SynReceived
        | State::Established
        | State::FinWait1
        | State::FinWait2
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait
        | State::Unknown => Some((socket.local.address()?, socket.peer.address()?)),
    }
}

/// Indices of the last life of every 4-tuple, in order. VLANs and tunnels keep equal 4-tuples apart: each has its own
/// last life.
fn last_lives(connections: &[Connection]) -> Vec<usize> {
    type Around<'a> = (&'a [u16], &'a [String]);
    let mut last: HashMap<(Address, Address, Around<'_>), (u32, usize)> = HashMap::new();
    for (index, connection) in connections.iter().enumerate() {
        let low = connection.client.min(connection.server);
        let high = connection.client.max(connection.server);
        let life = (connection.incarnation, index);
        let around = (connection.vlans.as_slice(), connection.tunnels.as_slice());
        let known = last.entry((low, high, around)).or_insert(life);
        *known = life.max(*known);
    }
    let mut indices: Vec<usize> = last.into_values().map(|(_, index)| index).collect();
    indices.sort_unstable();
    indices
}

/// Whether no end has a socket any more, as far as the capture shows.
fn is_over(connection: &Connection) -> bool {
    let has_none = |end: &EndpointReport| matches!(end.state, State::Closed | State::Listen);
    has_none(&connection.endpoints.client) && has_none(&connection.endpoints.server)
}

/// The socket that counts for an endpoint.
fn choose(candidates: Option<&Candidates>, end: &EndpointReport) -> Option<Match> {
    // An endpoint that the capture never saw leave CLOSED may have opened unseen.
    let never_moved = end.state == State::Closed && end.transitions.is_empty();
    let mirrored = if never_moved { State::Listen } else { end.state };
    let candidates = candidates?;
    let rated = candidates
        .latest
        .iter()
        .map(|(state, socket)| (fit(mirrored, *state), *socket));
    let (fit, socket) = rated.max_by_key(|(fit, socket)| (socket.listing, Reverse(*fit), socket.socket))?;
    Some(Match {
        socket,
        fit,
        candidates: candidates.count,
    })
}

#[cfg(test)]
mod tests;
