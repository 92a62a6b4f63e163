//! Requests that take too long and workers that are silent, with time in the test's hands.
#![allow(clippy::unwrap_used, reason = "a test that fails shows where")]

mod support;

use dispatch::{Capacity, Delay, Dispatcher, Late, Limits};
use link::{FrameHead, Kind};
use support::{Clients, Hand, exchange, submit, worker};

const SECOND: u64 = 1_000_000;
/// When the tests' time begins.
const START: u64 = 50 * SECOND;
const DEADLINE: Limits = Limits {
    request: Some(10 * SECOND),
    grace: 2 * SECOND,
    silence: None,
};
const DETECTOR: Limits = Limits {
    request: None,
    grace: 0,
    silence: Some(SECOND / 4),
};

struct World {
    dispatcher: Dispatcher,
    clients: Clients,
}

impl World {
    fn new(limits: Limits) -> Self {
        let mut dispatcher = Dispatcher::with_limits(1 << 20, limits);
        dispatcher.tell_time(START);
        Self {
            dispatcher,
            clients: Clients::default(),
        }
    }

    fn worker(&mut self, number: u32, capacity: Capacity) -> Hand {
        worker(&mut self.dispatcher, &mut self.clients, number, capacity)
    }

    fn submit(&mut self, numbers: std::ops::Range<u32>) {
        submit(&mut self.dispatcher, &mut self.clients, numbers);
    }

    /// A turn of the network thread so many seconds after the start: what is late, by worker.
    fn at(&mut self, seconds: f64) -> Vec<(u32, Late)> {
        self.dispatcher
            .tell_time(START + (seconds * SECOND as f64) as u64);
        self.dispatcher.drain(&mut self.clients);
        self.dispatcher
            .look_for_late(&mut self.clients)
            .into_iter()
            .map(|(key, late)| (key.worker, late))
            .collect()
    }
}

fn delay(index: u32, seconds: u64) -> Delay {
    Delay {
        exchange: Some(exchange(index)),
        age: seconds * SECOND,
        thread: None,
    }
}

#[test]
fn a_late_request_is_warned_of_then_cancelled_then_its_worker_replaced() {
    let mut world = World::new(DEADLINE);
    let mut hand = world.worker(1, Capacity::Fixed(2));
    world.submit(0..2);
    let (late, quick) = (hand.take().unwrap(), hand.take().unwrap());
    hand.inbox.runs_on(late.1, 4711);
    assert_eq!(world.dispatcher.due(), Some(START + 5 * SECOND));
    assert_eq!(world.at(4.9), []);
    hand.answer(quick.1, 100);
    let seen = Delay {
        thread: Some(4711),
        ..delay(0, 5)
    };
    assert_eq!(world.at(5.0), [(1, Late::Slow(seen))]);
    assert_eq!(world.at(9.9), [], "once is enough");
    assert_eq!(hand.hear(), None);
    let seen = Delay {
        age: 10 * SECOND,
        ..seen
    };
    assert_eq!(world.at(10.0), [(1, Late::Overdue(seen))]);
    let cancel = hand.hear().unwrap();
    assert_eq!(
        (cancel.kind, cancel.slot, cancel.value),
        (Kind::Cancel, late.1, 1)
    );
    assert_eq!(world.at(11.9), []);
    assert_eq!(
        world.at(12.0),
        [(1, Late::Stuck { others: 0 }), (1, Late::Hopeless)]
    );
    assert_eq!(hand.hear().map(|head| head.kind), Some(Kind::Drain));
    assert!(!world.clients.answers.contains_key(&0), "its owner answers");
}

#[test]
fn a_request_that_is_given_up_in_time_costs_no_worker() {
    let mut world = World::new(DEADLINE);
    let mut hand = world.worker(1, Capacity::Fixed(1));
    world.submit(0..1);
    let (_, slot) = hand.take().unwrap();
    assert_eq!(world.at(10.0), [(1, Late::Overdue(delay(0, 10)))]);
    hand.answer(slot, 11 * SECOND);
    assert_eq!(world.at(11.0), []);
    assert_eq!(world.at(30.0), []);
    assert!(
        world.clients.answers.is_empty(),
        "an answer that is late goes nowhere"
    );
    world.submit(1..2);
    let (number, slot) = hand.take().unwrap();
    hand.answer(slot, 10);
    world.at(31.0);
    assert_eq!(
        (number, world.clients.answers[&1].as_str()),
        (1, "worker 1")
    );
    assert_eq!(world.dispatcher.outstanding(), 0);
}

#[test]
fn a_worker_may_say_where_it_gave_up() {
    let mut world = World::new(DEADLINE);
    let mut hand = world.worker(1, Capacity::Fixed(1));
    world.submit(0..1);
    let (_, slot) = hand.take().unwrap();
    world.at(10.0);
    let error = FrameHead::new(Kind::Error, slot).end();
    hand.outbox.push(error, &[b"at line 8"]).unwrap();
    let given_up = Late::GivenUp {
        request: Some("GET /0".to_owned()),
        text: "at line 8".to_owned(),
    };
    assert_eq!(world.at(10.1), [(1, given_up)]);
    assert_eq!(world.dispatcher.outstanding(), 0);
}

#[test]
fn the_others_of_a_stuck_worker_finish_first() {
    let mut world = World::new(DEADLINE);
    let mut hand = world.worker(1, Capacity::Fixed(2));
    world.submit(0..1);
    hand.take().unwrap();
    world.at(10.0);
    world.submit(1..3);
    let (other, slot) = hand.take().unwrap();
    assert_eq!((other, world.dispatcher.waiting()), (1, 1));
    assert_eq!(world.at(12.0), [(1, Late::Stuck { others: 1 })]);
    assert_eq!(world.at(13.0), []);
    hand.answer(slot, 3 * SECOND);
    assert_eq!(world.at(13.5), [(1, Late::Hopeless)]);
    assert_eq!(world.clients.answers[&1], "worker 1");
    let mut next = world.worker(2, Capacity::Fixed(2));
    assert_eq!(next.take().map(|taken| taken.0), Some(2));
}

#[test]
fn what_a_stuck_worker_has_not_begun_goes_to_others_with_its_time_anew() {
    let mut world = World::new(DEADLINE);
    let mut one = world.worker(1, Capacity::Fixed(1));
    world.submit(0..1);
    let (_, slot) = one.take().unwrap();
    one.answer(slot, 20);
    world.at(0.0);
    world.submit(1..4);
    assert_eq!(
        world.dispatcher.outstanding(),
        3,
        "fed ahead, as it is fast"
    );
    assert_eq!(one.take().unwrap().0, 1);
    world.at(5.0);
    assert_eq!(world.at(10.0), [(1, Late::Overdue(delay(1, 10)))]);
    assert_eq!(
        (world.dispatcher.outstanding(), world.dispatcher.waiting()),
        (1, 2),
        "nothing goes to a worker whose only thread is late"
    );
    let mut two = world.worker(2, Capacity::Fixed(2));
    assert_eq!(two.take().unwrap().0, 2);
    assert_eq!(two.take().unwrap().0, 3);
    assert_eq!(
        world.at(12.0),
        [(1, Late::Stuck { others: 0 }), (1, Late::Hopeless)]
    );
    assert_eq!(world.at(19.9).len(), 2, "both are warned of now");
    assert!(matches!(
        world.at(20.0)[..],
        [(2, Late::Overdue(_)), (2, Late::Overdue(_))]
    ));
}

#[test]
fn a_worker_that_begins_nothing_is_replaced_too() {
    let mut world = World::new(DEADLINE);
    let _frozen = world.worker(1, Capacity::Fixed(1));
    world.submit(0..1);
    assert_eq!(world.at(5.0), []);
    assert_eq!(world.at(10.0), [(1, Late::Stuck { others: 0 })]);
    let mut two = world.worker(2, Capacity::Fixed(1));
    assert_eq!(
        two.take().unwrap().0,
        0,
        "it was not begun, so it is not lost"
    );
}

#[test]
fn a_client_that_is_gone_does_not_end_the_watch() {
    let mut world = World::new(DEADLINE);
    let mut hand = world.worker(1, Capacity::Fixed(1));
    world.submit(0..1);
    hand.take().unwrap();
    world.dispatcher.cancel(exchange(0), false);
    world.at(5.0);
    let gone = Delay {
        exchange: None,
        ..delay(0, 10)
    };
    assert_eq!(world.at(10.0), [(1, Late::Overdue(gone))]);
}

#[test]
fn short_limits_have_no_warning() {
    let mut world = World::new(Limits {
        request: Some(SECOND),
        ..DEADLINE
    });
    let mut hand = world.worker(1, Capacity::Fixed(1));
    world.submit(0..1);
    hand.take().unwrap();
    assert_eq!(world.at(0.9), []);
    assert_eq!(world.at(1.0), [(1, Late::Overdue(delay(0, 1)))]);
}

#[test]
fn a_silent_loop_is_pinged_and_told_of_when_it_does_not_answer() {
    let mut world = World::new(DETECTOR);
    let mut hand = world.worker(1, Capacity::Fixed(100));
    assert_eq!(world.dispatcher.due(), None, "an idle worker is left alone");
    world.submit(0..2);
    let (_, slot) = hand.take().unwrap();
    hand.take().unwrap();
    assert_eq!(world.at(0.124), []);
    assert_eq!(hand.hear(), None);
    assert_eq!(world.at(0.125), []);
    let ping = hand.hear().unwrap();
    assert_eq!(ping.kind, Kind::Ping);
    assert_eq!(world.at(0.374), []);
    let since = START + SECOND / 8;
    let blocked = Late::Blocked { since, requests: 2 };
    assert_eq!(world.at(0.375), [(1, blocked)]);
    assert_eq!(world.at(1.0), [], "once is enough");
    world.submit(2..4);
    assert_eq!(world.dispatcher.waiting(), 2, "nothing for a blocked loop");
    hand.answer(slot, 10);
    assert_eq!(world.at(1.5), [(1, Late::Unblocked { since })]);
    assert_eq!(world.dispatcher.waiting(), 0);
}

#[test]
fn a_loop_that_turns_is_not_told_of() {
    let mut world = World::new(DETECTOR);
    let mut hand = world.worker(1, Capacity::Fixed(100));
    world.submit(0..1);
    hand.take().unwrap();
    for step in 1..100 {
        assert_eq!(world.at(f64::from(step) * 0.1), []);
        if let Some(ping) = hand.hear() {
            hand.pong(ping.value);
        }
    }
}

#[test]
fn what_a_blocked_loop_has_not_begun_goes_to_another() {
    let mut world = World::new(DETECTOR);
    let mut one = world.worker(1, Capacity::Fixed(100));
    let mut two = world.worker(2, Capacity::Fixed(100));
    world.submit(0..4);
    assert_eq!((one.take().unwrap().0, two.take().unwrap().0), (0, 1));
    assert_eq!(two.take().unwrap().0, 3);
    world.at(0.125);
    let ping = two.hear().unwrap();
    two.pong(ping.value);
    assert!(matches!(world.at(0.375)[..], [(1, Late::Blocked { .. })]));
    assert_eq!(two.take().unwrap().0, 2);
}

#[test]
fn a_loop_that_never_turns_again_is_replaced() {
    let mut world = World::new(Limits {
        silence: DETECTOR.silence,
        ..DEADLINE
    });
    let _frozen = world.worker(1, Capacity::Fixed(100));
    world.submit(0..1);
    world.at(0.125);
    assert!(matches!(world.at(0.375)[..], [(1, Late::Blocked { .. })]));
    assert_eq!(world.dispatcher.waiting(), 1);
    assert_eq!(world.at(10.0), []);
    assert_eq!(
        world.at(10.125),
        [(1, Late::Stuck { others: 0 }), (1, Late::Hopeless)]
    );
    let mut two = world.worker(2, Capacity::Fixed(100));
    assert_eq!(two.take().unwrap().0, 0);
}
