//! What the processes of one server share: cache, queue, locks, memory.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Sharing, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "cache2",
        Takes::Text,
        "a named cache: name=…,items=…,blocksize=…",
    )
    .many()
    .example("name=pages,items=1000")
    .planned("cache"),
    row(
        "queue",
        Takes::Integer(0, i64::MAX),
        "a shared queue with this many slots",
    )
    .example("100")
    .planned("queue and locks"),
    row("sharedarea", Takes::Text, "a shared block of memory")
        .short('A')
        .many()
        .example("10")
        .planned("queue and locks"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Sharing, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "the old way to a cache, and its details",
        Verdict::Planned("cache"),
        &[
            "add-cache-item",
            "cache",
            "cache-blocksize",
            "cache-expire-freq",
            "cache-store",
            "cache-store-sync",
            "cache-sync",
            "cache-udp-node",
            "cache-udp-server",
            "load-file-in-cache",
            "load-file-in-cache-gzip",
        ],
    )
    .flags(&[
        "cache-no-expire",
        "cache-report-freed-items",
        "cache-use-last-modified",
    ]),
    family(
        "details of queue, locks and calls",
        Verdict::Planned("queue and locks"),
        &[
            "queue-blocksize",
            "queue-store",
            "queue-store-sync",
            "locks",
            "rpc-max",
            "py-sharedarea",
        ],
    ),
    family(
        "how locks are made",
        Verdict::Ignored("it is chosen by need"),
        &["lock-engine", "ftok"],
    )
    .flags(&["persistent-ipcsem"]),
    family(
        "databases for configuration",
        Verdict::Refused("write the options into an ini file"),
        &["sqlite", "sqlite3"],
    ),
];
