//! The threads of a worker: none sleeps while there is something to do, and none is woken in vain.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "shared with the other tests"
)]
mod server;

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use link::{Geometry, SlotId};
use server::{Answer, PATIENCE, Request, Worker};
use wire::payload::Body;

fn start(threads: &str) -> Worker {
    start_with_limit(threads, 16)
}

fn start_with_limit(threads: &str, limit: usize) -> Worker {
    let app = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app.py");
    let settings = format!("{{\"threads\": {threads}, \"max_threads\": {limit}}}");
    let geometry = Geometry {
        slots: 128,
        to_worker: 64 * 1024,
        to_server: 64 * 1024,
    };
    Worker::start_with(&app, &settings, geometry)
}

/// Waits until all are over; rings the bell as the server does when a request is left lying.
fn answers(worker: &mut Worker, slots: &[SlotId]) -> Vec<Answer> {
    nudge_until(worker, |worker| {
        slots.iter().all(|slot| worker.answers[slot].over)
    });
    slots
        .iter()
        .map(|slot| worker.answers.remove(slot).unwrap())
        .collect()
}

fn nudge_until(worker: &mut Worker, done: impl Fn(&Worker) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done(worker) {
        assert!(Instant::now() < deadline, "waited in vain");
        let waiting: Vec<SlotId> = worker.answers.keys().copied().collect();
        if waiting
            .into_iter()
            .any(|slot| worker.outgoing.is_queued(slot))
        {
            worker.outgoing.nudge();
        }
        worker.sleep_at_most(2);
    }
}

#[test]
fn a_fixed_pool_runs_as_many_as_it_has_threads() {
    let mut worker = start("3");
    let waiting: Vec<_> = (0..3)
        .map(|_| worker.send(&Request::get("/wait-at?all")))
        .collect();
    worker.until("all three are begun, without a nudge", |worker| {
        waiting.iter().all(|&slot| !worker.outgoing.is_queued(slot))
    });
    let fourth = worker.send(&Request::get("/hello"));
    worker.sleep_at_most(20);
    assert!(
        worker.outgoing.is_queued(fourth),
        "there is no thread for it"
    );
    // Nobody can open the gate from inside; a cancelled client does not stop a view either.
    assert!(worker.outgoing.revoke(fourth));
    let open = worker.send(&Request::get("/open-gate?all"));
    assert!(worker.outgoing.is_queued(open));
}

#[test]
fn an_automatic_pool_grows_while_views_wait_and_shrinks_to_one_spare() {
    let mut worker = start("\"auto\"");
    assert_eq!(worker.get("/hello").status, 200);
    let waiting: Vec<_> = (0..10)
        .map(|_| worker.send(&Request::get("/wait-at?grow")))
        .collect();
    nudge_until(&mut worker, |worker| {
        waiting.iter().all(|&slot| !worker.outgoing.is_queued(slot))
    });
    let open = worker.send(&Request::get("/open-gate?grow"));
    assert_eq!(answers(&mut worker, &[open])[0].text(), "open");
    let names: HashSet<String> = answers(&mut worker, &waiting)
        .iter()
        .map(Answer::text)
        .collect();
    assert_eq!(names.len(), 10, "{names:?}");
}

#[test]
fn an_automatic_pool_has_a_limit() {
    let mut worker = start("\"auto\"");
    let slots: Vec<_> = (0..40)
        .map(|_| worker.send(&Request::get("/sleep?0.05")))
        .collect();
    let names: HashSet<String> = answers(&mut worker, &slots)
        .iter()
        .map(Answer::text)
        .collect();
    assert!((2..=16).contains(&names.len()), "{names:?}");
}

#[test]
fn an_automatic_pool_stays_small_when_views_compute() {
    let mut worker = start_with_limit("\"auto\"", 64);
    let slots: Vec<_> = (0..60)
        .map(|_| worker.send(&Request::get("/compute?0.02")))
        .collect();
    answers(&mut worker, &slots);
    let threads: usize = worker.get("/threads").text().parse().unwrap();
    // Some are started before it is known that they are of no use; without a policy all 60 would be.
    assert!(threads <= 15, "{threads} threads");
}

#[test]
fn short_requests_stay_with_one_thread() {
    let mut worker = start("\"auto\"");
    let slots: Vec<_> = (0..100)
        .map(|_| worker.queue(&Request::get("/sleep?0")))
        .collect();
    worker.outgoing.wake();
    worker.until("all are over, without a nudge", |worker| {
        slots.iter().all(|slot| worker.answers[slot].over)
    });
    let names: HashSet<String> = slots
        .iter()
        .map(|slot| worker.answers[slot].text())
        .collect();
    assert!(names.len() <= 2, "{names:?}");
}

#[test]
fn nothing_is_lost_and_nobody_sleeps_for_ever() {
    for threads in ["1", "2", "5", "\"auto\""] {
        let mut worker = start(threads);
        let body = vec![b'b'; 30_000];
        let targets = [
            "/hello",
            "/chunks",
            "/stream",
            "/read",
            "/hello",
            "/sleep?0.002",
            "/file?0",
            "/large",
        ];
        let mut open: Vec<(usize, SlotId)> = Vec::new();
        let mut sent = 0;
        let mut done = 0;
        let deadline = Instant::now() + 3 * PATIENCE;
        while done < 600 {
            assert!(
                Instant::now() < deadline,
                "threads {threads}: {done} of {sent}, open {open:?}"
            );
            while sent < 600 && open.len() < 24 && worker.outgoing.room() > 4096 {
                let kind = sent % targets.len();
                let request = match targets[kind] {
                    "/read" => Request {
                        body: Body::Streams { length: None },
                        ..Request::head("POST /read HTTP/1.1\r\nHost: h")
                    },
                    target => Request::get(target),
                };
                open.push((kind, worker.queue(&request)));
                sent += 1;
            }
            worker.outgoing.wake();
            worker.feed_bodies(&body);
            if open
                .iter()
                .any(|&(_, slot)| worker.outgoing.is_queued(slot))
                && threads.starts_with('"')
            {
                worker.outgoing.nudge();
            }
            worker.sleep_at_most(1);
            open.retain(|&(kind, slot)| {
                if !worker.answers[&slot].over {
                    return true;
                }
                let answer = worker.answers.remove(&slot).unwrap();
                check(targets[kind], &answer);
                done += 1;
                false
            });
        }
        assert_eq!(worker.leave(), Some(0), "threads {threads}");
    }
}

fn check(target: &str, answer: &Answer) {
    assert!(
        !answer.failed && answer.errors.is_empty(),
        "{target} {:?}",
        answer.errors
    );
    match target {
        "/hello" => assert_eq!(answer.text(), "hello\n"),
        "/chunks" => assert_eq!(answer.text(), "one two three"),
        "/stream" | "/large" => assert_eq!(answer.body.len(), 3_000_000),
        "/read" => assert_eq!(answer.text().split(' ').next(), Some("30000")),
        "/file?0" => assert_eq!(answer.files.len(), 1),
        _ => assert_eq!(answer.status, 200),
    }
}

#[test]
fn a_spare_thread_leaves_after_a_while() {
    let mut worker = start("\"auto\"");
    let waiting: Vec<_> = (0..5)
        .map(|_| worker.send(&Request::get("/wait-at?shrink")))
        .collect();
    nudge_until(&mut worker, |worker| {
        waiting.iter().all(|&slot| !worker.outgoing.is_queued(slot))
    });
    let open = worker.send(&Request::get("/open-gate?shrink"));
    answers(&mut worker, &[open]);
    answers(&mut worker, &waiting);
    let count = |worker: &mut Worker| worker.get("/threads").text().parse::<usize>().unwrap();
    assert!(count(&mut worker) >= 5);
    let deadline = Instant::now() + 4 * PATIENCE;
    // Each look may wake another spare thread, whose time then begins anew: so they are rare.
    while count(&mut worker) > 2 {
        assert!(Instant::now() < deadline, "{} threads", count(&mut worker));
        std::thread::sleep(Duration::from_secs(4));
    }
}
