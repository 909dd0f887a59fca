//! One endpoint of a connection, mirrored: what its own segments prove, and what is still on its way to it.
//!
//! A segment that passed the tap towards an endpoint is not yet received. It waits as an [`Arrival`] until a segment
//! *from* the endpoint proves it (its ACK covers it, or it acts on it) or refutes it (it repeats what the arrival would
//! have settled). The state that is reported is derived from both, so no guess needs an undo.

use std::mem::size_of;

use super::arrival::{Arrival, Sent, SentKind, Verdict, cause_of, judge};
use super::evidence::{Cause, Evidence, Mark, Transition, Withdrawn};
use super::footprint::{allocated, list};
use super::packed::packed;
use super::state::{Event, State, Step, step};
use crate::seq::Seq;
use crate::time::Timestamp;
use smallvec::SmallVec;

/// How many transitions of one endpoint are kept from its beginning. Those between these and the last ones are counted.
pub const FIRST_KEPT: usize = 128;
/// How many of its last transitions are kept.
pub const LAST_KEPT: usize = 128;
/// How many withdrawn transitions of one endpoint are kept.
const WITHDRAWN_KEPT: usize = 64;
/// How many arrivals can wait; the relation has no use for more.
const PENDING_KEPT: usize = 8;

/// What is on its way; seldom more than one thing.
type Pending = SmallVec<[Arrival; 1]>;

/// What a host needs to answer, ns: a shorter round trip says nothing about the way.
const OWN_WORK_NS: i64 = 1_000_000;
/// An endpoint as it was before it sent a RST.
#[derive(Clone, Debug)]
struct BeforeReset {
    reset: Sent,
    proven: State,
    transitions: usize,
    pending: Pending,
}

/// What few endpoints need, kept out of the table of connections.
#[derive(Clone, Debug, Default)]
struct Rare {
    withdrawn: Vec<Withdrawn>,
    /// Those beyond the bound.
    withdrawn_folded: u32,
    /// What was taken for lost although no round trip was measured, and since when it may have been there.
    doubted: Vec<Arrival>,
}

/// The life of an endpoint, told at its end.
#[derive(Clone, Debug)]
pub struct Record {
    /// The first and the last transitions ([`FIRST_KEPT`], [`LAST_KEPT`]).
    pub transitions: Vec<Transition>,
    /// How many there were between them.
    pub transitions_folded: u64,
    /// The first presumed transitions that were refuted.
    pub withdrawn: Vec<Withdrawn>,
    /// How many more there were.
    pub withdrawn_folded: u64,
}

/// One endpoint's mirrored machine.
#[derive(Clone, Debug)]
pub struct Mirror {
    proven: State,
    pending: Pending,
    transitions: Vec<Transition>,
    transitions_folded: u32,
    /// It opened passively (a SYN-ACK without an own SYN before): a RST in SYN-RECEIVED returns it to LISTEN (R17).
    passive: bool,
    /// What few endpoints need.
    rare: Option<Box<Rare>>,
    /// To be restored if it goes on talking after its own RST.
    before_reset: Option<Box<BeforeReset>>,
}

impl Mirror {
    /// An endpoint in the given state: CLOSED before a SYN was seen, UNKNOWN if the capture began later.
    pub fn new(state: State) -> Mirror {
        Mirror {
            proven: state,
            pending: Pending::new(),
            transitions: Vec::new(),
            transitions_folded: 0,
            passive: false,
            rare: None,
            before_reset: None,
        }
    }

    /// An endpoint of which this much was told, in order; `pending` is on its way to it.
    pub(super) fn told(
        proven: State,
        passive: bool,
        transitions: Vec<Transition>,
        pending: impl Iterator<Item = Arrival>,
    ) -> Mirror {
        Mirror {
            transitions,
            passive,
            pending: pending.collect(),
            ..Mirror::new(proven)
        }
    }

    /// What its own segments prove.
    pub fn proven(&self) -> State {
        self.proven
    }

    /// The best guess: what is proven, plus everything still on its way, in the order in which it would arrive.
    pub fn presumed(&self) -> State {
        if self.pending.is_empty() {
            return self.proven;
        }
        let mut order: [usize; PENDING_KEPT] = std::array::from_fn(|index| index);
        let order = &mut order[..self.pending.len()];
        order.sort_by_key(|index| self.pending[*index].presumed_cause().packet);
        order.iter().fold(self.proven, |state, index| {
            match step(state, self.event_of(&self.pending[*index])) {
                Step::To(next) => next,
                Step::Stay | Step::Impossible => state,
            }
        })
    }

    /// Nothing is on its way to it, and it has sent no RST.
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.before_reset.is_none()
    }

    /// Its steps, and what is on its way to it; none if any step was withdrawn, doubted, or not kept, or if it has sent a RST.
    pub fn smooth(&self) -> Option<(&[Transition], &[Arrival])> {
        let smooth = self.rare.is_none() && self.before_reset.is_none() && self.transitions_folded == 0;
        smooth.then_some((&self.transitions, &self.pending))
    }

    /// Whether an arrival of this kind waits.
    pub fn waits_for(&self, event: Event) -> bool {
        self.pending.iter().any(|arrival| arrival.event == event)
    }

    /// Whether no FIN of the peer was received or is on its way, where one would change the state.
    pub fn lacks_fin(&self) -> bool {
        matches!(step(self.proven, Event::RcvFin), Step::To(_)) && !self.waits_for(Event::RcvFin)
    }

    /// A segment shows that the ACK of its SYN has arrived.
    pub fn confirm_acknowledged_syn(&mut self, shown_by: Mark) {
        if let Some(index) = self
            .pending
            .iter()
            .position(|arrival| arrival.event == Event::RcvAckOfSyn)
        {
            let arrival = self.pending.remove(index);
            self.apply(&arrival, Some(shown_by), arrival.first);
        }
    }

    /// Whether `ack` proves an arrival that passed the tap after `mark`.
    pub fn has_received_since(&self, mark: Mark, ack: Seq) -> bool {
        self.pending
            .iter()
            .filter(|arrival| arrival.first.packet > mark.packet)
            .filter_map(|arrival| arrival.proof)
            .any(|proof| ack.at_or_after(proof))
    }

    /// The waiting arrival of this kind.
    pub fn waiting_mut(&mut self, event: Event) -> Option<&mut Arrival> {
        self.pending.iter_mut().find(|arrival| arrival.event == event)
    }

    /// Something passes the tap towards the endpoint that would change its state.
    pub fn on_its_way(&mut self, mut arrival: Arrival) {
        if let Some(doubted) = self.doubted(arrival.event) {
            arrival.since = arrival.since.min(doubted.since);
        }
        if self.pending.len() < PENDING_KEPT {
            let place = self
                .pending
                .partition_point(|waiting| waiting.first.packet <= arrival.first.packet);
            self.pending.insert(place, arrival);
        }
    }

    /// The endpoint sent something: settle what it proves or refutes, then make the step that it shows.
    pub fn on_sent(&mut self, sent: &Sent) {
        self.settle(sent);
        let event = match sent.kind {
            SentKind::Syn => Event::SendSyn,
            SentKind::SynAck | SentKind::SynAckAnew => Event::SendSynAck,
            SentKind::Fin => Event::SendFin,
            SentKind::RstAck | SentKind::RstBare => Event::SendRst,
            SentKind::Plain => return self.on_plain(sent),
        };
        let mut before = None;
        if event == Event::SendFin && self.proven == State::SynReceived && sent.shows_established {
            // Nobody closes before the handshake is over but with Fast Open: the ACK of the SYN did arrive, later than
            // thought or uncaptured.
            match self.doubted(Event::RcvAckOfSyn) {
                Some(arrival) => self.apply(&arrival, Some(sent.mark), arrival.first),
                None => self.catch_up(sent),
            }
        }
        if event == Event::SendRst {
            before = Some(BeforeReset {
                reset: *sent,
                proven: self.proven,
                transitions: self.transitions.len(),
                pending: self.pending.clone(),
            });
            self.presume_acknowledgments(sent);
        }
        match step(self.proven, event) {
            Step::To(next) => self.move_sent(next, event, sent),
            Step::Stay => {}
            Step::Impossible => {
                self.catch_up(sent);
                if let Step::To(next) = step(self.proven, event) {
                    self.move_sent(next, event, sent);
                }
            }
        }
        if self.before_reset.is_none()
            && let Some(before) = before.filter(|before| before.proven != self.proven)
        {
            self.before_reset = Some(Box::new(before));
        }
    }

    /// A state that the capture shows by what came later, without a segment for it.
    pub fn infer(&mut self, to: State, cause: Cause, mark: Mark, earliest: Option<Timestamp>) {
        if self.proven != to {
            self.push(Transition {
                from: self.proven,
                to,
                cause,
                packet: Some(mark.packet),
                at: mark.time,
                earliest,
                latest: Some(mark.time),
                evidence: Evidence::Inferred,
                proven_by: None,
            });
            self.proven = to;
        }
    }

    /// The 4-tuple went to a new incarnation, whose SYN was `cause`; `proof` is the endpoint's own segment that shows it.
    /// TIME-WAIT is left by that SYN (section 3.6.1); any other state was left unseen before it.
    pub fn replaced(&mut self, cause: Mark, proof: Mark, by_own_syn: bool) {
        // A RST that it sent after its new SYN answered old numbers: the connection that they meant was gone before.
        if by_own_syn && self.own_reset().is_some_and(|reset| reset.packet > cause.packet) {
            self.take_back_own_reset();
        }
        for arrival in std::mem::take(&mut self.pending) {
            // The endpoint lives on in a new incarnation: what ended the old one must have arrived. What passed the tap
            // after the proof met the new one.
            if arrival.first.packet <= proof.packet {
                self.apply(&arrival, Some(proof), arrival.first);
            }
        }
        if matches!(self.proven, State::Closed | State::Listen) {
            return;
        }
        let from = self.proven;
        let known = from == State::TimeWait;
        let earliest = if known && !by_own_syn {
            Some(cause.time)
        } else {
            self.transitions.last().and_then(|last| last.earliest)
        };
        // It may have gone on for a while after the SYN passed.
        let at = earliest.map_or(cause.time, |earliest| earliest.max(cause.time));
        self.push(Transition {
            from,
            to: State::Closed,
            cause: Cause::NewIncarnation,
            packet: Some(cause.packet),
            at,
            earliest,
            latest: Some(proof.time),
            evidence: match (known, by_own_syn) {
                (true, true) => Evidence::Sent,
                (true, false) => Evidence::Confirmed,
                (false, _) => Evidence::Inferred,
            },
            proven_by: known.then_some(proof.packet),
        });
        self.proven = State::Closed;
    }

    /// The endpoint goes on talking after "its" RST: somebody else sent that, or this segment left before it. Restores the
    /// state before the RST, and returns that.
    pub fn take_back_own_reset(&mut self) -> Option<Sent> {
        let before = self.before_reset.take()?;
        self.transitions.truncate(before.transitions);
        self.proven = before.proven;
        let since = std::mem::replace(&mut self.pending, before.pending);
        since.into_iter().for_each(|arrival| self.on_its_way(arrival));
        Some(before.reset)
    }

    /// Its own RST, if that stands.
    pub fn own_reset(&self) -> Option<Mark> {
        self.before_reset.as_ref().map(|before| before.reset.mark)
    }

    /// The FIN whose absence was bridged is in the capture after all (it was captured out of order).
    pub fn amend_inferred(&mut self, to: [State; 2], mark: Mark) {
        if let Some(found) = self
            .transitions
            .iter_mut()
            .rev()
            .find(|t| to.contains(&t.to) && t.evidence == Evidence::Inferred)
        {
            found.packet = Some(mark.packet);
            found.evidence = Evidence::Sent;
            found.proven_by = Some(mark.packet);
            found.at = found.latest.map_or(mark.time, |latest| latest.min(mark.time));
            found.earliest = found.earliest.map(|earliest| earliest.min(found.at));
        }
    }

    /// The SYN of an endpoint that seemed to open passively is in the capture after all (behind its SYN-ACK).
    pub fn amend_active_open(&mut self, mark: Mark) {
        let Some(index) = self
            .transitions
            .iter()
            .position(|t| (t.from, t.to) == (State::Listen, State::SynReceived))
        else {
            return;
        };
        self.passive = false;
        let answered = &mut self.transitions[index];
        answered.from = State::SynSent;
        let at = answered.at.min(mark.time);
        let latest = answered.latest.map_or(mark.time, |latest| latest.min(mark.time));
        if let Some(before) = self
            .before_reset
            .as_mut()
            .filter(|before| index < before.transitions)
        {
            before.transitions += 1;
        }
        self.transitions.insert(
            index,
            Transition {
                from: State::Closed,
                to: State::SynSent,
                cause: Cause::SynSent,
                packet: Some(mark.packet),
                at,
                earliest: None,
                latest: Some(latest),
                evidence: Evidence::Sent,
                proven_by: Some(mark.packet),
            },
        );
    }

    /// Its FIN, seen only now, left before the peer's FIN arrived, which segments that overtook it had shown already: it
    /// does not acknowledge that one. A simultaneous close, whatever the order at the tap.
    pub fn own_fin_came_first(&mut self, sent: &Sent) {
        let closed = |t: &Transition| (t.from, t.to) == (State::Established, State::CloseWait);
        if self.proven != State::CloseWait || !self.transitions.last().is_some_and(closed) {
            return;
        }
        let Some(mut received) = self.transitions.pop() else {
            return;
        };
        let latest = received
            .latest
            .map_or(sent.mark.time, |latest| latest.min(sent.mark.time));
        self.push(Transition {
            from: State::Established,
            to: State::FinWait1,
            cause: Cause::FinSent,
            packet: Some(sent.mark.packet),
            at: latest,
            earliest: self
                .transitions
                .last()
                .and_then(|before| before.earliest)
                .map(|earliest| earliest.min(latest)),
            latest: Some(latest),
            evidence: Evidence::Sent,
            proven_by: Some(sent.mark.packet),
        });
        received.from = State::FinWait1;
        received.to = State::Closing;
        self.push(received);
        self.proven = State::Closing;
    }

    /// A cheap value that changes whenever something about the states does.
    pub fn clone_key(&self) -> (State, usize, usize, u32) {
        (
            self.proven,
            self.pending.len(),
            self.transitions.len(),
            self.transitions_folded,
        )
    }

    /// Whether any transition is on record.
    pub fn has_moved(&self) -> bool {
        !self.transitions.is_empty()
    }

    /// Everything on its way is taken to have arrived by `mark`.
    pub fn settle_all(&mut self, mark: Mark) {
        for arrival in std::mem::take(&mut self.pending) {
            self.apply(
                &Arrival {
                    inferred: true,
                    ..arrival
                },
                Some(mark),
                arrival.first,
            );
        }
    }

    /// Everything on its way is taken to have arrived, without proof.
    pub fn presume_all(&mut self) {
        let mut arrived = std::mem::take(&mut self.pending);
        arrived.sort_by_key(|arrival| arrival.presumed_cause().packet);
        for arrival in arrived {
            self.apply(&arrival, None, arrival.presumed_cause());
        }
    }

    /// The SYN-ACK is missing in the capture, but what follows shows that there was one: LISTEN -> SYN-RECEIVED
    /// between the SYN and `shown_by`.
    pub fn infer_passive_open(&mut self, syn: Mark, shown_by: Mark) {
        self.passive = true;
        self.push(Transition {
            from: State::Listen,
            to: State::SynReceived,
            cause: Cause::SynReceived,
            packet: Some(syn.packet),
            at: syn.time,
            earliest: Some(syn.time),
            latest: Some(shown_by.time),
            evidence: Evidence::Inferred,
            proven_by: None,
        });
        self.proven = State::SynReceived;
    }

    /// Forgets everything and starts over in `state`: the attempt was not its own (RFC 9293 figure 8).
    pub fn disown(&mut self, state: State) {
        *self = Mirror::new(state);
    }

    /// What seemed to be on its way to it was of another connection.
    pub fn forget_pending(&mut self) {
        self.pending.clear();
    }

    /// The capture ended at `end`. What demands an answer at once (SYN-ACK, FIN) and got none for longer than `patience`
    /// ns did not arrive, or nobody was there: it is not presumed any longer.
    pub fn give_up_waiting(&mut self, end: Timestamp, patience: i64) {
        let overdue = |arrival: &Arrival| {
            matches!(arrival.event, Event::RcvSynAck | Event::RcvSyn | Event::RcvFin)
                && end.since(arrival.first.time) > patience
        };
        let since = self
            .pending
            .iter()
            .filter(|arrival| overdue(arrival))
            .map(|arrival| arrival.first.packet)
            .min();
        if since.is_none() {
            return;
        }
        for arrival in std::mem::take(&mut self.pending) {
            // What came with it or after it did not arrive either.
            if since.is_some_and(|since| arrival.first.packet >= since) {
                self.withdraw(&arrival, None);
            } else {
                self.pending.push(arrival);
            }
        }
    }

    /// All of its life, with the presumed transitions at the end.
    pub fn into_record(mut self) -> Record {
        self.presume_all();
        self.fold_transitions();
        let rare = self.rare.map(|rare| *rare).unwrap_or_default();
        Record {
            transitions: self.transitions,
            transitions_folded: u64::from(self.transitions_folded),
            withdrawn: rare.withdrawn,
            withdrawn_folded: u64::from(rare.withdrawn_folded),
        }
    }

    fn doubted(&self, event: Event) -> Option<Arrival> {
        self.rare
            .as_ref()?
            .doubted
            .iter()
            .find(|doubted| doubted.event == event)
            .copied()
    }

    fn event_of(&self, arrival: &Arrival) -> Event {
        if arrival.event == Event::RcvRst && self.passive {
            Event::RcvRstPassive
        } else {
            arrival.event
        }
    }

    fn settle(&mut self, sent: &Sent) {
        if self.pending.is_empty() {
            return;
        }
        let answered = self.waits_for(Event::RcvSynAck);
        let mut verdicts: [Verdict; PENDING_KEPT] = std::array::from_fn(|index| {
            self.pending.get(index).map_or(Verdict::Open, |arrival| {
                judge(arrival, self.proven, answered, sent)
            })
        });
        if verdicts.iter().all(|verdict| *verdict == Verdict::Open) {
            return; // the common case, without an allocation
        }
        let by_last_copy = |arrival: &Arrival| {
            arrival.event == Event::RcvFin
                && arrival.last_acknowledges_fin
                && cause_of(arrival, sent) == arrival.last
        };
        let mut settled = self.pending.iter().zip(verdicts);
        let with_fin =
            settled.find(|(arrival, verdict)| *verdict == Verdict::Proven && by_last_copy(arrival));
        let mut acknowledged = None;
        if let Some((fin, _)) = with_fin {
            // The FIN's own segment acknowledges this side's, and the ACK is processed first (section 3.10.7.4, R15).
            let waiting = self
                .pending
                .iter()
                .position(|arrival| arrival.event == Event::RcvAckOfFin);
            if let Some(index) = waiting {
                verdicts[index] = Verdict::Proven;
            }
            if waiting.is_none_or(|index| self.pending[index].first.packet > fin.last.packet) {
                acknowledged = Some((fin.last, Arrival::new(Event::RcvAckOfFin, fin.last, None)));
            }
        }
        // Segments arrive in order unless something shows otherwise: a proven arrival proves those before it. RCV.NXT
        // shows otherwise where it does not cover a SYN or FIN.
        let proven = verdicts.iter().rposition(|verdict| *verdict == Verdict::Proven);
        let mut left = Pending::new();
        let mut arrived: SmallVec<[(Mark, Arrival); 2]> = acknowledged.into_iter().collect();
        for (index, arrival) in std::mem::take(&mut self.pending).into_iter().enumerate() {
            let reset = matches!(arrival.event, Event::RcvRst | Event::RcvRstPassive);
            match verdicts[index] {
                // Whoever took what came after a RST has not taken the RST.
                Verdict::Open | Verdict::OnlyLast if reset && Some(index) < proven => {
                    self.withdraw(&arrival, Some(sent.mark));
                }
                Verdict::Refuted => {
                    if sent.tap_rtt.is_none() {
                        let doubted = &mut self.rare.get_or_insert_default().doubted;
                        doubted.retain(|known| known.event != arrival.event);
                        doubted.push(arrival);
                    }
                    self.withdraw(&arrival, Some(sent.mark));
                }
                Verdict::Proven => arrived.push((cause_of(&arrival, sent), arrival)),
                Verdict::Open | Verdict::OnlyLast
                    if Some(index) < proven && !arrival.event.shows_in_rcv_nxt() =>
                {
                    arrived.push((cause_of(&arrival, sent), arrival));
                }
                Verdict::OnlyLast => {
                    // A copy between the two may have been young enough.
                    let young = sent
                        .left
                        .plus(sent.crossing.saturating_neg())
                        .min(arrival.last.time);
                    let since = sent.tap_rtt.map_or(arrival.since, |_| arrival.since.max(young));
                    left.push(Arrival {
                        first: arrival.last,
                        since,
                        ..arrival
                    });
                }
                Verdict::Open => left.push(arrival),
            }
        }
        // What arrived by a later copy arrived after what came in between.
        arrived.sort_by_key(|(cause, _)| cause.packet);
        // A bare ACK of its FIN leaves no trace. If one was there in time it may have come before the peer's FIN, whatever
        // the order at the tap: that is FIN-WAIT-2, not CLOSING.
        let acknowledged_in_time = left.iter().any(|waiting| {
            waiting.event == Event::RcvAckOfFin
                && sent.mark.time.since(waiting.first.time) >= round_trip(sent)
        });
        for (cause, mut arrival) in arrived {
            arrival.order_unproven =
                acknowledged_in_time && arrival.event == Event::RcvFin && self.proven == State::FinWait1;
            self.apply(&arrival, Some(sent.mark), cause);
        }
        self.pending = left;
    }

    /// Its own RST ends the matter: acknowledgments that were on their way are taken to have come first, if they can have
    /// been there when it left.
    fn presume_acknowledgments(&mut self, sent: &Sent) {
        for arrival in std::mem::take(&mut self.pending) {
            let acknowledgment = matches!(arrival.event, Event::RcvAckOfSyn | Event::RcvAckOfFin);
            if acknowledgment && sent.mark.time.since(arrival.first.time) >= round_trip(sent) {
                self.apply(&arrival, None, arrival.first);
            }
        }
    }

    fn apply(&mut self, arrival: &Arrival, proof: Option<Mark>, cause: Mark) {
        if arrival.event == Event::RcvFin && self.proven == State::SynReceived {
            // A FIN carries an ACK, which is processed first (section 3.10.7.4, R15).
            self.apply(
                &Arrival {
                    event: Event::RcvAckOfSyn,
                    ..*arrival
                },
                proof,
                cause,
            );
        }
        let Step::To(to) = step(self.proven, self.event_of(arrival)) else {
            return;
        };
        let from = self.proven;
        let certain = proof.filter(|_| !arrival.order_unproven);
        let evidence = match (arrival.inferred, certain) {
            (true, _) => Evidence::Inferred,
            (false, Some(_)) => Evidence::Confirmed,
            (false, None) => Evidence::Presumed,
        };
        self.push(Transition {
            from,
            to,
            cause: Cause::of(arrival.event),
            packet: Some(cause.packet),
            at: cause.time,
            earliest: (!arrival.inferred).then_some(arrival.since.min(arrival.first.time)),
            latest: proof.map(|mark| mark.time),
            evidence,
            proven_by: certain.map(|mark| mark.packet),
        });
        self.proven = to;
    }

    fn withdraw(&mut self, arrival: &Arrival, refuted_by: Option<Mark>) {
        let Step::To(to) = step(self.proven, self.event_of(arrival)) else {
            return;
        };
        let from = self.proven;
        let rare = self.rare.get_or_insert_default();
        if rare.withdrawn.len() < WITHDRAWN_KEPT {
            rare.withdrawn.push(Withdrawn {
                from,
                to,
                packet: arrival.last.packet,
                by_reset: matches!(arrival.event, Event::RcvRst | Event::RcvRstPassive),
                refuted_by: refuted_by.map(|mark| mark.packet),
            });
        } else {
            rare.withdrawn_folded = rare.withdrawn_folded.saturating_add(1);
        }
    }

    /// Data or an acknowledgment from a state that cannot send it: what led out of that state is missing.
    fn on_plain(&mut self, sent: &Sent) {
        match self.proven {
            State::SynSent => self.catch_up(sent),
            State::SynReceived if sent.shows_established => self.catch_up(sent),
            _ => {}
        }
    }

    /// Infers the handshake steps that the capture lacks.
    fn catch_up(&mut self, sent: &Sent) {
        let (to, cause) = match (sent.kind, self.proven) {
            (SentKind::SynAck | SentKind::SynAckAnew, State::SynSent) => {
                (State::SynReceived, Cause::SynReceived)
            }
            (_, State::Closed | State::Listen | State::SynSent | State::SynReceived) => {
                (State::Established, Cause::SynAcknowledged)
            }
            _ => return,
        };
        self.infer(to, cause, sent.mark, None);
    }

    fn move_sent(&mut self, to: State, event: Event, sent: &Sent) {
        let mut from = self.proven;
        if to == State::SynReceived && from == State::Closed {
            from = State::Listen; // only a listener answers a SYN with a SYN-ACK
            self.passive = true;
        }
        self.push(Transition {
            from,
            to,
            cause: Cause::of(event),
            packet: Some(sent.mark.packet),
            at: sent.acts_on.unwrap_or(sent.mark).time,
            earliest: sent.floor,
            latest: Some(sent.mark.time),
            evidence: Evidence::Sent,
            proven_by: Some(sent.mark.packet),
        });
        self.proven = to;
    }

    /// Where the capture's clock steps back, or its order is not that of the endpoint, the interval still holds the best
    /// estimate.
    fn push(&mut self, transition: Transition) {
        // Most endpoints have five or six in all.
        if self.transitions.len() == self.transitions.capacity() {
            self.transitions.reserve_exact(self.transitions.len().max(6));
        }
        self.transitions.push(Transition {
            earliest: transition.earliest.map(|earliest| earliest.min(transition.at)),
            latest: transition.latest.map(|latest| latest.max(transition.at)),
            ..transition
        });
        // Many at once, so that each costs little.
        if self.transitions.len() >= FIRST_KEPT + 2 * LAST_KEPT {
            self.fold_transitions();
        }
    }

    /// Leaves the first and the last transitions, and counts those between.
    fn fold_transitions(&mut self) {
        let end = self.transitions.len().saturating_sub(LAST_KEPT);
        if end <= FIRST_KEPT {
            return;
        }
        let folded = end - FIRST_KEPT;
        self.transitions.drain(FIRST_KEPT..end);
        self.transitions_folded = self
            .transitions_folded
            .saturating_add(u32::try_from(folded).unwrap_or(u32::MAX));
        if let Some(before) = &mut self.before_reset
            && before.transitions > FIRST_KEPT
        {
            before.transitions = before.transitions.saturating_sub(folded).max(FIRST_KEPT);
        }
    }

    /// Octets that it holds besides its own size.
    pub(super) fn heap_bytes(&self) -> u64 {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            allocated(size_of::<Rare>())
                + list::<Withdrawn>(rare.withdrawn.capacity())
                + list::<Arrival>(rare.doubted.capacity())
        });
        let before = self.before_reset.as_ref().map_or(0, |before| {
            allocated(size_of::<BeforeReset>())
                + if before.pending.spilled() {
                    list::<Arrival>(before.pending.capacity())
                } else {
                    0
                }
        });
        let pending = if self.pending.spilled() {
            list::<Arrival>(self.pending.capacity())
        } else {
            0
        };
        pending + list::<Transition>(self.transitions.capacity()) + rare + before
    }

    /// Octets of its [`Record`] at the end.
    pub(super) fn record_bytes(&self) -> u64 {
        let transitions = self.transitions.len().saturating_add(self.pending.len());
        let withdrawn = self.rare.as_ref().map_or(0, |rare| rare.withdrawn.capacity());
        list::<Transition>(transitions.next_power_of_two()).saturating_add(list::<Withdrawn>(withdrawn))
    }
}

/// The least time between a segment that passes the tap towards the endpoint and one from it that knows of it, ns. At the
/// endpoint's own tap that is its own work, which takes as long as it takes.
fn round_trip(sent: &Sent) -> i64 {
    (sent.tap_rtt.unwrap_or(0) / 10 * 9).saturating_sub(OWN_WORK_NS)
}

packed!(struct BeforeReset { reset, proven, transitions, pending });
packed!(struct Rare { withdrawn, withdrawn_folded, doubted });
packed!(struct Mirror { proven, pending, transitions, transitions_folded, passive, rare, before_reset });
