//! What all parts of a run must know of all files.

use std::cmp::Reverse;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{FileReport, FleetError, Position, Totals};
use crate::analyze::Settings;
use crate::capture::Skip;
use crate::input::{Sketch, Span, clocks};
use crate::model::{Capture, Checksums, Fragments, PacketNumber, SCHEMA_VERSION, Step};
use crate::time::Timestamp;

/// The files in their order, and what is known of them once all were read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// In the order of the timeline.
    files: Vec<FileReport>,
    /// For each file, in the order in which they were given, its rank.
    ranks: Vec<Option<u32>>,
    /// Packets in all files before each.
    before: Vec<u64>,
    /// What could not be read at all.
    unreadable: Vec<String>,
    /// Files that were not read to their end, because reading was stopped.
    unfinished: usize,
    /// Entries of directories that are no captures.
    passed_over: u64,
}

impl Plan {
    /// Puts files in order: by the time of their first packet, then by name; those without packets come last. A file of which
    /// nothing could be read has no rank. Of those that lie `in_directory`, given by their places, the ones that are no
    /// captures are passed over and counted; others are told.
    pub fn new(reports: Vec<FileReport>, in_directory: impl Fn(usize) -> bool) -> Plan {
        let mut numbered: Vec<(usize, FileReport)> = Vec::new();
        let mut unreadable = Vec::new();
        let mut passed_over = 0;
        let given = reports.len();
        for (number, report) in reports.into_iter().enumerate() {
            match report.unreadable {
                Some(_) if report.no_capture && in_directory(number) => passed_over += 1,
                Some(reason) => unreadable.push(reason),
                None => numbered.push((number, report)),
            }
        }
        numbered.sort_by(|(_, a), (_, b)| order(a).cmp(&order(b)));
        set_clocks(numbered.iter_mut().map(|(_, report)| report).collect());
        numbered.sort_by(|(_, a), (_, b)| order(a).cmp(&order(b)));
        let mut ranks = vec![None; given];
        for (rank, (number, _)) in numbered.iter().enumerate() {
            if let Some(place) = ranks.get_mut(*number) {
                *place = u32::try_from(rank).ok();
            }
        }
        unreadable.sort_unstable();
        Plan {
            ranks,
            unreadable,
            passed_over,
            ..Plan::of(numbered.into_iter().map(|(_, report)| report).collect())
        }
    }

    /// That of files which are in order.
    fn of(files: Vec<FileReport>) -> Plan {
        let mut before = Vec::with_capacity(files.len());
        let mut packets = 0_u64;
        for file in &files {
            before.push(packets);
            packets = packets.saturating_add(file.capture.packets);
        }
        Plan {
            ranks: (0..).take(files.len()).map(Some).collect(),
            files,
            before,
            ..Plan::default()
        }
    }

    /// That of a timeline which has put the files in order itself.
    pub(super) fn of_timeline(
        files: Vec<FileReport>,
        mut unreadable: Vec<String>,
        unfinished: usize,
        passed_over: u64,
    ) -> Plan {
        unreadable.sort_unstable();
        Plan {
            unreadable,
            unfinished,
            passed_over,
            ..Plan::of(files)
        }
    }

    /// The rank of the file that was given at this place (from 0); none if nothing could be read of it.
    pub fn rank(&self, given: usize) -> Option<u32> {
        self.ranks.get(given).copied().flatten()
    }

    /// How far the clock of the file that was given at this place is ahead, nanoseconds: rows of it are set back by that.
    pub fn ahead_ns(&self, given: usize) -> i64 {
        let rank = self.rank(given).and_then(|rank| usize::try_from(rank).ok());
        let clock = rank.and_then(|rank| self.files.get(rank)?.clock);
        clock.map_or(0, |clock| clock.ahead_ns)
    }

    /// The files in their order.
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// What could not be read at all, and why.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// The number of a packet if the files stood behind one another.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn number(&self, position: Position) -> Result<PacketNumber, FleetError> {
        let unknown = || FleetError::File(position.file);
        let rank = usize::try_from(position.file).map_err(|_| unknown())?;
        let before = self.before.get(rank).ok_or_else(unknown)?;
        Ok(before.saturating_add(position.number))
    }

    /// Time of the latest packet of all.
    pub fn end(&self) -> Timestamp {
        let last = self.files.iter().filter_map(|file| file.capture.last_time);
        last.max().unwrap_or_default()
    }

    /// From when to when each file was captured.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.files.iter().map(|file| file.span).collect()
    }

    /// All files as one capture. `totals` are those of all connections in them.
    pub fn capture(&self, settings: &Settings, totals: &Totals) -> Capture {
        let mut all = Capture {
            schema_version: SCHEMA_VERSION,
            program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            damage: self.unreadable.clone(),
            entries_passed_over: self.passed_over,
            checksums: settings.decode.verify_checksums.then(Checksums::default),
            time_wait_ns: settings.time_wait_ns,
            findings_from: settings.findings.least,
            ..Capture::default()
        };
        for (file, before) in self.files.iter().zip(&self.before) {
            add(&mut all, &file.capture, *before);
        }
        match self.unfinished {
            0 => {}
            1 => all
                .damage
                .push("one more file was not read to its end".to_owned()),
            files => all
                .damage
                .push(format!("{files} more files were not read to their end")),
        }
        all.complete = all.damage.is_empty();
        let copies = totals.copies();
        all.tcp_segments = all.tcp_segments.saturating_sub(copies.segments);
        all.cut_segments = all.cut_segments.saturating_sub(copies.cut);
        all.cut_headers = all.cut_headers.saturating_sub(copies.cut_headers);
        if copies.segments > 0 {
            let reason = Skip::DuplicateOfAnotherFile.name().into_owned();
            *all.skipped.entry(reason).or_default() += copies.segments;
        }
        all.copies_not_looked_for = copies.not_looked_for;
        totals.flaws().put_into(&mut all);
        all
    }
}

/// Tells the clocks of files by the segments that they kept, and sets the times in the reports by that. Files are in the order
/// of their own clocks.
fn set_clocks(mut files: Vec<&mut FileReport>) {
    let sketches: Vec<Sketch> = files
        .iter_mut()
        .map(|file| file.sketch.take().unwrap_or_default())
        .collect();
    if files.len() < 2 || sketches.iter().all(|sketch| *sketch == Sketch::default()) {
        return;
    }
    let found = clocks(&sketches.iter().collect::<Vec<_>>());
    for (file, clock) in files.into_iter().zip(found) {
        let set = |time: &mut Timestamp| *time = time.plus(clock.ahead_ns.saturating_neg());
        file.clock = Some(clock);
        file.begins.iter_mut().for_each(set);
        file.capture.first_time.iter_mut().for_each(set);
        file.capture.last_time.iter_mut().for_each(set);
        if let Some((first, last)) = &mut file.span {
            set(first);
            set(last);
        }
    }
}

fn order(file: &FileReport) -> (Timestamp, &Path) {
    let never = Timestamp::from_ns(i64::MAX);
    (file.begins.unwrap_or(never), Path::new(&file.name))
}

/// Adds a file with so many packets before it. What depends on how the files take turns is left out: pauses.
fn add(all: &mut Capture, file: &Capture, before: u64) {
    let Capture {
        schema_version: _,
        program: _,
        files,
        formats,
        link_types,
        packets,
        tcp_segments,
        skipped,
        cut_segments,
        cut_headers,
        duplicate_segments: _,
        missed_bytes: _,
        one_sided_connections: _,
        time_steps_back,
        longest_step_back,
        longest_pause: _,
        cut_packets,
        kernel_drops,
        checksums,
        fragments,
        copies_not_looked_for: _,
        tunnels_not_told_apart,
        entries_passed_over: _,
        first_time,
        last_time,
        snap_length,
        complete: _,
        damage,
        passed_over_bytes,
        evicted_connections: _,
        evicted_servers: _,
        time_wait_ns: _,
        findings_from: _,
    } = file;
    all.files.extend_from_slice(files);
    for (of_all, of_file) in [(&mut all.formats, formats), (&mut all.link_types, link_types)] {
        for name in of_file {
            if !of_all.contains(name) {
                of_all.push(name.clone());
            }
        }
    }
    add_each([
        (&mut all.packets, *packets),
        (&mut all.tcp_segments, *tcp_segments),
        (&mut all.cut_segments, *cut_segments),
        (&mut all.cut_headers, *cut_headers),
        (&mut all.time_steps_back, *time_steps_back),
        (&mut all.cut_packets, *cut_packets),
        (&mut all.tunnels_not_told_apart, *tunnels_not_told_apart),
        (&mut all.passed_over_bytes, *passed_over_bytes),
    ]);
    for (reason, count) in skipped {
        let of_all = all.skipped.entry(reason.clone()).or_default();
        *of_all = of_all.saturating_add(*count);
    }
    if let Some(step) = longest_step_back
        && all.longest_step_back.is_none_or(|longest| longest.ns < step.ns)
    {
        all.longest_step_back = Some(Step {
            packet: before.saturating_add(step.packet),
            ns: step.ns,
        });
    }
    if let Some(drops) = kernel_drops {
        all.kernel_drops = Some(all.kernel_drops.unwrap_or(0).saturating_add(*drops));
    }
    if let (Some(all), Some(file)) = (&mut all.checksums, checksums) {
        add_checksums(all, file);
    }
    add_fragments(&mut all.fragments, fragments);
    all.first_time = match (all.first_time, *first_time) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    all.last_time = all.last_time.max(*last_time);
    all.snap_length = all.snap_length.max(*snap_length);
    all.damage.extend_from_slice(damage);
}

/// Adds to each count another one.
fn add_each<const N: usize>(counts: [(&mut u64, u64); N]) {
    for (all, more) in counts {
        *all = all.saturating_add(more);
    }
}

fn add_checksums(all: &mut Checksums, file: &Checksums) {
    let Checksums {
        good,
        bad,
        offloaded,
        not_captured,
        bad_ip_headers,
    } = all;
    add_each([
        (good, file.good),
        (bad, file.bad),
        (offloaded, file.offloaded),
        (not_captured, file.not_captured),
        (bad_ip_headers, file.bad_ip_headers),
    ]);
}

fn add_fragments(all: &mut Fragments, file: &Fragments) {
    let Fragments {
        packets,
        reassembled,
        incomplete,
        overlaps,
    } = all;
    add_each([
        (packets, file.packets),
        (reassembled, file.reassembled),
        (incomplete, file.incomplete),
        (overlaps, file.overlaps),
    ]);
}

/// The order in which findings about services and the capture stand: the worst first, whatever was judged first.
pub(super) fn sort_findings(findings: &mut [crate::model::ServiceFinding]) {
    findings.sort_by(|a, b| {
        let key = |one: &crate::model::ServiceFinding| {
            (
                Reverse((one.severity, one.connections)),
                one.code,
                one.server,
                one.client,
                one.endpoint,
            )
        };
        key(a).cmp(&key(b))
    });
}
