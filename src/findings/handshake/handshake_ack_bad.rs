//! HS08

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// The segment that should complete the handshake does not fit: it acknowledges something else than the server's
    /// SYN, or lies before the client's own SYN.
    ///
    /// # Why it matters
    ///
    /// The server must answer it with a RST or drop it, and stays in SYN-RECEIVED. The client took another SYN-ACK than
    /// the one that passed here, a middlebox rewrites numbers on one way only, or somebody tries to get past a filter
    /// that checks one of the two numbers.
    ///
    /// # What to do
    ///
    /// See whether the server answers with a RST. Capture on both sides of the nearest middlebox and compare numbers.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4 (first and fifth check).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.020 C>S ACK     seq=101 ack=305        <-- ISS + 1 of the server is 301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN         seq=100
    /// 0.010 S>C SYN,ACK     seq=300 ack=101
    /// 0.020 C>S PSH,FIN,ACK seq=101 ack=301 len=10
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_ack_in_wrong_dir, 3whs_async_wrong_seq, 3whs_right_seq_wrong_ack_evasion, 3whs_wrong_seq_wrong_ack,
    /// 4whs_wrong_seq, 4whs_invalid_ack.
    "HS08", "handshake-ack-bad", Error,
    on: [HandshakeAckBad],
    excused_by: [CutStart, OneSided, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::HandshakeAckBad) {
        let message = format!(
            "what should complete the handshake does not fit the SYN-ACK: the {}'s numbers were wrong {}",
            seen.endpoint.name(),
            seen.times()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
