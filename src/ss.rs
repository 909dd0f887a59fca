//! Sockets as `ss -tanp` lists them, and which of them belong to which connection of the capture.
//!
//! A capture shows what a host sent; the listing shows which process held the socket and how far it had read. Any mix of
//! `-H`, `-i`, `-e`, `-o`, `-m`, `-O`, `-T` and `-Z` is read. Names of processes are kept raw: they come from outside, and
//! views must escape them.

mod address;
mod join;
mod users;

pub use crate::model::State;
pub use address::SocketAddress;
pub use join::{Fit, Join, Joined, Match, SocketRef, Stray, StrayReason, WithoutSocket, fit, join};

use serde::Serialize;

use address::Refused;

/// How many complaints are kept; the others are only counted.
const COMPLAINTS_KEPT: usize = 8;

/// One TCP socket of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// Its state; UNKNOWN where the listing has no State column: `ss` leaves it out when its filter names one state.
    pub state: State,
    /// Octets (and the peer's FIN) that came and were not read; for LISTEN the connections that wait to be accepted.
    pub recv_q: u64,
    /// Octets (and the own SYN or FIN) that were not acknowledged; for LISTEN the length of the queue.
    pub send_q: u64,
    /// The own end.
    pub local: SocketAddress,
    /// The peer's end.
    pub peer: SocketAddress,
    /// The processes that hold it; empty without `-p`, without the right to see them, and where there are none.
    pub processes: Vec<Process>,
    /// The running timer (`-o`).
    pub timer: Option<Timer>,
    /// The user who owns it (`-e`). `ss` leaves out the user 0.
    pub uid: Option<u32>,
    /// Its inode (`-e`); 0 if no process has it: not accepted yet, or closed.
    pub inode: Option<u64>,
    /// Counters (`-i`).
    pub info: Info,
}

/// A process that holds a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its name as the process itself chose it: any characters, to be escaped where it is shown.
    pub name: String,
    /// Its number.
    pub pid: u32,
    /// The file descriptor.
    pub fd: u32,
}

/// Counters of `-i`. `ss` leaves out those that are zero, so `None` is zero or not asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Info {
    /// Milliseconds since it sent data last.
    pub lastsnd_ms: Option<u64>,
    /// Milliseconds since it received data last.
    pub lastrcv_ms: Option<u64>,
    /// Milliseconds since it received an acknowledgment last.
    pub lastack_ms: Option<u64>,
    /// Octets received in order; the peer's FIN counts as one.
    pub bytes_received: Option<u64>,
    /// Octets sent and acknowledged; the own SYN and FIN count as one each.
    pub bytes_acked: Option<u64>,
    /// Segments sent and not acknowledged; for LISTEN the connections that wait to be accepted.
    pub unacked: Option<u64>,
}

/// The timer of `-o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timer {
    /// What it is for.
    pub kind: TimerKind,
    /// Milliseconds until it expires, as exact as `ss` prints it; 0 if it is due.
    pub remaining_ms: u64,
    /// Retransmissions or probes so far.
    pub retransmissions: u32,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimerKind {
    /// `on`: retransmission, or another timer of loss recovery.
    Retransmission,
    /// `keepalive`: keepalive, or the handshake; in FIN-WAIT-2 the time until Linux gives up.
    Keepalive,
    /// `timewait`: until the end of TIME-WAIT, or of an orphan in FIN-WAIT-2.
    TimeWait,
    /// `persist`: window probes.
    Persist,
    /// A word that is not known here.
    Other,
}

/// What Recv-Q of a socket in CLOSE-WAIT says about the program. On Linux the peer's FIN counts as one octet until the
/// reader has passed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvQ {
    /// 1: all data was read, the end of the stream was not.
    NeverReadEnd,
    /// 0: everything was read, and the socket was not closed. A read that takes the last octet while the FIN already
    /// waits behind it takes the FIN too, so that the program need not have noticed the end.
    ReadEndNotClosed,
    /// 1 + n: so many octets of data were left unread.
    LeftUnread(u64),
}

impl RecvQ {
    /// The name in every output for programs.
    pub fn name(self) -> &'static str {
        match self {
            RecvQ::NeverReadEnd => "never-read-end",
            RecvQ::ReadEndNotClosed => "read-end-not-closed",
            RecvQ::LeftUnread(_) => "left-unread",
        }
    }

    /// Octets of data that were left unread.
    pub fn unread(self) -> u64 {
        match self {
            RecvQ::NeverReadEnd | RecvQ::ReadEndNotClosed => 0,
            RecvQ::LeftUnread(octets) => octets,
        }
    }

    /// What it means and where to look, for an engineer.
    pub fn meaning(self) -> String {
        match self {
            RecvQ::NeverReadEnd => {
                "read all data but never the end of the stream: nothing reads this socket any more (an idle \
                 connection in a pool, or a worker that is stuck); check idle sockets for readability or limit their \
                 idle time"
                    .to_owned()
            }
            RecvQ::ReadEndNotClosed => "read everything and did not close: close() is missing after read() returns 0 or \
                 after an error, a copy of the descriptor is still open elsewhere, or the program took the last data \
                 and did not read again"
                .to_owned(),
            RecvQ::LeftUnread(octets) => format!(
                "left {octets} octets and the end of the stream unread: the program stopped reading (a handler that is \
                 blocked or gone, a full pool of workers), or never accepted the connection"
            ),
        }
    }
}

impl Socket {
    /// What Recv-Q says about the program; `None` unless the socket is in CLOSE-WAIT.
    pub fn reading(&self) -> Option<RecvQ> {
        match self.state {
            State::CloseWait => Some(match self.recv_q {
                0 => RecvQ::ReadEndNotClosed,
                1 => RecvQ::NeverReadEnd,
                more => RecvQ::LeftUnread(more - 1),
            }),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait
            | State::Unknown => None,
        }
    }

    /// Whether it still waits in the queue of its listener: the program has not called accept(). `None` if the listing
    /// does not tell (no `-e`, or a state in which a socket without process can also be one that was closed).
    pub fn waits_for_accept(&self) -> Option<bool> {
        match self.state {
            State::Established | State::CloseWait => self.inode.map(|inode| inode == 0),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait
            | State::Unknown => None,
        }
    }
}

/// What one listing holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The TCP sockets in order.
    pub sockets: Vec<Socket>,
    /// Lines that gave no socket.
    pub skipped: Skipped,
    /// Sockets without a state, because the listing has no State column.
    pub without_state: u64,
    /// The first lines that were not as expected.
    pub complaints: Vec<Complaint>,
}

/// Lines that gave no socket, by reason. Headers and empty lines are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Sockets of other protocols.
    pub not_tcp: u64,
    /// Sockets with the name of a service or a host in place of a number: they cannot be joined. See [`Skipped::ADVICE`].
    pub unresolved: u64,
    /// Lines that are no socket.
    pub unparsable: u64,
}

impl Skipped {
    /// What to do about `unresolved`.
    pub const ADVICE: &'static str =
        "these sockets have names in place of numbers: run `ss` with -n and without -r, as in `ss -tanp`";
}

impl Listing {
    /// What to do about `without_state`.
    pub const STATE_ADVICE: &'static str = "these sockets have no State column: `ss` leaves it out when its filter names one state; run `ss -tanp` without \
         a state filter";

    fn complain(&mut self, line: usize, expected: &'static str) {
        if self.complaints.len() < COMPLAINTS_KEPT {
            self.complaints.push(Complaint { line, expected });
        }
    }
}

/// A line that was not as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complaint {
    /// Number of the line, from 1.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
}

const EXPECTED_SOCKET: &str = "a socket as `ss -tanp` prints it: ESTAB 0 0 10.0.0.5:8080 10.0.0.9:51234";
const EXPECTED_RECV_Q: &str = "a number of octets in column Recv-Q";
const EXPECTED_SEND_Q: &str = "a number of octets in column Send-Q";
const EXPECTED_LOCAL: &str = "a local address and port, as in 10.0.0.5:8080 or [::1]:8080";
const EXPECTED_PEER: &str = "a peer address and port, as in 10.0.0.9:51234 or *:*";
const EXPECTED_USERS: &str = "a whole list of processes, as in users:((\"nginx\",pid=12,fd=5))";

/// What a line begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    Header,
    /// A socket.
    Start,
    /// White space: more of the socket before it.
    More,
    /// Anything else.
    Other,
}

/// The socket whose lines are being gathered.
#[derive(Clone, Copy)]
struct Pending {
    /// Offset of its first line.
    from: usize,
    /// Number of its first line.
    line: usize,
    /// It has a list of processes.
    has_users: bool,
    /// The list goes on: a name with a newline in it, or a wrapped line.
    users_open: bool,
}

/// Reads the output of `ss`. Never fails: what cannot be read is counted. Takes time linear in the text.
pub fn parse(text: &str) -> Listing {
    let mut listing = Listing::default();
    let mut pending: Option<Pending> = None;
    let mut drop_more = false; // continuation lines of what gave no socket
    let mut offset = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let (from, number) = (offset, index + 1);
        offset += line.len();
        if let Some(socket) = &mut pending
            && belongs_into_list(socket, line)
        {
            continue;
        }
        match classify(line) {
            Line::Blank => {}
            Line::More => {
                if let Some(socket) = &mut pending {
                    socket.note_users(line);
                } else if !drop_more {
                    listing.skipped.unparsable += 1;
                    listing.complain(number, EXPECTED_SOCKET);
                    drop_more = true;
                }
            }
            kind @ (Line::Header | Line::Start | Line::Other) => {
                if let Some(done) = pending.take() {
                    read_socket(
                        &mut listing,
                        text.get(done.from..from).unwrap_or_default(),
                        done.line,
                    );
                }
                drop_more = true;
                if kind == Line::Start {
                    let mut socket = Pending {
                        from,
                        line: number,
                        has_users: false,
                        users_open: false,
                    };
                    socket.note_users(line);
                    pending = Some(socket);
                } else if kind == Line::Other {
                    listing.skipped.unparsable += 1;
                    listing.complain(number, EXPECTED_SOCKET);
                }
            }
        }
    }
    if let Some(done) = pending {
        read_socket(&mut listing, text.get(done.from..).unwrap_or_default(), done.line);
    }
    listing
}

impl Pending {
    fn note_users(&mut self, line: &str) {
        if !self.has_users
            && let Some((_, list)) = line.split_once(users::OPENING)
        {
            self.has_users = true;
            self.users_open = users::is_open_after(list);
        }
    }
}

/// Whether the line goes on with the list of processes of the socket before it, because a name has a newline in it.
fn belongs_into_list(socket: &mut Pending, line: &str) -> bool {
    let belongs = if socket.users_open {
        classify(line) != Line::Header && !is_no_name(line)
    } else {
        socket.has_users && users::begins_with_tail(line)
    };
    if belongs {
        socket.users_open = users::is_open_after(line);
    }
    belongs
}

/// Whether the line is a socket for sure: the 15 letters of a name have no room for a state and two addresses, nor for
/// two addresses that are not wildcards.
fn is_no_name(line: &str) -> bool {
    let has_state = || {
        line.split_ascii_whitespace()
            .take(2)
            .any(|word| state(word).is_some())
    };
    match read_start(line) {
        Ok(start) => has_state() || !start.peer.is_wildcard(),
        Err(NoSocket::Unresolved) => has_state(),
        Err(NoSocket::NotTcp | NoSocket::Expected(_)) => false,
    }
}

/// The state that `ss` calls so.
fn state(word: &str) -> Option<State> {
    match word {
        "ESTAB" => Some(State::Established),
        "SYN-SENT" => Some(State::SynSent),
        "SYN-RECV" => Some(State::SynReceived),
        "FIN-WAIT-1" => Some(State::FinWait1),
        "FIN-WAIT-2" => Some(State::FinWait2),
        "TIME-WAIT" => Some(State::TimeWait),
        "UNCONN" | "CLOSED" => Some(State::Closed),
        "CLOSE-WAIT" => Some(State::CloseWait),
        "LAST-ACK" => Some(State::LastAck),
        "LISTEN" => Some(State::Listen),
        "CLOSING" => Some(State::Closing),
        "UNKNOWN" => Some(State::Unknown),
        _ => None,
    }
}

/// Whether it is a value of the Netid column.
fn is_netid(word: &str) -> bool {
    [
        "tcp", "udp", "raw", "icmp6", "sctp", "dccp", "mptcp", "u_str", "u_dgr", "u_seq", "nl", "p_raw",
        "p_dgr", "v_str", "v_dgr", "ti_st", "ti_sq", "ti_rd", "ti_dg", "xdp", "???",
    ]
    .contains(&word)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn classify(line: &str) -> Line {
    let mut words = line.split_ascii_whitespace();
    let Some(first) = words.next() else {
        return Line::Blank;
    };
    let second = words.next().unwrap_or_default();
    let third = words.next().unwrap_or_default();
    let begins_with = |wanted| line.split_ascii_whitespace().take(5).any(|word| word == wanted);
    if begins_with("Recv-Q") && begins_with("Local") {
        return Line::Header;
    }
    let with_state = state(first).is_some() && is_number(second);
    let with_netid = state(second).is_some() && is_number(third);
    let without_state = is_number(first) && is_number(second);
    let netid_only = is_netid(first) && is_number(second) && is_number(third);
    let indented = line.starts_with([' ', '\t']);
    // A listing pasted with an indent: only the words that cannot be a continuation count.
    if with_state || (with_netid && (!indented || is_netid(first))) {
        Line::Start
    } else if indented {
        Line::More
    } else if without_state || netid_only || state(first).is_some() {
        Line::Start
    } else {
        Line::Other
    }
}

/// The columns that every socket has.
struct Start<'a> {
    state: Option<State>,
    recv_q: u64,
    send_q: u64,
    local: SocketAddress,
    peer: SocketAddress,
    /// What follows them.
    rest: &'a str,
}

/// Why a line gives no socket.
enum NoSocket {
    NotTcp,
    Unresolved,
    Expected(&'static str),
}

/// Takes the next word off a text.
fn next_word<'a>(text: &mut &'a str) -> &'a str {
    let from = text.trim_ascii_start();
    let end = from.find(|c: char| c.is_ascii_whitespace()).unwrap_or(from.len());
    let (word, rest) = from.split_at(end);
    *text = rest;
    word
}

fn read_start(text: &str) -> Result<Start<'_>, NoSocket> {
    let mut rest = text;
    let mut word = next_word(&mut rest);
    let mut found = state(word);
    if found.is_some() {
        word = next_word(&mut rest);
    } else if !is_number(word) {
        if word != "tcp" {
            return Err(NoSocket::NotTcp);
        }
        word = next_word(&mut rest);
        found = state(word);
        if found.is_some() {
            word = next_word(&mut rest);
        }
    }
    let recv_q = word.parse().map_err(|_| NoSocket::Expected(EXPECTED_RECV_Q))?;
    let send_q = next_word(&mut rest)
        .parse()
        .map_err(|_| NoSocket::Expected(EXPECTED_SEND_Q))?;
    let local = address::parse(next_word(&mut rest));
    let peer = address::parse(next_word(&mut rest));
    match (local, peer) {
        (Ok(local), Ok(peer)) => Ok(Start {
            state: found,
            recv_q,
            send_q,
            local,
            peer,
            rest,
        }),
        (Err(Refused::Form), _) => Err(NoSocket::Expected(EXPECTED_LOCAL)),
        (_, Err(Refused::Form)) => Err(NoSocket::Expected(EXPECTED_PEER)),
        (Err(Refused::Name), _) | (_, Err(Refused::Name)) => Err(NoSocket::Unresolved),
    }
}

/// Reads all lines of one socket.
fn read_socket(listing: &mut Listing, text: &str, line: usize) {
    let start = match read_start(text) {
        Ok(start) => start,
        Err(NoSocket::NotTcp) => {
            listing.skipped.not_tcp += 1;
            return;
        }
        Err(NoSocket::Unresolved) => {
            listing.skipped.unresolved += 1;
            return;
        }
        Err(NoSocket::Expected(expected)) => {
            listing.skipped.unparsable += 1;
            listing.complain(line, expected);
            return;
        }
    };
    if start.state.is_none() {
        listing.without_state += 1;
    }
    let mut socket = Socket {
        state: start.state.unwrap_or(State::Unknown),
        recv_q: start.recv_q,
        send_q: start.send_q,
        local: start.local,
        peer: start.peer,
        processes: Vec::new(),
        timer: None,
        uid: None,
        inode: None,
        info: Info::default(),
    };
    let mut rest = start.rest;
    let mut users_seen = false;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
        if let Some(list) = rest.strip_prefix(users::OPENING)
            && !users_seen
        {
            users_seen = true;
            if let Some((processes, end)) = users::parse(list) {
                socket.processes = processes;
                rest = list.get(end..).unwrap_or_default();
            } else {
                // Where names end cannot be told, so nothing behind them on this line can be trusted.
                listing.complain(line, EXPECTED_USERS);
                rest = list.split_once('\n').map_or("", |(_, more)| more);
            }
        } else {
            note_field(&mut socket, next_word(&mut rest));
        }
    }
    listing.sockets.push(socket);
}

/// Takes over a field of `-e`, `-o` or `-i`; others are left alone. The path of `cgroup:` comes from outside and may look
/// like a field: what stands before it counts at its first, what stands behind it at its last appearance.
fn note_field(socket: &mut Socket, word: &str) {
    let Some((key, value)) = word.split_once(':') else {
        return;
    };
    let info = &mut socket.info;
    let counter = match key {
        "timer" => {
            socket.timer = socket.timer.or_else(|| read_timer(value));
            return;
        }
        "uid" => {
            socket.uid = socket.uid.or_else(|| value.parse().ok());
            return;
        }
        "ino" => {
            socket.inode = socket.inode.or_else(|| value.parse().ok());
            return;
        }
        "lastsnd" => &mut info.lastsnd_ms,
        "lastrcv" => &mut info.lastrcv_ms,
        "lastack" => &mut info.lastack_ms,
        "bytes_received" => &mut info.bytes_received,
        "bytes_acked" => &mut info.bytes_acked,
        "unacked" => &mut info.unacked,
        _ => return,
    };
    *counter = value.parse().ok().or(*counter);
}

/// Reads `(keepalive,44min,0)`.
fn read_timer(text: &str) -> Option<Timer> {
    let mut parts = text.strip_prefix('(')?.strip_suffix(')')?.splitn(3, ',');
    let kind = match parts.next()? {
        "on" => TimerKind::Retransmission,
        "keepalive" => TimerKind::Keepalive,
        "timewait" => TimerKind::TimeWait,
        "persist" => TimerKind::Persist,
        _ => TimerKind::Other,
    };
    Some(Timer {
        kind,
        remaining_ms: read_remaining(parts.next()?)?,
        retransmissions: parts.next()?.parse().ok()?,
    })
}

/// Reads `44min`, `1min20sec`, `59sec`, `200ms`, nothing (due), and `1.234ms`, by which `ss` means 1.234 s.
fn read_remaining(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    for (unit, ms) in [("min", 60_000), ("sec", 1_000), (".", 1_000), ("ms", 1)] {
        if let Some((number, behind)) = rest.split_once(unit)
            && is_number(number)
        {
            sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(ms)?)?;
            rest = behind;
        }
    }
    rest.is_empty().then_some(sum)
}

#[cfg(test)]
mod tests;
