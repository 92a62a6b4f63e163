//! Bytes that another process may change while we look at them.
//!
//! A Rust slice promises that nobody writes to it. Memory shared with a worker cannot promise that,
//! so it is never borrowed as a slice: it is copied out, or its address is handed to the kernel.

use std::marker::PhantomData;

/// A stretch of shared memory that is mapped for `'a`.
#[derive(Clone, Copy, Debug)]
pub struct SharedBytes<'a> {
    start: *const u8,
    len: usize,
    mapped: PhantomData<&'a [u8]>,
}

impl SharedBytes<'_> {
    /// Names `len` bytes at `start`.
    ///
    /// # Safety
    /// The bytes must stay mapped and readable for `'a`. Others may write to them meanwhile.
    pub unsafe fn new(start: *const u8, len: usize) -> Self {
        Self {
            start,
            len,
            mapped: PhantomData,
        }
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The part from `from` on; empty if `from` is behind the end.
    #[must_use]
    pub fn skip(self, from: usize) -> Self {
        let from = from.min(self.len);
        // SAFETY: `from <= len`, so the address stays inside (or one past) the mapped stretch.
        let start = unsafe { self.start.add(from) };
        Self {
            start,
            len: self.len - from,
            mapped: PhantomData,
        }
    }

    /// At most the first `len` bytes.
    #[must_use]
    pub fn take(self, len: usize) -> Self {
        Self {
            len: self.len.min(len),
            ..self
        }
    }

    /// Appends a private copy of the bytes to `to`.
    pub fn copy_into(&self, to: &mut Vec<u8>) {
        to.reserve(self.len);
        // SAFETY: the source is mapped for `'a`, the destination has `len` spare bytes (reserved
        // above), and a private Vec cannot overlap a shared mapping. A racing writer can only make
        // the copy hold other bytes, each of which is a valid u8.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start, to.as_mut_ptr().add(to.len()), self.len);
            to.set_len(to.len() + self.len);
        }
    }

    /// Copies the bytes to the begin of `to`, as many as it has room for.
    pub fn copy_to(&self, to: &mut [u8]) {
        // SAFETY: as in `copy_into`; at most as many bytes as the destination has.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start, to.as_mut_ptr(), self.len.min(to.len()));
        }
    }

    /// The address and length for a call into the kernel.
    pub(crate) fn iovec(&self) -> libc::iovec {
        libc::iovec {
            iov_base: self.start.cast_mut().cast(),
            iov_len: self.len,
        }
    }
}

impl<'a> From<&'a [u8]> for SharedBytes<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self {
            start: bytes.as_ptr(),
            len: bytes.len(),
            mapped: PhantomData,
        }
    }
}
