//! RS02

use crate::findings::{Draft, Subject, rule};
use crate::model::{EventKind, Severity};

rule! {
    /// A RST came with a sequence number outside the receive window.
    ///
    /// # Why it matters
    ///
    /// Its receiver ignores it. Stacks do not send such a RST: somebody guesses, or it belongs to an earlier connection of the same
    /// 4-tuple. One shortly below the window is a note only: a host that has closed answers every segment in flight with the
    /// number that this one acknowledges.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.3; RFC 5961, section 3.2.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST     seq=90000301   <-- far outside
    /// 1.010 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.020 S>C ACK     seq=301 ack=111
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Snort: 129:15.
    "RS02", "reset-out-of-window", Warning,
    on: [ResetOutsideWindow, ResetBelowWindow],
    excused_by: [Loss, CutStart, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::ResetOutsideWindow) {
        let message = format!("a RST of the {} was outside the window, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
    for seen in subject.seen(EventKind::ResetBelowWindow) {
        let message = format!(
            "a RST of the {} answers an older segment, {}",
            seen.endpoint.name(),
            seen.times()
        );
        let draft = Draft::new(subject, seen.endpoint, message).seen(&seen);
        found.push(draft.severity(subject.severity.min(Severity::Note)));
    }
}
