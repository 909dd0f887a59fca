//! The lives of all 4-tuples, in slots that are used again: with their trackers, or packed where those are not needed for now.

use std::num::NonZeroU32;

use crate::segment::{Endpoint, Lean, Scope, Segment, Wide};
use crate::tracker::evidence::Mark;
use crate::tracker::passing::{Passing, sender};
use crate::tracker::textbook::Textbook;
use crate::tracker::{Digest, Heir, Role, Tracker};

use super::FlowKey;
use super::embryo::Embryo;
use super::evicted::Class;
use super::packs::{Pack, Packs};
use super::slots::Slots;

/// One life of a 4-tuple in the table.
#[derive(Clone)]
pub(super) struct Life {
    /// On its own, because a life is moved from place to place.
    pub tracker: Box<Tracker>,
    /// Grows from life to life in order of first packets. See [`Flows`](super::Flows).
    pub birth: u64,
    /// The outer context under which it is looked up, and another one if there is.
    pub scope: Scope,
    pub alias: Option<Scope>,
    /// The life before, while it can still get segments.
    pub previous: Option<u32>,
    /// The life after, once this one can get no segments.
    pub heir: Option<Heir>,
    /// Octets it was last counted with.
    pub footprint: u64,
    /// It was counted as an attempt.
    pub attempt: bool,
    /// The life before was told that it is over.
    pub succeeded: bool,
    /// The opener answered old numbers with a RST.
    pub opener_reset_old: bool,
    /// The opener went on with the life before.
    pub opener_went_on: bool,
}

impl Life {
    /// The first life of a 4-tuple.
    pub fn new(tracker: Tracker, birth: u64) -> Life {
        let tracker = Box::new(tracker);
        Life {
            birth,
            scope: tracker.scope,
            alias: None,
            previous: None,
            heir: None,
            footprint: 0,
            attempt: false,
            succeeded: false,
            opener_reset_old: false,
            opener_went_on: false,
            tracker,
        }
    }

    /// The keys that it is or was looked up by.
    pub fn keys(&self) -> impl Iterator<Item = FlowKey> + use<> {
        let [a, b]: [Endpoint; 2] = self.tracker.addresses;
        let scopes = [Some(self.scope), self.alias];
        scopes
            .into_iter()
            .flatten()
            .map(move |scope| FlowKey::between(a, b, scope))
    }

    /// Whether it is or was looked up by this key.
    pub fn has(&self, key: &FlowKey) -> bool {
        let [a, b] = self.tracker.addresses;
        key.joins(a, b) && (self.scope == key.scope || self.alias == Some(key.scope))
    }

    /// The key that it is looked up by first.
    pub fn key(&self) -> FlowKey {
        let [a, b] = self.tracker.addresses;
        FlowKey::between(a, b, self.scope)
    }

    /// No other life of its 4-tuple is bound up with it, and it has one key.
    pub fn stands_alone(&self) -> bool {
        self.previous.is_none() && self.heir.is_none() && self.alias.is_none()
    }

    /// Whether data or an acknowledgment from this side that continues what both sides have sent is of this life for sure: no other
    /// competes for it, or it fits this one and the one before knows that it is over.
    #[inline]
    pub fn owns(&self, seg: &Passing, from: Role) -> bool {
        self.previous.is_none() || self.succeeded && self.tracker.fits_at(from, seg.seq, Some(seg.ack))
    }

    /// Whether it may yet turn out to be no life at all.
    pub fn is_undecided(&self) -> bool {
        self.previous.is_some() && !self.succeeded && self.tracker.is_embryo()
    }
}

/// A first life of a 4-tuple on which all goes by the book. No other is bound up with it. What a segment in order needs is in
/// six lines of the cache behind the first one; what it is recognised by is in the second.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Ordinary {
    /// See [`Life::footprint`]; no report of one by the book takes more than this can hold.
    pub footprint: u32,
    /// 1 if it was counted as an attempt (see [`Life::attempt`]). A number: whether a slot is taken is told by the first octet that
    /// has values of no meaning, which is to be one of the addresses.
    pub attempt: u8,
    pub syn: Embryo,
    pub book: Textbook,
}

impl Ordinary {
    /// Which side sent the segment.
    pub fn role_of(&self, seg: &Segment) -> Role {
        if seg.source == self.syn.client() {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Reads a little of all of it. The sum means nothing.
    pub fn touch(&self) -> i64 {
        self.syn.mark().time.ns() ^ self.syn.touch() ^ self.book.touch() ^ self.book.touch_told()
    }

    /// Which side sent a segment that is in no tags or tunnels; none if it is of another connection.
    #[inline]
    pub fn sender(&self, lean: &Lean, wide: &Wide) -> Option<Role> {
        let from = sender(&[self.syn.client(), self.syn.server()], lean, wide);
        from.filter(|_| self.book.is_in_no_scope())
    }

    /// The digest of the tracker that it does without.
    pub fn digest(&self) -> Digest {
        let first = self.syn.mark();
        Digest {
            addresses: [self.syn.client(), self.syn.server()],
            first,
            course: self.book.usual_course(first),
            midstream: false,
            cut: self.syn.is_cut() || self.book.is_cut(),
        }
    }

    /// The tracker that it does without.
    pub fn tracker(&self) -> Tracker {
        self.book.tracker(&self.syn.segment())
    }

    /// The same life with a tracker.
    pub fn life(&self) -> Life {
        Life::new(self.tracker(), self.syn.birth)
    }
}

/// A life that waits for its next segment, which may never come: it is over, or has been idle for long.
#[derive(Clone)]
pub(super) struct Waiting {
    /// See [`Life::birth`].
    pub birth: u64,
    pub key: FlowKey,
    /// Its newest packet.
    pub last: Mark,
    /// Both ends are gone.
    pub over: bool,
    pub class: Class,
    /// See [`Life::footprint`].
    pub footprint: u64,
    pub tracker: Pack,
}

/// Where a life is: a slot of one that has a tracker, or, told by the highest bits, of one that is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Handle(NonZeroU32);

const EMBRYO: u32 = 1 << 31;
const WAITING: u32 = 1 << 30;

/// What is behind a handle.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// A life with a tracker.
    Life(u32),
    /// An embryo.
    Embryo(u32),
    /// One by the book.
    Ordinary(u32),
    /// One that waits.
    Waiting(u32),
}

impl Handle {
    /// One more than slot and bits, so that none is zero. There are never so many slots that it is not one more.
    fn new(slot: u32, bits: u32) -> Handle {
        Handle(NonZeroU32::MIN.saturating_add(slot | bits))
    }

    pub fn life(slot: u32) -> Handle {
        Handle::new(slot, 0)
    }

    pub fn embryo(slot: u32) -> Handle {
        Handle::new(slot, EMBRYO)
    }

    fn ordinary(slot: u32) -> Handle {
        Handle::new(slot, EMBRYO | WAITING)
    }

    fn waiting(slot: u32) -> Handle {
        Handle::new(slot, WAITING)
    }

    pub fn place(self) -> Place {
        let number = self.0.get() - 1;
        let slot = number & !(EMBRYO | WAITING);
        match (number & EMBRYO != 0, number & WAITING != 0) {
            (false, false) => Place::Life(slot),
            (true, false) => Place::Embryo(slot),
            (false, true) => Place::Waiting(slot),
            (true, true) => Place::Ordinary(slot),
        }
    }
}

/// The slot after this one, of so many; after the last one comes the first.
pub(super) fn after(slot: u32, slots: u32) -> u32 {
    if slot.saturating_add(1) < slots {
        slot + 1
    } else {
        0
    }
}

/// Slots of lives, of embryos, and of lives that wait.
#[derive(Clone, Default)]
pub(super) struct Lives {
    pub lives: Slots<Life>,
    pub embryos: Slots<Embryo>,
    pub waiting: Slots<Waiting>,
    /// Their trackers.
    pub packs: Packs,
    pub ordinary: Slots<Ordinary>,
}

impl Lives {
    /// Lives that there are, of all kinds.
    pub fn len(&self) -> u64 {
        self.lives.standing + self.embryos.standing + self.waiting.standing + self.ordinary.standing
    }

    /// Lives with trackers.
    pub fn awake(&self) -> u64 {
        self.lives.standing
    }

    /// Lives that wait.
    pub fn waiting_len(&self) -> u64 {
        self.waiting.standing
    }

    /// Slots of lives that wait, empty ones included.
    pub fn waiting_slots(&self) -> u32 {
        self.waiting.slots()
    }

    /// Slots of lives with trackers, empty ones included.
    pub fn slots(&self) -> u32 {
        self.lives.slots()
    }

    /// Whether the life behind a handle is or was looked up by this key.
    pub fn has(&self, handle: Handle, key: &FlowKey) -> bool {
        match handle.place() {
            Place::Life(slot) => self.lives.get(slot).is_some_and(|life| life.has(key)),
            Place::Embryo(slot) => self.embryos.get(slot).is_some_and(|embryo| embryo.has(key)),
            Place::Waiting(slot) => self.waiting.get(slot).is_some_and(|waiting| waiting.key == *key),
            Place::Ordinary(slot) => (self.ordinary.get(slot)).is_some_and(|ordinary| ordinary.syn.has(key)),
        }
    }

    /// Reads a little of everything that segments of the lives behind these handles will need, so that it is at hand then. The
    /// sum means nothing.
    ///
    /// In rows of one kind: so few instructions lie between two reads that the processor waits for many of them at once.
    #[inline]
    pub fn touch<const MOST: usize>(&self, handles: &[Option<Handle>; MOST]) -> i64 {
        let (mut ordinary, mut lives) = ([0; MOST], [0; MOST]);
        let (mut ordinary_count, mut lives_count) = (0, 0);
        let mut sum = 0;
        for handle in handles {
            let Some(handle) = handle else { continue };
            match handle.place() {
                Place::Ordinary(slot) => {
                    ordinary[ordinary_count] = slot;
                    ordinary_count += 1;
                }
                Place::Life(slot) => {
                    lives[lives_count] = slot;
                    lives_count += 1;
                }
                Place::Embryo(slot) => sum ^= self.embryos.get(slot).map_or(0, Embryo::touch),
                Place::Waiting(slot) => {
                    sum ^= (self.waiting.get(slot)).map_or(0, |waiting| waiting.last.time.ns());
                }
            }
        }
        for slot in &ordinary[..ordinary_count] {
            if let Some(ordinary) = self.ordinary.get(*slot) {
                sum ^= ordinary.syn.touch_ends() ^ ordinary.book.touch();
            }
        }
        let mut trackers = [None; MOST];
        for (tracker, slot) in trackers.iter_mut().zip(&lives[..lives_count]) {
            *tracker = self.lives.get(*slot).map(|life| &*life.tracker);
        }
        for tracker in trackers[..lives_count].iter().flatten() {
            sum ^= tracker.touch();
        }
        sum
    }

    /// Puts a life into a slot.
    pub fn insert(&mut self, life: Life) -> u32 {
        self.lives.insert(life)
    }

    /// Puts an embryo into a slot.
    pub fn insert_embryo(&mut self, embryo: Embryo) -> Handle {
        Handle::embryo(self.embryos.insert(embryo))
    }

    /// Takes a life out of its slot.
    pub fn take(&mut self, slot: u32) -> Option<Life> {
        self.lives.take(slot)
    }

    /// Empties the slot of a life.
    pub fn forget(&mut self, slot: u32) {
        self.lives.forget(slot);
    }

    /// Takes an embryo out of its slot.
    pub fn take_embryo(&mut self, slot: u32) -> Option<Embryo> {
        self.embryos.take(slot)
    }

    /// The life in a slot.
    pub fn get(&self, slot: u32) -> Option<&Life> {
        self.lives.get(slot)
    }

    /// See [`Lives::get`].
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Life> {
        self.lives.slot_mut(slot)?.as_mut()
    }

    /// The embryo in a slot.
    pub fn embryo(&self, slot: u32) -> Option<&Embryo> {
        self.embryos.get(slot)
    }

    /// Puts a life that waits into a slot.
    pub fn insert_waiting(&mut self, waiting: Waiting) -> Handle {
        Handle::waiting(self.waiting.insert(waiting))
    }

    /// Takes a life that waits out of its slot. Its tracker is gone then.
    pub fn take_waiting(&mut self, slot: u32) -> Option<Waiting> {
        let waiting = self.waiting.take(slot)?;
        self.packs.remove(waiting.tracker);
        if self.packs.is_wasteful() {
            let mut anew = Packs::default();
            for waiting in self.waiting.chunks.iter_mut().flatten().flatten() {
                let pack = anew.put(self.packs.get(waiting.tracker));
                self.packs.remove(waiting.tracker);
                waiting.tracker = pack;
            }
            self.packs = anew;
        }
        Some(waiting)
    }

    /// The tracker of a life that waits.
    pub fn unpacked(&self, waiting: &Waiting) -> Tracker {
        Tracker::unpack(self.packs.get(waiting.tracker))
    }

    /// The life that waits in a slot.
    pub fn waiting(&self, slot: u32) -> Option<&Waiting> {
        self.waiting.get(slot)
    }

    /// All lives that wait.
    pub fn all_waiting(&self) -> impl Iterator<Item = (Handle, &Waiting)> {
        let waiting = self.waiting.iter();
        waiting.map(|(slot, waiting)| (Handle::waiting(slot), waiting))
    }

    /// Lives by the book.
    pub fn ordinary_len(&self) -> u64 {
        self.ordinary.standing
    }

    /// Slots of lives by the book, empty ones included.
    pub fn ordinary_slots(&self) -> u32 {
        self.ordinary.slots()
    }

    /// Puts a life by the book into a slot.
    pub fn insert_ordinary(&mut self, ordinary: Ordinary) -> Handle {
        Handle::ordinary(self.ordinary.insert_apart(ordinary))
    }

    /// Takes a life by the book out of its slot.
    pub fn take_ordinary(&mut self, slot: u32) -> Option<Ordinary> {
        self.ordinary.take(slot)
    }

    /// The life by the book in a slot.
    pub fn ordinary(&self, slot: u32) -> Option<&Ordinary> {
        self.ordinary.get(slot)
    }

    /// See [`Lives::ordinary`].
    pub fn ordinary_mut(&mut self, slot: u32) -> Option<&mut Ordinary> {
        self.ordinary.slot_mut(slot)?.as_mut()
    }

    /// All lives by the book.
    pub fn all_ordinary(&self) -> impl Iterator<Item = (Handle, &Ordinary)> {
        let ordinary = self.ordinary.iter();
        ordinary.map(|(slot, ordinary)| (Handle::ordinary(slot), ordinary))
    }

    /// All lives with trackers, and their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Life)> {
        self.lives.iter()
    }

    /// See [`Lives::iter`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Life)> {
        let slots = self.lives.chunks.iter_mut().flatten();
        (0..)
            .zip(slots)
            .filter_map(|(slot, life)| Some((slot, life.as_mut()?)))
    }

    /// All embryos.
    pub fn embryos(&self) -> impl Iterator<Item = (Handle, &Embryo)> {
        let embryos = self.embryos.iter();
        embryos.map(|(slot, embryo)| (Handle::embryo(slot), embryo))
    }

    /// When each life was born, and where it is.
    pub fn each_birth(&self) -> impl Iterator<Item = (u64, Handle)> {
        let lives = self.iter().map(|(slot, life)| (life.birth, Handle::life(slot)));
        let embryos = self.embryos().map(|(handle, embryo)| (embryo.birth, handle));
        let waiting = (self.all_waiting()).map(|(handle, waiting)| (waiting.birth, handle));
        let ordinary = (self.all_ordinary()).map(|(handle, ordinary)| (ordinary.syn.birth, handle));
        lives.chain(embryos).chain(waiting).chain(ordinary)
    }

    /// When each life was born, and where it is, in the order of births.
    pub fn births(&self) -> Vec<(u64, Handle)> {
        let mut births = Vec::with_capacity(usize::try_from(self.len()).unwrap_or(0));
        // (`extend` would take the next of the chain one by one.)
        self.each_birth().for_each(|birth| births.push(birth));
        // Stable, because that one makes use of rows in order, which most slots are.
        births.sort_by_key(|(birth, _)| *birth);
        births
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// What a segment in order needs has lines of its own.
    #[test]
    fn what_is_recognised_by_is_in_one_line() {
        let begin = offset_of!(Ordinary, book) - Embryo::RECOGNISED_BY;
        assert_eq!((begin, offset_of!(Ordinary, book) / 64), (64, 1));
    }

    /// Millions of them are held at once: who makes them larger should know.
    #[test]
    fn a_life_is_no_larger_than_it_was() {
        let sizes = [
            size_of::<Option<Ordinary>>(),
            size_of::<Option<Waiting>>(),
            size_of::<Option<Life>>(),
        ];
        assert_eq!(sizes, [640, 104, 96]);
    }
}
