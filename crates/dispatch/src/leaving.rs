//! Workers that leave or have died, and what becomes of the requests they had.

use link::{FrameHead, Kind, LAST_CALL, SlotId};

use crate::dispatcher::{Dispatcher, Place};
use crate::exchanges::{ExchangeId, Exchanges, Part};
use crate::worker::{Life, WorkerKey};

impl Dispatcher {
    /// The worker gets nothing new, keeps what it has begun, and leaves when that is done.
    pub fn retire(&mut self, key: WorkerKey, exchanges: &mut impl Exchanges) {
        let Some(index) = self.find(key) else { return };
        self.retire_index(index);
        self.settle(exchanges);
    }

    pub(crate) fn retire_index(&mut self, index: usize) {
        let mut back = Vec::new();
        if let Some(worker) = self.workers[index]
            .as_mut()
            .filter(|worker| worker.life != Life::Retiring)
        {
            worker.life = Life::Retiring;
            back = worker.take_back_all();
            worker.say(FrameHead::new(
                Kind::Drain,
                SlotId {
                    index: 0,
                    generation: 0,
                },
            ));
            // Whatever its threads wait for: all of them are to know.
            worker.outgoing.nudge();
        }
        self.put_back(&back);
    }

    /// The server is about to stop: the workers are told that the time of their requests runs, though
    /// more may come.
    pub fn announce_end(&mut self) {
        for worker in self.workers.iter_mut().flatten() {
            let nobody = SlotId {
                index: 0,
                generation: 0,
            };
            worker.say(FrameHead::new(Kind::Drain, nobody).value(LAST_CALL));
        }
        self.wake();
    }

    /// Every worker leaves when it is done. Nothing may be queued.
    pub fn retire_all(&mut self) {
        for index in 0..self.workers.len() {
            self.retire_index(index);
        }
        self.wake();
    }

    /// To the head of the queue, youngest first in `exchanges`, so that the old order is kept.
    pub(crate) fn put_back(&mut self, exchanges: &[ExchangeId]) {
        for &exchange in exchanges {
            *self.place(exchange) = Place::Queued {
                generation: exchange.generation,
            };
            self.queue.push_front(exchange);
        }
    }

    /// The worker is dead: what it had finished is delivered, what it had begun fails, what it had not
    /// begun goes to another.
    pub fn gone(&mut self, key: WorkerKey, how: &str, exchanges: &mut impl Exchanges) {
        let Some(index) = self.find(key) else { return };
        // Its last words count; if they are nonsense, the rest of them is lost with it.
        let _ = self.drain_one(index, exchanges);
        let Some(mut worker) = self.workers[index].take() else {
            return;
        };
        let mut back = Vec::new();
        while let Some(slot) = worker.order.pop_back() {
            let Some(begun) = worker.held(slot).map(|held| held.begun) else {
                continue;
            };
            let unbegun = !begun && worker.outgoing.revoke(slot);
            let Some(exchange) = worker.release(slot).and_then(|held| held.exchange) else {
                continue;
            };
            if unbegun {
                back.push(exchange);
            } else {
                *self.place(exchange) = Place::Nowhere;
                let _ = exchanges.answer(exchange, Part::WorkerGone { how });
            }
        }
        self.put_back(&back);
        self.settle(exchanges);
    }

    /// Everything that waits, taken out of the queue (to be refused).
    pub fn give_up_queue(&mut self) -> Vec<ExchangeId> {
        let queue = std::mem::take(&mut self.queue);
        let waiting = |exchange: &ExchangeId| {
            self.places.get(exchange.index as usize)
                == Some(&Place::Queued {
                    generation: exchange.generation,
                })
        };
        let waiting: Vec<_> = queue.into_iter().filter(waiting).collect();
        for &exchange in &waiting {
            *self.place(exchange) = Place::Nowhere;
        }
        waiting
    }
}
