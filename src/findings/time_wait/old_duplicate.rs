//! TW10

use crate::findings::{Draft, Subject, rule};
use crate::model::EventKind;

rule! {
    /// A segment of an earlier connection came into the receive window of the present one.
    ///
    /// # Why it matters
    ///
    /// The receiver would have taken its octets for data of the new connection. Its timestamp gives it away, and PAWS drops it; without
    /// timestamps nothing would, and nothing in a capture would show it either. It is the accident that TIME-WAIT exists to
    /// prevent.
    ///
    /// # What to do
    ///
    /// Find out why the 4-tuple was reused so early: TW02 to TW06 on the same connection.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4.1; RFC 1337, section 2 (hazard 1); RFC 7323, section 5.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 ts=10/0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 ts=20/10
    /// 0.020 C>S ACK     seq=101 ack=301 ts=11/20
    /// 0.100 C>S PSH,ACK seq=101 ack=301 len=1000 ts=12/20
    /// 0.110 S>C ACK     seq=301 ack=1101 ts=21/12
    /// 1.000 S>C FIN,ACK seq=301 ack=1101 ts=22/12
    /// 1.010 C>S FIN,ACK seq=1101 ack=302 ts=13/22
    /// 1.020 S>C ACK     seq=302 ack=1102 ts=23/13
    /// 7.000 C>S SYN     seq=500 ts=6010/0
    /// 7.010 S>C SYN,ACK seq=65839 ack=501 ts=6020/6010
    /// 7.020 C>S ACK     seq=501 ack=65840 ts=6030/6020
    /// 7.100 C>S PSH,ACK seq=601 ack=301 len=500 ts=12/20    <-- data of the old connection, in the window of the new one
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 ts=10/0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 ts=20/10
    /// 0.020 C>S ACK     seq=101 ack=301 ts=11/20
    /// 0.100 C>S PSH,ACK seq=101 ack=301 len=1000 ts=12/20
    /// 0.110 S>C ACK     seq=301 ack=1101 ts=21/12
    /// 1.000 S>C FIN,ACK seq=301 ack=1101 ts=22/12
    /// 1.010 C>S FIN,ACK seq=1101 ack=302 ts=13/22
    /// 1.020 S>C ACK     seq=302 ack=1102 ts=23/13
    /// 7.000 C>S SYN     seq=5000000 ts=6010/0
    /// 7.010 S>C SYN,ACK seq=65839 ack=5000001 ts=6020/6010
    /// 7.020 C>S ACK     seq=5000001 ack=65840 ts=6030/6020
    /// 7.100 C>S PSH,ACK seq=101 ack=301 len=1000 ts=12/20
    /// ```
    "TW10", "old-duplicate-in-new-incarnation", Warning,
    on: [OldDuplicateInWindow],
    excused_by: [ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    for seen in subject.seen(EventKind::OldDuplicateInWindow) {
        let message = format!("octets of an earlier connection came into the window of the present one from the {}, {}", seen.endpoint.name(), seen.times());
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
