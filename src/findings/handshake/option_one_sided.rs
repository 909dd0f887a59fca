//! OP01

use crate::findings::{Draft, Subject, rule};
use crate::model::OfferedOptions;

rule! {
    /// One SYN offers an option that the other one does not: it is not in force.
    ///
    /// # Why it matters
    ///
    /// Without window scaling no more than 64 KiB are under way at a time; without SACK loss costs more; without
    /// timestamps old duplicates are not recognised. The host may be old or set so, a SYN cookie has no room for them,
    /// or a middlebox strips options.
    ///
    /// # What to do
    ///
    /// If throughput matters: see whether both hosts have the option on, then look for a middlebox in between.
    ///
    /// # Reference
    ///
    /// RFC 7323, sections 2.2 and 3.2; RFC 2018, section 2.
    ///
    /// # Example
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 mss=1460 ws=7 sackok ts=10/0
    /// 0.010 S>C SYN,ACK seq=300 ack=101 mss=1460 sackok    <-- neither window scale nor timestamps
    /// 0.020 C>S ACK     seq=101 ack=301
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// 0.000 C>S SYN     seq=100 mss=1460 ws=7 sackok
    /// 0.010 S>C SYN,ACK seq=300 ack=101 mss=1380 ws=2 sackok
    /// 0.020 C>S ACK     seq=101 ack=301
    /// ```
    "OP01", "option-one-sided", Info,
    on: [],
    excused_by: [],
    check
}

fn check(subject: &Subject<'_>, found: &mut Vec<Draft>) {
    let handshake = &subject.connection.handshake;
    let (Some(client), Some(server)) = (&handshake.client_options, &handshake.server_options) else {
        return;
    };
    if client.cut || server.cut {
        return;
    }
    let says: Vec<String> = [("client", client, server), ("server", server, client)]
        .into_iter()
        .filter_map(|(who, offered, other)| {
            let only = only_in(offered, other);
            (!only.is_empty()).then(|| format!("only the {who}'s SYN offers {}", only.join(", ")))
        })
        .collect();
    if says.is_empty() {
        return;
    }
    let message = format!("{}: not in force", says.join("; "));
    let draft = Draft::new(subject, None, message).at(subject.connection.first_time);
    found.push(draft.packets(handshake.syn_ack_packet));
}

/// Options that one SYN offers and the other does not.
fn only_in(offered: &OfferedOptions, other: &OfferedOptions) -> Vec<&'static str> {
    let options = [
        ("window scale", offered.window_scale.is_some(), other.window_scale.is_some()),
        ("SACK", offered.sack_permitted, other.sack_permitted),
        ("timestamps", offered.timestamps, other.timestamps),
    ];
    let only = options.into_iter().filter(|(_, here, there)| *here && !there);
    only.map(|(name, ..)| name).collect()
}
