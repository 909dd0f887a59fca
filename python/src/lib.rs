//! What the Python package needs of the crate: the analysis as a stream of Arrow batches, and the parts of a divided run.

mod analysis;
mod parts;
mod tracked;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use tcptrace_states::fleet::Config;

create_exception!(
    _native,
    CaptureError,
    PyException,
    "A capture cannot be read, or only in part: which file, which packet or octet, what was expected, and what to do."
);

create_exception!(
    _native,
    OrderError,
    PyException,
    "Segments did not come to a partition in the order that was promised: its results must not be used."
);

/// The text of an error with its causes.
fn whole(error: &anyhow::Error) -> String {
    format!("{error:#}")
}

fn capture_error(error: &anyhow::Error) -> PyErr {
    CaptureError::new_err(whole(error))
}

/// Something that one part gives to another and that is not what it should be.
fn broken(error: impl std::fmt::Display) -> PyErr {
    pyo3::exceptions::PyValueError::new_err(error.to_string())
}

fn config(text: &str) -> PyResult<Config> {
    serde_json::from_str(text).map_err(|error| broken(format!("the settings: {error}")))
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("CaptureError", module.py().get_type::<CaptureError>())?;
    module.add("OrderError", module.py().get_type::<OrderError>())?;
    module.add_class::<analysis::Stream>()?;
    module.add_class::<parts::SegmentReader>()?;
    module.add_class::<parts::Plan>()?;
    module.add_class::<parts::PartitionTracker>()?;
    module.add_class::<parts::ServiceJudge>()?;
    module.add_function(wrap_pyfunction!(analysis::schemas, module)?)?;
    module.add_function(wrap_pyfunction!(parts::unreadable_report, module)?)?;
    module.add_function(wrap_pyfunction!(parts::time_wait_ns, module)?)?;
    Ok(())
}
