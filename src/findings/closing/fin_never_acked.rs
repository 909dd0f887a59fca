//! FN12

use crate::findings::{Draft, ROLES, Subject, human_duration, rule, times};
use crate::model::{Cause, EventKind, State};

rule! {
    /// A FIN was never acknowledged.
    ///
    /// # Why it matters
    ///
    /// Its sender stays in FIN-WAIT-1, CLOSING or LAST-ACK, repeats the FIN and gives up in the end. The peer is gone, or something on
    /// the way drops what it says: a firewall that forgot the connection, a host that vanished.
    ///
    /// # What to do
    ///
    /// Look for the peer's last segment, and for a device between tap and peer that has timed the connection out.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.6 and 3.8.3.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301   <-- nobody answers
    /// 1.300 resent #4
    /// 2.000 resent #4
    /// 9.000 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.300 resent #4
    /// 1.310 S>C ACK     seq=301 ack=102
    /// 9.000 end
    /// ```
    "FN12", "fin-never-acked", Warning,
    on: [],
    when: [FinWaits],
    excused_by: [Loss, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let endpoint = subject.endpoint(role);
        let (Some(last), Some(packet)) = (subject.since(role), endpoint.fin_packet) else {
            continue;
        };
        let waits = matches!(endpoint.state, State::FinWait1 | State::Closing | State::LastAck);
        let waited = subject.end.since(last.at);
        if !waits || endpoint.fin_acknowledged != Some(false) || last.cause == Cause::FinReceived || waited < subject.thresholds.unanswered_ns {
            continue;
        }
        let again = subject.seen(EventKind::FinRetransmitted).find(|seen| seen.endpoint == role);
        let sent = again.map_or(1, |seen| seen.count + 1);
        // One FIN shortly before the end may just be on its way over a slow path.
        if sent == 1 && waited < subject.thresholds.unanswered_ns.saturating_mul(3) {
            continue;
        }
        let message = format!(
            "the FIN of the {} was sent {} and not acknowledged for {}+: {}",
            role.name(),
            times(sent),
            human_duration(waited),
            endpoint.state
        );
        found.push(Draft::new(subject, role, message).at(last.at).packets([packet]).count(sent));
    }
}
