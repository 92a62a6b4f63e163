//! What the app can see going wrong on our side.

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;

pyo3::create_exception!(
    _native,
    ClientDisconnected,
    PyOSError,
    "The client went away before the request was read or the answer was sent."
);

/// The app has forked and uses the request in the child.
pub(crate) fn foreign_process() -> PyErr {
    PyRuntimeError::new_err(
        "this process was forked inside a request: the request belongs to the parent, \
         so it can neither be read nor answered here (leave the child with os._exit)",
    )
}
