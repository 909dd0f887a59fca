//! CP01

use crate::findings::{Draft, Subject, rule};
use crate::model::RolesFrom;

rule! {
    /// The beginning of the connection is not in the capture.
    ///
    /// # Why it matters
    ///
    /// Without the SYNs the options are not known, windows cannot be read, and who is the client may be a guess. What other
    /// rules find in such a connection may be explained by what is missing.
    ///
    /// # What to do
    ///
    /// Begin the capture before the connection, or reconnect while it runs.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5; RFC 7323, section 2.2 (window scale stands on SYNs only).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S PSH,ACK seq=101 ack=301 len=10    <-- no SYN before it
    /// 0.010 S>C PSH,ACK seq=301 ack=111 len=10
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: SYN_after_partial, connection_originator_SYN_ack, OTH; Snort: 129:20.
    "CP01", "midstream-pickup", Note,
    on: [],
    when: [Midstream],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    if !connection.quality.midstream {
        return;
    }
    let message = match connection.roles_from {
        RolesFrom::Syn => "the beginning is not in the capture",
        RolesFrom::SynAck => "the client's SYN is not in the capture",
        RolesFrom::Guess => "the handshake is not in the capture: who is the client is a guess",
    };
    let draft = Draft::new(subject, None, message).at(connection.first_time);
    found.push(draft.packets([connection.first_packet]));
}
