//! Copying frames into a doubly mapped ring.

use std::sync::atomic::{AtomicU64, Ordering};

use os::memory::Mapping;

use crate::frame::{FrameHead, HEAD, Kind, span};
use crate::slot::SlotId;

/// Frames up to this size are small (bytes).
const SMALL: u64 = 16 * 1024;
/// How far small frames go in a ring that is empty between them (bytes).
const NEAR: u64 = 64 * 1024;

/// The writing side of a ring. Its own position lives here; the reader's is read from the block.
#[derive(Debug)]
pub(crate) struct Writer {
    size: u64,
    /// Where the next frame begins.
    position: u64,
    /// The reader's position as last seen; the real one is never behind it.
    read_up_to: u64,
}

impl Writer {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size: u64::from(size),
            position: 0,
            read_up_to: 0,
        }
    }

    /// The largest payload that can ever fit.
    pub(crate) fn largest(&self) -> usize {
        self.size as usize - HEAD
    }

    /// Bytes of payload that fit now in one frame.
    pub(crate) fn room(&mut self, tail: &AtomicU64) -> usize {
        self.refresh(tail);
        ((self.size - (self.position - self.read_up_to)) as usize).saturating_sub(HEAD) & !7
    }

    /// A reader's position that makes no sense (a hostile worker) counts as no progress: the ring
    /// then just stays full, and nothing is ever written outside it.
    fn refresh(&mut self, tail: &AtomicU64) {
        let tail = tail.load(Ordering::Acquire);
        if tail >= self.read_up_to && tail <= self.position {
            self.read_up_to = tail;
        }
    }

    /// Copies a frame behind the last one, if it fits. It becomes visible by [`Writer::publish`].
    pub(crate) fn write(
        &mut self,
        ring: &Mapping,
        tail: &AtomicU64,
        head: FrameHead,
        parts: &[&[u8]],
    ) -> bool {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let needed = span(length) as u64;
        self.return_to_start(ring, tail, needed);
        if self.size - (self.position - self.read_up_to) < needed {
            self.refresh(tail);
            if self.size - (self.position - self.read_up_to) < needed {
                return false;
            }
        }
        let at = (self.position & (self.size - 1)) as usize;
        debug_assert!(at + span(length) <= ring.len());
        // SAFETY: `at < size`, and `needed <= size` free bytes follow in the doubly mapped ring of
        // `2 * size` bytes; the reader does not touch them before they are published.
        unsafe {
            let mut to = ring.start().add(at);
            for part in
                std::iter::once(&head.to_bytes(length as u32)[..]).chain(parts.iter().copied())
            {
                std::ptr::copy_nonoverlapping(part.as_ptr(), to, part.len());
                to = to.add(part.len());
            }
        }
        self.position += needed;
        true
    }

    /// Leaves out the rest of an empty ring: what is written next lies in memory that is still in the
    /// processor's cache, and a ring that is large for the sake of large frames does not have all its
    /// pages taken by small ones. What is left out counts as used until the reader has passed it, so it
    /// must leave enough room: for a large frame the half, for a small one little.
    fn return_to_start(&mut self, ring: &Mapping, tail: &AtomicU64, needed: u64) {
        let at = self.position & (self.size - 1);
        let half = self.size / 2;
        let far = if needed <= SMALL {
            NEAR.min(half)
        } else {
            half
        };
        if at < far || needed > at {
            return;
        }
        self.refresh(tail);
        let rest = self.size - at;
        if self.read_up_to != self.position || rest < HEAD as u64 {
            return;
        }
        let nobody = SlotId {
            index: 0,
            generation: 0,
        };
        let head = FrameHead::new(Kind::Skip, nobody).to_bytes((rest as usize - HEAD) as u32);
        // SAFETY: `at + HEAD <= size`, and the ring is empty: the reader does not touch these bytes
        // before they are published.
        unsafe {
            let to = ring.start().add(at as usize);
            std::ptr::copy_nonoverlapping(head.as_ptr(), to, HEAD);
        }
        self.position += rest;
    }

    /// Shows the reader everything written so far.
    pub(crate) fn publish(&self, head: &AtomicU64) {
        head.store(self.position, Ordering::Release);
    }
}

/// Reads the head bytes at a position of a ring.
///
/// # Safety
/// `position` must lie behind a head of [`HEAD`] published bytes; the ring is `2 * size` bytes.
pub(crate) unsafe fn head_bytes(ring: &Mapping, size: u64, position: u64) -> [u8; HEAD] {
    let mut bytes = [0u8; HEAD];
    let at = (position & (size - 1)) as usize;
    // SAFETY: `at < size` and HEAD <= size, inside the doubly mapped ring; a private copy is made.
    unsafe { std::ptr::copy_nonoverlapping(ring.start().add(at), bytes.as_mut_ptr(), HEAD) };
    bytes
}
