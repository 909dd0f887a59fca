//! The program run from outside, with everything that may surround it.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_tcptrace-states");

/// Longer than anything here may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A file of `testdata`, from anywhere.
pub fn testdata(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    path.to_string_lossy().into_owned()
}

/// The program, without what this environment may say to it.
pub fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    tidy(&mut command);
    command
}

/// A shell, in whose script `"$0"` is the program and `"$1"`… are the arguments.
pub fn shell(script: &str, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    tidy(&mut command);
    command.args(["-c", script, PROGRAM]).args(args);
    command
}

fn tidy(command: &mut Command) {
    for name in [
        "TCPTRACE_STATES_CONFIG",
        "GITHUB_STEP_SUMMARY",
        "NO_COLOR",
        "RUST_BACKTRACE",
    ] {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
}

/// Runs a command; a hang is a failure.
pub fn run(command: &mut Command) -> Output {
    finish(command.spawn().expect("the program runs"))
}

/// Waits for a program; a hang is a failure.
pub fn finish(mut child: Child) -> Output {
    let stdout = drained(child.stdout.take());
    let stderr = drained(child.stderr.take());
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it hangs");
        }
        thread::sleep(Duration::from_millis(2));
    };
    Output {
        status,
        stdout: stdout.join().expect("its output"),
        stderr: stderr.join().expect("its messages"),
    }
}

fn drained(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut all);
        }
        all
    })
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

pub fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

/// A folder of its own for each test, gone when it is over.
pub struct Place(tempfile::TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().expect("a folder"))
    }

    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn name(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// Names of what is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }
}
