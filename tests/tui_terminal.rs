//! The explorer on a real terminal, that of tmux: it draws, obeys, and gives the terminal back whatever happens.

#![cfg(all(unix, feature = "tui"))]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

mod program;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use program::*;

/// Longer than anything here may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a shell says before it waits.
const READY: &str = "ready>";

/// A terminal with a shell in it. Its server ends with it.
struct Pane {
    socket: String,
    folder: tempfile::TempDir,
}

impl Pane {
    /// None, with a word about it, where there is no tmux.
    fn open(columns: u16, lines: u16) -> Option<Pane> {
        if !Command::new("tmux")
            .arg("-V")
            .output()
            .is_ok_and(|output| output.status.success())
        {
            eprintln!("SKIPPED: there is no tmux, so the explorer was not tried on a terminal");
            return None;
        }
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let pane = Pane {
            socket: format!("tcptrace-states-test-{}-{count}", std::process::id()),
            folder: tempfile::tempdir().expect("a folder"),
        };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let shell = format!("env -u NO_COLOR -u RUST_BACKTRACE PS1='{READY} ' TERM=screen-256color sh -i");
        let started = pane.tmux(&["new-session", "-d", "-x", &columns, "-y", &lines, &shell]);
        assert!(started.is_some(), "tmux does not start");
        pane.wait(READY);
        Some(pane)
    }

    fn tmux(&self, args: &[&str]) -> Option<String> {
        let output = Command::new("tmux")
            .args(["-L", &self.socket, "-f", "/dev/null"])
            .args(args)
            .env_remove("TMUX")
            .output()
            .expect("tmux");
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn send(&self, keys: &[&str]) {
        for key in keys {
            assert!(self.tmux(&["send-keys", key]).is_some(), "{key}");
        }
    }

    /// Types a line for the shell.
    fn shell(&self, line: &str) {
        assert!(self.tmux(&["send-keys", "-l", line]).is_some());
        self.send(&["Enter"]);
    }

    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).unwrap_or_default()
    }

    /// Waits until the screen is as it should be.
    fn until(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let screen = self.screen();
            if is(&screen) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "waited for {what}:\n{screen}");
            thread::sleep(Duration::from_millis(30));
        }
    }

    fn wait(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// What tmux knows of the terminal: the other screen is shown, the cursor is.
    fn flags(&self) -> String {
        let flags = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        flags.unwrap_or_default().trim().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    /// Starts the explorer; its number is written down.
    fn explore(&self, before: &str, args: &str) {
        self.shell(&format!("stty -a > {}", self.path("before")));
        let capture = testdata("kernel/close_wait_leak.server.pcapng");
        let process = self.path("process");
        self.shell(&format!(
            "clear; sh -c 'echo $$ > {process}; {before} exec \"$0\" tui {args} \"$1\"' {PROGRAM} {capture}; echo \"ended with $?\""
        ));
        self.wait("22 connections");
        assert_eq!(self.flags(), "1 0");
    }

    fn process(&self) -> String {
        let text = std::fs::read_to_string(self.path("process")).expect("its number");
        text.trim().to_owned()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.process()])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// The terminal is as it was before the explorer, which has ended with this code.
    fn is_as_before(&self, code: u32) -> String {
        let screen = self.wait(&format!("ended with {code}"));
        assert_eq!(self.flags(), "0 1");
        self.shell(&format!("stty -a > {}; echo looked", self.path("after")));
        self.until("the prompt", |screen| screen.matches("looked").count() > 1);
        let [before, after] =
            ["before", "after"].map(|name| std::fs::read_to_string(self.path(name)).expect("it"));
        assert_eq!(before, after);
        screen
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

#[test]
fn keys_are_obeyed_and_the_terminal_is_given_back() {
    let Some(pane) = Pane::open(80, 24) else { return };
    pane.explore("", "");
    pane.send(&["j", "j"]);
    pane.until("the cursor", |screen| screen.contains(">  3 [fd05"));
    pane.send(&["f"]);
    pane.wait("filter:");
    pane.send(&["c", "o", "n", "n", ":", "7"]);
    pane.wait("1 of 22 connections");
    pane.send(&["Enter", "Enter"]);
    let screen = pane.wait("SYN-SENT");
    assert!(screen.contains("[1 ladder]"), "{screen}");
    pane.send(&["q", "t"]);
    pane.wait("timeline, a column is");
    pane.send(&["?"]);
    pane.wait("List and timeline");
    pane.send(&["Escape"]);
    pane.wait("timeline, a column is");
    pane.send(&["q"]);
    pane.wait("1 of 22 connections");
    pane.send(&["q"]);
    pane.is_as_before(0);
}

#[test]
fn another_size_is_drawn_at_once() {
    let Some(pane) = Pane::open(80, 24) else { return };
    pane.explore("", "--ascii");
    for (columns, lines) in [(40, 10), (132, 30), (1, 1), (80, 24)] {
        let (wide, high) = (columns.to_string(), lines.to_string());
        assert!(pane.tmux(&["resize-window", "-x", &wide, "-y", &high]).is_some());
        let fits = |screen: &str| screen.lines().any(|line| line.trim_end().ends_with("1 of 22"));
        if columns > 1 {
            pane.until("the last line", |screen| {
                let place = screen
                    .lines()
                    .position(|line| line.trim_end().ends_with("1 of 22"));
                fits(screen) && place == Some(lines - 1)
            });
        }
    }
    pane.send(&["C-c"]);
    pane.is_as_before(0);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["TERM", "INT"] {
        let Some(pane) = Pane::open(80, 24) else { return };
        pane.explore("", "");
        pane.signal(signal);
        let screen = pane.is_as_before(130);
        assert!(screen.contains("a signal ended the explorer"), "{screen}");
    }
}

#[test]
fn a_panic_gives_the_terminal_back() {
    let Some(pane) = Pane::open(80, 24) else { return };
    let capture = testdata("kernel/close_wait_leak.server.pcapng");
    pane.shell(&format!("stty -a > {}", pane.path("before")));
    pane.shell(&format!(
        "clear; TCPTRACE_STATES_PRACTISE_PANIC=tui {PROGRAM} tui {capture}; echo \"ended with $?\""
    ));
    let screen = pane.is_as_before(101);
    assert!(
        screen.contains("bug:") && screen.contains("practised"),
        "{screen}"
    );
}

#[test]
fn it_can_be_suspended() {
    let Some(pane) = Pane::open(80, 24) else { return };
    pane.explore("", "");
    pane.send(&["j", "C-z"]);
    pane.until("the prompt", |screen| {
        screen.contains("Stopped") || screen.contains("Suspended")
    });
    assert_eq!(pane.flags(), "0 1");
    pane.shell("clear; echo 'in between'");
    pane.until("the shell", |screen| {
        screen.lines().any(|line| line.trim_end() == "in between")
    });
    pane.shell("fg");
    let screen = pane.wait(">  2 [fd05");
    assert!(!screen.contains("in between"), "{screen}");
    assert_eq!(pane.flags(), "1 0");
    // From outside, too: the shell has the terminal while it is stopped.
    pane.signal("TSTP");
    pane.until("the prompt", |screen| screen.contains("in between"));
    assert_eq!(pane.flags(), "0 1");
    pane.shell("clear; fg");
    pane.wait(">  2 [fd05");
    pane.send(&["q"]);
    pane.wait(READY);
    assert_eq!(pane.flags(), "0 1");
}

#[test]
fn a_terminal_that_is_gone_ends_it() {
    let Some(pane) = Pane::open(80, 24) else { return };
    pane.explore("", "");
    let entry = format!("/proc/{}", pane.process());
    // Where the hangup is ignored, it is noticed all the same.
    let other = Pane::open(80, 24).expect("there is tmux");
    other.explore("trap \"\" HUP;", "");
    let others = format!("/proc/{}", other.process());
    drop((pane, other));
    let begun = Instant::now();
    let runs = |entry: &str| {
        let status = std::fs::read_to_string(Path::new(entry).join("status")).unwrap_or_default();
        !status.is_empty() && !status.contains("State:\tZ")
    };
    while runs(&entry) || runs(&others) {
        assert!(begun.elapsed() < PATIENCE, "it still runs");
        thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn without_a_colour_nothing_is_coloured() {
    let Some(pane) = Pane::open(80, 24) else { return };
    pane.explore("export NO_COLOR=1;", "");
    let colored = |pane: &Pane| {
        let screen = pane.tmux(&["capture-pane", "-e", "-p"]).unwrap_or_default();
        let styles = screen
            .split("\u{1b}[")
            .skip(1)
            .filter_map(|rest| rest.split_once('m'));
        let mut numbers = styles.flat_map(|(style, _)| style.split(';'));
        numbers.any(|number| matches!(number.parse().unwrap_or(0), 30..=38 | 40..=48 | 90..=107))
    };
    assert!(!colored(&pane), "{}", pane.screen());
    pane.send(&["t"]);
    pane.wait("timeline, a column is");
    assert!(!colored(&pane));
    pane.send(&["Q"]);
    pane.is_as_before(0);
    pane.explore("export NO_COLOR=1;", "--color always");
    assert!(colored(&pane), "{}", pane.screen());
    pane.send(&["Q"]);
}

#[test]
fn a_pipe_is_no_terminal() {
    let capture = testdata("kernel/close_wait_leak.server.pcapng");
    let output = run(program().args(["tui", &capture]));
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("tui draws on a terminal"), "{said}");
}

#[test]
fn what_cannot_be_explored_is_said_in_the_shell() {
    let Some(pane) = Pane::open(100, 24) else { return };
    let wrong = format!("{} --state CLOSD", testdata("kernel/close_client.client.pcap"));
    for (number, (args, said)) in [
        ("no-such-file.pcap", "no such file"),
        ("- < /dev/null", "can be read only once"),
        (&wrong, "not a state"),
    ]
    .into_iter()
    .enumerate()
    {
        pane.shell(&format!(
            "clear; {PROGRAM} tui {args}; echo \"number {number} ended with $?\""
        ));
        let screen = pane.wait(&format!("number {number} ended with 2"));
        assert!(screen.replace('\n', "").contains(said), "{screen}");
        assert_eq!(pane.flags(), "0 1");
    }
    pane.shell(&format!(
        "clear; TERM=dumb {PROGRAM} tui {}",
        testdata("kernel/close_client.client.pcap")
    ));
    pane.wait("TERM is `dumb`");
}

/// The whole of a capture with many files, read through their pattern.
#[test]
fn a_pattern_is_explored() {
    let Some(pane) = Pane::open(100, 24) else { return };
    let pattern = testdata("kernel/close_*.client.pcap");
    pane.shell(&format!("clear; {PROGRAM} tui '{pattern}'"));
    pane.wait("by attention");
    pane.send(&["i"]);
    pane.wait("the capture");
    pane.send(&["Q"]);
}
