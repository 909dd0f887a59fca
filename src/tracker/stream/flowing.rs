//! One direction of a connection on which all went by the book: what its stream would be, in less room.
//!
//! Nothing is missing, and little was sent twice, so that much of a [`Stream`] follows from the rest.

use std::hint::select_unpredictable;

use super::{FINGERPRINTS_KEPT, Owes, Stream, micros};
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::tracker::calm::LONGEST;
use crate::tracker::evidence::Mark;
use crate::tracker::passing::{Opening, Passing};

/// One direction in which every segment continued the one before, or was a keepalive, or payload that was sent again. In this
/// order [`Flowing::touch`] reads all of it.
#[derive(Clone, Debug)]
#[repr(C)]
pub(in crate::tracker) struct Flowing {
    /// When the newest payload passed, or the SYN.
    nxt_time: Timestamp,
    /// When the newest TSval came first; none without timestamps.
    newest_tsval_time: Option<Timestamp>,
    ts_recent_time: Option<Timestamp>,
    owed_since: Option<Mark>,
    /// Below zero while there was none.
    receiver_rtt: i64,
    floor: Option<Timestamp>,
    last_heard: Timestamp,
    iss: Seq,
    /// SND.NXT. Everything before was captured, and it has not come round to ISS yet.
    pub nxt: Seq,
    /// The highest acknowledgment, if there was one.
    una: Seq,
    /// Up to where a window was offered; before, where the peer's payload begins.
    edge: Seq,
    max_window: u32,
    pub packets: u32,
    newest_tsval: u32,
    ts_recent: u32,
    /// As many as there were packets were put here in turn.
    fingerprints: [(u32, u32); FINGERPRINTS_KEPT],
    asked: u16,
    /// Octets that were sent again.
    repeated: u16,
    retransmitted: u8,
    probes: u8,
    /// Those of `asked` that were probes.
    owed_probes: u8,
    /// The shift of the window field, and the bits below.
    about: u8,
}

/// Bits of [`Flowing::about`].
const SCALE: u8 = 0x0f;
/// It began with an answer, which offers a window.
const ANSWERS: u8 = 1 << 4;
/// The newest octet was sent again: its acknowledgment gives no round trip.
const SENT_AGAIN: u8 = 1 << 5;

/// Without a branch: what decides changes from segment to segment, and a branch that is foretold wrongly costs as much as a
/// dozen instructions.
#[inline(always)]
fn select<T>(condition: bool, this: T, other: T) -> T {
    select_unpredictable(condition, this, other)
}

impl Flowing {
    /// The direction that begins with this SYN, which is no copy and carries no payload; that of the peer is `other`.
    pub fn new(syn: &Opening, other: &Opening) -> Flowing {
        let tsval = syn.timestamps().map(|(value, _)| value);
        let time = syn.telling.passing.mark.time;
        let mut flowing = Flowing {
            iss: syn.seq(),
            nxt: syn.seq().plus(1),
            nxt_time: time,
            una: syn.seq(),
            edge: other.seq().plus(1),
            max_window: 0,
            packets: 1,
            owed_since: None,
            newest_tsval: tsval.unwrap_or(0),
            newest_tsval_time: tsval.map(|_| time),
            ts_recent: tsval.unwrap_or(0),
            ts_recent_time: tsval.map(|_| time),
            receiver_rtt: -1,
            floor: None,
            last_heard: time,
            fingerprints: Default::default(),
            asked: 0,
            repeated: 0,
            retransmitted: 0,
            probes: 0,
            owed_probes: 0,
            about: if syn.telling.flags.ack() { ANSWERS } else { 0 },
        };
        flowing.fingerprints[0] = (syn.telling.passing.print, micros(time));
        flowing
    }

    /// See [`Textbook::touch`](crate::tracker::textbook::Textbook::touch).
    #[inline]
    pub fn touch(&self) -> i64 {
        let [.., newest] = self.fingerprints;
        self.nxt_time.ns() ^ self.last_heard.ns() ^ i64::from(self.packets ^ newest.1)
    }

    /// ISS.
    pub fn first(&self) -> Seq {
        self.iss
    }

    /// Whether this segment looks like one of the newest: what that means is not decided here.
    pub fn has_seen(&self, print: u32) -> bool {
        self.fingerprints.iter().any(|(known, _)| *known == print)
    }

    /// See [`Stream::ts_recent`].
    pub fn ts_recent(&self) -> u32 {
        self.ts_recent
    }

    /// Whether a timestamp is older than what its sender sent before.
    pub fn is_old(&self, value: u32) -> bool {
        self.ts_recent_time.is_some() & Seq(value).before(Seq(self.ts_recent))
    }

    /// Whether this payload would bring SND.NXT round to ISS: then it would not be known how much there was.
    #[inline]
    pub fn would_wrap(&self, seg: &Passing) -> bool {
        seg.seq_end().0.wrapping_sub(self.iss.0) < seg.seq_len
    }

    /// Sets the shift of the window field, 14 at most.
    pub fn set_scale(&mut self, scale: u8) {
        self.about = self.about & !SCALE | scale & SCALE;
    }

    /// The shift of the window field.
    #[inline]
    pub fn scale(&self) -> u8 {
        self.about & SCALE
    }

    /// Whether its sender can be asked for another answer, and that be counted.
    #[inline]
    pub fn can_be_asked(&self) -> bool {
        self.asked < u16::MAX
    }

    /// Its sender sends a segment that continues it, whose fingerprint was not seen before. Then comes
    /// [`Flowing::acknowledge`] to the other direction.
    #[inline]
    pub fn send(&mut self, seg: &Passing) {
        self.hear(seg);
        let some = seg.seq_len > 0;
        self.nxt = seg.seq_end();
        self.nxt_time = select(some, seg.mark.time, self.nxt_time);
        self.about &= select(some, !SENT_AGAIN, !0);
    }

    /// What a segment from before SND.NXT is, if it is one that can be counted.
    pub fn goes_back(&self, seg: &Passing) -> Option<Back> {
        let behind = self.nxt.0.wrapping_sub(seg.seq.0);
        if seg.payload_len == 0 {
            return (behind == 1 && self.probes < u8::MAX).then_some(Back::Probe);
        }
        // (One octet at one before SND.NXT may be a probe, too.)
        let all_sent = seg.seq_len <= behind && (2..=LONGEST).contains(&behind);
        let after_syn = behind < self.nxt.0.wrapping_sub(self.iss.0);
        let octets = u16::try_from(seg.payload_len).ok()?;
        let counted = self.repeated.checked_add(octets).is_some() && self.retransmitted < u8::MAX;
        (all_sent && after_syn && counted).then_some(Back::Again(octets))
    }

    /// As [`Flowing::send`], of a segment from before SND.NXT; a probe asks its receiver, the sender of the other direction, for an
    /// answer.
    pub fn send_back(&mut self, seg: &Passing, back: Back, receiver: &mut Flowing) {
        self.hear(seg);
        match back {
            Back::Probe => {
                self.probes += 1;
                receiver.ask(seg.mark);
                receiver.owed_probes = receiver.owed_probes.saturating_add(1); // no more than there are probes
            }
            Back::Again(octets) => {
                self.repeated += octets;
                self.retransmitted += 1;
                if seg.seq_end() == self.nxt {
                    self.about |= SENT_AGAIN;
                }
            }
        }
    }

    /// Its sender is heard.
    #[inline]
    fn hear(&mut self, seg: &Passing) {
        let time = seg.mark.time;
        let slot = self.packets as usize % FINGERPRINTS_KEPT;
        self.fingerprints[slot] = (seg.print, micros(time));
        self.packets += 1;
        self.owed_since = None;
        (self.asked, self.owed_probes) = (0, 0);
        self.last_heard = time;
        if let Some((value, _)) = seg.timestamps {
            let fresh = self.is_fresh(value);
            self.newest_tsval = select(fresh, value, self.newest_tsval);
            self.newest_tsval_time = select(fresh, Some(time), self.newest_tsval_time);
            let (end, una) = (seg.seq_end(), self.una);
            let around_una = seg.seq.at_or_before(una) & ((seg.seq == una) | end.after(una));
            let recent = (!self.was_acknowledged() | around_una) & !self.is_old(value);
            self.ts_recent = select(recent, value, self.ts_recent);
            self.ts_recent_time = select(recent, Some(time), self.ts_recent_time);
        }
    }

    /// Its sender is asked for an answer.
    #[inline]
    fn ask(&mut self, mark: Mark) {
        self.ask_if(true, mark);
    }

    #[inline]
    fn ask_if(&mut self, is_asked: bool, mark: Mark) {
        let first = is_asked & self.owed_since.is_none();
        self.owed_since = select(first, Some(mark), self.owed_since);
        self.asked = self.asked.saturating_add(is_asked.into());
    }

    /// Whether something of it was acknowledged. (SND.UNA does not come round to ISS.)
    #[inline]
    fn was_acknowledged(&self) -> bool {
        self.una != self.iss
    }

    /// The other side acknowledges this direction up to `ack`, which was sent, with a segment that is to be answered or not.
    #[inline]
    pub fn acknowledge(&mut self, ack: Seq, mark: Mark, to_be_answered: bool) {
        self.ask_if(to_be_answered, mark);
        let fresh = !self.was_acknowledged() | ack.after(self.una);
        let all = fresh & (ack == self.nxt) & (self.about & SENT_AGAIN == 0);
        let sample = mark.time.since(self.nxt_time);
        let shortest = (self.receiver_rtt < 0) | (sample < self.receiver_rtt);
        self.una = select(fresh, ack, self.una);
        self.receiver_rtt = select(all & shortest, sample, self.receiver_rtt);
    }

    /// The sender offers a window behind `ack`, and has received what passed the tap in the other direction.
    #[inline]
    pub fn know(&mut self, ack: Seq, window: u16, shift: u8, received: [Option<Timestamp>; 2]) {
        let window = u32::from(window) << shift;
        self.max_window = self.max_window.max(window);
        self.edge = self.edge.max(ack.plus(window));
        let [a, b] = received; // `None` is less than any
        self.floor = self.floor.max(a).max(b);
    }

    /// See [`Stream::time_of`] and [`Stream::time_of_tsval`].
    #[inline]
    pub fn times_of(&self, ack: Seq, echo: Option<u32>) -> [Option<Timestamp>; 2] {
        [
            select(ack == self.nxt, Some(self.nxt_time), None),
            select(echo == Some(self.newest_tsval), self.newest_tsval_time, None),
        ]
    }

    /// Whether its sender owes an answer ([`Owes::open`]).
    pub fn owes(&self) -> bool {
        self.owed_since.is_some()
    }

    /// Whether all that it sent was acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        self.una == self.nxt
    }

    /// Its keepalives.
    pub fn probes(&self) -> u32 {
        self.probes.into()
    }

    /// Its payload, if nothing else has passed since the SYN.
    pub fn payload(&self) -> Payload {
        let once = u64::from(self.nxt.0.wrapping_sub(self.iss.plus(1).0));
        Payload {
            octets: once + u64::from(self.repeated),
            last: (once > 0).then_some(self.nxt_time),
        }
    }

    /// See [`Stream::floor`].
    pub fn floor(&self) -> Option<Timestamp> {
        self.floor
    }

    /// Whether a timestamp is newer than all before.
    pub fn is_fresh(&self, value: u32) -> bool {
        self.newest_tsval_time.is_none() | Seq(value).after(Seq(self.newest_tsval))
    }

    /// The stream of this direction, if nothing but payload has passed since the SYN; else its payload is to be told.
    pub fn stream(&self) -> Stream {
        let payload = self.payload();
        Stream {
            iss: Some(self.iss),
            owes: Owes {
                since: self.owed_since,
                asked: self.asked.into(),
                probes: self.owed_probes.into(),
            },
            nxt: Some(self.nxt),
            nxt_time: Some(self.nxt_time),
            nxt_clean: self.about & SENT_AGAIN == 0,
            una: self.was_acknowledged().then_some(self.una),
            contiguous: Some(self.nxt),
            offers: (self.packets > 1 || self.about & ANSWERS != 0).then_some(self.edge),
            max_window: self.max_window,
            scale: self.scale(),
            newest_tsval: self.newest_tsval_time.map(|time| (self.newest_tsval, time)),
            fingerprints: self.fingerprints,
            next_fingerprint: (self.packets % 256) as u8,
            receiver_rtt: Some(self.receiver_rtt).filter(|rtt| *rtt >= 0),
            floor: self.floor,
            packets: u64::from(self.packets),
            payload_bytes: payload.octets,
            retransmitted: self.retransmitted.into(),
            probes: self.probes(),
            last_heard: Some(self.last_heard),
            last_data: payload.last,
            ts_recent: self.ts_recent_time.map(|time| (self.ts_recent, time)),
            ..Stream::default()
        }
    }
}

/// A segment from before SND.NXT.
#[derive(Clone, Copy, Debug)]
pub(in crate::tracker) enum Back {
    /// A keepalive (R27), without an octet.
    Probe,
    /// So many octets of payload that were sent before.
    Again(u16),
}

/// The payload of one direction.
#[derive(Clone, Copy, Debug)]
pub(in crate::tracker) struct Payload {
    /// How much.
    pub octets: u64,
    /// When the newest passed.
    pub last: Option<Timestamp>,
}

impl Payload {
    /// And that of this segment.
    pub fn add(&mut self, seg: &Passing) {
        self.octets += u64::from(seg.payload_len);
        if seg.payload_len > 0 {
            self.last = Some(seg.mark.time);
        }
    }
}
