//! The rows about workers: forked, ready, dead, and forked again.

use std::time::Duration;

use super::{Action, Machine, Moment, Outcome, Phase, Process, ProcessState};
use crate::failure::LoadFailure;
use crate::talk::{Level, Order, WorkerId};

/// How long to wait for the word on how a worker ended, after its control socket hung up.
const WORD_OF_DEATH: Duration = Duration::from_millis(250);
/// Who died later than this did not end soon.
const LONG_ENOUGH: Duration = Duration::from_secs(5);
/// So many deaths in a row of one worker end a start at which none ever served.
const TRIES_AT_START: u32 = 3;

impl Machine {
    /// The slots without a worker of the right generation, each with the mold to fork it from.
    pub(super) fn vacancies(&self) -> impl Iterator<Item = (usize, u32)> {
        let generations = [Some(self.generation), self.candidate];
        let generations = generations
            .into_iter()
            .flatten()
            .filter(|generation| self.is_running() && self.ready_mold(*generation).is_some());
        generations.flat_map(move |generation| {
            let vacant = move |slot: &usize| !self.is_occupied(*slot, generation);
            let plan = if generation == self.generation {
                &self.plan
            } else {
                &self.candidate_plan
            };
            (0..plan.workers as usize)
                .filter(vacant)
                .map(move |slot| (slot, generation))
        })
    }

    fn is_occupied(&self, slot: usize, generation: u32) -> bool {
        self.processes.iter().any(|process| {
            let here = process.id.worker as usize == slot + 1 && process.generation == generation;
            here && !matches!(process.state, ProcessState::Leaving { .. })
        })
    }

    /// Has every vacant worker forked whose time has come.
    pub(super) fn fill(&mut self, now: Moment) {
        let due: Vec<_> = self
            .vacancies()
            .filter(|(slot, _)| self.slots[*slot].due <= now)
            .collect();
        for (slot, generation) in due {
            let Some(mold) = self.ready_mold(generation) else {
                continue;
            };
            let id = self.new_process(now, slot as u32 + 1, generation);
            self.actions.push(Action::Fork(mold, id));
        }
    }

    /// Notes a process that is about to be forked.
    pub(super) fn new_process(&mut self, now: Moment, worker: u32, generation: u32) -> WorkerId {
        let incarnation = self.next_incarnation;
        self.next_incarnation += 1;
        let id = WorkerId {
            worker,
            incarnation,
        };
        self.processes.push(Process {
            id,
            generation,
            state: ProcessState::Forking,
            pid: None,
            since: now,
            served: false,
            retired: false,
        });
        id
    }

    pub(super) fn process(&mut self, id: WorkerId) -> Option<&mut Process> {
        self.processes.iter_mut().find(|process| process.id == id)
    }

    pub(super) fn forked(&mut self, id: WorkerId, pid: u32) {
        let Some(process) = self.process(id) else {
            return;
        };
        process.pid = Some(pid);
        let killed = process.state == ProcessState::Killed;
        if process.state == ProcessState::Forking {
            process.state = ProcessState::Starting;
        }
        self.actions.push(Action::Tell(Order::Forked { id, pid }));
        if killed {
            // It was sentenced before we knew its process id.
            self.actions.push(Action::KillWorker(id));
        }
    }

    pub(super) fn fork_failed(&mut self, now: Moment, id: WorkerId, why: &str) {
        self.gone(now, id, &format!("it could not be forked: {why}"), false);
    }

    pub(super) fn ready(&mut self, now: Moment, id: WorkerId) {
        let Some(process) = self.process(id) else {
            return;
        };
        if !matches!(
            process.state,
            ProcessState::Forking | ProcessState::Starting
        ) {
            return;
        }
        process.state = ProcessState::Ready;
        process.served = true;
        self.served = true;
        self.take_over(now, id);
        if self.phase == Phase::Starting && self.ready_workers(self.generation) == self.plan.workers
        {
            self.phase = Phase::Serving;
            let (seconds, rest) = (now.as_secs(), now.subsec_millis() / 10);
            self.say(
                Level::Info,
                format!("ready: {} in {seconds}.{rest:02}s", self.shape()),
            );
            self.actions.push(Action::Serving);
        }
        self.check_candidate(now);
    }

    pub(super) fn ready_workers(&self, generation: u32) -> u32 {
        let ready = |process: &&Process| {
            process.generation == generation && process.state == ProcessState::Ready
        };
        self.processes.iter().filter(ready).count() as u32
    }

    /// `4 workers (2 threads each)`.
    pub(super) fn shape(&self) -> String {
        let count = self.plan.workers;
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} worker{plural} ({})", self.plan.shape)
    }

    /// A worker of lazy-apps could not load the app.
    pub(super) fn worker_failed(&mut self, now: Moment, id: WorkerId, failure: &LoadFailure) {
        let Some(process) = self.process(id) else {
            return;
        };
        if process.state == ProcessState::Killed || !self.is_running() {
            return;
        }
        self.say(Level::Error, failure.text());
        if !self.served {
            self.end_now(now, Outcome::AppFailed);
        }
    }

    pub(super) fn violation(&mut self, id: WorkerId, why: &str) {
        let Some(process) = self.process(id) else {
            return;
        };
        let name = name(process);
        self.say(
            Level::Error,
            format!("{name} broke the protocol and is killed: {why}"),
        );
        self.kill_worker(id);
    }

    pub(super) fn kill_worker(&mut self, id: WorkerId) {
        let Some(process) = self.process(id) else {
            return;
        };
        // One that hung up is as good as dead, and its time to be told of is set already.
        if !matches!(process.state, ProcessState::Lost { .. }) {
            process.state = ProcessState::Killed;
        }
        self.actions.push(Action::KillWorker(id));
    }

    pub(super) fn retire(&mut self, now: Moment, id: WorkerId) {
        let until = now + self.plan.drain_timeout;
        let Some(process) = self.process(id) else {
            return;
        };
        process.retired = true;
        match process.state {
            ProcessState::Ready => {
                process.state = ProcessState::Leaving { until };
                self.actions.push(Action::Tell(Order::Retire(id)));
            }
            // It has begun nothing yet.
            ProcessState::Forking | ProcessState::Starting => self.kill_worker(id),
            _ => {}
        }
    }

    /// Somebody sent SIGTERM to one worker: it finishes what it has, another takes its place at once.
    /// When the server itself stops, it leaves with the others.
    pub(super) fn leaving(&mut self, now: Moment, id: WorkerId) {
        let running = self.is_running();
        let Some(process) = self.process(id).filter(|_| running) else {
            return;
        };
        if process.state == ProcessState::Ready {
            let text = format!(
                "{} got SIGTERM: it leaves when its requests are done",
                name(process)
            );
            self.say(Level::Info, text);
            self.retire(now, id);
        }
    }

    pub(super) fn hung_up(&mut self, now: Moment, id: WorkerId) {
        let Some(process) = self.process(id) else {
            return;
        };
        if !matches!(process.state, ProcessState::Lost { .. }) {
            process.state = ProcessState::Lost {
                until: now + WORD_OF_DEATH,
            };
        }
    }

    /// Looks after those who were given a time.
    pub(super) fn check_processes(&mut self, now: Moment) {
        let late: Vec<_> = self
            .processes
            .iter()
            .filter(|process| is_late(process, now))
            .cloned()
            .collect();
        for process in late {
            if let ProcessState::Lost { .. } = process.state {
                // Nobody will tell how it ended; if it lives on without its socket, it must not.
                self.actions.push(Action::KillWorker(process.id));
                self.gone(now, process.id, "its control socket was closed", false);
            } else {
                let (name, patience) = (name(&process), self.plan.drain_timeout);
                self.say(
                    Level::Warning,
                    format!("{name} did not leave within {patience:?} and is killed"),
                );
                self.kill_worker(process.id);
            }
        }
    }

    /// A process is no more. `well` when it left of its own accord.
    pub(super) fn gone(&mut self, now: Moment, id: WorkerId, how: &str, well: bool) {
        let Some(index) = self.processes.iter().position(|process| process.id == id) else {
            return;
        };
        let process = self.processes.remove(index);
        self.lost_successor(id);
        self.actions.push(Action::Tell(Order::Gone {
            id,
            how: how.to_owned(),
        }));
        self.actions.push(Action::Forget(id));
        let expected = process.retired || !self.is_running();
        if expected || process.generation < self.generation {
            return;
        }
        if self.candidate == Some(process.generation) {
            self.say(Level::Error, format!("{} died, {how}", name(&process)));
            self.abandon_candidate();
            return;
        }
        if process.generation == self.generation {
            self.replace(now, &process, how, well);
        }
    }

    /// Plans the successor of a worker that went without being asked to.
    fn replace(&mut self, now: Moment, process: &Process, how: &str, well: bool) {
        let slot = &mut self.slots[process.id.worker as usize - 1];
        if now.saturating_sub(process.since) >= LONG_ENOUGH {
            slot.back_off.reset();
        }
        let wait = if process.served {
            slot.back_off.ended_soon()
        } else {
            slot.back_off.never_worked()
        };
        slot.due = now + wait;
        let failures = slot.back_off.failures();
        let name = name(process);
        if !self.served && failures >= TRIES_AT_START {
            let text =
                format!("{name} died, {how}; that makes {failures} in a row, and none ever served");
            self.say(Level::Error, text);
            self.end_now(now, Outcome::AppFailed);
            return;
        }
        let (verb, level) = if well {
            ("left", Level::Info)
        } else {
            ("died", Level::Warning)
        };
        let next = if wait.is_zero() {
            "another takes its place".to_owned()
        } else {
            format!("it dies again and again, so the next one comes in {wait:?}")
        };
        self.say(level, format!("{name} {verb}, {how}; {next}"));
    }
}

fn is_late(process: &Process, now: Moment) -> bool {
    match process.state {
        ProcessState::Leaving { until } | ProcessState::Lost { until } => until <= now,
        _ => false,
    }
}

/// A worker for people: `worker 2 (pid 77)`.
pub(super) fn name(process: &Process) -> String {
    match process.pid {
        Some(pid) => format!("worker {} (pid {pid})", process.id.worker),
        None => format!("worker {}", process.id.worker),
    }
}
