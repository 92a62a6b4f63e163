//! Who is woken when: the workers after a turn, the server while it sleeps.

use link::Nap;

use crate::dispatcher::Dispatcher;
use crate::worker::Capacity;

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

impl Dispatcher {
    /// After a turn: wakes the workers that have something new.
    pub fn wake(&mut self) {
        for worker in self.workers.iter_mut().flatten() {
            if !worker.late.is_empty() {
                worker.say_late();
            }
            worker.outgoing.wake();
        }
    }

    /// After sleeping: the workers need not call, their frames are looked for before the next sleep.
    pub fn awake(&self) {
        for worker in self.workers.iter().flatten() {
            if let Some(incoming) = &worker.incoming {
                incoming.awake();
            }
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
}
