//! `wsgi.input`: the request's body as a file.
//!
//! A small body is there from the beginning. A large one comes in pieces, and only when the app reads;
//! no more than a window of it is ever in memory unless the app itself asks for more. Reads end at the
//! end of the body (`wsgi.input_terminated`).

use std::sync::{Arc, Mutex, PoisonError};

use link::SlotId;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyMemoryView, PySlice};

use crate::errors::ClientDisconnected;
use crate::inlet::Inlet;
use crate::pool::Purpose;
use crate::shared::{Shared, Waited};
use crate::slots::{BodyState, Reader};

/// How much is fetched at least when lines are looked for.
const LINE_STEP: usize = 64 * 1024;
/// Memory reserved at once for a body whose length was announced.
const RESERVED: u64 = 16 * 1024 * 1024;

/// The body of a request, as a readable file.
#[pyclass(frozen, module = "verdigris._native")]
#[derive(Debug)]
pub(crate) struct Input {
    /// None: there is no body.
    body: Option<Mutex<Option<Body>>>,
}

/// What is known of a body.
#[derive(Debug)]
struct Body {
    shared: Arc<Shared>,
    slot: SlotId,
    /// Bytes that were received and not read, from `at` on.
    pending: Vec<u8>,
    at: usize,
    /// Whether more comes through the link.
    state: BodyState,
    /// How many bytes have still to come, if anybody said.
    announced: u64,
}

impl Input {
    /// The input of a request without a body.
    pub(crate) fn nothing() -> Self {
        Self { body: None }
    }

    /// A body that is here: the end of `payload`, from `at` on.
    pub(crate) fn here(shared: Arc<Shared>, slot: SlotId, payload: Vec<u8>, at: usize) -> Self {
        Self::of(Body {
            shared,
            slot,
            pending: payload,
            at,
            state: BodyState::End,
            announced: 0,
        })
    }

    /// A body that comes when it is read.
    pub(crate) fn streaming(shared: Arc<Shared>, slot: SlotId, length: Option<u64>) -> Self {
        Self::of(Body {
            shared,
            slot,
            pending: Vec::new(),
            at: 0,
            state: BodyState::More,
            announced: length.unwrap_or(0),
        })
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

impl Body {
    fn here(&self) -> &[u8] {
        &self.pending[self.at..]
    }

    /// Gives the first `count` of the bytes that are here.
    fn give<'py>(&mut self, py: Python<'py>, count: usize) -> Bound<'py, PyBytes> {
        let bytes = PyBytes::new(py, &self.here()[..count]);
        self.at += count;
        bytes
    }

    fn read<'py>(&mut self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyBytes>> {
        if self.state == BodyState::End || self.here().len() >= limit {
            let count = self.here().len().min(limit);
            return Ok(self.give(py, count));
        }
        let mut out = Vec::with_capacity(self.announced.min(RESERVED).min(limit as u64) as usize);
        out.extend_from_slice(self.here());
        self.pending.clear();
        self.at = 0;
        let fetched = self.fetch(py, &mut out, limit, limit);
        if let Err(error) = fetched {
            // What has come can still be read by pieces; the error comes again behind it.
            self.pending = out;
            return Err(error);
        }
        Ok(PyBytes::new(py, &out))
    }

    fn read_some<'py>(&mut self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyBytes>> {
        if self.here().is_empty() && limit > 0 {
            self.fetch_pending(py, LINE_STEP)?;
        }
        let count = self.here().len().min(limit);
        Ok(self.give(py, count))
    }

    fn read_line<'py>(&mut self, py: Python<'py>, limit: usize) -> PyResult<Bound<'py, PyBytes>> {
        let mut searched = 0;
        loop {
            let here = self.here();
            let end = here[searched..]
                .iter()
                .position(|&byte| byte == b'\n')
                .map(|found| searched + found + 1);
            if end.is_some() || here.len() >= limit || self.state == BodyState::End {
                let count = end.unwrap_or(here.len()).min(limit);
                return Ok(self.give(py, count));
            }
            searched = here.len();
            self.fetch_pending(py, LINE_STEP)?;
        }
    }

    /// Fetches some more bytes behind those that are here.
    fn fetch_pending(&mut self, py: Python<'_>, step: usize) -> PyResult<()> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.drain(..self.at);
        self.at = 0;
        let length = pending.len();
        let fetched = self.fetch(py, &mut pending, length + step, length + 1);
        self.pending = pending;
        fetched
    }

    /// Lets `out` grow to at least `least` and at most `limit` bytes; less only at the end of the body.
    fn fetch(
        &mut self,
        py: Python<'_>,
        out: &mut Vec<u8>,
        limit: usize,
        least: usize,
    ) -> PyResult<()> {
        if self.state == BodyState::End {
            return Ok(());
        }
        self.shared.check_own()?;
        let before = out.len();
        let mut reader = Reader {
            slot: self.slot,
            out,
            limit,
        };
        let shared = self.shared.clone();
        let mut step = |inlet: &mut Inlet| match inlet.read_body(&mut reader) {
            Ok(Some(BodyState::More)) if reader.out.len() < least => {
                Err(Purpose::News(reader.slot))
            }
            Ok(state) => Ok(state),
            Err(link::NoRoom) => Err(Purpose::Room),
        };
        let mut stepped = step(&mut shared.lock());
        let state = loop {
            let purpose = match stepped {
                Ok(state) => break state,
                Err(purpose) => purpose,
            };
            let waited = py.detach(|| {
                shared.wait(purpose, |inlet| {
                    Some(step(inlet)).filter(|stepped| *stepped != Err(purpose))
                })
            });
            match waited {
                Waited::Done(next) => stepped = next,
                Waited::ServerGone => break None,
                Waited::Interrupted | Waited::TimedOut => py.check_signals()?,
            }
        };
        self.announced = self
            .announced
            .saturating_sub((reader.out.len() - before) as u64);
        match state {
            Some(BodyState::Cut) if reader.out.len() < least => Err(ClientDisconnected::new_err(
                "the client broke off before the end of the request's body",
            )),
            Some(state) => {
                self.state = if state == BodyState::Cut {
                    BodyState::More
                } else {
                    state
                };
                Ok(())
            }
            None if shared.lock().slots.find(self.slot).is_some() => {
                Err(ClientDisconnected::new_err("the client is gone"))
            }
            None => Err(PyValueError::new_err(
                "the request is over; its body can no longer be read",
            )),
        }
    }
}

/// A size as Python gives it: None and negative mean everything.
fn limit(size: Option<isize>) -> usize {
    size.and_then(|size| usize::try_from(size).ok())
        .unwrap_or(usize::MAX)
}
