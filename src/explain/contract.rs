//! Fields and words of the JSON contract, out of its schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Page, plain};
use crate::schema::schema;

/// Deeper than the contract nests; a schema that refers to itself ends here.
const DEEPEST: usize = 12;

/// One field of one type.
#[derive(Debug, Default)]
struct Field {
    about: String,
    kind: String,
    paths: Vec<String>,
    /// Names of the types that it can be.
    refers: Vec<String>,
}

/// All fields, by type and name.
fn fields() -> BTreeMap<(String, String), Field> {
    let schema = schema();
    let mut found = BTreeMap::new();
    walk(&schema, &schema, "", "Line", 0, &mut found);
    found
}

/// Follows references, lists and alternatives; `path` is where `node` stands.
fn walk(
    root: &Value,
    node: &Value,
    path: &str,
    owner: &str,
    depth: usize,
    found: &mut BTreeMap<(String, String), Field>,
) {
    if depth > DEEPEST {
        return;
    }
    if let Some((name, target)) = reference(root, node) {
        walk(root, target, path, name, depth + 1, found);
    }
    for key in ["oneOf", "anyOf"] {
        for choice in node.get(key).and_then(Value::as_array).into_iter().flatten() {
            // The kinds of line are the beginnings of paths.
            let line = choice.pointer("/properties/type/const").and_then(Value::as_str);
            let path = if depth == 0 { line.unwrap_or(path) } else { path };
            walk(root, choice, path, owner, depth + 1, found);
        }
    }
    // Values under names that vary, such as the totals of each rule.
    if let Some(values) = node
        .get("additionalProperties")
        .filter(|values| values.is_object())
    {
        walk(root, values, &format!("{path}[]"), owner, depth + 1, found);
    }
    if let Some(items) = node.get("items") {
        walk(root, items, &format!("{path}[]"), owner, depth + 1, found);
    }
    for (name, property) in node
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let path = format!("{path}.{name}");
        let field = found.entry((owner.to_owned(), name.clone())).or_default();
        field.about = text(property, "description").to_owned();
        field.kind = kind(root, property);
        let choices = property
            .get("anyOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let targets = choices
            .chain([property])
            .filter_map(|choice| reference(root, choice));
        field.refers = targets.map(|(name, _)| name.to_owned()).collect();
        if !field.paths.contains(&path) {
            field.paths.push(path.clone());
        }
        walk(root, property, &path, owner, depth + 1, found);
    }
}

/// Name and schema that a node refers to.
fn reference<'a>(root: &'a Value, node: &'a Value) -> Option<(&'a str, &'a Value)> {
    let pointer = node.get("$ref")?.as_str()?.strip_prefix('#')?;
    let name = pointer.rsplit('/').next()?;
    Some((name, root.pointer(pointer)?))
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The type in words: `integer or null`, `one of client, server`, `list of Transition`.
fn kind(root: &Value, node: &Value) -> String {
    if let Some((name, target)) = reference(root, node) {
        let words = values(target);
        return match (words.len(), name) {
            (_, "Timestamp") => "time (RFC 3339, UTC, nine digits)".to_owned(),
            (0, _) => format!("object ({name})"),
            (_, _) => format!("one of {}", words.join(", ")),
        };
    }
    if let Some(choices) = node.get("anyOf").and_then(Value::as_array) {
        let kinds: Vec<String> = choices.iter().map(|choice| kind(root, choice)).collect();
        return kinds.join(" or ");
    }
    if let Some(value) = node.get("const").and_then(Value::as_str) {
        return format!("always `{value}`");
    }
    let named = match node.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    };
    let item = node.get("items").map(|items| kind(root, items));
    let value = node.get("additionalProperties").filter(|value| value.is_object());
    let value = value.map(|value| kind(root, value));
    let kinds: Vec<String> = named
        .into_iter()
        .map(|name| match (name, &item, &value) {
            ("array", Some(item), _) => format!("list of {item}"),
            ("object", _, Some(value)) => format!("object from names to {value}"),
            (_, _, _) => name.to_owned(),
        })
        .collect();
    kinds.join(" or ")
}

/// The words that a type can be, if it is one of words.
fn values(node: &Value) -> Vec<&str> {
    let choices = node.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    choices
        .filter_map(|choice| choice.get("const")?.as_str())
        .collect()
}

/// The field with this name, or at this path or the end of one (`close.kind`).
pub fn field(word: &str) -> Option<Page> {
    let wanted = normal(word);
    let fits = |path: &String| {
        let path = normal(path);
        path == wanted
            || path
                .strip_suffix(&wanted)
                .is_some_and(|before| before.ends_with('.'))
    };
    let found: Vec<((String, String), Field)> = fields()
        .into_iter()
        .filter(|(_, field)| field.paths.iter().any(fits))
        .collect();
    let ((_, name), _) = found.first()?;
    let mut page = Page::new(name.clone(), "field of the JSON contract");
    let several = found.len() > 1;
    for ((owner, name), field) in found {
        if several {
            page.heading(format!("{name} of {owner}"));
        }
        page.text(field.about);
        let mut rows = vec![vec!["type".to_owned(), field.kind]];
        let paths = field.paths.into_iter().enumerate();
        rows.extend(paths.map(|(index, path)| {
            vec![
                if index == 0 { "where" } else { "" }.to_owned(),
                format!("`{path}`"),
            ]
        }));
        page.grid(&["", ""], rows);
    }
    Some(page)
}

/// A path without list brackets, in lower case, `-` for `_`.
fn normal(path: &str) -> String {
    path.replace("[]", "").to_lowercase().replace('-', "_")
}

/// The types that are one of several words: name, documentation, words with theirs.
fn enumerations(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let definitions: Option<&Map<String, Value>> = schema.get("$defs").and_then(Value::as_object);
    definitions
        .into_iter()
        .flatten()
        .filter(|(_, definition)| !values(definition).is_empty())
}

/// A word that stands as a value in the contract: an outcome, an evidence, an event, …
pub fn word(word: &str) -> Vec<Page> {
    let schema = schema();
    let mut pages = Vec::new();
    for (name, definition) in enumerations(&schema) {
        let is_type = plain(name) == plain(word);
        let choices = definition
            .get("oneOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let hit = choices
            .clone()
            .find(|choice| plain(text(choice, "const")) == plain(word));
        // A state has a page of its own.
        if name == "State" || (hit.is_none() && !is_type) {
            continue;
        }
        let mut page = match hit {
            Some(hit) => {
                let mut page = Page::new(text(hit, "const"), format!("value of {}", spaced(name)));
                page.text(text(hit, "description"));
                page
            }
            None => Page::new(spaced(name), "kind of value"),
        };
        page.text(format!("{}: {}", spaced(name), text(definition, "description")));
        if is_type || values(definition).len() <= 6 {
            let rows = choices.map(|choice| {
                vec![
                    text(choice, "const").to_owned(),
                    text(choice, "description").to_owned(),
                ]
            });
            page.grid(&["value", "meaning"], rows.collect());
        }
        let paths = places(name);
        if !paths.is_empty() {
            page.text(format!("Stands in {}.", paths.join(", ")));
        }
        pages.push(page);
    }
    pages
}

/// `EventKind` as `event kind`.
fn spaced(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(character.to_lowercase());
    }
    text
}

/// Where values of a type stand, as paths; the first few.
fn places(name: &str) -> Vec<String> {
    const SHOWN: usize = 4;
    let fields = fields();
    let mut paths: Vec<&String> = (fields.values())
        .filter(|field| field.refers.iter().any(|target| target == name))
        .flat_map(|field| &field.paths)
        .collect();
    paths.sort();
    let more = paths.len() > SHOWN;
    let shown = paths.into_iter().take(SHOWN).map(|path| format!("`{path}`"));
    shown.chain(more.then(|| "…".to_owned())).collect()
}

/// All fields and all words.
pub fn vocabulary() -> Vec<String> {
    let schema = schema();
    let mut words: Vec<String> = Vec::new();
    for (_, definition) in enumerations(&schema) {
        words.extend(values(definition).into_iter().map(str::to_owned));
    }
    words.extend(fields().into_keys().map(|(_, name)| name));
    words
}

/// What the contract says of one word of a type.
pub fn value(name: &str, word: &str) -> Option<String> {
    let schema = schema();
    let choices = schema.get("$defs")?.get(name)?.get("oneOf")?.as_array()?;
    let choice = choices.iter().find(|choice| text(choice, "const") == word)?;
    Some(text(choice, "description").to_owned())
}
