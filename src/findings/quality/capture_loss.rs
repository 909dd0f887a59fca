//! CP02

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// Octets were acknowledged that the capture does not hold: segments are missing in it.
    ///
    /// # Why it matters
    ///
    /// The receiver had them, so the network did not lose them; the capture did. What other rules find in this connection
    /// may be explained by it and is graded down.
    ///
    /// # What to do
    ///
    /// See whether the capture program reported drops. Use a larger buffer (`tcpdump -B`), a shorter snap length, or a
    /// filter. A mirror port drops what is more than its own line rate.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4 (an acknowledgment covers all octets before it).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 S>C ACK     seq=301 ack=1101       <-- of the client's 1000 octets the capture has none
    /// 1.010 C>S PSH,ACK seq=1101 ack=301 len=10
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=201 ack=301 len=100
    /// 1.300 C>S PSH,ACK seq=101 ack=301 len=100
    /// 1.310 S>C ACK     seq=301 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: reassembly_seq_gap; Zeek: pending_data_when_closed, above_hole_data_without_any_acks,
    /// excessive_data_without_further_acks; Wireshark: tcp.analysis.lost_segment, tcp.analysis.ack_lost_segment.
    "CP02", "capture-loss", Note,
    on: [CaptureLoss],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let missed = subject.connection.quality.missed_bytes;
    // They may have come later: then the capture is out of order (CP04).
    let Some(first) = subject.seen(EventKind::CaptureLoss).min_by_key(|seen| seen.at) else {
        return;
    };
    if missed == 0 {
        return;
    }
    let count = subject.seen(EventKind::CaptureLoss).map(|seen| seen.count).sum();
    let message = format!("{missed} B were acknowledged that the capture does not hold");
    found.push(Draft::new(subject, None, message).seen(&first).count(count));
}
