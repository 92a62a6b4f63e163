//! What is written down, and where.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Logging, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row("logto", Takes::Path, "write the log to this file")
        .common()
        .example("/var/log/app.log"),
    row(
        "logto2",
        Takes::Path,
        "the same, opened after privileges were dropped",
    )
    .example("/var/log/app.log"),
    row(
        "disable-logging",
        Takes::Flag,
        "no line per request (the log-4xx family still applies)",
    )
    .short('L')
    .common(),
    row(
        "log-format",
        Takes::Text,
        "template of the request line, with %(names)",
    )
    .aliases(&["logformat"])
    .common()
    .example("%(addr) %(method) %(uri) %(status) %(msecs)"),
    row(
        "log-format-strftime",
        Takes::Flag,
        "put the request line through strftime as well",
    )
    .aliases(&["logformat-strftime"])
    .changed("as uWSGI's documentation has it; uWSGI 2.0 writes `%Y` and its like as they stand"),
    row(
        "log-style",
        Takes::Choice(&["readable", "uwsgi"]),
        "look of the request line",
    )
    .default("readable; uwsgi with a uWSGI configuration")
    .example("readable")
    .ours(),
    row("log-4xx", Takes::Flag, "log requests answered with 4xx"),
    row("log-5xx", Takes::Flag, "log requests answered with 5xx"),
    row(
        "log-slow",
        Takes::Milliseconds,
        "log requests that take longer, in milliseconds",
    )
    .example("1000"),
    row("log-big", Takes::Size, "log answers larger than this").example("1048576"),
    row("log-zero", Takes::Flag, "log answers without a body"),
    row(
        "log-date",
        Takes::Text,
        "put the date in front of server lines; optional strftime form",
    )
    .aliases(&["logdate"])
    .optional()
    .example("%Y-%m-%d %H:%M:%S"),
    row("log-micros", Takes::Flag, "write durations in microseconds"),
    row(
        "log-x-forwarded-for",
        Takes::Flag,
        "log X-Forwarded-For as the client's address",
    ),
    row("logfile-chmod", Takes::Mode, "mode of the log file").example("640"),
    row("log-truncate", Takes::Flag, "empty the log file at start"),
    row(
        "log-master",
        Takes::Flag,
        "let the master write the workers' lines",
    )
    .ignored("the server always writes the log, in its own thread"),
    row("threaded-logger", Takes::Flag, "write the log in a thread")
        .ignored("the log is always written by its own thread"),
    row(
        "log-reopen",
        Takes::Flag,
        "open the log file anew after a reload",
    )
    .planned("log rotation"),
    row(
        "logger",
        Takes::Text,
        "where lines go: [name] plugin:arguments",
    )
    .many()
    .example("file:/var/log/app.log")
    .planned("loggers"),
    row(
        "req-logger",
        Takes::Text,
        "where request lines go: [name] plugin:arguments",
    )
    .aliases(&["logger-req"])
    .many()
    .example("file:/var/log/requests.log")
    .planned("loggers"),
    row(
        "log-route",
        Takes::Text,
        "lines that fit a pattern go to a logger: name pattern",
    )
    .many()
    .example("errors ERROR")
    .planned("loggers"),
    row(
        "log-encoder",
        Takes::Text,
        "form of the lines: encoder arguments",
    )
    .many()
    .example("nl")
    .planned("loggers"),
    row(
        "log-req-encoder",
        Takes::Text,
        "form of the request lines: encoder arguments",
    )
    .many()
    .example("nl")
    .planned("loggers"),
    row(
        "log-maxsize",
        Takes::Size,
        "start a new log file at this size",
    )
    .example("104857600")
    .planned("log rotation"),
    row("log-backupname", Takes::Path, "name of the old log file")
        .example("/var/log/app.log.1")
        .planned("log rotation"),
    row(
        "touch-logrotate",
        Takes::Path,
        "start a new log file when this file changes",
    )
    .many()
    .example("/run/app.rotate")
    .planned("log rotation"),
    row(
        "touch-logreopen",
        Takes::Path,
        "open the log file anew when this file changes",
    )
    .many()
    .example("/run/app.reopen")
    .planned("log rotation"),
    row(
        "logfile-chown",
        Takes::Flag,
        "give the log file to uid and gid",
    )
    .planned("log rotation"),
    row(
        "memory-report",
        Takes::Flag,
        "add memory use to the request line",
    )
    .short('m')
    .planned("statistics"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Logging, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "further loggers and filters",
        Verdict::Planned("loggers"),
        &[
            "log-drain",
            "log-filter",
            "log-req-route",
            "log-socket",
            "log-zeromq",
            "rsyslog-packet-size",
            "worker-log-encoder",
            "worker-log-req-encoder",
            "worker-logger",
            "worker-logger-req",
        ],
    )
    .flags(&["rsyslog-split-messages"])
    .optional(&["log-syslog", "log-prefix"]),
    family(
        "further requests to log",
        Verdict::Planned("request log"),
        &["log-ioerror", "log-sendfile"],
    ),
    family(
        "how the master collects lines",
        Verdict::Ignored("the server always writes the log, in its own thread"),
        &["log-master-bufsize"],
    )
    .flags(&["log-master-stream", "log-master-req-stream"]),
    family(
        "log requests that no plugin takes",
        Verdict::Ignored("every request goes to the Python app"),
        &[],
    )
    .flags(&["notfound-log"]),
];
