//! The HTML report: its form, its size, what it says of many connections, hostile text, and every command that writes it.

mod handmade;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;

use handmade::*;
use program::*;
use serde_json::Value;
use tcptrace_states::findings::rules;
use tcptrace_states::model::{
    Analysis, Confidence, Connection, Finding, Numbers, ServiceFinding, Severity, State,
};
use tcptrace_states::population::Span;
use tcptrace_states::population::over_time::{Curves, OverTime};
use tcptrace_states::report::html::{Besides, Gathered, Ladders, write};

/// What a report may weigh.
const MOST: usize = 5_000_000;
const LEAK: &str = "kernel/close_wait_leak.client.pcapng";

fn besides() -> Besides<'static> {
    Besides {
        ephemeral_ports: 28_232,
        ..Besides::default()
    }
}

/// The report of an analysis with its connections.
fn page(analysis: &Analysis) -> String {
    let mut gathered = Gathered::new(Span::of(&analysis.capture));
    analysis.connections.iter().for_each(|one| gathered.add(one));
    let ladders = Ladders {
        connections: gathered.ladders(),
        total: analysis.connections.len() as u64,
        why_not: None,
    };
    text(analysis, gathered, &ladders)
}

fn text(analysis: &Analysis, gathered: Gathered, ladders: &Ladders) -> String {
    let mut out = Vec::new();
    write(&mut out, analysis, gathered, ladders, &besides()).expect("memory takes everything");
    String::from_utf8(out).expect("UTF-8")
}

/// One tag: the name of the element, and its attributes as text. Panics where elements are not closed in the order in which
/// they were opened, or a character stands where markup would be read from it.
fn elements(html: &str) -> Vec<(String, String)> {
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
fn names_of(attributes: &str) -> Vec<&str> {
    let outside = attributes.split('"').step_by(2);
    outside
        .flat_map(|part| part.split_whitespace())
        .map(|name| name.trim_end_matches('='))
        .collect()
}

/// The data for the script.
fn data(html: &str) -> Value {
    let (_, rest) = html
        .split_once("<script type=\"application/json\" id=\"data\">")
        .expect("data");
    let (json, _) = rest.split_once("</script>").expect("the end of the data");
    assert!(!json.contains('<'), "markup in the data");
    serde_json::from_str(json).expect("JSON")
}

/// What is packed, as the script unpacks it.
fn inflated(packed: &Value) -> Vec<u8> {
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
fn numbers(data: &Value, list: &str) -> Vec<u64> {
    unpacked(&inflated(&data["lists"][list]))
}

fn unpacked(octets: &[u8]) -> Vec<u64> {
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
fn packed_ladders(data: &Value) -> Vec<(u64, String)> {
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

fn finding(code: &'static str, name: &'static str, severity: Severity) -> Finding {
    Finding {
        code,
        name,
        severity,
        confidence: Confidence::Proven,
        endpoint: Some(Server),
        packet: Some(7),
        at: None,
        packets: vec![7],
        count: 1,
        last_packet: Some(7),
        message: "a message of some length, as rules write them, with 12.3 s and a packet in it".to_owned(),
        weakened_by: Vec::new(),
    }
}

#[test]
fn every_report_is_well_formed_and_needs_nothing_else() {
    for name in ["classic", "simultaneous", "mixed", "damaged", "ipv6", "empty"] {
        let analysis = by_name(name).unwrap_or_else(|| panic!("there is no {name}"));
        let html = page(&analysis);
        let all = elements(&html);
        let count = |wanted: &str| all.iter().filter(|(name, _)| name == wanted).count();
        assert_eq!(
            (count("script"), count("style"), count("h1")),
            (2, 2, 1),
            "{name}"
        );
        for (element, attributes) in &all {
            assert!(
                !["img", "link", "iframe", "object", "base", "form"].contains(&element.as_str()),
                "{name}: <{element}>"
            );
            for word in names_of(attributes) {
                let bad = word.starts_with("on") || ["style", "src", "srcdoc", "xlink:href"].contains(&word);
                assert!(!bad, "{name}: <{element} {attributes}>");
            }
            if let Some((_, address)) = attributes.split_once("href=\"") {
                assert!(address.starts_with('#'), "{name}: {address}");
            }
        }
        let policy = html
            .split("content=\"")
            .find(|part| part.starts_with("default-src 'none'"));
        let policy = policy.and_then(|rest| rest.split('"').next()).expect("a policy");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains(':'));
        data(&html);
        let ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .filter_map(|part| part.split('"').next())
            .collect();
        let once: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), once.len(), "{name}: an id stands twice");
    }
}

#[test]
fn an_empty_capture_says_so() {
    let html = page(&empty());
    assert!(html.contains("No TCP connection in this capture"));
    assert!(html.contains("There is no connection to draw."));
    assert!(html.contains("There is no connection to show."));
}

#[test]
fn text_from_outside_stays_text() {
    let mut analysis = mixed();
    let hostile = [
        "</script><script>alert(1)</script>.pcap",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</style><style>*{display:none}",
        "</title><svg onload=alert(1)>",
        "\u{202e}pacp.\u{1b}[31m\u{0}",
        "<!--",
        "]]>",
    ];
    analysis.capture.files = hostile.map(str::to_owned).to_vec();
    analysis.capture.damage = hostile.map(str::to_owned).to_vec();
    analysis.capture.formats = hostile.map(str::to_owned).to_vec();
    analysis.capture.link_types = hostile.map(str::to_owned).to_vec();
    for connection in &mut analysis.connections {
        let mut bad = finding("HC05", "close-wait-leak", Severity::Error);
        bad.message = hostile.concat();
        connection.findings.push(bad);
    }
    let html = page(&analysis);
    let all = elements(&html);
    assert_eq!(all.iter().filter(|(name, _)| name == "script").count(), 2);
    assert!(!all.iter().any(|(name, _)| name == "img"));
    let names = all.iter().flat_map(|(_, attributes)| names_of(attributes));
    assert!(names.clone().count() > 100 && names.clone().all(|name| !name.starts_with("on")));
    assert!(!html.contains(['\u{202e}', '\u{1b}', '\u{0}']));
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;"));
    // What is packed is markup that was made in the same way.
    let hostile_one = analysis.connections[0].clone();
    analysis.connections = (1..=60)
        .map(|id| Connection {
            id,
            ..hostile_one.clone()
        })
        .collect();
    let packed = packed_ladders(&data(&page(&analysis)));
    assert!(!packed.is_empty());
    for (_, part) in packed {
        let all = elements(&format!("<!DOCTYPE html>{part}"));
        assert!(
            !all.iter()
                .any(|(name, _)| ["script", "img", "style", "title><"].contains(&name.as_str()))
        );
        assert!(
            all.iter()
                .flat_map(|(_, attributes)| names_of(attributes))
                .all(|name| !name.starts_with("on"))
        );
        assert!(!part.contains(['\u{202e}', '\u{1b}']));
    }
}

/// A report of so many connections, all alike but for their numbers and addresses; every third one has findings.
fn crowd(count: u64) -> (String, Vec<u64>) {
    let mut template = half_closed(
        1,
        "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:40000",
        "[2001:db8::5]:8080",
        5_000_000_000,
    );
    template.ladder.clear();
    let mut analysis = analysis(vec![template.clone()], 10_000_000_000);
    let mut gathered = Gathered::new(Span::of(&analysis.capture));
    let mut wanted = Vec::new();
    for id in 1..=count {
        let mut one: Connection = template.clone();
        one.id = id;
        one.client.port = u16::try_from(id % 60_000).expect("a port");
        one.client.ip = format!("2001:db8:aaaa:bbbb:cccc::{:x}", id % 65_536)
            .parse()
            .expect("an address");
        one.server.port = u16::try_from(id % 3_001).expect("a port");
        if id % 3 != 1 {
            one.findings.clear();
        } else {
            wanted.push(id);
            one.findings = vec![
                finding("HC05", "close-wait-leak", Severity::Error),
                finding("TW04", "reuse-illegal", Severity::Error),
                finding("HC02", "close-wait-long", Severity::Warning),
                finding("RS01", "reset-accepted", Severity::Note),
                finding("HS12", "refused", Severity::Note),
            ];
        }
        gathered.add(&one);
    }
    analysis.summary.connections = count;
    analysis.summary.connections_selected = count;
    (text(&analysis, gathered, &Ladders::default()), wanted)
}

#[test]
fn a_report_of_many_connections_stays_small_and_names_all_with_findings() {
    let (html, wanted) = crowd(150_000);
    assert!(html.len() < MOST, "{} octets", html.len());
    elements(&html);
    let data = data(&html);
    for code in ["HC05", "TW04", "HC02", "RS01", "HS12"] {
        assert_eq!(numbers(&data, code), wanted, "{code}");
    }
    let lanes = data["lanes"].as_array().expect("lanes").len();
    assert!((5_000..=10_000).contains(&lanes), "{lanes} lanes");
    let foremost = data["foremost"].as_u64().expect("a count");
    let said = format!(
        "{} of 150 000 connections: the {} that need attention most, and {} taken evenly from the others.",
        grouped(lanes as u64),
        grouped(foremost),
        grouped(lanes as u64 - foremost)
    );
    assert!(html.contains(&said), "{said}");
    assert!(html.contains("All 50 000 connections"));
    // The sample is even: each quarter of the numbers has its share of the others.
    let ids = data["lanes"].as_array().expect("lanes").iter();
    let others: Vec<u64> = ids
        .skip(usize::try_from(foremost).expect("small"))
        .filter_map(|lane| lane[0].as_u64())
        .collect();
    for quarter in 0..4_u64 {
        let range = quarter * 37_500 + 1..=(quarter + 1) * 37_500;
        let share = others.iter().filter(|id| range.contains(id)).count() * 100 / others.len();
        assert!((20..=30).contains(&share), "{share} % in quarter {quarter}");
    }
}

/// As many numbers as one wants that nobody foresees, the same in each run (SplitMix64).
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn pick<'a, T>(list: &'a [T], state: &mut u64) -> &'a T {
    &list[usize::try_from(random(state) % list.len() as u64).expect("small")]
}

fn leak(server: &str, behind: Numbers) -> ServiceFinding {
    let address: std::net::SocketAddr = server.parse().expect("an address");
    ServiceFinding {
        code: "HC05",
        name: "close-wait-leak",
        severity: Severity::Error,
        confidence: Confidence::Likely,
        server: Some(tcptrace_states::model::Address {
            ip: address.ip(),
            port: address.port(),
        }),
        client: None,
        endpoint: Some(Server),
        connections: behind.count(),
        ids: behind.iter().take(10).collect(),
        behind,
        at: None,
        message: format!("server {server} does not close <b>"),
        weakened_by: Vec::new(),
    }
}

#[test]
fn a_million_connections_each_with_some_finding_are_all_named() {
    let template = half_closed(1, "10.0.0.1:40000", "10.0.0.5:8080", 5_000_000_000);
    let mut analysis = analysis(vec![template.clone()], 10_000_000_000);
    let mut gathered = Gathered::new(Span::of(&analysis.capture));
    let codes: Vec<(&str, &str)> = rules().map(|rule| (rule.code, rule.name)).collect();
    let mut wanted: BTreeMap<&str, Numbers> = BTreeMap::new();
    let mut state = 1;
    let mut one = template;
    one.ladder.clear();
    one.findings = vec![finding("", "", Severity::Note)];
    for id in 1..=1_000_000 {
        one.id = id;
        let (code, name) = *pick(&codes, &mut state);
        (one.findings[0].code, one.findings[0].name) = (code, name);
        wanted.entry(code).or_default().add(id);
        gathered.add(&one);
    }
    analysis.summary.connections = 1_000_000;
    analysis.summary.connections_selected = 1_000_000;
    let html = text(&analysis, gathered, &Ladders::default());
    assert!(html.len() < MOST, "{} octets", html.len());
    assert!(!html.contains("There is no room"));
    let data = data(&html);
    assert!(wanted.len() > 50, "{} rules", wanted.len());
    for (code, ids) in wanted {
        assert!(numbers(&data, code).into_iter().eq(ids.iter()), "{code}");
    }
}

#[test]
fn findings_about_services_name_all_their_connections() {
    let mut analysis = mixed();
    // A thousand services, each with every thousandth of a million connections.
    let thousandth = |place: u64| {
        (0..1_000)
            .map(move |one| one * 1_000 + place)
            .collect::<Numbers>()
    };
    for place in 1..=1_000_u64 {
        let server = format!("10.0.{}.{}:80", place / 250, place % 250);
        analysis.findings.push(leak(&server, thousandth(place)));
    }
    let html = page(&analysis);
    assert!(
        html.len() < MOST && !html.contains("There is no room"),
        "{} octets",
        html.len()
    );
    elements(&html);
    let data = data(&html);
    let all: Vec<u64> = (1..=1_000_000).collect();
    assert_eq!(numbers(&data, "HC05"), all);
    assert!(html.contains("1 000 services"));
    assert!(html.contains("All 1 000 000 connections behind them"));
    for place in 1..=20 {
        assert!(
            numbers(&data, &format!("HC05.{place}"))
                .into_iter()
                .eq(thousandth(place).iter())
        );
    }
    assert!(html.contains("980 more like these are in this file"));
    let mut rest: Vec<(Value, Vec<u64>)> = Vec::new();
    for part in data["rest"]["HC05"].as_array().expect("parts") {
        let words: Vec<Value> = serde_json::from_slice(&inflated(&part[0])).expect("JSON");
        let octets = inflated(&part[1]);
        let mut left = octets.as_slice();
        for one in words {
            let end = 2 + left.iter().take_while(|octet| **octet & 128 != 0).count();
            let length = usize::try_from(unpacked(&left[..end])[0]).expect("small");
            rest.push((one, unpacked(&left[end..end + length])));
            left = &left[end + length..];
        }
        assert!(left.is_empty());
    }
    assert_eq!(rest.len(), 980);
    for (place, (one, ids)) in (21..).zip(&rest) {
        assert_eq!((ids.len(), one[0].as_str()), (1_000, Some("error")));
        assert!(ids.iter().copied().eq(thousandth(place).iter()));
        assert!(
            one[1]
                .as_str()
                .expect("a message")
                .ends_with("does not close <b>")
        );
    }
}

#[test]
fn a_million_connections_of_many_services_are_all_named() {
    let mut analysis = mixed();
    let mut services = vec![Numbers::default(); 400];
    let mut state = 5;
    for id in 1..=1_000_000 {
        let place = random(&mut state) % 400;
        services[usize::try_from(place).expect("small")].add(id);
    }
    for (place, behind) in services.into_iter().enumerate() {
        analysis
            .findings
            .push(leak(&format!("10.0.{}.{}:80", place / 250, place % 250), behind));
    }
    let html = page(&analysis);
    assert!(html.len() < MOST, "{} octets", html.len());
    assert!(!html.contains("There is no room"));
}

#[test]
fn ladders_that_have_no_room_in_the_page_are_packed() {
    let template = by_name("classic").expect("a story").connections.remove(0);
    let connections: Vec<Connection> = (1..=300)
        .map(|id| Connection {
            id,
            ..template.clone()
        })
        .collect();
    let analysis = analysis(connections, 10_000_000_000);
    let html = page(&analysis);
    elements(&html);
    let data = data(&html);
    let in_page: Vec<u64> = data["ladders"]
        .as_array()
        .expect("numbers")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    assert!((5..=30).contains(&in_page.len()), "{} in the page", in_page.len());
    let packed = packed_ladders(&data);
    let mut all: Vec<u64> = packed.iter().map(|(id, _)| *id).chain(in_page).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=300).collect::<Vec<u64>>());
    for (id, part) in packed {
        let elements = elements(&format!("<!DOCTYPE html>{part}"));
        assert!(elements[0].1.contains(&format!("id=\"c{id}\"")) && part.contains("class=\"ts-svg\""));
    }
    assert!(html.contains("All 300 connections with their ladders"));
    let packs: usize = data["packs"]
        .as_array()
        .expect("packs")
        .iter()
        .map(|pack| pack[1].as_str().map_or(0, str::len))
        .sum();
    assert!(packs < 300 * 4_000, "{packs} octets");
}

#[test]
fn all_parts_at_their_worst_stay_small_together() {
    let codes: Vec<(&str, &str)> = rules().map(|rule| (rule.code, rule.name)).collect();
    let mut template = half_closed(
        1,
        "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1111]:40000",
        "[2001:db8:aaaa:bbbb:cccc:dddd:ffff:1111]:18080",
        500_000_000_000,
    );
    // Characters of which each takes many octets in HTML, and states without end.
    let message = "'".repeat(2_000);
    for end in [&mut template.endpoints.client, &mut template.endpoints.server] {
        let steps = end.transitions.clone();
        end.transitions = steps.into_iter().cycle().take(200).collect();
    }
    let rows = template.ladder.clone();
    let mut analysis = analysis(vec![template.clone()], 1_000_000_000_000);
    let span = Span::of(&analysis.capture);
    let mut gathered = Gathered::new(span);
    let mut state = 3;
    let hour = 3_600_000_000_000_i64;
    assert!(span.length_ns() > 0 && !rows.is_empty());
    let mut id = 0;
    for _ in 0..120_000 {
        id += 1 + random(&mut state) % 15;
        let mut one = template.clone();
        one.id = id;
        one.client.ip = format!("2001:db8:aaaa:bbbb:cccc:dddd:{:x}:{:x}", id >> 16, id & 0xffff)
            .parse()
            .expect("an address");
        one.server.ip = format!(
            "2001:db8:aaaa:bbbb:cccc:dddd:ffff:{:x}",
            random(&mut state) % 5_000
        )
        .parse()
        .expect("an address");
        let begin = i64::try_from(random(&mut state)).unwrap_or(hour) % span.length_ns();
        let shift = span.from.plus(begin).since(one.first_time);
        shifted(&mut one, shift);
        one.ladder = if id.is_multiple_of(20) {
            rows.iter().cycle().take(4_000).cloned().collect()
        } else {
            Vec::new()
        };
        one.findings = codes
            .iter()
            .filter(|_| random(&mut state).is_multiple_of(2))
            .map(|(code, name)| {
                let mut one = finding(code, name, Severity::Error);
                one.message = message.clone();
                one
            })
            .collect();
        gathered.add(&one);
    }
    for place in 0..5_000_u64 {
        let behind = (0..20).map(|_| random(&mut state) % 1_000_000).collect();
        analysis
            .findings
            .push(leak(&format!("[2001:db8::{place:x}]:80"), behind));
    }
    analysis.capture.files = vec!["<".repeat(4_000); 300];
    analysis.capture.damage = vec!["<".repeat(4_000); 300];
    analysis.summary.connections = 1_000_000;
    analysis.summary.connections_selected = 1_000_000;
    let ladders = Ladders {
        connections: gathered.ladders(),
        total: 1_000_000,
        why_not: None,
    };
    assert!(
        ladders.connections.len() >= 50,
        "{} ladders",
        ladders.connections.len()
    );
    let html = text(&analysis, gathered, &ladders);
    let parts: Vec<(&str, usize)> = html
        .split("<section id=\"")
        .map(|part| (part.split('"').next().unwrap_or(""), part.len()))
        .collect();
    assert!(html.len() < MOST, "{} octets: {parts:?}", html.len());
    // Every part has met its bound.
    assert!(html.len() > MOST * 9 / 10, "{} octets: {parts:?}", html.len());
    assert!(html.contains("There is no room in this file for a list of their numbers"));
    elements(&html);
    data(&html);
}

/// Moves a connection in time.
fn shifted(one: &mut Connection, by: i64) {
    one.first_time = one.first_time.plus(by);
    one.last_time = one.last_time.plus(by);
    one.close.close_wait_since = one.close.close_wait_since.map(|at| at.plus(by));
    for end in [&mut one.endpoints.client, &mut one.endpoints.server] {
        for step in &mut end.transitions {
            step.at = step.at.plus(by);
        }
    }
}

fn grouped(count: u64) -> String {
    tcptrace_states::report::look::number(count)
}

#[test]
fn the_lanes_of_a_capture_are_its_connections() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r.html").to_string_lossy().into_owned();
    let args = [testdata(LEAK), "--html".to_owned(), file.clone()];
    assert!(program().args(&args).output().expect("it runs").status.success());
    let html = fs::read_to_string(&file).expect("a report");
    elements(&html);
    let data = data(&html);
    let state = |name: &str| {
        let states = data["states"].as_array().expect("states");
        states.iter().position(|state| state == name).expect("a state") as u64
    };
    let listed = program()
        .args([&testdata(LEAK), "--format", "json"])
        .output()
        .expect("it runs");
    let analysis: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let connections = analysis["connections"].as_array().expect("connections");
    let lanes = data["lanes"].as_array().expect("lanes");
    assert_eq!(lanes.len(), connections.len());
    // The finding is about a service; the overdue half-closes behind it are named all the same.
    let leak = &analysis["findings"][0];
    let behind = numbers(&data, "HC05");
    assert_eq!(
        behind.len() as u64,
        leak["connections"].as_u64().expect("a count")
    );
    let first = leak["ids"].as_array().expect("numbers").iter();
    assert!(first.filter_map(Value::as_u64).all(|id| behind.contains(&id)));
    for id in &behind {
        let one = connections
            .iter()
            .find(|one| one["id"] == *id)
            .expect("the connection");
        assert_eq!(one["outcome"], "half-closed");
    }
    for connection in connections {
        let lane = lanes
            .iter()
            .find(|lane| lane[0] == connection["id"])
            .expect("a lane");
        for (end, role) in [(11, "client"), (12, "server")] {
            let name = connection["endpoints"][role]["state"].as_str().expect("a state");
            assert_eq!(lane[end].as_u64().expect("a number") >> 3, state(name));
        }
        for (end, role) in [(13, "client"), (14, "server")] {
            let steps = connection["endpoints"][role]["transitions"]
                .as_array()
                .expect("transitions");
            let pieces: Vec<u64> = lane[end]
                .as_array()
                .expect("numbers")
                .chunks(4)
                .filter_map(|piece| piece[0].as_u64())
                .collect();
            let reached: Vec<u64> = steps
                .iter()
                .map(|step| state(step["to"].as_str().expect("a state")))
                .collect();
            let drawn: Vec<u64> = pieces.iter().map(|what| what >> 4).collect();
            assert_eq!(drawn, reached);
            for (what, step) in pieces.iter().zip(steps) {
                let proven = ["sent", "confirmed"].contains(&step["evidence"].as_str().expect("a word"));
                assert_eq!(what & 1 == 1, proven);
            }
        }
    }
    let outline = outline(&html);
    let (first, _) = outline.split_once("\n  summary: 3 ").expect("a third connection");
    insta::assert_snapshot!("html_outline", first);
}

/// Headings, summaries and captions, one a line: what the report is made of.
fn outline(html: &str) -> String {
    let mut lines = Vec::new();
    for (tag, indent) in [
        ("h1", ""),
        ("h2", ""),
        ("h3", "  "),
        ("summary", "  "),
        ("figcaption", "    "),
    ] {
        for part in html.split(&format!("<{tag}")).skip(1) {
            let inside = part.split_once('>').map_or("", |(_, rest)| rest);
            let inside = inside.split(&format!("</{tag}>")).next().unwrap_or_default();
            let mut text = String::new();
            let mut tagged = false;
            for letter in inside.chars() {
                match letter {
                    '<' => tagged = true,
                    '>' => {
                        tagged = false;
                        text.push(' ');
                    }
                    _ if !tagged => text.push(letter),
                    _ => {}
                }
            }
            let offset = part.as_ptr() as usize - html.as_ptr() as usize;
            let words: Vec<&str> = text.split_whitespace().collect();
            lines.push((offset, format!("{indent}{tag}: {}", words.join(" "))));
        }
    }
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

#[test]
fn every_command_writes_it_and_says_the_same_as_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r.html").to_string_lossy().into_owned();
    let leak = testdata(LEAK);
    let other = testdata("kernel/close_client.client.pcap");
    let commands: &[&[&str]] = &[
        &[&leak],
        &[&leak, "--format", "json"],
        &[&leak, "--format", "jsonl"],
        &[&leak, "--format", "csv"],
        &[&leak, "--state", "LISTEN"],
        &["show", &leak],
        &["show", &leak, "--conn", "1", "--conn", "2"],
        &["leaks", &leak],
        &["time-wait", &leak],
        &["info", &leak],
        &["check", &leak, "--no-config"],
        &["diff", &other, &leak],
    ];
    for command in commands {
        let without = program().args(*command).output().expect("it runs");
        let with = program()
            .args(*command)
            .args(["--html", &file])
            .output()
            .expect("it runs");
        assert_eq!(with.stdout, without.stdout, "{command:?}");
        assert_eq!(
            with.status.code(),
            without.status.code(),
            "{command:?}: {}",
            String::from_utf8_lossy(&with.stderr)
        );
        let html = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{command:?} writes a report"));
        elements(&html);
        data(&html);
        assert!(html.contains("close_wait_leak.client.pcapng"), "{command:?}");
        fs::remove_file(&file).expect("removed");
    }
}

#[test]
fn ladders_are_drawn_where_the_capture_can_be_read_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("r.html").to_string_lossy().into_owned();
    let leak = testdata(LEAK);
    let read = || fs::read_to_string(&file).expect("a report");
    assert!(
        program()
            .args([&leak, "--html", &file])
            .output()
            .expect("it runs")
            .status
            .success()
    );
    assert!(read().contains("aria-label=\"Ladder of connection 1\"") && read().contains("class=\"ts-svg"));
    let piped = shell("cat \"$1\" | \"$0\" - --html \"$2\"", &[&leak, &file]).output();
    assert!(piped.expect("it runs").status.success());
    assert!(read().contains("Standard input can be read only once"));
    assert!(!read().contains("Ladder of connection"));
    // Who reads standard output may have seen enough; the report is whole all the same.
    fs::remove_file(&file).expect("removed");
    for format in ["table", "json", "jsonl", "csv"] {
        let script = "\"$0\" \"$1\" --html \"$2\" --format \"$3\" | head -c 1 > /dev/null";
        assert!(
            shell(script, &[&leak, &file, format])
                .output()
                .expect("it runs")
                .status
                .success()
        );
        elements(&read());
        fs::remove_file(&file).expect("removed");
    }
}

#[test]
fn it_overwrites_no_input_and_tells_what_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let capture = at("a.pcapng");
    fs::copy(testdata(LEAK), &capture).expect("copied");
    let before = fs::read(&capture).expect("a capture");
    let refused: &[&[&str]] = &[
        &[&capture, "--html", &capture],
        &["show", &capture, "--html", &capture],
        &["check", &capture, "--no-config", "--html", &capture],
        &["check", &capture, "--no-config", "--html", "x", "--junit", "x"],
        &["diff", &capture, &testdata(LEAK), "--html", &capture],
        &[&capture, "--html", "-"],
    ];
    for args in refused {
        let output = program()
            .args(*args)
            .current_dir(folder.path())
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
    }
    assert_eq!(fs::read(&capture).expect("a capture"), before);
    let output = program()
        .args([&capture, "--html", &at("no/such/folder.html")])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(4));
    assert!(!output.stdout.is_empty());
}

#[test]
fn curves_over_time_count_what_is_there_at_the_end_of_each_interval() {
    for analysis in [mixed(), ipv6(), damaged(), many(40)] {
        let mut over_time = OverTime::new(Span::of(&analysis.capture));
        analysis.connections.iter().for_each(|one| over_time.add(one));
        let told = over_time.told(100);
        let begin = told.span.from.ns();
        for role in [Client, Server] {
            for state in State::ALL {
                if matches!(state, Closed | Listen) {
                    continue;
                }
                let curve = told.all.of(role, state);
                for place in 0..told.buckets {
                    let last = place + 1 == told.buckets;
                    let end = begin + told.bucket_ns * (i64::try_from(place).expect("small") + 1);
                    let stretches = analysis.connections.iter().flat_map(|one| one.stretches(role));
                    // What lies behind the end of the capture counts as of its last interval.
                    let there = stretches.filter(|stretch| {
                        stretch.state == state
                            && (last || stretch.from.ns() < end)
                            && stretch.until.is_none_or(|until| !last && until.ns() >= end)
                    });
                    let (all, unproven) = there.fold((0, 0), |(all, unproven), stretch| {
                        (all + 1, unproven + u64::from(!stretch.is_proven()))
                    });
                    let counted = curve.map_or((0, 0), |curve| (curve.count[place], curve.unproven[place]));
                    assert_eq!(counted, (all, unproven), "{} {state} in {place}", role.name());
                }
                let at_end = analysis.connections.iter().map(|one| one.endpoint(role).state);
                let at_end = at_end.filter(|end| *end == state).count() as u64;
                let last = curve.map_or(0, |curve| *curve.count.last().expect("a bucket"));
                assert_eq!(last, at_end, "{} {state} at the end", role.name());
            }
        }
        let waiting = |one: &Curves| {
            let at_end = |state| {
                let curves = [Server, Client].map(|role| one.of(role, state));
                let last = curves
                    .into_iter()
                    .flatten()
                    .filter_map(|curve| curve.count.last());
                last.sum::<u64>()
            };
            (at_end(CloseWait), at_end(TimeWait), one.connections)
        };
        let order: Vec<_> = told.services.iter().map(waiting).collect();
        assert!(order.is_sorted_by(|a, b| a >= b), "{order:?}");
        let by_service: u64 = told.services.iter().map(|one| one.connections).sum();
        assert_eq!(by_service, analysis.connections.len() as u64);
        let opened: u64 = told.all.opened.iter().sum();
        let syns = analysis
            .connections
            .iter()
            .filter(|one| one.handshake.syn_packet.is_some());
        assert_eq!(opened, syns.count() as u64);
        let half_closes = told
            .half_closes
            .ended
            .iter()
            .chain(&told.half_closes.open)
            .sum::<u64>();
        let there = analysis
            .connections
            .iter()
            .filter(|one| one.close.half_close_ns.is_some());
        assert_eq!(half_closes, there.count() as u64);
    }
}
