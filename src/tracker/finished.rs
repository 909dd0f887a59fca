//! A connection of which nothing can change any more.

use super::Tracker;
use crate::segment::PacketNumber;
use crate::time::Timestamp;

/// A connection that is given out before the capture has ended, or after others were.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its number, from 1 in order of first packets. A SYN that turned out to be no connection leaves a gap.
    pub number: u64,
    /// It, with the last word said on what it waited for.
    pub tracker: Box<Tracker>,
    /// The connection that took its 4-tuple over, if that was known by then.
    pub successor: Option<Heir>,
}

/// The next connection of a 4-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heir {
    /// Its number.
    pub number: u64,
    /// Its first packet.
    pub first_packet: PacketNumber,
    /// The RST by which its opener answered old numbers.
    pub reset_packet: Option<PacketNumber>,
}

impl Tracker {
    /// Its heir as the connection before sees it; `number` is its own. None if it does not tell whose 4-tuple it took over.
    pub fn as_heir(&self, number: u64) -> Option<Heir> {
        let before = self.aside.predecessor.as_deref()?;
        Some(Heir {
            number,
            first_packet: self.first.packet,
            reset_packet: before.reset.map(|mark| mark.packet),
        })
    }

    /// Whether nothing that is yet to come can change what is told of it at `now`: both ends are gone, and twice the
    /// maximum segment lifetime has passed since its last segment, so that no other is under way (RFC 9293 section 3.6.1).
    pub fn is_final(&self, now: Timestamp, time_wait_ns: i64) -> bool {
        if now.since(self.last.time) < time_wait_ns || !self.is_over() {
            return false;
        }
        // What was on its way and is not presumed any longer may have been what closed it.
        let mut ended = self.clone();
        ended.end(now);
        ended.is_over()
    }
}
