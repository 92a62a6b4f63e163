//! Whom supervision talks to: the thread that serves requests, and the program around it.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::launch::{Capacity, Fresh};

/// Which process of which worker: the number is stable, the incarnation grows with each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId {
    /// The worker's number, 1..N.
    pub worker: u32,
    /// Which process of that number; unique over the server's life.
    pub incarnation: u64,
}

/// Which mold: unique over the server's life.
pub type MoldId = u32;

/// The server's end of a new worker's link.
#[derive(Debug)]
pub struct Attachment {
    /// Which worker.
    pub id: WorkerId,
    /// Its requests.
    pub outgoing: link::Outgoing,
    /// Its answers.
    pub incoming: link::Incoming,
    /// Its control socket, over which the files arrive that it wants to be sent.
    pub control: OwnedFd,
    /// How many requests it runs at a time.
    pub capacity: Capacity,
}

/// What the serving thread is told.
#[derive(Debug)]
pub enum Order {
    /// A worker is being forked.
    Attach(Box<Attachment>),
    /// It is there, under this process id.
    Forked {
        /// Which one.
        id: WorkerId,
        /// Its process id.
        pid: u32,
    },
    /// It is dead: `how` in words.
    Gone {
        /// Which one.
        id: WorkerId,
        /// Such as `killed by signal 9 (SIGKILL)`.
        how: String,
    },
    /// Let it finish what it has, and leave.
    Retire(WorkerId),
    /// Stop accepting, finish everything, let all workers leave, then say [`Report::Drained`].
    Drain,
    /// Drop everything now, then say [`Report::Drained`].
    Stop,
}

/// What the serving thread says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The worker serves.
    Ready(WorkerId),
    /// The worker wrote nonsense into its link.
    Violation {
        /// Which one.
        id: WorkerId,
        /// What was wrong.
        why: String,
    },
    /// The worker should be replaced by a fresh one.
    Worn {
        /// Which one.
        id: WorkerId,
        /// In words.
        why: String,
    },
    /// A worker takes long for a request.
    Delayed(Delayed),
    /// The worker has given up a late request, and says where it was.
    GivenUp {
        /// Which one.
        id: WorkerId,
        /// Method and target; None when the client was gone before.
        request: Option<String>,
        /// The traceback.
        text: String,
    },
    /// The worker does not give up a request whose time is over; it gets nothing new.
    Stuck {
        /// Which one.
        id: WorkerId,
        /// How many requests it has beside such ones.
        others: usize,
    },
    /// A stuck worker has nothing else left.
    Hopeless(WorkerId),
    /// The worker's loop does not turn.
    Blocked {
        /// Which one.
        id: WorkerId,
        /// For how long, at least.
        time: Duration,
        /// How many requests it has.
        requests: usize,
    },
    /// The worker's loop turns again.
    Unblocked {
        /// Which one.
        id: WorkerId,
        /// For how long it did not.
        time: Duration,
    },
    /// Nothing is in flight any more.
    Drained(Totals),
    /// The thread cannot go on.
    Failed(String),
}

/// A request that takes long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// Who has it.
    pub id: WorkerId,
    /// The thread that does nothing else (None: there is no such thread).
    pub thread: Option<u32>,
    /// Method and target; None when the client is gone.
    pub request: Option<String>,
    /// The client's address.
    pub client: String,
    /// For how long the worker has had it.
    pub age: Duration,
    /// Whether its time is over, and what that meant for the client.
    pub end: Option<ClientSaw>,
}

/// What the client of a late request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientSaw {
    /// 504.
    Timeout,
    /// A part of an answer, and the end of the connection.
    CutOff,
    /// Nothing: it was gone.
    Nothing,
}

/// What came of the requests, for the report at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Requests that were in flight or waiting at the stop, and were answered.
    pub finished: u64,
    /// Requests that were given up because of the stop.
    pub dropped: u64,
    /// Requests that were cut off by an immediate stop.
    pub killed: u64,
}

/// The thread that serves requests.
pub trait Network {
    /// Gives an order. It never waits.
    fn order(&mut self, order: Order);
    /// What becomes readable when there is something to report.
    fn bell(&self) -> BorrowedFd<'_>;
    /// Makes the bell quiet until the next report.
    fn quiet(&mut self);
    /// The next report; None when there is none now.
    fn report(&mut self) -> Option<Report>;
}

/// How loudly something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What is going on.
    Info,
    /// Something is not as it should be; we cope.
    Warning,
    /// We cannot do what was asked.
    Error,
}

/// The program around supervision.
pub trait Host {
    /// Writes one event, of one or more lines, to the server's log.
    fn say(&mut self, level: Level, text: &str);
    /// All first workers are ready.
    fn serving(&mut self);
    /// Opens the log files anew, after they were moved away.
    fn reopen_logs(&mut self);
    /// Writes the pid files anew.
    fn write_pid_files(&mut self);
    /// Reads the configuration again, for a reload. None: the old one counts. The error is for people.
    fn read_again(&mut self) -> Result<Option<Fresh>, String>;
}

impl<H: Host + ?Sized> Host for &mut H {
    fn say(&mut self, level: Level, text: &str) {
        (**self).say(level, text);
    }

    fn serving(&mut self) {
        (**self).serving();
    }

    fn reopen_logs(&mut self) {
        (**self).reopen_logs();
    }

    fn write_pid_files(&mut self) {
        (**self).write_pid_files();
    }

    fn read_again(&mut self) -> Result<Option<Fresh>, String> {
        (**self).read_again()
    }
}
