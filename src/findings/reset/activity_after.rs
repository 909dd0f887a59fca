//! RS05

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// The sender of a RST went on talking as if it had sent none.
    ///
    /// # Why it matters
    ///
    /// A host that resets a connection knows it no longer. Somebody else sent that RST in its name.
    ///
    /// # What to do
    ///
    /// Compare TTL and IP identification of the RST with those of the segments around it.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.3; RFC 5961, section 3.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101
    /// 1.400 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.410 S>C ACK     seq=301 ack=111     <-- the server never sent that RST
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101
    /// 1.400 S>C RST,ACK seq=301 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: FIN_after_reset, data_after_reset; Snort: 129:7, 129:18.
    "RS05", "activity-after-reset", Warning,
    on: [ActivityAfterReset],
    excused_by: [Loss, Duplicates, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::ActivityAfterReset) {
        let message = format!("the {} went on after a RST in its name, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
