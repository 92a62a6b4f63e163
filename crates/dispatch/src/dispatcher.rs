//! The dispatcher: the queue and the choice of a worker.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use link::{FrameHead, Incoming, Kind, Outgoing, SlotId, Violation};

use crate::exchanges::{ExchangeId, Exchanges};
use crate::lateness::Watch;
use crate::worker::{Capacity, Life, Worker, WorkerKey};

/// Where an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Nowhere,
    Queued {
        generation: u32,
    },
    Held {
        generation: u32,
        worker: usize,
        slot: SlotId,
    },
}

/// An app's queue and workers.
#[derive(Debug)]
pub struct Dispatcher {
    /// Bytes of an answer that have left before the worker is told of its new room.
    pub(crate) room_step: u64,
    /// Index = worker number - 1.
    pub(crate) workers: Vec<Option<Worker>>,
    pub(crate) queue: VecDeque<ExchangeId>,
    most_waiting: usize,
    pub(crate) places: Vec<Place>,
    payload: Vec<u8>,
    pub(crate) watch: Watch,
}

impl Dispatcher {
    /// No workers, nothing queued. `window` is how many bytes of an answer a worker may be ahead of its
    /// client: it is told of new room in quarters of that, so that a few frames carry a long answer.
    pub fn new(window: u64) -> Self {
        Self {
            room_step: (window / 4).max(1),
            workers: Vec::new(),
            queue: VecDeque::new(),
            most_waiting: usize::MAX,
            places: Vec::new(),
            payload: Vec::new(),
            watch: Watch::default(),
        }
    }

    /// Takes a worker that is being forked into the table. It gets requests from its Ready frame on.
    /// A predecessor under the same number must be gone or retired.
    pub fn attach(
        &mut self,
        key: WorkerKey,
        outgoing: Outgoing,
        incoming: Incoming,
        control: OwnedFd,
        capacity: Capacity,
    ) -> usize {
        let worker = Some(Worker::new(key, outgoing, incoming, control, capacity));
        if let Some(index) = self.workers.iter().position(Option::is_none) {
            self.workers[index] = worker;
            return index;
        }
        self.workers.push(worker);
        self.workers.len() - 1
    }

    /// What to wait for to hear of a worker: its bell.
    pub fn bell(&self, index: usize) -> Option<BorrowedFd<'_>> {
        self.workers
            .get(index)?
            .as_ref()?
            .incoming
            .as_ref()
            .map(Incoming::bell)
    }

    pub(crate) fn find(&self, key: WorkerKey) -> Option<usize> {
        self.workers
            .iter()
            .position(|worker| worker.as_ref().is_some_and(|worker| worker.key == key))
    }

    /// Requests that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Requests that workers have.
    pub fn outstanding(&self) -> usize {
        self.workers
            .iter()
            .flatten()
            .map(|worker| worker.outstanding)
            .sum()
    }

    /// Whether any worker serves.
    pub fn is_served(&self) -> bool {
        self.workers
            .iter()
            .flatten()
            .any(|worker| worker.life == Life::Ready)
    }

    pub(crate) fn place(&mut self, exchange: ExchangeId) -> &mut Place {
        let index = exchange.index as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, Place::Nowhere);
        }
        &mut self.places[index]
    }

    pub(crate) fn held_at(&self, exchange: ExchangeId) -> Option<(usize, SlotId)> {
        match self.places.get(exchange.index as usize)? {
            Place::Held {
                generation,
                worker,
                slot,
            } if *generation == exchange.generation => Some((*worker, *slot)),
            _ => None,
        }
    }

    /// Lets no more than so many new requests wait.
    pub fn limit_queue(&mut self, most: usize) {
        self.most_waiting = most;
    }

    /// The requests that wait, the next one first.
    pub fn waiting_exchanges(&self) -> impl Iterator<Item = ExchangeId> {
        self.queue.iter().copied()
    }

    /// A new request: to a worker if one can take it, else into the queue. False: the queue is full,
    /// and the request is not taken.
    #[must_use]
    pub fn submit(&mut self, exchange: ExchangeId, exchanges: &mut impl Exchanges) -> bool {
        if !self.queue.is_empty() || !self.assign(exchange, exchanges) {
            if self.queue.len() >= self.most_waiting {
                return false;
            }
            *self.place(exchange) = Place::Queued {
                generation: exchange.generation,
            };
            self.queue.push_back(exchange);
        }
        true
    }

    /// The worker that should get the next request: one that is awake and answers sooner than another
    /// would wake, the busiest of them, so that the others may sleep; else the least busy of those with
    /// a free thread; if none is free, the least busy of those that may be fed ahead.
    fn choose(&self) -> Option<usize> {
        let now = self.watch.now;
        let workers = || {
            let numbered = self.workers.iter().enumerate();
            numbered.filter_map(|(index, worker)| Some((index, worker.as_ref()?)))
        };
        let least = |test: fn(&Worker) -> bool| {
            workers()
                .filter(|(_, worker)| test(worker))
                .min_by_key(|(_, worker)| (worker.overdue > 0, worker.outstanding))
        };
        workers()
            .filter(|(_, worker)| worker.answers_soon(now))
            .max_by_key(|(_, worker)| worker.outstanding)
            .or_else(|| least(Worker::is_free))
            .or_else(|| least(Worker::takes_ahead))
            .map(|(index, _)| index)
    }

    /// Gives the request to a worker; false when none can take it now.
    fn assign(&mut self, exchange: ExchangeId, exchanges: &mut impl Exchanges) -> bool {
        let Some(index) = self.choose() else {
            return false;
        };
        self.payload.clear();
        let Some(streams) = exchanges.payload(exchange, &mut self.payload) else {
            *self.place(exchange) = Place::Nowhere;
            return true;
        };
        let Some(worker) = self.workers[index].as_mut() else {
            return false;
        };
        if worker
            .give(exchange, &self.payload, streams, self.watch.now)
            .is_err()
        {
            return false;
        }
        let (Some(&slot), key) = (worker.order.back(), worker.key) else {
            return false;
        };
        *self.place(exchange) = Place::Held {
            generation: exchange.generation,
            worker: index,
            slot,
        };
        exchanges.assigned(exchange, key);
        self.watch.given();
        true
    }

    /// Gives out what waits, as long as somebody can take it; then lets idle workers have what others
    /// were given ahead.
    pub fn settle(&mut self, exchanges: &mut impl Exchanges) {
        while let Some(&exchange) = self.queue.front() {
            if *self.place(exchange)
                == (Place::Queued {
                    generation: exchange.generation,
                })
                && !self.assign(exchange, exchanges)
            {
                return;
            }
            self.queue.pop_front();
        }
        if self.workers.len() > 1 {
            self.balance(exchanges);
        }
    }

    /// Moves requests that were given ahead to workers that are idle now, but for those that are
    /// answered before one of these would be awake.
    fn balance(&mut self, exchanges: &mut impl Exchanges) {
        let now = self.watch.now;
        loop {
            let idle = self
                .workers
                .iter()
                .flatten()
                .any(|worker| worker.life == Life::Ready && worker.outstanding == 0);
            if !idle {
                return;
            }
            let crowded = self
                .workers
                .iter_mut()
                .flatten()
                .filter(|worker| worker.outstanding > 1 && !worker.answers_soon(now))
                .max_by_key(|worker| worker.outstanding);
            let Some(exchange) = crowded.and_then(Worker::take_back) else {
                return;
            };
            if !self.assign(exchange, exchanges) {
                *self.place(exchange) = Place::Queued {
                    generation: exchange.generation,
                };
                self.queue.push_front(exchange);
                return;
            }
        }
    }

    /// The client is gone (or its time is over): the request is taken back if possible, else the worker
    /// is told. Nothing of it reaches the exchange any more.
    pub fn cancel(&mut self, exchange: ExchangeId, deadline: bool) {
        let held = self.held_at(exchange);
        let place = self.place(exchange);
        if matches!(place, Place::Queued { generation } if *generation == exchange.generation) {
            *place = Place::Nowhere;
            // It must not count as one that waits.
            if let Some(at) = self.queue.iter().position(|waits| *waits == exchange) {
                self.queue.remove(at);
            }
        }
        let Some((index, slot)) = held else { return };
        *self.place(exchange) = Place::Nowhere;
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        if worker.outgoing.revoke(slot) {
            worker.release(slot);
        } else if let Some(held) = worker.held(slot) {
            held.exchange = None;
            worker.say(FrameHead::new(Kind::Cancel, slot).value(u64::from(deadline)));
        }
    }

    /// Reads what the workers wrote. A worker that wrote nonsense is in the answer; it gets nothing new
    /// and should be killed.
    pub fn drain(&mut self, exchanges: &mut impl Exchanges) -> Vec<(WorkerKey, Heard)> {
        let mut heard = Vec::new();
        for index in 0..self.workers.len() {
            match self.drain_one(index, exchanges) {
                Ok(false) => {}
                Ok(true) => heard.extend(
                    self.workers[index]
                        .as_ref()
                        .map(|worker| (worker.key, Heard::Ready)),
                ),
                Err(violation) => {
                    if let Some(worker) = self.workers[index]
                        .as_mut()
                        .filter(|worker| worker.life != Life::Retiring)
                    {
                        worker.life = Life::Retiring;
                        heard.push((worker.key, Heard::Nonsense(violation)));
                    }
                }
            }
        }
        self.settle(exchanges);
        heard
    }

    pub(crate) fn clear_place(&mut self, exchange: ExchangeId) {
        *self.place(exchange) = Place::Nowhere;
    }

    /// The control socket of a worker, over which files come.
    pub(crate) fn control(&self, index: usize) -> Option<BorrowedFd<'_>> {
        self.workers
            .get(index)?
            .as_ref()
            .map(|worker| worker.control.as_fd())
    }
}

/// What a worker has told as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// It serves from now on.
    Ready,
    /// It wrote nonsense.
    Nonsense(Violation),
}
