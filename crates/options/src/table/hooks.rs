//! Commands and actions at certain moments of the server's life.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Hooks, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "hook-master-start",
        Takes::Text,
        "action when the server starts",
    )
    .many()
    .example("exec:touch /run/started")
    .planned("hooks"),
    row(
        "hook-pre-app",
        Takes::Text,
        "action before the app is loaded",
    )
    .many()
    .example("exec:./manage.py migrate")
    .planned("hooks"),
    row("hook-post-fork", Takes::Text, "action in each new worker")
        .many()
        .example("chdir:/srv/app")
        .planned("hooks"),
    row(
        "hook-accepting1",
        Takes::Text,
        "action once the first worker serves",
    )
    .many()
    .example("exec:touch /run/ready")
    .planned("hooks"),
    row(
        "hook-as-root",
        Takes::Text,
        "action before privileges are dropped",
    )
    .many()
    .example("exec:sysctl -w net.core.somaxconn=1024")
    .planned("hooks"),
    row("exec-as-user-atexit", Takes::Text, "command at the end")
        .many()
        .example("rm -f /run/app.tmp")
        .planned("hooks"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Hooks, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "further hooks",
        Verdict::Planned("hooks"),
        &[
            "after-request-call",
            "after-request-hook",
            "call-as-emperor",
            "call-as-emperor1",
            "call-as-emperor2",
            "call-as-emperor4",
            "call-as-root",
            "call-as-user",
            "call-as-user-atexit",
            "call-as-vassal",
            "call-as-vassal1",
            "call-as-vassal3",
            "call-asap",
            "call-in-jail",
            "call-post-app",
            "call-post-jail",
            "call-pre-app",
            "call-pre-jail",
            "exec-as-emperor",
            "exec-as-root",
            "exec-as-user",
            "exec-as-vassal",
            "exec-asap",
            "exec-in-jail",
            "exec-post-app",
            "exec-post-jail",
            "exec-pre-app",
            "exec-pre-jail",
            "hook-accepting",
            "hook-accepting-once",
            "hook-accepting1-once",
            "hook-as-emperor",
            "hook-as-emperor-before-vassal",
            "hook-as-emperor-setns",
            "hook-as-gateway",
            "hook-as-mule",
            "hook-as-on-config-vassal",
            "hook-as-on-demand-vassal",
            "hook-as-user",
            "hook-as-user-atexit",
            "hook-as-vassal",
            "hook-as-vassal-before-drop",
            "hook-asap",
            "hook-emperor-lost",
            "hook-emperor-reload",
            "hook-emperor-start",
            "hook-emperor-stop",
            "hook-in-jail",
            "hook-post-app",
            "hook-post-jail",
            "hook-pre-jail",
            "mount-as-emperor",
            "mount-as-root",
            "mount-as-vassal",
            "mount-asap",
            "mount-in-jail",
            "mount-post-jail",
            "mount-pre-jail",
            "umount-as-emperor",
            "umount-as-root",
            "umount-as-vassal",
            "umount-asap",
            "umount-in-jail",
            "umount-post-jail",
            "umount-pre-jail",
        ],
    ),
    family(
        "shell for commands, files to write",
        Verdict::Planned("hooks"),
        &["binsh", "file-write"],
    ),
    family(
        "call symbols of the program",
        Verdict::Refused("use a hook or a Python module; there are no symbols to call"),
        &[
            "dlopen",
            "print-sym",
            "print-symbol",
            "symcall",
            "symcall-post-fork",
            "symcall-register-rpc",
        ],
    )
    .flags(&["symcall-use-next"]),
];
