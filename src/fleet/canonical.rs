//! The result as canonical JSON Lines: octet by octet the same however the work was divided.
//!
//! The objects are those of [`report::jsonl`](crate::report::jsonl). What differs: packets have the numbers that they would
//! have if the files stood behind one another ([`Plan::number`]), ids are the numbers of first packets, findings about
//! services that are equally bad stand in the order of their codes and addresses, and `longest_pause` is null, because it
//! is a fact of how the files take turns. IP fragments are put together within a file.

use std::io::{self, Write};

use anyhow::{Context, Result};

use super::{Plan, Sink, Told};
use crate::model::{Capture, Line, ServiceFinding, Summary};
use crate::report::jsonl;

/// Writes the result of a [`run`](super::run).
pub struct Lines<'a> {
    out: &'a mut dyn Write,
}

impl<'a> Lines<'a> {
    /// To `out`.
    pub fn to(out: &'a mut dyn Write) -> Lines<'a> {
        Lines { out }
    }
}

impl Sink for Lines<'_> {
    fn begin(&mut self, _: &Plan, capture: &Capture) -> Result<()> {
        Ok(write_begin(self.out, capture)?)
    }

    fn connections(&mut self, told: &mut dyn Iterator<Item = Told>) -> Result<()> {
        let connections = told.map(|told| told.connection);
        Ok(jsonl::write_connections(self.out, connections)?)
    }

    fn end(&mut self, findings: &[ServiceFinding], summary: &Summary) -> Result<()> {
        Ok(write_end(self.out, findings, summary)?)
    }
}

/// Writes the first line.
///
/// # Errors
///
/// Those of `out`.
pub fn write_begin(out: &mut dyn Write, capture: &Capture) -> io::Result<()> {
    jsonl::write_line(out, &Line::Capture(capture))
}

/// Writes the lines behind the connections.
///
/// # Errors
///
/// Those of `out`.
pub fn write_end(out: &mut dyn Write, findings: &[ServiceFinding], summary: &Summary) -> io::Result<()> {
    for finding in findings {
        jsonl::write_line(out, &Line::Finding(finding))?;
    }
    jsonl::write_line(out, &Line::Summary(summary))
}

/// One connection as a line, without its end.
///
/// # Errors
///
/// It cannot be written, which cannot be.
pub fn line(told: &Told) -> Result<String> {
    let mut octets = Vec::new();
    jsonl::write_line(&mut octets, &Line::Connection(&told.connection))?;
    octets.pop();
    String::from_utf8(octets).context("JSON is UTF-8")
}
