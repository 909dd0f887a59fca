//! CP04

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// Segments stand in the capture in another order than they passed.
    ///
    /// # Why it matters
    ///
    /// A SYN stands behind the SYN-ACK that answers it, or octets behind their own acknowledgment: that cannot have been.
    /// Several receive queues or two mirrored links, merged without care, do this. The states are told by numbers, not by
    /// order, but times may be off by as much.
    ///
    /// # What to do
    ///
    /// Sort the capture by time (`reordercap`), or capture with one queue.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4 (only what was received is acknowledged).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 S>C SYN,ACK seq=300 ack=101
    /// 0.001 C>S SYN     seq=100                <-- it was answered before it was captured
    /// 0.010 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=201 ack=301 len=100
    /// 1.001 C>S PSH,ACK seq=101 ack=301 len=100
    /// 1.010 S>C ACK     seq=301 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: TCP_seq_underflow_or_misorder.
    "CP04", "capture-reorder", Note,
    on: [CaptureLoss],
    when: [SynBehindAnswer],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let handshake = &connection.handshake;
    if let (Some(syn), Some(answer)) = (handshake.syn_packet, handshake.syn_ack_packet)
        && syn > answer
    {
        let message = "the client's SYN stands in the capture behind the SYN-ACK that answers it";
        found.push(Draft::new(subject, None, message).at(connection.first_time).packets([syn]));
        return;
    }
    if connection.quality.missed_bytes > 0 {
        return; // it cannot be told from loss
    }
    if let Some(seen) = subject.seen(EventKind::CaptureLoss).min_by_key(|seen| seen.at) {
        let message = "octets stand in the capture behind their own acknowledgment";
        found.push(Draft::new(subject, None, message).seen(&seen));
    }
}
