//! RU02

use crate::findings::{Draft, Subject, rule};

rule! {
    /// A SYN with another ISS came for a connection that was not over: its receiver was in a synchronized state.
    ///
    /// # Why it matters
    ///
    /// Its sender knows nothing of the old connection: it crashed and came back, its port was given to another program or another host
    /// behind a NAT, or the SYN is forged. The receiver does not take the SYN: it answers with a challenge ACK.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.1 and section 3.10.7.4 (fourth check); RFC 5961, section 4.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S SYN     seq=90000   <-- against an established connection
    /// 1.010 S>C ACK     seq=301 ack=101
    /// 2.000 resent #4
    /// 2.010 S>C ACK     seq=301 ack=101
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S SYN     seq=100
    /// 1.010 S>C ACK     seq=301 ack=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: est_syn_toclient, est_syn_resend_diff_seq, shutdown_syn_resend; Zeek: SYN_seq_jump, SYN_inside_connection,
    /// active_connection_reuse; Snort: 129:1.
    "RU02", "syn-in-synchronized-state", Warning,
    on: [],
    when: [Reuse],
    excused_by: [Loss],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    super::against(subject, super::Met::Synchronized, found);
}
