//! Pictures as SVG text: no script, no external reference, and all text of a capture escaped.
//!
//! | function | picture |
//! | --- | --- |
//! | [`ladder`] | one connection as the textbook draws it, both states at the sides |
//! | [`time_sequence`] | one direction: sequence numbers over time, as tcptrace draws them |
//! | [`diagram`] | figure 5 of RFC 9293 with the way that both ends took |
//!
//! Each gives one `<svg>` element. As a document ([`Place::Document`]) it has its namespace, its own style for light and dark,
//! and a background; as a part of an HTML page ([`Place::Fragment`]) it is styled by [`page_style`], which stands once in the
//! page, and its identifiers begin with what the page says, so that many pictures stand in one page.

mod canvas;
mod diagram;
mod ladder;
mod style;
mod time_sequence;

pub use canvas::Picture;
pub use diagram::diagram;
pub use ladder::{ladder, ladder_in_sheets};
pub use style::{page_style, state_class, state_colours};
pub use time_sequence::time_sequence;

use crate::report::SequenceNumbers;

/// Where a picture will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In a file of its own.
    Document,
    /// In an HTML page, between other elements.
    Fragment {
        /// What its identifiers begin with; ASCII letters, digits, `-` and `_` of it are taken.
        ids: &'a str,
    },
}

/// How a picture is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Where it will stand.
    pub place: Place<'a>,
    /// Which sequence numbers stand on the arrows.
    pub seq: SequenceNumbers,
    /// Steps of a ladder beyond this number are left out, with a count, where they change no state and no finding names
    /// them.
    pub most_steps: usize,
    /// Marks of one kind in a time-sequence graph; neighbours beyond this number are joined, with a count.
    pub most_marks: usize,
}

impl Options<'_> {
    /// A file of its own.
    pub const DOCUMENT: Options<'static> = Options {
        place: Place::Document,
        seq: SequenceNumbers::Absolute,
        most_steps: 400,
        most_marks: 1_500,
    };
}
