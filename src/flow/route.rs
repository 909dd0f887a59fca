//! To which life of a 4-tuple a segment goes, where there may be two: the current one and the one before. Numbers decide.

use super::lives::{Handle, Life};
use super::{FlowKey, Flows};
use crate::segment::Segment;
use crate::tracker::evidence::Mark;
use crate::tracker::{Role, Tracker};

/// For how long after a RST that disowned a SYN another SYN is taken for the real one that it got in the way of
/// (RFC 9293 figure 8): the first retransmissions of a SYN come within this time.
const FIGURE_8_NS: i64 = 3_000_000_000;

impl Flows {
    pub(super) fn route(&self, index: u32, seg: &Segment) -> Route {
        let Some(Life {
            tracker, previous, ..
        }) = self.lives.get(index)
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

    pub(super) fn give_to_previous(&mut self, key: FlowKey, index: u32, previous: u32, seg: &Segment) {
        let embryo = self.life(index).tracker.is_embryo();
        let from_opener = self.life(index).tracker.role_of(seg) == Role::Client;
        if embryo {
            let life = self.life(index);
            life.tracker.challenged |= !from_opener;
            life.opener_reset_old |= from_opener && seg.flags.rst();
            life.opener_went_on |= from_opener && !seg.flags.rst();
            if let Some(before) = &mut life.tracker.aside.predecessor {
                let mark = Mark::of(seg);
                if !from_opener {
                    before.refused.get_or_insert(mark);
                } else if seg.flags.rst() && before.refused.is_some() {
                    before.reset.get_or_insert(mark);
                }
            }
        } else {
            self.life(index).tracker.note_old_duplicate(seg);
        }
        self.give(previous, seg);
        // Figure 8 with both SYNs on the way at once: the older attempt was not the client's own.
        let opener = self.life(index).tracker.addresses[0];
        let older = &self.life(previous).tracker;
        if embryo
            && older.is_disowned()
            && older.addresses[0] == opener
            && let Some(younger) = self.remove(index)
        {
            let older = &mut self.life(previous).tracker;
            older.start_over();
            older.adopt(*younger.tracker);
            self.current.insert(&key, Handle::life(previous), &self.lives);
            self.totals.absorbed = self.totals.absorbed.saturating_add(1);
            self.weigh(previous);
        }
    }

    /// Once a new life is accepted, the old one is over.
    pub(super) fn succeed(&mut self, index: u32) {
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
        self.weigh(previous);
    }

    /// The last word on a SYN that nobody answered, when the capture or its time is over. Returns the life that stands:
    /// the one before, if that SYN was an old duplicate.
    pub(super) fn settle(&mut self, index: u32) -> u32 {
        let Some(life) = self.lives.get(index) else {
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
            if let Some(embryo) = self.remove(index) {
                self.life(previous).tracker.absorb_embryo(*embryo.tracker);
                self.totals.absorbed = self.totals.absorbed.saturating_add(1);
                self.weigh(previous);
            }
            return previous;
        }
        if let Some(syn) = life.tracker.opening.syn[0] {
            let opener = life.tracker.addresses[0];
            self.life(previous).tracker.replaced_by(opener, syn.first, None);
            self.weigh(previous);
        }
        index
    }
}

pub(super) enum Route {
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
