//! FN13

use crate::findings::{Draft, ROLES, Subject, counted, rule};
use crate::model::{Cause, Role, Severity, State, Transition};

rule! {
    /// A RST destroyed data: octets were sent that their receiver never acknowledged before it reset the connection.
    ///
    /// # Why it matters
    ///
    /// What was on the way is lost, and often what had arrived and was not read as well. The usual cause is a program that calls
    /// close() although the peer still sends, or before it has read everything: its system answers the rest with a RST.
    /// Sixty-four octets or less are a note only: that is the farewell of TLS, which nobody misses.
    ///
    /// # What to do
    ///
    /// Let the program that resets call shutdown() for its own direction and read until the end of stream before it closes.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 (SHLD-3); RFC 2525, section 2.17.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.001 S>C PSH,ACK seq=301 ack=101 len=1000
    /// 1.010 C>S RST     seq=102                     <-- the answer of a socket that is closed
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 S>C PSH,ACK seq=301 ack=101 len=1000
    /// 1.010 C>S ACK     seq=101 ack=1301
    /// 1.020 C>S RST,ACK seq=101 ack=1301
    /// ```
    "FN13", "close-lost-data", Warning,
    on: [],
    when: [Reset],
    excused_by: [Loss, OneSided],
    check
}

/// Octets of a closing alert of TLS, with room for its padding.
pub(in crate::findings) const FAREWELL: u64 = 64;

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let Some(reset) = reset_of(subject, role) else { continue };
        let sender = subject.endpoint(role.other());
        let lost = sender.unacknowledged_bytes.unwrap_or(0);
        if lost == 0 || subject.knows_nothing(role) || !subject.connection.handshake.complete || peer_was_in_close_wait(subject, role) {
            continue;
        }
        let message = format!(
            "the {} reset the connection: {} of the {} were never acknowledged",
            role.name(),
            counted(lost, "octet"),
            role.other().name()
        );
        let mut draft = Draft::new(subject, role, message).by(reset);
        if lost <= FAREWELL {
            draft = draft.severity(Severity::Note);
        }
        found.push(draft);
    }
}

/// The change by which a side that reset the connection left it.
fn reset_of<'a>(subject: &Subject<'a>, role: Role) -> Option<&'a Transition> {
    let mut steps = subject.endpoint(role).transitions.iter();
    steps.find(|step| step.cause == Cause::RstSent && step.from != State::TimeWait && step.from != State::SynReceived)
}

/// HC06 tells of the data that met nobody after a half-close.
fn peer_was_in_close_wait(subject: &Subject<'_>, role: Role) -> bool {
    let peer = role.other();
    let knew_since = subject.moved(peer, None, State::CloseWait).find_map(|step| step.proven_by);
    let met_reset = |step: &Transition| step.cause == Cause::RstReceived && step.packet > knew_since;
    knew_since.is_some() && subject.moved(peer, Some(State::CloseWait), State::Closed).any(met_reset)
}
