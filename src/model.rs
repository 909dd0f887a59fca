//! The facts as plain data: what every view shows and what the JSON contract serializes.
//!
//! Times are RFC 3339 strings in UTC with nine digits, durations are integer nanoseconds in fields that end in `_ns`,
//! packet numbers count from 1, sequence numbers are the raw 32-bit values. A field that the capture cannot tell is
//! `null`, never zero. Fields may be added; none may be renamed or dropped without a new major version.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::segment::PacketNumber;
pub use crate::seq::Seq as SequenceNumber;
use crate::time::Timestamp;
pub use crate::tracker::evidence::{Cause, Evidence, Transition, Withdrawn};
pub use crate::tracker::observation::Kind as EventKind;
pub use crate::tracker::state::State;
pub use crate::tracker::trace::{Control, ControlKind, Direction, Edge, Join, Marks, Stroke, Trace};
pub use crate::tracker::{Role, RolesFrom};

mod build;
mod capture;
mod dwell;
mod line;
mod numbers;
mod packets;
mod reuse;
mod source;
mod stretch;
mod usual;
pub use build::{connection, connections, finished, quality, report_bytes};
pub use capture::{Capture, Checksums, EvictedServer, FindingTotal, Fragments, Step, Summary};
pub use dwell::Dwell;
pub use line::{Line, lines};
pub use numbers::Numbers;
pub use source::{Comment, Interface, Process, Source, Writer};
pub use stretch::Stretch;
pub use usual::{Ending, Usual, UsualClose};

/// Version of the JSON contract; grows by one when a field is renamed or dropped.
pub const SCHEMA_VERSION: u32 = 1;

/// Everything one run found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Analysis {
    /// The capture as a whole.
    pub capture: Capture,
    /// Its files, in the order of the timeline.
    pub sources: Vec<Source>,
    /// One entry for each connection (incarnation), in order of their first packet.
    pub connections: Vec<Connection>,
    /// What was found in services and in the capture as a whole.
    pub findings: Vec<ServiceFinding>,
    /// Totals.
    pub summary: Summary,
}

/// One incarnation of a 4-tuple.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Connection {
    /// Number of the connection, from 1 in order of first packets.
    pub id: u64,
    /// How many earlier connections of this capture used the same 4-tuple.
    pub incarnation: u32,
    /// Who sent the first SYN.
    pub client: Address,
    /// Its peer.
    pub server: Address,
    /// How the roles were told: `syn`, `syn-ack`, or `guess`.
    pub roles_from: RolesFrom,
    /// VLAN ids around it, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<u16>,
    /// Tunnels around it, outermost first: kind, identifier where both directions carry the same one, and the outer
    /// addresses, as in `vxlan 7 10.0.0.1-10.0.0.2`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tunnels: Vec<String>,
    /// First packet of the connection.
    pub first_packet: PacketNumber,
    /// Last packet of the connection.
    pub last_packet: PacketNumber,
    /// Capture time of the first packet.
    pub first_time: Timestamp,
    /// Capture time of the last packet.
    pub last_time: Timestamp,
    /// The opening.
    pub handshake: Handshake,
    /// How it ended.
    pub outcome: Outcome,
    /// The closing.
    pub close: Close,
    /// Both endpoints.
    pub endpoints: Endpoints,
    /// Capture quality as far as it touches this connection.
    pub quality: Quality,
    /// How it took over the 4-tuple from the connection before; null for the first one of its 4-tuple, and where the one
    /// before was evicted.
    pub reuse: Option<Reuse>,
    /// The connection that took its 4-tuple over; null for the last one of its 4-tuple.
    pub successor: Option<Successor>,
    /// What is wrong or remarkable about it, by code.
    pub findings: Vec<Finding>,
    /// Protocol events that rules and people look at, in order of packets: the first few of each kind and endpoint.
    pub events: Vec<Event>,
    /// Events beyond those, counted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events_folded: Vec<FoldedEvents>,
    /// The segments, runs of plain data folded. Kept only when a view asks for them (`show`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ladder: Vec<LadderRow>,
    /// What its time-sequence graph is drawn of; kept with the ladder, and no part of the JSON contract.
    #[serde(skip)]
    #[schemars(skip)]
    pub trace: Option<Box<Trace>>,
}

/// An IP address and a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// IPv4 or IPv6 address.
    pub ip: IpAddr,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        crate::segment::Endpoint {
            ip: self.ip,
            port: self.port,
        }
        .fmt(f)
    }
}

/// The opening of a connection (RFC 9293 section 3.5).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Handshake {
    /// Both SYNs were acknowledged, as far as the capture shows.
    pub complete: bool,
    /// Both sides sent a SYN before they saw the other's (simultaneous open).
    pub simultaneous: bool,
    /// The client's first SYN.
    pub syn_packet: Option<PacketNumber>,
    /// The server's first SYN-ACK for it.
    pub syn_ack_packet: Option<PacketNumber>,
    /// The first segment without SYN that acknowledged the server's SYN.
    pub ack_packet: Option<PacketNumber>,
    /// Initial send sequence number of the client.
    pub client_iss: Option<u32>,
    /// Initial send sequence number of the server.
    pub server_iss: Option<u32>,
    /// From the SYN (its last copy before the answer) to the segment that acknowledged the SYN-ACK, at the tap: one
    /// full round trip, wherever the tap is.
    pub rtt_ns: Option<i64>,
    /// Options that the client's SYN offered.
    pub client_options: Option<OfferedOptions>,
    /// Options that the server's SYN offered.
    pub server_options: Option<OfferedOptions>,
    /// What both SYNs together put in force (R22).
    pub in_force: Option<OptionsInForce>,
    /// Copies of the client's SYN beyond the first.
    pub syn_retransmissions: u32,
    /// Copies of the server's SYN or SYN-ACK beyond the first.
    pub syn_ack_retransmissions: u32,
    /// Payload octets on the client's SYN (Fast Open, RFC 7413).
    pub syn_data_bytes: u32,
    /// Whether the SYN-ACK took the payload of the SYN; null if there was no such payload or no answer.
    pub syn_data_accepted: Option<bool>,
}

/// Options on a SYN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OfferedOptions {
    /// Maximum segment size, octets.
    pub mss: Option<u16>,
    /// Window scale shift count as sent.
    pub window_scale: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: bool,
    /// A Fast Open option was there.
    pub fast_open: bool,
    /// The snap length cut the option list: an option not named here may have been there.
    pub cut: bool,
}

/// Options that both ends agreed on (RFC 7323 sections 2.2 and 3.2, RFC 2018).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OptionsInForce {
    /// Windows are scaled.
    pub window_scaling: bool,
    /// Both sides may send SACK blocks.
    pub sack: bool,
    /// Every segment carries timestamps.
    pub timestamps: bool,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Both FINs were acknowledged.
    Closed,
    /// A RST ended it.
    Reset,
    /// A RST answered the SYN.
    Refused,
    /// SYNs and nothing else.
    Unanswered,
    /// The handshake was not completed.
    HalfOpen,
    /// One FIN at the end of the capture.
    HalfClosed,
    /// Both FINs were sent, not both acknowledged.
    Closing,
    /// Neither FIN nor RST.
    Open,
    /// A limit of this program was reached, and no more is known of it. No connection that is shown has this outcome; the
    /// summary counts the others by it.
    Evicted,
}

impl Outcome {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Closed => "closed",
            Outcome::Reset => "reset",
            Outcome::Refused => "refused",
            Outcome::Unanswered => "unanswered",
            Outcome::HalfOpen => "half-open",
            Outcome::HalfClosed => "half-closed",
            Outcome::Closing => "closing",
            Outcome::Open => "open",
            Outcome::Evicted => "evicted",
        }
    }

    /// All of them, in the order people scan a list.
    pub const ALL: [Outcome; 9] = [
        Outcome::Closed,
        Outcome::Reset,
        Outcome::Refused,
        Outcome::Unanswered,
        Outcome::HalfOpen,
        Outcome::HalfClosed,
        Outcome::Closing,
        Outcome::Open,
        Outcome::Evicted,
    ];
}

/// How a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CloseKind {
    /// One side closed, the other answered.
    ActivePassive,
    /// Both FINs crossed (RFC 9293 figure 13).
    Simultaneous,
    /// A RST.
    Reset,
}

/// The closing of a connection (RFC 9293 section 3.6).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Close {
    /// Null while neither FIN nor RST was seen.
    pub kind: Option<CloseKind>,
    /// Who sent the first FIN (by acknowledgment numbers, not by order at the tap) or, without one, the RST. Null for a
    /// simultaneous close.
    pub first_closer: Option<Role>,
    /// Time that the second closer spent in CLOSE-WAIT. A lower bound while `half_close_open`.
    pub half_close_ns: Option<i64>,
    /// Octets that the second closer sent in it.
    pub half_close_bytes: Option<u64>,
    /// The second closer has not sent its FIN by the end of the capture.
    pub half_close_open: bool,
    /// The second closer: the side that is or was in CLOSE-WAIT. Null without a half-close.
    pub close_wait_endpoint: Option<Role>,
    /// When it entered CLOSE-WAIT.
    pub close_wait_since: Option<Timestamp>,
    /// Whether the second closer had sent payload after the last payload of the first closer when that sent its FIN: the
    /// request was answered, as far as one can tell. Null if the first closer had sent none.
    pub request_answered: Option<bool>,
    /// Keepalive and window probes of each side since the half-close began.
    pub half_close_probes: Option<SidePair>,
    /// Who holds TIME-WAIT; null if nobody does, `both` after a simultaneous close.
    pub time_wait_holder: Option<TimeWaitHolder>,
    /// Retransmitted FINs that restarted 2 MSL.
    pub time_wait_restarts: u32,
    /// Who sent the RST that ended it.
    pub reset_by: Option<Role>,
}

/// A count for each side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SidePair {
    /// Of the client.
    pub client: u64,
    /// Of the server.
    pub server: u64,
}

/// Who passed into TIME-WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeWaitHolder {
    /// The client.
    Client,
    /// The server.
    Server,
    /// Both, after a simultaneous close.
    Both,
}

/// Both endpoints of a connection.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Endpoints {
    /// The client.
    pub client: EndpointReport,
    /// The server.
    pub server: EndpointReport,
}

/// One endpoint: its life and its counters.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EndpointReport {
    /// State at the end of the capture.
    pub state: State,
    /// How the state at the end is known: the evidence of the last transition. Without any, `presumed` where the endpoint was
    /// never heard, else null: it spoke and changed nothing (a closed port that refuses), or the state is UNKNOWN.
    pub state_evidence: Option<Evidence>,
    /// Every change of state, in order. Of more than 256 the first and the last 128 are kept.
    pub transitions: Vec<Transition>,
    /// Transitions between the first and the last ones that were not kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub transitions_folded: u64,
    /// Presumed transitions that a later segment refuted: the segment never got there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<Withdrawn>,
    /// Those beyond the bound that were not kept.
    #[serde(skip_serializing_if = "is_zero")]
    pub withdrawn_folded: u64,
    /// Time in each state that was left or is still held, nanoseconds. The state at the end counts until the end of the
    /// capture; CLOSED, LISTEN and UNKNOWN are not counted.
    pub dwell_ns: Dwell,
    /// Segments that this endpoint sent, copies and capture duplicates included.
    pub packets: u64,
    /// Octets of payload in them.
    pub payload_bytes: u64,
    /// Segments with nothing but what had been sent before.
    pub retransmitted_segments: u64,
    /// Keepalive and window probes (one before SND.NXT).
    pub probes: u64,
    /// Its FIN: the first packet that carried it.
    pub fin_packet: Option<PacketNumber>,
    /// Whether an acknowledgment of its FIN passed the tap; null if it sent none.
    pub fin_acknowledged: Option<bool>,
    /// Octets of payload that it sent and its peer has not acknowledged by the end; null if nothing tells.
    pub unacknowledged_bytes: Option<u64>,
    /// For how long it had been silent when its RST showed that it did not know the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_before_reset_ns: Option<i64>,
    /// It was sent something that demands an answer (data, SYN, FIN, a probe) and was not heard since. Null if it answered
    /// everything.
    pub owes_answer: Option<Owed>,
    /// Smallest round trip from the tap to this endpoint and back; null if none could be measured.
    pub tap_rtt_ns: Option<i64>,
}

/// An answer that never came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Owed {
    /// When the first unanswered segment passed the tap.
    pub since: Timestamp,
    /// That segment.
    pub packet: PacketNumber,
    /// How many segments that demand an answer passed since.
    pub asked: u64,
    /// All of them were keepalive or window probes.
    pub only_probes: bool,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Capture quality of one connection.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Quality {
    /// Segments of only one side were captured.
    pub one_sided: bool,
    /// The beginning is missing.
    pub midstream: bool,
    /// Segments that the capture recorded twice.
    pub duplicate_segments: u64,
    /// Octets that were acknowledged but never captured.
    pub missed_bytes: u64,
    /// FINs that are not in the capture: an acknowledgment shows that they were sent.
    pub inferred_segments: u64,
    /// Segments that the snap length cut.
    pub cut_segments: u64,
    /// Segments whose time stamp lies before that of the connection's segment before.
    pub time_steps_back: u64,
    /// The longest of these steps, nanoseconds; zero without any.
    pub longest_step_back_ns: i64,
}

/// How bad a finding is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A fact of a connection's life that is neither good nor bad. Left out unless asked for.
    Info,
    /// Worth knowing; healthy networks do this.
    #[default]
    Note,
    /// Somebody should look.
    Warning,
    /// A rule of the protocol is broken, or a program is.
    Error,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Severity; 4] = [Severity::Info, Severity::Note, Severity::Warning, Severity::Error];

    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }

    /// One step down; a note stays a note.
    #[must_use]
    pub fn lower(self) -> Severity {
        match self {
            Severity::Info => Severity::Info,
            Severity::Note | Severity::Warning => Severity::Note,
            Severity::Error => Severity::Warning,
        }
    }
}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The quality of the capture, or an ordinary delay, could explain what was seen as well.
    Possible,
    /// It follows from what passed the tap, if that arrived.
    Likely,
    /// Segments of the endpoint itself show it.
    Proven,
}

impl Confidence {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Possible => "possible",
            Confidence::Likely => "likely",
            Confidence::Proven => "proven",
        }
    }
}

/// What a rule found in one connection. Repeats of the same thing at the same endpoint are one finding with a count.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Finding {
    /// Stable code, `TW04`.
    pub code: &'static str,
    /// Stable name, `reuse-illegal`.
    pub name: &'static str,
    /// How bad; lower than the rule's own where the capture's quality could explain it (`weakened_by`).
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The endpoint that did it, or that suffers from it where nobody is at fault; null if it is neither.
    pub endpoint: Option<Role>,
    /// The first packet that shows it; null where its absence does.
    pub packet: Option<PacketNumber>,
    /// When: the time of that packet, or since when something is missing.
    pub at: Option<Timestamp>,
    /// The packets that show it, the first few of them, in order.
    pub packets: Vec<PacketNumber>,
    /// How often it happened, exactly.
    pub count: u64,
    /// The last packet that shows it.
    pub last_packet: Option<PacketNumber>,
    /// In words, one line.
    pub message: String,
    /// What about the capture could explain it instead: `capture-loss`, `capture-duplicates`, `one-sided`, `cut-start`,
    /// `clock-steps`, `snap-length`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weakened_by: Vec<&'static str>,
}

/// What a rule found in the connections of one service together, or in the capture as a whole. A line of
/// `"type": "finding"` in a JSON Lines stream, after the connections.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServiceFinding {
    /// Stable code, `HC05`.
    pub code: &'static str,
    /// Stable name.
    pub name: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The service; null for a finding about the capture.
    pub server: Option<Address>,
    /// The client, where it is about one.
    pub client: Option<IpAddr>,
    /// Which side it is about.
    pub endpoint: Option<Role>,
    /// How many connections it is about, exactly.
    pub connections: u64,
    /// The ids of some of them, those that show it best first.
    pub ids: Vec<u64>,
    /// The ids of all of them, for views; not part of the contract.
    #[serde(skip)]
    pub behind: Numbers,
    /// Since when.
    pub at: Option<Timestamp>,
    /// In words, one line.
    pub message: String,
    /// What about the capture could explain it instead, in the words of a connection's findings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weakened_by: Vec<&'static str>,
}

impl ServiceFinding {
    /// Whether this connection is among those that it is about.
    pub fn is_about(&self, id: u64) -> bool {
        self.ids.contains(&id) || self.behind.contains(id)
    }
}

/// How a connection took over its 4-tuple from the one before (RFC 9293 section 3.6.1, RFC 1122 section 4.2.2.13,
/// RFC 6191).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Reuse {
    /// Id of the connection before.
    pub previous: u64,
    /// Its first packet.
    #[serde(skip)]
    #[schemars(skip)]
    pub previous_first_packet: PacketNumber,
    /// The SYN's sender is the one that had opened the connection before, too.
    pub same_roles: bool,
    /// The state in the connection before, when the SYN passed, of the endpoint that sent the SYN.
    pub opener_state: State,
    /// The state in the connection before, when the SYN passed, of the endpoint that the SYN was sent to.
    pub peer_state: State,
    /// From the last segment of the connection before to the SYN, nanoseconds; negative where times went back. Null if the
    /// SYN was not captured.
    pub gap_ns: Option<i64>,
    /// From the moment when TIME-WAIT began (or was restarted) to the SYN, nanoseconds. Null if nobody held it.
    pub time_wait_age_ns: Option<i64>,
    /// Who held TIME-WAIT, in the roles of this connection; null if nobody did.
    pub time_wait_holder: Option<TimeWaitHolder>,
    /// The new ISS less the SND.NXT that the same endpoint had before, modulo 2^32: positive is beyond the old numbers.
    pub iss_distance: Option<i32>,
    /// The TSval of the SYN less the newest one of the same endpoint before; null if either had none.
    pub tsval_distance: Option<i32>,
    /// The SYN-ACK starts 65 537 beyond the old SND.NXT of its sender: the mark of a Linux host that had the 4-tuple in
    /// TIME-WAIT.
    pub linux_time_wait_iss: bool,
    /// What is to be said of it.
    pub verdict: ReuseVerdict,
    /// Of a refused one, the packet that answered the SYN by old numbers.
    pub refused_by_packet: Option<PacketNumber>,
    /// Of a refused one, the RST that followed that answer.
    pub reset_packet: Option<PacketNumber>,
    /// From the first SYN to the one that was answered by a SYN-ACK (if none was, to the end of the attempt or of the
    /// capture), nanoseconds.
    pub delay_ns: Option<i64>,
}

/// The next connection of the same 4-tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Successor {
    /// Its id.
    pub id: u64,
    /// Its first packet.
    #[serde(skip)]
    #[schemars(skip)]
    pub first_packet: PacketNumber,
    /// The RST with which its opener answered old numbers: it ends this connection, but belongs to the story of that one.
    pub reset_packet: Option<PacketNumber>,
}

/// The judgement on the reuse of a 4-tuple.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReuseVerdict {
    /// The connection before was over and nobody held TIME-WAIT any more.
    Free,
    /// In TIME-WAIT; the ISS is beyond all sequence numbers of the old connection.
    LegalByIss,
    /// In TIME-WAIT; the timestamp is newer than all of the old connection (RFC 6191).
    LegalByTimestamp,
    /// In TIME-WAIT; the holder itself opened.
    ByHolder,
    /// In TIME-WAIT; refused at first: old numbers answered the SYN.
    Refused,
    /// In TIME-WAIT; neither number is beyond the old ones, and yet it was accepted.
    Illegal,
    /// In TIME-WAIT; nobody answered.
    Unanswered,
    /// The connection before was not over at the side that the SYN was sent to.
    NotOver,
    /// The connection before is an attempt that nobody had answered.
    AfterUnanswered,
    /// What became of the connection before is not known.
    Unknown,
}

/// A protocol event that changed no state by itself but explains the connection.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// The endpoint whose segment it is.
    pub endpoint: Role,
    /// The packet.
    pub packet: PacketNumber,
    /// Its capture time.
    pub at: Timestamp,
}

/// Events of one kind and endpoint beyond those kept one by one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FoldedEvents {
    /// What.
    pub kind: EventKind,
    /// The endpoint whose segments they are.
    pub endpoint: Role,
    /// How many, exactly.
    pub count: u64,
    /// The last one.
    pub last_packet: PacketNumber,
    /// Its capture time.
    pub last_at: Timestamp,
}

/// One line of the ladder: a segment, or a run of plain data and acknowledgments folded into one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LadderRow {
    /// First packet.
    pub first_packet: PacketNumber,
    /// Last packet; equal to `first_packet` for a single segment.
    pub last_packet: PacketNumber,
    /// Capture time of the first.
    pub first_time: Timestamp,
    /// Capture time of the last.
    pub last_time: Timestamp,
    /// What it was.
    #[serde(flatten)]
    pub content: LadderContent,
}

/// What a line of the ladder shows.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "row", rename_all = "kebab-case")]
pub enum LadderContent {
    /// One segment.
    Segment {
        /// Its sender.
        from: Role,
        /// Names of the control bits, `SYN,ACK`.
        flags: String,
        /// SEG.SEQ.
        seq: u32,
        /// SEG.ACK, if the ACK bit is set.
        ack: Option<u32>,
        /// Octets of payload.
        payload: u32,
        /// What is special about it, as words: `retransmission`, `capture duplicate`, `keepalive`, …
        notes: Vec<&'static str>,
    },
    /// Several segments without SYN, FIN, RST or a transition.
    Run {
        /// Sender of the first of them.
        first_from: Role,
        /// Segments from the client.
        client_segments: u64,
        /// Octets of payload in them.
        client_bytes: u64,
        /// Segments from the server.
        server_segments: u64,
        /// Octets of payload in them.
        server_bytes: u64,
    },
}
