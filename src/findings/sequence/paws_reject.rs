//! SQ04

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A segment is older, by its timestamp, than what its receiver already has: PAWS drops it.
    ///
    /// # Why it matters
    ///
    /// PAWS keeps old duplicates out. On segments that are not old it makes a connection stall: behind a NAT whose hosts
    /// have different clocks, after a proxy changed hosts, or where somebody injects segments.
    ///
    /// # What to do
    ///
    /// See whether the same octets come again with a newer TSval. If a connection never gets past this, look for two hosts
    /// behind one address.
    ///
    /// # Reference
    ///
    /// RFC 7323, sections 5.2 and 5.3 (R1).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 ts=5000/0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 ts=70/5000
    /// 0.020 C>S ACK     seq=101 ack=301 ts=5020/70
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10 ts=6000/70
    /// 1.010 S>C ACK     seq=301 ack=111 ts=1070/6000
    /// 2.000 C>S PSH,ACK seq=111 ack=301 len=10 ts=5500/1070    <-- older than 6000
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 ts=5000/0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 ts=70/5000
    /// 0.020 C>S ACK     seq=101 ack=301 ts=5020/70
    /// 1.000 C>S PSH,ACK seq=111 ack=301 len=10 ts=6001/70
    /// 1.001 C>S PSH,ACK seq=101 ack=301 len=10 ts=6000/70
    /// 1.010 S>C ACK     seq=301 ack=121 ts=1070/6000
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: pkt_invalid_timestamp; Snort: 129:4.
    "SQ04", "paws-reject", Warning,
    on: [OldTimestamp, PawsRejected],
    excused_by: [Duplicates, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::OldTimestamp) {
        let message = format!(
            "the {} sent segments older than its own SYN by their timestamps, {}{}: PAWS drops them",
            seen.endpoint.name(),
            seen.times(),
            seen.span()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
    for seen in subject.seen(EventKind::PawsRejected) {
        let message = format!(
            "the {} sent new octets with timestamps older than before, {}{}: PAWS drops them",
            seen.endpoint.name(),
            seen.times(),
            seen.span()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
