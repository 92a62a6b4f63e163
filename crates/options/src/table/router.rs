//! uWSGI's separate router processes: Verdigris accepts by itself.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Router, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "fastrouter",
        Takes::Address,
        "a router for the uwsgi protocol on this address",
    )
    .many()
    .example("127.0.0.1:3031")
    .planned("proxy"),
    row(
        "http-to",
        Takes::Text,
        "send requests of `http` to another server",
    )
    .many()
    .example("127.0.0.1:3031")
    .planned("proxy"),
    row(
        "http-to-https",
        Takes::Text,
        "answer plain requests with a redirect to HTTPS",
    )
    .many()
    .example(":80")
    .planned("TLS"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Router, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "further routers",
        Verdict::Planned("proxy"),
        &[
            "fastrouter-buffer-size",
            "fastrouter-defer-connect-timeout",
            "fastrouter-emperor-socket",
            "fastrouter-events",
            "fastrouter-fallback",
            "fastrouter-force-key",
            "fastrouter-gid",
            "fastrouter-gracetime",
            "fastrouter-harakiri",
            "fastrouter-max-retries",
            "fastrouter-post-buffering",
            "fastrouter-post-buffering-dir",
            "fastrouter-processes",
            "fastrouter-quiet",
            "fastrouter-resubscribe",
            "fastrouter-resubscribe-bind",
            "fastrouter-ss",
            "fastrouter-stats",
            "fastrouter-stats-server",
            "fastrouter-subscription-fallback-key",
            "fastrouter-subscription-server",
            "fastrouter-subscription-slot",
            "fastrouter-timeout",
            "fastrouter-to",
            "fastrouter-uid",
            "fastrouter-use-base",
            "fastrouter-use-code-string",
            "fastrouter-use-pattern",
            "fastrouter-workers",
            "fastrouter-zerg",
            "rawrouter",
            "rawrouter-buffer-size",
            "rawrouter-events",
            "rawrouter-fallback",
            "rawrouter-gracetime",
            "rawrouter-harakiri",
            "rawrouter-max-retries",
            "rawrouter-processes",
            "rawrouter-quiet",
            "rawrouter-ss",
            "rawrouter-stats",
            "rawrouter-stats-server",
            "rawrouter-subscription-server",
            "rawrouter-subscription-slot",
            "rawrouter-timeout",
            "rawrouter-to",
            "rawrouter-use-base",
            "rawrouter-use-code-string",
            "rawrouter-use-pattern",
            "rawrouter-workers",
            "rawrouter-zerg",
            "sslrouter",
            "sslrouter-buffer-size",
            "sslrouter-events",
            "sslrouter-fallback",
            "sslrouter-gracetime",
            "sslrouter-harakiri",
            "sslrouter-max-retries",
            "sslrouter-processes",
            "sslrouter-quiet",
            "sslrouter-session-context",
            "sslrouter-ss",
            "sslrouter-stats",
            "sslrouter-stats-server",
            "sslrouter-subscription-server",
            "sslrouter-timeout",
            "sslrouter-to",
            "sslrouter-use-base",
            "sslrouter-use-code-string",
            "sslrouter-use-pattern",
            "sslrouter-workers",
            "sslrouter-zerg",
            "sslrouter2",
        ],
    )
    .flags(&[
        "fastrouter-cheap",
        "fastrouter-fallback-on-no-key",
        "rawrouter-cheap",
        "rawrouter-xclient",
        "sslrouter-cheap",
        "sslrouter-sni",
    ])
    .optional(&[
        "fastrouter-use-cache",
        "fastrouter-use-socket",
        "rawrouter-use-cache",
        "rawrouter-use-socket",
        "sslrouter-use-cache",
        "sslrouter-use-socket",
    ]),
    family(
        "where the HTTP router sends requests",
        Verdict::Planned("proxy"),
        &[
            "http-fallback",
            "http-subscription-fallback-key",
            "http-subscription-server",
            "http-resubscribe",
            "http-use-base",
            "http-use-code-string",
            "http-use-pattern",
            "http-zerg",
            "http-var",
            "http-stud-prefix",
        ],
    )
    .flags(&[
        "http-backend-http",
        "http-manage-source",
        "http-manage-rtsp",
    ])
    .optional(&["http-use-cache", "http-use-socket"]),
    family(
        "statistics of the HTTP router",
        Verdict::Planned("statistics"),
        &["http-ss", "http-stats", "http-stats-server"],
    ),
    family(
        "details of the HTTP router",
        Verdict::Ignored("there is no router process; the server accepts by itself"),
        &[
            "http-uid",
            "http-gid",
            "http-events",
            "http-gracetime",
            "http-quiet",
            "http-harakiri",
            "http-post-buffering",
            "http-post-buffering-dir",
            "http-server-name-as-http-host",
        ],
    )
    .flags(&["http-cheap", "force-gateway"]),
    family(
        "terminals over the network",
        Verdict::Refused("use ssh"),
        &[
            "forkpty-router",
            "forkpty-router-cmd",
            "forkpty-router-command",
            "forkpty-urouter",
            "forkptyrouter",
            "forkptyrouter-cmd",
            "forkptyrouter-cols",
            "forkptyrouter-command",
            "forkptyrouter-events",
            "forkptyrouter-fallback",
            "forkptyrouter-harakiri",
            "forkptyrouter-processes",
            "forkptyrouter-rows",
            "forkptyrouter-ss",
            "forkptyrouter-stats",
            "forkptyrouter-stats-server",
            "forkptyrouter-timeout",
            "forkptyrouter-workers",
            "forkptyrouter-zerg",
            "forkptyurouter",
            "pty-connect",
            "pty-exec",
            "pty-socket",
            "pty-uconnect",
        ],
    )
    .flags(&["forkptyrouter-cheap", "pty-input", "pty-log", "pty-no-isig"]),
    family(
        "message queues as web servers",
        Verdict::Refused("use `http-socket` or `uwsgi-socket`"),
        &["mongrel2", "zeromq", "zeromq-socket", "zmq", "zmq-socket"],
    ),
    family(
        "loops for tests of uWSGI",
        Verdict::Refused("leave it out"),
        &["dumbloop-code", "dumbloop-function", "dumbloop-modifier1"],
    ),
    family(
        "files over WebDAV",
        Verdict::Refused("use a WebDAV app or another web server"),
        &[
            "webdav-add-collection-prop",
            "webdav-add-collection-prop-comp",
            "webdav-add-collection-prop-href",
            "webdav-add-object-prop",
            "webdav-add-object-prop-comp",
            "webdav-add-object-prop-href",
            "webdav-add-option",
            "webdav-add-prop",
            "webdav-add-prop-comp",
            "webdav-add-prop-href",
            "webdav-add-rtype-collection-prop",
            "webdav-add-rtype-object-prop",
            "webdav-add-rtype-prop",
            "webdav-class-directory",
            "webdav-css",
            "webdav-div",
            "webdav-javascript",
            "webdav-js",
            "webdav-lock-cache",
            "webdav-mount",
            "webdav-principal-base",
            "webdav-skip-prop",
        ],
    ),
];
