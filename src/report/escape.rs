//! Text from outside on its way into an output: one module for each target.
//!
//! File names, the words of a configuration and messages that quote the input may hold anything: control characters (which
//! move the cursor or recolour the screen), bidirectional or invisible marks (which make one name look like another), and
//! whatever the target itself gives a meaning. They are shown, not obeyed.
//!
//! | target | type | beyond [`visible`] |
//! | --- | --- | --- |
//! | a terminal, a log | [`Escaped`] | commands to what keeps the log |
//! | XML 1.0 | [`Xml`] | markup |
//! | Markdown, and HTML in it | [`Markdown`] | punctuation, as character references |
//! | GitHub workflow commands | [`CommandData`], [`CommandProperty`] | `%`, and what ends a property |
//! | messages of SARIF | [`SarifMessage`] | links and placeholders |
//! | HTML, in text and in quoted attributes | [`Html`] | markup |
//! | strings and comments of Lua | [`Lua`] | the end of the string, and escapes |
//! | a cell of a spreadsheet | [`Cell`] | the beginning of a formula |
//! | URI references | [`Uri`] | all but unreserved characters; of its own, nothing is lost |
//!
//! JSON keeps a text as it is, for programs; [`json`] spells what a terminal would obey with the escapes of JSON, so that a
//! parser has it back and a screen is safe. CSV has a writer of its own, which quotes what must be.

mod cell;
mod github;
mod html;
pub mod json;
mod lua;
mod markdown;
mod sarif;
mod terminal;
mod uri;
mod xml;

pub use cell::Cell;
pub use github::{CommandData, CommandProperty, LINE_END};
pub use html::Html;
pub use lua::Lua;
pub use markdown::Markdown;
pub use sarif::SarifMessage;
pub use terminal::Escaped;
pub use uri::Uri;
pub use xml::Xml;

/// The characters of a text with everything in it made visible: `a\u{1b}[31m.pcap`.
pub fn visible(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(|character| {
        let hidden = is_deceptive(character);
        let shown = (!hidden).then_some(character);
        let spelled = hidden.then(|| character.escape_default());
        shown.into_iter().chain(spelled.into_iter().flatten())
    })
}

/// Control characters, line separators, marks that have no width or change the direction of the text, and what is no
/// character at all.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            u32::from(character),
            0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
                | 0xFFFE..=0xFFFF | 0xE0000..=0xE007F
        )
}

/// The first `limit` characters of a text, and whether that is not all of it.
pub fn clipped(text: &str, limit: usize) -> (&str, bool) {
    match text.char_indices().nth(limit) {
        Some((end, _)) => (text.get(..end).unwrap_or(text), true),
        None => (text, false),
    }
}
