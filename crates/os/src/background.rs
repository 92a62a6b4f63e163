//! Going to the background, and pointing the standard streams at a log file.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::call::{check, check_len, retry};

/// Which of the two processes this is, after [`go_to_background`].
#[derive(Debug)]
pub enum Side {
    /// The process that was started, with the exit code that it shall leave with. The background
    /// process runs, or has failed to start.
    Foreground(u8),
    /// The background process.
    Background(Foreground),
}

/// The background process's word to the one in the foreground, which waits for it.
#[derive(Debug)]
pub struct Foreground(OwnedFd);

/// Goes on in a background process without a terminal. The process that was started waits until
/// [`Foreground::release`] gives it an exit code; if the background process ends before, that is 1.
/// It must be called before any thread is started, and refuses to work otherwise.
pub fn go_to_background() -> io::Result<Side> {
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other(
            "a process with threads cannot go to the background",
        ));
    }
    let (read, write) = pipe()?;
    if fork()? {
        drop(write);
        let mut code = [1u8];
        // An end of file leaves the 1.
        let _ = retry(|| {
            // SAFETY: one writable byte.
            check_len(unsafe { libc::read(read.as_raw_fd(), code.as_mut_ptr().cast(), 1) })
        });
        return Ok(Side::Foreground(code[0]));
    }
    drop(read);
    // SAFETY: no memory is involved.
    check(unsafe { libc::setsid() })?;
    // A session's leader could get a terminal again by opening one; its child cannot.
    if fork()? {
        // SAFETY: ends this process at once, which shares nothing that would need an end.
        unsafe { libc::_exit(0) };
    }
    Ok(Side::Background(Foreground(write)))
}

impl Foreground {
    /// Lets the process in the foreground end with this exit code.
    pub fn release(self, code: u8) {
        // If the other process is gone there is nobody to tell.
        let _ = retry(|| {
            // SAFETY: one readable byte.
            check_len(unsafe { libc::write(self.0.as_raw_fd(), (&raw const code).cast(), 1) })
        });
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut pair = [0; 2];
    // SAFETY: room for two descriptors.
    check(unsafe { libc::pipe2(pair.as_mut_ptr(), libc::O_CLOEXEC) })?;
    // SAFETY: both are fresh and ours.
    Ok(unsafe { (OwnedFd::from_raw_fd(pair[0]), OwnedFd::from_raw_fd(pair[1])) })
}

/// True in the parent, false in the child.
fn fork() -> io::Result<bool> {
    // SAFETY: `go_to_background` has made sure that there is one thread, so the child's memory is
    // whole and every call is allowed in it.
    check(unsafe { libc::fork() }).map(|pid| pid != 0)
}

/// Points standard output and standard error at a file.
pub fn redirect_output(to: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: numbers 1 and 2 are the standard streams, which no owner in Rust closes.
    check(unsafe { libc::dup2(to.as_raw_fd(), 1) })?;
    // SAFETY: as above.
    check(unsafe { libc::dup2(to.as_raw_fd(), 2) }).map(|_| ())
}

/// Points standard input at nothing.
pub fn close_input() -> io::Result<()> {
    let nothing = File::open("/dev/null")?;
    // SAFETY: number 0 is standard input, which no owner in Rust closes.
    check(unsafe { libc::dup2(nothing.as_fd().as_raw_fd(), 0) }).map(|_| ())
}
