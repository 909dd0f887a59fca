//! HC06

use crate::findings::closing::close_lost_data::FAREWELL;
use crate::findings::{Draft, ROLES, Subject, counted, human_duration, rule};
use crate::model::{Cause, Confidence, Severity, State, Transition};

rule! {
    /// An endpoint in CLOSE-WAIT sent something, and a RST said that its peer is gone.
    ///
    /// # Why it matters
    ///
    /// The peer had closed both directions (close(), not shutdown()), or had given up FIN-WAIT-2. What the endpoint sent after the
    /// peer's FIN reached nobody. A server that answers late loses the answer without an error in its own log. Where nothing
    /// but its FIN was lost it is a warning, and a note where it was the farewell of TLS (64 octets or less, at once).
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
    when: [Reset],
    excused_by: [Loss, OneSided],
    check
}

/// So soon after the peer's FIN it is a farewell and no late answer, ns.
const AT_ONCE_NS: i64 = 1_000_000_000;

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let met_reset = |step: &&Transition| {
            step.cause == Cause::RstReceived && matches!(step.from, State::CloseWait | State::LastAck)
        };
        let Some(gone) = subject.endpoint(role).transitions.iter().find(met_reset) else {
            continue;
        };
        // Only what was sent after the peer's FIN had arrived was sent to nobody.
        let known = |step: &&Transition| step.proven_by.is_some() && step.proven_by < gone.packet;
        let Some(since) = subject.moved(role, None, State::CloseWait).find(known) else {
            continue;
        };
        let lost = subject.endpoint(role).unacknowledged_bytes.unwrap_or(0);
        // A peer in TIME-WAIT has got the FIN, and only its acknowledgment was lost (TW12).
        let got_fin = |step: &Transition| step.evidence.is_proof();
        if lost == 0 && subject.moved(role.other(), None, State::TimeWait).any(got_fin) {
            continue;
        }
        let met = match (lost, gone.from) {
            (0, State::LastAck) => "; its FIN met nobody".to_owned(),
            (0, _) => continue,
            (lost, _) => format!("; {} reached nobody", counted(lost, "octet")),
        };
        let left = subject.moved(role, Some(State::CloseWait), State::LastAck).next().unwrap_or(gone);
        let message = format!(
            "the {} was in CLOSE-WAIT for {}, and a RST said that its peer is gone{met}",
            role.name(),
            human_duration(left.at.since(since.at))
        );
        let severity = match lost {
            0 => Severity::Warning,
            1..=FAREWELL if gone.at.since(since.at) < AT_ONCE_NS => Severity::Note,
            _ => Severity::Error,
        };
        let draft = Draft::new(subject, role, message).by(gone).limited(Confidence::Likely);
        found.push(draft.severity(subject.severity.min(severity)));
    }
}
