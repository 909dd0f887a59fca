//! JSON Lines: the contract that other programs read ([`crate::schema`] describes it).
//!
//! First a line of `"type": "capture"`, then one `connection` a line, then the findings about services and the capture,
//! last the `summary`: a stream without it was cut off.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::model::{Analysis, Connection, Line, lines};
use crate::report::escape;

/// Writes the whole stream.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    escape::json::write_lines(out, lines(analysis)) // keeps the kind of the io::Error
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

/// Writes connections that come one after the other, each on a line.
///
/// # Errors
///
/// Those of `out`.
pub fn write_connections(
    out: &mut dyn Write,
    connections: impl IntoIterator<Item = Connection>,
) -> io::Result<()> {
    escape::json::write_lines(out, connections.into_iter().map(Alone)) // one buffer for all of them
}

/// A connection that is written and dropped.
struct Alone(Connection);

impl Serialize for Alone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Line::Connection(&self.0).serialize(serializer)
    }
}

/// Writes what stands behind the connections.
///
/// # Errors
///
/// Those of `out`.
pub fn write_end(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    let findings = analysis.findings.iter().map(Line::Finding);
    let end = findings.chain(std::iter::once(Line::Summary(&analysis.summary)));
    escape::json::write_lines(out, end)
}
