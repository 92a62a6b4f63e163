//! How a worker waits while it serves several requests at once.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Engines, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "gevent",
        Takes::Integer(1, 1_000_000),
        "serve this many requests at once with gevent",
    )
    .example("100")
    .common()
    .changed("the standard library is patched by itself, before the app is loaded; more requests wait in the server"),
    row(
        "gevent-patch",
        Takes::Text,
        "what gevent patches: all, none, or a list such as `socket ssl`",
    )
    .default("all")
    .example("none")
    .ours(),
    row(
        "gevent-monkey-patch",
        Takes::Flag,
        "make the standard library yield to gevent",
    )
    .default("true")
    .changed("it is the default with gevent, and happens before the app is loaded"),
    row(
        "gevent-early-monkey-patch",
        Takes::Flag,
        "the same, before the app is loaded",
    )
    .default("true")
    .changed("it is the default with gevent"),
    row(
        "gevent-wait-for-hub",
        Takes::Flag,
        "end only when gevent's hub is empty",
    )
    .changed("at the end of a worker its greenlets are waited for, until the mercy is over"),
    row(
        "asyncio",
        Takes::Integer(1, 1_000_000),
        "serve this many requests at once with asyncio",
    )
    .example("100")
    .planned("asyncio engine"),
    row(
        "async",
        Takes::Integer(1, 1_000_000),
        "requests at once in an asynchronous engine",
    )
    .example("100")
    .changed("the number of greenlets with `loop = gevent`"),
    row(
        "loop",
        Takes::Text,
        "the loop of a worker; `gevent` is the one there is",
    )
    .example("gevent")
    .changed("`loop = gevent` with `async = N` is `gevent = N`"),
    row(
        "worker-class",
        Takes::Text,
        "how a worker waits: threads, gevent, asyncio",
    )
    .short('k')
    .example("gevent")
    .planned("asyncio engine"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Engines, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "other ways to wait",
        Verdict::Refused("use `gevent = N` or `threads = N`"),
        &["tornado", "coroae", "ugreen-stacksize", "goroutines"],
    )
    .flags(&["fiber", "greenlet", "stackless", "ugreen"]),
    family(
        "a word about a full queue",
        Verdict::Ignored("one queue serves all workers and counts what waits"),
        &[],
    )
    .flags(&["disable-async-warn-on-queue-full"]),
];
