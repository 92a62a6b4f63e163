//! `wsgi.input`: the request's body as a file.
//!
//! A small body is there from the beginning. A large one comes in pieces, and only when the app reads;
//! no more than a window of it is ever in memory unless the app itself asks for more. Reads end at the
//! end of the body (`wsgi.input_terminated`).

use std::sync::{Arc, Mutex, PoisonError};

use link::SlotId;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyMemoryView, PySlice};

use crate::body::Body;
use crate::shared::Shared;

/// The body of a request, as a readable file.
#[pyclass(frozen, module = "verdigris._native")]
#[derive(Debug)]
pub(crate) struct Input {
    /// None: there is no body.
    body: Option<Mutex<Option<Body>>>,
}

impl Input {
    /// The input of a request without a body.
    pub(crate) fn nothing() -> Self {
        Self { body: None }
    }

    /// A body that is here: the end of `payload`, from `at` on.
    pub(crate) fn here(shared: Arc<Shared>, slot: SlotId, payload: Vec<u8>, at: usize) -> Self {
        Self::of(Body::here(shared, slot, payload, at))
    }

    /// A body that comes when it is read.
    pub(crate) fn streaming(shared: Arc<Shared>, slot: SlotId, length: Option<u64>) -> Self {
        Self::of(Body::streaming(shared, slot, length))
    }

    fn of(body: Body) -> Self {
        Self {
            body: Some(Mutex::new(Some(body))),
        }
    }

    /// Does something with the body. It is taken out meanwhile: no lock is held over Python or a wait.
    fn with<'py>(
        &self,
        py: Python<'py>,
        act: impl FnOnce(&mut Body) -> PyResult<Bound<'py, PyBytes>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let Some(place) = &self.body else {
            return Ok(PyBytes::new(py, b""));
        };
        let taken = place.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut body = taken.ok_or_else(|| {
            PyRuntimeError::new_err("two threads read the request's body at once")
        })?;
        let result = act(&mut body);
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        result
    }
}

#[pymethods]
impl Input {
    /// At most `size` bytes; everything to the end if it is left out, None or negative. Less than
    /// `size` comes only at the end.
    #[pyo3(signature = (size=None, /))]
    fn read<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.with(py, |body| body.read(py, limit(size)))
    }

    /// At most `size` bytes, as soon as there are some.
    #[pyo3(signature = (size=None, /))]
    fn read1<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.with(py, |body| body.read_some(py, limit(size)))
    }

    /// One line with its end, at most `size` bytes of it.
    #[pyo3(signature = (size=None, /))]
    fn readline<'py>(&self, py: Python<'py>, size: Option<isize>) -> PyResult<Bound<'py, PyBytes>> {
        self.with(py, |body| body.read_line(py, limit(size)))
    }

    /// All lines; about as many as make up `hint` bytes, if it is given.
    #[pyo3(signature = (hint=None, /))]
    fn readlines<'py>(&self, py: Python<'py>, hint: Option<isize>) -> PyResult<Bound<'py, PyList>> {
        let lines = PyList::empty(py);
        let limit = hint
            .filter(|&hint| hint > 0)
            .map_or(usize::MAX, isize::unsigned_abs);
        let mut length = 0;
        while length < limit {
            let line = self.readline(py, None)?;
            if line.as_bytes().is_empty() {
                break;
            }
            length += line.as_bytes().len();
            lines.append(line)?;
        }
        Ok(lines)
    }

    /// Fills a writable buffer; how many bytes were read.
    fn readinto(&self, py: Python<'_>, buffer: &Bound<'_, PyAny>) -> PyResult<usize> {
        let view = PyMemoryView::from(buffer)?.call_method1("cast", ("B",))?;
        let data = self.read(py, Some(view.len()? as isize))?;
        let length = data.as_bytes().len();
        if length > 0 {
            view.set_item(PySlice::new(py, 0, length as isize, 1), data)?;
        }
        Ok(length)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let line = self.readline(py, None)?;
        Ok(Some(line).filter(|line| !line.as_bytes().is_empty()))
    }

    /// True, as of any file that can be read.
    #[expect(clippy::unused_self, reason = "Python calls it as a method")]
    fn readable(&self) -> bool {
        true
    }

    /// False: a body cannot be written.
    #[expect(clippy::unused_self, reason = "Python calls it as a method")]
    fn writable(&self) -> bool {
        false
    }

    /// False: a body comes once.
    #[expect(clippy::unused_self, reason = "Python calls it as a method")]
    fn seekable(&self) -> bool {
        false
    }

    /// False: the app may read to the end.
    #[getter]
    #[expect(clippy::unused_self, reason = "Python calls it as a method")]
    fn closed(&self) -> bool {
        false
    }

    /// Does nothing: PEP 3333 leaves the input to the server. (`io.BufferedReader` calls it.)
    #[expect(clippy::unused_self, reason = "Python calls it as a method")]
    fn close(&self) {}

    /// Does nothing. (`io.TextIOWrapper` calls it.)
    #[expect(clippy::unused_self, reason = "Python calls it as a method")]
    fn flush(&self) {}
}

/// A size as Python gives it: None and negative mean everything.
fn limit(size: Option<isize>) -> usize {
    size.and_then(|size| usize::try_from(size).ok())
        .unwrap_or(usize::MAX)
}
