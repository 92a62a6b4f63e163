//! Shared memory: sealed memfds and mappings of them.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use crate::call::check;

/// The size of a page; mappings begin and end on its multiples.
pub const PAGE: usize = 4096;

/// Creates an anonymous file of `len` bytes that can neither shrink nor grow.
///
/// The seals are what lets the server read it without fear: a worker that truncated the file could
/// otherwise kill the server with SIGBUS.
pub fn sealed_memfd(name: &CStr, len: usize) -> io::Result<OwnedFd> {
    // SAFETY: `name` is a valid C string; the call has no other memory effects.
    let fd = check(unsafe {
        libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING)
    })?;
    // SAFETY: the kernel just gave us this descriptor and nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: plain calls on a descriptor we own.
    unsafe {
        check(libc::ftruncate(fd.as_raw_fd(), len as libc::off_t))?;
        check(libc::fcntl(
            fd.as_raw_fd(),
            libc::F_ADD_SEALS,
            libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL,
        ))?;
    }
    Ok(fd)
}

/// A shared, writable mapping of a part of a file.
#[derive(Debug)]
pub struct Mapping {
    start: *mut u8,
    len: usize,
}

// SAFETY: a mapping is an address range; whoever reads or writes through it (the ring in `link`)
// orders its accesses with atomics. Moving or sharing the handle itself touches no memory.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes of `file` from `offset`; both are multiples of [`PAGE`].
    pub fn shared(file: BorrowedFd<'_>, offset: usize, len: usize) -> io::Result<Self> {
        // SAFETY: a fresh mapping at an address that the kernel chooses.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            start: start.cast(),
            len,
        })
    }

    /// Maps the same `len` bytes twice in a row, so that what wraps around the end of a ring is
    /// still contiguous. The mapping's length is `2 * len`.
    pub fn twice(file: BorrowedFd<'_>, offset: usize, len: usize) -> io::Result<Self> {
        // SAFETY: reserves address space only; the two mappings below replace all of it, and on an
        // error the drop of `whole` unmaps all of it.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                2 * len,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let whole = Self {
            start: start.cast(),
            len: 2 * len,
        };
        for half in 0..2 {
            // SAFETY: MAP_FIXED lands inside the range reserved above, which nobody else uses.
            let mapped = unsafe {
                libc::mmap(
                    whole.start.add(half * len).cast(),
                    len,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_SHARED | libc::MAP_FIXED,
                    file.as_raw_fd(),
                    offset as libc::off_t,
                )
            };
            if mapped == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(whole)
    }

    /// The first byte's address. What may be read and written there is the ring's affair.
    pub fn start(&self) -> *mut u8 {
        self.start
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the mapping has no bytes (it never has).
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the range that was mapped; borrowers of the addresses hold the Mapping.
        unsafe { libc::munmap(self.start.cast(), self.len) };
    }
}

/// Has the C allocator keep up to `bytes` of freed memory instead of giving it back to the kernel at
/// once. Buffers of a megabyte that come and go would otherwise cost a page fault for each of their
/// pages every time, several times what copying into them costs.
pub fn keep_freed_memory(bytes: usize) {
    #[cfg(target_env = "gnu")]
    {
        let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        // SAFETY: mallopt only stores two numbers of the allocator's own; both are allowed ones.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
            libc::mallopt(libc::M_TRIM_THRESHOLD, bytes);
        }
    }
    #[cfg(not(target_env = "gnu"))]
    let _ = bytes;
}

/// The length of an open file in bytes.
pub fn file_len(file: BorrowedFd<'_>) -> io::Result<u64> {
    crate::file::metadata(file).map(|facts| facts.len)
}
