//! Lists of connections by their numbers: all of each list, packed for the script, its beginning also as text.

use super::packed::packed;
use crate::model::Numbers;

/// Runs of numbers that are told as text.
const READABLE: usize = 60;

/// The lists of a document, by their names.
pub(super) struct Lists {
    all: Vec<(String, String)>,
    left: usize,
}

/// What is told of one list.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// Its name.
    pub name: String,
    /// Its beginning: `3, 7–19`.
    pub readable: String,
    /// Numbers that `readable` has no room for.
    pub beyond: u64,
}

impl Lists {
    /// None yet, with room for so many octets.
    pub fn new(room: usize) -> Lists {
        Lists {
            all: Vec::new(),
            left: room,
        }
    }

    /// Takes a list, if there is room for all of it.
    pub fn take(&mut self, name: String, numbers: Numbers) -> Option<List> {
        let first: Vec<(u64, u64)> = numbers.runs().take(READABLE).collect();
        let shown = first.iter().map(|(from, to)| to - from + 1).sum();
        let told = List {
            readable: told(&first),
            beyond: numbers.count().saturating_sub(shown),
            name,
        };
        let text = packed(&numbers.into_octets());
        self.left = self.left.checked_sub(text.len())?;
        self.all.push((told.name.clone(), text));
        Some(told)
    }

    /// Takes other text out of the same room; whether it fits.
    pub fn make_room(&mut self, octets: usize) -> bool {
        match self.left.checked_sub(octets) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Names and packed lists.
    pub fn all(&self) -> &[(String, String)] {
        &self.all
    }
}

/// Runs as text.
fn told(runs: &[(u64, u64)]) -> String {
    let text = |(first, last): &(u64, u64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    };
    let texts: Vec<String> = runs.iter().map(text).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_whole_or_not_there() {
        let even: Numbers = (1..=1_000).map(|number| number * 2).collect();
        let mut lists = Lists::new(1_000);
        let list = lists.take("even".to_owned(), even.clone()).expect("room");
        assert!(list.readable.starts_with("2, 4, 6"));
        assert_eq!(list.beyond, 1_000 - READABLE as u64);
        let all: Numbers = (1..=1_000_000).collect();
        let list = lists.take("all".to_owned(), all).expect("room");
        assert_eq!((list.readable.as_str(), list.beyond), ("1–1000000", 0));
        let pair = lists
            .take("pair".to_owned(), [3, 4].into_iter().collect())
            .expect("room");
        assert_eq!(pair.readable, "3, 4");
        assert!(Lists::new(4).take("even".to_owned(), even).is_none());
        assert_eq!(lists.all().len(), 3);
    }
}
