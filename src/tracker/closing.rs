//! The closing (RFC 9293 section 3.6): FINs, also those that the capture lacks, and TIME-WAIT.

use super::arrival::{Arrival, Sent, SentKind};
use super::evidence::{Cause, Mark};
use super::observation::Kind;
use super::state::{Event, State, Step, step};
use super::stream::{Fin, Repeat};
use super::{Notes, Role, Tracker, plain_sent};
use crate::segment::Segment;
use crate::seq::Seq;

impl Tracker {
    pub(super) fn note_fin(
        &mut self,
        seg: &Segment,
        from: Role,
        mark: Mark,
        repeat: Repeat,
        notes: &mut Notes,
    ) {
        if !seg.flags.fin() {
            return;
        }
        let me = from as usize;
        let seq = seg.seq.plus(seg.payload_len);
        let una = self.streams[me].una;
        let found = Fin {
            seq,
            first: mark,
            last: mark,
            ack: seg.ack,
            inferred: false,
        };
        match self.streams[me].fin_mut() {
            Some(fin) if fin.seq == seq => {
                if fin.inferred {
                    *fin = found;
                    self.aside.take_before_inferred_fin();
                    self.ends[me].amend_inferred([State::FinWait1, State::LastAck], mark);
                } else if repeat == Repeat::Fresh {
                    self.aside.observations.note(Kind::FinRetransmitted, from, mark);
                    notes.add("FIN again");
                    (fin.last, fin.ack) = (mark, seg.ack);
                }
            }
            Some(fin) => {
                let acknowledged = una.is_some_and(|una| una.at_or_after(fin.covered_by()));
                if !acknowledged || fin.inferred {
                    *fin = found;
                    self.streams[me].fin_on_its_way = false;
                }
                self.aside.observations.note(Kind::FinChangedSeq, from, mark);
                notes.add("FIN at another number");
            }
            None => self.streams[me].set_fin(Some(found)),
        }
    }

    /// R10: the peer acknowledged one octet more than was captured, and nothing else explains it: a FIN.
    pub(super) fn infer_missing_fin(&mut self, of: Role, ack: Seq, mark: Mark) {
        let me = of as usize;
        self.aside.before_inferred_fin = Some(Box::new(self.ends.clone()));
        self.streams[me].set_fin(Some(Fin {
            seq: ack.minus(1),
            first: mark,
            last: mark,
            ack: None,
            inferred: true,
        }));
        self.streams[me].fin_on_its_way = true;
        self.aside.observations.note(Kind::FinMissing, of, mark);
        let earliest = self.streams[me].floor;
        let peer = of.other() as usize;
        if let Some(fin) = self.streams[peer]
            .fin()
            .filter(|fin| !self.streams[peer].fin_on_its_way && fin.first != mark)
        {
            // It waits for data that the capture lacks; the side that answers with a FIN of its own most likely had it.
            self.streams[peer].fin_on_its_way = true;
            self.ends[me].on_its_way(Arrival::new(Event::RcvFin, fin.first, Some(fin.covered_by())));
        }
        let end = &mut self.ends[me];
        // Whatever was on its way to it has arrived before it closed: the peer's answer came a round trip later.
        end.settle_all(mark);
        if matches!(end.proven(), State::SynSent | State::SynReceived) {
            end.infer(State::Established, Cause::SynAcknowledged, mark, earliest);
        }
        if let Step::To(to) = step(end.proven(), Event::SendFin) {
            end.infer(to, Cause::FinSent, mark, earliest);
        }
        let answers_fin = self.ends[me].proven() == State::LastAck;
        if answers_fin && self.ends[peer].presumed() == State::FinWait1 {
            self.ends[peer].on_its_way(Arrival {
                inferred: true,
                ..Arrival::new(Event::RcvAckOfFin, mark, Some(ack))
            });
        }
        self.ends[peer].on_its_way(Arrival {
            inferred: true,
            ..Arrival::new(Event::RcvFin, mark, Some(ack))
        });
    }

    /// An acknowledgment that starts one octet beyond what was captured of its sender: its FIN left before it and was
    /// lost, or will pass the tap later (R40).
    pub(super) fn infer_own_fin(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) {
        let me = from as usize;
        let Some(nxt) = self.streams[me].nxt else { return };
        let skips_one = seg.seq_len() == 0 && seg.seq == nxt.plus(1) && !seg.flags.syn();
        let open = matches!(
            self.ends[me].proven(),
            State::Established | State::SynReceived | State::CloseWait
        );
        if !skips_one
            || !open
            || self.streams[me].fin().is_some()
            || self.streams[me].una.is_some_and(|una| una.after(nxt))
        {
            return;
        }
        // Whatever was sent before: a FIN, or this, shows that the handshake was over.
        self.ends[me].confirm_acknowledged_syn(mark);
        self.aside.before_inferred_fin = Some(Box::new(self.ends.clone()));
        self.streams[me].set_fin(Some(Fin {
            seq: nxt,
            first: mark,
            last: mark,
            ack: None,
            inferred: true,
        }));
        self.aside.observations.note(Kind::FinMissing, from, mark);
        notes.add("begins after a FIN that was not captured");
        let earliest = self.streams[me].floor;
        if let Step::To(to) = step(self.ends[me].proven(), Event::SendFin) {
            self.ends[me].infer(to, Cause::FinSent, mark, earliest);
        }
    }

    /// A segment of the side whose FIN was inferred: does it contradict?
    pub(super) fn check_inferred_fin(&mut self, seg: &Segment, from: Role) {
        let Some(fin) = self.streams[from as usize].fin().filter(|fin| fin.inferred) else {
            return;
        };
        let data_end = seg.seq.plus(seg.payload_len);
        let covers = seg.payload_len > 0
            && data_end.after(fin.seq)
            && !(seg.payload_len == 1 && seg.seq == fin.seq.minus(1));
        if covers && !(seg.flags.fin() && data_end == fin.seq) {
            self.take_back_inferred_fin(from);
        }
    }

    pub(super) fn take_back_inferred_fin(&mut self, of: Role) {
        self.streams[of as usize].set_fin(None);
        self.streams[of as usize].fin_on_its_way = false;
        self.streams[of as usize].missed += 1;
        self.half_close_from[of.other() as usize] = None;
        if let Some(before) = self.aside.take_before_inferred_fin() {
            self.ends = *before;
            // The other side's FIN, if one came since, stands.
            let peer = of.other() as usize;
            if let Some(fin) = self.streams[peer].fin().filter(|fin| !fin.inferred) {
                self.ends[peer].on_sent(&Sent {
                    kind: SentKind::Fin,
                    ..plain_sent(fin.first)
                });
            }
        }
    }

    /// Without a handshake, data tells who was open: an endpoint that sends data has not closed, and its peer has not
    /// been told so either.
    pub(super) fn note_midstream_data(&mut self, data: bool, from: Role, mark: Mark) {
        if !self.midstream {
            return;
        }
        let (me, peer) = (from as usize, from.other() as usize);
        let fin = self.streams[me].fin().is_some_and(|fin| fin.first == mark);
        if !data && !fin {
            return;
        }
        self.streams[me].sent_data = true;
        let mut established = |index: usize, latest: Mark| {
            if self.ends[index].proven() == State::Unknown {
                self.ends[index].infer(State::Established, Cause::FirstSeen, latest, None);
            }
        };
        if self.streams[peer].sent_data {
            let first_fin = |side: usize| self.streams[side].fin().map(|fin| fin.first);
            established(me, mark);
            let peer_fin = first_fin(peer);
            established(peer, peer_fin.unwrap_or(mark));
            if let Some(at) = peer_fin {
                // Its FIN came when it was not yet known that this side was open: that was an active close.
                if self.ends[peer].proven() == State::Established {
                    self.ends[peer].infer(State::FinWait1, Cause::FinSent, at, None);
                    if self.streams[peer].una.is_some_and(|una| {
                        self.streams[peer]
                            .fin()
                            .is_some_and(|fin| una.at_or_after(fin.covered_by()))
                    }) {
                        self.ends[peer].infer(State::FinWait2, Cause::FinAcknowledged, mark, Some(at.time));
                        self.ends[me].infer(State::CloseWait, Cause::FinReceived, at, Some(at.time));
                    }
                }
            }
        }
    }

    /// A FIN again in TIME-WAIT restarts 2 MSL (section 3.10.7.4); anything else there is worth a note.
    pub(super) fn note_in_time_wait(
        &mut self,
        seg: &Segment,
        from: Role,
        mark: Mark,
        probe: bool,
        notes: &mut Notes,
    ) {
        let me = from as usize;
        if let (Some(fin), Some(repeated)) = (self.streams[1 - me].fin(), self.aside.fin_repeated[me])
            && seg.ack.is_some_and(|ack| ack.at_or_after(fin.covered_by()))
            && self.ends[me].presumed() == State::TimeWait
        {
            // The holder answers the repeated FIN: it was there, and so 2 MSL began anew.
            self.aside.fin_repeated[me] = None;
            let (count, at) = &mut self.aside.restarts[me];
            *count = count.saturating_add(1);
            *at = Some(repeated.time);
            self.aside
                .observations
                .note(Kind::TimeWaitRestarted, from.other(), repeated);
            notes.add("answers the FIN again: 2 MSL restarted");
        }
        let holder = from.other() as usize;
        if self.ends[holder].presumed() != State::TimeWait || probe {
            return;
        }
        let Some(fin) = self.streams[from as usize].fin() else {
            return;
        };
        if seg.flags.fin() && fin.first != mark && fin.seq == seg.seq.plus(seg.payload_len) {
            self.aside.fin_repeated[holder] = Some(mark);
        } else if !seg.flags.fin() && seg.seq_len() > 0 {
            self.aside.observations.note(Kind::SegmentInTimeWait, from, mark);
            notes.add("in TIME-WAIT");
        }
    }

    /// The FIN arrives when everything before it has (R30): with its own packet, or with the one that fills the hole.
    pub(super) fn send_fin_on(&mut self, seg: &Segment, from: Role, mark: Mark, copied: bool) {
        let (me, peer) = (from as usize, from.other() as usize);
        let Some(fin) = self.streams[me].fin().filter(|fin| !fin.inferred) else {
            return;
        };
        if !self.streams[me].whole_before(fin.seq) {
            if seg.flags.fin() {
                self.aside.observations.note(Kind::FinOutOfOrder, from, mark);
            }
            return;
        }
        let fills = self.streams[me].fills_next(seg);
        let peers_fin = self.streams[peer].fin().map(|fin| fin.covered_by());
        let acknowledges_fin =
            matches!((seg.ack, peers_fin), (Some(ack), Some(covered)) if ack.at_or_after(covered));
        if let Some(arrival) = self.ends[peer].waiting_mut(Event::RcvFin) {
            if fills && !copied {
                arrival.repeated(mark, seg.options.timestamps.map(|(value, _)| value));
                arrival.last_acknowledges_fin = acknowledges_fin;
            }
            return;
        }
        let acknowledged = self.streams[me]
            .una
            .is_some_and(|una| una.at_or_after(fin.covered_by()));
        if !self.streams[me].fin_on_its_way || (fills && !acknowledged && seg.flags.fin()) {
            self.streams[me].fin_on_its_way = true;
            let arrival = Arrival::new(Event::RcvFin, mark, Some(fin.covered_by()));
            self.ends[peer].on_its_way(Arrival {
                last_acknowledges_fin: acknowledges_fin,
                ..arrival
            });
        }
    }
}
