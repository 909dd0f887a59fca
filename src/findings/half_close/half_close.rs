//! HC01

use crate::findings::{Draft, Subject, counted, human_duration, rule};
use crate::model::{State};

rule! {
    /// A connection was half-closed: one side had closed, the other had not yet.
    ///
    /// # Why it matters
    ///
    /// RFC 9293 sets no limit to it, and some protocols use it: the answer comes after the request's end of stream. The side that has
    /// not closed is in CLOSE-WAIT, the other in FIN-WAIT-2.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.6 and 3.6.1.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301   <-- half-closed from here
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 3.000 S>C FIN,ACK seq=301 ack=102
    /// 3.010 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.001 S>C FIN,ACK seq=301 ack=101
    /// ```
    "HC01", "half-close", Info,
    on: [],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let close = &subject.connection.close;
    let (Some(role), Some(ns)) = (close.close_wait_endpoint, close.half_close_ns) else {
        return;
    };
    let Some(entered) = subject.moved(role, None, State::CloseWait).next() else {
        return;
    };
    let open = if close.half_close_open { "+" } else { "" };
    let sent = close
        .half_close_bytes
        .map_or(String::new(), |bytes| match bytes {
            0 => ", nothing sent in it".to_owned(),
            _ => format!(", {} sent in it", counted(bytes, "octet")),
        });
    let message = format!("half-closed for {}{open}{sent}", human_duration(ns));
    found.push(Draft::new(subject, role, message).by(entered));
}
