//! What clients may do: sizes and times.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Limits, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "buffer-size",
        Takes::Size,
        "largest head of a request, in bytes",
    )
    .short('b')
    .common()
    .default("65536")
    .example("32768")
    .changed("64 KiB by default; a larger head is answered with 431, not dropped"),
    row(
        "max-vars",
        Takes::Integer(1, 65536),
        "most header fields or variables of a request",
    )
    .aliases(&["max-fields"])
    .short('v')
    .default("128")
    .example("200")
    .changed("a request with more is answered with 431; uWSGI drops what is too much"),
    row(
        "underscores-in-headers",
        Takes::Flag,
        "let header names with `_` through to the app",
    )
    .ours(),
    row(
        "limit-post",
        Takes::Size,
        "largest body of a request, in bytes; 0 means any",
    )
    .common()
    .default("0")
    .example("10485760")
    .changed("a larger body is answered with 413; uWSGI closes the connection"),
    row(
        "post-buffering",
        Takes::Size,
        "collect bodies before the app runs; larger ones on disk",
    )
    .default("0")
    .example("65536"),
    row(
        "post-buffering-bufsize",
        Takes::Size,
        "read buffer for post-buffering",
    )
    .example("65536")
    .ignored("buffers are sized by need"),
    row(
        "response-buffer",
        Takes::Size,
        "what a slow client may leave unread before the app waits",
    )
    .default("1048576")
    .example("4194304")
    .ours(),
    row(
        "max-connections",
        Takes::Integer(1, 10_000_000),
        "most connections at the same time",
    )
    .default("as many as descriptors allow")
    .example("10000")
    .ours(),
    row(
        "request-queue",
        Takes::Integer(1, 1_000_000),
        "most requests that may wait for a worker; others get 503",
    )
    .default("65536")
    .example("1000")
    .ours(),
    row(
        "request-queue-timeout",
        Takes::Seconds,
        "longest wait for a worker before 503; 0 means any",
    )
    .default("60")
    .example("30")
    .ours(),
    row(
        "socket-timeout",
        Takes::Seconds,
        "longest silence of a client while data is due",
    )
    .short('z')
    .default("30")
    .example("60")
    .changed("30 s by default instead of 4 s; answered with 408"),
    row(
        "http-timeout",
        Takes::Seconds,
        "the same for `http` sockets",
    )
    .default("60")
    .example("120")
    .changed("counts the client's silence only, never the time the app needs"),
    row(
        "http-headers-timeout",
        Takes::Seconds,
        "longest time until the head of a request is there",
    )
    .default("30")
    .example("10"),
    row(
        "http-connect-timeout",
        Takes::Seconds,
        "time limit of the router's connections",
    )
    .example("10")
    .ignored("there is no router that could wait for a connection"),
    row(
        "http-keepalive",
        Takes::Text,
        "seconds an idle connection is kept; 0 closes at once",
    )
    .optional()
    .default("75")
    .example("30")
    .changed("on by default, with pipelining"),
    row(
        "http-auto-chunked",
        Takes::Flag,
        "chunk answers of unknown length",
    )
    .ignored("answers of unknown length are always chunked"),
    row(
        "http-chunked-input",
        Takes::Flag,
        "let chunked bodies through",
    )
    .ignored("chunked bodies are always decoded for the app"),
    row(
        "http-raw-body",
        Takes::Flag,
        "let bodies through as they come",
    )
    .ignored("chunked bodies are always decoded for the app"),
    row(
        "http-manage-expect",
        Takes::Text,
        "answer Expect: 100-continue",
    )
    .optional()
    .example("1")
    .ignored("it is always answered when the app reads the body"),
    row(
        "http-websockets",
        Takes::Flag,
        "let WebSocket connections through",
    )
    .planned("WebSocket"),
    row(
        "http-auto-gzip",
        Takes::Flag,
        "compress answers that ask for it",
    )
    .planned("compression"),
    row(
        "so-send-timeout",
        Takes::Seconds,
        "longest silence of a client that reads an answer",
    )
    .aliases(&[
        "so-write-timeout",
        "socket-send-timeout",
        "socket-write-timeout",
    ])
    .default("socket-timeout")
    .example("60"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Limits, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "limits of chunked bodies",
        Verdict::Ignored(
            "chunks are handed on piece by piece, whatever their size; socket-timeout applies",
        ),
        &["chunked-input-limit", "chunked-input-timeout"],
    ),
    family(
        "warn of large bodies",
        Verdict::Ignored("bodies never grow in memory"),
        &["body-read-warning"],
    ),
    family(
        "buffer of the HTTP router",
        Verdict::Ignored("buffer-size limits the head of a request"),
        &["http-buffer-size"],
    ),
    family(
        "largest head of an answer",
        Verdict::Ignored("the server limits it"),
        &["response-headers-limit"],
    ),
    family(
        "files that tell how far uploads are",
        Verdict::Planned("upload progress"),
        &["upload-progress"],
    ),
    family(
        "limits of WebSocket connections",
        Verdict::Planned("WebSocket"),
        &[
            "websocket-max-size",
            "websocket-ping-freq",
            "websocket-pong-tolerance",
            "websockets-max-size",
            "websockets-ping-freq",
            "websockets-pong-tolerance",
        ],
    ),
    family(
        "leave %2F in PATH_INFO",
        Verdict::Planned("HTTP details"),
        &["http-path-info-no-decode-slashes"],
    ),
];
