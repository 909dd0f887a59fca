//! What `check` writes: how it looks, that it keeps to the schemas, and that no text from outside gets out of its place.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tcptrace_states::check::Verdict;
use tcptrace_states::report::check::{github, human, json, junit, markdown, sarif};
use tcptrace_states::report::escape::{Escaped, visible};
use tcptrace_states::report::look::{Look, Rows, SequenceNumbers};

#[path = "check_formats/escaping.rs"]
mod escaping;
#[path = "check_formats/parsed.rs"]
mod parsed;
#[path = "check_formats/verdicts.rs"]
mod verdicts;

use parsed::{commands, markdown_shape};
use verdicts::{HOSTILE, damaged, empty, filled_with, many, mixed};

fn look(width: usize) -> Look {
    Look {
        width,
        rows: Rows::All,
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    }
}

fn written(view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    view(&mut out).expect("a Vec takes everything");
    // A release must not change the snapshots.
    String::from_utf8(out)
        .expect("views write UTF-8")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

fn screen(verdict: &Verdict, look: &Look) -> String {
    written(|out| human::write(out, verdict, look))
}

fn junit_of(verdict: &Verdict) -> String {
    written(|out| junit::write(out, verdict))
}

fn github_of(verdict: &Verdict) -> String {
    written(|out| github::write(out, verdict))
}

fn markdown_of(verdict: &Verdict) -> String {
    written(|out| markdown::write(out, verdict))
}

fn json_of(verdict: &Verdict) -> Value {
    serde_json::from_str(&written(|out| json::write(out, verdict))).expect("JSON")
}

fn sarif_of(verdict: &Verdict) -> Value {
    serde_json::from_str(&written(|out| sarif::write(out, verdict))).expect("JSON")
}

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/schemas")
        .join(name)
}

/// Verdicts of all kinds, with names for messages.
fn all() -> Vec<(&'static str, Verdict)> {
    let long = HOSTILE.repeat(65_536 / HOSTILE.len() + 1);
    let nameless = Verdict {
        files: Vec::new(),
        ..mixed()
    };
    vec![
        ("empty", empty()),
        ("mixed", mixed()),
        ("damaged", damaged()),
        ("hostile", filled_with(HOSTILE)),
        ("long", filled_with(&long)),
        ("blank", filled_with("")),
        ("commands", filled_with("::error::\n::error::x :: ::add-mask::y")),
        ("nameless", nameless),
        ("many", many()),
    ]
}

#[test]
fn human_screens() {
    insta::assert_snapshot!("human", screen(&mixed(), &look(100)));
    insta::assert_snapshot!("human_empty", screen(&empty(), &look(100)));
    insta::assert_snapshot!("human_damaged", screen(&damaged(), &look(60)));
    let mut hostile = filled_with(HOSTILE);
    hostile.files.truncate(1);
    hostile.damage.truncate(1);
    hostile.remarks.truncate(1);
    hostile.cases.drain(1..4);
    hostile.cases.truncate(2);
    insta::assert_snapshot!("human_hostile", screen(&hostile, &look(100)));
}

#[test]
fn human_in_ascii_and_colour() {
    let ascii = Look {
        ascii: true,
        ..look(80)
    };
    assert!(screen(&mixed(), &ascii).is_ascii());
    let colour = Look {
        color: true,
        ..look(80)
    };
    let coloured = screen(&mixed(), &colour);
    assert!(coloured.contains("\u{1b}[31mFAIL\u{1b}["));
    let mut plain = String::new();
    for (index, part) in coloured.split('\u{1b}').enumerate() {
        plain.push_str(if index == 0 {
            part
        } else {
            part.split_once('m').expect("a colour").1
        });
    }
    assert_eq!(
        plain,
        screen(&mixed(), &look(80)),
        "the text is the same without colours"
    );
}

#[test]
fn human_keeps_to_the_width_and_obeys_nothing() {
    for (name, verdict) in all() {
        for width in [40, 80, 160] {
            for line in screen(&verdict, &look(width)).lines() {
                assert!(line.chars().count() <= width, "{name} at {width}: {line}");
                assert_eq!(Escaped(line).to_string(), line, "{name}");
                assert!(!line.trim_start().starts_with("::"), "{name}: {line}");
            }
        }
    }
}

#[test]
fn json_documents() {
    insta::assert_snapshot!("json", written(|out| json::write(out, &mixed())));
    let text = fs::read_to_string(schema("check.schema.json")).expect("the schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    valid_against(&schema, json_of);
    let hostile = json_of(&filled_with(HOSTILE));
    assert_eq!(hostile["cases"][0]["message"], HOSTILE, "a text stays as it is");
}

#[test]
fn sarif_documents() {
    let text = fs::read_to_string(schema("sarif-schema-2.1.0.json")).expect("the schema");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    // The published pattern of a field that is not written here has a bracket too many, which not every reader forgives.
    for object in ["run", "toolComponent"] {
        let path = format!("/definitions/{object}/properties/language/pattern");
        *schema.pointer_mut(&path).expect("the pattern") = "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$".into();
    }
    valid_against(&schema, sarif_of);
    for (name, verdict) in all() {
        let document = sarif_of(&verdict);
        let run = &document["runs"][0];
        let results = run["results"].as_array().expect("results");
        assert_eq!(results.len(), verdict.cases.len(), "{name}");
        for (result, case) in results.iter().zip(&verdict.cases) {
            let index = result["ruleIndex"].as_u64().expect("an index") as usize;
            assert_eq!(
                run["tool"]["driver"]["rules"][index]["id"], result["ruleId"],
                "{name}"
            );
            assert_eq!(result["ruleId"], case.code.as_str(), "{name}");
        }
    }
}

#[test]
fn sarif_looks_like_this() {
    let mut document = sarif_of(&mixed());
    let run = &mut document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array_mut().expect("rules");
    let rule = rules
        .iter()
        .find(|rule| rule["id"] == "FN08")
        .expect("a rule of ours");
    assert_eq!(rule["name"], "data-after-fin");
    assert_eq!(rule["defaultConfiguration"]["level"], "error");
    let help = rule["help"]["markdown"].as_str().expect("help");
    assert!(help.starts_with("An endpoint sent payload") && help.contains("\n# Why it matters\n"));
    // Other rules come and go; what is shown are those of the verdict alone.
    rules.retain(|rule| rule["help"].is_null());
    for result in run["results"].as_array_mut().expect("results") {
        result["ruleIndex"] = "INDEX".into();
    }
    insta::assert_snapshot!("sarif", serde_json::to_string_pretty(&document).expect("JSON"));
}

#[test]
fn sarif_names_files_by_relative_uris() {
    for (file, uri) in [
        ("ci/run 1.pcap", "ci/run%201.pcap"),
        ("/tmp/a.pcap", "file:///tmp/a.pcap"),
        ("javascript:x", "javascript%3Ax"),
        ("a?b#c%d\u{202e}", "a%3Fb%23c%25d%E2%80%AE"),
    ] {
        let verdict = Verdict {
            files: vec![file.to_owned()],
            ..mixed()
        };
        let document = sarif_of(&verdict);
        let location = &document["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], uri);
        assert_eq!(location["region"]["startLine"], 124, "the packet");
    }
    let two = Verdict {
        files: vec!["a.pcap".to_owned(), "b.pcap".to_owned()],
        ..mixed()
    };
    let document = sarif_of(&two);
    let location = &document["runs"][0]["results"][0]["locations"][0];
    assert_eq!(
        location["physicalLocation"]["region"]["startLine"], 1,
        "nothing tells whose packet it is"
    );
    assert_eq!(location["properties"]["packet"], 124);
}

fn valid_against(schema: &Value, document: fn(&Verdict) -> Value) {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(schema)
        .expect("a sound schema");
    for (name, verdict) in all() {
        let document = document(&verdict);
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {}", error.instance_path(), error.masked()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    let broken = serde_json::json!({ "version": 3 });
    assert!(!validator.is_valid(&broken), "the schema says no to something");
}

#[test]
fn junit_documents() {
    insta::assert_snapshot!("junit", junit_of(&mixed()));
    insta::assert_snapshot!("junit_damaged", junit_of(&damaged()));
    for (name, verdict) in all() {
        let text = junit_of(&verdict);
        let document = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let count = |tag: &str| {
            document
                .descendants()
                .filter(|node| node.has_tag_name(tag))
                .count()
        };
        assert_eq!(
            count("testcase"),
            1 + verdict.cases.len() + verdict.passed.len(),
            "{name}"
        );
        let suite = document.descendants().find(|node| node.has_tag_name("testsuite"));
        for (attribute, tag) in [
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ] {
            let said = suite.and_then(|node| node.attribute(attribute));
            assert_eq!(said, Some(count(tag).to_string().as_str()), "{name}: {attribute}");
        }
    }
    let hostile = junit_of(&filled_with(HOSTILE));
    let document = roxmltree::Document::parse(&hostile).expect("XML");
    let failure = document.descendants().find(|node| node.has_tag_name("failure"));
    let message = failure.and_then(|node| node.attribute("message"));
    assert_eq!(message, Some(visible(HOSTILE).collect::<String>().as_str()));
}

/// With `xmllint` of Debian's libxml2-utils.
#[test]
fn junit_keeps_to_the_schema() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for (name, verdict) in all() {
        let file = folder.join(format!("{name}.junit.xml"));
        fs::write(&file, junit_of(&verdict)).expect("a file");
        if validated(&file) == Some(false) {
            panic!("{} is not valid", file.display());
        }
    }
    let broken = folder.join("broken.junit.xml");
    fs::write(&broken, "<testsuites><testcase/></testsuites>").expect("a file");
    assert_ne!(validated(&broken), Some(true), "the schema says no to something");
}

/// None without the tool. Says so on standard error itself: what a passing test prints is swallowed.
fn validated(file: &Path) -> Option<bool> {
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--huge", "--schema"])
        .arg(schema("junit-10.xsd"))
        .arg(file)
        .output();
    match output {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
            Some(output.status.success())
        }
        Err(error) => {
            let name = file.display();
            let text = format!("SKIPPED: {name} is not held against the JUnit schema, no xmllint: {error}\n");
            io::stderr().write_all(text.as_bytes()).expect("standard error");
            None
        }
    }
}

#[test]
fn github_commands() {
    insta::assert_snapshot!("github", github_of(&mixed()));
    insta::assert_snapshot!("github_damaged", github_of(&damaged()));
    for (name, verdict) in all() {
        let text = github_of(&verdict);
        let (commands, rest) = commands(&text);
        for command in &commands {
            assert!(
                ["error", "warning", "notice"].contains(&command.name.as_str()),
                "{name}"
            );
            assert_eq!(command.properties.len(), 1, "{name}");
            assert_eq!(command.properties[0].0, "title", "{name}");
        }
        let [last] = rest.as_slice() else {
            panic!("{name}: {rest:?}")
        };
        assert!(
            last.starts_with("tcptrace-states: ") && text.ends_with(&format!("{last}\n")),
            "{name}"
        );
        for level in ["error", "warning", "notice"] {
            let shown = commands.iter().filter(|command| command.name == level).count();
            assert!(shown <= 10, "{name}: {shown} {level}");
        }
    }
    let text = github_of(&filled_with(HOSTILE));
    let shown = visible(HOSTILE).collect::<String>();
    let (found, _) = commands(&text);
    let case = &found[1];
    assert!(case.properties[0].1.contains(&shown), "the whole text arrives");
    assert_eq!(case.data.lines().next(), Some(shown.as_str()));
}

#[test]
fn github_counts_what_it_leaves_out() {
    let text = github_of(&many());
    let last = text.lines().last().unwrap_or_default();
    assert!(
        last.ends_with("; not annotated: 190 errors, 191 warnings, 390 notices"),
        "{last}"
    );
}

#[test]
fn the_screen_shows_the_worst_and_counts_the_rest() {
    let text = screen(&many(), &look(100));
    assert_eq!(text.matches(" many at ").count(), 100);
    assert!(
        text.contains("… 500 cases more, none of them worse: --format json"),
        "{text}"
    );
    assert!(!screen(&mixed(), &look(100)).contains("cases more"));
}

#[test]
fn markdown_summaries() {
    insta::assert_snapshot!("markdown", markdown_of(&mixed()));
    insta::assert_snapshot!("markdown_empty", markdown_of(&empty()));
    insta::assert_snapshot!("markdown_damaged", markdown_of(&damaged()));
    for (name, verdict) in all() {
        let text = markdown_of(&verdict);
        assert!(text.len() < 1024 * 1024, "{name}: {}", text.len());
        let shape = markdown_shape(&text);
        assert!(shape.foreign_html.is_empty(), "{name}: {:?}", shape.foreign_html);
        assert!(shape.links == 0 && shape.code == 0, "{name}");
        assert!(
            shape.rows.iter().all(|cells| *cells == 6),
            "{name}: {:?}",
            shape.rows
        );
        assert!(shape.rows.len() <= verdict.cases.len(), "{name}");
        assert_eq!(shape.headings, 1, "{name}");
        assert_eq!(shape.details_open, shape.details_closed, "{name}");
    }
    let hostile = markdown_of(&filled_with(HOSTILE));
    let shape = markdown_shape(&hostile);
    assert_eq!((shape.rows.len(), shape.details_open), (8, 8));
    assert!(
        shape.text.contains(visible(HOSTILE).collect::<String>().as_str()),
        "the whole text arrives"
    );
}

#[test]
fn markdown_counts_what_it_leaves_out() {
    let text = markdown_of(&many());
    let rows = markdown_shape(&text).rows.len();
    assert!(rows > 100, "{rows} rows");
    for left_out in [
        format!("… {} cases more, left out here", 600 - rows),
        "remarks more, left out here".to_owned(),
        "lines more, left out here".to_owned(),
    ] {
        assert!(text.contains(&left_out), "{left_out}");
    }
}
