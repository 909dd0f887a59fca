//! `explain`: every word that the program says has an explanation, and the README says what the rules say.

use std::fs;
use std::path::Path;
use std::process::Command;

use tcptrace_states::explain::{self, Answer, Block, Page};
use tcptrace_states::findings::{self, elsewhere::Here};
use tcptrace_states::model::{Outcome, State};
use tcptrace_states::report;
use tcptrace_states::report::look::{Look, Rows, SequenceNumbers};

fn pages(word: &str) -> Vec<Page> {
    match explain::lookup(word) {
        Answer::Pages(pages) => pages,
        Answer::Unknown { nearest } => panic!("{word} is unknown; near: {nearest:?}"),
    }
}

fn text(pages: &[Page], width: usize, ascii: bool) -> String {
    let look = Look {
        width,
        rows: Rows::All,
        ascii,
        color: false,
        seq: SequenceNumbers::Absolute,
    };
    let mut out = Vec::new();
    report::explain::write(&mut out, pages, &look).expect("a Vec takes everything");
    String::from_utf8(out).expect("views write UTF-8")
}

fn markdown(pages: &[Page]) -> String {
    let mut out = Vec::new();
    report::explain::write_markdown(&mut out, pages).expect("a Vec takes everything");
    String::from_utf8(out).expect("views write UTF-8")
}

fn all() -> Vec<Page> {
    let rules = findings::rules().map(|rule| rule.code);
    let words = rules.chain(State::ALL.map(State::name)).chain([
        "EXIT",
        "presumed",
        "TW*",
        "close.kind",
        "weakened_by",
    ]);
    words.flat_map(pages).chain([explain::index()]).collect()
}

#[test]
fn every_rule_and_state_is_explained_however_it_is_written() {
    for rule in findings::rules() {
        for word in [
            rule.code,
            rule.name,
            &rule.code.to_lowercase(),
            &rule.name.to_uppercase(),
        ] {
            let title = format!("{} {}", rule.code, rule.name);
            assert!(pages(word).iter().any(|page| page.title == title), "{word}");
        }
    }
    for word in ["TIME-WAIT", "time_wait", "TIME_WAIT", "TimeWait", "time-wait"] {
        assert_eq!(pages(word)[0].title, "TIME-WAIT");
    }
}

#[test]
fn every_field_and_word_of_the_contract_is_explained() {
    for word in [
        "close.half_close_ns",
        "half_close_ns",
        "connection.close.half_close_ns",
        "HALF-CLOSE-NS",
    ] {
        let text = text(&pages(word), 80, false);
        assert!(
            text.contains("CLOSE-WAIT") && text.contains("integer or null"),
            "{text}"
        );
    }
    let transitions = text(&pages("transitions.evidence"), 100, false);
    assert!(
        transitions.contains("connection.endpoints.client.transitions[].evidence"),
        "{transitions}"
    );
    for word in [
        "sent",
        "confirmed",
        "presumed",
        "inferred",
        "timer",
        "fin-missing",
        "possible",
        "legal-by-iss",
        "baseline",
        "errors",
        "warnings",
    ] {
        pages(word);
    }
    for outcome in Outcome::ALL {
        assert!(
            pages(outcome.name())
                .iter()
                .any(|page| page.kind == "value of outcome"),
            "{}",
            outcome.name()
        );
    }
}

#[test]
fn names_of_other_tools_lead_to_the_rule() {
    for name in findings::elsewhere::names() {
        let text = text(&pages(&name.name), 100, false);
        match name.here {
            Here::Rules(codes) => assert!(
                codes.iter().any(|code| text.contains(code)),
                "{}: {text}",
                name.name
            ),
            Here::NoRule(why) => {
                let words = |text: &str| {
                    text.split_whitespace()
                        .map(str::to_owned)
                        .collect::<Vec<String>>()
                        .join(" ")
                };
                assert!(words(&text).contains(&words(why)), "{}: {text}", name.name);
            }
        }
    }
    let suricata = text(&pages("stream.rst_invalid_ack"), 80, false);
    assert!(suricata.contains("RS06"), "{suricata}");
}

#[test]
fn an_unknown_word_gets_its_neighbours() {
    let near = |word: &str| match explain::lookup(word) {
        Answer::Pages(pages) => panic!("{pages:?}"),
        Answer::Unknown { nearest } => nearest,
    };
    assert_eq!(near("TIME-WIAT")[0], "TIME-WAIT");
    assert!(near("reuse-refuse").contains(&"reuse-refused".to_owned()));
    assert!(near("").is_empty() && near("\u{1b}[31mqqqqqqqq").is_empty());
    near(&"x".repeat(1 << 16));
}

#[test]
fn no_page_is_wider_than_the_screen() {
    for width in [40, 60, 80, 200] {
        for page in all() {
            for line in text(std::slice::from_ref(&page), width, false).lines() {
                // Stories stay as they are, and so does a path that is one long word.
                let whole =
                    line.starts_with("  ") || line.contains('`') || line.split_whitespace().count() < 3;
                assert!(line.chars().count() <= width.min(100) || whole, "{width}: {line}");
            }
        }
    }
    assert!(text(&all(), 80, true).is_ascii());
}

#[test]
fn screens() {
    insta::assert_snapshot!("time_wait", text(&pages("TIME-WAIT"), 80, false));
    insta::assert_snapshot!("close_wait", text(&pages("CLOSE-WAIT"), 80, false));
    insta::assert_snapshot!("rule", text(&pages("HC06"), 80, false));
    insta::assert_snapshot!("field", text(&pages("half_close_ns"), 80, false));
    insta::assert_snapshot!("exit", text(&pages("EXIT"), 80, false));
    insta::assert_snapshot!("event", text(&pages("fin-missing"), 80, false));
    insta::assert_snapshot!("markdown", markdown(&pages("TW05")));
}

#[test]
fn a_table_in_markdown_has_as_many_cells_in_each_row() {
    let table = explain::rules_table();
    let Some(Block::Grid { head, rows }) = table.blocks.first() else {
        panic!("no table");
    };
    assert_eq!(rows.len(), findings::rules().count());
    let mut out = Vec::new();
    report::explain::write_body_markdown(&mut out, std::slice::from_ref(&table))
        .expect("a Vec takes everything");
    let text = String::from_utf8(out).expect("UTF-8");
    for line in text.lines() {
        let bars = line.replace("\\|", "").matches('|').count();
        assert_eq!(bars, head.len() + 1, "{line}");
    }
}

#[test]
#[allow(clippy::print_stdout)] // a test that is skipped should say so
fn the_readme_lists_the_rules_as_they_are() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("a README");
    let section = readme
        .split_once("<!-- rules -->\n")
        .and_then(|(_, rest)| rest.split_once("<!-- /rules -->"));
    let Some((section, _)) = section else {
        println!("skipped: the README has no <!-- rules --> … <!-- /rules --> yet");
        return;
    };
    let mut out = Vec::new();
    report::explain::write_body_markdown(&mut out, &[explain::rules_table()])
        .expect("a Vec takes everything");
    let table = String::from_utf8(out).expect("UTF-8");
    assert_eq!(
        section.trim(),
        table.trim(),
        "run: tcptrace-states explain --rules --format markdown"
    );
}

#[test]
fn the_program_prints_both_and_fails_on_what_it_does_not_know() {
    let run = |args: &[&str]| {
        Command::new(assert_cmd::cargo::cargo_bin!("tcptrace-states"))
            .args(args)
            .output()
            .expect("the program")
    };
    let schema: serde_json::Value = serde_json::from_slice(&run(&["schema"]).stdout).expect("JSON");
    assert_eq!(schema, tcptrace_states::schema::schema());
    for args in [
        &["explain"][..],
        &["explain", "exit", "--format", "markdown"],
        &["explain", "--rules"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
    let unknown = run(&["explain", "TIME-WIAT\u{1b}"]);
    assert_eq!(unknown.status.code(), Some(2));
    let text = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(
        text.contains("did you mean TIME-WAIT") && !text.contains('\u{1b}'),
        "{text}"
    );
}
