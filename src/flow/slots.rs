//! Slots that are used again, in chunks that are never moved.

use hugealloc::HugeAlloc;

/// Octets of a huge page, where the system has them and grants them.
const HUGE_PAGE: usize = 2 << 20;

/// See the [module](self).
#[derive(Clone)]
pub(super) struct Slots<T> {
    pub chunks: Vec<Chunk<T>>,
    free: Vec<u32>,
    pub standing: u64,
}

/// Slots that are allocated together.
pub(super) type Chunk<T> = allocator_api2::vec::Vec<Option<T>, HugeAlloc>;

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
    /// Slots of each of the first chunks: between 256 and 512 KiB, which the system gets back at once. That takes time, as each
    /// processor is told of it; but of the last chunk of each table half is of no use on average.
    const SMALL: usize = 1 << ((512 << 10) / size_of::<Option<T>>()).ilog2();
    /// How many chunks are of that size: in all tables together they hold some ten thousands of values.
    const FIRST: usize = 16;
    /// Slots of each chunk behind them, which fill a huge page: for as many small ones the system takes a tenth of the time in which
    /// connections are tracked.
    const LARGE: usize = HUGE_PAGE.div_ceil(size_of::<Option<T>>());

    /// The number of the chunk that a slot is in, and its place there.
    #[inline]
    pub fn place_of(index: u32) -> (usize, usize) {
        let index = index as usize;
        match index.checked_sub(Self::FIRST * Self::SMALL) {
            None => (index / Self::SMALL, index % Self::SMALL),
            Some(behind) => (Self::FIRST + behind / Self::LARGE, behind % Self::LARGE),
        }
    }

    /// Slots of the chunk with this number.
    fn room_of(chunk: usize) -> usize {
        if chunk < Self::FIRST {
            Self::SMALL
        } else {
            Self::LARGE
        }
    }

    /// How many there are, empty ones included.
    pub fn slots(&self) -> u32 {
        let Some(last) = self.chunks.last() else { return 0 };
        let before = self.chunks.len() - 1;
        let (small, large) = (before.min(Self::FIRST), before.saturating_sub(Self::FIRST));
        let slots = small * Self::SMALL + large.saturating_mul(Self::LARGE) + last.len();
        u32::try_from(slots).unwrap_or(u32::MAX)
    }

    pub fn insert(&mut self, value: T) -> u32 {
        self.standing += 1;
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.slot_mut(index)
        {
            *slot = Some(value);
            return index;
        }
        self.push(value)
    }

    /// As [`Slots::insert`], but into a new slot as long as not one of sixteen is free: what is inserted at one time stands
    /// together, and leaves a chunk together when all leave in order.
    pub fn insert_apart(&mut self, value: T) -> u32 {
        if self.free.len() as u64 >= u64::from(self.slots() / 16).max(1) {
            return self.insert(value);
        }
        self.standing += 1;
        self.push(value)
    }

    fn push(&mut self, value: T) -> u32 {
        let index = self.slots();
        let room = Self::room_of(self.chunks.len().saturating_sub(1));
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < room => chunk.push(Some(value)),
            // All of it at once: a chunk that grew would be moved. The system gives memory page by page as it is used.
            Some(_) | None => {
                let mut chunk = Chunk::with_capacity_in(Self::room_of(self.chunks.len()), HugeAlloc);
                chunk.push(Some(value));
                self.chunks.push(chunk);
            }
        }
        index
    }

    /// How many slots of each chunk are free.
    pub fn free_by_chunk(&self) -> Vec<usize> {
        let mut counts = vec![0; self.chunks.len()];
        for index in &self.free {
            if let Some(count) = counts.get_mut(Self::place_of(*index).0) {
                *count += 1;
            }
        }
        counts
    }

    pub fn take(&mut self, index: u32) -> Option<T> {
        let value = self.slot_mut(index)?.take()?;
        self.standing -= 1;
        self.free.push(index);
        Some(value)
    }

    pub fn forget(&mut self, index: u32) {
        if let Some(slot) = self.slot_mut(index)
            && slot.is_some()
        {
            *slot = None;
            self.standing -= 1;
            self.free.push(index);
        }
    }

    pub fn get(&self, index: u32) -> Option<&T> {
        self.place(index)?.as_ref()
    }

    #[inline]
    fn place(&self, index: u32) -> Option<&Option<T>> {
        let (chunk, place) = Self::place_of(index);
        self.chunks.get(chunk)?.get(place)
    }

    pub fn slot_mut(&mut self, index: u32) -> Option<&mut Option<T>> {
        let (chunk, place) = Self::place_of(index);
        self.chunks.get_mut(chunk)?.get_mut(place)
    }

    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let slots = self.chunks.iter().flatten();
        (0..)
            .zip(slots)
            .filter_map(|(slot, value)| Some((slot, value.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each slot has a place of its own, also where small chunks end and large ones begin.
    #[test]
    fn values_are_found_again() {
        type Value = [u32; 100];
        let mut slots = Slots::<Value>::default();
        let small = (Slots::<Value>::FIRST * Slots::<Value>::SMALL) as u32;
        let count = small + 3 * Slots::<Value>::LARGE as u32 + 7;
        for number in 0..count {
            assert_eq!(slots.slots(), number);
            assert_eq!(slots.insert([number; 100]), number);
        }
        assert_eq!(slots.chunks.len(), Slots::<Value>::FIRST + 4);
        let full = slots.chunks.iter().rev().skip(1);
        assert!(full.clone().all(|chunk| chunk.len() == chunk.capacity()));
        assert!(
            full.take(3)
                .all(|chunk| size_of_val(chunk.as_slice()) >= HUGE_PAGE)
        );
        assert!((0..count).all(|number| slots.get(number) == Some(&[number; 100])));
        assert!(slots.iter().map(|(slot, _)| slot).eq(0..count));
        assert!(slots.get(count).is_none() && slots.take(count).is_none());

        let taken = [0, small - 1, small, count - 1];
        assert!(taken.iter().all(|slot| slots.take(*slot) == Some([*slot; 100])));
        assert_eq!(slots.standing, u64::from(count) - 4);
        let mut free = slots.free_by_chunk();
        free.retain(|free| *free > 0);
        assert_eq!(free, [1, 1, 1, 1]);
        let again: Vec<u32> = taken.iter().map(|slot| slots.insert([*slot; 100])).collect();
        assert!(again.iter().rev().eq(&taken));
        assert_eq!((slots.slots(), slots.insert([0; 100])), (count, count));
    }
}
