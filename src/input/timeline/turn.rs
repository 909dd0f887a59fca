//! One file's turn in a timeline, and who takes what it gives.

use std::ops::ControlFlow;

use super::{FileFacts, Head, Item, Origins, Place, Span};
use crate::capture::{Frame, PacketNumber, Record};
use crate::time::Timestamp;

/// Who takes the records of a timeline, until it breaks off.
pub trait Taker {
    /// Takes the next record.
    fn take(&mut self, item: Item<'_>) -> ControlFlow<()>;

    /// Takes the next record, a packet.
    fn frame(&mut self, frame: &Frame<'_>, place: &Place<'_>) -> ControlFlow<()> {
        self.take(Item {
            record: Record::Frame(*frame),
            place: *place,
        })
    }
}

impl<F: FnMut(Item<'_>) -> ControlFlow<()>> Taker for F {
    fn take(&mut self, item: Item<'_>) -> ControlFlow<()> {
        self(item)
    }
}

/// One file has its turn: it has the next packet, and perhaps more before any other file.
pub(super) struct Turn<'a, F> {
    pub rank: usize,
    /// When it ends: the next packet of another file, and that file's place.
    pub limit: Option<(Timestamp, usize)>,
    /// See [`super::Input::ahead_ns`].
    pub ahead_ns: i64,
    pub spans: &'a mut [Span],
    pub packets: &'a mut PacketNumber,
    pub origins: &'a mut Option<Origins>,
    pub take: &'a mut F,
}

impl<F: Taker> Turn<'_, F> {
    /// The number in the timeline of the packet that has this one in its file.
    #[inline]
    pub fn count(&mut self, number: PacketNumber) -> PacketNumber {
        *self.packets += 1;
        if let Some(origins) = self.origins {
            origins.add(*self.packets, self.rank, number);
        }
        *self.packets
    }

    pub fn give(&mut self, record: Record<'_>, time: Timestamp) -> ControlFlow<()> {
        let place = Place {
            file: self.rank,
            time,
            next: self.limit.map(|(time, _)| time),
            spans: self.spans,
        };
        self.take.take(Item { record, place })
    }

    /// Passes the next packet of the file on. None if the turn ends before it.
    #[inline(always)]
    pub fn frame(
        &mut self,
        frame: &mut Frame<'_>,
        effective: &mut Timestamp,
        facts: &mut FileFacts,
    ) -> Option<ControlFlow<()>> {
        frame.time = frame.time.plus(self.ahead_ns.saturating_neg());
        facts.packet(frame.time);
        *effective = frame.time.max(*effective);
        if let Some(span) = self.spans.get_mut(self.rank) {
            let (first, _) = span.unwrap_or((*effective, *effective));
            *span = Some((first, *effective));
        }
        if self.limit.is_some_and(|limit| (*effective, self.rank) > limit) {
            return None;
        }
        frame.number = self.count(frame.number);
        let place = Place {
            file: self.rank,
            time: *effective,
            next: self.limit.map(|(time, _)| time),
            spans: self.spans,
        };
        Some(self.take.frame(frame, &place))
    }

    /// As [`Turn::frame`]; apart, because that one is meant for many packets in a row.
    #[inline(never)]
    pub fn frame_apart(
        &mut self,
        frame: &mut Frame<'_>,
        effective: &mut Timestamp,
        facts: &mut FileFacts,
    ) -> Option<ControlFlow<()>> {
        self.frame(frame, effective, facts)
    }
}

/// Holds a packet whose turn has not come, and breaks off.
pub(super) fn hold(head: &mut Option<Head>, frame: &Frame<'_>, spare: &mut Vec<u8>) -> ControlFlow<()> {
    *head = Some(Head::of(*frame, std::mem::take(spare)));
    ControlFlow::Break(())
}
