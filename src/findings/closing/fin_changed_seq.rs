//! FN05

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// An endpoint sent a second FIN at another sequence number.
    ///
    /// # Why it matters
    ///
    /// A stream ends once. Two ends mean that somebody else sent one of the FINs, or that a middlebox changed the numbers; the peer
    /// takes the first one that fits and may lose data.
    ///
    /// # What to do
    ///
    /// Compare TTL and IP identification of the two FINs.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 1.500 C>S FIN,ACK seq=111 ack=301   <-- another end of the stream
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 C>S FIN,ACK seq=111 ack=301
    /// 1.500 C>S FIN,PSH,ACK seq=101 ack=301 len=10
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: FIN_advanced_last_seq; Snort: 129:16.
    "FN05", "fin-changed-seq", Error,
    on: [FinChangedSeq],
    excused_by: [Loss, ClockSteps, CutStart],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinChangedSeq) {
        let message = format!("the {} sent another FIN at another sequence number, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
