//! The pictures: well-formed whatever stands in a capture, bounded whatever its size, and drawn as the numbers say.

#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node};
use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::model::{Analysis, Connection, Finding, Severity, State};
use tcptrace_states::report::SequenceNumbers;
use tcptrace_states::report::svg::{Options, Place, diagram, ladder, page_style, time_sequence};

mod handmade;

use handmade::{Client, MS, SECOND, Server, Story, at};

fn kernel(name: &str) -> Analysis {
    analysis(Path::new("testdata/kernel").join(name))
}

fn analysis(path: PathBuf) -> Analysis {
    let settings = Settings {
        files: vec![path],
        ladder: LadderRequest::All,
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).expect("a capture")
}

/// All pictures of one connection.
fn pictures(analysis: &Analysis, connection: &Connection, options: &Options<'_>) -> Vec<String> {
    let mut all = vec![
        ladder(&analysis.capture, connection, options),
        diagram(connection, options),
    ];
    all.extend(
        [Client, Server]
            .iter()
            .filter_map(|role| time_sequence(connection, *role, options)),
    );
    all
}

/// Parses a picture and holds it against what every picture must be.
fn sound(picture: &str) -> Document<'_> {
    let tree = match Document::parse(picture) {
        Ok(tree) => tree,
        Err(error) => panic!("{error}\n{picture}"),
    };
    let root = tree.root_element();
    assert_eq!(root.tag_name().name(), "svg");
    assert_eq!(root.tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    let mut ids = BTreeSet::new();
    for node in root.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        assert!(
            !matches!(
                name,
                "script" | "foreignObject" | "a" | "image" | "use" | "animate"
            ),
            "{name}"
        );
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(
                !name.starts_with("on") && name != "href" && name != "style",
                "{name}"
            );
            assert!(!value.contains("url(") || value.starts_with("url(#"), "{value}");
            assert!(!value.contains("NaN") && !value.contains("inf"), "{name}={value}");
            if name == "id" {
                assert!(ids.insert(value.to_owned()), "{value} is there twice");
            }
        }
    }
    for named in root.attribute("aria-labelledby").expect("a name").split(' ') {
        assert!(ids.contains(named), "{named}");
    }
    tree
}

fn texts<'a>(tree: &'a Document<'_>) -> Vec<&'a str> {
    let texts = tree
        .descendants()
        .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")));
    texts.filter_map(|node| node.text()).collect()
}

/// The line of the arrow of a packet: height at the client, height at the server.
fn arrow(tree: &Document<'_>, packet: u64) -> (f64, f64) {
    let title = format!("packet {packet}, ");
    let group = tree
        .descendants()
        .find(|node| {
            node.attribute("class") == Some("ts-arrow")
                && node
                    .descendants()
                    .any(|inner| inner.text().is_some_and(|text| text.starts_with(&title)))
        })
        .unwrap_or_else(|| panic!("no arrow of packet {packet}"));
    let line = group
        .children()
        .find(|node| node.tag_name().name() == "line")
        .expect("a line");
    let number = |name: &str| {
        line.attribute(name)
            .and_then(|text| text.parse::<f64>().ok())
            .expect("a number")
    };
    let (x1, y1, x2, y2) = (number("x1"), number("y1"), number("x2"), number("y2"));
    if x1 < x2 { (y1, y2) } else { (y2, y1) }
}

#[test]
fn pictures_of_lab_captures() {
    let leak = kernel("close_wait_leak.client.pcapng");
    insta::assert_snapshot!(ladder(&leak.capture, &leak.connections[0], &Options::DOCUMENT));
    let close = kernel("simultaneous_close.client.pcap");
    insta::assert_snapshot!(diagram(&close.connections[0], &Options::DOCUMENT));
    let bulk = kernel("bulk_loss.client.pcapng");
    let graph = time_sequence(&bulk.connections[0], Client, &Options::DOCUMENT).expect("data");
    insta::assert_snapshot!(graph);
}

/// Every capture of the lab, in a file and in a page.
#[test]
fn all_pictures_are_sound() {
    let mut captures: Vec<PathBuf> = fs::read_dir("testdata/kernel")
        .expect("the lab's captures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "pcap" || extension == "pcapng")
        })
        .collect();
    captures.sort();
    let mut count = 0;
    for path in captures {
        let analysis = analysis(path);
        for connection in analysis.connections.iter().take(4) {
            for (index, place) in [Place::Document, Place::Fragment { ids: "c7" }]
                .into_iter()
                .enumerate()
            {
                let options = Options {
                    place,
                    ..Options::DOCUMENT
                };
                for picture in pictures(&analysis, connection, &options) {
                    let tree = sound(&picture);
                    let styles = tree
                        .descendants()
                        .filter(|node| node.tag_name().name() == "style")
                        .count();
                    assert_eq!(styles, 1 - index, "a page has one style for all");
                    assert!(picture.len() < 300_000, "{} octets", picture.len());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 1_000, "{count}");
    assert!(!page_style().contains('<'));
}

/// In the picture of a simultaneous close the FINs cross, as in figure 13 of RFC 9293.
#[test]
fn segments_that_crossed_are_drawn_so() {
    let analysis = kernel("simultaneous_close.client.pcap");
    let picture = ladder(&analysis.capture, &analysis.connections[0], &Options::DOCUMENT);
    let tree = sound(&picture);
    let ((client_sends, server_gets), (client_gets, server_sends)) = (arrow(&tree, 6), arrow(&tree, 8));
    assert!(client_sends < client_gets, "the client sent before it received");
    assert!(server_sends < server_gets, "and so did the server");
    // A handshake does not cross.
    let ((_, server_gets), (client_gets, server_sends)) = (arrow(&tree, 1), arrow(&tree, 2));
    assert!(server_gets <= server_sends && server_sends < client_gets);
}

/// What acknowledges something left after it had arrived, in every picture with sloped arrows.
#[test]
fn time_runs_down_both_lines() {
    for name in [
        "tw_syn_low_isn.client.pcap",
        "router_loss.mid.pcap",
        "simultaneous_open.client.pcapng",
    ] {
        let analysis = kernel(name);
        for connection in &analysis.connections {
            let picture = ladder(&analysis.capture, connection, &Options::DOCUMENT);
            let tree = sound(&picture);
            for node in tree
                .descendants()
                .filter(|node| node.attribute("class") == Some("ts-arrow"))
            {
                let line = node
                    .children()
                    .find(|child| child.tag_name().name() == "line")
                    .expect("a line");
                let y = |name: &str| {
                    line.attribute(name)
                        .and_then(|text| text.parse::<f64>().ok())
                        .expect("a number")
                };
                assert!(y("y2") >= y("y1") - 0.01, "{name}: an arrow runs up");
            }
        }
    }
}

#[test]
fn one_packet() {
    let story = Story::new(1, "[2001:db8::1]:40000", "[2001:db8::2]:443")
        .segment(1, 0, Client, "SYN", u32::MAX, 0, 0)
        .sent(Client, State::SynSent, 1);
    let analysis = handmade::analysis(vec![story.connection], SECOND);
    let picture = ladder(&analysis.capture, &analysis.connections[0], &Options::DOCUMENT);
    let tree = sound(&picture);
    let texts = texts(&tree);
    for expected in [
        "[2001:db8::1]:40000",
        "SYN seq=4294967295",
        "SYN-SENT",
        "1.00 s of silence",
        "end of the capture",
    ] {
        assert!(texts.contains(&expected), "{expected}: {texts:?}");
    }
    assert!(texts.iter().any(|text| text.starts_with("Arrows are level")));
    assert_eq!(arrow(&tree, 1).0, arrow(&tree, 1).1, "level");
}

#[test]
fn only_a_reset() {
    let story = Story::new(1, "10.0.0.1:40000", "10.0.0.2:80").segment(1, 0, Server, "RST", 7, 0, 0);
    let analysis = handmade::analysis(vec![story.connection], 0);
    for picture in pictures(&analysis, &analysis.connections[0], &Options::DOCUMENT) {
        sound(&picture);
    }
}

/// No state without hatching, no way without dashes, where nothing is proven.
#[test]
fn what_is_not_proven_shows() {
    let story = Story::new(1, "10.0.0.1:40000", "10.0.0.2:80")
        .segment(1, 0, Client, "ACK", 7, 8, 0)
        .inferred(Client, State::Established, 1)
        .received(Server, State::Established, 1, None);
    let analysis = handmade::analysis(vec![story.connection], MS);
    let picture = ladder(&analysis.capture, &analysis.connections[0], &Options::DOCUMENT);
    let tree = sound(&picture);
    let (mut bands, mut hatched) = (0, 0);
    for node in tree
        .descendants()
        .filter(|node| node.attribute("class") == Some("ts-state"))
    {
        let fills = node
            .children()
            .filter(|child| child.attribute("fill") == Some("url(#ts-hatch)"));
        hatched += fills.count();
        bands += 1;
    }
    assert_eq!((bands, hatched), (4, 3), "all but LISTEN, where the server began");
    let texts = texts(&tree);
    assert!(
        texts.contains(&"ESTABLISHED~") && texts.contains(&"ESTABLISHED?"),
        "{texts:?}"
    );
    let picture = diagram(&analysis.connections[0], &Options::DOCUMENT);
    let tree = sound(&picture);
    let classes: Vec<&str> = tree
        .descendants()
        .filter_map(|node| node.attribute("class"))
        .collect();
    assert!(classes.contains(&"ts-client ts-unproven") && classes.contains(&"ts-server ts-unproven"));
    // The others stand in the legend.
    assert_eq!(classes.iter().filter(|class| **class == "ts-client").count(), 1);
}

#[test]
fn hostile_text_stays_text() {
    let hostile = "</text><script>alert(1)</script>\u{1b}[31m\u{202e}\"'&]]>";
    let mut story = Story::new(1, "10.0.0.1:40000", "10.0.0.2:80").segment(1, 0, Client, "SYN", 7, 0, 0);
    story.connection.findings.push(Finding {
        code: "HS01",
        name: "syn-retransmit",
        severity: Severity::Error,
        confidence: tcptrace_states::model::Confidence::Proven,
        endpoint: Some(Client),
        packet: Some(1),
        at: Some(at(0)),
        packets: vec![1],
        count: 3,
        last_packet: Some(1),
        message: hostile.repeat(50),
        weakened_by: Vec::new(),
    });
    let analysis = handmade::analysis(vec![story.connection], 0);
    let options = Options {
        place: Place::Fragment { ids: "\"><script>x" },
        seq: SequenceNumbers::Relative,
        ..Options::DOCUMENT
    };
    for options in [options, Options::DOCUMENT] {
        for picture in pictures(&analysis, &analysis.connections[0], &options) {
            sound(&picture);
            assert!(!picture.contains('\u{1b}') && !picture.contains('\u{202e}'));
        }
    }
}

/// A long ladder is cut in its middle, with a count, and keeps what changed a state.
#[test]
fn a_long_ladder_is_bounded() {
    let mut story = Story::new(1, "10.0.0.1:40000", "10.0.0.2:80")
        .segment(1, 0, Client, "SYN", 7, 0, 0)
        .sent(Client, State::SynSent, 1);
    for packet in 2..4_000u32 {
        story = story.segment(
            u64::from(packet),
            i64::from(packet) * MS,
            Server,
            "RST",
            packet,
            0,
            0,
        );
    }
    let story = story
        .segment(4_000, 5 * SECOND, Server, "SYN,ACK", 300, 8, 0)
        .sent(Server, State::SynReceived, 4_000);
    let analysis = handmade::analysis(vec![story.connection], 6 * SECOND);
    let options = Options {
        most_steps: 100,
        ..Options::DOCUMENT
    };
    let picture = ladder(&analysis.capture, &analysis.connections[0], &options);
    let tree = sound(&picture);
    arrow(&tree, 1);
    arrow(&tree, 4_000);
    let texts = texts(&tree);
    assert!(
        texts.iter().any(|text| text.starts_with("3 898 steps without")),
        "{texts:?}"
    );
    assert!(texts.contains(&"3 898 segments, not drawn"), "{texts:?}");
    let arrows = tree
        .descendants()
        .filter(|node| node.attribute("class") == Some("ts-arrow"))
        .count();
    assert_eq!(arrows, 102);
    assert!(picture.len() < 150_000, "{}", picture.len());
}

/// 100 000 segments in one connection: both pictures stay small, and say what they joined.
#[test]
fn a_large_transfer_is_bounded() {
    const SEGMENTS: u32 = 100_000;
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    let mut packet = |micros: u32, from_client: bool, seq: u32, ack: u32, flags: u8, payload: u16| {
        let length = 40 + payload;
        let (source, destination) = if from_client {
            ([10, 0, 0, 1], [10, 0, 0, 2])
        } else {
            ([10, 0, 0, 2], [10, 0, 0, 1])
        };
        let (sport, dport): (u16, u16) = if from_client { (40_000, 80) } else { (80, 40_000) };
        for number in [micros / 1_000_000, micros % 1_000_000, 40, u32::from(length)] {
            file.extend_from_slice(&number.to_le_bytes());
        }
        file.extend_from_slice(&[0x45, 0]);
        file.extend_from_slice(&length.to_be_bytes());
        file.extend_from_slice(&micros.to_be_bytes()[2..]); // an identification of its own
        file.extend_from_slice(&[0x40, 0, 64, 6, 0, 0]);
        file.extend_from_slice(&source);
        file.extend_from_slice(&destination);
        file.extend_from_slice(&sport.to_be_bytes());
        file.extend_from_slice(&dport.to_be_bytes());
        file.extend_from_slice(&seq.to_be_bytes());
        file.extend_from_slice(&ack.to_be_bytes());
        file.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    };
    let iss = u32::MAX - 50_000_000; // the numbers pass zero on the way
    packet(0, true, iss, 0, 0x02, 0);
    packet(100, false, 500, iss.wrapping_add(1), 0x12, 0);
    packet(200, true, iss.wrapping_add(1), 501, 0x10, 0);
    for index in 0..SEGMENTS {
        let seq = iss.wrapping_add(1).wrapping_add(index * 1_000);
        packet(300 + index * 20, true, seq, 501, 0x10, 1_000);
        if index % 2 == 1 {
            packet(310 + index * 20, false, 501, seq.wrapping_add(1_000), 0x10, 0);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.pcap");
    fs::write(&path, file).expect("a file");
    let analysis = analysis(path);
    assert_eq!(analysis.connections.len(), 1);
    let connection = &analysis.connections[0];
    let graph = time_sequence(connection, Client, &Options::DOCUMENT).expect("data");
    let tree = sound(&graph);
    let texts = texts(&tree);
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("100 000 segments with data")),
        "{texts:?}"
    );
    assert!(
        texts
            .iter()
            .any(|text| text.starts_with("Too many to draw one by one")),
        "{texts:?}"
    );
    assert!(
        texts.contains(&"100 000 000"),
        "numbers go on beyond zero: {texts:?}"
    );
    let picture = ladder(&analysis.capture, connection, &Options::DOCUMENT);
    sound(&picture);
    println!("graph {} octets, ladder {} octets", graph.len(), picture.len());
    assert!(
        graph.len() < 80_000 && picture.len() < 20_000,
        "{} {}",
        graph.len(),
        picture.len()
    );
    assert!(
        time_sequence(connection, Server, &Options::DOCUMENT).is_some(),
        "its SYN"
    );
}
