//! Octets as one of the texts that the program reads or writes. The first octet chooses which; the rest is the text.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use tcptrace_states::check::pattern::ServicePattern;
use tcptrace_states::check::{Baseline, Config};
use tcptrace_states::diff::Difference;
use tcptrace_states::findings;
use tcptrace_states::model::Address;
use tcptrace_states::report::escape::{
    CommandData, CommandProperty, Escaped, Markdown, SarifMessage, Uri, Xml, visible,
};
use tcptrace_states::select::{AddressFilter, FindingFilter, StateFilter};
use tcptrace_states::{saved, ss};

/// What the octets are taken for.
type Kind = (&'static str, fn(&str));

const KINDS: [Kind; 6] = [
    ("config", config),
    ("ss", listing),
    ("baseline", baseline),
    ("saved", report),
    ("arguments", arguments),
    ("escapes", escapes),
];

/// The first octet of an input of this kind.
pub fn kind(name: &str) -> u8 {
    let place = KINDS.iter().position(|(kind, _)| *kind == name);
    place.unwrap_or_else(|| panic!("no kind {name}")) as u8
}

pub fn survive(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let (_, survive) = KINDS[usize::from(*first) % KINDS.len()];
    survive(&String::from_utf8_lossy(rest));
}

fn config(text: &str) {
    match Config::parse(text, "team.toml") {
        Ok(config) => {
            // The same text means the same, and every pattern finds itself again.
            assert_eq!(Config::parse(text, "team.toml").ok().as_ref(), Some(&config));
            for allowance in &config.allowances {
                if let Some(server) = &allowance.server {
                    assert_eq!(server.to_string().parse().as_ref(), Ok(server), "{server}");
                }
                let rules = findings::rules();
                assert!(
                    rules
                        .into_iter()
                        .any(|rule| allowance.rules.matches(rule.code, rule.name))
                );
            }
            for (code, _) in &config.findings.levels {
                assert!(findings::find(code).is_some(), "{code}");
            }
        }
        Err(error) => {
            for line in error.to_string().lines() {
                assert!(!line.is_empty());
            }
        }
    }
}

fn listing(text: &str) {
    let listing = ss::parse(text);
    let lines = text.split_inclusive('\n').count();
    let skipped = listing.skipped;
    let told = [skipped.not_tcp, skipped.unresolved, skipped.unparsable];
    assert!(
        listing.sockets.len() as u64 + told.iter().sum::<u64>() <= lines as u64,
        "{listing:?}"
    );
    assert!(listing.without_state <= listing.sockets.len() as u64);
    assert!(
        listing
            .complaints
            .iter()
            .all(|complaint| (1..=lines).contains(&complaint.line))
    );
    for socket in &listing.sockets {
        let _ = (socket.reading(), socket.waits_for_accept());
    }
    let join = ss::join(&[listing], &[]);
    let _ = format!("{join:?}");
}

fn baseline(text: &str) {
    if let Ok(baseline) = Baseline::parse(text) {
        let written = baseline.to_json().expect("plain data");
        assert_eq!(Baseline::parse(&written).as_ref(), Ok(&baseline));
        let read: serde_json::Value = serde_json::from_str(&written).expect("JSON");
        assert_eq!(
            read["accepted"].as_object().map(serde_json::Map::len),
            Some(baseline.len())
        );
        let fingerprints: BTreeMap<_, _> = baseline
            .fingerprints()
            .map(|key| (key, baseline.accepts(key)))
            .collect();
        assert_eq!(fingerprints.len(), baseline.len());
        assert!(fingerprints.values().all(Option::is_some));
    }
}

fn report(text: &str) {
    let _ = saved::is_report(&mut text.as_bytes());
    match saved::read("old.json", &mut text.as_bytes()) {
        Ok(side) => {
            let same = Difference::between(&side, &side);
            assert!(same.is_empty(), "nothing changed: {same:?}");
        }
        Err(error) => assert!(error.to_string().contains("old.json"), "{error}"),
    }
}

/// Each line is an argument of every kind.
fn arguments(text: &str) {
    let host = Address {
        ip: [10, 0, 0, 5].into(),
        port: 8_080,
    };
    for word in text.lines() {
        if let Ok(pattern) = word.parse::<ServicePattern>() {
            let again: Result<ServicePattern, _> = pattern.to_string().parse();
            assert_eq!(again.as_ref(), Ok(&pattern), "{word:?} is shown as {pattern}");
            assert_eq!(
                again.is_ok_and(|again| again.matches(host)),
                pattern.matches(host)
            );
        }
        if let Ok(filter) = word.parse::<AddressFilter>() {
            assert!(word.contains(['.', ':']), "{filter:?}");
        }
        if let Ok(filter) = word.parse::<StateFilter>() {
            let state = filter.state.name();
            assert_eq!(
                state.parse::<StateFilter>().map(|filter| filter.state),
                Ok(filter.state)
            );
        }
        let filter = FindingFilter::new(word);
        for rule in findings::rules() {
            let named = filter.names(rule.code, rule.name);
            assert!(
                !named || word.ends_with('*') || findings::find(word).is_some(),
                "{word:?} is {}",
                rule.code
            );
        }
    }
}

/// Each target gives back what is visible of the text, and nothing else.
fn escapes(text: &str) {
    assert!(!Escaped(text).to_string().chars().any(char::is_control));
    let shown: String = visible(text).collect();
    assert!(!shown.chars().any(char::is_control));
    xml(text, &shown);
    markdown(text, &shown);
    workflow_command(text, &shown);
    sarif(text, &shown);
    let uri = Uri(text).to_string();
    let path = uri.strip_prefix("file://").unwrap_or(&uri);
    assert_eq!(percent_decode_str(path).collect::<Vec<u8>>(), text.as_bytes());
}

fn xml(text: &str, shown: &str) {
    let document = format!("<a b=\"{0}\" c='{0}'>{0}</a>", Xml(text));
    let document =
        roxmltree::Document::parse(&document).unwrap_or_else(|error| panic!("{error}: {document}"));
    let root = document.root_element();
    assert_eq!(root.attribute("b"), Some(shown));
    assert_eq!(root.attribute("c"), Some(shown));
    assert_eq!(root.text().unwrap_or_default(), shown);
    assert_eq!(root.children().filter(|node| !node.is_text()).count(), 0);
}

fn markdown(text: &str, shown: &str) {
    // Spaces at the end of a line or a cell are nothing to Markdown.
    let shown = shown.trim_end_matches(' ');
    let escaped = Markdown(text);
    let paragraph = markdown_text(&format!("{escaped}\n"));
    assert_eq!(paragraph.trim_end_matches(' '), shown);
    let cell = markdown_text(&format!("| a | b |\n| - | - |\n| x | {escaped} |\n"));
    assert_eq!(cell.trim_end_matches(' '), shown);
    let html = format!("<summary>{escaped}</summary>");
    assert_eq!(html.matches(['<', '>']).count(), 4, "{html}");
}

/// The text of a Markdown document that is one paragraph, or of its last cell.
fn markdown_text(document: &str) -> String {
    let mut text = String::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for event in Parser::new_ext(document, options) {
        match event {
            Event::Start(Tag::TableCell) => text.clear(),
            Event::Text(part) => text.push_str(&part),
            Event::Start(Tag::Paragraph | Tag::Table(_) | Tag::TableHead | Tag::TableRow)
            | Event::End(
                TagEnd::Paragraph | TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell,
            ) => {}
            other => panic!("{other:?} in {document:?}"),
        }
    }
    text
}

/// As the runner of GitHub Actions reads a command.
fn workflow_command(text: &str, shown: &str) {
    let line = format!("::error title={}::{}", CommandProperty(text), CommandData(text));
    assert!(!line.contains(['\n', '\r']), "one command");
    let rest = line.strip_prefix("::error title=").expect("as it was written");
    let (title, data) = rest.split_once("::").expect("as it was written");
    let unescaped = |text: &str| text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    assert!(!title.contains(','), "one property");
    assert_eq!(unescaped(&title.replace("%3A", ":").replace("%2C", ",")), shown);
    assert_eq!(unescaped(data), shown);
}

/// As a reader of SARIF takes escapes back.
fn sarif(text: &str, shown: &str) {
    let escaped = SarifMessage(text).to_string();
    let mut read = String::new();
    let mut rest = escaped.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => read.extend(rest.next()),
            '{' | '}' => {
                assert_eq!(rest.next(), Some(character), "a placeholder in {escaped}");
                read.push(character);
            }
            '[' | ']' => panic!("a link in {escaped}"),
            _ => read.push(character),
        }
    }
    assert_eq!(read, shown);
}
