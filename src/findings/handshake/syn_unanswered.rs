//! HS13

use crate::findings::{Draft, Subject, rule};
use crate::model::{Confidence, Outcome, ReuseVerdict, Role, State};
use crate::time::human_duration;

rule! {
    /// Nobody answered the SYN.
    ///
    /// # Why it matters
    ///
    /// The client's program hangs in its connect call until it times out, often for minutes. A host that is down, a
    /// firewall that drops in silence, a full SYN queue and a wrong route all look like this; so does a port scan.
    ///
    /// # What to do
    ///
    /// Capture at the server. If the SYN arrives there, look at its firewall and its SYN queue; if not, at the path.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.8.3 (R2 for SYNs: at least three minutes).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100                <-- and again, and again
    /// 1.000 resent #1
    /// 3.000 resent #1
    /// 9.000 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 1.000 resent #1
    /// 1.500 end
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: S0.
    "HS13", "syn-unanswered", Warning,
    on: [],
    when: [Unanswered],
    excused_by: [],
    check
}

/// Whether a single SYN waited so long that it is unanswered: shortly before the end it may just be on its way over a slow path.
pub(in crate::findings) fn is_long(waited: i64, patience: i64) -> bool {
    waited >= patience.saturating_mul(3)
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    if connection.outcome != Outcome::Unanswered {
        return;
    }
    // Old numbers did answer it (TW05, RU02, RU04), or TIME-WAIT explains the silence (TW05).
    let elsewhere = connection.reuse.as_ref().is_some_and(|reuse| {
        reuse.refused_by_packet.is_some() || reuse.verdict == ReuseVerdict::Unanswered
    });
    if elsewhere {
        return;
    }
    // The next SYN on the same 4-tuple ends the wait.
    let given_up = subject.moved(Role::Client, None, State::Closed).next();
    let until = given_up.map_or(subject.end, |step| step.at);
    let waited = until.since(connection.first_time);
    let copies = u64::from(connection.handshake.syn_retransmissions);
    let patience = subject.thresholds.unanswered_ns;
    let quiet = until.since(connection.last_time) >= patience || copies >= 2;
    if !quiet || (copies == 0 && !is_long(waited, patience)) {
        return;
    }
    let message = match copies {
        0 => format!(
            "nobody answered the SYN within {}; the client did not retransmit it",
            human_duration(waited)
        ),
        _ => format!(
            "nobody answered {} SYNs over {}; {} until the end",
            copies + 1,
            human_duration(connection.last_time.since(connection.first_time)),
            human_duration(waited)
        ),
    };
    let draft = Draft::new(subject, Role::Server, message).limited(Confidence::Likely);
    let draft = draft.at(connection.first_time).count(copies + 1);
    found.push(draft.packets(connection.handshake.syn_packet));
}
