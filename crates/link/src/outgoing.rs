//! The server's writing half: requests and body pieces to one worker.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use os::event::EventFd;

use crate::block::Block;
use crate::frame::{FrameHead, Kind};
use crate::ring::Writer;
use crate::slot::{self, SlotId};

/// The ring has no room for the frame now; the worker will wake the server when it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// Writes frames to a worker.
#[derive(Debug)]
pub struct Outgoing {
    block: Arc<Block>,
    writer: Writer,
    wake_worker: Arc<EventFd>,
    /// Whether something was published since the last wake.
    unannounced: bool,
}

impl Outgoing {
    pub(crate) fn new(block: Arc<Block>, wake_worker: Arc<EventFd>) -> Self {
        let writer = Writer::new(block.geometry.to_worker);
        Self {
            block,
            writer,
            wake_worker,
            unannounced: false,
        }
    }

    /// How many slots the table has.
    pub fn slots(&self) -> u32 {
        self.block.geometry.slots
    }

    /// The largest payload that can ever be sent in one frame.
    pub fn largest_payload(&self) -> usize {
        self.writer.largest()
    }

    /// How many bytes of payload fit into one frame now.
    pub fn room(&mut self) -> usize {
        self.writer.room(&self.block.header().to_worker_tail.0)
    }

    /// Asks the worker to wake the server when it has made room; how much there is by now.
    pub fn ask_room(&mut self) -> usize {
        let header = self.block.header();
        header.server_wants_room.0.store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.writer.room(&header.to_worker_tail.0)
    }

    /// Publishes a frame. A request's slot is set to queued first. The worker notices by itself if it
    /// is awake, else at the next [`Outgoing::wake`].
    pub fn push(&mut self, head: FrameHead, parts: &[&[u8]]) -> Result<(), Full> {
        let header = self.block.header();
        let tail = &header.to_worker_tail.0;
        if !self.writer.write(&self.block.to_worker, tail, head, parts) {
            // Say that we wait, then look again: the worker reads the flag after it has made room.
            header.server_wants_room.0.store(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if !self.writer.write(&self.block.to_worker, tail, head, parts) {
                return Err(Full);
            }
        }
        if head.kind == Kind::Request {
            slot::queue(self.block.slot(head.slot.index), head.slot);
        }
        self.writer.publish(&header.to_worker_head.0);
        self.unannounced = true;
        Ok(())
    }

    /// Wakes the worker if it sleeps and something was published. Called once per turn.
    pub fn wake(&mut self) {
        if std::mem::take(&mut self.unannounced) {
            fence(Ordering::SeqCst);
            let naps = &self.block.header().worker_naps.0;
            if naps.load(Ordering::Relaxed) != 0 && naps.swap(0, Ordering::AcqRel) != 0 {
                self.nudge();
            }
        }
    }

    /// Wakes the worker in any case: another of its threads may have time.
    pub fn nudge(&self) {
        // The counter cannot overflow and the descriptor is ours, so there is no error to report.
        let _ = self.wake_worker.raise();
    }

    /// Takes a request back that the worker has not begun.
    pub fn revoke(&self, slot: SlotId) -> bool {
        slot::revoke(self.block.slot(slot.index), slot)
    }

    /// Whether the worker has not begun the request.
    pub fn is_queued(&self, slot: SlotId) -> bool {
        slot::is_queued(self.block.slot(slot.index), slot)
    }

    /// The thread that runs the request, as the worker says (a hint; None: it does not say).
    pub fn runner(&self, slot: SlotId) -> Option<u32> {
        let thread = self.block.runner(slot.index).load(Ordering::Relaxed);
        (thread != 0).then_some(thread)
    }

    /// How many requests the worker says that it has begun since its start (a hint).
    pub fn taken(&self) -> u64 {
        self.block.header().taken.0.load(Ordering::Relaxed)
    }
}
