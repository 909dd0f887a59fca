//! A terminal, or the log of a run in CI.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text with everything in it made visible: `a\u{1b}[31m.pcap`.
///
/// The logs of GitHub and Azure obey lines of text: `::error::…` at the beginning of a line, which is wherever a text is
/// wrapped, and `##[error]…` or `##vso[…]` anywhere. The character that makes it a command is spelled.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains("::") && !self.0.contains("##") {
            return write_visible(f, self.0);
        }
        let mut before = ' ';
        for (at, character) in self.0.char_indices() {
            let rest = self.0.get(at..).unwrap_or_default();
            if (before.is_whitespace() && begins_command(rest))
                || ["##[", "##vso["].iter().any(|mark| rest.starts_with(mark))
            {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                write_visible(f, rest.get(..character.len_utf8()).unwrap_or_default())?;
            }
            before = character;
        }
        Ok(())
    }
}

fn write_visible(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    visible(text).try_for_each(|character| f.write_char(character))
}

/// `::error`, alone or in front of what may make it a command, but not `::ffff:10.0.0.1`.
fn begins_command(text: &str) -> bool {
    let Some(name) = text.strip_prefix("::") else {
        return false;
    };
    let rest = name.trim_start_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_'));
    rest.len() < name.len()
        && (rest.is_empty() || rest.starts_with("::") || rest.starts_with(char::is_whitespace))
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

    #[test]
    fn no_log_obeys_a_text() {
        let cases = [
            ("::error::x", "\\u{3a}:error::x"),
            ("::error", "\\u{3a}:error"),
            ("a ::set-output name=x::y", "a \\u{3a}:set-output name=x::y"),
            ("\n::add-mask::x", "\\n\\u{3a}:add-mask::x"),
            ("a ##[error]x", "a \\u{23}#[error]x"),
            ("###[x]", "#\\u{23}#[x]"),
            ("##vso[task.complete]", "\\u{23}#vso[task.complete]"),
        ];
        for (raw, shown) in cases {
            assert_eq!(Escaped(raw).to_string(), shown);
        }
        for address in [
            "::1",
            "[::1]:80 → [fd05:8::c5]:8979",
            "::ffff:10.0.0.1",
            "::",
            "a::b",
            "a::b::c d",
            "## a",
            "#[a]",
        ] {
            assert_eq!(Escaped(address).to_string(), address);
        }
    }
}
