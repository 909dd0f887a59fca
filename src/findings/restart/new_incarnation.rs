//! RU01

use crate::findings::{Draft, Subject, rule};
use crate::model::{Role};

rule! {
    /// A 4-tuple that this capture has seen before carries a new connection.
    ///
    /// # Why it matters
    ///
    /// The two are counted apart: late segments of the old one stay with it.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4.1.
    ///
    /// # Example
    ///
    /// ```text
    /// closed
    /// 99.00 C>S SYN     seq=70000          <-- the second connection
    /// 99.01 S>C SYN,ACK seq=9000 ack=70001
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 99.00 C>S PSH,ACK seq=101 ack=301 len=10
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: SYN_after_partial, SYN_after_close, SYN_after_reset; Wireshark: tcp.analysis.reused_ports.
    "RU01", "new-incarnation", Info,
    on: [],
    when: [Reuse],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let Some(reuse) = &subject.connection.reuse else { return };
    let message = format!("the 4-tuple of connection {} carries a new connection", reuse.previous);
    let packet = subject.connection.first_packet;
    found.push(
        Draft::new(subject, Role::Client, message)
            .at(subject.connection.first_time)
            .packets([packet]),
    );
}
