//! What became of each connection, told one after the other once all was read.

use std::num::NonZeroUsize;
use std::thread;

use anyhow::{Result, ensure};

use super::count::{Count, Flaws, Sums};
use super::{Run, Settings, Threads, source};
use crate::findings::service::Services;
use crate::findings::{Judge, Sure, Unsure};
use crate::flow::{Evicted, Numbered, Rest, Totals};
use crate::input::Facts;
use crate::model::{self, Analysis, Capture, Connection, Source, Usual};
use crate::parts::in_order;
use crate::segment::Decoder;
use crate::time::Timestamp;
use crate::tracker::Finished;

/// So many connections are worth another thread.
const MANY: u64 = 1 << 12;
/// Parts for each thread: one that has less to do takes more of them.
const PARTS: usize = 4;

/// Captures that were read, and their connections in order of their first packets, each with its findings. Each is told
/// once and forgotten; [`Connections::finish`] tells the totals.
pub struct Connections {
    facts: Facts,
    sources: Vec<Source>,
    count: Count,
    totals: Totals,
    evicted: Evicted,
    means: Means,
    telling: Telling,
}

/// What is needed to tell of connections.
struct Means {
    settings: Settings,
    decoder: Decoder,
    /// Time of the last packet.
    end: Timestamp,
    judge: Judge,
}

/// Connections that nothing was told of yet, and what there is to tell of the others together.
struct Telling {
    rest: Standing,
    /// How many of them were told.
    told: u64,
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
    Left(Box<dyn Iterator<Item = Finished> + Send>),
}

/// What tables of connections have left when all was read.
pub(super) struct Left {
    totals: Totals,
    evicted: Evicted,
    rest: Standing,
    /// What there is to tell of those that were told before.
    sums: Sums,
}

impl Left {
    /// All connections.
    pub fn all(rest: Rest) -> Left {
        Left {
            totals: rest.totals(),
            evicted: rest.evicted().clone(),
            rest: Standing::All(Box::new(rest)),
            sums: Sums::default(),
        }
    }

    /// Those that were not told before, of which these are the sums.
    pub fn of_given_out(
        (totals, evicted, rest): (Totals, Evicted, impl Iterator<Item = Finished> + Send + 'static),
        sums: Sums,
    ) -> Left {
        Left {
            totals,
            evicted,
            rest: Standing::Left(Box::new(rest)),
            sums,
        }
    }
}

/// Connections that are told one after the other.
pub trait Told: Iterator<Item = Connection> {
    /// Passes over the next connection if there is nothing to tell but what is usual, it is known what is found in it, and
    /// `unwanted` says so. It counts as told.
    fn pass_usual(&mut self, unwanted: impl FnOnce(&Usual, Option<Sure>) -> bool) -> bool;
}

/// How many connections are in one part.
#[derive(Clone, Copy, Debug)]
pub enum PartSize {
    /// So many.
    Connections(usize),
    /// As many as give all threads work: what is made of a part is small.
    AsFew,
}

/// A row of connections. See [`Connections::in_parts`].
pub struct Part<'a> {
    means: &'a Means,
    telling: &'a mut Telling,
}

impl Connections {
    /// Those that a run has left that has read everything.
    pub(super) fn new(run: Run, left: Left, settings: Settings, facts: Facts) -> Connections {
        let end = run.end();
        let Run {
            decoder,
            copies,
            mut count,
            flows: _, // it has left these
        } = run;
        count.files(&facts);
        count.copies_not_looked_for = copies.forgotten();
        let means = Means {
            judge: Judge::new(&settings.findings),
            settings,
            decoder,
            end,
        };
        let Left {
            totals,
            evicted,
            rest,
            sums,
        } = left;
        Connections {
            sources: facts.files.iter().map(source::of).collect(),
            telling: Telling {
                sums,
                ..means.telling(rest)
            },
            means,
            facts,
            count,
            totals,
            evicted,
        }
    }

    /// The capture as a whole. Before the first connection is told, this looks at all of them once.
    pub fn capture(&self) -> Capture {
        match &self.telling.rest {
            Standing::All(rest) => {
                let mut flaws = Flaws::default();
                // A SYN alone has no flaws that are counted.
                rest.look_at_answered(|tracker| flaws.add(&model::quality(tracker)));
                self.capture_with(&flaws)
            }
            Standing::Numbered(_) | Standing::Left(_) => self.capture_with(&self.telling.sums.flaws),
        }
    }

    fn capture_with(&self, flaws: &Flaws) -> Capture {
        let Means {
            settings, decoder, ..
        } = &self.means;
        self.count
            .capture(settings, &self.facts, decoder, flaws, &self.evicted)
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
        account(&self.count, self.totals, self.telling.told)?;
        let capture = self.capture_with(&self.telling.sums.flaws);
        let Telling {
            mut sums, services, ..
        } = self.telling;
        let threads = self.means.threads(self.telling.told);
        let findings = services.judge(&capture, &self.means.settings.findings, threads);
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

    /// All that are still to be told, in parts of so many: where they are many and the machine has the processors, several
    /// threads tell them. `each` is given each part, and what it makes of them is given to `take` in their order.
    ///
    /// # Errors
    ///
    /// That of `take`; then nothing more is told.
    pub fn in_parts<T: Send, E>(
        &mut self,
        of: PartSize,
        each: impl Fn(&mut Part<'_>) -> T + Sync,
        mut take: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let means = &self.means;
        let count = self.telling.size_hint().0;
        let threads = means.threads(count as u64);
        let size = match of {
            PartSize::Connections(size) => size,
            PartSize::AsFew => count.div_ceil(if threads > 1 { threads * PARTS } else { 1 }),
        };
        let parts = self.telling.split(size, means);
        let tell = |telling: &mut Telling| {
            let mut part = Part { means, telling };
            let made = each(&mut part);
            part.for_each(drop); // what it has left
            made
        };
        in_order("telling", parts, threads, tell, |telling, made| {
            self.telling.merge(telling);
            take(made)
        })
    }
}

impl Means {
    /// For so many connections: as many as are wanted, or the machine has processors.
    fn threads(&self, count: u64) -> usize {
        match self.settings.threads {
            Threads::Auto if count < MANY => 1,
            Threads::Auto => thread::available_parallelism().map_or(1, NonZeroUsize::get),
            Threads::Exactly(threads) => threads.max(1),
        }
    }

    /// To tell of these, before the first of them.
    fn telling(&self, rest: Standing) -> Telling {
        Telling {
            rest,
            told: 0,
            services: Services::new(&self.settings.findings, self.settings.time_wait_ns),
            sums: Sums::default(),
        }
    }
}

impl Telling {
    fn next(&mut self, means: &Means) -> Option<Connection> {
        let mut finished = match self.numbered() {
            Standing::Numbered(rest) => rest.next(),
            Standing::Left(rest) => rest.next(),
            Standing::All(_) => None,
        }?;
        let (end, time_wait_ns) = (means.end, means.settings.time_wait_ns);
        let around = means.decoder.tunnel(finished.tracker.scope.tunnel).cloned();
        let mut connection = model::finished(&mut finished, around.as_ref(), end, time_wait_ns);
        if let Standing::Numbered(rest) = &mut self.rest {
            rest.give_back(finished);
        }
        means.judge.judge(&mut connection, end, time_wait_ns);
        self.told += 1;
        self.sums.add(&connection);
        self.services.add(&connection);
        Some(connection)
    }

    /// See [`Told::pass_usual`].
    fn pass_usual(&mut self, means: &Means, unwanted: impl FnOnce(&Usual, Option<Sure>) -> bool) -> bool {
        if !means.judge.passes_some() {
            return false;
        }
        let Standing::Numbered(rest) = self.numbered() else {
            return false;
        };
        let Some(usual) = rest.usual() else { return false };
        let usual = Usual::of(&usual, means.end, means.settings.time_wait_ns);
        let found = match means.judge.foresees(&usual, means.end) {
            Ok(found) if unwanted(&usual, found) => found,
            Ok(_) | Err(Unsure) => return false,
        };
        rest.pass();
        self.told += 1;
        self.sums.add_usual(&usual, found);
        self.services.add_usual(&usual);
        true
    }

    /// Those that are left, numbered from the first one on.
    fn numbered(&mut self) -> &mut Standing {
        if let Standing::All(_) = self.rest
            && let Standing::All(rest) = self.take_rest()
        {
            self.rest = Standing::Numbered(Box::new(rest.numbered()));
        }
        &mut self.rest
    }

    fn take_rest(&mut self) -> Standing {
        std::mem::replace(&mut self.rest, Standing::Left(Box::new(std::iter::empty())))
    }

    /// How many are left.
    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.rest {
            Standing::All(rest) => rest.size_hint(),
            Standing::Numbered(rest) => rest.size_hint(),
            Standing::Left(rest) => rest.size_hint(),
        }
    }

    /// Those that are left, in parts of so many, in their order.
    fn split(&mut self, size: usize, means: &Means) -> Vec<Telling> {
        self.numbered();
        let rests = match self.take_rest() {
            Standing::Numbered(mut rest) => {
                let mut rests = Vec::new();
                while rest.size_hint().0 > size.max(1) {
                    let others = rest.split_off(size.max(1));
                    rests.push(Standing::Numbered(std::mem::replace(&mut rest, Box::new(others))));
                }
                rests.push(Standing::Numbered(rest));
                rests
            }
            rest @ (Standing::Left(_) | Standing::All(_)) => vec![rest],
        };
        rests.into_iter().map(|rest| means.telling(rest)).collect()
    }

    /// Adds what there is to tell of connections that come behind those that were told.
    fn merge(&mut self, later: Telling) {
        self.told += later.told;
        self.sums.merge(&later.sums);
        self.services.merge(later.services);
    }
}

impl Iterator for Connections {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        self.telling.next(&self.means)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.telling.size_hint()
    }
}

impl Told for Connections {
    fn pass_usual(&mut self, unwanted: impl FnOnce(&Usual, Option<Sure>) -> bool) -> bool {
        self.telling.pass_usual(&self.means, unwanted)
    }
}

impl<T: Told> Told for &mut T {
    fn pass_usual(&mut self, unwanted: impl FnOnce(&Usual, Option<Sure>) -> bool) -> bool {
        (**self).pass_usual(unwanted)
    }
}

impl Iterator for Part<'_> {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        self.telling.next(self.means)
    }
}

impl Told for Part<'_> {
    fn pass_usual(&mut self, unwanted: impl FnOnce(&Usual, Option<Sure>) -> bool) -> bool {
        self.telling.pass_usual(self.means, unwanted)
    }
}

/// Each packet and each connection went to one place, whatever the input was.
fn account(count: &Count, totals: Totals, reported: u64) -> Result<()> {
    let skipped: u64 = count.skipped.values().sum();
    ensure!(
        count.packets == count.segments.count + skipped,
        "internal error: {} packets are not {} TCP segments and {skipped} skipped ones; please report this with the capture",
        count.packets,
        count.segments.count,
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
    use crate::model::{Ending, Outcome, Severity};
    use crate::population::{By, HalfCloses, Span, Stays};
    use crate::segment::{Endpoint, Flags, Segment};
    use crate::select::Need;
    use crate::tracker::textbook::tests::{
        other_stories, refusal, said, segments, troubled_stories, usual_stories,
    };

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

    /// The same connection, the next one of a 4-tuple whose last packet this was.
    fn behind(last: Option<&Segment>, number: u32, story: Vec<Segment>) -> Vec<Segment> {
        let (packets, begin) = last.map_or((0, 0), |last| (last.packet, last.time.ns()));
        let shift = number * 50_000_000;
        let later = story.into_iter().map(|seg| Segment {
            packet: seg.packet + packets,
            time: seg.time.plus(begin),
            seq: seg.seq.plus(shift),
            ack: seg.ack.map(|ack| ack.plus(shift)),
            raw_ack: seg.raw_ack.wrapping_add(shift),
            ..seg
        });
        later.collect()
    }

    fn json(value: &impl serde::Serialize) -> String {
        serde_json::to_string(value).expect("plain data")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]

        /// What is passed over is summed up as if it had been told.
        #[test]
        fn a_usual_connection_stands_for_itself(
            stories in prop::collection::vec(prop_oneof![usual_stories(), troubled_stories(), other_stories()], 1..4),
            one_after_the_other: bool,
            later in 0..90_000_000_000i64,
        ) {
            let mut flows = Flows::new(Ladders::None);
            let mut end = Timestamp::default();
            let mut last = None;
            for (number, story) in (0..).zip(stories) {
                let story = match one_after_the_other {
                    true => behind(last.as_ref(), number.into(), story),
                    false => between(number, story),
                };
                last = story.last().copied().or(last);
                end = story.iter().fold(end, |end, seg| end.max(seg.time));
                story.iter().for_each(|seg| flows.on_segment(seg));
            }
            let end = end.plus(later);
            let judge = Judge::new(&Default::default());
            let (mut rest, told) = (flows.clone().finish(end).numbered(), flows.finish(end).numbered());
            for mut finished in told {
                let Some(usual) = rest.usual() else {
                    rest.next();
                    continue;
                };
                rest.pass();
                let usual = Usual::of(&usual, end, TIME_WAIT_NS);
                let mut connection = model::finished(&mut finished, None, end, TIME_WAIT_NS);
                judge.judge(&mut connection, end, TIME_WAIT_NS);
                prop_assert_eq!((usual.id, usual.client, usual.server), (connection.id, connection.client, connection.server));
                prop_assert_eq!(usual.cut, connection.quality.cut_segments > 0);
                let found = judge.foresees(&usual, end);
                prop_assert!(found.is_ok());
                let found = found.ok().flatten();
                let foreseen: Vec<_> = found.iter().map(|sure| (sure.rule.code, sure.severity, 1)).collect();
                let findings = connection.findings.iter();
                prop_assert_eq!(
                    foreseen, findings.map(|finding| (finding.code, finding.severity, finding.count)).collect::<Vec<_>>());
                prop_assert_eq!(
                    Need::of_usual(&usual, found.map(|sure| sure.severity)), Need::of(&connection));

                let (mut added, mut summed) = (Sums::default(), Sums::default());
                added.add(&connection);
                summed.add_usual(&usual, found);
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
        let close = model::UsualClose {
            closer: model::Role::Client,
            half_closed: Timestamp::default(),
            closed: Timestamp::default(),
            time_wait_over: None,
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
            ending: Ending::Closed(close),
            midstream: false,
            cut: true,
        };
        let end = Timestamp::default();
        let passes = |settings| {
            let found = Judge::new(&settings).foresees(&usual, end);
            found.is_ok_and(|found| found.is_none())
        };
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
            ending: Ending::Closed(model::UsualClose {
                closed: Timestamp::from_ns(settings.thresholds.half_close_warning_ns),
                ..close
            }),
            ..usual
        };
        assert_eq!(Judge::new(&settings).foresees(&long, end).err(), Some(Unsure));
        let open = Usual {
            ending: Ending::Open,
            ..usual
        };
        assert!(
            Judge::new(&settings)
                .foresees(&open, end)
                .is_ok_and(|found| found.is_none())
        );
    }

    /// What is found in connections of each other ending, and in one without its beginning, as bad as it is set.
    #[test]
    fn what_is_found_in_usual_connections_is_foreseen() {
        let (ack, fin) = (Flags::ACK, Flags::ACK | Flags::FIN);
        let data = [said(true, 100, ack), said(false, 700, ack), said(true, 0, ack)];
        let reset = [data.as_slice(), &[said(false, 0, Flags::RST | ack)]].concat();
        let closed = [
            data.as_slice(),
            &[said(true, 0, fin), said(false, 0, fin), said(true, 0, ack)],
        ]
        .concat();
        let syn = || segments(&[], true, true).into_iter().take(1).collect::<Vec<_>>();
        let mut refused = syn();
        refused.push(refusal(&refused[0], 2));
        let stories = [
            (segments(&reset, true, true), Outcome::Reset, "RS01"),
            (refused, Outcome::Refused, "HS12"),
            (syn(), Outcome::Unanswered, "HS13"),
            (segments(&closed, false, true), Outcome::Closed, "CP01"),
        ];
        for (story, outcome, code) in stories {
            let mut flows = Flows::new(Ladders::None);
            story.iter().for_each(|seg| flows.on_segment(seg));
            let end = Timestamp::from_ns(30_000_000_000);
            let usual = flows.finish(end).numbered().usual();
            let usual = Usual::of(&usual.expect(code), end, TIME_WAIT_NS);
            assert_eq!(usual.outcome(), outcome, "{code}");
            for level in [None, Some(Severity::Note), Some(Severity::Error)] {
                let judge = Judge::new(&crate::findings::Settings {
                    levels: vec![(code, level)],
                    ..Default::default()
                });
                let found = judge.foresees(&usual, end).expect(code);
                let found = found.map(|sure| (sure.rule.code, sure.severity));
                assert_eq!(found, level.map(|level| (code, level)));
            }
        }
    }
}
