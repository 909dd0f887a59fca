//! TW03

use crate::findings::{Draft, Subject, rule};
use crate::model::{ReuseVerdict};

rule! {
    /// A new connection took the 4-tuple over from TIME-WAIT, and may: its timestamp is newer than all of the old one, or
    /// the old one had none.
    ///
    /// # Why it matters
    ///
    /// With timestamps on both connections, PAWS keeps old segments out even where the new sequence numbers overlap the old ones.
    ///
    /// # Reference
    ///
    /// RFC 6191, section 2; RFC 9293, section 3.6.1 (SHLD-4).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 ts=10/20
    /// 0.010 S>C SYN,ACK seq=300 ack=101 ts=20/10
    /// 0.020 C>S ACK     seq=101 ack=301 ts=10/20
    /// 1.000 S>C FIN,ACK seq=301 ack=101 ts=20/10
    /// 1.010 C>S FIN,ACK seq=101 ack=302 ts=10/20
    /// 1.020 S>C ACK     seq=302 ack=102 ts=20/10
    /// 7.000 C>S SYN     seq=50 ts=6010/0          <-- lower ISS, newer timestamp
    /// 7.010 S>C SYN,ACK seq=65839 ack=51 ts=6020/6010
    /// 7.020 C>S ACK     seq=51 ack=65840 ts=6030/6020
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
    /// 7.000 C>S SYN     seq=70000
    /// 7.010 S>C SYN,ACK seq=65839 ack=70001
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: shutdown_syn_resend; Zeek: SYN_after_close, premature_connection_reuse.
    "TW03", "reuse-legal-timestamp", Info,
    on: [],
    when: [Reuse],
    excused_by: [Loss],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let compared = subject.connection.reuse.as_ref().and_then(|reuse| reuse.tsval_distance);
    let judgement = match compared {
        Some(_) => "legal: its timestamp is newer",
        None => "legal: it brings timestamps, and the old connection had none",
    };
    super::reused(subject, ReuseVerdict::LegalByTimestamp, judgement, found);
}
