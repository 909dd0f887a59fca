//! Strings of JSON.

use std::io::Write;

use super::super::is_deceptive;

/// Whether a text surely needs no escape: printable ASCII without quotes, backslashes and `#`.
#[inline(always)]
pub fn is_plain(text: &str) -> bool {
    let octets = text.as_bytes();
    let (chunks, rest) = octets.as_chunks::<16>();
    for chunk in chunks {
        if is_odd(chunk) {
            return false;
        }
    }
    match octets.last_chunk::<16>() {
        Some(last) => rest.is_empty() || !is_odd(last),
        None => !is_odd(octets),
    }
}

/// Whether any octet needs a second look. Without a jump in the loop the compiler looks at many at once.
#[inline(always)]
fn is_odd<T: AsRef<[u8]> + ?Sized>(octets: &T) -> bool {
    let odd =
        |octet: u8| (octet < 0x20) | (octet >= 0x7f) | (octet == b'"') | (octet == b'\\') | (octet == b'#');
    octets
        .as_ref()
        .iter()
        .fold(false, |found, octet| found | odd(*octet))
}

/// Appends a text with its escapes.
pub fn push_escaped(out: &mut Vec<u8>, text: &str) {
    let mut before = ' ';
    for character in text.chars() {
        // Logs of CI obey what stands behind "##" anywhere in a line.
        let commands = (before, character) == ('#', '#');
        before = character;
        let short = match character {
            '"' => b'"',
            '\\' => b'\\',
            '\n' => b'n',
            '\r' => b'r',
            '\t' => b't',
            '\u{8}' => b'b',
            '\u{c}' => b'f',
            _ if commands || is_deceptive(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}"); // a Vec takes everything
                }
                continue;
            }
            _ => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
}
