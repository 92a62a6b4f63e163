//! Answers: PEP 3333 as the app and the server see it.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "shared with the other tests"
)]
mod server;

use std::os::unix::fs::FileExt;

use link::{FrameHead, Geometry, Kind, SlotId};
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
fn a_usual_answer_is_one_frame() {
    let mut worker = worker();
    let answer = worker.get("/hello");
    assert_eq!(
        (answer.status, answer.reason.as_str(), answer.frames),
        (200, "OK", 1)
    );
    assert_eq!(
        answer.block,
        "Content-Type: text/plain\r\nContent-Length: 6\r\n"
    );
    assert_eq!(answer.text(), "hello\n");
    assert_eq!(worker.leave(), Some(0));
}

#[test]
fn every_form_of_body_arrives() {
    let mut worker = worker();
    for (target, text) in [
        ("/chunks", "one two three"),
        ("/exact", "onefour"),
        ("/tuple", "ab"),
        ("/bytes", "bytes"),
        ("/write", "one two three"),
        ("/late-start", "late"),
        ("/empty-generator", ""),
        ("/no-file", "from memory"),
        ("/gzip-file", "unpacked"),
    ] {
        let answer = worker.get(target);
        assert_eq!(answer.text(), text, "{target} {:?}", answer.errors);
        assert!(
            !answer.failed && answer.errors.is_empty(),
            "{target} {:?}",
            answer.errors
        );
    }
    assert_eq!(worker.get("/late-start").header("X-Late"), Some("yes"));
    assert_eq!(worker.get("/late-start").status, 201);
    assert_eq!(worker.get("/closed").text(), "chunks,exact");
    let answer = worker.get("/exact");
    assert_eq!(
        answer.frames, 2,
        "the announced length ends the answer, without a frame for the end"
    );
}

#[test]
fn large_bodies_come_in_pieces_with_their_length() {
    let mut worker = worker();
    let answer = worker.get("/large");
    assert_eq!(answer.header("Content-Length"), Some("3000000"));
    assert_eq!((answer.body.len(), answer.failed), (3_000_000, false));
    assert!(answer.body.iter().all(|&byte| byte == b'x'));
    let answer = worker.get("/stream");
    assert_eq!((answer.body.len(), answer.failed), (3_000_000, false));
    assert_eq!(answer.header("Content-Length"), None);
}

#[test]
fn a_slow_client_stops_the_app_at_the_response_buffer() {
    let mut worker = with_settings(r#"{"threads": 1, "response_buffer": 200000}"#);
    worker.greedy = false;
    let slot = worker.send(&Request::get("/stream"));
    worker.until("the buffer is full", |worker| {
        worker.answers[&slot].body.len() == 200_000
    });
    worker.tell(
        FrameHead::new(
            Kind::Ping,
            SlotId {
                index: 0,
                generation: 0,
            },
        )
        .value(7),
        b"",
    );
    worker.until("it waits and listens", |worker| worker.pongs == [7]);
    assert_eq!(worker.answers[&slot].body.len(), 200_000);
    worker.tell(FrameHead::new(Kind::Room, slot).value(100_000), b"");
    worker.until("there is more", |worker| {
        worker.answers[&slot].body.len() == 300_000
    });
    worker.tell(FrameHead::new(Kind::Room, slot).value(10_000_000), b"");
    assert_eq!(worker.answer(slot).body.len(), 3_000_000);
}

#[test]
fn a_small_ring_is_enough_for_everything() {
    let geometry = Geometry {
        slots: 8,
        to_worker: 16 * 1024,
        to_server: 16 * 1024,
    };
    let mut worker = Worker::start_with(&app(), r#"{"threads": 2}"#, geometry);
    assert_eq!(worker.get("/large").body.len(), 3_000_000);
    let slots = [
        worker.send(&Request::get("/stream")),
        worker.send(&Request::get("/stream")),
    ];
    for slot in slots {
        assert_eq!(worker.answer(slot).body.len(), 3_000_000);
    }
}

#[test]
fn too_many_and_too_few_bytes() {
    let mut worker = worker();
    for target in ["/long", "/long-list"] {
        let answer = worker.get(target);
        assert_eq!(
            (answer.text().as_str(), answer.failed),
            ("onefo", false),
            "{target}"
        );
        assert!(
            answer.errors[0].contains("2 bytes more than its Content-Length"),
            "{target} {:?}",
            answer.errors
        );
    }
    let answer = worker.get("/short");
    assert!(
        answer.failed && answer.errors[0].contains("3 bytes less"),
        "{answer:?}"
    );
    assert_eq!(answer.status, 200);
    let answer = worker.get("/short-list");
    assert!(
        answer.failed && answer.errors[0].contains("7 bytes less"),
        "{answer:?}"
    );
    assert_eq!(answer.status, 0, "what is known to be wrong is not begun");
    assert_eq!(worker.get("/closed").text(), "long,short");
}

#[test]
fn mistakes_of_the_app_are_explained() {
    let mut worker = worker();
    for (target, words) in [
        ("/no-start", "has not called start_response"),
        ("/none", "the app returned None"),
        ("/str", "made of bytes, and the app gave str; encode it"),
        ("/bare-str", "the app returned a str"),
        ("/twice", "start_response was called twice"),
        ("/raises", "ValueError: raised by the view"),
        ("/exits", "SystemExit: 3"),
    ] {
        let answer = worker.get(target);
        assert!(answer.failed && answer.status == 0, "{target} {answer:?}");
        assert!(
            answer.errors[0].contains(words),
            "{target} {:?}",
            answer.errors
        );
        assert!(
            !answer.errors[0].contains("engines/wsgi.py"),
            "{target}: our own frames are left out"
        );
    }
    let answer = worker.get("/raises-at-length");
    assert!(answer.failed && answer.errors[0].len() < 61 * 1024);
    assert!(answer.errors[0].contains("the middle is left out"));
    assert!(answer.errors[0].trim_end().ends_with("the end"));
    let answer = worker.get("/raises-midway");
    assert!(
        answer.failed && answer.status == 200 && answer.text() == "begun",
        "{answer:?}"
    );
    assert!(answer.errors[0].contains("raised midway"));
    let answer = worker.get("/exc-info-after");
    assert!(answer.failed && answer.text() == "begun", "{answer:?}");
    assert!(
        answer.errors[0].contains("ValueError: too late for another head"),
        "{:?}",
        answer.errors
    );
    assert!(
        answer.errors[0].contains("raise ValueError(\"too late"),
        "the traceback is the app's: {:?}",
        answer.errors
    );
    let answer = worker.get("/exc-info-before");
    assert_eq!(
        (answer.status, answer.reason.as_str(), answer.block.as_str()),
        (500, "Oops", "X-Second: 2\r\n")
    );
    assert_eq!(answer.text(), "replaced");
    let answer = worker.get("/bad-close");
    assert_eq!((answer.text().as_str(), answer.failed), ("fine", false));
    assert_eq!(worker.get("/closed").text(), "raises-midway,exc-info-after");
}

#[test]
fn heads_that_cannot_be_sent_are_refused() {
    let mut worker = worker();
    for (head, words) in [
        ("('200', [])", ""),
        ("('200 OK', [('X-A', 'b\\tc')])", ""),
        ("('200 Caf\\xe9', [('X-A', 'caf\\xe9')])", ""),
        ("('2000 OK', [])", "three digits"),
        ("('OK', [])", "three digits"),
        ("('100 Continue', [])", "interim"),
        ("(b'200 OK', [])", "must be a str"),
        ("('200 OK\\r\\nX: y', [])", "split the answer"),
        ("('200 OK', (('a', 'b'),))", "must be a list"),
        ("('200 OK', [['a', 'b']])", "must be a tuple"),
        ("('200 OK', [('a', 'b', 'c')])", "must be a tuple"),
        (
            "('200 OK', [(b'a', 'b')])",
            "name of a header must be a str",
        ),
        ("('200 OK', [('a', b'b')])", "value of the header"),
        ("('200 OK', [('a', 1)])", "value of the header"),
        (
            "('200 OK', [('a', 'b\\r\\nSet-Cookie: c')])",
            "split the answer",
        ),
        ("('200 OK', [('a', 'b\\n')])", "split the answer"),
        ("('200 OK', [('a', 'b\\x00')])", "may not stand there"),
        ("('200 OK', [('a b', 'c')])", "may not stand there"),
        ("('200 OK', [('a:', 'c')])", "may not stand there"),
        ("('200 OK', [('', 'c')])", "empty name"),
        ("('200 OK', [('a', '\\u20ac')])", "latin-1"),
        ("('200 OK', [('Connection', 'close')])", ""),
        ("('200 OK', [('Transfer-Encoding', 'chunked')])", ""),
        (
            "('200 OK', [('Transfer-Encoding', 'gzip, chunked')])",
            "the server's affair",
        ),
        (
            "('200 OK', [('Content-Length', '8'), ('content-length', '8')])",
            "",
        ),
        ("('200 OK', [('Content-Length', '-1')])", "number of bytes"),
        ("('200 OK', [('Content-Length', '+1')])", "number of bytes"),
        (
            "('200 OK', [('Content-Length', '99999999999999999999999')])",
            "number of bytes",
        ),
        (
            "('200 OK', [('Content-Length', '1'), ('content-length', '2')])",
            "two different",
        ),
    ] {
        let answer = worker.ask(&Request::head(&format!(
            "GET /bad-head HTTP/1.1\r\nHost: h\r\nX-Head: {head}"
        )));
        if words.is_empty() {
            assert!(!answer.failed && answer.status == 200, "{head} {answer:?}");
        } else {
            assert!(answer.failed && answer.status == 0, "{head} {answer:?}");
            assert!(
                answer.errors[0].contains(words),
                "{head} {:?}",
                answer.errors
            );
        }
    }
    let answer = worker.ask(&Request::head(
        "GET /bad-head HTTP/1.1\r\nHost: h\r\nX-Head: ('200 Caf\\xe9', [('X-A', 'caf\\xe9')])",
    ));
    assert_eq!(
        (answer.reason.as_str(), answer.header("X-A")),
        ("Caf\u{e9}", Some("caf\u{e9}"))
    );
}

#[test]
fn answers_that_have_no_body() {
    let mut worker = worker();
    let answer = worker.get("/nothing");
    assert_eq!(
        (answer.status, answer.body.len(), answer.errors.len()),
        (204, 0, 0)
    );
    for target in ["/hello", "/short", "/long", "/stream", "/chunks", "/file"] {
        let answer = worker.ask(&Request::head(&format!(
            "HEAD {target} HTTP/1.1\r\nHost: h"
        )));
        assert_eq!(
            (answer.status, answer.body.len(), answer.failed),
            (200, 0, false),
            "{target} {answer:?}"
        );
        assert!(
            answer.errors.is_empty() && answer.files.is_empty(),
            "{target} {answer:?}"
        );
    }
    assert_eq!(worker.get("/closed").text(), "short,long,stream,chunks");
}

#[test]
fn a_chunk_does_not_wait_for_the_next() {
    let mut worker = with_settings(r#"{"threads": 2}"#);
    let slot = worker.send(&Request::get("/gated"));
    worker.until("the first chunk is there", |worker| {
        worker.answers[&slot].text() == "first"
    });
    assert_eq!(worker.get("/open-gate?gated").status, 200);
    assert_eq!(worker.answer(slot).text(), "firstsecond");
}

#[test]
fn a_thread_that_comes_late_takes_what_waits() {
    let app = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/late_thread.py");
    let mut worker = Worker::start(&app, r#"{"threads": 2}"#);
    let waits = worker.queue(&Request::get("/waits"));
    let frees = worker.send(&Request::get("/frees"));
    assert_eq!(worker.answer(frees).text(), "freed");
    assert_eq!(worker.answer(waits).text(), "waited");
}

#[test]
fn no_thread_sleeps_while_a_request_waits() {
    let mut worker = with_settings(r#"{"threads": 2}"#);
    for round in 0..1_000u64 {
        let waits = worker.send(&Request::get(&format!("/wait-at?{round}")));
        // From "both are there at once" to "the other sleeps already".
        for _ in 0..round * 7_919 % 30_000 {
            std::hint::spin_loop();
        }
        assert_eq!(worker.get(&format!("/open-gate?{round}")).text(), "open");
        assert_eq!(worker.answer(waits).status, 200);
    }
}

#[test]
fn a_client_that_is_gone_ends_the_answer_and_closes_it() {
    let mut worker = worker();
    worker.greedy = false;
    let before = ["/endless", "/write-endless"].map(|target| {
        let slot = worker.send(&Request::get(target));
        worker.until("it is full", |worker| {
            worker.answers[&slot].body.len() == 1024 * 1024
        });
        worker.tell(FrameHead::new(Kind::Cancel, slot), b"");
        worker.answer(slot)
    });
    for answer in before {
        assert_eq!(
            (answer.failed, answer.errors.as_slice()),
            (true, &[String::new()][..]),
            "it is no failure of the app"
        );
    }
    let slot = worker.send(&Request {
        body: Body::Streams { length: Some(10) },
        ..Request::head("POST /read HTTP/1.1\r\nHost: h")
    });
    worker.until("it reads", |worker| worker.wanted.contains_key(&slot));
    worker.tell(FrameHead::new(Kind::Body, slot).end().value(1), b"cut");
    assert_eq!(worker.answer(slot).errors, [""]);
    let slot = worker.send(&Request {
        body: Body::Streams { length: Some(10) },
        ..Request::head("POST /read HTTP/1.1\r\nHost: h")
    });
    worker.until("it reads", |worker| worker.wanted.contains_key(&slot));
    worker.tell(FrameHead::new(Kind::Cancel, slot), b"");
    assert_eq!(worker.answer(slot).errors, [""]);
    assert_eq!(worker.get("/closed").text(), "endless,ClientDisconnected");
}

#[test]
fn files_are_sent_by_the_server() {
    let mut worker = worker();
    for (target, offset, length) in [
        ("/file?0", 0, 10_000),
        ("/file?9990", 9_990, 10),
        ("/file-of-length?25", 0, 25),
    ] {
        let answer = worker.get(target);
        assert!(!answer.failed && answer.errors.is_empty(), "{answer:?}");
        assert_eq!(
            answer.header("Content-Length"),
            Some(length.to_string().as_str()),
            "{target}"
        );
        let [(file, from, count)] = &answer.files[..] else {
            panic!("{target} {answer:?}")
        };
        assert_eq!((*from, *count), (offset, length), "{target}");
        let mut bytes = vec![0; *count as usize];
        std::fs::File::from(file.try_clone().unwrap())
            .read_exact_at(&mut bytes, *from)
            .unwrap();
        assert_eq!(&bytes[..2], b"01", "{target}");
    }
    let answer = worker.get("/file?10000");
    assert_eq!(
        (
            answer.header("Content-Length"),
            answer.files.len(),
            answer.failed
        ),
        (Some("0"), 0, false)
    );
    let answer = worker.get("/file-of-length?10001");
    assert!(
        answer.failed && answer.errors[0].contains("1 bytes less"),
        "{answer:?}"
    );
}
