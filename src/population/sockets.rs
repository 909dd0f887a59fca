//! What listings of sockets (`ss`) say about the connections of a capture, and about half-closes above all: which process
//! holds the socket in CLOSE-WAIT, and how far it has read.
//!
//! A listing is a moment, and hardly ever the moment at which the capture ends. What it says is told beside what the
//! capture shows and never changes it; where both cannot be true, that is told, too.

use std::collections::{BTreeMap, HashMap};

use serde::{Serialize, Serializer};

use super::By;
use super::leaks::{Holder, LeakGroup, Leaks};
use crate::model::{Address, Connection, Role, State};
use crate::ss::{
    Fit, Info, Join, Joined, Listing, Match, Process, RecvQ, Socket, Stray, StrayReason, Timer,
    WithoutSocket, join,
};

/// Connections and sockets that stayed alone and are described one by one. A busy host has very many.
const DESCRIBED: usize = 1_000;
/// Processes named where several hold one socket.
const NAMED: usize = 3;

/// Listings and the connections that they were joined with.
pub struct Listings<'a> {
    names: &'a [String],
    listings: &'a [Listing],
    join: Join,
    by_id: HashMap<u64, Joined>,
}

/// What listings say about the connections of a view.
#[derive(Debug, Clone, Serialize)]
pub struct Sockets {
    /// The listings, in order of time.
    pub listings: Vec<Source>,
    /// Open half-closes whose endpoint in CLOSE-WAIT has a listed socket.
    pub open_joined: u64,
    /// Endpoints whose socket is in a state that cannot follow the one in the capture: see [`Fit::Contradicts`].
    pub contradicting: u64,
    /// Endpoints whose socket is in CLOSE-WAIT, though they were not when the capture ended.
    pub close_wait_since: u64,
    /// What is said about each group of half-closes, in the order of [`Leaks::groups`].
    pub groups: Vec<GroupSockets>,
    /// Connections with at least one listed socket, in order of their ids.
    pub connections: Vec<ConnectionSockets>,
    /// Connections that should have a socket and have none in any listing.
    pub without_socket: WithoutSockets,
    /// Sockets that belong to no connection of the capture, whichever connections were selected.
    pub without_connection: WithoutConnections,
}

/// A listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The file, or the command.
    pub name: String,
    /// TCP sockets in it.
    pub sockets: u64,
    /// Sockets of other protocols.
    pub not_tcp: u64,
    /// Sockets left out because they have names in place of numbers.
    pub unresolved: u64,
    /// Lines that are no socket.
    pub unparsable: u64,
    /// Sockets without a state.
    pub without_state: u64,
    /// Sockets with the name of at least one process.
    pub with_process: u64,
}

/// The listed sockets of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionSockets {
    /// Id of the connection.
    pub id: u64,
    /// The client's socket; null if none is listed.
    pub client: Option<EndSocket>,
    /// The server's socket; null if none is listed.
    pub server: Option<EndSocket>,
}

impl ConnectionSockets {
    /// The socket of one end.
    pub fn end(&self, role: Role) -> Option<&EndSocket> {
        match role {
            Role::Client => self.client.as_ref(),
            Role::Server => self.server.as_ref(),
        }
    }
}

/// The socket of one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndSocket {
    /// What the listing says of it.
    #[serde(flatten)]
    pub socket: ListedSocket,
    /// The state in which the capture left this end.
    pub captured_state: State,
    /// Whether the state in the listing can follow it.
    pub fit: Fit,
    /// Sockets with this 4-tuple in all listings; the one above is the latest, or of the latest the one that fits best.
    pub candidates: u64,
}

/// What a listing says of a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedSocket {
    /// Index of the listing in [`Sockets::listings`].
    pub listing: u64,
    /// Its state; UNKNOWN where the listing has no such column.
    pub state: State,
    /// Octets, and the peer's FIN, that came and were not read.
    pub recv_q: u64,
    /// Octets, and the own FIN, that were not acknowledged.
    pub send_q: u64,
    /// What Recv-Q says: `never-read-end`, `read-end-not-closed`, `left-unread`; null unless the state is CLOSE-WAIT.
    #[serde(serialize_with = "by_name")]
    pub reading: Option<RecvQ>,
    /// Octets of data left unread; null unless the state is CLOSE-WAIT.
    pub unread_bytes: Option<u64>,
    /// Whether the program has not called accept() yet; null where the listing does not tell (`ss -e` does).
    pub waits_for_accept: Option<bool>,
    /// The processes that hold it, with the names that they chose; empty where the listing names none.
    pub processes: Vec<Process>,
    /// The running timer (`ss -o`); null if there is none.
    pub timer: Option<Timer>,
    /// The user who owns it (`ss -e`); null for the user 0.
    pub uid: Option<u32>,
    /// Its inode (`ss -e`); 0 if no process has it.
    pub inode: Option<u64>,
    /// Counters (`ss -i`).
    pub info: Info,
}

impl ListedSocket {
    fn new(socket: &Socket, listing: usize) -> ListedSocket {
        let reading = socket.reading();
        ListedSocket {
            listing: listing as u64,
            state: socket.state,
            recv_q: socket.recv_q,
            send_q: socket.send_q,
            reading,
            unread_bytes: reading.map(RecvQ::unread),
            waits_for_accept: socket.waits_for_accept(),
            processes: socket.processes.clone(),
            timer: socket.timer,
            uid: socket.uid,
            inode: socket.inode,
            info: socket.info,
        }
    }
}

fn by_name<S: Serializer>(reading: &Option<RecvQ>, serializer: S) -> Result<S::Ok, S::Error> {
    reading.map(RecvQ::name).serialize(serializer)
}

/// What listings say about the open half-closes of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GroupSockets {
    /// The socket of the endpoint in CLOSE-WAIT is listed.
    pub joined: u64,
    /// Only the peer's socket is listed: the listing is of the other host.
    pub peer_only: u64,
    /// Neither is.
    pub without_socket: u64,
    /// Of the joined ones: the program has not called accept(). They have no process yet, and Recv-Q says nothing of it.
    pub not_accepted: u64,
    /// Of the joined ones: states in the listing that are not CLOSE-WAIT.
    pub other_states: Vec<OtherState>,
    /// Who holds the other joined ones, the most frequent first.
    pub processes: Vec<ProcessSockets>,
}

/// A state in the listing that the capture does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OtherState {
    /// The state in the listing.
    pub state: State,
    /// Whether it can follow CLOSE-WAIT.
    pub fit: Fit,
    /// How many sockets are in it.
    pub count: u64,
}

/// The sockets of open half-closes that a process holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessSockets {
    /// Its name and number, `java pid 4121`; the first few where several hold the same sockets; null where the listing
    /// names none.
    pub process: Option<String>,
    /// How many.
    pub sockets: u64,
    /// What Recv-Q says of those in CLOSE-WAIT.
    pub readings: Readings,
}

/// Sockets in CLOSE-WAIT by what Recv-Q says of their program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Readings {
    /// Recv-Q 1: see [`RecvQ::NeverReadEnd`].
    pub never_read_end: u64,
    /// Recv-Q 0: see [`RecvQ::ReadEndNotClosed`].
    pub read_end_not_closed: u64,
    /// More: see [`RecvQ::LeftUnread`].
    pub left_unread: u64,
    /// Octets that those left unread, together.
    pub unread_bytes: u64,
}

impl Readings {
    fn add(&mut self, reading: RecvQ) {
        match reading {
            RecvQ::NeverReadEnd => self.never_read_end += 1,
            RecvQ::ReadEndNotClosed => self.read_end_not_closed += 1,
            RecvQ::LeftUnread(octets) => {
                self.left_unread += 1;
                self.unread_bytes = self.unread_bytes.saturating_add(octets);
            }
        }
    }

    /// Both together.
    pub fn and(self, other: Readings) -> Readings {
        Readings {
            never_read_end: self.never_read_end + other.never_read_end,
            read_end_not_closed: self.read_end_not_closed + other.read_end_not_closed,
            left_unread: self.left_unread + other.left_unread,
            unread_bytes: self.unread_bytes.saturating_add(other.unread_bytes),
        }
    }
}

/// Connections that should have a socket and have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithoutSockets {
    /// How many.
    pub total: u64,
    /// Of them, those with an open half-close.
    pub half_closed: u64,
    /// Of them, those at whose hosts no listing was taken: no listed socket has an address of either end.
    pub host_not_listed: u64,
    /// The first thousand, open half-closes first.
    pub first: Vec<LoneConnection>,
}

/// A connection without a listed socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LoneConnection {
    /// Its id.
    pub id: u64,
    /// Its client.
    pub client: Address,
    /// Its server.
    pub server: Address,
    /// The state in which the capture left the client.
    pub client_state: State,
    /// The state in which the capture left the server.
    pub server_state: State,
    /// Whether listed sockets have the address of one of its ends. If so, it was closed before the listing was taken, or is
    /// in another network namespace; if not, the listings are of other hosts, or an address was translated (NAT).
    pub host_listed: bool,
    /// Whether it has an open half-close.
    pub half_closed: bool,
}

/// Sockets that belong to no connection of the capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WithoutConnections {
    /// How many.
    pub total: u64,
    /// Of them, those in CLOSE-WAIT: leaks that the capture does not show.
    pub close_wait: u64,
    /// Of them, those whose 4-tuple is in the capture, but was over there.
    pub over: u64,
    /// The first thousand, those in CLOSE-WAIT first.
    pub first: Vec<LoneSocket>,
}

/// A socket without connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoneSocket {
    /// Its own end.
    pub local: Address,
    /// Its peer's end.
    pub peer: Address,
    /// The connection with its 4-tuple that was over when the capture ended; null if the capture does not have its 4-tuple.
    pub over: Option<u64>,
    /// What the listing says of it.
    #[serde(flatten)]
    pub socket: ListedSocket,
}

/// Names the processes that hold a socket: `java pid 4121`; `None` if none is known. A raw text: the names come from
/// outside.
pub fn process_label(processes: &[Process]) -> Option<String> {
    // The parent comes first: as a rule it has the lowest number. One that holds it twice counts once.
    let named: BTreeMap<u32, &str> = (processes.iter())
        .map(|process| (process.pid, process.name.as_str()))
        .collect();
    let mut parts: Vec<String> = (named.iter().take(NAMED))
        .map(|(pid, name)| format!("{name} pid {pid}"))
        .collect();
    if named.len() > NAMED {
        parts.push(format!("{} more", named.len() - NAMED));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

impl<'a> Listings<'a> {
    /// Joins listings, given in order of time, with all connections of a capture: with only some of them the sockets of the
    /// others would seem to have none.
    pub fn join(names: &'a [String], listings: &'a [Listing], connections: &[Connection]) -> Listings<'a> {
        let join = join(listings, connections);
        let by_id = join.joined.iter().map(|joined| (joined.id, *joined)).collect();
        Listings {
            names,
            listings,
            join,
            by_id,
        }
    }

    fn socket(&self, id: u64, role: Role) -> Option<(Match, &'a Socket)> {
        let found = self.by_id.get(&id)?.end(role)?;
        Some((found, found.socket.find(self.listings)?))
    }

    /// The group of a half-close in which `endpoint` is in CLOSE-WAIT.
    pub fn holder(&self, connection: &Connection, endpoint: Role, by: By) -> Holder {
        let socket = self.socket(connection.id, endpoint);
        let process = socket.and_then(|(_, socket)| process_label(&socket.processes));
        Holder::of(connection, endpoint, by, process.as_deref())
    }

    /// What is said about these connections and their half-closes.
    pub fn tell(&self, connections: &[Connection], leaks: &Leaks) -> Sockets {
        let mut known: Vec<ConnectionSockets> = (connections.iter())
            .filter_map(|connection| self.connection(connection))
            .collect();
        known.sort_by_key(|one| one.id);
        let (mut contradicting, mut close_wait_since) = (0, 0);
        for end in known.iter().flat_map(|one| [&one.client, &one.server]).flatten() {
            contradicting += u64::from(end.fit == Fit::Contradicts);
            let moved = end.socket.state == State::CloseWait && end.captured_state != State::CloseWait;
            close_wait_since += u64::from(moved && end.fit != Fit::Contradicts);
        }
        let groups: Vec<GroupSockets> = (leaks.groups.iter()).map(|group| self.group(group)).collect();
        Sockets {
            listings: self.sources(),
            open_joined: groups.iter().map(|group| group.joined).sum(),
            contradicting,
            close_wait_since,
            groups,
            connections: known,
            without_socket: self.without_socket(connections),
            without_connection: self.without_connection(),
        }
    }

    fn sources(&self) -> Vec<Source> {
        let both = self.names.iter().zip(self.listings);
        both.map(|(name, listing)| Source {
            name: name.clone(),
            sockets: listing.sockets.len() as u64,
            not_tcp: listing.skipped.not_tcp,
            unresolved: listing.skipped.unresolved,
            unparsable: listing.skipped.unparsable,
            without_state: listing.without_state,
            with_process: count(&listing.sockets, |socket| !socket.processes.is_empty()),
        })
        .collect()
    }

    fn connection(&self, connection: &Connection) -> Option<ConnectionSockets> {
        let joined = self.by_id.get(&connection.id)?;
        let end = |role, captured_state| {
            let found = joined.end(role)?;
            Some(EndSocket {
                socket: ListedSocket::new(found.socket.find(self.listings)?, found.socket.listing),
                captured_state,
                fit: found.fit,
                candidates: found.candidates as u64,
            })
        };
        Some(ConnectionSockets {
            id: connection.id,
            client: end(Role::Client, connection.endpoints.client.state),
            server: end(Role::Server, connection.endpoints.server.state),
        })
    }

    fn group(&self, group: &LeakGroup) -> GroupSockets {
        let mut told = GroupSockets::default();
        let mut processes: BTreeMap<Option<String>, (u64, Readings)> = BTreeMap::new();
        for id in &group.open_ids {
            let Some((found, socket)) = self.socket(*id, group.holder.endpoint) else {
                match self.socket(*id, group.holder.endpoint.other()) {
                    Some(_) => told.peer_only += 1,
                    None => told.without_socket += 1,
                }
                continue;
            };
            told.joined += 1;
            if socket.waits_for_accept() == Some(true) {
                told.not_accepted += 1;
                continue;
            }
            let (sockets, readings) = processes.entry(process_label(&socket.processes)).or_default();
            *sockets += 1;
            match socket.reading() {
                Some(reading) => readings.add(reading),
                None => told.note_other(socket.state, found.fit),
            }
        }
        told.processes = (processes.into_iter())
            .map(|(process, (sockets, readings))| ProcessSockets {
                process,
                sockets,
                readings,
            })
            .collect();
        // Stable: equal ones stay in the order of their names.
        told.processes.sort_by_key(|one| std::cmp::Reverse(one.sockets));
        told
    }

    fn without_socket(&self, connections: &[Connection]) -> WithoutSockets {
        let lone: HashMap<u64, &WithoutSocket> =
            self.join.without_socket.iter().map(|one| (one.id, one)).collect();
        let mut first: Vec<LoneConnection> = (connections.iter())
            .filter_map(|connection| Some((connection, lone.get(&connection.id)?)))
            .map(|(connection, lone)| LoneConnection {
                id: connection.id,
                client: connection.client,
                server: connection.server,
                client_state: connection.endpoints.client.state,
                server_state: connection.endpoints.server.state,
                host_listed: lone.host_listed,
                half_closed: connection.close.half_close_open,
            })
            .collect();
        first.sort_by_key(|one| (!one.half_closed, one.id));
        let (total, half_closed) = (first.len() as u64, count(&first, |one| one.half_closed));
        let host_not_listed = count(&first, |one| !one.host_listed);
        first.truncate(DESCRIBED);
        WithoutSockets {
            total,
            half_closed,
            host_not_listed,
            first,
        }
    }

    fn without_connection(&self) -> WithoutConnections {
        let strays = || {
            let all = self.join.without_connection.iter();
            all.filter_map(|stray| Some((stray, stray.socket.find(self.listings)?)))
        };
        let leaks = |(_, socket): &(&Stray, &Socket)| socket.state == State::CloseWait;
        let over = |stray: &Stray| match stray.reason {
            StrayReason::NotCaptured => None,
            StrayReason::Over(id) => Some(id),
        };
        let others = strays().filter(|stray| !leaks(stray));
        WithoutConnections {
            total: strays().count() as u64,
            close_wait: strays().filter(leaks).count() as u64,
            over: strays().filter(|(stray, _)| over(stray).is_some()).count() as u64,
            first: (strays().filter(leaks).chain(others))
                .filter_map(|(stray, socket)| {
                    Some(LoneSocket {
                        local: socket.local.address()?,
                        peer: socket.peer.address()?,
                        over: over(stray),
                        socket: ListedSocket::new(socket, stray.socket.listing),
                    })
                })
                .take(DESCRIBED)
                .collect(),
        }
    }
}

fn count<T>(all: &[T], holds: impl Fn(&T) -> bool) -> u64 {
    all.iter().filter(|one| holds(one)).count() as u64
}

impl GroupSockets {
    fn note_other(&mut self, state: State, fit: Fit) {
        match self
            .other_states
            .iter_mut()
            .find(|other| (other.state, other.fit) == (state, fit))
        {
            Some(other) => other.count += 1,
            None => self.other_states.push(OtherState { state, fit, count: 1 }),
        }
    }
}

impl Sockets {
    /// The listed sockets of a connection.
    pub fn of(&self, id: u64) -> Option<&ConnectionSockets> {
        let place = self.connections.binary_search_by_key(&id, |one| one.id).ok()?;
        self.connections.get(place)
    }
}
