//! A line that is typed.

use super::event::Key;

/// Characters of a line, at most.
const LONGEST: usize = 400;

/// A line and the place in it where one types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    characters: Vec<char>,
    cursor: usize,
}

impl Input {
    /// A line to go on with.
    pub fn of(text: &str) -> Input {
        let characters: Vec<char> = text.chars().take(LONGEST).collect();
        Input {
            cursor: characters.len(),
            characters,
        }
    }

    /// The line.
    pub fn text(&self) -> String {
        self.characters.iter().collect()
    }

    /// How many characters stand before the cursor.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Does what a key asks for; false if that is nothing for a line.
    pub fn take(&mut self, key: Key) -> bool {
        let length = self.characters.len();
        match key {
            Key::Char(character) if length < LONGEST && !character.is_control() => {
                self.characters.insert(self.cursor, character);
                self.cursor += 1;
            }
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.characters.remove(self.cursor);
            }
            Key::Delete | Key::Ctrl('d') if self.cursor < length => {
                self.characters.remove(self.cursor);
            }
            Key::Left | Key::Ctrl('b') => self.cursor = self.cursor.saturating_sub(1),
            Key::Right | Key::Ctrl('f') => self.cursor = (self.cursor + 1).min(length),
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = length,
            Key::Ctrl('u') => {
                self.characters.drain(..self.cursor);
                self.cursor = 0;
            }
            Key::Ctrl('k') => self.characters.truncate(self.cursor),
            Key::Ctrl('w') => {
                let before = self.characters.get(..self.cursor).unwrap_or_default();
                let word = before.iter().rposition(|c| *c != ' ').unwrap_or(0);
                let start = before
                    .iter()
                    .take(word)
                    .rposition(|c| *c == ' ')
                    .map_or(0, |space| space + 1);
                self.characters.drain(start..self.cursor);
                self.cursor = start;
            }
            Key::Char(_) | Key::Backspace | Key::Delete => {}
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited_as_in_a_shell() {
        let mut input = Input::of("state:closd port");
        for key in [
            Key::Ctrl('w'),
            Key::Left,
            Key::Left,
            Key::Char('e'),
            Key::End,
            Key::Char('é'),
            Key::Char('x'),
            Key::Backspace,
        ] {
            assert!(input.take(key));
        }
        assert_eq!(input.text(), "state:closed é");
        input.take(Key::Home);
        input.take(Key::Delete);
        assert_eq!((input.text().as_str(), input.cursor()), ("tate:closed é", 0));
        input.take(Key::End);
        input.take(Key::Ctrl('u'));
        assert_eq!(input, Input::default());
        for key in [
            Key::Backspace,
            Key::Delete,
            Key::Left,
            Key::Ctrl('w'),
            Key::Ctrl('d'),
        ] {
            input.take(key);
            assert_eq!(input, Input::default());
        }
        assert!(!input.take(Key::Enter));
        assert!(!input.take(Key::Tab));
    }

    #[test]
    fn a_line_does_not_grow_without_end() {
        let mut input = Input::of(&"x".repeat(1_000));
        input.take(Key::Char('y'));
        assert_eq!(input.text().len(), LONGEST);
    }
}
