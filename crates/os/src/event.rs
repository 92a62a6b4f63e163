//! eventfd: how one process (or thread) wakes another.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::call::{check, check_len, retry};

/// A counter in the kernel that can be waited for.
///
/// It is blocking: [`EventFd::wait`] sleeps and takes the count in one system call. Raising it never
/// blocks in practice (the counter would have to reach 2^64 - 2). Under edge-triggered epoll each
/// raise is a new edge, so the server never needs to read it at all.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A new counter at zero, closed on exec.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no memory is involved.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })?;
        // SAFETY: fresh and ours.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Takes over a descriptor that was received from another process.
    pub fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Adds one and so wakes whoever waits.
    pub fn raise(&self) -> io::Result<()> {
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight readable bytes, as eventfd(2) asks.
        retry(|| check_len(unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), 8) }))
            .map(|_| ())
    }

    /// Sleeps until the counter is not zero, then takes it. `Interrupted` when a signal came first.
    pub fn wait(&self) -> io::Result<u64> {
        let mut count = [0u8; 8];
        // SAFETY: eight writable bytes, as eventfd(2) asks.
        check_len(unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), 8) })?;
        Ok(u64::from_ne_bytes(count))
    }

    /// Sleeps at most `milliseconds` (negative: for ever); whether the counter was raised and taken.
    pub fn wait_at_most(&self, milliseconds: i32) -> io::Result<bool> {
        let mut poll = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd, as said by the count.
        if check(unsafe { libc::poll(&raw mut poll, 1, milliseconds) })? == 0 {
            return Ok(false);
        }
        self.wait().map(|_| true)
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
