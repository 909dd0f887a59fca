//! Captures that would unpack to ten gibibytes, made while they are read: reading stops soon, in little memory.
//!
//! In a file of its own, because it measures the memory of the whole process.

mod captures;
mod compressors;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use captures::*;
use compressors::*;
use tcptrace_states::capture::{CaptureReader, Record};

/// Octets that each bomb unpacks to.
const SIZE: u64 = 10 << 30;

/// A beginning, then one compressed member again and again.
struct Bomb {
    beginning: Vec<u8>,
    member: Vec<u8>,
    /// Members left.
    left: u64,
    /// Octets of what is given out now that were given out.
    given: usize,
    /// Octets given out in all.
    total: Arc<AtomicU64>,
}

impl Read for Bomb {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if self.given == self.beginning.len() {
            if self.left == 0 {
                return Ok(0);
            }
            (self.left, self.given) = (self.left - 1, 0);
            self.beginning.clone_from(&self.member);
        }
        let rest = &self.beginning[self.given..];
        let count = rest.len().min(space.len());
        space[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        self.total.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// The most memory that this process had, octets; `None` where the system does not say.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes << 10)
}

/// Reads a bomb; how many packets were in it, and the error.
fn explode(compress: Compress, beginning: &[u8], content: &[u8]) -> (usize, Option<String>, u64) {
    let total = Arc::new(AtomicU64::new(0));
    let bomb = Bomb {
        beginning: compress(beginning),
        member: compress(content),
        left: SIZE / content.len() as u64,
        given: 0,
        total: Arc::clone(&total),
    };
    let mut packets = 0;
    let error = match CaptureReader::from_reader("test", Box::new(bomb)) {
        Ok(mut reader) => loop {
            match reader.next_record() {
                Ok(Some(Record::Frame(_) | Record::Skip { .. })) => packets += 1,
                Ok(Some(Record::Damage(_))) => {}
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        },
        Err(error) => Some(error),
    };
    (
        packets,
        error.map(|error| error.to_string()),
        total.load(Ordering::Relaxed),
    )
}

#[test]
fn ten_gibibytes_are_not_unpacked() {
    let zeros = vec![0; 8 << 20];
    let pcap = pcap_header(Little, MICRO, (2, 4), 0, 1);
    let packet = pcap_packet(Little, 1, 0, 1, b"x");
    let before = peak_memory();
    let cases = [
        ("nothing", vec![], 0, "zeros"),
        ("pcap, no packet", pcap.clone(), 0, "zeros"),
        ("pcap", small_pcap(Big), 3, "zeros"),
        ("pcapng", small_pcapng(Little), 4, "zeros"),
    ];
    for (format, compress) in ALL {
        for (name, beginning, packets, words) in &cases {
            let begun = Instant::now();
            let (found, error, read) = explode(compress, beginning, &zeros);
            let error = error.unwrap_or_else(|| panic!("{format}, {name}: zeros are told"));
            assert_eq!(found, *packets, "{format}, {name}");
            assert!(
                error.contains(words) || error.contains("exceeds the limit of"),
                "{format}, {name}: {error}"
            );
            // lz4 packs least: 1 to 255.
            assert!(read <= 1 << 20, "{format}, {name}: {read} octets were read");
            assert!(begun.elapsed() < Duration::from_secs(30), "{format}, {name}");
        }
    }
    // The same packet ten gibibytes long.
    let packets = packet.repeat((1 << 20) / packet.len());
    for (format, compress) in [("zstd", zstd as Compress), ("bzip2", bzip2)] {
        let (found, error, _) = explode(compress, &pcap, &packets);
        let error = error.unwrap_or_else(|| panic!("{format}: the limit is met"));
        assert!(
            error.contains("less than two compressed bytes a record"),
            "{format}: {error}"
        );
        assert!((1_000_000..100_000_000).contains(&found), "{format}: {found}");
    }
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        let more = after - before;
        assert!(more < 64 << 20, "{more} octets");
    }
}
