//! The verdict as one indented JSON document.

use std::io::{self, Write};

use crate::check::Verdict;

/// Writes the verdict to `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, verdict)?;
    out.write_all(b"\n")
}
