//! The parts of a divided run, as tasks of a fleet use them.

use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex};

use arrow_array::{Int64Array, RecordBatch, StringArray};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3_arrow::PyRecordBatch;
use tcptrace_states::analyze::Settings;
use tcptrace_states::capture::Stop;
use tcptrace_states::fleet::{
    self, FileReader, FileReport, FleetError, Partition, Together, Told, Totals, canonical,
};
use tcptrace_states::tables;
use tcptrace_states::time;

use crate::{CaptureError, OrderError, broken, config, tracked, whole};

/// A Python object with `read(n)` as a source of octets.
struct PyReader(Py<PyAny>);

impl Read for PyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Python::attach(|py| {
            let octets = self.0.call_method1(py, "read", (into.len(),));
            let octets = octets.map_err(|error| io::Error::other(error.to_string()))?;
            let octets = octets
                .cast_bound::<PyBytes>(py)
                .map_err(|_| io::Error::other("read() gave something else than bytes"))?
                .as_bytes();
            let length = octets.len().min(into.len());
            into[..length].copy_from_slice(&octets[..length]);
            Ok(length)
        })
    }
}

/// Reads one capture: an iterator of batches in the schema `read`. The last row has the report of the file, also if it could
/// not be read or not to its end: nothing is raised for a bad file.
#[pyclass]
pub struct SegmentReader {
    given: i64,
    /// Never waited for: whoever has the object has it alone.
    reader: Mutex<Option<FileReader>>,
    /// Of a file that could not be opened.
    unreadable: Option<FileReport>,
    batch_rows: usize,
}

#[pymethods]
impl SegmentReader {
    /// `source` is None for a local file, else its content: bytes, or an object with read(n).
    #[new]
    #[pyo3(signature = (name, given, config_json, source = None, batch_rows = 8192))]
    fn new(
        py: Python<'_>,
        name: &str,
        given: i64,
        config_json: &str,
        source: Option<Bound<'_, PyAny>>,
        batch_rows: usize,
    ) -> PyResult<SegmentReader> {
        let settings = config(config_json)?.settings();
        let source: Option<Box<dyn Read + Send>> = match source {
            None => None,
            Some(source) => Some(match source.cast::<PyBytes>() {
                Ok(octets) => Box::new(Cursor::new(octets.as_bytes().to_vec())),
                Err(_) => Box::new(PyReader(source.unbind())),
            }),
        };
        let opened = py.detach(|| match source {
            None => FileReader::open(name, &settings, &Stop::default()),
            Some(source) => FileReader::of_source(name, source, &settings, &Stop::default()),
        });
        let (reader, unreadable) = match opened {
            Ok(reader) => (Some(reader), None),
            Err(error) => (None, Some(FileReport::unreadable(name, &error))),
        };
        Ok(SegmentReader {
            given,
            reader: Mutex::new(reader),
            unreadable,
            batch_rows: batch_rows.max(1),
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (given, most) = (self.given, self.batch_rows);
        let batch = py.detach(|| -> PyResult<Option<RecordBatch>> {
            let reader = self.reader.get_mut().map_err(broken)?;
            if let Some(rows) = reader.as_mut().and_then(|reader| reader.next_rows(most)) {
                return tracked::segments(given, &rows).map(Some).map_err(broken);
            }
            let report = reader.take().map(FileReader::finish);
            match report.or_else(|| self.unreadable.take()) {
                None => Ok(None),
                Some(report) => {
                    let report = serde_json::to_string(&report).map_err(broken)?;
                    tracked::report(given, &report).map(Some).map_err(broken)
                }
            }
        })?;
        batch
            .map(|batch| PyRecordBatch::new(batch).into_pyarrow(py))
            .transpose()
    }
}

/// The report (JSON) of a file that could not be opened, with the reason.
#[pyfunction]
pub fn unreadable_report(name: &str, reason: &str) -> PyResult<String> {
    let report = FileReport::unopened(name, io::Error::other(reason.to_owned()));
    serde_json::to_string(&report).map_err(broken)
}

/// 2 MSL in nanoseconds of what `--msl` takes: a duration (one MSL), or the name of a system.
#[pyfunction]
pub fn time_wait_ns(msl: &str) -> PyResult<i64> {
    time::time_wait(msl).map_err(broken)
}

/// The files in order, and what all tasks must know of them.
#[pyclass(frozen)]
pub struct Plan {
    plan: Arc<fleet::Plan>,
    settings: Settings,
}

#[pymethods]
impl Plan {
    /// `reports` (JSON) in the order in which the files were given. Files of `in_directories` that are no captures are passed
    /// over and counted, others are reported.
    #[new]
    fn new(reports: Vec<String>, in_directories: Vec<bool>, config_json: &str) -> PyResult<Plan> {
        let read = reports
            .iter()
            .map(|report| serde_json::from_str(report).map_err(broken));
        let read: Vec<FileReport> = read.collect::<PyResult<_>>()?;
        let in_directory = |place: usize| in_directories.get(place) == Some(&true);
        Ok(Plan {
            plan: Arc::new(fleet::Plan::new(read, in_directory)),
            settings: config(config_json)?.settings(),
        })
    }

    /// What was written by `to_json`.
    #[staticmethod]
    fn from_json(text: &str, config_json: &str) -> PyResult<Plan> {
        Ok(Plan {
            plan: Arc::new(serde_json::from_str(text).map_err(broken)?),
            settings: config(config_json)?.settings(),
        })
    }

    /// For tasks elsewhere.
    fn to_json(&self) -> PyResult<String> {
        serde_json::to_string(&*self.plan).map_err(broken)
    }

    /// The rank of each file that was given; None for one that could not be read.
    fn ranks(&self, files: usize) -> Vec<Option<u32>> {
        (0..files).map(|given| self.plan.rank(given)).collect()
    }

    /// How far the clock of each file that was given is ahead, nanoseconds: its times are to be set back by that.
    fn ahead_ns(&self, files: usize) -> Vec<i64> {
        (0..files).map(|given| self.plan.ahead_ns(given)).collect()
    }

    /// How many files could be read.
    fn readable(&self) -> usize {
        self.plan.files().len()
    }

    /// Why files could not be read at all.
    fn problems(&self) -> Vec<String> {
        self.plan.unreadable().to_vec()
    }

    /// The table `quality`.
    fn quality<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyRecordBatch::new(tables::quality::batch(&self.plan).map_err(broken)?).into_pyarrow(py)
    }

    /// Of the totals of all tasks and the findings about services (JSON each): the first line, those behind the connections,
    /// and the batch of the table `findings` with those about services and the capture.
    fn finish<'py>(
        &self,
        py: Python<'py>,
        totals: Vec<String>,
        findings: Vec<String>,
    ) -> PyResult<(String, Vec<String>, Bound<'py, PyAny>)> {
        let mut all = Totals::default();
        for part in totals {
            all.add_json(&part).map_err(broken)?;
        }
        let of_services = findings.iter().map(|finding| fleet::read_finding(finding));
        let of_services = of_services.collect::<Result<Vec<_>, _>>().map_err(broken)?;
        let capture = self.plan.capture(&self.settings, &all);
        let findings = fleet::all_findings(of_services, &capture, &self.settings);
        let summary = all.summary(&capture, &findings);
        let mut first = Vec::new();
        canonical::write_begin(&mut first, &capture)?;
        let mut last = Vec::new();
        canonical::write_end(&mut last, &findings, &summary)?;
        let first = String::from_utf8(first).map_err(broken)?;
        let last = String::from_utf8(last).map_err(broken)?;
        let batch = PyRecordBatch::new(tables::findings::services(&findings).map_err(broken)?);
        Ok((
            first.trim_end().to_owned(),
            last.lines().map(str::to_owned).collect(),
            batch.into_pyarrow(py)?,
        ))
    }
}

/// Tracks the segments of a partition: `segment`, sorted by `flow`, `time_ns`, `file` (the rank) and `number`.
#[pyclass]
pub struct PartitionTracker(Mutex<Task>);

struct Task {
    partition: Partition,
    told: Vec<Told>,
    /// Whether canonical lines are wanted.
    lines: bool,
}

#[pymethods]
impl PartitionTracker {
    /// With `lines` each connection comes with its canonical line.
    #[new]
    #[pyo3(signature = (plan, lines = false))]
    fn new(plan: &Plan, lines: bool) -> PartitionTracker {
        PartitionTracker(Mutex::new(Task {
            lines,
            partition: Partition::new(Arc::clone(&plan.plan), plan.settings.clone()),
            told: Vec::new(),
        }))
    }

    /// Takes the next batch of segments, and gives what can be told by now, in the schema `tracked`.
    fn take<'py>(&mut self, py: Python<'py>, batch: PyRecordBatch) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let batch = batch.into_inner();
        let task = self.0.get_mut().map_err(broken)?;
        let batches = py.detach(|| -> PyResult<Vec<RecordBatch>> {
            for row in tracked::rows(&batch).map_err(broken)? {
                let row = row.map_err(broken)?;
                task.partition.take(&row, &mut task.told).map_err(failed)?;
            }
            task.give()
        })?;
        to_python(py, batches)
    }

    /// The last connections, and the totals.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let task = self.0.get_mut().map_err(broken)?;
        let batches = py.detach(|| -> PyResult<Vec<RecordBatch>> {
            let totals = task.partition.finish(&mut task.told).map_err(failed)?;
            let mut batches = task.give()?;
            let totals = totals.to_json().map_err(broken)?;
            batches.push(tracked::totals(&totals).map_err(broken)?);
            Ok(batches)
        })?;
        to_python(py, batches)
    }
}

impl Task {
    fn give(&mut self) -> PyResult<Vec<RecordBatch>> {
        let told = std::mem::take(&mut self.told);
        if told.is_empty() {
            return Ok(Vec::new());
        }
        tracked::told(&self.partition, &told, self.lines).map_err(broken)
    }
}

fn to_python(py: Python<'_>, batches: Vec<RecordBatch>) -> PyResult<Vec<Bound<'_, PyAny>>> {
    batches
        .into_iter()
        .map(|batch| PyRecordBatch::new(batch).into_pyarrow(py))
        .collect()
}

fn failed(error: FleetError) -> PyErr {
    match error {
        FleetError::Order { .. } => OrderError::new_err(error.to_string()),
        other => CaptureError::new_err(whole(&other.into())),
    }
}

/// Judges services by what rules kept of connections, which comes sorted by `rule`, `group` and `id`.
#[pyclass]
pub struct ServiceJudge {
    together: Mutex<Option<Together>>,
    /// The newest group, to see that none comes back.
    newest: Option<(String, String, i64)>,
}

#[pymethods]
impl ServiceJudge {
    #[new]
    fn new(plan: &Plan) -> ServiceJudge {
        ServiceJudge {
            together: Mutex::new(Some(Together::new(&plan.plan, plan.settings.clone()))),
            newest: None,
        }
    }

    /// Takes a batch with `rule`, `group`, `id` and `kept`.
    fn take(&mut self, batch: PyRecordBatch) -> PyResult<()> {
        let batch = batch.into_inner();
        let text = |name| tracked::column::<StringArray>(&batch, name).map_err(broken);
        let (rules, groups, kept) = (text("rule")?, text("group")?, text("kept")?);
        let ids = tracked::column::<Int64Array>(&batch, "id").map_err(broken)?;
        let together = self.together.get_mut().map_err(broken)?;
        let together = together.as_mut().ok_or_else(|| broken("it is finished"))?;
        for row in 0..batch.num_rows() {
            let (rule, group, id) = (rules.value(row), groups.value(row), ids.value(row));
            if let Some((last_rule, last_group, last_id)) = &self.newest
                && (last_rule.as_str(), last_group.as_str(), *last_id) > (rule, group, id)
            {
                return Err(OrderError::new_err(format!(
                    "shares came out of order: {rule} {group} {id} after {last_rule} {last_group} {last_id}; rows must be \
                     sorted by rule, group and id, and each group must be in one partition"
                )));
            }
            together.take(rule, group, kept.value(row)).map_err(broken)?;
            self.newest = Some((rule.to_owned(), group.to_owned(), id));
        }
        Ok(())
    }

    /// The findings, as JSON.
    fn finish(&mut self) -> PyResult<Vec<String>> {
        let together = self.together.get_mut().map_err(broken)?.take();
        let together = together.ok_or_else(|| broken("it is finished"))?;
        let findings = together.finish();
        findings
            .iter()
            .map(|finding| serde_json::to_string(finding).map_err(broken))
            .collect()
    }
}
