//! What the machine is told and what it answers: the plan, events, actions, and how it ended.

use std::time::Duration;

use os::process::Ending;

use super::renewal::{Memory, Wear};
use crate::examination::Examination;
use crate::failure::LoadFailure;
use crate::talk::{Level, MoldId, Order, Report, WorkerId};

/// What the machine has to keep running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many workers.
    pub workers: u32,
    /// What a worker is, for the ready line: `2 threads each`.
    pub shape: String,
    /// Longest wait for running requests and leaving workers.
    pub drain_timeout: Duration,
    /// How long to keep accepting when a stop was asked for.
    pub drain_delay: Duration,
    /// End instead of reloading.
    pub exit_on_reload: bool,
    /// When workers are replaced.
    pub wear: Wear,
}

/// What a mold says when it is ready to fork.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Nothing was imported: each worker loads the app.
    pub lazy: bool,
    /// How long the import took.
    pub milliseconds: u64,
    /// The app's name.
    pub app: String,
    /// `wsgi` or `asgi`.
    pub kind: String,
    /// Python's version.
    pub python: String,
    /// Python's path.
    pub executable: String,
    /// What the user should know about the import.
    pub warnings: Vec<String>,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A mold is ready to fork.
    MoldLoaded(MoldId, Loaded),
    /// A mold could not load the app.
    MoldFailed(MoldId, LoadFailure),
    /// A mold could not be started at all.
    MoldNotStarted(MoldId, String),
    /// A mold has ended.
    MoldDied(MoldId, Ending),
    /// A worker was forked.
    Forked(WorkerId, u32),
    /// A worker could not be forked.
    ForkFailed(WorkerId, String),
    /// A worker could not load the app (lazy-apps).
    WorkerFailed(WorkerId, LoadFailure),
    /// A worker's control socket was closed: it has ended, or is about to.
    HungUp(WorkerId),
    /// A worker got SIGTERM itself: a user wants that process to go.
    Leaving(WorkerId),
    /// A worker has ended.
    Exited(WorkerId, Ending),
    /// The serving thread says something.
    Network(Report),
    /// Stop when everything running is finished.
    Terminated,
    /// The same, by hand; a second time, or while a stop is under way: stop now.
    Interrupted,
    /// Stop now.
    Killed,
    /// Load the app anew, beside the running one.
    ReloadRequested,
    /// The configuration was read again for a generation: the new plan, if there is one.
    ReadAgain(u32, Result<Option<Plan>, String>),
    /// Replace the workers; one by one, or all at once.
    RenewalRequested {
        /// The next only when the last one serves.
        one_by_one: bool,
    },
    /// A worker should be replaced, and why.
    Worn(WorkerId, String),
    /// A worker's memory was looked at.
    Measured(WorkerId, Memory),
    /// Time has passed.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Start a mold and tell it to load the app.
    StartMold(MoldId, u32),
    /// Read the configuration again for this generation.
    ReadAgain(u32),
    /// Make a link and have a worker forked.
    Fork(MoldId, WorkerId),
    /// Ask a mold to leave when its workers have.
    StopMold(MoldId),
    /// Kill a mold.
    KillMold(MoldId),
    /// Kill a worker.
    KillWorker(WorkerId),
    /// Find out what a worker is doing, and write it to the log.
    Examine(WorkerId, Examination),
    /// A worker's loop turns again, after so long.
    Unblocked(WorkerId, Duration),
    /// Nothing of this worker is left; let go of its control socket.
    Forget(WorkerId),
    /// Tell the serving thread.
    Tell(Order),
    /// Write to the log.
    Say(Level, String),
    /// All first workers are ready.
    Serving,
    /// It is over.
    Exit(Outcome),
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Stopped,
    /// The app could not be loaded, or no worker ever lived to serve it.
    AppFailed,
    /// The serving thread broke.
    NetworkFailed,
}
