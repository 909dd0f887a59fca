//! The analysis of captures in this process: it runs in a thread of its own and stays a few batches ahead at most.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};
use arrow_array::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use pyo3_arrow::{PyRecordBatch, PySchema};
use tcptrace_states::analyze::Settings;
use tcptrace_states::capture::Stop;
use tcptrace_states::fleet::{self, Plan, Sink, Told};
use tcptrace_states::model::{Capture, Connection, ServiceFinding, Summary};
use tcptrace_states::tables;

use crate::{broken, capture_error, config};

/// Messages that wait to be fetched, at most.
const AHEAD: usize = 2;
/// How often it is looked whether the user interrupted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the thread tells.
enum Message {
    Begin { capture: String, quality: RecordBatch },
    Connections(Vec<Named>),
    End { findings: RecordBatch, summary: String },
    Failed(anyhow::Error),
}

type Named = (&'static str, RecordBatch);

/// The results as they come: an iterator of dictionaries. The first one has `capture` (JSON) and `quality`, the last one
/// `findings` and `summary` (JSON), those between `connections`, `transitions` and `findings`.
#[pyclass]
pub struct Stream {
    from: Mutex<Receiver<Message>>,
    stop: Stop,
}

#[pymethods]
impl Stream {
    #[new]
    fn new(paths: Vec<PathBuf>, config_json: &str, threads: usize, batch_rows: usize) -> PyResult<Stream> {
        let mut settings = config(config_json)?.settings();
        settings.files = paths;
        let (to, from) = sync_channel(AHEAD);
        let stop = Stop::default();
        let stop_of_thread = stop.clone();
        thread::Builder::new()
            .name("tcptrace-states".to_owned())
            .spawn(move || run(&settings, threads, batch_rows.max(1), &stop_of_thread, &to))
            .map_err(broken)?;
        Ok(Stream {
            from: Mutex::new(from),
            stop,
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let message = loop {
            py.check_signals()?;
            let received = py.detach(|| {
                let from = self.from.lock().map_err(|_| RecvTimeoutError::Disconnected)?;
                from.recv_timeout(LOOK_EVERY)
            });
            match received {
                Ok(message) => break message,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        };
        let told = PyDict::new(py);
        match message {
            Message::Begin { capture, quality } => {
                told.set_item("capture", capture)?;
                told.set_item("quality", PyRecordBatch::new(quality).into_pyarrow(py)?)?;
            }
            Message::Connections(tables) => {
                for (name, batch) in tables {
                    told.set_item(name, PyRecordBatch::new(batch).into_pyarrow(py)?)?;
                }
            }
            Message::End { findings, summary } => {
                told.set_item("findings", PyRecordBatch::new(findings).into_pyarrow(py)?)?;
                told.set_item("summary", summary)?;
            }
            Message::Failed(error) => return Err(capture_error(&error)),
        }
        Ok(Some(told))
    }

    /// Ends the reading early.
    fn close(&self) {
        self.stop.ask();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.ask();
    }
}

fn run(settings: &Settings, threads: usize, batch_rows: usize, stop: &Stop, to: &SyncSender<Message>) {
    let mut sink = Channel { to, batch_rows };
    if let Err(error) = fleet::run(settings, threads, stop, &mut |_| {}, &mut sink) {
        let _ = to.send(Message::Failed(error)); // or nobody waits for it
    }
}

struct Channel<'a> {
    to: &'a SyncSender<Message>,
    batch_rows: usize,
}

impl Channel<'_> {
    fn send(&self, message: Message) -> Result<()> {
        self.to
            .send(message)
            .map_err(|_| anyhow!("nobody waits for the results"))
    }
}

impl Sink for Channel<'_> {
    fn begin(&mut self, plan: &Plan, capture: &Capture) -> Result<()> {
        self.send(Message::Begin {
            capture: serde_json::to_string(capture)?,
            quality: tables::quality::batch(plan)?,
        })
    }

    fn connections(&mut self, told: &mut dyn Iterator<Item = Told>) -> Result<()> {
        loop {
            let some = (&mut *told).take(self.batch_rows).map(|told| told.connection);
            let some: Vec<Connection> = some.collect();
            if some.is_empty() {
                return Ok(());
            }
            let some: Vec<&Connection> = some.iter().collect();
            self.send(Message::Connections(vec![
                ("connections", tables::connections::batch(&some)?),
                ("transitions", tables::transitions::batch(&some)?),
                ("findings", tables::findings::batch(&some)?),
            ]))?;
        }
    }

    fn end(&mut self, findings: &[ServiceFinding], summary: &Summary) -> Result<()> {
        self.send(Message::End {
            findings: tables::findings::services(findings)?,
            summary: serde_json::to_string(summary)?,
        })
    }
}

/// The schemas of all tables, by name.
#[pyfunction]
pub fn schemas(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let all = PyDict::new(py);
    for (name, schema) in [
        ("connections", tables::connections::schema()),
        ("transitions", tables::transitions::schema()),
        ("findings", tables::findings::schema()),
        ("quality", tables::quality::schema()),
        ("segments", tables::segments::schema()),
        ("read", crate::tracked::read_schema()),
        ("tracked", crate::tracked::schema()),
    ] {
        all.set_item(name, PySchema::new(schema).into_pyarrow(py)?)?;
    }
    Ok(all)
}
