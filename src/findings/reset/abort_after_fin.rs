//! RS09

use crate::findings::{Draft, Subject, rule};

rule! {
    /// An endpoint reset the connection after it had sent its FIN.
    ///
    /// # Why it matters
    ///
    /// Its program called close(), and something arrived afterwards that nobody reads any more; or the program aborted the close. The
    /// peer cannot tell whether everything it sent was read.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 (SHLD-3).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 1.020 C>S RST,ACK seq=102 ack=301   <-- after its own FIN
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 1.020 S>C RST,ACK seq=301 ack=102
    /// ```
    "RS09", "abort-after-fin", Note,
    on: [],
    when: [Reset],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    if let Some((role, step)) = super::ending(subject).filter(|(role, _)| super::had_closed(subject, *role)) {
        let message = format!("the {} reset the connection after its own FIN", role.name());
        found.push(Draft::new(subject, role, message).by(step));
    }
}
