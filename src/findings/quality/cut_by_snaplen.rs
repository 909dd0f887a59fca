//! CP06

use crate::findings::{Draft, Subject, rule};
use crate::model::Severity;

rule! {
    /// The snap length cut the options of a SYN.
    ///
    /// # Why it matters
    ///
    /// Lengths are taken from the IP header, so payload that was cut is no loss here: that alone is information. Options
    /// that were cut are: without the window scale of both SYNs windows cannot be read.
    ///
    /// # What to do
    ///
    /// Capture at least 128 octets of each packet (`tcpdump -s 128`).
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.1; RFC 7323, section 2.2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 headcut        <-- its options were not captured
    /// 0.010 S>C SYN,ACK seq=300 ack=101
    /// 0.020 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 C>S PSH,ACK seq=101 ack=301 len=10
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: truncated_header, truncated_tcp_payload.
    "CP06", "cut-by-snaplen", Note,
    on: [],
    when: [Cut],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let connection = subject.connection;
    let cut = connection.quality.cut_segments;
    if cut == 0 {
        return;
    }
    let handshake = &connection.handshake;
    let offered = [
        (&handshake.client_options, handshake.syn_packet),
        (&handshake.server_options, handshake.syn_ack_packet),
    ];
    let mut syns = offered
        .into_iter()
        .filter_map(|(options, packet)| options.as_ref().filter(|options| options.cut).and(packet));
    let draft = match syns.next() {
        Some(packet) => {
            let message = format!("segments cut by the snap length: {cut}, the options of a SYN among them");
            Draft::new(subject, None, message).packets([packet])
        }
        None => {
            let message = format!("segments cut by the snap length: {cut}; lengths are taken from the IP header");
            Draft::new(subject, None, message).severity(Severity::Info)
        }
    };
    found.push(draft.at(connection.first_time).count(cut));
}
