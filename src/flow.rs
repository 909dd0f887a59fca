//! Which life of which 4-tuple a segment belongs to.
//!
//! The key is the unordered pair of endpoints (the roles may swap from one life to the next, R58). A life ends only when
//! a new SYN begins the next one: not by idle time, not by a repeated SYN, not by late segments of the close. While a
//! new SYN waits for its answer both lives are open, and numbers decide (R18, R51, R53).

use std::cmp::Ordering;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::segment::{Endpoint, Scope, Segment};
use crate::time::Timestamp;
use crate::tracker::evidence::Mark;
use crate::tracker::{Predecessor, Role, Tracker};

/// For how long after a RST that disowned a SYN another SYN is taken for the real one that it got in the way of
/// (RFC 9293 figure 8): the first retransmissions of a SYN come within this time.
const FIGURE_8_NS: i64 = 3_000_000_000;

/// How many outer contexts are tried for a segment whose own shows no connection.
const SCOPES_KEPT: usize = 16;

/// A 4-tuple with its outer context, whichever side sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    low: Endpoint,
    high: Endpoint,
    scope: Scope,
}

impl FlowKey {
    /// The key of a segment.
    pub fn of(seg: &Segment) -> FlowKey {
        FlowKey::between(seg.source, seg.destination, seg.scope)
    }

    /// The key of two endpoints.
    pub fn between(a: Endpoint, b: Endpoint, scope: Scope) -> FlowKey {
        match a.cmp(&b) {
            Ordering::Less | Ordering::Equal => FlowKey {
                low: a,
                high: b,
                scope,
            },
            Ordering::Greater => FlowKey {
                low: b,
                high: a,
                scope,
            },
        }
    }
}

/// For which connections the ladder is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ladders {
    /// For none.
    #[default]
    None,
    /// For all.
    All,
    /// For the lives of one pair of endpoints.
    Between(Endpoint, Endpoint),
}

impl Ladders {
    fn keeps(self, seg: &Segment) -> bool {
        match self {
            Ladders::None => false,
            Ladders::All => true,
            Ladders::Between(a, b) => {
                (seg.source, seg.destination) == (a, b) || (seg.source, seg.destination) == (b, a)
            }
        }
    }
}

struct Life {
    tracker: Tracker,
    /// The life before, while it can still get segments.
    previous: Option<u32>,
    /// The life before was told that it is over.
    succeeded: bool,
    /// The opener answered old numbers with a RST.
    opener_reset_old: bool,
    /// The opener went on with the life before.
    opener_went_on: bool,
}

/// All connections of a run.
#[derive(Default)]
pub struct Flows {
    current: HashMap<FlowKey, u32, RandomState>,
    lives: Vec<Option<Life>>,
    ladders: Ladders,
    /// Outer contexts seen, to look a segment up under other tags.
    scopes: Vec<Scope>,
}

impl Flows {
    /// An empty table that keeps the ladders asked for.
    pub fn new(ladders: Ladders) -> Flows {
        Flows {
            ladders,
            ..Flows::default()
        }
    }

    /// Takes the next segment in capture order.
    pub fn on_segment(&mut self, seg: &Segment) {
        let key = FlowKey::of(seg);
        let Some(index) = self
            .current
            .get(&key)
            .copied()
            .or_else(|| self.under_other_tags(key, seg))
        else {
            return self.begin(key, seg, None, 0);
        };
        match self.route(index, seg) {
            Route::Current => {
                self.life(index).tracker.on_segment(seg);
                self.succeed(index);
            }
            Route::Previous(previous) => self.give_to_previous(key, index, previous, seg),
            Route::StartOver => {
                let tracker = &mut self.life(index).tracker;
                tracker.start_over();
                tracker.on_segment(seg);
            }
            Route::BeginWith => {
                let tracker = &mut self.life(index).tracker;
                tracker.begin_with(seg);
                tracker.on_segment(seg);
            }
            Route::New => {
                let before = self.settle(index);
                let incarnation = self.life(before).tracker.incarnation + 1;
                self.begin(key, seg, Some(before), incarnation);
            }
        }
    }

    /// All connections in order of their first packet, once the capture has ended with a packet at `end`.
    pub fn finish(mut self, end: Timestamp) -> Vec<Tracker> {
        for index in 0..self.lives.len() as u32 {
            self.settle(index);
        }
        // Lives that turned out to be none leave gaps: predecessors are named by their place among those that stand.
        let mut places = Vec::with_capacity(self.lives.len());
        let mut standing = 0;
        for life in &self.lives {
            places.push(standing);
            standing += u32::from(life.is_some());
        }
        let finished = self.lives.into_iter().flatten().map(|mut life| {
            life.tracker.end(end);
            if let Some(before) = &mut life.tracker.aside.predecessor {
                before.index = places.get(before.index as usize).copied().unwrap_or(before.index);
            }
            life.tracker
        });
        finished.collect()
    }

    /// Some taps show VLAN tags in one direction only. A life of which the other direction is missing takes a segment that
    /// answers it under other tags; the 4-tuple is known under both from then on.
    fn under_other_tags(&mut self, key: FlowKey, seg: &Segment) -> Option<u32> {
        if !self.scopes.contains(&seg.scope) && self.scopes.len() < SCOPES_KEPT {
            self.scopes.push(seg.scope);
        }
        if self.scopes.len() < 2 || seg.ack.is_none() {
            return None;
        }
        let found = self.scopes.iter().find_map(|scope| {
            let index = *self.current.get(&FlowKey { scope: *scope, ..key })?;
            let tracker = self.get(index)?;
            let from = tracker.role_of(seg);
            let one_sided = tracker.streams[from as usize].packets == 0;
            (one_sided && tracker.answers(seg)).then_some(index)
        })?;
        self.current.insert(key, found);
        Some(found)
    }

    /// Connections so far.
    pub fn len(&self) -> usize {
        self.lives.len()
    }

    /// Whether no segment came yet.
    pub fn is_empty(&self) -> bool {
        self.lives.is_empty()
    }

    fn begin(&mut self, key: FlowKey, seg: &Segment, previous: Option<u32>, incarnation: u32) {
        let mut tracker = Tracker::new(seg, incarnation);
        let met = previous.and_then(|index| Some((index, self.get(index)?)));
        tracker.aside.predecessor = met
            .and_then(|(index, old)| Predecessor::of(old, index, seg))
            .map(Box::new);
        if self.ladders.keeps(seg) {
            tracker.keep_ladder();
        }
        tracker.on_segment(seg);
        let index = self.lives.len() as u32;
        // The life before the one before can get nothing any more.
        if let Some(before) = previous {
            self.life(before).previous = None;
        }
        self.lives.push(Some(Life {
            tracker,
            previous,
            succeeded: false,
            opener_reset_old: false,
            opener_went_on: false,
        }));
        self.current.insert(key, index);
    }

    fn life(&mut self, index: u32) -> &mut Life {
        // Indices come from `current` and `previous` only, which never name an absorbed life.
        match self.lives.get_mut(index as usize) {
            Some(Some(life)) => life,
            _ => unreachable!("life {index} was absorbed"),
        }
    }

    fn get(&self, index: u32) -> Option<&Tracker> {
        self.lives.get(index as usize)?.as_ref().map(|life| &life.tracker)
    }

    fn route(&self, index: u32, seg: &Segment) -> Route {
        let Some(Some(Life {
            tracker, previous, ..
        })) = self.lives.get(index as usize)
        else {
            return Route::New;
        };
        let from = tracker.role_of(seg);
        let me = from as usize;
        let peer = from.other() as usize;
        if seg.flags.syn() && !seg.flags.rst() {
            return match seg.ack {
                None => route_syn(tracker, seg, from),
                Some(ack) => {
                    let acknowledges = tracker.streams[peer].iss.is_some_and(|iss| {
                        ack.between(iss.plus(1), tracker.streams[peer].nxt.unwrap_or(iss.plus(1)))
                    });
                    let known = tracker.streams[me].iss == Some(seg.seq);
                    if acknowledges || known {
                        return Route::Current;
                    }
                    let to_previous = previous.filter(|old| {
                        self.get(*old).is_some_and(|old| {
                            let side = old.role_of(seg) as usize;
                            old.streams[side].iss == Some(seg.seq)
                                || old.streams[1 - side].iss.is_some_and(|iss| ack == iss.plus(1))
                        })
                    });
                    match to_previous {
                        Some(old) => Route::Previous(old),
                        // A SYN-ACK that fits nothing, after a life: its SYN is missing in the capture.
                        None if !tracker.fits(seg)
                            && !tracker.is_embryo()
                            && tracker.opening.ack.is_some() =>
                        {
                            Route::New
                        }
                        None if tracker.is_over() && !tracker.is_embryo() => Route::New,
                        None => Route::Current,
                    }
                }
            };
        }
        if let Some(old) = previous
            && let Some(old_tracker) = self.get(*old)
        {
            if tracker.is_embryo() {
                if !embryo_owns(tracker, seg, from) {
                    return Route::Previous(*old);
                }
            } else if (!tracker.fits(seg) || tracker.is_of_earlier_life(seg)) && old_tracker.fits(seg) {
                return Route::Previous(*old);
            }
        }
        if tracker.is_over() && tracker.is_foreign(seg) && !seg.flags.rst() && !tracker.is_embryo() {
            return Route::New; // a life whose SYNs are both missing
        }
        Route::Current
    }

    fn give_to_previous(&mut self, key: FlowKey, index: u32, previous: u32, seg: &Segment) {
        let embryo = self.life(index).tracker.is_embryo();
        let from_opener = self.life(index).tracker.role_of(seg) == Role::Client;
        if embryo {
            let life = self.life(index);
            life.tracker.challenged |= !from_opener;
            life.opener_reset_old |= from_opener && seg.flags.rst();
            life.opener_went_on |= from_opener && !seg.flags.rst();
            if let Some(before) = &mut life.tracker.aside.predecessor {
                let mark = Mark {
                    packet: seg.packet,
                    time: seg.time,
                };
                if !from_opener {
                    before.refused.get_or_insert(mark);
                } else if seg.flags.rst() && before.refused.is_some() {
                    before.reset.get_or_insert(mark);
                }
            }
        } else {
            self.life(index).tracker.note_old_duplicate(seg);
        }
        self.life(previous).tracker.on_segment(seg);
        // Figure 8 with both SYNs on the way at once: the older attempt was not the client's own.
        let opener = self.life(index).tracker.addresses[0];
        let older = &self.life(previous).tracker;
        if embryo
            && older.is_disowned()
            && older.addresses[0] == opener
            && let Some(younger) = self.lives.get_mut(index as usize).and_then(Option::take)
        {
            let older = &mut self.life(previous).tracker;
            older.start_over();
            older.adopt(younger.tracker);
            self.current.insert(key, previous);
        }
    }

    /// Once a new life is accepted, the old one is over.
    fn succeed(&mut self, index: u32) {
        let life = self.life(index);
        let Some(previous) = life.previous else { return };
        if life.succeeded || life.tracker.opening.syn_ack.is_none() {
            return;
        }
        life.succeeded = true;
        let opener = life.tracker.addresses[0];
        let answer = life.tracker.opening.syn_ack;
        let Some(syn) = life.tracker.opening.syn[0] else {
            return;
        };
        self.life(previous)
            .tracker
            .replaced_by(opener, syn.first, answer.map(|answer| (syn.last, answer)));
    }

    /// The last word on a SYN that nobody answered, when the capture or its time is over. Returns the life that stands:
    /// the one before, if that SYN was an old duplicate.
    fn settle(&mut self, index: u32) -> u32 {
        let Some(Some(life)) = self.lives.get_mut(index as usize) else {
            return index;
        };
        let Some(previous) = life
            .previous
            .filter(|_| !life.succeeded && life.tracker.is_embryo())
        else {
            return index;
        };
        let reset_old = life.tracker.challenged && life.opener_reset_old;
        if (reset_old || life.opener_went_on) && life.tracker.syn_copies() == 0 {
            // Its "sender" reset the answer and never tried again, or went on as if nothing had been: nobody stands
            // behind this SYN (RU05).
            if let Some(embryo) = self.lives.get_mut(index as usize).and_then(Option::take) {
                self.life(previous).tracker.absorb_embryo(embryo.tracker);
            }
            return previous;
        }
        if let Some(syn) = life.tracker.opening.syn[0] {
            let opener = life.tracker.addresses[0];
            self.life(previous).tracker.replaced_by(opener, syn.first, None);
        }
        index
    }
}

enum Route {
    Current,
    Previous(u32),
    StartOver,
    BeginWith,
    New,
}

/// A SYN without ACK: a copy, the other half of a simultaneous open, a late first segment, or a new life.
fn route_syn(tracker: &Tracker, seg: &Segment, from: Role) -> Route {
    let (me, peer) = (from as usize, from.other() as usize);
    let own = &tracker.streams[me];
    if tracker.is_only_resets() && seg.time.since(tracker.last.time) <= FIGURE_8_NS {
        return Route::BeginWith;
    }
    match own.iss {
        Some(iss) if iss == seg.seq => Route::Current,
        Some(_)
            if from == Role::Client
                && tracker.is_disowned()
                && within_figure_8(tracker.aside.disowned, seg) =>
        {
            Route::StartOver
        }
        Some(_) => Route::New,
        None => {
            // Simultaneous open: the other side's SYN is unanswered and this side has sent nothing.
            let crossing = own.nxt.is_none() && tracker.opening.syn[peer].is_some_and(|syn| !syn.with_ack);
            // Captured out of order: the SYN comes after segments that continue it (R9).
            let late = own.nxt.is_some_and(|nxt| {
                nxt.offset_from(seg.seq).unsigned_abs() <= 1 << 20
                    && seg.time.since(tracker.first.time) < FIGURE_8_NS
                    && nxt.after(seg.seq)
            }) && !tracker.is_over();
            if crossing || late {
                Route::Current
            } else {
                Route::New
            }
        }
    }
}

fn within_figure_8(disowned: Option<Mark>, seg: &Segment) -> bool {
    disowned.is_some_and(|mark| seg.time.since(mark.time) <= FIGURE_8_NS)
}

/// Whether a segment without SYN belongs to a SYN that waits for its answer, and not to the life before.
fn embryo_owns(tracker: &Tracker, seg: &Segment, from: Role) -> bool {
    let Some(iss) = tracker.streams[0].iss else {
        return true;
    };
    match from {
        Role::Client => seg.seq == iss.plus(1),
        Role::Server => seg
            .ack
            .is_some_and(|ack| ack.between(iss.plus(1), tracker.streams[0].nxt.unwrap_or(iss.plus(1)))),
    }
}
