//! The same objects as in [`crate::report::jsonl`], as one indented document for people and small programs.

use std::io::{self, Write};

use crate::model::Analysis;
use crate::report::escape;

/// Writes `{"capture": …, "connections": […], "summary": …}`.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    escape::json::write_pretty(out, analysis)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}
