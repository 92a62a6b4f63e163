//! Workers that are replaced although they work, on paper.

use super::*;

fn wearing(workers: u32, wear: Wear) -> World {
    let mut world = World::with(Plan {
        wear,
        ..World::new(workers).machine.plan
    });
    world.event(Event::MoldLoaded(1, Loaded::default()));
    for worker in 1..=workers {
        world.bring_up(worker, u64::from(worker));
    }
    world.done.clear();
    world
}

#[test]
fn a_worn_worker_goes_when_the_next_one_is_ready() {
    let mut world = World::serving(2);
    let worn = |worker, incarnation| Report::Worn {
        id: id(worker, incarnation),
        why: "it has served 5 requests".into(),
    };
    world.event(Event::Network(worn(1, 1)));
    assert_eq!(world.done(), ["fork 1.3 from 1"]);
    assert_eq!(
        world.last_said(),
        "worker 1 (pid 101) is replaced: it has served 5 requests"
    );
    world.event(Event::Network(worn(2, 2)));
    world.event(Event::Network(worn(1, 1)));
    assert_eq!(world.done(), [""; 0], "one at a time, and once");
    world.bring_up(1, 3);
    assert_eq!(
        world.done(),
        ["tell forked 1.3 103", "tell retire 1.1", "fork 2.4 from 1"]
    );
    world.event(Event::Exited(id(1, 1), Ending::Code(0)));
    world.bring_up(2, 4);
    world.event(Event::Exited(id(2, 2), Ending::Code(0)));
    world.done();
    world.later(100 * SECOND);
    assert_eq!(world.done(), [""; 0]);
    assert_eq!(world.machine.wake_at(), None);
}

#[test]
fn a_worker_is_not_replaced_before_its_time() {
    let mut world = wearing(
        1,
        Wear {
            least_lifetime: 10 * SECOND,
            ..Wear::default()
        },
    );
    world.event(Event::Worn(id(1, 1), "so".into()));
    assert_eq!(world.done(), [""; 0]);
    assert_eq!(world.machine.wake_at(), Some(11 * SECOND));
    world.later(10 * SECOND);
    assert_eq!(world.done(), ["fork 1.2 from 1"]);
}

#[test]
fn workers_grow_old_one_after_the_other() {
    let mut world = wearing(
        2,
        Wear {
            lifetime: Some(60 * SECOND),
            lifetime_delta: 5 * SECOND,
            ..Wear::default()
        },
    );
    assert_eq!(world.machine.wake_at(), Some(61 * SECOND));
    world.later(60 * SECOND);
    assert_eq!(world.done(), ["fork 1.3 from 1"]);
    assert_eq!(
        world.last_said(),
        "worker 1 (pid 101) is replaced: it has run for 60 seconds"
    );
    world.bring_up(1, 3);
    world.done();
    world.later(5 * SECOND);
    assert_eq!(world.done(), ["fork 2.4 from 1"]);
}

#[test]
fn memory_replaces_and_kills() {
    let mut world = wearing(
        1,
        Wear {
            resident: Some(100 << 20),
            resident_at_most: Some(200 << 20),
            ..Wear::default()
        },
    );
    let memory = |mebibytes: u64| Memory {
        resident: mebibytes << 20,
        address_space: 900 << 20,
    };
    world.event(Event::Measured(id(1, 1), memory(99)));
    assert_eq!(world.done(), [""; 0]);
    world.event(Event::Measured(id(1, 1), memory(100)));
    assert_eq!(world.done(), ["fork 1.2 from 1"]);
    world.event(Event::Measured(id(1, 1), memory(200)));
    assert_eq!(world.done(), ["kill 1.1"]);
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert!(
        !world.done().iter().any(|word| word.starts_with("fork")),
        "its successor is on its way"
    );
}

#[test]
fn a_successor_that_dies_is_tried_again_while_the_old_one_serves() {
    let mut world = World::serving(1);
    world.event(Event::Worn(id(1, 1), "so".into())).done();
    world.event(Event::Exited(id(1, 2), Ending::Signal(11)));
    assert_eq!(
        world.done(),
        [
            "tell gone 1.2: killed by signal 11 (SIGSEGV)",
            "forget 1.2",
            "fork 1.3 from 1"
        ]
    );
    world.event(Event::Exited(id(1, 3), Ending::Signal(11)));
    world.done();
    world.event(Event::Exited(id(1, 4), Ending::Signal(11)));
    assert!(!world.done().iter().any(|word| word.starts_with("fork")));
    let due = world.machine.wake_at().expect("the next try has its time");
    assert!(due > world.now, "no busy loop");
}

#[test]
fn all_workers_are_replaced_together_or_one_by_one() {
    let mut world = World::serving(2);
    world.event(Event::RenewalRequested { one_by_one: false });
    assert_eq!(world.done(), ["fork 1.3 from 1", "fork 2.4 from 1"]);
    world.bring_up(2, 4);
    assert_eq!(world.done(), ["tell forked 2.4 104", "tell retire 2.2"]);
    let mut world = World::serving(2);
    world.event(Event::RenewalRequested { one_by_one: true });
    assert_eq!(world.done(), ["fork 1.3 from 1"]);
    world.bring_up(1, 3);
    assert_eq!(
        world.done(),
        ["tell forked 1.3 103", "tell retire 1.1", "fork 2.4 from 1"]
    );
}

#[test]
fn a_reload_outdoes_replacements() {
    let mut world = World::serving(2);
    world
        .event(Event::RenewalRequested { one_by_one: true })
        .done();
    world.event(Event::ReloadRequested);
    world.event(Event::MoldLoaded(2, Loaded::default()));
    assert_eq!(
        world.done(),
        ["start mold 2", "fork 1.4 from 2", "fork 2.5 from 2"]
    );
    world.bring_up(1, 4);
    world.bring_up(2, 5);
    let done = world.done();
    for word in ["tell retire 1.1", "tell retire 2.2", "kill 1.3"] {
        assert!(done.iter().any(|did| did == word), "{word}: {done:?}");
    }
    assert_eq!(world.machine.wake_at(), Some(61 * SECOND), "the mercy only");
}

#[test]
fn a_reload_asked_for_during_a_reload_follows_it() {
    let mut world = World::serving(1);
    world.event(Event::ReloadRequested);
    world.event(Event::ReloadRequested);
    world.event(Event::ReloadRequested);
    assert_eq!(world.done(), ["start mold 2"]);
    world.event(Event::MoldFailed(2, failure()));
    assert_eq!(world.done(), ["kill mold 2", "start mold 3"]);
    world.event(Event::MoldFailed(3, failure()));
    assert_eq!(world.done(), ["kill mold 3"]);
}

#[test]
fn exit_on_reload_ends() {
    let mut world = World::serving(1);
    world.machine.plan.exit_on_reload = true;
    world.event(Event::ReloadRequested);
    assert_eq!(world.done(), ["tell drain", "stop mold 1"]);
}

#[test]
fn a_reload_follows_the_configuration() {
    let mut world = World::serving(1);
    let plan = |workers| Plan {
        workers,
        ..World::new(workers).machine.plan
    };
    world.read = Ok(Some(plan(3)));
    world.event(Event::ReloadRequested);
    world.event(Event::MoldLoaded(2, Loaded::default()));
    assert_eq!(
        world.done(),
        [
            "start mold 2",
            "fork 1.2 from 2",
            "fork 2.3 from 2",
            "fork 3.4 from 2"
        ]
    );
    for worker in 1..=3 {
        world.bring_up(worker, u64::from(worker) + 1);
    }
    assert!(world.done().contains(&"tell retire 1.1".to_owned()));
    world.event(Event::Exited(id(1, 1), Ending::Code(0)));
    world.read = Ok(Some(plan(1)));
    world.event(Event::ReloadRequested);
    world.event(Event::MoldLoaded(3, Loaded::default()));
    world.bring_up(1, 5);
    world.done();
    world.event(Event::Exited(id(3, 4), Ending::Code(0)));
    world.later(SECOND);
    assert_eq!(
        world.done(),
        ["tell gone 3.4: exit code 0", "forget 3.4"],
        "there are fewer now"
    );
}

#[test]
fn a_wrong_configuration_ends_a_reload() {
    let mut world = World::serving(1);
    world.read = Err("app.ini:3: there is no such thing".into());
    world.event(Event::ReloadRequested);
    assert_eq!(world.done(), [""; 0]);
    assert_eq!(
        world.last_said(),
        "the reload failed; the app that was running stays"
    );
    world.read = Ok(None);
    world.event(Event::ReloadRequested);
    assert_eq!(world.done(), ["start mold 2"]);
}
