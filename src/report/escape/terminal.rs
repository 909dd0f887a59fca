//! A terminal.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text with everything in it made visible: `a\u{1b}[31m.pcap`.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible(self.0).try_for_each(|character| f.write_char(character))
    }
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
