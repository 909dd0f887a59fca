//! HS09

use crate::findings::{Draft, Subject, rule};
use crate::model::{EventKind, Role};

rule! {
    /// An endpoint sent payload, not on its SYN, before it could know that the handshake was done.
    ///
    /// # Why it matters
    ///
    /// A server that sends before the client's ACK has skipped SYN-RECEIVED: without Fast Open a stack does not do that.
    /// Payload right behind the SYN-ACK is also how an answer is forged: who injects it wins the race against the
    /// server (Suricata calls that `3whs_ack_data_inject`; it is no rule of its own here).
    ///
    /// # What to do
    ///
    /// Compare TTL and IP identification of the SYN-ACK with those of the payload. Equal: the client's ACK took another
    /// way than past this tap.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5 and 3.10.7.4 (fifth check); RFC 7413, section 4.2 (Fast Open).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.011 S>C PSH,ACK seq=301 ack=101 len=40    <-- no ACK of the client yet
    /// 0.020 C>S ACK     seq=101 ack=341
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 tfo=8 len=50
    /// 0.001 S>C SYN,ACK seq=300 ack=151
    /// 0.002 S>C PSH,ACK seq=301 ack=151 len=20
    /// 0.050 C>S ACK     seq=151 ack=321
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_ack_data_inject; Zeek: data_before_established.
    "HS09", "data-before-established", Warning,
    on: [DataBeforeEstablished],
    excused_by: [Loss, CutStart, OneSided, ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::DataBeforeEstablished) {
        // Of a peer that the capture does not show the ACK is not shown either.
        if subject.endpoint(seen.endpoint.other()).packets == 0 {
            continue;
        }
        let waited_for = match seen.endpoint {
            Role::Client => "an answer to its SYN",
            Role::Server => "the ACK that completes the handshake",
        };
        let message = format!(
            "the {} sent payload before {waited_for}, {}",
            seen.endpoint.name(),
            seen.times()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
