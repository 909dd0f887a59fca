//! SQ02

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A segment acknowledges octets far beyond anything its peer sent.
    ///
    /// # Why it matters
    ///
    /// The peer drops it and answers with an ACK. Where that goes on from both sides it is an ACK storm: both ends are out
    /// of step, after a hijacked or injected segment or a restart of one of them.
    ///
    /// # What to do
    ///
    /// Find the first such segment and what came just before it.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4 (fifth check); RFC 5961, section 5.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 S>C ACK     seq=301 ack=111
    /// 1.100 C>S PSH,ACK seq=111 ack=900000000 len=10    <-- the server has sent nothing like that
    /// 1.200 C>S PSH,ACK seq=111 ack=301 len=10
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S ACK     seq=101 ack=1301
    /// 1.010 S>C PSH,ACK seq=1301 ack=101 len=10
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: est_invalid_ack, pkt_invalid_ack, fin1_invalid_ack, fin2_invalid_ack, closing_invalid_ack,
    /// lastack_invalid_ack, closewait_invalid_ack; Snort: 129:17.
    "SQ02", "ack-beyond-sent", Warning,
    on: [AckBeyondSent],
    excused_by: [Loss, CutStart, OneSided, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::AckBeyondSent) {
        let message = format!(
            "the {} acknowledged what the {} never sent, {}{}",
            seen.endpoint.name(),
            seen.endpoint.other().name(),
            seen.times(),
            seen.span()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
