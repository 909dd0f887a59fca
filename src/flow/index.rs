//! From a 4-tuple to the life that gets its segments.
//!
//! The table holds eight octets for each 4-tuple, a part of its hash and where its life is; the 4-tuple itself stands in
//! the life, which has to be fetched anyway. The hash is seeded: whoever makes a capture cannot foretell it.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::FlowKey;
use super::lives::{Handle, Lives};

/// Where a 4-tuple's life is.
#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    life: Handle,
}

/// The current life of each 4-tuple.
#[derive(Clone, Default)]
pub(super) struct Index {
    table: HashTable<Entry>,
    seed: RandomState,
}

impl Index {
    /// The current life of a 4-tuple.
    pub fn get(&self, key: &FlowKey, lives: &Lives) -> Option<Handle> {
        let hash = self.hash(key);
        let entry = self
            .table
            .find(spread(hash), |entry| is(entry, hash, key, lives))?;
        Some(entry.life)
    }

    /// Makes a life the current one of a 4-tuple; it and the one before it must be in `lives`.
    pub fn insert(&mut self, key: &FlowKey, life: Handle, lives: &Lives) {
        let hash = self.hash(key);
        let known = self
            .table
            .find_mut(spread(hash), |entry| is(entry, hash, key, lives));
        match known {
            Some(entry) => entry.life = life,
            None => {
                self.table
                    .insert_unique(spread(hash), Entry { hash, life }, |entry| spread(entry.hash));
            }
        }
    }

    /// Forgets a 4-tuple; its current life must be in `lives`.
    pub fn remove(&mut self, key: &FlowKey, lives: &Lives) {
        let hash = self.hash(key);
        if let Ok(entry) = self
            .table
            .find_entry(spread(hash), |entry| is(entry, hash, key, lives))
        {
            entry.remove();
        }
    }

    fn hash(&self, key: &FlowKey) -> u32 {
        (self.seed.hash_one(key) >> 32) as u32
    }
}

fn is(entry: &Entry, hash: u32, key: &FlowKey, lives: &Lives) -> bool {
    entry.hash == hash && lives.has(entry.life, key)
}

/// The table takes a place from the low bits and a tag from the high ones: it gets all of them twice.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}
