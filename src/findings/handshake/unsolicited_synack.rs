//! HS16

use crate::findings::{Draft, Subject, rule};
use crate::model::{Outcome, Role, RolesFrom};

rule! {
    /// A SYN-ACK came for which the capture shows no SYN, and its addressee rejects it with RST or says nothing.
    ///
    /// # Why it matters
    ///
    /// The addressee never asked: somebody sends SYNs with its address as their source, and these are the answers
    /// (backscatter of a flood, or of a scan with forged addresses). Or the SYN took a way past this tap.
    ///
    /// # What to do
    ///
    /// Many from different servers: the address is used in a forged flood elsewhere; nothing is wrong at either end.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5.2 and 3.10.7.1; RFC 4987, section 2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 S>C SYN,ACK seq=300 ack=101        <-- no SYN before it
    /// 0.001 C>S RST     seq=101
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 S>C SYN,ACK seq=300 ack=101
    /// 0.010 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: connection_originator_SYN_ack, unsolicited_SYN_response.
    "HS16", "unsolicited-synack", Warning,
    on: [],
    when: [Midstream],
    excused_by: [Loss, OneSided, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let handshake = &connection.handshake;
    let begins_so = match connection.roles_from {
        RolesFrom::SynAck => true,
        RolesFrom::Syn | RolesFrom::Guess => false,
    };
    let (client, server) = (subject.endpoint(Role::Client), subject.endpoint(Role::Server));
    // A server that goes on has been answered, if only past this tap.
    let only_syn_acks = server.payload_bytes == 0 && server.fin_packet.is_none();
    if !begins_so || handshake.syn_packet.is_some() || handshake.ack_packet.is_some() || !only_syn_acks {
        return;
    }
    let message = match connection.outcome {
        Outcome::Reset if client.packets > 0 && client.payload_bytes == 0 => {
            "a SYN-ACK without a SYN, which the addressee rejected with RST"
        }
        _ if client.packets == 0 => "a SYN-ACK without a SYN, to which the addressee said nothing",
        _ => return,
    };
    let draft = Draft::new(subject, Role::Server, message).at(connection.first_time);
    found.push(draft.packets(handshake.syn_ack_packet));
}
