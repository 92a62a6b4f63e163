//! uWSGI's plugins for other languages: Verdigris serves Python.

use super::family::Family;
use super::{Group, Row, Verdict};

pub(super) const ROWS: &[Row] = &[];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Languages, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "PHP",
        Verdict::Refused("run it with php-fpm"),
        &[
            "early-php-sapi-name",
            "php-allowed-docroot",
            "php-allowed-ext",
            "php-allowed-script",
            "php-app",
            "php-app-bypass",
            "php-app-qs",
            "php-config",
            "php-config-append",
            "php-constant",
            "php-docroot",
            "php-exec-after",
            "php-exec-before",
            "php-exec-begin",
            "php-exec-end",
            "php-fallback",
            "php-fallback-qs",
            "php-fallback2",
            "php-index",
            "php-ini",
            "php-ini-append",
            "php-mount",
            "php-sapi-name",
            "php-server-software",
            "php-set",
            "php-var",
        ],
    )
    .flags(&["early-php", "php-dump-config"]),
    family(
        "Perl",
        Verdict::Refused("run it with Starman or another PSGI server"),
        &[
            "early-perl",
            "early-perl-exec",
            "early-psgi",
            "perl-arg",
            "perl-args",
            "perl-auto-reload",
            "perl-auto-reload-ignore",
            "perl-exec",
            "perl-exec-post-fork",
            "perl-local-lib",
            "psgi",
        ],
    )
    .flags(&[
        "perl-no-die-catch",
        "perl-no-plack",
        "perl-version",
        "plshell-oneshot",
        "psgi-enable-psgix-io",
    ])
    .optional(&["plshell"]),
    family(
        "Ruby",
        Verdict::Refused("run it with Puma"),
        &[
            "gemset",
            "rack",
            "rails",
            "rb-gc-freq",
            "rb-lib",
            "rb-require",
            "rbrequire",
            "require",
            "ruby-gc-freq",
            "ruby-lib",
            "ruby-require",
            "rubyrequire",
            "rvm",
            "rvm-path",
            "shared-rb-require",
            "shared-rbrequire",
            "shared-require",
            "shared-ruby-require",
            "shared-rubyrequire",
        ],
    )
    .flags(&[
        "rbshell-oneshot",
        "rb-thread",
        "rb-threads",
        "rbthread",
        "rbthreads",
    ])
    .optional(&["rbshell"]),
    family(
        "Lua",
        Verdict::Refused("run it with OpenResty"),
        &[
            "lua",
            "lua-load",
            "lua-postfork-mule",
            "lua-postfork-spooler",
            "lua-postfork-worker",
            "lua-postload",
        ],
    )
    .flags(&[
        "lua-gc-freq",
        "lua-gc-full",
        "lua-shell",
        "lua-shell-oneshot",
        "luashell",
        "luashell-oneshot",
    ]),
    family(
        "Java and Clojure",
        Verdict::Refused("run it with a servlet container"),
        &[
            "jvm-class",
            "jvm-classpath",
            "jvm-main-class",
            "jvm-opt",
            "jwsgi",
            "clojure-load",
            "ring-app",
            "ring-load",
        ],
    ),
    family(
        ".NET",
        Verdict::Refused("run it with Kestrel"),
        &[
            "mono-app",
            "mono-assembly",
            "mono-config",
            "mono-exec",
            "mono-gc-freq",
            "mono-index",
            "mono-key",
            "mono-version",
        ],
    ),
    family(
        "Go",
        Verdict::Refused("a Go program serves by itself"),
        &["gccgo-args", "gccgo-load", "go-args", "go-load"],
    ),
    family(
        "PyPy as a plugin",
        Verdict::Refused("name a CPython environment with `home`"),
        &[
            "pypy-eval",
            "pypy-eval-post-fork",
            "pypy-exec",
            "pypy-exec-post-fork",
            "pypy-home",
            "pypy-ini-paste",
            "pypy-lib",
            "pypy-paste",
            "pypy-pp",
            "pypy-python-path",
            "pypy-pythonpath",
            "pypy-setup",
            "pypy-wsgi",
            "pypy-wsgi-file",
        ],
    ),
    family(
        "CGI scripts",
        Verdict::Refused("run them with a web server that speaks CGI"),
        &[
            "cgi",
            "cgi-allowed-ext",
            "cgi-buffer-size",
            "cgi-helper",
            "cgi-index",
            "cgi-loadlib",
            "cgi-map-helper",
            "cgi-safe",
            "cgi-timeout",
            "cgi-unset",
        ],
    )
    .flags(&[
        "cgi-async-max-attempts",
        "cgi-close-stdin-on-eof",
        "cgi-do-not-kill-on-error",
        "cgi-dontresolve",
        "cgi-from-docroot",
        "cgi-optimize",
        "cgi-optimized",
        "cgi-path-info",
    ]),
    family(
        "XSLT",
        Verdict::Refused("transform documents in the app"),
        &[
            "xslt-content-type",
            "xslt-docroot",
            "xslt-ext",
            "xslt-stylesheet",
            "xslt-var",
        ],
    ),
];
