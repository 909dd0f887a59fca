//! The fuzz targets over what is known to be nasty: seeds, what was found before, and mutations of both.
//!
//! `TCPTRACE_STATES_MUTATIONS` sets how many mutations each target gets; stories get a quarter.

#![allow(clippy::print_stderr)] // where the input lies that breaks something

#[path = "hostile/mod.rs"]
mod hostile;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use hostile::mutation::{Random, mutate};
use hostile::{TARGETS, seeds};

/// Mutations of each target, unless told otherwise; stories get a quarter.
const MUTATIONS: u64 = 4_000;
/// Octets of a mutated input, at most.
const LARGEST: usize = 8 << 10;

fn mutations() -> u64 {
    let told = std::env::var("TCPTRACE_STATES_MUTATIONS").ok();
    told.map_or(MUTATIONS, |text| {
        text.parse().expect("TCPTRACE_STATES_MUTATIONS is a number")
    })
}

fn run(name: &str) {
    let (_, survive) = TARGETS
        .iter()
        .find(|(target, _)| *target == name)
        .expect("a target");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let attempt = |what: &str, input: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| survive(input))) {
            let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("hostile-{name}"));
            std::fs::write(&kept, input).expect("space beside the build");
            eprintln!("{name}: {what} breaks it; kept as {}", kept.display());
            std::panic::resume_unwind(panic);
        }
    };
    let mut inputs = seeds::found(root, name);
    for (number, input) in inputs.iter().enumerate() {
        attempt(&format!("regression file {number}"), input);
    }
    inputs.extend(seeds::of(root, None, name));
    assert!(inputs.len() > 10, "{} seeds", inputs.len());
    for (number, input) in inputs.iter().enumerate() {
        attempt(&format!("seed {number}"), input);
    }
    inputs.retain(|input| input.len() <= LARGEST);
    // A story takes milliseconds, the others microseconds.
    let share = if name == "story" { 4 } else { 1 };
    for seed in 0..mutations() / share {
        let mut random = Random(seed);
        let mut input = random.pick(&inputs).clone();
        let other = random.pick(&inputs).clone();
        mutate(&mut input, &other, &mut random);
        input.truncate(LARGEST);
        attempt(&format!("mutation {seed}"), &input);
    }
    attempt("nothing at all", &[]);
}

#[test]
fn any_container_is_survived() {
    run("container");
}

#[test]
fn any_frame_is_survived() {
    run("frame");
}

#[test]
fn any_story_is_survived() {
    run("story");
}

#[test]
fn any_text_is_survived() {
    run("text");
}

/// A seed that is refused at its first word says little.
#[test]
fn texts_among_the_seeds_are_right() {
    use tcptrace_states::check::{Baseline, Config};
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let texts = seeds::of(root, None, "text");
    let of = |name: &str| -> Vec<String> {
        let own = texts.iter().filter(|text| text[0] == hostile::text::kind(name));
        own.map(|text| String::from_utf8_lossy(&text[1..]).into_owned())
            .collect()
    };
    for name in ["config", "ss", "baseline", "saved", "arguments", "escapes"] {
        assert!(!of(name).is_empty(), "{name}");
    }
    for text in of("config") {
        if let Err(error) = Config::parse(&text, "seed") {
            panic!("{error}");
        }
    }
    for text in of("baseline") {
        assert!(Baseline::parse(&text).is_ok(), "{text}");
    }
    for text in of("saved") {
        assert!(tcptrace_states::saved::read("seed", &mut text.as_bytes()).is_ok());
    }
}
