//! The results as Arrow tables and as Parquet files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tcptrace_states::analyze::analyze;
use tcptrace_states::capture::Stop;
use tcptrace_states::export::parquet::Tables;
use tcptrace_states::fleet::{self, Config};
use tcptrace_states::model::{Connection, Severity};
use tcptrace_states::tables;

fn captures() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["kernel", "scenarios"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata")
            .join(folder);
        let entries = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path());
        files.extend(entries.filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "pcap" || kind == "pcapng")
        }));
    }
    files.sort();
    files
}

#[test]
fn every_column_is_described_and_named_as_promised() {
    for schema in [
        tables::connections::schema(),
        tables::transitions::schema(),
        tables::findings::schema(),
        tables::quality::schema(),
        tables::segments::schema(),
    ] {
        for field in schema.fields() {
            assert!(field.metadata()["description"].ends_with('.'), "{field}");
            let name = field.name();
            assert!(
                name.chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
                "{name}"
            );
        }
    }
}

fn read(folder: &Path, table: &str) -> Vec<RecordBatch> {
    let mut files: Vec<PathBuf> = (fs::read_dir(folder.join(table)).expect("a table"))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let batches = files.into_iter().flat_map(|file| {
        let file = File::open(file).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)
            .expect("Parquet")
            .build()
            .expect("a reader");
        reader.map(|batch| batch.expect("a batch"))
    });
    batches.collect()
}

fn longs(batches: &[RecordBatch], column: &str) -> Vec<Option<i64>> {
    let columns = batches.iter().map(|batch| {
        batch
            .column_by_name(column)
            .expect("a column")
            .as_primitive::<Int64Type>()
    });
    columns
        .flat_map(|column| column.iter().collect::<Vec<_>>())
        .collect()
}

fn texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let columns = batches
        .iter()
        .map(|batch| batch.column_by_name(column).expect("a column").as_string::<i32>());
    columns
        .flat_map(|column| {
            column
                .iter()
                .map(|text| text.map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// What stands in the files is what the model says.
#[test]
fn parquet_files_hold_the_model() {
    let mut settings = Config::default().settings();
    settings.findings.least = Severity::Info;
    settings.files = captures()
        .into_iter()
        .filter(|file| file.to_string_lossy().contains("close_wait_leak.server"))
        .collect();
    assert_eq!(settings.files.len(), 1);
    let analysis = analyze(&settings, &mut |_| {}).expect("a capture");
    let directory = tempfile::tempdir().expect("a directory");
    let folder = directory.path().join("out");
    let mut sink = Tables::in_folder(&folder, true).expect("a folder");
    let outcome = fleet::run(&settings, 2, &Stop::default(), &mut |_| {}, &mut sink).expect("a capture");

    let connections = read(&folder, "connections");
    let of =
        |value: fn(&Connection) -> Option<i64>| analysis.connections.iter().map(value).collect::<Vec<_>>();
    let long = |value: u64| i64::try_from(value).ok();
    assert_eq!(
        longs(&connections, "id"),
        analysis
            .connections
            .iter()
            .map(|one| long(one.first_packet))
            .collect::<Vec<_>>()
    );
    assert_eq!(
        longs(&connections, "half_close_ns"),
        of(|one| one.close.half_close_ns)
    );
    assert_eq!(
        longs(&connections, "first_time_ns"),
        of(|one| Some(one.first_time.ns()))
    );
    let states: Vec<_> = analysis
        .connections
        .iter()
        .map(|one| Some(one.endpoints.server.state.to_string()))
        .collect();
    assert_eq!(texts(&connections, "server_state"), states);

    let transitions = read(&folder, "transitions");
    let steps = (analysis.connections.iter()).flat_map(|one| [&one.endpoints.client, &one.endpoints.server]);
    let steps: Vec<_> = steps
        .flat_map(|end| end.transitions.iter())
        .map(|step| step.packet.and_then(long))
        .collect();
    assert_eq!(longs(&transitions, "packet"), steps);

    let findings = read(&folder, "findings");
    let count: usize = analysis.connections.iter().map(|one| one.findings.len()).sum();
    let codes = texts(&findings, "code");
    assert_eq!(codes.len(), count + analysis.findings.len());
    assert!(codes.contains(&Some("HC05".to_owned())), "{codes:?}");

    let segments = read(&folder, "segments");
    let numbers = longs(&segments, "number");
    assert_eq!(numbers.len() as u64, analysis.capture.tcp_segments);
    assert!(numbers.is_sorted() && numbers.first() == Some(&Some(1)));
    let client = analysis
        .connections
        .first()
        .and_then(|one| one.handshake.client_iss);
    assert_eq!(longs(&segments, "seq").first(), Some(&client.map(i64::from)));
    let quality = read(&folder, "quality");
    assert_eq!(longs(&quality, "packets"), [long(analysis.capture.packets)]);

    let lines = fs::read_to_string(folder.join("summary.jsonl")).expect("the totals");
    let last: Value = serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    assert_eq!(last["connections"], outcome.summary.connections);

    // A folder that holds something is not written into.
    assert!(
        Tables::in_folder(&folder, false)
            .err()
            .expect("refused")
            .to_string()
            .contains("is not empty")
    );
}

/// Tables without a row have their columns.
#[test]
fn an_empty_capture_makes_empty_tables() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("empty.pcap");
    let header = [
        0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
    ];
    fs::write(&file, header).expect("space");
    let mut settings = Config::default().settings();
    settings.files = vec![file];
    let folder = directory.path().join("out");
    let mut sink = Tables::in_folder(&folder, true).expect("a folder");
    fleet::run(&settings, 0, &Stop::default(), &mut |_| {}, &mut sink).expect("a capture");
    for table in ["connections", "transitions", "findings", "segments"] {
        let file = File::open(folder.join(table).join("part-00000.parquet")).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0, "{table}");
        assert!(reader.schema().fields().len() > 5, "{table}");
    }
}
