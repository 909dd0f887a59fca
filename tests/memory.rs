//! What a run really takes, by an allocator that counts: a limit of memory is one.
//!
//! `TCPTRACE_STATES_MEMORY_SCALE` makes the captures larger by this factor.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use peak_alloc::PeakAlloc;
use tcptrace_states::analyze::{Limits, Settings, analyze};
use tcptrace_states::segment::Flags;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
const LIMIT: usize = 48 * MIB;
const SYN: u16 = Flags::SYN;
const ACK: u16 = Flags::ACK;
const SYN_ACK: u16 = Flags::SYN | Flags::ACK;
const FIN_ACK: u16 = Flags::FIN | Flags::ACK;
const RST: u16 = Flags::RST;

/// A capture of raw IPv4, one packet a millisecond.
struct Wire {
    out: BufWriter<std::fs::File>,
    packets: u32,
}

impl Wire {
    /// A segment of connection `id`; numbers count from 0 on both sides.
    fn pass(&mut self, id: u32, from_client: bool, flags: u16, seq: u32, ack: u32) {
        self.packets += 1;
        let client = (0x0b00_0000 + id / 50_000, 10_000 + (id % 50_000) as u16);
        let server = (0x0a00_0001, 80);
        let [source, destination] = if from_client {
            [client, server]
        } else {
            [server, client]
        };
        let mut packet = Vec::with_capacity(56);
        for field in [self.packets / 1_000, self.packets % 1_000 * 1_000, 40, 40] {
            packet.extend(field.to_le_bytes());
        }
        packet.extend([0x45, 0, 0, 40]);
        packet.extend((self.packets as u16 | 1).to_be_bytes());
        packet.extend([0x40, 0, 64, 6, 0, 0]);
        packet.extend(source.0.to_be_bytes());
        packet.extend(destination.0.to_be_bytes());
        packet.extend(source.1.to_be_bytes());
        packet.extend(u16::to_be_bytes(destination.1));
        packet.extend(seq.to_be_bytes());
        packet.extend(ack.to_be_bytes());
        packet.extend((0x5000 | flags).to_be_bytes());
        packet.extend([0xff, 0xff, 0, 0, 0, 0]);
        self.out.write_all(&packet).expect("room beside the build");
    }

    fn open(&mut self, id: u32) {
        self.pass(id, true, SYN, 100, 0);
        self.pass(id, false, SYN_ACK, 300, 101);
        self.pass(id, true, ACK, 101, 301);
    }

    fn half_close(&mut self, id: u32) {
        self.open(id);
        self.pass(id, true, FIN_ACK, 101, 301);
        self.pass(id, false, ACK, 301, 102);
    }

    fn close(&mut self, id: u32) {
        self.half_close(id);
        self.pass(id, false, FIN_ACK, 301, 102);
        self.pass(id, true, ACK, 102, 302);
    }

    /// Whatever makes lists grow: holes, old numbers, RSTs outside the window, SYNs and FINs again, odd flags.
    fn quarrel(&mut self, id: u32) {
        self.open(id);
        for round in 1..12 {
            self.pass(id, true, FIN_ACK, 101 + round * 2, 301);
            self.pass(id, false, RST, 900_000_000 + round, 0);
            self.pass(id, true, SYN | Flags::FIN, 100, 0);
            self.pass(id, false, ACK, 301, 1_500_000_000 + round);
            self.pass(id, true, 0, 101, 0);
            self.pass(id, false, SYN_ACK, 300, 101);
        }
    }
}

/// The peak of the heap while such a capture is read, in octets, and how many connections were evicted and reported.
fn peak(name: &str, limit: Option<usize>, packets: &dyn Fn(&mut Wire)) -> (usize, u64, u64) {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("memory-{name}.pcap"));
    let file = std::fs::File::create(&path).expect("room beside the build");
    let mut wire = Wire {
        out: BufWriter::new(file),
        packets: 0,
    };
    for field in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        wire.out.write_all(&field.to_le_bytes()).expect("room");
    }
    packets(&mut wire);
    wire.out.flush().expect("room");
    drop(wire);
    let settings = Settings {
        files: vec![path.clone()],
        limits: Limits {
            connections: None,
            memory: limit.map(|octets| octets as u64),
        },
        ..Settings::default()
    };
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let analysis = analyze(&settings, &mut |_| {}).expect("a capture");
    let peak = HEAP.peak_usage().saturating_sub(before);
    let evicted = analysis.capture.evicted_connections;
    let reported = analysis.connections.len() as u64;
    std::fs::remove_file(&path).expect("it is ours");
    (peak, evicted, reported)
}

type Mix = (&'static str, fn(&mut Wire, u32));

#[test]
fn a_limit_of_memory_holds_for_what_the_allocator_counts() {
    let scale: u32 =
        std::env::var("TCPTRACE_STATES_MEMORY_SCALE").map_or(1, |text| text.parse().expect("a number"));
    let mixes: [Mix; 6] = [
        ("flood", |wire, scale| {
            (0..60_000 * scale).for_each(|id| wire.pass(id, true, SYN, id, 0));
        }),
        ("answered", |wire, scale| {
            for id in 0..50_000 * scale {
                wire.pass(id, true, SYN, id, 0);
                wire.pass(id, false, SYN_ACK, 1, id + 1);
            }
        }),
        ("closed", |wire, scale| {
            (0..40_000 * scale).for_each(|id| wire.close(id));
        }),
        ("half-closed", |wire, scale| {
            (0..30_000 * scale).for_each(|id| wire.half_close(id));
        }),
        ("quarrels", |wire, scale| {
            (0..14_000 * scale).for_each(|id| wire.quarrel(id));
        }),
        ("lives", |wire, scale| {
            for life in 0..40_000 * scale {
                let iss = life.wrapping_mul(1 << 20);
                wire.pass(1, true, SYN, iss, 0);
                wire.pass(1, false, RST | ACK, 0, iss.wrapping_add(1));
            }
        }),
    ];
    for (name, mix) in mixes {
        let (free, none, all) = peak(name, None, &|wire| mix(wire, scale));
        let (bounded, evicted, reported) = peak(name, Some(LIMIT), &|wire| mix(wire, scale));
        let mib = |octets: usize| octets / MIB;
        let said = format!(
            "{name}: {} MiB of {all} connections without a limit; {} MiB within {} MiB, {evicted} evicted, {reported} left",
            mib(free),
            mib(bounded),
            mib(LIMIT)
        );
        assert_eq!(none, 0, "{said}");
        assert!(free > LIMIT + LIMIT / 2, "the capture is too small: {said}");
        assert!(evicted > 0, "{said}");
        assert!(bounded <= LIMIT + LIMIT / 10 + 16 * MIB, "{said}");
        // Half of it where all are attempts, and the account is not far too high.
        assert!(bounded >= LIMIT / 4, "{said}");
    }
}
