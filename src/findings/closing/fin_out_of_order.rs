//! FN09

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A FIN came before data that precedes it: its receiver holds it until the hole is filled.
    ///
    /// # Why it matters
    ///
    /// Until then the receiver stays in its state, and the sender in FIN-WAIT-1. A network that loses or reorders segments does this.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4 (SHLD-31) and eighth check.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,PSH,ACK seq=111 ack=301 len=10   <-- octets 101 to 110 are missing
    /// 1.010 S>C ACK     seq=301 ack=101
    /// 1.200 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.210 S>C ACK     seq=301 ack=122
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.001 C>S FIN,ACK seq=111 ack=301
    /// 1.010 S>C ACK     seq=301 ack=112
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: pending_data_when_closed.
    "FN09", "fin-out-of-order", Note,
    on: [FinOutOfOrder],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinOutOfOrder) {
        let message = format!("the FIN of the {} came before data that precedes it", seen.endpoint.name());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
