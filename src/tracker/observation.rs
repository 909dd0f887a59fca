//! What rules and people want to know beyond the states: protocol events, kept in order up to a bound, counted exactly.

use super::Role;
use super::evidence::Mark;

/// How many observations of one connection are kept in full.
const KEPT: usize = 48;

/// A protocol event that changes no state by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A SYN with the ISS of this connection, again.
    SynRetransmitted,
    /// A SYN-ACK, again.
    SynAckRetransmitted,
    /// A SYN-ACK that does not acknowledge the client's SYN.
    SynAckBadAck,
    /// A SYN-ACK with another sequence number than before.
    SynAckChangedIss,
    /// Both sides sent a SYN before they saw the other's.
    SimultaneousOpen,
    /// The SYN of this connection came again when it was synchronized.
    SynInConnection,
    /// The answer to a SYN that met another connection (RFC 5961 section 4, RFC 9293 section 3.5.1).
    SynChallenged,
    /// A SYN that nobody stands behind: old numbers answered it, a RST settled it.
    OldDuplicateSyn,
    /// A FIN, again.
    FinRetransmitted,
    /// A FIN at another sequence number than before.
    FinChangedSeq,
    /// A FIN that arrived before data that precedes it.
    FinOutOfOrder,
    /// A FIN that is not in the capture: the acknowledgment shows it.
    FinMissing,
    /// Payload beyond the sender's own FIN.
    DataAfterFin,
    /// A FIN again in TIME-WAIT: 2 MSL starts anew.
    TimeWaitRestarted,
    /// A segment from the peer in TIME-WAIT that is not its FIN.
    SegmentInTimeWait,
    /// A RST in the window, not at its edge: the receiver owes a challenge ACK (RFC 5961 section 3).
    ResetInWindow,
    /// A RST outside the window.
    ResetOutsideWindow,
    /// A RST in SYN-SENT that does not acknowledge the SYN.
    ResetBadAck,
    /// A RST for a connection that does not exist.
    ResetNoConnection,
    /// A RST that its receiver ignored, as its later segments show.
    ResetIgnored,
    /// The sender of a RST went on talking.
    ActivityAfterReset,
    /// A segment far outside the window.
    SegmentOutsideWindow,
    /// An acknowledgment of octets beyond anything the peer could have sent.
    AckBeyondSent,
    /// A segment older than the SYN of its sender, by its timestamp (RFC 7323 section 5).
    OldTimestamp,
    /// An acknowledgment of octets that the capture lacks.
    CaptureLoss,
    /// A keepalive or window probe.
    Probe,
    /// SYN together with FIN or RST, or no flag at all.
    BadFlags,
    /// Payload on a SYN.
    DataOnSyn,
    /// The SYN-ACK did not take the payload of the SYN.
    SynDataIgnored,
    /// The capture recorded a segment twice.
    CaptureDuplicate,
}

impl Kind {
    /// Stable name in every output.
    pub fn name(self) -> &'static str {
        match self {
            Kind::SynRetransmitted => "syn-retransmitted",
            Kind::SynAckRetransmitted => "syn-ack-retransmitted",
            Kind::SynAckBadAck => "syn-ack-bad-ack",
            Kind::SynAckChangedIss => "syn-ack-changed-iss",
            Kind::SimultaneousOpen => "simultaneous-open",
            Kind::SynInConnection => "syn-in-connection",
            Kind::SynChallenged => "syn-challenged",
            Kind::OldDuplicateSyn => "old-duplicate-syn",
            Kind::FinRetransmitted => "fin-retransmitted",
            Kind::FinChangedSeq => "fin-changed-seq",
            Kind::FinOutOfOrder => "fin-out-of-order",
            Kind::FinMissing => "fin-missing",
            Kind::DataAfterFin => "data-after-fin",
            Kind::TimeWaitRestarted => "time-wait-restarted",
            Kind::SegmentInTimeWait => "segment-in-time-wait",
            Kind::ResetInWindow => "reset-in-window",
            Kind::ResetOutsideWindow => "reset-outside-window",
            Kind::ResetBadAck => "reset-bad-ack",
            Kind::ResetNoConnection => "reset-no-connection",
            Kind::ResetIgnored => "reset-ignored",
            Kind::ActivityAfterReset => "activity-after-reset",
            Kind::SegmentOutsideWindow => "segment-outside-window",
            Kind::AckBeyondSent => "ack-beyond-sent",
            Kind::OldTimestamp => "old-timestamp",
            Kind::CaptureLoss => "capture-loss",
            Kind::Probe => "probe",
            Kind::BadFlags => "bad-flags",
            Kind::DataOnSyn => "data-on-syn",
            Kind::SynDataIgnored => "syn-data-ignored",
            Kind::CaptureDuplicate => "capture-duplicate",
        }
    }
}

/// One observation.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// What.
    pub kind: Kind,
    /// Whose segment.
    pub role: Role,
    /// Which packet.
    pub mark: Mark,
}

/// The observations of one connection.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    kept: Vec<Observation>,
    folded: Vec<(Kind, u64)>,
}

impl Observations {
    /// Notes one.
    pub fn note(&mut self, kind: Kind, role: Role, mark: Mark) {
        if self.kept.len() < KEPT {
            self.kept.push(Observation { kind, role, mark });
        } else if let Some((_, count)) = self.folded.iter_mut().find(|(known, _)| *known == kind) {
            *count += 1;
        } else {
            self.folded.push((kind, 1));
        }
    }

    /// Takes over those of another connection that turned out to be this one.
    pub fn absorb(&mut self, other: Observations) {
        for observation in other.kept {
            self.note(observation.kind, observation.role, observation.mark);
        }
        for (kind, more) in other.folded {
            match self.folded.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += more,
                None => self.folded.push((kind, more)),
            }
        }
    }

    /// Those kept in full, in order of notice.
    pub fn kept(&self) -> &[Observation] {
        &self.kept
    }

    /// Those beyond the bound, counted.
    pub fn folded(&self) -> &[(Kind, u64)] {
        &self.folded
    }
}
