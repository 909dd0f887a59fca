//! Resets (RFC 9293 section 3.5.3, RFC 5961 section 3), at their receiver and at their sender.

use super::arrival::{Arrival, Sent, SentKind};
use super::evidence::Mark;
use super::judge::{self, Reset};
use super::observation::Kind;
use super::state::{Event, State};
use super::stream::{Owes, Stream};
use super::{Notes, Role, Tracker, Weight};
use crate::segment::Segment;
use crate::seq::Seq;
use crate::time::Timestamp;

/// An answer that is due at once and did not come for so long will not come: longer than any delayed ACK (500 ms).
pub(super) const PATIENCE_NS: i64 = 1_000_000_000;
/// A segment that passes this soon after its sender's RST may have been overtaken by it.
pub(super) const REORDER_NS: i64 = 150_000_000;

/// Whether the receiver can have acknowledged this number not long ago, as far as segments in flight reach.
fn acknowledged_before(seq: Seq, sent: &Stream) -> bool {
    let Some(una) = sent.una else { return false };
    let start = sent.iss.map_or(una.minus(1 << 20), |iss| iss.plus(1));
    seq != una && seq.between(start, una) && una.offset_from(seq) <= 1 << 20
}

impl Tracker {
    /// A RST (section 3.5.3, RFC 5961 section 3).
    pub(super) fn on_reset(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) -> Weight {
        let (me, peer) = (from as usize, from.other() as usize);
        if seg.flags.contradict() {
            self.aside.observations.note(Kind::BadFlags, from, mark);
        }
        let (left, _) = self.streams[me].on_tsval(&seg.options, seg.time);
        let receiver = self.ends[peer].presumed();
        if receiver == State::SynSent && self.echoes_nothing(seg, from, mark, notes) {
            return Weight::Moved;
        }
        let answers_other_syn = from == Role::Client
            && receiver == State::SynReceived
            && self.newest_syn_ack.is_some_and(|(_, ack)| ack == Some(seg.seq));
        let verdict = if answers_other_syn {
            Reset::Accepted
        } else {
            judge::reset(seg, &self.streams[me], &self.streams[peer], receiver)
        };
        let kind = if seg.ack.is_some() {
            SentKind::RstAck
        } else {
            SentKind::RstBare
        };
        let (noted, word) = match verdict {
            Reset::Accepted => (None, ""),
            Reset::InWindow => (Some(Kind::ResetInWindow), "in the window, not exact"),
            Reset::Outside
                if acknowledged_before(seg.seq, &self.streams[me]) || self.answers_syn(seg, peer) =>
            {
                (Some(Kind::ResetBelowWindow), "answers an older segment")
            }
            Reset::Outside => (Some(Kind::ResetOutsideWindow), "outside the window"),
            Reset::BadAck => (Some(Kind::ResetBadAck), "does not acknowledge the SYN"),
            Reset::NoConnection => (Some(Kind::ResetNoConnection), "no connection there"),
        };
        if seg.payload_len > 0 {
            self.aside.observations.note(Kind::ResetWithData, from, mark);
        }
        if verdict == Reset::InWindow {
            self.aside.reset_in_window[peer] = Some(mark);
        }
        if let Some(noted) = noted {
            self.aside.observations.note(noted, from, mark);
            notes.add(word);
        }
        if let Some(ack) = seg
            .ack
            .filter(|ack| self.streams[peer].nxt.is_some_and(|nxt| ack.at_or_before(nxt)))
        {
            self.readmit(ack, from);
        }
        if self.sends_own_reset(seg, from, verdict) {
            self.note_unknown(seg, from, mark, notes);
            self.streams[me].owes = Owes::default();
            let sent = self.sent(seg, from, mark, left);
            if from == Role::Client
                && kind == SentKind::RstBare
                && self.opening.ack.is_none()
                && self.opening.syn_ack.is_some()
            {
                self.aside.disowned = Some(mark);
            }
            self.ends[me].on_sent(&Sent { kind, ..sent });
        }
        let path_dead = self.streams[peer].owes.longer_than(PATIENCE_NS, mark.time);
        if matches!(verdict, Reset::Accepted | Reset::InWindow) && !path_dead {
            let doubtful = verdict == Reset::InWindow;
            if let Some(arrival) = self.ends[peer].waiting_mut(Event::RcvRst) {
                arrival.last = mark;
                arrival.doubtful &= doubtful;
            } else {
                self.ends[peer].on_its_way(Arrival {
                    doubtful,
                    ..Arrival::new(Event::RcvRst, mark, None)
                });
            }
        }
        Weight::Moved
    }

    /// A RST that acknowledges nothing but the SYN of its receiver: it answers a late copy of that (section 3.5.2, group 1).
    fn answers_syn(&self, seg: &Segment, receiver: usize) -> bool {
        let first = self.streams[receiver].iss.map(|iss| iss.plus(1));
        seg.ack.is_some() && seg.ack == first
    }

    /// A RST without ACK, at the number that the peer's newest segment acknowledged, while that waits for an answer, is what a
    /// host sends that has no such connection (section 3.5.2, group 1). One that had closed has reasons of its own.
    fn note_unknown(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) {
        let stream = &self.streams[from as usize];
        let answers = seg.ack.is_none() && stream.una == Some(seg.seq) && stream.owes.open().is_some();
        let open = matches!(
            self.ends[from as usize].proven(),
            State::Established | State::CloseWait
        );
        // Had a RST reached it before, it would have reason enough.
        let was_reset = self.ends[from as usize].waits_for(Event::RcvRst);
        if answers && open && !was_reset && stream.fin().is_none() {
            let silent = stream.last_heard.map(|heard| mark.time.since(heard));
            self.aside.silent_before_reset[from as usize] = silent;
            self.aside.observations.note(Kind::ConnectionUnknown, from, mark);
            notes.add("knows no such connection");
        }
    }

    /// Whether a RST shows that its sender's connection is gone, or only answers a stray segment.
    pub(super) fn sends_own_reset(&self, seg: &Segment, from: Role, verdict: Reset) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        match self.ends[me].proven() {
            // In SYN-SENT a RST answers a SYN-ACK or an ACK for something else (section 3.10.7.3), unless it carries the
            // number that the right SYN-ACK acknowledges: then there is no SYN-SENT here (any more).
            State::SynSent => {
                self.streams[me].iss.is_some_and(|iss| {
                    seg.seq
                        .between(iss.plus(1), self.streams[me].nxt.unwrap_or(iss.plus(1)))
                }) && self.ends[me].waits_for(Event::RcvSynAck)
            }
            State::Closed | State::Listen => verdict == Reset::Accepted,
            State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait
            | State::Unknown => {
                // Where the receiver is gone already, numbers cannot be judged by its state: take them as they are.
                matches!(verdict, Reset::Accepted | Reset::InWindow)
                    || verdict == Reset::NoConnection
                        && judge::reset(seg, &self.streams[me], &self.streams[peer], State::Established)
                            == Reset::Accepted
            }
        }
    }

    /// Whether a segment left its sender after the RST that carries its address: it acknowledges or echoes what passed the
    /// tap after that RST, or so much time went by that no reordering explains it. Then the sender did not reset.
    pub(super) fn left_after(&self, reset: Mark, seg: &Segment, me: usize, left: Timestamp) -> bool {
        let peer = &self.streams[1 - me];
        let echo = seg
            .ack
            .and(seg.options.timestamps)
            .and_then(|(_, echo)| peer.time_of_tsval(echo));
        let known = [seg.ack.and_then(|ack| peer.time_of(ack)), echo];
        known.into_iter().flatten().any(|time| time > reset.time)
            || seg
                .ack
                .is_some_and(|ack| self.ends[me].has_received_since(reset, ack))
            || left.since(reset.time) > REORDER_NS
    }
}
