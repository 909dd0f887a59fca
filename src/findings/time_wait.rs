//! TW: TIME-WAIT, and the reuse of a 4-tuple in it (RFC 9293 section 3.6.1).

use super::{Draft, Subject, human_duration};
use crate::model::{Confidence, Reuse, ReuseVerdict, Role};

crate::findings::family! {
    entered,
    reuse_legal_isn,
    reuse_legal_timestamp,
    reuse_illegal,
    reuse_refused,
    reuse_by_holder,
    assassinated,
    restarted,
    segment_in_time_wait,
    old_duplicate,
    pressure,
    left_early,
}

/// A finding if the 4-tuple was reused with this verdict, which `judgement` words.
fn reused(subject: &Subject<'_>, verdict: ReuseVerdict, judgement: &str, found: &mut Vec<Draft>) {
    let Some(reuse) = subject
        .connection
        .reuse
        .as_ref()
        .filter(|reuse| reuse.verdict == verdict)
    else {
        return;
    };
    let mark = if reuse.linux_time_wait_iss {
        "; the SYN-ACK's number proves that the holder took it out of TIME-WAIT"
    } else {
        ""
    };
    let message = format!("{} was accepted, {judgement}{mark}", attempt(reuse));
    // That the holder was in TIME-WAIT rests on the arrival of the peer's FIN; its own choice of ISS proves it.
    let confidence = if reuse.linux_time_wait_iss {
        Confidence::Proven
    } else {
        Confidence::Likely
    };
    let draft = Draft::new(subject, Role::Server, message).limited(confidence);
    found.push(at_syn(draft, subject));
}

/// `a SYN 6.00 s into TIME-WAIT (ISS 49 898 before the old SND.NXT)`.
fn attempt(reuse: &Reuse) -> String {
    let age = reuse
        .time_wait_age_ns
        .map_or(String::new(), |age| format!("{} ", human_duration(age)));
    let distance = match reuse.iss_distance {
        Some(distance) if distance >= 0 => format!(" (ISS {distance} beyond the old SND.NXT)"),
        Some(distance) => format!(" (ISS {} before the old SND.NXT)", distance.unsigned_abs()),
        None => String::new(),
    };
    format!("a SYN {age}into TIME-WAIT{distance}")
}

/// Shown by the connection's SYN.
fn at_syn(draft: Draft, subject: &Subject<'_>) -> Draft {
    draft
        .at(subject.connection.first_time)
        .packets(subject.connection.handshake.syn_packet)
}
