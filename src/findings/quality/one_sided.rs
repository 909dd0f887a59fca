//! CP05

use crate::findings::{Draft, ROLES, Subject, rule};

rule! {
    /// Only one side of the connection was captured, although the other one spoke.
    ///
    /// # Why it matters
    ///
    /// The two directions take different ways, or a filter or a mirror port shows only one. The states of the missing side
    /// are told by what its peer acknowledges, and most findings are possible at best.
    ///
    /// # What to do
    ///
    /// Capture where both directions pass, or at the host itself.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4 (an acknowledgment shows that its sender has received).
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.020 C>S ACK     seq=101 ack=301
    /// 0.030 C>S PSH,ACK seq=101 ack=301 len=10
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN seq=100
    /// 1.000 resent #1
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: possible_split_routing, above_hole_data_without_any_acks, excessive_data_without_further_acks.
    "CP05", "one-sided", Note,
    on: [],
    when: [OneSided],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    if !connection.quality.one_sided {
        return;
    }
    for missing in ROLES {
        if subject.endpoint(missing).packets == 0 {
            let message = format!("no segment of the {} is in the capture", missing.name());
            found.push(Draft::new(subject, missing, message).at(connection.first_time));
        }
    }
}
