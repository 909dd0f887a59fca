//! FN03

use crate::findings::{Draft, ROLES, Subject, rule};
use crate::model::{Role, State};

rule! {
    /// Both sides closed at the same time: each sent its FIN before the other's arrived.
    ///
    /// # Why it matters
    ///
    /// Both pass CLOSING, and both hold TIME-WAIT unless a RST comes first. It is rare and right. Where it happens often, two programs close on the same
    /// timer.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6, case 3 and figure 13.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301   <-- neither FIN acknowledges the other
    /// 1.001 S>C FIN,ACK seq=301 ack=101
    /// 1.010 C>S ACK     seq=102 ack=302
    /// 1.011 S>C ACK     seq=302 ack=102
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.001 S>C FIN,ACK seq=301 ack=102
    /// 1.010 C>S ACK     seq=102 ack=302
    /// ```
    "FN03", "simultaneous-close", Note,
    on: [],
    when: [Closing],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let closing = |role| subject.moved(role, Some(State::FinWait1), State::Closing).next();
    let Some(step) = ROLES.into_iter().find_map(closing) else { return };
    let fins = ROLES.map(|role| subject.endpoint(role).fin_packet);
    let mut packets: Vec<_> = fins.into_iter().flatten().collect();
    packets.sort_unstable();
    // A RST, or the end of the capture, can come before TIME-WAIT.
    let holds = |role: &Role| subject.moved(*role, None, State::TimeWait).next().is_some();
    let holders: Vec<Role> = ROLES.into_iter().filter(holds).collect();
    let holders = match holders.as_slice() {
        [] => String::new(),
        [one] => format!("; the {} holds TIME-WAIT", one.name()),
        _ => "; both hold TIME-WAIT".to_owned(),
    };
    let message = format!("both sides closed at the same time{holders}");
    let draft = Draft::new(subject, None, message).at(step.at);
    found.push(draft.packets(packets));
}
