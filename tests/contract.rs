//! The JSON Schema and the lines that the program writes say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::{Confidence, Role, ServiceFinding, Severity, State, lines};
use tcptrace_states::report::jsonl;
use tcptrace_states::schema::schema;

mod handmade;

/// All captures of `testdata` that are not there for their size.
fn captures() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut found: Vec<PathBuf> = ["kernel", "scenarios"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).expect("testdata"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "pcap" || end == "pcapng")
        })
        .collect();
    found.sort();
    assert!(found.len() > 100, "{}", found.len());
    found
}

/// The same schema, with no room for fields that it does not name.
fn strict() -> Value {
    let mut schema = schema();
    let mut whole = BTreeSet::new(); // definitions that are a line but for its tag
    for line in schema["oneOf"].as_array_mut().expect("kinds of line") {
        line["unevaluatedProperties"] = json!(false);
        whole.insert(
            line["$ref"]
                .as_str()
                .expect("a definition")
                .rsplit('/')
                .next()
                .expect("a name")
                .to_owned(),
        );
    }
    for (name, definition) in schema["$defs"].as_object_mut().expect("definitions") {
        if definition.get("properties").is_some() && !whole.contains(name) {
            definition["unevaluatedProperties"] = json!(false);
        }
    }
    schema
}

#[test]
fn the_schema_is_one() {
    jsonschema::meta::validate(&schema()).expect("a schema of its own draft");
    assert_eq!(
        schema()["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
}

#[test]
fn every_line_of_every_capture_validates_and_has_no_field_without_a_name() {
    let open = jsonschema::validator_for(&schema()).expect("a schema");
    let strict = jsonschema::validator_for(&strict()).expect("a schema");
    for path in captures() {
        let big = fs::metadata(&path).is_ok_and(|file| file.len() > 4 << 20);
        let settings = Settings {
            files: vec![path.clone()],
            time_wait_ns: 60_000_000_000,
            limits: Default::default(),
            ladder: if big {
                LadderRequest::None
            } else {
                LadderRequest::All
            },
            findings: Default::default(),
            ..Settings::default()
        };
        let analysis = analyze(&settings, &mut |_| {}).expect("a capture");
        for line in lines(&analysis) {
            let value = serde_json::to_value(&line).expect("plain data");
            for validator in [&open, &strict] {
                if let Err(error) = validator.validate(&value) {
                    panic!("{}: {error} at {}", path.display(), error.instance_path());
                }
            }
        }
    }
}

#[test]
fn a_field_that_the_schema_does_not_name_is_seen() {
    let strict = jsonschema::validator_for(&strict()).expect("a schema");
    let analysis = handmade::mixed();
    let line = lines(&analysis).nth(1).expect("a connection");
    let value = serde_json::to_value(&line).expect("plain data");
    assert!(strict.is_valid(&value));
    for pointer in [
        "",
        "/close",
        "/endpoints/client",
        "/ladder/0",
        "/handshake",
        "/client",
    ] {
        let mut more = value.clone();
        more.pointer_mut(pointer).expect(pointer)["unheard_of"] = json!(1);
        assert!(!strict.is_valid(&more), "{pointer}");
    }
    let mut less = value.clone();
    less["close"].as_object_mut().expect("an object").remove("kind");
    assert!(!strict.is_valid(&less), "null is written, not left out");
}

#[test]
fn every_property_is_described() {
    fn walk(node: &Value, path: &str, bare: &mut Vec<String>) {
        if let Some(properties) = node.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let text = property
                    .get("description")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                if text.is_empty() || text.starts_with("See ") || text.contains("[`") {
                    bare.push(format!("{path}.{name}: {text}"));
                }
            }
        }
        match node {
            Value::Object(object) => object
                .iter()
                .for_each(|(key, value)| walk(value, &format!("{path}/{key}"), bare)),
            Value::Array(list) => list.iter().for_each(|value| walk(value, path, bare)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut bare = Vec::new();
    walk(&schema(), "", &mut bare);
    assert!(bare.is_empty(), "{bare:#?}");
}

#[test]
fn the_schema_names_the_states_as_they_are_written() {
    let schema = schema();
    let states = schema["$defs"]["State"]["oneOf"].as_array().expect("states");
    let names: Vec<&str> = states
        .iter()
        .filter_map(|state| state["const"].as_str())
        .collect();
    assert_eq!(names, State::ALL.map(State::name));
}

#[test]
fn findings_about_services_are_lines_between_the_connections_and_the_summary() {
    let mut analysis = handmade::mixed();
    analysis.findings.push(ServiceFinding {
        code: "HC05",
        name: "close-wait-leak",
        severity: Severity::Error,
        confidence: Confidence::Proven,
        server: Some(analysis.connections[0].server),
        client: None,
        endpoint: Some(Role::Server),
        connections: 7,
        ids: vec![1, 2],
        behind: Default::default(),
        at: None,
        message: "7 half-closes".to_owned(),
        weakened_by: Vec::new(),
    });
    let mut out = Vec::new();
    jsonl::write(&mut out, &analysis).expect("a Vec takes everything");
    let text = String::from_utf8(out).expect("UTF-8");
    let values: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let finding = &values[values.len() - 2];
    assert_eq!(
        (&finding["type"], &finding["code"]),
        (&json!("finding"), &json!("HC05"))
    );
    let validator = jsonschema::validator_for(&strict()).expect("a schema");
    assert!(values.iter().all(|value| validator.is_valid(value)));
}
