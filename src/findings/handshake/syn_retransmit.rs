//! HS01

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A SYN was sent again with the same sequence number.
    ///
    /// # Why it matters
    ///
    /// The first SYN or its answer was lost, or the peer was too slow. The connection opened late: the first
    /// retransmission timeout is about one second, and each one after it is twice as long.
    ///
    /// # What to do
    ///
    /// One connection now and then is ordinary loss. Many to one server: its SYN queue is full, or something on the path
    /// drops SYNs.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.8.1; RFC 6298, section 2 (initial timeout).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 1.000 resent #1                          <-- after one second without an answer
    /// 1.010 S>C SYN,ACK seq=300 ack=101
    /// 1.020 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.001 again #1
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.020 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: est_syn_resend.
    "HS01", "syn-retransmit", Note,
    on: [SynRetransmitted],
    excused_by: [Duplicates],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SynRetransmitted) {
        let message = format!(
            "the {} retransmitted its SYN {}{}",
            seen.endpoint.name(),
            seen.times(),
            seen.span()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
