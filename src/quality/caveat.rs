//! What the weaknesses of a capture mean for the states reported from it.

use serde::Serialize;

use super::Quality;
use crate::model::Capture;

/// One weakness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Caveat {
    /// Stable name, kebab-case.
    pub name: &'static str,
    /// How often it was met.
    pub count: u64,
    /// Of how many; null where that means nothing.
    pub of: Option<u64>,
    /// What was counted, the words before the number.
    pub what: &'static str,
    /// What it means for the reported states.
    pub means: &'static str,
    /// What helps next time.
    pub advice: &'static str,
}

/// The weaknesses of a capture, those that cost most first; none that does not occur.
pub fn caveats(capture: &Capture, quality: &Quality) -> Vec<Caveat> {
    let dropped = capture.kernel_drops.unwrap_or(0);
    let damaged = u64::from(!capture.complete) * (capture.damage.len() as u64).max(1);
    let checksums = capture.checksums.unwrap_or_default();
    let all = [
        Caveat {
            name: "incomplete",
            count: damaged,
            of: None,
            what: "Places where the input is damaged, cut off or was not read further",
            means: "connections may end in the report before they ended on the wire",
            advice: "copy the file again, or let the capturing program finish before reading",
        },
        Caveat {
            name: "evicted",
            count: capture.evicted_connections,
            of: Some(capture.evicted_connections.saturating_add(quality.connections)),
            what: "Connections given up because a limit of this program was reached",
            means: "nothing is shown of them, and what came of one later stands as a connection without a beginning",
            advice: "raise --max-memory or --max-connections, or read the capture in parts",
        },
        Caveat {
            name: "kernel-drops",
            count: dropped,
            of: None,
            what: "Packets dropped by the capturing system",
            means: "a missing FIN or ACK leaves an endpoint in the state before; gaps are not loss on the wire",
            advice: "capture with a larger buffer (tcpdump -B), a shorter snap length (-s 128) or a filter",
        },
        Caveat {
            name: "missed-octets",
            count: quality.loss.missed_bytes,
            of: Some(
                quality
                    .loss
                    .captured_bytes
                    .saturating_add(quality.loss.missed_bytes),
            ),
            what: "Octets of payload acknowledged but never captured",
            means: "the capture lacks segments that arrived: states that depend on them are inferred (~)",
            advice: "look at the drop counters of the capturing program, and for a second path past the tap",
        },
        Caveat {
            name: "missed-fins",
            count: quality.loss.missed_fins,
            of: None,
            what: "FINs are known only by their acknowledgment",
            means: "when they were sent is known by an interval, not by a packet",
            advice: "as for missed octets",
        },
        Caveat {
            name: "one-sided",
            count: quality.one_sided,
            of: Some(quality.connections),
            what: "Connections captured in one direction only",
            means: "the states of the silent side follow from what its peer acknowledges",
            advice: "capture where both directions pass (asymmetric routes, bonded links, SPAN of both directions)",
        },
        Caveat {
            name: "midstream",
            count: quality.midstream,
            of: Some(quality.connections),
            what: "Connections that began before the capture",
            means: "their first state is UNKNOWN, and window scaling is not known",
            advice: "begin the capture before the connections, where that matters",
        },
        Caveat {
            name: "time-steps-back",
            count: capture.time_steps_back,
            of: Some(capture.packets),
            what: "Packets with a time before that of the packet before them",
            means: "durations across such a step are not certain by its size",
            advice: "merge captures by time (name all files at once), and keep the clock from being stepped",
        },
        Caveat {
            name: "recorded-twice",
            count: capture.duplicate_segments,
            of: Some(capture.tcp_segments),
            what: "Segments recorded twice by the capture itself",
            means: "nothing for the states: copies are recognized and left out",
            advice: "mirror one direction once, or capture on one interface",
        },
        Caveat {
            name: "cut-headers",
            count: capture.cut_headers,
            of: Some(capture.tcp_segments),
            what: "TCP segments cut by the snap length inside their header",
            means: "their options are not known: windows, SACK and PAWS are uncertain",
            advice: "a snap length of 128 holds all headers",
        },
        Caveat {
            name: "bad-checksums",
            count: checksums.bad,
            of: Some(checksums.verified()),
            what: "TCP segments with a wrong checksum that offloading does not explain",
            means: "their receiver has discarded them, if they were so on the wire",
            advice: "look for a device that rewrites packets, or a capture that damages them",
        },
        Caveat {
            name: "fragments-incomplete",
            count: capture.fragments.incomplete,
            of: Some((capture.fragments.reassembled).saturating_add(capture.fragments.incomplete)),
            what: "Fragmented IP packets that could not be put together",
            means: "a TCP segment in them is missing in its connection",
            advice: "capture all fragments: a filter on ports passes only the first one of each packet",
        },
    ];
    all.into_iter().filter(|one| one.count > 0).collect()
}
