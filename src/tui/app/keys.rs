//! What the keys do.

use crate::explain::{Answer, lookup};
use crate::report::SequenceNumbers;
use crate::report::escape::Escaped;

use super::{App, DetailState, Prompt, Reading, View};
use crate::tui::event::{Effect, Key};
use crate::tui::input::Input;
use crate::tui::order::Order;
use crate::tui::pages::{Page, Tab};
use crate::tui::query::Query;
use crate::tui::styled;

/// Columns that a step to the side takes.
const SIDEWAYS: usize = 8;

impl App {
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Ctrl('c') => return vec![Effect::Quit],
            Key::Ctrl('z') => return vec![Effect::Suspend],
            Key::Ctrl('l') => return vec![Effect::Redraw],
            _ => {}
        }
        self.note = None;
        let effects = match self.prompt.take() {
            Some(prompt) => self.answer(prompt, key),
            None => match self.common(key) {
                Some(effects) => effects,
                None => match self.view() {
                    View::List => self.list_key(key),
                    View::Timeline => self.timeline_key(key),
                    View::Connection => self.connection_key(key),
                    View::Page => {
                        self.text_key(key);
                        Vec::new()
                    }
                },
            },
        };
        if matches!(self.view(), View::List | View::Timeline) {
            self.list.scroll(self.rows_shown());
        }
        effects
    }

    /// Keys that do the same in every view.
    fn common(&mut self, key: Key) -> Option<Vec<Effect>> {
        match key {
            Key::Char('?') | Key::F(1) => {
                if self.view() == View::Page && self.text.page == Some(Page::Help) {
                    self.leave();
                } else {
                    self.show_page(Page::Help);
                }
            }
            Key::Char('q') | Key::F(10) => {
                if !self.leave() {
                    return Some(vec![Effect::Quit]);
                }
                return Some(self.forget_unread());
            }
            Key::Char('Q') => return Some(vec![Effect::Quit]),
            Key::Char('i') => self.show_page(Page::Capture),
            Key::Char('e') => self.prompt = Some(Prompt::Explain(Input::default())),
            Key::Char('/') | Key::F(3) => self.prompt = Some(Prompt::Search(Input::default())),
            Key::Char('n') => self.search(false),
            Key::Char('N') => self.search(true),
            Key::Char('r') | Key::F(5) => {
                return Some(match self.reading {
                    Reading::Over => {
                        self.reading = Reading::On(None);
                        vec![Effect::Read]
                    }
                    Reading::On(_) | Reading::Stopping(_) => Vec::new(),
                });
            }
            _ => return None,
        }
        Some(Vec::new())
    }

    /// Keys of list and timeline.
    fn rows_key(&mut self, key: Key) -> Option<Vec<Effect>> {
        let page = self.rows_shown();
        let cursor = self.list.cursor;
        let to = match key {
            Key::Char('j') | Key::Down | Key::Ctrl('n') => Some(cursor.saturating_add(1)),
            Key::Char('k') | Key::Up | Key::Ctrl('p') => Some(cursor.saturating_sub(1)),
            Key::PageDown | Key::Char(' ') | Key::Ctrl('f') => Some(cursor.saturating_add(page)),
            Key::PageUp | Key::Char('b') | Key::Ctrl('b') => Some(cursor.saturating_sub(page)),
            Key::Ctrl('d') => Some(cursor.saturating_add(page / 2)),
            Key::Ctrl('u') => Some(cursor.saturating_sub(page / 2)),
            Key::Char('g') | Key::Home => Some(0),
            Key::Char('G') | Key::End => Some(usize::MAX),
            _ => None,
        };
        if let Some(to) = to {
            self.go(to);
            return Some(Vec::new());
        }
        match key {
            Key::Enter => return Some(self.open()),
            Key::Char('f' | '&' | '\\') | Key::F(4) => {
                let before = self.list.filter_text.clone();
                self.prompt = Some(Prompt::Filter {
                    input: Input::of(&before),
                    before,
                    wrong: None,
                });
            }
            Key::Char('s') | Key::F(6) => self.prompt = Some(Prompt::Sort),
            Key::Char('S') => self.sort(self.list.order, !self.list.reversed),
            Key::Char('x') => {
                if let Reading::On(progress) = self.reading {
                    self.reading = Reading::Stopping(progress);
                    return Some(vec![Effect::StopReading]);
                }
            }
            _ => return None,
        }
        Some(Vec::new())
    }

    fn list_key(&mut self, key: Key) -> Vec<Effect> {
        if let Some(effects) = self.rows_key(key) {
            return effects;
        }
        match key {
            Key::Char('t') | Key::Tab | Key::BackTab => self.show(View::Timeline),
            Key::Esc if !self.list.filter_text.is_empty() => {
                self.filter("");
            }
            _ => {}
        }
        Vec::new()
    }

    fn timeline_key(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Char('+' | '=') => self.window.zoom(true),
            Key::Char('-' | '_') => self.window.zoom(false),
            Key::Char('h') | Key::Left => self.window.pan(-25),
            Key::Char('l') | Key::Right => self.window.pan(25),
            Key::Char('H') => self.window.pan(-100),
            Key::Char('L') => self.window.pan(100),
            Key::Char('0') => self.window.show_all(),
            Key::Char('z') => {
                let row = self
                    .contents
                    .as_ref()
                    .and_then(|contents| self.list.row(&contents.rows));
                if let Some((from, to)) = row.map(|row| (row.first.ns(), row.last.ns())) {
                    self.window.fit(from, to);
                }
            }
            Key::Char('t') | Key::Tab | Key::BackTab | Key::Esc => {
                self.leave();
            }
            _ => return self.rows_key(key).unwrap_or_default(),
        }
        Vec::new()
    }

    fn connection_key(&mut self, key: Key) -> Vec<Effect> {
        let reading = |state: &DetailState| matches!(state, DetailState::Reading(_));
        let tab = self.detail.as_ref().map(|detail| detail.tab);
        match (key, tab) {
            (Key::Esc, _) if self.detail.as_ref().is_some_and(|detail| reading(&detail.state)) => {
                if let Some(detail) = &mut self.detail {
                    detail.state = DetailState::Stopped;
                }
                return vec![Effect::Forget];
            }
            (Key::Esc, _) => {
                self.leave();
            }
            (Key::Enter, _)
                if self
                    .detail
                    .as_ref()
                    .is_some_and(|detail| detail.ready().is_none()) =>
            {
                return if self.detail.as_ref().is_some_and(|detail| reading(&detail.state)) {
                    Vec::new()
                } else {
                    self.open()
                };
            }
            (Key::Tab, Some(tab)) => self.show_tab(tab.next()),
            (Key::BackTab, Some(tab)) => self.show_tab(tab.previous()),
            (Key::Char(digit @ '1'..='4'), _) => {
                let place = usize::try_from(digit.to_digit(10).unwrap_or(1)).unwrap_or(1);
                if let Some(tab) = Tab::ALL.get(place.saturating_sub(1)) {
                    self.show_tab(*tab);
                }
            }
            (Key::Char('a'), _) => {
                self.seq = match self.seq {
                    SequenceNumbers::Absolute => SequenceNumbers::Relative,
                    SequenceNumbers::Relative => SequenceNumbers::Absolute,
                };
                self.lay_out();
            }
            (Key::Char(']' | 'J'), _) => {
                self.go(self.list.cursor.saturating_add(1));
                return self.open();
            }
            (Key::Char('[' | 'K'), _) => {
                self.go(self.list.cursor.saturating_sub(1));
                return self.open();
            }
            _ => self.text_key(key),
        }
        Vec::new()
    }

    fn show_tab(&mut self, tab: Tab) {
        if let Some(detail) = &mut self.detail {
            detail.tab = tab;
        }
        self.show(View::Connection);
    }

    /// Keys of a text that is longer than the screen.
    fn text_key(&mut self, key: Key) {
        let page = usize::from(super::layout::text(self).body.height).max(1);
        let top = self.text.top;
        let to = match key {
            Key::Char('j') | Key::Down | Key::Ctrl('n') => top.saturating_add(1),
            Key::Char('k') | Key::Up | Key::Ctrl('p') => top.saturating_sub(1),
            Key::PageDown | Key::Char(' ') | Key::Ctrl('f') => top.saturating_add(page),
            Key::PageUp | Key::Char('b') | Key::Ctrl('b') => top.saturating_sub(page),
            Key::Ctrl('d') => top.saturating_add(page / 2),
            Key::Ctrl('u') => top.saturating_sub(page / 2),
            Key::Char('g') | Key::Home => 0,
            Key::Char('G') | Key::End => usize::MAX,
            Key::Char('l') | Key::Right => {
                let longest = self
                    .text
                    .lines
                    .iter()
                    .map(|line| styled::plain(line).chars().count())
                    .max();
                let most = longest.unwrap_or(0).saturating_sub(usize::from(self.size.0));
                self.text.left = self.text.left.saturating_add(SIDEWAYS).min(most);
                return;
            }
            Key::Char('h') | Key::Left => {
                self.text.left = self.text.left.saturating_sub(SIDEWAYS);
                return;
            }
            Key::Esc => {
                self.leave();
                return;
            }
            _ => return,
        };
        self.text.top = to.min(self.last_top());
    }

    /// Whoever leaves a connection that is still read for does not want it any more.
    fn forget_unread(&mut self) -> Vec<Effect> {
        let unread = |state: &DetailState| matches!(state, DetailState::Reading(_));
        if !self.views.contains(&View::Connection)
            && self.detail.as_ref().is_some_and(|detail| unread(&detail.state))
        {
            self.detail = None;
            return vec![Effect::Forget];
        }
        Vec::new()
    }

    fn go(&mut self, cursor: usize) {
        if let Some(contents) = &self.contents {
            self.list.go(cursor, &contents.rows);
        }
    }

    fn sort(&mut self, order: Order, reversed: bool) {
        self.list.order = order;
        self.list.reversed = reversed;
        if let Some(contents) = &self.contents {
            self.list.renew(&contents.rows);
        }
    }

    /// Lets a filter be in force.
    fn filter(&mut self, text: &str) -> Option<String> {
        match Query::parse(text) {
            Ok(query) => {
                self.list.filter = query;
                self.list.filter_text = text.to_owned();
                if let Some(contents) = &self.contents {
                    self.list.refilter(&contents.rows);
                }
                None
            }
            Err(wrong) => Some(Escaped(&wrong).to_string()),
        }
    }

    /// A key goes to what is asked for.
    fn answer(&mut self, prompt: Prompt, key: Key) -> Vec<Effect> {
        match prompt {
            Prompt::Filter {
                mut input, before, ..
            } => match key {
                Key::Esc => {
                    self.filter(&before);
                }
                Key::Enter => {
                    if let Some(wrong) = self.filter(input.text().trim()) {
                        self.prompt = Some(Prompt::Filter {
                            input,
                            before,
                            wrong: Some(wrong),
                        });
                    }
                }
                key => {
                    input.take(key);
                    let wrong = self.filter(input.text().trim());
                    self.prompt = Some(Prompt::Filter { input, before, wrong });
                }
            },
            Prompt::Search(mut input) => match key {
                Key::Esc => {}
                Key::Enter => {
                    let text = input.text().trim().to_owned();
                    let in_text = matches!(self.view(), View::Connection | View::Page);
                    if !text.is_empty() && in_text {
                        self.text.search = text.to_lowercase();
                    } else if !text.is_empty() {
                        self.list.search = text;
                    }
                    self.search(false);
                }
                key => {
                    input.take(key);
                    self.prompt = Some(Prompt::Search(input));
                }
            },
            Prompt::Explain(mut input) => match key {
                Key::Esc => {}
                Key::Enter => self.explain(input.text().trim()),
                key => {
                    input.take(key);
                    self.prompt = Some(Prompt::Explain(input));
                }
            },
            Prompt::Sort => match key {
                Key::Char('r') => self.sort(self.list.order, !self.list.reversed),
                Key::Char(character) => {
                    if let Some(order) = Order::ALL.into_iter().find(|order| order.key() == character) {
                        self.sort(order, false);
                    }
                }
                _ => {}
            },
        }
        Vec::new()
    }

    /// Shows what is known of a word; of no word, what can be asked for.
    fn explain(&mut self, word: &str) {
        match lookup(word) {
            _ if word.is_empty() => self.show_page(Page::Explain(String::new())),
            Answer::Pages(_) => self.show_page(Page::Explain(word.to_owned())),
            Answer::Unknown { nearest } if nearest.is_empty() => {
                self.complain(&format!(
                    "nothing is known of `{word}`; e and Enter list what can be explained"
                ));
            }
            Answer::Unknown { nearest } => self.complain(&format!(
                "nothing is known of `{word}`; did you mean {}?",
                nearest.join(", ")
            )),
        }
    }

    /// Goes to the next place of what is looked for.
    fn search(&mut self, backwards: bool) {
        if matches!(self.view(), View::Connection | View::Page) {
            return self.search_text(backwards);
        }
        if self.list.search.is_empty() {
            return self.say("nothing is looked for yet: / asks");
        }
        let query = match Query::parse(&self.list.search) {
            Ok(query) => query,
            Err(wrong) => return self.complain(&wrong),
        };
        let found = self.contents.as_ref().and_then(|contents| {
            let place = self.list.find(&query, &contents.rows, backwards)?;
            Some((place, place <= self.list.cursor))
        });
        match found {
            Some((place, around)) => {
                self.go(place);
                if around != backwards {
                    self.say(if backwards {
                        "went on from the end"
                    } else {
                        "went on from the beginning"
                    });
                }
            }
            None => self.complain(&format!("not found: {}", self.list.search.clone())),
        }
    }

    fn search_text(&mut self, backwards: bool) {
        if self.text.search.is_empty() {
            return self.say("nothing is looked for yet: / asks");
        }
        let wanted = &self.text.search;
        let has = |place: &usize| {
            let line = self.text.lines.get(*place);
            line.is_some_and(|line| styled::plain(line).to_lowercase().contains(wanted.as_str()))
        };
        let count = self.text.lines.len();
        let from = self
            .text
            .found
            .unwrap_or(if backwards { 0 } else { count.saturating_sub(1) });
        let from = if self.text.found.is_none() && !backwards {
            (self.text.top + count)
                .saturating_sub(1)
                .checked_rem(count)
                .unwrap_or(0)
        } else {
            from
        };
        let step = |step: usize| {
            if backwards {
                (from + count).checked_sub(step)?
            } else {
                from + step
            }
            .checked_rem(count)
        };
        match (1..=count).filter_map(step).find(has) {
            Some(place) => {
                self.text.found = Some(place);
                let room = usize::from(super::layout::text(self).body.height).max(1);
                if place < self.text.top || place >= self.text.top + room {
                    self.text.top = place.saturating_sub(room / 3).min(self.last_top());
                }
            }
            None => self.complain(&format!("not found: {}", self.text.search.clone())),
        }
    }
}
