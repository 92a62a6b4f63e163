//! Finding out what a worker is doing, without its help.
//!
//! The server sends a signal to a thread of the worker. Its handler needs neither the interpreter's
//! lock nor memory: it writes the thread's Python stack into a pipe, whatever C code runs, and a NUL
//! behind it. The kernel tells which system call the thread sleeps in.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use os::signals::Signal;
use os::{file, process, task};

use crate::machine::Moment;
use crate::talk::Level;

/// How long a worker may take to write its stack down. It needs a processor for that, and nothing else.
const PATIENCE: Duration = Duration::from_secs(1);
/// Examinations of one worker that wait for their turn; more are told without a stack.
const MOST_WAITING: usize = 32;
/// A stack longer than this is cut.
const LONGEST: usize = 32 * 1024;

/// What is to be found out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// The thread; None is the main one.
    pub thread: Option<u32>,
    /// How loudly it is told.
    pub level: Level,
    /// What is told, without what is found.
    pub headline: String,
    /// Why.
    pub cause: Cause,
}

/// Why a worker is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// One request takes long.
    Delay,
    /// The loop does not turn, since so long.
    Block {
        /// For how long it was not heard when it was noticed.
        time: Duration,
    },
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) examination: Examination,
    /// What the thread did, as the kernel says.
    pub(crate) activity: Option<String>,
    /// Its Python stack.
    pub(crate) stack: Option<String>,
}

/// A worker's pipe for stacks, and what is asked of it, one after the other.
#[derive(Debug)]
pub(crate) struct Examiner {
    pipe: OwnedFd,
    text: Vec<u8>,
    running: Option<Running>,
    waiting: VecDeque<Examination>,
}

#[derive(Debug)]
struct Running {
    examination: Examination,
    activity: Option<String>,
    until: Moment,
}

impl Examiner {
    /// An examiner, and the end of the pipe that the worker is to have.
    pub(crate) fn new() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = io::pipe()?;
        let (pipe, theirs) = (OwnedFd::from(ours), OwnedFd::from(theirs));
        // A handler must never wait: what does not fit is lost.
        file::set_nonblocking(theirs.as_fd(), true)?;
        file::set_nonblocking(pipe.as_fd(), true)?;
        let examiner = Self {
            pipe,
            text: Vec::new(),
            running: None,
            waiting: VecDeque::new(),
        };
        Ok((examiner, theirs))
    }

    /// What becomes readable when the worker writes.
    pub(crate) fn pipe(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// When [`Examiner::hear`] should be called even if nothing is readable.
    pub(crate) fn due(&self) -> Option<Moment> {
        self.running.as_ref().map(|running| running.until)
    }

    /// Begins an examination, or puts it behind the others. What is found without waiting is given.
    pub(crate) fn examine(
        &mut self,
        now: Moment,
        pid: Option<u32>,
        examination: Examination,
    ) -> Option<Finding> {
        if self.running.is_some() && self.waiting.len() < MOST_WAITING {
            self.waiting.push_back(examination);
            return None;
        }
        if self.running.is_some() {
            return Some(unknown(examination));
        }
        self.begin(now, pid, examination)
    }

    fn begin(
        &mut self,
        now: Moment,
        pid: Option<u32>,
        examination: Examination,
    ) -> Option<Finding> {
        let Some(pid) = pid else {
            return Some(unknown(examination));
        };
        // Whatever an earlier one has left.
        self.read();
        self.text.clear();
        let thread = examination.thread.unwrap_or(pid);
        // First, because the signal interrupts the call.
        let activity = task::activity(pid, thread).map(|activity| activity.to_string());
        let asked = process::send_signal_to_thread(pid, thread, Signal::Stack);
        if asked.is_err() {
            return Some(Finding {
                activity,
                ..unknown(examination)
            });
        }
        self.running = Some(Running {
            examination,
            activity,
            until: now + PATIENCE,
        });
        None
    }

    /// Reads what has come; everything that is found out by now.
    pub(crate) fn hear(&mut self, now: Moment, pid: Option<u32>) -> Vec<Finding> {
        self.read();
        let mut findings = Vec::new();
        while let Some(running) = &self.running {
            let end = self.text.iter().position(|byte| *byte == 0);
            if end.is_none() && now < running.until {
                break;
            }
            findings.extend(self.finish(end));
            while self.running.is_none()
                && let Some(next) = self.waiting.pop_front()
            {
                findings.extend(self.begin(now, pid, next));
            }
        }
        findings
    }

    /// The worker is gone: what was found out.
    pub(crate) fn give_up(&mut self) -> Vec<Finding> {
        self.read();
        let end = self.text.iter().position(|byte| *byte == 0);
        let mut findings: Vec<_> = self.finish(end).into_iter().collect();
        findings.extend(self.waiting.drain(..).map(unknown));
        findings
    }

    fn finish(&mut self, end: Option<usize>) -> Option<Finding> {
        let running = self.running.take()?;
        let text = &self.text[..end.unwrap_or(self.text.len())];
        let stack = Some(String::from_utf8_lossy(text).into_owned());
        Some(Finding {
            examination: running.examination,
            activity: running.activity,
            stack: stack.filter(|stack| !stack.is_empty()),
        })
    }

    /// Reads all that is there; what is too much is forgotten, but for the end.
    fn read(&mut self) {
        let mut piece = [0; 4096];
        // A worker that writes on and on must not hold us up.
        for _ in 0..64 {
            let Ok(length @ 1..) = file::read(self.pipe.as_fd(), &mut piece) else {
                return;
            };
            let room = LONGEST.saturating_sub(self.text.len());
            self.text.extend_from_slice(&piece[..length.min(room)]);
            if room < length && piece[..length].contains(&0) {
                self.text.push(0);
            }
        }
    }
}

fn unknown(examination: Examination) -> Finding {
    Finding {
        examination,
        activity: None,
        stack: None,
    }
}
