//! Where requests come in.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Sockets, name, takes, help)
}

/// Ports are given out to a queue this long at most by the kernel's own limit.
const LONGEST_QUEUE: i64 = 1 << 20;

pub(super) const ROWS: &[Row] = &[
    row("http-socket", Takes::Address, "serve HTTP on this address")
        .aliases(&["bind"])
        .many()
        .common()
        .example("127.0.0.1:8000")
        .changed("speaks HTTP/1.1 with keep-alive and pipelining; uWSGI closes after each request"),
    row("http", Takes::Address, "serve HTTP on this address")
        .aliases(&["httprouter"])
        .many()
        .common()
        .example(":8000")
        .changed("served by the server itself; there is no router process in between"),
    row(
        "http11-socket",
        Takes::Address,
        "serve HTTP on this address",
    )
    .many()
    .example(":8000"),
    row(
        "socket",
        Takes::Address,
        "serve the uwsgi protocol here (nginx: uwsgi_pass)",
    )
    .short('s')
    .many()
    .common()
    .example("/run/app.sock"),
    row(
        "uwsgi-socket",
        Takes::Address,
        "serve the uwsgi protocol here, whatever `protocol` says",
    )
    .many()
    .example("127.0.0.1:3031"),
    row(
        "protocol",
        Takes::Choice(&["uwsgi", "http"]),
        "what the `socket` options speak",
    )
    .aliases(&["socket-protocol"])
    .default("uwsgi")
    .example("http"),
    row(
        "shared-socket",
        Takes::Address,
        "an address that `=N` refers to, counted from 0",
    )
    .many()
    .example("0.0.0.0:80")
    .aliases(&["undeferred-shared-socket"]),
    row(
        "abstract-socket",
        Takes::Flag,
        "put unix sockets into the abstract name space",
    )
    .short('a'),
    row(
        "chmod-socket",
        Takes::Mode,
        "mode of unix sockets; without a value 666",
    )
    .aliases(&["chmod"])
    .short('C')
    .optional()
    .example("660"),
    row(
        "chown-socket",
        Takes::Text,
        "owner of unix sockets: user, user:group or :group",
    )
    .example("www-data:www-data"),
    row(
        "listen",
        Takes::Integer(1, LONGEST_QUEUE),
        "length of the kernel's accept queue",
    )
    .short('l')
    .default("the kernel's limit (net.core.somaxconn)")
    .example("1024")
    .changed("more than the kernel's limit is lowered to it with a warning, not fatal"),
    row(
        "vacuum",
        Takes::Flag,
        "remove unix sockets and pid files at the end",
    )
    .default("true")
    .changed("on by default"),
    row(
        "so-keepalive",
        Takes::Flag,
        "let the kernel probe idle connections (SO_KEEPALIVE)",
    ),
    row(
        "reuse-port",
        Takes::Flag,
        "let several servers share one port (SO_REUSEPORT)",
    ),
    row(
        "freebind",
        Takes::Flag,
        "bind to an address the machine does not have yet (IP_FREEBIND)",
    ),
    row(
        "fastcgi-socket",
        Takes::Address,
        "serve FastCGI on this address",
    )
    .aliases(&["fastcgi-nph-socket"])
    .many()
    .example("/run/app.sock")
    .planned("FastCGI and SCGI"),
    row("scgi-socket", Takes::Address, "serve SCGI on this address")
        .aliases(&["scgi-nph-socket"])
        .many()
        .example("/run/app.sock")
        .planned("FastCGI and SCGI"),
    row(
        "puwsgi-socket",
        Takes::Address,
        "serve the persistent uwsgi protocol on this address",
    )
    .many()
    .example("/run/app.sock")
    .refused("use `uwsgi-socket`; web servers open a connection per request"),
    row(
        "raw-socket",
        Takes::Address,
        "hand the raw connection to a plugin",
    )
    .many()
    .example("/run/app.sock")
    .refused("use `http-socket` or `uwsgi-socket`"),
    row(
        "enable-proxy-protocol",
        Takes::Flag,
        "expect the PROXY protocol on `http-socket`",
    )
    .planned("PROXY protocol"),
    row(
        "http-enable-proxy-protocol",
        Takes::Text,
        "expect the PROXY protocol on `http`",
    )
    .optional()
    .example("1")
    .planned("PROXY protocol"),
    row(
        "socket-sndbuf",
        Takes::Size,
        "send buffer of the sockets (SO_SNDBUF)",
    )
    .example("262144"),
    row(
        "socket-rcvbuf",
        Takes::Size,
        "receive buffer of the sockets (SO_RCVBUF)",
    )
    .example("262144"),
    row(
        "tcp-nodelay",
        Takes::Flag,
        "send small answers at once (TCP_NODELAY)",
    )
    .ignored("always on"),
    row(
        "no-defer-accept",
        Takes::Flag,
        "accept connections before they send data",
    )
    .ignored("connections that say nothing cost no worker here"),
    row(
        "thunder-lock",
        Takes::Flag,
        "serialise accept between workers",
    )
    .ignored("one thread accepts for all workers, so there is no herd"),
    row(
        "http-processes",
        Takes::Integer(0, 1 << 16),
        "number of HTTP router processes",
    )
    .aliases(&["http-workers"])
    .example("2")
    .ignored("there is no router process; the server accepts by itself"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Sockets, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "accept behaviour of workers",
        Verdict::Ignored("one thread accepts for all workers"),
        &["map-socket"],
    )
    .flags(&["thunder-lock-watchdog"]),
    family(
        "descriptors of child processes",
        Verdict::Ignored("descriptors are never inherited unless they are meant to be"),
        &[],
    )
    .flags(&[
        "close-on-exec",
        "close-on-exec2",
        "no-fd-passing",
        "shutdown-sockets",
    ]),
    family(
        "TCP Fast Open",
        Verdict::Ignored("it only shortens the handshake"),
        &["tcp-fast-open", "tcp-fastopen"],
    )
    .flags(&["tcp-fast-open-client", "tcp-fastopen-client"]),
    family(
        "which plugin gets the requests of a socket",
        Verdict::Ignored("every request goes to the Python app"),
        &[
            "http-socket-modifier1",
            "http-socket-modifier2",
            "fastcgi-modifier1",
            "fastcgi-modifier2",
            "scgi-modifier1",
            "scgi-modifier2",
            "raw-modifier1",
            "raw-modifier2",
            "http-modifier1",
            "http-modifier2",
            "allowed-modifiers",
            "remap-modifier",
        ],
    ),
];
