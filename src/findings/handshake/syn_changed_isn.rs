//! HS02

use crate::findings::{Draft, Subject, rule};
use crate::model::{Confidence, Connection, Reuse, Role, State};
use crate::time::human_duration;

/// The first retransmissions of a SYN come within this time: a SYN with another ISS takes their place.
const RETRIES_NS: i64 = 3_000_000_000;
/// Fastest clock of an ISS generator in use (Linux: one step in 64 ns), steps a second.
const STEPS_A_SECOND: i64 = 15_625_000;
/// What such a generator may add to its clock besides.
const STEPS_SLACK: i64 = 1 << 18;

rule! {
    /// A SYN was followed by another one with a different initial sequence number before the handshake was done.
    ///
    /// # Why it matters
    ///
    /// A client that retries sends the same SYN. Another ISS within the time of a retry means that another program, or
    /// another host behind the same address, or a middlebox that makes up numbers, sent one of the two. A host that
    /// opens the same 4-tuple anew takes its ISS from a clock (RFC 6528): a small step forward is not reported.
    ///
    /// # What to do
    ///
    /// Compare TTL, IP identification and options of both SYNs. A scanner and a SYN proxy are the usual causes.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.4.1 and 3.8.1; RFC 6528, section 3.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 1.000 C>S SYN     seq=2000000000         <-- no retransmission: another ISS
    /// 1.010 S>C SYN,ACK seq=300 ack=2000000001
    /// 1.020 C>S ACK     seq=2000000001 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 1.500 C>S SYN     seq=400100
    /// 1.510 S>C SYN,ACK seq=300 ack=400101
    /// 1.520 C>S ACK     seq=400101 ack=301
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Suricata: 3whs_syn_resend_diff_seq_on_syn_recv; Zeek: SYN_seq_jump.
    "HS02", "syn-changed-isn", Warning,
    on: [],
    when: [Reuse],
    excused_by: [ClockSteps],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let Some((reuse, gap)) = (connection.reuse.as_ref()).and_then(|reuse| Some((reuse, reuse.gap_ns?))) else {
        return;
    };
    let pending = reuse.opener_state == State::SynSent || reuse.peer_state == State::SynReceived;
    if !reuse.same_roles || !pending || !(0..=RETRIES_NS).contains(&gap) || by_clock(reuse, gap) {
        return;
    }
    let message = format!(
        "the client sent a SYN with another ISS {} after the one of connection {}, {}",
        human_duration(gap),
        reuse.previous,
        if reuse.peer_state == State::SynReceived {
            "whose handshake was under way"
        } else {
            "which nobody had answered"
        }
    );
    let draft = Draft::new(subject, Role::Client, message).limited(Confidence::Likely);
    found.push(draft.at(connection.first_time).packets(syn(connection)));
}

fn syn(connection: &Connection) -> Option<u64> {
    connection.handshake.syn_packet
}

/// The step of the ISS is what a clock makes in the time between the two SYNs.
fn by_clock(reuse: &Reuse, gap: i64) -> bool {
    let most = STEPS_SLACK + gap.saturating_mul(STEPS_A_SECOND) / 1_000_000_000;
    reuse
        .iss_distance
        .is_some_and(|distance| (0..=most).contains(&i64::from(distance)))
}
