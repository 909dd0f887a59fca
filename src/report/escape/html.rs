//! HTML, in text and in quoted attributes.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text for HTML. It must stand in an element's text or in a quoted attribute that is no URI, no script and no
/// style.
#[derive(Debug, Clone, Copy)]
pub struct Html<'a>(pub &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible(self.0).try_for_each(|character| match character {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            '`' => f.write_str("&#96;"), // once a quote to some browsers
            _ => f.write_char(character),
        })
    }
}

impl maud::Render for Html<'_> {
    fn render_to(&self, buffer: &mut String) {
        // A String takes everything.
        let _ = write!(buffer, "{self}");
    }
}
