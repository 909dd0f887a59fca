//! The results as Arrow tables, for programs that work on many connections at once: pandas, Polars, DuckDB, Spark.
//!
//! | table | one row for each |
//! | --- | --- |
//! | [`connections`] | connection (incarnation of a 4-tuple) |
//! | [`transitions`] | change of state of an endpoint |
//! | [`findings`] | finding about a connection, or about a service or the capture |
//! | [`quality`] | file |
//! | [`segments`] | TCP segment, with all that the tracker looks at |
//!
//! Names are stable: columns may be added, none is renamed or dropped, or changes its type, without a new major version.
//! A name that ends in `_ns` is in nanoseconds, and where it ends in `_time_ns`, `at_ns` or `since_ns` those since
//! 1970-01-01 00:00 UTC: a 64-bit number, because not every engine has a type for such times. Integers are signed, because not
//! every engine has others. What the capture cannot tell is null. Each column has a description in its metadata, under
//! `description`.

pub mod connections;
pub mod findings;
pub mod quality;
pub mod segments;
pub mod transitions;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use serde::Serialize;

use crate::time::Timestamp;

/// A column of a table over `T`.
struct Column<T> {
    name: &'static str,
    /// Whether a row may have no value.
    nullable: bool,
    description: &'static str,
    make: fn(&[T]) -> ArrayRef,
}

/// Name, whether it may be null, description, and how its values are made of rows.
const fn column<T>(
    name: &'static str,
    nullable: bool,
    description: &'static str,
    make: fn(&[T]) -> ArrayRef,
) -> Column<T> {
    Column {
        name,
        nullable,
        description,
        make,
    }
}

fn schema_of<T>(columns: &[Column<T>]) -> SchemaRef {
    let fields = columns.iter().map(|column| {
        let kind = (column.make)(&[]).data_type().clone();
        let description = HashMap::from([("description".to_owned(), column.description.to_owned())]);
        Field::new(column.name, kind, column.nullable).with_metadata(description)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn batch_of<T>(columns: &[Column<T>], schema: &SchemaRef, rows: &[T]) -> Result<RecordBatch, ArrowError> {
    let arrays = columns.iter().map(|column| (column.make)(rows)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)
}

/// As far as a signed number goes; counts of this program do not reach beyond.
fn long(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn longs<T>(rows: &[T], value: impl Fn(&T) -> u64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(
        rows.iter().map(|row| long(value(row))),
    ))
}

fn maybe_longs<T>(rows: &[T], value: impl Fn(&T) -> Option<u64>) -> ArrayRef {
    Arc::new(
        rows.iter()
            .map(|row| value(row).map(long))
            .collect::<Int64Array>(),
    )
}

fn signed<T>(rows: &[T], value: impl Fn(&T) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<Int64Array>())
}

fn times<T>(rows: &[T], value: impl Fn(&T) -> Option<Timestamp>) -> ArrayRef {
    signed(rows, |row| value(row).map(Timestamp::ns))
}

fn flags<T>(rows: &[T], value: impl Fn(&T) -> Option<bool>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<BooleanArray>())
}

fn texts<T>(rows: &[T], value: impl Fn(&T) -> Option<String>) -> ArrayRef {
    Arc::new(rows.iter().map(value).collect::<StringArray>())
}

/// The word that the JSON contract has for a value.
fn word(value: &impl Serialize) -> Option<String> {
    match serde_json::to_value(value).ok()? {
        serde_json::Value::String(word) => Some(word),
        _ => None,
    }
}
