//! One direction of a connection on which all went by the book: what its stream would be, in less room.
//!
//! Nothing is missing and nothing was sent twice, so that much of a [`Stream`] follows from the rest.

use super::{FINGERPRINTS_KEPT, Owes, Stream, micros};
use crate::segment::Segment;
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::tracker::evidence::Mark;
use crate::tracker::passing::Passing;

/// One direction in which every segment continued the one before. In this order [`Flowing::touch`] reads all of it.
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
    /// Up to where a window was offered, if one was.
    edge: Seq,
    max_window: u32,
    pub packets: u32,
    asked: u32,
    newest_tsval: u32,
    ts_recent: u32,
    /// As many as there were packets were put here in turn.
    fingerprints: [(u32, u32); FINGERPRINTS_KEPT],
    pub scale: u8,
    acknowledged: bool,
    offered: bool,
}

impl Flowing {
    /// The direction that begins with this SYN, which is no copy and carries no payload.
    pub fn new(syn: &Segment) -> Flowing {
        let tsval = syn.options.timestamps.map(|(value, _)| value);
        let mut flowing = Flowing {
            iss: syn.seq,
            nxt: syn.seq.plus(1),
            nxt_time: syn.time,
            una: syn.seq,
            acknowledged: false,
            offered: false,
            edge: syn.seq,
            max_window: 0,
            packets: 1,
            owed_since: None,
            asked: 0,
            newest_tsval: tsval.unwrap_or(0),
            newest_tsval_time: tsval.map(|_| syn.time),
            ts_recent: tsval.unwrap_or(0),
            ts_recent_time: tsval.map(|_| syn.time),
            receiver_rtt: -1,
            floor: None,
            last_heard: syn.time,
            fingerprints: Default::default(),
            scale: 0,
        };
        flowing.fingerprints[0] = (syn.print(), micros(syn.time));
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
        self.ts_recent_time.is_some() && Seq(value).before(Seq(self.ts_recent))
    }

    /// Whether this payload would bring SND.NXT round to ISS: then it would not be known how much there was.
    #[inline]
    pub fn would_wrap(&self, seg: &Passing) -> bool {
        seg.seq_end().0.wrapping_sub(self.iss.0) < seg.seq_len
    }

    /// Its sender sends a segment that continues it, whose fingerprint was not seen before. Then comes
    /// [`Flowing::acknowledge`] to the other direction.
    #[inline]
    pub fn send(&mut self, seg: &Passing) {
        let time = seg.mark.time;
        let slot = self.packets as usize % FINGERPRINTS_KEPT;
        self.fingerprints[slot] = (seg.print, micros(time));
        self.packets += 1;
        self.owed_since = None;
        self.asked = 0;
        self.last_heard = time;
        if let Some((value, _)) = seg.timestamps {
            if self.is_fresh(value) {
                self.newest_tsval = value;
                self.newest_tsval_time = Some(time);
            }
            let end = seg.seq_end();
            let una = self.una;
            let acceptable =
                !self.acknowledged || seg.seq.at_or_before(una) && (seg.seq == una || end.after(una));
            if acceptable && !self.is_old(value) {
                self.ts_recent = value;
                self.ts_recent_time = Some(time);
            }
        }
        if seg.seq_len > 0 {
            self.nxt = seg.seq_end();
            self.nxt_time = time;
        }
    }

    /// The other side acknowledges this direction up to `ack`, which was sent, with a segment that is to be answered or not.
    #[inline]
    pub fn acknowledge(&mut self, ack: Seq, mark: Mark, to_be_answered: bool) {
        if to_be_answered {
            self.owed_since.get_or_insert(mark);
            self.asked = self.asked.saturating_add(1);
        }
        if self.acknowledged && ack.at_or_before(self.una) {
            return;
        }
        self.una = ack;
        self.acknowledged = true;
        if ack == self.nxt {
            let sample = mark.time.since(self.nxt_time);
            if self.receiver_rtt < 0 || sample < self.receiver_rtt {
                self.receiver_rtt = sample;
            }
        }
    }

    /// The sender offers a window behind `ack`, and has received what passed the tap in the other direction.
    #[inline]
    pub fn know(&mut self, ack: Seq, window: u16, shift: u8, received: [Option<Timestamp>; 2]) {
        let window = u32::from(window) << shift;
        self.max_window = self.max_window.max(window);
        let edge = ack.plus(window);
        self.edge = if self.offered { self.edge.max(edge) } else { edge };
        self.offered = true;
        for time in received.into_iter().flatten() {
            self.floor = Some(self.floor.map_or(time, |floor| floor.max(time)));
        }
    }

    /// See [`Stream::time_of`] and [`Stream::time_of_tsval`].
    #[inline]
    pub fn times_of(&self, ack: Seq, echo: Option<u32>) -> [Option<Timestamp>; 2] {
        [
            (ack == self.nxt).then_some(self.nxt_time),
            self.newest_tsval_time.filter(|_| echo == Some(self.newest_tsval)),
        ]
    }

    /// Whether its sender owes an answer ([`Owes::open`]).
    pub fn owes(&self) -> bool {
        self.owed_since.is_some()
    }

    /// Whether all that it sent was acknowledged.
    pub fn is_acknowledged(&self) -> bool {
        self.acknowledged && self.una == self.nxt
    }

    /// Its payload, if nothing else has passed since the SYN.
    pub fn payload(&self) -> Payload {
        let octets = self.nxt.0.wrapping_sub(self.iss.plus(1).0).into();
        Payload {
            octets,
            last: (octets > 0).then_some(self.nxt_time),
        }
    }

    /// See [`Stream::floor`].
    pub fn floor(&self) -> Option<Timestamp> {
        self.floor
    }

    /// Whether a timestamp is newer than all before.
    pub fn is_fresh(&self, value: u32) -> bool {
        self.newest_tsval_time.is_none() || Seq(value).after(Seq(self.newest_tsval))
    }

    /// The stream of this direction, if nothing but payload has passed since the SYN; else its payload is to be told.
    pub fn stream(&self) -> Stream {
        let payload = self.payload();
        Stream {
            iss: Some(self.iss),
            owes: Owes {
                since: self.owed_since,
                asked: self.asked,
                probes: 0,
            },
            nxt: Some(self.nxt),
            nxt_time: Some(self.nxt_time),
            nxt_clean: true,
            una: self.acknowledged.then_some(self.una),
            contiguous: Some(self.nxt),
            offers: self.offered.then_some(self.edge),
            max_window: self.max_window,
            scale: self.scale,
            newest_tsval: self.newest_tsval_time.map(|time| (self.newest_tsval, time)),
            fingerprints: self.fingerprints,
            next_fingerprint: (self.packets % 256) as u8,
            receiver_rtt: Some(self.receiver_rtt).filter(|rtt| *rtt >= 0),
            floor: self.floor,
            packets: u64::from(self.packets),
            payload_bytes: payload.octets,
            last_heard: Some(self.last_heard),
            last_data: payload.last,
            ts_recent: self.ts_recent_time.map(|time| (self.ts_recent, time)),
            ..Stream::default()
        }
    }
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
