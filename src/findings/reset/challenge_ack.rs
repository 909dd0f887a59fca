//! RS11

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// An endpoint answered a SYN or a RST by a challenge ACK: it has a connection whose numbers do not fit.
    ///
    /// # Why it matters
    ///
    /// It is the defence of RFC 5961, and the way in which a half-open connection is found out. The segment that it answers says
    /// whether somebody restarted, reuses a port, or attacks.
    ///
    /// # Reference
    ///
    /// RFC 5961, sections 3.2 and 4.2; RFC 9293, section 3.5.1.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C ACK     seq=9000 ack=5000   <-- the server has an old connection on this 4-tuple
    /// 0.011 C>S RST     seq=5000
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 S>C ACK     seq=301 ack=111
    /// ```
    "RS11", "challenge-ack", Note,
    on: [ResetChallenged, SynChallenged],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for (kind, what) in [(EventKind::SynChallenged, "SYN"), (EventKind::ResetChallenged, "RST")] {
        for seen in subject.seen(kind) {
            let message = format!("the {} answered a {what} by a challenge ACK, {}", seen.endpoint.name(), seen.times());
            found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
        }
    }
}
