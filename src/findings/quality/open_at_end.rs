//! CP10

use crate::findings::{Draft, ROLES, Subject, rule};
use crate::model::{Outcome, State};
use crate::time::human_duration;

rule! {
    /// The connection was still open when the capture ended.
    ///
    /// # Why it matters
    ///
    /// Neither FIN nor RST: how it ended is not known, and durations are lower bounds. Long idle ones may be pooled, or
    /// forgotten by one side.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.3.2 (ESTABLISHED).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 9.000 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// closed
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: S1.
    "CP10", "open-at-end", Info,
    on: [],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let established = ROLES.iter().any(|role| subject.endpoint(*role).state == State::Established);
    if connection.outcome == Outcome::Open && established {
        let message = format!(
            "open at the end of the capture, idle for {}",
            human_duration(subject.end.since(connection.last_time))
        );
        found.push(Draft::new(subject, None, message).at(connection.last_time));
    }
}
