//! A connection of which there is nothing to tell but that it is open, or was closed as most are.

use super::{Address, Outcome, Role};
use crate::segment::Endpoint;
use crate::time::Timestamp;
use crate::tracker::{self, Course};

/// What sums and rules about services keep of such a connection. It stands for the [`Connection`](super::Connection) with
/// this id: opened by a handshake, captured from both sides without a flaw, with these transitions and no other, of which all but
/// the last of a close are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// [`Connection::id`](super::Connection::id).
    pub id: u64,
    /// Who opened it.
    pub client: Address,
    /// Who accepted it.
    pub server: Address,
    /// When the SYN came.
    pub first_time: Timestamp,
    /// How it closed; none if both ends are open.
    pub close: Option<UsualClose>,
    /// The snap length cut some of its segments.
    pub cut: bool,
}

/// How most connections close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsualClose {
    /// Who closed first, and then held TIME-WAIT.
    pub closer: Role,
    /// When the other side entered CLOSE-WAIT.
    pub half_closed: Timestamp,
    /// When it left CLOSE-WAIT by its own FIN, and who closed first entered TIME-WAIT.
    pub closed: Timestamp,
    /// When TIME-WAIT was over, if that was in the capture.
    pub time_wait_over: Option<Timestamp>,
}

impl Usual {
    /// That of a connection in a capture with its last packet at `end`. `time_wait_ns` is 2 MSL.
    pub fn of(usual: &tracker::Usual, end: Timestamp, time_wait_ns: i64) -> Usual {
        let address = |end: Endpoint| Address {
            ip: end.ip,
            port: end.port,
        };
        let close = match usual.course {
            Course::Open => None,
            Course::Closed(close) => {
                let due = close.other_fin.plus(time_wait_ns);
                Some(UsualClose {
                    closer: close.closer,
                    half_closed: close.fin,
                    closed: close.other_fin,
                    time_wait_over: (due <= end).then_some(due),
                })
            }
        };
        Usual {
            id: usual.number,
            client: address(usual.client),
            server: address(usual.server),
            first_time: usual.began,
            close,
            cut: usual.cut,
        }
    }

    /// See [`Connection::outcome`](super::Connection::outcome).
    pub fn outcome(&self) -> Outcome {
        match self.close {
            Some(_) => Outcome::Closed,
            None => Outcome::Open,
        }
    }
}

impl UsualClose {
    /// How long the side that closed second was in CLOSE-WAIT, nanoseconds; the other one was in FIN-WAIT-2 no longer.
    pub fn half_close_ns(&self) -> i64 {
        self.closed.since(self.half_closed)
    }
}
