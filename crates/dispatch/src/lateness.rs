//! Requests that take too long, and workers that have stopped turning.
//!
//! A request's time begins when a worker is given it. There is no timer for each: a worker's requests
//! stand in the order in which they were given, and one moment says when the next of all of them may
//! be due. So a request that is answered in time costs a comparison.
//!
//! ```text
//! in hand ─ half ─▶ Slow ─ all ─▶ Late: the client is answered, the worker is told to give it up
//!              given up ◀── within the grace ──┴── not ──▶ Stuck: nothing new for the worker,
//!                                               it is replaced; Hopeless when only late ones are left
//! ```
//!
//! A worker that turns a loop (gevent, asyncio) should never be silent for long while it has requests.
//! When it is, it gets a ping; when that is not answered either, the loop is blocked: the worker gets
//! nothing new until it is heard again, and what it has not begun goes to others.

use link::{FrameHead, Kind, SlotId};

use crate::dispatcher::Dispatcher;
use crate::exchanges::{ExchangeId, Exchanges};
use crate::worker::{Held, Life, Worker, WorkerKey};

/// What the dispatcher keeps an eye on. All times are in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// How long a worker may have a request. None: as long as it likes.
    pub request: Option<u64>,
    /// How long a worker may take to give up a late request before it is replaced.
    pub grace: u64,
    /// How long a worker with requests may leave a ping unanswered. None: nobody asks, as its requests
    /// block nobody but themselves.
    pub silence: Option<u64>,
}

/// Limits shorter than this get no warning on the way.
const WORTH_A_WARNING: u64 = 2_000_000;

impl Limits {
    /// How old a request gets before it is warned of.
    fn half(&self) -> Option<u64> {
        self.request
            .filter(|limit| *limit >= WORTH_A_WARNING)
            .map(|limit| limit / 2)
    }

    /// How old a request gets before anything happens to it.
    fn first(&self) -> Option<u64> {
        self.half().or(self.request)
    }
}

/// Something that takes too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Late {
    /// Half of a request's time is over.
    Slow(Delay),
    /// All of it is over. The exchange is no longer the worker's: the client is to be told.
    Overdue(Delay),
    /// The worker has given up a late request, and says where it was.
    GivenUp {
        /// Which one, in words; None when its client was gone before.
        request: Option<String>,
        /// The untrusted traceback.
        text: String,
    },
    /// The worker does not give up a late request. It gets no new ones and is to be replaced.
    Stuck {
        /// How many requests it has beside the late ones.
        others: usize,
    },
    /// A stuck worker has nothing left but late requests: it is to be killed.
    Hopeless,
    /// The worker's loop does not turn.
    Blocked {
        /// Since when it owes an answer to a ping.
        since: u64,
        /// How many requests wait for it.
        requests: usize,
    },
    /// The loop turns again.
    Unblocked {
        /// Since when it had owed an answer.
        since: u64,
    },
}

/// A request that takes its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// Which one; None when its client is gone.
    pub exchange: Option<ExchangeId>,
    /// For how long the worker has had it.
    pub age: u64,
    /// The thread that runs it, as the worker says.
    pub thread: Option<u32>,
}

/// How far a request in a worker's hands is beyond its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// In time.
    Fresh,
    /// Half of its time is over, and that was told.
    Warned,
    /// Over since then; its client has been answered.
    Overdue {
        /// The moment.
        since: u64,
        /// Which one it is, in words.
        request: Option<String>,
    },
}

/// What is thought of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Faith {
    /// It does its work.
    Whole,
    /// It did not give up a late request in time, or begins none: it is being replaced.
    Stuck,
    /// And it has nothing left that could still be answered.
    Lost,
}

/// A ping that is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ping {
    sent: u64,
}

/// What is due next, as far as is known without looking at every request.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) limits: Limits,
    /// The time of this turn.
    pub(crate) now: u64,
    /// When a request may come to its next stage.
    pub(crate) next_request: u64,
    /// When a worker may have been silent for too long.
    next_silence: u64,
    /// What was noticed in passing.
    pub(crate) noticed: Vec<(WorkerKey, Late)>,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            now: 0,
            next_request: u64::MAX,
            next_silence: u64::MAX,
            noticed: Vec::new(),
        }
    }
}

impl Watch {
    /// A worker was given a request.
    pub(crate) fn given(&mut self) {
        if let Some(first) = self.limits.first() {
            self.next_request = self.next_request.min(self.now + first);
        }
        if let Some(silence) = self.limits.silence {
            self.next_silence = self.next_silence.min(self.now + silence / 2);
        }
    }
}

impl Dispatcher {
    /// No workers, nothing queued, and these limits; `window` is that of [`Dispatcher::new`].
    pub fn with_limits(window: u64, limits: Limits) -> Self {
        let mut dispatcher = Self::new(window);
        dispatcher.watch.limits = limits;
        dispatcher
    }

    /// The time of this turn, in monotonic microseconds.
    pub fn tell_time(&mut self, now: u64) {
        self.watch.now = now;
    }

    /// When [`Dispatcher::look_for_late`] should be called at the latest; None: whenever.
    pub fn due(&self) -> Option<u64> {
        let due = self.watch.next_request.min(self.watch.next_silence);
        (due != u64::MAX).then_some(due)
    }

    /// Whatever takes too long by now. Cheap when nothing is due.
    pub fn look_for_late(&mut self, exchanges: &mut impl Exchanges) -> Vec<(WorkerKey, Late)> {
        let now = self.watch.now;
        if now >= self.watch.next_request {
            self.watch.next_request = u64::MAX;
            for index in 0..self.workers.len() {
                self.look_at_requests(index, exchanges);
            }
            self.settle(exchanges);
        }
        if now >= self.watch.next_silence {
            self.watch.next_silence = u64::MAX;
            for index in 0..self.workers.len() {
                self.listen_to(index);
            }
            self.settle(exchanges);
        }
        std::mem::take(&mut self.watch.noticed)
    }

    /// Brings each request of a worker to the stage that it has come to.
    fn look_at_requests(&mut self, index: usize, exchanges: &mut impl Exchanges) {
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        let slots: Vec<SlotId> = worker.order.iter().copied().collect();
        for slot in slots {
            self.look_at_request(index, slot, exchanges);
        }
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        if worker.is_hopeless() {
            worker.faith = Faith::Lost;
            self.watch.noticed.push((worker.key, Late::Hopeless));
        }
    }

    fn look_at_request(&mut self, index: usize, slot: SlotId, exchanges: &mut impl Exchanges) {
        let (now, limits) = (self.watch.now, self.watch.limits);
        let (Some(worker), Some(limit)) = (self.workers[index].as_mut(), limits.request) else {
            return;
        };
        let Some(held) = worker.held(slot) else {
            return;
        };
        let (given, exchange) = (held.given, held.exchange);
        let age = now.saturating_sub(given);
        let is_half = limits.half().is_some_and(|half| age >= half);
        let next = match held.stage {
            Stage::Fresh | Stage::Warned if age >= limit => {
                self.overdue(index, slot, exchanges);
                return;
            }
            Stage::Fresh if is_half => {
                held.stage = Stage::Warned;
                let delay = Delay {
                    exchange,
                    age,
                    thread: worker.outgoing.runner(slot),
                };
                // One that it has not begun is not what takes the time.
                if !worker.outgoing.is_queued(slot) {
                    self.watch.noticed.push((worker.key, Late::Slow(delay)));
                }
                given + limit
            }
            Stage::Fresh => given + limits.first().unwrap_or(limit),
            Stage::Warned => given + limit,
            Stage::Overdue { since, .. } if now < since + limits.grace => since + limits.grace,
            Stage::Overdue { .. } => {
                self.stuck(index);
                return;
            }
        };
        self.watch.next_request = self.watch.next_request.min(next);
    }

    /// A request's time is over.
    fn overdue(&mut self, index: usize, slot: SlotId, exchanges: &mut impl Exchanges) {
        let (now, grace) = (self.watch.now, self.watch.limits.grace);
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        // What the worker has not begun is not late but unlucky: another gets it, and its time anew.
        let mut back = worker.take_back_all();
        let thread = worker.outgoing.runner(slot);
        let is_untouched = |held: &mut Held| !held.begun && held.exchange.is_some();
        if worker.held(slot).is_some_and(is_untouched) && worker.outgoing.revoke(slot) {
            back.extend(worker.release(slot).and_then(|held| held.exchange));
        }
        let Some(held) = worker.held(slot) else {
            // Does it begin anything at all?
            let is_idle = worker.outstanding == 0;
            self.put_back(&back);
            if is_idle {
                self.stuck(index);
            }
            return;
        };
        held.stage = Stage::Overdue {
            since: now,
            request: held
                .exchange
                .map(|exchange| exchanges.request_line(exchange)),
        };
        let delay = Delay {
            exchange: held.exchange.take(),
            age: now.saturating_sub(held.given),
            thread,
        };
        worker.overdue += 1;
        worker.say(FrameHead::new(Kind::Cancel, slot).value(1));
        self.watch.noticed.push((worker.key, Late::Overdue(delay)));
        if let Some(exchange) = delay.exchange {
            self.clear_place(exchange);
        }
        self.put_back(&back);
        self.watch.next_request = self.watch.next_request.min(now + grace);
    }

    /// A worker has not given up a late request in time.
    fn stuck(&mut self, index: usize) {
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        if worker.faith != Faith::Whole {
            return;
        }
        worker.faith = Faith::Stuck;
        let others = worker.outstanding - worker.overdue;
        self.watch
            .noticed
            .push((worker.key, Late::Stuck { others }));
        self.retire_index(index);
    }

    /// Pings a worker that is silent, and says so when it does not answer.
    fn listen_to(&mut self, index: usize) {
        let (now, Some(limit)) = (self.watch.now, self.watch.limits.silence) else {
            return;
        };
        let Some(worker) = self.workers[index].as_mut() else {
            return;
        };
        if worker.outstanding == 0 || worker.life == Life::Booting {
            return;
        }
        let quiet_until = worker.heard + limit / 2;
        let next = match worker.ping {
            None if now < quiet_until => quiet_until,
            None => {
                worker.ping = Some(Ping { sent: now });
                worker.say(
                    FrameHead::new(
                        Kind::Ping,
                        SlotId {
                            index: 0,
                            generation: 0,
                        },
                    )
                    .value(now),
                );
                now + limit
            }
            // Its next word ends it, or a deadline does.
            Some(_) if worker.blocked => return,
            Some(Ping { sent }) if now < sent + limit => sent + limit,
            Some(Ping { sent }) => {
                worker.blocked = true;
                let late = Late::Blocked {
                    since: sent,
                    requests: worker.outstanding,
                };
                self.watch.noticed.push((worker.key, late));
                let back = worker.take_back_all();
                self.put_back(&back);
                return;
            }
        };
        self.watch.next_silence = self.watch.next_silence.min(next);
    }

    /// Something was heard of a worker.
    pub(crate) fn heard(&mut self, index: usize) {
        let (now, silence) = (self.watch.now, self.watch.limits.silence);
        let Some(Some(worker)) = self.workers.get_mut(index) else {
            return;
        };
        worker.heard = now;
        let ping = worker.ping.take();
        if let (Some(Ping { sent }), true) = (ping, worker.blocked) {
            worker.blocked = false;
            let late = Late::Unblocked { since: sent };
            self.watch.noticed.push((worker.key, late));
        }
        if let (Some(_), Some(silence)) = (ping, silence) {
            self.watch.next_silence = self.watch.next_silence.min(now + silence / 2);
        }
        if worker.is_hopeless() {
            self.watch.next_request = now;
        }
    }
}

impl Worker {
    /// Whether it is being replaced and has nothing left that could still be answered.
    fn is_hopeless(&self) -> bool {
        self.faith == Faith::Stuck && self.overdue > 0 && self.outstanding == self.overdue
    }

    /// Takes back what it has not begun, youngest first.
    pub(crate) fn take_back_all(&mut self) -> Vec<ExchangeId> {
        std::iter::from_fn(|| self.take_back()).collect()
    }
}
