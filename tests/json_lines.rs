//! JSON Lines are what serde_json makes of the model, to the last octet, for every capture at hand.

use std::path::Path;

use serde_json::Value;
use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::lines;
use tcptrace_states::report::{json, jsonl};

/// All captures in a folder and in those below it.
fn captures(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("testdata is there");
    let mut found: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| {
            if path.is_dir() {
                captures(&path)
            } else {
                vec![path]
            }
        })
        .collect();
    found.sort();
    found
}

#[test]
fn they_are_what_serde_json_makes_of_the_model() {
    let (mut connections, mut ladders) = (0, 0);
    for path in captures(Path::new("testdata")) {
        let settings = Settings {
            files: vec![path.clone()],
            ladder: LadderRequest::All,
            ..Settings::default()
        };
        let Ok(analysis) = analyze(&settings, &mut |_| {}) else {
            continue; // no capture
        };
        connections += analysis.connections.len();
        ladders += usize::from(analysis.connections.iter().any(|one| !one.ladder.is_empty()));
        let (mut ours, mut document) = (Vec::new(), Vec::new());
        jsonl::write(&mut ours, &analysis).expect("a Vec takes everything");
        json::write(&mut document, &analysis).expect("a Vec takes everything");
        let ours = String::from_utf8(ours).expect("UTF-8");
        let pairs: Vec<_> = ours.lines().zip(lines(&analysis)).collect();
        assert_eq!(pairs.len(), ours.lines().count(), "{path:?}");
        assert_eq!(pairs.len(), lines(&analysis).count(), "{path:?}");
        for (ours, line) in pairs {
            let theirs = serde_json::to_string(&line).expect("JSON");
            assert!(
                ours == theirs || is_respelled(ours, &theirs),
                "{path:?}\n{ours}\n{theirs}"
            );
        }
        let document = String::from_utf8(document).expect("UTF-8");
        let theirs = serde_json::to_string_pretty(&analysis).expect("JSON");
        assert!(
            document.trim_end() == theirs || is_respelled(&document, &theirs),
            "{path:?}"
        );
    }
    assert!(connections > 300 && ladders > 50, "{connections} {ladders}");
}

/// Whether the texts differ only in how characters are spelled that a screen would obey.
fn is_respelled(ours: &str, theirs: &str) -> bool {
    let value = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    ours.contains("\\u") && value(ours) == value(theirs)
}
