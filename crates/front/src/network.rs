//! The network thread: one turn after the other.
//!
//! A turn: sleep in epoll; obey orders; give arrived requests to workers; wake the workers that have
//! something new; read what workers wrote and send it; hand bodies on; log. Then tell the workers how we
//! sleep, and sleep.

use std::io;
use std::os::fd::AsFd;

use dispatch::{Capacity, Dispatcher, Heard, Sleep, WorkerKey};
use net::{Connections, Exchange, Id, Listener};
use os::clock::{monotonic_micros, unix_micros};

use crate::control::{Concurrency, Inbox, Order, Report, Totals, WorkerId};
use crate::glue::{Glue, exchange_id, net_id};
use crate::journal::Journal;
use crate::patience::Patience;
use crate::{Settings, Wear};

/// Token of the bell that control rings; workers' bells have their index plus one.
const CONTROL: u64 = 0;

/// Freed memory that the server keeps, so that bodies of a few megabytes cost no page faults.
const KEPT_MEMORY: usize = 8 << 20;

/// Between two lines that say that accepting has paused (microseconds).
const PAUSE_SAID: u64 = 60_000_000;

/// Starts the thread.
pub(crate) fn spawn(listeners: Vec<Listener>, settings: Settings, inbox: Inbox) -> io::Result<()> {
    let (access, unknown_names) = observe::AccessLog::new(&settings.access);
    for name in unknown_names {
        let hint = name.hint().unwrap_or_default();
        settings.log.block(
            observe::Level::Warning,
            &name.to_string(),
            &[],
            hint.as_bytes(),
        );
    }
    let connections = Connections::new(listeners, settings.net)?;
    connections.watch(inbox.bell.as_fd(), CONTROL)?;
    let turns_loops = settings.limits.silence.is_some();
    let mut dispatcher = Dispatcher::with_limits(settings.response_buffer, settings.limits);
    dispatcher.limit_queue(settings.most_waiting);
    let network = Network {
        connections,
        turns_loops,
        dispatcher,
        journal: Journal::new(access, settings.log, settings.counters),
        wear: settings.wear,
        patience: Patience::new(settings.longest_wait),
        inbox,
        state: State::Serving,
        totals: Totals::default(),
        pause_said: None,
        unix_offset: unix_micros().saturating_sub(monotonic_micros()),
    };
    let builder = std::thread::Builder::new().name("verdigris-net".to_owned());
    builder.spawn(move || network.run()).map(|_| ())
}

/// Where the thread is in its life.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Serving,
    /// No new connections; what is in flight is finished.
    Draining,
    /// Everything is finished; workers are leaving.
    Drained,
    Over,
}

pub(crate) struct Network {
    pub(crate) connections: Connections,
    pub(crate) dispatcher: Dispatcher,
    /// Whether many requests share a thread in a worker.
    pub(crate) turns_loops: bool,
    journal: Journal,
    wear: Option<Wear>,
    patience: Patience,
    pub(crate) inbox: Inbox,
    state: State,
    totals: Totals,
    /// When it was last said that accepting has paused.
    pause_said: Option<u64>,
    /// What makes wall-clock time of monotonic time.
    unix_offset: u64,
}

impl Network {
    fn run(mut self) {
        os::memory::keep_freed_memory(KEPT_MEMORY);
        while self.state != State::Over {
            let sleep = self.dispatcher.prepare_nap();
            let limit = match sleep {
                Sleep::No => Some(0),
                Sleep::Short(milliseconds) => Some(milliseconds),
                Sleep::Long => None,
            };
            let patience = self
                .patience
                .sleep(&self.dispatcher, self.connections.now());
            let times = [limit, patience, self.late_at()];
            let limit = times.into_iter().flatten().min();
            match self.connections.wait(limit) {
                Ok(false) if matches!(sleep, Sleep::Short(_)) => self.dispatcher.overslept(),
                Ok(_) => {}
                Err(error) => {
                    self.inbox.reports.send(Report::Failed(format!(
                        "waiting for events failed: {error}"
                    )));
                    return;
                }
            }
            self.dispatcher.awake();
            self.turn();
        }
    }

    /// How long to sleep at most until something is late, in milliseconds, rounded up so that it is
    /// late then.
    fn late_at(&self) -> Option<i32> {
        let left = self
            .dispatcher
            .due()?
            .saturating_sub(self.connections.now());
        Some(i32::try_from(left.div_ceil(1_000)).unwrap_or(i32::MAX))
    }

    fn turn(&mut self) {
        self.dispatcher.tell_time(self.connections.now());
        let mut tokens = std::mem::take(&mut self.connections.news().tokens);
        if tokens.contains(&CONTROL) {
            self.obey();
        }
        tokens.clear();
        self.connections.news().tokens = tokens;
        // Before anything new: a client that has come may have the place of one that has gone.
        self.tell_gone_and_freed();
        self.submit_arrived();
        self.dispatcher.wake();
        self.hear_workers();
        self.look_for_late();
        self.hand_bodies();
        self.connections.flush_collected();
        self.tell_gone_and_freed();
        self.dispatcher.wake();
        self.patience
            .look(&mut self.dispatcher, &mut self.connections);
        self.log_finished();
        self.log_pause();
        self.look_for_the_end();
        self.journal.hand_over();
    }

    fn submit_arrived(&mut self) {
        let mut arrived = std::mem::take(&mut self.connections.news().arrived);
        for id in arrived.drain(..) {
            let taken = self
                .dispatcher
                .submit(exchange_id(id), &mut Glue(&mut self.connections));
            if !taken {
                self.connections
                    .note(id, "too many requests wait for a worker");
                self.connections.fail(id, 503, "the server is too busy");
            }
        }
        // Nothing arrives while requests are given out: keep the memory.
        self.connections.news().arrived = arrived;
    }

    /// Reads answers until nothing new has come of them (an answer lets the next request of its
    /// connection arrive).
    fn hear_workers(&mut self) {
        loop {
            let heard = self.dispatcher.drain(&mut Glue(&mut self.connections));
            for (key, what) in heard {
                let id = worker_id(key);
                self.inbox.reports.send(match what {
                    Heard::Ready => Report::Ready(id),
                    Heard::Nonsense(violation) => Report::Violation {
                        id,
                        why: violation.to_string(),
                    },
                });
            }
            if self.connections.news().arrived.is_empty() {
                return;
            }
            self.submit_arrived();
            self.dispatcher.wake();
        }
    }

    /// Hands pieces of request bodies to the workers that want them.
    fn hand_bodies(&mut self) {
        let stalled = std::mem::take(&mut self.connections.news().stalled);
        let mut bodies = std::mem::take(&mut self.connections.news().bodies);
        bodies.extend(stalled);
        for &id in &bodies {
            self.hand_body(id);
        }
        bodies.clear();
        if self.connections.news().bodies.is_empty() {
            self.connections.news().bodies = bodies;
        }
    }

    fn hand_body(&mut self, id: Id) {
        loop {
            let room = self.dispatcher.body_room(exchange_id(id));
            if room == 0 {
                let wants = self.dispatcher.wants_body(exchange_id(id));
                self.connections.body_stalled(id, wants);
                return;
            }
            let Some(part) = self.connections.pull_body(id, room) else {
                return;
            };
            self.dispatcher
                .body(exchange_id(id), part.data, part.end, part.cut_short);
            if part.end {
                self.connections.body_stalled(id, false);
                return;
            }
        }
    }

    fn tell_gone_and_freed(&mut self) {
        let mut gone = std::mem::take(&mut self.connections.news().gone);
        for id in gone.drain(..) {
            self.dispatcher.cancel(exchange_id(id), false);
        }
        self.connections.news().gone = gone;
        let mut freed = std::mem::take(&mut self.connections.news().freed);
        for (id, bytes) in freed.drain(..) {
            self.dispatcher.freed(exchange_id(id), bytes);
        }
        self.connections.news().freed = freed;
    }

    fn log_finished(&mut self) {
        let mut finished = std::mem::take(&mut self.connections.news().finished);
        for exchange in finished.drain(..) {
            let served = self.journal.write(&exchange, self.unix_offset);
            self.mind_wear(&exchange, served);
            match exchange.status {
                502 | 503 if exchange.worker == 0 => self.totals.dropped += 1,
                _ => self.totals.finished += 1,
            }
            if self.state != State::Serving {
                self.totals.drained += 1;
            }
            self.connections.recycle(exchange);
        }
        self.connections.news().finished = finished;
    }

    /// Accepting has paused: said once a minute at most.
    fn log_pause(&mut self) {
        let Some(why) = self.connections.news().not_accepting.take() else {
            return;
        };
        let now = self.connections.now();
        if self.pause_said.is_none_or(|said| now - said > PAUSE_SAID) {
            self.pause_said = Some(now);
            let connections = self.connections.len();
            let fields = [("connections", &connections as &dyn std::fmt::Display)];
            let text = format!(
                "clients wait, as none can be accepted: {why} (hint: --max-fd raises the limit of open files)"
            );
            self.journal.log().warning(&text, &fields);
        }
    }

    /// Tells control once when a worker's process has had its number of requests.
    fn mind_wear(&self, exchange: &Exchange, served: u64) {
        let worn = |wear: &Wear| served == wear.requests_of(exchange.worker);
        if served > 0 && self.wear.as_ref().is_some_and(worn) {
            self.inbox.reports.send(Report::Worn {
                id: WorkerId {
                    worker: exchange.worker,
                    incarnation: exchange.incarnation,
                },
                requests: served,
            });
        }
    }

    fn obey(&mut self) {
        while let Ok(order) = self.inbox.orders.try_recv() {
            match order {
                Order::Attach {
                    id,
                    outgoing,
                    incoming,
                    control,
                    concurrency,
                } => {
                    let capacity = match concurrency {
                        Concurrency::Fixed(count) => Capacity::Fixed(count as usize),
                        Concurrency::Loop(count) => Capacity::Loop(count as usize),
                        Concurrency::Auto { most } => Capacity::Auto(most as usize),
                    };
                    let index =
                        self.dispatcher
                            .attach(key(id), outgoing, incoming, control, capacity);
                    let watched = self
                        .dispatcher
                        .bell(index)
                        .map(|bell| self.connections.watch(bell, index as u64 + 1));
                    if let Some(Err(error)) = watched {
                        self.inbox.reports.send(Report::Violation {
                            id,
                            why: format!("cannot watch its bell: {error}"),
                        });
                    }
                }
                Order::Forked { id, pid } => self.journal.worker_is(id, pid),
                Order::Gone { id, how } => {
                    self.dispatcher
                        .gone(key(id), &how, &mut Glue(&mut self.connections));
                    self.log_finished();
                    self.journal.worker_is_gone(id);
                }
                Order::Retire { id } => self
                    .dispatcher
                    .retire(key(id), &mut Glue(&mut self.connections)),
                Order::Drain => self.drain(),
                Order::Stop => self.stop(),
                Order::Unavailable { why } => self.unavailable(&why),
            }
        }
    }

    fn drain(&mut self) {
        if self.state == State::Serving {
            self.state = State::Draining;
            self.connections.drain();
            self.dispatcher.announce_end();
        }
    }

    fn stop(&mut self) {
        for id in self.dispatcher.give_up_queue() {
            self.connections
                .fail(net_id(id), 503, "the server is stopping");
        }
        self.connections.close_all();
        self.totals.killed = self.connections.cut;
        self.log_finished();
        self.journal.hand_over();
        self.inbox.reports.send(Report::Drained(self.totals));
        self.state = State::Over;
    }

    /// Nobody will answer what waits.
    fn unavailable(&mut self, why: &str) {
        self.journal.log().warning(why, &[]);
        for id in self.dispatcher.give_up_queue() {
            self.connections
                .fail(net_id(id), 503, "the app is not available");
        }
    }

    /// While draining: nothing in flight, nobody connected?
    fn look_for_the_end(&mut self) {
        if self.state != State::Draining {
            return;
        }
        if self.connections.is_empty() && self.dispatcher.waiting() == 0 {
            self.dispatcher.retire_all();
            self.state = State::Drained;
            self.inbox.reports.send(Report::Drained(self.totals));
        }
    }
}

/// The same name, as control says it.
pub(crate) fn worker_id(key: WorkerKey) -> WorkerId {
    WorkerId {
        worker: key.worker,
        incarnation: key.incarnation,
    }
}

fn key(id: WorkerId) -> WorkerKey {
    WorkerKey {
        worker: id.worker,
        incarnation: id.incarnation,
    }
}
