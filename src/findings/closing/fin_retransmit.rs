//! FN04

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// An endpoint sent its FIN again.
    ///
    /// # Why it matters
    ///
    /// The FIN, or the ACK of it, was lost, or the peer is gone. Nothing changes at the sender: it is the same FIN, and not a second
    /// one.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.6 and 3.8.1.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.300 resent #4                      <-- the same FIN again
    /// 1.310 S>C ACK     seq=301 ack=102
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.000 again #4
    /// 1.310 S>C ACK     seq=301 ack=102
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Wireshark: tcp.fin_retransmission.
    "FN04", "fin-retransmit", Note,
    on: [FinRetransmitted],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinRetransmitted) {
        let message = format!("the {} sent its FIN again, {}{}", seen.endpoint.name(), seen.times(), seen.span());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
