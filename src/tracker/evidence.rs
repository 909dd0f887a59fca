//! What is known of an endpoint's life: its transitions, and how each is known.

use schemars::JsonSchema;
use serde::Serialize;

use super::packed::{Pack, Packer, Placed, Unpacker, packed};
use super::state::{Event, State};
use crate::segment::PacketNumber;
use crate::segment::Segment;
use crate::time::Timestamp;

/// A packet and its capture time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Packet number.
    pub packet: PacketNumber,
    /// Capture time.
    pub time: Timestamp,
}

impl Mark {
    /// That of a segment.
    pub fn of(seg: &Segment) -> Mark {
        Mark {
            packet: seg.packet,
            time: seg.time,
        }
    }
}

/// How a transition is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The endpoint itself sent a segment that it only sends in or after the new state.
    Sent,
    /// A segment to it would cause the transition, and a later one from it proves that it arrived.
    Confirmed,
    /// A segment to it would cause the transition; nothing proves that it arrived.
    Presumed,
    /// The beginning or the packet itself is missing in the capture; the state follows from what came later.
    Inferred,
    /// No segment shows it: an expectation by an assumed timer.
    Timer,
}

impl Evidence {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Evidence::Sent => "sent",
            Evidence::Confirmed => "confirmed",
            Evidence::Presumed => "presumed",
            Evidence::Inferred => "inferred",
            Evidence::Timer => "timer",
        }
    }

    /// Whether a segment of the endpoint itself proves it.
    pub fn is_proof(self) -> bool {
        match self {
            Evidence::Sent | Evidence::Confirmed => true,
            Evidence::Presumed | Evidence::Inferred | Evidence::Timer => false,
        }
    }
}

/// What makes an endpoint change its state, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It sent a SYN.
    SynSent,
    /// It received a SYN and answered (SYN-ACK), or received the peer's SYN in SYN-SENT.
    SynReceived,
    /// Its SYN was acknowledged.
    SynAcknowledged,
    /// It sent a FIN.
    FinSent,
    /// It received the peer's FIN and everything before.
    FinReceived,
    /// Its FIN was acknowledged.
    FinAcknowledged,
    /// It sent a RST.
    RstSent,
    /// It received an acceptable RST.
    RstReceived,
    /// A new incarnation took the 4-tuple.
    NewIncarnation,
    /// It was already there when the capture shows it first.
    FirstSeen,
    /// An assumed timer.
    Timer,
}

impl Cause {
    pub(super) fn of(event: Event) -> Cause {
        match event {
            Event::SendSyn => Cause::SynSent,
            Event::SendSynAck | Event::RcvSyn => Cause::SynReceived,
            Event::SendFin => Cause::FinSent,
            Event::SendRst => Cause::RstSent,
            Event::RcvSynAck | Event::RcvAckOfSyn => Cause::SynAcknowledged,
            Event::RcvFin => Cause::FinReceived,
            Event::RcvAckOfFin => Cause::FinAcknowledged,
            Event::RcvRst | Event::RcvRstPassive => Cause::RstReceived,
            Event::Replaced => Cause::NewIncarnation,
        }
    }

    /// The words used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Cause::SynSent => "SYN sent",
            Cause::SynReceived => "SYN received",
            Cause::SynAcknowledged => "SYN acknowledged",
            Cause::FinSent => "FIN sent",
            Cause::FinReceived => "FIN received",
            Cause::FinAcknowledged => "FIN acknowledged",
            Cause::RstSent => "RST sent",
            Cause::RstReceived => "RST received",
            Cause::NewIncarnation => "new incarnation",
            Cause::FirstSeen => "first seen",
            Cause::Timer => "timer",
        }
    }
}

/// One change of state.
#[derive(Debug, Clone, Serialize, JsonSchema, PartialEq, Eq)]
pub struct Transition {
    /// State before.
    pub from: State,
    /// State after.
    pub to: State,
    /// What made the endpoint do it.
    pub cause: Cause,
    /// The packet that caused or announced it; null for a timer.
    pub packet: Option<PacketNumber>,
    /// Best estimate of the moment: the capture time of that packet (of the SYN that was answered, for SYN-RECEIVED), but
    /// never before the endpoint's transition before it. The tap's distance is in the interval.
    pub at: Timestamp,
    /// The endpoint made it no earlier than this; null if nothing bounds it.
    pub earliest: Option<Timestamp>,
    /// The endpoint made it no later than this; null if nothing bounds it.
    pub latest: Option<Timestamp>,
    /// How it is known.
    pub evidence: Evidence,
    /// The packet from the endpoint that proves it (for `sent` the same as `packet`); null where nothing does.
    pub proven_by: Option<PacketNumber>,
}

/// A presumed transition that a later segment refuted.
#[derive(Debug, Clone, Serialize, JsonSchema, PartialEq, Eq)]
pub struct Withdrawn {
    /// State before.
    pub from: State,
    /// State that the endpoint did not reach by this packet.
    pub to: State,
    /// The packet that would have caused it.
    pub packet: PacketNumber,
    /// The packet is a RST.
    pub by_reset: bool,
    /// The packet from the endpoint that shows that it did not; null if the answer that was due never came.
    pub refuted_by: Option<PacketNumber>,
}

packed!(
    enum Evidence {
        Sent,
        Confirmed,
        Presumed,
        Inferred,
        Timer,
    }
);
packed!(
    enum Cause {
        SynSent,
        SynReceived,
        SynAcknowledged,
        FinSent,
        FinReceived,
        FinAcknowledged,
        RstSent,
        RstReceived,
        NewIncarnation,
        FirstSeen,
        Timer,
    }
);
packed!(struct Withdrawn { from, to, packet, by_reset, refuted_by });

impl Pack for Mark {
    fn put(&self, into: &mut Packer) {
        into.packet(self.packet);
        self.time.put(into);
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Mark> {
        Some(Mark {
            packet: from.packet()?,
            time: Timestamp::get(from)?,
        })
    }
}

/// Most of what a packed connection holds: four small enumerations in two octets, and what is there of the rest told by one.
impl Pack for Transition {
    fn put(&self, into: &mut Packer) {
        let Transition {
            from,
            to,
            cause,
            packet,
            at,
            earliest,
            latest,
            evidence,
            proven_by,
        } = self;
        ((*from as u8) << 4 | *to as u8).put(into);
        ((*cause as u8) << 4 | *evidence as u8).put(into);
        let there = [
            packet.is_some(),
            earliest.is_some(),
            latest.is_some(),
            proven_by.is_some(),
        ];
        there
            .iter()
            .fold(0u8, |bits, is| bits << 1 | u8::from(*is))
            .put(into);
        packet.iter().for_each(|packet| into.packet(*packet));
        at.put(into);
        earliest.iter().for_each(|time| time.put(into));
        latest.iter().for_each(|time| time.put(into));
        proven_by.iter().for_each(|packet| into.packet(*packet));
    }

    fn get(from: &mut Unpacker<'_>) -> Option<Transition> {
        let (states, reasons, there) = (u8::get(from)?, u8::get(from)?, u8::get(from)?);
        let has = |bit: u8| there & bit != 0;
        let packet = if has(8) { Some(from.packet()?) } else { None };
        let at = Timestamp::get(from)?;
        let earliest = if has(4) { Some(Timestamp::get(from)?) } else { None };
        let latest = if has(2) { Some(Timestamp::get(from)?) } else { None };
        let proven_by = if has(1) { Some(from.packet()?) } else { None };
        Some(Transition {
            from: State::at(states >> 4)?,
            to: State::at(states & 0xf)?,
            cause: Cause::at(reasons >> 4)?,
            packet,
            at,
            earliest,
            latest,
            evidence: Evidence::at(reasons & 0xf)?,
            proven_by,
        })
    }
}
