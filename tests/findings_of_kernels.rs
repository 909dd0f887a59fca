//! What the rules say of real Linux kernels: each capture whose story has a name for the matter yields exactly the findings
//! that it should, and the captures of healthy traffic yield no warning and no error.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tcptrace_states::analyze::{LadderRequest, Settings, analyze};
use tcptrace_states::findings;
use tcptrace_states::model::{Analysis, Severity};

/// Code, severity and number of connections (or services); notes are in lower case behind the rest.
const STORIES: &str = include_str!("findings_of_kernels.txt");

/// Healthy traffic, each with both taps: notes at most.
const HEALTHY: [&str; 32] = [
    "bulk_clean",
    "bulk_loss",
    "bulk_offload",
    "close_client",
    "close_server",
    "close_unsent_data",
    "cut_short",
    "defer_accept",
    "fast_open",
    "fast_open_early_close",
    "fin_ack_lost",
    "fin_combined",
    "fin_lost",
    "half_close_server",
    "half_close_stream",
    "handshake_ack_lost",
    "handshake_ack_lost_fin",
    "keepalive_ok",
    "last_ack_lost",
    "loopback",
    "router_any",
    "router_loss",
    "seq_wrap_client",
    "simultaneous_close",
    "simultaneous_open",
    "snap_64",
    "syn_cookies_always",
    "syn_lost",
    "synack_lost",
    "tiny_mss_urgent",
    "vlan",
    "zero_window",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kernel")
}

fn read(capture: &Path) -> Analysis {
    read_from(capture, Severity::Note)
}

fn read_from(capture: &Path, least: Severity) -> Analysis {
    let settings = Settings {
        files: vec![capture.to_owned()],
        time_wait_ns: 60_000_000_000,
        ladder: LadderRequest::None,
        limits: Default::default(),
        findings: findings::Settings {
            least,
            ..findings::Settings::default()
        },
        ..Settings::default()
    };
    analyze(&settings, &mut |_| {}).unwrap_or_else(|error| panic!("{}: {error}", capture.display()))
}

/// `TW05 warning 2, HS01 note 2`: a connection counts once for each code and severity.
fn found(analysis: &Analysis) -> String {
    let mut counts: BTreeMap<(std::cmp::Reverse<Severity>, &str), u64> = BTreeMap::new();
    for finding in &analysis.findings {
        *counts
            .entry((std::cmp::Reverse(finding.severity), finding.code))
            .or_default() += 1;
    }
    for connection in &analysis.connections {
        let mut each: Vec<_> = (connection.findings.iter())
            .map(|finding| (std::cmp::Reverse(finding.severity), finding.code))
            .collect();
        each.sort_unstable();
        each.dedup();
        each.into_iter()
            .for_each(|key| *counts.entry(key).or_default() += 1);
    }
    let words = counts
        .iter()
        .map(|((severity, code), count)| format!("{code} {} {count}", severity.0.name()));
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn each_story_yields_exactly_its_findings() {
    let mut wrong = Vec::new();
    let stories = STORIES
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    for line in stories {
        let (name, expected) = line.split_once(':').expect("a name and its findings");
        let got = found(&read(&folder().join(name)));
        if got != expected.trim() {
            wrong.push(format!("{name}: expected {expected}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Facts that are neither good nor bad stand among the findings only where they are asked for.
#[test]
fn legal_reuse_is_told_with_its_reason() {
    for (name, code, count) in [
        ("tw_reuse_server.server.pcapng", "TW02", 5),
        ("tw_syn_high_isn.server.pcap", "TW02", 4),
        ("tw_expire.server.pcapng", "TW01", 4),
        ("half_close_stream.server.pcap", "HC01", 3),
    ] {
        let analysis = read_from(&folder().join(name), Severity::Info);
        let all = analysis
            .connections
            .iter()
            .flat_map(|connection| &connection.findings);
        let found: Vec<&str> = all
            .filter(|finding| finding.code == code)
            .map(|finding| finding.message.as_str())
            .collect();
        let proof = "the SYN-ACK's number proves";
        assert!(
            code != "TW02" || found.iter().all(|message| message.contains(proof)),
            "{found:#?}"
        );
        assert_eq!(found.len(), count, "{name} {code} {found:#?}");
    }
}

#[test]
fn healthy_traffic_yields_no_warning() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder()).expect("the captures") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let story = name.split('.').next().unwrap_or_default();
        if !HEALTHY.contains(&story) || name.contains(".truth.") {
            continue;
        }
        let analysis = read(&path);
        let connections = analysis
            .connections
            .iter()
            .flat_map(|connection| &connection.findings);
        let each = connections.map(|finding| (finding.code, finding.severity, &finding.message));
        let all = each.chain(
            analysis
                .findings
                .iter()
                .map(|finding| (finding.code, finding.severity, &finding.message)),
        );
        wrong.extend(
            all.filter(|(_, severity, _)| *severity >= Severity::Warning)
                .map(|(code, _, message)| format!("{name}: {code} {message}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
