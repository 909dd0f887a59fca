//! Plain text messages of SARIF, which know links `[text](target)` (section 3.11.6) and placeholders `{0}` (3.11.5).

use std::fmt::{self, Write};

use super::visible;

/// Displays a text for the `text` of a SARIF message.
#[derive(Debug, Clone, Copy)]
pub struct SarifMessage<'a>(pub &'a str);

impl fmt::Display for SarifMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible(self.0).try_for_each(|character| match character {
            '[' | ']' | '\\' => write!(f, "\\{character}"),
            '{' | '}' => write!(f, "{character}{character}"),
            _ => f.write_char(character),
        })
    }
}
