//! The dispatcher: the queue and the choice of a worker.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use link::{FrameHead, Incoming, Kind, LAST_CALL, Nap, Outgoing, SlotId, Violation};

use crate::exchanges::{ExchangeId, Exchanges, Part};
use crate::lateness::Watch;
use crate::worker::{Capacity, Life, Worker, WorkerKey};

/// The largest piece of a request body in one frame.
const BODY_PIECE: usize = 64 * 1024;

/// Bytes of a ring that bodies leave free, so that requests and control frames still fit.
const RESERVE: usize = 16 * 1024;

/// Where an exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
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

/// How the network thread may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Not at all: a frame has come.
    No,
    /// At most this many milliseconds.
    Short(i32),
    /// As long as it likes.
    Long,
}

/// An app's queue and workers.
#[derive(Debug)]
pub struct Dispatcher {
    /// Bytes of an answer that have left before the worker is told of its new room.
    room_step: u64,
    /// Index = worker number - 1.
    pub(crate) workers: Vec<Option<Worker>>,
    queue: VecDeque<ExchangeId>,
    places: Vec<Place>,
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

    fn find(&self, key: WorkerKey) -> Option<usize> {
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

    fn place(&mut self, exchange: ExchangeId) -> &mut Place {
        let index = exchange.index as usize;
        if index >= self.places.len() {
            self.places.resize(index + 1, Place::Nowhere);
        }
        &mut self.places[index]
    }

    fn held_at(&self, exchange: ExchangeId) -> Option<(usize, SlotId)> {
        match self.places.get(exchange.index as usize)? {
            Place::Held {
                generation,
                worker,
                slot,
            } if *generation == exchange.generation => Some((*worker, *slot)),
            _ => None,
        }
    }

    /// A new request: to a worker if one can take it, else into the queue.
    pub fn submit(&mut self, exchange: ExchangeId, exchanges: &mut impl Exchanges) {
        if !self.queue.is_empty() || !self.assign(exchange, exchanges) {
            *self.place(exchange) = Place::Queued {
                generation: exchange.generation,
            };
            self.queue.push_back(exchange);
        }
    }

    /// The worker that should get the next request: the least busy of those with a free thread; if none
    /// is free, the least busy of those that may be fed ahead.
    fn choose(&self) -> Option<usize> {
        let least = |test: fn(&Worker) -> bool| {
            let candidates = self
                .workers
                .iter()
                .enumerate()
                .filter_map(|(index, worker)| Some((index, worker.as_ref()?)));
            candidates
                .filter(|(_, worker)| test(worker))
                .min_by_key(|(_, worker)| (worker.overdue > 0, worker.outstanding))
                .map(|(index, _)| index)
        };
        least(Worker::is_free).or_else(|| least(Worker::takes_ahead))
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
        let (Some(&slot), number) = (worker.order.back(), worker.key.worker) else {
            return false;
        };
        *self.place(exchange) = Place::Held {
            generation: exchange.generation,
            worker: index,
            slot,
        };
        exchanges.assigned(exchange, number);
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

    /// Moves requests that were given ahead to workers that are idle now.
    fn balance(&mut self, exchanges: &mut impl Exchanges) {
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
                .filter(|worker| worker.outstanding > 1)
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

    /// After a turn: wakes the workers that have something new.
    pub fn wake(&mut self) {
        for worker in self.workers.iter_mut().flatten() {
            if !worker.late.is_empty() {
                worker.say_late();
            }
            worker.outgoing.wake();
        }
    }

    /// Before sleeping: tells every worker how the server sleeps.
    pub fn prepare_nap(&mut self) -> Sleep {
        let mut sleep = Sleep::Long;
        let mut awake = false;
        for worker in self.workers.iter_mut().flatten() {
            let several = worker.outstanding >= 2 && worker.pace.is_brisk();
            let nap = if several && !worker.overslept {
                Nap::Lazy
            } else {
                Nap::Sound
            };
            let untaken = matches!(worker.capacity, Capacity::Auto(_)) && worker.has_untaken();
            if nap == Nap::Lazy || untaken || !worker.late.is_empty() {
                sleep = Sleep::Short(1);
            }
            awake |= worker
                .incoming
                .as_ref()
                .is_some_and(|incoming| !incoming.prepare_nap(nap));
        }
        if awake { Sleep::No } else { sleep }
    }

    /// After a short sleep in which nothing was heard: sleep soundly from now on, and let an automatic
    /// pool know that a request waits while its threads make no progress.
    pub fn overslept(&mut self) {
        for worker in self.workers.iter_mut().flatten() {
            worker.overslept = true;
            if matches!(worker.capacity, Capacity::Auto(_)) && worker.has_untaken() {
                let taken = worker.outgoing.taken();
                if taken == worker.taken_before {
                    worker.outgoing.nudge();
                }
                worker.taken_before = taken;
            }
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
