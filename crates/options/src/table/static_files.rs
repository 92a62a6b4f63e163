//! Files that are served without asking the app.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::StaticFiles, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "static-map",
        Takes::Text,
        "serve a directory below a path: /path=directory",
    )
    .many()
    .example("/static=/srv/app/static")
    .planned("static files"),
    row(
        "static-map2",
        Takes::Text,
        "the same; the path is part of the file's name",
    )
    .many()
    .example("/static=/srv/app")
    .planned("static files"),
    row(
        "check-static",
        Takes::Path,
        "serve files of this directory where they exist",
    )
    .aliases(&["static-check"])
    .many()
    .example("/srv/app/public")
    .planned("static files"),
    row(
        "static-expires",
        Takes::Text,
        "Expires header by file name: pattern seconds",
    )
    .many()
    .example("/static/* 86400")
    .planned("static files"),
    row(
        "static-index",
        Takes::Text,
        "file that stands for its directory",
    )
    .many()
    .example("index.html")
    .planned("static files"),
    row(
        "static-gzip-all",
        Takes::Flag,
        "serve the .gz or .br file beside a file",
    )
    .planned("static files"),
    row(
        "static-gzip-dir",
        Takes::Path,
        "the same for files of this directory",
    )
    .aliases(&["static-gzip-prefix"])
    .many()
    .example("/srv/app/static")
    .planned("static files"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::StaticFiles, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "details of static files",
        Verdict::Planned("static files"),
        &[
            "static-cache-paths",
            "static-cache-paths-name",
            "static-expires-mtime",
            "static-expires-path-info",
            "static-expires-path-info-mtime",
            "static-expires-type",
            "static-expires-type-mtime",
            "static-expires-uri",
            "static-expires-uri-mtime",
            "static-gzip",
            "static-gzip-ext",
            "static-gzip-suffix",
            "static-safe",
            "static-skip-ext",
            "mime-file",
            "mimefile",
            "file-serve-mode",
            "fileserve-mode",
        ],
    )
    .flags(&["check-static-docroot", "honour-range"]),
    family(
        "send files without sendfile",
        Verdict::Ignored("it is chosen by need"),
        &[],
    )
    .flags(&["disable-sendfile"]),
];
