//! Lives in order of their births, once no segments come any more.

use std::hint::black_box;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hugealloc::HugeAlloc;

use super::embryo::Embryo;
use super::lives::{Handle, Life, Lives, Ordinary, Place, Waiting};
use super::packs::LeavingPacks;
use super::slots::{self, Slots};
use crate::tracker::{Digest, Heir, Tracker};

/// Lives of which the memory is asked for at once: it takes hardly longer than for one.
const AT_ONCE: usize = 16;

/// Lives in order of their births, or a part of them.
pub(super) struct ByBirth {
    all: Arc<All>,
    /// Where the next one and the end of this part are in the order of all.
    next: usize,
    end: usize,
    /// Up to where the memory was asked for.
    fetched: usize,
    /// Room for the next tracker. Several threads that asked for it and gave it back all the time would wait for each other.
    spare: Option<Box<Tracker>>,
}

/// A life that has left its table.
pub(super) struct Left {
    /// See [`Life::birth`].
    pub birth: u64,
    /// See [`Life::heir`].
    pub heir: Option<Heir>,
    pub tracker: Box<Tracker>,
}

/// All lives, and the order of their births.
struct All {
    tables: Vec<Table>,
    grow: fn(&Embryo) -> Tracker,
    order: Vec<Born>,
}

/// The lives of one table.
struct Table {
    lives: Leaving<Life>,
    embryos: Leaving<Embryo>,
    waiting: Leaving<Waiting>,
    packs: LeavingPacks,
    ordinary: Leaving<Ordinary>,
}

/// Where a life is.
#[derive(Clone, Copy)]
struct Born {
    birth: u64,
    handle: Handle,
    table: u32,
}

impl ByBirth {
    /// Those of all tables, with their births in order; `grow` makes the trackers of embryos. Memory is given back on the way.
    pub fn of(tables: Vec<(Lives, Vec<(u64, Handle)>)>, grow: fn(&Embryo) -> Tracker) -> ByBirth {
        let mut order = Vec::with_capacity(tables.iter().map(|(_, births)| births.len()).sum());
        let tables = (0..).zip(tables).map(|(table, (lives, births))| {
            let births = births.into_iter();
            order.extend(births.map(|(birth, handle)| Born { birth, handle, table }));
            Table {
                lives: Leaving::of(lives.lives),
                embryos: Leaving::of(lives.embryos),
                waiting: Leaving::of(lives.waiting),
                packs: lives.packs.into(),
                ordinary: Leaving::of(lives.ordinary),
            }
        });
        let tables = tables.collect();
        // Stable, because that one makes use of rows in order: there is one of each table.
        order.sort_by_key(|born| born.birth);
        ByBirth {
            next: 0,
            fetched: 0,
            end: order.len(),
            spare: None,
            all: Arc::new(All { tables, grow, order }),
        }
    }

    /// Number among all, from 1, of the life with this birth.
    pub fn rank(&self, birth: u64) -> Option<u64> {
        let found = (self.all.order).binary_search_by_key(&birth, |born| born.birth);
        Some(found.ok()? as u64 + 1)
    }

    /// Number among all, from 1, of the next one.
    pub fn number(&self) -> u64 {
        self.next as u64 + 1
    }

    fn coming(&self) -> &[Born] {
        self.all.order.get(self.next..self.end).unwrap_or_default()
    }

    /// The table of the next one, and where it is there.
    fn first(&self) -> Option<(&Table, Place)> {
        let born = self.coming().first()?;
        Some((self.all.table(born)?, born.handle.place()))
    }

    /// Asks for the memory of the next ones, as far as it is known where that is.
    #[inline]
    fn fetch(&mut self) {
        if self.next >= self.fetched {
            self.fetched = self.next + AT_ONCE;
            let some = self.coming().iter().take(AT_ONCE);
            black_box(some.fold(0, |sum, born| sum ^ self.all.touch(born)));
        }
    }

    /// Shows those with trackers that were not taken yet, in any order.
    pub fn each_awake(&self, mut look: impl FnMut(&Life)) {
        for table in &self.all.tables {
            table.lives.each(&mut look);
        }
    }

    /// The digest of the next one, if no other life is bound up with it.
    pub fn digest(&mut self) -> Option<Digest> {
        self.fetch();
        let (table, place) = self.first()?;
        match place {
            Place::Ordinary(slot) => table.ordinary.look(slot, Ordinary::digest),
            Place::Life(slot) => {
                let alone = |life: &Life| life.stands_alone().then(|| life.tracker.digest());
                table.lives.look(slot, alone)?
            }
            Place::Waiting(slot) => {
                let pack = table.waiting.look(slot, |waiting| waiting.tracker)?;
                table.packs.look(pack, Tracker::unpack_digest)?
            }
            Place::Embryo(slot) => table.embryos.look(slot, Embryo::digest),
        }
    }

    /// Passes over the next one.
    pub fn pass(&mut self) {
        let Some((table, place)) = self.first() else {
            return;
        };
        match place {
            Place::Ordinary(slot) => table.ordinary.forget(slot),
            Place::Life(slot) => table.lives.forget(slot),
            Place::Embryo(slot) => table.embryos.forget(slot),
            Place::Waiting(slot) => {
                if let Some(waiting) = table.waiting.take(slot) {
                    table.packs.take(waiting.tracker, |_| ());
                }
            }
        }
        self.next += 1;
    }

    /// Shows the trackers of all that wait and were not taken yet, in any order.
    pub fn each_waiting(&self, mut look: impl FnMut(Tracker)) {
        for table in &self.all.tables {
            table.waiting.each(|waiting| {
                let tracker = table.packs.look(waiting.tracker, Tracker::unpack);
                tracker.into_iter().for_each(&mut look);
            });
        }
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
            fetched: middle,
            end: std::mem::replace(&mut self.end, middle),
            spare: None,
        }
    }

    /// Takes a tracker back that was told, for its room.
    pub fn give_back(&mut self, tracker: Box<Tracker>) {
        self.spare = Some(tracker);
    }
}

fn placed(tracker: Tracker, room: Option<Box<Tracker>>) -> Box<Tracker> {
    match room {
        Some(mut room) => {
            *room = tracker;
            room
        }
        None => Box::new(tracker),
    }
}

impl Iterator for ByBirth {
    type Item = Left;

    fn next(&mut self) -> Option<Left> {
        self.fetch();
        let spare = self.spare.take();
        let (birth, (table, place)) = (self.coming().first()?.birth, self.first()?);
        let mut heir = None;
        let tracker = match place {
            Place::Life(slot) => {
                let life = table.lives.take(slot)?;
                heir = life.heir;
                life.tracker
            }
            Place::Ordinary(slot) => {
                let tracker = table.ordinary.look(slot, Ordinary::tracker)?;
                table.ordinary.forget(slot);
                placed(tracker, spare)
            }
            Place::Embryo(slot) => placed((self.all.grow)(&table.embryos.take(slot)?), spare),
            Place::Waiting(slot) => {
                let waiting = table.waiting.take(slot)?;
                placed(table.packs.take(waiting.tracker, Tracker::unpack)?, spare)
            }
        };
        self.next += 1;
        Some(Left { birth, heir, tracker })
    }
}

impl All {
    fn table(&self, born: &Born) -> Option<&Table> {
        self.tables.get(born.table as usize)
    }

    /// Reads a little of all of a life by the book. The sum means nothing.
    fn touch(&self, born: &Born) -> i64 {
        match born.handle.place() {
            Place::Ordinary(slot) => {
                let table = self.table(born);
                table.and_then(|table| table.ordinary.look(slot, Ordinary::touch))
            }
            Place::Life(_) | Place::Embryo(_) | Place::Waiting(_) => None,
        }
        .unwrap_or_default()
    }
}

/// Slots that are emptied one by one, by several threads; a chunk that is empty is given back.
struct Leaving<T>(Vec<Mutex<Chunk<T>>>);

struct Chunk<T> {
    slots: slots::Chunk<T>,
    /// Values that it still holds.
    left: usize,
}

impl<T> Leaving<T> {
    fn of(slots: Slots<T>) -> Leaving<T> {
        let free = slots.free_by_chunk();
        let chunks = slots.chunks.into_iter().zip(free);
        let leaving = chunks.map(|(slots, free)| {
            let left = slots.len().saturating_sub(free);
            debug_assert_eq!(left, slots.iter().flatten().count());
            Mutex::new(Chunk { slots, left })
        });
        Leaving(leaving.collect())
    }

    /// The chunk that a slot is in, and its place there.
    fn chunk(&self, slot: u32) -> Option<(MutexGuard<'_, Chunk<T>>, usize)> {
        let (chunk, place) = Slots::<T>::place_of(slot);
        Some((held(self.0.get(chunk)?), place))
    }

    /// Looks at the value in a slot.
    fn look<R>(&self, slot: u32, look: impl FnOnce(&T) -> R) -> Option<R> {
        let (chunk, place) = self.chunk(slot)?;
        Some(look(chunk.slots.get(place)?.as_ref()?))
    }

    fn take(&self, slot: u32) -> Option<T> {
        let (mut chunk, place) = self.chunk(slot)?;
        let value = chunk.slots.get_mut(place)?.take()?;
        chunk.one_less();
        Some(value)
    }

    /// One that is taken, without being moved.
    fn forget(&self, slot: u32) {
        if let Some((mut chunk, place)) = self.chunk(slot)
            && let Some(value) = chunk.slots.get_mut(place)
            && value.is_some()
        {
            *value = None;
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
    /// One was taken.
    fn one_less(&mut self) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.slots = slots::Chunk::new_in(HugeAlloc);
        }
    }
}

/// A thread that panics leaves nothing half done in a chunk.
pub(super) fn held<T>(chunk: &Mutex<T>) -> MutexGuard<'_, T> {
    chunk.lock().unwrap_or_else(PoisonError::into_inner)
}
