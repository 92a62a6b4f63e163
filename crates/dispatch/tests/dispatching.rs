//! The queue and its workers, with the workers' ends of the links in the test's hands.
#![allow(clippy::unwrap_used, reason = "a test that fails shows where")]

mod support;

use dispatch::{Capacity, Dispatcher, ExchangeId, Heard};
use link::{Kind, SlotId, Violation};
use support::{Clients, exchange, submit, worker};

#[test]
fn a_full_queue_takes_nobody_until_somebody_goes() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    dispatcher.limit_queue(2);
    submit(&mut dispatcher, &mut clients, 0..2);
    assert!(!dispatcher.submit(exchange(2), &mut clients));
    dispatcher.cancel(exchange(0), false);
    assert_eq!(dispatcher.waiting(), 1, "who has left does not count");
    assert!(dispatcher.submit(exchange(2), &mut clients));
    let waiting: Vec<u32> = dispatcher
        .waiting_exchanges()
        .map(|exchange| exchange.index)
        .collect();
    assert_eq!(waiting, [1, 2]);
}

#[test]
fn requests_wait_for_a_free_worker() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    submit(&mut dispatcher, &mut clients, 0..1);
    assert_eq!(dispatcher.waiting(), 1, "no worker yet: it waits");
    let mut one = worker(&mut dispatcher, &mut clients, 1, Capacity::Fixed(1));
    let mut two = worker(&mut dispatcher, &mut clients, 2, Capacity::Fixed(1));
    submit(&mut dispatcher, &mut clients, 1..4);
    assert_eq!(
        (dispatcher.outstanding(), dispatcher.waiting()),
        (2, 2),
        "nothing ahead of time before a pace is known"
    );
    let (first, slot) = one.take().unwrap();
    assert_eq!(first, 0);
    one.answer(slot, 50_000);
    dispatcher.drain(&mut clients);
    assert_eq!(clients.answers[&0], "worker 1");
    assert_eq!(one.take().unwrap().0, 2, "the oldest that waits");
    assert_eq!(two.take().unwrap().0, 1);
}

#[test]
fn a_fast_worker_is_fed_ahead_and_an_idle_one_takes_over() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    let mut one = worker(&mut dispatcher, &mut clients, 1, Capacity::Fixed(1));
    submit(&mut dispatcher, &mut clients, 0..1);
    let (_, slot) = one.take().unwrap();
    one.answer(slot, 20);
    dispatcher.drain(&mut clients);
    submit(&mut dispatcher, &mut clients, 1..11);
    assert_eq!(
        (dispatcher.outstanding(), dispatcher.waiting()),
        (10, 0),
        "all of them ahead of time"
    );
    let (begun, slow) = one.take().unwrap();
    dispatcher.tell_time(1_000);
    let mut two = worker(&mut dispatcher, &mut clients, 2, Capacity::Fixed(1));
    let (other, slot) = two
        .take()
        .expect("the newcomer gets what the first has not begun");
    assert!(begun == 1 && other == 10);
    two.answer(slot, 20);
    dispatcher.drain(&mut clients);
    while let Some((_, slot)) = two.take() {
        two.answer(slot, 20);
        dispatcher.drain(&mut clients);
    }
    one.answer(slow, 300_000);
    dispatcher.drain(&mut clients);
    assert_eq!(clients.answers.len(), 11);
    assert_eq!(
        clients
            .answers
            .values()
            .filter(|answer| *answer == "worker 2")
            .count(),
        9,
        "all but the two that the first began"
    );
}

#[test]
fn a_worker_that_answers_before_another_wakes_gets_one_more() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    let mut one = worker(&mut dispatcher, &mut clients, 1, Capacity::Fixed(1));
    let mut two = worker(&mut dispatcher, &mut clients, 2, Capacity::Fixed(1));
    dispatcher.tell_time(1_000);
    submit(&mut dispatcher, &mut clients, 0..2);
    assert_eq!(
        (clients.assigned[&0], clients.assigned[&1]),
        (1, 2),
        "nothing is known of either"
    );
    for hand in [&mut one, &mut two] {
        let (_, slot) = hand.take().unwrap();
        hand.answer(slot, 20);
    }
    dispatcher.drain(&mut clients);
    submit(&mut dispatcher, &mut clients, 2..7);
    let workers: Vec<u32> = (2..7).map(|number| clients.assigned[&number]).collect();
    assert_eq!(workers, [1, 1, 1, 2, 2], "the second is woken when it pays");
    let (begun, slow) = one.take().unwrap();
    while let Some((_, slot)) = two.take() {
        two.answer(slot, 20);
    }
    dispatcher.tell_time(1_200);
    dispatcher.drain(&mut clients);
    assert_eq!(two.take(), None, "the first has still time");
    dispatcher.tell_time(2_000);
    dispatcher.drain(&mut clients);
    let moved: Vec<u32> = std::iter::from_fn(|| two.take())
        .map(|(number, _)| number)
        .collect();
    assert_eq!((begun, moved), (2, vec![4]), "one at a time");
    one.answer(slow, 2_000);
    dispatcher.drain(&mut clients);
    assert_eq!(clients.assigned[&3], 1);
}

#[test]
fn a_death_costs_only_what_was_begun() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    let mut one = worker(&mut dispatcher, &mut clients, 1, Capacity::Fixed(2));
    submit(&mut dispatcher, &mut clients, 0..1);
    let (_, slot) = one.take().unwrap();
    one.answer(slot, 20);
    dispatcher.drain(&mut clients);
    submit(&mut dispatcher, &mut clients, 1..8);
    let (_, finished) = one.take().unwrap();
    let (_, _begun) = one.take().unwrap();
    one.answer(finished, 20);
    // It dies before the server has read its last answer.
    dispatcher.gone(one.key, "killed by signal 9", &mut clients);
    assert_eq!(clients.answers[&1], "worker 1", "its last words count");
    assert_eq!(clients.answers[&2], "gone: killed by signal 9");
    assert_eq!((clients.answers.len(), dispatcher.waiting()), (3, 5));
    let mut next = worker(&mut dispatcher, &mut clients, 3, Capacity::Fixed(1));
    for expected in 3..8 {
        let (number, slot) = next.take().unwrap();
        assert_eq!(number, expected, "in the order in which they came");
        next.answer(slot, 50_000);
        dispatcher.drain(&mut clients);
    }
    assert_eq!(clients.answers.len(), 8);
}

#[test]
fn a_client_that_leaves_is_forgotten() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    let mut one = worker(&mut dispatcher, &mut clients, 1, Capacity::Fixed(1));
    submit(&mut dispatcher, &mut clients, 0..3);
    let (_, slot) = one.take().unwrap();
    dispatcher.cancel(
        ExchangeId {
            index: 0,
            generation: 1,
        },
        false,
    );
    dispatcher.cancel(
        ExchangeId {
            index: 1,
            generation: 1,
        },
        false,
    );
    let told = one
        .inbox
        .peek()
        .map(|arrival| (arrival.head.kind, arrival.head.slot));
    assert_eq!(
        told,
        Some((Kind::Cancel, slot)),
        "the worker is told of the one it has begun"
    );
    one.answer(slot, 50_000);
    dispatcher.drain(&mut clients);
    assert!(clients.answers.is_empty(), "its answer goes nowhere");
    assert_eq!(
        one.take().unwrap().0,
        2,
        "and the one that waited was dropped from the queue"
    );
}

#[test]
fn a_worker_that_answers_what_it_does_not_have_is_nonsense() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    let mut one = worker(&mut dispatcher, &mut clients, 1, Capacity::Fixed(1));
    one.answer(
        SlotId {
            index: 5,
            generation: 9,
        },
        1,
    );
    assert_eq!(
        dispatcher.drain(&mut clients),
        [(one.key, Heard::Nonsense(Violation::Slot))]
    );
    submit(&mut dispatcher, &mut clients, 0..1);
    assert_eq!(dispatcher.waiting(), 1, "it gets nothing any more");
}

#[test]
fn a_retired_worker_finishes_what_it_began() {
    let (mut dispatcher, mut clients) = (Dispatcher::new(1 << 20), Clients::default());
    let mut one = worker(&mut dispatcher, &mut clients, 1, Capacity::Fixed(1));
    submit(&mut dispatcher, &mut clients, 0..1);
    let (_, slot) = one.take().unwrap();
    one.answer(slot, 20);
    dispatcher.drain(&mut clients);
    submit(&mut dispatcher, &mut clients, 1..5);
    let (_, begun) = one.take().unwrap();
    dispatcher.retire(one.key, &mut clients);
    assert_eq!(dispatcher.waiting(), 3);
    one.answer(begun, 20);
    dispatcher.drain(&mut clients);
    let mut two = worker(&mut dispatcher, &mut clients, 2, Capacity::Fixed(1));
    assert_eq!(two.take().unwrap().0, 2);
    assert!(one.take().is_none());
}
