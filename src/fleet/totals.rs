//! What is counted over connections, in parts that can be put together.

use serde::{Deserialize, Serialize};

use super::FleetError;
use crate::analyze::count::{Flaws, SavedSums, Sums};
use crate::flow::Evicted;
use crate::model::{Capture, Connection, ServiceFinding, Summary};
use crate::segment::Segment;

/// Counts over the connections of one part of a run, or of several.
#[derive(Clone, Default)]
pub struct Totals {
    sums: Sums,
    copies: CopyCounts,
    /// Segments that came, copies included.
    segments: u64,
}

/// Segments that were left out because another file has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CopyCounts {
    pub segments: u64,
    /// Of these, those that the capture cut, and those that it cut inside the TCP header.
    pub cut: u64,
    pub cut_headers: u64,
    /// Segments whose copies were not looked for to the end.
    pub not_looked_for: u64,
}

impl CopyCounts {
    pub fn add(&mut self, copy: &Segment) {
        self.segments += 1;
        self.cut += u64::from(copy.cut);
        self.cut_headers += u64::from(copy.header_cut);
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    sums: SavedSums,
    copies: CopyCounts,
    segments: u64,
}

impl Totals {
    pub(super) fn segment(&mut self) {
        self.segments = self.segments.saturating_add(1);
    }

    /// Counts a connection.
    pub(super) fn add(&mut self, connection: &Connection) {
        self.sums.add(connection);
    }

    pub(super) fn set_copies(&mut self, copies: CopyCounts) {
        self.copies = copies;
    }

    pub(super) fn copies(&self) -> CopyCounts {
        self.copies
    }

    pub(super) fn flaws(&self) -> &Flaws {
        &self.sums.flaws
    }

    /// Segments that were tracked or left out as copies.
    pub fn segments(&self) -> u64 {
        self.segments
    }

    /// Connections.
    pub fn connections(&self) -> u64 {
        self.sums.connections
    }

    /// As JSON.
    ///
    /// # Errors
    ///
    /// None that can be met.
    pub fn to_json(&self) -> Result<String, FleetError> {
        let saved = Saved {
            sums: self.sums.saved(),
            copies: self.copies,
            segments: self.segments,
        };
        serde_json::to_string(&saved).map_err(unreadable)
    }

    /// Adds those of another part, as JSON.
    ///
    /// # Errors
    ///
    /// It is not what [`Totals::to_json`] writes.
    pub fn add_json(&mut self, text: &str) -> Result<(), FleetError> {
        let Saved {
            sums,
            copies,
            segments,
        } = serde_json::from_str(text).map_err(unreadable)?;
        self.sums.add_saved(sums);
        self.segments = self.segments.saturating_add(segments);
        let own = &mut self.copies;
        for (of_all, of_part) in [
            (&mut own.segments, copies.segments),
            (&mut own.cut, copies.cut),
            (&mut own.cut_headers, copies.cut_headers),
            (&mut own.not_looked_for, copies.not_looked_for),
        ] {
            *of_all = of_all.saturating_add(of_part);
        }
        Ok(())
    }

    /// The totals of the run in which `capture` was read and `findings` were made about services.
    pub fn summary(&self, capture: &Capture, findings: &[ServiceFinding]) -> Summary {
        let mut sums = self.sums.clone();
        findings.iter().for_each(|finding| sums.add_together(finding));
        sums.into_summary(capture, &Evicted::default())
    }
}

fn unreadable(reason: serde_json::Error) -> FleetError {
    FleetError::Unreadable {
        what: "the totals of a part",
        reason,
    }
}
