//! From a 4-tuple to the life that gets its segments.
//!
//! The table holds eight octets for each 4-tuple, its hash and where its life is; the 4-tuple itself stands in the life,
//! which has to be fetched anyway. Places are probed one after the other, from the one that the highest bits of the hash
//! name: so a table is doubled in one pass over it, and none of the lives is asked. The hash is seeded: whoever makes a
//! capture cannot foretell it.
//!
//! It is our own because of [`Index::glance`]: what [`Index::get`] will need is fetched for many segments at once, which
//! takes hardly longer than for one.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;

use super::FlowKey;
use super::lives::{Handle, Lives, Place};

/// The current life of each 4-tuple.
#[derive(Clone, Default)]
pub(super) struct Index {
    table: Table,
    seed: RandomState,
    /// See [`Index::age`].
    age: u64,
}

/// The hash of a 4-tuple in one index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hash(pub u32);

/// Makes the hashes for one table of connections, whoever reads the segments.
#[derive(Clone, Default)]
pub struct Keyer {
    seed: RandomState,
}

impl Keyer {
    #[inline]
    pub(super) fn hash(&self, key: &impl std::hash::Hash) -> Hash {
        hash(&self.seed, key)
    }
}

#[inline]
#[expect(
    clippy::manual_hash_one,
    reason = "that one is not inlined, and this is done for each segment"
)]
fn hash(seed: &RandomState, key: &impl std::hash::Hash) -> Hash {
    let mut hasher = seed.build_hasher();
    key.hash(&mut hasher);
    Hash((hasher.finish() >> 32) as u32)
}

impl Index {
    /// Who makes keys for it.
    pub fn keyer(&self) -> Keyer {
        Keyer {
            seed: self.seed.clone(),
        }
    }

    /// The hash that other calls want to know.
    #[inline]
    pub fn hash(&self, key: &FlowKey) -> Hash {
        hash(&self.seed, key)
    }

    /// Grows whenever a 4-tuple is led away from a life with a tracker, or forgotten. As long as it is the same, handles of such
    /// lives that were looked up lead to the current ones.
    #[inline]
    pub fn age(&self) -> u64 {
        self.age
    }

    /// Whether it pays to [`Index::touch`] it: it is too large for the processor's cache.
    #[inline]
    pub fn is_large(&self) -> bool {
        self.table.places.len() >= Table::LARGE
    }

    /// Reads where [`Index::glance`] will look first. What that is means nothing.
    #[inline]
    pub fn touch(&self, Hash(hash): Hash) -> u32 {
        self.table.at(self.table.home(hash)).map_or(0, |entry| entry.hash)
    }

    /// The life that is most likely the current one of a 4-tuple with this hash, without asking the life.
    #[inline]
    pub fn glance(&self, Hash(hash): Hash) -> Option<Handle> {
        let place = self.table.find(hash, |_| true)?;
        Some(self.table.at(place)?.life)
    }

    /// The current life of a 4-tuple, which has this hash.
    #[inline]
    pub fn get(&self, Hash(hash): Hash, key: &FlowKey, lives: &Lives) -> Option<Handle> {
        let place = self.table.find(hash, |life| lives.has(life, key))?;
        Some(self.table.at(place)?.life)
    }

    /// As [`Index::get`], where the hash is not known yet.
    pub fn look_up(&self, key: &FlowKey, lives: &Lives) -> Option<Handle> {
        self.get(self.hash(key), key, lives)
    }

    /// Makes a life the current one of a 4-tuple with this hash that has none.
    pub fn add(&mut self, Hash(hash): Hash, life: Handle) {
        self.table.insert(Entry { hash, life });
    }

    /// Makes a life the current one of the 4-tuple with this hash that `before`, which has no tracker, is the current one of.
    pub fn lead(&mut self, Hash(hash): Hash, before: Handle, life: Handle) {
        if let Some(place) = self.table.find(hash, |life| life == before) {
            self.table.set(place, Some(Entry { hash, life }));
        }
    }

    /// Makes a life the current one of a 4-tuple; it and the one before it must be in `lives`.
    pub fn insert(&mut self, key: &FlowKey, life: Handle, lives: &Lives) {
        let Hash(hash) = self.hash(key);
        let entry = Entry { hash, life };
        match self.table.find(hash, |life| lives.has(life, key)) {
            Some(place) => {
                let before = self.table.at(place).map(|entry| entry.life.place());
                self.age += u64::from(matches!(before, Some(Place::Life(_))));
                self.table.set(place, Some(entry));
            }
            None => self.table.insert(entry),
        }
    }

    /// Forgets a 4-tuple; its current life must be in `lives`.
    pub fn remove(&mut self, key: &FlowKey, lives: &Lives) {
        let Hash(hash) = self.hash(key);
        if let Some(place) = self.table.find(hash, |life| lives.has(life, key)) {
            self.table.remove(place);
            self.age += 1;
        }
    }
}

/// Where a 4-tuple's life is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    hash: u32,
    life: Handle,
}

/// Entries by their hashes.
#[derive(Clone, Default)]
struct Table {
    /// A power of two of them, three quarters of which are taken at most; none where there was no entry yet.
    places: Vec<Option<Entry>>,
    taken: usize,
}

impl Table {
    /// Places of the smallest table.
    const FEWEST: usize = 1 << 8;
    /// Places of one that takes a megabyte, beside others like it.
    const LARGE: usize = 1 << 17;

    fn at(&self, place: usize) -> Option<Entry> {
        self.places.get(place).copied().flatten()
    }

    fn set(&mut self, place: usize, entry: Option<Entry>) {
        if let Some(place) = self.places.get_mut(place) {
            *place = entry;
        }
    }

    /// Where probing begins: the highest bits of the hash, as many as number the places.
    #[inline]
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.places.len() as u64) >> 32) as usize
    }

    fn after(&self, place: usize) -> usize {
        place.wrapping_add(1) & self.places.len().wrapping_sub(1)
    }

    /// The place of the entry with this hash that it is.
    #[inline]
    fn find(&self, hash: u32, is: impl Fn(Handle) -> bool) -> Option<usize> {
        let mut place = self.home(hash);
        loop {
            let entry = self.at(place)?;
            if entry.hash == hash && is(entry.life) {
                return Some(place);
            }
            place = self.after(place);
        }
    }

    fn insert(&mut self, entry: Entry) {
        if self.taken >= self.places.len() / 4 * 3 {
            let places = (self.places.len() * 2).max(Table::FEWEST);
            let old = std::mem::replace(&mut self.places, vec![None; places]);
            old.into_iter().flatten().for_each(|entry| self.put(entry));
        }
        self.put(entry);
        self.taken += 1;
    }

    /// Puts an entry into the first place that is free.
    fn put(&mut self, entry: Entry) {
        let mut place = self.home(entry.hash);
        while self.at(place).is_some() {
            place = self.after(place);
        }
        self.set(place, Some(entry));
    }

    /// Empties a place. What stands behind it moves up, as far as its home allows: probing never passes an empty place.
    fn remove(&mut self, place: usize) {
        let mask = self.places.len().wrapping_sub(1);
        let distance = |from: usize, to: usize| to.wrapping_sub(from) & mask;
        let (mut hole, mut next) = (place, self.after(place));
        while let Some(entry) = self.at(next) {
            if distance(self.home(entry.hash), next) >= distance(hole, next) {
                self.set(hole, Some(entry));
                hole = next;
            }
            next = self.after(next);
        }
        self.set(hole, None);
        self.taken -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_takes_eight_octets() {
        assert_eq!(size_of::<Option<Entry>>(), 8);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// Few hashes, all of them close to one another or at the end of the table: most share places.
        #[test]
        fn it_knows_what_was_put_in_and_not_taken_out(steps in prop::collection::vec((0..600u32, 0..3u8, any::<bool>()), 1..1_500)) {
            let hash = |key: u32| match key % 3 {
                0 => key << 24,
                1 => u32::MAX - key % 7,
                _ => key / 8,
            };
            let mut table = Table::default();
            let mut known: HashMap<u32, Entry> = HashMap::new();
            for (key, salt, stays) in steps {
                // The life tells the key.
                let is = |life: Handle| (0..3).any(|salt| life == Handle::life(key * 3 + salt));
                let entry = Entry { hash: hash(key), life: Handle::life(key * 3 + u32::from(salt)) };
                match (table.find(entry.hash, is), stays) {
                    (Some(place), true) => table.set(place, Some(entry)),
                    (None, true) => table.insert(entry),
                    (Some(place), false) => table.remove(place),
                    (None, false) => {}
                }
                if stays { known.insert(key, entry) } else { known.remove(&key) };
                prop_assert_eq!(table.taken, known.len());
                prop_assert!(table.taken <= table.places.len() / 4 * 3);
            }
            for key in 0..600 {
                let is = |life: Handle| (0..3).any(|salt| life == Handle::life(key * 3 + salt));
                let found = table.find(hash(key), is).and_then(|place| table.at(place));
                prop_assert_eq!(found, known.get(&key).copied());
            }
        }
    }
}
