//! Many servers under one roof, and clusters of them.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Emperor, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "emperor",
        Takes::Text,
        "run a server for each configuration in a directory",
    )
    .many()
    .example("/etc/uwsgi/vassals")
    .planned("emperor"),
    row(
        "vassals-include",
        Takes::Text,
        "a configuration every server of the emperor includes",
    )
    .many()
    .example("base.ini")
    .planned("emperor"),
    row(
        "subscribe-to",
        Takes::Text,
        "announce the server to a router: address:key",
    )
    .many()
    .example("127.0.0.1:7000:app.example.org")
    .planned("clusters"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Emperor, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "details of the emperor",
        Verdict::Planned("emperor"),
        &[
            "emperor-broodlord",
            "emperor-cap",
            "emperor-chdir-attr",
            "emperor-collect-attr",
            "emperor-collect-attribute",
            "emperor-command-socket",
            "emperor-curse-tolerance",
            "emperor-extra-ext",
            "emperor-extra-extension",
            "emperor-fork-server-attr",
            "emperor-freq",
            "emperor-max-throttle",
            "emperor-on-demand-dir",
            "emperor-on-demand-directory",
            "emperor-on-demand-exec",
            "emperor-on-demand-ext",
            "emperor-on-demand-extension",
            "emperor-pidfile",
            "emperor-procname",
            "emperor-proxy-socket",
            "emperor-required-heartbeat",
            "emperor-stats",
            "emperor-stats-server",
            "emperor-throttle",
            "emperor-trigger-socket",
            "emperor-use-clone",
            "emperor-use-fork-server",
            "emperor-wait-for-command-ignore",
            "emperor-wrapper",
            "emperor-wrapper-attr",
            "emperor-wrapper-fallback",
            "emperor-wrapper-override",
            "vassal-cap",
            "vassal-fork-base",
            "vassal-set",
            "vassal-sos",
            "vassal-sos-backlog",
            "vassals-cap",
            "vassals-include-before",
            "vassals-inherit",
            "vassals-inherit-before",
            "vassals-set",
            "vassals-start-hook",
            "vassals-stop-hook",
            "heartbeat",
            "fork-server",
            "fork-socket",
        ],
    )
    .flags(&[
        "emperor-graceful-shutdown",
        "emperor-magic-exec",
        "emperor-no-blacklist",
        "emperor-nofollow",
        "emperor-subreaper",
        "emperor-tyrant",
        "emperor-tyrant-initgroups",
        "emperor-tyrant-nofollow",
        "emperor-wait-for-command",
        "early-emperor",
    ]),
    family(
        "clusters of servers",
        Verdict::Planned("clusters"),
        &[
            "auto-weight",
            "cron-legion",
            "legion",
            "legion-attach-daemon",
            "legion-cron",
            "legion-death",
            "legion-death-on-lord-error",
            "legion-freq",
            "legion-join",
            "legion-lord",
            "legion-mcast",
            "legion-node",
            "legion-node-joined",
            "legion-node-left",
            "legion-quorum",
            "legion-scroll",
            "legion-scroll-list-max-size",
            "legion-scroll-max-size",
            "legion-setup",
            "legion-skew-tolerance",
            "legion-smart-attach-daemon",
            "legion-smart-attach-daemon2",
            "legion-tolerance",
            "legion-unlord",
            "multicast",
            "multicast-loop",
            "multicast-ttl",
            "resolve",
            "st",
            "subscribe",
            "subscribe-freq",
            "subscribe-with-modifier1",
            "subscribe2",
            "subscription-algo",
            "subscription-mountpoint",
            "subscription-mountpoints",
            "subscription-notify-socket",
            "subscription-tolerance",
            "subscription-tolerance-inactive",
            "subscriptions-credentials-check",
            "subscriptions-sign-check",
            "subscriptions-sign-check-tolerance",
            "subscriptions-sign-skip-uid",
            "udp",
            "unique-cron-legion",
            "unique-legion-cron",
            "weight",
            "zerg",
            "zerg-server",
            "cron-curl-legion",
            "curl-cron-legion",
            "legion-cron-curl",
            "legion-curl-cron",
            "zerg-pool",
            "zergpool",
        ],
    )
    .flags(&[
        "start-unsubscribed",
        "subscription-clear-on-shutdown",
        "subscription-dotsplit",
        "subscription-vassal-required",
        "subscriptions-use-credentials",
        "unsubscribe-on-graceful-reload",
        "zerg-fallback",
    ]),
    family(
        "the Zeus emperor",
        Verdict::Refused("use `emperor`"),
        &["zeus"],
    ),
];
