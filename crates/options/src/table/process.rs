//! The server as a process: who it runs as, its files, its name.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Process, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row("uid", Takes::Text, "user to run as")
        .common()
        .example("www-data")
        .aliases(&["immediate-uid"]),
    row("gid", Takes::Text, "group to run as")
        .common()
        .example("www-data")
        .aliases(&["immediate-gid"]),
    row("add-gid", Takes::Text, "supplementary group")
        .many()
        .example("ssl-cert"),
    row(
        "no-initgroups",
        Takes::Flag,
        "do not take the user's supplementary groups",
    ),
    row("umask", Takes::Umask, "umask of the server and the app").example("022"),
    row(
        "pidfile",
        Takes::Path,
        "write the server's pid, before privileges are dropped",
    )
    .common()
    .example("/run/app.pid"),
    row(
        "pidfile2",
        Takes::Path,
        "the same, after privileges were dropped",
    )
    .example("/run/app.pid"),
    row(
        "safe-pidfile",
        Takes::Path,
        "write the server's pid once it serves",
    )
    .example("/run/app.pid"),
    row(
        "safe-pidfile2",
        Takes::Path,
        "the same, after privileges were dropped",
    )
    .example("/run/app.pid"),
    row(
        "daemonize",
        Takes::Path,
        "go to the background, log to this file",
    )
    .short('d')
    .common()
    .example("/var/log/app.log"),
    row(
        "daemonize2",
        Takes::Path,
        "the same, once the app is loaded",
    )
    .example("/var/log/app.log"),
    row("procname", Takes::Text, "name of the processes").example("shop"),
    row(
        "auto-procname",
        Takes::Flag,
        "give each process a telling name",
    ),
    row(
        "procname-prefix",
        Takes::Text,
        "text in front of process names",
    )
    .example("shop-"),
    row(
        "procname-prefix-spaced",
        Takes::Text,
        "text and a blank in front of process names",
    )
    .example("shop"),
    row("procname-append", Takes::Text, "text behind process names").example("-blue"),
    row("procname-master", Takes::Text, "name of the server process").example("shop server"),
    row(
        "limit-as",
        Takes::Megabytes,
        "limit of address space, in MiB",
    )
    .example("2048")
    .changed("holds for the app's processes; the server needs none"),
    row(
        "honour-stdin",
        Takes::Flag,
        "keep standard input instead of /dev/null",
    )
    .ignored("standard input of the server is left alone"),
    row(
        "binary-path",
        Takes::Path,
        "path of uWSGI for starting it again",
    )
    .example("/usr/bin/uwsgi")
    .ignored("the server never starts itself again"),
    row(
        "master-fifo",
        Takes::Path,
        "named pipe that takes one-letter commands",
    )
    .many()
    .example("/run/app.fifo")
    .changed("the commands r R w W c q Q l s P; others are answered by a warning"),
    row(
        "max-fd",
        Takes::Integer(0, i64::MAX),
        "raise the limit of open files",
    )
    .example("10000"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Process, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "limits of the processes",
        Verdict::Planned("process limits"),
        &["limit-nproc", "prio"],
    ),
    family(
        "directory to start in",
        Verdict::Planned("process details"),
        &["force-cwd"],
    ),
    family(
        "memory of the processes",
        Verdict::Ignored("the kernel does well without"),
        &[],
    )
    .flags(&["never-swap"])
    .optional(&["ksm"]),
    family(
        "when privileges are dropped",
        Verdict::Ignored("the server drops them before any code of the app runs"),
        &[],
    )
    .flags(&["drop-after-apps", "drop-after-init"]),
    family(
        "one server at a time, by a lock on a file",
        Verdict::Planned("waiting at start"),
        &["flock", "flock-wait", "flock-wait2", "flock2"],
    ),
    family(
        "wait for something before the start",
        Verdict::Planned("waiting at start"),
        &[
            "wait-for-dir",
            "wait-for-file",
            "wait-for-fs",
            "wait-for-fs-timeout",
            "wait-for-iface",
            "wait-for-iface-timeout",
            "wait-for-interface",
            "wait-for-interface-timeout",
            "wait-for-mountpoint",
            "wait-for-socket",
            "wait-for-socket-timeout",
            "wait-iface",
            "wait-iface-timeout",
            "wait-interface",
            "wait-interface-timeout",
            "check-mount",
            "check-mountpoint",
            "mount-check",
            "mountpoint-check",
        ],
    ),
    family(
        "command a running server",
        Verdict::Planned("control commands"),
        &[
            "reload",
            "stop",
            "pause",
            "suspend",
            "resume",
            "signal",
            "connect-and-read",
        ],
    ),
    family(
        "tell systemd that the server is ready",
        Verdict::Planned("systemd"),
        &["notify-socket"],
    ),
    family(
        "descriptors that stay open",
        Verdict::Ignored("descriptors are never inherited unless they are meant to be"),
        &["fd-safe", "safe-fd"],
    ),
    family(
        "ends of the process",
        Verdict::Ignored("the server ends in order by itself"),
        &["backtrace-depth"],
    )
    .flags(&["skip-atexit", "skip-atexit-teardown", "use-abort"]),
    family(
        "another configuration when the start fails",
        Verdict::Planned("process details"),
        &["fallback-config"],
    ),
    family("load, but do not serve", Verdict::Planned("checks"), &[])
        .flags(&["no-server", "command-mode"]),
];
