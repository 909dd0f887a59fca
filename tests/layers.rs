//! The house has floors: a module imports only from floors below its own (see the crate documentation).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module and what it may import besides itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("time", &[]),
    ("seq", &[]),
    ("untrusted", &[]),
    ("varint", &[]),
    ("parts", &[]),
    ("capture", &["untrusted", "time"]),
    ("segment", &["capture", "seq", "time"]),
    ("input", &["capture", "segment", "seq", "time"]),
    ("tracker", &["segment", "seq", "time"]),
    ("flow", &["tracker", "segment", "seq", "time"]),
    (
        "model",
        &["tracker", "segment", "seq", "untrusted", "varint", "time"],
    ),
    ("schema", &["model"]),
    ("ss", &["model", "time"]),
    ("population", &["ss", "model", "time"]),
    ("findings", &["population", "model", "parts", "time"]),
    ("quality", &["population", "model", "untrusted"]),
    ("check", &["findings", "population", "model", "time"]),
    ("diff", &["population", "model"]),
    ("saved", &["diff", "model", "time"]),
    ("explain", &["schema", "findings", "tracker"]),
    ("select", &["model", "time"]),
    (
        "report",
        &[
            "select",
            "check",
            "diff",
            "explain",
            "findings",
            "population",
            "quality",
            "untrusted",
            "ss",
            "model",
            "time",
        ],
    ),
    (
        "export",
        &["capture", "segment", "fleet", "tables", "report", "model", "time"],
    ),
    (
        "analyze",
        &[
            "capture", "segment", "input", "flow", "tracker", "findings", "model", "parts", "time",
        ],
    ),
    (
        "fleet",
        &[
            "analyze", "capture", "segment", "input", "flow", "findings", "report", "model", "seq", "varint",
            "time",
        ],
    ),
    ("tables", &["fleet", "segment", "model", "time"]),
    (
        "tui",
        &[
            "analyze", "report", "select", "explain", "findings", "model", "varint", "time",
        ],
    ),
    (
        "cli",
        &[
            "analyze",
            "input",
            "findings",
            "select",
            "report",
            "population",
            "model",
            "time",
        ],
    ),
    ("lib", &[]),
];

/// Where reading and writing, and errors for people, are at home.
const MAY_DO_IO: [&str; 10] = [
    "capture", "input", "saved", "report", "export", "analyze", "fleet", "cli", "main", "commands",
];
const MAY_USE_ANYHOW: [&str; 6] = ["analyze", "fleet", "export", "cli", "main", "commands"];

#[test]
fn imports_point_down() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, path, text) in sources() {
        if matches!(module.as_str(), "main" | "commands") {
            continue; // the program uses the library from outside
        }
        let allowed = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{module} has no floor"));
        for imported in imports(&text) {
            if imported != module && !allowed.contains(&imported.as_str()) {
                wrong.push(format!("{} imports {imported}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_edges_read_and_write() {
    let mut wrong = Vec::new();
    for (module, path, text) in sources() {
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let text = code.join("\n");
        for (word, allowed) in [
            ("std::io", &MAY_DO_IO[..]),
            ("std::fs", &MAY_DO_IO[..]),
            ("anyhow", &MAY_USE_ANYHOW[..]),
            ("println!", &[][..]),
            ("std::process::exit", &["commands"][..]),
            ("SystemTime", &[][..]),
        ] {
            if text.contains(word) && !allowed.contains(&module.as_str()) {
                wrong.push(format!("{} uses {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Names of the crate's modules that a source file uses, tests left out.
fn imports(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let uses = lines.flat_map(|line| line.split("crate::").skip(1));
    uses.map(|rest| {
        rest.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    })
    .collect()
}

/// Module, path and text of every source file; `tracker/state.rs` belongs to `tracker`.
fn sources() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a source folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(&root).expect("below src").to_owned();
                let first = inside
                    .components()
                    .next()
                    .expect("a name")
                    .as_os_str()
                    .to_string_lossy()
                    .into_owned();
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((first.trim_end_matches(".rs").to_owned(), path, text));
            }
        }
    }
    found
}
