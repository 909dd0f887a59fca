//! How a connection took over its 4-tuple: the judgement of RFC 9293 section 3.6.1 (MAY-2), RFC 1122 section 4.2.2.13 and
//! RFC 6191 section 2, by what the old connection was when the SYN passed.

use super::{Reuse, ReuseVerdict, State, TimeWaitHolder};
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::tracker::{Predecessor, Role, Tracker};

/// A Linux host that has the 4-tuple in TIME-WAIT starts the next connection so far beyond its old SND.NXT (R49a).
const LINUX_STEP: u32 = 65_537;

/// The reuse of the tracker's 4-tuple; None for its first life. `end` is the time of the capture's last packet.
pub fn of(tracker: &Tracker, end: Timestamp, time_wait_ns: i64) -> Option<Reuse> {
    let before = tracker.aside.predecessor.as_deref()?;
    let [client, server] = tracker.opening.syn;
    let syn = client.map_or(tracker.first, |syn| syn.first);
    let ages = before
        .time_wait_since
        .map(|since| since.map(|since| syn.time.since(since)));
    let [opener_age, peer_age] = ages.map(|age| age.filter(|age| *age < time_wait_ns));
    // A TIME-WAIT whose time was over is none any more.
    let expired = |side: usize| ages[side].is_some_and(|age| age >= time_wait_ns);
    let [opener_state, peer_state] = [0, 1].map(|side| {
        if expired(side) {
            State::Closed
        } else {
            before.states[side]
        }
    });
    let iss_distance = match (before.nxt[0], tracker.streams[0].iss) {
        (Some(nxt), Some(iss)) => Some(iss.offset_from(nxt)),
        _ => None,
    };
    let tsval = client
        .and_then(|syn| syn.options.timestamps)
        .map(|(value, _)| value);
    let tsval_distance = match (before.tsval, tsval) {
        (Some(old), Some(new)) => Some(Seq(new).offset_from(Seq(old))),
        _ => None,
    };
    let linux_time_wait_iss = match (before.nxt[1], server) {
        (Some(nxt), Some(syn)) if syn.with_ack => tracker.streams[1].iss == Some(nxt.plus(LINUX_STEP)),
        _ => false,
    };
    let answered = tracker.opening.syn_ack;
    // PAWS works where both SYNs carry timestamps.
    let stamped = [client, server].map(|syn| syn.is_some_and(|syn| syn.options.timestamps.is_some()));
    let newer = tsval_distance.map_or(before.tsval.is_none(), |distance| distance > 0);
    let judged = Judged {
        opener_state,
        peer_state,
        beyond: iss_distance.map(|distance| distance >= 0),
        answer_beyond: match (before.nxt[1], tracker.streams[1].iss) {
            (Some(nxt), Some(iss)) => Some(iss.at_or_after(nxt)),
            _ => None,
        },
        newer: newer && stamped == [true, true],
        cut: [client, server].into_iter().flatten().any(|syn| syn.cut),
        answered: answered.is_some(),
        refused: before.refused.is_some(),
    };
    Some(Reuse {
        previous: before.number,
        previous_first_packet: before.first_packet,
        same_roles: before.same_roles,
        opener_state,
        peer_state,
        gap_ns: client.map(|syn| syn.first.time.since(before.last)),
        time_wait_age_ns: peer_age.or(opener_age),
        time_wait_holder: match (opener_age, peer_age) {
            (Some(_), Some(_)) => Some(TimeWaitHolder::Both),
            (Some(_), None) => Some(TimeWaitHolder::Client),
            (None, Some(_)) => Some(TimeWaitHolder::Server),
            (None, None) => None,
        },
        iss_distance,
        tsval_distance,
        linux_time_wait_iss,
        verdict: judged.verdict(),
        refused_by_packet: before.refused.map(|mark| mark.packet),
        reset_packet: before.reset.map(|mark| mark.packet),
        delay_ns: delay(tracker, before, end),
    })
}

/// From the first SYN to the copy of it that was answered, where the first one was not; to the end of the attempt or of the
/// capture if none was.
fn delay(tracker: &Tracker, before: &Predecessor, end: Timestamp) -> Option<i64> {
    let syn = tracker.opening.syn[Role::Client as usize]?;
    let answered = tracker.opening.syn_ack.map(|answer| {
        if syn.last.time <= answer.time {
            syn.last.time
        } else {
            syn.first.time
        }
    });
    let waited_until = answered.or_else(|| given_up(tracker)).unwrap_or(end);
    let delay = waited_until.since(syn.first.time);
    // A refused SYN that was answered without having come again: the copy that was answered is not in the capture.
    let copy_missed = before.refused.is_some() && answered.is_some() && syn.copies == 0;
    ((before.refused.is_some() || answered.is_none() || syn.copies > 0) && !copy_missed).then_some(delay)
}

/// When the client of an attempt that nobody answered was through with it.
fn given_up(tracker: &Tracker) -> Option<Timestamp> {
    let client = tracker.ends[Role::Client as usize].clone();
    let last = client.into_record().transitions.pop()?;
    (last.to == State::Closed).then_some(last.at)
}

/// What the verdict rests on.
struct Judged {
    opener_state: State,
    peer_state: State,
    /// The ISS is beyond the old numbers of its sender.
    beyond: Option<bool>,
    /// The same of the SYN-ACK, which RFC 9293 demands of who accepts (MAY-2, condition 1).
    answer_beyond: Option<bool>,
    /// Both SYNs have timestamps, and that of the SYN is newer than the old ones, or the old connection had none.
    newer: bool,
    /// The capture cut the options of a SYN: whether it had timestamps is not known.
    cut: bool,
    answered: bool,
    refused: bool,
}

impl Judged {
    fn verdict(&self) -> ReuseVerdict {
        if self.opener_state == State::SynSent {
            return ReuseVerdict::AfterUnanswered;
        }
        match self.peer_state {
            State::TimeWait => match (self.refused, self.answered) {
                (true, _) => ReuseVerdict::Refused,
                (false, false) => ReuseVerdict::Unanswered,
                (false, true) if self.beyond == Some(true) && self.answer_beyond != Some(false) => {
                    ReuseVerdict::LegalByIss
                }
                (false, true) if self.newer => ReuseVerdict::LegalByTimestamp,
                (false, true) if self.beyond.is_none() || self.cut => ReuseVerdict::Unknown,
                (false, true) => ReuseVerdict::Illegal,
            },
            State::Closed | State::Listen => match self.opener_state {
                State::TimeWait => ReuseVerdict::ByHolder,
                State::Unknown => ReuseVerdict::Unknown,
                State::Closed
                | State::Listen
                | State::SynSent
                | State::SynReceived
                | State::Established
                | State::FinWait1
                | State::FinWait2
                | State::CloseWait
                | State::Closing
                | State::LastAck => ReuseVerdict::Free,
            },
            State::Unknown => ReuseVerdict::Unknown,
            State::SynSent
            | State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck => ReuseVerdict::NotOver,
        }
    }
}
