//! OP06

use crate::findings::{Draft, Subject, rule};
use crate::model::{EventKind, Severity};

rule! {
    /// A SYN or SYN-ACK came again with other options than before.
    ///
    /// # Why it matters
    ///
    /// A retransmission is the same segment once more. A stack that gets no answer leaves options out, for middleboxes that
    /// choke on them: fewer options, or a smaller MSS, are a note. Options that were added or changed mean that another
    /// program or host sent one of the two, or that something on the way rewrites SYNs.
    ///
    /// # What to do
    ///
    /// Fewer: find out why the first SYN was not answered. Others: compare TTL and IP identification of both.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.1 and 3.8.1; RFC 7323, section 1.3.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 mss=1460
    /// 1.000 C>S SYN     seq=100 mss=1460 ws=9 sackok    <-- more than before
    /// 1.010 S>C SYN,ACK seq=300 ack=101 mss=1460
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 mss=1460 ws=7 ts=10/0
    /// 1.000 C>S SYN     seq=100 mss=1460 ws=7 ts=1010/0
    /// 1.010 S>C SYN,ACK seq=300 ack=101 mss=1460
    /// ```
    "OP06", "options-changed-on-resend", Warning,
    on: [SynOptionsChanged, SynOptionsDropped],
    excused_by: [ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SynOptionsChanged) {
        let message = format!(
            "the {} sent its SYN again with other options, {}",
            seen.endpoint.name(),
            seen.times()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
    for seen in subject.seen(EventKind::SynOptionsDropped) {
        let message = format!(
            "the {} sent its SYN again with fewer options, {}",
            seen.endpoint.name(),
            seen.times()
        );
        let draft = Draft::new(subject, seen.endpoint, message).seen(&seen);
        found.push(draft.severity(subject.severity.min(Severity::Note)));
    }
}
