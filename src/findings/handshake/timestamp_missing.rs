//! OP05

use crate::findings::{Draft, Subject, rule};
use crate::model::{EventKind, Severity};

rule! {
    /// A segment has no timestamps although both SYNs agreed on them.
    ///
    /// # Why it matters
    ///
    /// Once agreed on, every segment but a RST must carry them, and the receiver should drop one that does not. A segment
    /// without them was often not made by the host whose address it bears: it was injected, or a middlebox made it.
    /// Keepalives of some systems (macOS) leave them out; where no more segments lack them than there are probes, it is a
    /// note.
    ///
    /// # What to do
    ///
    /// Compare TTL and IP identification with the segments before and after it.
    ///
    /// # Reference
    ///
    /// RFC 7323, section 3.2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 ts=10/0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 ts=500/10
    /// 0.020 C>S ACK     seq=101 ack=301 ts=20/500
    /// 0.100 S>C PSH,ACK seq=301 ack=101 len=43    <-- no timestamps
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 ts=10/0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 ts=500/10
    /// 0.020 C>S ACK     seq=101 ack=301 ts=20/500
    /// 0.100 S>C RST     seq=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Snort: 129:14.
    "OP05", "timestamp-missing", Warning,
    on: [TimestampMissing],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::TimestampMissing) {
        let probes = seen.count <= subject.endpoint(seen.endpoint).probes;
        let message = format!(
            "the {} sent segments without timestamps, which both SYNs agreed on, {}{}",
            seen.endpoint.name(),
            seen.times(),
            if probes { ": its keepalives, as some systems do" } else { "" }
        );
        let draft = Draft::new(subject, seen.endpoint, message).seen(&seen);
        found.push(if probes {
            draft.severity(subject.severity.min(Severity::Note))
        } else {
            draft
        });
    }
}
