//! TW04

use crate::findings::{Draft, Subject, rule};
use crate::model::{ReuseVerdict};

rule! {
    /// A SYN was accepted on a 4-tuple in TIME-WAIT although nothing sets it apart from the old connection: its timestamp is not
    /// newer, and its ISS, or that of the SYN-ACK, is not beyond the old numbers.
    ///
    /// # Why it matters
    ///
    /// Old segments that are still on the way can be taken for data of the new connection. A host that cut its TIME-WAIT short, or
    /// that lost it (a restart, a load balancer that moved the address), does this; so does one that picks its ISS at random.
    ///
    /// # What to do
    ///
    /// See which host accepted it: its 2 MSL is shorter than `--msl` says, or it has no memory of the old connection.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 (MUST-13; MAY-2, condition 1, on the ISS of the SYN-ACK; SHLD-4) and section 3.4.3; RFC 1122, section
    /// 4.2.2.13; RFC 6191, section 2 (on the SYN).
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
    /// 7.000 C>S SYN     seq=50          <-- lower than the old numbers
    /// 7.010 S>C SYN,ACK seq=9000 ack=51
    /// 7.020 C>S ACK     seq=51 ack=9001
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
    "TW04", "reuse-illegal", Error,
    on: [],
    when: [Reuse],
    excused_by: [Loss],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let distance = subject.connection.reuse.as_ref().and_then(|reuse| reuse.iss_distance);
    let judgement = match distance {
        Some(0..) => "illegal: the SYN-ACK's ISS is not beyond its sender's old numbers, and no timestamp is newer",
        _ => "illegal: neither ISS nor timestamp is beyond the old ones",
    };
    super::reused(subject, ReuseVerdict::Illegal, judgement, found);
}
