//! RS: RSTs (RFC 9293 section 3.5.3, RFC 5961).

use super::Subject;
use crate::model::{Cause, Outcome, Role, State, Transition};

crate::findings::family! {
    accepted,
    out_of_window,
    challenged,
    ignored,
    activity_after,
    bad_ack,
    with_data,
    no_connection,
    abort_after_fin,
    storm,
    challenge_ack,
}

/// Who reset a connection that was open or being closed, and the change of state that shows it: the sender's own, or its
/// peer's where the sender is not known to have changed.
fn ending<'a>(subject: &Subject<'a>) -> Option<(Role, &'a Transition)> {
    let by = subject.connection.close.reset_by?;
    if subject.connection.outcome != Outcome::Reset {
        return None;
    }
    let reset = |role: Role, cause: Cause| {
        let mut steps = subject.endpoint(role).transitions.iter();
        steps.find(|step| step.cause == cause && step.from != State::TimeWait)
    };
    let step = reset(by, Cause::RstSent).or_else(|| reset(by.other(), Cause::RstReceived))?;
    // A RST by which the opener of the next connection answers old numbers belongs to the story of that one (RU03, RU04).
    if (subject.connection.successor)
        .is_some_and(|next| next.reset_packet.is_some() && next.reset_packet == step.packet)
    {
        return None;
    }
    // Before the handshake is done a RST is a matter of HS12 and HS14.
    let synchronized = !matches!(
        step.from,
        State::Closed | State::Listen | State::SynSent | State::SynReceived
    );
    let listening = subject
        .moved(by.other(), Some(State::SynReceived), State::Listen)
        .any(|step| step.cause == Cause::RstReceived);
    (synchronized && !listening).then_some((by, step))
}

/// Whether this side had sent its FIN.
fn had_closed(subject: &Subject<'_>, role: Role) -> bool {
    subject.endpoint(role).fin_packet.is_some()
}
