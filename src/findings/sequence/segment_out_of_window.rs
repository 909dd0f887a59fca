//! SQ01

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A segment lies far outside the receive window.
    ///
    /// # Why it matters
    ///
    /// The receiver drops it and answers with an ACK. It is of an older connection of the same 4-tuple, of a middlebox that
    /// rewrites numbers on some segments only, or somebody guesses numbers. "Far" is more than four windows, or a MiB.
    ///
    /// # What to do
    ///
    /// Compare TTL and IP identification with those of the sender's other segments.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4 (first check) and table 6.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 S>C ACK     seq=301 ack=111
    /// 1.100 C>S PSH,ACK seq=900000000 ack=301 len=10    <-- 900 MB ahead
    /// 1.200 C>S PSH,ACK seq=111 ack=301 len=10
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 S>C ACK     seq=301 ack=111
    /// 1.300 C>S PSH,ACK seq=101 ack=301 len=10
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: est_packet_out_of_window, fin1_ack_wrong_seq, fin2_ack_wrong_seq, closing_ack_wrong_seq,
    /// lastack_ack_wrong_seq, closewait_ack_out_of_window; Zeek: TCP_seq_underflow_or_misorder.
    "SQ01", "segment-out-of-window", Warning,
    on: [SegmentOutsideWindow],
    excused_by: [Loss, CutStart, OneSided, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SegmentOutsideWindow) {
        let message = format!(
            "the {} sent segments far outside the receive window, {}{}",
            seen.endpoint.name(),
            seen.times(),
            seen.span()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
