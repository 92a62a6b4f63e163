//! The worker's reading half: requests and body pieces. The server is trusted.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use os::event::EventFd;

use crate::block::{AttachError, Block, open};
use crate::frame::{FrameHead, HEAD, Kind, span};
use crate::outbox::Outbox;
use crate::ring;
use crate::slot::{self, SlotId};

/// Reads frames of the server.
#[derive(Debug)]
pub struct Inbox {
    block: Arc<Block>,
    wake_worker: EventFd,
    wake_server: Arc<EventFd>,
    position: u64,
    written: u64,
}

/// A received frame: its payload is a view of the ring until [`Inbox::consume`].
#[derive(Debug)]
pub struct Arrival<'a> {
    /// What it says and of whom.
    pub head: FrameHead,
    /// What it carries.
    pub payload: &'a [u8],
    after: u64,
}

impl Arrival<'_> {
    /// What [`Inbox::consume`] wants to be given when the frame is done with.
    pub fn mark(&self) -> u64 {
        self.after
    }
}

/// Attaches a worker to the link it was given.
pub fn attach(
    memory: BorrowedFd<'_>,
    wake_worker: OwnedFd,
    wake_server: OwnedFd,
) -> Result<(Inbox, Outbox), AttachError> {
    let block = Arc::new(open(memory)?);
    let wake_server = Arc::new(EventFd::from_fd(wake_server));
    let outbox = Outbox::new(block.clone(), wake_server.clone());
    let inbox = Inbox {
        block,
        wake_worker: EventFd::from_fd(wake_worker),
        wake_server,
        position: 0,
        written: 0,
    };
    Ok((inbox, outbox))
}

impl Inbox {
    /// How many slots the table has.
    pub fn slots(&self) -> u32 {
        self.block.geometry.slots
    }

    /// The next frame, if there is one. It stays in the ring until it is consumed.
    pub fn peek(&mut self) -> Option<Arrival<'_>> {
        let size = u64::from(self.block.geometry.to_worker);
        loop {
            if self.position == self.written {
                self.written = self.block.header().to_worker_head.0.load(Ordering::Acquire);
                if self.written == self.position {
                    return None;
                }
            }
            // SAFETY: the server publishes whole frames, so a head lies at `position < written`.
            let bytes = unsafe { ring::head_bytes(&self.block.to_worker, size, self.position) };
            let (head, length) = FrameHead::from_bytes(bytes)?;
            let after = self.position + span(length as usize) as u64;
            if head.kind == Kind::Skip {
                self.position = after;
                continue;
            }
            let at = (self.position & (size - 1)) as usize + HEAD;
            // SAFETY: the whole frame was published by the server, which does not write to it again
            // before it is consumed; the doubled mapping holds it in one piece and lives with `self`.
            let payload = unsafe {
                std::slice::from_raw_parts(self.block.to_worker.start().add(at), length as usize)
            };
            return Some(Arrival {
                head,
                payload,
                after,
            });
        }
    }

    /// Gives the frame's room back to the server, and wakes it if it waits for that.
    pub fn consume(&mut self, mark: u64) {
        self.position = mark;
        let header = self.block.header();
        header.to_worker_tail.0.store(mark, Ordering::Release);
        // The flag is rare, so no fence is paid for each frame: what is missed here is seen at the
        // next frame or, at the latest, before sleeping (`prepare_nap`).
        if header.server_wants_room.0.load(Ordering::Relaxed) != 0 {
            fence(Ordering::SeqCst);
            if header.server_wants_room.0.swap(0, Ordering::AcqRel) != 0 {
                let _ = self.wake_server.raise();
            }
        }
    }

    /// Begins a request; false when the server has taken it back.
    pub fn take(&self, slot: SlotId) -> bool {
        let taken = slot::take(self.block.slot(slot.index), slot);
        if taken {
            self.block.header().taken.0.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    /// Tells the server which thread runs a request, by the kernel's number: it is asked for its
    /// stack when the request takes too long.
    pub fn runs_on(&self, slot: SlotId, thread: u32) {
        self.block
            .runner(slot.index)
            .store(thread, Ordering::Relaxed);
    }

    /// Whether nothing waits in the ring.
    pub fn is_empty(&self) -> bool {
        self.block.header().to_worker_head.0.load(Ordering::Relaxed) == self.position
    }

    /// Before sleeping: announces it; false when a frame has come meanwhile (then do not sleep).
    pub fn prepare_nap(&self) -> bool {
        let header = self.block.header();
        header.worker_naps.0.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if header.server_wants_room.0.load(Ordering::Relaxed) != 0
            && header.server_wants_room.0.swap(0, Ordering::AcqRel) != 0
        {
            let _ = self.wake_server.raise();
        }
        if header.to_worker_head.0.load(Ordering::Relaxed) == self.position {
            return true;
        }
        self.awake();
        false
    }

    /// After sleeping (or instead of it): the server need not wake us for now.
    pub fn awake(&self) {
        self.block
            .header()
            .worker_naps
            .0
            .store(0, Ordering::Relaxed);
    }

    /// What the worker sleeps on.
    pub fn bell(&self) -> &EventFd {
        &self.wake_worker
    }

    /// The descriptor of the bell, for an event loop.
    pub fn bell_fd(&self) -> BorrowedFd<'_> {
        self.wake_worker.as_fd()
    }
}
