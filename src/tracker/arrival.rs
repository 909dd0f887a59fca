//! What is on its way to an endpoint, and what the endpoint's own segments say about it.

use super::evidence::Mark;
use super::packed::packed;
use super::reset::PATIENCE_NS;
use super::state::{Event, State};
use crate::seq::Seq;
use crate::time::Timestamp;

/// A segment on its way to an endpoint that would change its state.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// What it would do.
    pub event: Event,
    /// Its first copy at the tap that may have arrived.
    pub first: Mark,
    /// When a copy passed at the earliest, those included that were taken for lost without a measured round trip.
    pub since: Timestamp,
    /// Its newest copy at the tap (for a FIN also a retransmission that filled the hole before it).
    pub last: Mark,
    /// An ACK of the endpoint at or after this number proves that it arrived.
    pub proof: Option<Seq>,
    /// A TSval that no earlier segment carried: its echo proves the arrival (RFC 7323).
    pub echo: Option<u32>,
    /// TSval of the newest copy.
    pub last_tsval: Option<u32>,
    /// A FIN whose newest copy acknowledges the receiver's own.
    pub last_acknowledges_fin: bool,
    /// The packet itself is missing in the capture; `first` is the one that showed it.
    pub inferred: bool,
    /// A RST in the window but not at its edge: only silence after it makes it likely that it was taken.
    pub doubtful: bool,
    /// It arrived, but perhaps not in the order that would make the transition.
    pub order_unproven: bool,
}

impl Arrival {
    /// Another copy passed the tap.
    pub fn repeated(&mut self, mark: Mark, tsval: Option<u32>) {
        self.last = mark;
        self.last_tsval = tsval;
    }

    /// The copy that did it, if nothing tells: an acknowledgment that had been lost would have been asked for again.
    pub(super) fn presumed_cause(&self) -> Mark {
        if matches!(self.event, Event::RcvAckOfSyn | Event::RcvAckOfFin) {
            self.first
        } else {
            self.last
        }
    }

    /// An arrival that the capture holds.
    pub fn new(event: Event, mark: Mark, proof: Option<Seq>) -> Arrival {
        Arrival {
            event,
            first: mark,
            since: mark.time,
            last: mark,
            proof,
            echo: None,
            last_tsval: None,
            last_acknowledges_fin: false,
            inferred: false,
            doubtful: false,
            order_unproven: false,
        }
    }
}

/// What an endpoint sent, as far as it bears on its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentKind {
    /// SYN without ACK.
    Syn,
    /// SYN-ACK.
    SynAck,
    /// SYN-ACK with another ISS than the one before: the sender was back in LISTEN in between.
    SynAckAnew,
    /// FIN, with or without data.
    Fin,
    /// RST with ACK: an abort, or the answer to a segment without ACK.
    RstAck,
    /// RST without ACK: the answer to a segment that met no connection (section 3.10.7.1).
    RstBare,
    /// Anything else: data or an acknowledgment.
    Plain,
}

/// One segment of the endpoint, with what it says about what it had received.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// The packet.
    pub mark: Mark,
    /// Kind.
    pub kind: SentKind,
    /// When it left at the earliest, on the tap's clock: a TSval seen before tells of a copy made by the network.
    pub left: Timestamp,
    /// Capture time of the newest segment to the endpoint which this one proves it had received.
    pub floor: Option<Timestamp>,
    /// For a SYN-ACK: the copy of the SYN that it answers, which is when SYN-RECEIVED began.
    pub acts_on: Option<Mark>,
    /// SEG.ACK.
    pub ack: Option<Seq>,
    /// TSecr.
    pub echo: Option<u32>,
    /// It carries a D-SACK: an earlier copy of what it acknowledges had arrived.
    pub duplicate_reported: bool,
    /// Longest time, in ns, for which a segment can pass the tap towards the endpoint and still not have been there when
    /// the endpoint sent what the tap sees now.
    pub crossing: i64,
    /// Smallest round trip from tap to endpoint, ns.
    pub tap_rtt: Option<i64>,
    /// A segment without SYN proves that the handshake's ACK arrived. Not so while Fast Open lets the endpoint send in
    /// SYN-RECEIVED (RFC 7413 section 4.2).
    pub shows_established: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Proven,
    /// No copy of it had arrived.
    Refuted,
    /// The first copy had not arrived; the newest may still have been on its way.
    OnlyLast,
    Open,
}

/// What a segment of the endpoint, in `state`, says about an arrival. `answered`: a SYN-ACK is on its way to it.
pub(super) fn judge(arrival: &Arrival, state: State, answered: bool, sent: &Sent) -> Verdict {
    use {Event::*, SentKind::*};
    // The endpoint sent this so long after the arrival passed the tap that it would have had it.
    let stale = |mark: Mark| sent.left.since(mark.time) > sent.crossing;
    let covered =
        |proof: Option<Seq>| matches!((sent.ack, proof), (Some(ack), Some(proof)) if ack.at_or_after(proof));
    let echoed = || matches!((arrival.echo, sent.echo), (Some(value), Some(echo)) if Seq(echo).at_or_after(Seq(value)));
    let refuted_if_stale = match (stale(arrival.first), stale(arrival.last)) {
        (_, true) => Verdict::Refuted,
        (true, false) => Verdict::OnlyLast,
        (false, false) => Verdict::Open,
    };
    let proven_if = |holds: bool| if holds { Verdict::Proven } else { Verdict::Open };
    match (arrival.event, sent.kind) {
        // A SYN-ACK: the endpoint acknowledges it, or repeats its SYN, or knows nothing of it.
        (RcvSynAck, Syn) => refuted_if_stale,
        // Simultaneous open: the first one answers the bare SYN; if it comes again the peer's has not arrived.
        (RcvSynAck, SynAck | SynAckAnew) if state == State::SynSent => Verdict::Open,
        (RcvSynAck, SynAck | SynAckAnew) => refuted_if_stale,
        (RcvSynAck, Fin | Plain | RstAck) => proven_if(covered(arrival.proof)),
        (RcvSynAck, RstBare) => Verdict::Refuted,
        (RcvSyn, Syn) => refuted_if_stale,
        (RcvSyn, SynAck | SynAckAnew) => proven_if(covered(arrival.proof)),
        // Had it got there, a SYN-ACK would have come: it went on by the peer's.
        (RcvSyn, Fin | Plain | RstAck | RstBare) if answered => Verdict::Refuted,
        (RcvSyn, Fin | Plain | RstAck | RstBare) => proven_if(covered(arrival.proof)),
        (RcvAckOfSyn, Syn | SynAck | SynAckAnew) => refuted_if_stale,
        (RcvAckOfSyn, Fin | Plain) => proven_if(sent.shows_established || echoed()),
        (RcvAckOfSyn, RstAck | RstBare) => Verdict::Open,
        // A FIN: RCV.NXT covers it or does not.
        (RcvFin, Syn | SynAck | SynAckAnew | Fin | Plain | RstAck) => {
            if covered(arrival.proof) {
                Verdict::Proven
            } else {
                refuted_if_stale
            }
        }
        // Had it got there, an ACK would have come, not the RST of an end that knows no connection.
        (RcvFin, RstBare) => Verdict::Refuted,
        (RcvAckOfFin, Fin) => {
            if covered(arrival.proof) || echoed() {
                Verdict::Proven
            } else {
                refuted_if_stale
            }
        }
        // A bare RST after the last ACK: the connection is gone, as that ACK makes it.
        (RcvAckOfFin, RstBare) => proven_if(state == State::LastAck || covered(arrival.proof)),
        (RcvAckOfFin, Syn | SynAck | SynAckAnew | Plain | RstAck) => {
            proven_if(covered(arrival.proof) || echoed())
        }
        // A RST: whoever goes on talking has not taken it.
        (RcvRst | RcvRstPassive, SynAckAnew) => Verdict::Proven,
        (RcvRst | RcvRstPassive, Syn | SynAck | Fin | Plain) if arrival.doubtful => Verdict::Refuted,
        (RcvRst | RcvRstPassive, Syn | SynAck | Fin | Plain) => refuted_if_stale,
        (RcvRst | RcvRstPassive, RstAck) => Verdict::Open,
        (RcvRst | RcvRstPassive, RstBare) => Verdict::Proven, // whatever it answers met no connection
        // What an endpoint does is no arrival.
        (SendSyn | SendSynAck | SendFin | SendRst | Replaced, _) => Verdict::Open,
    }
}

/// Which of the copies that passed the tap the endpoint had received when it sent the proof.
pub(super) fn cause_of(arrival: &Arrival, sent: &Sent) -> Mark {
    // An acknowledgment that had been lost would have been asked for again: the first copy stands until refuted.
    if matches!(arrival.event, Event::RcvAckOfSyn | Event::RcvAckOfFin) {
        return arrival.first;
    }
    // A repeated copy can only be the one if its round trip fits in before the proof, if the endpoint does not say that
    // it had been there before (D-SACK), and if the endpoint does not still echo an older timestamp.
    // (The smallest round trip seen may still be too large a bound: it does not count where the answer to the first copy
    // would be long overdue.)
    let overdue =
        sent.mark.time.since(arrival.first.time) > PATIENCE_NS.saturating_add(sent.tap_rtt.unwrap_or(0));
    let too_late = !overdue && sent.mark.time.since(arrival.last.time) < sent.tap_rtt.unwrap_or(0) / 10 * 9;
    let not_echoed =
        matches!((sent.echo, arrival.last_tsval), (Some(echo), Some(last)) if Seq(echo).before(Seq(last)));
    if sent.duplicate_reported || too_late || not_echoed {
        arrival.first
    } else {
        arrival.last
    }
}

packed!(struct Arrival {
    event, first, since, last, proof, echo, last_tsval, last_acknowledges_fin, inferred, doubtful, order_unproven,
});
packed!(
    enum SentKind {
        Syn,
        SynAck,
        SynAckAnew,
        Fin,
        RstAck,
        RstBare,
        Plain,
    }
);
packed!(struct Sent {
    mark, kind, left, floor, acts_on, ack, echo, duplicate_reported, crossing, tap_rtt, shows_established,
});
