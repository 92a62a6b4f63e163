//! Which application is served, and how Python is set up for it.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::App, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "module",
        Takes::Text,
        "load module[:callable]; `module:factory()` calls a factory",
    )
    .aliases(&["wsgi"])
    .short('w')
    .common()
    .example("app:application"),
    row("wsgi-file", Takes::Path, "load a Python file")
        .aliases(&["file"])
        .common()
        .example("app.py"),
    row(
        "callable",
        Takes::Text,
        "name of the callable in the module or file",
    )
    .common()
    .default("application")
    .example("app"),
    row(
        "chdir",
        Takes::Path,
        "change to this directory before the app is loaded",
    )
    .common()
    .example("/srv/app"),
    row(
        "chdir2",
        Takes::Path,
        "change to this directory after the app was loaded",
    )
    .example("/srv/app/data"),
    row(
        "pythonpath",
        Takes::Text,
        "directory (or pattern) to put in front of sys.path",
    )
    .aliases(&["python-path", "pp"])
    .many()
    .common()
    .example("/srv/app/lib"),
    row("home", Takes::Path, "virtual environment to use")
        .aliases(&["virtualenv", "venv", "pyhome"])
        .short('H')
        .common()
        .example("/srv/app/venv"),
    row(
        "interpreter",
        Takes::Path,
        "Python executable to use when there is no `home`",
    )
    .default("python3 from PATH")
    .example("/usr/bin/python3.12")
    .ours(),
    row(
        "env",
        Takes::Pair,
        "set an environment variable for the app",
    )
    .many()
    .common()
    .example("DJANGO_SETTINGS_MODULE=site.settings"),
    row("unenv", Takes::Text, "remove an environment variable")
        .many()
        .example("DEBUG"),
    row(
        "pyargv",
        Takes::Text,
        "sys.argv for the app, split at blanks",
    )
    .example("--config prod"),
    row(
        "need-app",
        Takes::Flag,
        "stop when the app cannot be loaded",
    )
    .optional()
    .default("true")
    .changed("on by default: a server without an app does not start"),
    row(
        "lazy-apps",
        Takes::Flag,
        "load the app in each worker instead of once before them",
    ),
    row("lazy", Takes::Flag, "load the app in each worker")
        .changed("the same as lazy-apps; a reload is always graceful"),
    row(
        "single-interpreter",
        Takes::Flag,
        "do not use sub-interpreters",
    )
    .short('i')
    .ignored("sub-interpreters are never used"),
    row(
        "enable-threads",
        Takes::Flag,
        "let the app start its own threads",
    )
    .short('T')
    .ignored("threads of the app always run"),
    row("mount", Takes::Text, "serve an app below a path: /path=app")
        .aliases(&["worker-mount"])
        .many()
        .example("/api=api:application")
        .changed(
            "all apps live in one interpreter: many extension modules break in sub-interpreters",
        ),
    row(
        "manage-script-name",
        Takes::Flag,
        "split SCRIPT_NAME off by the mount points",
    ),
    row(
        "no-default-app",
        Takes::Flag,
        "answer 404 where no mounted app fits",
    )
    .changed("the answer is 404; uWSGI's is 500"),
    row(
        "dynamic-apps",
        Takes::Flag,
        "requests of the uwsgi protocol may name their app",
    )
    .optional()
    .changed("on with `vhost`, and where no app is named; else a request gets the app of the configuration"),
    row(
        "ignore-script-name",
        Takes::Flag,
        "SCRIPT_NAME does not choose the app",
    ),
    row(
        "vhost",
        Takes::Flag,
        "apps by site: mount = NAME|/path=app, by SERVER_NAME",
    )
    .changed("what a request names decides, so that two locations of one site can have two apps"),
    row(
        "vhost-host",
        Takes::Flag,
        "apps by site: mount = NAME|/path=app, by the Host field",
    )
    .changed("what a request names decides, so that two locations of one site can have two apps"),
    row(
        "optimize",
        Takes::Integer(0, 2),
        "optimise Python code: 1 or 2",
    )
    .short('O')
    .example("1"),
    row(
        "no-site",
        Takes::Flag,
        "start Python without the site module",
    ),
    row("paste", Takes::Text, "load a PasteDeploy configuration")
        .aliases(&["ini-paste", "ini-paste-logged"])
        .example("config:production.ini"),
    row("paste-name", Takes::Text, "which app of the PasteDeploy configuration")
        .example("main"),
    row(
        "paste-logger",
        Takes::Flag,
        "set up logging as the PasteDeploy configuration says",
    ),
    row(
        "pymodule-alias",
        Takes::Pair,
        "another name for a module or file: name=module",
    )
    .many()
    .example("settings=shop.settings"),
    row(
        "post-pymodule-alias",
        Takes::Pair,
        "the same after the app was loaded",
    )
    .many()
    .example("settings=shop.settings"),
    row(
        "early-pythonpath",
        Takes::Text,
        "directory for sys.path, behind those of `pythonpath`",
    )
    .aliases(&["early-python-path"])
    .many()
    .example("/srv/lib"),
    row(
        "early-pyimport",
        Takes::Text,
        "import a module in every process, before the others",
    )
    .aliases(&["early-python-import"])
    .many()
    .example("app.early"),
    row(
        "envdir",
        Takes::Path,
        "environment variables from the files of a directory",
    )
    .aliases(&["early-envdir"])
    .many()
    .example("/etc/app/env"),
    row(
        "disable-write-exception",
        Takes::Flag,
        "no exception when a client goes away",
    )
    .ignored("a client that goes away is never an exception in the app, nor an error in the log"),
    row("ignore-sigpipe", Takes::Flag, "do not log SIGPIPE").ignored(
        "a client that goes away is never an exception in the app, nor an error in the log",
    ),
    row(
        "ignore-write-errors",
        Takes::Flag,
        "do not log failed writes to clients",
    )
    .ignored("a client that goes away is never an exception in the app, nor an error in the log"),
    row(
        "wsgi-disable-file-wrapper",
        Takes::Flag,
        "leave wsgi.file_wrapper out of the environ",
    )
    .ignored("the wrapper works with everything that has read(), with or without a descriptor"),
    row(
        "wsgi-env-behaviour",
        Takes::Text,
        "reuse the environ between requests or not",
    )
    .aliases(&["wsgi-env-behavior"])
    .example("holy")
    .ignored("every request gets an environ of its own"),
    row("import", Takes::Text, "import a module in the first worker")
        .aliases(&["py-import", "pyimport", "python-import"])
        .many()
        .example("app.warmup"),
    row(
        "shared-import",
        Takes::Text,
        "import a module in every process",
    )
    .aliases(&[
        "shared-py-import",
        "shared-pyimport",
        "shared-python-import",
    ])
    .many()
    .example("app.warmup"),
    row(
        "catch-exceptions",
        Takes::Flag,
        "show the traceback to the client; never in production",
    ),
    row(
        "debugger",
        Takes::Flag,
        "Werkzeug's interactive debugger around the app; never in production",
    )
    .ours(),
    row(
        "wsgi-accept-buffer",
        Takes::Flag,
        "the app may answer with anything that has the bytes of a buffer",
    )
    .aliases(&["wsgi-accept-buffers"]),
    row("plugins", Takes::Text, "load uWSGI plugins")
        .aliases(&["plugin"])
        .many()
        .example("python3")
        .ignored("everything is built in"),
    row("need-plugin", Takes::Text, "load uWSGI plugins or stop")
        .aliases(&["need-plugins"])
        .many()
        .example("python3")
        .ignored("everything is built in"),
    row("plugins-dir", Takes::Path, "where uWSGI plugins are")
        .aliases(&["plugin-dir"])
        .many()
        .example("/usr/lib/uwsgi/plugins")
        .ignored("everything is built in"),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::App, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "most apps per worker",
        Verdict::Ignored("there is no limit"),
        &["max-apps"],
    ),
    family(
        "protocols before and beside WSGI",
        Verdict::Refused("use `module` or `wsgi-file` with a WSGI callable"),
        &["pecan", "pump", "web3", "wsgi-lite", "eval"],
    ),
    family(
        "what sys.executable says",
        Verdict::Ignored("it is always the interpreter that runs"),
        &[
            "py-executable",
            "py-sys-executable",
            "py-program-name",
            "py-programname",
        ],
    ),
    family(
        "start Python early",
        Verdict::Ignored("the app's Python is a process of its own, there from the start"),
        &[],
    )
    .flags(&["early-python"]),
    family(
        "run a script or shell inside the server",
        Verdict::Refused("run it with python itself"),
        &[
            "py",
            "python",
            "pyrun",
            "python-raw",
            "test",
            "python-worker-override",
        ],
    )
    .optional(&["pyshell", "pyshell-oneshot"]),
    family(
        "details of PEP 3333",
        Verdict::Ignored("PEP 3333 is always kept to the letter"),
        &[],
    )
    .flags(&[
        "wsgi-strict",
        "wsgi-manage-chunked-input",
        "start_response-nodelay",
    ]),
    family(
        "what Python does after a fork",
        Verdict::Ignored("Python itself forks the workers, so all its hooks run"),
        &[],
    )
    .flags(&[
        "py-call-osafterfork",
        "py-call-uwsgi-fork-hooks",
        "py-master-check-signals",
    ]),
    family(
        "set os.environ anew for each request",
        Verdict::Ignored("os.environ never changes from outside"),
        &[],
    )
    .flags(&["reload-os-env"]),
    family(
        "how failed writes are treated",
        Verdict::Ignored(
            "a client that goes away is never an exception in the app, nor an error in the log",
        ),
        &["write-errors-tolerance"],
    )
    .flags(&["write-errors-exception-only"]),
    family(
        "what the uwsgi module tells the app",
        Verdict::Planned("uwsgi module"),
        &["ienv", "mode"],
    ),
    family(
        "tracebacks of all threads on a socket",
        Verdict::Planned("tracebacks on demand"),
        &["py-tracebacker"],
    ),
    family(
        "find plugins by themselves",
        Verdict::Ignored("everything is built in"),
        &[],
    )
    .flags(&["autoload"]),
];
