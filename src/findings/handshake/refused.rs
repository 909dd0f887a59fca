//! HS12

use crate::findings::{Draft, Subject, rule, times};
use crate::model::{Cause, Outcome, Role, State};
use crate::time::human_duration;

rule! {
    /// A RST answered the SYN: the connection was refused.
    ///
    /// # Why it matters
    ///
    /// Nobody listens on that port, or a firewall refuses in the server's name. The client's program sees "connection
    /// refused" at once.
    ///
    /// # What to do
    ///
    /// See whether the service runs and listens on this address and port. If it does, compare the TTL of the RST with that
    /// of other segments of the host: a firewall that refuses is often nearer.
    ///
    /// # Reference
    ///
    /// RFC 9293, sections 3.5.2 and 3.10.7.3.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C RST,ACK seq=0 ack=101          <-- refused
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.020 C>S RST     seq=101
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: REJ.
    "HS12", "refused", Note,
    on: [],
    when: [Refused],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    if connection.outcome != Outcome::Refused {
        return;
    }
    let mut steps = subject.moved(Role::Client, Some(State::SynSent), State::Closed);
    let Some(step) = steps.find(|step| step.cause == Cause::RstReceived) else {
        return;
    };
    let again = connection.handshake.syn_retransmissions;
    let message = format!(
        "the server refused the connection: RST {} after the SYN{}",
        human_duration(step.at.since(connection.first_time)),
        if again > 0 {
            format!(", which was retransmitted {}", times(u64::from(again)))
        } else {
            String::new()
        }
    );
    found.push(Draft::new(subject, Role::Server, message).by(step));
}
