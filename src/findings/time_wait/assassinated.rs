//! TW07

use crate::findings::{Draft, ROLES, Subject, human_duration, rule};
use crate::model::{Cause, State, Transition};

rule! {
    /// A RST ended TIME-WAIT before its time.
    ///
    /// # Why it matters
    ///
    /// From then on nothing protects a next connection on the same 4-tuple from old segments. Nobody has to forge that RST: an old
    /// segment that reaches the holder is answered by an ACK, and the peer, which knows the connection no longer, answers that by
    /// a RST.
    ///
    /// # What to do
    ///
    /// On Linux `net.ipv4.tcp_rfc1337=1` makes TIME-WAIT ignore RSTs.
    ///
    /// # Reference
    ///
    /// RFC 1337, sections 2 and 3; RFC 9293, section 3.10.7.4 (TIME-WAIT, second check).
    ///
    /// # Example
    ///
    /// ```text
    /// closed
    /// 2.000 S>C PSH,ACK seq=201 ack=102 len=10
    /// 2.010 C>S ACK     seq=102 ack=302
    /// 2.020 S>C RST     seq=302                 <-- the peer knows no connection any more
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// 2.000 S>C RST     seq=90000302
    /// ```
    "TW07", "time-wait-assassinated", Warning,
    on: [],
    when: [Reset],
    excused_by: [OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let killed = subject
            .moved(role, Some(State::TimeWait), State::Closed)
            .find(|step| step.cause == Cause::RstReceived);
        let Some(killed) = killed else { continue };
        // A RST from a peer that was still closing is its abort, not the accident of RFC 1337.
        let aborts = |step: &Transition| step.cause == Cause::RstSent && step.packet == killed.packet;
        // TW05 tells of a RST that answered the refusal of a new SYN.
        let refused = subject.connection.successor.is_some_and(|next| next.reset_packet == killed.packet);
        if refused || subject.moved(role.other(), None, State::Closed).any(aborts) {
            continue;
        }
        let age = subject
            .moved(role, None, State::TimeWait)
            .next()
            .map_or(0, |entered| killed.at.since(entered.at));
        let doubt = if killed.evidence.is_proof() { "" } else { ", unless it ignores RSTs there" };
        let message = format!(
            "a RST ended the TIME-WAIT of the {} after {}{doubt}",
            role.name(),
            human_duration(age)
        );
        found.push(Draft::new(subject, role, message).by(killed));
    }
}
