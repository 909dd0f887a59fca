//! TW09

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A segment with old octets reached an endpoint in TIME-WAIT.
    ///
    /// # Why it matters
    ///
    /// Keeping such segments from the next connection is what TIME-WAIT is for. The holder answers with an ACK; if the peer is gone
    /// already it answers that with a RST, which ends TIME-WAIT (TW07).
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.4.1 and 3.10.7.4; RFC 1337, section 2.
    ///
    /// # Example
    ///
    /// ```text
    /// closed
    /// 2.000 S>C PSH,ACK seq=201 ack=102 len=10   <-- an old duplicate
    /// 2.010 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// 2.000 resent #6
    /// 2.010 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: timewait_ack_wrong_seq, timewait_invalid_ack.
    "TW09", "segment-in-time-wait", Note,
    on: [SegmentInTimeWait],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SegmentInTimeWait) {
        let message = format!("the {} sent old octets to the TIME-WAIT of its peer, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
