//! The records of many files in time order.

mod facts;
mod turn;
mod windows;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use super::clocks::{Sketch, clocks};
use super::descriptors::{Descriptors, Meter};
use super::named::{Found, Kind, Way};
use super::{InputError, Inputs, Origins};
use crate::capture::error::printable;
use crate::capture::{
    self, CaptureError, CaptureReader, Direction, Frame, Growth, LinkType, PacketNumber, ProcessId, Record,
    Skip, Stop,
};
use crate::segment::{DecodeSettings, Decoder};
use crate::time::Timestamp;
pub use facts::{Facts, FileFacts, PassedOver};
pub use turn::Taker;
use turn::{Hand, Turn, hold};

/// Unusable packets before the first usable one of standard input or a FIFO that are held, at most.
const MOST_LEADING: usize = 1 << 16;
/// How often it is looked whether a file that is followed has begun.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many records of standard input or a FIFO pass between two looks at how much of it was read.
const METER_EVERY: u64 = 1 << 12;

/// The records of all files in time order, as one capture.
pub struct Timeline {
    files: Vec<Input>,
    spans: Vec<Span>,
    /// The first file that was not begun yet.
    waiting: usize,
    /// Files that are being read and whose next packet is held, by the effective time of that.
    held: BinaryHeap<Reverse<(Timestamp, usize)>>,
    descriptors: Descriptors,
    octets: Option<u64>,
    packets: PacketNumber,
    origins: Option<Origins>,
    passed_over: PassedOver,
    unreadable: Vec<InputError>,
    stop: Stop,
    /// Reading was stopped while a file was read: the error that said so.
    interrupted: Option<CaptureError>,
}

/// One file of the timeline.
struct Input {
    found: Found,
    /// Time of the first packet, if there is one.
    begins: Option<Timestamp>,
    reader: Option<Box<Reader>>,
    facts: FileFacts,
    /// Its clock is set back by this, nanoseconds.
    ahead_ns: i64,
}

/// A file that is being read.
struct Reader {
    capture: CaptureReader,
    effective: Timestamp,
    /// Unusable packets before `head`.
    leading: VecDeque<(PacketNumber, Skip)>,
    head: Option<Head>,
    /// Of the last head, to be used again.
    spare: Vec<u8>,
    /// Octets of a stream that the meter knows.
    metered: u64,
}

/// A packet that waits for its turn.
struct Head {
    number: PacketNumber,
    time: Timestamp,
    link: LinkType,
    bytes: Vec<u8>,
    original_len: u32,
    interface: u32,
    direction: Option<Direction>,
    process: Option<ProcessId>,
}

/// From the first to the last effective time of a file, as far as it was read; `None` before its first packet.
pub type Span = Option<(Timestamp, Timestamp)>;

/// A record with its place in the timeline.
#[derive(Debug)]
pub struct Item<'a> {
    /// The record; packets are numbered through all files, from 1.
    pub record: Record<'a>,
    /// Where it stands.
    pub place: Place<'a>,
}

/// Where a record stands in the timeline.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The file, an index into [`Facts::files`].
    pub file: usize,
    /// Effective time: the newest of the packets of the file up to this one.
    pub time: Timestamp,
    /// When another file has its next packet; `None` if no other file is left.
    pub next: Option<Timestamp>,
    /// From when to when each file was read so far.
    pub spans: &'a [Span],
}

impl Timeline {
    /// A capture that comes from any source of octets; `name` is what it is called. It can be read once.
    ///
    /// # Errors
    ///
    /// It cannot be read, is empty, or does not begin like a capture.
    pub fn of_source(name: &str, source: Box<dyn Read + Send>, stop: &Stop) -> Result<Timeline, InputError> {
        let mut timeline = Timeline::open(Inputs::default(), stop)?;
        let capture = CaptureReader::from_reader(name, source)?.until(stop);
        let path = PathBuf::from(name);
        timeline.files.push(Input {
            facts: FileFacts {
                path: path.clone(),
                ..FileFacts::default()
            },
            found: Found {
                path,
                kind: Kind::Stream,
                way: Way::Named,
                identity: None,
                length: 0,
            },
            begins: None,
            reader: Some(Box::new(Reader::new(capture))),
            ahead_ns: 0,
        });
        timeline.put_in_order();
        Ok(timeline)
    }

    /// Looks at the files and puts them in order. Reading ends early when `stop` is asked for.
    ///
    /// # Errors
    ///
    /// None of the files can be read: what is wrong with the first. If only some cannot, [`Timeline::facts`] says so.
    /// Stopping was asked for before that was known: [`CaptureError::Interrupted`].
    pub fn open(inputs: Inputs, stop: &Stop) -> Result<Timeline, InputError> {
        let Inputs {
            files: found,
            mut directories,
            passed_over,
            problems,
        } = inputs;
        let octets = found
            .iter()
            .map(|found| (found.kind == Kind::Regular).then_some(found.length))
            .sum();
        let mut timeline = Timeline {
            files: Vec::new(),
            spans: Vec::new(),
            waiting: 0,
            held: BinaryHeap::new(),
            descriptors: Descriptors::new(),
            octets,
            packets: 0,
            origins: (found.len() > 1).then(Origins::default),
            passed_over: PassedOver::default(),
            unreadable: problems,
            stop: stop.clone(),
            interrupted: None,
        };
        for path in passed_over {
            timeline.passed_over.add(path);
        }
        let alone = found.len() == 1;
        for found in found {
            let directory = match found.way {
                Way::InDirectory(index) => directories.get_mut(index),
                Way::Named | Way::Matched => None,
            };
            match (timeline.look(found, alone), directory) {
                (Ok(input), directory) => {
                    if let Some(directory) = directory {
                        directory.holds_captures = true;
                    }
                    timeline.files.push(input);
                }
                (Err((path, error)), Some(directory)) if is_no_capture(&error) => {
                    directory.others += 1;
                    timeline.passed_over.add(path);
                }
                (Err((_, error @ CaptureError::Interrupted { .. })), _) => return Err(error.into()),
                (Err((_, error)), directory) => {
                    if let Some(directory) = directory {
                        directory.holds_captures = true; // perhaps; what is wrong with the file says more
                    }
                    timeline.unreadable.push(error.into());
                }
            }
        }
        for directory in directories {
            if !directory.holds_captures {
                timeline.unreadable.push(InputError::NoCapture {
                    name: printable(&directory.path.to_string_lossy()),
                    passed_over: directory.others,
                });
            }
        }
        if timeline.files.is_empty() && !timeline.unreadable.is_empty() {
            let first = timeline.unreadable.remove(0);
            return Err(match timeline.unreadable.len() {
                0 => first,
                others => InputError::Nothing {
                    first: Box::new(first),
                    others,
                },
            });
        }
        timeline.put_in_order();
        Ok(timeline)
    }

    /// Reads one file that somebody still writes to, or standard input or a FIFO, as it grows; waits for its beginning.
    /// [`Timeline::read`] breaks off whenever all that is there was read, and goes on when it is called again.
    ///
    /// # Errors
    ///
    /// There is not exactly one file, it cannot be read, it is compressed, or stopping was asked for before there was
    /// anything to read.
    pub fn follow(inputs: Inputs, stop: &Stop) -> Result<Timeline, InputError> {
        let Inputs {
            mut files, problems, ..
        } = inputs;
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        let (Some(found), true) = (files.pop(), files.is_empty()) else {
            return Err(InputError::NotOne);
        };
        let mut timeline = Timeline::open(Inputs::default(), stop)?;
        let pause = &mut || {
            std::thread::sleep(LOOK_EVERY);
            Growth::Continue
        };
        let capture = CaptureReader::open_growing(&found.path, &capture::Limits::default(), stop, pause)?;
        // Who follows a file decides when it is enough: what is there is read before.
        let capture = match found.kind {
            Kind::Regular => capture.until(&Stop::default()),
            Kind::Stream => capture,
        };
        timeline.files.push(Input {
            facts: FileFacts {
                path: found.path.clone(),
                ..FileFacts::default()
            },
            found,
            begins: None,
            reader: Some(Box::new(Reader::new(capture))),
            ahead_ns: 0,
        });
        timeline.put_in_order();
        Ok(timeline)
    }

    /// Learns whether a file is a capture, and when it begins. What can be read once stays open; so does a file that is the
    /// only one.
    fn look(&self, found: Found, alone: bool) -> Result<Input, (PathBuf, CaptureError)> {
        let mut facts = FileFacts {
            path: found.path.clone(),
            ..FileFacts::default()
        };
        let looked = match (alone, found.kind) {
            (true, _) => self
                .begin(&found)
                .map(|capture| (None, Some(Box::new(Reader::new(capture))))),
            (false, Kind::Stream) => CaptureReader::open_until(&found.path, &self.stop).map(|capture| {
                let mut reader = Box::new(Reader::new(capture));
                (reader.hold_first(&mut facts), Some(reader))
            }),
            (false, Kind::Regular) => {
                let name = found.path.to_string_lossy();
                let file = self.descriptors.glance(&found.path);
                file.map_err(|reason| CaptureError::cannot_open(&name, reason))
                    .and_then(|file| CaptureReader::from_reader(&name, Box::new(file)))
                    .map(|capture| (first_time(capture), None))
            }
        };
        match looked {
            Ok((begins, reader)) => Ok(Input {
                found,
                begins,
                reader,
                facts,
                ahead_ns: 0,
            }),
            Err(error) => Err((found.path, error)),
        }
    }

    /// Opens a file to read all of it.
    fn begin(&self, found: &Found) -> Result<CaptureReader, CaptureError> {
        if found.kind == Kind::Stream {
            return CaptureReader::open_until(&found.path, &self.stop);
        }
        let name = found.path.to_string_lossy();
        let file = self.descriptors.file(&found.path, found.identity);
        let file = file.map_err(|reason| CaptureError::cannot_open(&name, reason))?;
        CaptureReader::from_reader(&name, Box::new(file))
            .map(|reader| reader.of_length(found.length).until(&self.stop))
    }

    /// Ranks the files: by the time of the first packet, those without packets last; then by name.
    fn put_in_order(&mut self) {
        let first = |input: &Input| input.begins.unwrap_or(Timestamp::from_ns(i64::MAX));
        self.files
            .sort_by(|a, b| (first(a), &a.found.path).cmp(&(first(b), &b.found.path)));
        self.spans = vec![None; self.files.len()];
        for (rank, input) in self.files.iter_mut().enumerate() {
            if let Some(reader) = &input.reader {
                self.held.push(Reverse((reader.effective, rank)));
                if let (Some(span), Some(_)) = (self.spans.get_mut(rank), &reader.head) {
                    *span = Some((reader.effective, reader.effective));
                }
            }
        }
        self.skip_begun();
    }

    /// Sets the clocks of files that share segments by one another ([`clocks`]); for that, all of them are read once before.
    ///
    /// # Errors
    ///
    /// One of several can be read only once.
    pub fn align_clocks(&mut self, decode: DecodeSettings) -> Result<(), InputError> {
        if self.files.len() < 2 {
            return Ok(());
        }
        if let Some(stream) = self.files.iter().find(|input| input.found.kind == Kind::Stream) {
            return Err(InputError::ReadTwice {
                name: printable(&stream.found.path.to_string_lossy()),
            });
        }
        let sketches: Vec<Sketch> = (self.files.iter())
            .map(|input| self.begin(&input.found).map(|capture| sketch(capture, decode)))
            .map(Result::unwrap_or_default) // what is wrong with it is told when it is read
            .collect();
        let found = clocks(&sketches.iter().collect::<Vec<_>>());
        for (input, clock) in self.files.iter_mut().zip(found) {
            input.facts.clock = Some(clock);
            input.ahead_ns = clock.ahead_ns;
            input.begins = input
                .begins
                .map(|begins| begins.plus(clock.ahead_ns.saturating_neg()));
        }
        self.put_in_order();
        Ok(())
    }

    /// Octets of all files, where they are known.
    pub fn octets(&self) -> Option<u64> {
        self.octets
    }

    /// Why reading ended early, if it was stopped.
    pub fn interrupted(&mut self) -> Option<CaptureError> {
        self.interrupted.take()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Tells how many octets were read so far, while [`Timeline::read`] is at work.
    pub fn meter(&self) -> impl Fn() -> u64 + use<> {
        let meter = self.descriptors.meter.clone();
        move || meter.octets()
    }

    /// Gives all records in order to `take`, until that breaks off; called again, it goes on behind. What is wrong with a file
    /// ends that file; see [`FileFacts::damage`].
    pub fn read(&mut self, mut take: impl FnMut(Item<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        self.read_to(&mut take)
    }

    /// As [`Timeline::read`].
    pub fn read_to(&mut self, taker: &mut impl Taker) -> ControlFlow<()> {
        while let Some(rank) = self.next_file() {
            let limit = self.next_key();
            if self.drain(rank, limit, taker).is_break() {
                if let Some(Input {
                    reader: Some(open), ..
                }) = self.files.get(rank)
                {
                    self.held.push(Reverse((open.effective, rank)));
                }
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Whether [`Timeline::read`] broke off because nothing more is there for now.
    pub fn is_waiting(&self) -> bool {
        let mut open = self.files.iter().filter_map(|input| input.reader.as_ref());
        open.any(|reader| reader.capture.is_waiting())
    }

    /// The file with the next packet; it is begun if it was waiting.
    fn next_file(&mut self) -> Option<usize> {
        loop {
            let held = self.held.peek().map(|Reverse(key)| *key);
            let waiting = self.waiting_key();
            match (held, waiting) {
                (None, None) => return None,
                (Some(held), waiting) if waiting.is_none_or(|waiting| held < waiting) => {
                    self.held.pop();
                    return Some(held.1);
                }
                (_, _) => {
                    let rank = self.waiting;
                    self.waiting += 1;
                    self.skip_begun();
                    let begun = self.files.get(rank).map(|input| self.begin(&input.found));
                    let Some(input) = self.files.get_mut(rank) else {
                        continue;
                    };
                    match begun {
                        Some(Ok(capture)) => {
                            input.reader = Some(Box::new(Reader::new(capture)));
                            return Some(rank);
                        }
                        Some(Err(error)) => input.facts.damaged(error.to_string()),
                        None => {}
                    }
                }
            }
        }
    }

    /// The effective time and rank of what comes next.
    fn next_key(&self) -> Option<(Timestamp, usize)> {
        let held = self.held.peek().map(|Reverse(key)| *key);
        [held, self.waiting_key()].into_iter().flatten().min()
    }

    fn waiting_key(&self) -> Option<(Timestamp, usize)> {
        let input = self.files.get(self.waiting)?;
        Some((input.begins.unwrap_or(Timestamp::from_ns(i64::MAX)), self.waiting))
    }

    /// Moves on to the next file that is not open.
    fn skip_begun(&mut self) {
        while self
            .files
            .get(self.waiting)
            .is_some_and(|input| input.reader.is_some())
        {
            self.waiting += 1;
        }
    }

    /// Reads one file as long as it is the one with the next packet.
    fn drain(
        &mut self,
        rank: usize,
        limit: Option<(Timestamp, usize)>,
        take: &mut impl Taker,
    ) -> ControlFlow<()> {
        let Timeline {
            files,
            spans,
            held,
            descriptors,
            packets,
            origins,
            interrupted,
            ..
        } = self;
        let Some(Input {
            found,
            reader,
            facts,
            ahead_ns,
            ..
        }) = files.get_mut(rank)
        else {
            return ControlFlow::Continue(());
        };
        let Some(open) = reader else {
            return ControlFlow::Continue(());
        };
        let stream = found.kind == Kind::Stream;
        let mut turn = Turn {
            rank,
            limit,
            ahead_ns: *ahead_ns,
            spans,
            packets,
            origins,
            take,
        };
        while let Some((number, reason)) = open.leading.pop_front() {
            facts.packets += 1;
            let number = turn.count(number);
            turn.give(Record::Skip { number, reason }, open.effective)?;
        }
        if let Some(head) = open.head.take() {
            let frame = Frame {
                number: turn.count(head.number),
                time: head.time,
                link: head.link,
                bytes: &head.bytes,
                original_len: head.original_len,
                interface: head.interface,
                direction: head.direction,
                process: head.process,
            };
            let flow = turn.give(Record::Frame(frame), open.effective);
            open.spare = head.bytes;
            flow?;
        }
        let mut meter_at = 0;
        loop {
            if stream && facts.packets >= meter_at {
                open.meter(&descriptors.meter);
                meter_at = facts.packets.saturating_add(METER_EVERY);
            }
            let Reader {
                capture,
                effective,
                head,
                spare,
                ..
            } = &mut **open;
            let mut flow = capture.each_at_hand(&mut Hand {
                turn: &mut turn,
                effective,
                facts,
                head,
                spare,
            });
            if flow.is_continue() {
                match capture.next_record() {
                    Ok(Some(Record::Frame(mut frame))) => {
                        flow = turn
                            .frame_apart(&mut frame, effective, facts)
                            .unwrap_or_else(|| hold(head, &frame, spare));
                    }
                    Ok(Some(Record::Skip { number, reason })) => {
                        facts.packets += 1;
                        let number = turn.count(number);
                        flow = turn.give(Record::Skip { number, reason }, *effective);
                    }
                    Ok(Some(Record::Damage(damage))) => {
                        facts.damaged(damage.what.clone());
                        facts.passed_over = facts.passed_over.saturating_add(damage.passed_over);
                        flow = turn.give(Record::Damage(damage), *effective);
                    }
                    Ok(None) => break,
                    Err(error @ CaptureError::Interrupted { .. }) => {
                        facts.damaged(error.to_string());
                        facts.close(capture);
                        *reader = None;
                        *interrupted = Some(error);
                        return ControlFlow::Break(());
                    }
                    Err(error) => {
                        facts.damaged(error.to_string());
                        break;
                    }
                }
            }
            if open.head.is_some() {
                held.push(Reverse((open.effective, rank)));
                return ControlFlow::Continue(());
            }
            flow?;
        }
        if open.capture.is_waiting() {
            return ControlFlow::Break(()); // the end for now
        }
        if stream {
            open.meter(&descriptors.meter);
        }
        facts.close(&mut open.capture);
        *reader = None;
        ControlFlow::Continue(())
    }

    /// What there is to know of the files by now.
    pub fn facts_so_far(&self) -> Facts {
        let files = self.files.iter().map(|input| {
            let mut facts = input.facts.clone();
            if let Some(reader) = &input.reader {
                facts.note(&reader.capture);
                facts.told = reader.capture.facts().clone();
            }
            facts
        });
        Facts {
            files: files.collect(),
            ..Facts::default()
        }
    }

    /// What there is to know of the files, after reading.
    pub fn facts(self) -> Facts {
        let mut newest: Option<Timestamp> = None;
        let mut files = Vec::with_capacity(self.files.len());
        let mut unfinished = 0;
        for (rank, mut input) in self.files.into_iter().enumerate() {
            unfinished += usize::from(input.reader.is_some() || rank >= self.waiting);
            if let Some(reader) = &mut input.reader {
                input.facts.close(&mut reader.capture); // reading was broken off
            }
            let mut facts = input.facts;
            if let (Some(newest), Some(first)) = (newest, facts.first_time) {
                facts.gap_ns = Some(first.ns().saturating_sub(newest.ns()));
            }
            newest = newest.max(facts.last_time);
            files.push(facts);
        }
        Facts {
            files,
            passed_over: self.passed_over,
            unreadable: self.unreadable.iter().map(ToString::to_string).collect(),
            origins: self.origins,
            unfinished,
        }
    }
}

/// What lies in a directory need not be a capture.
fn is_no_capture(error: &CaptureError) -> bool {
    matches!(
        error,
        CaptureError::Foreign { .. } | CaptureError::Empty { .. } | CaptureError::Missing { .. }
    )
}

/// Some segments of a file. Reading ends where it is damaged, or stopped.
fn sketch(mut capture: CaptureReader, decode: DecodeSettings) -> Sketch {
    let mut decoder = Decoder::new(decode);
    let mut sketch = Sketch::default();
    let mut effective: Option<Timestamp> = None;
    while let Ok(Some(record)) = capture.next_record() {
        if let Record::Frame(frame) = record {
            let now = effective.map_or(frame.time, |newest| newest.max(frame.time));
            effective = Some(now);
            if let Ok(segment) = decoder.decode(&frame) {
                sketch.add(segment, now);
            }
        }
    }
    sketch
}

/// Time of the first packet. What is wrong with the file is told when it is read.
fn first_time(mut capture: CaptureReader) -> Option<Timestamp> {
    loop {
        match capture.next_record() {
            Ok(Some(Record::Frame(frame))) => return Some(frame.time),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Whether two files overlap in time, by what was read of them so far. Files that begin together do; one that begins when
/// the other ends does not.
pub(super) fn overlap(spans: &[Span], a: usize, b: usize) -> bool {
    let span = |file: usize| spans.get(file).copied().flatten();
    let (Some((a_first, a_last)), Some((b_first, b_last))) = (span(a), span(b)) else {
        return false;
    };
    match a_first.cmp(&b_first) {
        std::cmp::Ordering::Less => b_first < a_last,
        std::cmp::Ordering::Equal => true,
        std::cmp::Ordering::Greater => a_first < b_last,
    }
}

impl Reader {
    fn new(capture: CaptureReader) -> Reader {
        Reader {
            capture,
            effective: Timestamp::from_ns(i64::MIN),
            leading: VecDeque::new(),
            head: None,
            spare: Vec::new(),
            metered: 0,
        }
    }

    /// Reads up to the first usable packet and holds it; returns its time. `None` if there is none, or none soon.
    fn hold_first(&mut self, facts: &mut FileFacts) -> Option<Timestamp> {
        while self.leading.len() < MOST_LEADING {
            match self.capture.next_record() {
                Ok(Some(Record::Frame(frame))) => {
                    facts.packet(frame.time);
                    self.effective = frame.time;
                    self.head = Some(Head::of(frame, Vec::new()));
                    return Some(self.effective);
                }
                Ok(Some(Record::Skip { number, reason })) => self.leading.push_back((number, reason)),
                Ok(Some(Record::Damage(damage))) => {
                    facts.passed_over = facts.passed_over.saturating_add(damage.passed_over);
                    facts.damaged(damage.what);
                }
                Ok(None) => return None,
                Err(error) => {
                    facts.damaged(error.to_string());
                    return None;
                }
            }
        }
        None
    }

    fn meter(&mut self, meter: &Meter) {
        let read = self.capture.bytes_read();
        meter.add(read.saturating_sub(self.metered));
        self.metered = read;
    }
}

impl Head {
    fn of(frame: Frame<'_>, mut bytes: Vec<u8>) -> Head {
        bytes.clear();
        bytes.extend_from_slice(frame.bytes);
        Head {
            number: frame.number,
            time: frame.time,
            link: frame.link,
            bytes,
            original_len: frame.original_len,
            interface: frame.interface,
            direction: frame.direction,
            process: frame.process,
        }
    }
}
