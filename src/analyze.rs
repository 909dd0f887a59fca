//! Wires the stages together: capture files to segments, segments to lives, lives to the model. The only place that
//! knows all of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use hashbrown::HashMap;

use crate::capture::{CaptureError, CaptureReader, LinkType, Record, Skip};
use crate::findings;
use crate::flow::{Flows, Ladders};
use crate::model::{
    self, Address, Analysis, Capture, Connection, FindingTotal, Outcome, SCHEMA_VERSION, ServiceFinding,
    Severity, Summary,
};
use crate::segment::{Endpoint, Segment, decode};
use crate::time::Timestamp;

/// How many packets pass between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 14;

/// What to read and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The captures, read one after another as one; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// 2 MSL: how long TIME-WAIT is expected to last, nanoseconds.
    pub time_wait_ns: i64,
    /// Which ladders to keep.
    pub ladder: LadderRequest,
    /// Which findings to look for.
    pub findings: findings::Settings,
}

/// For which connections the segments are kept for the ladder diagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LadderRequest {
    /// For none.
    None,
    /// For all.
    All,
    /// For those between two addresses.
    Between(Address, Address),
}

/// How far the reading is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Octets read of all files.
    pub bytes_read: u64,
    /// Octets of all files, where they are known.
    pub bytes_total: Option<u64>,
    /// Packets read.
    pub packets: u64,
}

/// Reads captures and tells what became of each connection in them.
///
/// # Errors
///
/// Nothing at all could be read. Damage behind the first packet is not an error: the result is marked incomplete and
/// [`Capture::damage`] says what was wrong.
pub fn analyze(settings: &Settings, progress: &mut dyn FnMut(Progress)) -> Result<Analysis> {
    let ladders = match settings.ladder {
        LadderRequest::None => Ladders::None,
        LadderRequest::All => Ladders::All,
        LadderRequest::Between(a, b) => Ladders::Between(endpoint(a), endpoint(b)),
    };
    let mut run = Run::new(settings, ladders);
    for file in &settings.files {
        match run.read(file, progress) {
            Ok(()) => {}
            Err(error) if error.is_damage() || run.count.packets > 0 => {
                run.count.damage.push(error.to_string())
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(run.finish(settings))
}

fn endpoint(address: Address) -> Endpoint {
    Endpoint {
        ip: address.ip,
        port: address.port,
    }
}

/// What is counted while reading.
#[derive(Default)]
struct Count {
    packets: u64,
    segments: u64,
    cut: u64,
    skipped: HashMap<Skip, u64, foldhash::fast::RandomState>,
    link_types: Vec<LinkType>,
    formats: Vec<&'static str>,
    snap_length: Option<u32>,
    first_time: Option<Timestamp>,
    last_time: Option<Timestamp>,
    newest: Option<Timestamp>,
    steps_back: u64,
    damage: Vec<String>,
}

struct Run {
    flows: Flows,
    count: Count,
    bytes_before: u64,
    bytes_total: Option<u64>,
}

impl Run {
    fn new(settings: &Settings, ladders: Ladders) -> Run {
        let size = |file: &PathBuf| {
            fs::metadata(file)
                .ok()
                .filter(|data| data.is_file())
                .map(|data| data.len())
        };
        Run {
            flows: Flows::new(ladders),
            count: Count::default(),
            bytes_before: 0,
            bytes_total: settings.files.iter().map(size).sum(),
        }
    }

    /// Reads one file to its end. Packet numbers go on from the file before: several files are one capture.
    fn read(&mut self, file: &Path, progress: &mut dyn FnMut(Progress)) -> Result<(), CaptureError> {
        let mut reader = CaptureReader::open(file)?;
        if !self.count.formats.contains(&reader.format()) {
            self.count.formats.push(reader.format());
        }
        let offset = self.count.packets;
        let end = loop {
            match reader.next_record() {
                Ok(Some(Record::Frame(frame))) => {
                    self.count.packet(frame.time, frame.link);
                    match decode(&frame) {
                        Ok(segment) => self.segment(Segment {
                            packet: segment.packet + offset,
                            ..segment
                        }),
                        Err(reason) => self.count.skip(reason),
                    }
                }
                Ok(Some(Record::Skip { reason, .. })) => {
                    self.count.packets += 1;
                    self.count.skip(reason);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if self.count.packets.is_multiple_of(PROGRESS_EVERY) {
                progress(Progress {
                    bytes_read: self.bytes_before + reader.bytes_read(),
                    bytes_total: self.bytes_total,
                    packets: self.count.packets,
                });
            }
        };
        self.bytes_before += reader.bytes_read();
        self.count.snap_length = self.count.snap_length.max(reader.snap_length());
        end
    }

    fn segment(&mut self, segment: Segment) {
        self.count.segments += 1;
        self.count.cut += u64::from(segment.cut);
        self.flows.on_segment(&segment);
    }

    fn finish(self, settings: &Settings) -> Analysis {
        let end = self.count.last_time.unwrap_or_default();
        let trackers = self.flows.finish(end);
        let mut connections = model::connections(trackers, end, settings.time_wait_ns);
        for connection in &mut connections {
            findings::judge(connection, end, settings.time_wait_ns, &settings.findings);
        }
        let mut summary = summary(&self.count, &connections);
        let capture = self.count.into_capture(settings, &connections);
        let together = findings::service::judge(&capture, &connections, &settings.findings);
        summary.findings = totals(&connections, &together);
        Analysis {
            capture,
            connections,
            findings: together,
            summary,
        }
    }
}

impl Count {
    fn packet(&mut self, time: Timestamp, link: LinkType) {
        self.packets += 1;
        if self.newest.is_some_and(|newest| time < newest) {
            self.steps_back += 1;
        }
        self.newest = Some(time);
        self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
        self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
        if !self.link_types.contains(&link) {
            self.link_types.push(link);
        }
    }

    fn skip(&mut self, reason: Skip) {
        *self.skipped.entry(reason).or_insert(0) += 1;
    }

    fn into_capture(self, settings: &Settings, connections: &[Connection]) -> Capture {
        Capture {
            schema_version: SCHEMA_VERSION,
            program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            files: settings
                .files
                .iter()
                .map(|file| file.to_string_lossy().into_owned())
                .collect(),
            formats: self.formats.iter().map(|format| (*format).to_owned()).collect(),
            link_types: self
                .link_types
                .iter()
                .map(|link| link.name().into_owned())
                .collect(),
            packets: self.packets,
            tcp_segments: self.segments,
            skipped: self
                .skipped
                .iter()
                .map(|(reason, count)| (reason.name().into_owned(), *count))
                .collect(),
            cut_segments: self.cut,
            duplicate_segments: connections.iter().map(|c| c.quality.duplicate_segments).sum(),
            missed_bytes: connections.iter().map(|c| c.quality.missed_bytes).sum(),
            one_sided_connections: connections.iter().filter(|c| c.quality.one_sided).count() as u64,
            time_steps_back: self.steps_back,
            first_time: self.first_time,
            last_time: self.last_time,
            snap_length: self.snap_length,
            complete: self.damage.is_empty(),
            damage: self.damage,
            time_wait_ns: settings.time_wait_ns,
            findings_from: settings.findings.least,
        }
    }
}

fn summary(count: &Count, connections: &[Connection]) -> Summary {
    let mut outcomes: BTreeMap<String, u64> = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.name().to_owned(), 0))
        .collect();
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    let mut transitions: BTreeMap<String, u64> = BTreeMap::new();
    for connection in connections {
        *outcomes.entry(connection.outcome.name().to_owned()).or_insert(0) += 1;
        for end in [&connection.endpoints.client, &connection.endpoints.server] {
            *states.entry(end.state.name().to_owned()).or_insert(0) += 1;
            for transition in &end.transitions {
                *transitions
                    .entry(transition.evidence.name().to_owned())
                    .or_insert(0) += 1;
            }
        }
    }
    Summary {
        packets: count.packets,
        tcp_segments: count.segments,
        skipped_packets: count.skipped.values().sum(),
        connections: connections.len() as u64,
        connections_selected: connections.len() as u64,
        outcomes,
        states,
        transitions,
        findings: BTreeMap::new(),
        complete: count.damage.is_empty(),
    }
}

fn totals(connections: &[Connection], together: &[ServiceFinding]) -> BTreeMap<&'static str, FindingTotal> {
    let mut totals: BTreeMap<&'static str, FindingTotal> = BTreeMap::new();
    let each = connections.iter().flat_map(|connection| &connection.findings);
    let each = each.map(|finding| (finding.code, finding.severity, finding.count));
    let all = each.chain(together.iter().map(|finding| (finding.code, finding.severity, 1)));
    for (code, severity, count) in all {
        let total = totals.entry(code).or_default();
        total.findings += 1;
        total.count += count;
        match severity {
            Severity::Error => total.errors += 1,
            Severity::Warning => total.warnings += 1,
            Severity::Note => total.notes += 1,
            Severity::Info => {}
        }
    }
    totals
}
