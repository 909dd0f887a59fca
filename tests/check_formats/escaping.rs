//! Whatever a text is: its target gives back what is visible of it, and nothing else.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use tcptrace_states::report::escape::{
    CommandData, CommandProperty, Markdown, SarifMessage, Uri, Xml, visible,
};

use super::parsed::{commands, markdown_shape, options};
use super::verdicts::{HOSTILE, filled_with};
use super::{github_of, json_of, junit_of, look, markdown_of, sarif_of, screen};

/// Texts in which what means something is as frequent as what does not.
fn texts() -> impl Strategy<Value = String> {
    let pieces = [
        "::",
        "]]>",
        "<script>",
        "-->",
        "`",
        "```",
        "|",
        "\\",
        "\\|",
        "\n",
        "\r\n",
        "\u{0}",
        "\u{1b}[2J",
        "\u{202e}",
        "\u{200b}",
        "&amp;",
        "&#124;",
        "%0A",
        "%",
        ",",
        "=",
        "[a](b)",
        "![a](b)",
        "http://e.vil",
        "www.e.vil",
        "{0}",
        "}",
        "~~",
        "**",
        "_",
        "#",
        "1. ",
        "- ",
        "+",
        ">",
        "    ",
        " ",
        "\t",
        "$",
        "@a",
        ":",
        "'",
        "\"",
        "\u{fffe}",
        "\u{ffff}",
        "\u{feff}",
        "--",
        "---",
        "==",
        "<!--",
        "e\u{301}",
        "日本",
        "7",
        "a b",
    ];
    let piece = prop_oneof![
        3 => proptest::sample::select(pieces.as_slice().to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => "[ -~]{1,8}",
    ];
    prop_oneof![
        9 => proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat()),
        1 => Just(HOSTILE.to_owned()),
    ]
}

fn shown(text: &str) -> String {
    visible(text).collect()
}

/// The text of a Markdown document that is one paragraph, or of its last cell.
fn markdown_text(document: &str, cells: usize) -> Result<String, TestCaseError> {
    let mut text = String::new();
    let mut seen = 0;
    for event in Parser::new_ext(document, options()) {
        match event {
            Event::Start(Tag::TableCell) => {
                seen += 1;
                text.clear();
            }
            Event::Text(part) => text.push_str(&part),
            Event::Start(Tag::Paragraph | Tag::Table(_) | Tag::TableHead | Tag::TableRow)
            | Event::End(
                TagEnd::Paragraph | TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell,
            ) => {}
            other => return Err(TestCaseError::fail(format!("{other:?} in {document:?}"))),
        }
    }
    prop_assert_eq!(seen, cells, "{:?}", document);
    Ok(text)
}

/// As a reader of SARIF takes escapes back.
fn sarif_text(escaped: &str) -> String {
    let mut text = String::new();
    let mut rest = escaped.chars();
    while let Some(character) = rest.next() {
        match character {
            '\\' => text.extend(rest.next()),
            '{' | '}' => {
                assert_eq!(rest.next(), Some(character), "a placeholder in {escaped}");
                text.push(character);
            }
            '[' | ']' => panic!("a link in {escaped}"),
            _ => text.push(character),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn xml_gives_it_back(text in texts()) {
        let xml = format!("<a b=\"{0}\" c='{0}'>{0}</a>", Xml(&text));
        let document = roxmltree::Document::parse(&xml).map_err(|error| TestCaseError::fail(format!("{error}: {xml}")))?;
        let root = document.root_element();
        let wanted = shown(&text);
        prop_assert_eq!(root.attribute("b"), Some(wanted.as_str()));
        prop_assert_eq!(root.attribute("c"), Some(wanted.as_str()));
        prop_assert_eq!(root.text().unwrap_or_default(), wanted.as_str());
        prop_assert_eq!(root.children().filter(|node| !node.is_text()).count(), 0);
    }

    #[test]
    fn markdown_gives_it_back(text in texts()) {
        // Spaces at the end of a line or a cell are nothing to Markdown.
        let wanted = shown(&text);
        let wanted = wanted.trim_end_matches(' ');
        let escaped = Markdown(&text);
        let paragraph = markdown_text(&format!("{escaped}\n"), 0)?;
        prop_assert_eq!(paragraph.trim_end_matches(' '), wanted);
        let table = markdown_text(&format!("| a | b |\n| - | - |\n| x | {escaped} |\n"), 4)?;
        prop_assert_eq!(table.trim_end_matches(' '), wanted);
    }

    #[test]
    fn markdown_stays_text_inside_html(text in texts()) {
        let html = format!("<summary>{}</summary>", Markdown(&text));
        prop_assert_eq!(html.matches(['<', '>']).count(), 4, "{}", html);
        prop_assert!(!html.contains(['\n', '\r', '"', '\'']));
    }

    #[test]
    fn commands_give_it_back(text in texts()) {
        let line = format!("::error title={}::{}\n", CommandProperty(&text), CommandData(&text));
        let (commands, rest) = commands(&line);
        prop_assert!(rest.is_empty() && commands.len() == 1, "{:?}", line);
        prop_assert_eq!(commands[0].name.as_str(), "error");
        prop_assert_eq!(&commands[0].properties, &[("title".to_owned(), shown(&text))]);
        prop_assert_eq!(&commands[0].data, &shown(&text));
    }

    #[test]
    fn sarif_gives_it_back(text in texts()) {
        prop_assert_eq!(sarif_text(&SarifMessage(&text).to_string()), shown(&text));
    }

    #[test]
    fn uris_give_every_octet_back(text in texts()) {
        let uri = Uri(&text).to_string();
        let path = uri.strip_prefix("file://").unwrap_or(&uri);
        prop_assert_eq!(path.len() != uri.len(), text.starts_with('/'));
        prop_assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte)), "{}", uri);
        prop_assert_eq!(percent_decode_str(path).collect::<Vec<u8>>(), text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_documents_keep_their_shape(text in texts()) {
        let verdict = filled_with(&text);
        prop_assert_eq!(&json_of(&verdict)["remarks"][0], text.as_str());
        prop_assert_eq!(sarif_of(&verdict)["runs"][0]["results"].as_array().map(Vec::len), Some(8));
        let xml = junit_of(&verdict);
        let document = roxmltree::Document::parse(&xml).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
        prop_assert_eq!(cases.count(), 10);
        let (commands, rest) = commands(&github_of(&verdict));
        prop_assert_eq!((commands.len(), rest.len()), (7, 1));
        let shape = markdown_shape(&markdown_of(&verdict));
        prop_assert!(shape.foreign_html.is_empty() && shape.links == 0 && shape.code == 0, "{:?}", shape);
        prop_assert_eq!(shape.rows, vec![6; 8]);
        for line in screen(&verdict, &look(80)).lines() {
            prop_assert!(line.chars().count() <= 80 && !line.trim_start().starts_with("::"), "{}", line);
        }
    }
}
