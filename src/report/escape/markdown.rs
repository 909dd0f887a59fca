//! GitHub's Markdown, in paragraphs, in cells of tables and in HTML between them.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text for Markdown. Punctuation becomes character references: unlike a backslash they mean the same inside a
/// table, inside HTML and elsewhere, and none of them can begin or end anything.
#[derive(Debug, Clone, Copy)]
pub struct Markdown<'a>(pub &'a str);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = ' ';
        let mut leading = true; // nothing but digits so far: what comes now could begin a list or a heading
        visible(self.0).try_for_each(|character| {
            let plain = match character {
                ' ' => before != ' ', // several would become one, and four would begin code
                '-' | '+' | '=' | ')' => !leading,
                '.' => !leading && !matches!(before, 'w' | 'W'), // "www." begins a link
                ',' | ';' | '/' | '%' | '?' | '(' => true,
                _ => !character.is_ascii_punctuation(),
            };
            before = character;
            leading = leading && character.is_ascii_digit();
            if plain {
                f.write_char(character)
            } else {
                write!(f, "&#{};", u32::from(character))
            }
        })
    }
}
