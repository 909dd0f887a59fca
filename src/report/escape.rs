//! Text from outside on its way to a terminal.
//!
//! File names and messages that quote the input may hold control characters (which move the cursor or recolour the
//! screen) and bidirectional or invisible marks (which make one name look like another). They are shown, not obeyed.

use std::fmt;

/// Displays a text with everything in it made visible: `a\u{1b}[31m.pcap`.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                _ if is_deceptive(character) => write!(f, "\\u{{{:x}}}", u32::from(character))?,
                _ => fmt::Write::write_char(f, character)?,
            }
        }
        Ok(())
    }
}

/// Control characters, line separators, and marks that have no width or change the direction of the text.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            u32::from(character),
            0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
                | 0xE0000..=0xE007F
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_moves_or_hides() {
        let cases = [
            ("plain ünïcode 日本.pcap", "plain ünïcode 日本.pcap"),
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("line\nfeed\r\t", "line\\nfeed\\r\\t"),
            ("\u{202e}pacp.x", "\\u{202e}pacp.x"),
            ("c1\u{9b}31m", "c1\\u{9b}31m"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
        ];
        for (raw, shown) in cases {
            assert_eq!(Escaped(raw).to_string(), shown);
        }
    }
}
