//! Strings of JSON.

use std::io::Write;

use super::super::is_deceptive;

/// Whether a text surely needs no escape: printable ASCII without quotes, backslashes and `#`.
#[inline(always)]
pub fn is_plain(text: &str) -> bool {
    let octets = text.as_bytes();
    if let Some(last) = octets.last_chunk::<8>() {
        for chunk in octets.as_chunks::<8>().0 {
            if is_odd(u64::from_le_bytes(*chunk)) {
                return false;
            }
        }
        !is_odd(u64::from_le_bytes(*last)) // what the chunks left, and some octets again
    } else if let (Some(first), Some(last)) = (octets.first_chunk::<4>(), octets.last_chunk::<4>()) {
        let [first, last] = [first, last].map(|four| u64::from(u32::from_le_bytes(*four)));
        !is_odd(first | last << 32)
    } else {
        let few = octets.iter().fold(0, |few, octet| few << 8 | u64::from(*octet));
        !is_odd(few | SPACES << (8 * octets.len()))
    }
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = ONES << 7;
const SPACES: u64 = ONES * b' ' as u64;

/// Whether any of eight octets needs a second look. Each term has the highest bit of an octet set where one is odd; where
/// none is, nothing is carried from one octet to the next.
#[inline(always)]
fn is_odd(eight: u64) -> bool {
    let below = |octets: u64, bound: u64| octets.wrapping_sub(ONES * bound) & !octets;
    let is = |octet: u8| below(eight ^ (ONES * u64::from(octet)), 1);
    let control = below(eight, 0x20);
    let above = eight | eight.wrapping_add(ONES); // 0x7f and more
    (control | above | is(b'"') | is(b'\\') | is(b'#')) & HIGH != 0
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
