//! The transition relation of RFC 9293 figure 5 (section 3.3.2), for an observer.
//!
//! [`step`] is total: every pair of state and event has an answer, so that a capture that makes no sense gets one too.
//! It knows no sequence numbers; those were judged before ([`crate::tracker::judge`]).

use serde::{Serialize, Serializer};

/// A state of RFC 9293 section 3.3.2, or `Unknown` where the capture cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    FinWait1,
    /// FIN sent and acknowledged; the peer may still send.
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
            name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase()
        };
        let wanted = plain(text);
        State::ALL.into_iter().find(|state| plain(state.name()) == wanted).or(match wanted.as_str() {
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
        serializer.serialize_str(self.name())
    }
}
