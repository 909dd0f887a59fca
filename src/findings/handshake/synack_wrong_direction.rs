//! HS06

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A SYN-ACK came from the side that had opened with a SYN, without a SYN of its peer to answer.
    ///
    /// # Why it matters
    ///
    /// Only a SYN makes a host send a SYN-ACK. The client's peer sent none, so somebody else made this segment up: an
    /// attempt to confuse filters about who opened, or a broken middlebox.
    ///
    /// # What to do
    ///
    /// Find who sent it: compare TTL and IP identification with the client's SYN.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5 and figure 5.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.020 C>S SYN,ACK seq=100 ack=301        <-- the client opened; it answers no SYN
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
    /// Suricata: 3whs_synack_in_wrong_direction, 3whs_synack_toserver_on_syn_recv, est_synack_toserver.
    "HS06", "synack-wrong-direction", Error,
    on: [SynAckFromOpener],
    excused_by: [Loss, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SynAckFromOpener) {
        let message = format!(
            "the {}, which had opened with a SYN, sent a SYN-ACK {}",
            seen.endpoint.name(),
            seen.times()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
