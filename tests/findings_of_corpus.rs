//! What the rules say of real captures: silence on ordinary ones, and beside the events of Suricata and Zeek ours.

#![allow(clippy::print_stdout)] // the figures are for people who run it with --nocapture

mod corpus;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tcptrace_states::analyze::LadderRequest;
use tcptrace_states::findings::elsewhere::{self, Here};
use tcptrace_states::model::{Analysis, Severity};

/// Ordinary traffic: web, mail, files and shells that went well. Chosen by what they are, not by what we say of them.
const ORDINARY: [&str; 22] = [
    "arkime-http-post-upload.pcap",
    "arkime-https2-301-get.pcap",
    "arkime-websocket.pcap",
    "ndpi-http_origin_different_than_host.pcap",
    "pcpp-one_tcp_stream.pcap",
    "sanders-http_ip4and6.pcapng",
    "tcptrace-http.dmp.gz",
    "zeek-ftp-bruteforce.pcap",
    "zeek-ftp-ftp-auth-tls.pcap",
    "zeek-ftp-ipv4.pcap",
    "zeek-ftp-ipv6.pcap",
    "zeek-globus-url-copy.pcap",
    "zeek-http-connect-with-header.pcap",
    "zeek-http-http-to-ssh.pcap",
    "zeek-ipv6-http-atomic-frag.pcap",
    "zeek-krb-optional-service-name.pcap",
    "zeek-ldap-ldap-starttls.pcap",
    "zeek-ldap-simpleauth.pcap",
    "zeek-pop3-pop3.pcap",
    "zeek-ssh-server-pre-banner-data.pcap",
    "zeek-web.pcap",
    "zeek-wikipedia.pcap",
];

/// Events of others that we do not repeat, and why.
const NOT_OURS: [(&str, &str, &str); 1] = [(
    "suricata-output-eve-anomaly-02.pcap",
    "pkt_invalid_timestamp",
    "packet 10 is a RST with TSval 0: a RST is exempt from PAWS (RFC 7323 section 5.2) and is accepted; RS01 tells of it",
)];

/// Code, severity and count over connections and services.
fn counts(analysis: &Analysis) -> BTreeMap<(&'static str, Severity), u64> {
    let mut counts = BTreeMap::new();
    let each = analysis
        .connections
        .iter()
        .flat_map(|connection| &connection.findings);
    let each = each.map(|finding| (finding.code, finding.severity));
    let together = analysis
        .findings
        .iter()
        .map(|finding| (finding.code, finding.severity));
    for key in each.chain(together) {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

#[test]
fn ordinary_captures_yield_no_warning() {
    let Some(folder) = corpus::folder() else { return };
    let mut wrong = Vec::new();
    let captures: BTreeMap<String, _> = corpus::captures(&folder, "tshark.tsv").into_iter().collect();
    for name in ORDINARY {
        let capture = captures.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        let analysis =
            corpus::read(capture, LadderRequest::None).unwrap_or_else(|| panic!("{name} is unreadable"));
        wrong.extend(
            counts(&analysis)
                .into_iter()
                .filter(|((_, severity), _)| *severity >= Severity::Warning)
                .map(|((code, _), count)| format!("{name}: {code} {count}")),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_code_is_counted_over_the_corpus() {
    let Some(folder) = corpus::folder() else { return };
    let mut total: BTreeMap<(&'static str, Severity), u64> = BTreeMap::new();
    for (_, capture) in corpus::captures(&folder, "tshark.tsv") {
        if let Some(analysis) = corpus::read(&capture, LadderRequest::None) {
            for (key, count) in counts(&analysis) {
                *total.entry(key).or_default() += count;
            }
        }
    }
    for ((code, severity), count) in &total {
        println!("{code} {} {count}", severity.name());
    }
    assert!(total.len() > 40, "{total:?}");
}

/// Names of stream events that a truth file of Suricata demands: of anomalies, counters and alerts.
fn suricata_events(text: &str) -> BTreeSet<String> {
    let mut events = BTreeSet::new();
    let mut after_sids = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("anomaly.event: stream.") {
            events.insert(name.to_owned());
        }
        if let Some((name, count)) = line
            .strip_prefix("stats.stream.")
            .and_then(|rest| rest.split_once(": "))
            && count != "0"
        {
            events.insert(name.to_owned());
        }
        // `events_of_sids:` holds a list of event names for each signature that an alert names.
        if let Some(name) = line.strip_prefix("- ").filter(|_| after_sids) {
            events.insert(name.to_owned());
        }
        let is_sid = line
            .strip_suffix(':')
            .is_some_and(|sid| sid.parse::<u32>().is_ok());
        let in_list = is_sid || line.starts_with("- ");
        after_sids = line == "events_of_sids:" || (after_sids && in_list);
    }
    events
}

#[test]
fn events_of_suricata_are_found() {
    let Some(folder) = corpus::folder() else { return };
    let (mut agree, mut wrong) = (0, Vec::new());
    for (name, capture) in corpus::captures(&folder, "suricata.yaml") {
        let text = truth(&folder, &name, "suricata.yaml");
        for event in suricata_events(&text) {
            let known = elsewhere::lookup(&event)
                .into_iter()
                .filter(|known| known.tool == "Suricata");
            let codes: Vec<&str> = known
                .filter_map(|known| match known.here {
                    Here::Rules(codes) => Some(codes),
                    Here::NoRule(_) => None,
                })
                .flatten()
                .collect();
            if codes.is_empty() {
                continue; // not about the state of a connection: the table of names says why
            }
            let found = corpus::read(&capture, LadderRequest::None).map(|analysis| counts(&analysis));
            let found: BTreeSet<&str> = found.unwrap_or_default().keys().map(|(code, _)| *code).collect();
            let explained = NOT_OURS
                .iter()
                .any(|(file, other, _)| *file == name && *other == event);
            match (codes.iter().any(|code| found.contains(code)), explained) {
                (true, false) => agree += 1,
                (false, true) => {}
                (true, true) => wrong.push(format!("{name}: {event} is found by now")),
                (false, false) => wrong.push(format!("{name}: {event} ({codes:?}), found {found:?}")),
            }
        }
    }
    println!("{agree} events agree, {} are explained", NOT_OURS.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(agree >= 3, "{agree}");
}

/// The truth files of Zeek hold connection states, which `against_corpus` compares, and no weird. Should a weird.log come,
/// this test asks for it.
#[test]
fn weirds_of_zeek_are_found() {
    let Some(folder) = corpus::folder() else { return };
    let mut wrong = Vec::new();
    for (name, capture) in corpus::captures(&folder, "zeek-weird.log") {
        let text = truth(&folder, &name, "zeek-weird.log");
        let found = corpus::read(&capture, LadderRequest::None).map(|analysis| counts(&analysis));
        let found: BTreeSet<&str> = found.unwrap_or_default().keys().map(|(code, _)| *code).collect();
        for word in text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.split('\t'))
        {
            for known in elsewhere::lookup(word)
                .into_iter()
                .filter(|known| known.tool == "Zeek")
            {
                if let Here::Rules(codes) = known.here
                    && !codes.iter().any(|code| found.contains(code))
                {
                    wrong.push(format!("{name}: {word} {codes:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn truth(folder: &Path, name: &str, kind: &str) -> String {
    fs::read_to_string(folder.join("truth").join(format!("{name}.{kind}"))).expect("a truth file")
}
