//! The table of a server's life: (state, event) → (state, actions), without any I/O.
//!
//! There are two kinds of rows. Of the **server**:
//!
//! ```text
//! Starting ─ all first workers ready ─▶ Serving ─ stop ─▶ Delaying ─▶ Draining ─ all gone ─▶ Ending ─▶ Over
//!     └──────── load failed, crash loop, stop ──────────── second stop, QUIT, too late ───────┘
//! ```
//!
//! Of a **worker process**:
//!
//! ```text
//! Forking ─ forked ─▶ Starting ─ ready ─▶ Ready ─ retired ─▶ Leaving
//!    └──────────┴─ its control socket hangs up ─┴─▶ Lost ─────┴─ exited ─▶ (gone)
//! ```
//!
//! A *generation* is one loading of the app. A reload builds the next one beside the one that
//! serves; a mold that died is replaced within its generation.

mod lateness;
mod molds;
mod renewal;
mod stopping;
mod words;
mod workers;

use std::time::Duration;

use os::process::Ending;
use renewal::Renewal;
pub use renewal::{Memory, Wear};
pub use words::{Action, Event, Loaded, Outcome, Plan};

use crate::back_off::BackOff;
use crate::talk::{Level, MoldId, Report, Totals, WorkerId};

/// Time since the server's start.
pub type Moment = Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Starting,
    Serving,
    /// A stop was asked for; connections are still accepted.
    Delaying {
        until: Moment,
    },
    /// Running requests finish.
    Draining {
        until: Moment,
    },
    /// Everything that is left is leaving or killed.
    Ending {
        until: Moment,
        outcome: Outcome,
    },
    Over,
}

/// How far a mold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MoldState {
    Loading,
    Ready,
    /// Told to stop, or killed.
    Leaving,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mold {
    id: MoldId,
    generation: u32,
    state: MoldState,
    /// Nothing was imported: each worker loads the app.
    lazy: bool,
}

/// How far a worker process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProcessState {
    Forking,
    Starting,
    Ready,
    /// Retired; killed after `until`.
    Leaving {
        until: Moment,
    },
    /// Its control socket hung up; how it ended is told until then, or never.
    Lost {
        until: Moment,
    },
    /// Killed by us, and why.
    Killed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Process {
    id: WorkerId,
    generation: u32,
    state: ProcessState,
    pid: Option<u32>,
    since: Moment,
    /// It has served.
    served: bool,
    /// It was told to leave before its state changed to something else.
    retired: bool,
}

/// A worker's number, and when it may next be forked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Slot {
    back_off: BackOff,
    due: Moment,
}

/// The state of the server.
#[derive(Debug)]
pub struct Machine {
    plan: Plan,
    phase: Phase,
    molds: Vec<Mold>,
    processes: Vec<Process>,
    slots: Vec<Slot>,
    /// The generation that serves.
    generation: u32,
    /// The generation that is being built to replace it.
    candidate: Option<u32>,
    /// What that one is to keep running.
    candidate_plan: Plan,
    /// The newest generation, abandoned ones included.
    newest: u32,
    mold_back_off: BackOff,
    /// When the next try to start a mold is due, while there is none.
    mold_due: Option<Moment>,
    next_mold: MoldId,
    next_incarnation: u64,
    /// Another reload was asked for while one was under way.
    reload_again: bool,
    /// Workers that are being replaced.
    renewals: Vec<Renewal>,
    /// Whether any worker was ever ready.
    served: bool,
    /// What came of the requests, once the serving thread has told it.
    totals: Option<Totals>,
    /// The serving thread was told to give up what waits, because all workers are gone.
    asked_to_drop: bool,
    actions: Vec<Action>,
}

impl Machine {
    /// A machine that has not begun.
    pub fn new(plan: Plan) -> Self {
        let slots = vec![Slot::default(); plan.workers as usize];
        Self {
            candidate_plan: plan.clone(),
            plan,
            phase: Phase::Starting,
            molds: Vec::new(),
            processes: Vec::new(),
            slots,
            generation: 1,
            candidate: None,
            newest: 1,
            mold_back_off: BackOff::default(),
            mold_due: None,
            next_mold: 1,
            next_incarnation: 1,
            reload_again: false,
            renewals: Vec::new(),
            served: false,
            totals: None,
            asked_to_drop: false,
            actions: Vec::new(),
        }
    }

    /// Begins: the first mold.
    pub fn start(&mut self) -> Vec<Action> {
        self.start_mold(self.generation);
        std::mem::take(&mut self.actions)
    }

    /// Takes one event in; what is to be done about it, in order.
    pub fn handle(&mut self, now: Moment, event: Event) -> Vec<Action> {
        match event {
            Event::MoldLoaded(id, loaded) => self.mold_loaded(id, &loaded),
            Event::MoldFailed(id, failure) => self.mold_failed(now, id, &failure.text()),
            Event::MoldNotStarted(id, why) => self.mold_failed(now, id, &why),
            Event::MoldDied(id, ending) => self.mold_died(now, id, ending),
            Event::Forked(id, pid) => self.forked(id, pid),
            Event::ForkFailed(id, why) => self.fork_failed(now, id, &why),
            Event::WorkerFailed(id, failure) => self.worker_failed(now, id, &failure),
            Event::HungUp(id) => self.hung_up(now, id),
            Event::Exited(id, ending) => {
                self.gone(now, id, &ending.to_string(), ending == Ending::Code(0));
            }
            Event::Leaving(id) => self.leaving(now, id),
            Event::Network(report) => self.reported(now, report),
            Event::Terminated => self.terminated(now),
            Event::Interrupted => self.interrupted(now),
            Event::Killed => self.end_now(now, Outcome::Stopped),
            Event::ReloadRequested => self.reload_requested(now),
            Event::ReadAgain(generation, read) => self.read_again(generation, read),
            Event::RenewalRequested { one_by_one } => self.renew_all(now, one_by_one),
            Event::Worn(id, why) => self.worn(now, id, &why),
            Event::Measured(id, memory) => self.measured(now, id, memory),
            Event::Tick => {}
        }
        self.tick(now);
        std::mem::take(&mut self.actions)
    }

    /// When [`Event::Tick`] is due at the latest; None when only events can change anything.
    pub fn wake_at(&self) -> Option<Moment> {
        let phase = match self.phase {
            Phase::Delaying { until } | Phase::Draining { until } | Phase::Ending { until, .. } => {
                Some(until)
            }
            Phase::Starting | Phase::Serving | Phase::Over => None,
        };
        let processes = self
            .processes
            .iter()
            .filter_map(|process| match process.state {
                ProcessState::Leaving { until } | ProcessState::Lost { until } => Some(until),
                _ => None,
            });
        let forks = self.vacancies().map(|(slot, _)| self.slots[slot].due);
        processes
            .chain(forks)
            .chain(phase)
            .chain(self.renewal_at())
            .chain(self.mold_due)
            .min()
    }

    /// The generation that serves.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// What came of the requests, once it is known.
    pub fn totals(&self) -> Option<Totals> {
        self.totals
    }

    /// The worker with this process id.
    pub fn worker_with_pid(&self, pid: u32) -> Option<WorkerId> {
        self.processes
            .iter()
            .find(|process| process.pid == Some(pid))
            .map(|process| process.id)
    }

    /// One line about each worker, for a person who asks.
    pub fn describe(&self) -> Vec<String> {
        let line = |process: &Process| {
            let state = match process.state {
                ProcessState::Forking | ProcessState::Starting => "is starting",
                ProcessState::Ready => "serves",
                ProcessState::Leaving { .. } => "finishes its requests and leaves",
                ProcessState::Lost { .. } | ProcessState::Killed => "is dying",
            };
            match process.pid {
                Some(pid) => format!("worker {} (pid {pid}) {state}", process.id.worker),
                None => format!("worker {} {state}", process.id.worker),
            }
        };
        self.processes.iter().map(line).collect()
    }

    fn reported(&mut self, now: Moment, report: Report) {
        match report {
            Report::Ready(id) => self.ready(now, id),
            Report::Worn { id, why } => self.worn(now, id, &why),
            Report::Violation { id, why } => self.violation(id, &why),
            Report::Delayed(delayed) => self.delayed(&delayed),
            Report::GivenUp { id, request, text } => self.given_up(id, request.as_deref(), &text),
            Report::Stuck { id, others } => self.stuck(now, id, others),
            Report::Hopeless(id) => self.hopeless(id),
            Report::Blocked { id, time, requests } => self.blocked(id, time, requests),
            Report::Unblocked { id, time } => self.actions.push(Action::Unblocked(id, time)),
            Report::Drained(totals) => self.totals = Some(totals),
            Report::Failed(why) => {
                self.say(
                    Level::Error,
                    format!("the serving thread cannot go on: {why}"),
                );
                // It will never tell them.
                self.totals = Some(self.totals.unwrap_or_default());
                self.end_now(now, Outcome::NetworkFailed);
            }
        }
    }

    /// Does what time alone makes due.
    fn tick(&mut self, now: Moment) {
        self.check_processes(now);
        self.check_stop(now);
        if self.mold_due.is_some_and(|due| due <= now) {
            self.mold_due = None;
            self.start_mold(self.generation);
        }
        self.check_renewals(now);
        self.fill(now);
    }

    /// Whether the server is meant to go on.
    fn is_running(&self) -> bool {
        matches!(
            self.phase,
            Phase::Starting | Phase::Serving | Phase::Delaying { .. }
        )
    }

    fn say(&mut self, level: Level, text: impl Into<String>) {
        self.actions.push(Action::Say(level, text.into()));
    }
}

#[cfg(test)]
mod tests;
