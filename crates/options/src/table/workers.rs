//! Who runs the application.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Workers, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "processes",
        Takes::Integer(1, 4096),
        "number of worker processes",
    )
    .aliases(&["workers"])
    .short('p')
    .common()
    .default("1")
    .example("4"),
    row(
        "threads",
        Takes::Threads,
        "threads per worker, or `auto` to grow and shrink by need",
    )
    .common()
    .default("auto; 1 with a uWSGI configuration")
    .example("8"),
    row(
        "max-threads",
        Takes::Integer(1, 4096),
        "most threads per worker with `threads = auto`",
    )
    .default("40")
    .example("64")
    .ours(),
    row("master", Takes::Flag, "supervise the workers")
        .short('M')
        .default("true")
        .changed("workers are always supervised"),
    row(
        "offload-threads",
        Takes::Integer(0, 4096),
        "threads that send files for the workers",
    )
    .aliases(&["offload-thread"])
    .example("2")
    .ignored("files are always sent by the server, never by a worker"),
    row(
        "no-orphans",
        Takes::Flag,
        "end the workers when the master dies",
    )
    .ignored("workers always end with the server"),
    row(
        "reaper",
        Takes::Flag,
        "reap every child before each request",
    )
    .short('r')
    .ignored("children are always reaped"),
    row("harakiri", Takes::Seconds, "time limit of a request")
        .short('t')
        .common()
        .example("60")
        .changed(
            "only the late request ends, with 504; the worker is replaced if that does not help",
        ),
    row(
        "harakiri-verbose",
        Takes::Flag,
        "say more about a request that took too long",
    )
    .ignored("stack, system call and its other end are always told"),
    row(
        "harakiri-graceful-timeout",
        Takes::Seconds,
        "time to give up a late request before the worker is replaced",
    )
    .default("2")
    .example("5")
    .changed("the worker is not told by a signal; its other requests may finish after that"),
    row(
        "harakiri-graceful-signal",
        Takes::Integer(1, 64),
        "signal for the polite end",
    )
    .example("15")
    .ignored("a worker is told on its link, not by a signal"),
    row(
        "blocked-warning",
        Takes::Milliseconds,
        "tell when a gevent worker stands still for so long; 0 for never",
    )
    .default("250")
    .example("500")
    .ours(),
    row(
        "max-requests",
        Takes::Integer(0, i64::MAX),
        "replace a worker after this many requests",
    )
    .short('R')
    .example("5000")
    .changed("the next worker is ready before this one goes"),
    row(
        "max-requests-delta",
        Takes::Integer(0, i64::MAX),
        "spread of max-requests between workers",
    )
    .example("50"),
    row(
        "max-worker-lifetime",
        Takes::Seconds,
        "replace a worker after this time",
    )
    .example("3600")
    .changed("the next worker is ready before this one goes"),
    row(
        "max-worker-lifetime-delta",
        Takes::Seconds,
        "spread of max-worker-lifetime between workers",
    )
    .example("60"),
    row(
        "min-worker-lifetime",
        Takes::Seconds,
        "do not replace a worker sooner",
    )
    .example("10"),
    row(
        "reload-on-rss",
        Takes::Megabytes,
        "replace a worker above this memory, in MiB",
    )
    .example("512")
    .changed("looked at every second; the next worker is ready before this one goes"),
    row(
        "reload-on-as",
        Takes::Megabytes,
        "replace a worker above this address space, in MiB",
    )
    .example("2048")
    .changed("looked at every second; the next worker is ready before this one goes"),
    row(
        "evil-reload-on-rss",
        Takes::Megabytes,
        "kill a worker above this memory, in MiB",
    )
    .example("1024"),
    row(
        "evil-reload-on-as",
        Takes::Megabytes,
        "kill a worker above this address space, in MiB",
    )
    .example("4096"),
    row(
        "cheaper",
        Takes::Integer(0, 4096),
        "least number of workers; more come by need",
    )
    .example("2")
    .planned("adaptive workers"),
    row(
        "cheaper-initial",
        Takes::Integer(0, 4096),
        "number of workers at start",
    )
    .example("2")
    .planned("adaptive workers"),
    row(
        "cheaper-step",
        Takes::Integer(0, 4096),
        "workers added at once",
    )
    .example("1")
    .planned("adaptive workers"),
    row(
        "cheaper-algo",
        Takes::Text,
        "how the number of workers is chosen",
    )
    .example("spare")
    .planned("adaptive workers"),
    row(
        "idle",
        Takes::Seconds,
        "stop the workers after this long without a request",
    )
    .example("60")
    .planned("adaptive workers"),
    row("cheap", Takes::Flag, "start workers with the first request").planned("adaptive workers"),
    row(
        "die-on-idle",
        Takes::Flag,
        "end instead of stopping the workers when idle",
    )
    .planned("adaptive workers"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Workers, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "details of adaptive workers",
        Verdict::Planned("adaptive workers"),
        &[
            "cheaper-idle",
            "cheaper-overload",
            "cheaper-rss-limit-hard",
            "cheaper-rss-limit-soft",
            "cheaper-busyness-backlog-alert",
            "cheaper-busyness-backlog-multiplier",
            "cheaper-busyness-backlog-nonzero",
            "cheaper-busyness-backlog-step",
            "cheaper-busyness-max",
            "cheaper-busyness-min",
            "cheaper-busyness-multiplier",
            "cheaper-busyness-penalty",
        ],
    )
    .flags(&["cheaper-busyness-verbose", "die-on-no-workers"]),
    family(
        "when workers are replaced",
        Verdict::Planned("recycling"),
        &[
            "reload-on-pss",
            "reload-on-uss",
            "reload-on-fd",
            "brutal-reload-on-fd",
            "mem-collector-freq",
        ],
    ),
    family(
        "a time limit only while many wait",
        Verdict::Planned("deadlines"),
        &["harakiri-queue-threshold"],
    ),
    family(
        "when the time limit does not count",
        Verdict::Ignored("it ends with the answer"),
        &[],
    )
    .flags(&[
        "harakiri-no-arh",
        "no-harakiri-after-req-hook",
        "no-harakiri-arh",
    ]),
    family(
        "stack of threads, in KiB",
        Verdict::Planned("thread stacks"),
        &[
            "thread-stack-size",
            "thread-stacksize",
            "threads-stack-size",
            "threads-stacksize",
        ],
    ),
    family(
        "processors of each worker",
        Verdict::Planned("processor affinity"),
        &["cpu-affinity"],
    ),
    family(
        "a command instead of a worker",
        Verdict::Planned("services"),
        &["worker-exec", "worker-exec2"],
    ),
    family(
        "do not wait for threads at the end",
        Verdict::Ignored("a worker waits no longer than worker-reload-mercy"),
        &[],
    )
    .flags(&["no-threads-wait"]),
    family(
        "pause before a worker is started again",
        Verdict::Ignored("workers that keep dying are started again more and more slowly"),
        &["forkbomb-delay"],
    ),
    family(
        "how often the master looks around",
        Verdict::Ignored("nothing is polled"),
        &["check-interval"],
    ),
    family(
        "keep the master as root",
        Verdict::Ignored("privileges are dropped once and for good"),
        &[],
    )
    .flags(&["master-as-root"]),
    family(
        "fork the server again",
        Verdict::Ignored("the server never forks itself"),
        &[],
    )
    .flags(&[
        "re-fork",
        "re-fork-as-root",
        "re-fork-post-jail",
        "refork",
        "refork-as-root",
        "refork-post-jail",
    ]),
];
