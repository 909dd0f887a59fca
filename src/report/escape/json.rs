//! JSON that is safe to look at: what a terminal or a log of CI obeys, and what hides or turns text, is written as `\u` escapes. Whoever
//! parses it has the text back as it was.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use super::is_deceptive;

/// Writes a value on one line, without a line feed.
///
/// # Errors
///
/// Those of `out`, of the same kind.
pub fn write(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Spelled(CompactFormatter));
    Ok(value.serialize(&mut serializer)?)
}

/// Writes a value indented, without a line feed at the end.
///
/// # Errors
///
/// Those of `out`, of the same kind.
pub fn write_pretty(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Spelled(PrettyFormatter::new()));
    Ok(value.serialize(&mut serializer)?)
}

/// A formatter whose strings are safe; all else is as the one inside does it.
struct Spelled<F>(F);

impl<F: Formatter> Formatter for Spelled<F> {
    /// serde_json has escaped quotes, backslashes and the ASCII control characters but DEL before.
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let plain = |octet: u8| octet.is_ascii() && octet != 0x7f;
        if fragment.bytes().all(plain) && !fragment.contains("##") {
            return out.write_all(fragment.as_bytes());
        }
        let mut before = ' ';
        for character in fragment.chars() {
            // Logs of CI obey what stands behind "##" anywhere in a line.
            let commands = (before, character) == ('#', '#');
            before = character;
            if is_deceptive(character) || commands {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                write!(out, "{character}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_key(out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parser_has_it_back_and_a_screen_is_safe() {
        let texts = [
            "plain",
            "ünï 日本 😀",
            "\u{1b}[31m\u{9b}2J\u{7f} ##[error]",
            "\u{202e}\u{200b}\u{e0001}\u{feff}\"\\",
            "\0\n\u{ffff}",
        ];
        for pretty in [false, true] {
            let mut out = Vec::new();
            let written = if pretty {
                write_pretty(&mut out, &texts)
            } else {
                write(&mut out, &texts)
            };
            written.expect("JSON");
            let text = String::from_utf8(out).expect("UTF-8");
            assert_eq!(serde_json::from_str::<Vec<String>>(&text).expect("JSON"), texts);
            assert!(
                text.contains("ünï 日本 😀") && text.contains("\\udb40\\udc01"),
                "{text}"
            );
            assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)), "{text:?}");
            assert!(!text.contains("##"), "{text}");
        }
    }

    #[test]
    fn the_layout_is_that_of_serde_json() {
        let value = serde_json::json!({"a": [1, {"b": null}, []], "c": {}, "d": "x"});
        let mut out = Vec::new();
        write_pretty(&mut out, &value).expect("JSON");
        assert_eq!(out, serde_json::to_vec_pretty(&value).expect("JSON"));
        let mut out = Vec::new();
        write(&mut out, &value).expect("JSON");
        assert_eq!(out, serde_json::to_vec(&value).expect("JSON"));
    }
}
