//! Figure 5 of RFC 9293.

use crate::model::Connection;
use crate::report::svg::Options;

/// Draws it.
pub fn diagram(_connection: &Connection, _options: &Options<'_>) -> String {
    String::new()
}
