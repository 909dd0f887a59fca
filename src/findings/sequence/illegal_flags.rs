//! ML02

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A segment has control bits that contradict each other, or none at all.
    ///
    /// # Why it matters
    ///
    /// SYN with FIN, SYN or FIN with RST, URG on a SYN, FIN with URG but no ACK (a "christmas tree"), no bit at all (a "null
    /// scan"): no stack sends these. Port scanners do, to tell systems apart or to get past filters that look for a SYN
    /// alone.
    ///
    /// # What to do
    ///
    /// Look at the sender: does it send such segments to other ports and hosts, too?
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.1 (control bits) and 3.10.7.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN,FIN seq=100                <-- opens and closes at once
    /// 0.010 S>C RST,ACK seq=0 ack=102
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN,ECE,CWR seq=100
    /// 0.010 S>C SYN,ECE,ACK seq=300 ack=101
    /// 0.020 C>S ACK         seq=101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: fin_syn; Zeek: TCP_christmas, baroque_SYN; Snort: 129:11.
    "ML02", "illegal-flag-combination", Error,
    on: [BadFlags],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::BadFlags) {
        let message = format!(
            "the {} sent segments with control bits that contradict each other, or none, {}",
            seen.endpoint.name(),
            seen.times()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
