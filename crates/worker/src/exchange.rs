//! One request and its answer, as the trampoline and the app see them.
//!
//! The object is PEP 3333's `start_response`, and the `write` that it returns is the object again: a
//! call with headers begins the answer, a call with nothing but bytes writes them. So the usual
//! request needs a single object.

use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use link::SlotId;
use pyo3::exceptions::{PyAssertionError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

use crate::answer::{Answer, Phase, Step};
use crate::errors::{not_bytes, silent, surplus_text, too_late};
use crate::headers::{type_name, write_head};
use crate::kernel;
use crate::shared::Shared;
use crate::transmit::{PIECE, Part};

/// Longer heads are refused: no client would take them.
const LARGEST_HEAD: usize = 128 * 1024;
/// Shorter ones fit in any case.
const SMALL_HEAD: usize = 1024;

/// One request and its answer. The object itself is the `start_response` of PEP 3333.
#[pyclass(frozen, module = "verdigris._native")]
#[derive(Debug)]
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    slot: SlotId,
    /// Given away once: the object must not keep alive what the app puts into it.
    environ: Mutex<Option<Py<PyDict>>>,
    answer: Mutex<Answer>,
}

impl Exchange {
    pub(crate) fn new(
        shared: Arc<Shared>,
        slot: SlotId,
        environ: Py<PyDict>,
        is_head: bool,
        buffer: Vec<u8>,
    ) -> Self {
        Self {
            shared,
            slot,
            environ: Mutex::new(Some(environ)),
            answer: Mutex::new(Answer::new(is_head, buffer)),
        }
    }

    /// Held for a few lines of plain Rust only.
    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(
        &self,
        py: Python<'_>,
        status: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        exc_info: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let mut block = {
            let mut answer = self.answer();
            match (answer.phase, exc_info) {
                (Phase::Silent, _) | (Phase::Headed, Some(_)) => {}
                (Phase::Headed, None) => {
                    return Err(PyAssertionError::new_err(
                        "start_response was called twice; the second time it needs exc_info (PEP 3333)",
                    ));
                }
                (Phase::Sending | Phase::Over, exc_info) => {
                    drop(answer);
                    return Err(too_late(py, exc_info));
                }
            }
            answer.phase = Phase::Silent;
            std::mem::take(&mut answer.block)
        };
        let head = write_head(&mut block, status, headers)
            .and_then(|head| self.check_length(&block).map(|()| head));
        let mut answer = self.answer();
        answer.block = block;
        answer.head = head?;
        answer.phase = Phase::Headed;
        Ok(())
    }

    /// A head travels in one frame, which has to fit into the ring.
    fn check_length(&self, block: &[u8]) -> PyResult<()> {
        if block.len() <= SMALL_HEAD {
            return Ok(());
        }
        let most = LARGEST_HEAD.min(self.shared.lock().outbox.largest_payload() / 2);
        if block.len() <= most {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "start_response: the headers are {} bytes long, more than the {most} that can be sent",
            block.len()
        )))
    }

    /// Sends bytes of the body, as far as they have a place in the answer; with `last`, ends it.
    fn pass(&self, py: Python<'_>, bytes: &[u8], last: bool) -> PyResult<()> {
        let (step, block, fixed) = {
            let mut answer = self.answer();
            match answer.phase {
                Phase::Silent => return Err(silent()),
                Phase::Over => {
                    if !answer.is_bodiless() {
                        answer.surplus += bytes.len();
                    }
                    return Ok(());
                }
                Phase::Headed | Phase::Sending => {}
            }
            if answer.busy {
                return Err(PyRuntimeError::new_err(
                    "two threads write to the same answer at once",
                ));
            }
            let step = answer.step(bytes.len(), last);
            let fixed = if step.with_head {
                answer.fixed()
            } else {
                Default::default()
            };
            answer.busy = true;
            (step, std::mem::take(&mut answer.block), fixed)
        };
        let sent = self.transmit(py, &bytes[..step.count], step, [&fixed, &block]);
        let mut answer = self.answer();
        answer.busy = false;
        if sent.is_ok() {
            answer.done(step);
        } else {
            answer.phase = Phase::Sending;
        }
        if step.end {
            drop(answer);
            self.shared.lock().keep(block);
        }
        sent
    }

    fn transmit(&self, py: Python<'_>, bytes: &[u8], step: Step, head: [&[u8]; 2]) -> PyResult<()> {
        if step.surplus > 0 {
            self.shared
                .report(py, self.slot, &surplus_text(step.surplus), false)?;
        }
        self.shared.transmit(
            py,
            Part {
                slot: self.slot,
                head: step.with_head.then_some(head),
                body: bytes,
                end: step.end,
            },
        )
    }

    /// Sends a complete body. What is wrong with it is noticed before anything of it is sent.
    fn whole(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<()> {
        let missing = {
            let mut answer = self.answer();
            if bytes.len() > PIECE && answer.phase == Phase::Headed {
                answer.announce_length(bytes.len() as u64);
            }
            answer.missing(bytes.len())
        };
        match missing {
            Some(missing) if self.answer().phase != Phase::Silent => self.fell_short(py, missing),
            _ => self.pass(py, bytes, true),
        }
    }

    fn fell_short(&self, py: Python<'_>, missing: u64) -> PyResult<()> {
        self.end_with(py, &format!("the app gave {missing} bytes less than its Content-Length says; the answer cannot be completed"))
    }

    /// Ends the answer by a failure: a 500 page if nothing was sent, else the connection is cut.
    fn end_with(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        self.answer().phase = Phase::Over;
        let told = self.shared.report(py, self.slot, text, true);
        if told.is_err() && !self.shared.is_disowned() {
            // A deadline, for example, while this waited for room: the answer ends all the same.
            self.shared.lock().give_up(self.slot);
        }
        told
    }
}

#[pymethods]
impl Exchange {
    /// Tells this request from all others that run, until it is over.
    #[getter]
    fn slot(&self) -> u32 {
        self.slot.index
    }

    /// The environ of PEP 3333. It can be fetched once.
    #[getter]
    fn environ(&self) -> PyResult<Py<PyDict>> {
        let environ = self
            .environ
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        environ.ok_or_else(|| {
            PyRuntimeError::new_err("the environ of this request was fetched already")
        })
    }

    /// `start_response(status, headers, exc_info=None)`, or with one argument `write(data)`.
    #[pyo3(signature = (status, headers=None, exc_info=None))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        status: &Bound<'py, PyAny>,
        headers: Option<&Bound<'py, PyAny>>,
        exc_info: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (py, exchange) = (slf.py(), slf.get());
        if let Some(headers) = headers {
            exchange.start(py, status, headers, exc_info)?;
            return Ok(slf.clone().into_any());
        }
        let Ok(data) = status.cast::<PyBytes>() else {
            return Err(PyTypeError::new_err(format!(
                "write() wants bytes, not {} (start_response wants a status and a list of headers)",
                type_name(status)
            )));
        };
        if !data.as_bytes().is_empty() {
            exchange.pass(py, data.as_bytes(), false)?;
        }
        Ok(py.None().into_bound(py))
    }

    /// Names the app that the request is for, by its number, for the log; -1 for none of them.
    fn serves(&self, number: i32) {
        self.answer().app = u16::try_from(number).unwrap_or(wire::answer::NO_APP);
    }

    /// Sends the whole answer if the app returned all of it at once (a list or tuple of bytes); False:
    /// it is to be iterated over and closed.
    fn finish(&self, py: Python<'_>, result: &Bound<'_, PyAny>) -> PyResult<bool> {
        if let Ok(list) = result.cast_exact::<PyList>() {
            return self
                .finish_items(py, list.len(), |at| list.get_item(at))
                .map(|()| true);
        }
        if let Ok(tuple) = result.cast_exact::<PyTuple>() {
            return self
                .finish_items(py, tuple.len(), |at| tuple.get_item(at))
                .map(|()| true);
        }
        if let Ok(bytes) = result.cast_exact::<PyBytes>() {
            // Not what PEP 3333 says, but what uWSGI takes.
            return self.whole(py, bytes.as_bytes()).map(|()| true);
        }
        if result.is_none() || result.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err(format!(
                "the app returned {}; a WSGI app returns an iterable of bytes{}",
                if result.is_none() {
                    "None".to_owned()
                } else {
                    format!("a {}", type_name(result))
                },
                if result.is_none() {
                    " (is a `return` missing?)"
                } else {
                    ", such as [text.encode()]"
                }
            )));
        }
        Ok(false)
    }

    /// Sends one piece of the body. True: the app gives more than it has announced and may stop.
    fn send(&self, py: Python<'_>, chunk: &Bound<'_, PyAny>) -> PyResult<bool> {
        let bytes = chunk
            .cast::<PyBytes>()
            .map_err(|_| not_bytes(chunk))?
            .as_bytes();
        if bytes.is_empty() {
            return Ok(false);
        }
        self.pass(py, bytes, false)?;
        Ok(self.answer().surplus > 0)
    }

    /// The body is complete. Gives a complaint for the log, if there is one that the server does not
    /// know of.
    fn end(&self, py: Python<'_>) -> PyResult<Option<String>> {
        let (phase, missing, surplus) = {
            let answer = self.answer();
            (answer.phase, answer.missing(0), answer.surplus)
        };
        match (phase, missing) {
            (Phase::Silent, _) => Err(silent()),
            (Phase::Over, _) => Ok((surplus > 0).then(|| surplus_text(surplus))),
            (_, Some(missing)) => self.fell_short(py, missing).map(|()| None),
            (_, None) => self.pass(py, b"", true).map(|()| None),
        }
    }

    /// Sends a file from `offset` on as the rest of the body. False: it is no ordinary file.
    fn send_file(&self, py: Python<'_>, descriptor: i32, offset: u64) -> PyResult<bool> {
        let file = kernel::duplicate(descriptor)?;
        let facts = os::file::metadata(file.as_fd())?;
        if !facts.is_file {
            return Ok(false);
        }
        let there = facts.len.saturating_sub(offset);
        let count = {
            let mut answer = self.answer();
            match answer.phase {
                Phase::Silent => return Err(silent()),
                Phase::Over => return Ok(true),
                Phase::Headed => answer.announce_length(there),
                Phase::Sending => {}
            }
            let rest = answer
                .head
                .length
                .map_or(there, |all| all.saturating_sub(answer.sent));
            if answer.is_bodiless() {
                0
            } else {
                there.min(rest)
            }
        };
        if count > 0 {
            // The head alone, then the file, then the end.
            self.pass_head(py)?;
            self.shared
                .transmit_file(py, self.slot, file.as_fd(), offset, count)?;
            self.answer().sent += count;
        }
        Ok(true)
    }

    /// Tells the log what went wrong; the answer goes on. The text may contain anything, lone surrogates
    /// for example, which come from JSON.
    fn remark(&self, text: &Bound<'_, PyString>) -> PyResult<()> {
        self.shared
            .report(text.py(), self.slot, &text.to_string_lossy(), false)
    }

    /// The app has failed. False: the answer was over by then, and the server cannot be told.
    fn failed(&self, text: &Bound<'_, PyString>) -> PyResult<bool> {
        if self.answer().phase == Phase::Over {
            return Ok(false);
        }
        self.end_with(text.py(), &text.to_string_lossy())
            .map(|()| true)
    }

    /// Whether this process is a copy that the app has forked: the request is the parent's affair.
    #[getter]
    fn foreign(&self) -> bool {
        self.shared.is_disowned()
    }

    /// Nobody wants the answer any more.
    fn abandon(&self, py: Python<'_>) -> PyResult<()> {
        if self.answer().phase == Phase::Over {
            return Ok(());
        }
        self.end_with(py, "")
    }
}

impl Exchange {
    /// Sends the head without any of the body.
    fn pass_head(&self, py: Python<'_>) -> PyResult<()> {
        let (block, fixed) = {
            let mut answer = self.answer();
            if answer.phase != Phase::Headed {
                return Ok(());
            }
            let fixed = answer.fixed();
            answer.phase = Phase::Sending;
            (std::mem::take(&mut answer.block), fixed)
        };
        self.shared.transmit(
            py,
            Part {
                slot: self.slot,
                head: Some([&fixed, &block]),
                body: b"",
                end: false,
            },
        )
    }

    fn finish_items<'py>(
        &self,
        py: Python<'py>,
        count: usize,
        item: impl Fn(usize) -> PyResult<Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        if count == 1 {
            let only = item(0)?;
            return self.whole(
                py,
                only.cast::<PyBytes>()
                    .map_err(|_| not_bytes(&only))?
                    .as_bytes(),
            );
        }
        let mut all = Vec::new();
        for at in 0..count {
            let piece = item(at)?;
            all.extend_from_slice(
                piece
                    .cast::<PyBytes>()
                    .map_err(|_| not_bytes(&piece))?
                    .as_bytes(),
            );
        }
        self.whole(py, &all)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.shared.is_disowned() && self.answer().phase != Phase::Over {
            self.shared.lock().give_up(self.slot);
        }
    }
}
