//! What each stage costs on its own: `cargo bench`, or `cargo bench -- track` for one of them. The fastest figure is the one
//! to compare; the capture is made in memory by `workload`.

#![allow(clippy::unwrap_used)] // a capture of our own making

mod workload;

use std::io::{Cursor, Read};
use std::sync::{Arc, LazyLock};

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

use tcptrace_states::analyze::{Settings, analyze};
use tcptrace_states::capture::{CaptureReader, Frame, Record};
use tcptrace_states::findings;
use tcptrace_states::flow::{Flows, Ladders};
use tcptrace_states::model::{self, Analysis, Connection};
use tcptrace_states::report::{self, Look, Rows, SequenceNumbers};
use tcptrace_states::segment::{DecodeSettings, Decoder, Segment};
use tcptrace_states::time::Timestamp;
use workload::{Format, Shape, write};

/// 2 MSL, nanoseconds.
const TIME_WAIT: i64 = 60_000_000_000;

fn main() {
    divan::Divan::default().sample_count(20).config_with_args().main();
}

/// The traffic that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Traffic {
    Mixed,
    ShortFlows,
    SynFlood,
}

const TRAFFIC: [Traffic; 3] = [Traffic::Mixed, Traffic::ShortFlows, Traffic::SynFlood];

/// What the stages make of one capture.
struct Stages {
    octets: Arc<[u8]>,
    frames: Vec<Frame<'static>>,
    segments: Vec<Segment>,
    end: Timestamp,
    file: tempfile::NamedTempFile,
    analysis: Analysis,
}

impl Traffic {
    fn stages(self) -> &'static Stages {
        static MIXED: LazyLock<Stages> = LazyLock::new(|| Stages::of(&Shape::MIXED, 3_000));
        static SHORT_FLOWS: LazyLock<Stages> = LazyLock::new(|| Stages::of(&Shape::SHORT_FLOWS, 10_000));
        static SYN_FLOOD: LazyLock<Stages> = LazyLock::new(|| Stages::of(&Shape::SYN_FLOOD, 50_000));
        match self {
            Traffic::Mixed => &MIXED,
            Traffic::ShortFlows => &SHORT_FLOWS,
            Traffic::SynFlood => &SYN_FLOOD,
        }
    }
}

impl Stages {
    fn of(shape: &Shape, connections: u64) -> Stages {
        let shape = Shape {
            connections,
            ..*shape
        };
        let octets = capture(&shape, Format::Pcap);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &octets).unwrap();
        let mut frames = Vec::new();
        let mut reader = reader(&octets);
        while let Some(record) = reader.next_record().unwrap() {
            if let Record::Frame(frame) = record {
                let bytes = Box::leak(frame.bytes.to_vec().into_boxed_slice());
                frames.push(Frame { bytes, ..frame });
            }
        }
        let settings = Settings {
            files: vec![file.path().to_owned()],
            ..Settings::default()
        };
        Stages {
            segments: segments(&frames),
            end: frames.last().unwrap().time,
            analysis: analyze(&settings, &mut |_| {}).unwrap(),
            octets,
            frames,
            file,
        }
    }
}

fn capture(shape: &Shape, format: Format) -> Arc<[u8]> {
    let mut octets = Vec::new();
    write(shape, 1, format, &mut octets, &mut |_| {}).unwrap();
    octets.into()
}

fn reader(octets: &Arc<[u8]>) -> CaptureReader {
    let source: Box<dyn Read + Send> = Box::new(Cursor::new(Arc::clone(octets)));
    CaptureReader::from_reader("memory", source).unwrap()
}

/// Counts the records of a capture.
fn read(octets: &Arc<[u8]>) -> u64 {
    let (mut reader, mut captured) = (reader(octets), 0);
    while let Some(record) = reader.next_record().unwrap() {
        if let Record::Frame(frame) = record {
            captured += black_box(frame).bytes.len() as u64;
        }
    }
    captured
}

fn segments(frames: &[Frame<'_>]) -> Vec<Segment> {
    let mut decoder = Decoder::new(DecodeSettings::default());
    frames
        .iter()
        .filter_map(|frame| decoder.decode(frame).ok().copied())
        .collect()
}

fn tracked(segments: &[Segment]) -> Flows {
    let mut flows = Flows::new(Ladders::None);
    segments.iter().for_each(|segment| flows.on_segment(segment));
    flows
}

fn finished(flows: Flows, end: Timestamp) -> Vec<Connection> {
    let decoder = Decoder::new(DecodeSettings::default());
    model::connections(flows.finish(end), &decoder, end, TIME_WAIT)
}

/// Records out of the octets of a file.
#[divan::bench(args = TRAFFIC)]
fn read_pcap(bencher: Bencher, traffic: Traffic) {
    let stages = traffic.stages();
    bencher
        .counter(ItemsCount::new(stages.frames.len()))
        .counter(BytesCount::new(stages.octets.len()))
        .bench(|| read(&stages.octets));
}

/// The same of a pcapng file.
#[divan::bench]
fn read_pcapng(bencher: Bencher) {
    let shape = Shape {
        connections: 3_000,
        ..Shape::MIXED
    };
    let octets = capture(&shape, Format::Pcapng);
    bencher
        .counter(ItemsCount::new(Traffic::Mixed.stages().frames.len()))
        .counter(BytesCount::new(octets.len()))
        .bench(|| read(&octets));
}

/// Frames to segments.
#[divan::bench(args = TRAFFIC)]
fn decode(bencher: Bencher, traffic: Traffic) {
    let stages = traffic.stages();
    bencher.counter(ItemsCount::new(stages.frames.len())).bench(|| {
        let mut decoder = Decoder::new(DecodeSettings::default());
        for frame in &stages.frames {
            let _ = black_box(decoder.decode(frame));
        }
    });
}

/// Segments to connections.
#[divan::bench(args = TRAFFIC)]
fn track(bencher: Bencher, traffic: Traffic) {
    let stages = traffic.stages();
    bencher
        .counter(ItemsCount::new(stages.segments.len()))
        .bench(|| tracked(&stages.segments));
}

/// Connections to the model; items are connections from here on.
#[divan::bench(args = TRAFFIC)]
fn finish(bencher: Bencher, traffic: Traffic) {
    let stages = traffic.stages();
    let flows = tracked(&stages.segments);
    bencher
        .counter(ItemsCount::new(stages.analysis.connections.len()))
        .with_inputs(|| flows.clone())
        .bench_values(|flows| finished(flows, stages.end));
}

/// What the rules find in each connection.
#[divan::bench(args = TRAFFIC)]
fn judge(bencher: Bencher, traffic: Traffic) {
    let stages = traffic.stages();
    let connections = finished(tracked(&stages.segments), stages.end);
    let settings = findings::Settings::default();
    bencher
        .counter(ItemsCount::new(connections.len()))
        .with_inputs(|| connections.clone())
        .bench_refs(|connections| {
            for connection in connections {
                findings::judge(connection, stages.end, TIME_WAIT, &settings);
            }
        });
}

/// All connections as JSON Lines.
#[divan::bench(args = TRAFFIC)]
fn json_lines(bencher: Bencher, traffic: Traffic) {
    let analysis = &traffic.stages().analysis;
    let mut length = 0;
    report::jsonl::write(&mut Counted(&mut length), analysis).unwrap();
    bencher
        .counter(ItemsCount::new(analysis.connections.len()))
        .counter(BytesCount::new(length))
        .bench(|| report::jsonl::write(&mut std::io::sink(), analysis).unwrap());
}

/// The screen of connections.
#[divan::bench(args = TRAFFIC)]
fn table(bencher: Bencher, traffic: Traffic) {
    let analysis = &traffic.stages().analysis;
    let look = Look {
        width: 120,
        rows: Rows::Limit(20),
        ascii: false,
        color: false,
        seq: SequenceNumbers::Absolute,
    };
    bencher
        .counter(ItemsCount::new(analysis.connections.len()))
        .bench(|| report::table::write(&mut std::io::sink(), analysis, &look).unwrap());
}

/// All of it, from a file to the model; items are packets.
#[divan::bench(args = TRAFFIC)]
fn whole(bencher: Bencher, traffic: Traffic) {
    let stages = traffic.stages();
    let settings = Settings {
        files: vec![stages.file.path().to_owned()],
        ..Settings::default()
    };
    bencher
        .counter(ItemsCount::new(stages.frames.len()))
        .counter(BytesCount::new(stages.octets.len()))
        .bench(|| analyze(&settings, &mut |_| {}).unwrap());
}

/// Counts octets.
struct Counted<'a>(&'a mut u64);

impl std::io::Write for Counted<'_> {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        *self.0 += octets.len() as u64;
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
