//! TCP segments, one a row: all that the tracker looks at, and nothing of their payload.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Int8Array, Int16Array, Int32Array, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use super::{Column, batch_of, column, flags, longs, maybe_longs, schema_of, texts, times};
use crate::fleet::{Row, flow_octets};
use crate::segment::{Segment, TunnelId};

/// What `tunnels` says of a packet whose tunnels were not told apart.
const OVERFLOW: &str = "?";

fn int32(rows: &[Row], value: impl Fn(&Row) -> Option<u16>) -> ArrayRef {
    Arc::new(
        rows.iter()
            .map(|row| value(row).map(i32::from))
            .collect::<Int32Array>(),
    )
}

fn int16(rows: &[Row], value: impl Fn(&Row) -> Option<u8>) -> ArrayRef {
    Arc::new(
        rows.iter()
            .map(|row| value(row).map(i16::from))
            .collect::<Int16Array>(),
    )
}

fn from_low(segment: &Segment) -> bool {
    segment.source <= segment.destination
}

fn columns() -> Vec<Column<Row>> {
    vec![
        column(
            "file",
            false,
            "The file: its place among those that were named, from 0; once they are in order, its rank.",
            |rows| {
                Arc::new(Int32Array::from_iter_values(
                    rows.iter()
                        .map(|row| i32::try_from(row.position.file).unwrap_or(i32::MAX)),
                ))
            },
        ),
        column(
            "number",
            false,
            "Number of the packet in the file, from 1.",
            |rows| longs(rows, |row| row.position.number),
        ),
        column(
            "flow",
            false,
            "IP version, lower address and port, higher address and port, as octets.",
            |rows| {
                Arc::new(BinaryArray::from_iter_values(
                    rows.iter().map(|row| flow_octets(&row.segment)),
                ))
            },
        ),
        column("from_low", false, "The lower end sent it.", |rows| {
            flags(rows, |row| Some(from_low(&row.segment)))
        }),
        column(
            "time_ns",
            false,
            "Effective time: the capture time of the newest packet of the file up to this one.",
            |rows| times(rows, |row| Some(row.position.time)),
        ),
        column("captured_time_ns", false, "Capture time.", |rows| {
            times(rows, |row| Some(row.segment.time))
        }),
        column(
            "vlans",
            false,
            "Four times 16 bits, the outermost highest: a VLAN id plus one, 0 for none.",
            |rows| {
                longs(rows, |row| {
                    let [a, b, c, d] = row.segment.scope.vlans.map(u64::from);
                    // Ids have 12 bits: the sign stays free.
                    a << 48 | b << 32 | c << 16 | d
                })
            },
        ),
        column(
            "tunnels",
            true,
            "Tunnels around it, outermost first; `?` where too many were seen to tell them apart.",
            |rows| {
                texts(rows, |row| match (&row.tunnels, row.segment.scope.tunnel) {
                    (Some(path), _) => Some(path.to_string()),
                    (None, TunnelId::OVERFLOW) => Some(OVERFLOW.to_owned()),
                    (None, _) => None,
                })
            },
        ),
        column("seq", false, "SEG.SEQ.", |rows| {
            longs(rows, |row| row.segment.seq.0.into())
        }),
        column(
            "ack",
            false,
            "The acknowledgment field, whether or not the ACK bit is set.",
            |rows| longs(rows, |row| row.segment.raw_ack.into()),
        ),
        column(
            "flags",
            false,
            "Control bits: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128, AE 256.",
            |rows| int32(rows, |row| Some(row.segment.flags.0)),
        ),
        column("window", false, "SEG.WND, unscaled.", |rows| {
            int32(rows, |row| Some(row.segment.window))
        }),
        column(
            "payload_bytes",
            false,
            "Octets of payload by the IP header.",
            |rows| longs(rows, |row| row.segment.payload_len.into()),
        ),
        column("mss", true, "Maximum segment size option.", |rows| {
            int32(rows, |row| row.segment.options.mss)
        }),
        column("window_scale", true, "Window scale option.", |rows| {
            int16(rows, |row| row.segment.options.window_scale)
        }),
        column("sack_permitted", false, "SACK permitted option.", |rows| {
            flags(rows, |row| Some(row.segment.options.sack_permitted))
        }),
        column("tsval", true, "TSval of the timestamps option.", |rows| {
            maybe_longs(rows, |row| {
                row.segment.options.timestamps.map(|(value, _)| value.into())
            })
        }),
        column("tsecr", true, "TSecr of the timestamps option.", |rows| {
            maybe_longs(rows, |row| {
                row.segment.options.timestamps.map(|(_, echo)| echo.into())
            })
        }),
        column(
            "sack",
            true,
            "SACK blocks: left and right edge of each, four octets big-endian.",
            |rows| {
                let blocks = rows.iter().map(|row| {
                    let blocks = row.segment.options.sack.iter().map_while(|block| *block);
                    let octets: Vec<u8> = blocks
                        .flat_map(|(left, right)| [left.0.to_be_bytes(), right.0.to_be_bytes()].concat())
                        .collect();
                    (!octets.is_empty()).then_some(octets)
                });
                Arc::new(blocks.collect::<BinaryArray>())
            },
        ),
        column(
            "fast_open",
            true,
            "Length of the Fast Open cookie, 0 for a request.",
            |rows| int16(rows, |row| row.segment.options.fast_open),
        ),
        column(
            "malformed_options",
            false,
            "The option list was malformed.",
            |rows| flags(rows, |row| Some(row.segment.options.malformed)),
        ),
        column("ip_id", true, "IPv4 identification.", |rows| {
            int32(rows, |row| row.segment.ip_id)
        }),
        column("ttl", false, "IPv4 time to live or IPv6 hop limit.", |rows| {
            int16(rows, |row| Some(row.segment.ttl))
        }),
        column("checksum", true, "The TCP checksum field.", |rows| {
            int32(rows, |row| row.segment.checksum)
        }),
        column(
            "checksum_state",
            false,
            "0 not verified, 1 not captured, 2 right, 3 left to the network card, 4 wrong.",
            |rows| {
                Arc::new(Int8Array::from_iter_values(
                    rows.iter().map(|row| row.segment.checksum_state as i8),
                ))
            },
        ),
        column(
            "header_cut",
            false,
            "The capture cut it inside the TCP header.",
            |rows| flags(rows, |row| Some(row.segment.header_cut)),
        ),
        column("cut", false, "The capture cut it anywhere.", |rows| {
            flags(rows, |row| Some(row.segment.cut))
        }),
    ]
}

/// The columns.
pub fn schema() -> SchemaRef {
    schema_of(&columns())
}

/// A row for each segment.
///
/// # Errors
///
/// None that can be met: columns and values come from one place.
pub fn batch(rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let columns = columns();
    batch_of(&columns, &schema_of(&columns), rows)
}
