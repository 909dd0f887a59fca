//! HC04

use crate::findings::{Draft, ROLES, Subject, human_duration, rule};
use crate::model::{State};

rule! {
    /// An endpoint was in FIN-WAIT-2 for longer than a closed socket stays there.
    ///
    /// # Why it matters
    ///
    /// It has closed and waits for the peer's FIN. If its program called close() the system does not wait for ever: Linux forgets
    /// such an orphan after 60 s (`tcp_fin_timeout`) without telling anybody. What the peer sends then is answered by a RST, and the
    /// port can come back as a SYN against a peer that is still in CLOSE-WAIT.
    ///
    /// # What to do
    ///
    /// Look at the other side: it is in CLOSE-WAIT (HC02, HC03).
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6, and the note in section 3.3.2 on FIN-WAIT-2.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102   <-- FIN-WAIT-2 begins
    /// 91.00 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 40.00 end
    /// ```
    "HC04", "fin-wait-2-long", Warning,
    on: [],
    excused_by: [Loss, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for role in ROLES {
        let endpoint = subject.endpoint(role);
        let dwell = endpoint.dwell_ns.get(State::FinWait2).unwrap_or(0);
        if dwell < subject.thresholds.fin_wait_2_ns {
            continue;
        }
        if let Some(entered) = subject.moved(role, None, State::FinWait2).next() {
            let still = endpoint.state == State::FinWait2;
            let message = format!(
                "the {} {} in FIN-WAIT-2 for {}{}",
                role.name(),
                if still { "is" } else { "was" },
                human_duration(dwell),
                if still { "+; an orphaned socket is gone by now" } else { "" }
            );
            found.push(Draft::new(subject, role, message).by(entered));
        }
    }
}
