//! RS08

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A RST came for a connection that its receiver does not have.
    ///
    /// # Why it matters
    ///
    /// It changes nothing. One follows a connection that ended just before, where more segments were under way; a lone one belongs to
    /// something that this capture does not hold.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.1.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S RST,ACK seq=101 ack=301
    /// 1.100 S>C RST     seq=301                <-- there is nothing left to reset
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S RST,ACK seq=101 ack=301
    /// ```
    "RS08", "reset-no-connection", Note,
    on: [ResetNoConnection],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::ResetNoConnection) {
        let message = format!("a RST of the {} met no connection, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
