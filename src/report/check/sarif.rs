//! SARIF 2.1.0, for code scanning.
//!
//! SARIF is made for source text, so two of its places hold something else here:
//!
//! - `region.startLine` is the number of the packet: a capture has no lines, and the number is what other tools list packets
//!   by. It is 1 where no packet shows the case (it happened by its absence), because code scanning asks for a line.
//! - `artifactLocation.uri` is the first file. Several files are read as one capture, and packets are counted through all
//!   of them, so the line is 1 there, too; the number is in `properties.packet`.
//!
//! A case is one result: its first example is the location, the others are related locations. What the configuration allows
//! is suppressed; what the baseline has is `unchanged`. Budgets are rules.

mod document;

use std::io::{self, Write};

use super::{TOOL, VERSION, damage, frequency, place};
use crate::check::{Case, Example, Standing, Verdict};
use crate::findings::{self, Rule};
use crate::model::Severity;
use crate::report::escape::{self, Escaped, SarifMessage, Uri};
use document::{
    Artifact, ArtifactLocation, CaseProperties, Configuration, Descriptor, Document, Driver,
    ExampleProperties, Fingerprints, Help, Invocation, Location, LogicalLocation, Message, Notification,
    PhysicalLocation, Region, Result, Run, Suppression, SuppressionProperties, Text, Tool,
};

/// Writes the document.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let rules = Rules::of(verdict);
    let results = verdict
        .cases
        .iter()
        .map(|case| result(case, verdict, &rules))
        .collect();
    let document = Document {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: TOOL,
                    semantic_version: VERSION,
                    rules: rules.descriptors,
                },
            },
            invocations: [invocation(verdict)],
            artifacts: distinct(verdict.files.iter().map(|file| artifact(file))),
            results,
            column_kind: "unicodeCodePoints",
        }],
    };
    escape::json::write_pretty(out, &document)?; // keeps the kind of the io::Error
    out.write_all(b"\n")
}

/// Lists of SARIF hold nothing twice.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.fold(Vec::new(), |mut known, item| {
        if !known.contains(&item) {
            known.push(item);
        }
        known
    })
}

/// Rules of the program, then what else the verdict names: budgets.
struct Rules {
    descriptors: Vec<Descriptor>,
}

impl Rules {
    fn of(verdict: &Verdict) -> Rules {
        let mut rules = Rules {
            descriptors: findings::rules().map(rule).collect(),
        };
        for case in &verdict.cases {
            rules.add(&case.code, &case.title, Some(case.severity));
        }
        for passed in &verdict.passed {
            rules.add(&passed.code, &passed.title, None);
        }
        rules
    }

    fn index(&self, code: &str) -> Option<usize> {
        self.descriptors.iter().position(|known| known.id == code)
    }

    /// Adds what has no file of its own.
    fn add(&mut self, code: &str, title: &str, severity: Option<Severity>) {
        if self.index(code).is_none() {
            self.descriptors.push(Descriptor {
                id: code.to_owned(),
                name: Escaped(code).to_string(),
                short_description: text(title),
                full_description: text(title),
                help: None,
                default_configuration: severity.map(|severity| Configuration {
                    level: level(severity),
                }),
            });
        }
    }
}

fn rule(rule: &Rule) -> Descriptor {
    let lines = rule.doc.lines();
    let markdown: Vec<&str> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    let summary = rule.summary();
    let why = rule
        .section("Why it matters")
        .unwrap_or_default()
        .replace('\n', " ");
    Descriptor {
        id: rule.code.to_owned(),
        name: rule.name.to_owned(),
        full_description: text(format!("{summary} {why}").trim_end()),
        short_description: text(&summary),
        help: Some(Help {
            text: text(&summary).text,
            markdown: markdown.join("\n"),
        }),
        default_configuration: Some(Configuration {
            level: level(rule.severity),
        }),
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
        Severity::Info => "none",
    }
}

/// What SARIF calls a result that is neither good nor bad.
fn kind(severity: Severity) -> &'static str {
    match severity {
        Severity::Error | Severity::Warning | Severity::Note => "fail",
        Severity::Info => "informational",
    }
}

fn result(case: &Case, verdict: &Verdict, rules: &Rules) -> Result {
    let mut places = distinct(case.examples.iter().map(|example| at_example(example, verdict)));
    let related = if places.is_empty() {
        Vec::new()
    } else {
        places.split_off(1)
    };
    if places.is_empty() {
        places.extend(at_capture(verdict));
    }
    Result {
        rule_id: case.code.clone(),
        rule_index: rules.index(&case.code),
        kind: kind(case.severity),
        level: level(case.severity),
        message: message(&format!("{}{}: {}", case.title, place(case), case.message)),
        locations: places,
        related_locations: related,
        partial_fingerprints: Fingerprints {
            case: case.fingerprint.clone(),
            // Otherwise GitHub makes one from lines of the file.
            location: case.fingerprint.clone(),
        },
        occurrence_count: case.count.max(1),
        suppressions: suppressions(&case.standing),
        baseline_state: matches!(case.standing, Standing::Known).then_some("unchanged"),
        properties: CaseProperties {
            severity: case.severity.name(),
            confidence: case.confidence.name(),
            service: case.service.map(|service| service.to_string()),
            endpoint: case.endpoint.map(|role| role.name()),
            connections: case.connections,
            count: case.count,
            frequency: frequency(case),
            fails: case.standing == Standing::Fails,
            connection_ids: case.examples.iter().map(|example| example.connection).collect(),
        },
    }
}

/// All results have the list: one without it would mean that nobody looked.
fn suppressions(standing: &Standing) -> Vec<Suppression> {
    match standing {
        Standing::Fails | Standing::Reported | Standing::Known => Vec::new(),
        Standing::Allowed { reason, expires } => vec![Suppression {
            kind: "external",
            status: "accepted",
            justification: Escaped(reason).to_string(),
            properties: expires.as_ref().map(|day| SuppressionProperties {
                expires: Escaped(day).to_string(),
            }),
        }],
    }
}

fn at_example(example: &Example, verdict: &Verdict) -> Location {
    let Example { client, server, .. } = example;
    let line = match verdict.files.as_slice() {
        [_] => example.packet,
        _ => None,
    };
    Location {
        physical_location: physical(verdict, line),
        logical_locations: vec![LogicalLocation {
            name: format!("connection {}", example.connection),
            fully_qualified_name: format!("{client} -> {server}"),
            kind: "resource",
        }],
        message: (!example.message.is_empty()).then(|| message(&example.message)),
        properties: Some(ExampleProperties {
            connection: example.connection,
            client: client.to_string(),
            server: server.to_string(),
            packet: example.packet,
            time: example.at.map(|at| at.to_string()),
        }),
    }
}

/// The capture as a whole; None if nobody said which.
fn at_capture(verdict: &Verdict) -> Option<Location> {
    physical(verdict, None).map(|physical| Location {
        physical_location: Some(physical),
        logical_locations: Vec::new(),
        message: None,
        properties: None,
    })
}

fn physical(verdict: &Verdict, packet: Option<u64>) -> Option<PhysicalLocation> {
    verdict.files.first().map(|file| PhysicalLocation {
        artifact_location: ArtifactLocation {
            uri: Uri(file).to_string(),
        },
        region: Region {
            start_line: packet.unwrap_or(1).max(1),
        },
    })
}

fn artifact(file: &str) -> Artifact {
    Artifact {
        location: ArtifactLocation {
            uri: Uri(file).to_string(),
        },
        roles: ["analysisTarget"],
    }
}

/// How the run went. What is wrong with the input is told by the execution, what is odd about the configuration by that.
fn invocation(verdict: &Verdict) -> Invocation {
    let level = if verdict.complete { "warning" } else { "error" };
    let note = |level| {
        move |text: &str| Notification {
            level,
            message: message(text),
        }
    };
    Invocation {
        execution_successful: verdict.complete,
        tool_execution_notifications: damage(verdict).into_iter().map(note(level)).collect(),
        tool_configuration_notifications: verdict
            .remarks
            .iter()
            .map(|remark| note("warning")(remark))
            .collect(),
    }
}

fn message(text: &str) -> Message {
    Message {
        text: SarifMessage(text).to_string(),
    }
}

fn text(text: &str) -> Text {
    Text {
        text: SarifMessage(text).to_string(),
    }
}
