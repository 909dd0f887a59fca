//! A connection of which there is nothing to tell but that it is open, or was closed as most are, or reset, or not accepted.

use super::{Address, Outcome, Role};
use crate::segment::Endpoint;
use crate::time::Timestamp;
use crate::tracker::{self, Course};

/// What sums and rules about services keep of such a connection. It stands for the [`Connection`](super::Connection) with
/// this id: captured from both sides without a flaw, but that the beginning may be missing, with the transitions of such an ending
/// and no other, of which all but the last one are proven.
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
    /// How it ended.
    pub ending: Ending,
    /// See [`Quality::midstream`](super::Quality::midstream). Then it was closed.
    pub midstream: bool,
    /// The snap length cut some of its segments.
    pub cut: bool,
}

/// How most connections end.
pub type Ending = Course<UsualClose>;

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
        let ending = usual.course.map(|close| {
            let due = close.other_fin.plus(time_wait_ns);
            UsualClose {
                closer: close.closer,
                half_closed: close.fin,
                closed: close.other_fin,
                time_wait_over: (due <= end).then_some(due),
            }
        });
        Usual {
            id: usual.number,
            client: address(usual.client),
            server: address(usual.server),
            first_time: usual.began,
            ending,
            midstream: usual.midstream,
            cut: usual.cut,
        }
    }

    /// How it closed; none if it did not.
    pub fn close(&self) -> Option<UsualClose> {
        match self.ending {
            Ending::Closed(close) => Some(close),
            Ending::Opened | Ending::Open | Ending::Reset | Ending::Refused | Ending::Unanswered => None,
        }
    }

    /// See [`Connection::outcome`](super::Connection::outcome).
    pub fn outcome(&self) -> Outcome {
        match self.ending {
            Ending::Opened | Ending::Open => Outcome::Open,
            Ending::Closed(_) => Outcome::Closed,
            Ending::Reset => Outcome::Reset,
            Ending::Refused => Outcome::Refused,
            Ending::Unanswered => Outcome::Unanswered,
        }
    }
}

impl UsualClose {
    /// How long the side that closed second was in CLOSE-WAIT, nanoseconds; the other one was in FIN-WAIT-2 no longer.
    pub fn half_close_ns(&self) -> i64 {
        self.closed.since(self.half_closed)
    }
}
