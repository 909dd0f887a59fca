//! Mutations that can be had again: the same seed, the same octets.

/// SplitMix64.
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Numbers at which programs go wrong.
const EDGES: [u32; 16] = [
    0,
    1,
    4,
    7,
    8,
    11,
    12,
    16,
    0xff,
    0xffff,
    0x1_0000,
    0x4_0000,
    0x100_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// One to eight changes to an input of which nothing is known; `other` is a second one, to splice with.
pub fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(8) {
        let at = random.below(input.len());
        match random.below(9) {
            _ if input.is_empty() => input.extend(other.iter().take(64)),
            0 => input[at] ^= 1 << random.below(8),
            1 => input[at] = random.next() as u8,
            2 => {
                let edge = *random.pick(&EDGES);
                let edge = if random.below(2) == 0 {
                    edge.to_le_bytes()
                } else {
                    edge.to_be_bytes()
                };
                let size = *random.pick(&[1, 2, 4]);
                for (to, from) in input[at..].iter_mut().take(size).zip(edge) {
                    *to = from;
                }
            }
            3 => input.truncate(at),
            4 => {
                let length = random.below(64).min(input.len() - at);
                input.drain(at..at + length);
            }
            5 => {
                let length = random.below(64).min(input.len() - at);
                let again = input[at..at + length].to_vec();
                let to = random.below(input.len());
                input.splice(to..to, again);
            }
            6 if !other.is_empty() => {
                let from = random.below(other.len());
                let part = &other[from..(from + random.below(256)).min(other.len())];
                input.splice(at..at, part.iter().copied());
            }
            7 if !other.is_empty() => {
                let from = random.below(other.len());
                input.truncate(at);
                input.extend(&other[from..]);
            }
            _ => input[at] = input[at].wrapping_add(*random.pick(&[1, 255, 4, 252])),
        }
    }
}

/// A classic pcap file or a pcapng file, taken apart: what is before the first record, and the records.
pub fn records(file: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let word = |at: usize, big: bool| -> Option<usize> {
        let word: [u8; 4] = file.get(at..at + 4)?.try_into().ok()?;
        Some(if big {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        } as usize)
    };
    let (mut at, big, ng) = match file.get(..4)? {
        [0x0a, 0x0d, 0x0d, 0x0a] => (0, file.get(8)? == &0x1a, true),
        [0xd4, 0xc3, ..] | [0x4d, 0x3c, ..] => (24, false, false),
        [0xa1, 0xb2, ..] => (24, true, false),
        _ => return None,
    };
    let header = file.get(..at)?.to_vec();
    let mut records = Vec::new();
    while at < file.len() {
        let length = if ng {
            word(at + 4, big)
        } else {
            word(at + 8, big).map(|length| length + 16)
        };
        let Some(record) = length.and_then(|length| file.get(at..at.checked_add(length.max(12))?)) else {
            break;
        };
        records.push(record.to_vec());
        at += record.len();
    }
    Some((header, records))
}

/// One to four changes to the records of a capture: lengths and other fields of their headers, records that are repeated,
/// missing, exchanged, cut, or of another file.
pub fn mutate_records(file: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let Some((mut header, mut all)) = records(file) else {
        return file.to_vec();
    };
    let foreign = records(other).map(|(_, records)| records).unwrap_or_default();
    for _ in 0..=random.below(4) {
        if all.is_empty() {
            break;
        }
        let at = random.below(all.len());
        match random.below(9) {
            0 | 1 => {
                // A word of the record's header, its length fields among them.
                let field = 4 * random.below((all[at].len() / 4).min(8));
                let old = u32::from_le_bytes(all[at][field..field + 4].try_into().unwrap_or_default());
                let value = match random.below(3) {
                    0 => *random.pick(&EDGES),
                    1 => old.wrapping_add(random.below(9) as u32).wrapping_sub(4),
                    _ => old ^ (1 << random.below(32)),
                };
                let value = if random.below(2) == 0 {
                    value.to_le_bytes()
                } else {
                    value.to_be_bytes()
                };
                all[at][field..field + 4].copy_from_slice(&value);
            }
            2 => {
                let again = all[at].clone();
                all.insert(random.below(all.len() + 1), again);
            }
            3 => {
                all.remove(at);
            }
            4 => {
                let with = random.below(all.len());
                all.swap(at, with);
            }
            5 => {
                let kept = random.below(all[at].len());
                all[at].truncate(kept);
            }
            6 if !foreign.is_empty() => all.insert(at, random.pick(&foreign).clone()),
            7 if !header.is_empty() => {
                let octet = random.below(header.len());
                header[octet] ^= 1 << random.below(8);
            }
            _ => {
                // The length at a block's end, or the last octets of a packet.
                let length = all[at].len();
                if length > 4 {
                    all[at][length - 1 - random.below(4)] ^= 1 << random.below(8);
                }
            }
        }
    }
    header.extend(all.concat());
    header
}

/// Each octet of each packet's content changes with this probability, one in `one_in`; what frames the packets stays.
pub fn mutate_contents(file: &[u8], one_in: usize, random: &mut Random) -> Vec<u8> {
    let Some((mut header, mut all)) = records(file) else {
        return file.to_vec();
    };
    let ng = header.is_empty();
    for record in &mut all {
        let packet = match (ng, record.first()) {
            (false, _) => 16..record.len(),
            (true, Some(6)) if record.get(3) == Some(&0) => 28..record.len().saturating_sub(4).max(28),
            (true, _) => continue,
        };
        for octet in record.get_mut(packet).unwrap_or_default() {
            if random.below(one_in) == 0 {
                *octet = random.next() as u8;
            }
        }
    }
    header.extend(all.concat());
    header
}
