//! Every death at every moment, on paper.

use super::*;
use crate::failure::LoadFailure;
use crate::talk::Order;

mod chaos;
mod lateness;
mod renewals;

const SECOND: Moment = Duration::from_secs(1);

/// A machine under test: it plays the world, in which everything asked for happens at once.
struct World {
    machine: Machine,
    now: Moment,
    /// What was done, in short words.
    done: Vec<String>,
    said: Vec<String>,
    outcome: Option<Outcome>,
    /// The configuration is to be read for this generation.
    asked: Option<u32>,
    /// What reading it gives.
    read: Result<Option<Plan>, String>,
}

impl World {
    fn new(workers: u32) -> Self {
        let plan = Plan {
            workers,
            shape: "1 thread each".into(),
            drain_timeout: 60 * SECOND,
            drain_delay: Duration::ZERO,
            exit_on_reload: false,
            wear: Wear::default(),
        };
        Self::with(plan)
    }

    fn with(plan: Plan) -> Self {
        let machine = Machine::new(plan);
        let mut world = Self {
            machine,
            now: SECOND,
            done: Vec::new(),
            said: Vec::new(),
            outcome: None,
            asked: None,
            read: Ok(None),
        };
        let actions = world.machine.start();
        world.note(actions);
        world
    }

    /// A world in which everybody is ready.
    fn serving(workers: u32) -> Self {
        let mut world = Self::new(workers);
        world.event(Event::MoldLoaded(1, Loaded::default()));
        for worker in 1..=workers {
            world.bring_up(worker, u64::from(worker));
        }
        assert_eq!(world.machine.phase, Phase::Serving);
        world.done.clear();
        world
    }

    fn bring_up(&mut self, worker: u32, incarnation: u64) {
        let id = id(worker, incarnation);
        self.event(Event::Forked(id, 100 + incarnation as u32));
        self.event(Event::Network(Report::Ready(id)));
    }

    fn event(&mut self, event: Event) -> &mut Self {
        let actions = self.machine.handle(self.now, event);
        self.note(actions);
        if let Some(generation) = self.asked.take() {
            let read = self.read.clone();
            self.event(Event::ReadAgain(generation, read));
        }
        self
    }

    fn later(&mut self, time: Moment) -> &mut Self {
        self.now += time;
        self.event(Event::Tick)
    }

    fn note(&mut self, actions: Vec<Action>) {
        for action in actions {
            let word = match action {
                Action::StartMold(id, _) => format!("start mold {id}"),
                Action::ReadAgain(generation) => {
                    self.asked = Some(generation);
                    continue;
                }
                Action::Fork(mold, id) => {
                    format!("fork {}.{} from {mold}", id.worker, id.incarnation)
                }
                Action::StopMold(id) => format!("stop mold {id}"),
                Action::KillMold(id) => format!("kill mold {id}"),
                Action::KillWorker(id) => format!("kill {}.{}", id.worker, id.incarnation),
                Action::Examine(id, examination) => {
                    self.said.push(examination.headline);
                    format!("examine {}.{}", id.worker, id.incarnation)
                }
                Action::Unblocked(id, time) => {
                    format!("unblocked {}.{} {time:?}", id.worker, id.incarnation)
                }
                Action::Forget(id) => format!("forget {}.{}", id.worker, id.incarnation),
                Action::Tell(Order::Forked { id, pid }) => {
                    format!("tell forked {}.{} {pid}", id.worker, id.incarnation)
                }
                Action::Tell(Order::Gone { id, how }) => {
                    format!("tell gone {}.{}: {how}", id.worker, id.incarnation)
                }
                Action::Tell(Order::Retire(id)) => {
                    format!("tell retire {}.{}", id.worker, id.incarnation)
                }
                Action::Tell(Order::Drain) => "tell drain".into(),
                Action::Tell(Order::Stop) => "tell stop".into(),
                Action::Tell(Order::Attach(_)) => "tell attach".into(),
                Action::Say(_, text) => {
                    self.said.push(text);
                    continue;
                }
                Action::Serving => "serving".into(),
                Action::Exit(outcome) => {
                    self.outcome = Some(outcome);
                    "exit".into()
                }
            };
            self.done.push(word);
        }
    }

    /// What was done since the last look.
    fn done(&mut self) -> Vec<String> {
        std::mem::take(&mut self.done)
    }

    fn last_said(&self) -> &str {
        self.said.last().map_or("", String::as_str)
    }
}

fn id(worker: u32, incarnation: u64) -> WorkerId {
    WorkerId {
        worker,
        incarnation,
    }
}

fn failure() -> LoadFailure {
    LoadFailure {
        message: "no module".into(),
        ..LoadFailure::default()
    }
}

#[test]
fn a_worker_told_to_leave_is_replaced_at_once_and_finishes() {
    let mut world = World::serving(1);
    world.event(Event::Leaving(id(1, 1)));
    assert_eq!(world.done(), ["tell retire 1.1", "fork 1.2 from 1"]);
    world.event(Event::Exited(id(1, 1), Ending::Code(0)));
    assert_eq!(world.done(), ["tell gone 1.1: exit code 0", "forget 1.1"]);
    world.event(Event::Terminated).done();
    world.event(Event::Leaving(id(1, 2)));
    assert!(
        world.done().is_empty(),
        "when the server stops, it drains all of them in order"
    );
}

#[test]
fn a_start() {
    let mut world = World::new(2);
    assert_eq!(world.done(), ["start mold 1"]);
    world.event(Event::MoldLoaded(1, Loaded::default()));
    assert_eq!(world.done(), ["fork 1.1 from 1", "fork 2.2 from 1"]);
    world.bring_up(1, 1);
    assert_eq!(world.done(), ["tell forked 1.1 101"]);
    world.bring_up(2, 2);
    assert_eq!(world.done(), ["tell forked 2.2 102", "serving"]);
    assert_eq!(
        world.last_said(),
        "ready: 2 workers (1 thread each) in 1.00s"
    );
}

#[test]
fn a_killed_worker_is_replaced_at_once() {
    let mut world = World::serving(2);
    world.event(Event::HungUp(id(1, 1)));
    assert_eq!(world.done(), [""; 0], "the word on how it died is awaited");
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(
        world.done(),
        [
            "tell gone 1.1: killed by signal 9 (SIGKILL)",
            "forget 1.1",
            "fork 1.3 from 1"
        ]
    );
    assert_eq!(
        world.last_said(),
        "worker 1 (pid 101) died, killed by signal 9 (SIGKILL); another takes its place"
    );
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(world.done(), [""; 0], "twice told, once done");
}

#[test]
fn a_worker_of_whose_death_nobody_tells_is_killed_and_replaced() {
    let mut world = World::serving(1);
    world.event(Event::HungUp(id(1, 1))).later(SECOND);
    assert_eq!(
        world.done(),
        [
            "kill 1.1",
            "tell gone 1.1: its control socket was closed",
            "forget 1.1",
            "fork 1.2 from 1"
        ]
    );
}

#[test]
fn deaths_before_the_first_request_back_off_and_a_long_life_forgives() {
    let mut world = World::serving(1);
    world.later(10 * SECOND);
    for incarnation in 1..=2 {
        world.event(Event::Exited(id(1, incarnation), Ending::Signal(11)));
        world.event(Event::Forked(id(1, incarnation + 1), 7));
    }
    world.done();
    world.event(Event::Exited(id(1, 3), Ending::Signal(11)));
    assert_eq!(
        world.done(),
        ["tell gone 1.3: killed by signal 11 (SIGSEGV)", "forget 1.3"]
    );
    assert!(
        world.last_said().ends_with("the next one comes in 500ms"),
        "{}",
        world.last_said()
    );
    assert_eq!(world.machine.wake_at(), Some(world.now + SECOND / 2));
    world.later(SECOND / 2);
    assert_eq!(world.done(), ["fork 1.4 from 1"]);
    world.bring_up(1, 4);
    world.later(10 * SECOND).done();
    world.event(Event::Exited(id(1, 4), Ending::Signal(11)));
    assert_eq!(world.done()[2], "fork 1.5 from 1");
}

#[test]
fn requests_that_kill_workers_do_not_stop_the_service() {
    let mut world = World::serving(1);
    for incarnation in 1..=30 {
        world.event(Event::Exited(id(1, incarnation), Ending::Signal(11)));
        world.later(SECOND / 2);
        world.bring_up(1, incarnation + 1);
    }
    assert_eq!(world.machine.processes.len(), 1);
    assert!(
        world
            .said
            .iter()
            .any(|said| said.ends_with("the next one comes in 500ms"))
    );
}

#[test]
fn an_app_that_cannot_be_loaded_ends_the_start() {
    let mut world = World::new(2);
    world.done();
    world.event(Event::MoldFailed(1, failure()));
    assert_eq!(world.done(), ["kill mold 1", "tell stop", "kill mold 1"]);
    assert_eq!(world.last_said(), "cannot load the app: no module");
    world.event(Event::Network(Report::Drained(Totals::default())));
    assert_eq!(world.outcome, None, "the mold is still there");
    world.event(Event::MoldDied(1, Ending::Code(22)));
    assert_eq!(world.outcome, Some(Outcome::AppFailed));
}

#[test]
fn a_mold_that_dies_while_loading_ends_the_start() {
    let mut world = World::new(1);
    world.event(Event::MoldDied(1, Ending::Signal(11)));
    assert_eq!(
        world.last_said(),
        "Python ended while it loaded the app: killed by signal 11 (SIGSEGV)"
    );
    world.event(Event::Network(Report::Drained(Totals::default())));
    assert_eq!(world.outcome, Some(Outcome::AppFailed));
}

#[test]
fn a_lazy_app_that_cannot_be_loaded_ends_the_start_and_later_backs_off() {
    let mut world = World::new(2);
    world.event(Event::MoldLoaded(1, Loaded::default())).done();
    world.event(Event::WorkerFailed(id(1, 1), failure()));
    world.event(Event::WorkerFailed(id(2, 2), failure()));
    assert_eq!(
        world
            .said
            .iter()
            .filter(|said| said.contains("no module"))
            .count(),
        1
    );
    assert_eq!(
        world.done(),
        ["tell stop", "kill 1.1", "kill 2.2", "kill mold 1"]
    );

    let mut world = World::serving(2);
    world.event(Event::WorkerFailed(id(1, 1), failure()));
    world.event(Event::Exited(id(1, 1), Ending::Code(22)));
    assert_eq!(world.machine.phase, Phase::Serving);
    assert_eq!(world.done().last().unwrap(), "fork 1.3 from 1");
}

#[test]
fn a_crash_loop_before_anything_served_ends_the_start() {
    let mut world = World::new(1);
    world.event(Event::MoldLoaded(1, Loaded::default()));
    for incarnation in 1..=3 {
        assert_eq!(world.outcome, None);
        world.event(Event::Forked(id(1, incarnation), 100));
        world.event(Event::Exited(id(1, incarnation), Ending::Signal(11)));
    }
    world.event(Event::Network(Report::Drained(Totals::default())));
    world.event(Event::MoldDied(1, Ending::Signal(9)));
    assert_eq!(world.outcome, Some(Outcome::AppFailed));
}

#[test]
fn a_dead_mold_is_replaced_and_its_workers_live_on() {
    let mut world = World::serving(2);
    world.event(Event::MoldDied(1, Ending::Signal(9)));
    assert_eq!(world.done(), ["start mold 2"]);
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(
        world.done(),
        ["tell gone 1.1: killed by signal 9 (SIGKILL)", "forget 1.1"]
    );
    world.event(Event::MoldLoaded(2, Loaded::default()));
    assert_eq!(world.done(), ["fork 1.3 from 2"]);
}

#[test]
fn a_mold_that_cannot_be_replaced_is_tried_again_ever_more_slowly() {
    let mut world = World::serving(1);
    world.event(Event::MoldDied(1, Ending::Signal(9)));
    for mold in 2..=3 {
        world.event(Event::MoldFailed(mold, failure()));
        world.event(Event::MoldDied(mold, Ending::Code(22)));
    }
    world.done();
    assert!(
        world.last_said().ends_with("next try in 500ms"),
        "{}",
        world.last_said()
    );
    world.later(SECOND);
    assert_eq!(world.done(), ["start mold 4"]);
    assert_eq!(world.machine.phase, Phase::Serving);
}

#[test]
fn a_graceful_stop() {
    let mut world = World::serving(2);
    world.event(Event::Terminated);
    assert_eq!(world.done(), ["tell drain", "stop mold 1"]);
    world.event(Event::Terminated);
    assert_eq!(
        world.done(),
        [""; 0],
        "a second TERM is as polite as the first"
    );
    let totals = Totals {
        finished: 41,
        dropped: 0,
        killed: 0,
    };
    world.event(Event::Network(Report::Drained(totals)));
    world.event(Event::Exited(id(1, 1), Ending::Code(0)));
    world.event(Event::Exited(id(2, 2), Ending::Code(0)));
    assert_eq!(world.outcome, None);
    world.event(Event::MoldDied(1, Ending::Code(0)));
    assert_eq!(world.outcome, Some(Outcome::Stopped));
    assert_eq!(world.machine.totals(), Some(totals));
    assert!(
        !world.said.iter().any(|said| said.contains("died")),
        "{:?}",
        world.said
    );
}

#[test]
fn a_second_interrupt_stops_at_once() {
    let mut world = World::serving(1);
    world.event(Event::Interrupted);
    world.done();
    world.event(Event::Interrupted);
    assert_eq!(world.done(), ["tell stop", "kill 1.1", "kill mold 1"]);
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    world.event(Event::MoldDied(1, Ending::Signal(9)));
    world.event(Event::Network(Report::Drained(Totals {
        killed: 1,
        ..Totals::default()
    })));
    assert_eq!(world.outcome, Some(Outcome::Stopped));
}

#[test]
fn quit_stops_at_once() {
    let mut world = World::serving(1);
    world.event(Event::Killed);
    assert_eq!(world.done(), ["tell stop", "kill 1.1", "kill mold 1"]);
}

#[test]
fn a_stop_has_a_deadline() {
    let mut world = World::serving(2);
    world
        .event(Event::Terminated)
        .event(Event::Exited(id(1, 1), Ending::Code(0)));
    world.done();
    world.later(59 * SECOND);
    assert_eq!(world.done(), [""; 0]);
    world.later(SECOND);
    assert_eq!(world.done(), ["tell stop", "kill 2.2", "kill mold 1"]);
    assert_eq!(
        world.last_said(),
        "not finished within 60s: 1 workers are killed"
    );
    world.later(10 * SECOND);
    assert_eq!(
        world.outcome,
        Some(Outcome::Stopped),
        "even when nobody answers any more"
    );
}

#[test]
fn a_stop_without_workers_does_not_wait_for_requests_that_nobody_can_answer() {
    let mut world = World::serving(1);
    world.event(Event::Terminated).done();
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(
        world.done(),
        [
            "tell gone 1.1: killed by signal 9 (SIGKILL)",
            "forget 1.1",
            "tell stop"
        ]
    );
    world.event(Event::Network(Report::Drained(Totals::default())));
    world.event(Event::MoldDied(1, Ending::Code(0)));
    assert_eq!(world.outcome, Some(Outcome::Stopped));
}

#[test]
fn a_stop_before_anything_serves_is_short() {
    let mut world = World::new(1);
    world.done();
    world.event(Event::Terminated);
    assert_eq!(world.done(), ["tell stop", "kill mold 1"]);
}

#[test]
fn a_drain_delay_keeps_serving_for_a_while() {
    let mut world = World::serving(1);
    world.machine.plan.drain_delay = 5 * SECOND;
    world.event(Event::Terminated);
    assert_eq!(world.done(), [""; 0]);
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(world.done().last().unwrap(), "fork 1.2 from 1");
    world.bring_up(1, 2);
    world.done();
    world.later(5 * SECOND);
    assert_eq!(world.done(), ["tell drain", "stop mold 1"]);
}

#[test]
fn a_reload_builds_the_new_beside_the_old() {
    let mut world = World::serving(2);
    world.event(Event::ReloadRequested);
    assert_eq!(world.done(), ["start mold 2"]);
    world.event(Event::MoldLoaded(2, Loaded::default()));
    assert_eq!(world.done(), ["fork 1.3 from 2", "fork 2.4 from 2"]);
    world.bring_up(1, 3);
    world.event(Event::Exited(id(2, 2), Ending::Signal(9)));
    assert_eq!(
        world.done().last().unwrap(),
        "fork 2.5 from 1",
        "the old generation is kept whole"
    );
    world.bring_up(2, 5);
    world.done();
    world.bring_up(2, 4);
    assert_eq!(
        world.done(),
        [
            "tell forked 2.4 104",
            "tell retire 1.1",
            "tell retire 2.5",
            "stop mold 1"
        ]
    );
    world.event(Event::Exited(id(1, 1), Ending::Code(0)));
    world.event(Event::Exited(id(2, 5), Ending::Code(0)));
    world.event(Event::MoldDied(1, Ending::Code(0)));
    assert_eq!(world.done().len(), 4, "only the farewells");
    world.event(Event::Exited(id(1, 3), Ending::Signal(9)));
    assert_eq!(world.done().last().unwrap(), "fork 1.6 from 2");
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    let mut world = World::serving(1);
    world
        .event(Event::ReloadRequested)
        .event(Event::MoldFailed(2, failure()))
        .done();
    world.event(Event::MoldDied(2, Ending::Code(22)));
    assert_eq!(
        world.last_said(),
        "the reload failed; the app that was running stays"
    );
    assert_eq!(world.done(), [""; 0]);
    world
        .event(Event::ReloadRequested)
        .event(Event::MoldLoaded(3, Loaded::default()));
    assert_eq!(world.done(), ["start mold 3", "fork 1.2 from 3"]);
    world.event(Event::Exited(id(1, 2), Ending::Signal(11)));
    assert_eq!(
        world.done(),
        [
            "tell gone 1.2: killed by signal 11 (SIGSEGV)",
            "forget 1.2",
            "kill mold 3"
        ]
    );
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(world.done().last().unwrap(), "fork 1.3 from 1");
}

#[test]
fn an_old_worker_that_will_not_leave_is_killed() {
    let mut world = World::serving(1);
    world
        .event(Event::ReloadRequested)
        .event(Event::MoldLoaded(2, Loaded::default()));
    world.bring_up(1, 2);
    world.done();
    world.later(61 * SECOND);
    assert_eq!(world.done(), ["kill 1.1"]);
}

#[test]
fn a_worker_that_breaks_the_protocol_is_killed() {
    let mut world = World::serving(1);
    world.event(Event::Network(Report::Violation {
        id: id(1, 1),
        why: "nonsense".into(),
    }));
    assert_eq!(world.done(), ["kill 1.1"]);
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(world.done().last().unwrap(), "fork 1.2 from 1");
}

#[test]
fn a_broken_serving_thread_ends_everything() {
    let mut world = World::serving(1);
    world.event(Event::Network(Report::Failed("no descriptors".into())));
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    world.event(Event::MoldDied(1, Ending::Signal(9)));
    assert_eq!(world.outcome, Some(Outcome::NetworkFailed));
}
