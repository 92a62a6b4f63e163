//! The few calls into the kernel and the interpreter that the worker needs and that no other room has:
//! sleeping on the bell, memory for greenlets and for bodies. The worker's only `unsafe`.
#![expect(
    unsafe_code,
    reason = "epoll_wait on a shared instance, the arena allocator, bytes objects without zeros; each \
              block has its SAFETY line"
)]

use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use std::sync::OnceLock;

use os::event::EventFd;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::chunks::{CHUNK, Chunks};

/// What ended a sleep on the bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The bell was rung (or might have been: look).
    Rung,
    /// The server is gone.
    ServerGone,
    /// The time is over.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// What the worker's threads sleep on: the link's eventfd, and the server's end of the control socket.
///
/// Any number of threads may sleep. One ring wakes exactly one of them, the one that fell asleep last:
/// its memory is the warmest, and threads that are not needed are never disturbed. (epoll queues its
/// sleepers exclusively and newest first; a plain `read` of the eventfd would wake them all.)
#[derive(Debug)]
pub(crate) struct Bell {
    epoll: OwnedFd,
    /// Never read: under edge-triggered epoll each raise is a new event.
    event: EventFd,
}

const RING: u64 = 0;
const SERVER: u64 = 1;

impl Bell {
    /// A bell that hears `event` and notices when the other end of `control` is closed.
    pub(crate) fn new(event: OwnedFd, control: BorrowedFd<'_>) -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel just gave us this descriptor and nobody else has it.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        let bell = Self {
            epoll,
            event: EventFd::from_fd(event),
        };
        bell.add(bell.event.as_fd(), RING, libc::EPOLLIN | libc::EPOLLET)?;
        bell.add(control, SERVER, libc::EPOLLRDHUP)?;
        Ok(bell)
    }

    fn add(&self, fd: BorrowedFd<'_>, token: u64, events: libc::c_int) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: events as u32,
            u64: token,
        };
        // SAFETY: `event` lives across the call, which copies it.
        check(unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd.as_raw_fd(),
                &raw mut event,
            )
        })
        .map(|_| ())
    }

    /// Sleeps until something happens, at most `milliseconds` (negative: for ever).
    pub(crate) fn sleep(&self, milliseconds: i32) -> Woken {
        let mut event = libc::epoll_event {
            events: 0,
            u64: RING,
        };
        // SAFETY: room for one event, as said by the count.
        match unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), &raw mut event, 1, milliseconds) } {
            0 => Woken::TimedOut,
            // Nothing but a signal can go wrong with a descriptor and a buffer of our own.
            -1 => Woken::Interrupted,
            _ if event.u64 == SERVER => Woken::ServerGone,
            _ => Woken::Rung,
        }
    }

    /// What an event loop listens to instead of sleeping here.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// An event loop listens, which must not sleep in [`Bell::hush`].
    pub(crate) fn never_block(&self) -> io::Result<()> {
        let event = self.event.as_fd().as_raw_fd();
        // SAFETY: no memory is involved.
        let flags = check(unsafe { libc::fcntl(event, libc::F_GETFL) })?;
        // SAFETY: as above.
        check(unsafe { libc::fcntl(event, libc::F_SETFL, flags | libc::O_NONBLOCK) }).map(|_| ())
    }

    /// Takes the rings so far, so that an event loop that looks at the level sees none.
    pub(crate) fn hush(&self) {
        // It did not ring, or a signal came between: the loop calls again if there is a reason.
        let _ = self.event.wait();
    }

    /// Wakes one sleeper.
    pub(crate) fn ring(&self) {
        // The counter cannot overflow and the descriptor is ours, so there is no error to report.
        let _ = self.event.raise();
    }
}

/// The clock of the time that one thread spends on a processor. Any thread may read it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// The clock of the calling thread.
    pub(crate) fn of_this_thread() -> Self {
        let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
        // SAFETY: pthread_self is always valid, and `clock` is a live local. If it fails (it cannot for
        // a live thread), the clock stays that of whoever reads it.
        unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        Self(clock)
    }

    /// Microseconds on a processor so far; 0 if the thread is no more.
    pub(crate) fn micros(self) -> u64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the call fills the timespec; for a clock that is gone it fails and changes nothing.
        unsafe { libc::clock_gettime(self.0, &raw mut time) };
        time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1_000
    }
}

fn check(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(answer)
    }
}

/// Takes over a descriptor that was given to us as a number; None if there is no such descriptor.
pub(crate) fn adopt(fd: i32) -> Option<OwnedFd> {
    // SAFETY: F_GETFD only asks. The server sent these descriptors for this link alone and the mold's
    // child gives them away with the call to `attach`, so nobody else closes them.
    (unsafe { libc::fcntl(fd, libc::F_GETFD) } != -1).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A descriptor of our own for the file that the app has open under this number.
pub(crate) fn duplicate(fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: no memory is involved; a number that is no descriptor is an error.
    let copy = check(unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0) })?;
    // SAFETY: fresh and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// CPython's `PyObjectArenaAllocator`. It is not in the limited API, but has been the same since 3.4 and
/// its functions are exported by every build.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct ArenaAllocator {
    context: *mut c_void,
    alloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

// SAFETY: the interpreter's own allocator is called from any of its threads.
unsafe impl Send for ArenaAllocator {}
// SAFETY: as above; the struct is never changed.
unsafe impl Sync for ArenaAllocator {}

unsafe extern "C" {
    fn PyObject_GetArenaAllocator(allocator: *mut ArenaAllocator);
    fn PyObject_SetArenaAllocator(allocator: *mut ArenaAllocator);
}

static CHUNKS: Chunks = Chunks::new();
/// What allocates when the store is empty, and frees when it is full.
static USUAL: OnceLock<ArenaAllocator> = OnceLock::new();

/// From now on up to `limit` blocks of memory for greenlets' frames are kept to be used again. The
/// caller holds the GIL, as every caller of the allocator does.
pub(crate) fn keep_chunks(_attached: pyo3::Python<'_>, limit: usize) {
    CHUNKS.set_limit(limit);
    USUAL.get_or_init(|| {
        let mut usual = ArenaAllocator {
            context: std::ptr::null_mut(),
            alloc: arena_alloc,
            free: arena_free,
        };
        // SAFETY: fills the struct.
        unsafe { PyObject_GetArenaAllocator(&raw mut usual) };
        usual
    });
    let mut ours = ArenaAllocator {
        context: std::ptr::null_mut(),
        alloc: arena_alloc,
        free: arena_free,
    };
    // SAFETY: the struct is copied; blocks that came from the usual allocator are freed by it in the end
    // (`arena_free`), and those that it is given back came from it.
    unsafe { PyObject_SetArenaAllocator(&raw mut ours) };
}

/// Frees blocks that are not needed any more; whether some are still kept.
pub(crate) fn free_surplus_chunks(_attached: pyo3::Python<'_>) -> bool {
    for block in CHUNKS.surplus() {
        give_back(block as *mut c_void, CHUNK);
    }
    !CHUNKS.is_empty()
}

unsafe extern "C" fn arena_alloc(_: *mut c_void, size: usize) -> *mut c_void {
    if size == CHUNK
        && let Some(block) = CHUNKS.take()
    {
        return block as *mut c_void;
    }
    match USUAL.get() {
        // SAFETY: it is called as the interpreter would call it.
        Some(usual) => unsafe { (usual.alloc)(usual.context, size) },
        // It is set before this function is known to anybody.
        None => std::ptr::null_mut(),
    }
}

unsafe extern "C" fn arena_free(_: *mut c_void, block: *mut c_void, size: usize) {
    if size != CHUNK || !CHUNKS.keep(block as usize) {
        give_back(block, size);
    }
}

fn give_back(block: *mut c_void, size: usize) {
    if let Some(usual) = USUAL.get() {
        // SAFETY: the block came from this allocator, with this size, and nobody uses it any more.
        unsafe { (usual.free)(usual.context, block, size) };
    }
}

/// Memory that is filled from its beginning.
#[derive(Debug)]
pub(crate) struct Filling<'a> {
    memory: &'a mut [MaybeUninit<u8>],
    length: usize,
}

impl<'a> Filling<'a> {
    /// Nothing is in it yet.
    pub(crate) fn new(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { memory, length: 0 }
    }

    /// How many bytes may still come.
    pub(crate) fn room(&self) -> usize {
        self.memory.len() - self.length
    }

    /// Takes bytes, at most as many as there is room for.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(self.room())];
        let free = &mut self.memory[self.length..][..bytes.len()];
        // SAFETY: both are as long as `bytes`; a borrowed slice cannot overlap a mutable one.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), free.as_mut_ptr().cast(), bytes.len());
        }
        self.length += bytes.len();
    }

    /// What has come.
    pub(crate) fn filled(&self) -> &[u8] {
        let filled = &self.memory[..self.length];
        // SAFETY: `push` has written these bytes.
        unsafe { std::slice::from_raw_parts(filled.as_ptr().cast(), filled.len()) }
    }
}

/// A bytes object of `length` bytes that `fill` fills (shorter if it fills less). Zeros are not written
/// first, which for a megabyte would cost as much as a third of the filling itself.
pub(crate) fn bytes_filled(
    py: Python<'_>,
    length: usize,
    fill: impl FnOnce(&mut Filling<'_>) -> PyResult<()>,
) -> PyResult<Bound<'_, PyBytes>> {
    let size = isize::try_from(length)?;
    // SAFETY: without a string the bytes are left as they are; the object is ours alone, and null means
    // that an exception is set.
    let object = unsafe {
        let object = pyo3::ffi::PyBytes_FromStringAndSize(std::ptr::null(), size);
        Bound::from_owned_ptr_or_err(py, object)?
    };
    // SAFETY: a bytes object of this length; nobody else knows it before it is returned.
    let memory = unsafe {
        let start = pyo3::ffi::PyBytes_AsString(object.as_ptr());
        std::slice::from_raw_parts_mut(start.cast::<MaybeUninit<u8>>(), length)
    };
    let mut filling = Filling::new(memory);
    fill(&mut filling)?;
    if filling.room() > 0 {
        return Ok(PyBytes::new(py, filling.filled()));
    }
    object.cast_into::<PyBytes>().map_err(PyErr::from)
}
