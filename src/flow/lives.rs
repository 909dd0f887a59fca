//! The lives of all 4-tuples, in slots that are used again: with their trackers, or packed where those are not needed for now.

use std::num::NonZeroU32;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::segment::{Endpoint, Scope, Segment};
use crate::tracker::evidence::Mark;
use crate::tracker::textbook::Textbook;
use crate::tracker::{Heir, Packed, Role, Tracker};

use super::FlowKey;
use super::embryo::Embryo;
use super::evicted::Class;

/// Slots that are allocated together; large enough that the system gets them back one by one.
const CHUNK: usize = 1 << 11;

/// One life of a 4-tuple in the table.
#[derive(Clone)]
pub(super) struct Life {
    /// On its own, because a life is moved from place to place.
    pub tracker: Box<Tracker>,
    /// Number among all lives, from 0 in order of first packets.
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

    /// Whether it may yet turn out to be no life at all.
    pub fn is_undecided(&self) -> bool {
        self.previous.is_some() && !self.succeeded && self.tracker.is_embryo()
    }
}

/// A first life of a 4-tuple on which all goes by the book. No other is bound up with it. What a segment in order needs is in
/// seven lines of the cache.
#[derive(Clone)]
#[repr(C, align(64))]
pub(super) struct Ordinary {
    pub syn: Embryo,
    pub book: Textbook,
    /// See [`Life::footprint`]; no report of one by the book takes more than this can hold.
    pub footprint: u32,
    /// See [`Life::attempt`].
    pub attempt: bool,
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

    /// The same life with a tracker.
    pub fn life(&self) -> Life {
        Life::new(self.book.tracker(&self.syn.segment()), self.syn.birth)
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
    pub tracker: Packed,
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

    fn embryo(slot: u32) -> Handle {
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
    lives: Slots<Life>,
    embryos: Slots<Embryo>,
    waiting: Slots<Waiting>,
    ordinary: Slots<Ordinary>,
    pub spares: Spares,
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

    /// Reads a little of everything that segments of the lives behind these handles, which are `MOST` at most, will need, so
    /// that it is at hand then. The sum means nothing.
    ///
    /// In rows of one kind: so few instructions lie between two reads that the processor waits for many of them at once.
    #[inline]
    pub fn touch<const MOST: usize>(&self, handles: impl Iterator<Item = Handle>) -> i64 {
        let (mut ordinary, mut lives) = ([None; MOST], [None; MOST]);
        let (mut ordinary_count, mut lives_count) = (0, 0);
        let mut sum = 0;
        for handle in handles.take(MOST) {
            match handle.place() {
                Place::Ordinary(slot) => {
                    ordinary[ordinary_count] = self.ordinary.place(slot);
                    ordinary_count += 1;
                }
                Place::Life(slot) => {
                    lives[lives_count] = self.lives.place(slot);
                    lives_count += 1;
                }
                Place::Embryo(slot) => sum ^= self.embryos.get(slot).map_or(0, Embryo::touch),
                Place::Waiting(slot) => {
                    sum ^= (self.waiting.get(slot)).map_or(0, |waiting| waiting.last.time.ns());
                }
            }
        }
        for ordinary in ordinary[..ordinary_count].iter().copied().flatten().flatten() {
            sum ^= ordinary.syn.touch() ^ ordinary.book.touch();
        }
        let mut trackers = [None; MOST];
        for (tracker, life) in trackers.iter_mut().zip(&lives[..lives_count]) {
            *tracker = life.and_then(|life| Some(&*life.as_ref()?.tracker));
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

    /// Takes a life that waits out of its slot.
    pub fn take_waiting(&mut self, slot: u32) -> Option<Waiting> {
        self.waiting.take(slot)
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
        if self.ordinary.is_full()
            && let Some(room) = self.spares.next()
        {
            self.ordinary.chunks.push(room);
        }
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

    /// All lives in order of their births; `grow` makes those of embryos. Memory is given back on the way.
    pub fn by_birth(self, grow: fn(&Embryo) -> Life) -> ByBirth {
        let lives = self
            .lives
            .iter()
            .map(|(slot, life)| (life.birth, Handle::life(slot)));
        let embryos = self.embryos().map(|(handle, embryo)| (embryo.birth, handle));
        let mut order: Vec<(u64, Handle)> = Vec::with_capacity(usize::try_from(self.len()).unwrap_or(0));
        order.extend(lives);
        order.extend(embryos);
        order.extend(
            self.all_waiting()
                .map(|(handle, waiting)| (waiting.birth, handle)),
        );
        order.extend((self.all_ordinary()).map(|(handle, ordinary)| (ordinary.syn.birth, handle)));
        order.sort_unstable();
        ByBirth {
            next: 0,
            end: order.len(),
            all: Arc::new(All {
                lives: Leaving::of(self.lives),
                embryos: Leaving::of(self.embryos),
                waiting: Leaving::of(self.waiting),
                ordinary: Leaving::of(self.ordinary),
                grow,
                order,
            }),
        }
    }
}

/// Room for lives by the book, of which all is in memory already: when it is written to for the first time, the system has
/// nothing to do any more. Made by a thread that has time for it.
pub struct Room(Vec<Option<Ordinary>>);

impl Default for Room {
    /// Some room.
    fn default() -> Room {
        let mut room = Vec::with_capacity(CHUNK);
        room.resize_with(CHUNK, || None);
        room.clear();
        Room(room)
    }
}

/// Who makes room; nobody by default. The lock is for those who look at a table from several threads; it is never waited for.
#[derive(Default)]
pub(super) struct Spares(Option<Mutex<Receiver<Room>>>);

impl Spares {
    pub fn of(made: Receiver<Room>) -> Spares {
        Spares(Some(Mutex::new(made)))
    }

    /// None if none is ready.
    fn next(&mut self) -> Option<Vec<Option<Ordinary>>> {
        let made = self.0.as_mut()?.get_mut().ok()?;
        let Room(room) = made.try_recv().ok()?;
        Some(room)
    }
}

impl Clone for Spares {
    /// Nobody makes room for the copy.
    fn clone(&self) -> Spares {
        Spares::default()
    }
}

/// Slots that are used again, in chunks that are never moved.
#[derive(Clone)]
struct Slots<T> {
    chunks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
    standing: u64,
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots {
            chunks: Vec::new(),
            free: Vec::new(),
            standing: 0,
        }
    }
}

impl<T> Slots<T> {
    fn slots(&self) -> u32 {
        let before = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let slots = before.saturating_add(self.chunks.last().map_or(0, Vec::len));
        u32::try_from(slots).unwrap_or(u32::MAX)
    }

    fn insert(&mut self, value: T) -> u32 {
        self.standing += 1;
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slot_mut(index)
        {
            *slot = Some(value);
            return index;
        }
        self.push(value)
    }

    /// As [`Slots::insert`], but into a new slot as long as not a quarter of them is free: what is inserted at one time stands
    /// together, and leaves a chunk together when all leave in order.
    fn insert_apart(&mut self, value: T) -> u32 {
        if self.free.len() as u64 >= u64::from(self.slots() / 4).max(1) {
            return self.insert(value);
        }
        self.standing += 1;
        self.push(value)
    }

    /// Whether the next new slot begins a chunk.
    fn is_full(&self) -> bool {
        self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK)
    }

    fn push(&mut self, value: T) -> u32 {
        let index = self.slots();
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(Some(value)),
            // All of it at once: a chunk that grew would be moved. The system gives memory page by page as it is used.
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(Some(value));
                self.chunks.push(chunk);
            }
        }
        index
    }

    fn take(&mut self, index: u32) -> Option<T> {
        let value = self.slot_mut(index)?.take()?;
        self.standing -= 1;
        self.free.push(index);
        Some(value)
    }

    fn forget(&mut self, index: u32) {
        if let Some(slot) = self.slot_mut(index)
            && slot.is_some()
        {
            *slot = None;
            self.standing -= 1;
            self.free.push(index);
        }
    }

    fn get(&self, index: u32) -> Option<&T> {
        self.place(index)?.as_ref()
    }

    #[inline]
    fn place(&self, index: u32) -> Option<&Option<T>> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Option<T>> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let slots = self.chunks.iter().flatten();
        (0..)
            .zip(slots)
            .filter_map(|(slot, value)| Some((slot, value.as_ref()?)))
    }
}

/// Slots that are emptied one by one, by several threads; a chunk that is empty is given back.
struct Leaving<T>(Vec<Mutex<Chunk<T>>>);

struct Chunk<T> {
    slots: Vec<Option<T>>,
    /// Values that it still holds.
    left: usize,
}

impl<T> Leaving<T> {
    fn of(slots: Slots<T>) -> Leaving<T> {
        let chunks = slots.chunks.into_iter().map(|slots| Chunk {
            left: slots.iter().flatten().count(),
            slots,
        });
        Leaving(chunks.map(Mutex::new).collect())
    }

    fn chunk(&self, slot: u32) -> Option<MutexGuard<'_, Chunk<T>>> {
        Some(held(self.0.get(slot as usize / CHUNK)?))
    }

    /// Looks at the value in a slot.
    fn look<R>(&self, slot: u32, look: impl FnOnce(&T) -> R) -> Option<R> {
        let chunk = self.chunk(slot)?;
        Some(look(chunk.slots.get(slot as usize % CHUNK)?.as_ref()?))
    }

    fn take(&self, slot: u32) -> Option<T> {
        let mut chunk = self.chunk(slot)?;
        let value = chunk.slots.get_mut(slot as usize % CHUNK)?.take()?;
        chunk.one_less();
        Some(value)
    }

    /// One that is taken, without being moved.
    fn forget(&self, slot: u32) {
        if let Some(mut chunk) = self.chunk(slot)
            && let Some(place) = chunk.slots.get_mut(slot as usize % CHUNK)
            && place.is_some()
        {
            *place = None;
            chunk.one_less();
        }
    }

    /// Shows all values that are left.
    fn each(&self, mut look: impl FnMut(&T)) {
        for chunk in &self.0 {
            held(chunk).slots.iter().flatten().for_each(&mut look);
        }
    }
}

impl<T> Chunk<T> {
    fn one_less(&mut self) {
        self.left -= 1;
        if self.left == 0 {
            self.slots = Vec::new();
        }
    }
}

/// A thread that panics leaves nothing half done in a chunk.
fn held<T>(chunk: &Mutex<T>) -> MutexGuard<'_, T> {
    chunk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lives in order of their births, or a part of them.
pub(super) struct ByBirth {
    all: Arc<All>,
    /// Where the next one and the end of this part are in the order of all.
    next: usize,
    end: usize,
}

/// All lives, and the order of their births.
struct All {
    lives: Leaving<Life>,
    embryos: Leaving<Embryo>,
    waiting: Leaving<Waiting>,
    ordinary: Leaving<Ordinary>,
    grow: fn(&Embryo) -> Life,
    order: Vec<(u64, Handle)>,
}

impl ByBirth {
    /// Number among all, from 1, of the life with this birth.
    pub fn rank(&self, birth: u64) -> Option<u64> {
        let order = &self.all.order;
        let found = order.binary_search_by_key(&birth, |(birth, _)| *birth).ok()?;
        Some(found as u64 + 1)
    }

    /// Number among all, from 1, of the next one.
    pub fn number(&self) -> u64 {
        self.next as u64 + 1
    }

    fn coming(&self) -> &[(u64, Handle)] {
        self.all.order.get(self.next..self.end).unwrap_or_default()
    }

    /// Shows those with trackers that are still to come, each with its number among all, from 1.
    pub fn each_awake(&self, mut look: impl FnMut(u64, &Life)) {
        for (number, (_, handle)) in (self.number()..).zip(self.coming()) {
            if let Place::Life(slot) = handle.place() {
                self.all.lives.look(slot, |life| look(number, life));
            }
        }
    }

    /// Looks at the next one, if it is by the book.
    pub fn look_at_ordinary<R>(&self, look: impl FnOnce(&Ordinary) -> R) -> Option<R> {
        let (_, handle) = self.coming().first()?;
        match handle.place() {
            Place::Ordinary(slot) => self.all.ordinary.look(slot, look),
            Place::Life(_) | Place::Embryo(_) | Place::Waiting(_) => None,
        }
    }

    /// Passes over the next one, which is by the book.
    pub fn pass_ordinary(&mut self) {
        if let Some((_, handle)) = self.coming().first()
            && let Place::Ordinary(slot) = handle.place()
        {
            self.all.ordinary.forget(slot);
            self.next += 1;
        }
    }

    /// Shows all that wait and were not taken yet, in any order.
    pub fn each_waiting(&self, look: impl FnMut(&Waiting)) {
        self.all.waiting.each(look);
    }

    /// How many are still to come.
    pub fn remaining(&self) -> usize {
        self.end.saturating_sub(self.next)
    }

    /// Keeps so many of those that are still to come. The others are those of the result.
    pub fn split_off(&mut self, count: usize) -> ByBirth {
        let middle = self.next.saturating_add(count).min(self.end);
        ByBirth {
            all: Arc::clone(&self.all),
            next: middle,
            end: std::mem::replace(&mut self.end, middle),
        }
    }
}

impl Iterator for ByBirth {
    type Item = Life;

    fn next(&mut self) -> Option<Life> {
        let (_, handle) = *self.coming().first()?;
        self.next += 1;
        let all = &self.all;
        match handle.place() {
            Place::Life(slot) => all.lives.take(slot),
            Place::Ordinary(slot) => Some(all.ordinary.take(slot)?.life()),
            Place::Embryo(slot) => Some((all.grow)(&all.embryos.take(slot)?)),
            Place::Waiting(slot) => {
                let waiting = all.waiting.take(slot)?;
                Some(Life::new(waiting.tracker.unpack(), waiting.birth))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Millions of them are held at once: who makes them larger should know.
    #[test]
    fn a_life_is_no_larger_than_it_was() {
        let sizes = [
            size_of::<Option<Ordinary>>(),
            size_of::<Option<Waiting>>(),
            size_of::<Option<Life>>(),
        ];
        assert_eq!(sizes, [768, 112, 96]);
    }
}
