//! TCP segments, one a row: all that the tracker looks at, and nothing of their payload.
//!
//! Rows sorted by `flow`, then `time_ns`, `file` and `number` are what a [`Partition`](crate::fleet::Partition) takes.

use std::net::IpAddr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Int8Array, Int16Array, Int32Array, RecordBatch,
};
use arrow_schema::{ArrowError, SchemaRef};

use super::{Column, batch_of, column, flags, longs, maybe_longs, schema_of, texts, times};
use crate::fleet::{Position, Row, flow_octets};
use crate::segment::{ChecksumState, Endpoint, Flags, Options, Scope, Segment, TunnelId, TunnelPath};
use crate::seq::Seq;
use crate::time::Timestamp;

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
                    rows.iter().map(|row| state(row.segment.checksum_state)),
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

const STATES: [ChecksumState; 5] = [
    ChecksumState::NotVerified,
    ChecksumState::NotCaptured,
    ChecksumState::Good,
    ChecksumState::Offloaded,
    ChecksumState::Bad,
];

fn state(state: ChecksumState) -> i8 {
    let place = STATES.iter().position(|known| *known == state);
    place.and_then(|place| i8::try_from(place).ok()).unwrap_or(0)
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

/// Columns of a batch, by name.
struct Batch<'a>(&'a RecordBatch);

impl<'a> Batch<'a> {
    fn column<T: 'static>(&self, name: &str) -> Result<&'a T, ArrowError> {
        let found = self
            .0
            .column_by_name(name)
            .and_then(|array| array.as_any().downcast_ref::<T>());
        found.ok_or_else(|| ArrowError::SchemaError(format!("segments need a column `{name}` of their type")))
    }

    fn longs(&self, name: &str) -> Result<&'a arrow_array::Int64Array, ArrowError> {
        self.column(name)
    }

    fn flags(&self, name: &str) -> Result<&'a BooleanArray, ArrowError> {
        self.column(name)
    }
}

fn at<'a, T: Array, V>(array: &'a T, row: usize, value: impl Fn(&'a T, usize) -> V) -> Option<V> {
    (!array.is_null(row)).then(|| value(array, row))
}

/// The segments of a batch. Columns that are not known are passed over, their order does not matter.
///
/// # Errors
///
/// A column is missing, or a value is not one that [`batch`] writes.
pub fn rows(batch: &RecordBatch) -> Result<Vec<Row>, ArrowError> {
    let columns = Batch(batch);
    let wrong = |name: &str, row: usize| {
        ArrowError::InvalidArgumentError(format!("row {row} of segments: `{name}` makes no sense"))
    };
    let (files, numbers) = (columns.column::<Int32Array>("file")?, columns.longs("number")?);
    let (flows, from_low) = (columns.column::<BinaryArray>("flow")?, columns.flags("from_low")?);
    let (times, captured) = (columns.longs("time_ns")?, columns.longs("captured_time_ns")?);
    let (vlans, seqs, acks) = (
        columns.longs("vlans")?,
        columns.longs("seq")?,
        columns.longs("ack")?,
    );
    let tunnels = columns
        .0
        .column_by_name("tunnels")
        .and_then(|array| array.as_string_opt::<i32>());
    let tunnels = tunnels
        .ok_or_else(|| ArrowError::SchemaError("segments need a column `tunnels` of text".to_owned()))?;
    let int32 = |name| columns.column::<Int32Array>(name);
    let int16 = |name| columns.column::<Int16Array>(name);
    let (control, window, payload) = (int32("flags")?, int32("window")?, columns.longs("payload_bytes")?);
    let (mss, scale, sack_permitted) = (
        int32("mss")?,
        int16("window_scale")?,
        columns.flags("sack_permitted")?,
    );
    let (tsval, tsecr, sack) = (
        columns.longs("tsval")?,
        columns.longs("tsecr")?,
        columns.column::<BinaryArray>("sack")?,
    );
    let (fast_open, malformed) = (int16("fast_open")?, columns.flags("malformed_options")?);
    let (ip_id, ttl, checksum) = (int32("ip_id")?, int16("ttl")?, int32("checksum")?);
    let states = columns.column::<Int8Array>("checksum_state")?;
    let (header_cut, cut) = (columns.flags("header_cut")?, columns.flags("cut")?);
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let long = |array: &arrow_array::PrimitiveArray<Int64Type>, name| {
            u32::try_from(array.value(row)).map_err(|_| wrong(name, row))
        };
        let short = |array: &arrow_array::PrimitiveArray<Int32Type>, name| {
            let value = at(array, row, |array, row| array.value(row));
            value
                .map(|value| u16::try_from(value).map_err(|_| wrong(name, row)))
                .transpose()
        };
        let octet = |array: &arrow_array::PrimitiveArray<Int16Type>, name| {
            let value = at(array, row, |array, row| array.value(row));
            value
                .map(|value| u8::try_from(value).map_err(|_| wrong(name, row)))
                .transpose()
        };
        let [low, high] = ends(flows.value(row)).ok_or_else(|| wrong("flow", row))?;
        let (source, destination) = if from_low.value(row) {
            (low, high)
        } else {
            (high, low)
        };
        let path = at(tunnels, row, |array, row| array.value(row));
        let (tunnel, path) = match path {
            None => (TunnelId::default(), None),
            Some(OVERFLOW) => (TunnelId::OVERFLOW, None),
            // The one who tracks numbers it.
            Some(path) => (
                TunnelId::default(),
                Some(path.parse::<TunnelPath>().map_err(|_| wrong("tunnels", row))?),
            ),
        };
        let tags = vlans.value(row).cast_unsigned().to_be_bytes();
        let [a, b, c, d, e, f, g, h] = tags;
        let flags = Flags(short(control, "flags")?.unwrap_or(0));
        let raw_ack = long(acks, "ack")?;
        let stamps = match (at(tsval, row, |_, _| ()), at(tsecr, row, |_, _| ())) {
            (Some(()), Some(())) => Some((long(tsval, "tsval")?, long(tsecr, "tsecr")?)),
            _ => None,
        };
        let state = usize::try_from(
            at(
                states,
                row,
                |array: &arrow_array::PrimitiveArray<Int8Type>, row| array.value(row),
            )
            .unwrap_or(0),
        );
        rows.push(Row {
            position: Position {
                time: Timestamp::from_ns(times.value(row)),
                file: u32::try_from(files.value(row)).map_err(|_| wrong("file", row))?,
                number: u64::try_from(numbers.value(row)).map_err(|_| wrong("number", row))?,
            },
            segment: Segment {
                packet: u64::try_from(numbers.value(row)).map_err(|_| wrong("number", row))?,
                time: Timestamp::from_ns(captured.value(row)),
                source,
                destination,
                scope: Scope {
                    vlans: [[a, b], [c, d], [e, f], [g, h]].map(u16::from_be_bytes),
                    tunnel,
                },
                seq: Seq(long(seqs, "seq")?),
                ack: flags.ack().then_some(Seq(raw_ack)),
                raw_ack,
                flags,
                window: short(window, "window")?.unwrap_or(0),
                payload_len: long(payload, "payload_bytes")?,
                options: Options {
                    mss: short(mss, "mss")?,
                    window_scale: octet(scale, "window_scale")?,
                    sack_permitted: sack_permitted.value(row),
                    timestamps: stamps,
                    sack: blocks(at(sack, row, |array, row| array.value(row)).unwrap_or_default()),
                    fast_open: octet(fast_open, "fast_open")?,
                    malformed: malformed.value(row),
                },
                ip_id: short(ip_id, "ip_id")?,
                ttl: octet(ttl, "ttl")?.unwrap_or(0),
                checksum: short(checksum, "checksum")?,
                checksum_state: state
                    .ok()
                    .and_then(|state| STATES.get(state).copied())
                    .ok_or_else(|| wrong("checksum_state", row))?,
                header_cut: header_cut.value(row),
                cut: cut.value(row),
            },
            tunnels: path,
        });
    }
    Ok(rows)
}

fn ends(flow: &[u8]) -> Option<[Endpoint; 2]> {
    let (version, ends) = flow.split_first()?;
    let length = match version {
        4 => 4,
        6 => 16,
        _ => return None,
    };
    let end = |octets: &[u8]| -> Option<Endpoint> {
        let (ip, port) = octets.split_at_checked(length)?;
        let ip: IpAddr = match length {
            4 => <[u8; 4]>::try_from(ip).ok()?.into(),
            _ => <[u8; 16]>::try_from(ip).ok()?.into(),
        };
        let port = u16::from_be_bytes(port.try_into().ok()?);
        Some(Endpoint { ip, port })
    };
    let (low, high) = ends.split_at_checked(length + 2)?;
    Some([end(low)?, end(high)?])
}

fn blocks(octets: &[u8]) -> [Option<(Seq, Seq)>; 4] {
    let mut blocks = [None; 4];
    for (block, octets) in blocks.iter_mut().zip(octets.chunks_exact(8)) {
        let edge = |octets: &[u8]| octets.try_into().ok().map(u32::from_be_bytes).map(Seq);
        let (left, right) = octets.split_at(4);
        *block = edge(left).zip(edge(right));
    }
    blocks
}
