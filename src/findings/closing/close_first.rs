//! FN01

use crate::findings::{Draft, Subject, rule};
use crate::model::{CloseKind, State};

rule! {
    /// An endpoint closed first: it sent the first FIN, by the numbers and not by the order at the tap.
    ///
    /// # Why it matters
    ///
    /// Who closes first goes through FIN-WAIT-1 and FIN-WAIT-2 and ends in TIME-WAIT for 2 MSL. Where TIME-WAIT hurts, this is
    /// the side to change.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6, case 1 and figure 12.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301   <-- the client closes first
    /// 1.010 S>C FIN,ACK seq=301 ack=102
    /// 1.020 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.001 S>C FIN,ACK seq=301 ack=101
    /// 1.010 C>S ACK     seq=102 ack=302
    /// 1.011 S>C ACK     seq=302 ack=102
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Wireshark: tcp.connection.fin_active.
    "FN01", "close-first", Info,
    on: [],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let close = &subject.connection.close;
    let Some(role) = close.first_closer.filter(|_| close.kind == Some(CloseKind::ActivePassive)) else {
        return;
    };
    if let Some(step) = subject.moved(role, None, State::FinWait1).next() {
        found.push(Draft::new(subject, role, format!("the {} closed first", role.name())).by(step));
    }
}
