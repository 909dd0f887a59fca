//! HC02

use super::Ended;
use crate::findings::{Draft, Subject, rule};

rule! {
    /// An endpoint stayed in CLOSE-WAIT for long before it closed.
    ///
    /// # Why it matters
    ///
    /// Its peer had closed and waited in FIN-WAIT-2 all the time. The system in CLOSE-WAIT waits for its program: nothing but the
    /// program's close() ends it. From 30 s on, unless `limits.half-close` says otherwise; that is no breach of the protocol, and
    /// where answers take so long it is normal.
    ///
    /// # What to do
    ///
    /// Find out what the program does between the end of stream and its close: a pool that checks idle connections late, a thread that
    /// is busy, a read that nobody calls.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.3.2 (CLOSE-WAIT) and 3.6.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301   <-- CLOSE-WAIT begins
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 41.00 S>C FIN,ACK seq=301 ack=102
    /// 41.01 C>S ACK     seq=102 ack=302
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 9.000 S>C FIN,ACK seq=301 ack=102
    /// ```
    "HC02", "close-wait-long", Warning,
    on: [],
    excused_by: [Loss, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    super::long_half_close(subject, Ended::Yes, found);
}
