//! The README is true: its screens are what the program prints, and its configuration is read without a complaint.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use tcptrace_states::check::Config;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README")
}

/// The blocks fenced as `language`.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = text.split(fence.as_str()).skip(1);
    parts.filter_map(|rest| rest.split("\n```").next()).collect()
}

/// Every line of a screen is printed, in this order; `…` stands for lines that are left out.
#[test]
fn screens_are_what_the_program_prints() {
    let text = readme();
    let screens = blocks(&text, "console");
    assert!(screens.len() >= 3, "{}", screens.len());
    for screen in screens {
        let mut lines = screen.lines();
        let command = lines
            .next()
            .and_then(|line| line.strip_prefix("$ tcptrace-states "));
        let command = command.expect("a command");
        let output = Command::cargo_bin("tcptrace-states")
            .expect("the program")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(command.split(' '))
            .env_remove("TCPTRACE_STATES_CONFIG")
            .output()
            .expect("a run");
        let printed = String::from_utf8(output.stdout).expect("text");
        let mut printed = printed.lines();
        for line in lines.filter(|line| *line != "…") {
            assert!(
                printed.any(|other| other == line),
                "`{command}` does not print `{line}`"
            );
        }
    }
}

#[test]
fn the_configuration_is_read() {
    let text = readme();
    let examples = blocks(&text, "toml");
    assert!(!examples.is_empty());
    for example in examples {
        if let Err(error) = Config::parse(example, "README.md") {
            panic!("{error}");
        }
    }
}
