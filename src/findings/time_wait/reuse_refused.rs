//! TW05

use crate::findings::{Draft, Subject, human_duration, rule};
use crate::model::{Confidence, Outcome, ReuseVerdict, Role};

rule! {
    /// A SYN met TIME-WAIT and was refused: old numbers answered it, or nobody did. The client lost time.
    ///
    /// # Why it matters
    ///
    /// The holder takes the SYN for an old duplicate. It answers with an ACK of the old connection; the client, which knows no such
    /// connection, sends a RST; that ends TIME-WAIT, and the next SYN gets through, often a second later. Services with many short
    /// connections from few addresses feel this as rare, long connects.
    ///
    /// # What to do
    ///
    /// Let the client pick ISSs by a clock (RFC 6528) and use timestamps; do not let a NAT or load balancer reuse ports inside 2 MSL.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.6.1 and figure 8; RFC 1337, section 2; RFC 6191.
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
    /// 7.000 C>S SYN     seq=50          <-- refused
    /// 7.010 S>C ACK     seq=302 ack=102
    /// 7.020 C>S RST     seq=102
    /// 8.000 resent #7
    /// 8.010 S>C SYN,ACK seq=9000 ack=51
    /// 8.020 C>S ACK     seq=51 ack=9001
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
    /// Suricata: shutdown_syn_resend; Zeek: premature_connection_reuse.
    "TW05", "reuse-refused", Warning,
    on: [],
    when: [Reuse],
    excused_by: [Loss],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let Some(reuse) = &subject.connection.reuse else { return };
    let answered = subject.connection.handshake.syn_ack_packet.is_some();
    let refused = subject.connection.outcome == Outcome::Refused;
    if reuse.verdict == ReuseVerdict::Unanswered {
        // A RST is an answer, that of a host in CLOSED (HS12). Without the other side, or shortly before the end, nothing can
        // be said of an answer.
        let waited = reuse.delay_ns.unwrap_or(0);
        if refused || subject.connection.quality.one_sided || waited < subject.thresholds.unanswered_ns {
            return;
        }
    }
    let how = match reuse.verdict {
        ReuseVerdict::Refused => "refused by an ACK of the old connection",
        ReuseVerdict::Unanswered => "not answered",
        ReuseVerdict::Free
        | ReuseVerdict::LegalByIss
        | ReuseVerdict::LegalByTimestamp
        | ReuseVerdict::ByHolder
        | ReuseVerdict::Illegal
        | ReuseVerdict::NotOver
        | ReuseVerdict::AfterUnanswered
        | ReuseVerdict::Unknown => return,
    };
    let delay = match (reuse.delay_ns, answered) {
        (_, false) if refused => "; then a RST refused it".to_owned(),
        (Some(ns), true) => format!("; it cost {}", human_duration(ns)),
        (Some(ns), false) => format!("; nothing came of it in {}+", human_duration(ns)),
        (None, _) => String::new(),
    };
    let message = format!("{} was {how}{delay}", super::attempt(reuse));
    let packets = [
        subject.connection.handshake.syn_packet,
        reuse.refused_by_packet,
        reuse.reset_packet,
        subject.connection.handshake.syn_ack_packet,
    ];
    let confidence = if reuse.refused_by_packet.is_some() {
        Confidence::Proven
    } else {
        Confidence::Likely
    };
    found.push(
        Draft::new(subject, Role::Server, message)
            .at(subject.connection.first_time)
            .packets(packets.into_iter().flatten())
            .limited(confidence),
    );
}
