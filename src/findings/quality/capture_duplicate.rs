//! CP03

use crate::findings::{Draft, Subject, rule};

rule! {
    /// The capture recorded segments twice.
    ///
    /// # Why it matters
    ///
    /// A mirror port that sees both the way in and the way out, or a capture on all interfaces of a router, makes copies.
    /// They are not retransmissions; they are told by their identification and by the few milliseconds between them, and
    /// left out of the states. Other tools count them as retransmissions.
    ///
    /// # What to do
    ///
    /// Capture on one interface, or mirror one direction only.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4 (a copy has the numbers of its original).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.001 again #4
    /// 1.010 S>C ACK     seq=301 ack=111
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 1.300 resent #4
    /// 1.310 S>C ACK     seq=301 ack=111
    /// ```
    "CP03", "capture-duplicate", Note,
    on: [],
    when: [Duplicates],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let copies = connection.quality.duplicate_segments;
    if copies == 0 {
        return;
    }
    let all = connection.endpoints.client.packets + connection.endpoints.server.packets;
    let message = format!("{copies} of {all} segments are copies made by the capture");
    let draft = Draft::new(subject, None, message).at(connection.first_time);
    found.push(draft.count(copies));
}
