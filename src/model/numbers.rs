//! Numbers of connections, all of them, in little room.

use crate::varint::{put, take};

/// A list of numbers that grow, as runs of numbers that follow each other: each run is told by its distance from the run before
/// and by its length, both in seven bits an octet (LEB128). A million numbers in a row take four octets, every second one of
/// two million two million.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    octets: Vec<u8>,
    /// Where the last run that was written ended.
    written: u64,
    /// The run that may go on: its first and its last number.
    open: Option<(u64, u64)>,
    count: u64,
}

impl Numbers {
    /// Adds the next number. The last one again, or a lesser one, is not added: for numbers in any order, collect them.
    pub fn add(&mut self, number: u64) {
        match &mut self.open {
            Some((_, last)) if number <= *last => return,
            Some((_, last)) if number == last.saturating_add(1) => *last = number,
            Some(_) => {
                self.close();
                self.open = Some((number, number));
            }
            None => self.open = Some((number, number)),
        }
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether this one is among them.
    pub fn contains(&self, number: u64) -> bool {
        let mut from_here = self.runs().skip_while(|(_, last)| *last < number);
        from_here.next().is_some_and(|(first, _)| first <= number)
    }

    /// First and last number of each run, in order.
    pub fn runs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut left = self.octets.as_slice();
        let mut at = 0_u64;
        let written = std::iter::from_fn(move || {
            let first = at.saturating_add(take(&mut left)?);
            at = first.saturating_add(take(&mut left)?);
            Some((first, at))
        });
        written.chain(self.open)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.runs().flat_map(|(first, last)| first..=last)
    }

    /// The octets of all runs: of each the distance from the run before and how many numbers it has besides its first.
    pub fn into_octets(mut self) -> Vec<u8> {
        self.close();
        self.octets
    }

    fn close(&mut self) {
        let Some((first, last)) = self.open.take() else {
            return;
        };
        put(&mut self.octets, first.saturating_sub(self.written));
        put(&mut self.octets, last.saturating_sub(first));
        self.written = last;
    }
}

impl FromIterator<u64> for Numbers {
    /// Of numbers in any order; each counts once.
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Numbers {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let mut list = Numbers::default();
        numbers.into_iter().for_each(|number| list.add(number));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let lists: [&[u64]; 6] = [
            &[],
            &[0],
            &[1, 2, 3, 4, 5],
            &[3, 4, 9, 40, 41, 1_000_000, u64::MAX - 1],
            &[7, 7, 8, 8],
            &[127, 128, 129, 16_383, 16_384, 16_512],
        ];
        for list in lists {
            let mut numbers = Numbers::default();
            list.iter().for_each(|number| numbers.add(*number));
            let mut wanted = list.to_vec();
            wanted.dedup();
            assert_eq!(numbers.iter().collect::<Vec<_>>(), wanted);
            assert_eq!(numbers.count(), wanted.len() as u64);
            let backwards: Numbers = list.iter().rev().copied().collect();
            assert_eq!(backwards, numbers);
            let octets = numbers.clone().into_octets();
            let read = Numbers {
                octets,
                ..Numbers::default()
            };
            assert_eq!(read.iter().collect::<Vec<_>>(), wanted);
        }
        let all: Numbers = (1..=1_000_000).collect();
        assert_eq!(all.into_octets().len(), 4);
        let some: Numbers = [3, 4, 9].into_iter().collect();
        let there: Vec<u64> = (0..12).filter(|number| some.contains(*number)).collect();
        assert_eq!(there, [3, 4, 9]);
    }

    #[test]
    fn one_that_does_not_grow_is_not_added() {
        let mut numbers = Numbers::default();
        [5, 3, 5, 9, 4].into_iter().for_each(|number| numbers.add(number));
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [5, 9]);
        assert_eq!(numbers.count(), 2);
    }
}
