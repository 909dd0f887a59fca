//! JSON Lines: the contract that other programs read.
//!
//! First a line of `"type": "capture"`, then one `connection` a line, last the `summary`: a stream without it was cut off.

use std::io::{self, Write};

use serde::Serialize;

use crate::model::{Analysis, Capture, Connection, Summary};

/// One line; the tag comes first.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Line<'a> {
    Capture(&'a Capture),
    Connection(&'a Connection),
    Summary(&'a Summary),
}

/// Writes the whole stream.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    write_line(out, &Line::Capture(&analysis.capture))?;
    for connection in &analysis.connections {
        write_line(out, &Line::Connection(connection))?;
    }
    write_line(out, &Line::Summary(&analysis.summary))
}

fn write_line(out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}
