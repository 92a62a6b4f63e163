//! The worker's writing half: answers.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use os::event::EventFd;

use crate::block::{Block, Nap};
use crate::frame::FrameHead;
use crate::ring::Writer;

/// The ring has no room for the frame now. The worker's bell rings when it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

/// Writes frames to the server.
#[derive(Debug)]
pub struct Outbox {
    block: Arc<Block>,
    writer: Writer,
    wake_server: Arc<EventFd>,
}

impl Outbox {
    pub(crate) fn new(block: Arc<Block>, wake_server: Arc<EventFd>) -> Self {
        let writer = Writer::new(block.geometry.to_server);
        Self {
            block,
            writer,
            wake_server,
        }
    }

    /// The largest payload that can ever be sent in one frame.
    pub fn largest_payload(&self) -> usize {
        self.writer.largest()
    }

    /// Publishes a frame. `NoRoom` asks the caller to wait for the bell and try again.
    pub fn push(&mut self, head: FrameHead, parts: &[&[u8]]) -> Result<(), NoRoom> {
        let header = self.block.header();
        let tail = &header.to_server_tail.0;
        if !self.writer.write(&self.block.to_server, tail, head, parts) {
            header.worker_wants_room.0.store(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if !self.writer.write(&self.block.to_server, tail, head, parts) {
                self.announce(true);
                return Err(NoRoom);
            }
        }
        self.writer.publish(&header.to_server_head.0);
        Ok(())
    }

    /// Wakes the server if it sleeps. `idle` says that this worker has nothing else to do; when it has,
    /// a server that naps lazily is left alone, and collects several answers at once.
    pub fn announce(&self, idle: bool) {
        fence(Ordering::SeqCst);
        let naps = &self.block.header().server_naps.0;
        let nap = naps.load(Ordering::Relaxed);
        let wanted = nap == Nap::Sound as u32 || (nap == Nap::Lazy as u32 && idle);
        if wanted && naps.swap(Nap::Awake as u32, Ordering::AcqRel) != Nap::Awake as u32 {
            // The counter cannot overflow and the descriptor is ours, so there is no error to report.
            let _ = self.wake_server.raise();
        }
    }
}
