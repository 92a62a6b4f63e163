//! A real worker behind a server's end of the link: PEP 3333 as the app and the server see it.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "shared with the measuring program"
)]
mod server;

use std::fmt::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use link::{FrameHead, Geometry, Kind, SlotId};
use server::{Request, Worker};
use wire::payload::{Body, Door};

fn app() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app.py")
}

fn worker() -> Worker {
    Worker::start(&app(), r#"{"threads": 1}"#)
}

fn with_settings(settings: &str) -> Worker {
    Worker::start(&app(), settings)
}

/// What the app was given.
fn environ(worker: &mut Worker, request: &Request<'_>) -> String {
    let answer = worker.ask(request);
    assert_eq!(answer.status, 200, "{:?}", answer.errors);
    answer.text()
}

fn has(environ: &str, name: &str, value: &str) {
    let wanted = format!("\"{name}\": \"{value}\"");
    assert!(environ.contains(&wanted), "no {wanted} in {environ}");
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
fn environ_of_an_http_request() {
    let mut worker = worker();
    let text = "GET /environ?a=%20&b HTTP/1.1\r\nHost: h:1\r\nX-List: one\r\nCookie: a=1\r\nX-Odd: caf\u{e9}\r\nx-list: two\r\ncookie: b=2\r\nX-LIST: three";
    let found = environ(&mut worker, &Request::head(text));
    for (name, value) in [
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", "/environ?a=%20&b"),
        ("PATH_INFO", "/environ"),
        ("QUERY_STRING", "a=%20&b"),
        ("SCRIPT_NAME", ""),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", "box"),
        ("SERVER_PORT", "8000"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("REMOTE_PORT", "40000"),
        ("CONTENT_TYPE", ""),
        ("CONTENT_LENGTH", ""),
        ("HTTP_HOST", "h:1"),
        ("HTTP_X_LIST", "one,two,three"),
        ("HTTP_COOKIE", "a=1; b=2"),
        ("HTTP_X_ODD", "caf\\u00c3\\u00a9"),
        ("wsgi.url_scheme", "http"),
        ("wsgi.version", "(1, 0)"),
        ("wsgi.multithread", "False"),
        ("wsgi.multiprocess", "False"),
        ("wsgi.run_once", "False"),
        ("wsgi.input_terminated", "True"),
    ] {
        has(&found, name, value);
    }
    assert!(!found.contains("UWSGI_ROUTER"));
    let mut http = Request::head(
        "POST /environ HTTP/1.0\r\nContent-Type: x/y\r\nContent-Length: 3\r\nX-Forwarded-Proto: https",
    );
    http.door = Door::Http;
    http.body = Body::Here(b"abc");
    let found = environ(&mut worker, &http);
    for (name, value) in [
        ("REQUEST_METHOD", "POST"),
        ("SERVER_PROTOCOL", "HTTP/1.0"),
        ("CONTENT_TYPE", "x/y"),
        ("CONTENT_LENGTH", "3"),
        ("UWSGI_ROUTER", "http"),
        ("wsgi.url_scheme", "https"),
    ] {
        has(&found, name, value);
    }
    assert!(
        !found.contains("HTTP_X_LIST"),
        "nothing of a request stays for the next"
    );
    let found = environ(&mut worker, &Request::get("/%65nviron?"));
    has(&found, "REQUEST_URI", "/%65nviron?");
    has(&found, "PATH_INFO", "/environ");
}

#[test]
fn repeated_fields_are_joined_even_when_the_table_of_names_is_too_small() {
    let mut worker = worker();
    let mut text = "GET /environ HTTP/1.1\r\nHost: h".to_owned();
    for round in 0..2 {
        for number in 0..60 {
            write!(text, "\r\nX-Field-{number}: {round}").unwrap();
        }
    }
    let found = environ(&mut worker, &Request::head(&text));
    for number in 0..60 {
        has(&found, &format!("HTTP_X_FIELD_{number}"), "0,1");
    }
    // Another thousand names, and the first ones are still right.
    for batch in 0..20 {
        let mut text = "GET /environ HTTP/1.1\r\nHost: h".to_owned();
        for number in 0..100 {
            write!(text, "\r\nY-{batch}-{number}: v{number}").unwrap();
        }
        let found = environ(&mut worker, &Request::head(&text));
        for number in 0..100 {
            has(
                &found,
                &format!("HTTP_Y_{batch}_{number}"),
                &format!("v{number}"),
            );
        }
    }
}

#[test]
fn environ_of_a_uwsgi_request() {
    let mut worker = worker();
    let mut packet = Vec::new();
    for (name, value) in [
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", "/x%20y"),
        ("PATH_INFO", "/environ"),
        ("HTTPS", "on"),
        ("MY_VARIABLE", "caf\u{e9}"),
        ("SERVER_NAME", "first"),
        ("SERVER_NAME", "second"),
    ] {
        packet.extend_from_slice(&(name.len() as u16).to_le_bytes());
        packet.extend_from_slice(name.as_bytes());
        packet.extend_from_slice(&(value.len() as u16).to_le_bytes());
        packet.extend_from_slice(value.as_bytes());
    }
    let mut whole = vec![0];
    whole.extend_from_slice(&(packet.len() as u16).to_le_bytes());
    whole.push(0);
    whole.extend_from_slice(&packet);
    let mut head = wire::Head::new();
    wire::uwsgi::parse_packet(&whole, 65_536, &mut head).unwrap();
    let peer = wire::payload::Peer {
        remote_addr: "",
        remote_port: 0,
        server_name: "",
        server_port: "",
        scheme_https: false,
        door: Door::Uwsgi,
    };
    let mut payload = Vec::new();
    wire::payload::encode_request(&mut payload, 1, &head, &peer, Body::None, false);
    let slot = worker.queue_payload(&payload, false);
    worker.outgoing.wake();
    let found = worker.answer(slot).text();
    for (name, value) in [
        ("REQUEST_URI", "/x%20y"),
        ("PATH_INFO", "/environ"),
        ("HTTPS", "on"),
        ("wsgi.url_scheme", "https"),
        ("MY_VARIABLE", "caf\\u00c3\\u00a9"),
        ("SERVER_NAME", "second"),
    ] {
        has(&found, name, value);
    }
}

#[test]
fn a_payload_that_is_none_is_an_error_of_that_request_only() {
    let mut worker = worker();
    let slot = worker.queue_payload(b"nonsense", false);
    worker.outgoing.wake();
    let answer = worker.answer(slot);
    assert!(answer.failed);
    assert_eq!(worker.get("/hello").status, 200);
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
        (
            "('200 OK', [('Connection', 'close')])",
            "the server's affair",
        ),
        (
            "('200 OK', [('Transfer-Encoding', 'chunked')])",
            "the server's affair",
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
