//! gunicorn's settings and Granian's options, and what each is called here. The command line takes
//! the names that uWSGI does not use itself.

/// What a setting is called here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Means {
    /// This option, with the same value; the text says what is different, if anything is.
    Option(&'static str, &'static str),
    /// A flag that is this option with this value (or `true`) when it is on (or off).
    Switch((&'static str, &'static str), bool, &'static str),
    /// Nothing is needed, for this reason.
    Nothing(&'static str),
    /// Nothing does it; the text says what to do instead.
    Missing(&'static str),
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// The name in the configuration file.
    pub(crate) name: &'static str,
    /// The name on the command line, without dashes; empty when there is none or uWSGI uses it.
    pub(crate) flag: &'static str,
    /// Whether the command line has a value behind it.
    pub(crate) value: bool,
    /// What it is called here.
    pub(crate) means: Means,
}

const fn with(name: &'static str, flag: &'static str, means: Means) -> Setting {
    Setting {
        name,
        flag,
        value: true,
        means,
    }
}

const fn flag(name: &'static str, flag: &'static str, means: Means) -> Setting {
    Setting {
        name,
        flag,
        value: false,
        means,
    }
}

use Means::{Missing, Nothing, Option as Is, Switch};

const PROXY: &str = "X-Forwarded-For is believed only with `log-x-forwarded-for`";
const LOG: &str = "there is one log, on standard error; `logto = FILE` writes it to a file";
const RUST: &str = "threads and buffers of the server need no tuning";
const HOOK: &str = "it is not called; put the work into the app's module or a `@postfork` function";
const TLS: &str =
    "let the web server in front speak TLS; there will be `https = ADDRESS,CERTIFICATE,KEY`";
const STRICT: &str = "such requests are always refused: they are how requests are smuggled";
const FILES: &str = "serve files from the web server in front; `static-map = /path=directory` is accepted, not active yet";
const STATSD: &str =
    "count the lines of the request log; `stats = ADDRESS` is accepted, not active yet";

/// Every setting.
pub(crate) const SETTINGS: &[Setting] = &[
    with("wsgi_app", "", Is("module", "")),
    with("bind", "", Is("http-socket", "")),
    with("backlog", "backlog", Is("listen", "")),
    with("workers", "", Is("processes", "")),
    with("worker_class", "", Is("worker-class", "")),
    with("threads", "", Is("threads", "")),
    with(
        "worker_connections",
        "worker-connections",
        Nothing("with gevent write `gevent = N`; other engines have no such limit"),
    ),
    with("max_requests", "", Is("max-requests", "")),
    with(
        "max_requests_jitter",
        "max-requests-jitter",
        Is("max-requests-delta", ""),
    ),
    with(
        "timeout",
        "timeout",
        Is(
            "harakiri",
            "a deadline for each request, kept by the server; gunicorn kills a worker that is silent this long, with everything it serves",
        ),
    ),
    with(
        "graceful_timeout",
        "graceful-timeout",
        Is("drain-timeout", ""),
    ),
    with("keepalive", "keep-alive", Is("http-keepalive", "")),
    with(
        "limit_request_line",
        "limit-request-line",
        Nothing("`buffer-size` limits the whole head, 64 KiB by default"),
    ),
    with(
        "limit_request_fields",
        "limit-request-fields",
        Is("max-fields", ""),
    ),
    with(
        "limit_request_field_size",
        "limit-request-field_size",
        Nothing("`buffer-size` limits the whole head, 64 KiB by default"),
    ),
    flag(
        "reload",
        "",
        Switch(("py-autoreload", "1"), true, "for development"),
    ),
    with(
        "reload_engine",
        "reload-engine",
        Nothing("there is one way to watch files"),
    ),
    with(
        "reload_extra_files",
        "reload-extra-file",
        Is("touch-reload", ""),
    ),
    flag(
        "spew",
        "spew",
        Missing("use a debugger or `verdigris` with a profiler"),
    ),
    flag(
        "check_config",
        "check-config",
        Missing("`verdigris check FILE` does it"),
    ),
    flag(
        "print_config",
        "print-config",
        Missing("`verdigris config FILE --show` does it"),
    ),
    flag(
        "preload_app",
        "preload",
        Nothing(
            "the app is loaded once before the workers are forked; `lazy-apps = true` is the opposite",
        ),
    ),
    flag(
        "sendfile",
        "no-sendfile",
        Nothing("files always go out by sendfile"),
    ),
    flag("reuse_port", "", Is("reuse-port", "")),
    with("chdir", "", Is("chdir", "")),
    flag(
        "daemon",
        "daemon",
        Missing("write `daemonize = FILE`, or better let systemd run it"),
    ),
    with("raw_env", "", Is("env", "")),
    with("pidfile", "pid", Is("pidfile", "")),
    with(
        "worker_tmp_dir",
        "worker-tmp-dir",
        Nothing("workers prove that they live through shared memory"),
    ),
    with(
        "tmp_upload_dir",
        "",
        Nothing("bodies are kept in memory or in $TMPDIR"),
    ),
    with("user", "user", Is("uid", "")),
    with("group", "group", Is("gid", "")),
    with("umask", "", Is("umask", "")),
    flag("initgroups", "", Nothing("it is always done")),
    with(
        "secure_scheme_headers",
        "",
        Nothing("X-Forwarded-Proto decides `wsgi.url_scheme`"),
    ),
    with("forwarded_allow_ips", "forwarded-allow-ips", Nothing(PROXY)),
    with("proxy_allow_ips", "proxy-allow-from", Nothing(PROXY)),
    flag(
        "proxy_protocol",
        "proxy-protocol",
        Switch(("http-enable-proxy-protocol", ""), true, ""),
    ),
    with("pythonpath", "", Is("pythonpath", "")),
    with("paste", "", Missing("load the app in a module of your own")),
    with("accesslog", "access-logfile", Nothing(LOG)),
    with("errorlog", "error-logfile", Nothing(LOG)),
    with("errorlog", "log-file", Nothing(LOG)),
    with(
        "access_log_format",
        "access-logformat",
        Missing("write a `log-format` with uWSGI's `%(name)` words"),
    ),
    flag(
        "disable_redirect_access_to_syslog",
        "disable-redirect-access-to-syslog",
        Nothing(LOG),
    ),
    with(
        "loglevel",
        "log-level",
        Nothing("the server has one level; `disable-logging` leaves request lines out"),
    ),
    flag(
        "capture_output",
        "capture-output",
        Nothing("what the app prints is always in the log"),
    ),
    with(
        "logger_class",
        "logger-class",
        Missing("configure logging in the app"),
    ),
    with(
        "logconfig",
        "log-config",
        Missing("configure logging in the app"),
    ),
    with(
        "logconfig_dict",
        "",
        Missing("configure logging in the app"),
    ),
    with(
        "logconfig_json",
        "log-config-json",
        Missing("configure logging in the app"),
    ),
    flag(
        "syslog",
        "",
        Missing("let systemd or the container runtime collect standard error"),
    ),
    with(
        "syslog_addr",
        "log-syslog-to",
        Missing("let systemd or the container runtime collect standard error"),
    ),
    with(
        "syslog_prefix",
        "log-syslog-prefix",
        Nothing("there is no syslog"),
    ),
    with(
        "syslog_facility",
        "log-syslog-facility",
        Nothing("there is no syslog"),
    ),
    flag(
        "enable_stdio_inheritance",
        "enable-stdio-inheritance",
        Nothing("what the app prints is always in the log"),
    ),
    with("statsd_host", "statsd-host", Missing(STATSD)),
    with("statsd_prefix", "statsd-prefix", Missing(STATSD)),
    with("dogstatsd_tags", "dogstatsd-tags", Missing(STATSD)),
    with("proc_name", "", Is("procname", "")),
    with("certfile", "certfile", Missing(TLS)),
    with("keyfile", "keyfile", Missing(TLS)),
    with("ssl_version", "ssl-version", Missing(TLS)),
    with("ssl_context", "", Missing(TLS)),
    with("cert_reqs", "cert-reqs", Missing(TLS)),
    with("ca_certs", "ca-certs", Missing(TLS)),
    with("ciphers", "ciphers", Missing(TLS)),
    flag("suppress_ragged_eofs", "", Missing(TLS)),
    flag("do_handshake_on_connect", "", Missing(TLS)),
    flag("strip_header_spaces", "", Missing(STRICT)),
    flag(
        "permit_obsolete_folding",
        "permit-obsolete-folding",
        Missing(STRICT),
    ),
    flag(
        "permit_unconventional_http_method",
        "permit-unconventional-http-method",
        Nothing("methods reach the app as they come"),
    ),
    flag(
        "permit_unconventional_http_version",
        "permit-unconventional-http-version",
        Missing(STRICT),
    ),
    flag(
        "casefold_http_method",
        "casefold-http-method",
        Nothing("methods reach the app as they come"),
    ),
    with("forwarder_headers", "forwarder-headers", Nothing(PROXY)),
    with(
        "config",
        "",
        Missing("a file names no other file; explain that one on its own"),
    ),
    with(
        "default_proc_name",
        "",
        Nothing("processes are named by `procname`"),
    ),
    with(
        "raw_paste_global_conf",
        "paste-global",
        Missing("load the app in a module of your own"),
    ),
    with(
        "header_map",
        "header-map",
        Nothing("headers with underscores are dropped; `underscores-in-headers` lets them in"),
    ),
    flag("on_starting", "", Missing(HOOK)),
    flag("on_reload", "", Missing(HOOK)),
    flag("when_ready", "", Missing(HOOK)),
    flag("pre_fork", "", Missing(HOOK)),
    flag("post_fork", "", Missing(HOOK)),
    flag("post_worker_init", "", Missing(HOOK)),
    flag("worker_int", "", Missing(HOOK)),
    flag("worker_abort", "", Missing(HOOK)),
    flag("pre_exec", "", Missing(HOOK)),
    flag("pre_request", "", Missing(HOOK)),
    flag("post_request", "", Missing(HOOK)),
    flag("child_exit", "", Missing(HOOK)),
    flag("worker_exit", "", Missing(HOOK)),
    flag("nworkers_changed", "", Missing(HOOK)),
    flag("on_exit", "", Missing(HOOK)),
    // Granian's command line.
    with(
        "",
        "interface",
        Nothing("WSGI or ASGI is found out from the app"),
    ),
    with("", "blocking-threads", Is("threads", "")),
    with("", "runtime-threads", Nothing(RUST)),
    with("", "runtime-blocking-threads", Nothing(RUST)),
    with("", "runtime-mode", Nothing(RUST)),
    with("", "backpressure", Is("request-queue", "")),
    with("", "task-impl", Nothing("asyncio runs tasks its own way")),
    flag("", "ws", Nothing("WebSockets belong to the app")),
    flag("", "no-ws", Nothing("WebSockets belong to the app")),
    flag(
        "",
        "access-log",
        Nothing("requests are logged unless `disable-logging` is on"),
    ),
    flag(
        "",
        "no-access-log",
        Switch(("disable-logging", ""), true, ""),
    ),
    with(
        "",
        "access-log-fmt",
        Missing("write a `log-format` with uWSGI's `%(name)` words"),
    ),
    with("", "static-path-route", Missing(FILES)),
    with("", "static-path-mount", Missing(FILES)),
    with("", "static-path-expires", Missing(FILES)),
    with("", "working-dir", Is("chdir", "")),
    with("", "process-name", Is("procname", "")),
    with("", "pid-file", Is("pidfile", "")),
    with("", "workers-kill-timeout", Is("drain-timeout", "")),
    with("", "workers-lifetime", Is("max-worker-lifetime", "")),
    flag(
        "",
        "respawn-failed-workers",
        Nothing("workers that die are always replaced"),
    ),
    flag(
        "",
        "factory",
        Missing("name the factory with its brackets: `module:create_app()`"),
    ),
    with("", "ssl-certificate", Missing(TLS)),
    with("", "ssl-keyfile", Missing(TLS)),
];

/// The setting with this name in gunicorn's configuration file.
pub(crate) fn find(name: &str) -> std::option::Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.name == name && !name.is_empty())
}

/// The setting with this name on gunicorn's or Granian's command line.
pub(crate) fn find_flag(typed: &str) -> std::option::Option<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.flag == typed && !typed.is_empty())
}

/// Every name of gunicorn's configuration file, spelled with dashes.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    static NAMES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
        SETTINGS
            .iter()
            .map(|setting| setting.name.replace('_', "-"))
            .collect()
    });
    NAMES
        .iter()
        .map(String::as_str)
        .filter(|name| !name.is_empty())
}

/// The values of a setting, each for a line of its own: gunicorn separates the directories of one by commas.
pub(crate) fn separated(name: &str, value: &str) -> Vec<String> {
    match name {
        "pythonpath" => value.split(',').map(str::to_owned).collect(),
        _ => vec![converted(name, value)],
    }
}

/// The value in our spelling: gunicorn writes unix sockets with a prefix.
pub(crate) fn converted(name: &str, value: &str) -> String {
    match name {
        "bind" => value
            .strip_prefix("unix://")
            .or_else(|| value.strip_prefix("unix:"))
            .unwrap_or(value)
            .to_owned(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn every_option_named_here_exists_and_no_flag_hides_one() {
        for setting in SETTINGS {
            let option = match setting.means {
                Is(option, _) | Switch((option, _), ..) => option,
                Nothing(why) | Missing(why) => {
                    assert!(!why.is_empty() && !why.ends_with('.'), "{why}");
                    continue;
                }
            };
            assert!(table::find(option).is_some(), "{option}");
        }
        // What is advised has to be there, or be said to be missing.
        for (advice, option) in [(STATSD, "stats"), (FILES, "static-map")] {
            let planned = table::find(option)
                .is_some_and(|row| matches!(row.verdict, table::Verdict::Planned(_)));
            assert_eq!(advice.contains("not active yet"), planned, "{option}");
        }
        for setting in SETTINGS {
            assert!(
                table::find(setting.flag).is_none(),
                "{} is taken",
                setting.flag
            );
        }
    }
}
