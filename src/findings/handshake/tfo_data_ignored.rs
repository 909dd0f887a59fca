//! HS11

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// The SYN-ACK did not take the payload of the SYN.
    ///
    /// # Why it matters
    ///
    /// Nothing is lost: the client sends the payload again. But Fast Open saved nothing. The server does not know it, the
    /// cookie had expired, or a middlebox stripped the option or the payload.
    ///
    /// # What to do
    ///
    /// If it is always so with one server: see whether Fast Open is on there, and whether the option arrives.
    ///
    /// # Reference
    ///
    /// RFC 7413, sections 4.1.2 and 4.2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 tfo=8 len=50
    /// 0.010 S>C SYN,ACK seq=300 ack=101        <-- not 151
    /// 0.020 C>S PSH,ACK seq=101 ack=301 len=50
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 tfo=8 len=50
    /// 0.010 S>C SYN,ACK seq=300 ack=151
    /// 0.020 C>S ACK     seq=151 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_synack_tfo_data_ignored; Wireshark: tcp.analysis.tfo_ignored.
    "HS11", "tfo-data-ignored", Note,
    on: [SynDataIgnored],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::SynDataIgnored) {
        let message = format!(
            "the {}'s SYN-ACK did not take the {} B on the SYN: they have to be sent again",
            seen.endpoint.name(),
            subject.connection.handshake.syn_data_bytes
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
