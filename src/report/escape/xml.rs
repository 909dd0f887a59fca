//! XML 1.0, in text and in attributes.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text for XML. What XML 1.0 has no way to write, and what would be lost there (line ends become spaces in an
/// attribute), is among what is made visible.
#[derive(Debug, Clone, Copy)]
pub struct Xml<'a>(pub &'a str);

impl fmt::Display for Xml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible(self.0).try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"), // "]]>" may not stand in text
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&apos;"),
            _ => f.write_char(character),
        })
    }
}
