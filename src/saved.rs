//! Reports of this program that were saved (`--format jsonl` or `json`), read back for a comparison.
//!
//! Only what is compared is read; fields that are not known are passed over, because fields may be added. What is not a
//! whole report is an error that says where: a report that was cut off would make a comparison lie.

use std::io::{self, BufRead};
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::diff::{Facts, Found, Origin, Side};
use crate::model::{Address, Outcome, Role, SCHEMA_VERSION, Severity, State};
use crate::time::Timestamp;

/// Why a saved report cannot be used.
#[derive(Debug, Error)]
pub enum SavedError {
    /// It cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// A line is not what a report has there.
    #[error("{file}, line {line}: {found}; expected {expected}")]
    Line {
        /// The file.
        file: String,
        /// From 1.
        line: u64,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
    /// A document in one piece that is not a report.
    #[error("{file}: {found}; expected a report of this program (--format json)")]
    Document {
        /// The file.
        file: String,
        /// What is wrong, with line and column.
        found: String,
    },
    /// A newer contract than this program knows.
    #[error("{file} was written for schema version {version}; this program knows {SCHEMA_VERSION}")]
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: u32,
    },
}

/// Whether the input begins like a report: a JSON object. Takes nothing from it.
///
/// # Errors
///
/// Those of `input`.
pub fn is_report(input: &mut dyn BufRead) -> io::Result<bool> {
    let start = input.fill_buf()?;
    let section = [0x0a, 0x0d, 0x0d, 0x0a]; // pcapng begins with line ends
    let first = start.iter().find(|octet| !octet.is_ascii_whitespace());
    Ok(!start.starts_with(&section) && first == Some(&b'{'))
}

#[derive(Deserialize)]
struct SavedCapture {
    schema_version: u32,
    program: String,
    packets: u64,
    missed_bytes: u64,
    one_sided_connections: u64,
    duplicate_segments: u64,
    cut_segments: u64,
    time_steps_back: u64,
    first_time: Option<String>,
    last_time: Option<String>,
    complete: bool,
    time_wait_ns: i64,
    /// Reports of before this field have the default.
    #[serde(default)]
    findings_from: String,
}

#[derive(Deserialize)]
struct SavedSummary {
    connections: u64,
    connections_selected: u64,
    complete: bool,
    /// Of a stream that was written while the capture grew.
    #[serde(default)]
    capture: Option<SavedCapture>,
}

#[derive(Deserialize)]
struct SavedAddress {
    ip: IpAddr,
    port: u16,
}

#[derive(Deserialize)]
struct SavedConnection {
    server: SavedAddress,
    outcome: String,
    handshake: SavedHandshake,
    close: SavedClose,
    endpoints: SavedEndpoints,
    findings: Vec<SavedFinding>,
}

#[derive(Deserialize)]
struct SavedHandshake {
    rtt_ns: Option<i64>,
}

#[derive(Deserialize)]
struct SavedClose {
    half_close_ns: Option<i64>,
    half_close_open: bool,
}

#[derive(Deserialize)]
struct SavedEndpoints {
    client: SavedEndpoint,
    server: SavedEndpoint,
}

#[derive(Deserialize)]
struct SavedEndpoint {
    state: String,
}

#[derive(Deserialize)]
struct SavedFinding {
    code: String,
    name: String,
    severity: String,
    endpoint: Option<String>,
}

#[derive(Deserialize)]
struct SavedServiceFinding {
    server: Option<SavedAddress>,
    connections: u64,
    #[serde(flatten)]
    finding: SavedFinding,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum SavedLine {
    Capture(SavedCapture),
    Connection(SavedConnection),
    Finding(SavedServiceFinding),
    Summary(SavedSummary),
}

#[derive(Deserialize)]
struct SavedDocument {
    capture: SavedCapture,
    connections: Vec<SavedConnection>,
    findings: Vec<SavedServiceFinding>,
    summary: SavedSummary,
}

/// Reads a report. `file` is its name in messages.
///
/// # Errors
///
/// It cannot be read, or is not a whole report.
pub fn read(file: &str, input: &mut dyn BufRead) -> Result<Side, SavedError> {
    let failed = |source| SavedError::Read {
        file: file.to_owned(),
        source,
    };
    let mut first = Vec::new();
    while first.iter().all(u8::is_ascii_whitespace) {
        if input.read_until(b'\n', &mut first).map_err(failed)? == 0 {
            break;
        }
    }
    if is_line(&first) {
        return read_lines(file, first, input);
    }
    let whole = io::Read::chain(first.as_slice(), input);
    let document: SavedDocument =
        serde_json::from_reader(whole).map_err(|error| match error.io_error_kind() {
            Some(kind) => failed(kind.into()),
            None => SavedError::Document {
                file: file.to_owned(),
                found: error.to_string(),
            },
        })?;
    let mut side = Side::new(origin(file, &document.capture)?);
    let wrong = |found: String| SavedError::Document {
        file: file.to_owned(),
        found,
    };
    for connection in &document.connections {
        side.add(&facts(connection).map_err(wrong)?);
    }
    for finding in &document.findings {
        add_finding(&mut side, finding).map_err(wrong)?;
    }
    finish(&mut side, &document.summary, document.connections.len() as u64).map_err(wrong)?;
    Ok(side)
}

/// Whether a first line is one of a JSON Lines stream, whole or damaged.
fn is_line(line: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(line) {
        Ok(value) => value.get("type").is_some(),
        Err(_) => line.trim_ascii_start().starts_with(b"{\"type\""),
    }
}

fn read_lines(file: &str, first: Vec<u8>, input: &mut dyn BufRead) -> Result<Side, SavedError> {
    let wrong = |line: u64, found: String, expected: &'static str| SavedError::Line {
        file: file.to_owned(),
        line,
        found,
        expected,
    };
    let failed = |source| SavedError::Read {
        file: file.to_owned(),
        source,
    };
    let mut side: Option<Side> = None;
    let mut seen: u64 = 0;
    let mut line = first;
    let mut number: u64 = 0;
    loop {
        number += 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            let found = "the report ends without its summary: it was cut off".to_owned();
            return Err(wrong(
                number,
                found,
                "a line of type summary; write the report again",
            ));
        }
        let expected = match side {
            None => "the first line of a report, of type capture",
            Some(_) => "a line of type connection, finding or summary",
        };
        let parsed =
            serde_json::from_slice(&line).map_err(|error| wrong(number, without_place(&error), expected))?;
        match (parsed, &mut side) {
            (SavedLine::Capture(capture), None) => {
                side = Some(Side::new(origin(file, &capture)?));
            }
            (SavedLine::Connection(connection), Some(side)) => {
                side.add(&facts(&connection).map_err(|found| wrong(number, found, expected))?);
                seen += 1;
            }
            (SavedLine::Finding(finding), Some(side)) => {
                add_finding(side, &finding).map_err(|found| wrong(number, found, expected))?;
            }
            (SavedLine::Summary(summary), Some(side)) => {
                if let Some(capture) = &summary.capture {
                    side.origin = origin(file, capture)?;
                }
                finish(side, &summary, seen).map_err(|found| wrong(number, found, "a whole report"))?;
                return match nothing_follows(input).map_err(failed)? {
                    true => Ok(std::mem::take(side)),
                    false => {
                        let found = "something follows the summary".to_owned();
                        Err(wrong(number + 1, found, "one report a file"))
                    }
                };
            }
            (SavedLine::Capture(_), Some(_)) => {
                let found = "a second report begins".to_owned();
                return Err(wrong(number, found, "one report a file"));
            }
            (SavedLine::Connection(_) | SavedLine::Finding(_) | SavedLine::Summary(_), None) => {
                return Err(wrong(number, "the beginning is missing".to_owned(), expected));
            }
        }
        line.clear();
        input.read_until(b'\n', &mut line).map_err(failed)?;
    }
}

/// Whether the rest of the input is blank: a second report would be left out of the comparison without a word.
fn nothing_follows(input: &mut dyn BufRead) -> io::Result<bool> {
    loop {
        let rest = input.fill_buf()?;
        if rest.is_empty() {
            return Ok(true);
        }
        if !rest.iter().all(u8::is_ascii_whitespace) {
            return Ok(false);
        }
        let blank = rest.len();
        input.consume(blank);
    }
}

/// What is wrong with one line, whose own numbering is of no use.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let column = format!("column {}", error.column());
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} ({column})"),
        None => text,
    }
}

fn origin(file: &str, capture: &SavedCapture) -> Result<Origin, SavedError> {
    if capture.schema_version > SCHEMA_VERSION {
        return Err(SavedError::Version {
            file: file.to_owned(),
            version: capture.schema_version,
        });
    }
    let time = |text: &Option<String>| {
        let parsed = text.as_ref()?.parse::<jiff::Timestamp>().ok()?;
        i64::try_from(parsed.as_nanosecond()).ok().map(Timestamp::from_ns)
    };
    let findings_from = Severity::ALL
        .into_iter()
        .find(|severity| severity.name() == capture.findings_from)
        .unwrap_or_default();
    let span = time(&capture.first_time).zip(time(&capture.last_time));
    Ok(Origin {
        name: file.to_owned(),
        program: capture.program.clone(),
        packets: capture.packets,
        connections: 0, // the summary says
        span_ns: span.map(|(first, last)| last.since(first)),
        missed_bytes: capture.missed_bytes,
        one_sided_connections: capture.one_sided_connections,
        duplicate_segments: capture.duplicate_segments,
        cut_segments: capture.cut_segments,
        time_steps_back: capture.time_steps_back,
        time_wait_ns: capture.time_wait_ns,
        findings_from,
        complete: capture.complete,
    })
}

fn finish(side: &mut Side, summary: &SavedSummary, seen: u64) -> Result<(), String> {
    if seen != summary.connections_selected {
        let wanted = summary.connections_selected;
        return Err(format!(
            "the summary counts {wanted} connections, the report has {seen}"
        ));
    }
    side.origin.connections = summary.connections;
    side.origin.complete &= summary.complete;
    Ok(())
}

fn facts(connection: &SavedConnection) -> Result<Facts, String> {
    let state = |endpoint: &SavedEndpoint| {
        let known = State::ALL
            .into_iter()
            .find(|state| state.name() == endpoint.state);
        known.ok_or_else(|| format!("`{}` is no state", endpoint.state))
    };
    let outcome = Outcome::ALL
        .into_iter()
        .find(|outcome| outcome.name() == connection.outcome);
    Ok(Facts {
        service: address(&connection.server),
        outcome: outcome.ok_or_else(|| format!("`{}` is no outcome", connection.outcome))?,
        half_close_ns: connection.close.half_close_ns,
        half_close_open: connection.close.half_close_open,
        rtt_ns: connection.handshake.rtt_ns,
        states: [
            state(&connection.endpoints.client)?,
            state(&connection.endpoints.server)?,
        ],
        findings: connection.findings.iter().map(found).collect::<Result<_, _>>()?,
    })
}

fn address(saved: &SavedAddress) -> Address {
    Address {
        ip: saved.ip,
        port: saved.port,
    }
}

fn found(finding: &SavedFinding) -> Result<Found, String> {
    let severity = Severity::ALL
        .into_iter()
        .find(|severity| severity.name() == finding.severity);
    let role = |word: &String| {
        let known = [Role::Client, Role::Server]
            .into_iter()
            .find(|role| role.name() == word);
        known.ok_or_else(|| format!("`{word}` is no endpoint"))
    };
    Ok(Found {
        code: finding.code.clone(),
        name: finding.name.clone(),
        severity: severity.ok_or_else(|| format!("`{}` is no severity", finding.severity))?,
        endpoint: finding.endpoint.as_ref().map(role).transpose()?,
    })
}

fn add_finding(side: &mut Side, saved: &SavedServiceFinding) -> Result<(), String> {
    let service = saved.server.as_ref().map(address);
    side.count(&found(&saved.finding)?, service, saved.connections);
    Ok(())
}
