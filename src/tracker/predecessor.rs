//! What the life before looked like when a SYN for the next one passed: whether a 4-tuple may be reused is judged by the
//! state *before* the SYN (R52).

use super::evidence::Mark;
use super::state::State;
use super::{Role, Tracker};
use crate::segment::{PacketNumber, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;

/// The life before, as the SYN met it. "Opener" is the endpoint that sent the SYN, whatever it was before.
#[derive(Clone, Copy, Debug)]
pub struct Predecessor {
    /// Number of that life among all, from 1 in order of first packets.
    pub number: u64,
    /// Its first packet.
    pub first_packet: PacketNumber,
    /// The opener had opened that life, too.
    pub same_roles: bool,
    /// State of the opener and of its peer, presumed arrivals included.
    pub states: [State; 2],
    /// Since when the opener and its peer had been in TIME-WAIT; a FIN that was acknowledged again restarted it.
    pub time_wait_since: [Option<Timestamp>; 2],
    /// When its last segment passed.
    pub last: Timestamp,
    /// SND.NXT of the opener and of its peer.
    pub nxt: [Option<Seq>; 2],
    /// The newest TSval of the opener.
    pub tsval: Option<u32>,
    /// The answer by old numbers that the SYN got.
    pub refused: Option<Mark>,
    /// The RST by which the opener answered those.
    pub reset: Option<Mark>,
}

impl Predecessor {
    /// The life with this number, before `seg` begins another one. None if `seg` does not tell who opens.
    pub fn of(old: &Tracker, number: u64, seg: &Segment) -> Option<Predecessor> {
        if !seg.flags.syn() {
            return None;
        }
        let sender = old.role_of(seg);
        let opener = if seg.ack.is_some() { sender.other() } else { sender };
        let sides = [opener as usize, opener.other() as usize];
        Some(Predecessor {
            number,
            first_packet: old.first.packet,
            same_roles: opener == Role::Client,
            states: sides.map(|side| old.ends[side].presumed()),
            time_wait_since: sides.map(|side| old.time_wait_since(side)),
            last: old.last.time,
            nxt: sides.map(|side| old.streams[side].nxt),
            tsval: old.streams[sides[0]].newest_tsval(),
            refused: None,
            reset: None,
        })
    }
}

impl Tracker {
    /// Since when a side has presumably been in TIME-WAIT.
    fn time_wait_since(&self, side: usize) -> Option<Timestamp> {
        if self.ends[side].presumed() != State::TimeWait {
            return None;
        }
        let transitions = self.ends[side].clone().into_record().transitions;
        let entered = transitions.iter().rev().find(|step| step.to == State::TimeWait)?;
        let restarted = self.aside.restarts[side].1;
        Some(restarted.map_or(entered.at, |at| at.max(entered.at)))
    }
}
