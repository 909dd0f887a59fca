//! FN10

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A FIN without the ACK bit.
    ///
    /// # Why it matters
    ///
    /// Every segment after the SYN carries an ACK; a receiver drops one without. Port scanners send bare FINs.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4, fifth check.
    ///
    /// # Example
    ///
    /// ```text
    /// 1.000 C>S FIN     seq=101   <-- a FIN scan
    /// 1.001 S>C RST,ACK seq=0 ack=102
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// ```
    "FN10", "fin-without-ack", Error,
    on: [FinWithoutAck],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinWithoutAck) {
        let message = format!("the {} sent a FIN without ACK, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
