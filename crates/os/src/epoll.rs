//! epoll: waiting for many descriptors at once.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::call::check;

/// What to be told about a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Readable, level-triggered: told again as long as something is there.
    Readable,
    /// Readable, level-triggered, only one of several waiting threads is told (listeners).
    ReadableExclusive,
    /// Every change of readability, writability and hang-up, told once each (edge-triggered).
    Edges,
    /// Only the other side's hang-up, told once.
    HangUp,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// The number given when the descriptor was added.
    pub token: u64,
    /// Bytes (or a connection, or an end of file) can be read.
    pub readable: bool,
    /// There is room to write.
    pub writable: bool,
    /// The peer has closed its writing side, or the descriptor is broken.
    pub hung_up: bool,
    /// Both directions are closed or an error is pending.
    pub dead: bool,
}

/// An epoll instance and its buffer of events.
#[derive(Debug)]
pub struct Epoll {
    fd: OwnedFd,
    buffer: Vec<libc::epoll_event>,
}

impl Epoll {
    /// A new instance that hands out at most `batch` events at a time.
    pub fn new(batch: usize) -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: fresh and ours.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Self {
            fd,
            buffer: Vec::with_capacity(batch.max(1)),
        })
    }

    /// Adds a descriptor. It leaves by itself when its last copy is closed.
    pub fn add(&self, fd: BorrowedFd<'_>, token: u64, interest: Interest) -> io::Result<()> {
        let flags = match interest {
            Interest::Readable => libc::EPOLLIN,
            Interest::ReadableExclusive => libc::EPOLLIN | libc::EPOLLEXCLUSIVE,
            Interest::Edges => libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET,
            Interest::HangUp => libc::EPOLLRDHUP | libc::EPOLLET,
        };
        let mut event = libc::epoll_event {
            events: flags as u32,
            u64: token,
        };
        // SAFETY: `event` lives across the call, which copies it.
        check(unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                fd.as_raw_fd(),
                &raw mut event,
            )
        })
        .map(|_| ())
    }

    /// Takes a descriptor out.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        // SAFETY: no event is needed for a removal (Linux 2.6.9).
        check(unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                fd.as_raw_fd(),
                std::ptr::null_mut(),
            )
        })
        .map(|_| ())
    }

    /// Sleeps until something happens or `milliseconds` (negative: no limit) have passed; how many
    /// events there are for [`Epoll::event`]. A signal counts as nothing having happened.
    pub fn wait(&mut self, milliseconds: i32) -> io::Result<usize> {
        self.buffer.clear();
        let room = self.buffer.capacity() as libc::c_int;
        // SAFETY: the buffer has room for `room` events, and the kernel writes at most that many.
        let answer = check(unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                self.buffer.as_mut_ptr(),
                room,
                milliseconds,
            )
        });
        let count = match answer {
            Ok(count) => count as usize,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        // SAFETY: the kernel has initialised the first `count` events, `count <= capacity`.
        unsafe { self.buffer.set_len(count) };
        Ok(count)
    }

    /// The `index`-th event of the last wait.
    pub fn event(&self, index: usize) -> Event {
        let raw = self.buffer[index];
        let flags = raw.events as libc::c_int;
        let broken = flags & (libc::EPOLLHUP | libc::EPOLLERR) != 0;
        Event {
            token: raw.u64,
            readable: flags & libc::EPOLLIN != 0 || broken,
            writable: flags & libc::EPOLLOUT != 0 || broken,
            hung_up: flags & libc::EPOLLRDHUP != 0 || broken,
            dead: broken,
        }
    }
}
