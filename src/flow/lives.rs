//! The lives of all 4-tuples, in slots that are used again.

use crate::segment::{Endpoint, Scope};
use crate::tracker::{Heir, Tracker};

use super::FlowKey;

/// Slots that are allocated together; large enough that the system gets them back one by one.
const CHUNK: usize = 1 << 16;

/// One life of a 4-tuple in the table.
#[derive(Clone)]
pub(super) struct Life {
    pub tracker: Tracker,
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
    /// The keys that it is or was looked up by.
    pub fn keys(&self) -> impl Iterator<Item = FlowKey> + use<> {
        let [a, b]: [Endpoint; 2] = self.tracker.addresses;
        let scopes = [Some(self.scope), self.alias];
        scopes
            .into_iter()
            .flatten()
            .map(move |scope| FlowKey::between(a, b, scope))
    }

    /// Whether it may yet turn out to be no life at all.
    pub fn is_undecided(&self) -> bool {
        self.previous.is_some() && !self.succeeded && self.tracker.is_embryo()
    }
}

/// Slots of lives.
#[derive(Clone, Default)]
pub(super) struct Lives {
    chunks: Vec<Vec<Option<Life>>>,
    free: Vec<u32>,
    standing: u64,
}

impl Lives {
    /// Lives that there are.
    pub fn len(&self) -> u64 {
        self.standing
    }

    /// Slots, empty ones included.
    pub fn slots(&self) -> u32 {
        let before = self.chunks.len().saturating_sub(1).saturating_mul(CHUNK);
        let slots = before.saturating_add(self.chunks.last().map_or(0, Vec::len));
        u32::try_from(slots).unwrap_or(u32::MAX)
    }

    /// Puts a life into a slot.
    pub fn insert(&mut self, life: Life) -> u32 {
        self.standing += 1;
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slot_mut(index)
        {
            *slot = Some(life);
            return index;
        }
        let index = self.slots();
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(Some(life)),
            Some(_) | None => self.chunks.push(vec![Some(life)]),
        }
        index
    }

    /// Takes a life out of its slot.
    pub fn take(&mut self, index: u32) -> Option<Life> {
        let life = self.slot_mut(index)?.take()?;
        self.standing -= 1;
        self.free.push(index);
        Some(life)
    }

    /// The life in a slot.
    pub fn get(&self, index: u32) -> Option<&Life> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)?.as_ref()
    }

    /// See [`Lives::get`].
    pub fn get_mut(&mut self, index: u32) -> Option<&mut Life> {
        self.slot_mut(index)?.as_mut()
    }

    /// All lives and their slots.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Life)> {
        (0..self.slots()).filter_map(|index| Some((index, self.get(index)?)))
    }

    /// See [`Lives::iter`].
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Life)> {
        let slots = self.chunks.iter_mut().flatten();
        (0..)
            .zip(slots)
            .filter_map(|(index, slot)| Some((index, slot.as_mut()?)))
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Option<Life>> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    /// All lives in order of their births. Memory is given back on the way.
    pub fn by_birth(self) -> ByBirth {
        let mut order: Vec<(u64, u32)> = self.iter().map(|(index, life)| (life.birth, index)).collect();
        order.sort_unstable();
        let left = self
            .chunks
            .iter()
            .map(|chunk| chunk.iter().flatten().count())
            .collect();
        ByBirth {
            chunks: self.chunks,
            left,
            order,
            next: 0,
        }
    }
}

/// The lives in order of their births.
pub(super) struct ByBirth {
    chunks: Vec<Vec<Option<Life>>>,
    /// Lives that each chunk still holds.
    left: Vec<usize>,
    order: Vec<(u64, u32)>,
    next: usize,
}

impl ByBirth {
    /// Number among these, from 1, of the life with this birth.
    pub fn rank(&self, birth: u64) -> Option<u64> {
        let found = self
            .order
            .binary_search_by_key(&birth, |(birth, _)| *birth)
            .ok()?;
        Some(found as u64 + 1)
    }

    /// Those that are still to come.
    pub fn standing(&self) -> impl Iterator<Item = &Life> {
        let later = self.order.get(self.next..).unwrap_or_default();
        later.iter().filter_map(|(_, index)| {
            let index = *index as usize;
            self.chunks.get(index / CHUNK)?.get(index % CHUNK)?.as_ref()
        })
    }

    /// How many are still to come.
    pub fn remaining(&self) -> usize {
        self.order.len().saturating_sub(self.next)
    }
}

impl Iterator for ByBirth {
    type Item = Life;

    fn next(&mut self) -> Option<Life> {
        let (_, index) = *self.order.get(self.next)?;
        self.next += 1;
        let (chunk, slot) = (index as usize / CHUNK, index as usize % CHUNK);
        let life = self.chunks.get_mut(chunk)?.get_mut(slot)?.take()?;
        if let Some(left) = self.left.get_mut(chunk) {
            *left -= 1;
            if *left == 0 {
                self.chunks[chunk] = Vec::new();
            }
        }
        Some(life)
    }
}
