//! The transition relation of RFC 9293 figure 5 (section 3.3.2), for an observer.
//!
//! [`step`] is total: every pair of state and event has an answer, so that a capture that makes no sense gets one too.
//! It knows no sequence numbers; those were judged before ([`crate::tracker::judge`]).

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::packed::packed;

/// A state of RFC 9293 section 3.3.2, or `Unknown` where the capture cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum State {
    /// No connection state at all.
    Closed,
    /// Waiting for a connection request from any remote end.
    Listen,
    /// Waiting for a matching SYN after having sent one.
    SynSent,
    /// Waiting for the ACK of the own SYN after having received and sent one.
    SynReceived,
    /// Open: data flows both ways.
    Established,
    /// FIN sent, not acknowledged.
    #[schemars(rename = "FIN-WAIT-1")]
    FinWait1,
    /// FIN sent and acknowledged; the peer may still send.
    #[schemars(rename = "FIN-WAIT-2")]
    FinWait2,
    /// The peer has closed; the own side has not.
    CloseWait,
    /// Both FINs sent and crossed; the own one is not acknowledged.
    Closing,
    /// FIN sent after the peer's; waiting for its acknowledgment.
    LastAck,
    /// Waiting 2 MSL so that old segments die and the peer has the last ACK.
    TimeWait,
    /// The capture cannot tell.
    Unknown,
}

impl State {
    /// All states, in the order of section 3.3.2.
    pub const ALL: [State; 12] = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
        State::Unknown,
    ];

    /// The RFC's spelling.
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
            State::Unknown => "UNKNOWN",
        }
    }

    /// Reads a state's name: `CLOSE-WAIT`, `close_wait`, `CloseWait`, `FIN_WAIT1`.
    pub fn parse(text: &str) -> Option<State> {
        let plain = |name: &str| {
            name.chars()
                .filter(char::is_ascii_alphanumeric)
                .collect::<String>()
                .to_ascii_uppercase()
        };
        let wanted = plain(text);
        State::ALL
            .into_iter()
            .find(|state| plain(state.name()) == wanted)
            .or(match wanted.as_str() {
                "SYNRECV" => Some(State::SynReceived),
                "CLOSE" => Some(State::Closed),
                _ => None,
            })
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit_variant("State", 0, self.name())
    }
}

/// What an endpoint does, or what reaches it, once the sequence numbers were judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// It sent a SYN without ACK.
    SendSyn,
    /// It sent a SYN-ACK.
    SendSynAck,
    /// It sent a FIN.
    SendFin,
    /// It sent a RST for this connection.
    SendRst,
    /// A SYN without ACK reached it.
    RcvSyn,
    /// A SYN-ACK that acknowledges its SYN reached it.
    RcvSynAck,
    /// An acceptable segment that acknowledges its SYN reached it.
    RcvAckOfSyn,
    /// The peer's FIN, and all data before it, reached it.
    RcvFin,
    /// An acceptable segment that acknowledges its FIN reached it.
    RcvAckOfFin,
    /// An acceptable RST reached it after an active open.
    RcvRst,
    /// An acceptable RST reached it after a passive open (section 3.10.7.4: SYN-RECEIVED returns to LISTEN).
    RcvRstPassive,
    /// The 4-tuple went over to a new incarnation.
    Replaced,
}

impl Event {
    /// All events.
    pub const ALL: [Event; 12] = [
        Event::SendSyn,
        Event::SendSynAck,
        Event::SendFin,
        Event::SendRst,
        Event::RcvSyn,
        Event::RcvSynAck,
        Event::RcvAckOfSyn,
        Event::RcvFin,
        Event::RcvAckOfFin,
        Event::RcvRst,
        Event::RcvRstPassive,
        Event::Replaced,
    ];
}

impl Event {
    /// Whether the receiver's RCV.NXT tells if it arrived.
    pub fn shows_in_rcv_nxt(self) -> bool {
        matches!(self, Event::RcvSyn | Event::RcvSynAck | Event::RcvFin)
    }
}

/// The answer of the relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The endpoint changes to this state.
    To(State),
    /// Nothing changes: a repetition, or something this state ignores.
    Stay,
    /// The endpoint cannot do this from here: something is missing in the capture, or the endpoint is at fault.
    Impossible,
}

/// The transition relation. No state is left but by an arm that stands here.
pub fn step(state: State, event: Event) -> Step {
    use {Event::*, State::*, Step::*};
    match (state, event) {
        // Opening (3.5).
        (Closed | Listen | Unknown, SendSyn) => To(SynSent),
        (Closed | Listen | Unknown, SendSynAck) => To(SynReceived),
        (SynSent, RcvSyn) => To(SynReceived), // simultaneous open, figure 7
        (SynSent | SynReceived, RcvSynAck) => To(Established), // from SYN-RECEIVED: the second half of figure 7
        (SynReceived, RcvAckOfSyn) => To(Established),
        // A SYN that comes again, at any time, is a copy.
        (
            SynSent | SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck
            | TimeWait,
            SendSyn,
        ) => Stay,
        (
            SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck | TimeWait,
            SendSynAck,
        ) => Stay,
        (SynSent, SendSynAck) => Impossible, // the peer's SYN is missing in the capture
        // Closing (3.6).
        (SynReceived | Established, SendFin) => To(FinWait1),
        (CloseWait, SendFin) => To(LastAck),
        (SynReceived | Established, RcvFin) => To(CloseWait),
        (FinWait1, RcvAckOfFin) => To(FinWait2),
        (FinWait1, RcvFin) => To(Closing), // simultaneous close, figure 13
        (FinWait2, RcvFin) => To(TimeWait),
        (Closing, RcvAckOfFin) => To(TimeWait),
        (LastAck, RcvAckOfFin) => To(Closed),
        // A FIN that comes again; or one of a life whose middle is missing in the capture.
        (FinWait1 | FinWait2 | Closing | LastAck | TimeWait, SendFin) => Stay,
        (Closed | Listen | SynSent, SendFin) => Impossible,
        (Unknown, SendFin) => Stay, // FIN-WAIT-1 or LAST-ACK: decided when the peer shows whether it had closed
        (CloseWait | Closing | LastAck | TimeWait, RcvFin) => Stay,
        // Dropped where there is no synchronized state (3.10.7.4, eighth).
        (Closed | Listen | SynSent | Unknown, RcvFin) => Stay,
        // Resets (3.5.3, 3.10.7).
        (Closed | Listen, SendRst) => Stay, // answers a segment of a connection that it does not have
        (
            SynSent | SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck
            | TimeWait | Unknown,
            SendRst,
        ) => To(Closed),
        (SynReceived, RcvRstPassive) => To(Listen),
        (
            SynSent | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck | TimeWait | Unknown,
            RcvRst | RcvRstPassive,
        ) => To(Closed),
        (SynReceived, RcvRst) => To(Closed),
        (Closed | Listen, RcvRst | RcvRstPassive) => Stay,
        // What is already done, or not for this state.
        (Closed | Listen, RcvSyn) => Stay, // LISTEN is proven by the SYN-ACK, not by the SYN
        (
            SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck | TimeWait
            | Unknown,
            RcvSyn,
        ) => Stay,
        (
            Closed | Listen | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck | TimeWait
            | Unknown,
            RcvSynAck,
        ) => Stay,
        (
            Closed | Listen | SynSent | Established | FinWait1 | FinWait2 | CloseWait | Closing | LastAck
            | TimeWait | Unknown,
            RcvAckOfSyn,
        ) => Stay,
        (
            Closed | Listen | SynSent | SynReceived | Established | FinWait2 | CloseWait | TimeWait | Unknown,
            RcvAckOfFin,
        ) => Stay,
        // Another incarnation has the 4-tuple now.
        (Closed, Replaced) => Stay,
        (
            Listen | SynSent | SynReceived | Established | FinWait1 | FinWait2 | CloseWait | Closing
            | LastAck | TimeWait | Unknown,
            Replaced,
        ) => To(Closed),
    }
}

packed!(
    enum State {
        Closed,
        Listen,
        SynSent,
        SynReceived,
        Established,
        FinWait1,
        FinWait2,
        CloseWait,
        Closing,
        LastAck,
        TimeWait,
        Unknown,
    }
);
packed!(
    enum Event {
        SendSyn,
        SendSynAck,
        SendFin,
        SendRst,
        RcvSyn,
        RcvSynAck,
        RcvAckOfSyn,
        RcvFin,
        RcvAckOfFin,
        RcvRst,
        RcvRstPassive,
        Replaced,
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Figure 5 of RFC 9293 as data: every edge once, with the event that this observer gives it.
    const FIGURE_5: [(State, Event, State); 20] = [
        (State::Closed, Event::SendSyn, State::SynSent), // active OPEN
        (State::Listen, Event::SendSyn, State::SynSent), // SEND in LISTEN
        (State::Listen, Event::SendSynAck, State::SynReceived),
        (State::SynSent, Event::RcvSyn, State::SynReceived),
        (State::SynSent, Event::RcvSynAck, State::Established),
        (State::SynReceived, Event::RcvAckOfSyn, State::Established),
        (State::SynReceived, Event::SendFin, State::FinWait1), // R35
        (State::Established, Event::SendFin, State::FinWait1),
        (State::Established, Event::RcvFin, State::CloseWait),
        (State::FinWait1, Event::RcvAckOfFin, State::FinWait2),
        (State::FinWait1, Event::RcvFin, State::Closing),
        (State::FinWait2, Event::RcvFin, State::TimeWait),
        (State::Closing, Event::RcvAckOfFin, State::TimeWait),
        (State::CloseWait, Event::SendFin, State::LastAck),
        (State::LastAck, Event::RcvAckOfFin, State::Closed),
        (State::SynReceived, Event::RcvRstPassive, State::Listen), // R17
        (State::SynReceived, Event::RcvRst, State::Closed),
        (State::SynSent, Event::RcvRst, State::Closed),
        (State::Established, Event::RcvRst, State::Closed),
        (State::TimeWait, Event::RcvRst, State::Closed), // R45
    ];

    #[test]
    fn every_edge_of_figure_5() {
        for (from, event, to) in FIGURE_5 {
            assert_eq!(step(from, event), Step::To(to), "{from} on {event:?}");
        }
    }

    #[test]
    fn a_step_always_leads_somewhere_else() {
        for state in State::ALL {
            for event in Event::ALL {
                assert_ne!(step(state, event), Step::To(state), "{state} on {event:?}");
                if let Step::To(next) = step(state, event) {
                    assert_ne!(next, State::Unknown, "{state} on {event:?}");
                }
            }
        }
    }

    #[test]
    fn repetitions_change_nothing() {
        // R34: a FIN, its acknowledgment or a SYN that comes again is no second one.
        for (from, event, to) in FIGURE_5 {
            // An endpoint that goes back to LISTEN or CLOSED can open again: that is a new life, not a repetition.
            if !matches!(to, State::Listen | State::Closed | State::SynSent) {
                assert!(
                    !matches!(step(to, event), Step::To(_)),
                    "{from} on {event:?} twice"
                );
            }
        }
    }

    #[test]
    fn a_fin_with_the_acknowledgment_of_ours_passes_through_fin_wait_2() {
        // R32 and R33: the acknowledgment is processed before the FIN.
        let after = |events: &[Event]| {
            events
                .iter()
                .fold(State::FinWait1, |state, event| match step(state, *event) {
                    Step::To(next) => next,
                    Step::Stay | Step::Impossible => state,
                })
        };
        assert_eq!(after(&[Event::RcvAckOfFin, Event::RcvFin]), State::TimeWait);
        assert_eq!(after(&[Event::RcvFin, Event::RcvAckOfFin]), State::TimeWait);
        assert_eq!(after(&[Event::RcvFin]), State::Closing);
    }

    #[test]
    fn the_whole_relation() {
        let mut grid = format!("{:13}", "");
        for event in Event::ALL {
            grid += &format!(" {:14}", format!("{event:?}"));
        }
        for state in State::ALL {
            grid = grid.trim_end().to_owned() + "\n" + &format!("{:13}", state.name());
            for event in Event::ALL {
                let cell = match step(state, event) {
                    Step::To(next) => next.name(),
                    Step::Stay => ".",
                    Step::Impossible => "impossible",
                };
                grid += &format!(" {cell:14}");
            }
        }
        insta::assert_snapshot!(grid.trim_end());
    }

    #[test]
    fn names_are_read_back_however_they_are_written() {
        for state in State::ALL {
            assert_eq!(State::parse(state.name()), Some(state));
            assert_eq!(
                State::parse(&state.name().replace('-', "_").to_lowercase()),
                Some(state)
            );
        }
        assert_eq!(State::parse("FIN_WAIT1"), Some(State::FinWait1));
        assert_eq!(State::parse("SYN_RECV"), Some(State::SynReceived));
        assert_eq!(State::parse("nonsense"), None);
    }
}
