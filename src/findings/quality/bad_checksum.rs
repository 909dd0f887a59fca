//! CP07

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A segment has a wrong checksum. Looked for with `--verify-checksums` only.
    ///
    /// # Why it matters
    ///
    /// The receiver drops such a segment without a word, so the state that it would have brought about is in doubt. It is
    /// reported as if it had arrived, because three things make a checksum look wrong that are no fault: a network card
    /// that merges segments before the capture sees them keeps the first one's checksum, a tool that rewrote addresses may
    /// not have rewritten checksums, and a capture on a host that leaves checksums to its card has not got them yet. That
    /// last one is recognised and not counted here.
    ///
    /// # What to do
    ///
    /// If the segment was sent again a little later, it was damaged on the way: look at the counters of the interfaces on
    /// the path. If all large segments of one direction are wrong, it is the network card of the capturing host: switch
    /// `lro` and `gro` off (`ethtool -K`) for the capture.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.1 (checksum); RFC 1071.
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10 badsum   <-- the receiver drops it
    /// 1.300 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.310 S>C ACK     seq=301 ack=111
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.300 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.310 S>C ACK     seq=301 ack=111
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Wireshark: tcp.checksum_bad.expert; Zeek: bad_TCP_checksum.
    "CP07", "bad-checksum", Note,
    on: [BadChecksum],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::BadChecksum) {
        let message = format!(
            "the {} sent segments with a wrong checksum {}; a receiver drops such a segment",
            seen.endpoint.name(),
            seen.times()
        );
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
