//! The results as Parquet files, a folder for each table of [`tables`].

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::fleet::{Plan, Row, Sink, Told};
use crate::model::{Capture, Connection, Line, ServiceFinding, Summary};
use crate::report::jsonl;
use crate::tables;

/// Rows of a file, about, before the next one is begun: so large runs come in parts that can be read apart.
const ROWS: usize = 4_000_000;
/// Rows of a row group, which is held in memory until it is written.
const GROUP: usize = 128 * 1024;
/// Connections, or segments, that are made a batch.
const BATCH: usize = 4096;
/// Written last: without it, the folder is not whole.
const SUMMARY: &str = "summary.jsonl";

/// Writes a folder with `connections`, `transitions`, `findings`, `quality`, and `segments` if asked for; in each, files
/// `part-00000.parquet` and so on. `summary.jsonl` has the capture and the totals as in JSON Lines; it is written last.
pub struct Tables {
    folder: PathBuf,
    connections: Table,
    transitions: Table,
    findings: Table,
    segments: Option<Table>,
    rows: Vec<Row>,
    capture: Vec<u8>,
}

impl Tables {
    /// In this folder, which must be empty or not exist.
    ///
    /// # Errors
    ///
    /// There is something in it, or it cannot be made.
    pub fn in_folder(folder: &Path, with_segments: bool) -> Result<Tables> {
        let name = folder.display();
        match fs::read_dir(folder) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    bail!(
                        "{name} is not empty; name a new folder with --output, because what is in one is read as a whole"
                    );
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{name} cannot be used as a folder")),
        }
        let table = |table: &str, schema| Table::new(folder.join(table), schema);
        Ok(Tables {
            connections: table("connections", tables::connections::schema())?,
            transitions: table("transitions", tables::transitions::schema())?,
            findings: table("findings", tables::findings::schema())?,
            segments: match with_segments {
                true => Some(table("segments", tables::segments::schema())?),
                false => None,
            },
            folder: folder.to_owned(),
            rows: Vec::new(),
            capture: Vec::new(),
        })
    }

    fn write_rows(&mut self) -> Result<()> {
        if let Some(segments) = &mut self.segments {
            segments.write(&tables::segments::batch(&self.rows)?)?;
        }
        self.rows.clear();
        Ok(())
    }
}

impl Sink for Tables {
    fn wants_segments(&self) -> bool {
        self.segments.is_some()
    }

    fn segment(&mut self, row: &Row) -> Result<()> {
        self.rows.push(row.clone());
        if self.rows.len() >= BATCH {
            self.write_rows()?;
        }
        Ok(())
    }

    fn begin(&mut self, plan: &Plan, capture: &Capture) -> Result<()> {
        self.write_rows()?;
        if let Some(segments) = &mut self.segments {
            segments.close()?;
        }
        let mut quality = Table::new(self.folder.join("quality"), tables::quality::schema())?;
        quality.write(&tables::quality::batch(plan)?)?;
        quality.close()?;
        Ok(jsonl::write_line(&mut self.capture, &Line::Capture(capture))?)
    }

    fn connections(&mut self, told: &mut dyn Iterator<Item = Told>) -> Result<()> {
        loop {
            let some: Vec<Connection> = (&mut *told).take(BATCH).map(|told| told.connection).collect();
            if some.is_empty() {
                break;
            }
            let some: Vec<&Connection> = some.iter().collect();
            self.connections.write(&tables::connections::batch(&some)?)?;
            self.transitions.write(&tables::transitions::batch(&some)?)?;
            self.findings.write(&tables::findings::batch(&some)?)?;
        }
        self.connections.close()?;
        self.transitions.close()
    }

    fn end(&mut self, findings: &[ServiceFinding], summary: &Summary) -> Result<()> {
        self.findings.write(&tables::findings::services(findings)?)?;
        self.findings.close()?;
        let mut lines = std::mem::take(&mut self.capture);
        jsonl::write_line(&mut lines, &Line::Summary(summary))?;
        let path = self.folder.join(SUMMARY);
        fs::write(&path, lines).with_context(|| format!("{} could not be written", path.display()))
    }
}

/// The files of one table.
struct Table {
    folder: PathBuf,
    schema: SchemaRef,
    writer: Option<ArrowWriter<File>>,
    /// Rows in the file at hand.
    rows: usize,
    parts: usize,
}

impl Table {
    fn new(folder: PathBuf, schema: SchemaRef) -> Result<Table> {
        fs::create_dir_all(&folder).with_context(|| format!("{} could not be made", folder.display()))?;
        Ok(Table {
            folder,
            schema,
            writer: None,
            rows: 0,
            parts: 0,
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.rows >= ROWS {
            self.finish()?;
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => {
                let writer = self.begin()?;
                self.writer.insert(writer)
            }
        };
        writer.write(batch).with_context(|| failed(&self.folder))?;
        self.rows += batch.num_rows();
        Ok(())
    }

    fn begin(&mut self) -> Result<ArrowWriter<File>> {
        let path = self.folder.join(format!("part-{:05}.parquet", self.parts));
        self.parts += 1;
        self.rows = 0;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(GROUP))
            .set_created_by(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file =
            File::create_new(&path).with_context(|| format!("{} could not be made", path.display()))?;
        ArrowWriter::try_new(file, Arc::clone(&self.schema), Some(properties))
            .with_context(|| failed(&self.folder))
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(writer) = self.writer.take() {
            writer.close().with_context(|| failed(&self.folder))?;
        }
        Ok(())
    }

    /// The end of the table: one without rows has a file, too, so that its columns are known.
    fn close(&mut self) -> Result<()> {
        if self.parts == 0 {
            self.writer = Some(self.begin()?);
        }
        self.finish()
    }
}

fn failed(folder: &Path) -> String {
    format!("a part of {} could not be written", folder.display())
}
