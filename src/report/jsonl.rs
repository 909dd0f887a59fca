//! JSON Lines: the contract that other programs read ([`crate::schema`] describes it).
//!
//! First a line of `"type": "capture"`, then one `connection` a line, then the findings about services and the capture,
//! last the `summary`: a stream without it was cut off.

use std::io::{self, Write};

use crate::model::{Analysis, Line, lines};
use crate::report::escape;

/// Writes the whole stream.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    lines(analysis).try_for_each(|line| write_line(out, &line))
}

/// Writes one line.
///
/// # Errors
///
/// Those of `out`.
pub fn write_line(out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    escape::json::write(out, line)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}

/// Writes what stands behind the connections.
///
/// # Errors
///
/// Those of `out`.
pub fn write_end(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    let findings = analysis.findings.iter().map(Line::Finding);
    let end = findings.chain(std::iter::once(Line::Summary(&analysis.summary)));
    end.into_iter().try_for_each(|line| write_line(out, &line))
}
