//! FN02

use crate::findings::{Draft, ROLES, Subject, rule};
use crate::model::{State};

rule! {
    /// An endpoint closed second: it sent its FIN after it had received the peer's.
    ///
    /// # Why it matters
    ///
    /// It spent the time from the peer's FIN to its own in CLOSE-WAIT, and passes LAST-ACK. It holds no TIME-WAIT.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6, case 2 and figure 12.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C FIN,ACK seq=301 ack=102   <-- the server closes second
    /// 1.020 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Wireshark: tcp.connection.fin_passive.
    "FN02", "close-second", Info,
    on: [],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        if let Some(step) = subject.moved(role, Some(State::CloseWait), State::LastAck).next() {
            found.push(Draft::new(subject, role, format!("the {} closed second", role.name())).by(step));
        }
    }
}
