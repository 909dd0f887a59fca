//! PB03

use crate::findings::{Draft, ROLES, Subject, rule};
use crate::model::{Confidence, State};
use crate::time::human_duration;

/// So many probes without an answer are no loss any more;
const PROBES: u64 = 3;
/// nor are so many, if the prober gave up over them.
const PROBES_GIVEN_UP: u64 = 2;

rule! {
    /// Keepalive or window probes were not answered.
    ///
    /// # Why it matters
    ///
    /// A live endpoint answers every probe at once. This one is gone without a word: a crash, power or cable, a firewall
    /// or NAT that forgot the connection. The prober gives up after its number of probes and resets; its program sees a
    /// timeout.
    ///
    /// # What to do
    ///
    /// See whether other connections to that host are alive. If they are, look for a firewall or NAT whose idle timeout is
    /// shorter than the keepalive time.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.8.4 (keepalives) and 3.8.6.1 (window probes).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000  C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010  S>C ACK     seq=301 ack=111
    /// 61.000 C>S ACK     seq=110 ack=301
    /// 71.000 C>S ACK     seq=110 ack=301
    /// 81.000 C>S ACK     seq=110 ack=301
    /// 91.000 C>S RST,ACK seq=111 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000  C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010  S>C ACK     seq=301 ack=111
    /// 61.000 C>S ACK     seq=110 ack=301
    /// 71.000 C>S ACK     seq=110 ack=301
    /// 71.010 S>C ACK     seq=301 ack=111
    /// ```
    "PB03", "keepalive-unanswered", Warning,
    on: [],
    when: [AnswerOwed],
    excused_by: [Loss, OneSided, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for silent in ROLES {
        let prober = silent.other();
        let Some(owed) = subject.endpoint(silent).owes_answer else {
            continue;
        };
        let reset = subject.connection.close.reset_by == Some(prober);
        let until = match subject.since(prober) {
            Some(step) if reset => step.at,
            Some(_) | None => subject.end,
        };
        let waited = until.since(owed.since);
        let enough = if reset {
            owed.asked >= PROBES_GIVEN_UP
        } else {
            owed.asked >= PROBES && waited >= subject.thresholds.unanswered_ns
        };
        if !owed.only_probes || !enough {
            continue;
        }
        let ended = match subject.endpoint(prober).state {
            State::Closed if reset => "which gave up with RST".to_owned(),
            state => format!("still in {state} at the end of the capture"),
        };
        let message = format!(
            "the {} has not answered {} probes over {} from the {}, {ended}",
            silent.name(),
            owed.asked,
            human_duration(waited),
            prober.name()
        );
        let draft = Draft::new(subject, silent, message).at(owed.since).count(owed.asked);
        found.push(draft.limited(Confidence::Likely));
    }
}
