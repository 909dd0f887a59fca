//! A view as lines, for a screen that shows a part of it at a time.

use std::io::{self, Write};

/// The lines of a view, the first so many of them.
#[derive(Debug, Default)]
pub struct Lines {
    kept: Vec<String>,
    /// The line that is not over yet.
    begun: Vec<u8>,
    most: usize,
    cut: bool,
}

impl Lines {
    /// The lines that `view` writes. Once there are `most` of them it is broken off, and [`Lines::is_cut`] says so.
    pub fn of(most: usize, view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Lines {
        let mut lines = Lines {
            most,
            ..Lines::default()
        };
        // Only this writer can fail, where it breaks the view off.
        let _ = view(&mut lines);
        if !lines.begun.is_empty() {
            lines.end_line();
        }
        lines
    }

    /// Whether there are more than these.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The lines, without their ends.
    pub fn into_vec(self) -> Vec<String> {
        self.kept
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.begun).into_owned();
        self.begun.clear();
        self.kept.push(line);
    }
}

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        for octet in octets {
            if self.kept.len() >= self.most {
                self.cut = true;
                return Err(io::ErrorKind::WriteZero.into());
            }
            match octet {
                b'\n' => self.end_line(),
                other => self.begun.push(*other),
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_cut_where_it_gets_too_long() {
        let three = |out: &mut dyn Write| write!(out, "a\nb\nc");
        let lines = Lines::of(3, three);
        assert!(!lines.is_cut());
        assert_eq!(lines.into_vec(), ["a", "b", "c"]);
        let lines = Lines::of(2, three);
        assert!(lines.is_cut());
        assert_eq!(lines.into_vec(), ["a", "b"]);
        let endless = Lines::of(5, |out| (0..).try_for_each(|line| writeln!(out, "{line}")));
        assert!(endless.is_cut());
        assert_eq!(endless.into_vec().len(), 5);
        assert_eq!(Lines::of(0, |_| Ok(())).into_vec().len(), 0);
    }
}
