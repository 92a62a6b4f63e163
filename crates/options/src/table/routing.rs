//! Rules that answer, change or refuse requests before the app sees them.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Routing, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "route",
        Takes::Text,
        "rule on the path: pattern action:arguments",
    )
    .many()
    .example("^/old redirect:/new")
    .planned("routing rules"),
    row(
        "route-if",
        Takes::Text,
        "rule on a condition: condition action:arguments",
    )
    .many()
    .example("equal:${REQUEST_METHOD};TRACE break:405")
    .planned("routing rules"),
    row(
        "route-run",
        Takes::Text,
        "rule for every request: action:arguments",
    )
    .many()
    .example("addheader:X-Frame-Options: DENY")
    .planned("routing rules"),
    row(
        "route-user-agent",
        Takes::Text,
        "rule on the user agent: pattern action:arguments",
    )
    .many()
    .example("^probe donotlog:")
    .planned("routing rules"),
    row("add-header", Takes::Text, "add a field to every answer")
        .many()
        .example("X-Content-Type-Options: nosniff")
        .planned("routing rules"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Routing, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "further rules",
        Verdict::Planned("routing rules"),
        &[
            "route-host",
            "route-if-not",
            "route-label",
            "route-qs",
            "route-referer",
            "route-remote-addr",
            "route-remote-user",
            "route-uri",
            "error-route",
            "error-route-host",
            "error-route-if",
            "error-route-if-not",
            "error-route-label",
            "error-route-qs",
            "error-route-referer",
            "error-route-remote-addr",
            "error-route-remote-user",
            "error-route-run",
            "error-route-status",
            "error-route-uri",
            "error-route-user-agent",
            "final-route",
            "final-route-host",
            "final-route-if",
            "final-route-if-not",
            "final-route-label",
            "final-route-qs",
            "final-route-referer",
            "final-route-remote-addr",
            "final-route-remote-user",
            "final-route-run",
            "final-route-status",
            "final-route-uri",
            "final-route-user-agent",
            "response-route",
            "response-route-host",
            "response-route-if",
            "response-route-if-not",
            "response-route-label",
            "response-route-qs",
            "response-route-referer",
            "response-route-remote-addr",
            "response-route-remote-user",
            "response-route-run",
            "response-route-status",
            "response-route-uri",
            "response-route-user-agent",
        ],
    ),
    family(
        "fields of answers",
        Verdict::Planned("routing rules"),
        &[
            "del-header",
            "rem-header",
            "collect-header",
            "pull-header",
            "response-header-collect",
        ],
    ),
    family(
        "pages for errors",
        Verdict::Planned("error pages"),
        &["error-page-403", "error-page-404", "error-page-500"],
    ),
    family(
        "speed of regular expressions",
        Verdict::Ignored("it is chosen by need"),
        &[],
    )
    .flags(&["pcre-jit"]),
    family("answers from the cache", Verdict::Planned("cache"), &[]).optional(&["check-cache"]),
    family(
        "databases for rules",
        Verdict::Planned("routing rules"),
        &["geoip-city", "geoip-country", "ldap", "pam", "pam-user"],
    )
    .flags(&["geoip-use-disk", "ldap-schema", "ldap-schema-ldif"]),
];
