//! Which part of the capture's time is on the screen.

use super::lane::Span;

/// No screen shows less than this many nanoseconds.
const LEAST_NS: i64 = 1_000;

/// The part of the capture that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    whole: Span,
    /// None for all of it, also when there is more.
    part: Option<Span>,
}

impl Default for Window {
    fn default() -> Window {
        Window {
            whole: Span::new(0, LEAST_NS),
            part: None,
        }
    }
}

impl Window {
    /// The capture goes from here to there now.
    pub fn reach(&mut self, from: i64, to: i64) {
        self.whole = Span::new(from, to.max(from.saturating_add(LEAST_NS)));
        self.part = self.part.map(|part| part.within(self.whole));
    }

    /// What is shown.
    pub fn span(&self) -> Span {
        self.part.unwrap_or(self.whole)
    }

    /// All of the capture.
    pub fn whole(&self) -> Span {
        self.whole
    }

    /// Whether all of it is shown.
    pub fn is_whole(&self) -> bool {
        self.part.is_none()
    }

    /// Shows everything.
    pub fn show_all(&mut self) {
        self.part = None;
    }

    /// Shows half as much around the middle, or twice as much.
    pub fn zoom(&mut self, closer: bool) {
        let (factor, divisor) = if closer { (1, 2) } else { (2, 1) };
        self.show(self.span().scaled(factor, divisor, LEAST_NS));
    }

    /// Moves by hundredths of what is shown.
    pub fn pan(&mut self, hundredths: i64) {
        self.show(self.span().moved(hundredths));
    }

    /// Shows a time with a little room on both sides.
    pub fn fit(&mut self, from: i64, to: i64) {
        self.show(Span::new(from, to).scaled(11, 10, LEAST_NS));
    }

    fn show(&mut self, span: Span) {
        let part = span.within(self.whole);
        self.part = (part != self.whole).then_some(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_within_the_capture() {
        let mut window = Window::default();
        window.reach(0, 1_000_000);
        window.zoom(true);
        assert_eq!(window.span(), Span::new(250_000, 750_000));
        window.pan(-100);
        assert_eq!(window.span(), Span::new(0, 500_000));
        window.pan(1_000);
        assert_eq!(window.span(), Span::new(500_000, 1_000_000));
        window.zoom(false);
        assert!(window.is_whole());
        window.fit(100_000, 200_000);
        assert_eq!(window.span(), Span::new(95_000, 205_000));
        for _ in 0..100 {
            window.zoom(true);
        }
        assert_eq!(window.span().length(), i128::from(LEAST_NS));
        window.reach(0, 2_000_000);
        assert!(!window.is_whole());
        window.show_all();
        assert_eq!(window.span(), Span::new(0, 2_000_000));
    }
}
