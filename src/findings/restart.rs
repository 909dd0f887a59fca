//! RU: new SYNs on a 4-tuple in use, half-open connections, dead peers (RFC 9293 section 3.5.1).

use super::{Draft, Subject, human_duration};
use crate::model::{Confidence, ReuseVerdict, Role, Severity, State};

crate::findings::family! {
    new_incarnation,
    syn_in_synchronized_state,
    half_open,
    syn_against_close,
    old_duplicate_syn,
    peer_silent,
}

/// What a SYN met at its receiver.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Met {
    /// A connection in use; no more is known.
    Synchronized,
    /// A connection in use that its own opener had forgotten: old numbers answered the SYN, and a RST answered those.
    HalfOpen,
    /// A connection that the receiver has not closed although its peer has.
    Closing,
}

/// A finding if this connection's SYN met an old one that was not over, in the way that `wanted` names.
fn against(subject: &Subject<'_>, wanted: Met, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let Some(reuse) = connection
        .reuse
        .as_ref()
        .filter(|reuse| reuse.verdict == ReuseVerdict::NotOver)
    else {
        return;
    };
    let met = match reuse.peer_state {
        // No synchronized state: a matter of HS02.
        State::SynSent | State::SynReceived => return,
        State::CloseWait | State::LastAck => Met::Closing,
        _ if reuse.reset_packet.is_some() => Met::HalfOpen,
        State::Established
        | State::FinWait1
        | State::FinWait2
        | State::Closing
        | State::TimeWait
        | State::Closed
        | State::Listen
        | State::Unknown => Met::Synchronized,
    };
    if met != wanted {
        return;
    }
    let patience = subject.thresholds.unanswered_ns;
    let delay = match (reuse.delay_ns, connection.handshake.syn_ack_packet) {
        (None, Some(_)) if reuse.refused_by_packet.is_none() => {
            "; it was accepted at once: the end of the old one is not in the capture".to_owned()
        }
        (Some(ns), Some(_)) => format!("; the new connection had to wait {}", human_duration(ns)),
        (Some(ns), None) if ns >= patience => format!("; nothing came of it in {}+", human_duration(ns)),
        (Some(_), None) => "; then the capture ends".to_owned(),
        (None, _) if reuse.refused_by_packet.is_some() => {
            "; the copy of it that was accepted is not in the capture".to_owned()
        }
        (None, _) => String::new(),
    };
    let what = match met {
        Met::Synchronized => "a SYN came for a connection in use",
        Met::HalfOpen => "a SYN discovered that the old connection was half-open",
        Met::Closing => "a SYN came although the old connection was not closed",
    };
    let message = format!(
        "{what} (connection {}, {} at its receiver){delay}",
        reuse.previous, reuse.peer_state
    );
    let packets = [
        connection.handshake.syn_packet,
        reuse.refused_by_packet,
        reuse.reset_packet,
    ];
    let confidence = if reuse.refused_by_packet.is_some() {
        Confidence::Proven
    } else {
        Confidence::Likely
    };
    let draft = Draft::new(subject, Role::Client, message)
        .at(connection.first_time)
        .packets(packets.into_iter().flatten())
        .limited(confidence);
    // A SYN that is accepted at once did not meet the old connection: its end is not in the capture. One without any answer
    // shortly before the end may be just that.
    let unanswered = connection.handshake.syn_ack_packet.is_none();
    let cut_off = unanswered && reuse.delay_ns.is_some_and(|ns| ns < patience);
    let at_once = reuse.refused_by_packet.is_none() && (!unanswered || cut_off);
    found.push(if at_once {
        draft.severity(Severity::Note).limited(Confidence::Possible)
    } else {
        draft
    });
}
