//! The rows about stopping: politely, and at once.

use std::time::Duration;

use super::{Action, Machine, MoldState, Moment, Outcome, Phase, ProcessState};
use crate::talk::{Level, Order, WorkerId};

/// How long what was killed, or has nothing left to do, may take to be gone. Python's exit handlers
/// have five seconds of their own.
const FAREWELL: Duration = Duration::from_secs(7);

impl Machine {
    /// By hand: the first time is polite, the second one means it.
    pub(super) fn interrupted(&mut self, now: Moment) {
        match self.phase {
            Phase::Starting | Phase::Serving => self.terminated(now),
            _ => self.end_now(now, Outcome::Stopped),
        }
    }

    /// By a process manager, which may well say it twice.
    pub(super) fn terminated(&mut self, now: Moment) {
        match self.phase {
            Phase::Starting | Phase::Serving if !self.served => self.end_now(now, Outcome::Stopped),
            Phase::Starting | Phase::Serving if self.plan.drain_delay.is_zero() => self.drain(now),
            Phase::Starting | Phase::Serving => {
                let delay = self.plan.drain_delay;
                self.phase = Phase::Delaying { until: now + delay };
                self.say(
                    Level::Info,
                    format!("stopping: requests are accepted for another {delay:?}"),
                );
            }
            Phase::Delaying { .. } => self.drain(now),
            Phase::Draining { .. } | Phase::Ending { .. } | Phase::Over => {}
        }
    }

    fn drain(&mut self, now: Moment) {
        self.phase = Phase::Draining {
            until: now + self.plan.drain_timeout,
        };
        self.mold_due = None;
        self.candidate = None;
        self.say(
            Level::Info,
            "stopping: running requests finish (Ctrl-C again stops at once)",
        );
        let starting: Vec<WorkerId> = self
            .processes
            .iter()
            .filter(|process| is_starting(process.state))
            .map(|process| process.id)
            .collect();
        // Whoever has not begun need not begin, unless it is all there is for requests that wait.
        if starting.len() < self.processes.len() {
            for id in starting {
                self.kill_worker(id);
            }
        }
        self.actions.push(Action::Tell(Order::Drain));
        self.stop_molds(|_| true);
    }

    /// Ends everything, whatever runs.
    pub(super) fn end_now(&mut self, now: Moment, outcome: Outcome) {
        match self.phase {
            // The first reason is the one that counts, and its time runs already.
            Phase::Over => return,
            Phase::Ending { .. } => {}
            _ => {
                self.phase = Phase::Ending {
                    until: now + FAREWELL,
                    outcome,
                }
            }
        }
        self.mold_due = None;
        self.candidate = None;
        if self.totals.is_none() {
            self.actions.push(Action::Tell(Order::Stop));
        }
        let workers: Vec<WorkerId> = self.processes.iter().map(|process| process.id).collect();
        for id in workers {
            self.kill_worker(id);
        }
        for mold in &mut self.molds {
            mold.state = MoldState::Leaving;
            self.actions.push(Action::KillMold(mold.id));
        }
    }

    /// Goes on with a stop as far as it can.
    pub(super) fn check_stop(&mut self, now: Moment) {
        match self.phase {
            Phase::Delaying { until } if until <= now => self.drain(now),
            Phase::Draining { until } if until <= now => {
                let (left, patience) = (self.processes.len(), self.plan.drain_timeout);
                self.say(
                    Level::Warning,
                    format!("not finished within {patience:?}: {left} workers are killed"),
                );
                self.end_now(now, Outcome::Stopped);
            }
            Phase::Draining { .. } if self.processes.is_empty() && self.totals.is_some() => {
                self.phase = Phase::Ending {
                    until: now + FAREWELL,
                    outcome: Outcome::Stopped,
                };
            }
            Phase::Draining { until } if self.processes.is_empty() && !self.asked_to_drop => {
                // Requests may wait, but nobody is left who could answer them.
                self.asked_to_drop = true;
                self.phase = Phase::Draining {
                    until: until.min(now + FAREWELL),
                };
                self.actions.push(Action::Tell(Order::Stop));
            }
            _ => {}
        }
        self.check_end(now);
    }

    fn check_end(&mut self, now: Moment) {
        let Phase::Ending { until, outcome } = self.phase else {
            return;
        };
        let nothing_left =
            self.processes.is_empty() && self.molds.is_empty() && self.totals.is_some();
        if nothing_left || until <= now {
            self.phase = Phase::Over;
            for mold in &self.molds {
                self.actions.push(Action::KillMold(mold.id));
            }
            self.actions.push(Action::Exit(outcome));
        }
    }
}

fn is_starting(state: ProcessState) -> bool {
    matches!(state, ProcessState::Forking | ProcessState::Starting)
}
