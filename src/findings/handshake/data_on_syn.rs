//! HS10

use crate::findings::{Draft, Subject, rule};
use crate::model::{EventKind, Role};

rule! {
    /// A SYN carried payload.
    ///
    /// # Why it matters
    ///
    /// It is legal. With a Fast Open option it saves a round trip; without one the server has to hold the payload until
    /// the handshake is done, or drops it. Some firewalls drop such SYNs altogether.
    ///
    /// # What to do
    ///
    /// If such connections open late (HS01), turn Fast Open off on the client and see whether that helps.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.4 (SYN with data); RFC 7413, sections 2.1 and 4.2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 tfo=8 len=50    <-- 50 octets
    /// 0.010 S>C SYN,ACK seq=300 ack=151
    /// 0.020 C>S ACK     seq=151 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 tfo=0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 tfo=8
    /// 0.020 C>S PSH,ACK seq=101 ack=301 len=50
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: SYN_with_data; Wireshark: tcp.analysis.tfo_syn, tcp.analysis.tfo_ack; Snort: 129:2.
    "HS10", "data-on-syn", Note,
    on: [DataOnSyn],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let handshake = &subject.connection.handshake;
    for seen in subject.seen(EventKind::DataOnSyn) {
        let message = match seen.endpoint {
            Role::Client => format!(
                "the client's SYN carried {} B {} Fast Open, {}",
                handshake.syn_data_bytes,
                match &handshake.client_options {
                    Some(options) if options.fast_open => "with",
                    Some(_) | None => "without",
                },
                match handshake.syn_data_accepted {
                    Some(true) => "which the SYN-ACK took",
                    Some(false) => "which the SYN-ACK did not take",
                    None => "not answered",
                }
            ),
            Role::Server => "the server's SYN carried payload".to_owned(),
        };
        found.push(Draft::new(subject, seen.endpoint, message).seen(&seen));
    }
}
