//! RS03

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A RST came inside the window, but not with the exact number.
    ///
    /// # Why it matters
    ///
    /// Its receiver does not believe it: it asks by a challenge ACK, and only a RST with the exact number ends the connection. Blind
    /// attackers send such RSTs; so does a peer whose newest segments were lost.
    ///
    /// # Reference
    ///
    /// RFC 5961, section 3.2; RFC 9293, section 3.10.7.4 (second check).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST     seq=1301          <-- in the window
    /// 1.010 C>S ACK     seq=101 ack=301
    /// 1.200 S>C PSH,ACK seq=301 ack=101 len=10
    /// 1.210 C>S ACK     seq=101 ack=311
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST     seq=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Snort: rsts_in_window.
    "RS03", "reset-challenged", Note,
    on: [ResetInWindow],
    excused_by: [Loss, CutStart, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::ResetInWindow) {
        let answered = subject
            .seen(EventKind::ResetChallenged)
            .any(|challenge| challenge.endpoint == seen.endpoint.other());
        let message = format!(
            "a RST of the {} was in the window, but not exact, {}; {}",
            seen.endpoint.name(),
            seen.times(),
            if answered { "a challenge ACK answered it" } else { "nothing answered it" }
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
