//! All parts of a run in one process, by one thread or by several.

use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Result, anyhow};

use super::file::OneFile;
use super::together::all_findings;
use super::totals::CopyCounts;
use super::tracking::{Ended, Told, Tracking};
use super::{FleetError, Plan, Position, Row, Totals};
use crate::analyze::count::Flaws;
use crate::analyze::{Progress, Settings, open};
use crate::capture::Stop;
use crate::findings::Judge;
use crate::findings::service::Services;
use crate::flow::{FlowKey, Limits};
use crate::input::{Copies, Timeline};
use crate::model::{Capture, ServiceFinding, Summary};
use crate::segment::Scope;

/// Rows that go to a thread at once.
const BATCH: usize = 512;
/// Batches that wait for a thread at most.
const WAITING: usize = 8;
/// How many packets pass between two reports of progress.
const PROGRESS_EVERY: u64 = 1 << 14;

/// What a run says in the end.
pub struct Outcome {
    /// The capture.
    pub capture: Capture,
    /// The totals.
    pub summary: Summary,
}

/// Where a result goes.
pub trait Sink {
    /// Whether [`Sink::segment`] is to be called.
    fn wants_segments(&self) -> bool {
        false
    }

    /// A segment, in order; copies are left out.
    ///
    /// # Errors
    ///
    /// It cannot be kept; the run ends with that.
    fn segment(&mut self, _row: &Row) -> Result<()> {
        Ok(())
    }

    /// All files were read, and this is what is known of them.
    ///
    /// # Errors
    ///
    /// As [`Sink::segment`].
    fn begin(&mut self, plan: &Plan, capture: &Capture) -> Result<()>;

    /// The connections, in order of their first packets.
    ///
    /// # Errors
    ///
    /// As [`Sink::segment`].
    fn connections(&mut self, told: &mut dyn Iterator<Item = Told>) -> Result<()>;

    /// The findings about services and the capture, and the totals.
    ///
    /// # Errors
    ///
    /// As [`Sink::segment`].
    fn end(&mut self, findings: &[ServiceFinding], summary: &Summary) -> Result<()>;
}

/// Reads all files and gives the result to `sink`. `threads` track connections besides the one that reads; with 0 that one
/// does.
///
/// # Errors
///
/// Nothing could be read, memory did not suffice ([`FleetError::Evicted`]), or those of `sink`.
pub fn run(
    settings: &Settings,
    threads: usize,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress),
    sink: &mut dyn Sink,
) -> Result<Outcome> {
    let mut timeline = open(settings, stop)?;
    let workers = threads.max(1);
    let share = |limit: u64| limit / workers as u64;
    let limits = Limits {
        connections: settings.limits.connections,
        memory: settings.limits.memory.map(share),
    };
    let judge = Judge::new(&settings.findings);
    if threads == 0 {
        let mut tracking = Tracking::new(limits);
        let read = read(&mut timeline, settings, progress, sink, &mut |row| {
            tracking.take(row.position, &row.segment, row.tunnels.as_ref())
        })?;
        let (plan, totals) = read.plan(timeline, settings)?;
        let ended = tracking.finish(plan.end())?;
        let flaws = ended.flaws();
        let told = ended.tell(&plan, &judge, settings);
        return give(sink, settings, &plan, (totals, flaws), told);
    }
    let (read, tracked) = read_apart(&mut timeline, settings, workers, limits, progress, sink)?;
    let (plan, totals) = read.plan(timeline, settings)?;
    let mut ended = Vec::new();
    let mut flaws = Flaws::default();
    for tracking in tracked {
        let one: Ended = tracking.finish(plan.end())?;
        flaws.merge(&one.flaws());
        ended.push(one);
    }
    let (plan, judge) = (&plan, &judge);
    thread::scope(|scope| {
        let outlets = ended.into_iter().map(|ended| {
            let (outlet, told) = sync_channel(WAITING);
            scope.spawn(move || tell(ended, plan, judge, settings, &outlet));
            told
        });
        let merged = Merged::of(outlets.collect());
        give(sink, settings, plan, (totals, flaws), merged)
    })
}

/// Reads all files in this thread while others track.
fn read_apart(
    timeline: &mut Timeline,
    settings: &Settings,
    workers: usize,
    limits: Limits,
    progress: &mut dyn FnMut(Progress),
    sink: &mut dyn Sink,
) -> Result<(Read, Vec<Tracking>)> {
    thread::scope(|scope| {
        let mut inlets = Vec::new();
        let mut trackers = Vec::new();
        for _ in 0..workers {
            let (inlet, rows) = sync_channel::<Vec<Row>>(WAITING);
            inlets.push(Inlet {
                rows: Vec::with_capacity(BATCH),
                to: inlet,
            });
            trackers.push(scope.spawn(move || track(&rows, limits)));
        }
        let read = read(timeline, settings, progress, sink, &mut |row| {
            let place = shard(&row, workers);
            inlets.get_mut(place).map_or(Ok(()), |inlet| inlet.give(row))
        });
        // The rest goes out, and the threads see the end.
        let sent: Result<(), FleetError> = inlets.into_iter().try_for_each(Inlet::close);
        let mut tracked = Vec::new();
        for tracker in trackers {
            let broken = |_| anyhow!("a thread that tracks connections broke down");
            tracked.push(tracker.join().map_err(broken)??);
        }
        let read = read?;
        sent?;
        Ok((read, tracked))
    })
}

/// What reading gave besides rows.
struct Read {
    files: Vec<OneFile>,
    copies: Copies,
    copied: CopyCounts,
}

impl Read {
    /// The plan of what was read, and the totals before any connection was told.
    fn plan(self, mut timeline: Timeline, settings: &Settings) -> Result<(Plan, Totals)> {
        let files = self.files;
        if files.iter().all(|file| file.is_untouched())
            && let Some(interrupted) = timeline.interrupted()
        {
            return Err(interrupted.into());
        }
        let facts = timeline.facts();
        let reports = files.into_iter().zip(facts.files);
        let reports = reports.map(|(file, facts)| file.report(settings, facts));
        let mut totals = Totals::default();
        totals.set_copies(CopyCounts {
            not_looked_for: self.copies.forgotten(),
            ..self.copied
        });
        let plan = Plan::of_timeline(
            reports.collect(),
            facts.unreadable,
            facts.unfinished,
            facts.passed_over.count,
        );
        Ok((plan, totals))
    }
}

/// Gives the segments of all files, in order, to `take`; copies are left out.
fn read(
    timeline: &mut Timeline,
    settings: &Settings,
    progress: &mut dyn FnMut(Progress),
    sink: &mut dyn Sink,
    take: &mut dyn FnMut(Row) -> Result<(), FleetError>,
) -> Result<Read> {
    let mut read = Read {
        files: (0..timeline.len()).map(|_| OneFile::new(settings)).collect(),
        copies: Copies::new(settings.dedup, timeline.len()),
        copied: CopyCounts::default(),
    };
    let (bytes_total, bytes_read) = (timeline.octets(), timeline.meter());
    let mut packets = 0_u64;
    let mut failed: Option<anyhow::Error> = None;
    let wants_segments = sink.wants_segments();
    let _ = timeline.read(|item| {
        packets += 1;
        if packets.is_multiple_of(PROGRESS_EVERY) {
            progress(Progress {
                bytes_read: bytes_read(),
                bytes_total,
                packets,
            });
        }
        let rank = item.place.file;
        let Some(file) = read.files.get_mut(rank) else {
            return ControlFlow::Continue(());
        };
        let Some((number, segment, tunnels)) = file.take(item.record, &item.place) else {
            return ControlFlow::Continue(());
        };
        if read.copies.is_copy(&item.place, segment) {
            read.copied.add(segment);
            return ControlFlow::Continue(());
        }
        let row = Row {
            position: Position {
                time: item.place.time,
                file: u32::try_from(rank).unwrap_or(u32::MAX),
                number,
            },
            segment: *segment,
            tunnels,
        };
        let kept = if wants_segments {
            sink.segment(&row)
        } else {
            Ok(())
        };
        match kept.and_then(|()| Ok(take(row)?)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(read),
    }
}

/// Which thread tracks a segment: all of one 4-tuple go to one.
fn shard(row: &Row, workers: usize) -> usize {
    use std::hash::BuildHasher;
    let segment = &row.segment;
    let key = FlowKey::between(segment.source, segment.destination, Scope::default());
    let hash = foldhash::fast::FixedState::default().hash_one(key);
    usize::try_from(hash % workers as u64).unwrap_or(0)
}

/// Rows on their way to a thread.
struct Inlet {
    rows: Vec<Row>,
    to: SyncSender<Vec<Row>>,
}

impl Inlet {
    fn give(&mut self, row: Row) -> Result<(), FleetError> {
        self.rows.push(row);
        if self.rows.len() >= BATCH {
            let rows = std::mem::replace(&mut self.rows, Vec::with_capacity(BATCH));
            self.to.send(rows).map_err(|_| gone())?;
        }
        Ok(())
    }

    fn close(self) -> Result<(), FleetError> {
        self.to.send(self.rows).map_err(|_| gone())
    }
}

/// The other end says why itself.
fn gone() -> FleetError {
    FleetError::Places(io::Error::other(
        "a thread that tracks connections has ended early",
    ))
}

fn track(rows: &Receiver<Vec<Row>>, limits: Limits) -> Result<Tracking, FleetError> {
    let mut tracking = Tracking::new(limits);
    for row in rows.iter().flatten() {
        tracking.take(row.position, &row.segment, row.tunnels.as_ref())?;
    }
    Ok(tracking)
}

fn tell(
    ended: Ended,
    plan: &Plan,
    judge: &Judge,
    settings: &Settings,
    to: &SyncSender<Result<Vec<Told>, FleetError>>,
) {
    let mut batch = Vec::new();
    for told in ended.tell(plan, judge, settings) {
        match told {
            Ok(told) => batch.push(told),
            Err(error) => {
                let _ = to.send(Err(error));
                return;
            }
        }
        if batch.len() >= 64 && to.send(Ok(std::mem::take(&mut batch))).is_err() {
            return; // nobody wants more
        }
    }
    let _ = to.send(Ok(batch));
}

/// What a thread tells, and what of it has come and is not taken yet.
type Outlet = (Receiver<Result<Vec<Told>, FleetError>>, std::vec::IntoIter<Told>);

/// The connections of all threads in one order.
struct Merged {
    threads: Vec<Outlet>,
}

impl Merged {
    fn of(threads: Vec<Receiver<Result<Vec<Told>, FleetError>>>) -> Merged {
        Merged {
            threads: (threads.into_iter())
                .map(|told| (told, Vec::new().into_iter()))
                .collect(),
        }
    }
}

impl Iterator for Merged {
    type Item = Result<Told, FleetError>;

    fn next(&mut self) -> Option<Result<Told, FleetError>> {
        let mut first: Option<(Position, usize)> = None;
        for (place, (receiver, told)) in self.threads.iter_mut().enumerate() {
            while told.as_slice().is_empty() {
                match receiver.recv() {
                    Ok(Ok(more)) => *told = more.into_iter(),
                    Ok(Err(error)) => return Some(Err(error)),
                    Err(_) => break, // its end
                }
            }
            if let Some(next) = told.as_slice().first()
                && first.is_none_or(|(earliest, _)| next.first < earliest)
            {
                first = Some((next.first, place));
            }
        }
        let (_, place) = first?;
        self.threads.get_mut(place)?.1.next().map(Ok)
    }
}

fn give(
    sink: &mut dyn Sink,
    settings: &Settings,
    plan: &Plan,
    (mut totals, flaws): (Totals, Flaws),
    told: impl Iterator<Item = Result<Told, FleetError>>,
) -> Result<Outcome> {
    let mut capture = plan.capture(settings, &totals);
    flaws.put_into(&mut capture);
    sink.begin(plan, &capture)?;
    let mut services = Services::new(&settings.findings, settings.time_wait_ns);
    let mut failed = None;
    let mut told = told.map_while(|told| match told {
        Ok(told) => {
            totals.add(&told.connection);
            services.add(&told.connection);
            Some(told)
        }
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    sink.connections(&mut told)?;
    told.by_ref().for_each(drop); // the totals are those of all
    drop(told);
    if let Some(error) = failed {
        return Err(error.into());
    }
    let of_services = services.judge_services(&capture, &settings.findings);
    let findings = all_findings(of_services, &capture, settings);
    let summary = totals.summary(&capture, &findings);
    sink.end(&findings, &summary)?;
    Ok(Outcome { capture, summary })
}
