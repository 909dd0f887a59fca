//! Which file a packet of the timeline came from.

use crate::capture::PacketNumber;

/// Runs that are kept, at most: 24 octets each.
const MOST: usize = 1 << 20;

/// For packets of the timeline, their file and their number in it.
///
/// Consecutive packets of one file are one run. Files that take turns at every packet make as many runs as packets, so
/// no more than about a million are kept; of packets behind them the file is not known.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    runs: Vec<Run>,
    /// The first packet that no run tells of.
    end: PacketNumber,
    full: bool,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    first: PacketNumber,
    file: u32,
    number: PacketNumber,
}

impl Origins {
    /// Packet `packet` of the timeline is packet `number` of `file`. Packets come in order.
    pub(super) fn add(&mut self, packet: PacketNumber, file: usize, number: PacketNumber) {
        if self.full {
            return;
        }
        let file = u32::try_from(file).unwrap_or(u32::MAX);
        let goes_on = self.runs.last().is_some_and(|run| {
            run.file == file && number.wrapping_sub(run.number) == packet.wrapping_sub(run.first)
        });
        if !goes_on {
            if self.runs.len() >= MOST {
                self.full = true;
                return;
            }
            self.runs.push(Run {
                first: packet,
                file,
                number,
            });
        }
        self.end = packet.saturating_add(1);
    }

    /// As [`Origins::add`], of so many packets one after the other, the first of which are these.
    pub(super) fn add_row(&mut self, packet: PacketNumber, file: usize, number: PacketNumber, packets: u64) {
        self.add(packet, file, number);
        if !self.full {
            self.end = packet.saturating_add(packets);
        }
    }

    /// The file of a packet (an index into [`Facts::files`](super::Facts::files)) and its number in that file, from 1.
    /// `None` for a number that the timeline does not have, or behind the runs that are kept.
    pub fn source_of(&self, packet: PacketNumber) -> Option<(usize, PacketNumber)> {
        if packet >= self.end {
            return None;
        }
        let after = self.runs.partition_point(|run| run.first <= packet);
        let run = self.runs.get(after.checked_sub(1)?)?;
        let number = run.number.checked_add(packet.checked_sub(run.first)?)?;
        Some((usize::try_from(run.file).ok()?, number))
    }

    /// Of one file, where its packets stand in the timeline: the first number of each run in the file, its number in the
    /// timeline, and how many packets follow each other, in order. `None` if there were too many runs to keep all.
    pub fn runs_of(&self, file: usize) -> Option<Vec<(PacketNumber, PacketNumber, u64)>> {
        if self.full {
            return None;
        }
        let file = u32::try_from(file).ok()?;
        let ends = self.runs.iter().skip(1).map(|run| run.first).chain([self.end]);
        let runs = self.runs.iter().zip(ends).filter(|(run, _)| run.file == file);
        Some(
            runs.map(|(run, end)| (run.number, run.first, end.saturating_sub(run.first)))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_found_in_their_files() {
        let mut origins = Origins::default();
        let story = [(0, 1), (0, 2), (1, 1), (0, 3), (0, 4), (2, 1), (1, 2), (0, 6)];
        for (packet, (file, number)) in (1..).zip(story) {
            origins.add(packet, file, number);
        }
        for (packet, place) in (1..).zip(story) {
            assert_eq!(origins.source_of(packet), Some(place), "{packet}");
        }
        assert_eq!(origins.runs.len(), 6);
        assert_eq!(origins.source_of(0), None);
        assert_eq!(origins.source_of(9), None);
        assert_eq!(origins.runs_of(0), Some(vec![(1, 1, 2), (3, 4, 2), (6, 8, 1)]));
        assert_eq!(origins.runs_of(1), Some(vec![(1, 3, 1), (2, 7, 1)]));
        assert_eq!(origins.runs_of(7), Some(Vec::new()));
    }

    #[test]
    fn runs_are_bounded_and_nothing_is_made_up() {
        let mut origins = Origins::default();
        let most = u64::try_from(MOST).expect("small");
        for packet in 1..=most + 10 {
            origins.add(packet, usize::from(packet % 2 == 0), packet.div_ceil(2));
        }
        assert_eq!(origins.runs.len(), MOST);
        assert_eq!(origins.source_of(most), Some((1, most / 2)));
        assert_eq!(origins.source_of(most + 1), None);
        assert_eq!(origins.runs_of(0), None);
    }
}
