//! Tests of both ends together.

use super::*;
use crate::http1::{Limits, Progress, parse_request};
use crate::{Form, Head, Version};

const PEER: Peer<'static> = Peer {
    remote_addr: "2001:db8::1",
    remote_port: 40_000,
    server_name: "example.com",
    server_port: "443",
    scheme_https: true,
    door: Door::Http,
};

fn head() -> Head {
    let mut head = Head::new();
    let text = b"POST /a%20b?c HTTP/1.0\r\nHost: x\r\nEmpty:\r\nContent-Length: 5\r\n\r\n";
    let progress = parse_request(text, &Limits::default(), &mut head).unwrap();
    assert!(matches!(progress, Progress::Complete(_)));
    head
}

fn encoded(body: Body<'_>, chunked: bool) -> Vec<u8> {
    let mut out = Vec::new();
    encode_request(
        &mut out,
        0x0123_4567_89ab_cdef,
        &head(),
        &PEER,
        body,
        chunked,
    );
    out
}

#[test]
fn what_goes_in_comes_out() {
    for body in [
        Body::None,
        Body::Here(b""),
        Body::Here(b"hello"),
        Body::Streams { length: None },
        Body::Streams {
            length: Some(1 << 40),
        },
    ] {
        for chunked in [false, true] {
            let payload = encoded(body, chunked);
            let view = RequestView::decode(&payload).unwrap();
            assert_eq!(view.exchange(), 0x0123_4567_89ab_cdef);
            assert_eq!((view.form(), view.version()), (Form::Http, Version::Http10));
            assert_eq!(
                (view.method(), view.target()),
                (&b"POST"[..], &b"/a%20b?c"[..])
            );
            assert_eq!(view.peer(), PEER);
            assert_eq!((view.body(), view.chunked()), (body, chunked));
            let fields: Vec<_> = view.fields().collect();
            assert_eq!(
                fields,
                [
                    (&b"Host"[..], &b"x"[..]),
                    (b"Empty", b""),
                    (b"Content-Length", b"5")
                ]
            );
            assert_eq!(view.block(), head().block());
        }
    }
}

#[test]
fn a_payload_of_another_length_is_refused() {
    let payload = encoded(Body::Here(b"hello"), false);
    for end in 0..payload.len() {
        assert!(RequestView::decode(&payload[..end]).is_err(), "{end}");
    }
    let mut longer = payload;
    longer.push(0);
    assert_eq!(
        RequestView::decode(&longer).unwrap_err(),
        BadPayload::Length
    );
}

#[test]
fn spans_outside_the_block_are_refused() {
    let good = encoded(Body::None, false);
    for offset in [24, 28, 32, 36, 64, 68, 72, 76, 80] {
        let mut payload = good.clone();
        payload[offset..offset + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(
            RequestView::decode(&payload).unwrap_err(),
            BadPayload::Span,
            "{offset}"
        );
    }
}

#[test]
fn unknown_kinds_are_refused() {
    let good = encoded(Body::None, false);
    for offset in 58..64 {
        let mut payload = good.clone();
        payload[offset] = 0x90;
        assert_eq!(
            RequestView::decode(&payload).unwrap_err(),
            BadPayload::Kind,
            "{offset}"
        );
    }
}
