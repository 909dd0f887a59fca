//! TW01

use crate::findings::{Draft, ROLES, Subject, rule};
use crate::model::{State};

rule! {
    /// An endpoint holds TIME-WAIT: it closed first, and both FINs are acknowledged.
    ///
    /// # Why it matters
    ///
    /// For 2 MSL its system answers a FIN that comes again, in case its last ACK was lost, and keeps old segments from being taken
    /// for those of a next connection on the same 4-tuple. Until then the holder cannot open that 4-tuple again without care.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.3.2, 3.6 and 3.6.1.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C FIN,ACK seq=301 ack=102   <-- the client enters TIME-WAIT
    /// 1.020 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S RST,ACK seq=101 ack=301
    /// ```
    "TW01", "time-wait-entered", Info,
    on: [],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        if let Some(entered) = subject.moved(role, None, State::TimeWait).next() {
            let message = format!("the {} holds TIME-WAIT", role.name());
            found.push(Draft::new(subject, role, message).by(entered));
        }
    }
}
