//! FN11

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// The first segment of a connection in the capture is a FIN.
    ///
    /// # Why it matters
    ///
    /// The capture began at its end, or nothing of it ever existed. What was before is not known.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.1.
    ///
    /// # Example
    ///
    /// ```text
    /// 1.000 C>S FIN,ACK seq=101 ack=301   <-- nothing before
    /// 1.001 S>C ACK     seq=301 ack=102
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 1.000 C>S ACK     seq=101 ack=301
    /// 1.001 C>S FIN,ACK seq=101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: fin_but_no_session; Zeek: spontaneous_FIN.
    "FN11", "fin-no-connection", Note,
    on: [FinNoConnection],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinNoConnection) {
        let message = format!("the first captured segment is a FIN of the {}", seen.endpoint.name());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
