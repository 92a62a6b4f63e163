//! Letting the server ask where a thread is: Python's `faulthandler` writes its stack, from a signal
//! handler, so that it works whatever code runs and whoever holds the interpreter's lock.

use os::signals::Signal;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// From now on the signal for stacks makes the thread that gets it write its Python stack into the
/// pipe, and a NUL behind it.
pub(crate) fn show(py: Python<'_>, pipe: i32) -> PyResult<()> {
    let options = PyDict::new(py);
    options.set_item("file", pipe)?;
    // Walking another thread's frames while it runs is not safe; the server asks the right thread.
    options.set_item("all_threads", false)?;
    options.set_item("chain", false)?;
    py.import("faulthandler")?.call_method(
        "register",
        (Signal::Stack.number(),),
        Some(&options),
    )?;
    Ok(os::handlers::end_stacks(pipe)?)
}
