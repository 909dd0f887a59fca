//! Tables whose less important columns go where there is no room for them.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment};

use super::table::{GAP, PADDING, plain_table, write_table};
use crate::report::{Look, Tone};

/// To the left, for names.
pub(super) const LEFT: CellAlignment = CellAlignment::Left;
/// To the right, for numbers.
pub(super) const RIGHT: CellAlignment = CellAlignment::Right;

/// One column: what stands in it, and how soon it goes.
pub(super) struct Column<T> {
    pub heading: &'static str,
    pub alignment: CellAlignment,
    /// The columns with the highest rank go first; those of rank 0 stay.
    pub rank: u8,
    /// The cell may have several lines.
    pub cell: fn(&T, &Look) -> String,
}

/// Whether all columns have room.
pub(super) fn fits<T>(columns: &[Column<T>], rows: &[T], look: &Look) -> bool {
    needed(&columns.iter().collect::<Vec<_>>(), rows, look) <= look.width
}

/// Writes the table, with as many columns as there is room for.
///
/// # Errors
///
/// Those of `out`.
pub(super) fn write<T>(
    out: &mut dyn Write,
    columns: &[Column<T>],
    rows: &[T],
    look: &Look,
) -> io::Result<()> {
    let mut kept: Vec<&Column<T>> = columns.iter().collect();
    while let Some(highest) = kept
        .iter()
        .map(|column| column.rank)
        .max()
        .filter(|rank| *rank > 0)
        && needed(&kept, rows, look) > look.width
    {
        kept.retain(|column| column.rank < highest);
    }
    let mut table = plain_table(look);
    table.set_header(
        kept.iter().map(|column| {
            Cell::new(look.paint(Tone::Strong, column.heading)).set_alignment(column.alignment)
        }),
    );
    for row in rows {
        let cells = kept.iter().map(|column| (column, (column.cell)(row, look)));
        table.add_row(cells.map(|(column, text)| Cell::new(text).set_alignment(column.alignment)));
    }
    let last = kept.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { PADDING }));
    }
    write_table(out, &table)
}

/// Columns of the screen that these take. No cell is painted: all characters are one column wide.
fn needed<T>(columns: &[&Column<T>], rows: &[T], look: &Look) -> usize {
    let plain = Look {
        color: false,
        ..look.clone()
    };
    let width = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let widths = columns.iter().map(|column| {
        let cells = rows.iter().map(|row| width(&(column.cell)(row, &plain)));
        cells.max().unwrap_or(0).max(width(column.heading)) + GAP
    });
    widths.sum::<usize>().saturating_sub(GAP)
}
