//! What is noted of a segment without moving any state: flags, options and acknowledgments that do not fit where they come.

use super::evidence::Mark;
use super::observation::Kind;
use super::opening::SynOptions;
use super::reset::{PATIENCE_NS, REORDER_NS};
use super::state::{Event, State};
use super::stream::Repeat;
use super::{Notes, Role, RolesFrom, Tracker};
use crate::segment::Segment;
use crate::seq::Seq;
use crate::time::Timestamp;

/// After so long TS.Recent is void (RFC 7323 section 5.5), ns.
const TS_RECENT_VOID_NS: i64 = 24 * 86_400 * 1_000_000_000;

impl Tracker {
    /// A segment of the connection's own exchange, before its stream takes it in.
    pub(super) fn note_oddities(
        &mut self,
        seg: &Segment,
        from: Role,
        mark: Mark,
        repeat: Repeat,
        notes: &mut Notes,
    ) {
        let me = from as usize;
        let mut note = |kind: Kind, word: &'static str| {
            self.aside.observations.note(kind, from, mark);
            notes.add(word);
        };
        if let Some((value, _)) = seg.options.timestamps {
            if repeat == Repeat::Fresh && !seg.flags.syn() && self.streams[me].paws_rejects(value, seg) {
                note(Kind::PawsRejected, "timestamp older than before");
            }
            self.streams[me].on_ts_recent(value, seg.seq, seg.seq_end(), seg.time);
        } else if !seg.flags.syn() && !seg.header_cut && self.opening.syn.iter().all(offers_timestamps) {
            note(Kind::TimestampMissing, "no timestamp");
        }
        if seg.flags.fin() && seg.ack.is_none() {
            note(Kind::FinWithoutAck, "FIN without ACK");
        }
        if self.ends[0].proven() != State::Established || self.ends[1].proven() != State::Established {
            self.note_early(seg, from, mark, notes);
        }
        if self.aside.reset_in_window[me].is_some()
            && let Some(reset) = self.aside.reset_in_window[me].take()
            && seg.seq_len() == 0
            && mark.time.since(reset.time) < PATIENCE_NS
        {
            self.aside.observations.note(Kind::ResetChallenged, from, mark);
            notes.add("challenge ACK");
        }
    }

    /// What comes before both ends are known to be open.
    fn note_early(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) {
        let (me, peer) = (from as usize, from.other() as usize);
        let first = self.streams[me].packets + self.streams[peer].packets == 1;
        let knows_answer = self.ends[me].waits_for(Event::RcvSynAck) || self.streams[peer].packets > 0;
        let waits_alone = self.ends[me].proven() == State::SynSent && !knows_answer;
        let answers_alone = from == Role::Server
            && self.ends[me].proven() == State::SynReceived
            && self.opening.ack.is_none()
            && self.opening.syn_data_accepted != Some(true)
            && !self.ends[me].waits_for(Event::RcvAckOfSyn);
        let from_opener =
            from == Role::Client && self.roles_from == RolesFrom::Syn && !self.opening.simultaneous;
        let mut note = |kind: Kind, word: &'static str| {
            self.aside.observations.note(kind, from, mark);
            notes.add(word);
        };
        if seg.flags.syn() {
            if seg.ack.is_some() && from_opener {
                note(Kind::SynAckFromOpener, "SYN-ACK from the side that opened");
            }
            return;
        }
        // One with an ACK has seen an answer, which the capture lacks.
        if seg.payload_len > 0 && (waits_alone && seg.ack.is_none() || answers_alone) {
            note(Kind::DataBeforeEstablished, "data before the handshake is done");
        }
        if seg.flags.fin() && waits_alone {
            note(Kind::FinBeforeAnswer, "FIN before any answer");
        }
        if seg.flags.fin() && first {
            note(Kind::FinNoConnection, "FIN of a connection that was not captured");
        }
        if self.misses_handshake(seg, from) {
            self.aside.observations.note(Kind::HandshakeAckBad, from, mark);
            notes.add("does not acknowledge the SYN-ACK");
        }
    }

    /// Whether a segment of the client should complete the handshake and acknowledges something else than the SYN-ACK, or
    /// lies before the client's own SYN.
    pub(super) fn misses_handshake(&self, seg: &Segment, from: Role) -> bool {
        let (Some(ack), Some(iss), Some(nxt)) = (seg.ack, self.streams[1].iss, self.streams[1].nxt) else {
            return false;
        };
        from == Role::Client
            && !seg.flags.syn()
            && self.opening.syn_ack.is_some()
            && self.opening.ack.is_none()
            && self.ends[1].proven() == State::SynReceived
            // One more than was captured is a lost FIN.
            && (!ack.between(iss.plus(1), nxt.plus(1)) || self.streams[0].iss.is_some_and(|own| seg.seq.before(own)))
    }
}

fn offers_timestamps(syn: &Option<super::Syn>) -> bool {
    syn.is_some_and(|syn| syn.options.timestamps.is_some())
}

/// What a SYN sent again offers, beside the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offers {
    /// The same.
    Same,
    /// Less: options left out, or a smaller MSS, as stacks do that get no answer.
    Fewer,
    /// Something that it did not offer before.
    Other,
}

/// Compares a SYN sent again with the one before. Timestamps tick; a Fast Open cookie may be left out (RFC 7413 section
/// 4.1.3).
pub(super) fn compare_offers(before: &SynOptions, now: &SynOptions) -> Offers {
    let offer = |options: &SynOptions| {
        (
            options.mss,
            options.window_scale,
            options.sack_permitted,
            options.timestamps.is_some(),
        )
    };
    if offer(before) == offer(now) {
        return Offers::Same;
    }
    let fewer = now
        .mss
        .is_none_or(|mss| before.mss.is_some_and(|offered| mss <= offered))
        && (now.window_scale.is_none() || now.window_scale == before.window_scale)
        && now.sack_permitted <= before.sack_permitted
        && now.timestamps.is_some() <= before.timestamps.is_some();
    if fewer { Offers::Fewer } else { Offers::Other }
}

impl super::stream::Stream {
    /// Whether PAWS makes the receiver drop a segment of this stream that has octets it lacks (RFC 7323 section 5.3).
    fn paws_rejects(&self, value: u32, seg: &Segment) -> bool {
        let Some((recent, at)) = self.ts_recent else {
            return false;
        };
        Seq(value).before(Seq(recent))
            && seg.seq_len() > 0
            && (REORDER_NS..TS_RECENT_VOID_NS).contains(&seg.time.since(at))
            && self.una.is_some_and(|una| seg.seq_end().after(una))
    }

    /// TS.Recent follows segments that begin at or before RCV.NXT (RFC 7323 section 4.3).
    pub(super) fn on_ts_recent(&mut self, value: u32, seq: Seq, seq_end: Seq, time: Timestamp) {
        let newest = self
            .ts_recent
            .is_none_or(|(recent, _)| Seq(value).at_or_after(Seq(recent)));
        // A segment with nothing but what the receiver has is not acceptable, and moves nothing.
        let acceptable = self
            .una
            .is_none_or(|una| seq.at_or_before(una) && (seq == una || seq_end.after(una)));
        if newest && acceptable {
            self.ts_recent = Some((value, time));
        }
    }
}
