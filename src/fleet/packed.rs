//! Segments on their way from one machine to another, in few octets: what a shuffle moves, sorts and spills.
//!
//! A row with a column for each field costs a multiple of this in all three. What rows are sorted by stays outside: the 4-tuple
//! ([`flow_octets`](super::flow_octets)) and the [`Position`]. The layout is that of one version of this crate, and belongs to no
//! file that outlives a run.

use super::{Position, Row, flow_ends};
use crate::segment::{ChecksumState, Endpoint, Flags, Options, Scope, Segment, TunnelId, TunnelPath};
use crate::seq::Seq;
use crate::time::Timestamp;
use crate::varint::{put, take};

// What is there, in the first number.
const FROM_LOW: u64 = 1;
const SACK_PERMITTED: u64 = 1 << 1;
const MALFORMED: u64 = 1 << 2;
const HEADER_CUT: u64 = 1 << 3;
const CUT: u64 = 1 << 4;
const CHECKSUM: u64 = 1 << 5;
const IP_ID: u64 = 1 << 6;
const TIMESTAMPS: u64 = 1 << 7;
const EARLIER: u64 = 1 << 8;
const MSS: u64 = 1 << 9;
const WINDOW_SCALE: u64 = 1 << 10;
const FAST_OPEN: u64 = 1 << 11;
const VLANS: u64 = 1 << 12;
const TUNNELS: u64 = 1 << 13;
const MANY_TUNNELS: u64 = 1 << 14;
/// Three bits each: how many SACK blocks, and the state of the checksum.
const SACK: u32 = 15;
const CHECKSUM_STATE: u32 = 18;

/// Octets that are no packed segment.
#[derive(Debug, thiserror::Error)]
#[error("packet {number} of file {file} is no segment of this version: `{what}` makes no sense")]
pub struct NoSegment {
    file: u32,
    number: u64,
    what: &'static str,
}

/// Appends a segment, but for its 4-tuple and its position.
pub fn pack(row: &Row, into: &mut Vec<u8>) {
    let segment = &row.segment;
    let options = &segment.options;
    // Effective time is never behind capture time.
    let behind = row.position.time.ns().wrapping_sub(segment.time.ns());
    let vlans = segment.scope.vlans;
    let blocks = options.sack.iter().flatten().count() as u64;
    let there = [
        (FROM_LOW, segment.source <= segment.destination),
        (SACK_PERMITTED, options.sack_permitted),
        (MALFORMED, options.malformed),
        (HEADER_CUT, segment.header_cut),
        (CUT, segment.cut),
        (CHECKSUM, segment.checksum.is_some()),
        (IP_ID, segment.ip_id.is_some()),
        (TIMESTAMPS, options.timestamps.is_some()),
        (EARLIER, behind != 0),
        (MSS, options.mss.is_some()),
        (WINDOW_SCALE, options.window_scale.is_some()),
        (FAST_OPEN, options.fast_open.is_some()),
        (VLANS, vlans != [0; 4]),
        (TUNNELS, row.tunnels.is_some()),
        (
            MANY_TUNNELS,
            row.tunnels.is_none() && segment.scope.tunnel == TunnelId::OVERFLOW,
        ),
    ];
    let there = there.iter().map(|(bit, is_there)| bit * u64::from(*is_there));
    let head = there.sum::<u64>() | blocks << SACK | (segment.checksum_state as u64) << CHECKSUM_STATE;
    put(into, head);
    put(into, segment.flags.0.into());
    into.extend_from_slice(&segment.seq.0.to_be_bytes());
    into.extend_from_slice(&segment.raw_ack.to_be_bytes());
    into.extend_from_slice(&segment.window.to_be_bytes());
    put(into, segment.payload_len.into());
    into.push(segment.ttl);
    for number in [segment.checksum, segment.ip_id, options.mss]
        .into_iter()
        .flatten()
    {
        into.extend_from_slice(&number.to_be_bytes());
    }
    into.extend(options.window_scale.into_iter().chain(options.fast_open));
    if let Some((value, echo)) = options.timestamps {
        into.extend_from_slice(&value.to_be_bytes());
        into.extend_from_slice(&echo.to_be_bytes());
    }
    for (left, right) in options.sack.iter().flatten() {
        into.extend_from_slice(&left.0.to_be_bytes());
        into.extend_from_slice(&right.0.to_be_bytes());
    }
    if behind != 0 {
        put(into, behind.cast_unsigned());
    }
    if vlans != [0; 4] {
        vlans.iter().for_each(|tag| put(into, (*tag).into()));
    }
    // The rest of the octets.
    if let Some(tunnels) = &row.tunnels {
        into.extend_from_slice(tunnels.to_string().as_bytes());
    }
}

/// The row of a packed segment: `flow` is what [`flow_octets`](super::flow_octets) gave for it.
///
/// # Errors
///
/// The octets are not what [`pack`] writes.
pub fn unpack(flow: &[u8], position: Position, octets: &[u8]) -> Result<Row, NoSegment> {
    let wrong = |what| NoSegment {
        file: position.file,
        number: position.number,
        what,
    };
    let ends = flow_ends(flow).ok_or_else(|| wrong("flow"))?;
    let mut from = Unpacked(octets);
    let row = from.row(ends, position).ok_or_else(|| wrong("segment"))?;
    if !from.0.is_empty() {
        return Err(wrong("end"));
    }
    Ok(row)
}

/// What is left to unpack.
struct Unpacked<'a>(&'a [u8]);

impl Unpacked<'_> {
    /// All of it, in the order of [`pack`].
    fn row(&mut self, [low, high]: [Endpoint; 2], position: Position) -> Option<Row> {
        let head = self.number()?;
        let is_there = |bit: u64| head & bit != 0;
        let bits = |from: u32| usize::try_from(head >> from & 7);
        let (source, destination) = match is_there(FROM_LOW) {
            true => (low, high),
            false => (high, low),
        };
        let flags = Flags(u16::try_from(self.number()?).ok()?);
        let (seq, raw_ack, window) = (Seq(self.four()?), self.four()?, self.two()?);
        let payload_len = u32::try_from(self.number()?).ok()?;
        let [ttl] = self.octets()?;
        let checksum = self.if_there(is_there(CHECKSUM), Self::two)?;
        let ip_id = self.if_there(is_there(IP_ID), Self::two)?;
        let mss = self.if_there(is_there(MSS), Self::two)?;
        let octet = |from: &mut Self| from.octets().map(|[octet]| octet);
        let window_scale = self.if_there(is_there(WINDOW_SCALE), octet)?;
        let fast_open = self.if_there(is_there(FAST_OPEN), octet)?;
        let timestamps = self.if_there(is_there(TIMESTAMPS), |from| from.four().zip(from.four()))?;
        let mut sack = [None; 4];
        for block in sack.get_mut(..bits(SACK).ok()?)? {
            *block = Some((Seq(self.four()?), Seq(self.four()?)));
        }
        let behind = self.if_there(is_there(EARLIER), Self::number)?;
        let mut vlans = [0; 4];
        if is_there(VLANS) {
            for tag in &mut vlans {
                *tag = u16::try_from(self.number()?).ok()?;
            }
        }
        let tunnels = self.if_there(is_there(TUNNELS), |from| {
            let path = std::str::from_utf8(std::mem::take(&mut from.0)).ok()?;
            path.parse::<TunnelPath>().ok()
        })?;
        // The one who tracks numbers a path.
        let tunnel = match is_there(MANY_TUNNELS) {
            true => TunnelId::OVERFLOW,
            false => TunnelId::default(),
        };
        let behind = behind.unwrap_or(0).cast_signed();
        let segment = Segment {
            packet: position.number,
            time: Timestamp::from_ns(position.time.ns().wrapping_sub(behind)),
            source,
            destination,
            scope: Scope { vlans, tunnel },
            seq,
            ack: flags.ack().then_some(Seq(raw_ack)),
            raw_ack,
            flags,
            window,
            payload_len,
            options: Options {
                mss,
                window_scale,
                sack_permitted: is_there(SACK_PERMITTED),
                timestamps,
                sack,
                fast_open,
                malformed: is_there(MALFORMED),
            },
            ip_id,
            ttl,
            checksum,
            checksum_state: *ChecksumState::ALL.get(bits(CHECKSUM_STATE).ok()?)?,
            header_cut: is_there(HEADER_CUT),
            cut: is_there(CUT),
        };
        Some(Row {
            position,
            segment,
            tunnels,
        })
    }

    /// What is read where it is there; the outer `None` is for octets that are missing.
    fn if_there<T>(&mut self, is_there: bool, read: impl Fn(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if is_there {
            read(self).map(Some)
        } else {
            Some(None)
        }
    }

    fn number(&mut self) -> Option<u64> {
        take(&mut self.0)
    }

    fn two(&mut self) -> Option<u16> {
        self.octets().map(u16::from_be_bytes)
    }

    fn four(&mut self) -> Option<u32> {
        self.octets().map(u32::from_be_bytes)
    }

    fn octets<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Stop;
    use crate::fleet::{Config, FileReader, flow_octets};

    fn rows_of(file: &std::path::Path) -> Vec<Row> {
        let mut settings = Config::default().settings();
        settings.decode.verify_checksums = true;
        let name = file.to_string_lossy();
        let mut reader = FileReader::open(&name, &settings, &Stop::default()).expect("a capture");
        std::iter::from_fn(|| reader.next_rows(700)).flatten().collect()
    }

    fn captures() -> impl Iterator<Item = std::path::PathBuf> {
        let folders = ["testdata/kernel", "testdata/scenarios"];
        let entries = folders.map(|folder| std::fs::read_dir(folder).expect("a folder"));
        let files = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("an entry").path());
        files.filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "pcap" || kind == "pcapng")
        })
    }

    fn comes_back(row: &Row) {
        let mut octets = Vec::new();
        pack(row, &mut octets);
        let flow = flow_octets(&row.segment);
        let mut read = unpack(&flow, row.position, &octets).expect("what was packed");
        if row.tunnels.is_some() {
            // The number of a path is that of whoever reads; the path stands beside it.
            read.segment.scope.tunnel = row.segment.scope.tunnel;
        }
        assert_eq!(format!("{read:?}"), format!("{row:?}"));
        for end in 0..octets.len() {
            // Tunnels are the rest, and may have a shorter one that makes sense.
            let cut = unpack(&flow, row.position, &octets[..end]);
            assert!(cut.is_err() || row.tunnels.is_some(), "{end} of {octets:?}");
        }
        octets.push(0);
        assert!(unpack(&flow, row.position, &octets).is_err());
    }

    /// All that the tracker looks at comes through.
    #[test]
    fn segments_come_back_as_they_were() {
        let mut compared = 0;
        for file in captures() {
            for row in rows_of(&file) {
                comes_back(&row);
                compared += 1;
            }
        }
        assert!(compared > 5000, "{compared} segments");
    }

    /// What no capture at hand has all at once.
    #[test]
    fn the_widest_segment_comes_back() {
        let mut row = captures()
            .flat_map(|file| rows_of(&file))
            .next()
            .expect("a segment");
        for (there, state) in [true, false]
            .into_iter()
            .flat_map(|there| ChecksumState::ALL.map(|state| (there, state)))
        {
            let segment = &mut row.segment;
            segment.time =
                Timestamp::from_ns(row.position.time.ns() - if there { i64::from(u32::MAX) } else { 0 });
            segment.seq = Seq(u32::MAX);
            (segment.raw_ack, segment.window, segment.payload_len) = (u32::MAX, u16::MAX, u32::MAX);
            segment.flags = Flags(if there { 0x1ff } else { 0 });
            segment.ack = there.then_some(Seq(u32::MAX));
            segment.scope.vlans = if there { [1, 0, 4096, 7] } else { [0; 4] };
            segment.scope.tunnel = if there {
                TunnelId::OVERFLOW
            } else {
                TunnelId::default()
            };
            (segment.ip_id, segment.checksum) = (there.then_some(0), there.then_some(u16::MAX));
            (segment.ttl, segment.checksum_state) = (255, state);
            (segment.header_cut, segment.cut) = (there, !there);
            segment.options = Options {
                mss: there.then_some(0),
                window_scale: there.then_some(255),
                sack_permitted: there,
                timestamps: there.then_some((u32::MAX, 0)),
                sack: [there.then_some((Seq(1), Seq(u32::MAX))); 4],
                fast_open: there.then_some(16),
                malformed: there,
            };
            comes_back(&row);
            let path = "pppoe 3 > vxlan 7 10.0.0.1-10.0.0.2".parse();
            row.tunnels = Some(path.expect("tunnels"));
            row.segment.scope.tunnel = TunnelId(1);
            comes_back(&row);
            row.tunnels = None;
        }
    }

    #[test]
    fn what_is_no_segment_says_which_packet() {
        let row = captures()
            .flat_map(|file| rows_of(&file))
            .next()
            .expect("a segment");
        let mut octets = Vec::new();
        pack(&row, &mut octets);
        let error = unpack(&[5, 1, 2], row.position, &octets)
            .expect_err("no 4-tuple")
            .to_string();
        assert_eq!(
            error,
            "packet 1 of file 0 is no segment of this version: `flow` makes no sense"
        );
        // No such checksum state.
        assert!(unpack(&flow_octets(&row.segment), row.position, &[0xff; 90]).is_err());
    }
}
