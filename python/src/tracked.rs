//! What tasks of a fleet give back: rows of several kinds in one table, because a task has one output.

use std::sync::Arc;

use anyhow::{Context, Result};
use arrow_array::builder::BinaryBuilder;
use arrow_array::{
    ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray, new_null_array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use tcptrace_states::fleet::{self, NoSegment, Partition, Position, Row, Told, canonical};
use tcptrace_states::model::Connection;
use tcptrace_states::tables;
use tcptrace_states::time::Timestamp;

/// Columns of a table as one that may be null.
fn nested(name: &str, schema: &SchemaRef) -> Field {
    Field::new(name, DataType::Struct(schema.fields().clone()), true)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

/// Of a task that reads files: segments as [`fleet::pack`] has them, with what they are sorted by, and for each file a row with its
/// `report` (JSON) and nothing else.
pub fn read_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("given", DataType::Int64, false),
        Field::new("flow", DataType::Binary, true),
        Field::new("time_ns", DataType::Int64, true),
        Field::new("number", DataType::Int64, true),
        Field::new("segment", DataType::Binary, true),
        text("report"),
    ]))
}

/// Of a task that tracks: `kind` says which of the others has a value. A `connection` has its place among all (`time_ns`,
/// `id`) and, where that is wanted, its canonical line, a `share` what a rule about services keeps of a connection, and
/// `totals` are those of the task.
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("kind", DataType::Utf8, false),
        Field::new("time_ns", DataType::Int64, true),
        Field::new("id", DataType::Int64, true),
        text("line"),
        nested("connection", &tables::connections::schema()),
        nested("transition", &tables::transitions::schema()),
        nested("finding", &tables::findings::schema()),
        text("rule"),
        text("group"),
        text("kept"),
        text("totals"),
    ]))
}

/// Columns that have values; the others are null.
fn batch(schema: &SchemaRef, rows: usize, columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let arrays = schema.fields().iter().map(|field| {
        let known = columns.iter().find(|(name, _)| name == field.name());
        known.map_or_else(
            || new_null_array(field.data_type(), rows),
            |(_, array)| Arc::clone(array),
        )
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays.collect())?)
}

fn kind(kind: &str, rows: usize) -> (&'static str, ArrayRef) {
    (
        "kind",
        Arc::new(StringArray::from_iter_values((0..rows).map(|_| kind))),
    )
}

fn strings<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Segments of the file that was given at this place.
pub fn segments(given: i64, rows: &[Row]) -> Result<RecordBatch> {
    let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut octets = Vec::new();
    let mut packed = BinaryBuilder::with_capacity(rows.len(), rows.len() * 40);
    for row in rows {
        octets.clear();
        fleet::pack(row, &mut octets);
        packed.append_value(&octets);
    }
    let flows = rows.iter().map(|row| fleet::flow_octets(&row.segment));
    let times = rows.iter().map(|row| row.position.time.ns());
    let numbers = rows.iter().map(|row| long(row.position.number));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("given", Arc::new(Int64Array::from_value(given, rows.len()))),
        ("flow", Arc::new(BinaryArray::from_iter_values(flows))),
        ("time_ns", Arc::new(Int64Array::from_iter_values(times))),
        ("number", Arc::new(Int64Array::from_iter_values(numbers))),
        ("segment", Arc::new(packed.finish())),
    ];
    batch(&read_schema(), rows.len(), columns)
}

/// The rows of a batch with `flow`, `time_ns`, `file` (the rank), `number` and `segment`.
pub fn rows(batch: &RecordBatch) -> Result<impl Iterator<Item = Result<Row, NoSegment>>> {
    let [flows, segments] = ["flow", "segment"].map(|name| column::<BinaryArray>(batch, name));
    let (flows, segments) = (flows?, segments?);
    let [times, numbers] = ["time_ns", "number"].map(|name| column::<Int64Array>(batch, name));
    let (times, numbers) = (times?, numbers?);
    let files = column::<Int32Array>(batch, "file")?;
    Ok((0..batch.num_rows()).map(move |row| {
        let position = Position {
            time: Timestamp::from_ns(times.value(row)),
            // What is no rank or number of the plan is refused by it.
            file: u32::try_from(files.value(row)).unwrap_or(u32::MAX),
            number: u64::try_from(numbers.value(row)).unwrap_or(u64::MAX),
        };
        fleet::unpack(flows.value(row), position, segments.value(row))
    }))
}

/// The report of a file.
pub fn report(given: i64, report: &str) -> Result<RecordBatch> {
    let file: ArrayRef = Arc::new(Int64Array::from_value(given, 1));
    batch(
        &read_schema(),
        1,
        vec![("given", file), ("report", strings([report]))],
    )
}

/// Connections, their transitions and findings, and what the rules about services keep of them.
pub fn told(partition: &Partition, told: &[Told], lines: bool) -> Result<Vec<RecordBatch>> {
    let schema = schema();
    let connections: Vec<&Connection> = told.iter().map(|told| &told.connection).collect();
    let line = |told| lines.then(|| canonical::line(told)).transpose();
    let lines: Vec<Option<String>> = told.iter().map(line).collect::<Result<_>>()?;
    let times = told.iter().map(|told| told.first.time.ns());
    let ids = connections
        .iter()
        .map(|one| i64::try_from(one.id).unwrap_or(i64::MAX));
    let mut batches = vec![batch(
        &schema,
        told.len(),
        vec![
            kind("connection", told.len()),
            ("time_ns", Arc::new(Int64Array::from_iter_values(times))),
            ("id", Arc::new(Int64Array::from_iter_values(ids))),
            ("line", Arc::new(StringArray::from(lines))),
            (
                "connection",
                Arc::new(StructArray::from(tables::connections::batch(&connections)?)),
            ),
        ],
    )?];
    for (name, table) in [
        ("transition", tables::transitions::batch(&connections)?),
        ("finding", tables::findings::batch(&connections)?),
    ] {
        let rows = table.num_rows();
        let table: ArrayRef = Arc::new(StructArray::from(table));
        batches.push(batch(&schema, rows, vec![kind(name, rows), (name, table)])?);
    }
    let shares: Vec<_> = connections.iter().flat_map(|one| partition.shares(one)).collect();
    let ids = shares
        .iter()
        .map(|share| i64::try_from(share.id).unwrap_or(i64::MAX));
    batches.push(batch(
        &schema,
        shares.len(),
        vec![
            kind("share", shares.len()),
            ("id", Arc::new(Int64Array::from_iter_values(ids))),
            ("rule", strings(shares.iter().map(|share| share.rule))),
            ("group", strings(shares.iter().map(|share| share.group.as_str()))),
            ("kept", strings(shares.iter().map(|share| share.kept.as_str()))),
        ],
    )?);
    batches.retain(|batch| batch.num_rows() > 0);
    Ok(batches)
}

/// The totals of a task.
pub fn totals(totals: &str) -> Result<RecordBatch> {
    batch(
        &schema(),
        1,
        vec![kind("totals", 1), ("totals", strings([totals]))],
    )
}

/// The column with this name.
pub fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T> {
    let column = batch.column_by_name(name);
    let column = column.and_then(|array| array.as_any().downcast_ref());
    column.with_context(|| format!("there is no column `{name}` of its type"))
}
