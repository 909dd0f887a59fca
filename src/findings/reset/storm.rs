//! RS10

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// RSTs without end.
    ///
    /// # Why it matters
    ///
    /// One RST ends a connection. A thousand on one 4-tuple mean a flood, or two devices that answer each other in a loop.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.5.3.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101
    /// 1.001 S>C RST     seq=301             <-- and so on
    /// 1100 times every 0.001 resent #5
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 S>C RST,ACK seq=301 ack=101
    /// 20 times every 0.1 resent #4
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: RST_storm.
    "RS10", "rst-storm", Warning,
    on: [ResetNoConnection, ResetOutsideWindow],
    excused_by: [Duplicates],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let kinds = [EventKind::ResetNoConnection, EventKind::ResetOutsideWindow];
    let storms = kinds
        .into_iter()
        .flat_map(|kind| subject.seen(kind))
        .filter(|seen| seen.count >= subject.thresholds.storm_segments);
    for seen in storms {
        let message = format!("the {} sent RSTs {}{}", seen.endpoint.name(), seen.times(), seen.span());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
