//! What each target begins with: the captures and listings of testdata, and whatever was found to break something.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use tcptrace_states::analyze::{Settings, analyze};
use tcptrace_states::capture::{CaptureReader, Record};
use tcptrace_states::report;

use super::frame::LINKS;
use super::text::kind;

/// Captures above this size are no seeds, octets: mutations of them say nothing that those of small ones do not.
const LARGEST: u64 = 32 << 10;

/// Frames of one capture that become seeds.
const FRAMES_OF_A_CAPTURE: usize = 12;

/// Regression files of a target: `testdata/hostile/TARGET`.
pub fn found(root: &Path, target: &str) -> Vec<Vec<u8>> {
    files(&root.join("testdata/hostile").join(target), &[])
        .iter()
        .map(|path| fs::read(path).expect("a regression file"))
        .collect()
}

/// Seeds of a target out of testdata, and out of a folder of captures if there is one.
pub fn of(root: &Path, corpus: Option<&Path>, target: &str) -> Vec<Vec<u8>> {
    let captures = captures(root, corpus);
    match target {
        "container" => captures.iter().filter_map(|path| fs::read(path).ok()).collect(),
        "frame" => captures.iter().flat_map(|path| frames(path)).collect(),
        "story" => stories(),
        "text" => texts(root, &captures),
        _ => panic!("no target {target}"),
    }
}

/// Captures of testdata, and of a folder, that are small enough.
fn captures(root: &Path, corpus: Option<&Path>) -> Vec<PathBuf> {
    let kinds = [
        "pcap", "pcapng", "cap", "ntar", "gz", "zst", "xz", "bz2", "lz4", "snoop",
    ];
    let mut all = files(&root.join("testdata"), &kinds);
    all.retain(|path| !path.components().any(|part| part.as_os_str() == "hostile"));
    all.extend(corpus.iter().flat_map(|corpus| files(corpus, &kinds)));
    all.retain(|path| fs::metadata(path).is_ok_and(|data| data.len() <= LARGEST));
    all
}

/// The files of a folder and of those in it, by the ends of their names if there are any, in order.
pub fn files(folder: &Path, kinds: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let kind = path
                .extension()
                .and_then(|kind| kind.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                open.push(path);
            } else if kinds.is_empty() || kinds.contains(&kind) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Frames of a capture as the target `frame` wants them: each alone, and all together.
fn frames(capture: &Path) -> Vec<Vec<u8>> {
    let Ok(bytes) = fs::read(capture) else {
        return Vec::new();
    };
    let Ok(mut reader) = CaptureReader::from_reader("seed", Box::new(Cursor::new(bytes))) else {
        return Vec::new();
    };
    let mut frames: Vec<Vec<u8>> = Vec::new();
    while let Ok(Some(record)) = reader.next_record() {
        let Record::Frame(frame) = record else { continue };
        let Ok(length) = u16::try_from(frame.bytes.len()) else {
            continue;
        };
        let mut seed = match LINKS.iter().position(|link| u32::from(*link) == frame.link.0) {
            Some(place) => vec![place as u8],
            None => [&[255][..], &(frame.link.0 as u16).to_be_bytes()].concat(),
        };
        seed.push(0x11);
        seed.extend(length.to_be_bytes());
        seed.extend(frame.bytes);
        if !frames.contains(&seed) {
            frames.push(seed);
        }
        if frames.len() == FRAMES_OF_A_CAPTURE {
            break;
        }
    }
    frames.push(frames.concat());
    frames
}

/// Openings, closes, resets and reuses as octets of the target `story`.
fn stories() -> Vec<Vec<u8>> {
    // Pause, side (0 client, 1 server), kind.
    let line = |pause: u8, side: u8, kind: u8| [pause << 3 | side, kind];
    let open = [line(0, 0, 3), line(3, 1, 4), line(3, 0, 0)].concat();
    let data = [line(2, 0, 0x51), line(3, 1, 0x51), line(3, 0, 0)].concat();
    let close = [line(5, 0, 2), line(3, 1, 0), line(7, 1, 2), line(3, 0, 0)].concat();
    let crossed = [line(5, 0, 2), line(0, 1, 2), line(3, 0, 0), line(0, 1, 0)].concat();
    let reset = [line(5, 1, 5)].concat();
    let reuse = [
        &line(6, 0, 0x80)[..],
        &[0, 1, 0, 0],
        &line(3, 1, 4),
        &line(3, 0, 0),
    ]
    .concat();
    let repeat = [&line(4, 0, 0xb0)[..], &[0, 0]].concat();
    let jump = [&[31 << 3, 0][..], &u64::MAX.to_be_bytes()].concat();
    let stories: [&[&[u8]]; 10] = [
        &[&open, &data, &close],
        &[&open, &close, &reuse, &data, &close],
        &[&open, &crossed, &reuse, &reset],
        &[&open, &data, &reset, &reuse],
        &[&open, &data, &repeat, &repeat, &close, &repeat],
        &[&data, &close],
        &[&open, &jump, &data, &close],
        &[
            &line(0, 0, 3),
            &line(0, 1, 3),
            &line(3, 0, 4),
            &line(0, 1, 4),
            &close,
        ],
        &[&open.repeat(60), &reset.repeat(40)],
        &[&[line(2, 0, 3), line(0, 1, 6)].concat().repeat(400)],
    ];
    let starts = [
        [0; 10],
        [0x3f, 0, 0, 1, 0, 0, 0, 2, 0, 15],
        [0x7e, 255, 255, 255, 254, 127, 255, 255, 255, 0],
    ];
    let whole = |story: &[&[u8]]| starts.map(|start| [&start[..], &story.concat()].concat());
    stories.iter().flat_map(|story| whole(story)).collect()
}

fn texts(root: &Path, captures: &[PathBuf]) -> Vec<Vec<u8>> {
    let of = |name: &str, text: &[u8]| [&[kind(name)][..], text].concat();
    let mut texts = Vec::new();
    for text in CONFIGS {
        texts.push(of("config", text.as_bytes()));
    }
    for path in files(&root.join("testdata/ss"), &[]) {
        let text = fs::read(&path).expect("a listing");
        texts.push(of("ss", text.get(..8 << 10).unwrap_or(&text)));
    }
    for text in BASELINES {
        texts.push(of("baseline", text.as_bytes()));
    }
    for capture in captures.iter().step_by(20) {
        let settings = Settings {
            files: vec![capture.clone()],
            ..Settings::default()
        };
        let Ok(analysis) = analyze(&settings, &mut |_| {}) else {
            continue;
        };
        let (mut document, mut lines) = (Vec::new(), Vec::new());
        report::json::write(&mut document, &analysis).expect("in memory");
        report::jsonl::write(&mut lines, &analysis).expect("in memory");
        texts.extend([document, lines].iter().map(|text| of("saved", text)));
    }
    texts.push(of("arguments", ARGUMENTS.as_bytes()));
    for text in HOSTILE {
        texts.push(of("escapes", text.as_bytes()));
    }
    texts
}

const CONFIGS: [&str; 3] = [
    "fail-on = \"warning\"\n[time-wait]\nmsl = \"30s\"\nephemeral-ports = 28232\n[limits]\nfin-wait-2 = \"60s\"\n\
     [limits.half-close]\nwarning = \"30s\"\nerror = \"60s\"\n[rules.TW04]\nlevel = \"off\"\n",
    "[[allow]]\nrule = \"TW*\"\nserver = \"10.0.1.0/24:443\"\nreason = \"known\"\nexpires = 2027-01-31\n",
    "[[budget]]\nname = \"a\"\nservice = \"*:443\"\nhandshake-p99 = \"20ms\"\n[[budget]]\nname = \"b\"\nservice = \"*\"\nmax-resets = 3\n",
];

const BASELINES: [&str; 2] = [
    "{\"version\":1,\"accepted\":{}}",
    "{\"version\":1,\"accepted\":{\"TW04 10.0.0.5:8080 server\":3,\"CP01 capture\":1}}",
];

const ARGUMENTS: &str = "10.0.0.5\n10.0.0.5:8080\n[::1]:8080\n::1\n10.0.1.0/24:443\n[2001:db8::]/32\n*:443\n*\n\
    [2001:db8::1]/128:*\nCLOSE-WAIT\nserver=FIN_WAIT1\nTW04\nTW*\nhalf-close-long\n::ffff:10.0.0.5\n0.0.0.0/0:*\n";

const HOSTILE: [&str; 4] = [
    "\u{1b}[2J\u{1b}]0;x\u{7}\u{9b}31m\u{202e}\u{200b}\u{0}\r\n<script>alert(1)</script>]]>&amp;",
    "::error title=x::y%0A%25 | `code` **b** [a](b) ![a](b) http://e.vil www.e.vil {0} \\| ~~x~~ <!-- -->",
    "=cmd|' /C calc'!A1 +1 -1 @a \t1. - # > ---\n    code\n\n===\n|a|b|\n|-|-|",
    "\u{fffe}\u{ffff}\u{feff}e\u{301}日本 file:///etc/passwd a:b ../..",
];
