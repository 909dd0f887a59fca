//! One connection as a ladder: time runs down, segments run between two lines, and beside each line stand the states that the
//! endpoint behind it went through.
//!
//! One horizontal line is one moment. Heights are not to scale: what happens within a flight is spread, and silence is cut.
//! An arrow is sloped by the flight of its segment, where a round trip from the tap to both ends was measured.

mod draw;
mod foot;
mod layout;
mod plan;
mod sheets;

use crate::model::{Capture, Connection};
use crate::report::svg::Options;
use crate::report::svg::canvas::Picture;

/// Draws one connection, with the steps of its [`Connection::ladder`]; they are kept where
/// [`LadderRequest`](crate::analyze::LadderRequest) asks for them. Without any, states and their transitions are drawn.
///
/// `capture` says when the capture ended and how long 2 MSL are. The picture has at most [`Options::most_steps`] steps besides
/// those that change a state or that a finding names.
pub fn ladder(capture: &Capture, connection: &Connection, options: &Options<'_>) -> String {
    ladder_in_sheets(capture, connection, options).whole
}

/// The same; one that is too tall for a sheet of paper also in parts, cut where no text is. For a part of a page only.
pub fn ladder_in_sheets(capture: &Capture, connection: &Connection, options: &Options<'_>) -> Picture {
    let layout = layout::Layout::of(capture, connection, options);
    draw::draw(capture, connection, &layout, options)
}
