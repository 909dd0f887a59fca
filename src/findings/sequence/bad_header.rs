//! ML01

use crate::findings::rule;
use crate::findings::service::{Found, Together};
use crate::model::Confidence;

rule! {
    /// Frames say that they hold TCP, and their TCP header makes no sense: shorter than 20 octets, or with a data offset that
    /// points outside of it.
    ///
    /// # Why it matters
    ///
    /// Nobody can tell which connection they belong to: they are counted, and missing in everything else. A stack sends no
    /// such segments; fuzzers, broken offload and damaged captures hold them.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.1 (data offset).
    ///
    /// # Example
    ///
    /// ```text
    /// open
    /// 1.000 skip bad-tcp-data-offset
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// open
    /// 1.000 skip tcp-header-cut
    /// ```
    ///
    /// # Elsewhere
    ///
    /// Zeek: bad_TCP_header_len; Wireshark: tcp.short_segment, tcp.bogus_header_length.
    "ML01", "bad-header", Warning,
    on: [],
    excused_by: [],
    together
}

/// Reasons for which a frame without a usable TCP header is skipped.
const REASONS: [&str; 2] = ["tcp-too-short", "bad-tcp-data-offset"];

/// One finding for the capture.
pub fn judge(together: &Together<'_>) -> Vec<Found> {
    let counted = REASONS.map(|reason| together.capture.skipped.get(reason).copied().unwrap_or(0));
    let all: u64 = counted.iter().sum();
    let parts: Vec<String> = REASONS
        .iter()
        .zip(counted)
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    let found = Found {
        confidence: Confidence::Proven,
        server: None,
        client: None,
        endpoint: None,
        connections: 0,
        ids: Vec::new(),
        behind: Default::default(),
        at: None,
        message: format!("TCP headers that make no sense: {}", parts.join(", ")),
        weakened_by: Vec::new(),
    };
    Vec::from_iter((all > 0).then_some(found))
}
