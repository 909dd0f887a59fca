//! FN06

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A FIN came far outside the receive window.
    ///
    /// # Why it matters
    ///
    /// Its receiver drops it and answers with an ACK; no state changes. Stacks do not send such a FIN: it is forged, or belongs to an
    /// earlier connection of the same 4-tuple.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4, first check.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=900000101 ack=301   <-- 900 million octets off
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
    /// Suricata: fin_out_of_window, fin1_fin_wrong_seq, fin2_fin_wrong_seq, closewait_fin_out_of_window.
    "FN06", "fin-out-of-window", Error,
    on: [FinOutsideWindow],
    excused_by: [Loss, CutStart, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinOutsideWindow) {
        let message = format!("a FIN of the {} is far outside the receive window, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
