//! What the app is told of a request, through every door.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    missing_debug_implementations,
    reason = "shared with the other tests"
)]
mod server;

use std::fmt::Write;

use server::{Request, Worker};
use wire::payload::{Body, Door};

fn app() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/app.py")
}

fn worker() -> Worker {
    Worker::start(&app(), r#"{"threads": 1}"#)
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
