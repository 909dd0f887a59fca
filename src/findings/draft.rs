//! What a rule is given, and what it gives back.

use super::{Rule, Thresholds, weaker};
use crate::model::{
    Confidence, Connection, EndpointReport, EventKind, Evidence, Finding, PacketNumber, Role, Severity,
    State, Transition,
};
use crate::time::Timestamp;
pub use crate::time::human_duration;

/// One connection before a rule.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its facts.
    pub connection: &'a Connection,
    /// Time of the capture's last packet.
    pub end: Timestamp,
    /// 2 MSL, nanoseconds.
    pub time_wait_ns: i64,
    /// Limits.
    pub thresholds: &'a Thresholds,
    /// The severity in force for the rule that is asked.
    pub severity: Severity,
}

/// Both sides.
pub const ROLES: [Role; 2] = [Role::Client, Role::Server];

impl<'a> Subject<'a> {
    /// One side's life and counters.
    pub fn endpoint(&self, role: Role) -> &'a EndpointReport {
        match role {
            Role::Client => &self.connection.endpoints.client,
            Role::Server => &self.connection.endpoints.server,
        }
    }

    /// Events of one kind at each endpoint that had some, the client's first.
    pub fn seen(&self, kind: EventKind) -> impl Iterator<Item = Seen> + use<'a> {
        let connection = self.connection;
        ROLES
            .into_iter()
            .filter_map(move |role| Seen::of(connection, kind, role))
    }

    /// All changes of one side from one state to another (any state where `from` is none).
    pub fn moved(
        &self,
        role: Role,
        from: Option<State>,
        to: State,
    ) -> impl Iterator<Item = &'a Transition> + use<'a> {
        self.endpoint(role)
            .transitions
            .iter()
            .filter(move |step| step.to == to && from.is_none_or(|from| step.from == from))
    }

    /// Whether this side answered a segment with a RST because it does not know the connection (RU03). One whose FIN was
    /// captured, perhaps behind the RST, had closed.
    pub fn knows_nothing(&self, role: Role) -> bool {
        let endpoint = self.endpoint(role);
        let unknown = self
            .seen(EventKind::ConnectionUnknown)
            .any(|seen| seen.endpoint == role);
        // An abort without ACK looks the same; but who aborts was talking just before.
        let round_trip = endpoint.tap_rtt_ns.unwrap_or(0).max(1_000_000);
        let silent = endpoint.silent_before_reset_ns.unwrap_or(0) >= round_trip.saturating_mul(5);
        unknown && silent && endpoint.fin_packet.is_none()
    }

    /// Since when a side has been in the state in which it ended, if it ever changed it.
    pub fn since(&self, role: Role) -> Option<&'a Transition> {
        self.endpoint(role).transitions.last()
    }
}

/// Events of one kind and endpoint.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The endpoint whose segments they are.
    pub endpoint: Role,
    /// The first few packets, in order.
    pub packets: Vec<PacketNumber>,
    /// How many, exactly.
    pub count: u64,
    /// When the first one passed.
    pub at: Timestamp,
    /// The last one.
    pub last_packet: PacketNumber,
    /// When the last one passed.
    pub last_at: Timestamp,
}

impl Seen {
    fn of(connection: &Connection, kind: EventKind, endpoint: Role) -> Option<Seen> {
        let mut kept =
            (connection.events.iter()).filter(|event| (event.kind, event.endpoint) == (kind, endpoint));
        let first = kept.next()?;
        let mut seen = Seen {
            endpoint,
            packets: vec![first.packet],
            count: 1,
            at: first.at,
            last_packet: first.packet,
            last_at: first.at,
        };
        for event in kept {
            seen.packets.push(event.packet);
            seen.count += 1;
            (seen.last_packet, seen.last_at) = (event.packet, event.at);
        }
        let folded = (connection.events_folded.iter())
            .find(|folded| (folded.kind, folded.endpoint) == (kind, endpoint));
        if let Some(folded) = folded {
            seen.count += folded.count;
            (seen.last_packet, seen.last_at) = (folded.last_packet, folded.last_at);
        }
        Some(seen)
    }

    /// From the first to the last, as text; empty for a single one.
    pub fn span(&self) -> String {
        if self.count > 1 {
            format!(" over {}", human_duration(self.last_at.since(self.at)))
        } else {
            String::new()
        }
    }

    /// `once`, `twice`, `7 times`.
    pub fn times(&self) -> String {
        times(self.count)
    }
}

/// `once`, `twice`, `7 times`.
pub fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

/// `1 octet`, `7 octets`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A finding as its rule drafts it; the rest follows from the rule and the connection.
#[derive(Debug, Clone)]
pub struct Draft {
    severity: Severity,
    confidence: Confidence,
    endpoint: Option<Role>,
    at: Option<Timestamp>,
    packets: Vec<PacketNumber>,
    count: u64,
    last_packet: Option<PacketNumber>,
    message: String,
}

impl Draft {
    /// A finding about one endpoint or about neither. It is as bad as the rule says, and certain.
    pub fn new(
        subject: &Subject<'_>,
        endpoint: impl Into<Option<Role>>,
        message: impl Into<String>,
    ) -> Draft {
        Draft {
            severity: subject.severity,
            confidence: Confidence::Proven,
            endpoint: endpoint.into(),
            at: None,
            packets: Vec::new(),
            count: 1,
            last_packet: None,
            message: message.into(),
        }
    }

    /// Shown by these events.
    #[must_use]
    pub fn seen(mut self, seen: &Seen) -> Draft {
        self.at = Some(seen.at);
        self.packets.clone_from(&seen.packets);
        self.count = seen.count;
        self.last_packet = Some(seen.last_packet);
        self
    }

    /// Shown by this change of state; not surer than that.
    #[must_use]
    pub fn by(mut self, step: &Transition) -> Draft {
        self.at = Some(step.at);
        self.packets.extend(step.packet);
        self.last_packet = self.packets.last().copied();
        self.limited(match step.evidence {
            Evidence::Sent | Evidence::Confirmed => Confidence::Proven,
            Evidence::Presumed | Evidence::Inferred | Evidence::Timer => Confidence::Likely,
        })
    }

    /// Shown by these packets, in order.
    #[must_use]
    pub fn packets(mut self, packets: impl IntoIterator<Item = PacketNumber>) -> Draft {
        self.packets.extend(packets);
        self.last_packet = self.packets.last().copied();
        self
    }

    /// At this moment, or since then.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Draft {
        self.at = Some(at);
        self
    }

    /// Happened so often.
    #[must_use]
    pub fn count(mut self, count: u64) -> Draft {
        self.count = count;
        self
    }

    /// Not surer than this.
    #[must_use]
    pub fn limited(mut self, confidence: Confidence) -> Draft {
        self.confidence = weaker(self.confidence, confidence);
        self
    }

    /// Another severity than the rule's.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Draft {
        self.severity = severity;
        self
    }

    /// With the rule's names on it, graded down by what is wrong with the capture.
    pub(super) fn graded(self, rule: &Rule, connection: &Connection) -> Finding {
        let weakened_by: Vec<&'static str> = (rule.excused_by.iter())
            .filter(|fault| fault.is_in(&connection.quality))
            .map(|fault| fault.name())
            .collect();
        let (severity, confidence) = if weakened_by.is_empty() {
            (self.severity, self.confidence)
        } else {
            (self.severity.lower(), Confidence::Possible)
        };
        Finding {
            code: rule.code,
            name: rule.name,
            severity,
            confidence,
            endpoint: self.endpoint,
            packet: self.packets.first().copied(),
            at: self.at,
            last_packet: self.last_packet,
            packets: self.packets,
            count: self.count,
            message: self.message,
            weakened_by,
        }
    }
}
