//! What there is to know of the files of a timeline.

use std::path::PathBuf;

use crate::capture::{self, CaptureReader};
use crate::input::{Clock, Origins};
use crate::time::Timestamp;

/// Damaged places of one file that are described, at most.
const MOST_DAMAGE: usize = 100;
/// Entries of directories that are named, at most.
const MOST_NAMED: usize = 20;

/// What there is to know of the files.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The files that were read, in their order in the timeline.
    pub files: Vec<FileFacts>,
    /// Entries of the directories that were named which are no captures.
    pub passed_over: PassedOver,
    /// What was named and could not be read at all: sentences for people.
    pub unreadable: Vec<String>,
    /// Which file a packet came from; `None` if there is one file only.
    pub origins: Option<Origins>,
    /// Files that were not read to their end because reading was stopped in another one.
    pub unfinished: usize,
}

/// What was found in a directory and is no capture.
#[derive(Clone, Debug, Default)]
pub struct PassedOver {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Vec<PathBuf>,
}

/// What there is to know of one file.
#[derive(Clone, Debug, Default)]
pub struct FileFacts {
    /// As it was named, or found in a directory or by a pattern.
    pub path: PathBuf,
    /// [`CaptureReader::format`]; `None` if it could not be opened again.
    pub format: Option<&'static str>,
    /// How it is compressed: [`CaptureReader::compression`].
    pub compression: Option<&'static str>,
    /// The largest snap length that the file states, octets.
    pub snap_length: Option<u32>,
    /// What it says about itself: interfaces, drops, names, comments, processes.
    pub told: capture::Facts,
    /// Somebody was writing to it while it was read.
    pub grew: bool,
    /// Packets in it.
    pub packets: u64,
    /// Octets read of it, compressed ones if it is compressed.
    pub octets: u64,
    /// Time of the earliest packet.
    pub first_time: Option<Timestamp>,
    /// Time of the latest packet.
    pub last_time: Option<Timestamp>,
    /// Packets whose time lies before that of the packet before.
    pub steps_back: u64,
    /// What was wrong with it, where: the first hundred places.
    pub damage: Vec<String>,
    /// Damaged places behind those.
    pub more_damage: u64,
    /// Octets that could not be read and were passed over.
    pub passed_over: u64,
    /// From the latest packet of all files before this one to its first packet, nanoseconds: a gap, or, below zero, how
    /// far the files overlap. `None` for the first file, and for one without packets.
    pub gap_ns: Option<i64>,
    /// What is known of its clock, where that was asked for.
    pub clock: Option<Clock>,
    /// How many segments are copies of one in another file, by that file (an index into [`Facts::files`]).
    pub copies_of: Vec<(usize, u64)>,
    /// Time of the packet before.
    pub(super) previous: Option<Timestamp>,
}

impl FileFacts {
    pub(super) fn packet(&mut self, time: Timestamp) {
        self.packets += 1;
        let previous = self.previous.replace(time);
        self.steps_back += u64::from(previous.is_some_and(|previous| time < previous));
        self.first_time = Some(self.first_time.map_or(time, |first| first.min(time)));
        self.last_time = Some(self.last_time.map_or(time, |last| last.max(time)));
    }

    /// Whether a packet of this time is later than no other one, and not the first.
    pub(super) fn goes_on(&self, time: Timestamp) -> bool {
        self.last_time.is_some_and(|last| last <= time)
    }

    /// So many packets behind one that [goes on](FileFacts::goes_on), none earlier than the one before it, the last one of this
    /// time.
    pub(super) fn row(&mut self, packets: u64, last: Timestamp) {
        self.packets += packets;
        self.previous = Some(last);
        self.last_time = Some(last);
    }

    pub(super) fn damaged(&mut self, what: String) {
        if self.damage.len() < MOST_DAMAGE {
            self.damage.push(what);
        } else {
            self.more_damage += 1;
        }
    }

    pub(super) fn close(&mut self, capture: &mut CaptureReader) {
        self.note(capture);
        self.told = capture.take_facts();
    }

    pub(super) fn note(&mut self, capture: &CaptureReader) {
        self.format = Some(capture.format());
        self.compression = capture.compression();
        self.snap_length = capture.snap_length();
        self.octets = capture.bytes_read();
        self.grew = capture.grew();
    }
}

impl PassedOver {
    pub(super) fn add(&mut self, path: PathBuf) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(path);
        }
    }
}
