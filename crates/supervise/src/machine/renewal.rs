//! The rows about workers that work and are to be replaced all the same: worn out by requests, age
//! or memory, or because somebody asked for fresh ones. The next one is forked while the old one
//! still serves; the old one leaves when the next one is ready.

use std::time::Duration;

use super::{Action, Machine, Moment, Phase, Process, ProcessState};
use crate::talk::{Level, WorkerId};

/// When a worker is replaced although it works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wear {
    /// Its age.
    pub lifetime: Option<Duration>,
    /// So much more for each further worker, so that they do not go all at once.
    pub lifetime_delta: Duration,
    /// It is not replaced sooner, whatever it has done.
    pub least_lifetime: Duration,
    /// Its resident memory, in bytes.
    pub resident: Option<u64>,
    /// Its address space, in bytes.
    pub address_space: Option<u64>,
    /// Resident memory, in bytes, at which it is killed.
    pub resident_at_most: Option<u64>,
    /// Address space, in bytes, at which it is killed.
    pub address_space_at_most: Option<u64>,
}

impl Wear {
    /// Whether the memory of workers has to be looked at.
    pub(crate) fn minds_memory(&self) -> bool {
        let limits = [
            self.resident,
            self.address_space,
            self.resident_at_most,
            self.address_space_at_most,
        ];
        limits.iter().any(Option::is_some)
    }
}

/// A process's memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What is in the machine's memory.
    pub resident: u64,
    /// What it could touch.
    pub address_space: u64,
}

/// Who is being replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Renewal {
    old: WorkerId,
    /// Its successor, once it is forked.
    new: Option<WorkerId>,
    /// Wait for the others that are replaced one by one.
    one_by_one: bool,
    not_before: Moment,
    why: String,
}

impl Machine {
    /// Has every worker replaced: all at once, or one after the other.
    pub(super) fn renew_all(&mut self, now: Moment, one_by_one: bool) {
        if self.phase != Phase::Serving {
            self.say(
                Level::Warning,
                "the server does not serve, so no worker is replaced",
            );
            return;
        }
        let how = if one_by_one {
            "one by one"
        } else {
            "all at once"
        };
        let code = if self.is_lazy(self.generation) {
            "each loads the app anew"
        } else {
            "with the app as it was loaded at the start; a reload (SIGHUP) loads it anew"
        };
        self.say(
            Level::Info,
            format!("the workers are replaced {how}, {code}"),
        );
        let workers: Vec<WorkerId> = self.processes.iter().map(|process| process.id).collect();
        for id in workers {
            self.renew(id, "", one_by_one, now);
        }
    }

    /// A worker says that it should be replaced, or the serving thread says so of it.
    pub(super) fn worn(&mut self, now: Moment, id: WorkerId, why: &str) {
        let Some(process) = self.process(id) else {
            return;
        };
        let since = process.since;
        let not_before = now.max(since + self.plan.wear.least_lifetime);
        self.renew(id, why, true, not_before);
    }

    /// A worker's memory was looked at.
    pub(super) fn measured(&mut self, now: Moment, id: WorkerId, memory: Memory) {
        let wear = &self.plan.wear;
        let reaches = |limit: Option<u64>, bytes| limit.is_some_and(|limit| bytes >= limit);
        let kill = reaches(wear.resident_at_most, memory.resident)
            || reaches(wear.address_space_at_most, memory.address_space);
        let renew = reaches(wear.resident, memory.resident)
            || reaches(wear.address_space, memory.address_space);
        let text = format!(
            "it has {} MiB of memory and {} MiB of address space",
            memory.resident >> 20,
            memory.address_space >> 20
        );
        let Some(process) = self.process(id) else {
            return;
        };
        if kill
            && matches!(
                process.state,
                ProcessState::Ready | ProcessState::Leaving { .. }
            )
        {
            let name = super::workers::name(process);
            self.say(Level::Warning, format!("{name} is killed: {text}"));
            self.kill_worker(id);
        } else if renew {
            self.worn(now, id, &text);
        }
    }

    fn renew(&mut self, id: WorkerId, why: &str, one_by_one: bool, not_before: Moment) {
        let generation = self.generation;
        let serves = self.process(id).is_some_and(|process| {
            process.state == ProcessState::Ready && process.generation == generation
        });
        if !serves {
            return;
        }
        match self.renewals.iter_mut().find(|renewal| renewal.old == id) {
            // Whoever cannot wait must not wait for one that can.
            Some(planned) => {
                planned.not_before = planned.not_before.min(not_before);
                planned.one_by_one &= one_by_one;
            }
            None => self.renewals.push(Renewal {
                old: id,
                new: None,
                one_by_one,
                not_before,
                why: why.to_owned(),
            }),
        }
    }

    /// When a worker's age makes it due; None when it never does.
    fn old_age(&self, process: &Process) -> Option<Moment> {
        let wear = &self.plan.wear;
        let lifetime = wear.lifetime? + wear.lifetime_delta * (process.id.worker - 1);
        let serves = process.state == ProcessState::Ready && process.generation == self.generation;
        let planned = self
            .renewals
            .iter()
            .any(|renewal| renewal.old == process.id);
        (serves && !planned).then(|| process.since + lifetime.max(wear.least_lifetime))
    }

    /// The replacements that could begin, each with its time.
    fn next_renewals(&self) -> impl Iterator<Item = (usize, Moment)> {
        let possible = self.phase == Phase::Serving
            && self.candidate.is_none()
            && self.ready_mold(self.generation).is_some();
        let busy = self
            .renewals
            .iter()
            .any(|renewal| renewal.one_by_one && renewal.new.is_some());
        let waits = move |renewal: &Renewal| {
            possible && renewal.new.is_none() && !(renewal.one_by_one && busy)
        };
        self.renewals
            .iter()
            .enumerate()
            .filter(move |(_, renewal)| waits(renewal))
            .map(|(index, renewal)| {
                let slot = &self.slots[renewal.old.worker as usize - 1];
                (index, renewal.not_before.max(slot.due))
            })
    }

    /// When a replacement is due.
    pub(super) fn renewal_at(&self) -> Option<Moment> {
        let serving = self.phase == Phase::Serving;
        let ages = self
            .processes
            .iter()
            .filter_map(|process| self.old_age(process));
        ages.filter(|_| serving)
            .chain(self.next_renewals().map(|(_, due)| due))
            .min()
    }

    /// Plans what age makes due, and begins what can begin.
    pub(super) fn check_renewals(&mut self, now: Moment) {
        let (generation, processes) = (self.generation, &self.processes);
        self.renewals.retain(|renewal| {
            processes.iter().any(|process| {
                process.id == renewal.old
                    && process.state == ProcessState::Ready
                    && process.generation == generation
            })
        });
        if self.phase != Phase::Serving {
            return;
        }
        let aged: Vec<(WorkerId, Duration)> = self
            .processes
            .iter()
            .filter(|process| self.old_age(process).is_some_and(|due| due <= now))
            .map(|process| (process.id, now.saturating_sub(process.since)))
            .collect();
        for (id, age) in aged {
            let text = format!("it has run for {} seconds", age.as_secs());
            self.renew(id, &text, true, now);
        }
        loop {
            let due = self.next_renewals().find(|(_, due)| *due <= now);
            let Some((index, _)) = due else { return };
            self.begin_renewal(now, index);
        }
    }

    fn begin_renewal(&mut self, now: Moment, index: usize) {
        let Some(mold) = self.ready_mold(self.generation) else {
            self.renewals.remove(index);
            return;
        };
        let old = self.renewals[index].old;
        let new = self.new_process(now, old.worker, self.generation);
        self.renewals[index].new = Some(new);
        let why = std::mem::take(&mut self.renewals[index].why);
        if let (Some(process), false) = (self.process(old), why.is_empty()) {
            let text = format!("{} is replaced: {why}", super::workers::name(process));
            self.say(Level::Info, text);
        }
        self.actions.push(Action::Fork(mold, new));
    }

    /// A worker is ready: the one that it was forked for may go.
    pub(super) fn take_over(&mut self, now: Moment, new: WorkerId) {
        let found = self
            .renewals
            .iter()
            .position(|renewal| renewal.new == Some(new));
        if let Some(index) = found {
            let old = self.renewals.remove(index).old;
            self.retire(now, old);
        }
    }

    /// Whether a worker was forked to take the place of one that still serves.
    #[cfg(test)]
    pub(super) fn is_successor(&self, id: WorkerId) -> bool {
        self.renewals.iter().any(|renewal| renewal.new == Some(id))
    }

    /// A worker is no more: if it was to replace another one, that one waits for the next.
    pub(super) fn lost_successor(&mut self, new: WorkerId) {
        for renewal in &mut self.renewals {
            if renewal.new == Some(new) {
                renewal.new = None;
            }
        }
    }
}
