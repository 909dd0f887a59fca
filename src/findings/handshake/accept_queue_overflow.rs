//! HS18

use crate::findings::{Draft, Seen, Subject, rule};
use crate::model::{Confidence, EventKind, Role, Severity};

/// A round trip from the tap to the server below this means that the tap is at the server, ns.
const AT_THE_SERVER_NS: i64 = 1_000_000;

rule! {
    /// The server sent its SYN-ACK again and again although the client had acknowledged it: the ACK was ignored.
    ///
    /// # Why it matters
    ///
    /// The client believes that it is connected; the server does not know it. The usual cause is a full accept queue: the
    /// program does not call accept often enough, and the kernel drops the ACK. A server with TCP_DEFER_ACCEPT does the
    /// same on purpose until data comes. An ACK that was lost once gives one repeat and is not reported.
    ///
    /// # What to do
    ///
    /// At the server: `ss -ltn` (Recv-Q has reached Send-Q) and `nstat -az TcpExtListenOverflows`. Raise the backlog and
    /// `somaxconn`, or make the program accept faster.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5 and 3.10.7.4 (fifth check: the ACK moves SYN-RECEIVED to ESTABLISHED).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.010 resent #2                          <-- after the ACK
    /// 1.030 resent #3
    /// 3.010 resent #2
    /// 3.030 resent #3
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.010 resent #2
    /// 1.030 resent #3
    /// 2.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// 2.010 S>C ACK     seq=301 ack=111
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Linux: TcpExtListenOverflows, TcpExtListenDrops.
    "HS18", "accept-queue-overflow", Warning,
    on: [SynAckRetransmitted],
    excused_by: [Duplicates, ClockSteps],
    check
}

/// SYN-ACKs of the server after the client's ACK, if there were two or more.
pub(super) fn repeats(subject: &Subject<'_>) -> Option<Seen> {
    let acknowledged = subject.connection.handshake.ack_packet?;
    let mut all = subject
        .seen(EventKind::SynAckRetransmitted)
        .find(|seen| seen.endpoint == Role::Server)?;
    let kept = all.packets.len();
    let mut after = subject.connection.events.iter().filter(|event| {
        (event.kind, event.endpoint) == (EventKind::SynAckRetransmitted, Role::Server)
            && event.packet > acknowledged
    });
    let first = after.next()?;
    all.at = first.at;
    all.packets.retain(|packet| *packet > acknowledged);
    all.count = all.count.saturating_sub((kept - all.packets.len()) as u64);
    (all.count >= 2).then_some(all)
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let Some(seen) = repeats(subject) else { return };
    let client = subject.endpoint(Role::Client);
    let near = (subject.endpoint(Role::Server).tap_rtt_ns).is_some_and(|rtt| rtt < AT_THE_SERVER_NS);
    // Deferred, the connection is accepted with the first data; with a full queue data is sent again, too.
    let deferred = client.payload_bytes > 0 && client.retransmitted_segments == 0;
    let why = match (deferred, client.payload_bytes) {
        (true, _) => "TCP_DEFER_ACCEPT, or a full accept queue that had room again",
        (false, 0) => "accept queue full, or TCP_DEFER_ACCEPT that waits for data",
        (false, _) => "accept queue full",
    };
    let message = format!(
        "the server retransmitted its SYN-ACK {}{} after the client's ACK{}: {why}",
        seen.times(),
        seen.span(),
        if near { ", which arrived" } else { ", if that arrived" }
    );
    let draft = Draft::new(subject, Role::Server, message)
        .seen(&seen)
        .limited(if near { Confidence::Likely } else { Confidence::Possible });
    found.push(if deferred {
        draft.severity(subject.severity.min(Severity::Note))
    } else {
        draft
    });
}
