//! What both directions of one connection sent and acknowledged over time, for its time-sequence graph. Kept with the ladder.
//!
//! Memory is bounded: when there are too many marks of a kind, neighbours are joined, evenly over the whole time, and each
//! mark says how many it stands for.

use super::Role;
use super::footprint::list;
use crate::segment::{Flags, PacketNumber, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;

/// How many marks of one kind and direction are kept.
const MOST: usize = 2_048;

/// Both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// What the client sent.
    pub client: Direction,
    /// What the server sent.
    pub server: Direction,
}

/// What one endpoint sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    /// Octets that were sent for the first time.
    pub fresh: Marks<Stroke>,
    /// Octets that were sent again, and probes.
    pub repeated: Marks<Stroke>,
    /// SYN, FIN and RST.
    pub controls: Marks<Control>,
    /// Acknowledgments of the other direction's octets, where they or the window moved.
    pub acks: Marks<Edge>,
    /// SACK blocks: octets of the other direction that arrived out of order.
    pub sacks: Marks<Stroke>,
}

/// Marks of one kind in order of time, neighbours joined where there were too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks<T> {
    list: Vec<T>,
    /// How many neighbours are one mark.
    group: u64,
}

/// Octets on the wire, of one segment or of several neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke {
    /// When the first of them passed the tap.
    pub first: Timestamp,
    /// When the last one did.
    pub last: Timestamp,
    /// Lowest sequence number.
    pub from: Seq,
    /// The one behind the highest.
    pub to: Seq,
    /// Segments, or blocks, in it.
    pub count: u64,
}

/// A SYN, FIN or RST, or several neighbours of which the first is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// When it passed the tap.
    pub time: Timestamp,
    /// Its sequence number; of a FIN, the one that it takes itself.
    pub seq: Seq,
    /// Which of them.
    pub kind: ControlKind,
    /// The packet.
    pub packet: PacketNumber,
    /// Segments in it.
    pub count: u64,
}

/// What a control segment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// Opens.
    Syn,
    /// Closes.
    Fin,
    /// Resets.
    Rst,
}

/// Where acknowledgment and window stood from a moment on; of several neighbours, the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The moment.
    pub time: Timestamp,
    /// SEG.ACK.
    pub ack: Seq,
    /// Octets of window, scaled; none where the scale is not known.
    pub window: Option<u32>,
    /// Segments that moved either, up to here from the edge before.
    pub count: u64,
}

/// A mark that can stand for itself and its neighbour.
pub trait Join: Copy {
    /// How many it stands for.
    fn count(&self) -> u64;
    /// This one and the next.
    #[must_use]
    fn joined(self, next: Self) -> Self;
}

impl Join for Stroke {
    fn count(&self) -> u64 {
        self.count
    }

    fn joined(self, next: Stroke) -> Stroke {
        Stroke {
            first: self.first,
            last: next.last,
            from: if next.from.before(self.from) {
                next.from
            } else {
                self.from
            },
            to: self.to.max(next.to),
            count: self.count.saturating_add(next.count),
        }
    }
}

impl Join for Control {
    fn count(&self) -> u64 {
        self.count
    }

    fn joined(self, next: Control) -> Control {
        Control {
            count: self.count.saturating_add(next.count),
            ..self
        }
    }
}

impl Join for Edge {
    fn count(&self) -> u64 {
        self.count
    }

    fn joined(self, next: Edge) -> Edge {
        Edge {
            count: self.count.saturating_add(next.count),
            ..next
        }
    }
}

impl<T> Default for Marks<T> {
    fn default() -> Marks<T> {
        Marks {
            list: Vec::new(),
            group: 1,
        }
    }
}

impl<T: Join> Marks<T> {
    /// Adds one behind the others.
    pub fn add(&mut self, mark: T) {
        if let Some(last) = self.list.last_mut()
            && last.count() < self.group
        {
            *last = last.joined(mark);
            return;
        }
        if self.list.len() >= MOST {
            self.halve();
        }
        self.list.push(mark);
    }

    /// Joins every two neighbours.
    fn halve(&mut self) {
        let pair = |pair: &[T]| match pair {
            [one, next, ..] => Some(one.joined(*next)),
            [one] => Some(*one),
            [] => None,
        };
        self.list = self.list.chunks(2).filter_map(pair).collect();
        self.group = self.group.saturating_mul(2);
    }

    /// The same with at most so many marks (but one).
    #[must_use]
    pub fn at_most(&self, most: usize) -> Marks<T> {
        let mut fewer = self.clone();
        while fewer.list.len() > most.max(1) {
            fewer.halve();
        }
        fewer
    }

    /// The marks in order of time.
    pub fn all(&self) -> &[T] {
        &self.list
    }

    /// How many segments or blocks they stand for.
    pub fn count(&self) -> u64 {
        self.list.iter().map(Join::count).fold(0, u64::saturating_add)
    }

    /// Whether some stand for several.
    pub fn is_thinned(&self) -> bool {
        self.group > 1
    }

    fn absorb(&mut self, other: Marks<T>, moment: impl Fn(&T) -> Timestamp) {
        self.list.extend(other.list);
        self.list.sort_by_key(moment);
        self.group = self.group.max(other.group);
        while self.list.len() > MOST {
            self.halve();
        }
    }
}

impl Trace {
    /// What this endpoint sent.
    pub fn of(&self, role: Role) -> &Direction {
        match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        }
    }

    /// Adds a segment. `repeated`: it carries nothing new. `window`: its window in octets, if the scale is known.
    pub(super) fn add(&mut self, seg: &Segment, from: Role, repeated: bool, window: Option<u32>) {
        let direction = match from {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        };
        direction.add(seg, repeated, window);
    }

    /// Takes over another one; `swapped`: its client is our server.
    pub(super) fn absorb(&mut self, other: Trace, swapped: bool) {
        let (client, server) = match swapped {
            false => (other.client, other.server),
            true => (other.server, other.client),
        };
        self.client.absorb(client);
        self.server.absorb(server);
    }

    /// Octets that it holds besides its own size.
    pub(super) fn heap_bytes(&self) -> u64 {
        let of = |direction: &Direction| {
            let strokes = [&direction.fresh, &direction.repeated, &direction.sacks];
            let strokes: u64 = (strokes.iter())
                .map(|marks| list::<Stroke>(marks.list.capacity()))
                .sum();
            strokes
                + list::<Control>(direction.controls.list.capacity())
                + list::<Edge>(direction.acks.list.capacity())
        };
        of(&self.client).saturating_add(of(&self.server))
    }
}

impl Direction {
    fn add(&mut self, seg: &Segment, repeated: bool, window: Option<u32>) {
        let flags = seg.flags;
        let behind_syn = seg.seq.plus(u32::from(flags.syn()));
        let kinds = [
            (Flags::SYN, ControlKind::Syn, seg.seq),
            (Flags::FIN, ControlKind::Fin, behind_syn.plus(seg.payload_len)),
            (Flags::RST, ControlKind::Rst, seg.seq),
        ];
        for (bit, kind, seq) in kinds {
            if flags.has(bit) {
                self.controls.add(Control {
                    time: seg.time,
                    seq,
                    kind,
                    packet: seg.packet,
                    count: 1,
                });
            }
        }
        if seg.payload_len > 0 {
            let stroke = Stroke {
                first: seg.time,
                last: seg.time,
                from: behind_syn,
                to: behind_syn.plus(seg.payload_len),
                count: 1,
            };
            match repeated {
                true => self.repeated.add(stroke),
                false => self.fresh.add(stroke),
            }
        }
        let Some(ack) = seg.ack.filter(|_| !flags.rst()) else {
            return;
        };
        let moved = |edge: &Edge| (edge.ack, edge.window) != (ack, window);
        if self.acks.list.last().is_none_or(moved) {
            self.acks.add(Edge {
                time: seg.time,
                ack,
                window,
                count: 1,
            });
        }
        for (from, to) in seg.options.sack.into_iter().flatten() {
            if from.before(to) {
                self.sacks.add(Stroke {
                    first: seg.time,
                    last: seg.time,
                    from,
                    to,
                    count: 1,
                });
            }
        }
    }

    fn absorb(&mut self, other: Direction) {
        self.fresh.absorb(other.fresh, |mark| mark.first);
        self.repeated.absorb(other.repeated, |mark| mark.first);
        self.controls.absorb(other.controls, |mark| mark.time);
        self.acks.absorb(other.acks, |mark| mark.time);
        self.sacks.absorb(other.sacks, |mark| mark.first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stroke(index: u32) -> Stroke {
        let time = Timestamp::from_ns(i64::from(index) * 1_000);
        Stroke {
            first: time,
            last: time,
            from: Seq(u32::MAX - 5_000).plus(index * 100),
            to: Seq(u32::MAX - 5_000).plus(index * 100 + 100),
            count: 1,
        }
    }

    #[test]
    fn marks_are_joined_evenly_and_lose_nothing() {
        let mut marks = Marks::default();
        (0..100_000).for_each(|index| marks.add(stroke(index)));
        assert!(marks.all().len() <= MOST && marks.is_thinned());
        assert_eq!(marks.count(), 100_000);
        let (first, last) = (marks.all()[0], marks.all()[marks.all().len() - 1]);
        assert_eq!((first.from, last.to), (stroke(0).from, stroke(99_999).to));
        let most = marks.all().iter().map(|mark| mark.count).max();
        assert_eq!(
            most,
            Some(64),
            "evenly: 100 000 segments in 2 048 marks are 64 each"
        );
        for pair in marks.all().windows(2) {
            assert_eq!(pair[0].to, pair[1].from, "no gap between neighbours");
        }
        let fewer = marks.at_most(300);
        assert!(fewer.all().len() <= 300 && fewer.count() == 100_000);
    }

    #[test]
    fn a_trace_has_a_bound() {
        let mut trace = Trace::default();
        for index in 0..50_000 {
            trace.client.fresh.add(stroke(index));
            trace.client.sacks.add(stroke(index));
        }
        assert!(
            trace.heap_bytes() <= 2 * list::<Stroke>(MOST),
            "{}",
            trace.heap_bytes()
        );
    }
}
