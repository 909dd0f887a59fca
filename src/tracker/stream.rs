//! The sequence space of one direction: what its sender sent, what its receiver acknowledged, what is missing.

mod flowing;

use std::mem::size_of;

use super::evidence::Mark;
use super::footprint::{allocated, list};
use super::packed::packed;
use super::passing::Passing;
use crate::segment::{Options, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;
pub(super) use flowing::{Flowing, Payload};

/// Ranges beyond a hole that are remembered; beyond that neighbours are joined, which only makes a hole invisible.
const RANGES_KEPT: usize = 16;
/// Fingerprints of the newest segments, to recognise what the capture or the network doubled.
const FINGERPRINTS_KEPT: usize = 4;
/// A copy within this time is the capture's own (mirror port, `any` on a router): nobody retransmits so fast (R8).
const CAPTURE_DUPLICATE_US: u32 = 5_000;
/// Above this distance numbers do not belong to this stream, whatever the window was.
pub const FAR: i32 = 1 << 30;

/// The FIN of a direction.
#[derive(Clone, Copy, Debug)]
pub struct Fin {
    /// Its own sequence number (after the payload of its segment, R30).
    pub seq: Seq,
    /// First packet that carried it.
    pub first: Mark,
    /// Newest packet that carried it.
    pub last: Mark,
    /// What that packet acknowledges.
    pub ack: Option<Seq>,
    /// It is not in the capture: the peer's acknowledgment shows it (R10).
    pub inferred: bool,
}

impl Fin {
    /// The acknowledgment number that covers it.
    pub fn covered_by(&self) -> Seq {
        self.seq.plus(1)
    }
}

/// Whether a segment was seen before, bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Not seen before, or a retransmission made by the sender.
    Fresh,
    /// The capture recorded the segment twice.
    OfCapture,
    /// The network delivered the segment twice: the sender did not send it again.
    OfNetwork,
}

/// What a segment is in its stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// It reaches beyond everything before.
    pub advances: bool,
    /// It has sequence length and nothing new.
    pub repeats: bool,
    /// Keepalive or window probe: at most one octet at one before SND.NXT (R27).
    pub probe: bool,
}

/// For how long, and how often asked, a sender has owed an answer: data, SYN, FIN or a probe was sent to it since it was
/// heard last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owes {
    since: Option<Mark>,
    asked: u32,
    /// Those of them that were probes.
    probes: u32,
}

impl Owes {
    /// Something that demands an answer passed.
    pub fn ask(&mut self, mark: Mark) {
        self.since.get_or_insert(mark);
        self.asked = self.asked.saturating_add(1);
    }

    /// A keepalive or window probe passed.
    pub fn probe(&mut self, mark: Mark) {
        self.ask(mark);
        self.probes = self.probes.saturating_add(1);
    }

    /// Since when, how often asked, and whether by probes alone; None if nothing is owed.
    pub fn open(&self) -> Option<(Mark, u32, bool)> {
        Some((self.since?, self.asked, self.probes == self.asked))
    }

    /// Asked more than once, and not heard for longer than `patience` ns.
    pub fn longer_than(&self, patience: i64, now: Timestamp) -> bool {
        self.asked > 1 && self.since.is_some_and(|since| now.since(since.time) > patience)
    }
}

/// What one direction rarely needs, kept out of the table of connections.
#[derive(Clone, Debug, Default)]
struct Cold {
    /// Ranges captured behind a hole.
    beyond: Vec<(Seq, Seq)>,
    /// The newest octets that were acknowledged before they were captured: they may yet come.
    skipped: Option<(Seq, Seq)>,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// Initial send sequence number.
    pub iss: Option<Seq>,
    /// How long the sender has owed an answer.
    pub owes: Owes,
    /// SND.NXT as far as the capture shows it: after the highest octet, SYN and FIN included.
    pub nxt: Option<Seq>,
    /// Capture time of the first segment that reached `nxt`, if that was captured.
    nxt_time: Option<Timestamp>,
    /// Its acknowledgment gives a round trip: it was captured only once (Karn).
    nxt_clean: bool,
    /// Highest acknowledgment of the receiver: its RCV.NXT.
    pub una: Option<Seq>,
    /// Everything before was captured or acknowledged.
    contiguous: Option<Seq>,
    /// What most segments do not need.
    cold: Option<Box<Cold>>,
    fin: Option<Fin>,
    /// The FIN was put on its way to the receiver.
    pub fin_on_its_way: bool,
    /// Right edge of the window that this sender offers, in the peer's numbers; never taken back (R25).
    pub offers: Option<Seq>,
    /// Largest window ever offered, octets.
    pub max_window: u32,
    /// Shift of the window field, once known.
    pub scale: u8,
    newest_tsval: Option<(u32, Timestamp)>,
    /// Fingerprint and capture time in µs, modulo 2^32.
    fingerprints: [(u32, u32); FINGERPRINTS_KEPT],
    next_fingerprint: u8,
    /// Smallest round trip from the tap to the *receiver* of this stream and back, ns.
    pub receiver_rtt: Option<i64>,
    /// Capture time of the newest segment of the *other* stream that this sender is known to have received.
    pub floor: Option<Timestamp>,
    /// Segments.
    pub packets: u64,
    /// Octets of payload, copies included.
    pub payload_bytes: u64,
    /// Segments with nothing new.
    pub retransmitted: u32,
    /// Probes.
    pub probes: u32,
    /// Octets acknowledged but never captured.
    pub missed: u64,
    /// New payload was seen.
    pub sent_data: bool,
    /// When its sender was heard last, RSTs left out.
    pub last_heard: Option<Timestamp>,
    /// When new payload was seen last.
    pub last_data: Option<Timestamp>,
    /// TS.Recent of the receiver: the newest TSval of segments at or before its RCV.NXT (RFC 7323 section 4.3), and when.
    pub ts_recent: Option<(u32, Timestamp)>,
}

impl Stream {
    /// See [`Tracker::touch`](super::Tracker::touch).
    #[inline]
    pub(super) fn touch(&self) -> i64 {
        let numbers = [self.nxt, self.una, self.contiguous, self.offers];
        let numbers = numbers
            .into_iter()
            .flatten()
            .fold(0, |sum, number| sum ^ number.0);
        let packets = i64::try_from(self.packets).unwrap_or_default();
        packets ^ i64::from(numbers ^ self.fingerprints[0].0 ^ u32::from(self.next_fingerprint))
    }

    /// The FIN of this direction.
    pub fn fin(&self) -> Option<Fin> {
        self.fin
    }

    /// The FIN of this direction, to be changed.
    pub fn fin_mut(&mut self) -> Option<&mut Fin> {
        self.fin.as_mut()
    }

    /// Notes the FIN, or forgets it.
    pub fn set_fin(&mut self, fin: Option<Fin>) {
        self.fin = fin;
    }

    /// Octets that it holds besides its own size.
    pub(super) fn heap_bytes(&self) -> u64 {
        self.cold.as_ref().map_or(0, |cold| {
            allocated(size_of::<Cold>()) + list::<(Seq, Seq)>(cold.beyond.capacity())
        })
    }

    fn cold_mut(&mut self) -> &mut Cold {
        self.cold.get_or_insert_default()
    }

    /// Compares with the newest segments of this direction and remembers this one.
    pub fn repeat_of(&mut self, seg: &Segment) -> Repeat {
        let print = seg.print();
        for (known, time) in self.fingerprints {
            if known == print {
                // Without an identification or a timestamp a retransmission looks the same as a copy: only the very
                // short interval tells (R8).
                let marked = seg.ip_id.is_some_and(|id| id != 0) || seg.options.timestamps.is_some();
                let gap = micros(seg.time).wrapping_sub(time);
                return match (gap <= CAPTURE_DUPLICATE_US, marked) {
                    (true, _) => Repeat::OfCapture,
                    (false, true) if gap < 2_000_000 && seg.options.timestamps.is_some() => Repeat::OfNetwork,
                    _ => Repeat::Fresh,
                };
            }
        }
        self.remember(print, seg.time);
        Repeat::Fresh
    }

    /// Whether a segment with this fingerprint is among the newest.
    pub fn has_seen(&self, print: u32) -> bool {
        self.fingerprints.iter().any(|(known, _)| *known == print)
    }

    /// Its sender goes on at SND.NXT, where nothing is missing, with data or an acknowledgment that is no copy; no TSval is
    /// older than one before.
    pub fn go_on(&mut self, seg: &Passing) {
        let time = seg.mark.time;
        self.packets += 1;
        self.payload_bytes += u64::from(seg.payload_len);
        self.remember(seg.print, time);
        self.owes = Owes::default();
        self.last_heard = Some(time);
        if let Some((value, _)) = seg.timestamps {
            self.on_newer_tsval(value, time);
            self.on_ts_recent(value, seg.seq, seg.seq_end(), time);
        }
        if seg.payload_len > 0 {
            self.nxt = Some(seg.seq_end());
            (self.nxt_time, self.nxt_clean) = (Some(time), true);
            self.contiguous = self.contiguous.map(|contiguous| contiguous.max(seg.seq_end()));
            self.last_data = Some(time);
        }
    }

    fn remember(&mut self, print: u32, time: Timestamp) {
        let slot = usize::from(self.next_fingerprint) % FINGERPRINTS_KEPT;
        self.fingerprints[slot] = (print, micros(time));
        self.next_fingerprint = self.next_fingerprint.wrapping_add(1);
    }

    /// Forgets the numbers and keeps the counters: another attempt at the same connection.
    pub fn restart(&mut self) {
        *self = Stream {
            packets: self.packets,
            payload_bytes: self.payload_bytes,
            retransmitted: self.retransmitted,
            probes: self.probes,
            receiver_rtt: self.receiver_rtt,
            fingerprints: self.fingerprints,
            ..Stream::default()
        };
    }

    /// Goes on from the numbers of an attempt before, with the counters as they are now.
    pub fn resume(&mut self, before: Stream) {
        *self = Stream {
            packets: self.packets,
            payload_bytes: self.payload_bytes,
            retransmitted: self.retransmitted,
            probes: self.probes,
            fingerprints: self.fingerprints,
            next_fingerprint: self.next_fingerprint,
            ..before
        };
    }

    /// The sender offers a window, in octets when shifted by `shift`, behind `ack`.
    pub fn offer(&mut self, ack: Seq, window: u16, shift: u8) {
        let window = u32::from(window) << shift;
        self.max_window = self.max_window.max(window);
        let edge = ack.plus(window);
        self.offers = Some(self.offers.map_or(edge, |offered| offered.max(edge)));
    }

    /// The sender is known to have received what passed the tap at these times.
    pub fn note_floor(&mut self, known: [Option<Timestamp>; 2]) {
        for time in known.into_iter().flatten() {
            self.floor = Some(self.floor.map_or(time, |floor| floor.max(time)));
        }
    }

    /// Nothing is missing, and there is no FIN.
    pub fn is_whole(&self) -> bool {
        self.nxt.is_some()
            && self.fin.is_none()
            && self.cold.as_ref().is_none_or(|cold| cold.beyond.is_empty())
    }

    /// Whether octets at `seq` follow those that were captured or acknowledged.
    pub fn continues_at(&self, seq: Seq) -> bool {
        self.contiguous
            .is_some_and(|contiguous| seq.at_or_before(contiguous))
    }

    /// Takes a segment of this direction into account.
    pub fn on_segment(&mut self, seg: &Segment) -> Place {
        let (start, end) = (seg.seq, seg.seq_end());
        let Some(nxt) = self.nxt else {
            self.nxt = Some(end);
            (self.nxt_time, self.nxt_clean) = (Some(seg.time), true);
            self.contiguous = Some(end);
            return Place {
                advances: seg.seq_len() > 0,
                ..Place::default()
            };
        };
        let probe = seg.payload_len <= 1
            && !seg.flags.syn()
            && !seg.flags.fin()
            && seg.seq == nxt.minus(1)
            && seg.payload_len == seg.seq_len();
        let advances = end.after(nxt);
        let late = !advances && self.fill_skipped(seg);
        let place = Place {
            advances,
            repeats: seg.seq_len() > 0 && !advances && !probe && !late,
            probe,
        };
        if advances {
            self.nxt = Some(end);
            (self.nxt_time, self.nxt_clean) = (Some(seg.time), true);
        } else if end == nxt && seg.seq_len() > 0 {
            // Sent again: its acknowledgment may be that of either copy.
            self.nxt_clean = false;
        }
        if seg.seq_len() > 0 && !probe {
            self.fill(start, end);
        }
        place
    }

    /// The receiver acknowledged up to `ack` at `time`; true if that is new.
    pub fn on_ack(&mut self, ack: Seq, time: Timestamp) -> bool {
        if self.una.is_some_and(|una| ack.at_or_before(una)) {
            return false;
        }
        self.una = Some(ack);
        if self.contiguous.is_none_or(|contiguous| ack.after(contiguous)) {
            self.contiguous = Some(ack);
            self.join();
        }
        if self.nxt == Some(ack)
            && self.nxt_clean
            && let Some(passed) = self.nxt_time
        {
            let sample = time.since(passed);
            self.receiver_rtt = Some(self.receiver_rtt.map_or(sample, |best| best.min(sample)));
        }
        true
    }

    /// Octets up to `ack` exist although they were not captured. Returns how many.
    pub fn reach(&mut self, ack: Seq) -> u32 {
        let gap = self.nxt.map_or(0, |nxt| ack.offset_from(nxt).max(0) as u32);
        if let Some(nxt) = self.nxt.filter(|_| gap > 0) {
            self.cold_mut().skipped = Some((nxt, ack));
        }
        self.nxt = Some(ack);
        self.nxt_time = None; // nobody saw when they passed
        gap
    }

    /// Whether a segment holds the next of the octets that were acknowledged before: captured out of order, not sent again.
    fn fill_skipped(&mut self, seg: &Segment) -> bool {
        let Some((start, end)) = self.cold.as_ref().and_then(|cold| cold.skipped) else {
            return false;
        };
        if seg.seq_len() == 0 || seg.seq != start || seg.seq_end().after(end) {
            return false;
        }
        self.cold_mut().skipped = (seg.seq_end() != end).then_some((seg.seq_end(), end));
        let inferred = self.fin().is_some_and(|fin| fin.inferred && seg.flags.fin());
        let found = seg.seq_len() - u32::from(inferred);
        self.missed = self.missed.saturating_sub(u64::from(found));
        true
    }

    /// Everything before the FIN was captured or acknowledged.
    pub fn whole_before(&self, seq: Seq) -> bool {
        self.contiguous
            .is_some_and(|contiguous| contiguous.at_or_after(seq))
    }

    /// Whether the segment covers the octet that the receiver waits for.
    pub fn fills_next(&self, seg: &Segment) -> bool {
        self.una
            .is_some_and(|una| seg.seq.at_or_before(una) && seg.seq_end().after(una))
    }

    /// Capture time of the first segment that reached `ack`, if that is SND.NXT.
    pub fn time_of(&self, ack: Seq) -> Option<Timestamp> {
        self.nxt_time.filter(|_| self.nxt == Some(ack))
    }

    /// Takes the timestamp option; returns when the segment left at the earliest (the first time this TSval was seen) and
    /// whether the TSval is newer than all before.
    pub fn on_tsval(&mut self, options: &Options, time: Timestamp) -> (Timestamp, bool) {
        let Some((tsval, _)) = options.timestamps else {
            return (time, false);
        };
        self.on_newer_tsval(tsval, time)
    }

    fn on_newer_tsval(&mut self, tsval: u32, time: Timestamp) -> (Timestamp, bool) {
        match self.newest_tsval {
            Some((newest, seen)) if Seq(tsval).at_or_before(Seq(newest)) => (seen.min(time), false),
            _ => {
                self.newest_tsval = Some((tsval, time));
                (time, true)
            }
        }
    }

    /// When a segment left its sender, by the sender's own timestamp clock counted on from the newest one seen, at one
    /// tick a millisecond. A slower clock gives an earlier time.
    pub fn sent_by_clock(&self, options: &Options) -> Option<Timestamp> {
        let (tsval, _) = options.timestamps?;
        let (newest, seen) = self.newest_tsval?;
        let ticks = i64::from(Seq(tsval).offset_from(Seq(newest)));
        (ticks >= 0).then(|| seen.plus(ticks.saturating_mul(1_000_000)))
    }

    /// The newest TSval seen.
    pub fn newest_tsval(&self) -> Option<u32> {
        self.newest_tsval.map(|(value, _)| value)
    }

    /// Capture time of the first segment that carried `tsval`, if that is the newest one.
    pub fn time_of_tsval(&self, tsval: u32) -> Option<Timestamp> {
        self.newest_tsval
            .filter(|(newest, _)| *newest == tsval)
            .map(|(_, time)| time)
    }

    fn fill(&mut self, start: Seq, end: Seq) {
        let Some(contiguous) = self.contiguous else {
            self.contiguous = Some(end);
            return;
        };
        if start.at_or_before(contiguous) {
            self.contiguous = Some(contiguous.max(end));
            self.join();
            return;
        }
        let beyond = &mut self.cold_mut().beyond;
        let place = beyond
            .iter()
            .position(|range| range.0.after(start))
            .unwrap_or(beyond.len());
        beyond.insert(place, (start, end));
        let mut index = 0;
        while index + 1 < beyond.len() {
            let (this, next) = (beyond[index], beyond[index + 1]);
            if next.0.at_or_before(this.1) || beyond.len() > RANGES_KEPT {
                beyond[index].1 = this.1.max(next.1);
                beyond.remove(index + 1);
            } else {
                index += 1;
            }
        }
    }

    fn join(&mut self) {
        let (Some(contiguous), Some(cold)) = (&mut self.contiguous, &mut self.cold) else {
            return;
        };
        while let Some(first) = cold.beyond.first().copied() {
            if first.0.after(*contiguous) {
                return;
            }
            *contiguous = contiguous.max(first.1);
            cold.beyond.remove(0);
        }
    }
}

/// Microseconds modulo 2^32 (71 minutes): enough to tell a copy within milliseconds.
fn micros(time: Timestamp) -> u32 {
    (time.ns().div_euclid(1_000) & i64::from(u32::MAX)) as u32
}

packed!(struct Fin { seq, first, last, ack, inferred });
packed!(struct Owes { since, asked, probes });
packed!(struct Cold { beyond, skipped });
packed!(struct Stream {
    iss, owes, nxt, nxt_time, nxt_clean, una, contiguous, cold, fin, fin_on_its_way, offers, max_window, scale, newest_tsval,
    fingerprints, next_fingerprint, receiver_rtt, floor, packets, payload_bytes, retransmitted, probes, missed, sent_data,
    last_heard, last_data, ts_recent,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_whatever_the_order() {
        let mut stream = Stream {
            contiguous: Some(Seq(u32::MAX - 9)),
            ..Stream::default()
        };
        stream.fill(Seq(10), Seq(20));
        stream.fill(Seq(30), Seq(40));
        assert!(!stream.whole_before(Seq(10)));
        stream.fill(Seq(u32::MAX - 9), Seq(10));
        assert!(stream.whole_before(Seq(20)) && !stream.whole_before(Seq(21)));
        stream.fill(Seq(15), Seq(30));
        assert!(stream.whole_before(Seq(40)) && !stream.whole_before(Seq(41)));
    }
}
