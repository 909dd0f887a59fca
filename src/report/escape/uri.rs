//! URI references (RFC 3986).

use std::fmt::{self, Write};

/// Displays the name of a file as a URI reference: relative for a relative name, else of the scheme `file`. Whoever decodes
/// it has the name back, byte for byte.
#[derive(Debug, Clone, Copy)]
pub struct Uri<'a>(pub &'a str);

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.starts_with('/') {
            f.write_str("file://")?;
        }
        self.0.bytes().try_for_each(|byte| match byte {
            // A colon is escaped, too: in front of the first slash it would end a scheme.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                f.write_char(char::from(byte))
            }
            _ => write!(f, "%{byte:02X}"),
        })
    }
}
