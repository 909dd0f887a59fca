//! Wires the stages together: capture files to segments, segments to lives, lives to the model. The only place that
//! knows all of them.

mod ahead;
mod connections;
pub(crate) mod count;
mod crew;
mod follow;
mod glimpses;
mod relay;
mod source;
mod turns;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread;

use anyhow::Result;

use crate::capture::{Frame, Record, Skip, Stop, WindowSize};
use crate::findings;
pub use crate::flow::Limits;
use crate::flow::{Flows, Ladders, ReportBytes, Shards};
use crate::input::{self, Copies, Dedup, Facts, Item, Place, Taker, Timeline};
use crate::model::{self, Address, Analysis};
use crate::segment::{DecodeSettings, Decoder, Endpoint, Segment};
use crate::time::Timestamp;
use ahead::Ahead;
use connections::Left;
pub use connections::{Connections, Part, PartSize, Told};
use count::{Count, Segments, Sums};
pub use follow::{Following, News, follow};
pub use glimpses::connections_with_glimpses;
use relay::Relay;
use turns::Turns;

/// How many packets pass between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 14;

/// What to read and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The captures, read as one in time order: files, directories, patterns; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// Whether copies of a segment in another file are left out.
    pub dedup: Dedup,
    /// Whether clocks of files that share segments are set by one another; all files are read once more for that.
    pub align_clocks: bool,
    /// 2 MSL: how long TIME-WAIT is expected to last, nanoseconds.
    pub time_wait_ns: i64,
    /// Whether checksums are verified, and how much is held of IP packets in fragments.
    pub decode: DecodeSettings,
    /// Which ladders to keep.
    pub ladder: LadderRequest,
    /// Which findings to look for.
    pub findings: findings::Settings,
    /// How much is kept at once.
    pub limits: Limits,
    /// How many threads do it.
    pub threads: Threads,
}

/// How many threads read captures, track their connections, and tell of them. The result does not depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// One where the captures are small, else as many as there are processors: one reads, the others track, and all tell.
    #[default]
    Auto,
    /// So many; one does it all.
    Exactly(usize),
}

impl Default for Settings {
    /// Nothing to read; all else as the program does it without options.
    fn default() -> Settings {
        Settings {
            files: Vec::new(),
            dedup: Dedup::default(),
            align_clocks: false,
            time_wait_ns: 60_000_000_000,
            decode: DecodeSettings::default(),
            ladder: LadderRequest::None,
            findings: findings::Settings::default(),
            limits: Limits::default(),
            threads: Threads::default(),
        }
    }
}

/// For which connections the segments are kept for the ladder diagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LadderRequest {
    /// For none.
    None,
    /// For all.
    All,
    /// For those between two addresses.
    Between(Address, Address),
    /// For those between the addresses of each of some pairs.
    Among(Vec<(Address, Address)>),
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
/// The same file was named twice, or nothing at all could be read, or the counts do not add up, which is a fault of this
/// program. Anything else is no error: a file that cannot be read beside others that can, or damage behind a file's header,
/// make the result incomplete, and [`model::Capture::damage`] says what was wrong.
pub fn analyze(settings: &Settings, progress: &mut dyn FnMut(Progress)) -> Result<Analysis> {
    analyze_until(settings, &Stop::default(), progress)
}

/// As [`analyze`], until `stop` is asked for: then the result covers what was read before, is marked incomplete, and the
/// damage says after which packet reading was interrupted.
///
/// # Errors
///
/// Those of [`analyze`]; [`CaptureError::Interrupted`](crate::capture::CaptureError::Interrupted) if not one packet was read
/// before.
pub fn analyze_until(
    settings: &Settings,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress),
) -> Result<Analysis> {
    analyze_with_facts(settings, stop, progress).map(|(analysis, _)| analysis)
}

/// As [`analyze_until`], with what there is to know of each file.
///
/// # Errors
///
/// Those of [`analyze_until`].
pub fn analyze_with_facts(
    settings: &Settings,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Analysis, Facts)> {
    read(settings, stop, progress, Some(model::report_bytes))?.into_analysis_with_facts()
}

/// Reads captures as [`analyze_until`] does, and tells of one connection after the other then: memory holds those that
/// nothing was told of yet, and those that the caller keeps.
///
/// # Errors
///
/// Those of [`analyze_until`], but for counts that do not add up: [`Connections::finish`] says so.
pub fn connections(
    settings: &Settings,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress),
) -> Result<Connections> {
    read(settings, stop, progress, None)
}

/// As [`connections`]. `report_bytes` says what a connection takes if what is told of it is kept.
fn read(
    settings: &Settings,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress),
    report_bytes: Option<ReportBytes>,
) -> Result<Connections> {
    let mut timeline = open(settings, stop)?;
    let mut run = Run::new(settings, timeline.len(), report_bytes);
    let shards = run.read(&mut timeline, settings.threads, progress);
    run.finish_reading(shards, timeline, settings)
}

/// The files in their order, by clocks that are set by one another if that is asked for.
pub(crate) fn open(settings: &Settings, stop: &Stop) -> Result<Timeline> {
    let mut timeline = Timeline::open(input::find(&settings.files)?, stop)?;
    if settings.align_clocks {
        timeline.align_clocks(settings.decode)?;
    }
    Ok(timeline)
}

fn endpoint(address: Address) -> Endpoint {
    Endpoint {
        ip: address.ip,
        port: address.port,
    }
}

#[derive(Clone)]
struct Run {
    decoder: Decoder,
    flows: Flows,
    copies: Copies,
    count: Count,
}

impl Run {
    fn new(settings: &Settings, files: usize, report_bytes: Option<ReportBytes>) -> Run {
        let ladders = match &settings.ladder {
            LadderRequest::None => Ladders::None,
            LadderRequest::All => Ladders::All,
            LadderRequest::Between(a, b) => Ladders::Between(endpoint(*a), endpoint(*b)),
            LadderRequest::Among(pairs) => {
                let pairs = pairs.iter().map(|(a, b)| (endpoint(*a), endpoint(*b)));
                let mut pairs: Vec<_> = pairs.map(|(a, b)| (a.min(b), a.max(b))).collect();
                pairs.sort_unstable();
                Ladders::Among(pairs.into())
            }
        };
        Run {
            decoder: Decoder::new(settings.decode),
            flows: Flows::bounded(ladders, settings.limits, report_bytes),
            copies: Copies::new(settings.dedup, files),
            count: Count::default(),
        }
    }

    /// Reads all files to their end, into the table of this run as several.
    fn read(
        &mut self,
        timeline: &mut Timeline,
        threads: Threads,
        progress: &mut dyn FnMut(Progress),
    ) -> Shards {
        let (bytes_total, bytes_read) = (timeline.octets(), timeline.meter());
        let shards = Shards::of(std::mem::take(&mut self.flows));
        thread::scope(|scope| {
            let mut relay = Relay::new(scope, shards, threads);
            let progress = |packets| {
                progress(Progress {
                    bytes_read: bytes_read(),
                    bytes_total,
                    packets,
                });
            };
            // A compressed file is read so whoever tracks: how far it can be unpacked must not depend on that.
            if let Some(unpacker) = timeline.unpacker(WindowSize::UNPACKED) {
                let ahead = Arc::new_cyclic(|ahead: &Weak<Ahead<'_, '_>>| {
                    relay.let_help(ahead.clone());
                    Ahead::new(unpacker, timeline, self, relay)
                });
                return ahead.read(progress).finish();
            }
            let windows = if relay.may_have_help() {
                timeline.windows(WindowSize::USUAL)
            } else {
                None
            };
            let Some(windows) = windows else {
                let _ = timeline.read_to(&mut Reading {
                    run: self,
                    relay: &mut relay,
                    progress,
                });
                return relay.finish();
            };
            let turns = Arc::new_cyclic(|turns: &Weak<Turns<'_, '_>>| {
                relay.let_help(turns.clone());
                Turns::new(windows, timeline, self, relay)
            });
            turns.read(progress).finish()
        })
    }

    /// Takes a record.
    fn record(&mut self, item: Item<'_>) {
        let mut segment = Segment::default();
        if self.segment(item, &mut segment) {
            self.flows.on_segment(&segment);
        }
    }

    /// Reads the segment of a record, if it has one that belongs to a connection. Everything is counted.
    fn segment(&mut self, Item { record, place }: Item<'_>, segment: &mut Segment) -> bool {
        match record {
            Record::Frame(frame) => return self.frame(&frame, &place, segment),
            Record::Skip { reason, .. } => {
                self.count.packets += 1;
                self.count.skip(reason);
            }
            Record::Damage(_) => {} // the file's facts have it
        }
        false
    }

    /// As [`Run::segment`], of a packet.
    fn frame(&mut self, frame: &Frame<'_>, place: &Place<'_>, segment: &mut Segment) -> bool {
        self.count.packet(frame, place);
        self.decode(frame, place, segment)
    }

    /// A packet that was counted and is no copy.
    #[inline(never)]
    fn other(&mut self, frame: &Frame<'_>, place: &Place<'_>, relay: &mut Relay<'_, '_>) {
        let lean = self.decoder.lean_wide(frame, relay.wide());
        if let Some(lean) = lean.or_else(|| self.decoder.lean_syn(frame, relay.wide())) {
            self.count.segments.add(lean.cut(), false);
            if lean.is_wide() {
                relay.take_wide(lean);
            } else {
                relay.take_lean(lean);
            }
        } else if self.decode(frame, place, relay.place()) {
            relay.take();
        }
    }

    /// As [`Run::frame`], of a packet that was counted.
    #[inline(never)]
    fn decode(&mut self, frame: &Frame<'_>, place: &Place<'_>, segment: &mut Segment) -> bool {
        let reason = match self.decoder.decode_into(frame, segment) {
            Ok(()) if self.copies.is_copy(place, segment) => Skip::DuplicateOfAnotherFile,
            Ok(()) => {
                self.count.segments.add(segment.cut, segment.header_cut);
                return true;
            }
            Err(reason) => reason,
        };
        self.count.skip(reason);
        false
    }

    /// The connections that stand in these tables once all files were read, or reading was stopped.
    fn finish_reading(
        self,
        shards: Shards,
        mut timeline: Timeline,
        settings: &Settings,
    ) -> Result<Connections> {
        if self.count.packets == 0
            && let Some(interrupted) = timeline.interrupted()
        {
            return Err(interrupted.into());
        }
        let mut facts = timeline.facts();
        for (file, of, count) in self.copies.pairs() {
            if let Some(file) = facts.files.get_mut(file) {
                file.copies_of.push((of, count));
            }
        }
        let left = Left::all(shards.finish(self.end()));
        Ok(Connections::new(self, left, settings.clone(), facts))
    }

    /// The connections that stand. `given_out` are the sums of those that were told before, where some were: then each keeps
    /// the number that it had.
    fn finish(mut self, settings: &Settings, facts: Facts, given_out: Option<Sums>) -> Connections {
        let (flows, end) = (std::mem::take(&mut self.flows), self.end());
        let left = match given_out {
            None => Left::all(flows.finish(end)),
            Some(sums) => Left::of_given_out(flows.finish_rest(end), sums),
        };
        Connections::new(self, left, settings.clone(), facts)
    }

    /// Time of the last packet.
    fn end(&self) -> Timestamp {
        self.count.last_time.unwrap_or_default()
    }
}

/// A run that reads.
struct Reading<'a, 'scope, 'env, P> {
    run: &'a mut Run,
    relay: &'a mut Relay<'scope, 'env>,
    /// Told now and then how many packets were read.
    progress: P,
}

impl<P: FnMut(u64)> Reading<'_, '_, '_, P> {
    #[inline(always)]
    fn took(&mut self, a_segment: bool) -> ControlFlow<()> {
        if a_segment {
            self.relay.take();
        }
        self.report(1);
        ControlFlow::Continue(())
    }

    /// Packets that were counted and are no copies.
    #[inline(never)]
    fn counted(&mut self, frames: &[Frame<'_>], place: &Place<'_>) {
        let run = &mut *self.run;
        let mut sums = Segments::default();
        for frame in frames {
            if let Some(lean) = run.decoder.lean(frame) {
                sums.add(lean.cut(), false);
                self.relay.take_lean(lean);
            } else {
                run.other(frame, place, self.relay);
            }
        }
        run.count.segments.merge(sums);
    }

    /// Tells of the progress, if that is due after so many packets more.
    #[inline(always)]
    fn report(&mut self, more: u64) {
        let packets = self.run.count.packets;
        if packets % PROGRESS_EVERY < more {
            (self.progress)(packets);
        }
    }
}

impl<P: FnMut(u64)> Taker for Reading<'_, '_, '_, P> {
    fn take(&mut self, item: Item<'_>) -> ControlFlow<()> {
        let is = self.run.segment(item, self.relay.place());
        self.took(is)
    }

    #[inline(always)]
    fn row(&mut self, frames: &[Frame<'_>], place: &Place<'_>) -> bool {
        let run = &mut *self.run;
        let at_first = frames.first().map_or(*place, |first| Place {
            time: first.time,
            ..*place
        });
        if run.copies.looks_at(&at_first) || run.copies.looks_at(place) || !run.count.row(frames, place) {
            return false;
        }
        self.counted(frames, place);
        self.report(frames.len() as u64);
        true
    }

    fn frame(&mut self, frame: &Frame<'_>, place: &Place<'_>) -> ControlFlow<()> {
        self.run.count.packet(frame, place);
        if self.run.copies.looks_at(place) {
            let is = self.run.decode(frame, place, self.relay.place());
            return self.took(is);
        }
        self.counted(std::slice::from_ref(frame), place);
        self.took(false)
    }
}
