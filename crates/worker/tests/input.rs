//! The body of a request: here, streaming, read in every way.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "shared with the other tests"
)]
mod server;

use link::{FrameHead, Kind, SlotId};
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
fn bodies_here_and_streaming() {
    let mut worker = worker();
    let body: Vec<u8> = (0..1_500_000_u32)
        .map(|number| (number * 7 % 251) as u8)
        .collect();
    let small = worker.ask(&Request {
        body: Body::Here(&body[..50_000]),
        ..Request::head("POST /read HTTP/1.1\r\nHost: h\r\nContent-Length: 50000")
    });
    let pieces = worker.ask(&Request {
        body: Body::Here(&body[..50_000]),
        ..Request::head("POST /read-pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 50000")
    });
    assert_eq!(small.text(), pieces.text());
    assert!(small.text().starts_with("50000 "));
    for length in [Some(1_500_000), None] {
        let request = |target: &str| Request {
            body: Body::Streams { length },
            ..Request::head(&format!("POST {target} HTTP/1.1\r\nHost: h"))
        };
        let whole = worker.stream(&request("/read"), &body);
        let pieces = worker.stream(&request("/read-pieces"), &body);
        assert!(whole.text().starts_with("1500000 "), "{whole:?}");
        assert_eq!(whole.text(), pieces.text());
        assert_eq!(worker.stream(&request("/read"), b"").text()[..2], *"0 ");
        assert_eq!(
            worker.stream(&request("/hello"), &body).text(),
            "hello\n",
            "nobody has to read it"
        );
    }
    assert_eq!(worker.get("/read").text()[..2], *"0 ");
}

#[test]
fn the_input_reads_like_a_file() {
    let mut worker = worker();
    let body = b"one\ntwo\n\nfour without end";
    for calls in [
        r#"[["read", 3], ["readline"], ["readline", 2], ["readline", 100], ["readline"], ["readline"], ["readline"]]"#,
        r#"[["readlines"], ["read"]]"#,
        r#"[["readlines", 5], ["readlines", 0], ["readlines"]]"#,
        r#"[["iterate"], ["read", 1]]"#,
        r#"[["read", 0], ["readline", 0], ["read", -1], ["readline", -1]]"#,
        r#"[["readinto", 6], ["readinto", 100], ["readinto", 4]]"#,
        r#"[["read", null]]"#,
        r#"[["read1", 2], ["read", 1000]]"#,
    ] {
        for streams in [false, true] {
            let head = format!(
                "POST /read-calls HTTP/1.1\r\nHost: h\r\nX-Calls: {calls}\r\nX-Body: b'one\\ntwo\\n\\nfour without end'"
            );
            let request = Request::head(&head);
            let answer = if streams {
                worker.stream(
                    &Request {
                        body: Body::Streams { length: None },
                        ..request
                    },
                    body,
                )
            } else {
                worker.ask(&Request {
                    body: Body::Here(body),
                    ..request
                })
            };
            assert_eq!(answer.text(), "same", "{calls} {:?}", answer.errors);
        }
    }
    let answer = worker.ask(&Request {
        body: Body::Here(b"a\r\nb\n"),
        ..Request::head("POST /buffered HTTP/1.1\r\nHost: h")
    });
    assert_eq!(answer.text(), "['a\\n', 'b\\n']", "{:?}", answer.errors);
}

#[test]
fn requests_read_ahead_can_be_taken_back() {
    let mut worker = with_settings(r#"{"threads": 2}"#);
    // Both threads are busy; one of them reads a body, and so reads the ring as well.
    let busy = worker.send(&Request::get("/wait-at?one"));
    worker.until("the first is begun", |worker| {
        !worker.outgoing.is_queued(busy)
    });
    let reader = worker.send(&Request {
        body: Body::Streams { length: None },
        ..Request::head("POST /read HTTP/1.1\r\nHost: h")
    });
    worker.until("the second reads", |worker| {
        worker.wanted.contains_key(&reader)
    });
    let ahead = [
        worker.send(&Request::get("/hello")),
        worker.send(&Request::get("/open-gate?one")),
    ];
    worker.tell(
        FrameHead::new(
            Kind::Ping,
            SlotId {
                index: 0,
                generation: 0,
            },
        )
        .value(1),
        b"",
    );
    worker.until("it has read what came", |worker| worker.pongs == [1]);
    assert!(worker.outgoing.is_queued(ahead[0]), "nobody has begun it");
    assert!(worker.outgoing.revoke(ahead[0]));
    worker.tell(FrameHead::new(Kind::Body, reader).end(), b"body");
    assert_eq!(worker.answer(reader).text()[..2], *"4 ");
    assert_eq!(worker.answer(ahead[1]).text(), "open");
    worker.answer(busy);
    assert_eq!(worker.get("/hello").status, 200);
    assert_eq!(worker.answers[&ahead[0]].frames, 0, "it was not answered");
}

#[test]
fn one_thread_may_read_while_another_writes() {
    for threads in ["1", "4", "\"auto\""] {
        let mut worker = with_settings(&format!("{{\"threads\": {threads}}}"));
        let body = vec![b'r'; 900_000];
        let answer = worker.stream(
            &Request {
                body: Body::Streams { length: None },
                ..Request::head("POST /two-readers HTTP/1.1\r\nHost: h")
            },
            &body,
        );
        assert!(
            answer.text().ends_with("w900000"),
            "threads {threads}: {:?}",
            answer.errors
        );
        assert_eq!(answer.body.len(), 40 * 50_000 + 6, "threads {threads}");
    }
}
#[test]
fn the_validator_has_no_complaint() {
    let mut worker = worker();
    let mut request = Request::head("POST /validated HTTP/1.1\r\nHost: h\r\nContent-Length: 4");
    request.body = Body::Here(b"body");
    let answer = worker.ask(&request);
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "valid body"),
        "{:?}",
        answer.errors
    );
    let answer = worker.get("/validated");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "valid "),
        "{:?}",
        answer.errors
    );
}
