//! CP11

use crate::findings::rule;
use crate::findings::service::{Found, Together};
use crate::model::Confidence;

rule! {
    /// Connections were given up because a limit of this program was reached.
    ///
    /// # Why it matters
    ///
    /// Nothing is shown of them but their number, and what came later of one of them stands as a connection without a
    /// beginning: counts of such connections are too high. They went in this order: SYNs that nobody answered and single
    /// segments without a beginning, incomplete handshakes, connections that were over, open ones, and last those that one
    /// side had closed; among equals the one that had been silent for longest. A flood of SYNs does this.
    ///
    /// # What to do
    ///
    /// Raise `--max-memory` or `--max-connections`, or read the capture in parts, for example one service at a time.
    ///
    /// # Reference
    ///
    /// RFC 9293, section 3.3.1 (a connection's state is remembered as long as it lives); RFC 4987, section 3.3 (the oldest
    /// half-open connection goes first).
    ///
    /// # Example
    ///
    /// ```text
    /// limit 1
    /// 0.000 C>S SYN     seq=100
    /// 60.000 C>S SYN    seq=900000
    /// ```
    ///
    /// # Not this
    ///
    /// ```text
    /// limit 2
    /// 0.000 C>S SYN     seq=100
    /// 60.000 C>S SYN    seq=900000
    /// ```
    "CP11", "connections-evicted", Warning,
    on: [],
    excused_by: [],
    together
}

/// One finding for the capture.
pub fn judge(together: &Together<'_>) -> Vec<Found> {
    let evicted = together.capture.evicted_connections;
    if evicted == 0 {
        return Vec::new();
    }
    let mut message = format!("connections given up for a limit, of which nothing more is told: {evicted}");
    if let Some(most) = together.capture.evicted_servers.first() {
        message += &format!("; most of them of {}, at least {}", most.server, most.connections);
    }
    vec![Found {
        confidence: Confidence::Proven,
        server: None,
        client: None,
        endpoint: None,
        connections: evicted,
        ids: Vec::new(),
        behind: Default::default(),
        at: None,
        message,
        weakened_by: Vec::new(),
    }]
}
