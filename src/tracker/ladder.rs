//! The segments of one connection for its ladder diagram: control segments and whatever moved a machine in full, runs of
//! plain data and acknowledgments folded. Kept only where a view asks for it.

use std::mem::size_of;

use super::Role;
use super::evidence::Mark;
use super::footprint::{allocated, list};
use super::trace::Trace;
use crate::segment::{Flags, Segment};
use crate::seq::Seq;

/// How many rows are kept; a connection with more control segments than that has the rest folded into one run.
const ROWS_KEPT: usize = 4096;
/// Plain segments in a row are folded from this many on; fewer are shown one by one.
const FOLD_FROM: usize = 4;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// First segment.
    pub first: Mark,
    /// Last segment.
    pub last: Mark,
    /// What it holds.
    pub content: Content,
    /// A single segment that may be folded with its neighbours.
    plain: bool,
}

/// What a row holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// One segment.
    Segment {
        /// Sender.
        from: Role,
        /// Control bits.
        flags: Flags,
        /// SEG.SEQ.
        seq: Seq,
        /// SEG.ACK.
        ack: Option<Seq>,
        /// Octets of payload.
        payload: u32,
        /// What is special about it.
        notes: Vec<&'static str>,
    },
    /// Several plain segments; index 0 is the client, 1 the server.
    Run {
        /// Sender of the first of them.
        first_from: Role,
        /// Segments by sender.
        segments: [u64; 2],
        /// Octets of payload by sender.
        bytes: [u64; 2],
    },
}

impl Row {
    /// This row and a later one as one run.
    fn joined(self, later: Row) -> Row {
        let (first_from, [mine, theirs]) = (self.first_from(), [self.tally(), later.tally()]);
        let sum = |a: [u64; 2], b: [u64; 2]| [a[0].saturating_add(b[0]), a[1].saturating_add(b[1])];
        Row {
            first: self.first,
            last: later.last,
            content: Content::Run {
                first_from,
                segments: sum(mine.0, theirs.0),
                bytes: sum(mine.1, theirs.1),
            },
            plain: false,
        }
    }

    fn first_from(&self) -> Role {
        match self.content {
            Content::Segment { from, .. } => from,
            Content::Run { first_from, .. } => first_from,
        }
    }

    /// Segments and octets of payload by sender.
    fn tally(&self) -> ([u64; 2], [u64; 2]) {
        match self.content {
            Content::Segment { from, payload, .. } => match from {
                Role::Client => ([1, 0], [u64::from(payload), 0]),
                Role::Server => ([0, 1], [0, u64::from(payload)]),
            },
            Content::Run { segments, bytes, .. } => (segments, bytes),
        }
    }
}

impl Content {
    /// The other side sent it.
    fn swap(&mut self) {
        match self {
            Content::Segment { from, .. } => *from = from.other(),
            Content::Run {
                first_from,
                segments,
                bytes,
            } => {
                *first_from = first_from.other();
                segments.reverse();
                bytes.reverse();
            }
        }
    }
}

/// The rows of one connection.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    rows: Vec<Row>,
    /// For the time-sequence graph.
    trace: Trace,
}

impl Ladder {
    /// Adds a segment. `plain` segments fold with plain neighbours. `window`: its window in octets, if the scale is known.
    pub fn add(
        &mut self,
        seg: &Segment,
        from: Role,
        notes: &[&'static str],
        plain: bool,
        window: Option<u32>,
    ) {
        if !notes.contains(&"capture duplicate") {
            let repeated = notes
                .iter()
                .any(|note| matches!(*note, "retransmission" | "probe"));
            self.trace.add(seg, from, repeated, window);
        }
        let mark = Mark::of(seg);
        let plain = plain || self.rows.len() >= ROWS_KEPT;
        if plain
            && let Some(Row {
                last,
                content: Content::Run { segments, bytes, .. },
                ..
            }) = self.rows.last_mut()
        {
            *last = mark;
            segments[from as usize] += 1;
            bytes[from as usize] += u64::from(seg.payload_len);
            return;
        }
        self.rows.push(Row {
            first: mark,
            last: mark,
            content: Content::Segment {
                from,
                flags: seg.flags,
                seq: seg.seq,
                ack: seg.ack,
                payload: seg.payload_len,
                notes: notes.to_vec(),
            },
            plain,
        });
        if self.rows.iter().rev().take_while(|row| row.plain).count() >= FOLD_FROM {
            self.fold();
        }
    }

    /// Puts the plain rows at the end into one run.
    fn fold(&mut self) {
        let start = self
            .rows
            .iter()
            .rposition(|row| !row.plain)
            .map_or(0, |index| index + 1);
        let mut run: Option<Row> = None;
        for row in self.rows.drain(start..) {
            let Content::Segment { from, payload, .. } = row.content else {
                continue;
            };
            let run = run.get_or_insert(Row {
                content: Content::Run {
                    first_from: from,
                    segments: [0, 0],
                    bytes: [0, 0],
                },
                plain: false,
                ..row
            });
            run.last = row.last;
            if let Content::Run { segments, bytes, .. } = &mut run.content {
                segments[from as usize] += 1;
                bytes[from as usize] += u64::from(payload);
            }
        }
        self.rows.extend(run);
    }

    /// The rows in order, and what is for the time-sequence graph.
    pub fn into_parts(self) -> (Vec<Row>, Trace) {
        (self.rows, self.trace)
    }

    /// Takes over the rows of another ladder, in order of packets; `swapped`: its client is our server. What is more than is
    /// kept is one run at the end.
    pub fn absorb(&mut self, other: Ladder, swapped: bool) {
        self.trace.absorb(other.trace, swapped);
        let rows = other.rows.into_iter().map(|mut row| {
            if swapped {
                row.content.swap();
            }
            row
        });
        self.rows.extend(rows);
        self.rows.sort_by_key(|row| row.first.packet);
        let more = self.rows.split_off(self.rows.len().min(ROWS_KEPT));
        self.rows.extend(more.into_iter().reduce(Row::joined));
    }

    /// Octets that the report of what is for the time-sequence graph takes.
    pub fn trace_bytes(&self) -> u64 {
        allocated(size_of::<Trace>()).saturating_add(self.trace.heap_bytes())
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What it takes with all that it holds; rows with words are taken to hold one each.
    pub(super) fn heap_bytes(&self) -> u64 {
        allocated(size_of::<Ladder>())
            + list::<Row>(self.rows.capacity())
            + (self.rows.len() as u64).saturating_mul(allocated(size_of::<&str>()))
            + self.trace.heap_bytes()
    }
}
