//! HS14

use crate::findings::{Draft, Subject, rule, times};
use crate::model::{Cause, Outcome, Role, Severity, State};
use crate::time::human_duration;

rule! {
    /// The server sent its SYN-ACK, and the handshake was never completed.
    ///
    /// # Why it matters
    ///
    /// Each such connection holds a place in the server's SYN queue until it times out. Without any answer: the SYN-ACK
    /// does not reach the client, or the SYN had a forged source (many of them are a SYN flood, HS15). With a RST from
    /// the client: a half-open scan (SYN, SYN-ACK, RST), or an old duplicate SYN that its sender disowns; that is a note.
    ///
    /// # What to do
    ///
    /// Look at the way back: does the client's host see the SYN-ACK? If it does and says nothing, its firewall drops it.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5 and figures 8 and 11; RFC 4987, section 2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101        <-- and no ACK
    /// 1.010 resent #2
    /// 3.010 resent #2
    /// 9.000 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.500 end
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: RSTOS0, RSTRH.
    "HS14", "handshake-abandoned", Warning,
    on: [],
    when: [HandshakeIncomplete],
    excused_by: [Loss, OneSided, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let handshake = &subject.connection.handshake;
    if handshake.complete || handshake.ack_packet.is_some() || handshake.syn_packet.is_none() {
        return;
    }
    match subject.connection.outcome {
        Outcome::HalfOpen => {
            let Some(received) = subject
                .moved(Role::Server, None, State::SynReceived)
                .last()
                .filter(|_| subject.endpoint(Role::Server).state == State::SynReceived)
            else {
                return;
            };
            let waited = subject.end.since(received.at);
            if waited < subject.thresholds.unanswered_ns {
                return;
            }
            let message = format!(
                "the client never acknowledged the SYN-ACK, sent {}: the server has been in SYN-RECEIVED for {}",
                times(u64::from(handshake.syn_ack_retransmissions) + 1),
                human_duration(waited)
            );
            found.push(Draft::new(subject, Role::Client, message).by(received));
        }
        Outcome::Reset => check_reset(subject, found),
        Outcome::Closed
        | Outcome::Refused
        | Outcome::Unanswered
        | Outcome::HalfClosed
        | Outcome::Closing
        | Outcome::Open
        | Outcome::Evicted => {}
    }
}

/// A RST in SYN-RECEIVED.
fn check_reset(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let left = |to| {
        subject
            .moved(Role::Server, Some(State::SynReceived), to)
            .last()
    };
    let Some(step) = left(State::Listen).or_else(|| left(State::Closed)) else {
        return;
    };
    match step.cause {
        Cause::RstReceived => {
            let message = "the client answered the SYN-ACK with RST: a half-open scan, or an old duplicate SYN";
            let draft = Draft::new(subject, Role::Client, message).by(step);
            found.push(draft.severity(subject.severity.min(Severity::Note)));
        }
        Cause::RstSent => {
            let message = "the server gave the handshake up with RST in SYN-RECEIVED";
            found.push(Draft::new(subject, Role::Server, message).by(step));
        }
        _ => {}
    }
}
