//! The same objects as in [`crate::report::jsonl`], as one indented document for people and small programs.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};

use serde::ser::{Error, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::model::{Analysis, Capture, Connection, Source};
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

/// Writes the same document of one connection after the other. `rest` makes of the exhausted list what follows: findings
/// and summary of its result are written. Returns that.
///
/// # Errors
///
/// Those of `out` and of `rest`.
pub fn write_each<I: Iterator<Item = Connection>>(
    out: &mut dyn Write,
    capture: &Capture,
    sources: &[Source],
    connections: I,
    rest: impl FnOnce(I) -> io::Result<Analysis>,
) -> io::Result<Analysis> {
    let written = Cell::new(None);
    let document = Document {
        capture,
        sources,
        told: Cell::new(Some((connections, rest))),
        written: &written,
    };
    escape::json::write_pretty(out, &document)?;
    out.write_all(b"\n")?;
    written
        .take()
        .ok_or_else(|| io::Error::other("nothing was written"))
}

/// An [`Analysis`] whose connections are made while it is written.
struct Document<'a, I, R> {
    capture: &'a Capture,
    sources: &'a [Source],
    /// Taken when it is written.
    told: Cell<Option<(I, R)>>,
    /// What `rest` made.
    written: &'a Cell<Option<Analysis>>,
}

impl<I, R> Serialize for Document<'_, I, R>
where
    I: Iterator<Item = Connection>,
    R: FnOnce(I) -> io::Result<Analysis>,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let again = || S::Error::custom("a list is written once");
        let (connections, rest) = self.told.take().ok_or_else(again)?;
        let connections = Each(RefCell::new(connections));
        let mut fields = serializer.serialize_struct("Analysis", 5)?;
        fields.serialize_field("capture", self.capture)?;
        fields.serialize_field("sources", self.sources)?;
        fields.serialize_field("connections", &connections)?;
        let rest = rest(connections.0.into_inner()).map_err(S::Error::custom)?;
        fields.serialize_field("findings", &rest.findings)?;
        fields.serialize_field("summary", &rest.summary)?;
        self.written.set(Some(rest));
        fields.end()
    }
}

/// A list that is made while it is written.
struct Each<I>(RefCell<I>);

impl<I: Iterator<Item = Connection>> Serialize for Each<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&mut *self.0.borrow_mut())
    }
}
