//! HS05

use crate::findings::{Draft, Subject, rule};
use crate::model::{Confidence, EventKind};

rule! {
    /// A SYN-ACK acknowledges something else than the client's SYN.
    ///
    /// # Why it matters
    ///
    /// The client must answer it with a RST, and the connection does not open. The server got another SYN than the one
    /// that passed here, a middlebox rewrote a number on one way only, or the SYN-ACK is forged. Where a right SYN-ACK
    /// follows, the wrong one may have answered an old duplicate SYN, which RFC 9293 allows for: a warning only.
    ///
    /// # What to do
    ///
    /// Capture on both sides of the nearest firewall or NAT and compare the sequence numbers of the SYN.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.3 (first check) and figure 8.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=555        <-- ISS + 1 is 101
    /// 0.020 C>S RST     seq=555
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 tfo=8 len=50
    /// 0.010 S>C SYN,ACK seq=300 ack=151
    /// 0.020 C>S ACK     seq=151 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_synack_resend_with_diff_ack, 3whs_synack_with_wrong_ack, 4whs_synack_with_wrong_ack,
    /// 4whs_synack_with_wrong_syn, est_synack_resend_with_diff_ack; Zeek: bad_SYN_ack.
    "HS05", "synack-bad-ack", Error,
    on: [SynAckBadAck],
    excused_by: [ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let opened = subject.connection.handshake.complete;
    for seen in subject.seen(EventKind::SynAckBadAck) {
        let message = format!(
            "the {} sent a SYN-ACK that does not acknowledge the SYN, {}{}",
            seen.endpoint.name(),
            seen.times(),
            if opened {
                "; a right one followed: it may have answered an old duplicate SYN"
            } else {
                ""
            }
        );
        let draft = Draft::new(subject, seen.endpoint, message).seen(&seen);
        found.push(if opened {
            draft.severity(subject.severity.lower()).limited(Confidence::Likely)
        } else {
            draft
        });
    }
}
