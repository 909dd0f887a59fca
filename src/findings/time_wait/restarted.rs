//! TW08

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A FIN came again in TIME-WAIT and was acknowledged again: 2 MSL starts anew.
    ///
    /// # Why it matters
    ///
    /// It proves that the holder's last ACK was lost, and that TIME-WAIT did what it is for.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.10.7.4 (eighth check, TIME-WAIT).
    ///
    /// # Example
    ///
    /// ```text
    /// closed
    /// 1.300 resent #6                      <-- the last ACK was lost
    /// 1.310 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// 9.000 end
    /// ```
    "TW08", "time-wait-restarted", Note,
    on: [TimeWaitRestarted],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::TimeWaitRestarted) {
        let holder = seen.endpoint.other();
        let message = format!(
            "2 MSL of the {} started anew {}: its last ACK was lost",
            holder.name(),
            seen.times()
        );
        found.push(Draft::new(subject, holder, message).seen(&seen));
    }
}
