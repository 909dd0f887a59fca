//! Words that are neither rules nor states nor part of the contract, and yet stand in the output or in its help.

use super::{Page, plain};

/// The words, as the index lists them.
pub const NAMES: [&str; 17] = [
    "4-tuple",
    "baseline",
    "client",
    "dwell",
    "evidence",
    "fingerprint",
    "half-close",
    "half-open",
    "incarnation",
    "ISS",
    "mark",
    "MSL",
    "retransmission",
    "segment",
    "server",
    "simultaneous-close",
    "tap",
];

/// The page of a word.
pub fn page(word: &str) -> Option<Page> {
    let wanted = plain(word);
    let wanted = match wanted.as_str() {
        "2msl" => "msl",
        "isn" | "irs" => "iss",
        "connection" => "incarnation",
        "~" | "?" | "marks" => "mark",
        "fourtuple" | "tuple" => "4tuple",
        other => other,
    };
    let wanted = if matches!(word, "~" | "?" | "+") {
        "mark"
    } else {
        wanted
    };
    let name = NAMES.into_iter().find(|name| plain(name) == wanted)?;
    let mut page = Page::new(name, "word");
    for text in meaning(name) {
        page.text(*text);
    }
    Some(page)
}

fn meaning(name: &str) -> &'static [&'static str] {
    match name {
        "4-tuple" => &[
            "Both addresses and both ports. It names one connection at a time; when it is used again, that is the next \
                        incarnation. What keeps two equal 4-tuples apart in one capture (VLANs) counts, too.",
        ],
        "baseline" => &[
            "A file of findings that were there when `check` was introduced. They are reported and do not fail the \
                         check; new ones do. An entry is a rule, a service and a side, never a client's address or an ephemeral \
                         port, so that it is the same from run to run.",
        ],
        "client" => &[
            "The side that opened: it sent the first SYN without ACK. Without a SYN in the capture, the side that \
                       received the SYN-ACK; else a guess by port numbers and by who spoke first (`roles_from`).",
        ],
        "server" => {
            &["The side that was asked: the peer of the client. Its address and port are the service."]
        }
        "dwell" => &[
            "The time that an endpoint spent in a state (`dwell_ns`). The state at the end counts until the end of the \
                      capture.",
        ],
        "evidence" => &[
            "How a change of state is known. An endpoint is proven to have made it only by a segment that it sends \
                         itself: what passes the tap on its way to the endpoint may be lost behind it. `sent` and `confirmed` \
                         are proof; `presumed` and `timer` are marked with `?`, `inferred` with `~`.",
        ],
        "fingerprint" => {
            &["Key of a finding in a baseline: code, service and side, without ephemeral ports."]
        }
        "half-close" => &[
            "One direction is closed by a FIN that the peer acknowledged, the other is open: the first closer is in \
                           FIN-WAIT-2, the second in CLOSE-WAIT. It lasts until the second closer sends its FIN. Useful where a \
                           program says that its request is complete; a leak where nobody closes.",
        ],
        "half-open" => &[
            "RFC 9293 says it of a connection of which one side knows nothing any more (section 3.5.1: a crash). As an \
                          outcome it means, as in everyday speech, that the handshake was not completed.",
        ],
        "incarnation" => &[
            "One life of a 4-tuple: from its first SYN (or the first segment, if the start is missing) until a new \
                            SYN starts the next one. Each is a connection with an id of its own.",
        ],
        "ISS" => &[
            "Initial send sequence number: the sequence number of an endpoint's SYN, chosen anew for each connection. The \
                    peer calls it IRS, initial receive sequence number; other tools say ISN.",
        ],
        "mark" => &[
            "Behind a state: `~` inferred, the beginning or a packet is missing; `?` presumed or by timer, nothing from \
                     the endpoint proves it. Behind a duration: `+` and counting, a lower bound.",
        ],
        "MSL" => &[
            "Maximum segment lifetime: how long a segment can live in the network. TIME-WAIT lasts 2 MSL: 240 s by \
                    RFC 9293, 60 s on Linux and the BSDs, 120 s on Windows. `--msl` says which is assumed.",
        ],
        "retransmission" => &[
            "A segment with nothing but what had been sent before. It never moves the state machine. A copy that \
                               the capture itself made is no retransmission; it is counted in `duplicate_segments`.",
        ],
        "segment" => &[
            "One TCP segment as captured: its packet number (from 1, the number that other tools show), capture time, \
                        direction, sequence and acknowledgment numbers, flags, options, payload.",
        ],
        "simultaneous-close" => &[
            "Both FINs crossed: neither acknowledges the other. Each side goes FIN-WAIT-1, CLOSING, TIME-WAIT; \
                                   both hold TIME-WAIT (RFC 9293 figure 13). What counts is what the FINs acknowledge, not \
                                   their order at the tap.",
        ],
        "tap" => &[
            "The place where the capture was made. Order and times at the tap are not those at the endpoints; each change \
                    of state carries an interval (`earliest`, `latest`) that holds its true moment.",
        ],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_meaning() {
        for name in NAMES {
            assert!(!meaning(name).is_empty(), "{name}");
        }
    }
}
