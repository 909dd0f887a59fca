//! CP09

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A FIN is not in the capture; an acknowledgment shows that it was sent.
    ///
    /// # Why it matters
    ///
    /// The capture lacks the segment that closed one direction. The states after it are inferred, and when the FIN was
    /// sent is known only within bounds.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4 (a FIN takes one sequence number) and section 3.6.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.010 S>C ACK     seq=301 ack=102        <-- one octet more than the client is seen to have sent
    /// 1.020 S>C FIN,ACK seq=301 ack=102
    /// 1.030 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// ```
    "CP09", "inferred-segment", Note,
    on: [FinMissing],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinMissing) {
        // Captured later after all: out of order.
        if subject.endpoint(seen.endpoint).fin_packet.is_some() {
            continue;
        }
        let message = format!(
            "a FIN of the {} is not in the capture: an acknowledgment shows it",
            seen.endpoint.name()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
