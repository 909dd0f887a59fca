//! Connections, one a row.

use std::sync::Arc;

use arrow_array::{Int32Array, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use super::{Column, batch_of, column, flags, longs, maybe_longs, schema_of, signed, texts, times, word};
use crate::model::{Connection, EndpointReport};

type Row<'a> = &'a Connection;

fn worst(connection: &Connection) -> Option<String> {
    let worst = connection.findings.iter().map(|finding| finding.severity).max();
    worst.as_ref().and_then(word)
}

fn ended(of: &EndpointReport) -> Option<String> {
    word(&of.state)
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        column(
            "id",
            false,
            "Number of the connection: that of its first packet.",
            |rows| longs(rows, |one| one.id),
        ),
        column(
            "incarnation",
            false,
            "How many earlier connections used the same 4-tuple.",
            |rows| longs(rows, |one| one.incarnation.into()),
        ),
        column(
            "client_ip",
            false,
            "Address of the client: who sent the first SYN.",
            |rows| texts(rows, |one| Some(one.client.ip.to_string())),
        ),
        column("client_port", false, "Its port.", |rows| {
            Arc::new(Int32Array::from_iter_values(
                rows.iter().map(|one| i32::from(one.client.port)),
            ))
        }),
        column("server_ip", false, "Address of the server.", |rows| {
            texts(rows, |one| Some(one.server.ip.to_string()))
        }),
        column("server_port", false, "Its port.", |rows| {
            Arc::new(Int32Array::from_iter_values(
                rows.iter().map(|one| i32::from(one.server.port)),
            ))
        }),
        column(
            "roles_from",
            false,
            "How the roles were told: syn, syn-ack, or guess.",
            |rows| texts(rows, |one| word(&one.roles_from)),
        ),
        column(
            "vlans",
            true,
            "VLAN ids around it, outermost first, separated by commas.",
            |rows| {
                texts(rows, |one| {
                    let ids: Vec<String> = one.vlans.iter().map(u16::to_string).collect();
                    (!ids.is_empty()).then(|| ids.join(","))
                })
            },
        ),
        column(
            "tunnels",
            true,
            "Tunnels around it, outermost first, separated by ` > `.",
            |rows| {
                texts(rows, |one| {
                    (!one.tunnels.is_empty()).then(|| one.tunnels.join(" > "))
                })
            },
        ),
        column("first_packet", false, "First packet.", |rows| {
            longs(rows, |one| one.first_packet)
        }),
        column("last_packet", false, "Last packet.", |rows| {
            longs(rows, |one| one.last_packet)
        }),
        column(
            "first_time_ns",
            false,
            "Capture time of the first packet.",
            |rows| times(rows, |one| Some(one.first_time)),
        ),
        column(
            "last_time_ns",
            false,
            "Capture time of the last packet.",
            |rows| times(rows, |one| Some(one.last_time)),
        ),
        column(
            "handshake_complete",
            false,
            "Both SYNs were acknowledged, as far as the capture shows.",
            |rows| flags(rows, |one| Some(one.handshake.complete)),
        ),
        column(
            "simultaneous_open",
            false,
            "Both sides sent a SYN before they saw the other's.",
            |rows| flags(rows, |one| Some(one.handshake.simultaneous)),
        ),
        column("syn_packet", true, "The client's first SYN.", |rows| {
            maybe_longs(rows, |one| one.handshake.syn_packet)
        }),
        column(
            "syn_ack_packet",
            true,
            "The server's first SYN-ACK for it.",
            |rows| maybe_longs(rows, |one| one.handshake.syn_ack_packet),
        ),
        column(
            "ack_packet",
            true,
            "The first segment that acknowledged the server's SYN.",
            |rows| maybe_longs(rows, |one| one.handshake.ack_packet),
        ),
        column(
            "client_iss",
            true,
            "Initial send sequence number of the client.",
            |rows| maybe_longs(rows, |one| one.handshake.client_iss.map(u64::from)),
        ),
        column(
            "server_iss",
            true,
            "Initial send sequence number of the server.",
            |rows| maybe_longs(rows, |one| one.handshake.server_iss.map(u64::from)),
        ),
        column(
            "handshake_rtt_ns",
            true,
            "From the SYN to the acknowledgment of the SYN-ACK.",
            |rows| signed(rows, |one| one.handshake.rtt_ns),
        ),
        column(
            "syn_retransmissions",
            false,
            "Copies of the client's SYN beyond the first.",
            |rows| longs(rows, |one| one.handshake.syn_retransmissions.into()),
        ),
        column(
            "syn_ack_retransmissions",
            false,
            "Copies of the server's SYN beyond the first.",
            |rows| longs(rows, |one| one.handshake.syn_ack_retransmissions.into()),
        ),
        column(
            "outcome",
            false,
            "How it ended: closed, reset, refused, half-closed, open and so on.",
            |rows| texts(rows, |one| word(&one.outcome)),
        ),
        column(
            "close_kind",
            true,
            "active-passive, simultaneous or reset.",
            |rows| texts(rows, |one| one.close.kind.as_ref().and_then(word)),
        ),
        column(
            "first_closer",
            true,
            "Who sent the first FIN or, without one, the RST.",
            |rows| texts(rows, |one| one.close.first_closer.as_ref().and_then(word)),
        ),
        column(
            "half_close_ns",
            true,
            "Time in CLOSE-WAIT; a lower bound while half_close_open.",
            |rows| signed(rows, |one| one.close.half_close_ns),
        ),
        column(
            "half_close_bytes",
            true,
            "Octets that the second closer sent in it.",
            |rows| maybe_longs(rows, |one| one.close.half_close_bytes),
        ),
        column(
            "half_close_open",
            false,
            "The second closer has not sent its FIN by the end.",
            |rows| flags(rows, |one| Some(one.close.half_close_open)),
        ),
        column(
            "close_wait_endpoint",
            true,
            "The side that is or was in CLOSE-WAIT.",
            |rows| texts(rows, |one| one.close.close_wait_endpoint.as_ref().and_then(word)),
        ),
        column(
            "close_wait_since_ns",
            true,
            "When it entered CLOSE-WAIT.",
            |rows| times(rows, |one| one.close.close_wait_since),
        ),
        column(
            "request_answered",
            true,
            "The second closer had answered when the first one closed.",
            |rows| flags(rows, |one| one.close.request_answered),
        ),
        column(
            "time_wait_holder",
            true,
            "Who holds TIME-WAIT: client, server or both.",
            |rows| texts(rows, |one| one.close.time_wait_holder.as_ref().and_then(word)),
        ),
        column("reset_by", true, "Who sent the RST that ended it.", |rows| {
            texts(rows, |one| one.close.reset_by.as_ref().and_then(word))
        }),
        column(
            "client_state",
            false,
            "State of the client at the end of the capture.",
            |rows| texts(rows, |one| ended(&one.endpoints.client)),
        ),
        column(
            "client_state_evidence",
            true,
            "How that state is known.",
            |rows| {
                texts(rows, |one| {
                    one.endpoints.client.state_evidence.as_ref().and_then(word)
                })
            },
        ),
        column(
            "server_state",
            false,
            "State of the server at the end of the capture.",
            |rows| texts(rows, |one| ended(&one.endpoints.server)),
        ),
        column(
            "server_state_evidence",
            true,
            "How that state is known.",
            |rows| {
                texts(rows, |one| {
                    one.endpoints.server.state_evidence.as_ref().and_then(word)
                })
            },
        ),
        column(
            "client_segments",
            false,
            "Segments that the client sent, copies included.",
            |rows| longs(rows, |one| one.endpoints.client.packets),
        ),
        column(
            "server_segments",
            false,
            "Segments that the server sent, copies included.",
            |rows| longs(rows, |one| one.endpoints.server.packets),
        ),
        column(
            "client_payload_bytes",
            false,
            "Octets of payload in the client's segments.",
            |rows| longs(rows, |one| one.endpoints.client.payload_bytes),
        ),
        column(
            "server_payload_bytes",
            false,
            "Octets of payload in the server's segments.",
            |rows| longs(rows, |one| one.endpoints.server.payload_bytes),
        ),
        column(
            "client_retransmitted_segments",
            false,
            "Its segments with nothing new.",
            |rows| longs(rows, |one| one.endpoints.client.retransmitted_segments),
        ),
        column(
            "server_retransmitted_segments",
            false,
            "Its segments with nothing new.",
            |rows| longs(rows, |one| one.endpoints.server.retransmitted_segments),
        ),
        column(
            "one_sided",
            false,
            "Segments of only one side were captured.",
            |rows| flags(rows, |one| Some(one.quality.one_sided)),
        ),
        column("midstream", false, "The beginning is missing.", |rows| {
            flags(rows, |one| Some(one.quality.midstream))
        }),
        column(
            "duplicate_segments",
            false,
            "Segments that the capture recorded twice.",
            |rows| longs(rows, |one| one.quality.duplicate_segments),
        ),
        column(
            "missed_bytes",
            false,
            "Octets that were acknowledged but never captured.",
            |rows| longs(rows, |one| one.quality.missed_bytes),
        ),
        column(
            "previous_id",
            true,
            "The connection before on the same 4-tuple.",
            |rows| maybe_longs(rows, |one| one.reuse.as_ref().map(|reuse| reuse.previous)),
        ),
        column(
            "reuse_verdict",
            true,
            "How it took over the 4-tuple from that one.",
            |rows| {
                texts(rows, |one| {
                    one.reuse.as_ref().and_then(|reuse| word(&reuse.verdict))
                })
            },
        ),
        column(
            "next_id",
            true,
            "The connection that took its 4-tuple over.",
            |rows| maybe_longs(rows, |one| one.successor.map(|next| next.id)),
        ),
        column("finding_count", false, "Findings about it.", |rows| {
            longs(rows, |one| one.findings.len() as u64)
        }),
        column(
            "worst_severity",
            true,
            "The worst of them: error, warning, note or info.",
            |rows| texts(rows, |one| worst(one)),
        ),
    ]
}

/// The columns.
pub fn schema() -> SchemaRef {
    schema_of(&columns())
}

/// A row for each connection.
///
/// # Errors
///
/// None that can be met: columns and values come from one place.
pub fn batch(connections: &[&Connection]) -> Result<RecordBatch, ArrowError> {
    let columns = columns();
    batch_of(&columns, &schema_of(&columns), connections)
}
