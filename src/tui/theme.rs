//! Colours, and what stands for them where there are none.

use ratatui::style::{Color, Modifier, Style};

use crate::model::{Evidence, Severity, State};
use crate::report::{Look, Rows, SequenceNumbers, Tone};

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Palette {
    /// None: bold and reversed text, marks and letters.
    Mono,
    /// The sixteen that every terminal has, as its user has set them.
    Sixteen,
    /// 256: those of states can be told apart by people who confuse red and green.
    Full,
}

/// How the screens look.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// Only ASCII characters.
    pub ascii: bool,
    /// Colours.
    pub palette: Palette,
}

impl Theme {
    /// The look of views that are drawn as text.
    pub fn look(self, width: u16, seq: SequenceNumbers) -> Look {
        Look {
            width: usize::from(width),
            rows: Rows::All,
            ascii: self.ascii,
            color: self.has_color(),
            seq,
        }
    }

    /// Whether there are any colours.
    pub fn has_color(self) -> bool {
        self.palette != Palette::Mono
    }

    /// One of two characters.
    pub fn glyph(self, full: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { full }
    }

    /// Headings.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Less important.
    pub fn dim(self) -> Style {
        match self.palette {
            Palette::Mono => Style::new(),
            // "Bright black" is the background on some terminals: faint is safer than any of the sixteen.
            Palette::Sixteen => Style::new().add_modifier(Modifier::DIM),
            Palette::Full => Style::new().fg(Color::Indexed(245)),
        }
    }

    /// The bar on top.
    pub fn bar(self) -> Style {
        match self.palette {
            Palette::Mono | Palette::Sixteen => Style::new().add_modifier(Modifier::REVERSED),
            Palette::Full => Style::new().fg(Color::Indexed(255)).bg(Color::Indexed(24)),
        }
    }

    /// The line that the cursor is on.
    pub fn selected(self) -> Style {
        match self.palette {
            Palette::Mono | Palette::Sixteen => Style::new().add_modifier(Modifier::REVERSED),
            Palette::Full => Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(153)),
        }
    }

    /// A key in a line of hints.
    pub fn key(self) -> Style {
        self.strong()
    }

    /// As the other views colour it.
    pub fn tone(self, tone: Tone) -> Style {
        let color = |color| {
            if self.has_color() {
                Style::new().fg(color)
            } else {
                Style::new()
            }
        };
        match tone {
            Tone::Plain => Style::new(),
            Tone::Strong => self.strong(),
            Tone::Good => color(Color::Green),
            Tone::Attention => color(Color::Yellow),
            Tone::Bad => color(Color::Red),
            Tone::Dim => self.dim(),
        }
    }

    /// What is wrong with what was typed, or with the capture.
    pub fn alarm(self) -> Style {
        match self.palette {
            Palette::Mono => self.strong(),
            Palette::Sixteen | Palette::Full => self.tone(Tone::Bad).add_modifier(Modifier::BOLD),
        }
    }

    /// A finding.
    pub fn severity(self, severity: Severity) -> Style {
        self.tone(crate::report::findings::tone(severity))
    }

    /// The name of a state.
    pub fn state(self, state: State, evidence: Option<Evidence>) -> Style {
        let style = match (self.palette, Self::color(self.palette, state)) {
            (Palette::Mono, _) | (_, None) => Style::new(),
            (_, Some(color)) => Style::new().fg(color),
        };
        if is_proven(state, evidence) || !self.has_color() {
            style
        } else {
            style.add_modifier(Modifier::DIM)
        }
    }

    /// A piece of a lane: what is proven is a block of colour, what is not has only its letters.
    pub fn lane(self, state: State, evidence: Option<Evidence>) -> Style {
        match (self.palette, Self::color(self.palette, state)) {
            (Palette::Mono, _) => Style::new(),
            (_, None) => self.dim(),
            (_, Some(color)) if is_proven(state, evidence) => Style::new().fg(Color::Black).bg(color),
            (_, Some(color)) => Style::new().fg(color),
        }
    }

    fn color(palette: Palette, state: State) -> Option<Color> {
        let (sixteen, full) = match state {
            State::SynSent => (Color::Cyan, 153),
            State::SynReceived => (Color::Cyan, 117),
            State::Established => (Color::Green, 36),
            State::FinWait1 => (Color::Blue, 111),
            State::FinWait2 => (Color::Blue, 75),
            State::CloseWait => (Color::Yellow, 214),
            State::Closing => (Color::Red, 203),
            State::LastAck => (Color::Yellow, 221),
            State::TimeWait => (Color::Magenta, 176),
            State::Closed | State::Listen | State::Unknown => return None,
        };
        match palette {
            Palette::Mono => None,
            Palette::Sixteen => Some(sixteen),
            Palette::Full => Some(Color::Indexed(full)),
        }
    }
}

/// Whether a segment of the endpoint shows the state.
pub fn is_proven(state: State, evidence: Option<Evidence>) -> bool {
    state != State::Unknown && evidence.is_none_or(Evidence::is_proof)
}
