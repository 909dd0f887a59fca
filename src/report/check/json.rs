//! One JSON document with all that the check knows: the contract that other programs read.
//!
//! ```text
//! schema_version   1; raised when a field is renamed, removed or changes its meaning, not when one is added
//! tool             name and version of what wrote it
//! fails            whether the check fails
//! counts           cases by standing: fails, reported, allowed, known
//! …                the fields of the verdict: files, packets, connections, complete, damage, fail_on, cases, passed, remarks
//! ```
//!
//! Texts are as they are: who shows them escapes them.

use std::io::{self, Write};

use serde::Serialize;

use super::{TOOL, VERSION};
use crate::check::{Standing, Verdict};
use crate::report::escape;

/// Version of the document.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    tool: Tool,
    fails: bool,
    counts: Counts,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Default, Serialize)]
struct Counts {
    fails: u64,
    reported: u64,
    allowed: u64,
    known: u64,
}

/// Writes the document.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let mut counts = Counts::default();
    for case in &verdict.cases {
        *match case.standing {
            Standing::Fails => &mut counts.fails,
            Standing::Reported => &mut counts.reported,
            Standing::Allowed { .. } => &mut counts.allowed,
            Standing::Known => &mut counts.known,
        } += 1;
    }
    let document = Document {
        schema_version: SCHEMA_VERSION,
        tool: Tool {
            name: TOOL,
            version: VERSION,
        },
        fails: verdict.fails(),
        counts,
        verdict,
    };
    escape::json::write_pretty(out, &document)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}
