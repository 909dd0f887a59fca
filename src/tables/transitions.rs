//! Changes of state, one a row.

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};

use super::{Column, batch_of, column, longs, maybe_longs, schema_of, texts, times, word};
use crate::model::{Connection, Role, Transition};

struct Row<'a> {
    connection: u64,
    endpoint: Role,
    place: u64,
    step: &'a Transition,
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        column(
            "connection_id",
            false,
            "Id of the connection.",
            |rows: &[Row<'_>]| longs(rows, |row| row.connection),
        ),
        column("endpoint", false, "client or server.", |rows| {
            texts(rows, |row| word(&row.endpoint))
        }),
        column(
            "step",
            false,
            "Its place among the endpoint's transitions that were kept, from 0.",
            |rows| longs(rows, |row| row.place),
        ),
        column("from_state", false, "State before.", |rows| {
            texts(rows, |row| word(&row.step.from))
        }),
        column("to_state", false, "State after.", |rows| {
            texts(rows, |row| word(&row.step.to))
        }),
        column("cause", false, "What made the endpoint do it.", |rows| {
            texts(rows, |row| word(&row.step.cause))
        }),
        column(
            "packet",
            true,
            "The packet that caused or announced it; null for a timer.",
            |rows| maybe_longs(rows, |row| row.step.packet),
        ),
        column("at_ns", false, "Best estimate of the moment.", |rows| {
            times(rows, |row| Some(row.step.at))
        }),
        column("earliest_time_ns", true, "It was no earlier than this.", |rows| {
            times(rows, |row| row.step.earliest)
        }),
        column("latest_time_ns", true, "It was no later than this.", |rows| {
            times(rows, |row| row.step.latest)
        }),
        column(
            "evidence",
            false,
            "How it is known: sent, confirmed, presumed, inferred or timer.",
            |rows| texts(rows, |row| word(&row.step.evidence)),
        ),
        column(
            "proven_by",
            true,
            "The packet from the endpoint that proves it.",
            |rows| maybe_longs(rows, |row| row.step.proven_by),
        ),
    ]
}

/// The columns.
pub fn schema() -> SchemaRef {
    schema_of(&columns())
}

/// A row for each transition of each of these connections.
///
/// # Errors
///
/// None that can be met: columns and values come from one place.
pub fn batch(connections: &[&Connection]) -> Result<RecordBatch, ArrowError> {
    let mut rows = Vec::new();
    for connection in connections {
        let ends = [
            (Role::Client, &connection.endpoints.client),
            (Role::Server, &connection.endpoints.server),
        ];
        for (endpoint, end) in ends {
            rows.extend((0..).zip(&end.transitions).map(|(place, step)| Row {
                connection: connection.id,
                endpoint,
                place,
                step,
            }));
        }
    }
    let columns = columns();
    batch_of(&columns, &schema_of(&columns), &rows)
}
