//! How a greenlet waits in the middle of a request: it notes what it waits for and switches to the hub;
//! a later turn of the hub switches back.
//!
//! This is the one place where code of ours lies on the stack below a switch. It is safe as long as
//! nothing is borrowed meanwhile that another greenlet could want: no lock is held, and what the frames
//! below hold belongs to this one wait. (greenlet copies a piece of the stack away and back to the same
//! place, so that pointers into it are good again when it goes on.)

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread::ThreadId;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::inlet::Inlet;
use crate::parking::Ticket;
use crate::pool::Purpose;
use crate::shared::{Shared, Waited};

/// What greenlets need in order to wait.
#[derive(Debug)]
pub(crate) struct Green {
    /// The thread of the hub. Others have greenlets of their own, which we cannot wake: they wait as
    /// threads.
    thread: ThreadId,
    hub: Py<PyAny>,
    /// `hub.switch`.
    switch: Py<PyAny>,
    /// `greenlet.getcurrent`.
    current: Py<PyAny>,
    parked: Mutex<HashMap<Ticket, Py<PyAny>>>,
}

impl Green {
    /// For greenlets of the calling thread.
    pub(crate) fn new(hub: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = hub.py();
        Ok(Self {
            thread: std::thread::current().id(),
            hub: hub.clone().unbind(),
            switch: hub.getattr("switch")?.unbind(),
            current: py.import("greenlet")?.getattr("getcurrent")?.unbind(),
            parked: Mutex::new(HashMap::new()),
        })
    }

    /// Whether the caller runs in the hub's thread.
    pub(crate) fn is_here(&self) -> bool {
        std::thread::current().id() == self.thread
    }

    /// Waits until `ready` gives something; it is asked with the lock held, and begins by pumping.
    pub(crate) fn wait<T>(
        &self,
        shared: &Shared,
        py: Python<'_>,
        purpose: Purpose,
        mut ready: impl FnMut(&mut Inlet) -> Option<T>,
    ) -> PyResult<Waited<T>> {
        let current = self.current.bind(py).call0()?;
        if current.is(self.hub.bind(py)) {
            return Err(PyRuntimeError::new_err(
                "a callback of gevent's hub cannot wait for a request's body or a slow client; \
                 spawn a greenlet for that",
            ));
        }
        let current = current.unbind();
        let ticket = shared.lock().parking.ticket();
        loop {
            {
                let mut inlet = shared.lock();
                if let Some(found) = ready(&mut inlet) {
                    return Ok(Waited::Done(found));
                }
                if inlet.gone {
                    return Ok(Waited::ServerGone);
                }
                // Before waiting, nothing that was written may lie about.
                inlet.outbox.announce(true);
                inlet.parking.park(purpose, ticket);
            }
            self.parked().insert(ticket, current.clone_ref(py));
            let switched = self.switch.bind(py).call0();
            let still_parked = self.parked().remove(&ticket);
            if still_parked.is_some() {
                // Not a turn of ours has switched here: it is killed, or its time is over.
                shared.lock().parking.forget(purpose, ticket);
            }
            switched?;
        }
    }

    /// The greenlet with this ticket, if its wait is not over.
    pub(crate) fn take(&self, ticket: Ticket) -> Option<Py<PyAny>> {
        self.parked().remove(&ticket)
    }

    fn parked(&self) -> std::sync::MutexGuard<'_, HashMap<Ticket, Py<PyAny>>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
