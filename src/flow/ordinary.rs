//! Connections on which all goes by the book: those have no tracker until something is not ([`Textbook`]).

use std::mem::size_of;

use super::index::Hash;
use super::lives::{Handle, Ordinary};
use super::{Class, Flows};
use crate::segment::Endpoint;
use crate::tracker::evidence::Mark;
use crate::tracker::passing::Opening;
use crate::tracker::textbook::Textbook;

impl Flows {
    /// Takes a segment from `source` that may answer, by the book, the SYN in this slot, which has this hash. False if it does not;
    /// nothing has changed then.
    pub(super) fn answer_by_the_book(
        &mut self,
        hash: Hash,
        slot: u32,
        source: Endpoint,
        answer: &Opening,
    ) -> bool {
        let Some(syn) = self.lives.embryo(slot) else {
            return false;
        };
        if !self.packing.by_the_book || source != syn.server() || source == syn.client() {
            return false;
        }
        let opening = Opening::of(&syn.segment());
        let Some(book) = opening.and_then(|opening| Textbook::begin(&opening, answer, syn.is_in_scope()))
        else {
            return false;
        };
        let mut ordinary = Ordinary {
            syn: syn.clone(),
            book,
            footprint: 0,
            attempt: 1,
        };
        ordinary.footprint = self.footprint_of(&ordinary);
        self.charge(ordinary.footprint.into(), true);
        let handle = self.lives.insert_ordinary(ordinary);
        self.current.lead(hash, Handle::embryo(slot), handle);
        self.take_embryo(slot);
        true
    }

    /// Takes a segment of a connection on which all went by the book, in this way. False if this one does not; nothing has changed
    /// then.
    #[inline]
    pub(super) fn take_by_the_book(
        &mut self,
        slot: u32,
        take: impl FnOnce(&mut Textbook, Mark) -> bool,
    ) -> bool {
        let Some(ordinary) = self.lives.ordinary_mut(slot) else {
            return false;
        };
        let telling = ordinary.book.telling();
        if !take(&mut ordinary.book, ordinary.syn.mark()) {
            return false;
        }
        // A report may grow with each telling segment; else nothing counts but whether it is an attempt.
        let grew = self.report_bytes.is_some() && ordinary.book.telling() != telling;
        if grew || u8::from(is_attempt(ordinary)) != ordinary.attempt {
            self.weigh_ordinary(slot);
        }
        true
    }

    /// Makes a life with a tracker of one by the book.
    pub(super) fn outgrow(&mut self, slot: u32) -> Option<u32> {
        let ordinary = self.lives.ordinary(slot)?;
        let (key, life) = (ordinary.syn.key(), ordinary.life());
        let now = life.tracker.last.time;
        let index = self.lives.insert(life);
        self.current.insert(&key, Handle::life(index), &self.lives);
        self.take_ordinary(slot);
        self.weigh(index);
        self.sweep(now);
        Some(index)
    }

    /// Takes a life by the book out of its slot; nothing must lead there any more.
    pub(super) fn take_ordinary(&mut self, slot: u32) -> Option<Ordinary> {
        let ordinary = self.lives.take_ordinary(slot)?;
        self.discharge(ordinary.footprint.into(), ordinary.attempt != 0);
        Some(ordinary)
    }

    /// Counts anew what a life by the book takes.
    fn weigh_ordinary(&mut self, slot: u32) {
        let Some(ordinary) = self.lives.ordinary(slot) else {
            return;
        };
        let attempt = is_attempt(ordinary);
        let footprint = match self.report_bytes {
            None => ordinary.footprint,
            Some(_) => self.footprint_of(ordinary),
        };
        if let Some(ordinary) = self.lives.ordinary_mut(slot)
            && (ordinary.footprint, ordinary.attempt) != (footprint, attempt.into())
        {
            let before = std::mem::replace(&mut ordinary.footprint, footprint);
            let was_attempt = std::mem::replace(&mut ordinary.attempt, attempt.into());
            self.discharge(before.into(), was_attempt != 0);
            self.charge(footprint.into(), attempt);
        }
    }

    /// What a life by the book counts with: its report is made out of the tracker that it will have.
    fn footprint_of(&self, ordinary: &Ordinary) -> u32 {
        let own = size_of::<Option<Ordinary>>() as u64;
        let footprint = match self.report_bytes {
            None => own.saturating_add(super::ENTRY_BYTES),
            Some(_) => self.footprint(own, &ordinary.life().tracker),
        };
        u32::try_from(footprint).unwrap_or(u32::MAX)
    }
}

/// See [`Ordinary::attempt`].
fn is_attempt(ordinary: &Ordinary) -> bool {
    Class::from(ordinary.book.stage()).is_attempt()
}
