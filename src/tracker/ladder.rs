//! The segments of one connection for its ladder diagram: control segments and whatever moved a machine in full, runs of
//! plain data and acknowledgments folded. Kept only where a view asks for it.

use super::Role;
use super::endpoint::Mark;
use crate::segment::{Flags, Segment};
use crate::seq::Seq;

/// How many rows are kept; a capture with more control segments than that is cut in the middle of the ladder.
const ROWS_KEPT: usize = 4096;

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// First segment.
    pub first: Mark,
    /// Last segment.
    pub last: Mark,
    /// What it holds.
    pub content: Content,
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
        /// Segments by sender.
        segments: [u64; 2],
        /// Octets of payload by sender.
        bytes: [u64; 2],
    },
}

/// The rows of one connection.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    rows: Vec<Row>,
}

impl Ladder {
    /// Adds a segment. `plain` segments fold with plain neighbours.
    pub fn add(&mut self, seg: &Segment, from: Role, notes: &[&'static str], plain: bool) {
        let mark = Mark {
            packet: seg.packet,
            time: seg.time,
        };
        let full = self.rows.len() >= ROWS_KEPT;
        if plain || full {
            match self.rows.last_mut() {
                Some(Row {
                    last,
                    content: Content::Run { segments, bytes },
                    ..
                }) => {
                    *last = mark;
                    segments[from as usize] += 1;
                    bytes[from as usize] += u64::from(seg.payload_len);
                    return;
                }
                _ if plain || full => {
                    let mut row = (([0, 0]), ([0, 0]));
                    row.0[from as usize] = 1;
                    row.1[from as usize] = u64::from(seg.payload_len);
                    self.rows.push(Row {
                        first: mark,
                        last: mark,
                        content: Content::Run {
                            segments: row.0,
                            bytes: row.1,
                        },
                    });
                    return;
                }
                _ => {}
            }
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
        });
    }

    /// The rows in order.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// Takes over the rows of another ladder, in order of packets.
    pub fn absorb(&mut self, other: Ladder) {
        self.rows.extend(other.rows);
        self.rows.sort_by_key(|row| row.first.packet);
    }
}
