//! Files: what they are, and sending them to sockets without reading them.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::call::{check, check_len};

/// What is known of an open descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether it is an ordinary file (only those can be sent with sendfile).
    pub is_file: bool,
    /// Whether it is a socket.
    pub is_socket: bool,
    /// Its length in bytes.
    pub len: u64,
}

/// Asks the kernel what `file` is.
pub fn metadata(file: BorrowedFd<'_>) -> io::Result<Facts> {
    // SAFETY: an all-zero stat is a valid value to be overwritten.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the call fills the struct.
    check(unsafe { libc::fstat(file.as_raw_fd(), &raw mut stat) })?;
    let kind = stat.st_mode & libc::S_IFMT;
    Ok(Facts {
        is_file: kind == libc::S_IFREG,
        is_socket: kind == libc::S_IFSOCK,
        len: stat.st_size.max(0) as u64,
    })
}

/// Sends at most `count` bytes of `file` from `offset` to a socket; how many went. 0 at the end of
/// the file; `WouldBlock` when the socket is full.
pub fn sendfile(
    socket: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offset: u64,
    count: usize,
) -> io::Result<usize> {
    let mut from =
        libc::off_t::try_from(offset).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: `from` is a live local; no other memory is involved.
    check_len(unsafe { libc::sendfile(socket.as_raw_fd(), file.as_raw_fd(), &raw mut from, count) })
}

/// Makes reads and writes on the descriptor return at once.
pub fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    // SAFETY: fcntl on flags only.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    let flags = if on {
        flags | libc::O_NONBLOCK
    } else {
        flags & !libc::O_NONBLOCK
    };
    // SAFETY: as above.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) }).map(|_| ())
}

/// Lets (or does not let) a descriptor stay open in programs that are started.
pub fn set_inheritable(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    // SAFETY: fcntl on flags only.
    check(unsafe {
        libc::fcntl(
            fd.as_raw_fd(),
            libc::F_SETFD,
            if on { 0 } else { libc::FD_CLOEXEC },
        )
    })
    .map(|_| ())
}

/// For opening a file that must not make anybody wait (`O_NONBLOCK`).
pub const NONBLOCKING: i32 = libc::O_NONBLOCK;

/// Makes a named pipe that only this user may use.
pub fn make_fifo(path: &std::path::Path) -> io::Result<()> {
    let path = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())?;
    // SAFETY: `path` is a C string that lives until the call returns.
    check(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }).map(drop)
}

/// Reads what is there, at most the buffer's length; 0 at the end. `WouldBlock` when nothing is there
/// and the descriptor does not wait.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is writable for its length.
    check_len(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// A file without a name in `directory`: it is gone when its descriptor is closed, whatever happens.
pub fn temporary(directory: &std::path::Path) -> io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC)
        .open(directory)
}
