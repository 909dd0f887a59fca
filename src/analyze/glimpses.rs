//! Captures that are read to their end, with a look on the way at what there is so far.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Connections, PROGRESS_EVERY, Progress, Run, Settings};
use crate::capture::Stop;
use crate::input::{self, Timeline};

/// Packets between two looks at the clock.
const BATCH: u32 = 1 << 12;
/// Between two glimpses at least this time passes.
const EVERY: Duration = Duration::from_millis(250);
/// Glimpses may take one part of the time in so many.
const SHARE: u32 = 5;

/// Reads captures as [`connections`](super::connections) does, and shows `glimpse` on the way what stands: the connections
/// exactly as if the capture ended with the packet read last. A glimpse costs the memory of all connections once more, so
/// there is none while more than `most` connections stand.
///
/// # Errors
///
/// Those of [`connections`](super::connections).
pub fn connections_with_glimpses(
    settings: &Settings,
    most: u64,
    stop: &Stop,
    progress: &mut dyn FnMut(Progress),
    glimpse: &mut dyn FnMut(Connections),
) -> Result<Connections> {
    let mut timeline = Timeline::open(input::find(&settings.files)?, stop)?;
    let (bytes_total, bytes_read) = (timeline.octets(), timeline.meter());
    let mut run = Run::new(settings, timeline.len(), None);
    let mut next = Instant::now();
    loop {
        let mut left = BATCH;
        let more = timeline.read(|item| {
            run.record(item);
            left -= 1;
            if run.count.packets.is_multiple_of(PROGRESS_EVERY) {
                progress(Progress {
                    bytes_read: bytes_read(),
                    bytes_total,
                    packets: run.count.packets,
                });
            }
            if left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if more.is_continue() {
            break;
        }
        let begun = Instant::now();
        if begun >= next && run.flows.totals().standing <= most {
            glimpse(run.clone().finish(settings, timeline.facts_so_far(), None));
            next = Instant::now() + EVERY.max(begun.elapsed().saturating_mul(SHARE));
        }
    }
    let table = std::mem::take(&mut run.flows).into();
    run.finish_reading(table, timeline, settings)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// 9 000 packets in which a connection is opened and closed again and again, and its ports change.
    fn capture(file: &mut impl Write, packets: u32) {
        let mut header = 0xa1b2_c3d4u32.to_le_bytes().to_vec();
        header.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        header.extend(65_535u32.to_le_bytes());
        header.extend(101u32.to_le_bytes());
        file.write_all(&header).expect("room");
        for packet in 0..packets {
            let (flags, from_client, seq, ack) = [
                (0x02, true, 100, 0),
                (0x12, false, 300, 101),
                (0x10, true, 101, 301),
                (0x11, true, 101, 301),
                (0x10, false, 301, 102),
            ][packet as usize % 5];
            let client = (0x0b00_0001u32, 10_000 + (packet / 5) as u16);
            let server = (0x0a00_0001u32, 80u16);
            let (source, destination) = if from_client {
                (client, server)
            } else {
                (server, client)
            };
            let mut octets = Vec::new();
            for field in [packet / 1_000, packet % 1_000 * 1_000, 40, 40] {
                octets.extend(field.to_le_bytes());
            }
            octets.extend([0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0]);
            octets.extend(source.0.to_be_bytes());
            octets.extend(destination.0.to_be_bytes());
            octets.extend(source.1.to_be_bytes());
            octets.extend(destination.1.to_be_bytes());
            for number in [seq, ack] {
                octets.extend(u32::to_be_bytes(number));
            }
            octets.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
            file.write_all(&octets).expect("room");
        }
    }

    fn settings(packets: u32) -> (tempfile::NamedTempFile, Settings) {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        capture(&mut file, packets);
        let settings = Settings {
            files: vec![file.path().to_owned()],
            ..Settings::default()
        };
        (file, settings)
    }

    /// The same text, but for the name of the file.
    fn told(connections: Connections) -> (u64, String) {
        let analysis = connections.into_analysis().expect("an analysis");
        let text = serde_json::to_string(&(&analysis.connections, &analysis.summary)).expect("JSON");
        (analysis.capture.packets, text)
    }

    #[test]
    fn a_glimpse_is_what_a_shorter_capture_says() {
        let (_file, whole) = settings(9_000);
        let mut seen = Vec::new();
        let read = connections_with_glimpses(
            &whole,
            u64::MAX,
            &Stop::default(),
            &mut |_| {},
            &mut |connections| seen.push(told(connections)),
        );
        let all = told(read.expect("a capture"));
        assert_eq!(
            all,
            told(super::super::connections(&whole, &Stop::default(), &mut |_| {}).expect("it"))
        );
        assert!(!seen.is_empty());
        for (packets, text) in seen {
            let (_file, part) = settings(u32::try_from(packets).expect("few"));
            let part = super::super::connections(&part, &Stop::default(), &mut |_| {});
            assert_eq!(told(part.expect("a capture")), (packets, text));
        }
    }

    #[test]
    fn there_is_none_where_too_many_stand() {
        let (_file, whole) = settings(9_000);
        let mut seen = 0;
        let read = connections_with_glimpses(&whole, 3, &Stop::default(), &mut |_| {}, &mut |_| seen += 1);
        assert_eq!(read.expect("a capture").count(), 1_800);
        assert_eq!(seen, 0);
    }
}
