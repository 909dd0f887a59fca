//! Which life of which 4-tuple a segment belongs to.
//!
//! The key is the unordered pair of endpoints (the roles may swap from one life to the next, R58). A life ends only when
//! a new SYN begins the next one: not by idle time, not by a repeated SYN, not by late segments of the close. While a
//! new SYN waits for its answer both lives are open, and numbers decide (R18, R51, R53).
//!
//! Memory is bounded ([`Limits`]): what is least worth keeping goes first ([`Class`]) and is counted ([`Evicted`]). A SYN alone
//! is kept as that, a connection on which all goes by the book as its telling segments ([`Textbook`](crate::tracker::textbook)),
//! and what is over or idle otherwise is packed until its next segment comes ([`Packing`]).
//! Connections of which nothing can change any more can be taken out on the way ([`Flows::take_finished`]). Several threads work
//! on several tables ([`Shards`]).

mod batch;
mod by_birth;
mod contexts;
mod embryo;
mod evicted;
mod eviction;
mod index;
mod key;
mod limits;
mod lives;
mod ordinary;
mod packing;
mod packs;
mod rest;
mod route;
mod runs;
mod shards;
mod slots;

use std::mem::size_of;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::segment::{Endpoint, PacketNumber, Segment};
use crate::time::Timestamp;
use crate::tracker::footprint::allocated;
use crate::tracker::passing::Opening;
use crate::tracker::{Finished, Heir, Predecessor, Tracker};
pub use batch::Batch;
use by_birth::ByBirth;
use contexts::Contexts;
use embryo::Embryo;
pub use evicted::{Class, Evicted};
pub use index::Keyer;
use index::{Hash, Index};
pub use key::FlowKey;
pub use limits::Limits;
use lives::{Handle, Life, Lives, Ordinary, Place, Waiting};
pub use packing::Packing;
pub use rest::{Numbered, Rest};
use route::Route;
use runs::Runs;
pub use shards::{Shards, Sorter};

/// What each connection takes besides: in the table of 4-tuples an entry and its control octet, where that has just doubled,
/// with the old one beside it (32 octets at most); and what rules about services keep of it at the end.
const ENTRY_BYTES: u64 = 96;

/// Between two looks for finished connections at least so many slots are looked at.
const SLOTS_LOOKED_AT: u64 = 4096;

/// For which connections the ladder is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ladders {
    /// For none.
    #[default]
    None,
    /// For all.
    All,
    /// For the lives of one pair of endpoints.
    Between(Endpoint, Endpoint),
    /// For the lives of some pairs of endpoints: the lesser one first, in order.
    Among(Arc<[(Endpoint, Endpoint)]>),
}

impl Ladders {
    /// Whether those of connections between these are.
    fn keeps(&self, a: Endpoint, b: Endpoint) -> bool {
        match self {
            Ladders::None => false,
            Ladders::All => true,
            Ladders::Between(x, y) => (a, b) == (*x, *y) || (a, b) == (*y, *x),
            Ladders::Among(pairs) => pairs.binary_search(&(a.min(b), a.max(b))).is_ok(),
        }
    }
}

/// Where all connections that ever began went. `begun` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// First segments of a connection.
    pub begun: u64,
    /// Attempts that turned out to be none: they were given to the connection before.
    pub absorbed: u64,
    /// Given up for a limit.
    pub evicted: u64,
    /// Taken out as finished.
    pub taken: u64,
    /// Still in the table.
    pub standing: u64,
}

impl Totals {
    /// Adds those of another table.
    fn add(&mut self, other: Totals) {
        let Totals {
            begun,
            absorbed,
            evicted,
            taken,
            standing,
        } = other;
        self.begun = self.begun.saturating_add(begun);
        self.absorbed = self.absorbed.saturating_add(absorbed);
        self.evicted = self.evicted.saturating_add(evicted);
        self.taken = self.taken.saturating_add(taken);
        self.standing = self.standing.saturating_add(standing);
    }
}

/// Says how many octets the report of a connection takes.
pub type ReportBytes = fn(&Tracker) -> u64;

/// All connections of a run.
#[derive(Clone, Default)]
pub struct Flows {
    current: Index,
    lives: Lives,
    ladders: Ladders,
    /// To look a segment up under other tags.
    contexts: Contexts,
    limits: Limits,
    /// What the report of a connection takes at the end.
    report_bytes: Option<ReportBytes>,
    /// More is in use than when that was held against the limits.
    charged: bool,
    /// All footprints, and those of attempts.
    memory: u64,
    attempts_memory: u64,
    /// The footprint of an embryo, once there was one.
    embryo_bytes: Option<u64>,
    totals: Totals,
    /// A life is born with the number of its first packet, not with how many began before it.
    born_by_packet: bool,
    evicted: Evicted,
    /// The slot at which the next look for finished connections begins, and segments since the last.
    hand: u32,
    waiting_hand: u32,
    ordinary_hand: u32,
    segments_since: u64,
    /// The slot at which the next look for idle lives begins.
    broom: u32,
    packing: Packing,
    /// Idle ones that were packed, and that woke up again, since that was looked at last.
    slept: u64,
    woke: u64,
    /// Where packed ones are written first; kept for its room.
    packed: Vec<u8>,
    /// The runs of a batch; kept for their room.
    runs: Runs,
    /// When each life was born, and where it is, once all is settled.
    births: Option<Vec<(u64, Handle)>>,
}

impl Flows {
    /// An empty table that keeps the ladders asked for.
    pub fn new(ladders: Ladders) -> Flows {
        Flows {
            ladders,
            limits: Limits::NONE,
            ..Flows::default()
        }
    }

    /// An empty table within `limits`. `report_bytes` says what the report of a connection takes at the end, with all that
    /// it holds; none if it is not kept.
    pub fn bounded(ladders: Ladders, limits: Limits, report_bytes: Option<ReportBytes>) -> Flows {
        Flows {
            limits,
            report_bytes,
            ..Flows::new(ladders)
        }
    }

    /// The same table, packing connections as told.
    pub fn packing(self, packing: Packing) -> Flows {
        Flows { packing, ..self }
    }

    /// The same table, to take batches, perhaps as one of several between which 4-tuples are shared out: a life is born with the
    /// number of its first packet, so that those of all tables have one order, and that of the capture.
    fn born_by_packet(self) -> Flows {
        Flows {
            born_by_packet: true,
            ..self
        }
    }

    /// The birth of a life that begins with this packet.
    fn birth(&self, packet: PacketNumber) -> u64 {
        if self.born_by_packet {
            packet
        } else {
            self.totals.begun
        }
    }

    /// How many connections are packed now.
    pub fn packed(&self) -> u64 {
        self.lives.waiting_len()
    }

    /// How many connections have no tracker, because all goes by the book.
    pub fn by_the_book(&self) -> u64 {
        self.lives.ordinary_len()
    }

    /// Takes the next segment in capture order.
    pub fn on_segment(&mut self, seg: &Segment) {
        self.segments_since = self.segments_since.saturating_add(1);
        let key = FlowKey::of(seg);
        self.take(&key, self.current.hash(&key), seg);
    }

    /// Says where this table looks for the connection of a segment.
    pub fn keyer(&self) -> Keyer {
        self.current.keyer()
    }

    fn take(&mut self, key: &FlowKey, hash: Hash, seg: &Segment) {
        self.route_segment(key, hash, seg);
        if self.charged {
            self.look_at_limits();
        }
    }

    fn forget_contexts(&mut self) {
        let stands = |key: &FlowKey| self.current.look_up(key, &self.lives).is_some();
        self.contexts.forget(self.lives.len(), stands);
    }

    fn route_segment(&mut self, key: &FlowKey, hash: Hash, seg: &Segment) {
        let place = self.current.get(hash, key, &self.lives).map(Handle::place);
        if let Some(Place::Ordinary(slot)) = place
            && let Some(ordinary) = self.lives.ordinary(slot)
        {
            let from = ordinary.role_of(seg);
            if self.take_by_the_book(slot, |book, syn| book.take(seg, from, syn)) {
                return;
            }
        }
        self.route_other(*key, hash, place, seg);
    }

    /// A segment that is not one of a connection by the book.
    #[inline(never)]
    fn route_other(&mut self, key: FlowKey, hash: Hash, place: Option<Place>, seg: &Segment) {
        let found = match place {
            Some(Place::Life(index)) => Some(index),
            Some(Place::Ordinary(slot)) => self.outgrow(slot),
            Some(Place::Embryo(slot)) => {
                if Opening::of(seg)
                    .is_some_and(|answer| self.answer_by_the_book(hash, slot, seg.source, &answer))
                {
                    return;
                }
                self.grow(slot)
            }
            Some(Place::Waiting(slot)) => self.wake(slot),
            None => self.under_other_tags(key, seg),
        };
        let Some(index) = found else {
            return self.begin_first(key, hash, seg);
        };
        // What most segments are, and where: nothing competes with the life for an ordinary one.
        if let Some(life) = self.lives.get_mut(index)
            && life.previous.is_none()
            && life.tracker.is_calm_for(seg)
        {
            if !life.tracker.on_segment(seg) {
                self.weigh(index);
                self.put_to_sleep(key, index);
            }
            return;
        }
        match self.route(index, seg) {
            Route::Current => {
                self.give(index, seg);
                self.succeed(index);
                self.put_to_sleep(key, index);
            }
            Route::Previous(previous) => self.give_to_previous(key, index, previous, seg),
            Route::StartOver => {
                self.life(index).tracker.start_over();
                self.give(index, seg);
            }
            Route::BeginWith => {
                self.life(index).tracker.begin_with(seg);
                self.give(index, seg);
            }
            Route::New => {
                let before = self.settle(index);
                let life = self.life(before);
                let incarnation = life.tracker.incarnation + 1;
                // One that is not looked up by this key could leave its slot without the new one being told.
                let previous = life.has(&key).then_some(before);
                self.begin(key, seg, previous, incarnation);
            }
        }
    }

    /// All connections in order of their first packet, once the capture has ended with a packet at `end`. Connections
    /// before them are named by their place in this order; where the one before was evicted, nothing is said of it.
    pub fn finish(self, end: Timestamp) -> Rest {
        Shards::from(self).finish(end)
    }

    /// Says the last word on all that waits for one, and puts the connections in order: no more segments come. Tables of several
    /// can do this at once, before all of them are finished.
    pub fn settle_all(&mut self) {
        if self.births.is_none() {
            self.settle_undecided();
            self.births = Some(self.lives.births());
        }
    }

    /// The births, once all is settled.
    fn settled(&mut self) -> Vec<(u64, Handle)> {
        self.settle_all();
        self.births.take().unwrap_or_default()
    }

    /// The last word on all SYNs that nobody answered, in the order in which they came: in which slots they are depends on other
    /// traffic.
    fn settle_undecided(&mut self) {
        let undecided = (self.lives.iter()).filter(|(_, life)| life.is_undecided());
        let mut undecided: Vec<(u64, u32)> = undecided.map(|(index, life)| (life.birth, index)).collect();
        undecided.sort_unstable();
        for (_, index) in undecided {
            self.settle(index);
        }
    }

    /// The connections of which nothing can change any more by `now`, the capture time; `time_wait_ns` is 2 MSL. Each is
    /// given out once, with the number that it will have had at the end: a SYN that turns out to be no connection leaves a
    /// gap. One call looks at a part of the table, so that many calls cost no more than the segments between them.
    pub fn take_finished(&mut self, now: Timestamp, time_wait_ns: i64) -> Vec<Finished> {
        let slots = self.lives.slots();
        let budget = self.segments_since.saturating_mul(2).max(SLOTS_LOOKED_AT);
        self.segments_since = 0;
        let mut finished = Vec::new();
        for _ in 0..budget.min(u64::from(self.lives.waiting_slots())) {
            self.waiting_hand = lives::after(self.waiting_hand, self.lives.waiting_slots());
            let slot = self.waiting_hand;
            let may_be = |waiting: &&Waiting| waiting.over && now.since(waiting.last.time) >= time_wait_ns;
            if self.lives.waiting(slot).filter(may_be).is_some()
                && let Some(index) = self.wake(slot)
            {
                finished.extend(self.take_if_final(index, now, time_wait_ns));
            }
        }
        for _ in 0..budget.min(u64::from(self.lives.ordinary_slots())) {
            self.ordinary_hand = lives::after(self.ordinary_hand, self.lives.ordinary_slots());
            let slot = self.ordinary_hand;
            let may_be = |ordinary: &&Ordinary| {
                ordinary.book.is_over() && now.since(ordinary.book.last().time) >= time_wait_ns
            };
            if self.lives.ordinary(slot).filter(may_be).is_some()
                && let Some(index) = self.outgrow(slot)
            {
                finished.extend(self.take_if_final(index, now, time_wait_ns));
            }
        }
        for _ in 0..budget.min(u64::from(slots)) {
            self.hand = lives::after(self.hand, slots);
            finished.extend(self.take_if_final(self.hand, now, time_wait_ns));
        }
        self.forget_contexts();
        finished
    }

    /// What [`Flows::take_finished`] has left, once the capture has ended with a packet at `end`, numbered as there.
    pub fn finish_rest(self, end: Timestamp) -> (Totals, Evicted, impl Iterator<Item = Finished>) {
        let mut flows = self;
        let births = flows.settled();
        let mut heirs: HashMap<u64, Heir, RandomState> = HashMap::default();
        for (_, life) in flows.lives.iter() {
            if let Some(before) = &life.tracker.aside.predecessor
                && let Some(heir) = life.tracker.as_heir(life.birth.saturating_add(1))
            {
                heirs.insert(before.number, heir);
            }
        }
        let totals = flows.totals();
        let rest = ByBirth::of(vec![(flows.lives, births)], grown).map(move |mut left| {
            left.tracker.end(end);
            let number = left.birth.saturating_add(1);
            Finished {
                number,
                successor: heirs.get(&number).copied().or(left.heir),
                tracker: left.tracker,
            }
        });
        (totals, flows.evicted, rest)
    }

    /// Where all connections went so far.
    pub fn totals(&self) -> Totals {
        Totals {
            evicted: self.evicted.total(),
            standing: self.lives.len(),
            ..self.totals
        }
    }

    /// What was given up so far.
    pub fn evicted(&self) -> &Evicted {
        &self.evicted
    }

    /// Octets that the connections in the table take now and at the end, by their own account.
    pub fn memory(&self) -> u64 {
        self.memory
    }

    fn take_if_final(&mut self, index: u32, now: Timestamp, time_wait_ns: i64) -> Option<Finished> {
        let life = self.lives.get(index)?;
        if life.is_undecided() || !life.tracker.is_final(now, time_wait_ns) {
            return None;
        }
        // Whether the one after it is one is not known yet.
        let undecided = |key| {
            let newer = self.lives.get(self.current_life(&key)?)?;
            Some(newer.previous == Some(index) && newer.is_undecided())
        };
        if life.keys().any(|key| undecided(key) == Some(true)) {
            return None;
        }
        let mut heir = life.heir;
        for key in life.keys() {
            let newer = self.current_life(&key).and_then(|newer| self.lives.get(newer));
            if let Some(newer) = newer.filter(|newer| newer.previous == Some(index)) {
                heir = newer.tracker.as_heir(newer.birth.saturating_add(1)).or(heir);
            }
        }
        let mut life = self.remove(index)?;
        // The one before it learns who took its 4-tuple over, while it still can.
        let own = life.tracker.as_heir(life.birth.saturating_add(1));
        if let Some(before) = life.previous.and_then(|before| self.lives.get_mut(before)) {
            before.heir = own;
        }
        self.totals.taken = self.totals.taken.saturating_add(1);
        life.tracker.end(now);
        Some(Finished {
            number: life.birth.saturating_add(1),
            tracker: life.tracker,
            successor: heir,
        })
    }

    /// Takes a life out of the table. The one before it, if that is there, is the current one again.
    fn remove(&mut self, index: u32) -> Option<Life> {
        let life = self.lives.get(index)?;
        let (keys, before) = (life.keys(), life.previous);
        for key in keys {
            let Some(current) = self.current_life(&key) else {
                continue;
            };
            if current != index {
                if let Some(newer) = self.lives.get_mut(current)
                    && newer.previous == Some(index)
                {
                    newer.previous = None;
                }
            } else if let Some(before) = before {
                self.lead_to(&key, before);
            } else {
                self.current.remove(&key, &self.lives);
            }
        }
        let life = self.lives.take(index)?;
        self.discharge(life.footprint, life.attempt);
        Some(life)
    }

    /// Makes a life the current one of a key, which it may have had under another context only. With two of them already it gets
    /// no more, and the key leads nowhere.
    fn lead_to(&mut self, key: &FlowKey, index: u32) {
        if let Some(life) = self.lives.get_mut(index)
            && !life.has(key)
        {
            if life.alias.is_some() {
                return self.current.remove(key, &self.lives);
            }
            life.alias = Some(key.scope);
        }
        self.current.insert(key, Handle::life(index), &self.lives);
    }

    /// Gives a segment to a life, and counts anew what that takes where it may have grown.
    fn give(&mut self, index: u32, seg: &Segment) {
        if !self.life(index).tracker.on_segment(seg) {
            self.weigh(index);
        }
    }

    /// Counts anew what a life takes.
    fn weigh(&mut self, index: u32) {
        let report = self.report_bytes;
        let Some(life) = self.lives.get_mut(index) else {
            return;
        };
        // Its report is made out of it, and the room of those before it is free by then.
        let own = (size_of::<Option<Life>>() as u64)
            .saturating_add(allocated(size_of::<Tracker>()))
            .saturating_add(life.tracker.heap_bytes());
        let footprint = report
            .map_or(own, |report| own.max(report(&life.tracker)))
            .saturating_add(ENTRY_BYTES);
        let attempt = Class::of(&life.tracker).is_attempt();
        let before = std::mem::replace(&mut life.footprint, footprint);
        let was_attempt = std::mem::replace(&mut life.attempt, attempt);
        self.discharge(before, was_attempt);
        self.charge(footprint, attempt);
    }

    /// Some taps show VLAN tags in one direction only. A life of which the other direction is missing takes a segment that
    /// answers it under other tags; the 4-tuple is known under both from then on.
    fn under_other_tags(&mut self, key: FlowKey, seg: &Segment) -> Option<u32> {
        seg.ack?; // what answers nothing tells of no other direction
        let others = self.contexts.others_of(&key);
        let found = others.into_iter().find_map(|other| {
            let index = match self.current.look_up(&other, &self.lives)?.place() {
                Place::Life(index) => index,
                Place::Embryo(slot) => self.grow(slot)?,
                Place::Waiting(slot) => self.wake(slot)?,
                Place::Ordinary(_) => return None, // both directions were seen
            };
            let life = self.lives.get(index)?;
            let tracker = &life.tracker;
            let from = tracker.role_of(seg);
            let one_sided = tracker.streams[from as usize].packets == 0 && life.alias.is_none();
            (one_sided && tracker.answers(seg)).then_some(index)
        })?;
        self.life(found).alias = Some(seg.scope);
        self.current.insert(&key, Handle::life(found), &self.lives);
        Some(found)
    }

    /// Connections in the table.
    pub fn len(&self) -> u64 {
        self.lives.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lives.len() == 0
    }

    /// The life in the table that a key leads to, if that has a tracker.
    fn current_life(&self, key: &FlowKey) -> Option<u32> {
        match self.current.look_up(key, &self.lives)?.place() {
            Place::Life(index) => Some(index),
            Place::Embryo(_) | Place::Waiting(_) | Place::Ordinary(_) => None,
        }
    }

    /// The first life of a 4-tuple.
    fn begin_first(&mut self, key: FlowKey, hash: Hash, seg: &Segment) {
        self.begin_under(&key);
        if !self.ladders.keeps(seg.source, seg.destination)
            && let Some(embryo) = Embryo::of(seg, self.birth(seg.packet))
        {
            return self.begin_embryo(hash, embryo);
        }
        self.begin(key, seg, None, 0);
    }

    /// A 4-tuple begins under its context.
    fn begin_under(&mut self, key: &FlowKey) {
        let stands = |other: &FlowKey| self.current.look_up(other, &self.lives).is_some();
        self.contexts.begin(key, stands);
    }

    /// Puts this first life of a 4-tuple, which has this hash and is not in the table, into it.
    #[inline]
    fn begin_embryo(&mut self, hash: Hash, embryo: Embryo) {
        let footprint = match self.embryo_bytes {
            Some(known) => known,
            None => {
                let own = size_of::<Option<Embryo>>() as u64;
                self.footprint(own, &grown(&embryo))
            }
        };
        self.embryo_bytes = Some(footprint);
        self.totals.begun = self.totals.begun.saturating_add(1);
        self.charge(footprint, true);
        let handle = self.lives.insert_embryo(embryo);
        self.current.add(hash, handle);
    }

    /// Makes a life with a tracker of an embryo.
    fn grow(&mut self, slot: u32) -> Option<u32> {
        let embryo = self.lives.embryo(slot)?;
        let life = Life::new(grown(embryo), embryo.birth);
        let now = life.tracker.last.time;
        let key = self.lives.embryo(slot)?.key();
        let index = self.lives.insert(life);
        self.current.insert(&key, Handle::life(index), &self.lives);
        self.take_embryo(slot);
        self.weigh(index);
        self.sweep(now);
        Some(index)
    }

    /// What a connection counts with that takes `own` octets itself: its report is made out of it, and the room of those
    /// before it is free by then.
    fn footprint(&self, own: u64, tracker: &Tracker) -> u64 {
        self.report_bytes
            .map_or(own, |report| own.max(report(tracker)))
            .saturating_add(ENTRY_BYTES)
    }

    /// So many octets are in use.
    fn charge(&mut self, footprint: u64, attempt: bool) {
        self.charged = true;
        self.memory = self.memory.saturating_add(footprint);
        if attempt {
            self.attempts_memory = self.attempts_memory.saturating_add(footprint);
        }
    }

    /// So many are free again.
    fn discharge(&mut self, footprint: u64, attempt: bool) {
        self.memory = self.memory.saturating_sub(footprint);
        if attempt {
            self.attempts_memory = self.attempts_memory.saturating_sub(footprint);
        }
    }

    /// Takes an embryo out of its slot; nothing must lead there any more.
    fn take_embryo(&mut self, slot: u32) -> Option<Embryo> {
        let embryo = self.lives.take_embryo(slot)?;
        self.discharge(self.embryo_bytes.unwrap_or_default(), true);
        Some(embryo)
    }

    fn begin(&mut self, key: FlowKey, seg: &Segment, previous: Option<u32>, incarnation: u32) {
        let mut tracker = Tracker::new(seg, incarnation);
        let met = previous.and_then(|index| self.lives.get(index));
        if let Some(met) = met.and_then(|old| Predecessor::of(&old.tracker, old.birth.saturating_add(1), seg))
        {
            tracker.aside.predecessor = Some(Box::new(met));
        }
        if self.ladders.keeps(seg.source, seg.destination) {
            tracker.keep_ladder();
        }
        tracker.on_segment(seg);
        if let Some(before) = previous {
            self.put_out_of_reach(before);
        }
        let birth = self.birth(seg.packet);
        self.totals.begun = self.totals.begun.saturating_add(1);
        let index = self.lives.insert(Life {
            previous,
            ..Life::new(tracker, birth)
        });
        self.weigh(index);
        self.current.insert(&key, Handle::life(index), &self.lives);
        self.sweep(seg.time);
    }

    /// The life before the one before can get nothing any more.
    fn put_out_of_reach(&mut self, before: u32) {
        let life = self.life(before);
        let heir = life.tracker.as_heir(life.birth.saturating_add(1));
        if let Some(oldest) = life.previous.take().and_then(|oldest| self.lives.get_mut(oldest)) {
            oldest.heir = heir;
        }
    }

    fn life(&mut self, index: u32) -> &mut Life {
        // Indices come from `current` and `previous` only, and a life that leaves the table is taken out of both.
        match self.lives.get_mut(index) {
            Some(life) => life,
            None => unreachable!("there is no life {index}"),
        }
    }

    fn get(&self, index: u32) -> Option<&Tracker> {
        self.lives.get(index).map(|life| &*life.tracker)
    }
}

/// The tracker of the life that an embryo stands for.
fn grown(embryo: &Embryo) -> Tracker {
    let syn = embryo.segment();
    let mut tracker = Tracker::new(&syn, 0);
    tracker.on_segment(&syn);
    tracker
}
