//! Numbers about the server, and alarms when they are bad.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Statistics, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "stats",
        Takes::Address,
        "serve statistics as JSON on this address",
    )
    .aliases(&["stats-server"])
    .many()
    .example("127.0.0.1:9191")
    .planned("statistics"),
    row(
        "stats-http",
        Takes::Flag,
        "put an HTTP head in front of the statistics",
    )
    .planned("statistics"),
    row(
        "stats-push",
        Takes::Text,
        "send statistics to another system",
    )
    .many()
    .example("statsd:127.0.0.1:8125,app")
    .planned("statistics"),
    row(
        "alarm",
        Takes::Text,
        "what an alarm does: name plugin:arguments",
    )
    .many()
    .example("mail cmd:mail -s alarm ops")
    .planned("alarms"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Statistics, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "details of statistics",
        Verdict::Planned("statistics"),
        &["stats-pusher-default-freq", "stats-pushers-default-freq"],
    )
    .flags(&[
        "stats-min",
        "stats-minified",
        "stats-no-cores",
        "stats-no-metrics",
        "statsd-all-gauges",
        "statsd-no-workers",
    ]),
    family(
        "metrics of your own",
        Verdict::Planned("statistics"),
        &["metric", "metric-dir", "metric-threshold", "metrics-dir"],
    )
    .flags(&[
        "enable-metrics",
        "metric-dir-restore",
        "metrics-dir-restore",
        "metrics-no-cores",
    ]),
    family(
        "when an alarm is raised",
        Verdict::Planned("alarms"),
        &[
            "alarm-backlog",
            "alarm-cheap",
            "alarm-fd",
            "alarm-freq",
            "alarm-listen-queue",
            "alarm-log",
            "alarm-lq",
            "alarm-metric",
            "alarm-msg-size",
            "alarm-segfault",
            "backlog-alarm",
            "listen-queue-alarm",
            "log-alarm",
            "lq-alarm",
            "metric-alarm",
            "not-alarm-log",
            "not-log-alarm",
            "segfault-alarm",
            "exception-handler",
        ],
    ),
    family(
        "other monitoring systems",
        Verdict::Planned("statistics"),
        &[
            "carbon",
            "carbon-freq",
            "carbon-hostname-dots",
            "carbon-id",
            "carbon-idle-avg",
            "carbon-max-retry",
            "carbon-retry-delay",
            "carbon-root",
            "carbon-timeout",
            "rrdtool",
            "rrdtool-freq",
            "rrdtool-lib",
            "snmp-community",
            "ping",
            "ping-timeout",
        ],
    )
    .flags(&[
        "carbon-name-resolve",
        "carbon-no-workers",
        "carbon-resolve-names",
        "carbon-use-metrics",
        "nagios",
    ])
    .optional(&["snmp", "zabbix-template"]),
    family(
        "trace every call",
        Verdict::Planned("profiler"),
        &["profiler"],
    ),
];
