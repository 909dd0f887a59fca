//! The state of the explorer, and what becomes of it.

mod keys;
mod list;

use crate::analyze::Progress;
use crate::model::{Analysis, Connection};
use crate::report::SequenceNumbers;

use super::contents::Contents;
use super::event::{Effect, Event, Job};
use super::input::Input;
use super::pages::{self, Page, Tab};
use super::theme::Theme;
use super::timeline::Window;
use super::view::layout;
pub(super) use list::List;

/// The explorer.
pub struct App {
    pub(super) theme: Theme,
    /// Columns and lines.
    pub(super) size: (u16, u16),
    /// Name of the capture, safe for a terminal.
    pub(super) name: String,
    pub(super) reading: Reading,
    pub(super) contents: Option<Box<Contents>>,
    pub(super) list: List,
    pub(super) window: Window,
    /// What is shown, and below it what was shown before. Never empty.
    views: Vec<View>,
    pub(super) prompt: Option<Prompt>,
    /// One line to the user, until the next key.
    pub(super) note: Option<Note>,
    pub(super) detail: Option<Detail>,
    /// The text that is on the screen.
    pub(super) text: Text,
    pub(super) seq: SequenceNumbers,
    jobs: u64,
}

/// How far the first reading is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    /// It is going on.
    On(Option<Progress>),
    /// It was asked to stop.
    Stopping(Option<Progress>),
    /// It is over.
    Over,
}

/// What the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    List,
    Timeline,
    /// One connection.
    Connection,
    /// Text to read.
    Page,
}

/// What is asked for in the last line.
#[derive(Debug, Clone)]
pub(super) enum Prompt {
    /// The filter, as it is typed.
    Filter {
        input: Input,
        /// What it was before.
        before: String,
        /// What is not understood.
        wrong: Option<String>,
    },
    /// What to look for.
    Search(Input),
    /// A word to explain.
    Explain(Input),
    /// What to sort by.
    Sort,
}

/// A line to the user.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub text: String,
    pub is_bad: bool,
}

/// The connection that is looked at.
pub(super) struct Detail {
    pub job: Job,
    pub id: u64,
    pub tab: Tab,
    pub state: DetailState,
}

pub(super) enum DetailState {
    /// The capture is read again.
    Reading(Option<Progress>),
    /// The reading was broken off.
    Stopped,
    /// It failed, or the connection is not there any more.
    Failed(String),
    /// Here it is.
    Ready(Box<Analysis>),
}

impl Detail {
    /// What is known of the connection and its capture.
    pub fn ready(&self) -> Option<(&Analysis, &Connection)> {
        match &self.state {
            DetailState::Ready(analysis) => Some((analysis, analysis.connections.first()?)),
            DetailState::Reading(_) | DetailState::Stopped | DetailState::Failed(_) => None,
        }
    }
}

/// Lines that are longer or more than the screen.
#[derive(Default)]
pub(super) struct Text {
    pub title: String,
    pub lines: Vec<String>,
    /// The first line on the screen.
    pub top: usize,
    /// Characters that are left of the screen.
    pub left: usize,
    /// What is looked for in it, in lower case.
    pub search: String,
    /// The line where it was found.
    pub found: Option<usize>,
    page: Option<Page>,
}

impl App {
    /// Before anything is read. `name` is that of the capture.
    pub fn new(theme: Theme, name: &str, size: (u16, u16)) -> App {
        App {
            theme,
            size,
            name: crate::report::escape::Escaped(name).to_string(),
            reading: Reading::On(None),
            contents: None,
            list: List::default(),
            window: Window::default(),
            views: vec![View::List],
            prompt: None,
            note: None,
            detail: None,
            text: Text::default(),
            seq: SequenceNumbers::Absolute,
            jobs: 0,
        }
    }

    /// What is known of the capture as a whole, as far as it was read.
    pub fn analysis(&self) -> Option<&Analysis> {
        self.contents.as_ref().map(|contents| &contents.analysis)
    }

    /// Whether the capture was read to its end, or as far as it was wanted.
    pub fn is_read(&self) -> bool {
        matches!(self.reading, Reading::Over)
    }

    pub(super) fn view(&self) -> View {
        self.views.last().copied().unwrap_or(View::List)
    }

    /// Takes what happens, and says what is to be done.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => return self.key(key),
            Event::Resize(columns, lines) => {
                self.size = (columns, lines);
                self.lay_out();
            }
            Event::Progress(progress) => match &mut self.reading {
                Reading::On(known) | Reading::Stopping(known) => *known = Some(progress),
                Reading::Over => {}
            },
            Event::SoFar(contents) => self.take(contents),
            Event::Read(contents) => {
                self.reading = Reading::Over;
                self.take(contents);
            }
            Event::Unread(why) => {
                self.reading = Reading::Over;
                self.complain(&format!("not read again: {why}"));
            }
            Event::ConnectionProgress(number, progress) => {
                if let Some(detail) = self.detail.as_mut().filter(|detail| detail.job.number == number)
                    && let DetailState::Reading(known) = &mut detail.state
                {
                    *known = Some(progress);
                }
            }
            Event::Connection(number, result) => {
                if let Some(detail) = self.detail.as_mut().filter(|detail| detail.job.number == number) {
                    detail.state = match result {
                        Ok(Some(analysis)) => {
                            detail.id = analysis.connections.first().map_or(detail.id, |one| one.id);
                            DetailState::Ready(analysis)
                        }
                        Ok(None) => DetailState::Failed(
                            "The connection is not there any more: the capture has changed. r reads it anew."
                                .to_owned(),
                        ),
                        Err(why) => DetailState::Failed(crate::report::escape::Escaped(&why).to_string()),
                    };
                    self.lay_out();
                }
            }
        }
        Vec::new()
    }

    /// What the capture holds has changed.
    fn take(&mut self, contents: Box<Contents>) {
        let (first, last) = contents.span();
        self.window.reach(first.ns(), last.ns());
        self.list.renew(&contents.rows);
        self.contents = Some(contents);
        self.lay_out();
    }

    fn complain(&mut self, text: &str) {
        self.note = Some(Note {
            text: crate::report::escape::Escaped(text).to_string(),
            is_bad: true,
        });
    }

    fn say(&mut self, text: impl Into<String>) {
        self.note = Some(Note {
            text: text.into(),
            is_bad: false,
        });
    }

    /// Shows a view; the one before comes back when it is left.
    fn show(&mut self, view: View) {
        if self.view() != view {
            self.views.push(view);
        }
        self.text.top = 0;
        self.text.left = 0;
        self.text.found = None;
        self.lay_out();
    }

    /// Leaves a view; false if it is the last one.
    fn leave(&mut self) -> bool {
        if self.views.len() < 2 {
            return false;
        }
        self.views.pop();
        self.text = Text::default();
        self.lay_out();
        true
    }

    fn show_page(&mut self, page: Page) {
        self.text.page = Some(page);
        self.show(View::Page);
    }

    /// Asks for one connection.
    fn open(&mut self) -> Vec<Effect> {
        let Some(row) = self
            .contents
            .as_ref()
            .and_then(|contents| self.list.row(&contents.rows))
        else {
            return Vec::new();
        };
        let known = self.detail.as_ref().filter(|detail| {
            let same = (detail.job.first_packet, detail.job.client) == (row.first_packet, row.client);
            same && matches!(detail.state, DetailState::Ready(_) | DetailState::Reading(_))
        });
        if known.is_some() {
            self.show(View::Connection);
            return Vec::new();
        }
        self.jobs += 1;
        let job = Job {
            number: self.jobs,
            client: row.client,
            server: row.server,
            first_packet: row.first_packet,
        };
        self.detail = Some(Detail {
            job,
            id: row.id,
            tab: self.detail.as_ref().map_or(Tab::Ladder, |detail| detail.tab),
            state: DetailState::Reading(None),
        });
        self.show(View::Connection);
        vec![Effect::ReadConnection(job)]
    }

    /// Makes the text of the screen anew, as wide as that is.
    fn lay_out(&mut self) {
        let width = self.size.0;
        let look = self.theme.look(width.max(pages::NARROWEST), self.seq);
        let lines = match self.view() {
            View::List | View::Timeline => {
                self.list.scroll(self.rows_shown());
                return;
            }
            View::Connection => match self
                .detail
                .as_ref()
                .and_then(|detail| Some((detail.ready()?, detail.tab)))
            {
                Some(((analysis, connection), tab)) => {
                    pages::of_connection(tab, analysis, connection, self.contents.as_deref(), &look)
                }
                None => Vec::new(),
            },
            View::Page => {
                let Some(page) = &self.text.page else {
                    return;
                };
                let (title, lines) = page.lines(self, &look);
                self.text.title = title;
                lines
            }
        };
        self.text.lines = lines;
        self.text.top = self.text.top.min(self.last_top());
    }

    /// The last line that can stand on top.
    fn last_top(&self) -> usize {
        let room = usize::from(layout::text(self).body.height).max(1);
        self.text.lines.len().saturating_sub(room)
    }

    /// How many connections there is room for.
    fn rows_shown(&self) -> usize {
        match self.view() {
            View::Timeline => (usize::from(layout::timeline(self).body.height) / layout::LANES).max(1),
            View::List | View::Connection | View::Page => usize::from(layout::list(self).body.height).max(1),
        }
    }
}
