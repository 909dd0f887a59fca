//! RU05

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A SYN came that nobody stands behind: an old duplicate, or a copy of the connection's own SYN after the handshake.
    ///
    /// # Why it matters
    ///
    /// The answer to it shows that the protection works: a challenge ACK, or a RST from the host that has no such connection. Nothing
    /// changes.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5 (figure 8) and 3.10.7.4 (fourth check); RFC 5961, section 4.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 resent #1                      <-- the connection's own SYN once more
    /// 1.010 S>C ACK     seq=301 ack=101
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 1.000 resent #1
    /// 1.010 S>C SYN,ACK seq=300 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: est_syn_resend.
    "RU05", "old-duplicate-syn", Note,
    on: [OldDuplicateSyn, SynInConnection],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for kind in [EventKind::OldDuplicateSyn, EventKind::SynInConnection] {
        for seen in subject.seen(kind) {
            let message = format!("an old SYN of the {} came {}", seen.endpoint.name(), seen.times());
            found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
        }
    }
}
