//! The rows about molds: loaded, failed, dead, and the next generation beside the one that serves.

use os::process::Ending;

use super::{Action, Loaded, Machine, Mold, MoldState, Moment, Outcome, Phase, Plan, Slot};
use crate::talk::{Level, MoldId};

impl Machine {
    pub(super) fn start_mold(&mut self, generation: u32) {
        let id = self.next_mold;
        self.next_mold += 1;
        self.molds.push(Mold {
            id,
            generation,
            state: MoldState::Loading,
            lazy: false,
        });
        self.actions.push(Action::StartMold(id, generation));
    }

    /// The mold that forks for a generation; None while there is none.
    pub(super) fn ready_mold(&self, generation: u32) -> Option<MoldId> {
        let found = self
            .molds
            .iter()
            .find(|mold| mold.generation == generation && mold.state == MoldState::Ready);
        found.map(|mold| mold.id)
    }

    /// Whether each worker of a generation loads the app.
    pub(super) fn is_lazy(&self, generation: u32) -> bool {
        let ready = self.ready_mold(generation);
        self.molds
            .iter()
            .any(|mold| Some(mold.id) == ready && mold.lazy)
    }

    pub(super) fn mold_loaded(&mut self, id: MoldId, loaded: &Loaded) {
        let Some(mold) = self.molds.iter_mut().find(|mold| mold.id == id) else {
            return;
        };
        if mold.state != MoldState::Loading {
            return;
        }
        mold.state = MoldState::Ready;
        mold.lazy = loaded.lazy;
        self.mold_back_off.reset();
        let text = introduction(loaded);
        self.say(Level::Info, text);
        for warning in &loaded.warnings {
            self.say(Level::Warning, warning.as_str());
        }
    }

    pub(super) fn mold_failed(&mut self, now: Moment, id: MoldId, why: &str) {
        let Some(mold) = self.molds.iter_mut().find(|mold| mold.id == id) else {
            return;
        };
        if mold.state == MoldState::Leaving {
            return;
        }
        mold.state = MoldState::Leaving;
        let generation = mold.generation;
        self.actions.push(Action::KillMold(id));
        self.without_mold(now, generation, why);
    }

    pub(super) fn mold_died(&mut self, now: Moment, id: MoldId, ending: Ending) {
        let Some(index) = self.molds.iter().position(|mold| mold.id == id) else {
            return;
        };
        let mold = self.molds.remove(index);
        match mold.state {
            MoldState::Leaving => {}
            MoldState::Loading => {
                self.without_mold(
                    now,
                    mold.generation,
                    &format!("Python ended while it loaded the app: {ending}"),
                );
            }
            MoldState::Ready => {
                self.without_mold(now, mold.generation, &format!("the mold died: {ending}"));
            }
        }
    }

    /// A generation has lost its mold, or never had one.
    fn without_mold(&mut self, now: Moment, generation: u32, why: &str) {
        if !self.is_running() {
            return;
        }
        if self.candidate == Some(generation) {
            self.say(Level::Error, why);
            self.abandon_candidate();
        } else if !self.served {
            self.say(Level::Error, why);
            self.end_now(now, Outcome::AppFailed);
        } else {
            let wait = self.mold_back_off.never_worked();
            self.mold_due = Some(now + wait);
            let when = if wait.is_zero() {
                "another is started".to_owned()
            } else {
                format!("next try in {wait:?}")
            };
            self.say(
                Level::Warning,
                format!("{why}; workers that live go on, {when}"),
            );
        }
    }

    pub(super) fn reload_requested(&mut self, now: Moment) {
        if self.plan.exit_on_reload {
            self.say(
                Level::Info,
                "a reload was asked for: the server ends instead (exit-on-reload)",
            );
            self.terminated(now);
            return;
        }
        match self.phase {
            Phase::Serving if self.candidate.is_none() => self.begin_reload(),
            Phase::Serving => {
                // What has changed since it began may not be in it.
                self.reload_again = true;
                self.say(
                    Level::Info,
                    "a reload is under way already; another one follows it",
                );
            }
            Phase::Starting => self.say(
                Level::Warning,
                "the server is still starting, so nothing is reloaded",
            ),
            _ => self.say(Level::Warning, "the server stops, so nothing is reloaded"),
        }
    }

    /// Gives the next generation up; the one that serves stays.
    pub(super) fn abandon_candidate(&mut self) {
        let Some(generation) = self.candidate.take() else {
            return;
        };
        self.say(
            Level::Error,
            "the reload failed; the app that was running stays",
        );
        self.kill_generation(generation);
        self.reload_once_more();
    }

    fn kill_generation(&mut self, generation: u32) {
        let workers = self
            .processes
            .iter()
            .filter(|process| process.generation == generation);
        let workers: Vec<_> = workers.map(|process| process.id).collect();
        for id in workers {
            self.kill_worker(id);
        }
        for mold in &mut self.molds {
            if mold.generation == generation && mold.state != MoldState::Leaving {
                mold.state = MoldState::Leaving;
                self.actions.push(Action::KillMold(mold.id));
            }
        }
    }

    /// Lets the next generation take over once all of its workers are ready.
    pub(super) fn check_candidate(&mut self, now: Moment) {
        let Some(generation) = self.candidate else {
            return;
        };
        if self.ready_workers(generation) < self.candidate_plan.workers {
            return;
        }
        self.candidate = None;
        let old = std::mem::replace(&mut self.generation, generation);
        self.plan = self.candidate_plan.clone();
        self.mold_due = None;
        self.say(
            Level::Info,
            format!(
                "reloaded: {}; the old workers finish what they have",
                self.shape()
            ),
        );
        let workers = self
            .processes
            .iter()
            .filter(|process| process.generation <= old);
        let workers: Vec<_> = workers.map(|process| process.id).collect();
        for id in workers {
            self.retire(now, id);
        }
        self.stop_molds(|mold| mold.generation <= old);
        self.reload_once_more();
    }

    /// Begins the reload that was asked for while another one was under way.
    fn reload_once_more(&mut self) {
        if std::mem::take(&mut self.reload_again) && self.phase == Phase::Serving {
            self.begin_reload();
        }
    }

    fn begin_reload(&mut self) {
        self.newest += 1;
        self.candidate = Some(self.newest);
        self.say(
            Level::Info,
            "reloading: the app is loaded anew beside the running one",
        );
        self.actions.push(Action::ReadAgain(self.newest));
    }

    /// The configuration for the next generation is known, or wrong.
    pub(super) fn read_again(&mut self, generation: u32, read: Result<Option<Plan>, String>) {
        if self.candidate != Some(generation) {
            return;
        }
        match read {
            Ok(plan) => {
                self.candidate_plan = plan.unwrap_or_else(|| self.plan.clone());
                let most = self.candidate_plan.workers as usize;
                if self.slots.len() < most {
                    self.slots.resize_with(most, Slot::default);
                }
                self.start_mold(generation);
            }
            Err(why) => {
                self.say(Level::Error, why);
                self.abandon_candidate();
            }
        }
    }

    /// Asks molds to leave; those that still load know nothing of anybody, and are killed.
    pub(super) fn stop_molds(&mut self, which: impl Fn(&Mold) -> bool) {
        for mold in self.molds.iter_mut().filter(|mold| which(mold)) {
            match mold.state {
                MoldState::Ready => self.actions.push(Action::StopMold(mold.id)),
                MoldState::Loading => self.actions.push(Action::KillMold(mold.id)),
                MoldState::Leaving => {}
            }
            mold.state = MoldState::Leaving;
        }
    }
}

/// What a mold is, in one line.
fn introduction(loaded: &Loaded) -> String {
    let Loaded {
        lazy,
        app,
        kind,
        python,
        executable,
        milliseconds,
        ..
    } = loaded;
    if *lazy {
        return format!(
            "app {app} is loaded by each worker (lazy-apps), Python {python} ({executable})"
        );
    }
    let kind = kind.to_uppercase();
    let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000 / 10);
    format!("app {app} ({kind}) loaded in {seconds}.{rest:02}s by Python {python} ({executable})")
}
