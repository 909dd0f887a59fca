//! A capture that still grows, told as it does.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::count::Sums;
use super::{Run, Settings};
use crate::capture::Stop;
use crate::findings::Judge;
use crate::flow::ReportBytes;
use crate::input::{self, Timeline};
use crate::model::{self, Analysis, Capture, Connection};

/// Packets between two looks at the clock, and for connections that are over.
const BATCH: u32 = 1 << 12;
/// How often it is looked whether a file has grown.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A report of all connections may take one part of the time in so many.
const SHARE: u32 = 10;

/// What is told on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// Everything, again and again: at most this often, and only when something came.
    Everything(Duration),
    /// Each connection once, when it is over: both ends are gone, and twice the maximum segment lifetime of capture time
    /// has passed since. It is forgotten then, so that memory does not grow with their number.
    Ends,
}

/// Something that is told on the way.
#[derive(Debug)]
pub enum News<'a> {
    /// What is known of the capture before its first packet. Told once, with [`Following::Ends`].
    Begun(&'a Capture),
    /// Connections that are over, with their findings.
    Ended(&'a [Connection]),
    /// Everything by now.
    Now(Box<Analysis>),
}

/// Reads one capture as it grows, until it ends (standard input, a FIFO) or `stop` is asked for. What was read by then is
/// told to `tell`, and returned at the end: everything, or, with [`Following::Ends`], the connections that were not told
/// before beside totals of all. Findings about services are judged from the connections that are returned.
///
/// That it was asked to stop makes a file's report no less complete: it is what was there.
///
/// # Errors
///
/// There is not exactly one capture, it cannot be read or is compressed, or stopping was asked for before it began; those of
/// `tell`; the counts do not add up, which is a fault of this program.
pub fn follow(
    settings: &Settings,
    following: Following,
    stop: &Stop,
    tell: &mut dyn FnMut(News<'_>) -> Result<()>,
) -> Result<Analysis> {
    let mut timeline = Timeline::follow(input::find(&settings.files)?, stop)?;
    let kept = match following {
        Following::Everything(_) => Some(model::report_bytes as ReportBytes),
        Following::Ends => None,
    };
    let mut run = Run::new(settings, timeline.len(), kept);
    let judge = Judge::new(&settings.findings);
    let mut sums = Sums::default();
    if following == Following::Ends {
        let begun = run.clone().finish(settings, timeline.facts_so_far(), None);
        tell(News::Begun(&begun.capture()))?;
    }
    let mut told = None;
    let mut next = Instant::now();
    loop {
        let mut left = BATCH;
        let more = timeline.read(|item| {
            run.record(item);
            left -= 1;
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        match following {
            Following::Everything(every) => {
                if told != Some(run.count.packets) && Instant::now() >= next {
                    told = Some(run.count.packets);
                    let begun = Instant::now();
                    let now = run.clone().finish(settings, timeline.facts_so_far(), None);
                    tell(News::Now(Box::new(now.into_analysis()?)))?;
                    next = begun + every.max(begun.elapsed().saturating_mul(SHARE));
                }
            }
            Following::Ends => {
                let ended = run.take_ended(settings, &judge);
                ended.iter().for_each(|connection| sums.add(connection));
                if !ended.is_empty() {
                    tell(News::Ended(&ended))?;
                }
            }
        }
        if more.is_continue() || (timeline.is_waiting() && stop.asked()) {
            break;
        }
        if timeline.is_waiting() {
            thread::sleep(LOOK_EVERY);
        }
    }
    if run.count.packets == 0
        && let Some(interrupted) = timeline.interrupted()
    {
        return Err(interrupted.into());
    }
    let facts = timeline.facts_so_far();
    let given_out = (following == Following::Ends).then_some(sums);
    run.finish(settings, facts, given_out).into_analysis()
}

impl Run {
    /// Takes out the connections that are over.
    fn take_ended(&mut self, settings: &Settings, judge: &Judge) -> Vec<Connection> {
        let now = self.count.last_time.unwrap_or_default();
        let ended = self.flows.take_finished(now, settings.time_wait_ns);
        let ended = ended.into_iter().map(|mut finished| {
            let around = self.decoder.tunnel(finished.tracker.scope.tunnel).cloned();
            let mut connection = model::finished(&mut finished, around.as_ref(), now, settings.time_wait_ns);
            judge.judge(&mut connection, now, settings.time_wait_ns);
            connection
        });
        ended.collect()
    }
}
