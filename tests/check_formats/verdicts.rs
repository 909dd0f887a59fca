//! Verdicts made by hand.

use std::net::SocketAddr;

use tcptrace_states::check::{Case, Example, Passed, Standing, Verdict};
use tcptrace_states::model::{Address, Confidence, Role, Severity};
use tcptrace_states::time::Timestamp;

/// Whatever means something to one of the targets, or moves or hides text.
pub const HOSTILE: &str = "\u{1b}[31m\u{202e}red]]>\n::error::x|a|b`c`\r\n<script>alert(1)</script>\u{0}\u{7}\u{200b}\u{9b}\
    ![i](http://e.vil) [l](javascript:x) <b> &amp; &#124; $x$ ~~s~~ **b** _e_ http://e.vil www.e.vil ##[error]y \
    {0} }} \\ \\| ' \" --> <!-- \u{fffe}\u{ffff}\u{85}\u{2028} =cmd| %0A::warning::z </testcase></details>   4";

pub fn address(text: &str) -> Address {
    let parsed: SocketAddr = text.parse().expect("an address with a port");
    Address {
        ip: parsed.ip(),
        port: parsed.port(),
    }
}

pub fn example(connection: u64, packet: Option<u64>, message: &str) -> Example {
    Example {
        connection,
        client: address(&format!("10.0.0.5:{}", 51_000 + connection)),
        server: address("10.0.0.9:8080"),
        packet,
        at: packet.map(|packet| Timestamp::from_ns(1_772_355_600_000_000_000 + packet as i64 * 1_000_000)),
        message: message.to_owned(),
    }
}

pub fn case(code: &str, title: &str, severity: Severity, standing: Standing) -> Case {
    Case {
        code: code.to_owned(),
        title: title.to_owned(),
        budget: false,
        severity,
        confidence: Confidence::Proven,
        service: Some(address("10.0.0.9:8080")),
        endpoint: Some(Role::Server),
        standing,
        connections: 1,
        count: 1,
        message: "the server did what it must not".to_owned(),
        examples: Vec::new(),
        fingerprint: format!("{code}/10.0.0.9:8080/server"),
    }
}

pub fn allowed(reason: &str, expires: Option<&str>) -> Standing {
    Standing::Allowed {
        reason: reason.to_owned(),
        expires: expires.map(str::to_owned),
    }
}

/// Nothing was checked.
pub fn empty() -> Verdict {
    Verdict {
        files: vec!["quiet.pcap".to_owned()],
        packets: 0,
        connections: 0,
        complete: true,
        damage: Vec::new(),
        fail_on: Some(Severity::Warning),
        cases: Vec::new(),
        passed: Vec::new(),
        remarks: Vec::new(),
    }
}

/// Every standing, rules and a budget, one connection and many, a case without a service.
pub fn mixed() -> Verdict {
    let late = "the server sent payload beyond its own FIN, 3 times";
    let examples = [4, 7, 9, 12, 15]
        .into_iter()
        .map(|id| example(id, Some(id * 31), late))
        .collect();
    Verdict {
        files: vec!["ci/run 1.pcap".to_owned()],
        packets: 12_345,
        connections: 42,
        cases: vec![
            Case {
                connections: 17,
                count: 51,
                message: "payload beyond a FIN in 17 connections".to_owned(),
                examples,
                ..case("FN08", "data-after-fin", Severity::Error, Standing::Fails)
            },
            Case {
                budget: true,
                endpoint: None,
                connections: 6,
                count: 6,
                message: "6 half-closes last longer than 60 s; 2 are allowed".to_owned(),
                examples: vec![example(3, None, "half-closed for 71.2 s and counting")],
                ..case(
                    "few-half-closes",
                    "at most 2 half-closes of more than 60 s",
                    Severity::Error,
                    Standing::Fails,
                )
            },
            Case {
                confidence: Confidence::Likely,
                ..case(
                    "XX01",
                    "known-oddity",
                    Severity::Error,
                    allowed("the load balancer does that, ticket 4711", Some("2027-03-01")),
                )
            },
            case("XX02", "old-acquaintance", Severity::Warning, Standing::Known),
            Case {
                service: None,
                endpoint: None,
                confidence: Confidence::Possible,
                message: "2 004 octets are missing in the capture".to_owned(),
                ..case("XX03", "missing-octets", Severity::Note, Standing::Reported)
            },
            case("XX04", "plain-fact", Severity::Info, Standing::Reported),
        ],
        passed: vec![
            Passed {
                code: "XX05".to_owned(),
                title: "healthy".to_owned(),
            },
            Passed {
                code: "few-resets".to_owned(),
                title: "at most 1 % resets".to_owned(),
            },
        ],
        remarks: vec!["the allowance for XX09 matched nothing".to_owned()],
        ..empty()
    }
}

/// The file ends in the middle of a packet.
pub fn damaged() -> Verdict {
    Verdict {
        files: vec!["cut.pcap".to_owned()],
        packets: 7,
        connections: 1,
        complete: false,
        damage: vec!["cut.pcap: ends inside packet 8".to_owned()],
        ..empty()
    }
}

/// The same text wherever a text can stand.
pub fn filled_with(text: &str) -> Verdict {
    let standings = [
        Standing::Fails,
        Standing::Reported,
        allowed(text, Some(text)),
        Standing::Known,
    ];
    let cases = standings.into_iter().flat_map(|standing| {
        [false, true].map(|budget| Case {
            budget,
            message: text.to_owned(),
            examples: vec![example(1, Some(5), text), example(2, None, text)],
            fingerprint: text.to_owned(),
            ..case(text, text, Severity::Warning, standing.clone())
        })
    });
    let texts = || vec![text.to_owned(), text.to_owned()];
    Verdict {
        files: texts(),
        complete: false,
        damage: texts(),
        cases: cases.collect(),
        passed: vec![Passed {
            code: text.to_owned(),
            title: text.to_owned(),
        }],
        remarks: texts(),
        ..empty()
    }
}

/// More of everything than any output shows.
pub fn many() -> Verdict {
    let severities = [
        (Severity::Error, Standing::Fails),
        (Severity::Warning, Standing::Reported),
        (Severity::Note, Standing::Reported),
    ];
    let cases = (0..600_usize).map(|index| {
        let (severity, standing) = severities[index % 3].clone();
        Case {
            examples: (0..12)
                .map(|id| example(id, Some(id + 1), &"<|>".repeat(200)))
                .collect(),
            message: "`|`".repeat(200),
            ..case(&format!("M{index:04}"), "many", severity, standing)
        }
    });
    Verdict {
        cases: cases.collect(),
        remarks: vec!["&".repeat(1_000); 200],
        damage: vec!["<".repeat(1_000); 200],
        ..mixed()
    }
}
