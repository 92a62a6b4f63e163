//! Workers that take too long.

use super::*;
use crate::talk::{ClientSaw, Delayed};

fn delayed(end: Option<ClientSaw>) -> Event {
    Event::Network(Report::Delayed(Delayed {
        id: id(1, 1),
        thread: Some(102),
        request: Some("GET /slow".into()),
        client: "127.0.0.1".into(),
        age: 2 * SECOND,
        end,
    }))
}

#[test]
fn a_request_that_takes_long_is_looked_at() {
    let mut world = World::serving(1);
    world.event(delayed(None));
    assert_eq!(
        world.last_said(),
        "worker 1 (pid 101) has had GET /slow for 2.0 s, half of what it may take"
    );
    world.event(delayed(Some(ClientSaw::Timeout)));
    assert_eq!(
        world.last_said(),
        "HARAKIRI ON WORKER 1 (pid: 101): 127.0.0.1 - GET /slow, running for 2.0 s, answered 504"
    );
    world.event(delayed(Some(ClientSaw::CutOff)));
    assert!(world.last_said().ends_with(", answer cut off"));
    assert_eq!(world.done(), ["examine 1.1"; 3], "and nothing else");
}

#[test]
fn a_late_request_without_a_thread_of_its_own_is_told_of() {
    let mut world = World::serving(1);
    let late = Delayed {
        id: id(1, 1),
        thread: None,
        request: None,
        client: String::new(),
        age: 2 * SECOND,
        end: Some(ClientSaw::Nothing),
    };
    world.event(Event::Network(Report::Delayed(late)));
    assert_eq!(
        world.last_said(),
        "HARAKIRI ON WORKER 1 (pid: 101): a request whose client is gone, running for 2.0 s"
    );
    assert!(world.done().is_empty());
}

#[test]
fn a_stuck_worker_is_replaced_and_killed_when_nothing_else_is_left() {
    let mut world = World::serving(1);
    world.event(Event::Network(Report::Stuck {
        id: id(1, 1),
        others: 2,
    }));
    assert_eq!(world.done(), ["tell retire 1.1", "fork 1.2 from 1"]);
    assert_eq!(
        world.last_said(),
        "worker 1 (pid 101) does not give up what is late: it gets nothing new, \
         its 2 other requests may finish, another takes its place"
    );
    world.bring_up(1, 2);
    world.done();
    world.event(Event::Network(Report::Hopeless(id(1, 1))));
    assert_eq!(world.done(), ["kill 1.1"]);
    world.event(Event::Exited(id(1, 1), Ending::Signal(9)));
    assert_eq!(
        world.done(),
        ["tell gone 1.1: killed by signal 9 (SIGKILL)", "forget 1.1"],
        "its successor is there already"
    );
}

#[test]
fn a_stuck_worker_has_no_longer_than_any_that_leaves() {
    let mut world = World::serving(1);
    world.event(Event::Network(Report::Stuck {
        id: id(1, 1),
        others: 1,
    }));
    world.bring_up(1, 2);
    world.done();
    world.later(59 * SECOND);
    assert!(world.done().is_empty());
    world.later(2 * SECOND);
    assert_eq!(world.done(), ["kill 1.1"]);
}

#[test]
fn stuck_while_the_server_stops() {
    let mut world = World::serving(1);
    world.event(Event::Terminated);
    world.done();
    world.event(Event::Network(Report::Stuck {
        id: id(1, 1),
        others: 0,
    }));
    world.event(Event::Network(Report::Hopeless(id(1, 1))));
    assert_eq!(
        world.done(),
        ["tell retire 1.1", "kill 1.1"],
        "no other one"
    );
}

#[test]
fn a_blocked_loop_is_looked_at_and_let_live() {
    let mut world = World::serving(1);
    world.event(Event::Network(Report::Blocked {
        id: id(1, 1),
        time: SECOND / 4,
        requests: 12,
    }));
    assert_eq!(world.last_said(), "12 requests wait in worker 1 (pid 101)");
    world.event(Event::Network(Report::Unblocked {
        id: id(1, 1),
        time: SECOND,
    }));
    assert_eq!(world.done(), ["examine 1.1", "unblocked 1.1 1s"]);
}

#[test]
fn news_of_a_worker_that_is_gone_changes_nothing() {
    let mut world = World::serving(1);
    for report in [
        Report::Stuck {
            id: id(1, 9),
            others: 0,
        },
        Report::Hopeless(id(1, 9)),
        Report::Blocked {
            id: id(1, 9),
            time: SECOND,
            requests: 1,
        },
    ] {
        world.event(Event::Network(report));
    }
    assert!(world.done().is_empty());
}

#[test]
fn a_worker_says_where_it_gave_up() {
    let mut world = World::serving(1);
    world.event(Event::Network(Report::GivenUp {
        id: id(1, 1),
        request: Some("GET /slow".into()),
        text: "Traceback:\n  line 8\n".into(),
    }));
    assert_eq!(
        world.last_said(),
        "worker 1 (pid 101) gave up GET /slow, which was late\nTraceback:\n  line 8"
    );
    assert!(world.done().is_empty());
}
