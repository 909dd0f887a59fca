//! One file's turn in a timeline, and who takes what it gives.

use std::ops::ControlFlow;

use super::{FileFacts, Head, Item, Origins, Place, Span};
use crate::capture::{AtHand, Frame, PacketNumber, Record};
use crate::time::Timestamp;

/// Who takes the records of a timeline, until it breaks off.
pub trait Taker {
    /// Takes the next record.
    fn take(&mut self, item: Item<'_>) -> ControlFlow<()>;

    /// Takes the next records, packets none of which is earlier than any before it, where their places allow for it: each has
    /// this one, at its own time. False if they are to be taken one by one; nothing has changed then.
    fn row(&mut self, frames: &[Frame<'_>], place: &Place<'_>) -> bool {
        let _ = (frames, place);
        false
    }

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

    /// Passes the next packets of the file on, none of which is earlier than the one before it. False if that is to be done one
    /// by one; nothing has changed then.
    #[inline(always)]
    pub fn row(
        &mut self,
        frames: &mut [Frame<'_>],
        effective: &mut Timestamp,
        facts: &mut FileFacts,
    ) -> bool {
        let (Some(first), Some(last)) = (frames.first(), frames.last()) else {
            return false;
        };
        let (number, first, last) = (first.number, first.time, last.time);
        if self.ahead_ns != 0
            || first < *effective
            || self.limit.is_some_and(|limit| (last, self.rank) > limit)
            || !facts.goes_on(first)
        {
            return false;
        }
        let before = *self.packets;
        if before + 1 != number {
            for (frame, number) in frames.iter_mut().zip(before + 1..) {
                frame.number = number;
            }
        }
        let place = Place {
            file: self.rank,
            time: last,
            next: self.limit.map(|(time, _)| time),
            spans: self.spans,
        };
        if !self.take.row(frames, &place) {
            return false;
        }
        *effective = last;
        if let Some(Some((_, span_end))) = self.spans.get_mut(self.rank) {
            *span_end = last;
        }
        *self.packets += frames.len() as u64;
        facts.row(frames.len() as u64, last);
        if let Some(origins) = self.origins {
            origins.add_row(before + 1, self.rank, number, frames.len() as u64);
        }
        true
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

/// What a file has at hand, while it has its turn.
pub(super) struct Hand<'a, 'b, F> {
    pub turn: &'a mut Turn<'b, F>,
    pub effective: &'a mut Timestamp,
    pub facts: &'a mut FileFacts,
    pub head: &'a mut Option<Head>,
    pub spare: &'a mut Vec<u8>,
}

impl<F: Taker> AtHand for Hand<'_, '_, F> {
    #[inline(always)]
    fn row(&mut self, frames: &mut [Frame<'_>]) -> bool {
        self.turn.row(frames, self.effective, self.facts)
    }

    #[inline]
    fn frame(&mut self, frame: &mut Frame<'_>) -> ControlFlow<()> {
        self.turn
            .frame(frame, self.effective, self.facts)
            .unwrap_or_else(|| hold(self.head, frame, self.spare))
    }
}

/// Holds a packet whose turn has not come, and breaks off.
pub(super) fn hold(head: &mut Option<Head>, frame: &Frame<'_>, spare: &mut Vec<u8>) -> ControlFlow<()> {
    *head = Some(Head::of(*frame, std::mem::take(spare)));
    ControlFlow::Break(())
}
