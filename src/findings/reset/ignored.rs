//! RS04

use crate::findings::{Draft, ROLES, Subject, times, rule};
use crate::model::{Confidence, EventKind, State};

rule! {
    /// A RST with the right number had no effect: its receiver went on.
    ///
    /// # Why it matters
    ///
    /// Either it was lost behind the tap, or it was forged and lost the race, or the receiver protects itself. Firewalls and censors that
    /// inject RSTs look like this when they fail.
    ///
    /// # What to do
    ///
    /// Compare TTL and IP identification of the RST with those of its supposed sender.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.3.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101    <-- believed by nobody
    /// 1.400 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.410 S>C ACK     seq=301 ack=111
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: suspected_rst_inject.
    "RS04", "reset-ignored", Warning,
    on: [],
    when: [Withdrawn],
    excused_by: [Loss, Duplicates, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    // In SYN-SENT a client may try again although it was refused (HS12); a RST that meets TIME-WAIT is a matter of TW07.
    for role in ROLES {
        let doubtful = |packet| {
            let in_window = subject.seen(EventKind::ResetInWindow).find(|seen| seen.endpoint != role);
            in_window.is_some_and(|seen| seen.packets.contains(&packet) || seen.last_packet == packet)
        };
        let ignored = subject
            .endpoint(role)
            .withdrawn
            .iter()
            .filter(|step| step.by_reset && !matches!(step.from, State::TimeWait | State::SynSent) && !doubtful(step.packet));
        let packets: Vec<_> = ignored.map(|step| step.packet).collect();
        let Some(first) = packets.first().copied() else { continue };
        let message = format!(
            "a RST of the {} had the right number and no effect, {}",
            role.other().name(),
            times(packets.len() as u64)
        );
        let draft = Draft::new(subject, role.other(), message).count(packets.len() as u64);
        found.push(draft.packets([first]).limited(Confidence::Likely));
    }
}
