//! Encrypted connections.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Tls, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "https",
        Takes::Text,
        "serve HTTPS: address,certificate,key[,ciphers[,client CA]]",
    )
    .many()
    .example(":8443,server.crt,server.key")
    .planned("TLS"),
    row(
        "https2",
        Takes::Text,
        "serve HTTPS, described by key=value pairs",
    )
    .many()
    .example("addr=:8443,cert=server.crt,key=server.key")
    .planned("TLS"),
    row(
        "https-socket",
        Takes::Text,
        "serve HTTPS: address,certificate,key[,ciphers[,client CA]]",
    )
    .aliases(&["ssl-socket"])
    .many()
    .example(":8443,server.crt,server.key")
    .planned("TLS"),
    row(
        "suwsgi-socket",
        Takes::Text,
        "serve the uwsgi protocol over TLS",
    )
    .many()
    .example(":3032,server.crt,server.key")
    .planned("TLS"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Tls, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "server name indication",
        Verdict::Planned("TLS"),
        &["sni", "sni-dir", "sni-dir-ciphers", "sni-regexp"],
    ),
    family(
        "sessions and details of TLS",
        Verdict::Planned("TLS"),
        &[
            "ssl-session-timeout",
            "ssl-sessions-timeout",
            "ssl-tmp-dir",
            "https-session-context",
        ],
    )
    .flags(&["ssl-verbose", "https-export-cert"])
    .optional(&[
        "ssl-session-use-cache",
        "ssl-sessions-use-cache",
        "ssl-verify-depth",
    ]),
    family(
        "old versions of SSL",
        Verdict::Refused("leave it out; these versions are broken and no client needs them"),
        &[],
    )
    .flags(&[
        "ssl-enable-sslv3",
        "ssl-enable-tlsv1",
        "ssl-enable3",
        "ssl-option",
    ]),
    family(
        "which plugin gets the requests of a socket",
        Verdict::Ignored("every request goes to the Python app"),
        &["https-socket-modifier1", "https-socket-modifier2"],
    ),
];
