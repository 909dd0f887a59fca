//! What weakens a comparison: differences between the captures that are none of the programs.

use serde::Serialize;

use super::Side;

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The side before.
    Old,
    /// The side now.
    New,
}

impl Which {
    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Which::Old => "old",
            Which::New => "new",
        }
    }
}

/// Why a difference may say less than it seems to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "caveat", rename_all = "kebab-case")]
pub enum Caveat {
    /// One side was damaged or cut off.
    Incomplete {
        /// Which.
        side: Which,
    },
    /// One side has no connection at all.
    Empty {
        /// Which.
        side: Which,
    },
    /// One side is a report of a selection.
    Selection {
        /// Which.
        side: Which,
        /// Connections in it.
        connections: u64,
        /// Connections in the capture.
        of: u64,
    },
    /// The captures are not equally long: half-closes and states at the end had another time to develop.
    Length {
        /// From the first packet to the last, before.
        old_ns: i64,
        /// And now.
        new_ns: i64,
    },
    /// One lacks more than the other.
    Missing {
        /// Octets acknowledged but not captured, before.
        old_bytes: u64,
        /// And now.
        new_bytes: u64,
    },
    /// Connections of which only one side was captured.
    OneSided {
        /// Before.
        old: u64,
        /// And now.
        new: u64,
    },
    /// Segments that the capture recorded twice.
    Duplicates {
        /// Before.
        old: u64,
        /// And now.
        new: u64,
    },
    /// Segments that the snap length cut.
    Cut {
        /// Before.
        old: u64,
        /// And now.
        new: u64,
    },
    /// Packets whose time stamp lies before that of the packet before.
    ClockSteps {
        /// Before.
        old: u64,
        /// And now.
        new: u64,
    },
    /// TIME-WAIT was taken to last differently.
    TimeWait {
        /// 2 MSL, nanoseconds, before.
        old_ns: i64,
        /// And now.
        new_ns: i64,
    },
    /// Another version of this program wrote one side: rules may have been added.
    Program {
        /// Before.
        old: String,
        /// And now.
        new: String,
    },
}

/// All that apply.
pub(super) fn between(old_side: &Side, new_side: &Side) -> Vec<Caveat> {
    let (old, new) = (&old_side.origin, &new_side.origin);
    let mut caveats = Vec::new();
    for (side, counted) in [(Which::Old, old_side), (Which::New, new_side)] {
        let origin = &counted.origin;
        if !origin.complete {
            caveats.push(Caveat::Incomplete { side });
        }
        if origin.connections == 0 {
            caveats.push(Caveat::Empty { side });
        }
        if counted.compared < origin.connections {
            caveats.push(Caveat::Selection {
                side,
                connections: counted.compared,
                of: origin.connections,
            });
        }
    }
    if let (Some(old_ns), Some(new_ns)) = (old.span_ns, new.span_ns)
        && old_ns.abs_diff(new_ns) > old_ns.max(new_ns).unsigned_abs() / 10
    {
        caveats.push(Caveat::Length { old_ns, new_ns });
    }
    if old.missed_bytes != new.missed_bytes {
        caveats.push(Caveat::Missing {
            old_bytes: old.missed_bytes,
            new_bytes: new.missed_bytes,
        });
    }
    type Counts = (u64, u64, fn(u64, u64) -> Caveat);
    let counts: [Counts; 4] = [
        (
            old.one_sided_connections,
            new.one_sided_connections,
            |old, new| Caveat::OneSided { old, new },
        ),
        (old.duplicate_segments, new.duplicate_segments, |old, new| {
            Caveat::Duplicates { old, new }
        }),
        (old.cut_segments, new.cut_segments, |old, new| Caveat::Cut {
            old,
            new,
        }),
        (old.time_steps_back, new.time_steps_back, |old, new| {
            Caveat::ClockSteps { old, new }
        }),
    ];
    caveats.extend(
        counts
            .into_iter()
            .filter(|(old, new, _)| old != new)
            .map(|(old, new, caveat)| caveat(old, new)),
    );
    if old.time_wait_ns != new.time_wait_ns {
        caveats.push(Caveat::TimeWait {
            old_ns: old.time_wait_ns,
            new_ns: new.time_wait_ns,
        });
    }
    if old.program != new.program {
        caveats.push(Caveat::Program {
            old: old.program.clone(),
            new: new.program.clone(),
        });
    }
    caveats
}
