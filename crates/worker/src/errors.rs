//! What the app can see going wrong, and how it is told so.

use pyo3::exceptions::{PyAssertionError, PyOSError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::headers::type_name;

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

/// Bytes of a body without a head.
pub(crate) fn silent() -> PyErr {
    PyAssertionError::new_err(
        "the app has not called start_response before the first bytes of the body",
    )
}

/// `start_response` when the head is sent.
pub(crate) fn too_late(py: Python<'_>, exc_info: Option<&Bound<'_, PyAny>>) -> PyErr {
    let exception = exc_info
        .and_then(|exc_info| exc_info.get_item(1).ok())
        .filter(|exception| !exception.is_none());
    match exception {
        // PEP 3333: the headers are out, so the app's own exception goes on, with its traceback.
        Some(exception) => {
            let error = PyErr::from_value(exception);
            let traceback = exc_info
                .and_then(|exc_info| exc_info.get_item(2).ok())
                .and_then(|traceback| traceback.cast_into().ok());
            if traceback.is_some() {
                error.set_traceback(py, traceback);
            }
            error
        }
        None => PyAssertionError::new_err("start_response was called after the headers were sent"),
    }
}

/// A piece of a body that is none.
pub(crate) fn not_bytes(chunk: &Bound<'_, PyAny>) -> PyErr {
    let hint = if chunk.is_instance_of::<PyString>() {
        "; encode it: text.encode()"
    } else {
        "; convert it: bytes(…)"
    };
    PyTypeError::new_err(format!(
        "the body must be made of bytes, and the app gave {}{hint}",
        type_name(chunk)
    ))
}

/// What is said of bytes that have no place in an answer.
pub(crate) fn surplus_text(surplus: usize) -> String {
    format!("the app gave {surplus} bytes more than its Content-Length says; they were not sent")
}
