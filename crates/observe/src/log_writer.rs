//! The log thread: it alone writes, so that nobody else ever waits for a disk, a pipe or a terminal.
//!
//! Producers append whole lines to one bounded buffer behind a lock that is only ever held for a
//! copy or a swap. The thread takes the buffer in one go, gives an empty one back, and writes. When
//! lines come faster than they can be written, the newest are dropped and counted, and a line says
//! so as soon as there is room again; when writing fails, the same. After its first line the thread
//! lingers a few milliseconds before it takes the rest, so that a busy server costs it a hundred
//! turns per second, and a producer a wake-up only when the log was silent.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use crate::log_queue::{Activity, Queue, Shared, count_lines};
use crate::log_target::{Output, Target};
use crate::log_thread;

/// What can go wrong at the start; later nothing can, there are only lost lines.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The target cannot be opened.
    #[error("cannot open the log {target}")]
    Open {
        /// The target, for people.
        target: String,
        /// Why not.
        source: io::Error,
    },
    /// There is no thread for the log.
    #[error("cannot start the log thread")]
    Thread(#[source] io::Error),
}

/// How the log thread works.
#[derive(Debug)]
pub struct LogSettings {
    /// Where lines go.
    pub target: Target,
    /// How many bytes may wait; beyond that lines are dropped.
    pub queue_bytes: usize,
    /// How long lines may wait for company before they are written.
    pub linger: Duration,
}

impl LogSettings {
    /// The usual settings: 1 MiB may wait, 10 ms long.
    pub fn new(target: Target) -> LogSettings {
        LogSettings {
            target,
            queue_bytes: 1 << 20,
            linger: Duration::from_millis(10),
        }
    }
}

/// What became of the lines so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogTotals {
    /// Bytes written.
    pub bytes: u64,
    /// Lines dropped because too many were waiting.
    pub dropped: u64,
    /// Lines lost because the target could not be written to.
    pub failed: u64,
    /// Lines still waiting, when the log was ended before they could be written.
    pub unwritten: u64,
}

/// The log thread's owner. Ending it writes what is left.
#[derive(Debug)]
pub struct LogWriter {
    handle: LogHandle,
}

/// A way into the log, for any thread; clones lead to the same log.
#[derive(Clone, Debug)]
pub struct LogHandle {
    shared: Arc<Shared>,
}

impl LogWriter {
    /// Opens the target and starts the log thread.
    pub fn start(settings: LogSettings) -> Result<LogWriter, LogError> {
        let target = match &settings.target {
            Target::Stderr => "on standard error".to_owned(),
            Target::File(path) => path.display().to_string(),
            Target::Open(_) => "on an open descriptor".to_owned(),
        };
        let output =
            Output::open(settings.target).map_err(|source| LogError::Open { target, source })?;
        let shared = Arc::new(Shared::new(settings.queue_bytes, settings.linger));
        let of_thread = LogHandle {
            shared: Arc::clone(&shared),
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || log_thread::run(&of_thread.shared, output))
            .map_err(LogError::Thread)?;
        Ok(LogWriter {
            handle: LogHandle { shared },
        })
    }

    /// A way in, for a producer.
    pub fn handle(&self) -> LogHandle {
        self.handle.clone()
    }

    /// Writes what is left and ends the log thread, but waits no longer than `patience`: a terminal
    /// that has stopped must not keep the server from ending. Lines that come later are dropped.
    pub fn finish(self, patience: Duration) -> LogTotals {
        self.end(patience)
    }

    fn end(&self, patience: Duration) -> LogTotals {
        let shared = &*self.handle.shared;
        let mut queue = shared.lock();
        queue.closing = true;
        shared.hurry(&mut queue);
        let mut queue =
            shared.wait_until(queue, patience, |queue| queue.activity == Activity::Ended);
        if queue.activity != Activity::Ended {
            let in_hand = shared.in_hand.load(Relaxed);
            queue.totals.unwritten = in_hand + count_lines(&queue.lines);
        }
        queue.totals
    }
}

impl Drop for LogWriter {
    /// Whoever forgot to finish still gets the lines written, within reason.
    fn drop(&mut self) {
        if !self.handle.shared.lock().closing {
            self.end(Duration::from_secs(1));
        }
    }
}

impl LogHandle {
    /// Hands over whole lines, each with its end. `lines` is empty afterwards and keeps some
    /// memory to collect the next ones in. Never waits; lines that find no room are dropped.
    pub fn hand_over(&self, lines: &mut Vec<u8>) {
        if lines.is_empty() {
            return;
        }
        let mut queue = self.shared.lock();
        let room = self.shared.room(&queue);
        if lines.len() > room {
            let fitting = lines[..room]
                .iter()
                .rposition(|&byte| byte == b'\n')
                .map_or(0, |end| end + 1);
            queue.dropped += count_lines(&lines[fitting..]);
            lines.truncate(fitting);
        }
        if queue.lines.is_empty() {
            // Nothing to keep in order with: the buffers change places, and no byte is copied.
            std::mem::swap(&mut queue.lines, lines);
            queue.accepted += queue.lines.len() as u64;
        } else {
            queue.lines.extend_from_slice(lines);
            queue.accepted += lines.len() as u64;
            lines.clear();
        }
        self.shared.wake(queue);
    }

    /// Hands over a text that must stay together: it is taken whole or dropped whole.
    pub fn hand_over_block(&self, block: &[u8]) {
        let mut queue = self.shared.lock();
        if block.len() > self.shared.room(&queue) {
            queue.dropped += count_lines(block);
        } else {
            queue.lines.extend_from_slice(block);
            queue.accepted += block.len() as u64;
        }
        self.shared.wake(queue);
    }

    /// Asks for the file to be opened again, after it was moved away. Lines handed over before
    /// still go into the old one.
    pub fn reopen(&self) {
        let mut queue = self.shared.lock();
        queue.reopen = true;
        queue.accepted += 1;
        self.shared.hurry(&mut queue);
    }

    /// Waits until everything handed over so far has been dealt with, or `patience` is over.
    /// Returns whether it has. Not for a thread that must not wait.
    pub fn flush(&self, patience: Duration) -> bool {
        let mut queue = self.shared.lock();
        let goal = queue.accepted;
        self.shared.hurry(&mut queue);
        let reached = |queue: &Queue| queue.done >= goal;
        reached(&self.shared.wait_until(queue, patience, reached))
    }

    /// What became of the lines so far.
    pub fn totals(&self) -> LogTotals {
        let queue = self.shared.lock();
        LogTotals {
            dropped: queue.totals.dropped + queue.dropped,
            ..queue.totals
        }
    }
}
