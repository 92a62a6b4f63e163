//! Stopping, and replacing what runs.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Stop, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row("die-on-term", Takes::Flag, "stop on SIGTERM")
        .default("true")
        .changed("SIGTERM always stops gracefully; uWSGI reloads brutally without this option"),
    row(
        "drain-timeout",
        Takes::Seconds,
        "longest wait for running requests when stopping",
    )
    .common()
    .default("worker-reload-mercy, or 60")
    .example("25")
    .ours(),
    row(
        "drain-delay",
        Takes::Seconds,
        "keep accepting this long after the stop was asked for",
    )
    .default("0")
    .example("5")
    .ours(),
    row(
        "worker-reload-mercy",
        Takes::Seconds,
        "time a worker gets to finish before it is killed",
    )
    .default("60")
    .example("30"),
    row(
        "reload-mercy",
        Takes::Seconds,
        "time the other processes get to finish",
    )
    .example("30"),
    row("touch-reload", Takes::Path, "reload when this file changes")
        .many()
        .example("/srv/app/reload")
        .changed(
            "the app is loaded beside the running one; when that fails, the running one stays",
        ),
    row(
        "py-autoreload",
        Takes::Integer(0, 86400),
        "reload when the app's code changes",
    )
    .aliases(&["py-auto-reload", "python-auto-reload", "python-autoreload"])
    .example("1")
    .changed("a change that cannot be loaded leaves the running app as it is"),
    row("exit-on-reload", Takes::Flag, "end instead of reloading"),
    row(
        "touch-workers-reload",
        Takes::Path,
        "replace the workers when this file changes",
    )
    .many()
    .example("/srv/app/reload"),
    row(
        "touch-chain-reload",
        Takes::Path,
        "replace the workers one by one when this file changes",
    )
    .many()
    .example("/srv/app/reload"),
    row(
        "mule-reload-mercy",
        Takes::Seconds,
        "time a mule gets to finish before it is killed",
    )
    .example("60")
    .planned("mules"),
    row(
        "reload-on-exception",
        Takes::Flag,
        "replace a worker after an uncaught exception",
    )
    .changed("the next worker is ready before this one goes, and other requests finish"),
    row(
        "reload-on-exception-type",
        Takes::Text,
        "the same, only for this class",
    )
    .many()
    .example("MemoryError"),
    row(
        "reload-on-exception-value",
        Takes::Text,
        "the same, only with this text",
    )
    .many()
    .example("connection lost"),
    row(
        "reload-on-exception-repr",
        Takes::Text,
        "the same, only for this class and text",
    )
    .many()
    .example("OSError:connection lost"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Stop, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[family(
    "what else a changed file does",
    Verdict::Planned("reload"),
    &[
        "fs-brutal-reload",
        "fs-reload",
        "fs-signal",
        "touch-exec",
        "touch-mules-reload",
        "touch-signal",
        "touch-spoolers-reload",
        "py-auto-reload-ignore",
        "hook-touch",
    ],
)
.flags(&["propagate-touch"])];
