//! What all threads of a worker share: the link under its lock, the bell, and the one way to wait.
//!
//! The lock is only held over plain Rust: never over a call into Python, never while waiting for the
//! GIL. Waiting happens without the GIL; whoever waits has let go of it before.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use os::clock::monotonic_micros;
use pyo3::prelude::*;

use crate::green::Green;
use crate::inlet::Inlet;
use crate::kernel::{Bell, Woken};
use crate::pool::Purpose;

/// How long the main thread sleeps at most before it looks for signals, in milliseconds. A signal wakes
/// it from the bell at once, but for one that comes just before it falls asleep.
const LOOK_FOR_SIGNALS: i32 = 1_000;
/// The same where a signal does not wake it.
const LOOK_SOON_FOR_SIGNALS: Duration = Duration::from_millis(100);
/// How long a spare thread of an automatic pool waits before it leaves, in milliseconds.
const SPARE_PATIENCE: i32 = 10_000;
const FOR_EVER: i32 = -1;

/// The worker's end of the link.
#[derive(Debug)]
pub(crate) struct Shared {
    inlet: Mutex<Inlet>,
    bell: Bell,
    /// Carries descriptors of files to the server.
    pub(crate) control: OwnedFd,
    /// Where Python runs signal handlers.
    main: ThreadId,
    /// This is a copy in a process that the app has forked: the link is not its own.
    forked: AtomicBool,
    /// How greenlets wait, where requests run in such.
    pub(crate) green: OnceLock<Green>,
}

/// How a wait ended.
#[derive(Debug)]
pub(crate) enum Waited<T> {
    /// What was waited for has come.
    Done(T),
    /// A signal may have come: run Python's handlers, then wait again.
    Interrupted,
    /// The patience is over.
    TimedOut,
    /// The server is gone.
    ServerGone,
}

impl Shared {
    pub(crate) fn new(inlet: Inlet, bell: Bell, control: OwnedFd) -> Self {
        Self {
            inlet: Mutex::new(inlet),
            bell,
            control,
            main: std::thread::current().id(),
            forked: AtomicBool::new(false),
            green: OnceLock::new(),
        }
    }

    /// The state; held for a few lines only. A panic in one thread leaves it usable: each frame is
    /// written and read as a whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inlet> {
        self.inlet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This process is a fork that the app made.
    pub(crate) fn disown(&self) {
        self.forked.store(true, Ordering::Relaxed);
    }

    /// Whether the link belongs to the parent process.
    pub(crate) fn is_disowned(&self) -> bool {
        self.forked.load(Ordering::Relaxed)
    }

    /// Waits until `ready` gives something, as whoever calls it waits: a greenlet lets the others run, a
    /// thread sleeps without the GIL.
    pub(crate) fn wait_attached<T: Send>(
        &self,
        py: Python<'_>,
        purpose: Purpose,
        ready: impl FnMut(&mut Inlet) -> Option<T> + Send,
    ) -> PyResult<Waited<T>> {
        match self.green.get().filter(|green| green.is_here()) {
            Some(green) => green.wait(self, py, purpose, ready),
            None => Ok(py.detach(|| self.wait(purpose, ready))),
        }
    }

    /// Waits until `ready` gives something; it is asked after every change, with the lock held, and
    /// begins by pumping.
    pub(crate) fn wait<T>(
        &self,
        purpose: Purpose,
        mut ready: impl FnMut(&mut Inlet) -> Option<T>,
    ) -> Waited<T> {
        let is_main = std::thread::current().id() == self.main;
        let mut turn = None;
        let mut inlet = self.lock();
        loop {
            if let Some(found) = ready(&mut inlet) {
                if purpose == Purpose::Room {
                    inlet.pool.news_of_room();
                }
                self.hand_on(&mut inlet);
                return Waited::Done(found);
            }
            if inlet.gone {
                self.hand_on(&mut inlet);
                return Waited::ServerGone;
            }
            if purpose != Purpose::Request && inlet.is_worth_beginning(monotonic_micros()) {
                self.wake_idle(&inlet);
            }
            self.tell_hub(&inlet);
            // Before sleeping, nothing that was written may lie about.
            inlet.outbox.announce(true);
            if inlet.pool.may_listen(purpose) {
                inlet.pool.listens(purpose);
                if !prepare_nap(&inlet) {
                    inlet.pool.stops_listening(purpose);
                    continue;
                }
                let patience = match purpose {
                    _ if is_main => LOOK_FOR_SIGNALS,
                    Purpose::Request if inlet.pool.is_automatic() => SPARE_PATIENCE,
                    _ => FOR_EVER,
                };
                drop(inlet);
                let woken = self.bell.sleep(patience);
                inlet = self.lock();
                inlet.pool.stops_listening(purpose);
                inlet.pool.news_of_room();
                match woken {
                    Woken::Rung => {}
                    Woken::ServerGone => give_up(&mut inlet),
                    Woken::Interrupted => {
                        self.hand_on(&mut inlet);
                        return Waited::Interrupted;
                    }
                    Woken::TimedOut => {
                        self.hand_on(&mut inlet);
                        return if is_main {
                            Waited::Interrupted
                        } else {
                            Waited::TimedOut
                        };
                    }
                }
            } else {
                let turn = *turn.get_or_insert_with(|| inlet.pool.next_turn());
                inlet.pool.park(purpose, turn);
                if purpose != Purpose::Request && !prepare_nap(&inlet) {
                    inlet.pool.unpark_self();
                    continue;
                }
                drop(inlet);
                if is_main {
                    std::thread::park_timeout(LOOK_SOON_FOR_SIGNALS);
                } else {
                    std::thread::park();
                }
                inlet = self.lock();
                inlet.pool.unpark_self();
                if is_main {
                    self.hand_on(&mut inlet);
                    return Waited::Interrupted;
                }
            }
        }
    }

    /// A thread stops waiting: sees to it that the bell keeps a listener if anybody needs one.
    fn hand_on(&self, inlet: &mut Inlet) {
        self.tell_hub(inlet);
        if inlet.draining || inlet.gone {
            // Everybody is to leave, one after the other.
            self.wake_idle(inlet);
        } else if !inlet.pool.somebody_listens() {
            if !inlet.pool.unpark_any() {
                inlet.inbox.awake();
            }
        } else if inlet.pool.wants_rings(monotonic_micros()) && !inlet.inbox.prepare_nap() {
            // The ring that woke this thread has disarmed the bell for the others.
            self.bell.ring();
        }
    }

    /// A thread that is not the hub's has read frames: the hub is to look at what has come for it.
    fn tell_hub(&self, inlet: &Inlet) {
        if inlet.pool.has_hub() && inlet.has_work_for_hub() {
            self.bell.ring();
        }
    }

    /// Wakes one idle thread, if there is one.
    pub(crate) fn wake_idle(&self, inlet: &Inlet) {
        if inlet.pool.idle_ones_listen() {
            self.bell.ring();
        } else {
            inlet.pool.unpark_idle();
        }
    }

    /// The descriptor of the bell, for an event loop.
    pub(crate) fn bell_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.bell.fd()
    }

    /// An event loop listens to the bell from now on.
    pub(crate) fn never_block(&self) -> std::io::Result<()> {
        self.bell.never_block()
    }

    /// Takes the rings so far.
    pub(crate) fn hush(&self) {
        self.bell.hush();
    }

    /// The server is gone: nobody waits for anything any more.
    pub(crate) fn abandon(&self) {
        let mut inlet = self.lock();
        give_up(&mut inlet);
        self.bell.ring();
    }

    /// Wakes whoever listens in the middle of a request: it may go on.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// After a request was begun: what about the other idle threads?
    pub(crate) fn settle(&self, inlet: &mut Inlet) {
        if inlet.pool.idle() == 0 || !inlet.pool.may_begin(monotonic_micros()) {
            return;
        }
        if !inlet.is_idle() || !inlet.inbox.prepare_nap() {
            self.wake_idle(inlet);
        }
    }

    /// Leaves by our own wish (SIGTERM): as if the server had said so.
    pub(crate) fn drain(&self) {
        // A signal handler may run anywhere, but never while this thread holds the lock: the lock is
        // only held over plain Rust, and handlers run in Python's loop.
        let mut inlet = self.lock();
        inlet.draining = true;
        self.wake_idle(&inlet);
    }
}

/// Tells the server that somebody sleeps; false when there is something to read after all.
fn prepare_nap(inlet: &Inlet) -> bool {
    if !inlet.inbox.prepare_nap() {
        return false;
    }
    if !inlet.pool.wants_rings(monotonic_micros()) {
        // Whoever is awake will look by itself; the server rings when that takes too long.
        inlet.inbox.awake();
    }
    true
}

fn give_up(inlet: &mut Inlet) {
    inlet.gone = true;
    inlet.slots.cancel_all();
    inlet.pool.unpark_all();
    inlet.parking.news_for_all();
}
