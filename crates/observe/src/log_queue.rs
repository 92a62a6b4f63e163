//! The queue between those who have something to say and the log thread.
//!
//! One buffer behind a lock that is only ever held for a copy or a swap. The thread takes the buffer
//! in one go and gives an empty one back.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::log_writer::LogTotals;

/// What producers and the log thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Mutex<Queue>,
    /// Wakes the log thread.
    pub(crate) work: Condvar,
    /// Wakes those who wait for lines to be written.
    pub(crate) written: Condvar,
    /// Lines the log thread is writing just now. It alone stores; whoever ends the log reads.
    pub(crate) in_hand: AtomicU64,
    /// How many bytes may wait.
    pub(crate) queue_bytes: usize,
    /// How long lines may wait for company.
    pub(crate) linger: Duration,
}

/// What is behind the lock.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Whole lines, in the order they came.
    pub(crate) lines: Vec<u8>,
    /// Lines dropped since the log thread last looked.
    pub(crate) dropped: u64,
    /// Somebody wants the file opened again.
    pub(crate) reopen: bool,
    /// What the log thread is doing.
    pub(crate) activity: Activity,
    /// Somebody waits in `flush` or wants the end: no lingering.
    pub(crate) hurry: bool,
    /// No more lines are taken; the thread ends when it has written the rest.
    pub(crate) closing: bool,
    /// How much was ever asked of the thread (bytes, and one for each other wish), and how much of
    /// that it is done with.
    pub(crate) accepted: u64,
    pub(crate) done: u64,
    pub(crate) totals: LogTotals,
}

/// States of the log thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Activity {
    /// Not waiting for anything; it will look at the queue again by itself.
    #[default]
    Busy,
    /// Waiting for the first line.
    Idle,
    /// Waiting for the time to be up.
    Lingering,
    /// Gone.
    Ended,
}

impl Shared {
    /// An empty queue for so many bytes.
    pub(crate) fn new(queue_bytes: usize, linger: Duration) -> Shared {
        Shared {
            queue: Mutex::new(Queue::default()),
            work: Condvar::new(),
            written: Condvar::new(),
            in_hand: AtomicU64::new(0),
            queue_bytes,
            linger,
        }
    }

    /// The lock is never held over anything that could panic half-way through a change.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes more may wait.
    pub(crate) fn room(&self, queue: &Queue) -> usize {
        if queue.closing {
            0
        } else {
            self.queue_bytes.saturating_sub(queue.lines.len())
        }
    }

    /// Wakes the log thread if it would not look by itself in time, after new lines.
    pub(crate) fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
        let needed = match queue.activity {
            Activity::Idle => true,
            Activity::Lingering => queue.lines.len() > self.queue_bytes / 2,
            Activity::Busy | Activity::Ended => false,
        };
        if needed {
            // Marked here, so that the next producer does not wake it once more.
            queue.activity = Activity::Busy;
            drop(queue);
            self.work.notify_one();
        }
    }

    /// Has the log thread look at once.
    pub(crate) fn hurry(&self, queue: &mut Queue) {
        queue.hurry = true;
        if matches!(queue.activity, Activity::Idle | Activity::Lingering) {
            queue.activity = Activity::Busy;
            self.work.notify_one();
        }
    }

    /// Waits until the log thread has reached something, or `patience` is over.
    pub(crate) fn wait_until<'a>(
        &self,
        queue: MutexGuard<'a, Queue>,
        patience: Duration,
        reached: impl Fn(&Queue) -> bool,
    ) -> MutexGuard<'a, Queue> {
        self.written
            .wait_timeout_while(queue, patience, |queue| !reached(queue))
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    /// Waits until there is something to do, then takes all lines into `lines`, which is empty.
    pub(crate) fn next_turn(&self, lines: &mut Vec<u8>) -> Turn {
        let mut queue = self.lock();
        loop {
            if !queue.is_urgent() {
                queue = self.sleep(queue, Activity::Lingering, Some(self.linger));
            }
            if queue.has_work() {
                break;
            }
            queue = self.sleep(queue, Activity::Idle, None);
        }
        std::mem::swap(&mut queue.lines, lines);
        queue.hurry = false;
        queue.totals.dropped += queue.dropped;
        let turn = Turn {
            dropped: std::mem::take(&mut queue.dropped),
            reopen: std::mem::take(&mut queue.reopen),
            last: queue.closing,
            accepted: queue.accepted,
        };
        drop(queue);
        self.in_hand.store(count_lines(lines), Relaxed);
        turn
    }

    /// Sleeps until somebody takes the thread out of `state`, or the time is up.
    fn sleep<'a>(
        &self,
        mut queue: MutexGuard<'a, Queue>,
        state: Activity,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, Queue> {
        queue.activity = state;
        let asleep = |queue: &mut Queue| queue.activity == state;
        let mut queue = match limit {
            Some(limit) => {
                let woken = self.work.wait_timeout_while(queue, limit, asleep);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => self
                .work
                .wait_while(queue, asleep)
                .unwrap_or_else(PoisonError::into_inner),
        };
        queue.activity = Activity::Busy;
        queue
    }

    /// Says that a turn is done, and what came of it.
    pub(crate) fn turn_over(&self, turn: &Turn, totals: &LogTotals) {
        let mut queue = self.lock();
        queue.done = turn.accepted;
        self.in_hand.store(0, Relaxed);
        queue.totals.bytes += totals.bytes;
        queue.totals.failed += totals.failed;
        if turn.last {
            queue.activity = Activity::Ended;
        }
        self.written.notify_all();
    }
}

impl Queue {
    /// Whether lingering would keep somebody waiting.
    fn is_urgent(&self) -> bool {
        self.hurry || self.closing
    }

    fn has_work(&self) -> bool {
        self.is_urgent() || self.reopen || self.dropped > 0 || !self.lines.is_empty()
    }
}

/// What the log thread has to do in one turn, beside writing the lines.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) dropped: u64,
    pub(crate) reopen: bool,
    pub(crate) last: bool,
    /// How much had ever been taken in when the turn began.
    pub(crate) accepted: u64,
}

/// Line ends in a text.
#[expect(
    clippy::naive_bytecount,
    reason = "a hundred times a second at most, and the compiler makes it wide"
)]
pub(crate) fn count_lines(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}
