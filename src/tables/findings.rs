//! Findings, one a row: those about connections, and those about services or the capture, which have no `connection_id`.

use std::net::IpAddr;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};

use super::{Column, batch_of, column, longs, maybe_longs, schema_of, texts, times, word};
use crate::model::{Address, Confidence, Connection, PacketNumber, Role, ServiceFinding, Severity};
use crate::time::Timestamp;

struct Row<'a> {
    connection: Option<u64>,
    code: &'static str,
    name: &'static str,
    severity: Severity,
    confidence: Confidence,
    server: Option<Address>,
    client: Option<IpAddr>,
    endpoint: Option<Role>,
    packet: Option<PacketNumber>,
    at: Option<Timestamp>,
    count: u64,
    connections: u64,
    message: &'a str,
    weakened_by: &'a [&'static str],
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        column(
            "connection_id",
            true,
            "Id of the connection; null if it is about a service or the capture.",
            |rows: &[Row<'_>]| maybe_longs(rows, |row| row.connection),
        ),
        column("code", false, "Stable code, TW04.", |rows| {
            texts(rows, |row| Some(row.code.to_owned()))
        }),
        column("name", false, "Stable name, reuse-illegal.", |rows| {
            texts(rows, |row| Some(row.name.to_owned()))
        }),
        column("severity", false, "error, warning, note or info.", |rows| {
            texts(rows, |row| word(&row.severity))
        }),
        column("confidence", false, "proven, likely or possible.", |rows| {
            texts(rows, |row| word(&row.confidence))
        }),
        column(
            "server_ip",
            true,
            "The service, or the server of the connection.",
            |rows| texts(rows, |row| row.server.map(|server| server.ip.to_string())),
        ),
        column("server_port", true, "Its port.", |rows| {
            maybe_longs(rows, |row| row.server.map(|server| server.port.into()))
        }),
        column("client_ip", true, "The client, where it is about one.", |rows| {
            texts(rows, |row| row.client.map(|client| client.to_string()))
        }),
        column("endpoint", true, "Which side it is about.", |rows| {
            texts(rows, |row| row.endpoint.as_ref().and_then(word))
        }),
        column("packet", true, "The first packet that shows it.", |rows| {
            maybe_longs(rows, |row| row.packet)
        }),
        column("at_ns", true, "When, or since when.", |rows| {
            times(rows, |row| row.at)
        }),
        column(
            "count",
            false,
            "How often it happened in the connection, exactly.",
            |rows| longs(rows, |row| row.count),
        ),
        column(
            "connections",
            false,
            "How many connections it is about, exactly.",
            |rows| longs(rows, |row| row.connections),
        ),
        column("message", false, "In words, one line.", |rows| {
            texts(rows, |row| Some(row.message.to_owned()))
        }),
        column(
            "weakened_by",
            true,
            "What about the capture could explain it instead, separated by commas.",
            |rows| {
                texts(rows, |row| {
                    (!row.weakened_by.is_empty()).then(|| row.weakened_by.join(","))
                })
            },
        ),
    ]
}

/// The columns.
pub fn schema() -> SchemaRef {
    schema_of(&columns())
}

/// A row for each finding about these connections.
///
/// # Errors
///
/// None that can be met: columns and values come from one place.
pub fn batch(connections: &[&Connection]) -> Result<RecordBatch, ArrowError> {
    let mut rows = Vec::new();
    for connection in connections {
        rows.extend(connection.findings.iter().map(|finding| Row {
            connection: Some(connection.id),
            code: finding.code,
            name: finding.name,
            severity: finding.severity,
            confidence: finding.confidence,
            server: Some(connection.server),
            client: Some(connection.client.ip),
            endpoint: finding.endpoint,
            packet: finding.packet,
            at: finding.at,
            count: finding.count,
            connections: 1,
            message: &finding.message,
            weakened_by: &finding.weakened_by,
        }));
    }
    let columns = columns();
    batch_of(&columns, &schema_of(&columns), &rows)
}

/// A row for each finding about services or the capture.
///
/// # Errors
///
/// None that can be met: columns and values come from one place.
pub fn services(findings: &[ServiceFinding]) -> Result<RecordBatch, ArrowError> {
    let rows: Vec<Row<'_>> = (findings.iter())
        .map(|finding| Row {
            connection: None,
            code: finding.code,
            name: finding.name,
            severity: finding.severity,
            confidence: finding.confidence,
            server: finding.server,
            client: finding.client,
            endpoint: finding.endpoint,
            packet: None,
            at: finding.at,
            count: 1,
            connections: finding.connections,
            message: &finding.message,
            weakened_by: &finding.weakened_by,
        })
        .collect();
    let columns = columns();
    batch_of(&columns, &schema_of(&columns), &rows)
}
