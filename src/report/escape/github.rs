//! Workflow commands of GitHub Actions: `::error title=PROPERTY::DATA`.

use std::fmt::{self, Write};

use super::visible;

/// Displays a text as the data of a command.
#[derive(Debug, Clone, Copy)]
pub struct CommandData<'a>(pub &'a str);

/// Displays a text as the value of a property of a command.
#[derive(Debug, Clone, Copy)]
pub struct CommandProperty<'a>(pub &'a str);

/// Ends a line inside the data of a command.
pub const LINE_END: &str = "%0A";

impl fmt::Display for CommandData<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible(self.0).try_for_each(|character| write_data(f, character))
    }
}

impl fmt::Display for CommandProperty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        visible(self.0).try_for_each(|character| match character {
            ':' => f.write_str("%3A"),
            ',' => f.write_str("%2C"),
            _ => write_data(f, character),
        })
    }
}

/// Line ends never come here, they are among what is made visible; they are escaped all the same, because one of them would
/// begin a command.
fn write_data(f: &mut fmt::Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '%' => f.write_str("%25"),
        '\r' => f.write_str("%0D"),
        '\n' => f.write_str(LINE_END),
        _ => f.write_char(character),
    }
}
