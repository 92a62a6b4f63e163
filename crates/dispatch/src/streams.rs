//! Bodies in motion: pieces of a request's body to its worker, and word of the answer's bytes that have
//! left, so that neither side holds more than it was promised.

use link::{FrameHead, Kind};

use crate::dispatcher::Dispatcher;
use crate::exchanges::ExchangeId;

/// The largest piece of a request body in one frame.
const BODY_PIECE: usize = 64 * 1024;

/// Bytes of a ring that bodies leave free, so that requests and control frames still fit.
const RESERVE: usize = 16 * 1024;

impl Dispatcher {
    /// How many bytes of the request's body may be handed over now.
    pub fn body_room(&mut self, exchange: ExchangeId) -> usize {
        let Some((index, slot)) = self.held_at(exchange) else {
            return 0;
        };
        let Some(worker) = self.workers[index].as_mut() else {
            return 0;
        };
        let wanted = worker.held(slot).map_or(0, |held| held.wanted);
        let mut room = worker.outgoing.room();
        if room <= RESERVE && wanted > 0 {
            room = worker.outgoing.ask_room();
        }
        room.saturating_sub(RESERVE)
            .min(BODY_PIECE)
            .min(usize::try_from(wanted).unwrap_or(usize::MAX))
    }

    /// Whether the app waits for more of the request's body.
    pub fn wants_body(&mut self, exchange: ExchangeId) -> bool {
        let Some((index, slot)) = self.held_at(exchange) else {
            return false;
        };
        self.workers[index]
            .as_mut()
            .and_then(|worker| worker.held(slot))
            .is_some_and(|held| held.wanted > 0)
    }

    /// Hands over a piece of the body (at most [`Dispatcher::body_room`]); false if it did not fit.
    pub fn body(&mut self, exchange: ExchangeId, data: &[u8], end: bool, cut_short: bool) -> bool {
        let Some((index, slot)) = self.held_at(exchange) else {
            return true;
        };
        let Some(worker) = self.workers[index].as_mut() else {
            return true;
        };
        let head = FrameHead::new(Kind::Body, slot).value(u64::from(cut_short));
        if worker
            .outgoing
            .push(if end { head.end() } else { head }, &[data])
            .is_err()
        {
            return false;
        }
        if let Some(held) = worker.held(slot) {
            held.wanted = held.wanted.saturating_sub(data.len() as u64);
        }
        true
    }

    /// So many bytes of the answer have reached the client's socket.
    pub fn freed(&mut self, exchange: ExchangeId, bytes: u64) {
        let Some((index, slot)) = self.held_at(exchange) else {
            return;
        };
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        let Some(held) = worker.held(slot) else {
            return;
        };
        held.freed += bytes;
        if held.freed >= self.room_step {
            let room = std::mem::take(&mut held.freed);
            worker.say(FrameHead::new(Kind::Room, slot).value(room));
        }
    }
}
