//! HS04

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A SYN-ACK came again with another initial sequence number.
    ///
    /// # Why it matters
    ///
    /// Two servers answer one SYN, or one server forgot its first answer: a load balancer that sent a repeated SYN
    /// somewhere else, SYN cookies, a restart, or somebody who races the server. The client can take only one of the
    /// two; the other one stays half-open.
    ///
    /// # What to do
    ///
    /// Compare TTL and options of both SYN-ACKs. Different: two hosts. Look at the balancing of repeated SYNs.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5 and 3.10.7.4 (first check); RFC 4987, section 3.6 (SYN cookies).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 1.010 S>C SYN,ACK seq=300        ack=101
    /// 1.500 S>C SYN,ACK seq=3000000000 ack=101    <-- another ISS
    /// 1.520 C>S ACK     seq=101        ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 1.010 S>C SYN,ACK seq=300 ack=101
    /// 1.020 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_synack_resend_with_diff_seq, est_synack_resend_with_diff_seq; Wireshark: tcp.analysis.reused_ports.
    "HS04", "synack-changed-isn", Warning,
    on: [SynAckChangedIss],
    excused_by: [ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SynAckChangedIss) {
        let message = format!(
            "the {} sent a SYN-ACK with another ISS than before, {}",
            seen.endpoint.name(),
            seen.times()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
