//! HS07

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// Both sides sent a SYN before they saw the other's: a simultaneous open.
    ///
    /// # Why it matters
    ///
    /// It is legal and rare: peer-to-peer programs do it to pass NATs, and so do two routers that open to each other.
    /// Filters that know only client and server drop it, and many tools show it as broken.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5, figure 7 (MUST-10).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.001 S>C SYN     seq=300                <-- no answer: a SYN of its own
    /// 0.020 C>S SYN,ACK seq=100 ack=301
    /// 0.021 S>C SYN,ACK seq=300 ack=101
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_syn_toclient_on_syn_recv; Zeek: repeated_SYN_with_ack, repeated_SYN_reply_wo_ack, simultaneous_open;
    /// Snort: 129:13.
    "HS07", "simultaneous-open", Note,
    on: [SimultaneousOpen],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SimultaneousOpen) {
        let message = if subject.connection.handshake.complete {
            "both SYNs crossed: a simultaneous open, completed"
        } else {
            "both SYNs crossed: a simultaneous open that was not completed"
        };
        found.push(Draft::new(subject, None, message).seen(&seen));
    }
}
