//! FN07

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A FIN acknowledges octets that the peer never sent.
    ///
    /// # Why it matters
    ///
    /// Its receiver drops the whole segment and answers with an ACK: the close does not happen. It is forged, or belongs to an earlier
    /// connection of the same 4-tuple.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4, fifth check; RFC 5961, section 5.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=900000301   <-- nobody sent these octets
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: fin_invalid_ack.
    "FN07", "fin-bad-ack", Error,
    on: [FinBadAck],
    excused_by: [Loss, CutStart, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinBadAck) {
        let message = format!("a FIN of the {} acknowledges what was never sent, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
