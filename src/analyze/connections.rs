//! What became of each connection, told one after the other once all was read.

use anyhow::{Result, ensure};

use super::count::{Count, Flaws, Sums};
use super::{Run, Settings, source};
use crate::findings::Judge;
use crate::findings::service::Services;
use crate::flow::{Evicted, Numbered, Rest, Totals};
use crate::input::Facts;
use crate::model::{self, Analysis, Capture, Connection, Source, Usual};
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
    /// Those that are left of them.
    Numbered(Box<Numbered>),
    /// Those that are left, where some were told before all was read.
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
            Standing::Numbered(_) | Standing::Left(_) => self.capture_with(&self.sums.flaws),
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
        self.number_them();
        match &mut self.rest {
            Standing::Numbered(rest) => rest.next(),
            Standing::Left(rest) => rest.next(),
            Standing::All(_) => None,
        }
    }

    fn number_them(&mut self) {
        if let Standing::All(_) = self.rest {
            let none = Standing::Left(Box::new(std::iter::empty()));
            if let Standing::All(rest) = std::mem::replace(&mut self.rest, none) {
                self.rest = Standing::Numbered(Box::new(rest.numbered()));
            }
        }
    }

    /// Passes over the next connection if nothing is found in it, there is nothing to tell but what is usual, and `unwanted`
    /// says so. It counts as told.
    pub fn pass_usual(&mut self, unwanted: impl FnOnce(&Usual) -> bool) -> bool {
        self.number_them();
        let Standing::Numbered(rest) = &mut self.rest else {
            return false;
        };
        let Some(usual) = rest.usual() else { return false };
        let usual = Usual::of(&usual, self.end, self.settings.time_wait_ns);
        if !self.judge.passes(&usual) || !unwanted(&usual) {
            return false;
        }
        rest.pass();
        self.told += 1;
        self.sums.add_usual(&usual);
        self.services.add_usual(&usual);
        true
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
            Standing::Numbered(rest) => rest.size_hint(),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::{Flows, Ladders};
    use crate::model::Severity;
    use crate::population::{By, HalfCloses, Span, Stays};
    use crate::segment::{Endpoint, Segment};
    use crate::tracker::textbook::tests::usual_stories;

    const TIME_WAIT_NS: i64 = 60_000_000_000;

    /// The same connection between other endpoints.
    fn between(number: u16, story: Vec<Segment>) -> Vec<Segment> {
        let other = |end: Endpoint| Endpoint {
            port: end.port + number * 100,
            ..end
        };
        let others = story.into_iter().map(|seg| Segment {
            source: other(seg.source),
            destination: other(seg.destination),
            ..seg
        });
        others.collect()
    }

    fn json(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).expect("plain data")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_500))]

        /// What is passed over is summed up as if it had been told.
        #[test]
        fn a_usual_connection_stands_for_itself(
            stories in prop::collection::vec(usual_stories(), 1..4), later in 0..90_000_000_000i64,
        ) {
            let mut flows = Flows::new(Ladders::None);
            let mut end = Timestamp::default();
            for (number, story) in (0..).zip(stories) {
                let story = between(number, story);
                end = story.iter().fold(end, |end, seg| end.max(seg.time));
                story.iter().for_each(|seg| flows.on_segment(seg));
            }
            let end = end.plus(later);
            let judge = Judge::new(&Default::default());
            let (mut rest, told) = (flows.clone().finish(end).numbered(), flows.finish(end).numbered());
            for finished in told {
                let Some(usual) = rest.usual() else {
                    rest.next();
                    continue;
                };
                rest.pass();
                let usual = Usual::of(&usual, end, TIME_WAIT_NS);
                let mut connection = model::finished(finished, None, end, TIME_WAIT_NS);
                judge.judge(&mut connection, end, TIME_WAIT_NS);
                prop_assert_eq!((usual.id, usual.client, usual.server), (connection.id, connection.client, connection.server));
                prop_assert_eq!(usual.cut, connection.quality.cut_segments > 0);
                prop_assert_eq!(judge.passes(&usual), connection.findings.is_empty());

                let (mut added, mut summed) = (Sums::default(), Sums::default());
                added.add(&Connection { findings: Vec::new(), ..connection.clone() });
                summed.add_usual(&usual);
                prop_assert_eq!(json(&added.saved()), json(&summed.saved()));

                let span = Span { from: Timestamp::default(), to: end };
                let (mut added, mut summed) = (HalfCloses::new(By::Server, 7_000_000), HalfCloses::new(By::Server, 7_000_000));
                added.add(&connection);
                summed.add_usual(&usual);
                prop_assert_eq!(json(&added.leaks(span)), json(&summed.leaks(span)));
                let (mut added, mut summed) = (Stays::default(), Stays::default());
                added.add(&connection);
                summed.add_usual(&usual);
                prop_assert_eq!(
                    json(&added.time_waits(span, TIME_WAIT_NS, 9)), json(&summed.time_waits(span, TIME_WAIT_NS, 9)));
            }
            prop_assert!(rest.next().is_none());
        }
    }

    /// Where a rule may have more to say about usual connections, none is passed over.
    #[test]
    fn rules_that_look_at_all_of_them_see_all() {
        let settings = crate::findings::Settings::default();
        let with = |code, severity| crate::findings::Settings {
            levels: vec![(code, severity)],
            ..settings.clone()
        };
        let usual = Usual {
            id: 1,
            client: model::Address {
                ip: [10, 0, 0, 1].into(),
                port: 1,
            },
            server: model::Address {
                ip: [10, 0, 0, 2].into(),
                port: 2,
            },
            first_time: Timestamp::default(),
            closer: model::Role::Client,
            half_closed: Timestamp::default(),
            closed: Timestamp::default(),
            time_wait_over: None,
            cut: true,
        };
        let passes = |settings| Judge::new(&settings).passes(&usual);
        assert!(passes(settings.clone()));
        assert!(passes(with("HC02", Some(Severity::Error))) && passes(with("TW01", None)));
        for code in ["TW01", "FN01", "HC01", "CP06", "OP01"] {
            assert!(!passes(with(code, Some(Severity::Error))), "{code}");
        }
        assert!(!passes(crate::findings::Settings {
            least: Severity::Info,
            ..settings.clone()
        }));
        let long = Usual {
            closed: Timestamp::from_ns(settings.thresholds.half_close_warning_ns),
            ..usual
        };
        assert!(!Judge::new(&settings).passes(&long));
    }
}
