//! Compressed captures, whole and broken, bombs, and files that change while they are read.

mod captures;
mod compressors;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use captures::*;
use compressors::*;
use tcptrace_states::analyze::{LadderRequest, Settings, analyze_with_facts};
use tcptrace_states::capture::{CaptureError, CaptureReader, Flaw, Growth, Limits, Record, Stop};
use tcptrace_states::input::Dedup;

/// Gives a few octets at a time.
struct Drip(Cursor<Vec<u8>>, usize);

impl Read for Drip {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let end = space.len().min(self.1);
        self.0.read(&mut space[..end])
    }
}

fn open(bytes: Vec<u8>) -> CaptureReader {
    CaptureReader::from_reader("test", Box::new(Cursor::new(bytes))).expect("a capture")
}

/// A capture whose data does not compress well.
fn noisy_pcap(count: u32) -> Vec<u8> {
    let mut file = pcap_header(Little, MICRO, (2, 4), 0, 1);
    let mut state = 1u32;
    for number in 0..count {
        let data: Vec<u8> = (0..40)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        file.extend(pcap_packet(Little, number, 0, 40, &data));
    }
    file
}

#[test]
fn every_format_is_unpacked_by_its_content() {
    for whole in [small_pcap(Big), small_pcapng(Little), noisy_pcap(2_000)] {
        let expected = packets(&whole);
        for (name, compress) in ALL {
            let (first, second) = whole.split_at(whole.len() / 3);
            let members = [compress(first), compress(second), compress(b"")].concat();
            for packed in [compress(&whole), members] {
                assert_eq!(packets(&packed), expected, "{name}");
                let slow = drain(Box::new(Drip(Cursor::new(packed.clone()), 1))).expect("a capture");
                assert!(slow.1.is_none() && slow.0 == expected, "{name}: {:?}", slow.1);
                let mut reader = open(packed.clone());
                assert_eq!(reader.compression(), Some(name));
                assert_eq!(reader.format(), open(whole.clone()).format());
                while reader.next_record().expect("whole").is_some() {}
                assert_eq!(
                    reader.bytes_read(),
                    packed.len() as u64,
                    "compressed octets count"
                );
            }
        }
        assert_eq!(open(whole).compression(), None);
    }
}

#[test]
fn skippable_frames_and_padding_are_no_garbage() {
    let whole = small_pcap(Little);
    let skippable = [&0x184d_2a53u32.to_le_bytes()[..], &5u32.to_le_bytes(), b"12345"].concat();
    for compress in [zstd as Compress, lz4] {
        let (first, second) = whole.split_at(50);
        let packed = [
            compress(first),
            skippable.clone(),
            compress(second),
            skippable.clone(),
        ]
        .concat();
        assert_eq!(packets(&packed), packets(&whole));
    }
    assert_eq!(packets(&[skippable, zstd(&whole)].concat()), packets(&whole));
    for (_, compress) in ALL {
        assert_eq!(
            packets(&[compress(&whole), vec![0; 1_000]].concat()),
            packets(&whole)
        );
    }
}

#[test]
fn a_cut_gives_a_prefix_and_says_so() {
    let whole = noisy_pcap(20);
    let all = packets(&whole);
    // Of a pcapng file in both byte orders every prefix gives a prefix.
    let both = [small_pcapng(Little), small_pcapng(Big)].concat().repeat(2);
    let expected = packets(&both);
    for (name, compress) in ALL {
        let packed = compress(&both);
        for kept in 0..packed.len() {
            match drain(Box::new(Cursor::new(packed[..kept].to_vec()))) {
                Err(error) => assert!(!error.is_damage(), "{name} {kept}: {error}"),
                Ok((found, error)) => {
                    assert_eq!(found[..], expected[..found.len()], "{name} {kept}");
                    assert!(error.is_some_and(|error| error.is_damage()), "{name} {kept}");
                }
            }
        }
        let (first, second) = whole.split_at(400);
        let between = compress(first).len();
        let packed = [compress(first), compress(second)].concat();
        let mut most = 0;
        for kept in 0..packed.len() {
            match drain(Box::new(Cursor::new(packed[..kept].to_vec()))) {
                Err(error) => assert!(
                    !error.is_damage() && kept < packed.len() / 2,
                    "{name} {kept}: {error}"
                ),
                Ok((packets, error)) => {
                    assert_eq!(packets[..], all[..packets.len()], "{name} {kept}");
                    assert!(packets.len() >= most, "{name} {kept}: never fewer");
                    most = packets.len();
                    let error = error.unwrap_or_else(|| panic!("{name} {kept}: the cut is told"));
                    assert!(error.is_damage());
                    // Between two members the cut shows in the capture only.
                    let expected = match &error {
                        CaptureError::Compressed {
                            flaw: Flaw::Cut, at, ..
                        } => *at <= kept as u64 && kept != between,
                        CaptureError::Cut { .. } => kept == between,
                        _ => false,
                    };
                    assert!(expected, "{name} {kept}: {error}");
                }
            }
        }
        assert!(most > 5, "{name}");
    }
}

#[test]
fn corrupt_data_keeps_what_was_before() {
    let whole = noisy_pcap(20_000);
    let all = packets(&whole);
    for (name, compress) in ALL {
        let mut packed = compress(&whole);
        let late = packed.len() / 10 * 9;
        packed[late..late + 100].fill(0x55);
        match drain(Box::new(Cursor::new(packed))).expect("a capture") {
            (packets, Some(error)) => {
                let text = error.to_string();
                assert!(
                    matches!(
                        error,
                        CaptureError::Compressed { .. } | CaptureError::Corrupt { .. }
                    ),
                    "{text}"
                );
                assert!(text.contains(name) || text.contains("packet"), "{text}");
                // A checksum at the end does not keep wrong octets from getting out; those before are right.
                let same = packets.iter().zip(&all).take_while(|(a, b)| a == b).count();
                assert!(same > 5_000, "{name}: {same}");
            }
            (_, None) => panic!("{name}: damage is told"),
        }
    }
    // A damaged first block of bzip2 unpacks to something that is no capture.
    let mut packed = bzip2(&whole);
    packed[1_000..1_100].fill(0x55);
    let error = refused(&packed);
    assert!(
        matches!(
            &error,
            CaptureError::Compressed {
                flaw: Flaw::Corrupt(_),
                packet: 0,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn what_follows_the_last_member_is_garbage() {
    let whole = small_pcap(Little);
    for (name, compress) in ALL {
        let packed = compress(&whole);
        let (found, error) = read(&[packed.clone(), b"something else".to_vec()].concat());
        assert_eq!(found, packets(&whole), "{name}");
        let error = error.expect("garbage");
        assert!(
            matches!(&error, CaptureError::Compressed { flaw: Flaw::Garbage, at, .. } if *at == packed.len() as u64),
            "{name}: {error}"
        );
    }
}

#[test]
fn one_layer_is_unpacked() {
    for (outer, compress) in ALL {
        for (inner, compress_within) in ALL {
            let error = refused(&compress(&compress_within(&small_pcap(Little))));
            let text = error.to_string();
            assert!(text.contains(&format!("{inner} data inside {outer}")), "{text}");
            assert!(
                text.contains(&format!("`{outer} -dc FILE | tcptrace-states -`")),
                "{text}"
            );
        }
    }
    let error = refused(&gzip(b"<html>")).to_string();
    assert!(error.contains("HTML"), "{error}");
    assert!(matches!(refused(&gzip(b"")), CaptureError::Empty { .. }));
}

#[test]
fn limits_hold() {
    let limits = Limits {
        decompressed: 20_000,
        ..Limits::default()
    };
    let whole = noisy_pcap(20_000);
    for (name, compress) in ALL {
        let reader = Cursor::new(compress(&whole));
        let mut reader = match CaptureReader::from_reader_with("test", Box::new(reader), &limits) {
            Ok(reader) => reader,
            Err(error) => panic!("{name}: {error}"),
        };
        let error = loop {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{name}: the limit is met"),
                Err(error) => break error,
            }
        };
        assert!(
            error
                .to_string()
                .contains("the limit of 20000 decompressed bytes"),
            "{error}"
        );
    }
    // A window of 2^31 octets, and a dictionary of 1 GiB.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0, (31 - 10) << 3, 0, 0, 0, 0];
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.window_log(28).expect("an option");
    encoder.write_all(&whole).expect("compressed");
    let wide = encoder.finish().expect("compressed");
    let huge = dictionary_of_a_gibibyte();
    for packed in [window.to_vec(), wide, huge] {
        let error = refused(&packed).to_string();
        assert!(error.contains("memory for a decoder"), "{error}");
    }
}

/// The header of an xz stream and of a block with LZMA2 and a dictionary of 1 GiB (property 36), with their checksums.
fn dictionary_of_a_gibibyte() -> Vec<u8> {
    let crc = |data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(data);
        crc.sum().to_le_bytes()
    };
    let flags = [0, 1];
    let block = [2, 0, 0x21, 1, 36, 0, 0, 0];
    [
        &b"\xfd7zXZ\0"[..],
        &flags,
        &crc(&flags),
        &block,
        &crc(&block),
        &[1; 64],
    ]
    .concat()
}

fn numbers(reader: &mut CaptureReader) -> Vec<u64> {
    let mut numbers = Vec::new();
    while let Some(record) = reader.next_record().expect("readable") {
        if let Record::Frame(frame) = record {
            numbers.push(frame.number);
        }
    }
    numbers
}

#[test]
fn a_growing_file_is_read_as_it_grows() {
    let folder = tempfile::tempdir().expect("a folder");
    for (whole, number) in [(small_pcap(Little), 3), (small_pcapng(Big), 4)] {
        let path = folder.path().join(format!("{number}.pcap"));
        let mut file = File::create(&path).expect("a file");
        let mut left = whole.iter();
        let mut write = move || match left.next() {
            Some(octet) => file.write_all(&[*octet]).map(|()| true).expect("written"),
            None => false,
        };
        let mut wait = || {
            write();
            Growth::Continue
        };
        let mut reader = CaptureReader::open_growing(&path, &Limits::default(), &Stop::default(), &mut wait)
            .expect("a capture");
        let mut found = Vec::new();
        loop {
            found.extend(numbers(&mut reader));
            assert!(reader.is_waiting());
            if !write() {
                break;
            }
        }
        assert_eq!(found, (1..=number).collect::<Vec<u64>>());
        assert!(reader.grew());
        reader.stop_waiting();
        assert!(numbers(&mut reader).is_empty() && !reader.is_waiting(), "the end");
    }
}

fn growing(path: &Path) -> Result<CaptureReader, CaptureError> {
    CaptureReader::open_growing(path, &Limits::default(), &Stop::default(), &mut || Growth::Stop)
}

#[test]
fn what_happens_to_a_growing_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.pcap");
    let whole = small_pcap(Little);
    let begin = || {
        fs::write(&path, &whole[..whole.len() - 1]).expect("written");
        let mut reader = growing(&path).expect("a capture");
        assert_eq!(numbers(&mut reader), [1, 2]);
        assert!(reader.is_waiting());
        reader
    };
    let told = |mut reader: CaptureReader, words: &str| {
        let error = reader.next_record().map(|_| ()).expect_err("a change");
        assert!(error.is_damage() && error.to_string().contains(words), "{error}");
        assert!(matches!(reader.next_record(), Ok(None)) && !reader.is_waiting());
    };
    let reader = begin();
    OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(30))
        .expect("cut");
    told(reader, "cut short");
    let reader = begin();
    fs::rename(&path, folder.path().join("b.pcap")).expect("renamed");
    told(reader, "removed");
    let reader = begin();
    fs::write(folder.path().join("new"), b"").expect("written");
    fs::rename(folder.path().join("new"), &path).expect("renamed");
    told(reader, "replaced");
    let mut reader = begin();
    reader.stop_waiting();
    let error = reader.next_record().map(|_| ()).expect_err("a cut record");
    assert!(matches!(error, CaptureError::Cut { .. }), "{error}");

    fs::write(&path, gzip(&whole)).expect("written");
    let error = growing(&path).map(|_| ()).expect_err("compressed");
    assert!(error.to_string().contains("cannot be followed"), "{error}");
    fs::write(&path, b"").expect("written");
    assert!(matches!(growing(&path), Err(CaptureError::Empty { .. })));
    fs::write(&path, &whole[..10]).expect("written");
    assert!(matches!(growing(&path), Err(CaptureError::Cut { .. })));
}

#[test]
fn a_file_cut_short_while_it_is_read_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.pcap");
    let whole = noisy_pcap(20_000);
    let record = 16 + 40;
    for (length, cut_inside) in [(24 + 10_000 * record, false), (24 + 10_000 * record + 7, true)] {
        fs::write(&path, &whole).expect("written");
        let mut reader = CaptureReader::open(&path).expect("a capture");
        assert!(reader.next_record().expect("readable").is_some());
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len(length as u64))
            .expect("cut");
        let mut count = 1;
        let error = loop {
            match reader.next_record() {
                Ok(Some(_)) => count += 1,
                Ok(None) => panic!("the change is told"),
                Err(error) => break error,
            }
        };
        assert_eq!(count, 10_000);
        assert!(
            error.to_string().contains("was cut short from 1120024"),
            "{cut_inside}: {error}"
        );
    }
    fs::write(&path, &whole).expect("written");
    let mut reader = CaptureReader::open(&path).expect("a capture");
    OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(&pcap_packet(Little, 1, 0, 1, b"x")))
        .expect("written");
    assert_eq!(numbers(&mut reader).len(), 20_001);
    assert!(reader.grew());
}

#[test]
fn a_growing_file_is_left_when_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.pcap");
    let whole = small_pcap(Little);
    fs::write(&path, &whole[..7]).expect("written");
    let stop = Stop::default();
    let mut looks = 0;
    let opened = CaptureReader::open_growing(&path, &Limits::default(), &stop, &mut || {
        looks += 1;
        if looks == 3 {
            stop.ask();
        }
        Growth::Continue
    });
    assert!(matches!(opened, Err(CaptureError::Interrupted { packet: 0, .. })));
    assert_eq!(looks, 3);

    fs::write(&path, &whole).expect("written");
    let stop = Stop::default();
    let mut reader = CaptureReader::open_growing(&path, &Limits::default(), &stop, &mut || Growth::Stop)
        .expect("a capture");
    assert_eq!(numbers(&mut reader), [1, 2, 3]);
    stop.ask();
    let error = reader.next_record().map(|_| ()).expect_err("stopped");
    assert!(matches!(error, CaptureError::Interrupted { packet: 3, .. }));
    assert!(matches!(reader.next_record(), Ok(None)) && !reader.is_waiting());
}

/// What `analyze` keeps of each file.
#[test]
fn files_tell_their_compression_their_interfaces_and_what_was_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = [option(Big, 2, b"eth7"), option(Big, 1, b"by the door")].concat();
    let lost = block(
        Big,
        5,
        &[Big.words(&[0, 0, 0]), option(Big, 5, &Big.u64(12)).to_vec()].concat(),
    );
    let pcapng = [
        section(Big),
        interface(Big, 1, 96, &told),
        enhanced(Big, 0, 5, 2, 2, b"xy"),
        lost,
    ]
    .concat();
    for (name, compress) in ALL {
        fs::write(folder.path().join(name), compress(&pcapng)).expect("written");
    }
    fs::write(folder.path().join("plain"), small_pcap(Little)).expect("written");
    let settings = Settings {
        files: vec![folder.path().to_owned()],
        dedup: Dedup::Off,
        align_clocks: false,
        time_wait_ns: 60_000_000_000,
        decode: Default::default(),
        ladder: LadderRequest::None,
        findings: Default::default(),
        limits: Default::default(),
        threads: Default::default(),
    };
    let (analysis, facts) = analyze_with_facts(&settings, &Stop::default(), &mut |_| {}).expect("readable");
    assert_eq!(analysis.capture.damage, [] as [String; 0]);
    assert_eq!(analysis.capture.kernel_drops, Some(5 * 12));
    let mut seen = Vec::new();
    for file in &facts.files {
        let name = file.path.file_name().expect("a name").to_string_lossy();
        assert!(!file.grew && file.told.interface_count == 1, "{name}");
        if let Some(compression) = file.compression {
            assert_eq!((compression, file.format), (&*name, Some("pcapng")));
            assert_eq!(file.told.interfaces[0].lost(), Some(12));
            assert_eq!(file.told.comments[0].text.as_raw(), "by the door");
            seen.push(compression);
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["bzip2", "gzip", "lz4", "xz", "zstd"]);
}

#[test]
fn opening_is_cheap() {
    // Readers go to other threads.
    fn is_send<T: Send>() {}
    is_send::<CaptureReader>();
    let mut taken = open(noisy_pcap(20_000));
    assert!(taken.bytes_read() <= 4_096);
    assert!(taken.next_record().expect("readable").is_some());
}

/// Counts how often it is read.
struct Counted(Cursor<Vec<u8>>, Arc<AtomicU64>);

impl Read for Counted {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(space)
    }
}

#[test]
fn a_long_capture_is_read_in_large_pieces() {
    let whole = noisy_pcap(100_000);
    for packed in [whole.clone(), gzip(&whole)] {
        let length = packed.len() as u64;
        let reads = Arc::new(AtomicU64::new(0));
        let counted = Counted(Cursor::new(packed), Arc::clone(&reads));
        let mut reader = CaptureReader::from_reader("test", Box::new(counted)).expect("a capture");
        assert_eq!(numbers(&mut reader).len(), 100_000);
        let reads = reads.load(Ordering::Relaxed);
        assert!(reads < 10 + length / (100 << 10), "{reads} for {length} octets");
    }
}
