//! The HTML report of an analysis, and what is read from it as a browser would.
#![allow(dead_code, missing_docs)] // no test file uses all of it

use std::io::Read;

use serde_json::Value;
use tcptrace_states::model::{Analysis, Confidence, Finding, Role, Severity};
use tcptrace_states::population::Span;
use tcptrace_states::report::html::{Besides, Gathered, Ladders, write};

fn besides() -> Besides<'static> {
    Besides {
        ephemeral_ports: 28_232,
        ..Besides::default()
    }
}

/// The report of an analysis with its connections.
pub fn page(analysis: &Analysis) -> String {
    let mut gathered = Gathered::new(Span::of(&analysis.capture));
    analysis.connections.iter().for_each(|one| gathered.add(one));
    let ladders = Ladders {
        connections: gathered.ladders(),
        total: analysis.connections.len() as u64,
        why_not: None,
    };
    text(analysis, gathered, &ladders)
}

pub fn text(analysis: &Analysis, gathered: Gathered, ladders: &Ladders) -> String {
    let mut out = Vec::new();
    write(&mut out, analysis, gathered, ladders, &besides()).expect("memory takes everything");
    String::from_utf8(out).expect("UTF-8")
}

pub fn finding(code: &'static str, name: &'static str, severity: Severity) -> Finding {
    Finding {
        code,
        name,
        severity,
        confidence: Confidence::Proven,
        endpoint: Some(Role::Server),
        packet: Some(7),
        at: None,
        packets: vec![7],
        count: 1,
        last_packet: Some(7),
        message: "a message of some length, as rules write them, with 12.3 s and a packet in it".to_owned(),
        weakened_by: Vec::new(),
    }
}

/// One tag: the name of the element, and its attributes as text. Panics where elements are not closed in the order in which
/// they were opened, or a character stands where markup would be read from it.
pub fn elements(html: &str) -> Vec<(String, String)> {
    const VOID: [&str; 3] = ["meta", "input", "br"];
    let mut found = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").expect("a document type");
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        assert!(!before.contains('>'), "a stray > in {before}");
        let end = tag.find('>').expect("a tag that ends");
        let inside = &tag[1..end];
        assert_eq!(inside.matches('"').count() % 2, 0, "quotes in <{inside}>");
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let closed = inside.ends_with('/');
        let inside = inside.trim_end_matches('/');
        let (name, attributes) = inside.split_once([' ', '\n']).unwrap_or((inside, ""));
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric()),
            "an element called {name}"
        );
        found.push((name.to_owned(), attributes.to_owned()));
        if matches!(name, "script" | "style") {
            let close = format!("</{name}>");
            let until = rest.find(&close).expect("the end of a script");
            rest = &rest[until + close.len()..];
        } else if !closed && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, [""; 0], "elements that are not closed");
    found
}

/// The names of attributes, without their values.
pub fn names_of(attributes: &str) -> Vec<&str> {
    let outside = attributes.split('"').step_by(2);
    outside
        .flat_map(|part| part.split_whitespace())
        .map(|name| name.trim_end_matches('='))
        .collect()
}

/// The data for the script.
pub fn data(html: &str) -> Value {
    let (_, rest) = html
        .split_once("<script type=\"application/json\" id=\"data\">")
        .expect("data");
    let (json, _) = rest.split_once("</script>").expect("the end of the data");
    assert!(!json.contains('<'), "markup in the data");
    serde_json::from_str(json).expect("JSON")
}

/// What is packed, as the script unpacks it.
pub fn inflated(packed: &Value) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = packed.as_str().expect("text").trim_end_matches('=');
    let mut octets = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let digit = |letter: &u8| DIGITS.find(char::from(*letter)).expect("a digit") as u32;
        let bits = four.iter().fold(0, |bits, letter| bits << 6 | digit(letter)) << (6 * (4 - four.len()));
        octets.extend_from_slice(&bits.to_be_bytes()[1..four.len()]);
    }
    let mut read = Vec::new();
    flate2::read::DeflateDecoder::new(octets.as_slice())
        .read_to_end(&mut read)
        .expect("it unpacks");
    read
}

/// The numbers of a list, as the script reads them.
pub fn numbers(data: &Value, list: &str) -> Vec<u64> {
    unpacked(&inflated(&data["lists"][list]))
}

pub fn unpacked(octets: &[u8]) -> Vec<u64> {
    let (mut values, mut value, mut shift) = (Vec::new(), 0_u64, 0);
    for octet in octets {
        value |= u64::from(octet & 127) << shift;
        shift += 7;
        if octet & 128 == 0 {
            values.push(std::mem::take(&mut value));
            shift = 0;
        }
    }
    let mut at = 0;
    let mut all = Vec::new();
    for run in values.chunks(2) {
        let first = at + run[0];
        at = first + run[1];
        all.extend(first..=at);
    }
    all
}

/// The ladders that are packed: number, and markup.
pub fn packed_ladders(data: &Value) -> Vec<(u64, String)> {
    let packs = data["packs"].as_array().expect("packs");
    let mut all = Vec::new();
    for pack in packs {
        let text = String::from_utf8(inflated(&pack[1])).expect("UTF-8");
        let ids = pack[0].as_array().expect("numbers");
        assert_eq!(text.split('\0').count(), ids.len());
        for (id, part) in ids.iter().zip(text.split('\0')) {
            all.push((id.as_u64().expect("a number"), part.to_owned()));
        }
    }
    all
}
