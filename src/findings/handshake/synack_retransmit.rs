//! HS03

use super::accept_queue_overflow;
use crate::findings::{Draft, Subject, rule};
use crate::model::{EventKind, Role};

rule! {
    /// A SYN-ACK was sent again.
    ///
    /// # Why it matters
    ///
    /// The SYN-ACK or the ACK that answers it was lost, or the client never answered. Until that ACK arrives the server
    /// holds the connection in SYN-RECEIVED, and its application knows nothing of it.
    ///
    /// # What to do
    ///
    /// See which side of the tap loses: a client that retransmits its SYN never got the SYN-ACK. Repeats after the
    /// client's ACK are HS18 once there are two.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5 and 3.8.1.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 1.010 resent #2                          <-- no ACK came
    /// 1.020 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.001 S>C SYN     seq=300
    /// 0.020 C>S SYN,ACK seq=100 ack=301
    /// 0.021 S>C SYN,ACK seq=300 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: est_synack_resend.
    "HS03", "synack-retransmit", Note,
    on: [SynAckRetransmitted],
    excused_by: [Duplicates],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let overflow = accept_queue_overflow::repeats(subject).is_some();
    for seen in subject.seen(EventKind::SynAckRetransmitted) {
        if overflow && seen.endpoint == Role::Server {
            continue; // HS18 says it all
        }
        let outcome = match subject.connection.handshake.ack_packet {
            Some(packet) if packet < seen.packets.first().copied().unwrap_or(0) => "after the client's ACK",
            Some(_) => "before the client's ACK",
            None => "no ACK of the client is in the capture",
        };
        let message = format!(
            "the {} retransmitted its SYN-ACK {}{}: {outcome}",
            seen.endpoint.name(),
            seen.times(),
            seen.span()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
