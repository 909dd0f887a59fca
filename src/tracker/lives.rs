//! From one life of a 4-tuple to the next, and the end of the capture.

use super::evidence::Mark;
use super::observation::Kind;
use super::opening::Opening;
use super::reset::PATIENCE_NS;
use super::state::State;
use super::stream::Stream;
use super::{Role, RolesFrom, Tracker};
use crate::segment::{Endpoint, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;

impl Tracker {
    /// The capture ended: what never got the answer that was due is not presumed any longer. Says nothing of a side that
    /// the capture does not show at all.
    pub fn end(&mut self, end: Timestamp) {
        self.calm.holds = false;
        for (side, role) in [Role::Client, Role::Server].into_iter().enumerate() {
            let patience = PATIENCE_NS
                .saturating_add(self.streams[1 - side].receiver_rtt.unwrap_or(0).saturating_mul(2));
            if let Some(fin) = self.aside.fin_repeated[side]
                && self.ends[side].presumed() == State::TimeWait
                && end.since(fin.time) > patience
            {
                self.aside
                    .observations
                    .note(Kind::FinUnansweredInTimeWait, role, fin);
            }
            if self.streams[side].packets > 0 {
                self.ends[side].give_up_waiting(end, patience);
            }
        }
    }

    /// A new incarnation of the 4-tuple was accepted, or proven by its own further life. `syn` is its first SYN, `answer` the
    /// copy of it that was answered and the SYN-ACK that shows that the answerer took it.
    pub fn replaced_by(&mut self, opener: Endpoint, syn: Mark, answer: Option<(Mark, Mark)>) {
        self.calm.holds = false;
        let opener = if opener == self.addresses[0] {
            Role::Client
        } else {
            Role::Server
        };
        self.ends[opener as usize].replaced(syn, syn, true);
        if let Some((answered, answer)) = answer {
            self.ends[opener.other() as usize].replaced(answered, answer, false);
        }
    }

    /// Whether nothing but RSTs was seen: the stray answers of an endpoint that has no connection.
    pub fn is_only_resets(&self) -> bool {
        self.streams.iter().all(|stream| stream.nxt.is_none()) && self.roles_from == RolesFrom::Guess
    }

    /// A SYN begins the connection; the stray RSTs before it stay counted with it.
    pub fn begin_with(&mut self, seg: &Segment) {
        let mut fresh = Tracker::new(seg, self.incarnation);
        for side in 0..2 {
            let ours = usize::from(fresh.addresses[side] != self.addresses[side]) ^ side;
            fresh.streams[side].packets = self.streams[ours].packets;
            fresh.streams[side].payload_bytes = self.streams[ours].payload_bytes;
        }
        fresh.first = self.first;
        fresh.last = self.last;
        fresh.cut = self.cut;
        fresh.duplicates = self.duplicates;
        fresh.ladder = self.ladder.take();
        fresh.time_steps_back = self.time_steps_back;
        fresh.longest_step_back = self.longest_step_back;
        *self = fresh;
    }

    /// Whether this attempt was settled by its own client's RST without ever being acknowledged (RFC 9293 figure 8):
    /// the SYN that began it was an old duplicate.
    pub fn is_disowned(&self) -> bool {
        self.aside.disowned.is_some() && self.opening.ack.is_none()
    }

    /// Goes on with a SYN of the same side and another ISS: the attempt before was never the client's own.
    pub fn start_over(&mut self) {
        self.calm.holds = false;
        self.ends[0].disown(State::Closed);
        let mark = self.opening.syn[0].map_or(self.first, |syn| syn.first);
        self.aside
            .observations
            .note(Kind::OldDuplicateSyn, Role::Client, mark);
        self.streams.iter_mut().for_each(Stream::restart);
        self.opening = Opening::default();
        if self.aside.disowned.is_some() {
            self.aside.disowned = None;
        }
    }

    /// A segment went to the life before, by its timestamp. Had it come without one, this life would have taken it where it
    /// lies in the receive window (R53).
    pub fn note_old_duplicate(&mut self, seg: &Segment) {
        let from = self.role_of(seg);
        let (sent, receiver) = (&self.streams[from as usize], &self.streams[from.other() as usize]);
        let (Some(next), Some(edge)) = (sent.una, receiver.offers) else {
            return;
        };
        if seg.seq_len() > 0 && !seg.flags.syn() && seg.seq.between(next, edge) {
            let mark = Mark::of(seg);
            self.aside
                .observations
                .note(Kind::OldDuplicateInWindow, from, mark);
        }
    }

    /// Whether only the opener was seen, with SYNs alone.
    pub fn is_embryo(&self) -> bool {
        self.opening.syn_ack.is_none()
            && self.ends[0].proven() == State::SynSent
            && self.streams[1].nxt.is_none()
    }

    /// Number of SYN copies of the opener.
    pub fn syn_copies(&self) -> u32 {
        self.opening.syn[0].map_or(0, |syn| syn.copies)
    }

    /// Takes over the packets of an embryo that was an old duplicate of this 4-tuple.
    pub fn absorb_embryo(&mut self, embryo: Tracker) {
        self.calm.holds = false;
        let opener = self.role_of_address(embryo.addresses[0]);
        self.aside
            .observations
            .note(Kind::OldDuplicateSyn, opener, embryo.first);
        for (index, stream) in embryo.streams.iter().enumerate() {
            let side = self.role_of_address(embryo.addresses[index]) as usize;
            self.streams[side].packets += stream.packets;
            self.streams[side].payload_bytes += stream.payload_bytes;
        }
        self.cut += embryo.cut;
        self.duplicates += embryo.duplicates;
        if embryo.last.packet > self.last.packet {
            self.last = embryo.last;
        }
        let swapped = opener != Role::Client;
        if let Some(aside) = embryo.aside.into_inner() {
            self.aside.observations.absorb(aside.observations, swapped);
        }
        if let (Some(ours), Some(theirs)) = (&mut self.ladder, embryo.ladder) {
            ours.absorb(*theirs, swapped);
        }
    }

    /// Goes on as the younger attempt, of which only SYNs were seen.
    pub fn adopt(&mut self, younger: Tracker) {
        self.calm.holds = false;
        let [client, server] = younger.streams;
        let packets = [
            self.streams[0].packets + client.packets,
            self.streams[1].packets + server.packets,
        ];
        let bytes = [
            self.streams[0].payload_bytes + client.payload_bytes,
            self.streams[1].payload_bytes + server.payload_bytes,
        ];
        self.streams = [client, server];
        for side in 0..2 {
            self.streams[side].packets = packets[side];
            self.streams[side].payload_bytes = bytes[side];
        }
        let [client, _] = younger.ends;
        self.ends[0] = client;
        self.opening = younger.opening;
        self.cut += younger.cut;
        self.duplicates += younger.duplicates;
        if let Some(aside) = younger.aside.into_inner() {
            self.aside.observations.absorb(aside.observations, false); // the same opener
        }
        if younger.last.packet > self.last.packet {
            self.last = younger.last;
        }
        if let (Some(ours), Some(theirs)) = (&mut self.ladder, younger.ladder) {
            ours.absorb(*theirs, false);
        }
    }

    pub(super) fn role_of_address(&self, address: Endpoint) -> Role {
        if address == self.addresses[0] {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Whether both ends are gone, as far as one can presume: only a new incarnation can follow.
    pub fn is_over(&self) -> bool {
        self.ends
            .iter()
            .all(|end| matches!(end.presumed(), State::Closed | State::Listen | State::TimeWait))
    }

    /// Whether a segment acknowledges what the other side sent last, to the octet or nearly.
    pub fn answers(&self, seg: &Segment) -> bool {
        let peer = self.role_of(seg).other() as usize;
        match (seg.ack, self.streams[peer].nxt) {
            (Some(ack), Some(nxt)) => near(ack, nxt),
            _ => false,
        }
    }

    /// Whether neither number of a segment fits this connection.
    pub fn is_foreign(&self, seg: &Segment) -> bool {
        let me = self.role_of(seg) as usize;
        self.streams[me].nxt.is_some_and(|nxt| !near(seg.seq, nxt)) && seg.ack.is_some() && !self.answers(seg)
    }

    /// Whether both numbers of a segment fit this connection.
    pub fn fits(&self, seg: &Segment) -> bool {
        self.fits_at(self.role_of(seg), seg.seq, seg.ack)
    }

    /// As [`Tracker::fits`], of a segment from this side with these numbers.
    pub fn fits_at(&self, from: Role, seq: Seq, ack: Option<Seq>) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        let seq_fits = match self.streams[me].nxt {
            Some(nxt) => near(seq, nxt),
            None => self.streams[me].una.is_none_or(|una| near(seq, una)),
        };
        let ack_fits = match (ack, self.streams[peer].nxt) {
            (Some(ack), Some(nxt)) => near(ack, nxt),
            _ => true,
        };
        seq_fits && ack_fits
    }
}

/// Within a MiB: close enough to belong to the same life of a 4-tuple when another life competes for the segment.
fn near(number: Seq, reference: Seq) -> bool {
    number.offset_from(reference).unsigned_abs() <= 1 << 20
}
