//! RU06

use crate::findings::{Draft, ROLES, Subject, counted, human_duration, rule};
use crate::model::{Confidence, Outcome, State};

rule! {
    /// An endpoint fell silent: data was sent to it again and again, and it never answered until the end.
    ///
    /// # Why it matters
    ///
    /// The host is gone, or nothing gets through to it or back. The sender repeats its data for minutes before it gives up, and no
    /// segment shows the moment at which it does.
    ///
    /// # What to do
    ///
    /// Find the last segment of the silent side, and what happened on the path at that time.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.8.3 (R2) and section 3.5.1.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10   <-- nobody answers from here on
    /// 1.300 resent #4
    /// 2.000 resent #4
    /// 9.000 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.300 resent #4
    /// 1.310 S>C ACK     seq=301 ack=111
    /// 9.000 end
    /// ```
    "RU06", "peer-silent", Warning,
    on: [],
    when: [AnswerOwed],
    excused_by: [Loss, OneSided],
    check
}

/// Asked so often without an answer: one loss, or one delayed acknowledgment, explains less.
const ASKED: u64 = 3;

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let Some(owed) = subject.endpoint(role).owes_answer else { continue };
        let waited = subject.end.since(owed.since);
        let open = !matches!(
            subject.endpoint(role.other()).state,
            State::FinWait1 | State::Closing | State::LastAck | State::SynSent | State::SynReceived
        );
        if owed.only_probes
            || owed.asked < ASKED
            || waited < subject.thresholds.unanswered_ns
            || !open
            || subject.endpoint(role).packets == 0
            || subject.endpoint(role).state == State::Closed
            || subject.connection.outcome == Outcome::Closed
        {
            continue;
        }
        let message = format!(
            "the {} has not answered for {}+; {} went unanswered",
            role.name(),
            human_duration(waited),
            counted(owed.asked, "segment")
        );
        let draft = Draft::new(subject, role, message).at(owed.since).count(owed.asked);
        found.push(draft.packets([owed.packet]).limited(Confidence::Likely));
    }
}
