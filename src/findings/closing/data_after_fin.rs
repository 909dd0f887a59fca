//! FN08

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// An endpoint sent payload beyond its own FIN.
    ///
    /// # Why it matters
    ///
    /// A FIN is the last octet of a stream: its sender has promised to send no more. The peer takes none of what comes
    /// after it, so that data is lost. A stack does not do this; a middlebox that rewrites numbers, or somebody who
    /// injects segments, does.
    ///
    /// # What to do
    ///
    /// Compare TTL and IP identification of the FIN with those of the data: another host may have sent one of them.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.6 and 3.10.4 (CLOSE call).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 1.100 C>S PSH,ACK seq=102 ack=301 len=10    <-- data where the stream has ended
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 C>S FIN,ACK seq=111 ack=301
    /// 1.300 C>S PSH,ACK seq=101 ack=301 len=10
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: FIN_advanced_last_seq; Snort: 129:3.
    "FN08", "data-after-fin", Error,
    on: [DataAfterFin],
    excused_by: [Loss, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::DataAfterFin) {
        let message = format!("the {} sent payload beyond its own FIN, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
