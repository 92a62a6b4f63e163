//! What the control thread and the network thread tell each other.
//!
//! Control owns signals, molds and processes; the network thread owns connections, the queue and the
//! links. Neither touches the other's things: control sends [`Order`]s, the network thread answers
//! with [`Report`]s, each side wakes the other by an eventfd.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use os::event::EventFd;

/// Which process of which worker: the slot is stable, the incarnation grows with each process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId {
    /// The worker's number, 1..N.
    pub worker: u32,
    /// Which process of that number; unique over the server's life.
    pub incarnation: u64,
}

/// How many requests a worker runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// Exactly this many (threads, greenlets).
    Fixed(u32),
    /// Exactly this many, each of which begins at once: a loop (greenlets) takes whatever it is given.
    Loop(u32),
    /// It grows by itself up to this many while requests wait and its threads block off the GIL.
    Auto {
        /// The upper bound.
        most: u32,
    },
}

/// From control to the network thread.
#[derive(Debug)]
pub enum Order {
    /// A worker process is being forked: here is the server's end of its link.
    Attach {
        /// Which one.
        id: WorkerId,
        /// Its requests.
        outgoing: link::Outgoing,
        /// Its answers.
        incoming: link::Incoming,
        /// The control socket, over which files to be sent arrive.
        control: OwnedFd,
        /// How much it does at once.
        concurrency: Concurrency,
    },
    /// The fork has happened: the process id, for logs.
    Forked {
        /// Which one.
        id: WorkerId,
        /// Its process id.
        pid: u32,
    },
    /// The process is dead. What it had begun is answered 502, what it had not goes to another.
    Gone {
        /// Which one.
        id: WorkerId,
        /// In words, such as `killed by signal 9`.
        how: String,
    },
    /// Give it nothing new, let it finish and leave.
    Retire {
        /// Which one.
        id: WorkerId,
    },
    /// Stop accepting, finish everything, let all workers leave, then report [`Report::Drained`].
    Drain,
    /// Drop everything now and end the thread, after reporting [`Report::Drained`].
    Stop,
    /// No worker will come (the app cannot be loaded) until a further Attach: answer what waits with this.
    Unavailable {
        /// The sentence for the log.
        why: String,
    },
}

/// From the network thread to control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The worker serves.
    Ready(WorkerId),
    /// The worker wrote nonsense: kill and replace it.
    Violation {
        /// Which one.
        id: WorkerId,
        /// What was wrong.
        why: String,
    },
    /// The worker has had as many requests as it may have.
    Worn {
        /// Which one.
        id: WorkerId,
        /// How many.
        requests: u64,
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
    /// The worker does not give up a request whose time is over. It gets no new ones: replace it.
    Stuck {
        /// Which one.
        id: WorkerId,
        /// How many requests it has beside such ones.
        others: usize,
    },
    /// A stuck worker has nothing else left: kill it.
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
    /// The network thread cannot go on.
    Failed(String),
}

/// A request that takes long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// Who has it.
    pub id: WorkerId,
    /// The thread that does nothing else (None: it shares one with others).
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
    /// Requests answered by the app since the start.
    pub finished: u64,
    /// Requests that were in flight or waiting at the stop and got their answer after it.
    pub drained: u64,
    /// Requests that were given up (client told 502/503, or cut off) because of the stop.
    pub dropped: u64,
    /// Connections that were cut by an immediate stop.
    pub killed: u64,
}

/// Control's end.
#[derive(Debug)]
pub struct Handle {
    orders: Sender<Order>,
    bell: Arc<EventFd>,
}

impl Handle {
    /// Gives an order. If the network thread has ended, nothing happens (its end was reported).
    pub fn order(&self, order: Order) {
        if self.orders.send(order).is_ok() {
            let _ = self.bell.raise();
        }
    }
}

/// The network thread's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) orders: Receiver<Order>,
    pub(crate) bell: Arc<EventFd>,
    pub(crate) reports: Reports,
}

/// Where reports go.
#[derive(Debug)]
pub struct Reports {
    /// The channel that control reads.
    pub channel: Sender<Report>,
    /// What wakes control.
    pub bell: Arc<EventFd>,
}

impl Reports {
    pub(crate) fn send(&self, report: Report) {
        if self.channel.send(report).is_ok() {
            let _ = self.bell.raise();
        }
    }
}

impl Drop for Reports {
    /// However the network thread ends, control is woken and finds the channel closed.
    fn drop(&mut self) {
        let (closed, _) = channel();
        self.channel = closed;
        let _ = self.bell.raise();
    }
}

/// Both ends of a new conversation.
pub(crate) fn pair(reports: Reports) -> std::io::Result<(Handle, Inbox)> {
    let (orders, receiver) = channel();
    let bell = Arc::new(EventFd::new()?);
    Ok((
        Handle {
            orders,
            bell: bell.clone(),
        },
        Inbox {
            orders: receiver,
            bell,
            reports,
        },
    ))
}
