//! FN14

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// An endpoint sent its FIN again and again, without end.
    ///
    /// # Why it matters
    ///
    /// A stack gives up after a dozen tries. A thousand mean a broken stack, or two devices that answer each other in a loop.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.8.1.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1000 times every 0.001 resent #4
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 20 times every 0.5 resent #4
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: FIN_storm.
    "FN14", "fin-storm", Warning,
    on: [FinRetransmitted],
    excused_by: [Duplicates],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let storms = subject
        .seen(EventKind::FinRetransmitted)
        .filter(|seen| seen.count >= subject.thresholds.storm_segments);
    for seen in storms {
        let message = format!("the {} sent its FIN {}{}", seen.endpoint.name(), seen.times(), seen.span());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
