//! What a capture holds, as far as it was read: rows for the list, and what is said of the whole.

use crate::model::{Analysis, Connection};
use crate::report::ending;
use crate::report::findings::ByCode;
use crate::select::Selection;
use crate::time::Timestamp;

use super::row::Row;

/// Rows that are kept, at most: each takes some 250 octets.
pub const MOST: usize = 1_000_000;

/// What a capture holds.
pub struct Contents {
    /// The connections.
    pub rows: Rows,
    /// Everything else; without connections.
    pub analysis: Analysis,
    /// Findings by their codes.
    pub found: ByCode,
}

impl Contents {
    /// Time of the first and of the last packet.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        let capture = &self.analysis.capture;
        let first = capture.first_time.unwrap_or_default();
        (first, capture.last_time.unwrap_or(first))
    }
}

/// What a capture holds, made of one connection after the other.
pub struct Taking<'a> {
    selection: &'a Selection,
    rows: Rows,
    found: ByCode,
}

impl<'a> Taking<'a> {
    /// Of the connections that a selection keeps, so many at most.
    pub fn new(selection: &'a Selection, most: usize) -> Taking<'a> {
        Taking {
            selection,
            rows: Rows::new(most),
            found: ByCode::default(),
        }
    }

    /// Takes the next one.
    pub fn add(&mut self, connection: &Connection) {
        if self.selection.keeps(connection) {
            self.found.add(connection);
            self.rows.add(connection);
        }
    }

    /// With all else that was found.
    pub fn finish(mut self, mut analysis: Analysis) -> Contents {
        let together = analysis.findings.iter();
        together.for_each(|finding| self.found.add_together(finding));
        analysis.connections = Vec::new();
        analysis.summary.connections_selected = self.rows.given;
        self.rows.kept.sort_unstable_by_key(|row| row.id);
        self.rows.calm = Vec::new();
        Contents {
            rows: self.rows,
            analysis,
            found: self.found,
        }
    }
}

/// The rows that are kept, in order of their numbers.
#[derive(Default)]
pub struct Rows {
    kept: Vec<Row>,
    endings: Vec<String>,
    given: u64,
    most: usize,
    /// Once there is no more room: places of rows that may go for one that somebody should look at.
    calm: Vec<usize>,
    full: bool,
}

impl Rows {
    fn new(most: usize) -> Rows {
        Rows {
            most,
            ..Rows::default()
        }
    }

    /// Where there is no room, a connection with warnings or errors takes the place of one without.
    fn add(&mut self, connection: &Connection) {
        self.given += 1;
        let ending = self.number_of(ending(connection));
        let row = Row::of(connection, ending);
        if self.kept.len() < self.most {
            self.kept.push(row);
            return;
        }
        if !self.full {
            self.full = true;
            let calm = self.kept.iter().enumerate().filter(|(_, row)| !row.is_loud());
            self.calm = calm.map(|(place, _)| place).collect();
        }
        if row.is_loud()
            && let Some(place) = self.calm.pop().and_then(|place| self.kept.get_mut(place))
        {
            *place = row;
        }
    }

    /// There are a dozen of them.
    fn number_of(&mut self, ending: String) -> u8 {
        let known = self.endings.iter().position(|known| *known == ending);
        let place = known.unwrap_or_else(|| {
            self.endings.push(ending);
            self.endings.len() - 1
        });
        u8::try_from(place).unwrap_or(u8::MAX)
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many there are beyond those that are kept.
    pub fn left_out(&self) -> u64 {
        self.given.saturating_sub(self.kept.len() as u64)
    }

    /// The row at a place.
    pub fn get(&self, place: u32) -> Option<&Row> {
        self.kept.get(usize::try_from(place).ok()?)
    }

    /// All of them, with their places.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        (0..).zip(&self.kept)
    }

    /// How a connection ended, and who began it: see [`crate::report::ending`].
    pub fn ending(&self, row: &Row) -> &str {
        self.endings
            .get(usize::from(row.ending))
            .map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::{Settings, analyze};

    fn leak() -> Analysis {
        let settings = Settings {
            files: vec!["testdata/kernel/soak_lossy.server.pcap".into()],
            ..Settings::default()
        };
        analyze(&settings, &mut |_| {}).expect("a capture")
    }

    fn contents(most: usize, selection: &Selection) -> Contents {
        let analysis = leak();
        let mut taking = Taking::new(selection, most);
        analysis.connections.iter().for_each(|one| taking.add(one));
        taking.finish(analysis)
    }

    #[test]
    fn findings_are_kept_first() {
        let all = contents(usize::MAX, &Selection::default());
        let loud: Vec<u64> = all
            .rows
            .iter()
            .filter(|(_, row)| row.is_loud())
            .map(|(_, row)| row.id)
            .collect();
        assert!(loud.len() > 2 && all.rows.len() > loud.len());
        assert_eq!(all.rows.left_out(), 0);
        for most in [0, 1, 2, loud.len(), loud.len() + 1, all.rows.len() - 1] {
            let some = contents(most, &Selection::default());
            assert_eq!(some.rows.len(), most);
            assert_eq!(some.rows.left_out(), (all.rows.len() - most) as u64);
            let kept = some.rows.iter().filter(|(_, row)| row.is_loud()).count();
            assert_eq!(kept, loud.len().min(most), "{most}");
            assert!(some.rows.iter().is_sorted_by_key(|(_, row)| row.id));
        }
    }

    #[test]
    fn a_selection_leaves_the_others_out() {
        let selection = Selection {
            ids: vec![2],
            ..Selection::default()
        };
        let one = contents(usize::MAX, &selection);
        assert_eq!((one.rows.len(), one.rows.left_out()), (1, 0));
        assert!(one.analysis.summary.connections > 1);
        assert_eq!(one.analysis.summary.connections_selected, 1);
    }

    #[test]
    fn endings_are_those_of_the_table() {
        let analysis = leak();
        let contents = contents(usize::MAX, &Selection::default());
        for (connection, (_, row)) in analysis.connections.iter().zip(contents.rows.iter()) {
            assert_eq!(contents.rows.ending(row), ending(connection));
            assert_eq!(row.id, connection.id);
        }
    }
}
