//! Every view on analyses made by hand. The snapshots are meant to be looked at: they are the screens.

use std::io::{self, Write};

use tcptrace_states::model::{Analysis, Connection, Outcome, Role, State};
use tcptrace_states::report::look::{Look, Rows, SequenceNumbers};
use tcptrace_states::report::{csv, json, jsonl, ladder, table};
use tcptrace_states::select::{AddressFilter, Selection, StateFilter, by_attention};
use tcptrace_states::time::Timestamp;

mod handmade;

fn look(width: usize) -> Look {
    Look {
        width,
        rows: Rows::All,
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    }
}

fn written(view: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    view(&mut out).expect("a Vec takes everything");
    String::from_utf8(out).expect("views write UTF-8")
}

fn table_text(analysis: &Analysis, look: &Look) -> String {
    written(|out| table::write(out, analysis, look))
}

fn ladder_of(connection: Connection, end_ns: i64, look: &Look) -> String {
    let analysis = handmade::analysis(vec![connection], end_ns);
    written(|out| ladder::write(out, &analysis, &analysis.connections[0], look))
}

/// Without colour codes (`ESC [ … m`).
fn stripped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn table_at_80_columns() {
    insta::assert_snapshot!(table_text(&handmade::mixed(), &look(80)));
}

#[test]
fn table_at_120_columns() {
    insta::assert_snapshot!(table_text(&handmade::mixed(), &look(120)));
}

#[test]
fn table_with_all_columns() {
    insta::assert_snapshot!(table_text(&handmade::mixed(), &look(160)));
}

#[test]
fn table_in_ascii() {
    let text = table_text(
        &handmade::mixed(),
        &Look {
            ascii: true,
            ..look(80)
        },
    );
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn table_of_long_addresses() {
    insta::assert_snapshot!(table_text(&handmade::ipv6(), &look(80)));
}

#[test]
fn table_of_an_empty_capture() {
    insta::assert_snapshot!(table_text(&handmade::empty(), &look(80)));
}

#[test]
fn table_of_a_damaged_capture() {
    let text = table_text(&handmade::damaged(), &look(80));
    assert!(
        !text.contains('\u{1b}') && !text.contains('\u{202e}'),
        "names are shown, not obeyed"
    );
    insta::assert_snapshot!(text);
}

#[test]
fn table_of_a_selection() {
    let mut analysis = handmade::mixed();
    Selection {
        outcomes: vec![Outcome::Closed],
        ..Selection::default()
    }
    .apply(&mut analysis);
    insta::assert_snapshot!(table_text(&analysis, &look(120)));
}

#[test]
fn table_of_an_empty_selection() {
    let mut analysis = handmade::mixed();
    Selection {
        ids: vec![99],
        ..Selection::default()
    }
    .apply(&mut analysis);
    assert!(table_text(&analysis, &look(80)).ends_with("\nNo connection matches the selection.\n"));
}

#[test]
fn a_long_table_is_cut_to_the_screen() {
    let analysis = handmade::many(1_224);
    for (width, height) in [(80, 24), (80, 50), (120, 24), (160, 24), (120, 50)] {
        let text = table_text(
            &analysis,
            &Look {
                rows: Rows::Screen(height),
                ..look(width)
            },
        );
        assert!(
            text.lines().count() < height,
            "the prompt needs a line, too: {width} x {height}"
        );
        assert!(text.contains(" more: --all"));
    }
    let text = table_text(
        &analysis,
        &Look {
            rows: Rows::Limit(20),
            ..look(120)
        },
    );
    assert!(text.contains("… 1 204 more: --all · one connection: tcptrace-states show FILE --conn 1"));
    let text = table_text(
        &analysis,
        &Look {
            rows: Rows::Limit(0),
            ..look(120)
        },
    );
    assert!(text.ends_with("… 1 224 more: --all\n"));
}

#[test]
fn ladder_of_handshake_and_close() {
    insta::assert_snapshot!(ladder_of(handmade::classic(), 108_100 * handmade::MS, &look(80)));
}

#[test]
fn ladder_of_a_simultaneous_close() {
    insta::assert_snapshot!(ladder_of(
        handmade::simultaneous_close(),
        100 * handmade::MS,
        &look(80)
    ));
}

#[test]
fn ladder_of_an_open_half_close() {
    let connection = handmade::half_closed(3, "10.0.0.9:51234", "10.0.0.5:8080", 302_396 * handmade::MS);
    insta::assert_snapshot!(ladder_of(connection, 312_400 * handmade::MS, &look(80)));
}

#[test]
fn ladder_with_room() {
    let connection = handmade::half_closed(3, "10.0.0.9:51234", "10.0.0.5:8080", 302_396 * handmade::MS);
    insta::assert_snapshot!(ladder_of(connection, 312_400 * handmade::MS, &look(110)));
}

#[test]
fn ladder_of_a_refused_connection() {
    insta::assert_snapshot!(ladder_of(handmade::refused(4), 1_130 * handmade::MS, &look(80)));
}

#[test]
fn ladder_of_two_transitions_on_one_segment_in_ascii() {
    let connection = handmade::three_way_close(8, "10.0.0.9:51301", "10.0.0.5:8080");
    let look = Look {
        ascii: true,
        seq: SequenceNumbers::Relative,
        ..look(80)
    };
    let text = ladder_of(connection, 100 * handmade::MS, &look);
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn ladder_of_a_lost_ack() {
    let connection = handmade::open(7, "10.0.0.9:51300", "10.0.0.5:8080");
    insta::assert_snapshot!(ladder_of(connection, 1_100 * handmade::MS, &look(80)));
}

#[test]
fn ladder_from_the_middle() {
    insta::assert_snapshot!(ladder_of(
        handmade::midstream_reset(6),
        100 * handmade::MS,
        &look(80)
    ));
}

#[test]
fn ladder_of_a_connection_without_rows() {
    let mut connection = handmade::classic();
    connection.ladder.clear();
    let text = ladder_of(connection, 108_100 * handmade::MS, &look(80));
    assert!(text.contains("not drawn"), "{text}");
}

#[test]
fn nothing_is_wider_than_the_screen() {
    for width in [80, 100, 120, 160] {
        for analysis in [
            handmade::mixed(),
            handmade::ipv6(),
            handmade::damaged(),
            handmade::many(30),
        ] {
            let text = table_text(&analysis, &look(width));
            assert!(widest(&text) <= width, "{width}:\n{text}");
            for connection in &analysis.connections {
                let text = written(|out| ladder::write(out, &analysis, connection, &look(width)));
                assert!(widest(&text) <= width, "{width}:\n{text}");
            }
        }
    }
}

#[test]
fn extremes_do_no_harm() {
    let mut analysis = handmade::mixed();
    for connection in &mut analysis.connections {
        connection.first_time = Timestamp::from_ns(i64::MAX);
        connection.close.half_close_ns = Some(i64::MIN);
        connection
            .endpoints
            .client
            .dwell_ns
            .add(State::Established, i64::MAX);
        for transition in &mut connection.endpoints.server.transitions {
            transition.at = Timestamp::from_ns(i64::MIN);
            transition.packet = None;
        }
    }
    for width in (0..50).chain([65_535, 1_000_000]) {
        for rows in [
            Rows::All,
            Rows::Limit(0),
            Rows::Screen(0),
            Rows::Screen(usize::MAX),
        ] {
            table_text(&analysis, &Look { rows, ..look(width) });
        }
        for connection in &analysis.connections {
            written(|out| ladder::write(out, &analysis, connection, &look(width)));
        }
    }
}

#[test]
fn colours_change_no_text() {
    for width in [80, 120] {
        let colourful = Look {
            color: true,
            ..look(width)
        };
        for analysis in [handmade::mixed(), handmade::damaged(), handmade::empty()] {
            let text = table_text(&analysis, &colourful);
            assert!(text.contains('\u{1b}'));
            assert_eq!(stripped(&text), table_text(&analysis, &look(width)));
            for connection in &analysis.connections {
                let text = written(|out| ladder::write(out, &analysis, connection, &colourful));
                assert_eq!(
                    stripped(&text),
                    written(|out| ladder::write(out, &analysis, connection, &look(width)))
                );
            }
        }
    }
}

#[test]
fn csv_has_one_row_a_connection() {
    insta::assert_snapshot!(written(|out| csv::write(out, &handmade::mixed())));
}

#[test]
fn json_lines() {
    let mut analysis = handmade::analysis(
        vec![handmade::classic(), handmade::refused(2)],
        108_100 * handmade::MS,
    );
    analysis
        .connections
        .iter_mut()
        .for_each(|connection| connection.ladder.clear()); // as without `show`
    insta::assert_snapshot!(written(|out| jsonl::write(out, &analysis)));
}

#[test]
fn each_json_line_keeps_the_contract() {
    let text = written(|out| jsonl::write(out, &handmade::mixed()));
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object a line"))
        .collect();
    let has = |value: &serde_json::Value, names: &[&str]| {
        for name in names {
            assert!(value.get(name).is_some(), "{name} is missing in {value}");
        }
    };
    assert!(text.lines().all(|line| line.starts_with("{\"type\":\"")));
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!(first["type"], "capture");
    has(
        first,
        &[
            "schema_version",
            "files",
            "link_types",
            "packets",
            "skipped",
            "first_time",
            "last_time",
            "complete",
        ],
    );
    assert_eq!(last["type"], "summary");
    has(
        last,
        &[
            "packets",
            "tcp_segments",
            "skipped_packets",
            "connections",
            "outcomes",
            "states",
            "complete",
        ],
    );
    assert_eq!(lines.len(), 2 + 9);
    for line in &lines[1..lines.len() - 1] {
        assert_eq!(line["type"], "connection");
        has(
            line,
            &[
                "id",
                "incarnation",
                "client",
                "server",
                "roles_from",
                "first_packet",
                "last_packet",
            ],
        );
        has(
            line,
            &[
                "first_time",
                "last_time",
                "handshake",
                "outcome",
                "close",
                "endpoints",
                "findings",
            ],
        );
        has(&line["client"], &["ip", "port"]);
        has(
            &line["handshake"],
            &[
                "complete",
                "syn_packet",
                "syn_ack_packet",
                "ack_packet",
                "client_iss",
                "server_iss",
            ],
        );
        has(
            &line["handshake"],
            &["rtt_ns", "client_options", "server_options"],
        );
        has(
            &line["close"],
            &[
                "kind",
                "first_closer",
                "half_close_ns",
                "half_close_bytes",
                "half_close_open",
            ],
        );
        has(&line["close"], &["time_wait_holder"]);
        for side in ["client", "server"] {
            let side = &line["endpoints"][side];
            has(
                side,
                &[
                    "state",
                    "transitions",
                    "dwell_ns",
                    "packets",
                    "payload_bytes",
                    "retransmitted_segments",
                ],
            );
            for transition in side["transitions"].as_array().expect("a list") {
                has(
                    transition,
                    &[
                        "from",
                        "to",
                        "packet",
                        "at",
                        "earliest",
                        "latest",
                        "evidence",
                        "proven_by",
                    ],
                );
            }
        }
    }
}

#[test]
fn json_is_the_same_as_one_document() {
    let analysis = handmade::mixed();
    let document: serde_json::Value =
        serde_json::from_str(&written(|out| json::write(out, &analysis))).expect("one document");
    let lines = written(|out| jsonl::write(out, &analysis));
    let connections = document["connections"].as_array().expect("a list").iter();
    let objects = std::iter::once(&document["capture"])
        .chain(connections)
        .chain([&document["summary"]]);
    for (object, line) in objects.zip(lines.lines()) {
        let mut line: serde_json::Value = serde_json::from_str(line).expect("one object a line");
        line.as_object_mut().expect("an object").remove("type");
        assert_eq!(object, &line);
    }
}

#[test]
fn a_view_hands_back_the_error_of_its_output() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let analysis = handmade::mixed();
    let results = [
        table::write(&mut Closed, &analysis, &look(80)),
        ladder::write(&mut Closed, &analysis, &analysis.connections[0], &look(80)),
        json::write(&mut Closed, &analysis),
        jsonl::write(&mut Closed, &analysis),
        csv::write(&mut Closed, &analysis),
    ];
    for result in results {
        assert_eq!(
            result.map_err(|error| error.kind()),
            Err(io::ErrorKind::BrokenPipe)
        );
    }
}

#[test]
fn selections() {
    let ids = |selection: &Selection| {
        let mut analysis = handmade::mixed();
        selection.apply(&mut analysis);
        assert_eq!(
            analysis.summary.connections_selected,
            analysis.connections.len() as u64
        );
        assert_eq!(analysis.summary.connections, 9);
        analysis
            .connections
            .iter()
            .map(|connection| connection.id)
            .collect::<Vec<u64>>()
    };
    let all = Selection::default();
    assert_eq!(ids(&all).len(), 9);
    let address = |text: &str| Selection {
        addresses: vec![text.parse::<AddressFilter>().expect("sound")],
        ..all.clone()
    };
    assert_eq!(ids(&address("10.0.0.5")), [3, 7, 8, 9]);
    assert_eq!(ids(&address("10.0.0.9:51290")), [9]);
    assert_eq!(
        ids(&Selection {
            ids: vec![2, 4, 99],
            ..all.clone()
        }),
        [2, 4]
    );
    assert_eq!(
        ids(&Selection {
            ports: vec![81, 443],
            ..all.clone()
        }),
        [4, 5]
    );
    assert_eq!(
        ids(&Selection {
            outcomes: vec![Outcome::Reset, Outcome::Open],
            ..all.clone()
        }),
        [6, 7]
    );
    let state = |role, state| Selection {
        states: vec![StateFilter { role, state }],
        ..all.clone()
    };
    assert_eq!(ids(&state(None, State::TimeWait)), [2, 8]);
    assert_eq!(ids(&state(Some(Role::Client), State::TimeWait)), [2]);
    assert_eq!(ids(&state(Some(Role::Server), State::CloseWait)), [3, 9]);
    let both = Selection {
        ports: vec![8080],
        outcomes: vec![Outcome::Closed],
        ..all.clone()
    };
    assert_eq!(ids(&both), [8]);
}

#[test]
fn what_needs_attention_comes_first() {
    let mut connections = handmade::mixed().connections;
    connections.sort_by(by_attention);
    let ids: Vec<u64> = connections.iter().map(|connection| connection.id).collect();
    assert_eq!(ids, [3, 9, 6, 4, 5, 7, 1, 2, 8]);
}
