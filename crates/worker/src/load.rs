//! How many of the worker's threads share the GIL, found from the time each has spent on a processor.
//!
//! A thread that waits for a database is no reason not to start another one; a thread that computes
//! is, since only one can hold the GIL. Nothing in Python tells the two apart from outside, but the
//! kernel's clocks do. They are read only when a request was left lying, at most every 30 ms. Only the
//! shares among the threads count: how much of the machine is left for the process says nothing.

use std::thread::ThreadId;

use crate::kernel::ThreadClock;

/// The time over which is measured, in microseconds: long enough for several threads to get the GIL in
/// turn (each keeps it for 5 ms).
const WINDOW: u64 = 30_000;
/// A thread computes if it had one part in so many of all the threads' time.
const PARTS: u64 = 8;

/// The threads and their clocks.
#[derive(Debug, Default)]
pub(crate) struct Load {
    members: Vec<Member>,
    measured_at: u64,
    computing: usize,
}

#[derive(Debug)]
struct Member {
    thread: ThreadId,
    clock: ThreadClock,
    before: u64,
    /// Its time in the last window.
    last: u64,
}

impl Load {
    /// The calling thread will run requests.
    pub(crate) fn join(&mut self) {
        let clock = ThreadClock::of_this_thread();
        self.members.push(Member {
            thread: std::thread::current().id(),
            before: clock.micros(),
            last: 0,
            clock,
        });
    }

    /// The calling thread will run no more.
    pub(crate) fn leave(&mut self) {
        let me = std::thread::current().id();
        self.members.retain(|member| member.thread != me);
    }

    /// How many threads compute, by the last measurement.
    pub(crate) fn computing(&self) -> usize {
        self.computing
    }

    /// Measures again if the last time is long enough ago.
    pub(crate) fn measure(&mut self, now: u64) {
        let elapsed = now.saturating_sub(self.measured_at);
        if elapsed < WINDOW {
            return;
        }
        self.measured_at = now;
        let mut total = 0;
        for member in &mut self.members {
            let micros = member.clock.micros();
            member.last = micros.saturating_sub(member.before);
            member.before = micros;
            total += member.last;
        }
        let computes = |member: &&Member| member.last > 0 && member.last >= total / PARTS;
        self.computing = self.members.iter().filter(computes).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use os::clock::monotonic_micros;

    #[test]
    fn a_thread_that_computes_is_told_from_one_that_sleeps() {
        let load = std::sync::Mutex::new(Load::default());
        let measure = || {
            let mut load = load.lock().unwrap();
            load.measure(monotonic_micros());
            load.computing()
        };
        let joined = std::sync::Barrier::new(2);
        let computed = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                load.lock().unwrap().join();
                joined.wait();
                computed.wait();
                load.lock().unwrap().leave();
            });
            load.lock().unwrap().join();
            joined.wait();
            measure();
            let clock = ThreadClock::of_this_thread();
            let end = clock.micros() + 2 * WINDOW;
            while clock.micros() < end {
                std::hint::spin_loop();
            }
            assert_eq!(measure(), 1, "the other one slept");
            assert_eq!(measure(), 1, "too early to measure again");
            computed.wait();
        });
        assert_eq!(load.lock().unwrap().members.len(), 1);
    }
}
