//! What became of each connection, told one after the other once all was read.

use anyhow::{Result, ensure};

use super::count::{Count, Flaws, Sums};
use super::{Run, Settings, source};
use crate::findings::Judge;
use crate::findings::service::Services;
use crate::flow::{Evicted, Rest, Totals};
use crate::input::Facts;
use crate::model::{self, Analysis, Capture, Connection, Source};
use crate::segment::Decoder;
use crate::time::Timestamp;
use crate::tracker::Finished;

/// Captures that were read, and their connections in order of their first packets, each with its findings. Each is told
/// once and forgotten; [`Connections::finish`] tells the totals.
pub struct Connections {
    settings: Settings,
    facts: Facts,
    sources: Vec<Source>,
    count: Count,
    decoder: Decoder,
    /// Time of the last packet.
    end: Timestamp,
    totals: Totals,
    evicted: Evicted,
    rest: Standing,
    /// How many of them were told.
    told: u64,
    judge: Judge,
    services: Services,
    sums: Sums,
}

/// Those that nothing was told of yet.
enum Standing {
    /// All of them.
    All(Box<Rest>),
    /// Those that are left.
    Left(Box<dyn Iterator<Item = Finished>>),
}

impl Connections {
    /// Those of a run that has read everything. See [`Run::finish`].
    pub(super) fn new(run: Run, settings: Settings, facts: Facts, given_out: Option<Sums>) -> Connections {
        let Run {
            decoder,
            flows,
            copies,
            mut count,
        } = run;
        let end = count.last_time.unwrap_or_default();
        count.files(&facts);
        count.copies_not_looked_for = copies.forgotten();
        let (totals, evicted, rest) = if given_out.is_some() {
            let (totals, evicted, rest) = flows.finish_rest(end);
            (totals, evicted, Standing::Left(Box::new(rest)))
        } else {
            let rest = flows.finish(end);
            (
                rest.totals(),
                rest.evicted().clone(),
                Standing::All(Box::new(rest)),
            )
        };
        Connections {
            sources: facts.files.iter().map(source::of).collect(),
            judge: Judge::new(&settings.findings),
            services: Services::new(&settings.findings, settings.time_wait_ns),
            sums: given_out.unwrap_or_default(),
            told: 0,
            settings,
            facts,
            count,
            decoder,
            end,
            totals,
            evicted,
            rest,
        }
    }

    /// The capture as a whole. Before the first connection is told, this looks at all of them once.
    pub fn capture(&self) -> Capture {
        match &self.rest {
            Standing::All(rest) => {
                let mut flaws = Flaws::default();
                // A SYN alone has no flaws that are counted.
                rest.look_at_answered(|tracker| flaws.add(&model::quality(tracker)));
                self.capture_with(&flaws)
            }
            Standing::Left(_) => self.capture_with(&self.sums.flaws),
        }
    }

    fn capture_with(&self, flaws: &Flaws) -> Capture {
        self.count
            .capture(&self.settings, &self.facts, &self.decoder, flaws, &self.evicted)
    }

    /// The time that the capture covers, from its earliest packet to its latest; none without a packet.
    pub fn covered(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.count.first_time?, self.count.last_time?))
    }

    /// The files of the capture, in the order of the timeline.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Everything but the connections, of which those that are left are passed over. The summary says that all of them were
    /// selected.
    ///
    /// # Errors
    ///
    /// The counts do not add up, which is a fault of this program.
    pub fn finish(self) -> Result<Analysis> {
        self.finish_with_facts().map(|(analysis, _)| analysis)
    }

    /// As [`Connections::finish`], with what there is to know of each file.
    fn finish_with_facts(mut self) -> Result<(Analysis, Facts)> {
        while self.next().is_some() {}
        account(&self.count, self.totals, self.told)?;
        let capture = self.capture_with(&self.sums.flaws);
        let mut sums = self.sums;
        let findings = self.services.judge(&capture, &self.settings.findings);
        findings.iter().for_each(|finding| sums.add_together(finding));
        let analysis = Analysis {
            summary: sums.into_summary(&capture, &self.evicted),
            capture,
            sources: self.sources,
            connections: Vec::new(),
            findings,
        };
        Ok((analysis, self.facts))
    }

    /// Everything, with all connections.
    ///
    /// # Errors
    ///
    /// Those of [`Connections::finish`].
    pub fn into_analysis(self) -> Result<Analysis> {
        self.into_analysis_with_facts().map(|(analysis, _)| analysis)
    }

    /// As [`Connections::into_analysis`], with what there is to know of each file.
    pub(super) fn into_analysis_with_facts(mut self) -> Result<(Analysis, Facts)> {
        let connections: Vec<Connection> = self.by_ref().collect();
        let (analysis, facts) = self.finish_with_facts()?;
        Ok((
            Analysis {
                connections,
                ..analysis
            },
            facts,
        ))
    }

    /// The next one as the tracker left it.
    fn next_finished(&mut self) -> Option<Finished> {
        loop {
            match &mut self.rest {
                Standing::Left(rest) => return rest.next(),
                Standing::All(_) => {
                    let none = Standing::Left(Box::new(std::iter::empty()));
                    if let Standing::All(rest) = std::mem::replace(&mut self.rest, none) {
                        self.rest = Standing::Left(Box::new(rest.numbered()));
                    }
                }
            }
        }
    }
}

impl Iterator for Connections {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        let finished = self.next_finished()?;
        let (end, time_wait_ns) = (self.end, self.settings.time_wait_ns);
        let around = self.decoder.tunnel(finished.tracker.scope.tunnel).cloned();
        let mut connection = model::finished(finished, around.as_ref(), end, time_wait_ns);
        self.judge.judge(&mut connection, end, time_wait_ns);
        self.told += 1;
        self.sums.add(&connection);
        self.services.add(&connection);
        Some(connection)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.rest {
            Standing::All(rest) => rest.size_hint(),
            Standing::Left(rest) => rest.size_hint(),
        }
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
