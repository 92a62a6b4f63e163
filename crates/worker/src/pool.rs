//! The worker's threads: who runs a request, who sleeps, and who is to be woken for what.
//!
//! Idle threads sleep on the bell, all of them; a ring wakes the one that fell asleep last. A thread
//! that waits in the middle of a request (for a piece of a body, for room) sleeps on its own and is
//! woken by whoever reads the frame it waits for; only when nobody else listens to the bell it does so
//! itself. The policy:
//!
//! - *Fixed*: an idle thread is woken for every request, one at a time: the next is woken when the
//!   first has the GIL, since before that it could do nothing with it.
//! - *Auto*: as long as some thread began a request less than a millisecond ago, no other is woken:
//!   short requests are best run one after the other by one warm thread. The server rings the bell
//!   when a request was left lying for longer; then the spare thread looks, takes the request, and
//!   another spare is started. When several threads compute, one more would only take the GIL from
//!   them: then the spare thread leaves the request to the others.

use std::thread::Thread;

use link::SlotId;

use crate::load::Load;

/// A request that began less than so many microseconds ago is young.
const YOUNG: u64 = 1_000;
/// Waiting longer than this (microseconds) for the GIL means that a computing thread had to be made to
/// let go of it: Python does that after 5 ms.
const WRESTED: u64 = 4_000;
/// For so long such a wait counts.
const WRESTED_COUNTS: u64 = 200_000;
/// When so many threads share the GIL, one more is of no use.
const ENOUGH_COMPUTE: usize = 3;
/// While the GIL is in demand, one more thread joins in at most so often (microseconds): there must be
/// time to see what the last one does.
const PAUSE: u64 = 25_000;

/// How many threads run requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// So many from the beginning.
    Fixed(usize),
    /// As many as are useful, at most so many.
    Auto(usize),
}

impl Size {
    /// Whether more than one thread may run requests.
    pub(crate) fn is_many(self) -> bool {
        match self {
            Self::Fixed(threads) | Self::Auto(threads) => threads > 1,
        }
    }
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A request.
    Request,
    /// A frame for this request.
    News(SlotId),
    /// Room in the ring to the server.
    Room,
}

#[derive(Debug)]
struct Parked {
    purpose: Purpose,
    thread: Thread,
    /// Who waits for room gets it in this order.
    turn: u64,
}

/// The state of the threads, under the link's lock.
#[derive(Debug)]
pub(crate) struct Pool {
    size: Size,
    /// Threads that take requests, asleep or not.
    threads: usize,
    /// …of them started and not yet at work.
    starting: usize,
    /// Requests being run.
    running: usize,
    /// When the youngest of the requests that run was begun.
    last_begun: u64,
    /// Until then the GIL is known to be in demand.
    demanded_until: u64,
    /// Until then no other thread joins in, if it is.
    pause_until: u64,
    /// How many threads compute (measured in automatic pools only).
    load: Load,
    /// Idle threads on the bell.
    idle_listeners: usize,
    /// Whether a thread in the middle of a request listens to the bell.
    busy_listener: bool,
    /// Threads that were woken for a request and wait for the GIL.
    pub(crate) waking: usize,
    parked: Vec<Parked>,
    turns: u64,
    /// Requests run in greenlets; an event loop listens to the bell, for ever.
    hub: bool,
}

impl Pool {
    /// A pool of the calling thread.
    pub(crate) fn new(size: Size) -> Self {
        let mut load = Load::default();
        load.join();
        Self {
            size,
            threads: 1,
            starting: 0,
            running: 0,
            last_begun: 0,
            demanded_until: 0,
            pause_until: 0,
            load,
            idle_listeners: 0,
            busy_listener: false,
            waking: 0,
            parked: Vec::new(),
            turns: 0,
            hub: false,
        }
    }

    /// Instead of threads, an event loop takes the requests: it is the one that listens to the bell.
    /// Threads of the app that wait for something are woken by it.
    pub(crate) fn give_to_hub(&mut self) {
        self.hub = true;
        self.listens(Purpose::Request);
    }

    /// Whether an event loop takes the requests.
    pub(crate) fn has_hub(&self) -> bool {
        self.hub
    }

    /// Whether no request runs.
    pub(crate) fn is_resting(&self) -> bool {
        self.running == 0
    }

    // The requests.

    pub(crate) fn began(&mut self, now: u64) {
        self.running += 1;
        self.last_begun = now;
    }

    /// A request is over; `last_begun` finds when the youngest of the others was begun.
    pub(crate) fn ended(&mut self, last_begun: impl FnOnce() -> u64) {
        self.running -= 1;
        if self.running > 0 && self.is_automatic() {
            self.last_begun = last_begun();
        }
    }

    // The threads.

    /// A thread is about to be started.
    pub(crate) fn starts(&mut self) {
        self.threads += 1;
        self.starting += 1;
    }

    /// It is there: the calling thread.
    pub(crate) fn started(&mut self) {
        self.load.join();
        self.starting = self.starting.saturating_sub(1);
    }

    /// It will not come: it could not be started.
    pub(crate) fn failed_to_start(&mut self) {
        self.starting = self.starting.saturating_sub(1);
        self.threads = self.threads.saturating_sub(1);
    }

    /// The calling thread will take no more.
    pub(crate) fn left(&mut self) {
        self.load.leave();
        self.threads = self.threads.saturating_sub(1);
    }

    /// A request waits and an idle thread looks at it: time to see what the others do.
    pub(crate) fn look(&mut self, now: u64) {
        if self.is_automatic() {
            self.load.measure(now);
        }
    }

    /// An idle thread has come for a request and had to wait so long for the GIL: whether it should
    /// leave the request to the others after all.
    pub(crate) fn gives_way(&mut self, now: u64, waited: u64) -> bool {
        if !self.is_automatic() || self.running == 0 {
            return false;
        }
        if waited >= WRESTED {
            self.demanded_until = now + WRESTED_COUNTS;
        }
        if self.is_in_demand(now) {
            return true;
        }
        if now < self.demanded_until {
            self.pause_until = now + PAUSE;
        }
        false
    }

    /// Whether enough threads share the GIL already.
    fn is_in_demand(&self, now: u64) -> bool {
        now < self.demanded_until
            && (now < self.pause_until || self.load.computing() >= ENOUGH_COMPUTE)
    }

    /// Whether an idle thread may go for a waiting request now.
    pub(crate) fn may_begin(&self, now: u64) -> bool {
        self.waking == 0
            && match self.size {
                Size::Fixed(_) => true,
                // When the ring to the server is full, more answers would only wait as well.
                Size::Auto(_)
                    if self
                        .parked
                        .iter()
                        .any(|parked| parked.purpose == Purpose::Room) =>
                {
                    false
                }
                Size::Auto(_) => {
                    self.running == 0
                        || (now.saturating_sub(self.last_begun) >= YOUNG && !self.is_in_demand(now))
                }
            }
    }

    /// Whether a spare thread should be started: all that there are run requests.
    pub(crate) fn is_crowded(&self) -> bool {
        matches!(self.size, Size::Auto(most) if self.threads < most)
            && self.idle() + self.starting + self.waking == 0
    }

    /// Whether threads come and go.
    pub(crate) fn is_automatic(&self) -> bool {
        matches!(self.size, Size::Auto(_))
    }

    /// Whether an idle thread may leave because another one is spare as well.
    pub(crate) fn has_surplus(&self) -> bool {
        self.is_automatic() && self.idle() > 0
    }

    /// Threads that wait for requests.
    pub(crate) fn idle(&self) -> usize {
        self.idle_listeners
            + self
                .parked
                .iter()
                .filter(|parked| parked.purpose == Purpose::Request)
                .count()
    }

    // The sleepers.

    /// Whether this thread should listen to the bell itself (else it parks).
    pub(crate) fn may_listen(&self, purpose: Purpose) -> bool {
        !self.busy_listener && (purpose == Purpose::Request || self.idle_listeners == 0)
    }

    pub(crate) fn listens(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Request => self.idle_listeners += 1,
            _ => self.busy_listener = true,
        }
    }

    pub(crate) fn stops_listening(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Request => self.idle_listeners -= 1,
            _ => self.busy_listener = false,
        }
    }

    /// Whether anybody sleeps on the bell.
    pub(crate) fn somebody_listens(&self) -> bool {
        self.idle_listeners > 0 || self.busy_listener
    }

    /// Whether idle threads sleep on the bell.
    pub(crate) fn idle_ones_listen(&self) -> bool {
        self.idle_listeners > 0
    }

    /// Whether the server should ring for everything, as somebody asleep has use for it.
    pub(crate) fn wants_rings(&self, now: u64) -> bool {
        self.busy_ones_wait() || self.idle() > 0 && self.may_begin(now)
    }

    /// Whether threads wait in the middle of a request.
    pub(crate) fn busy_ones_wait(&self) -> bool {
        self.busy_listener
            || self
                .parked
                .iter()
                .any(|parked| parked.purpose != Purpose::Request)
    }

    /// A place in the row of those that wait for room.
    pub(crate) fn next_turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    pub(crate) fn park(&mut self, purpose: Purpose, turn: u64) {
        self.parked.push(Parked {
            purpose,
            thread: std::thread::current(),
            turn,
        });
    }

    pub(crate) fn unpark_self(&mut self) {
        let me = std::thread::current().id();
        self.parked.retain(|parked| parked.thread.id() != me);
    }

    /// A frame for this slot has come: whoever waits for it is woken.
    pub(crate) fn news_for(&self, slot: SlotId) {
        for parked in &self.parked {
            if parked.purpose == Purpose::News(slot) {
                parked.thread.unpark();
            }
        }
    }

    /// There may be room in the ring: the first that waits for it tries again. When it needs no more, or
    /// cannot use it, it wakes the next.
    pub(crate) fn news_of_room(&self) {
        let waiting = self
            .parked
            .iter()
            .filter(|parked| parked.purpose == Purpose::Room);
        if let Some(first) = waiting.min_by_key(|parked| parked.turn) {
            first.thread.unpark();
        }
    }

    /// Wakes a parked idle thread; whether there was one.
    pub(crate) fn unpark_idle(&self) -> bool {
        let idle = self
            .parked
            .iter()
            .rev()
            .find(|parked| parked.purpose == Purpose::Request);
        idle.inspect(|parked| parked.thread.unpark()).is_some()
    }

    /// Wakes one parked thread, whatever it waits for: the bell needs a listener.
    pub(crate) fn unpark_any(&self) -> bool {
        self.parked
            .last()
            .inspect(|parked| parked.thread.unpark())
            .is_some()
    }

    /// Wakes all parked threads.
    pub(crate) fn unpark_all(&self) {
        for parked in &self.parked {
            parked.thread.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_pool_wakes_one_at_a_time() {
        let mut pool = Pool::new(Size::Fixed(4));
        pool.began(100);
        assert!(pool.may_begin(100));
        pool.waking = 1;
        assert!(!pool.may_begin(5_000), "the one that was woken goes first");
    }

    #[test]
    fn an_automatic_pool_leaves_short_requests_to_one_thread() {
        let mut pool = Pool::new(Size::Auto(8));
        assert!(pool.may_begin(0), "nothing runs");
        pool.began(10_000);
        assert!(!pool.may_begin(10_500));
        assert!(pool.may_begin(11_000));
        assert!(pool.is_crowded());
        pool.starts();
        assert!(!pool.is_crowded(), "one is on its way");
        pool.started();
        pool.listens(Purpose::Request);
        assert!(!pool.is_crowded());
        assert!(
            !pool.wants_rings(10_500),
            "the spare one must not be woken for everything"
        );
        assert!(pool.wants_rings(11_500));
    }

    #[test]
    fn an_automatic_pool_grows_slowly_when_views_compute() {
        let mut pool = Pool::new(Size::Auto(64));
        assert!(
            !pool.gives_way(0, 20_000),
            "nothing runs: it was something else"
        );
        pool.began(0);
        assert!(!pool.gives_way(10_000, 1_000), "the GIL was free soon");
        assert!(!pool.gives_way(10_000, 5_000), "one thread computes");
        assert!(pool.gives_way(15_000, 5_000), "too soon after the last one");
        assert!(!pool.may_begin(20_000));
        assert!(pool.may_begin(10_000 + PAUSE));
        let mut fixed = Pool::new(Size::Fixed(4));
        fixed.began(0);
        assert!(
            !fixed.gives_way(10_000, 15_000) && !fixed.gives_way(10_001, 15_000),
            "the user has decided"
        );
    }

    #[test]
    fn a_busy_listener_keeps_idle_ones_off_the_bell() {
        let mut pool = Pool::new(Size::Fixed(2));
        let slot = SlotId {
            index: 3,
            generation: 9,
        };
        assert!(pool.may_listen(Purpose::News(slot)));
        pool.listens(Purpose::News(slot));
        assert!(
            !pool.may_listen(Purpose::Request),
            "a ring would wake the wrong one"
        );
        pool.stops_listening(Purpose::News(slot));
        pool.listens(Purpose::Request);
        assert!(pool.may_listen(Purpose::Request));
        assert!(!pool.may_listen(Purpose::News(slot)));
    }
}
