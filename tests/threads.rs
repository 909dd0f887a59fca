//! What is told does not depend on how it is computed: by one thread or several, in one table or several, and with usual
//! connections told or summed up.

mod compressors;
mod repository;
#[path = "../benches/workload/mod.rs"]
mod workload;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use repository::captures;
use tcptrace_states::analyze::{Part, PartSize, Settings, Threads, Told, analyze, connections};
use tcptrace_states::capture::Stop;
use tcptrace_states::findings::{Sure, Thresholds};
use tcptrace_states::model::{Analysis, Usual};
use tcptrace_states::report::table::Listing;
use tcptrace_states::report::{Look, Rows, SequenceNumbers};
use workload::{Format, Shape, write};

/// Larger captures, in which all kinds of connections are open at once.
fn workloads(folder: &Path) -> Vec<PathBuf> {
    let shapes = [
        ("mixed", Shape::MIXED, 2_000, 300, Format::Pcap),
        ("headers", Shape::HEADERS, 2_000, 300, Format::Pcapng),
        ("shortflows", Shape::SHORT_FLOWS, 4_000, 1_000, Format::Pcap),
        ("synflood", Shape::SYN_FLOOD, 20_000, 1, Format::Pcap),
    ];
    let made = shapes.map(|(name, shape, connections, at_once, format)| {
        let path = folder.join(name);
        let file = std::fs::File::create(&path).expect("room");
        let shape = Shape {
            connections,
            at_once,
            ..shape
        };
        write(&shape, 11, format, std::io::BufWriter::new(file), &mut |_| {}).expect("room");
        path
    });
    made.to_vec()
}

fn settings(path: &Path, threads: Threads) -> Settings {
    Settings {
        files: vec![path.to_owned()],
        threads,
        ..Settings::default()
    }
}

/// Everything that is told, of several tables; none of a file that is no capture.
fn told(path: &Path, threads: Threads) -> Option<Analysis> {
    let connections = connections(&settings(path, threads), &Stop::default(), &mut |_| {}).ok()?;
    Some(connections.into_analysis().expect("counts that add up"))
}

fn json(analysis: &Analysis) -> String {
    serde_json::to_string(analysis).expect("plain data")
}

#[test]
fn many_threads_tell_what_one_tells() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in captures().into_iter().chain(workloads(folder.path())) {
        let one = told(&path, Threads::Exactly(1));
        for threads in [2, 3, 8] {
            let many = told(&path, Threads::Exactly(threads));
            assert_eq!(
                one.as_ref().map(json),
                many.as_ref().map(json),
                "{}, {threads} threads",
                path.display()
            );
        }
    }
}

/// One large compressed file is unpacked by one thread while others track; whole, cut off, damaged.
#[test]
fn many_threads_unpack_what_one_unpacks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("packed");
    let shape = Shape {
        connections: 30_000,
        at_once: 3_000,
        ..Shape::HEADERS
    };
    let mut octets = Vec::new();
    write(&shape, 11, Format::Pcap, &mut octets, &mut |_| {}).expect("room");
    for pack in [compressors::zstd as compressors::Compress, compressors::gzip] {
        let whole = pack(&octets);
        assert!(whole.len() > 5 << 20, "{} bytes are too few", whole.len());
        let most = whole.len() * 9 / 10;
        let damaged = [&whole[..most], &[0xff; 50], &whole[most + 50..]].concat();
        for (what, packed) in [
            ("cut off", whole[..most].to_vec()),
            ("damaged", damaged),
            ("whole", whole),
        ] {
            std::fs::write(&path, packed).expect("room");
            let one = told(&path, Threads::Exactly(1)).expect("a capture");
            assert_eq!(one.capture.damage.is_empty(), what == "whole");
            for threads in [2, 8] {
                let many = told(&path, Threads::Exactly(threads)).expect("a capture");
                assert!(json(&one) == json(&many), "{what}, {threads} threads");
            }
            if what == "whole" {
                std::fs::write(&path, &octets).expect("room");
                let plain = told(&path, Threads::Exactly(2)).expect("a capture");
                let connections = |analysis: &Analysis| format!("{:?}", analysis.connections);
                assert!(connections(&one) == connections(&plain), "unpacked");
            }
        }
    }
}

/// What is kept in full is kept in one table.
#[test]
fn several_tables_tell_what_one_tells() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in captures().into_iter().chain(workloads(folder.path())) {
        let one = analyze(&settings(&path, Threads::Auto), &mut |_| {}).ok();
        let several = told(&path, Threads::Auto);
        assert_eq!(
            one.as_ref().map(json),
            several.as_ref().map(json),
            "{}",
            path.display()
        );
    }
}

/// The screen with so many rows, and all else; made part by part, usual connections passed over where it has no room for them.
fn screen(path: &Path, threads: Threads, rows: usize) -> Option<(String, String)> {
    let look = Look {
        width: 160,
        rows: Rows::Limit(rows),
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    };
    let mut connections = connections(&settings(path, threads), &Stop::default(), &mut |_| {}).ok()?;
    let each = |part: &mut Part<'_>| {
        let mut listing = Listing::new(&look);
        loop {
            if part.pass_usual(|usual, found| listing.takes_usual(usual, found)) {
                continue;
            }
            match part.next() {
                Some(connection) => listing.add(connection),
                None => return listing,
            }
        }
    };
    let mut listing = Listing::new(&look);
    connections
        .in_parts(PartSize::AsFew, each, |part| -> Result<(), Infallible> {
            listing.merge(part);
            Ok(())
        })
        .expect("nothing fails");
    let analysis = connections.finish().expect("counts that add up");
    let mut text = Vec::new();
    listing.write(&mut text, &analysis, &look).expect("room");
    Some((String::from_utf8(text).expect("text"), json(&analysis)))
}

#[test]
fn parts_make_the_screen_that_all_make() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in captures().into_iter().chain(workloads(folder.path())) {
        for rows in [4, 40] {
            let [one, two] =
                [Threads::Exactly(1), Threads::Exactly(2)].map(|threads| screen(&path, threads, rows));
            assert_eq!(one, two, "{}", path.display());
        }
    }
}

#[test]
fn parts_are_told_in_order_to_the_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in workloads(folder.path()) {
        let whole = told(&path, Threads::Exactly(1)).expect("a capture");
        let settings = settings(&path, Threads::Exactly(2));
        let connections = || connections(&settings, &Stop::default(), &mut |_| {}).expect("a capture");
        for (size, least) in [(PartSize::AsFew, 3), (PartSize::Connections(100), 20)] {
            let (mut parts, mut all) = (0, Vec::new());
            let each = |part: &mut Part<'_>| {
                let told = part.map(|connection| format!("{connection:?}"));
                told.collect::<Vec<_>>()
            };
            let done = connections().in_parts(size, each, |part| -> Result<(), Infallible> {
                parts += 1;
                all.extend(part);
                Ok(())
            });
            assert!(done.is_ok() && parts >= least, "{parts} parts");
            let expected = whole.connections.iter();
            assert!(
                expected.map(|connection| format!("{connection:?}")).eq(all),
                "{}",
                path.display()
            );
        }
        // What a part does not look at counts all the same; so does what was told before.
        let mut left = connections();
        assert!(left.next().is_some());
        let each = |part: &mut Part<'_>| part.next().is_some();
        let done = left.in_parts(PartSize::AsFew, each, |seen| if seen { Ok(()) } else { Err(()) });
        assert_eq!(done, Ok(()));
        let summary = |analysis: Analysis| serde_json::to_string(&analysis.summary).expect("plain data");
        assert_eq!(summary(left.finish().expect("it adds up")), summary(whole));
    }
}

#[test]
fn usual_connections_count_the_same_told_or_summed_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut summed_up, mut all) = (0_u64, 0_u64);
    let paths = captures().into_iter().chain(workloads(folder.path()));
    // Rules about services find something in few captures, unless few connections are many.
    let (mut found, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    let few = Thresholds {
        ephemeral_ports: 4,
        leak_connections: 1,
        flood_connections: 2,
        ..Thresholds::default()
    };
    for (path, thresholds) in
        paths.flat_map(|path| [(path.clone(), Thresholds::default()), (path, few.clone())])
    {
        let mut settings = settings(&path, Threads::Exactly(1));
        settings.findings.thresholds = thresholds;
        let Ok(whole) = connections(&settings, &Stop::default(), &mut |_| {}) else {
            continue;
        };
        let mut whole = whole.into_analysis().expect("counts that add up");
        found.extend(whole.findings.iter().map(|finding| finding.code));
        settings.threads = Threads::Auto;
        let mut connections = connections(&settings, &Stop::default(), &mut |_| {}).expect("a capture");
        let mut others = Vec::new();
        loop {
            let mut kind = None;
            let passes = |usual: &Usual, sure: Option<Sure>| {
                kind = Some((
                    usual.outcome().name(),
                    usual.midstream,
                    sure.map(|sure| sure.rule.code),
                ));
                true
            };
            if connections.pass_usual(passes) {
                summed_up += 1;
                kinds.extend(kind);
            } else if let Some(connection) = connections.next() {
                others.push(connection);
            } else {
                break;
            }
        }
        let told = std::mem::take(&mut whole.connections);
        all += told.len() as u64;
        let summed = connections.finish().expect("counts that add up");
        assert_eq!(json(&whole), json(&summed), "{}", path.display());
        for other in others {
            let same = told.iter().find(|connection| connection.id == other.id);
            assert_eq!(
                same.map(|connection| format!("{connection:?}")),
                Some(format!("{other:?}")),
                "{}",
                path.display()
            );
        }
    }
    // Else this would show nothing.
    assert!(
        ["HC05", "HS15", "TW11"].iter().all(|code| found.contains(code)),
        "{found:?}"
    );
    let kinds: Vec<_> = kinds.into_iter().collect();
    assert_eq!(
        kinds,
        [
            ("closed", false, None),
            ("closed", true, Some("CP01")),
            ("open", false, None),
            ("refused", false, Some("HS12")),
            ("reset", false, Some("RS01")),
            ("unanswered", false, None),
            ("unanswered", false, Some("HS13")),
        ]
    );
    assert!(summed_up > 5_000 && summed_up < all, "{summed_up} of {all}");
}
