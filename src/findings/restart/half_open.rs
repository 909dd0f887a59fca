//! RU03

use crate::findings::{Draft, Subject, counted, human_duration, rule};
use crate::model::{Confidence, EventKind};

rule! {
    /// A half-open connection was discovered: one side had lost it without a word, and a RST said so when the other went on.
    ///
    /// # Why it matters
    ///
    /// A host crashed or was restarted, its socket was killed, or a device in the middle answers for it after it forgot the connection.
    /// Whatever was sent in between is lost, and the surviving side held its socket for nothing.
    ///
    /// # What to do
    ///
    /// See how long the connection was silent before: a firewall or load balancer with a shorter idle time than the programs' keepalive
    /// is the usual cause.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.1 and figures 9 and 10.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 S>C ACK     seq=301 ack=111
    /// 60.00 S>C PSH,ACK seq=301 ack=111 len=10
    /// 60.01 C>S RST     seq=111                     <-- this host knows no such connection
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.010 S>C ACK     seq=301 ack=111
    /// 60.00 C>S RST,ACK seq=111 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: active_connection_reuse.
    "RU03", "half-open-discovered", Warning,
    on: [ConnectionUnknown],
    when: [Reuse],
    excused_by: [OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::ConnectionUnknown) {
        let role = seen.endpoint;
        if !subject.knows_nothing(role) {
            continue;
        }
        let silent = subject.endpoint(role).silent_before_reset_ns;
        let before = silent.map_or(String::new(), |ns| format!(" after {} of silence", human_duration(ns)));
        let lost = subject.endpoint(role.other()).unacknowledged_bytes.unwrap_or(0);
        let lost = if lost > 0 {
            format!("; {} reached nobody", counted(lost, "octet"))
        } else {
            String::new()
        };
        let message = format!(
            "the {} knows the connection no longer{before}: it answered a segment with a RST{lost}",
            role.name()
        );
        found.push(Draft::new(subject, role, message).seen(&seen).limited(Confidence::Likely));
    }
    super::against(subject, super::Met::HalfOpen, found);
}
