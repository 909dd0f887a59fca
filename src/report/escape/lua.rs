//! Strings of Lua in double quotes, and its comments to the end of the line.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text for what stands between the double quotes of a Lua string, or in a comment. The program that reads the
/// string has the visible text.
#[derive(Debug, Clone, Copy)]
pub struct Lua<'a>(pub &'a str);

impl fmt::Display for Lua<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `visible` leaves holds no line end: it cannot end a comment.
        visible(self.0).try_for_each(|character| match character {
            '"' => f.write_str("\\\""),
            '\\' => f.write_str("\\\\"),
            _ => f.write_char(character),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_leave_its_string() {
        let cases = [
            ("plain", "plain"),
            ("\"..os.execute(\"x\")..\"", "\\\"..os.execute(\\\"x\\\")..\\\""),
            ("\\", "\\\\"),
            ("a\nb\r]]--", "a\\\\nb\\\\r]]--"),
            ("\u{202e}é", "\\\\u{202e}é"),
        ];
        for (text, shown) in cases {
            assert_eq!(Lua(text).to_string(), shown);
        }
    }
}
