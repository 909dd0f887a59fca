//! What is counted while reading, and the totals made of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};

use super::Settings;
use crate::capture::error::printable;
use crate::capture::{Frame, InterfaceFacts, LinkType, Skip};
use crate::findings::{Sure, rules};
use crate::flow::Evicted;
use crate::input::{Facts, Place};
use crate::model::{
    Address, Capture, Checksums, Connection, Ending, EvictedServer, Evidence, FindingTotal, Fragments,
    Outcome, Quality, SCHEMA_VERSION, ServiceFinding, Severity, State, Step, Summary, Usual,
};
use crate::segment::{ChecksumFacts, Decoder, FragmentFacts};
use crate::time::Timestamp;

/// TCP segments that belong to connections.
#[derive(Clone, Copy, Default)]
pub(crate) struct Segments {
    pub count: u64,
    pub cut: u64,
    pub cut_headers: u64,
}

impl Segments {
    /// One more.
    #[inline]
    pub fn add(&mut self, cut: bool, header_cut: bool) {
        self.count += 1;
        self.cut += u64::from(cut);
        self.cut_headers += u64::from(header_cut);
    }

    /// So many more.
    pub fn merge(&mut self, more: Segments) {
        self.count += more.count;
        self.cut += more.cut;
        self.cut_headers += more.cut_headers;
    }
}

/// What is counted while reading.
#[derive(Clone, Default)]
pub(crate) struct Count {
    pub packets: u64,
    pub segments: Segments,
    pub skipped: HashMap<Skip, u64, foldhash::fast::RandomState>,
    /// In order of appearance.
    pub link_types: Vec<LinkType>,
    known_links: HashSet<LinkType, foldhash::fast::RandomState>,
    pub formats: Vec<&'static str>,
    pub snap_length: Option<u32>,
    pub first_time: Option<Timestamp>,
    pub last_time: Option<Timestamp>,
    /// Effective time of the packet before, but in a row.
    newest: Option<Timestamp>,
    /// Time of the packet before in each file, but of a file in a row.
    previous: Vec<Option<Timestamp>>,
    /// While packets of one file and of one link type come in the order of their times, that type and file: the packet before
    /// is the latest of all.
    row_link: Option<LinkType>,
    row_file: usize,
    pub steps_back: u64,
    pub longest_step_back: Option<Step>,
    pub longest_pause: Option<Step>,
    pub cut_packets: u64,
    pub kernel_drops: Option<u64>,
    pub copies_not_looked_for: u64,
    pub damage: Vec<String>,
    pub passed_over: u64,
}

impl Count {
    /// A packet of any kind; where it stands in time. Pauses are those of the timeline, steps back those inside a file.
    #[inline]
    pub fn packet(&mut self, frame: &Frame<'_>, place: &Place<'_>) {
        self.packets += 1;
        self.cut_packets += u64::from(frame.original_len as usize > frame.bytes.len());
        let time = frame.time;
        if let Some(last) = self.last_time
            && last <= time
            && place.time == time
            && self.row_link == Some(frame.link)
            && self.row_file == place.file
            && (self.longest_pause).is_some_and(|longest| time.since(last) <= longest.ns)
        {
            self.last_time = Some(time);
            return;
        }
        self.packet_apart(time, frame.link, place.file, place.time);
    }

    /// Packets of one link type and file, each at its own time and none earlier than the one before it. False if they tell
    /// something; then nothing has changed.
    pub fn row(&mut self, frames: &[Frame<'_>], place: &Place<'_>) -> bool {
        let (Some(mut newest), Some(longest)) = (self.last_time, self.longest_pause) else {
            return false;
        };
        if frames.first().is_none_or(|first| first.time < newest) || self.row_file != place.file {
            return false;
        }
        let (mut usual, mut cut) = (true, 0);
        for frame in frames {
            usual &= self.row_link == Some(frame.link) && frame.time.since(newest) <= longest.ns;
            cut += u64::from(frame.original_len as usize > frame.bytes.len());
            newest = frame.time;
        }
        if usual {
            self.packets += frames.len() as u64;
            self.cut_packets += cut;
            self.last_time = Some(newest);
        }
        usual
    }

    /// A packet that begins a row, or tells something.
    #[inline(never)]
    fn packet_apart(&mut self, time: Timestamp, link: LinkType, file: usize, effective: Timestamp) {
        if self.row_link.is_some() {
            self.newest = self.last_time;
            if let Some(previous) = self.previous.get_mut(self.row_file) {
                *previous = self.last_time;
            }
        }
        if let Some(newest) = self.newest.replace(effective) {
            longest(&mut self.longest_pause, self.packets, effective.since(newest));
        }
        if self.previous.len() <= file {
            self.previous.resize(file + 1, None);
        }
        if let Some(previous) = self.previous.get_mut(file)
            && let Some(previous) = previous.replace(time)
            && time < previous
        {
            longest(&mut self.longest_step_back, self.packets, previous.since(time));
        }
        self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
        self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
        // A file may have as many link types as numbers for them.
        if self.link_types.last() != Some(&link) && self.known_links.insert(link) {
            self.link_types.push(link);
        }
        let newest = self.last_time == Some(time) && effective == time;
        self.row_link = newest.then_some(link);
        self.row_file = file;
    }

    pub fn skip(&mut self, reason: Skip) {
        *self.skipped.entry(reason).or_insert(0) += 1;
    }

    /// What the files tell of themselves, in the order of the timeline. What could not be read at all comes first.
    pub fn files(&mut self, facts: &Facts) {
        self.damage.extend_from_slice(&facts.unreadable);
        for file in &facts.files {
            if let Some(format) = file.format
                && !self.formats.contains(&format)
            {
                self.formats.push(format);
            }
            self.snap_length = self.snap_length.max(file.snap_length);
            self.steps_back = self.steps_back.saturating_add(file.steps_back);
            self.damage.extend_from_slice(&file.damage);
            if file.more_damage > 0 {
                let name = printable(&file.path.to_string_lossy());
                self.damage
                    .push(format!("{name}: and {} more damaged places", file.more_damage));
            }
            self.passed_over = self.passed_over.saturating_add(file.passed_over);
            for lost in file.told.interfaces.iter().filter_map(InterfaceFacts::lost) {
                self.kernel_drops = Some(self.kernel_drops.unwrap_or(0).saturating_add(lost));
            }
        }
        match facts.unfinished {
            0 => {}
            1 => self
                .damage
                .push("one more file was not read to its end".to_owned()),
            files => self
                .damage
                .push(format!("{files} more files were not read to their end")),
        }
    }

    /// The capture, as good as `flaws` of its connections say.
    pub fn capture(
        &self,
        settings: &Settings,
        facts: &Facts,
        decoder: &Decoder,
        flaws: &Flaws,
        evicted: &Evicted,
    ) -> Capture {
        Capture {
            schema_version: SCHEMA_VERSION,
            program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            files: facts
                .files
                .iter()
                .map(|file| file.path.to_string_lossy().into_owned())
                .collect(),
            formats: self.formats.iter().map(|format| (*format).to_owned()).collect(),
            link_types: names(&self.link_types),
            packets: self.packets,
            tcp_segments: self.segments.count,
            skipped: self
                .skipped
                .iter()
                .map(|(reason, count)| (reason.name().into_owned(), *count))
                .collect(),
            cut_segments: self.segments.cut,
            cut_headers: self.segments.cut_headers,
            duplicate_segments: flaws.duplicate_segments,
            missed_bytes: flaws.missed_bytes,
            one_sided_connections: flaws.one_sided,
            time_steps_back: self.steps_back,
            longest_step_back: self.longest_step_back,
            longest_pause: self.longest_pause,
            cut_packets: self.cut_packets,
            kernel_drops: self.kernel_drops,
            checksums: settings
                .decode
                .verify_checksums
                .then(|| checksums(decoder.checksums())),
            fragments: fragments(decoder.fragments()),
            copies_not_looked_for: self.copies_not_looked_for,
            tunnels_not_told_apart: decoder.tunnels_not_told_apart(),
            entries_passed_over: facts.passed_over.count,
            first_time: self.first_time,
            last_time: self.last_time,
            snap_length: self.snap_length,
            complete: self.damage.is_empty(),
            damage: self.damage.clone(),
            passed_over_bytes: self.passed_over,
            evicted_connections: evicted.total(),
            evicted_servers: (evicted.servers().into_iter())
                .map(|(server, connections)| EvictedServer {
                    server: Address {
                        ip: server.ip,
                        port: server.port,
                    },
                    connections,
                })
                .collect(),
            time_wait_ns: settings.time_wait_ns,
            findings_from: settings.findings.least,
        }
    }
}

/// Several numbers may have one name.
fn names(link_types: &[LinkType]) -> Vec<String> {
    let mut known: HashSet<_, foldhash::fast::RandomState> = HashSet::default();
    let names = link_types.iter().map(|link| link.name());
    let first = names.filter(|name| known.insert(name.clone()));
    first.map(Cow::into_owned).collect()
}

fn longest(of: &mut Option<Step>, packet: u64, ns: i64) {
    if of.is_none_or(|longest| longest.ns < ns) {
        *of = Some(Step { packet, ns });
    }
}

fn checksums(facts: ChecksumFacts) -> Checksums {
    Checksums {
        good: facts.good,
        bad: facts.bad,
        offloaded: facts.offloaded,
        not_captured: facts.not_captured,
        bad_ip_headers: facts.bad_ip_headers,
    }
}

fn fragments(facts: FragmentFacts) -> Fragments {
    Fragments {
        packets: facts.fragments,
        reassembled: facts.completed,
        incomplete: facts
            .incomplete
            .saturating_add(facts.evicted)
            .saturating_add(facts.timed_out)
            .saturating_add(facts.cut),
        overlaps: facts.overlaps,
    }
}

/// What is wrong with the capture of connections, summed up.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Flaws {
    duplicate_segments: u64,
    missed_bytes: u64,
    one_sided: u64,
}

impl Flaws {
    pub fn add(&mut self, quality: &Quality) {
        self.duplicate_segments = self.duplicate_segments.saturating_add(quality.duplicate_segments);
        self.missed_bytes = self.missed_bytes.saturating_add(quality.missed_bytes);
        self.one_sided += u64::from(quality.one_sided);
    }
}

impl Flaws {
    /// Adds those of other connections.
    pub fn merge(&mut self, other: &Flaws) {
        self.duplicate_segments = self.duplicate_segments.saturating_add(other.duplicate_segments);
        self.missed_bytes = self.missed_bytes.saturating_add(other.missed_bytes);
        self.one_sided = self.one_sided.saturating_add(other.one_sided);
    }

    /// Says so of the capture.
    pub fn put_into(&self, capture: &mut Capture) {
        capture.duplicate_segments = self.duplicate_segments;
        capture.missed_bytes = self.missed_bytes;
        capture.one_sided_connections = self.one_sided;
    }
}

/// All kinds of evidence, in the order of their numbers.
const EVIDENCE: [Evidence; 5] = [
    Evidence::Sent,
    Evidence::Confirmed,
    Evidence::Presumed,
    Evidence::Inferred,
    Evidence::Timer,
];

/// Sums over connections.
#[derive(Clone, Default)]
pub(crate) struct Sums {
    pub connections: u64,
    pub flaws: Flaws,
    /// By the numbers of their kinds.
    outcomes: [u64; Outcome::ALL.len()],
    states: [u64; State::ALL.len()],
    transitions: [u64; EVIDENCE.len()],
    findings: HashMap<&'static str, FindingTotal, foldhash::fast::RandomState>,
}

/// [`Sums`] as plain data.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedSums {
    connections: u64,
    flaws: Flaws,
    outcomes: [u64; Outcome::ALL.len()],
    states: [u64; State::ALL.len()],
    transitions: [u64; EVIDENCE.len()],
    findings: BTreeMap<String, FindingTotal>,
}

impl Sums {
    pub fn add(&mut self, connection: &Connection) {
        self.connections += 1;
        self.flaws.add(&connection.quality);
        self.outcomes[connection.outcome as usize] += 1;
        for end in [&connection.endpoints.client, &connection.endpoints.server] {
            self.states[end.state as usize] += 1;
            for transition in &end.transitions {
                self.transitions[transition.evidence as usize] += 1;
            }
        }
        for finding in &connection.findings {
            self.found(finding.code, finding.severity, finding.count);
        }
    }

    /// As [`Sums::add`] of the connection that it stands for, in which this is found.
    pub fn add_usual(&mut self, usual: &Usual, found: Option<Sure>) {
        self.connections += 1;
        self.outcomes[usual.outcome() as usize] += 1;
        if let Some(Sure { rule, severity }) = found {
            self.found(rule.code, severity, 1);
        }
        let states = match usual.ending {
            Ending::Opened | Ending::Open => [State::Established; 2],
            Ending::Closed(close) if close.time_wait_over.is_none() => [State::TimeWait, State::Closed],
            Ending::Closed(_) | Ending::Reset | Ending::Refused => [State::Closed; 2],
            Ending::Unanswered => [State::SynSent, State::Closed],
        };
        for state in states {
            self.states[state as usize] += 1;
        }
        // SYN and SYN-ACK, and how each end got to know of the other's.
        let [sent, confirmed, presumed] = match usual.ending {
            Ending::Unanswered => [1, 0, 0],
            Ending::Refused => [1, 0, 1],
            Ending::Opened => [2, 1, 1],
            Ending::Open => [2, 2, 0],
            Ending::Reset => [3, 2, 1],
            // Both FINs, the same of them, and that the last ACK has arrived.
            Ending::Closed(_) if usual.midstream => [2, 3, 1],
            Ending::Closed(_) => [4, 5, 1],
        };
        self.transitions[Evidence::Sent as usize] += sent;
        self.transitions[Evidence::Confirmed as usize] += confirmed;
        self.transitions[Evidence::Presumed as usize] += presumed;
        self.transitions[Evidence::Inferred as usize] += if usual.midstream { 2 } else { 0 };
        let over = usual.close().is_some_and(|close| close.time_wait_over.is_some());
        self.transitions[Evidence::Timer as usize] += u64::from(over);
    }

    /// A finding about a service or the capture.
    pub fn add_together(&mut self, finding: &ServiceFinding) {
        self.found(finding.code, finding.severity, 1);
    }

    fn found(&mut self, code: &'static str, severity: Severity, count: u64) {
        let total = self.findings.entry(code).or_default();
        total.findings += 1;
        total.count = total.count.saturating_add(count);
        match severity {
            Severity::Error => total.errors += 1,
            Severity::Warning => total.warnings += 1,
            Severity::Note => total.notes += 1,
            Severity::Info => {}
        }
    }

    /// As plain data, to be added elsewhere.
    pub fn saved(&self) -> SavedSums {
        SavedSums {
            connections: self.connections,
            flaws: self.flaws.clone(),
            outcomes: self.outcomes,
            states: self.states,
            transitions: self.transitions,
            findings: (self.findings.iter())
                .map(|(code, total)| ((*code).to_owned(), *total))
                .collect(),
        }
    }

    /// Adds those of other connections.
    pub fn merge(&mut self, other: &Sums) {
        self.add_saved(other.saved());
    }

    /// Adds those of other connections. Findings of rules that there are not are left out.
    pub fn add_saved(&mut self, other: SavedSums) {
        self.connections = self.connections.saturating_add(other.connections);
        self.flaws.merge(&other.flaws);
        let pairs = (self.outcomes.iter_mut().zip(other.outcomes))
            .chain(self.states.iter_mut().zip(other.states))
            .chain(self.transitions.iter_mut().zip(other.transitions));
        for (own, other) in pairs {
            *own = own.saturating_add(other);
        }
        for rule in rules() {
            let Some(more) = other.findings.get(rule.code) else {
                continue;
            };
            let total = self.findings.entry(rule.code).or_default();
            for (own, more) in [
                (&mut total.findings, more.findings),
                (&mut total.count, more.count),
                (&mut total.errors, more.errors),
                (&mut total.warnings, more.warnings),
                (&mut total.notes, more.notes),
            ] {
                *own = own.saturating_add(more);
            }
        }
    }

    /// The totals of a run in which `capture` was read.
    pub fn into_summary(self, capture: &Capture, evicted: &Evicted) -> Summary {
        let seen = |names: &[&str], counts: &[u64]| {
            let named = names.iter().zip(counts).filter(|(_, count)| **count > 0);
            named.map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let outcomes = Outcome::ALL.iter().zip(self.outcomes);
        let mut outcomes: BTreeMap<String, u64> = outcomes
            .map(|(outcome, count)| (outcome.name().to_owned(), count))
            .collect();
        outcomes.insert(Outcome::Evicted.name().to_owned(), evicted.total());
        Summary {
            packets: capture.packets,
            tcp_segments: capture.tcp_segments,
            skipped_packets: capture.skipped.values().sum(),
            connections: evicted.total().saturating_add(self.connections),
            connections_selected: self.connections,
            outcomes,
            evicted: evicted
                .classes()
                .map(|(class, count)| (class.name(), count))
                .collect(),
            states: seen(&State::ALL.map(State::name), &self.states),
            transitions: seen(&EVIDENCE.map(Evidence::name), &self.transitions),
            findings: self.findings.into_iter().collect(),
            complete: capture.complete,
            capture: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kinds_are_counted_under_their_own_names() {
        let places = Outcome::ALL.map(|outcome| outcome as usize);
        assert_eq!(places, std::array::from_fn(|place| place));
        let places = State::ALL.map(|state| state as usize);
        assert_eq!(places, std::array::from_fn(|place| place));
        let places = EVIDENCE.map(|evidence| evidence as usize);
        assert_eq!(places, std::array::from_fn(|place| place));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// Most packets come in rows of one file, each later than the one before; what is counted does not depend on rows.
        #[test]
        fn packets_in_a_row_count_as_others(
            rows in prop::collection::vec((0..3usize, 1..3u32, 0..40i64, 0..30i64, 1..6usize, any::<bool>()), 1..30),
        ) {
            let mut count = Count::default();
            let (mut newest, mut before) = (None, [None; 3]);
            let mut pause = None::<(u64, i64)>;
            let mut back = None::<(u64, i64)>;
            let (mut times, mut links) = (Vec::new(), Vec::new());
            let mut in_rows = Count::default();
            for (file, link, begin, step, length, late) in rows {
                let frames = (0..length as i64).map(|place| Frame {
                    number: in_rows.packets + 1 + place as u64,
                    time: Timestamp::from_ns(begin + step * place),
                    link: LinkType(link),
                    bytes: &[0; 4],
                    original_len: step as u32,
                    interface: 0,
                    direction: None,
                    process: None,
                });
                let frames: Vec<Frame<'_>> = frames.collect();
                // The timeline does not go back.
                let effective = |time: Timestamp| if late { time.plus(3) } else { time };
                let place = |time| Place { file, time, next: None, spans: &[] };
                for frame in &frames {
                    let (time, effective) = (frame.time, effective(frame.time));
                    count.packet(frame, &place(effective));
                    times.push(time);
                    if !links.contains(&link) {
                        links.push(link);
                    }
                    let packet = times.len() as u64;
                    if let Some(newest) = newest.replace(effective) {
                        let ns = effective.since(newest);
                        pause = pause.filter(|(_, longest)| ns <= *longest).or(Some((packet, ns)));
                    }
                    if let Some(previous) = before[file].replace(time) && time < previous {
                        let ns = previous.since(time);
                        back = back.filter(|(_, longest)| ns <= *longest).or(Some((packet, ns)));
                    }
                    let step = |step: Option<Step>| step.map(|step| (step.packet, step.ns));
                    prop_assert_eq!(step(count.longest_pause), pause);
                    prop_assert_eq!(step(count.longest_step_back), back);
                    prop_assert_eq!((count.first_time, count.last_time), (times.iter().min().copied(), times.iter().max().copied()));
                    prop_assert_eq!(count.link_types.iter().map(|link| link.0).collect::<Vec<_>>(), links.clone());
                    prop_assert_eq!(count.packets, packet);
                }
                // The same once more, as a row where that is allowed.
                let last = frames[length - 1].time;
                if late || newest.is_some_and(|newest| newest > last) || !in_rows.row(&frames, &place(last)) {
                    for frame in &frames {
                        in_rows.packet(frame, &place(effective(frame.time)));
                    }
                }
                let told = |count: &Count| {
                    let steps = [count.longest_pause, count.longest_step_back].map(|step| step.map(|step| (step.packet, step.ns)));
                    (count.packets, count.cut_packets, count.first_time, count.last_time, steps, count.link_types.clone())
                };
                prop_assert_eq!(told(&in_rows), told(&count));
            }
        }
    }

    #[test]
    fn link_types_of_one_name_are_named_once() {
        let types = [1, 12, 14, 101, 1].map(LinkType);
        let named = names(&types);
        assert_eq!(named.first().map(String::as_str), Some("EN10MB"));
        assert_eq!(named.iter().filter(|name| *name == "RAW").count(), 1);
    }
}
