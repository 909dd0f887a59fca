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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::Stop;
    use crate::input::{Timeline, find};

    /// Number, time, file, when another file has its next packet, and the octets.
    type Packet = (PacketNumber, Timestamp, usize, Option<Timestamp>, Vec<u8>);

    /// What was given, packet by packet; rows are taken where this says so, again and again.
    struct Given {
        packets: Vec<Packet>,
        rows: Vec<bool>,
        offered: usize,
        taken: usize,
    }

    impl Given {
        fn note(&mut self, frame: &Frame<'_>, place: &Place<'_>) {
            let bytes = frame.bytes.to_vec();
            self.packets
                .push((frame.number, frame.time, place.file, place.next, bytes));
        }
    }

    impl Taker for Given {
        fn take(&mut self, item: Item<'_>) -> ControlFlow<()> {
            if let Record::Frame(frame) = item.record {
                self.note(&frame, &item.place);
            }
            ControlFlow::Continue(())
        }

        fn row(&mut self, frames: &[Frame<'_>], place: &Place<'_>) -> bool {
            self.offered += 1;
            let takes = self.rows[self.offered % self.rows.len()];
            if takes {
                self.taken += 1;
                assert_eq!(frames.last().map(|frame| frame.time), Some(place.time));
                frames.iter().for_each(|frame| self.note(frame, place));
            }
            takes
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// Files that follow each other or overlap, and clocks that step back.
        #[test]
        fn rows_are_what_packets_are_one_by_one(
            files in prop::collection::vec((0..2_000u32, prop::collection::vec((0..20u32, 0..40u8), 1..200)), 1..4),
            rows in prop::collection::vec(any::<bool>(), 1..6),
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            for (name, (begin, steps)) in files.iter().enumerate() {
                let mut bytes = [&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0][..], &[0; 8], &[0, 0, 1, 0, 1, 0, 0, 0]].concat();
                let mut time = *begin;
                for (packet, (step, odd)) in steps.iter().enumerate() {
                    time = if *odd == 0 { time.saturating_sub(*step) } else { time + step };
                    let numbers = [1, time, 2, 60];
                    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
                    bytes.extend([name as u8, packet as u8]);
                }
                std::fs::write(folder.path().join(format!("{name}.pcap")), bytes).expect("a file");
            }
            let read = |rows: Vec<bool>| {
                let inputs = find(&[folder.path().to_owned()]).expect("files");
                let mut timeline = Timeline::open(inputs, &Stop::default()).expect("captures");
                let mut given = Given { packets: Vec::new(), rows, offered: 0, taken: 0 };
                let _ = timeline.read_to(&mut given);
                let spans = format!("{:?}", timeline.spans);
                let facts = timeline.facts();
                let sources = facts.origins.as_ref().map(|origins| {
                    let packets = given.packets.iter();
                    packets.map(|(number, ..)| origins.source_of(*number)).collect::<Vec<_>>()
                });
                (given, format!("{spans} {:?} {sources:?}", facts.files))
            };
            let ((in_rows, facts), (one_by_one, expected)) = (read(rows.clone()), read(vec![false]));
            prop_assert_eq!(&in_rows.packets, &one_by_one.packets);
            prop_assert_eq!(facts, expected);
            prop_assert_eq!(one_by_one.taken, 0);
            // The first packet of a file is never in a row.
            let alone = files.len() == 1 && files[0].1.iter().all(|(_, odd)| *odd > 0) && files[0].1.len() > 64;
            prop_assert!(!alone || in_rows.taken > 0 || !rows.contains(&true) || in_rows.offered < rows.len());
        }
    }
}
