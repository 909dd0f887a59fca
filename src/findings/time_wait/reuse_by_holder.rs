//! TW06

use crate::findings::{Draft, Subject, rule};
use crate::model::{Confidence, ReuseVerdict, Role, Severity, TimeWaitHolder};

rule! {
    /// The holder of TIME-WAIT opened the same 4-tuple again itself.
    ///
    /// # Why it matters
    ///
    /// The permission to leave TIME-WAIT early is for SYNs from the other side. A holder that opens again relies on its own memory:
    /// Linux with `tcp_tw_reuse` does it after a second, if both connections use timestamps; then it is a note only. A host that
    /// does it at once, or without timestamps, has forgotten its TIME-WAIT. After a simultaneous close both hold it, and whoever
    /// opens is a holder.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 (MUST-13, MAY-2); RFC 6191, section 2.
    ///
    /// # Example
    ///
    /// ```text
    /// closed
    /// 1.500 C>S SYN     seq=70000          <-- half a second after its close
    /// 1.510 S>C SYN,ACK seq=9000 ack=70001
    /// 1.520 C>S ACK     seq=70001 ack=9001
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// 99.00 C>S SYN     seq=70000
    /// 99.01 S>C SYN,ACK seq=9000 ack=70001
    /// ```
    "TW06", "reuse-by-holder", Warning,
    on: [],
    when: [Reuse],
    excused_by: [Loss],
    check
}

/// `tcp_tw_reuse` waits for so long, ns: a tick of a timestamp clock in seconds.
const CAREFUL_NS: i64 = 1_000_000_000;

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let Some(reuse) = &subject.connection.reuse else { return };
    // Where both hold TIME-WAIT, TW04 and TW05 tell what is wrong already.
    let both = reuse.time_wait_holder == Some(TimeWaitHolder::Both)
        && matches!(reuse.verdict, ReuseVerdict::LegalByIss | ReuseVerdict::LegalByTimestamp);
    if reuse.verdict != ReuseVerdict::ByHolder && !both {
        return;
    }
    let newer = reuse.tsval_distance.map(|distance| distance > 0);
    let waited = reuse.time_wait_age_ns.is_some_and(|age| age >= CAREFUL_NS);
    let careful = newer == Some(true) && waited;
    let how = match newer {
        Some(true) if waited => "with a newer timestamp",
        Some(true) => "with a newer timestamp, but within a second",
        Some(false) => "with a timestamp that is not newer",
        None => "without the timestamps that make it safe",
    };
    let message = format!("{} came from the holder itself, {how}", super::attempt(reuse));
    // How long TIME-WAIT lasts is the clock's word.
    let draft = Draft::new(subject, Role::Client, message).limited(Confidence::Likely);
    let draft = super::at_syn(draft, subject);
    found.push(if careful { draft.severity(subject.severity.min(Severity::Note)) } else { draft });
}
