//! The size of the HTML report, and that it names what there is of many connections.

mod handmade;
mod page;

use std::collections::BTreeMap;

use handmade::*;
use page::*;
use serde_json::Value;
use tcptrace_states::findings::rules;
use tcptrace_states::model::{Confidence, Connection, Numbers, ServiceFinding, Severity};
use tcptrace_states::population::Span;
use tcptrace_states::report::html::{Gathered, Ladders};

/// What a report may weigh.
const MOST: usize = 5_000_000;

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
