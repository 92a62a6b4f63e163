//! The server's reading half: answers of one worker, none of which is trusted.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use os::SharedBytes;
use os::event::EventFd;

use crate::block::{Block, Nap};
use crate::frame::{Frame, FrameHead, HEAD, Kind, span};
use crate::ring;

/// What a worker wrote makes no sense; the worker must be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The written position is behind the read one or more than a ring ahead.
    #[error("the worker's ring position is impossible")]
    Position,
    /// A frame is longer than what was written, or of an unknown kind.
    #[error("the worker wrote a frame that is no frame")]
    Frame,
    /// A frame names a slot that the worker does not hold.
    #[error("the worker answered a request that it does not have")]
    Slot,
    /// A frame breaks the order of an answer, or its content is malformed.
    #[error("the worker's answer breaks the protocol: {0}")]
    Answer(&'static str),
}

/// Reads frames of a worker.
#[derive(Debug)]
pub struct Incoming {
    block: Arc<Block>,
    wake_server: EventFd,
    wake_worker: Arc<EventFd>,
    position: u64,
    /// How far the worker has written, as last seen.
    written: u64,
}

/// A frame and the position behind it.
#[derive(Debug)]
pub struct Received<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    after: u64,
}

impl Received<'_> {
    /// What [`Incoming::consume`] wants to be given when the frame is done with.
    pub fn mark(&self) -> u64 {
        self.after
    }
}

impl Incoming {
    pub(crate) fn new(block: Arc<Block>, wake_server: EventFd, wake_worker: Arc<EventFd>) -> Self {
        Self {
            block,
            wake_server,
            wake_worker,
            position: 0,
            written: 0,
        }
    }

    /// What becomes readable (edge-triggered; never needs to be read) when the worker calls.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.wake_server.as_fd()
    }

    /// The next frame, if there is one. It stays where it is until it is consumed.
    pub fn peek(&mut self) -> Result<Option<Received<'_>>, Violation> {
        let size = u64::from(self.block.geometry.to_server);
        // A worker that left out the rest of the ring has a frame behind it, published with it. One that
        // does nothing but skip must not keep the server here.
        let mut skipped = false;
        loop {
            if self.position == self.written {
                if skipped {
                    return Err(Violation::Frame);
                }
                self.written = self.block.header().to_server_head.0.load(Ordering::Acquire);
                if self.written == self.position {
                    return Ok(None);
                }
            }
            let there = self.written.wrapping_sub(self.position);
            if there > size || there < HEAD as u64 {
                return Err(Violation::Position);
            }
            // SAFETY: at least HEAD published bytes lie at `position` (checked above).
            let bytes = unsafe { ring::head_bytes(&self.block.to_server, size, self.position) };
            let (head, length) = FrameHead::from_bytes(bytes).ok_or(Violation::Frame)?;
            let whole = span(length as usize) as u64;
            if whole > there {
                return Err(Violation::Frame);
            }
            if head.kind == Kind::Skip {
                if skipped {
                    return Err(Violation::Frame);
                }
                skipped = true;
                self.position += whole;
                continue;
            }
            let at = (self.position & (size - 1)) as usize + HEAD;
            // SAFETY: `at + length <= 2 * size`: the frame fits into the ring (checked above) and the
            // mapping, which is doubled, lives as long as the block that `self` holds.
            let payload =
                unsafe { SharedBytes::new(self.block.to_server.start().add(at), length as usize) };
            return Ok(Some(Received {
                frame: Frame { head, payload },
                after: self.position + whole,
            }));
        }
    }

    /// Gives the frame's room back to the worker.
    pub fn consume(&mut self, mark: u64) {
        self.position = mark;
        self.block
            .header()
            .to_server_tail
            .0
            .store(mark, Ordering::Release);
    }

    /// After a batch: wakes the worker if it waits for room.
    pub fn give_room(&self) {
        fence(Ordering::SeqCst);
        let wants = &self.block.header().worker_wants_room.0;
        if wants.load(Ordering::Relaxed) != 0 && wants.swap(0, Ordering::AcqRel) != 0 {
            let _ = self.wake_worker.raise();
        }
    }

    /// Before sleeping: says how the server will sleep; false when a frame has come meanwhile (then
    /// the server must not sleep).
    pub fn prepare_nap(&self, nap: Nap) -> bool {
        let header = self.block.header();
        header.server_naps.0.store(nap as u32, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        header.to_server_head.0.load(Ordering::Relaxed) == self.position
    }

    /// After sleeping: the worker need not wake us for now.
    pub fn awake(&self) {
        self.block
            .header()
            .server_naps
            .0
            .store(Nap::Awake as u32, Ordering::Relaxed);
    }
}
