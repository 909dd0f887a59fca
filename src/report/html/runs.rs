//! Numbers of connections, all of them, in little room: runs of numbers that follow each other, each told by its distance
//! from the run before and its length, in digits of base 32. The last digit of a number is of another alphabet, so that none
//! needs a separator. Half of a million connections take some 500 000 letters at worst; all of them take six.

/// Digits of which more follow.
const MORE: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
/// Last digits.
const LAST: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ6789-_";

/// A list of numbers that only grow.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    text: String,
    /// Where the last run that was written ended.
    written: u64,
    /// The run that may go on: its first and its last number.
    open: Option<(u64, u64)>,
    count: u64,
    /// The first few runs, to be read without a program.
    first: Vec<(u64, u64)>,
}

/// Runs that are kept to be read.
const READABLE: usize = 60;

impl Runs {
    /// Adds the next number. One that does not grow is counted only where it is not the last one again.
    pub fn add(&mut self, number: u64) {
        match &mut self.open {
            Some((_, last)) if number == *last => return,
            Some((_, last)) if number == last.saturating_add(1) => *last = number,
            Some(_) | None => {
                self.close();
                self.open = Some((number, number));
            }
        }
        self.count += 1;
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Octets of the packed text, all but the last run.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    fn close(&mut self) {
        let Some((first, last)) = self.open.take() else {
            return;
        };
        if self.first.len() < READABLE {
            self.first.push((first, last));
        }
        self.put(first.wrapping_sub(self.written));
        self.put(last.saturating_sub(first));
        self.written = last;
    }

    fn put(&mut self, number: u64) {
        let digits = (64 - number.leading_zeros()).div_ceil(5).max(1);
        for place in (0..digits).rev() {
            let alphabet = if place == 0 { LAST } else { MORE };
            let digit = usize::try_from(number >> (5 * place) & 31).unwrap_or(0);
            self.text.push(char::from(alphabet[digit]));
        }
    }

    /// The packed text, and the first runs as text with how many numbers are beyond them: `3, 7–19`.
    pub fn told(mut self) -> Told {
        self.close();
        let text = |(first, last): &(u64, u64)| match last - first {
            0 => first.to_string(),
            1 => format!("{first}, {last}"),
            _ => format!("{first}–{last}"),
        };
        let readable: Vec<String> = self.first.iter().map(text).collect();
        let shown: u64 = self.first.iter().map(|(first, last)| last - first + 1).sum();
        Told {
            packed: self.text,
            readable: readable.join(", "),
            count: self.count,
            beyond: self.count.saturating_sub(shown),
        }
    }
}

/// What [`Runs`] held.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub packed: String,
    pub readable: String,
    #[cfg_attr(not(test), allow(dead_code))]
    pub count: u64,
    /// Numbers that `readable` has no room for.
    pub beyond: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the script reads it.
    fn unpack(text: &str) -> Vec<u64> {
        let (mut numbers, mut value) = (Vec::new(), 0_u64);
        for letter in text.bytes() {
            let more = MORE.iter().position(|digit| *digit == letter);
            let last = LAST.iter().position(|digit| *digit == letter);
            value = value << 5 | more.or(last).expect("a digit") as u64;
            if last.is_some() {
                numbers.push(std::mem::take(&mut value));
            }
        }
        let mut at = 0;
        let mut all = Vec::new();
        for run in numbers.chunks(2) {
            let first = run[0] + at;
            at = first + run[1];
            all.extend(first..=at);
        }
        all
    }

    #[test]
    fn what_goes_in_comes_out() {
        let lists: [&[u64]; 5] = [
            &[],
            &[1],
            &[1, 2, 3, 4, 5],
            &[3, 4, 9, 40, 41, 1_000_000, u64::MAX - 1],
            &[7, 7, 8, 8],
        ];
        for list in lists {
            let mut runs = Runs::default();
            list.iter().for_each(|number| runs.add(*number));
            let mut wanted = list.to_vec();
            wanted.dedup();
            let told = runs.told();
            assert_eq!(unpack(&told.packed), wanted);
            assert_eq!((told.count, told.beyond), (wanted.len() as u64, 0));
        }
        let mut runs = Runs::default();
        (1..=1_000_000).for_each(|number| runs.add(number));
        let all = runs.told();
        assert!(all.packed.len() < 8, "{}", all.packed);
        assert_eq!(all.readable, "1–1000000");
        let mut runs = Runs::default();
        (1..=1_000).for_each(|number| runs.add(number * 2));
        let even = runs.told();
        assert_eq!((even.count, even.beyond), (1_000, 1_000 - READABLE as u64));
        assert!(even.readable.starts_with("2, 4, 6"));
        assert_eq!(unpack(&even.packed).len(), 1_000);
    }
}
