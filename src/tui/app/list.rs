//! The list: which rows are shown, in which order, and which one the cursor is on.

use crate::model::PacketNumber;

use crate::tui::contents::Rows;
use crate::tui::order::Order;
use crate::tui::query::Query;
use crate::tui::row::Row;

/// The rows that are shown.
pub struct List {
    pub order: Order,
    /// The other way round.
    pub reversed: bool,
    /// The filter that is in force.
    pub filter: Query,
    /// Its text.
    pub filter_text: String,
    /// What was looked for last.
    pub search: String,
    /// All rows in order.
    sorted: Vec<u32>,
    /// Those that the filter keeps.
    pub shown: Vec<u32>,
    /// One of them has a half-close.
    pub has_half_close: bool,
    /// One of them has warnings or errors.
    pub has_findings: bool,
    /// Which of these the cursor is on.
    pub cursor: usize,
    /// The first one on the screen.
    pub top: usize,
    /// Where the cursor is, if somebody has put it there: it stays on the connection.
    held: Option<PacketNumber>,
}

impl Default for List {
    fn default() -> List {
        List {
            order: Order::Attention,
            reversed: false,
            filter: Query::default(),
            filter_text: String::new(),
            search: String::new(),
            sorted: Vec::new(),
            shown: Vec::new(),
            has_half_close: false,
            has_findings: false,
            cursor: 0,
            top: 0,
            held: None,
        }
    }
}

impl List {
    /// The row that the cursor is on.
    pub fn row<'a>(&self, rows: &'a Rows) -> Option<&'a Row> {
        rows.get(*self.shown.get(self.cursor)?)
    }

    /// The rows are other ones, or are to stand in another order.
    pub fn renew(&mut self, rows: &Rows) {
        self.sorted = rows.iter().map(|(place, _)| place).collect();
        let order = self.order;
        self.sorted
            .sort_unstable_by(|a, b| match (rows.get(*a), rows.get(*b)) {
                (Some(a), Some(b)) => order.compare(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            });
        if self.reversed {
            self.sorted.reverse();
        }
        self.refilter(rows);
    }

    /// The filter is another one.
    pub fn refilter(&mut self, rows: &Rows) {
        let keeps = |place: &u32| {
            self.filter.is_empty() || rows.get(*place).is_some_and(|row| self.filter.keeps(row, rows))
        };
        self.shown = self.sorted.iter().copied().filter(keeps).collect();
        let any = |has: fn(&Row) -> bool| self.shown.iter().any(|place| rows.get(*place).is_some_and(has));
        self.has_half_close = any(|row| row.half_close_ns.is_some());
        self.has_findings = any(Row::is_loud);
        let same = |place: &u32| rows.get(*place).map(|row| row.first_packet) == self.held;
        let place = self.held.and_then(|_| self.shown.iter().position(same));
        self.cursor = place.unwrap_or(match self.held {
            None => 0,
            Some(_) => self.cursor.min(self.shown.len().saturating_sub(1)),
        });
    }

    /// Moves the cursor to a row, or as near as can be.
    pub fn go(&mut self, cursor: usize, rows: &Rows) {
        self.cursor = cursor.min(self.shown.len().saturating_sub(1));
        self.held = self.row(rows).map(|row| row.first_packet);
    }

    /// Lets the list begin where the cursor can be seen.
    pub fn scroll(&mut self, room: usize) {
        let last = self.shown.len().saturating_sub(room);
        let lowest = (self.cursor + 1).saturating_sub(room);
        self.top = self.top.clamp(lowest, self.cursor.max(lowest)).min(last);
    }

    /// The next row that is looked for, from behind the cursor on, and around the end; none if there is none.
    pub fn find(&self, query: &Query, rows: &Rows, backwards: bool) -> Option<usize> {
        let count = self.shown.len();
        let matches = |place: &usize| {
            let row = self.shown.get(*place).and_then(|place| rows.get(*place));
            row.is_some_and(|row| query.keeps(row, rows))
        };
        let from = self.cursor;
        let around = |step: usize| {
            if backwards {
                (from + count).checked_sub(step)?
            } else {
                from + step
            }
            .checked_rem(count)
        };
        (1..=count).filter_map(around).find(matches)
    }
}
