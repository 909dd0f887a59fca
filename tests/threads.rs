//! What is told does not depend on how it is computed: by one thread or two, and with usual connections told or summed up.

mod repository;
#[path = "../benches/workload/mod.rs"]
mod workload;

use std::path::{Path, PathBuf};

use repository::captures;
use tcptrace_states::analyze::{Settings, Threads, analyze, connections};
use tcptrace_states::capture::Stop;
use tcptrace_states::model::Analysis;
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

/// Everything that is told; none of a file that is no capture.
fn told(path: &Path, threads: Threads) -> Option<Analysis> {
    analyze(&settings(path, threads), &mut |_| {}).ok()
}

fn json(analysis: &Analysis) -> String {
    serde_json::to_string(analysis).expect("plain data")
}

#[test]
fn two_threads_tell_what_one_tells() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in captures().into_iter().chain(workloads(folder.path())) {
        let [one, two] = [Threads::One, Threads::Two].map(|threads| told(&path, threads));
        assert_eq!(
            one.as_ref().map(json),
            two.as_ref().map(json),
            "{}",
            path.display()
        );
    }
}

#[test]
fn usual_connections_count_the_same_told_or_summed_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut summed_up, mut all) = (0_u64, 0_u64);
    for path in captures().into_iter().chain(workloads(folder.path())) {
        let Some(mut whole) = told(&path, Threads::One) else {
            continue;
        };
        let settings = settings(&path, Threads::Auto);
        let mut connections = connections(&settings, &Stop::default(), &mut |_| {}).expect("a capture");
        let mut others = Vec::new();
        loop {
            if connections.pass_usual(|_| true) {
                summed_up += 1;
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
    assert!(summed_up > 5_000 && summed_up < all, "{summed_up} of {all}");
}
