//! Members of many groups: collected in one list as they come, and put side by side by group in the end.

use std::hash::Hash;
use std::mem::size_of;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// A list of what comes, which is never moved: neither as it grows nor as others are put behind it.
pub(crate) struct Lots<T> {
    lots: Vec<Vec<T>>,
}

impl<T> Default for Lots<T> {
    /// Nothing.
    fn default() -> Lots<T> {
        Lots { lots: Vec::new() }
    }
}

impl<T> Lots<T> {
    /// The longest lot, octets.
    const LONGEST: usize = 1 << 18;

    /// Adds one.
    pub fn push(&mut self, one: T) {
        match self.lots.last_mut() {
            Some(lot) if lot.len() < lot.capacity() => lot.push(one),
            last => {
                let most = (Self::LONGEST / size_of::<T>().max(1)).max(1);
                let mut lot = Vec::with_capacity(last.map_or(4, |lot| lot.len() * 2).clamp(1, most));
                lot.push(one);
                self.lots.push(lot);
            }
        }
    }

    /// Puts all of another list behind this one.
    pub fn append(&mut self, later: Lots<T>) {
        self.lots.extend(later.lots);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lots.iter().map(Vec::len).sum()
    }

    /// All, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.lots.iter().flatten()
    }

    /// See [`Lots::iter`].
    pub fn into_iter(self) -> impl Iterator<Item = T> {
        self.lots.into_iter().flatten()
    }
}

/// Groups by their names, numbered from 0 in the order in which they came.
pub(crate) struct Names<K> {
    numbers: HashMap<K, u32, RandomState>,
}

impl<K> Default for Names<K> {
    /// No group.
    fn default() -> Names<K> {
        Names {
            numbers: HashMap::default(),
        }
    }
}

impl<K: Hash + Eq> Names<K> {
    /// The number of this group. More groups than there are numbers share the last one; they would not fit any memory.
    pub fn number(&mut self, name: K) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(name).or_insert(next)
    }

    /// The number of this group, if it has one.
    pub fn known(&self, name: &K) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The names in the order of their numbers.
    pub fn in_order(self) -> Vec<K> {
        let mut names: Vec<(K, u32)> = self.numbers.into_iter().collect();
        names.sort_unstable_by_key(|(_, number)| *number);
        names.into_iter().map(|(name, _)| name).collect()
    }

    /// Name and number of each, in no order.
    pub fn into_iter(self) -> impl Iterator<Item = (K, usize)> {
        let numbers = self.numbers.into_iter();
        numbers.map(|(name, number)| (name, number as usize))
    }
}

/// Members in order of their groups, in each in the order in which they came.
pub(crate) struct Grouped<T> {
    members: Vec<T>,
    /// Where each group begins, and the end.
    begins: Vec<usize>,
}

impl<T: Copy> Grouped<T> {
    /// Orders members by the numbers of their groups, of which there are so many. Those with other numbers are left out.
    pub fn of<'a>(members: impl IntoIterator<Item = &'a T>, numbers: &[u32], groups: usize) -> Grouped<T>
    where
        T: 'a,
    {
        let mut begins = vec![0_usize; groups.saturating_add(1)];
        for number in numbers {
            if let Some(count) = begins.get_mut((*number as usize).saturating_add(1)) {
                *count += 1;
            }
        }
        let mut before = 0;
        for begin in &mut begins {
            before += *begin;
            *begin = before;
        }
        let mut next = begins.clone();
        next.truncate(groups);
        let mut members = members.into_iter().peekable();
        let mut ordered = match members.peek() {
            Some(first) => vec![**first; before],
            None => Vec::new(),
        };
        for (member, number) in members.zip(numbers) {
            if let Some(next) = next.get_mut(*number as usize)
                && let Some(slot) = ordered.get_mut(*next)
            {
                *slot = *member;
                *next += 1;
            }
        }
        Grouped {
            members: ordered,
            begins,
        }
    }

    /// The members of one group.
    pub fn group(&self, group: usize) -> &[T] {
        self.members.get(self.range(group)).unwrap_or_default()
    }

    /// See [`Grouped::group`].
    pub fn group_mut(&mut self, group: usize) -> &mut [T] {
        let range = self.range(group);
        self.members.get_mut(range).unwrap_or_default()
    }

    fn range(&self, group: usize) -> Range<usize> {
        let at = |index: usize| self.begins.get(index).copied().unwrap_or(self.members.len());
        at(group)..at(group.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_are_one_list() {
        let mut lots = Lots::default();
        let mut expected = Vec::new();
        for round in 0..9_usize {
            let mut later = Lots::default();
            for one in 0..round * 3_000 {
                later.push(one);
                expected.push(one);
            }
            assert!(
                later
                    .lots
                    .iter()
                    .all(|lot| lot.capacity() * 8 <= Lots::<usize>::LONGEST)
            );
            lots.append(later);
            lots.push(round);
            expected.push(round);
        }
        assert_eq!((lots.len(), lots.iter().eq(&expected)), (expected.len(), true));
        assert!(lots.into_iter().eq(expected));
    }

    #[test]
    fn names_are_numbered_as_they_come() {
        let mut names = Names::default();
        let numbers = ["b", "a", "b", "c", "a"].map(|name| names.number(name));
        assert_eq!((numbers, names.len()), ([0, 1, 0, 2, 1], 3));
        let same = ["b", "a", "c"]
            .into_iter()
            .fold(Names::default(), |mut names, name| {
                names.number(name);
                names
            });
        assert_eq!(same.in_order(), ["b", "a", "c"]);
        let mut all: Vec<_> = names.into_iter().collect();
        all.sort_unstable();
        assert_eq!(all, [("a", 1), ("b", 0), ("c", 2)]);
    }

    #[test]
    fn each_group_keeps_its_order() {
        let grouped = Grouped::of(&['a', 'b', 'c', 'd', 'e', 'f'], &[2, 0, 2, 7, 0, u32::MAX], 4);
        assert_eq!(grouped.group(0), ['b', 'e']);
        assert_eq!(grouped.group(1), []);
        assert_eq!(grouped.group(2), ['a', 'c']);
        for group in [3, 4, 7, usize::MAX] {
            assert_eq!(grouped.group(group), [], "{group}");
        }
        let none: [char; 0] = [];
        assert_eq!(Grouped::of(&none, &[], 3).group(1), []);
    }
}
