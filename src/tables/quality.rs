//! Files and how good they are, one a row, in the order of the timeline.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};

use super::{Column, batch_of, column, flags, longs, maybe_longs, schema_of, signed, texts, times};
use crate::fleet::{FileReport, Plan};

struct Row<'a> {
    rank: Option<u64>,
    name: String,
    before: Option<u64>,
    file: Option<&'a FileReport>,
    problem: Option<String>,
}

fn of<'a, T>(row: &'a Row<'_>, value: impl Fn(&'a FileReport) -> T) -> Option<T> {
    row.file.map(value)
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        column(
            "rank",
            true,
            "Place of the file in the order of time, from 0; null if it could not be read.",
            |rows: &[Row<'_>]| maybe_longs(rows, |row| row.rank),
        ),
        column(
            "file",
            true,
            "The file as it was named; null where only the problem is known.",
            |rows| texts(rows, |row| (!row.name.is_empty()).then(|| row.name.clone())),
        ),
        column(
            "packets_before",
            true,
            "Packets in the files before: its packet n has number packets_before + n.",
            |rows| maybe_longs(rows, |row| row.before),
        ),
        column("packets", false, "Packets read.", |rows| {
            longs(rows, |row| of(row, |file| file.capture.packets).unwrap_or(0))
        }),
        column(
            "tcp_segments",
            false,
            "Of these, those with a TCP segment, copies of other files included.",
            |rows| longs(rows, |row| of(row, |file| file.capture.tcp_segments).unwrap_or(0)),
        ),
        column(
            "skipped",
            true,
            "Packets without one, by reason, as a JSON object.",
            |rows| {
                texts(rows, |row| {
                    of(row, |file| serde_json::to_string(&file.capture.skipped).ok()).flatten()
                })
            },
        ),
        column("format", true, "pcap, pcapng and so on.", |rows| {
            texts(rows, |row| {
                of(row, |file| file.capture.formats.first().cloned()).flatten()
            })
        }),
        column(
            "link_types",
            true,
            "Names of the link types, separated by commas.",
            |rows| texts(rows, |row| of(row, |file| file.capture.link_types.join(","))),
        ),
        column("first_time_ns", true, "Time of the earliest packet.", |rows| {
            times(rows, |row| of(row, |file| file.capture.first_time).flatten())
        }),
        column("last_time_ns", true, "Time of the latest packet.", |rows| {
            times(rows, |row| of(row, |file| file.capture.last_time).flatten())
        }),
        column(
            "clock_ahead_ns",
            true,
            "How far its clock was ahead and has been set back, where clocks were aligned.",
            |rows| {
                signed(rows, |row| {
                    of(row, |file| file.clock.map(|clock| clock.ahead_ns)).flatten()
                })
            },
        ),
        column(
            "clock_shared_segments",
            true,
            "By how many segments that another file has, too; with 0 nothing was known of it.",
            |rows| {
                maybe_longs(rows, |row| {
                    of(row, |file| file.clock.map(|clock| clock.shared)).flatten()
                })
            },
        ),
        column(
            "time_steps_back",
            false,
            "Packets whose time lies before that of the packet before.",
            |rows| {
                longs(rows, |row| {
                    of(row, |file| file.capture.time_steps_back).unwrap_or(0)
                })
            },
        ),
        column(
            "cut_packets",
            false,
            "Packets that the snap length cut.",
            |rows| longs(rows, |row| of(row, |file| file.capture.cut_packets).unwrap_or(0)),
        ),
        column(
            "kernel_drops",
            true,
            "Packets that the capturing system says it dropped.",
            |rows| maybe_longs(rows, |row| of(row, |file| file.capture.kernel_drops).flatten()),
        ),
        column(
            "passed_over_bytes",
            false,
            "Octets that could not be read and were passed over.",
            |rows| {
                longs(rows, |row| {
                    of(row, |file| file.capture.passed_over_bytes).unwrap_or(0)
                })
            },
        ),
        column("complete", false, "False if it was damaged or cut off.", |rows| {
            flags(rows, |row| {
                Some(of(row, |file| file.capture.complete).unwrap_or(false))
            })
        }),
        column(
            "problems",
            true,
            "What was wrong with it, where, and what to do; one a line.",
            |rows| {
                texts(rows, |row| {
                    let damage =
                        of(row, |file| file.capture.damage.join("\n")).filter(|damage| !damage.is_empty());
                    row.problem.clone().or(damage)
                })
            },
        ),
    ]
}

/// The columns.
pub fn schema() -> SchemaRef {
    schema_of(&columns())
}

/// A row for each file, those that could not be read last.
///
/// # Errors
///
/// None that can be met: columns and values come from one place.
pub fn batch(plan: &Plan) -> Result<RecordBatch, ArrowError> {
    let mut before = 0_u64;
    let read = (0..).zip(plan.files()).map(|(rank, file)| {
        let row = Row {
            rank: Some(rank),
            name: file.name.clone(),
            before: Some(before),
            file: Some(file),
            problem: None,
        };
        before = before.saturating_add(file.capture.packets);
        row
    });
    let mut rows: Vec<Row<'_>> = read.collect();
    rows.extend(plan.unreadable().iter().map(|problem| Row {
        rank: None,
        name: String::new(),
        before: None,
        file: None,
        problem: Some(problem.clone()),
    }));
    let columns = columns();
    batch_of(&columns, &schema_of(&columns), &rows)
}
