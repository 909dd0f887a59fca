//! The terminal: taken over on entering, and given back whatever happens.

use std::io::{self, BufWriter, Stdout, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use anyhow::Context;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute, style, terminal};
use ratatui::layout::Rect;

use tcptrace_states::tui::{App, Event, Key, view};

use super::reader::Message;

/// The terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Colours even where NO_COLOR is set, because an option asks for them.
pub fn use_colors() {
    style::force_color_output(true);
}

/// The terminal, taken over until this is dropped.
pub struct Terminal {
    screen: ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    /// SIGTSTP: somebody asks from outside to stop for a while.
    stop: Arc<AtomicBool>,
    /// SIGCONT: it goes on, and the shell has used the terminal meanwhile.
    goes_on: Arc<AtomicBool>,
}

impl Terminal {
    /// Takes it over. A panic of any thread gives it back before it is told.
    pub fn enter() -> anyhow::Result<Terminal> {
        let (stop, goes_on) = (Arc::default(), Arc::default());
        #[cfg(unix)]
        {
            use signal_hook::consts::{SIGCONT, SIGTSTP};
            signal_hook::flag::register(SIGTSTP, Arc::clone(&stop))?;
            signal_hook::flag::register(SIGCONT, Arc::clone(&goes_on))?;
        }
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back();
            tell(panic);
        }));
        let taken = take_over().context("the terminal cannot be used");
        if taken.is_err() {
            give_back();
        }
        taken?;
        let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
        let screen = ratatui::Terminal::new(backend).inspect_err(|_| give_back())?;
        Ok(Terminal {
            screen,
            stop,
            goes_on,
        })
    }

    /// Columns and lines.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.screen.size()?;
        Ok((size.width, size.height))
    }

    /// Draws what has changed.
    pub fn draw(&mut self, app: &App) -> io::Result<()> {
        self.screen.draw(|frame| view::draw(app, frame)).map(|_| ())
    }

    /// Lets the next drawing draw everything. (That of ratatui asks the terminal where the cursor is: the answer would go to
    /// the thread that waits for keys.)
    pub fn clear(&mut self) -> io::Result<()> {
        let size = self.screen.size()?;
        self.screen.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Gives the terminal to the shell until the user comes back.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        #[cfg(unix)]
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        self.goes_on.store(false, Ordering::SeqCst);
        take_over()?;
        self.clear()
    }

    /// Heeds signals that stop the program and let it go on. True if everything is to be drawn anew.
    pub fn came_back(&mut self) -> io::Result<bool> {
        if self.stop.swap(false, Ordering::SeqCst) {
            self.suspend()?;
            return Ok(true);
        }
        if !self.goes_on.swap(false, Ordering::SeqCst) {
            return Ok(false);
        }
        give_back();
        take_over()?;
        self.clear()?;
        Ok(true)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Tells of each key, and of each new size, from now on. The thread has no end of its own: where the terminal is gone, what
/// waits for its keys may wait for ever.
pub fn listen(sender: Sender<Message>) {
    thread::spawn(move || {
        loop {
            let message = match event::read() {
                Ok(event) => event_of(&event).map(|event| Message::Event(Box::new(event))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
                Err(error) => {
                    let error = anyhow::Error::new(error).context("the keyboard cannot be read");
                    let _ = sender.send(Message::GaveUp(error));
                    return;
                }
            };
            if let Some(message) = message
                && sender.send(message).is_err()
            {
                return;
            }
        }
    });
}

fn event_of(event: &event::Event) -> Option<Event> {
    match event {
        event::Event::Key(key) => key_of(*key).map(Event::Key),
        event::Event::Resize(columns, lines) => Some(Event::Resize(*columns, *lines)),
        event::Event::FocusGained
        | event::Event::FocusLost
        | event::Event::Mouse(_)
        | event::Event::Paste(_) => None,
    }
}

fn take_over() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(
        io::stdout(),
        EnterAlternateScreen,
        terminal::Clear(terminal::ClearType::All),
        cursor::Hide
    )
}

/// As it was before. If that fails there is nothing left to try.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            style::ResetColor,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = io::stdout().flush();
        let _ = disable_raw_mode();
    }
}

fn key_of(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char(character) if ctrl => Key::Ctrl(character.to_ascii_lowercase()),
        KeyCode::Char(_) if key.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(character) => Key::Char(character),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::F(number) => Key::F(number),
        _ => return None,
    })
}
