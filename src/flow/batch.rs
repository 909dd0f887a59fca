//! Segments on their way to the table of connections, and what the table does with most of them.

use std::hint::black_box;
use std::mem::take;

use super::embryo::Embryo;
use super::index::Hash;
use super::lives::{Handle, Ordinary, Place};
use super::runs::{Run, Runs};
use super::{FlowKey, Flows};
use crate::segment::{Lean, Scope, Segment, Wide};
use crate::tracker::Role;
use crate::tracker::passing::{Opening, Passing, sender};

/// Connections of which the memory is asked for at once.
const AT_ONCE: usize = 32;

/// Segments in capture order.
#[derive(Default)]
pub struct Batch {
    /// What most are, and the IPv6 addresses of some.
    segments: Vec<Lean>,
    wide: Wide,
    others: Vec<Other>,
}

/// A segment as it was read, and what it is looked up by.
struct Other {
    segment: Segment,
    hash: Hash,
    /// The hash of its 4-tuple without outer context: those under others may be of one connection.
    tuple: Hash,
    /// How many of the first kind it comes behind.
    behind: u32,
}

/// The segments of a run that were not taken yet.
struct Coming<'a> {
    batch: &'a Batch,
    runs: &'a Runs,
    next: Option<u32>,
}

/// The next of them.
enum Next<'a> {
    Lean(&'a Lean),
    Other(&'a Other),
}

impl<'a> Coming<'a> {
    /// The next one.
    fn next(&self) -> Option<Next<'a>> {
        if let Some(lean) = self.lean() {
            return Some(Next::Lean(lean));
        }
        let Batch { segments, others, .. } = self.batch;
        let place = (self.next? as usize).checked_sub(segments.len())?;
        others.get(place).map(Next::Other)
    }

    /// The next one, if it is as most are.
    #[inline]
    fn lean(&self) -> Option<&'a Lean> {
        self.batch.segments.get(self.next? as usize)
    }

    /// The next one is taken.
    #[inline]
    fn took(&mut self) {
        self.next = self.next.and_then(|number| self.runs.after(number));
    }
}

impl Batch {
    /// Adds the next segment, and what it and its 4-tuple without outer context are looked up by.
    pub(super) fn add(&mut self, segment: &Segment, hash: Hash, tuple: Hash) {
        match Lean::of(segment, &mut self.wide) {
            Some(lean) => self.add_lean(lean, hash),
            None => self.add_other(segment, hash, tuple),
        }
    }

    /// Adds the next segment, which came over IPv4.
    #[inline(always)]
    pub(super) fn add_lean(&mut self, mut lean: Lean, hash: Hash) {
        lean.hash = hash.0;
        self.segments.push(lean);
    }

    /// Adds the next segment, which came over IPv6; `wide` has its addresses.
    #[inline]
    pub(super) fn add_wide(&mut self, mut lean: Lean, wide: &mut Wide, hash: Hash) {
        lean.take_along(wide, &mut self.wide);
        self.add_lean(lean, hash);
    }

    #[cold]
    fn add_other(&mut self, segment: &Segment, hash: Hash, tuple: Hash) {
        self.others.push(Other {
            segment: *segment,
            hash,
            tuple,
            behind: u32::try_from(self.segments.len()).unwrap_or(u32::MAX),
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.segments.len() + self.others.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its segments in runs: those of the first kind by their places, the others behind them.
    fn sort_into(&self, runs: &mut Runs) {
        runs.begin(self.len());
        let mut others = (self.segments.len() as u32..).zip(&self.others).peekable(); // of some thousand
        for (place, lean) in (0..).zip(&self.segments) {
            while let Some((number, other)) = others.next_if(|(_, other)| other.behind <= place) {
                runs.add(number, other.tuple);
            }
            runs.add(place, Hash(lean.hash));
        }
        others.for_each(|(number, other)| runs.add(number, other.tuple));
    }

    fn clear(&mut self) {
        self.segments.clear();
        self.wide.clear();
        self.others.clear();
    }
}

impl Flows {
    /// Takes the next segments in capture order, added by a [`Sorter`](super::Sorter) for this table, and leaves the batch empty.
    ///
    /// Those of one 4-tuple are taken in this order, but one 4-tuple after the other: its connection is looked up and fetched once for
    /// all of them. What is given up for a limit meanwhile depends on where batches end, and nothing else does. Where connections are
    /// many, most of the time is spent waiting for memory: that of some dozens is asked for at once.
    pub fn on_batch(&mut self, batch: &mut Batch) {
        let mut runs = take(&mut self.runs);
        batch.sort_into(&mut runs);
        for some in runs.all().chunks(AT_ONCE) {
            let age = self.current.age();
            let handles = self.ask_for(some);
            for (run, mut handle) in some.iter().zip(handles) {
                let mut coming = Coming {
                    batch,
                    runs: &runs,
                    next: Some(run.first),
                };
                loop {
                    let place = self.pass(&mut coming, handle.take(), age);
                    match coming.next() {
                        Some(Next::Lean(lean)) => self.take_whole(lean, &batch.wide, place),
                        Some(Next::Other(other)) => self.take_other(other),
                        None => break,
                    }
                    coming.took();
                }
            }
        }
        self.segments_since = self.segments_since.saturating_add(batch.len() as u64);
        self.runs = runs;
        batch.clear();
    }

    /// Asks for the memory of the connections of these runs, and tells where those are most likely.
    #[inline]
    fn ask_for(&self, runs: &[Run]) -> [Option<Handle>; AT_ONCE] {
        if self.current.is_large() {
            black_box(runs.iter().fold(0, |sum, run| sum ^ self.current.touch(run.hash)));
        }
        let mut handles = [None; AT_ONCE];
        for (handle, run) in handles.iter_mut().zip(runs) {
            *handle = self.current.glance(run.hash);
        }
        black_box(self.lives.touch(&handles));
        handles
    }

    /// Takes segments of a connection by the book as long as they are by the book, or of another connection as long as they change
    /// no more than numbers. Tells where the connection of the next segment is, if that is known then.
    ///
    /// `handle` leads to the connection, or did when the index was of this `age`.
    #[inline]
    fn pass(&mut self, coming: &mut Coming<'_>, handle: Option<Handle>, age: u64) -> Option<Place> {
        let first = coming.lean().filter(|_| !self.charged)?;
        let place = match handle.map(Handle::place) {
            // Where it leads there is this connection, or one between other addresses, or none.
            Some(Place::Ordinary(slot)) => Place::Ordinary(slot),
            Some(Place::Life(slot)) if self.current.age() == age => Place::Life(slot),
            _ => self.current.glance(Hash(first.hash))?.place(),
        };
        let wide = &coming.batch.wide;
        match place {
            Place::Ordinary(slot) => loop {
                let ordinary = self.lives.ordinary_mut(slot).filter(|_| !self.charged)?;
                let (lean, from) = pass_by_the_book(ordinary, coming)?;
                if !self.tell(slot, lean, from) {
                    return Some(place);
                }
                coming.took();
            },
            Place::Life(slot) => {
                let life = self.lives.get_mut(slot);
                let life = life.filter(|life| life.scope == Scope::default())?;
                loop {
                    let lean = coming.lean()?;
                    let from = sender(&life.tracker.addresses, lean, wide)?;
                    let calmly = |seg: Passing| life.owns(&seg, from) && life.tracker.take_calmly(&seg, from);
                    if !Passing::lean(lean).is_some_and(calmly) {
                        return Some(place);
                    }
                    coming.took();
                }
            }
            Place::Embryo(_) | Place::Waiting(_) => None,
        }
    }

    /// A segment of the connection by the book in this slot, which may tell something.
    #[inline(never)]
    fn tell(&mut self, slot: u32, lean: &Lean, from: Role) -> bool {
        let told = self.take_by_the_book(slot, |book, syn| book.take_lean(lean, from, syn));
        if self.charged {
            self.look_at_limits();
        }
        told
    }

    #[inline(never)]
    fn take_other(&mut self, other: &Other) {
        self.take(&FlowKey::of(&other.segment), other.hash, &other.segment);
    }

    /// Takes a segment by the long way; `place` is where its connection is, if that is known: one that has a tracker, or one by
    /// the book that cannot take it.
    #[inline(never)]
    fn take_whole(&mut self, lean: &Lean, wide: &Wide, place: Option<Place>) {
        if lean.flags().syn() && place.is_none() && self.take_opening(lean, wide) {
            return;
        }
        let segment = lean.segment(wide);
        let (key, hash) = (FlowKey::of(&segment), Hash(lean.hash));
        if place.is_none() {
            return self.take(&key, hash, &segment);
        }
        self.route_other(key, hash, place, &segment);
        if self.charged {
            self.look_at_limits();
        }
    }

    /// Takes the first SYN of a 4-tuple, or its answer. False if it is neither, or not by the book; nothing has changed then.
    fn take_opening(&mut self, lean: &Lean, wide: &Wide) -> bool {
        let [source, destination] = lean.ends(wide);
        let (key, hash) = (
            FlowKey::between(source, destination, Scope::default()),
            Hash(lean.hash),
        );
        match self.current.get(hash, &key, &self.lives).map(Handle::place) {
            Some(Place::Embryo(slot)) => {
                let answer = Opening::of(&lean.segment(wide));
                if !answer.is_some_and(|answer| self.answer_by_the_book(hash, slot, source, &answer)) {
                    return false;
                }
            }
            None if !lean.flags().ack() && !self.ladders.keeps(source, destination) => {
                let Some(embryo) = Embryo::of(&lean.segment(wide), self.birth(lean.packet)) else {
                    return false;
                };
                self.begin_under(&key);
                self.begin_embryo(hash, embryo);
            }
            _ => return false,
        }
        if self.charged {
            self.look_at_limits();
        }
        true
    }
}

/// Takes segments of this connection as long as they tell nothing. The next one and its sender, if it is of this connection.
#[inline]
fn pass_by_the_book<'a>(ordinary: &mut Ordinary, coming: &mut Coming<'a>) -> Option<(&'a Lean, Role)> {
    loop {
        let lean = coming.lean()?;
        let from = ordinary.sender(lean, &coming.batch.wide)?;
        let passing = Passing::lean(lean);
        if !passing.is_some_and(|passing| ordinary.book.take_passing(&passing, from)) {
            return Some((lean, from));
        }
        coming.took();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv6Addr};

    use proptest::prelude::*;

    use crate::flow::{Flows, Ladders, Rest, Shards, Sorter};
    use crate::segment::{Endpoint, Flags, Segment};
    use crate::time::Timestamp;
    use crate::tracker::textbook::tests::{other_stories, said, segments, troubled_stories, usual_stories};

    /// What sets the story of a connection apart from others.
    #[derive(Clone, Debug)]
    struct Setting {
        port: u16,
        v6: bool,
        /// Some of its segments, or all, are in a tag.
        tagged: Option<bool>,
        begins_ns: i64,
        numbers_from: u32,
    }

    fn settings() -> impl Strategy<Value = Setting> {
        let tagged = prop_oneof![6 => Just(None), 1 => Just(Some(false)), 1 => Just(Some(true))];
        let numbers_from = prop_oneof![0..4_000u32, any::<u32>()];
        let parts = (
            0..5u16,
            prop::bool::weighted(0.2),
            tagged,
            0..60_000_000i64,
            numbers_from,
        );
        parts.prop_map(|(port, v6, tagged, begins_ns, numbers_from)| Setting {
            port,
            v6,
            tagged,
            begins_ns,
            numbers_from,
        })
    }

    impl Setting {
        fn set(&self, seg: &mut Segment) {
            for end in [&mut seg.source, &mut seg.destination] {
                *end = self.end(*end);
            }
            if self.tagged.is_some_and(|all| all || seg.packet.is_multiple_of(2)) {
                seg.scope.vlans[0] = 5;
            }
            seg.time = seg.time.plus(self.begins_ns);
            seg.seq = seg.seq.plus(self.numbers_from);
            if let Some(ack) = &mut seg.ack {
                *ack = ack.plus(self.numbers_from);
                seg.raw_ack = ack.0;
            }
            seg.ip_id = seg.ip_id.filter(|_| !self.v6);
        }

        fn end(&self, Endpoint { ip, port }: Endpoint) -> Endpoint {
            let ip = match ip {
                IpAddr::V4(ip) if self.v6 => Ipv6Addr::from(0xfd00 << 112 | u128::from(ip.to_bits())).into(),
                ip => ip,
            };
            let port = if port == 80 { port } else { port + self.port };
            Endpoint { ip, port }
        }
    }

    /// Holds batches of so many segments equal to the same segments one by one; gives how many connections there are.
    fn told_alike(mut segments: Vec<Segment>, at_once: usize) -> Result<usize, TestCaseError> {
        segments.sort_by_key(|seg| seg.time); // stable
        let end = segments.last().map_or(Timestamp::default(), |seg| seg.time);
        let mut one = Flows::new(Ladders::None);
        let mut several = Shards::of(Flows::new(Ladders::None));
        let mut sorter = Sorter::new(&several);
        for (packet, seg) in (1..).zip(&mut segments) {
            seg.packet = packet;
            one.on_segment(seg);
            let table = sorter.add(seg);
            if sorter.batches()[table].len() == at_once {
                several.tables()[table].on_batch(&mut sorter.batches()[table]);
            }
        }
        for (flows, batch) in several.tables().iter_mut().zip(sorter.batches()) {
            flows.on_batch(batch);
        }
        let (one, several) = (one.finish(end), several.finish(end));
        prop_assert_eq!(one.totals(), several.totals());
        let told = |rest: Rest| {
            rest.numbered()
                .map(|finished| format!("{finished:?}"))
                .collect::<Vec<_>>()
        };
        let one = told(one);
        prop_assert_eq!(&one, &told(several));
        Ok(one.len())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]

        /// Connections beside each other, most of whose segments go the short ways. Some have one 4-tuple, one after the other or at
        /// once, and some of those outer contexts.
        #[test]
        fn a_batch_tells_what_its_segments_tell(
            stories in prop::collection::vec(
                (prop_oneof![3 => usual_stories(), 2 => troubled_stories(), 1 => other_stories()], settings()), 1..10),
            at_once in 1..200usize,
        ) {
            let mut segments = Vec::new();
            for (story, setting) in stories {
                segments.extend(story.into_iter().map(|mut seg| {
                    setting.set(&mut seg);
                    seg
                }));
            }
            told_alike(segments, at_once)?;
        }
    }

    /// By its number of what was sent a late segment continues the next life of its 4-tuple; only the number of what was received
    /// shows that it is of the one before.
    #[test]
    fn a_late_segment_is_not_taken_calmly_by_the_next_life() {
        let fin = Flags::FIN | Flags::ACK;
        let data = [said(true, 100, Flags::ACK), said(false, 300, Flags::ACK)];
        let close = [said(true, 0, fin), said(false, 0, fin), said(true, 0, Flags::ACK)];
        let first = segments(&[&data[..], &close].concat(), true, false);
        let client = first[0].source;
        let much: Vec<_> = data.iter().cycle().take(80).cloned().collect();
        let second = segments(&much, true, false).into_iter().map(|seg| {
            let (sent, received) = if seg.source == client {
                (5_000, 1 << 24)
            } else {
                (1 << 24, 5_000)
            };
            let ack = seg.ack.map(|ack| ack.plus(received));
            Segment {
                time: seg.time.plus(120_000_000_000),
                seq: seg.seq.plus(sent),
                ack,
                raw_ack: ack.map_or(0, |ack| ack.0),
                ..seg
            }
        });
        let mut all = first.clone();
        for seg in second {
            all.push(seg);
            if all.len() == first.len() + 20 {
                let late = first.last().expect("a close");
                all.push(Segment {
                    seq: seg.seq_end(),
                    time: seg.time,
                    ..*late
                });
            }
        }
        assert_eq!(all[first.len() + 19].source, client);
        for at_once in [1, 7, 1_024] {
            assert_eq!(told_alike(all.clone(), at_once).expect("alike"), 2);
        }
    }
}
