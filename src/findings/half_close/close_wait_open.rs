//! HC03

use super::Ended;
use crate::findings::{Draft, Subject, rule};

rule! {
    /// An endpoint is in CLOSE-WAIT when the capture ends, and has been for long.
    ///
    /// # Why it matters
    ///
    /// Its peer has closed. Every such connection holds a socket and a file descriptor until the program closes it; if it never does,
    /// that is a leak, and in the end the program can open nothing any more. One connection may just be slow; `leaks` shows whether
    /// there are more.
    ///
    /// # What to do
    ///
    /// See `leaks`, and join it with `ss -tanp` to learn the process and whether it ever read the end of stream.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.3.2 (CLOSE-WAIT) and 3.6.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301   <-- CLOSE-WAIT begins and does not end
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 61.00 end
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S FIN,ACK seq=101 ack=301
    /// 1.010 S>C ACK     seq=301 ack=102
    /// 9.000 end
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: S2, S3.
    "HC03", "close-wait-open-at-end", Warning,
    on: [],
    excused_by: [Loss, OneSided],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    super::long_half_close(subject, Ended::No, found);
}
