//! What happens when this program is wrong about itself: it says so and ends with exit code 101. Nothing goes on with a state
//! that is in doubt.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tcptrace_states::report::escape::{Escaped, clipped};

/// Exit code of a program that panics.
const CODE: i32 = 101;
/// Files that are named.
const NAMED: usize = 5;

/// What is being read.
static READING: Mutex<Option<Reading>> = Mutex::new(None);

/// Files that are written and have not got their names yet.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

struct Reading {
    files: Vec<PathBuf>,
    /// Packets that were surely read.
    packets: u64,
}

/// Notes what is being read from now on.
pub fn reading(files: &[PathBuf]) {
    note(Some(Reading {
        files: files.to_vec(),
        packets: 0,
    }));
}

/// Notes that this many packets were read.
pub fn read(packets: u64) {
    if let Ok(mut reading) = READING.lock()
        && let Some(reading) = reading.as_mut()
    {
        reading.packets = packets;
    }
}

/// Notes that reading is over.
pub fn reading_is_over() {
    note(None);
}

fn note(what: Option<Reading>) {
    if let Ok(mut reading) = READING.lock() {
        *reading = what;
    }
}

/// From now on, a panic of any thread is told and ends the program. Nothing unwinds: what would have been removed by that is
/// removed here.
pub fn tell_panics() {
    panic::set_hook(Box::new(|panic| {
        // If even that cannot be written there is nobody left to tell.
        let _ = std::io::stderr().write_all(told(panic).as_bytes());
        // A panic that holds the lock is not waited for.
        for file in UNFINISHED.try_lock().iter().flat_map(|files| files.iter()) {
            let _ = std::fs::remove_file(file);
        }
        #[expect(clippy::exit, reason = "nothing may go on")]
        std::process::exit(CODE);
    }));
}

/// A file that is removed where the program panics before this is dropped.
pub struct Unfinished(PathBuf);

impl Unfinished {
    /// Of this name, which stands for nothing yet.
    pub fn named(path: &Path) -> Unfinished {
        if let Ok(mut files) = UNFINISHED.lock() {
            files.push(path.to_owned());
        }
        Unfinished(path.to_owned())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Ok(mut files) = UNFINISHED.lock() {
            files.retain(|file| *file != self.0);
        }
    }
}

/// Panics where a test asks for it; a program that is built for use does not know this.
pub fn practise() {
    practise_in("main");
    #[cfg(debug_assertions)]
    if practised("thread") {
        let _ = std::thread::spawn(|| panic!("practised")).join();
    }
}

/// See [`practise`]: at a place of this name.
pub fn practise_in(place: &str) {
    #[cfg(debug_assertions)]
    assert!(!practised(place), "practised");
    #[cfg(not(debug_assertions))]
    let _ = place;
}

#[cfg(debug_assertions)]
fn practised(place: &str) -> bool {
    std::env::var("TCPTRACE_STATES_PRACTISE_PANIC").as_deref() == Ok(place)
}

fn told(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let what = (payload.downcast_ref::<&str>().copied())
        .or(payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    // A panic that holds the lock is not waited for.
    let reading = READING.try_lock().ok();
    let mut text = message(
        what,
        &place,
        reading.as_ref().and_then(|reading| reading.as_ref()),
    );
    let trace = Backtrace::capture(); // if RUST_BACKTRACE is set
    if trace.status() == BacktraceStatus::Captured {
        let _ = writeln!(text, "{trace}"); // writing to a String cannot fail
    }
    text
}

fn message(what: &str, place: &str, reading: Option<&Reading>) -> String {
    let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let (what, cut) = clipped(what, 1_000);
    let ellipsis = if cut { "…" } else { "" };
    let mut text = format!("bug: {program} stopped at {place}: {}{ellipsis}\n", Escaped(what));
    if let Some(reading) = reading {
        let named = reading.files.iter().take(NAMED);
        let mut names: Vec<String> = named
            .map(|file| Escaped(&file.to_string_lossy()).to_string())
            .collect();
        if reading.files.len() > NAMED {
            names.push(format!("{} more", reading.files.len() - NAMED));
        }
        let names = names.join(", ");
        let _ = writeln!(text, "  while reading {names}, behind packet {}", reading.packets);
    }
    text.push_str(
        "  This is an error of the program, not yours: nothing it wrote may be relied on. Please report it with these lines\n  \
         and, if you may, the capture. RUST_BACKTRACE=1 adds to them what was called.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_and_while_reading_what() {
        let reading = Reading {
            files: ["a\u{1b}[2J.pcap", "b", "c", "d", "e", "f"]
                .map(PathBuf::from)
                .to_vec(),
            packets: 16_384,
        };
        let text = message("index 7\u{7}", "src/x.rs:1:2", Some(&reading));
        let version = env!("CARGO_PKG_VERSION");
        let wanted = format!("bug: tcptrace-states {version} stopped at src/x.rs:1:2: index 7\\u{{7}}\n");
        assert!(text.starts_with(&wanted), "{text}");
        let wanted = "\n  while reading a\\u{1b}[2J.pcap, b, c, d, e, 1 more, behind packet 16384\n";
        assert!(text.contains(wanted), "{text}");
        assert!(!message("x", "y", None).contains("reading"));
    }

    #[test]
    fn a_long_message_is_cut() {
        assert!(message(&"x".repeat(100_000), "y", None).len() < 2_000);
    }
}
