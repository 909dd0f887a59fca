//! RS07

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A RST carries payload.
    ///
    /// # Why it matters
    ///
    /// It may (the octets can say why), and receivers accept it; few stacks do it. Some devices put a text there.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.3 (SHLD-2).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101 len=20   <-- with a reason in it
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: rst_with_data; Zeek: RST_with_data.
    "RS07", "reset-with-data", Note,
    on: [ResetWithData],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::ResetWithData) {
        let message = format!("a RST of the {} carries payload, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
