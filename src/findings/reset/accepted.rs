//! RS01

use crate::findings::{Draft, Subject, rule};

rule! {
    /// A RST ended the connection.
    ///
    /// # Why it matters
    ///
    /// No FIN told the peer that all data had come: whoever resets abandons the connection. Programs do it on purpose (SO_LINGER with
    /// zero), by closing with unread data, or because they crash; devices in the middle do it to connections that they do not want.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5.3 and 3.10.5 (ABORT call).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S RST,ACK seq=101 ack=301   <-- an abort
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S RST,ACK seq=90000101 ack=301
    /// 1.010 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.020 S>C ACK     seq=301 ack=111
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: RSTO, RSTR; Wireshark: tcp.connection.rst.
    "RS01", "reset-accepted", Note,
    on: [],
    when: [Reset],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let ending = super::ending(subject).filter(|(role, _)| !super::had_closed(subject, *role));
    // RU03 tells more of a RST from a host that does not know the connection.
    if let Some((role, step)) = ending.filter(|(role, _)| !subject.knows_nothing(*role)) {
        let from = step.from;
        let message = format!("the {} reset the connection in {from}", role.name());
        found.push(Draft::new(subject, role, message).by(step));
    }
}
