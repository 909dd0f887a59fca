//! HC06

use crate::findings::{Draft, ROLES, Subject, counted, human_duration, rule};
use crate::model::{Cause, Confidence, State};

rule! {
    /// An endpoint in CLOSE-WAIT sent something, and a RST said that its peer is gone.
    ///
    /// # Why it matters
    ///
    /// The peer had closed both directions (close(), not shutdown()), or had given up FIN-WAIT-2. What the endpoint sent after the
    /// peer's FIN reached nobody. A server that answers late loses the answer without an error in its own log.
    ///
    /// # What to do
    ///
    /// The program should treat the end of stream as the end of the conversation unless its protocol says otherwise, and close at once.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 (SHLD-3), and section 3.5.1.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 5.000 S>C PSH,ACK seq=301 ack=102 len=100
    /// 5.010 C>S RST     seq=102                    <-- the client has no such socket any more
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 5.000 S>C RST,ACK seq=301 ack=102
    /// ```
    "HC06", "close-wait-peer-gone", Error,
    on: [],
    excused_by: [Loss, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let gone = subject
            .moved(role, Some(State::CloseWait), State::Closed)
            .find(|step| step.cause == Cause::RstReceived);
        let Some(gone) = gone else { continue };
        // Only what was sent after the peer's FIN had arrived was sent to nobody.
        let Some(since) = subject.moved(role, None, State::CloseWait).find(|step| step.evidence.is_proof()) else {
            continue;
        };
        let waited = gone.at.since(since.at);
        let lost = subject.endpoint(role).unacknowledged_bytes.unwrap_or(0);
        let lost = if lost > 0 {
            format!("; {} reached nobody", counted(lost, "octet"))
        } else {
            String::new()
        };
        let message = format!(
            "the {} was in CLOSE-WAIT for {} when a RST said that its peer is gone{lost}",
            role.name(),
            human_duration(waited)
        );
        found.push(Draft::new(subject, role, message).by(gone).limited(Confidence::Likely));
    }
}
