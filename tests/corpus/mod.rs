//! A folder of captures of other people, with what other programs say of them. It is no part of this repository: the
//! environment variable `TCPTRACE_STATES_CORPUS` names it, and tests that need it say so when they are skipped.
#![allow(dead_code, clippy::print_stderr)] // no test file uses all of it

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::Analysis;

/// The folder; says so if there is none.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("TCPTRACE_STATES_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("SKIPPED: TCPTRACE_STATES_CORPUS does not name a folder of captures");
    }
    folder
}

/// Name and path of each capture that has a truth file of this kind; compressed ones are unpacked beside the build.
pub fn captures(corpus: &Path, kind: &str) -> Vec<(String, PathBuf)> {
    let suffix = format!(".{kind}");
    let mut names: Vec<String> = fs::read_dir(corpus.join("truth"))
        .expect("the corpus has a folder `truth`")
        .filter_map(|entry| {
            entry
                .ok()?
                .file_name()
                .to_str()?
                .strip_suffix(&suffix)
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    let unpack = |name: &String| -> PathBuf {
        let packed = corpus.join(name);
        if !name.ends_with(".gz") {
            return packed;
        }
        let plain =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{kind}-{}", name.trim_end_matches(".gz")));
        let mut bytes = Vec::new();
        let file = fs::File::open(&packed).expect("a capture");
        flate2::read::MultiGzDecoder::new(file)
            .read_to_end(&mut bytes)
            .expect("gzip");
        fs::write(&plain, bytes).expect("space beside the build");
        plain
    };
    names
        .into_iter()
        .map(|name| (unpack(&name), name))
        .map(|(path, name)| (name, path))
        .collect()
}

/// What the program makes of a capture; None if it cannot be read.
pub fn read(capture: &Path, ladder: LadderRequest) -> Option<Analysis> {
    let settings = Settings {
        files: vec![capture.to_owned()],
        time_wait_ns: 60_000_000_000,
        ladder,
        limits: Default::default(),
        findings: Default::default(),
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).ok()
}
