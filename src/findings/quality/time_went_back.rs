//! CP08

use crate::findings::{Draft, Subject, rule, times};
use crate::model::Severity;
use crate::time::human_duration;

/// Shorter steps come from several receive queues, ns.
const QUEUES_NS: i64 = 1_000_000;

rule! {
    /// Segments of the connection have time stamps before that of the segment captured before them.
    ///
    /// # Why it matters
    ///
    /// The clock of the capturing host was set back, or the capture was merged from parts that are not in order. Durations
    /// and the order of segments are doubtful there; durations below zero are shown as zero. Steps below a millisecond come
    /// from capturing on several processors and are a note.
    ///
    /// # What to do
    ///
    /// If parts were merged: sort them by time (`reordercap`). If the clock was set: let it slew instead, and capture again.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4 (order is that of sequence numbers, whatever the times say).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 0.500 S>C ACK     seq=301 ack=111
    /// 1.010 C>S PSH,ACK seq=111 ack=301 len=10
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.000 S>C ACK     seq=301 ack=111
    /// ```
    "CP08", "time-went-back", Warning,
    on: [],
    when: [TimeStepsBack],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let (steps, longest) = (
        connection.quality.time_steps_back,
        connection.quality.longest_step_back_ns,
    );
    if steps == 0 {
        return;
    }
    let message = format!(
        "time stamps go back {}, by up to {}",
        times(steps),
        human_duration(longest)
    );
    let draft = Draft::new(subject, None, message)
        .at(connection.first_time)
        .count(steps);
    found.push(if longest < QUEUES_NS {
        draft.severity(subject.severity.min(Severity::Note))
    } else {
        draft
    });
}
