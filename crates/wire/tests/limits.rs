//! Where the bounds lie, to the byte.

mod support;

use support::laws::decode_chunks;
use wire::Head;
use wire::http1::{Limits, Progress, Refusal, parse_request};
use wire::uwsgi::{self, UwsgiRefusal, parse_packet};

fn parsed(input: &[u8], limits: &Limits) -> Result<bool, u16> {
    match parse_request(input, limits, &mut Head::new()) {
        Ok(progress) => Ok(matches!(progress, Progress::Complete(_))),
        Err(Refusal { status, .. }) => Err(status),
    }
}

#[test]
fn the_head_may_be_as_long_as_the_limit() {
    let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let limits = |head_bytes| Limits {
        head_bytes,
        ..Limits::default()
    };
    assert_eq!(parsed(text, &limits(text.len())), Ok(true));
    assert_eq!(parsed(text, &limits(text.len() - 1)), Err(431));
    // Empty lines before it and the body behind it do not count.
    let around = [b"\r\n", &text[..], b"body"].concat();
    assert_eq!(parsed(&around, &limits(text.len())), Ok(true));
    assert_eq!(parsed(&text[..20], &limits(20)), Err(431));
    assert_eq!(parsed(&text[..19], &limits(20)), Ok(false));
    assert_eq!(parsed(&text[..10], &limits(10)), Err(414));
}

#[test]
fn the_target_may_be_as_long_as_the_limit() {
    let limits = Limits {
        target_bytes: 5,
        ..Limits::default()
    };
    assert_eq!(parsed(b"GET /2345 HTTP/1.0\r\n\r\n", &limits), Ok(true));
    assert_eq!(parsed(b"GET /23456 HTTP/1.0\r\n\r\n", &limits), Err(414));
    // A line that has not ended is given up once its target must be too long.
    let endless = [b'a'; 5 + 64 + 1];
    let line = [&b"GET /"[..], &endless].concat();
    assert_eq!(parsed(&line[..69], &limits), Ok(false));
    assert_eq!(parsed(&line[..70], &limits), Err(414));
    // The same line is refused with the same status when its end came along.
    let ended = [&line[..70], b"\r\n"].concat();
    assert_eq!(parsed(&ended, &limits), Err(414));
}

#[test]
fn as_many_fields_as_the_limit() {
    let limits = Limits {
        fields: 2,
        ..Limits::default()
    };
    assert_eq!(
        parsed(b"GET / HTTP/1.0\r\nA:\r\nB:\r\n\r\n", &limits),
        Ok(true)
    );
    assert_eq!(
        parsed(b"GET / HTTP/1.0\r\nA:\r\nB:\r\nC:\r\n\r\n", &limits),
        Err(431)
    );
    // Fields that are dropped count too: they cost as much.
    assert_eq!(
        parsed(b"GET / HTTP/1.0\r\nA_:\r\nB_:\r\nC_:\r\n\r\n", &limits),
        Err(431)
    );
}

#[test]
fn the_longest_method() {
    let request = |length| "M".repeat(length) + " / HTTP/1.0\r\n\r\n";
    let limits = Limits::default();
    assert_eq!(parsed(request(32).as_bytes(), &limits), Ok(true));
    assert_eq!(parsed(request(33).as_bytes(), &limits), Err(501));
    assert_eq!(parsed("M".repeat(33).as_bytes(), &limits), Err(501));
}

#[test]
fn the_largest_length() {
    let body = |length: &str| {
        let text = format!("POST / HTTP/1.0\r\nContent-Length: {length}\r\n\r\n");
        parsed(text.as_bytes(), &Limits::default())
    };
    assert_eq!(body("9223372036854775807"), Ok(true));
    assert_eq!(body("9223372036854775808"), Err(400));
    assert_eq!(body("0000000000000000001"), Ok(true));
    assert_eq!(body("00000000000000000001"), Err(400));
}

#[test]
fn underscores_may_be_kept_but_not_those_that_frame() {
    let limits = Limits {
        underscores: true,
        ..Limits::default()
    };
    let text = b"POST / HTTP/1.1\r\nHost: a\r\nX_A: 1\r\nContent_Length: 5\r\nCONTENT_TYPE: x\r\n\
        Transfer_Encoding: chunked\r\nContent_Lengths: 1\r\n\r\n";
    let mut head = Head::new();
    let progress = parse_request(text, &limits, &mut head);
    assert!(matches!(progress, Ok(Progress::Complete(_))));
    let names: Vec<_> = head.fields().map(|(name, _)| name).collect();
    assert_eq!(names, [&b"Host"[..], b"X_A", b"Content_Lengths"]);
}

#[test]
fn a_head_serves_again_after_any_end() {
    let limits = Limits::default();
    let mut head = Head::new();
    let mut parse = |input: &[u8]| {
        let outcome = parse_request(input, &limits, &mut head);
        (outcome.is_ok(), head.fields().len())
    };
    assert_eq!(parse(b"GET / HTTP/1.0\r\nA: b\r\nC: d\r\n\r\n"), (true, 2));
    assert_eq!(parse(b"GET / HTTP/1.0\r\nA: b\r\n\r\n"), (true, 1));
    assert_eq!(
        parse(b"GET / HTTP/1.0\r\nA: b\r\nC : d\r\n\r\n"),
        (false, 1)
    );
    assert_eq!(parse(b"GET / HTTP/1.0\r\n\r\n"), (true, 0));
    // Left unfinished and not cleared: a shorter input can only be another message.
    assert_eq!(parse(b"GET /long HTTP/1.0\r\nA: b\r\nC: d\r\n"), (true, 2));
    assert_eq!(parse(b"GET / HTTP/1.0\r\nE: f\r\n\r\n"), (true, 1));
}

#[test]
fn chunk_bounds_start_anew_with_each_chunk() {
    let chunk = format!("000000000000001;{}\r\na\r\n", "e".repeat(250));
    let body = chunk.repeat(40) + "0\r\n\r\n";
    let (data, used, done) = decode_chunks(body.as_bytes(), &[]).unwrap();
    assert_eq!((data.len(), used, done), (40, body.len(), true));
}

#[test]
fn chunk_bounds_to_the_byte() {
    let decoded = |text: String| decode_chunks(text.as_bytes(), &[]).is_ok();
    assert!(decoded(format!("0;{}\r\n\r\n", "e".repeat(255))));
    assert!(!decoded(format!("0;{}\r\n\r\n", "e".repeat(256))));
    assert!(decoded(format!("0\r\nA:{}\r\n\r\n", "b".repeat(8189))));
    assert!(!decoded(format!("0\r\nA:{}\r\n\r\n", "b".repeat(8190))));
    assert!(decoded(format!("{}\r\n\r\n", "0".repeat(16))));
    assert!(!decoded(format!("{}\r\n\r\n", "0".repeat(17))));
    assert!(decoded("7fffffffffffffff\r\na".to_owned()));
    assert!(!decoded("8000000000000000\r\na".to_owned()));
}

#[test]
fn a_packet_may_be_as_large_as_buffer_size() {
    let packet = b"\x00\x06\x00\x00\x01\x00A\x01\x00b";
    let mut head = Head::new();
    let outcome = parse_packet(packet, 6, &mut head);
    assert!(matches!(outcome, Ok(uwsgi::Progress::Complete(_))));
    let outcome = parse_packet(packet, 5, &mut head);
    assert_eq!(outcome, Err(UwsgiRefusal::TooLarge { size: 6, max: 5 }));
}
