//! Wires the stages together: capture files to segments, segments to lives, lives to the model. The only place that
//! knows all of them.

mod count;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::capture::{CaptureError, CaptureReader, Record};
use crate::findings;
pub use crate::flow::Limits;
use crate::flow::{Flows, Ladders, Totals};
use crate::model::{self, Address, Analysis};
use crate::segment::{Decoder, Endpoint, Segment};
use count::Count;

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
    /// How much is kept at once.
    pub limits: Limits,
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
/// Nothing at all could be read, or the counts do not add up, which is a fault of this program. Damage behind the first packet is not an error: the result is marked incomplete and
/// [`model::Capture::damage`] says what was wrong.
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
    run.finish(settings)
}

fn endpoint(address: Address) -> Endpoint {
    Endpoint {
        ip: address.ip,
        port: address.port,
    }
}

struct Run {
    decoder: Decoder,
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
            decoder: Decoder::default(),
            flows: Flows::bounded(ladders, settings.limits, model::report_bytes),
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
                    match self.decoder.decode(&frame) {
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
                Ok(Some(Record::Damage(damage))) => self.count.damaged(damage),
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

    fn finish(self, settings: &Settings) -> Result<Analysis> {
        let end = self.count.last_time.unwrap_or_default();
        let rest = self.flows.finish(end);
        let (totals, evicted) = (rest.totals(), rest.evicted().clone());
        let mut connections = model::connections(rest, end, settings.time_wait_ns);
        account(&self.count, totals, connections.len() as u64)?;
        for connection in &mut connections {
            findings::judge(connection, end, settings.time_wait_ns, &settings.findings);
        }
        let mut summary = count::summary(&self.count, &connections, &evicted);
        let capture = self.count.into_capture(settings, &connections, &evicted);
        let together = findings::service::judge(&capture, &connections, &settings.findings);
        summary.findings = count::totals(&connections, &together);
        Ok(Analysis {
            capture,
            connections,
            findings: together,
            summary,
        })
    }
}

/// Each packet and each connection went to one place, whatever the input was.
fn account(count: &Count, totals: Totals, reported: u64) -> Result<()> {
    let skipped: u64 = count.skipped.values().sum();
    ensure!(
        count.packets == count.segments + skipped,
        "internal error: {} packets are not {} TCP segments and {skipped} skipped ones; please report this with the capture",
        count.packets,
        count.segments,
    );
    let Totals {
        begun,
        absorbed,
        evicted,
        taken,
        standing,
    } = totals;
    ensure!(
        reported == standing && begun == absorbed + evicted + taken + standing,
        "internal error: {begun} connections are not {reported} reported of {standing}, {taken} taken, {evicted} evicted and \
         {absorbed} that were none; please report this with the capture"
    );
    Ok(())
}
