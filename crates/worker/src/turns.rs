//! The turns of an event loop: what the gevent engine asks for when the bell has rung.
//!
//! ```text
//!   bell ─▶ begin ─▶ overdue*, resumable* ─▶ next_request* ─▶ None: the loop may sleep
//! ```
//!
//! All of it is called from the hub, one call after the other, and none of the calls waits. Requests are
//! begun for a millisecond or 64 of them; then other events of the loop have their turn.

use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};

use os::clock::monotonic_micros;
use pyo3::prelude::*;

use crate::exchange::Exchange;
use crate::green::Green;
use crate::inlet::Inlet;
use crate::kernel;
use crate::link::Link;
use crate::shared::Shared;

/// Requests begun in one turn, and the microseconds that this may take.
const MOST_REQUESTS: u32 = 64;
const LONGEST: u64 = 1_000;

/// Blocks of memory that are kept for the next greenlets, whatever their number.
const FEWEST_KEPT: usize = 64;
const MOST_KEPT: usize = 4096;

/// The link as an event loop sees it.
#[pyclass(frozen, module = "verdigris._native")]
#[derive(Debug)]
pub(crate) struct Turns {
    link: Py<Link>,
    shared: Arc<Shared>,
    turn: Mutex<Turn>,
}

/// How much of a turn is left.
#[derive(Clone, Copy, Debug, Default)]
struct Turn {
    requests: u32,
    until: u64,
}

#[pymethods]
impl Turns {
    /// From now on the hub of the calling thread takes the link's requests.
    #[new]
    fn new(link: Py<Link>, hub: &Bound<'_, PyAny>, greenlets: usize) -> PyResult<Self> {
        kernel::keep_chunks(hub.py(), greenlets.clamp(FEWEST_KEPT, MOST_KEPT));
        let shared = link.get().shared.clone();
        let green = Green::new(hub)?;
        shared.green.set(green).map_err(|_| {
            pyo3::exceptions::PyRuntimeError::new_err("the link has an event loop already")
        })?;
        shared.never_block()?;
        {
            let mut inlet = shared.lock();
            inlet.pool.give_to_hub();
            // Whatever has come by now is found by the first turn.
            shared.ring();
        }
        Ok(Self {
            link,
            shared,
            turn: Mutex::default(),
        })
    }

    /// What to listen to: readable when there is something to do.
    #[getter]
    fn bell(&self) -> i32 {
        self.shared.bell_fd().as_raw_fd()
    }

    /// What to listen to besides: readable when the server is gone.
    #[getter]
    fn control(&self) -> i32 {
        self.shared.control.as_raw_fd()
    }

    /// The bell has rung. True: some greenlets should be resumed, or broken off, before anything else.
    fn begin(&self) -> bool {
        if self.shared.is_disowned() {
            return false;
        }
        self.shared.hush();
        let mut inlet = self.shared.lock();
        inlet.inbox.awake();
        inlet.turning = true;
        inlet.pump();
        inlet.turning = false;
        inlet.parking.news_of_room();
        inlet.pool.news_of_room();
        *self.turn() = Turn {
            requests: MOST_REQUESTS,
            until: monotonic_micros() + LONGEST,
        };
        inlet.parking.has_news() || !inlet.overdue.is_empty()
    }

    /// The next request of this turn. None: the turn is over; the bell rings again when there is more.
    fn next_request(&self, py: Python<'_>) -> PyResult<Option<Exchange>> {
        if self.shared.is_disowned() {
            return Ok(None);
        }
        loop {
            let now = monotonic_micros();
            let job = {
                let mut inlet = self.shared.lock();
                if !self.turn().goes_on(now) {
                    self.shared.ring();
                    return Ok(None);
                }
                inlet.turning = true;
                let next = inlet.begin_next(now);
                inlet.turning = false;
                match next {
                    Some(job) => job,
                    None if self.rest(&mut inlet) => return Ok(None),
                    None => continue,
                }
            };
            if let Some(exchange) = self.link.get().exchange(py, job)? {
                return Ok(Some(exchange));
            }
        }
    }

    /// The loop is about to sleep: the answers of its last turn go out together.
    fn announce(&self) {
        if !self.shared.is_disowned() {
            self.shared.lock().announce_now();
        }
    }

    /// The next greenlet whose wait may be over: switch to it.
    fn resumable(&self) -> Option<Py<PyAny>> {
        let green = self.shared.green.get()?;
        loop {
            let ticket = self.shared.lock().parking.next_ready()?;
            if let Some(greenlet) = green.take(ticket) {
                return Some(greenlet);
            }
        }
    }

    /// The next request whose time is over, by its slot.
    fn overdue(&self) -> Option<u32> {
        let mut inlet = self.shared.lock();
        loop {
            let slot = inlet.overdue.pop()?;
            if inlet.slots.find(slot).is_some() {
                return Some(slot.index);
            }
        }
    }

    /// Whether this worker may leave: nothing runs, and nothing will come.
    #[getter]
    fn finished(&self) -> bool {
        self.shared.lock().is_finished()
    }

    /// Whether the server wants this worker to leave, now or when it has given it the last requests.
    #[getter]
    fn draining(&self) -> bool {
        let inlet = self.shared.lock();
        inlet.draining || inlet.last_call || inlet.gone
    }

    /// Gives memory back that the last spike has left; whether some is left. To be called now and then.
    #[expect(clippy::unused_self, reason = "Python calls it as a method")]
    fn trim(&self, py: Python<'_>) -> bool {
        kernel::free_surplus_chunks(py)
    }

    /// The server is gone, and every client with it.
    fn abandon(&self) {
        self.shared.abandon();
    }
}

impl Turns {
    fn turn(&self) -> std::sync::MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is left to begin: whether the loop may sleep.
    fn rest(&self, inlet: &mut Inlet) -> bool {
        inlet.announce_now();
        if inlet.parking.has_news() || !inlet.overdue.is_empty() {
            self.shared.ring();
            return true;
        }
        inlet.inbox.prepare_nap()
    }
}

impl Turn {
    /// Takes a request's share of what is left; false when nothing is.
    fn goes_on(&mut self, now: u64) -> bool {
        let goes_on = self.requests > 0 && now < self.until;
        self.requests = self.requests.saturating_sub(1);
        goes_on
    }
}
