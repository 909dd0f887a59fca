//! What rules and people want to know beyond the states: protocol events, the first few of each kind kept, all counted.

use schemars::JsonSchema;
use serde::Serialize;

use super::Role;
use super::evidence::Mark;
use super::footprint::list;
use super::packed::packed;

/// How many observations of one kind and side are kept in full.
const KEPT: u64 = 8;

/// A protocol event that changes no state by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "EventKind")]
pub enum Kind {
    /// A SYN with the ISS of this connection, again.
    SynRetransmitted,
    /// A SYN-ACK, again.
    SynAckRetransmitted,
    /// A SYN-ACK that does not acknowledge the client's SYN.
    SynAckBadAck,
    /// A SYN-ACK from the side that had opened with a SYN, which was not answered by a SYN.
    SynAckFromOpener,
    /// The ACK that should complete the handshake acknowledges something else, or comes with another sequence number.
    HandshakeAckBad,
    /// Payload (not on the SYN) before its sender could know that the handshake is done.
    DataBeforeEstablished,
    /// A SYN or SYN-ACK sent again with other options.
    SynOptionsChanged,
    /// A SYN or SYN-ACK sent again with fewer options, or a smaller MSS.
    SynOptionsDropped,
    /// A segment without timestamps although both SYNs agreed on them (RFC 7323 section 3.2).
    TimestampMissing,
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
    /// A FIN far outside the window.
    FinOutsideWindow,
    /// A FIN that acknowledges what was never sent.
    FinBadAck,
    /// A FIN without an ACK.
    FinWithoutAck,
    /// A FIN from a side whose SYN nobody had answered.
    FinBeforeAnswer,
    /// A FIN for a connection of which the capture shows nothing before.
    FinNoConnection,
    /// A FIN that is not in the capture: the acknowledgment shows it.
    FinMissing,
    /// Payload beyond the sender's own FIN.
    DataAfterFin,
    /// A FIN again in TIME-WAIT: 2 MSL starts anew.
    TimeWaitRestarted,
    /// A segment from the peer in TIME-WAIT that is not its FIN.
    SegmentInTimeWait,
    /// A FIN again in TIME-WAIT that the holder should have acknowledged and did not: it had left the state.
    FinUnansweredInTimeWait,
    /// A RST in the window, not at its edge: the receiver owes a challenge ACK (RFC 5961 section 3).
    ResetInWindow,
    /// A RST shortly below the window: it answers a segment that left before newer ones were acknowledged (RFC 9293 section
    /// 3.5.2, group 3).
    ResetBelowWindow,
    /// A RST outside the window.
    ResetOutsideWindow,
    /// A RST in SYN-SENT that does not acknowledge the SYN.
    ResetBadAck,
    /// A RST without ACK that answers a segment of the peer, from a side that had neither closed nor reset: it does not know
    /// the connection (RFC 9293 section 3.5.1).
    ConnectionUnknown,
    /// A RST for a connection that does not exist.
    ResetNoConnection,
    /// An ACK that answers a RST in the window, as RFC 5961 section 3 asks.
    ResetChallenged,
    /// A RST with payload.
    ResetWithData,
    /// The sender of a RST went on talking.
    ActivityAfterReset,
    /// A segment far outside the window.
    SegmentOutsideWindow,
    /// An acknowledgment of octets beyond anything the peer could have sent.
    AckBeyondSent,
    /// A segment older than the SYN of its sender, by its timestamp (RFC 7323 section 5).
    OldTimestamp,
    /// A segment older than what its sender had sent before, by its timestamp, although its octets are new (PAWS, RFC 7323
    /// section 5.3).
    PawsRejected,
    /// An answer to a SYN that echoes a timestamp which no copy of the SYN carried.
    EchoNeverSent,
    /// A segment of an earlier connection of the 4-tuple, inside the receive window of this one.
    OldDuplicateInWindow,
    /// An acknowledgment of octets that the capture lacks.
    CaptureLoss,
    /// SYN with FIN, RST or URG, FIN with RST, FIN with URG but no ACK, or none of SYN, FIN, RST and ACK.
    BadFlags,
    /// A segment with a wrong checksum, if checksums are verified.
    BadChecksum,
    /// Payload on a SYN.
    DataOnSyn,
    /// The SYN-ACK did not take the payload of the SYN.
    SynDataIgnored,
}

impl Kind {
    /// Stable name in every output.
    pub fn name(self) -> &'static str {
        match self {
            Kind::SynRetransmitted => "syn-retransmitted",
            Kind::SynAckRetransmitted => "syn-ack-retransmitted",
            Kind::SynAckBadAck => "syn-ack-bad-ack",
            Kind::SynAckFromOpener => "syn-ack-from-opener",
            Kind::HandshakeAckBad => "handshake-ack-bad",
            Kind::DataBeforeEstablished => "data-before-established",
            Kind::SynOptionsChanged => "syn-options-changed",
            Kind::SynOptionsDropped => "syn-options-dropped",
            Kind::TimestampMissing => "timestamp-missing",
            Kind::SynAckChangedIss => "syn-ack-changed-iss",
            Kind::SimultaneousOpen => "simultaneous-open",
            Kind::SynInConnection => "syn-in-connection",
            Kind::SynChallenged => "syn-challenged",
            Kind::OldDuplicateSyn => "old-duplicate-syn",
            Kind::FinRetransmitted => "fin-retransmitted",
            Kind::FinChangedSeq => "fin-changed-seq",
            Kind::FinOutOfOrder => "fin-out-of-order",
            Kind::FinOutsideWindow => "fin-outside-window",
            Kind::FinBadAck => "fin-bad-ack",
            Kind::FinWithoutAck => "fin-without-ack",
            Kind::FinBeforeAnswer => "fin-before-answer",
            Kind::FinNoConnection => "fin-no-connection",
            Kind::FinMissing => "fin-missing",
            Kind::DataAfterFin => "data-after-fin",
            Kind::TimeWaitRestarted => "time-wait-restarted",
            Kind::SegmentInTimeWait => "segment-in-time-wait",
            Kind::FinUnansweredInTimeWait => "fin-unanswered-in-time-wait",
            Kind::ResetInWindow => "reset-in-window",
            Kind::ResetBelowWindow => "reset-below-window",
            Kind::ResetOutsideWindow => "reset-outside-window",
            Kind::ResetBadAck => "reset-bad-ack",
            Kind::ConnectionUnknown => "connection-unknown",
            Kind::ResetNoConnection => "reset-no-connection",
            Kind::ResetChallenged => "reset-challenged",
            Kind::ResetWithData => "reset-with-data",
            Kind::ActivityAfterReset => "activity-after-reset",
            Kind::SegmentOutsideWindow => "segment-outside-window",
            Kind::AckBeyondSent => "ack-beyond-sent",
            Kind::OldTimestamp => "old-timestamp",
            Kind::PawsRejected => "paws-rejected",
            Kind::EchoNeverSent => "echo-never-sent",
            Kind::OldDuplicateInWindow => "old-duplicate-in-window",
            Kind::CaptureLoss => "capture-loss",
            Kind::BadFlags => "bad-flags",
            Kind::BadChecksum => "bad-checksum",
            Kind::DataOnSyn => "data-on-syn",
            Kind::SynDataIgnored => "syn-data-ignored",
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

/// How often something was observed.
#[derive(Clone, Copy, Debug)]
pub struct Tally {
    /// What.
    pub kind: Kind,
    /// Whose segments.
    pub role: Role,
    /// All of them, those kept in full included.
    pub count: u64,
    /// The last one.
    pub last: Mark,
}

impl Tally {
    /// How many are not kept in full.
    pub fn folded(&self) -> u64 {
        self.count.saturating_sub(KEPT)
    }
}

/// The observations of one connection.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    kept: Vec<Observation>,
    tallies: Vec<Tally>,
}

impl Observations {
    /// Notes one.
    pub fn note(&mut self, kind: Kind, role: Role, mark: Mark) {
        let known = self
            .tallies
            .iter_mut()
            .find(|tally| (tally.kind, tally.role) == (kind, role));
        let count = match known {
            Some(tally) => {
                tally.count += 1;
                // An old SYN is noted when it turns out to be one, after younger segments.
                if mark.packet > tally.last.packet {
                    tally.last = mark;
                }
                tally.count
            }
            None => {
                let count = 1;
                self.tallies.push(Tally {
                    kind,
                    role,
                    count,
                    last: mark,
                });
                count
            }
        };
        if count <= KEPT {
            self.kept.push(Observation { kind, role, mark });
        }
    }

    /// Takes over those of another connection that turned out to be this one; `swapped`: its client is our server.
    pub fn absorb(&mut self, other: Observations, swapped: bool) {
        let side = |role: Role| if swapped { role.other() } else { role };
        for theirs in other.tallies {
            let theirs = Tally {
                role: side(theirs.role),
                ..theirs
            };
            let known = self
                .tallies
                .iter_mut()
                .find(|ours| (ours.kind, ours.role) == (theirs.kind, theirs.role));
            match known {
                Some(ours) => {
                    ours.count += theirs.count;
                    if theirs.last.packet > ours.last.packet {
                        ours.last = theirs.last;
                    }
                }
                None => self.tallies.push(theirs),
            }
        }
        self.kept.extend(other.kept.into_iter().map(|theirs| Observation {
            role: side(theirs.role),
            ..theirs
        }));
        self.kept.sort_by_key(|observation| observation.mark.packet);
        for tally in &self.tallies {
            let mut kept = 0;
            self.kept.retain(|observation| {
                let same = (observation.kind, observation.role) == (tally.kind, tally.role);
                kept += u64::from(same);
                !same || kept <= KEPT
            });
        }
    }

    /// Octets that it holds besides its own size.
    pub(super) fn heap_bytes(&self) -> u64 {
        list::<Observation>(self.kept.capacity()) + list::<Tally>(self.tallies.capacity())
    }

    /// Those kept in full, in order of notice.
    pub fn kept(&self) -> &[Observation] {
        &self.kept
    }

    /// How often each kind was seen at each side.
    pub fn tallies(&self) -> &[Tally] {
        &self.tallies
    }
}

packed!(
    enum Kind {
        SynRetransmitted,
        SynAckRetransmitted,
        SynAckBadAck,
        SynAckFromOpener,
        HandshakeAckBad,
        DataBeforeEstablished,
        SynOptionsChanged,
        SynOptionsDropped,
        TimestampMissing,
        SynAckChangedIss,
        SimultaneousOpen,
        SynInConnection,
        SynChallenged,
        OldDuplicateSyn,
        FinRetransmitted,
        FinChangedSeq,
        FinOutOfOrder,
        FinOutsideWindow,
        FinBadAck,
        FinWithoutAck,
        FinBeforeAnswer,
        FinNoConnection,
        FinMissing,
        DataAfterFin,
        TimeWaitRestarted,
        SegmentInTimeWait,
        FinUnansweredInTimeWait,
        ResetInWindow,
        ResetBelowWindow,
        ResetOutsideWindow,
        ResetBadAck,
        ConnectionUnknown,
        ResetNoConnection,
        ResetChallenged,
        ResetWithData,
        ActivityAfterReset,
        SegmentOutsideWindow,
        AckBeyondSent,
        OldTimestamp,
        PawsRejected,
        EchoNeverSent,
        OldDuplicateInWindow,
        CaptureLoss,
        BadFlags,
        BadChecksum,
        DataOnSyn,
        SynDataIgnored,
    }
);
packed!(struct Observation { kind, role, mark });
packed!(struct Tally { kind, role, count, last });
packed!(struct Observations { kept, tallies });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn the_first_few_are_kept_and_all_are_counted() {
        let mark = |packet| Mark {
            packet,
            time: Timestamp::from_ns(packet as i64),
        };
        let mut seen = Observations::default();
        (1..=1_000).for_each(|packet| seen.note(Kind::BadFlags, Role::Client, mark(packet)));
        seen.note(Kind::BadFlags, Role::Server, mark(1_001));
        assert_eq!(seen.kept().len() as u64, KEPT + 1);
        seen.note(Kind::BadFlags, Role::Server, mark(1_000));
        let mut other = Observations::default();
        (2_000..2_100).for_each(|packet| other.note(Kind::BadFlags, Role::Client, mark(packet)));
        seen.absorb(other, false);
        let tallies: Vec<(Role, u64, u64)> = seen
            .tallies()
            .iter()
            .map(|tally| (tally.role, tally.count, tally.last.packet))
            .collect();
        assert_eq!(tallies, [(Role::Client, 1_100, 2_099), (Role::Server, 2, 1_001)]);
        assert_eq!(seen.kept().len() as u64, KEPT + 2);
    }

    #[test]
    fn what_is_absorbed_keeps_its_order_and_its_side() {
        let mark = |packet| Mark {
            packet,
            time: Timestamp::from_ns(packet as i64),
        };
        let mut seen = Observations::default();
        let mut other = Observations::default();
        for packet in [1, 9, 20] {
            seen.note(Kind::BadFlags, Role::Client, mark(packet));
        }
        for packet in [4, 5, 6, 7, 8, 10] {
            other.note(Kind::BadFlags, Role::Server, mark(packet));
        }
        other.note(Kind::DataOnSyn, Role::Client, mark(4));
        seen.absorb(other, true);
        let kept: Vec<(Kind, Role, u64)> = seen
            .kept()
            .iter()
            .map(|observation| (observation.kind, observation.role, observation.mark.packet))
            .collect();
        let bad_flags = |packet| (Kind::BadFlags, Role::Client, packet);
        let mut expected = vec![bad_flags(1), bad_flags(4), (Kind::DataOnSyn, Role::Server, 4)];
        expected.extend([5, 6, 7, 8, 9, 10].map(bad_flags));
        assert_eq!(kept, expected);
        let last: Vec<(u64, u64)> = seen
            .tallies()
            .iter()
            .map(|tally| (tally.count, tally.last.packet))
            .collect();
        assert_eq!(last, [(9, 20), (1, 4)]);
    }

    #[test]
    fn the_name_is_what_the_contract_writes() {
        for kind in [Kind::SynAckBadAck, Kind::OldDuplicateInWindow, Kind::BadFlags] {
            let json = serde_json::to_string(&kind).expect("plain data");
            assert_eq!(json, format!("\"{}\"", kind.name()));
        }
    }
}
