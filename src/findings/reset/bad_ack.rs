//! RS06

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A RST came for a SYN that it does not acknowledge.
    ///
    /// # Why it matters
    ///
    /// Only a RST that acknowledges the SYN refuses the connection; this one is ignored. It is forged, or answers something else.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.3 (second check).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C RST,ACK seq=0 ack=900     <-- acknowledges another number
    /// 0.020 S>C SYN,ACK seq=300 ack=101
    /// 0.030 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C RST,ACK seq=0 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: rst_invalid_ack.
    "RS06", "reset-bad-ack", Warning,
    on: [ResetBadAck],
    excused_by: [OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::ResetBadAck) {
        let message = format!("a RST of the {} does not acknowledge the SYN, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
