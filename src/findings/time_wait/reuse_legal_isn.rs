//! TW02

use crate::findings::{Draft, Subject, rule};
use crate::model::{ReuseVerdict};

rule! {
    /// A new connection took the 4-tuple over from TIME-WAIT, and may: its ISS is beyond all sequence numbers of the old one.
    ///
    /// # Why it matters
    ///
    /// The holder of TIME-WAIT may accept such a SYN at once if its own ISS is beyond its old numbers, too: no old segment can then
    /// be mistaken for one of the new connection. The SYN-ACK of a Linux holder starts 65 537 beyond its old SND.NXT, which proves that it did.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 (MAY-2); RFC 1122, section 4.2.2.13; RFC 6191, section 2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.020 C>S ACK     seq=101 ack=301
    /// 1.000 S>C FIN,ACK seq=301 ack=101
    /// 1.010 C>S FIN,ACK seq=101 ack=302
    /// 1.020 S>C ACK     seq=302 ack=102
    /// 7.000 C>S SYN     seq=70000          <-- six seconds into TIME-WAIT, higher ISS
    /// 7.010 S>C SYN,ACK seq=65839 ack=70001
    /// 7.020 C>S ACK     seq=70001 ack=65840
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.020 C>S ACK     seq=101 ack=301
    /// 1.000 S>C FIN,ACK seq=301 ack=101
    /// 1.010 C>S FIN,ACK seq=101 ack=302
    /// 1.020 S>C ACK     seq=302 ack=102
    /// 99.00 C>S SYN     seq=70000
    /// 99.01 S>C SYN,ACK seq=65839 ack=70001
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: shutdown_syn_resend; Zeek: SYN_after_close, premature_connection_reuse.
    "TW02", "reuse-legal-isn", Info,
    on: [],
    when: [Reuse],
    excused_by: [Loss],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    super::reused(subject, ReuseVerdict::LegalByIss, "legal: its ISS is beyond the old numbers", found);
}
