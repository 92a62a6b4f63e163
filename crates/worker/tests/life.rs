//! How a worker ends, and what disturbs it: signals, forks, a server that is gone.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "shared with the other tests"
)]
mod server;

use server::{Request, Worker};
use wire::payload::Body;

fn app() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app.py")
}

fn with_settings(settings: &str) -> Worker {
    Worker::start(&app(), settings)
}

fn worker() -> Worker {
    with_settings(r#"{"threads": 1}"#)
}

#[test]
fn draining_finishes_what_was_begun() {
    for threads in ["1", "3", "\"auto\""] {
        let mut worker = with_settings(&format!("{{\"threads\": {threads}}}"));
        let slots: Vec<_> = (0..3)
            .map(|_| worker.send(&Request::get("/sleep?0.05")))
            .collect();
        assert_eq!(worker.leave(), Some(0), "threads {threads}");
        worker.drain();
        for slot in slots {
            assert_eq!(worker.answers[&slot].status, 200, "threads {threads}");
        }
    }
}

#[test]
fn a_terminated_worker_finishes_and_leaves() {
    let mut worker = worker();
    assert_eq!(worker.get("/terminate").text(), "armed");
    worker.signal("TERM");
    let left = worker.exit_code();
    assert_eq!(left, Some(0));
}

#[test]
fn a_worker_leaves_when_the_server_is_gone() {
    for threads in ["1", "4", "\"auto\""] {
        let mut worker = with_settings(&format!("{{\"threads\": {threads}}}"));
        assert_eq!(worker.get("/hello").status, 200);
        worker.hang_up();
        assert_eq!(worker.exit_code(), Some(0), "threads {threads}");
    }
}

#[test]
fn a_forked_child_keeps_off_the_link() {
    let mut worker = worker();
    assert!(
        worker
            .get("/fork")
            .text()
            .contains("forked inside a request")
    );
    assert_eq!(worker.get("/hello").status, 200);
}

#[test]
fn signal_handlers_run_while_a_request_waits() {
    let mut worker = worker();
    worker.greedy = false;
    let post = |target: &str| Request {
        body: Body::Streams { length: None },
        ..Request::head(&format!("POST {target} HTTP/1.1\r\nHost: h"))
    };
    let slot = worker.send(&post("/signal"));
    worker.until("it reads", |worker| worker.wanted.contains_key(&slot));
    worker.signal("USR1");
    let answer = worker.answer(slot);
    assert!(
        answer.errors[0].contains("TimeoutError: a signal came"),
        "{answer:?}"
    );
    let slot = worker.send(&post("/signal-beside"));
    worker.until("both threads wait", |worker| {
        worker.wanted.contains_key(&slot) && worker.answers[&slot].body.len() == 1024 * 1024
    });
    worker.signal("USR1");
    let answer = worker.answer(slot);
    assert!(
        answer.errors[0].contains("TimeoutError: a signal came"),
        "{:?}",
        answer.errors
    );
}
