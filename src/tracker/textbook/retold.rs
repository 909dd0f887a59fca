//! The tracker of a connection by the book whose story is one of the usual ones, written down at once.
//!
//! It is what going through the telling segments gives, and a test holds both equal; but where a story has one outcome only,
//! there is nothing to judge.

use super::{CUT, Textbook, Told, pass};
use crate::segment::Segment;
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::tracker::arrival::Arrival;
use crate::tracker::calm::Calm;
use crate::tracker::endpoint::Mirror;
use crate::tracker::evidence::{Cause, Evidence, Mark, Transition};
use crate::tracker::passing::Passing;
use crate::tracker::state::{Event, State};
use crate::tracker::stream::{Fin, Flowing, Payload};
use crate::tracker::{HalfClose, Opening, Rarely, Role, RolesFrom, Syn, Tracker};

/// The most transitions that an endpoint makes by the book: SYN, establishment, three of the close.
const TRANSITIONS: usize = 6;

/// An endpoint, as far as its story is told.
struct End {
    state: State,
    transitions: Vec<Transition>,
    /// What is on its way to it: the acknowledgment of its FIN, and the peer's FIN.
    acknowledgment: Option<Arrival>,
    fin: Option<Arrival>,
}

impl End {
    fn new() -> End {
        End {
            state: State::Closed,
            transitions: Vec::with_capacity(TRANSITIONS),
            acknowledgment: None,
            fin: None,
        }
    }

    /// It sends a segment that it only sends in this state or later ones.
    fn sends(&mut self, to: State, cause: Cause, by: Mark, earliest: Option<Timestamp>) {
        let from = std::mem::replace(&mut self.state, to);
        self.transitions.push(Transition {
            from,
            to,
            cause,
            packet: Some(by.packet),
            at: by.time,
            earliest,
            latest: Some(by.time),
            evidence: Evidence::Sent,
            proven_by: Some(by.packet),
        });
    }

    /// It received a segment, as one that it sent later proves.
    fn received(&mut self, to: State, cause: Cause, by: Mark, proof: Mark) {
        let from = std::mem::replace(&mut self.state, to);
        self.transitions.push(Transition {
            from,
            to,
            cause,
            packet: Some(by.packet),
            at: by.time,
            earliest: Some(by.time),
            latest: Some(proof.time),
            evidence: Evidence::Confirmed,
            proven_by: Some(proof.packet),
        });
    }

    fn mirror(self, passive: bool) -> Mirror {
        let pending = [self.acknowledgment, self.fin].into_iter().flatten();
        Mirror::told(self.state, passive, self.transitions, pending)
    }
}

/// A story on its way to its end.
struct Telling<'a> {
    book: &'a Textbook,
    syn: &'a Segment,
    sides: [Flowing; 2],
    /// Of both sides: a direction itself knows of it as long as nothing but payload has passed.
    payload: [Payload; 2],
    ends: [End; 2],
    fins: [Option<Fin>; 2],
    half_closes: [Option<HalfClose>; 2],
}

impl Textbook {
    /// None if the story is not a usual one, or not that far.
    pub(super) fn retell(&self, syn: &Segment) -> Option<Tracker> {
        self.retell_with(syn, self.closing())
    }

    /// As [`Textbook::retell`], up to the first segment of the close.
    pub(super) fn retell_opening(&self, syn: &Segment) -> Option<Tracker> {
        self.retell_with(syn, &[])
    }

    fn retell_with(&self, syn: &Segment, closing: &[Told]) -> Option<Tracker> {
        let ([answer, ack], Some(shown)) = (self.opening(), self.shown) else {
            return None;
        };
        let began = Mark::of(syn);
        let mut telling = Telling {
            book: self,
            syn,
            sides: self.sides.clone(),
            payload: self.sides.each_ref().map(Flowing::payload),
            ends: [End::new(), End::new()],
            fins: [None; 2],
            half_closes: [None; 2],
        };
        telling.open([answer.mark(began), ack.mark(began), shown.mark(began)]);
        telling.close(closing)?;
        let cuts = [answer, ack]
            .into_iter()
            .chain(closing)
            .filter(|told| told.is(CUT))
            .count();
        Some(telling.tracker(answer, ack, cuts as u64 + u64::from(shown.cut)))
    }
}

impl Telling<'_> {
    fn open(&mut self, [answer, ack, shown]: [Mark; 3]) {
        let began = Mark::of(self.syn);
        let [client, server] = &mut self.ends;
        client.sends(State::SynSent, Cause::SynSent, began, None);
        client.received(State::Established, Cause::SynAcknowledged, answer, ack);
        server.state = State::Listen;
        server.sends(State::SynReceived, Cause::SynReceived, answer, Some(began.time));
        if let Some(answered) = server.transitions.last_mut() {
            answered.at = began.time;
        }
        server.received(State::Established, Cause::SynAcknowledged, ack, shown);
    }

    /// A FIN; its acknowledgment, with the other FIN or before it; the acknowledgment of that. Or as much as there is of it.
    fn close(&mut self, closing: &[Told]) -> Option<()> {
        let mut rest = closing.iter();
        let Some(first) = rest.next() else { return Some(()) };
        let (closer, other) = (first.from(), first.from().other());
        let seg = self.segment(first)?;
        if !seg.flags.fin() {
            return None;
        }
        let mark = Mark::of(&seg);
        self.pass(&seg, closer);
        let floor = self.sides[closer as usize].floor();
        self.ends[closer as usize].sends(State::FinWait1, Cause::FinSent, mark, floor);
        let covered = self.note_fin(&seg, closer);
        self.ends[other as usize].fin = Some(Arrival::new(Event::RcvFin, mark, Some(covered)));

        let Some(second) = rest.next() else {
            return Some(());
        };
        let seg = self.answers(second, other, covered)?;
        let answered = Mark::of(&seg);
        self.note_half_close(&seg, other);
        let echo = self.fresh_tsval(&seg, other);
        self.pass(&seg, other);
        let end = &mut self.ends[other as usize];
        end.fin = None;
        end.received(State::CloseWait, Cause::FinReceived, mark, answered);
        let proof = (seg.seq_len() > 0).then(|| seg.seq_end());
        self.ends[closer as usize].acknowledgment = Some(Arrival {
            echo,
            ..Arrival::new(Event::RcvAckOfFin, answered, proof)
        });
        let seg = if seg.flags.fin() {
            seg
        } else {
            let Some(third) = rest.next() else { return Some(()) };
            let seg = self.answers(third, other, covered)?;
            if !seg.flags.fin() {
                return None;
            }
            self.pass(&seg, other);
            if let Some(waiting) = &mut self.ends[closer as usize].acknowledgment {
                waiting.proof = waiting.proof.or(Some(seg.seq_end()));
                waiting.last = Mark::of(&seg);
            }
            seg
        };
        let closed = Mark::of(&seg);
        let floor = self.sides[other as usize].floor();
        self.ends[other as usize].sends(State::LastAck, Cause::FinSent, closed, floor);
        let covered = self.note_fin(&seg, other);
        self.ends[closer as usize].fin = Some(Arrival {
            last_acknowledges_fin: true,
            ..Arrival::new(Event::RcvFin, closed, Some(covered))
        });

        let Some(last) = rest.next() else { return Some(()) };
        let seg = self.answers(last, closer, covered)?;
        let ended = Mark::of(&seg);
        self.note_half_close(&seg, closer);
        let echo = self.fresh_tsval(&seg, closer);
        self.pass(&seg, closer);
        let end = &mut self.ends[closer as usize];
        (end.acknowledgment, end.fin) = (None, None);
        end.received(State::FinWait2, Cause::FinAcknowledged, answered, ended);
        end.received(State::TimeWait, Cause::FinReceived, closed, ended);
        self.ends[other as usize].acknowledgment = Some(Arrival {
            echo,
            ..Arrival::new(Event::RcvAckOfFin, ended, None)
        });
        rest.next().is_none().then_some(())
    }

    /// The segment, if it is this side's and acknowledges this.
    fn answers(&self, told: &Told, from: Role, ack: Seq) -> Option<Segment> {
        let seg = self.segment(told)?;
        (told.from() == from && seg.ack == Some(ack) && !seg.flags.rst()).then_some(seg)
    }

    /// None if its timestamp is missing or old: a tracker has something to say about that.
    fn segment(&self, told: &Told) -> Option<Segment> {
        let side = &self.sides[told.from() as usize];
        let seg = told.segment(self.book, self.syn, side.nxt);
        let ordinary = match seg.options.timestamps {
            Some((value, _)) => self.book.timestamps && !side.is_old(value),
            None => !self.book.timestamps,
        };
        ordinary.then_some(seg)
    }

    fn pass(&mut self, seg: &Segment, from: Role) {
        if let Some(passing) = Passing::of(seg) {
            pass(&mut self.sides, &passing, from);
            self.payload[from as usize].add(&passing);
        }
    }

    /// Returns the number that covers the FIN.
    fn note_fin(&mut self, seg: &Segment, from: Role) -> Seq {
        let fin = Fin {
            seq: seg.seq.plus(seg.payload_len),
            first: Mark::of(seg),
            last: Mark::of(seg),
            ack: seg.ack,
            inferred: false,
        };
        self.fins[from as usize] = Some(fin);
        fin.covered_by()
    }

    /// Where a side stands that acknowledges the peer's FIN with this segment.
    fn note_half_close(&mut self, seg: &Segment, from: Role) {
        self.half_closes[from as usize] = Some(HalfClose {
            from: seg.seq,
            probes: self.sides.each_ref().map(Flowing::probes),
            last_data: self.payload.map(|payload| payload.last),
        });
    }

    fn fresh_tsval(&self, seg: &Segment, from: Role) -> Option<u32> {
        let value = seg.options.timestamps.map(|(value, _)| value);
        value.filter(|value| self.sides[from as usize].is_fresh(*value))
    }

    /// `cuts`: how many of the telling segments the snap length cut.
    fn tracker(self, answer: &Told, ack: &Told, cuts: u64) -> Tracker {
        let Telling { book, syn, .. } = self;
        let mut streams = self.sides.each_ref().map(Flowing::stream);
        for ((stream, fin), payload) in streams.iter_mut().zip(self.fins).zip(self.payload) {
            (stream.payload_bytes, stream.last_data) = (payload.octets, payload.last);
            stream.fin_on_its_way = fin.is_some();
            stream.set_fin(fin);
        }
        let answer = answer.segment(book, syn, book.sides[1].first());
        let acknowledged = ack.mark(Mark::of(syn));
        let [client, server] = self.ends;
        let mut tracker = Tracker {
            addresses: [syn.source, syn.destination],
            scope: syn.scope,
            roles_from: RolesFrom::Syn,
            incarnation: 0,
            first: Mark::of(syn),
            last: book.last,
            streams,
            ends: [client.mirror(false), server.mirror(true)],
            opening: Opening {
                syn: [Some(Syn::of(syn)), Some(Syn::of(&answer))],
                syn_ack: Some(Mark::of(&answer)),
                ack: Some(acknowledged),
                rtt: Some(acknowledged.time.since(syn.time)),
                syn_data_accepted: None,
                simultaneous: false,
            },
            newest_syn_ack: Some((answer.seq, answer.ack)),
            half_close_from: self.half_closes,
            ladder: None,
            midstream: false,
            challenged: false,
            cut: u64::from(syn.cut) + u64::from(book.cut) + cuts,
            duplicates: 0,
            time_steps_back: 0,
            longest_step_back: 0,
            calm: Calm::default(),
            aside: Rarely::default(),
        };
        tracker.look_for_calm();
        tracker
    }
}
