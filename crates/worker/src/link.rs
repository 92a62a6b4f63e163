//! The worker's end of the link as Python sees it: attach, ready, take.

use std::sync::{Arc, Mutex, PoisonError};

use link::{FrameHead, Kind, SlotId};
use os::clock::monotonic_micros;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use wire::payload::{Body, RequestView};

use crate::environ::{Constants, Maker};
use crate::exchange::Exchange;
use crate::inlet::{Inlet, Job};
use crate::input::Input;
use crate::kernel::{Bell, adopt};
use crate::pool::{Pool, Purpose, Size};
use crate::shared::{Shared, Waited};

/// `max_threads` and `response_buffer` where the settings do not say.
const MAX_THREADS: usize = 64;
const RESPONSE_BUFFER: u64 = 1024 * 1024;

/// The worker's end of the link.
#[pyclass(frozen, module = "verdigris._native")]
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    constants: Constants,
    /// Lent to the thread that builds an environ.
    maker: Mutex<Option<Box<Maker>>>,
    /// Starts another thread.
    spawn: Mutex<Option<Py<PyAny>>>,
}

/// Freed memory that a worker keeps, so that bodies of a few megabytes cost no page faults.
const KEPT_MEMORY: usize = 8 << 20;

/// Maps the link in a forked worker. The descriptors belong to the link from then on.
#[pyfunction]
pub(crate) fn attach(
    py: Python<'_>,
    memfd: i32,
    wake_worker: i32,
    wake_server: i32,
    control: i32,
    settings: &Bound<'_, PyDict>,
) -> PyResult<Py<Link>> {
    os::memory::keep_freed_memory(KEPT_MEMORY);
    let own = |fd: i32| {
        adopt(fd)
            .ok_or_else(|| PyOSError::new_err(format!("attach: {fd} is not an open descriptor")))
    };
    let (memory, wake_worker, wake_server, control) = (
        own(memfd)?,
        own(wake_worker)?,
        own(wake_server)?,
        own(control)?,
    );
    let bell = Bell::new(wake_worker.try_clone()?, std::os::fd::AsFd::as_fd(&control))?;
    let (inbox, outbox) = link::attach(std::os::fd::AsFd::as_fd(&memory), wake_worker, wake_server)
        .map_err(|error| PyOSError::new_err(error.to_string()))?;
    let size = size_of_pool(settings)?;
    let response_buffer =
        number(settings, "response_buffer")?.map_or(RESPONSE_BUFFER, |bytes| bytes.max(1) as u64);
    let constants = Constants {
        errors: py.import("sys")?.getattr("stderr")?.unbind(),
        file_wrapper: py
            .import("verdigris.engines.wsgi")?
            .getattr("FileWrapper")?
            .unbind(),
        no_input: Py::new(py, Input::nothing())?.into_any(),
        multithread: size.is_many(),
        multiprocess: number(settings, "processes")?.is_some_and(|processes| processes > 1),
        node: py
            .import("os")?
            .call_method0("uname")?
            .getattr("nodename")?
            .extract::<String>()?
            .into_bytes(),
        dynamic_apps: settings
            .get_item("dynamic_apps")?
            .is_some_and(|allowed| allowed.is_truthy().unwrap_or(false)),
    };
    let shared = Arc::new(Shared::new(
        Inlet::new(inbox, outbox, Pool::new(size), response_buffer),
        bell,
        control,
    ));
    let link = Py::new(
        py,
        Link {
            shared,
            constants,
            maker: Mutex::new(None),
            spawn: Mutex::new(None),
        },
    )?;
    // A process that the app forks has a copy of everything, but the link is not its own.
    let hook = PyDict::new(py);
    hook.set_item("after_in_child", link.getattr(py, "_disown")?)?;
    py.import("os")?
        .call_method("register_at_fork", (), Some(&hook))?;
    Ok(link)
}

#[pymethods]
impl Link {
    /// Tells the server that this worker serves.
    fn ready(&self) -> PyResult<()> {
        self.shared.check_own()?;
        let mut inlet = self.shared.lock();
        let frame = FrameHead::new(
            Kind::Ready,
            SlotId {
                index: 0,
                generation: 0,
            },
        );
        // Nothing was sent before, so there is room.
        inlet
            .outbox
            .push(frame, &[])
            .map_err(|_| PyRuntimeError::new_err("the link is full before its first frame"))?;
        inlet.outbox.announce(true);
        Ok(())
    }

    /// Waits for a request, without the GIL. None: this thread is to leave. A `newcomer` has just been
    /// started; in an automatic pool it does not take a request that others are about to take.
    #[pyo3(signature = (newcomer=false))]
    fn take(&self, py: Python<'_>, mut newcomer: bool) -> PyResult<Option<Exchange>> {
        let mut came = if newcomer { Came::Aside } else { Came::Running };
        // In a fixed pool nobody would call again for a request that a newcomer has left lying.
        newcomer = newcomer && self.shared.lock().pool.is_automatic();
        loop {
            self.shared.check_own()?;
            match self.begin(came) {
                Begun::Request(job, crowded) => {
                    if crowded {
                        self.spawn_thread(py);
                    }
                    if let Some(exchange) = self.exchange(py, job)? {
                        return Ok(Some(exchange));
                    }
                    came = Came::Running;
                    continue;
                }
                Begun::Leave => return Ok(None),
                Begun::Nothing => {}
            }
            let (waited, since) = py.detach(|| (self.wait(newcomer), monotonic_micros()));
            newcomer = false;
            came = Came::Aside;
            match waited {
                Waited::Done(()) => came = Came::Woken { since },
                Waited::ServerGone => {}
                Waited::Interrupted => py.check_signals()?,
                Waited::TimedOut => {
                    let mut inlet = self.shared.lock();
                    if inlet.pool.has_surplus() {
                        inlet.pool.left();
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// From now on, `spawn()` is called when another thread should call `arrived()` and then `take()`.
    fn on_crowded(&self, spawn: Py<PyAny>) {
        *self.spawn.lock().unwrap_or_else(PoisonError::into_inner) = Some(spawn);
    }

    /// A thread that was started on `on_crowded`'s wish is there.
    fn arrived(&self) {
        self.shared.lock().pool.started();
    }

    /// Takes no more requests than those that were begun (and those that wait in this worker).
    fn drain(&self) {
        if !self.shared.is_disowned() {
            self.shared.drain();
        }
    }

    /// Whether the server has gone away, so that nobody needs to be waited for.
    #[getter]
    fn abandoned(&self) -> bool {
        self.shared.lock().gone
    }

    /// In a process that the app has forked: keep off the link.
    fn _disown(&self) {
        self.shared.disown();
    }
}

/// How a thread comes to look for work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// It has just answered a request (or begins its life as the only one).
    Running,
    /// It was woken for a request, and has wanted the GIL since then.
    Woken { since: u64 },
    /// Nobody has called it.
    Aside,
}

/// What a thread that looks for work finds.
enum Begun {
    /// A request, and whether it was the last idle thread that took it.
    Request(Job, bool),
    /// This thread is to leave.
    Leave,
    /// Nothing, or nothing for it.
    Nothing,
}

impl Link {
    fn begin(&self, came: Came) -> Begun {
        let mut inlet = self.shared.lock();
        let now = monotonic_micros();
        let takes = match came {
            Came::Running => true,
            Came::Aside => false,
            Came::Woken { since } => {
                inlet.pool.waking -= 1;
                inlet.draining || !inlet.pool.gives_way(now, now.saturating_sub(since))
            }
        };
        if takes && let Some(job) = inlet.begin_next(now) {
            self.shared.settle(&mut inlet);
            let crowded = inlet.pool.is_crowded();
            if crowded {
                inlet.pool.starts();
            }
            return Begun::Request(job, crowded);
        }
        if inlet.gone || inlet.draining && !inlet.has_requests() {
            inlet.pool.left();
            // A thread that comes from a request was not woken to leave: the others must be.
            self.shared.wake_idle(&inlet);
            return Begun::Leave;
        }
        Begun::Nothing
    }

    /// Sleeps until there is something to go for. A newcomer sleeps once in any case: it has had the GIL
    /// a moment ago, so that how soon it has it again says nothing about those that compute.
    fn wait(&self, newcomer: bool) -> Waited<()> {
        let mut rested = !newcomer;
        self.shared.wait(Purpose::Request, |inlet| {
            inlet.pump();
            let rested = std::mem::replace(&mut rested, true);
            let go = inlet.draining || rested && inlet.is_worth_beginning(monotonic_micros());
            go.then(|| inlet.pool.waking += 1)
        })
    }

    fn spawn_thread(&self, py: Python<'_>) {
        let spawn = self
            .spawn
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(|spawn| spawn.clone_ref(py));
        let started = spawn.is_some_and(|spawn| match spawn.call0(py) {
            Ok(_) => true,
            Err(error) => {
                // The threads that there are go on; the limit of the machine is reached.
                error.write_unraisable(py, None);
                false
            }
        });
        if !started {
            self.shared.lock().pool.failed_to_start();
        }
    }

    /// Builds what the app will see of a request. None: that failed (we do not understand the payload,
    /// or memory is short), and the request is answered.
    pub(crate) fn exchange(&self, py: Python<'_>, job: Job) -> PyResult<Option<Exchange>> {
        let slot = job.slot;
        match self.build(py, job) {
            Ok(exchange) => Ok(Some(exchange)),
            Err(error) => {
                let text = format!("the request could not be handed to the app: {error}");
                self.shared.report(py, slot, &text, true).map(|()| None)
            }
        }
    }

    fn build(&self, py: Python<'_>, job: Job) -> PyResult<Exchange> {
        let Job { slot, payload } = job;
        let request = RequestView::decode(&payload)
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let mut maker = self
            .maker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_else(|| Box::new(Maker::new()));
        let environ = maker.environ(py, &request, &self.constants);
        *self.maker.lock().unwrap_or_else(PoisonError::into_inner) = Some(maker);
        let environ = environ?;
        let is_head = is_head(&request);
        let buffer = match request.body() {
            Body::None => payload,
            Body::Here(body) => {
                let at = payload.len() - body.len();
                let input = Input::here(self.shared.clone(), slot, payload, at);
                environ.set_item(intern!(py, "wsgi.input"), Py::new(py, input)?)?;
                Vec::new()
            }
            Body::Streams { length } => {
                let input = Input::streaming(self.shared.clone(), slot, length);
                environ.set_item(intern!(py, "wsgi.input"), Py::new(py, input)?)?;
                payload
            }
        };
        Ok(Exchange::new(
            self.shared.clone(),
            slot,
            environ.unbind(),
            is_head,
            buffer,
        ))
    }
}

fn is_head(request: &RequestView<'_>) -> bool {
    request.method() == b"HEAD"
}

/// `greenlets`, `threads` and `max_threads` of the settings.
fn size_of_pool(settings: &Bound<'_, PyDict>) -> PyResult<Size> {
    let most = number(settings, "max_threads")?
        .unwrap_or(MAX_THREADS)
        .max(1);
    if let Some(greenlets) = number(settings, "greenlets")? {
        return Ok(Size::Fixed(greenlets.max(1)));
    }
    match settings.get_item("threads")? {
        Some(threads) if threads.extract::<&str>().is_ok_and(|text| text == "auto") => {
            Ok(Size::Auto(most))
        }
        _ => Ok(Size::Fixed(
            number(settings, "threads")?.unwrap_or(1).max(1),
        )),
    }
}

/// A number of the settings; None if it is missing or None.
fn number(settings: &Bound<'_, PyDict>, name: &str) -> PyResult<Option<usize>> {
    match settings.get_item(name)? {
        Some(value) if !value.is_none() => value.extract().map(Some),
        _ => Ok(None),
    }
}
