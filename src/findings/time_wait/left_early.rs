//! TW12

use crate::findings::{Draft, ROLES, Subject, human_duration, rule};
use crate::model::{Cause, Confidence, EventKind, State};
use crate::time::Timestamp;

rule! {
    /// An endpoint left TIME-WAIT before 2 MSL: it did not acknowledge a FIN that came again, or answered it with a RST.
    ///
    /// # Why it matters
    ///
    /// The peer in LAST-ACK repeats its FIN until it gives up, or sees a RST instead of an orderly end. Some systems shorten
    /// TIME-WAIT on purpose, some devices in the middle forget connections at the first FIN.
    ///
    /// # What to do
    ///
    /// Compare with the system's own 2 MSL (`--msl`), and look for a device between tap and holder.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 (MUST-13) and section 3.10.7.4 (eighth check, TIME-WAIT).
    ///
    /// # Example
    ///
    /// ```text
    /// closed
    /// 5.000 resent #6
    /// 5.600 resent #6                      <-- the client should have acknowledged it again
    /// 20.00 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// 5.000 resent #6
    /// 5.010 C>S ACK     seq=102 ack=302
    /// 20.00 end
    /// ```
    "TW12", "time-wait-left-early", Warning,
    on: [FinUnansweredInTimeWait],
    when: [Reset],
    excused_by: [Loss, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let Some(entered) = subject.moved(role, None, State::TimeWait).next() else {
            continue;
        };
        let within = |at| {
            let age = at_age(entered.at, at);
            age < subject.time_wait_ns
        };
        let silent = subject
            .seen(EventKind::FinUnansweredInTimeWait)
            .find(|seen| seen.endpoint == role && within(seen.at));
        let reset = subject
            .moved(role, Some(State::TimeWait), State::Closed)
            .find(|step| step.cause == Cause::RstSent && within(step.at));
        if let Some(reset) = reset {
            let message = format!(
                "the {} answered with a RST {} after it had entered TIME-WAIT",
                role.name(),
                human_duration(at_age(entered.at, reset.at))
            );
            found.push(Draft::new(subject, role, message).by(reset));
        } else if let Some(seen) = silent {
            let message = format!(
                "the {} did not acknowledge a FIN that came again {} after it had entered TIME-WAIT",
                role.name(),
                human_duration(at_age(entered.at, seen.at))
            );
            found.push(Draft::new(subject, role, message).seen(&seen).limited(Confidence::Likely));
        }
    }
}

fn at_age(entered: Timestamp, at: Timestamp) -> i64 {
    at.since(entered)
}
