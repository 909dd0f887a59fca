//! RU04

use crate::findings::{Draft, Subject, rule};

rule! {
    /// A SYN came for a 4-tuple whose old connection the receiver has not closed: it is in CLOSE-WAIT or LAST-ACK.
    ///
    /// # Why it matters
    ///
    /// The client's port came back while the server's program still holds the old socket. The server answers with a challenge ACK and
    /// the new connection has to wait or fails; the cause is the program that does not close (HC02, HC03, HC05).
    ///
    /// # What to do
    ///
    /// Find the leak at the server; a client whose FIN-WAIT-2 times out (60 s on Linux) gives the port away long before.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.1; RFC 5961, section 4.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 90.00 C>S SYN     seq=90000          <-- the server is still in CLOSE-WAIT
    /// 90.01 S>C ACK     seq=301 ack=102
    /// 91.00 resent #6
    /// 91.01 S>C ACK     seq=301 ack=102
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// 7.000 C>S SYN     seq=70000
    /// 7.010 S>C SYN,ACK seq=65839 ack=70001
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: shutdown_syn_resend.
    "RU04", "syn-against-close-wait", Error,
    on: [],
    when: [Reuse],
    excused_by: [Loss],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    super::against(subject, super::Met::Closing, found);
}
