//! Text that comes from outside and may be made to hurt: interface names, comments, host and process names.

use schemars::JsonSchema;
use serde::Serialize;

/// Octets of one text that are kept; what is longer is cut and ends in `…`.
pub const MOST_OCTETS: usize = 4 << 10;

/// Text from outside, as it was found. It has no `Display` on purpose: whoever writes it out takes it with
/// [`Untrusted::as_raw`] and escapes it for the target. JSON needs nothing more, because serde escapes strings.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Takes octets as UTF-8. What is none becomes U+FFFD; what is beyond [`MOST_OCTETS`] is cut.
    pub fn from_octets(octets: &[u8]) -> Untrusted {
        // What was cut inside a character would look like damage: the text is cut again between characters below.
        let kept = octets.get(..MOST_OCTETS.saturating_add(4)).unwrap_or(octets);
        let mut text = String::from_utf8_lossy(kept).into_owned();
        if text.len() > MOST_OCTETS {
            let end = (0..=MOST_OCTETS).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
            text.push('…');
        }
        Untrusted(text)
    }

    /// The text as it was found: only for code that escapes it.
    pub fn as_raw(&self) -> &str {
        &self.0
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Untrusted {
        Untrusted::from_octets(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_become_text() {
        let cases: [(&[u8], &str); 4] = [
            (b"eth0", "eth0"),
            (b"", ""),
            (b"a\xffb\x1b[31m", "a\u{fffd}b\u{1b}[31m"),
            ("über\u{202e}".as_bytes(), "über\u{202e}"),
        ];
        for (octets, text) in cases {
            assert_eq!(Untrusted::from_octets(octets).as_raw(), text);
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        for (unit, kept) in [("x", 4_096), ("é", 4_096), ("€", 4_095), ("\u{1f600}", 4_096)] {
            let long = Untrusted::from(unit.repeat(5_000).as_str());
            assert_eq!(long.as_raw(), format!("{}…", unit.repeat(kept / unit.len())));
        }
        let exact = "y".repeat(MOST_OCTETS);
        assert_eq!(Untrusted::from(exact.as_str()).as_raw(), exact);
    }

    #[test]
    fn json_is_the_string_itself() {
        let text = Untrusted::from("a\"\u{1b}");
        assert_eq!(serde_json::to_string(&text).expect("JSON"), "\"a\\\"\\u001b\"");
        assert_eq!(
            schemars::schema_for!(Untrusted).get("type"),
            Some(&"string".into())
        );
    }
}
