//! FN15

use crate::findings::{Draft, Subject, rule};
use crate::model::{Confidence, EventKind};

rule! {
    /// An endpoint sent a FIN although nobody had answered its SYN.
    ///
    /// # Why it matters
    ///
    /// A stack in SYN-SENT just forgets the attempt. A SYN and a FIN without an answer between them come from a scanner, or the
    /// capture lacks the other side.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.4 (CLOSE call in SYN-SENT).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.500 C>S FIN,ACK seq=101 ack=1   <-- nothing to close yet
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.500 C>S FIN,ACK seq=101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: inappropriate_FIN, SH, SHR.
    "FN15", "fin-in-syn-sent", Warning,
    on: [FinBeforeAnswer],
    excused_by: [OneSided, Loss],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::FinBeforeAnswer) {
        // Heard later, the peer had answered: the capture lacks that.
        if subject.endpoint(seen.endpoint.other()).packets > 0 {
            continue;
        }
        let message = format!("the {} sent a FIN before anybody had answered its SYN", seen.endpoint.name());
        let draft = Draft::new(subject, seen.endpoint, message).seen(&seen);
        found.push(draft.limited(Confidence::Possible));
    }
}
