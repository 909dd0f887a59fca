//! JSON Lines: the contract that other programs read ([`crate::schema`] describes it).
//!
//! First a line of `"type": "capture"`, then one `connection` a line, then the findings about services and the capture,
//! last the `summary`: a stream without it was cut off.

use std::io::{self, Write};

use crate::model::{Analysis, lines};
use crate::report::escape;

/// Writes the whole stream.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    escape::json::write_lines(out, lines(analysis)) // keeps the kind of the io::Error
}
