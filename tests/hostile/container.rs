//! Octets as a capture file.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{Cursor, Read};

use tcptrace_states::capture::{CaptureReader, Record};

use super::assert_inert;

/// Files up to this size are read a second time, a few octets at a time.
const READ_TWICE: usize = 4_096;

/// The largest record that may be believed, octets.
const LARGEST_RECORD: usize = 16 << 20;

/// What came out of a capture.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    packets: u64,
    /// Of all that every record says.
    digest: u64,
    /// How it ended, if not well.
    error: Option<String>,
}

pub fn survive(input: &[u8]) {
    let whole = read(Box::new(Cursor::new(input.to_vec())), input);
    if input.len() <= READ_TWICE {
        let drops = Drops {
            left: Cursor::new(input.to_vec()),
            size: 1 + input.len() % 7,
        };
        assert_eq!(
            read(Box::new(drops), input),
            whole,
            "another chunking, another result"
        );
    }
}

/// Gives a few octets at a time.
struct Drops {
    left: Cursor<Vec<u8>>,
    size: usize,
}

impl Read for Drops {
    fn read(&mut self, space: &mut [u8]) -> std::io::Result<usize> {
        let size = self.size.min(space.len());
        self.left.read(&mut space[..size])
    }
}

/// Not compressed: what comes out of such a file cannot be more than went in.
fn is_plain(input: &[u8]) -> bool {
    const MAGICS: [[u8; 4]; 7] = [
        [0x0a, 0x0d, 0x0d, 0x0a],
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x34, 0xcd, 0xb2, 0xa1],
        [0xa1, 0xb2, 0xcd, 0x34],
    ];
    MAGICS.iter().any(|magic| input.starts_with(magic))
}

fn read(source: Box<dyn Read + Send>, input: &[u8]) -> Told {
    let size = input.len();
    let mut reader = match CaptureReader::from_reader("hostile", source) {
        Ok(reader) => reader,
        Err(error) => {
            let error = error.to_string();
            assert!(error.starts_with("hostile: "), "{error}");
            assert_inert(&error);
            return Told {
                packets: 0,
                digest: 0,
                error: Some(error),
            };
        }
    };
    let plain = is_plain(input);
    let mut digest = DefaultHasher::new();
    let (mut packets, mut damages, mut captured, mut passed_over) = (0, 0, 0, 0);
    let error = loop {
        match reader.next_record() {
            Ok(Some(Record::Frame(frame))) => {
                packets += 1;
                assert_eq!(frame.number, packets, "packets are numbered one after another");
                assert!(frame.bytes.len() <= LARGEST_RECORD);
                captured += frame.bytes.len();
                (frame.number, frame.time, frame.link, frame.bytes).hash(&mut digest);
                (frame.original_len, frame.interface).hash(&mut digest);
            }
            Ok(Some(Record::Skip { number, reason })) => {
                packets += 1;
                assert_eq!(number, packets, "packets are numbered one after another");
                assert_inert(&reason.name());
                (number, reason).hash(&mut digest);
            }
            Ok(Some(Record::Damage(damage))) => {
                damages += 1;
                assert_inert(&damage.what);
                passed_over += damage.passed_over;
                (damage.what, damage.passed_over).hash(&mut digest);
            }
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
        if plain {
            // Each step takes octets, or this would not end.
            assert!(packets + damages <= size as u64, "more records than octets");
        }
    };
    for _ in 0..2 {
        assert!(
            matches!(reader.next_record(), Ok(None)),
            "what has ended stays ended"
        );
    }
    if plain {
        assert!(
            captured as u64 + passed_over <= size as u64,
            "more octets than there are"
        );
        assert!(reader.bytes_read() <= size as u64);
        assert!(
            error.is_some() || reader.bytes_read() == size as u64,
            "octets without a word"
        );
    }
    if let Some(error) = &error {
        assert!(error.starts_with("hostile: "), "{error}");
        assert_inert(error);
    }
    assert!(!reader.format().is_empty());
    Told {
        packets,
        digest: digest.finish(),
        error,
    }
}
