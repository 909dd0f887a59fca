//! Cells of spreadsheets.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text from outside for a cell. A spreadsheet runs what begins like a formula; an apostrophe makes it text. What
/// this program computes itself, negative numbers for one, is no text from outside.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a>(pub &'a str);

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Spaces before it are dropped by some programs; the wide forms count in East Asian settings.
        const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
        if self.0.starts_with(FORMULA) || self.0.trim_start().starts_with(FORMULA) {
            f.write_char('\'')?;
        }
        visible(self.0).try_for_each(|character| f.write_char(character))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_starts_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "  =1", "\u{3000}@x"] {
            assert_eq!(Cell(cell).to_string(), format!("'{cell}"));
        }
        for (cell, shown) in [("\tx", "'\\tx"), ("\r=x", "'\\r=x"), ("a\u{1b}", "a\\u{1b}")] {
            assert_eq!(Cell(cell).to_string(), shown);
        }
        for cell in [
            "10.0.0.1",
            "::1",
            "",
            "eth0",
            "a=b",
            "2026-03-01T09:00:00.000000000Z",
        ] {
            assert_eq!(Cell(cell).to_string(), cell);
        }
    }
}
