//! Reading a request's body: what is here, and what is still to come through the link.

use std::sync::Arc;

use link::SlotId;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::ClientDisconnected;
use crate::inlet::Inlet;
use crate::kernel::bytes_filled;
use crate::pool::Purpose;
use crate::shared::{Shared, Waited};
use crate::slots::{BodyState, Reader};

/// How much is fetched at most when lines are looked for.
const LINE_STEP: usize = 64 * 1024;
/// Up to this size, memory for what was announced is taken before it comes. (Beyond, a client that
/// only announces would cost memory.)
const TAKEN_AT_ONCE: u64 = 1024 * 1024;

/// What is known of a body.
#[derive(Debug)]
pub(crate) struct Body {
    shared: Arc<Shared>,
    slot: SlotId,
    /// Bytes that were received and not read, from `at` on.
    pending: Vec<u8>,
    at: usize,
    /// Whether more comes through the link.
    state: BodyState,
    /// How many bytes are to come through the link, if anybody said.
    announced: Option<u64>,
}

impl Body {
    /// A body that is here: the end of `payload`, from `at` on.
    pub(crate) fn here(shared: Arc<Shared>, slot: SlotId, payload: Vec<u8>, at: usize) -> Self {
        Self {
            shared,
            slot,
            pending: payload,
            at,
            state: BodyState::End,
            announced: None,
        }
    }

    /// A body that comes when it is read.
    pub(crate) fn streaming(shared: Arc<Shared>, slot: SlotId, length: Option<u64>) -> Self {
        Self {
            shared,
            slot,
            pending: Vec::new(),
            at: 0,
            state: BodyState::More,
            announced: length,
        }
    }

    /// At most `limit` bytes; less only at the end.
    pub(crate) fn read<'py>(
        &mut self,
        py: Python<'py>,
        limit: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if self.state == BodyState::End || self.rest().len() >= limit {
            let count = self.rest().len().min(limit);
            return Ok(self.give(py, count));
        }
        match self.announced {
            Some(announced) if announced <= TAKEN_AT_ONCE => {
                self.read_announced(py, limit, announced as usize)
            }
            _ => self.read_growing(py, limit),
        }
    }

    /// Reads straight into the bytes object that Python gets.
    fn read_announced<'py>(
        &mut self,
        py: Python<'py>,
        limit: usize,
        announced: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let pending = std::mem::take(&mut self.pending);
        let here = &pending[std::mem::take(&mut self.at)..];
        let announced = limit.min(here.len() + announced);
        bytes_filled(py, announced, |filling| {
            filling.push(here);
            let mut reader = Reader::filling(self.slot, filling);
            let wanted = reader.wanted();
            self.fetch(py, &mut reader, wanted).inspect_err(|_| {
                // What has come can still be read by pieces; the error comes again behind it.
                self.pending = filling.filled().to_vec();
            })
        })
    }

    /// Reads into memory that grows as the bytes come.
    fn read_growing<'py>(
        &mut self,
        py: Python<'py>,
        limit: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let missing = limit - self.rest().len();
        self.fetch_pending(py, missing, missing)?;
        let bytes = self.give(py, self.rest().len().min(limit));
        if self.rest().is_empty() {
            // A long read must not keep its memory for the rest of the request.
            self.pending = Vec::new();
            self.at = 0;
        }
        Ok(bytes)
    }

    /// At most `limit` bytes, as soon as there are some.
    pub(crate) fn read_some<'py>(
        &mut self,
        py: Python<'py>,
        limit: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if self.rest().is_empty() && limit > 0 {
            self.fetch_pending(py, LINE_STEP, 1)?;
        }
        let count = self.rest().len().min(limit);
        Ok(self.give(py, count))
    }

    /// A line with its end, at most `limit` bytes of it.
    pub(crate) fn read_line<'py>(
        &mut self,
        py: Python<'py>,
        limit: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let mut searched = 0;
        loop {
            let rest = self.rest();
            let end = rest[searched..]
                .iter()
                .position(|&byte| byte == b'\n')
                .map(|found| searched + found + 1);
            if end.is_some() || rest.len() >= limit || self.state == BodyState::End {
                let count = end.unwrap_or(rest.len()).min(limit);
                return Ok(self.give(py, count));
            }
            searched = rest.len();
            self.fetch_pending(py, LINE_STEP, 1)?;
        }
    }

    /// What is here and not read.
    fn rest(&self) -> &[u8] {
        &self.pending[self.at..]
    }

    /// Gives the first `count` of the bytes that are here.
    fn give<'py>(&mut self, py: Python<'py>, count: usize) -> Bound<'py, PyBytes> {
        let bytes = PyBytes::new(py, &self.rest()[..count]);
        self.at += count;
        bytes
    }

    /// Fetches at most `limit` and at least `least` bytes behind those that are here.
    fn fetch_pending(&mut self, py: Python<'_>, limit: usize, least: usize) -> PyResult<()> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.drain(..std::mem::take(&mut self.at));
        let fetched = self.fetch(
            py,
            &mut Reader::growing(self.slot, &mut pending, limit),
            least,
        );
        self.pending = pending;
        fetched
    }

    /// Waits until the reader has got at least `least` bytes; less only at the end of the body.
    fn fetch(&mut self, py: Python<'_>, reader: &mut Reader<'_, '_>, least: usize) -> PyResult<()> {
        if self.state == BodyState::End {
            return Ok(());
        }
        self.shared.check_own()?;
        let waited = self.wait(py, reader, least);
        // Also when the wait was broken off (a `gevent.Timeout`): what has come is not to come again.
        self.announced = self
            .announced
            .map(|announced| announced.saturating_sub(reader.length as u64));
        match waited? {
            Some(BodyState::Cut) if reader.length < least => Err(ClientDisconnected::new_err(
                "the client broke off before the end of the request's body",
            )),
            // The error comes with the next read, behind the bytes of this one.
            Some(BodyState::Cut) => Ok(()),
            Some(state) => {
                self.state = state;
                Ok(())
            }
            None if self.shared.lock().slots.find(self.slot).is_some() => {
                Err(ClientDisconnected::new_err("the client is gone"))
            }
            None => Err(PyValueError::new_err(
                "the request is over; its body can no longer be read",
            )),
        }
    }

    /// The same; where the body stands then (None: nothing can come any more).
    fn wait(
        &self,
        py: Python<'_>,
        reader: &mut Reader<'_, '_>,
        least: usize,
    ) -> PyResult<Option<BodyState>> {
        let mut step = |inlet: &mut Inlet| match inlet.read_body(reader) {
            Ok(Some(BodyState::More)) if reader.length < least => Err(Purpose::News(reader.slot)),
            Ok(state) => Ok(state),
            Err(link::NoRoom) => Err(Purpose::Room),
        };
        let mut stepped = step(&mut self.shared.lock());
        loop {
            let purpose = match stepped {
                Ok(state) => return Ok(state),
                Err(purpose) => purpose,
            };
            let waited = self.shared.wait_attached(py, purpose, |inlet| {
                Some(step(inlet)).filter(|stepped| *stepped != Err(purpose))
            });
            match waited? {
                Waited::Done(next) => stepped = next,
                Waited::ServerGone => return Ok(None),
                Waited::Interrupted | Waited::TimedOut => py.check_signals()?,
            }
        }
    }
}
