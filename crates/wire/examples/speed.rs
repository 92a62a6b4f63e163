//! Prints what the codecs cost: nanoseconds per message, the best of several rounds.
//!
//! `cargo run --release -p wire --example speed`

use std::hint::black_box;
use std::time::Instant;

use wire::Head;
use wire::http1::{
    Connection, Limits, Progress, ResponseFraming, ResponseHead, check_block, encode_head,
    parse_request,
};
use wire::payload::{Body, Door, Peer, RequestView, encode_request};
use wire::uwsgi::parse_packet;

const WRK: &[u8] = include_bytes!("../../../corpus/http1/good/wrk.http");
const CURL: &[u8] = include_bytes!("../../../corpus/http1/good/curl.http");
const BROWSER: &[u8] = include_bytes!("../../../corpus/http1/good/browser.http");
const NGINX: &[u8] = include_bytes!("../../../corpus/uwsgi/good/nginx-get.uwsgi");
const BLOCK: &[u8] =
    b"Content-Type: text/html; charset=utf-8\r\nContent-Length: 12\r\nX-Frame-Options: DENY\r\n";

const PEER: Peer<'static> = Peer {
    remote_addr: "192.0.2.1",
    remote_port: 40_000,
    server_name: "localhost",
    server_port: "8000",
    scheme_https: false,
    door: Door::HttpSocket,
};

fn main() {
    for (name, message) in [("wrk", WRK), ("curl", CURL), ("browser", BROWSER)] {
        let size = message.len();
        let mut head = Head::new();
        let limits = Limits::default();
        measure(&format!("parse_request {name} ({size} bytes)"), || {
            let progress = parse_request(black_box(message), &limits, &mut head);
            assert!(matches!(progress, Ok(Progress::Complete(_))));
        });
        measure(&format!("httparse      {name}, for comparison"), || {
            let mut fields = [httparse::EMPTY_HEADER; 64];
            let mut request = httparse::Request::new(&mut fields);
            assert!(request.parse(black_box(message)).is_ok());
            black_box(&request);
        });
        let mut out = Vec::new();
        measure(&format!("encode_request {name}"), || {
            out.clear();
            encode_request(&mut out, 1, black_box(&head), &PEER, Body::None, false);
        });
        measure(&format!("RequestView {name}, all fields"), || {
            if let Ok(view) = RequestView::decode(black_box(&out)) {
                black_box(
                    view.fields()
                        .map(|(name, value)| name.len() + value.len())
                        .sum::<usize>(),
                );
            }
        });
    }
    let mut head = Head::new();
    measure("parse_packet nginx", || {
        assert!(parse_packet(black_box(NGINX), 4096, &mut head).is_ok());
    });
    measure("check_block", || {
        assert!(check_block(black_box(BLOCK)).is_ok());
    });
    let mut out = Vec::new();
    measure("encode_head", || {
        out.clear();
        let head = ResponseHead {
            version_of_request: wire::Version::Http11,
            status: 200,
            reason: b"OK",
            block: black_box(BLOCK),
            framing: ResponseFraming::Length,
            connection: Connection::KeepAlive,
            date: Some(b"Sun, 06 Nov 1994 08:49:37 GMT"),
        };
        encode_head(&mut out, &head);
        black_box(&out);
    });
}

fn measure(name: &str, mut work: impl FnMut()) {
    const CALLS: u32 = 100_000;
    let best = (0..7)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                work();
            }
            start.elapsed()
        })
        .min()
        .unwrap_or_default();
    println!(
        "{name:50} {:7.1} ns",
        best.as_secs_f64() * 1e9 / f64::from(CALLS)
    );
}
