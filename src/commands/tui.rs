//! `tui`: the explorer at its edge, where keys and packets come from and screens go to.

mod reader;
mod terminal;

use std::io::{self, IsTerminal};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anstream::ColorChoice;
use anyhow::bail;

use tcptrace_states::analyze::Settings;
use tcptrace_states::capture::Stop;
use tcptrace_states::cli::Tui;
use tcptrace_states::input;
use tcptrace_states::report::look::counted;
use tcptrace_states::tui::{App, Effect, Event, Palette, Theme};

use super::{Done, Interrupted, Screen, interrupt, reading_of};
use reader::{Message, Reader};
use terminal::Terminal;

/// How long nothing may happen before there is a look at signals, and whether the terminal is still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between two screens that nobody asked for by a key.
const DRAW_EVERY: Duration = Duration::from_millis(40);
/// Messages that are taken before the screen is drawn: what was typed ahead and pasted text come in one go.
const AT_ONCE: usize = 256;

/// `tui`.
pub fn run(args: &Tui) -> anyhow::Result<Done> {
    if !io::stdout().is_terminal() {
        bail!(
            "tui draws on a terminal, and the output is none; for a file or a pipe leave `tui` out, or use `show`"
        );
    }
    if super::follow::is_dumb() {
        bail!("tui cannot draw on this terminal: TERM is `dumb`, or not set; leave `tui` out, or use `show`");
    }
    if !input::find(&args.files)?.can_be_read_again() {
        bail!(
            "tui reads the capture again for each connection that is opened, and standard input, a FIFO or a device can be \
             read only once; write it to a file first"
        );
    }
    let mut settings = reading_of(&args.files, &args.reading);
    settings.time_wait_ns = args.msl;
    settings.findings.least = args.severity;
    interrupt::deferred(|stop| explore(args, settings, stop))
}

fn explore(args: &Tui, settings: Settings, stop: &Stop) -> anyhow::Result<Done> {
    let (sender, messages) = channel();
    let name = name_of(&settings);
    let mut reader = Reader::new(settings, args.selection.to_selection(), sender.clone());
    let mut terminal = Terminal::enter()?;
    let mut app = App::new(theme_of(args), &name, terminal.size()?);
    super::bug::practise_in("tui");
    terminal.draw(&app)?;
    reader.read(true);
    terminal::listen(sender);
    let ended = converse(&mut app, &mut terminal, &mut reader, &messages, stop);
    reader.stop();
    drop(terminal);
    ended?;
    if stop.asked() {
        return Err(Interrupted("a signal ended the explorer").into());
    }
    Ok(match app.analysis() {
        Some(analysis) if app.is_read() => Done::of(analysis),
        Some(_) | None => Done::sound(),
    })
}

/// Until the user has enough, or a signal has come.
fn converse(
    app: &mut App,
    terminal: &mut Terminal,
    reader: &mut Reader,
    messages: &Receiver<Message>,
    stop: &Stop,
) -> anyhow::Result<()> {
    let mut drawn = Instant::now();
    let mut changed = false;
    loop {
        let wait = if changed {
            DRAW_EVERY.saturating_sub(drawn.elapsed())
        } else {
            LOOK_EVERY
        };
        let first = messages.recv_timeout(wait).ok();
        let mut urgent = terminal.came_back()?;
        if stop.asked() {
            return Ok(());
        }
        for message in first.into_iter().chain(messages.try_iter().take(AT_ONCE)) {
            let event = match message {
                Message::Event(event) => *event,
                Message::GaveUp(error) => return Err(error),
            };
            changed = true;
            urgent |= matches!(event, Event::Key(_) | Event::Resize(..));
            for effect in app.update(event) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::Suspend => terminal.suspend()?,
                    Effect::Redraw => terminal.clear()?,
                    Effect::Read => reader.read(false),
                    Effect::StopReading => reader.stop_reading(),
                    Effect::ReadConnection(job) => reader.read_connection(job),
                    Effect::Forget => reader.forget(),
                }
            }
        }
        if !io::stdout().is_terminal() {
            bail!("the terminal is gone");
        }
        if urgent || (changed && drawn.elapsed() >= DRAW_EVERY) {
            let (columns, lines) = terminal.size()?;
            app.update(Event::Resize(columns, lines));
            terminal.draw(app)?;
            drawn = Instant::now();
            changed = false;
        }
    }
}

/// What stands in the title.
fn name_of(settings: &Settings) -> String {
    let first = settings.files.first().map(|file| {
        let name = file.file_name().unwrap_or(file.as_os_str());
        name.to_string_lossy().into_owned()
    });
    let first = first.unwrap_or_default();
    match settings.files.len() {
        0 | 1 => first,
        more => format!("{first} and {}", counted(more as u64 - 1, "other")),
    }
}

fn theme_of(args: &Tui) -> Theme {
    let screen = Screen::of_stdout(&args.screen());
    let says = |name: &str, what: &[&str]| {
        let value = std::env::var(name).unwrap_or_default();
        what.iter().any(|what| value.contains(what))
    };
    let palette = if screen.color == ColorChoice::Never {
        Palette::Mono
    } else if says("TERM", &["256color", "kitty", "alacritty"]) || says("COLORTERM", &["truecolor", "24bit"])
    {
        Palette::Full
    } else {
        Palette::Sixteen
    };
    if palette != Palette::Mono {
        terminal::use_colors();
    }
    Theme {
        ascii: args.ascii,
        palette,
    }
}
