//! Rules: one by code or name, a family, all of them, and by the names that other tools use.

use super::{Block, Page, plain};
use crate::findings::elsewhere::Here;
use crate::findings::{self, Rule};

/// What the letters of a code stand for.
const FAMILIES: [(&str, &str); 11] = [
    ("HS", "handshake: the opening"),
    ("OP", "handshake: options on SYNs"),
    ("FN", "FINs, and data around them"),
    ("HC", "half-closes: CLOSE-WAIT and FIN-WAIT-2"),
    ("TW", "TIME-WAIT, and the reuse of a 4-tuple in it"),
    ("RU", "new SYNs, half-open connections, dead peers"),
    ("RS", "RSTs"),
    ("SQ", "sequence numbers that do not fit"),
    ("PB", "probes"),
    ("ML", "malformed flags"),
    ("CP", "the capture itself"),
];

/// The letters of a code.
fn letters(rule: &Rule) -> &str {
    rule.code.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// What a family is about.
fn matter(letters: &str) -> Option<&'static str> {
    let known = FAMILIES.iter().find(|(family, _)| *family == letters);
    known.map(|(_, matter)| *matter)
}

/// The rule with this code or name, or the family that the pattern `TW*` names.
pub fn pages(word: &str) -> Vec<Page> {
    if let Some(rule) = findings::rules().find(|rule| {
        [rule.code, rule.name]
            .iter()
            .any(|name| plain(name) == plain(word))
    }) {
        return vec![page(rule)];
    }
    let Some(start) = word.strip_suffix('*').or_else(|| {
        FAMILIES
            .iter()
            .map(|(family, _)| *family)
            .find(|family| family.eq_ignore_ascii_case(word))
    }) else {
        return Vec::new();
    };
    let matches = |rule: &&Rule| {
        let codes = [rule.code, rule.name];
        codes.iter().any(|name| plain(name).starts_with(&plain(start)))
    };
    let rules: Vec<&Rule> = findings::rules().filter(matches).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let about = matter(&start.to_ascii_uppercase()).unwrap_or("rules");
    let mut page = Page::new(format!("{}*", start.to_ascii_uppercase()), about);
    page.grid(HEAD, rules.into_iter().map(row).collect());
    vec![page]
}

const HEAD: &[&str] = &["code", "name", "severity", "what it finds"];

fn row(rule: &Rule) -> Vec<String> {
    vec![
        rule.code.to_owned(),
        rule.name.to_owned(),
        rule.severity.name().to_owned(),
        rule.summary(),
    ]
}

/// The table of all rules.
pub fn table() -> Page {
    let mut page = Page::new("Rules", "");
    page.grid(HEAD, findings::rules().map(row).collect());
    page
}

/// All codes and names, a family a row.
pub fn index() -> Block {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for rule in findings::rules() {
        let letters = letters(rule);
        let entry = format!("{}\u{a0}{}", rule.code.trim_start_matches(letters), rule.name);
        match rows.last_mut() {
            Some(row) if row.first().is_some_and(|family| family == letters) => {
                if let Some(names) = row.last_mut() {
                    names.push_str(", ");
                    names.push_str(&entry);
                }
            }
            Some(_) | None => rows.push(vec![letters.to_owned(), entry]),
        }
    }
    Block::Grid {
        head: vec!["family", "rules"],
        rows,
    }
}

fn page(rule: &Rule) -> Page {
    let family = matter(letters(rule)).map_or(String::new(), |matter| format!(", {matter}"));
    let mut page = Page::new(
        format!("{} {}", rule.code, rule.name),
        format!("rule, {}{family}", rule.severity.name()),
    );
    page.markdown(&without_section(rule.doc, "Elsewhere"));
    if !rule.excused_by.is_empty() {
        page.heading("What could explain it instead");
        let faults: Vec<&str> = rule.excused_by.iter().map(|fault| fault.name()).collect();
        page.text(format!(
            "Where the capture shows one of these, the finding is one level lower, only possible, and says so: {}.",
            faults.join(", ")
        ));
    }
    let elsewhere = rule.elsewhere();
    if !elsewhere.is_empty() {
        page.heading("Elsewhere");
        let rows = elsewhere
            .into_iter()
            .map(|(tool, name)| vec![tool, format!("`{name}`")]);
        page.grid(&["tool", "its name for it"], rows.collect());
    }
    page
}

/// Documentation without one of its sections: that one is shown as a table.
fn without_section(doc: &str, heading: &str) -> String {
    let mut inside = false;
    let kept = doc.lines().filter(|line| {
        if let Some(found) = line.trim_start().strip_prefix("# ") {
            inside = found.trim() == heading;
        }
        !inside
    });
    kept.collect::<Vec<&str>>().join("\n")
}

/// What another tool calls so: the rules that find it here, or why none does.
pub fn elsewhere(word: &str) -> Vec<Page> {
    // Wireshark's long names end in the short ones that people write.
    let last = |name: &str| {
        name.rsplit('.')
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case(word))
    };
    let mut names = findings::elsewhere::lookup(word);
    if names.is_empty() {
        names = findings::elsewhere::names();
        names.retain(|known| last(&known.name));
    }
    let mut pages = Vec::new();
    for name in names {
        let mut page = Page::new(name.name, format!("a name of {}", name.tool));
        match name.here {
            Here::Rules(codes) => {
                let rules = codes.iter().filter_map(|code| findings::find(code));
                page.text("These rules find it here.");
                page.grid(HEAD, rules.map(row).collect());
            }
            Here::NoRule(why) => page.text(format!("No rule finds it here: {why}.")),
        }
        pages.push(page);
    }
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_family() {
        for rule in findings::rules() {
            assert!(matter(letters(rule)).is_some(), "{}", rule.code);
        }
    }
}
