//! One row a connection (RFC 4180), for spreadsheets and quick scripts. Empty cells are what the capture cannot tell.

use std::borrow::Borrow;
use std::io::{self, Write};

use crate::model::{Analysis, CloseKind, Connection, EndpointReport, RolesFrom, TimeWaitHolder};

/// A column: its name, and what stands in it. Text from outside would pass [`crate::report::escape::Cell`]; there is none.
type Column = (&'static str, fn(&Connection) -> String);

/// The columns, in order. Columns may be added at the end; none is renamed or moved.
const COLUMNS: [Column; 42] = [
    ("id", |c| c.id.to_string()),
    ("incarnation", |c| c.incarnation.to_string()),
    ("client_ip", |c| c.client.ip.to_string()),
    ("client_port", |c| c.client.port.to_string()),
    ("server_ip", |c| c.server.ip.to_string()),
    ("server_port", |c| c.server.port.to_string()),
    ("vlans", |c| {
        c.vlans.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
    }),
    ("roles_from", |c| roles_from(c.roles_from).to_owned()),
    ("outcome", |c| c.outcome.name().to_owned()),
    ("client_state", |c| c.endpoints.client.state.to_string()),
    ("client_state_evidence", |c| evidence(&c.endpoints.client)),
    ("server_state", |c| c.endpoints.server.state.to_string()),
    ("server_state_evidence", |c| evidence(&c.endpoints.server)),
    ("close_kind", |c| optional(c.close.kind.map(close_kind))),
    ("first_closer", |c| {
        optional(c.close.first_closer.map(|role| role.name()))
    }),
    ("half_close_ns", |c| optional(c.close.half_close_ns)),
    ("half_close_bytes", |c| optional(c.close.half_close_bytes)),
    ("half_close_open", |c| c.close.half_close_open.to_string()),
    ("time_wait_holder", |c| {
        optional(c.close.time_wait_holder.map(time_wait_holder))
    }),
    ("reset_by", |c| optional(c.close.reset_by.map(|role| role.name()))),
    ("handshake_complete", |c| c.handshake.complete.to_string()),
    ("client_iss", |c| optional(c.handshake.client_iss)),
    ("server_iss", |c| optional(c.handshake.server_iss)),
    ("handshake_rtt_ns", |c| optional(c.handshake.rtt_ns)),
    ("first_packet", |c| c.first_packet.to_string()),
    ("last_packet", |c| c.last_packet.to_string()),
    ("first_time", |c| c.first_time.to_string()),
    ("last_time", |c| c.last_time.to_string()),
    ("client_packets", |c| c.endpoints.client.packets.to_string()),
    ("server_packets", |c| c.endpoints.server.packets.to_string()),
    ("client_payload_bytes", |c| {
        c.endpoints.client.payload_bytes.to_string()
    }),
    ("server_payload_bytes", |c| {
        c.endpoints.server.payload_bytes.to_string()
    }),
    ("client_retransmitted_segments", |c| {
        c.endpoints.client.retransmitted_segments.to_string()
    }),
    ("server_retransmitted_segments", |c| {
        c.endpoints.server.retransmitted_segments.to_string()
    }),
    ("client_fin_packet", |c| optional(c.endpoints.client.fin_packet)),
    ("server_fin_packet", |c| optional(c.endpoints.server.fin_packet)),
    ("one_sided", |c| c.quality.one_sided.to_string()),
    ("midstream", |c| c.quality.midstream.to_string()),
    ("missed_bytes", |c| c.quality.missed_bytes.to_string()),
    ("duplicate_segments", |c| c.quality.duplicate_segments.to_string()),
    ("findings", |c| {
        c.findings
            .iter()
            .map(|finding| finding.code)
            .collect::<Vec<_>>()
            .join(" ")
    }),
    ("tunnels", |c| c.tunnels.join(" > ")),
];

/// Writes a header and one row a connection.
///
/// # Errors
///
/// Those of `out`.
pub fn write(out: &mut dyn Write, analysis: &Analysis) -> io::Result<()> {
    write_each(out, analysis.connections.iter())
}

/// Writes the same of one connection after the other.
///
/// # Errors
///
/// Those of `out`.
pub fn write_each<C: Borrow<Connection>>(
    out: &mut dyn Write,
    connections: impl Iterator<Item = C>,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer
        .write_record(COLUMNS.map(|(name, _)| name))
        .map_err(io_error)?;
    for connection in connections {
        let row = COLUMNS.map(|(_, cell)| cell(connection.borrow()));
        writer.write_record(row).map_err(io_error)?;
    }
    writer.flush()
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn evidence(endpoint: &EndpointReport) -> String {
    optional(endpoint.state_evidence.map(|evidence| evidence.name()))
}

fn roles_from(roles: RolesFrom) -> &'static str {
    match roles {
        RolesFrom::Syn => "syn",
        RolesFrom::SynAck => "syn-ack",
        RolesFrom::Guess => "guess",
    }
}

fn close_kind(kind: CloseKind) -> &'static str {
    match kind {
        CloseKind::ActivePassive => "active-passive",
        CloseKind::Simultaneous => "simultaneous",
        CloseKind::Reset => "reset",
    }
}

fn time_wait_holder(holder: TimeWaitHolder) -> &'static str {
    match holder {
        TimeWaitHolder::Client => "client",
        TimeWaitHolder::Server => "server",
        TimeWaitHolder::Both => "both",
    }
}

/// The io::Error inside, so that the caller can tell a closed pipe.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
