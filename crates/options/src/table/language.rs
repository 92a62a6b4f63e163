//! The configuration language itself: files, placeholders, conditions, help.

use super::family::Family;
use super::{Group, Row, Takes, Verdict};

const fn row(name: &'static str, takes: Takes, help: &'static str) -> Row {
    Row::new(Group::Language, name, takes, help)
}

pub(super) const ROWS: &[Row] = &[
    row(
        "ini",
        Takes::Text,
        "read an ini file: FILE, FILE:section, :section, - (standard input)",
    )
    .many()
    .common()
    .example("uwsgi.ini"),
    row(
        "include",
        Takes::Text,
        "read another configuration file, at this place",
    )
    .many()
    .example("base.ini"),
    row(
        "config",
        Takes::Text,
        "read a configuration file of any format",
    )
    .many()
    .example("uwsgi.ini"),
    row("yaml", Takes::Text, "read a YAML file")
        .aliases(&["yml"])
        .short('y')
        .many()
        .example("uwsgi.yaml"),
    row("json", Takes::Text, "read a JSON file")
        .aliases(&["js"])
        .short('j')
        .many()
        .example("uwsgi.json"),
    row("xml", Takes::Text, "read an XML file")
        .aliases(&["xmlconfig"])
        .short('x')
        .many()
        .example("uwsgi.xml"),
    row(
        "toml",
        Takes::Text,
        "read a TOML file: table [verdigris] or [uwsgi]",
    )
    .many()
    .example("verdigris.toml")
    .ours(),
    row(
        "inherit",
        Takes::Text,
        "read another configuration file, after everything else",
    )
    .many()
    .example("base.ini"),
    row(
        "set",
        Takes::Text,
        "define a placeholder or set an option: key=value",
    )
    .short('S')
    .many()
    .example("project=shop"),
    row("set-ph", Takes::Text, "define a placeholder: key=value")
        .aliases(&["set-placeholder"])
        .many()
        .example("project=shop"),
    row("print", Takes::Text, "write a line to the log at start")
        .many()
        .example("hello")
        .aliases(&["iprint"]),
    row(
        "if-env",
        Takes::Text,
        "up to `endif`: only when the variable is set (or NAME=value)",
    )
    .aliases(&["ifenv"])
    .many()
    .example("DEBUG"),
    row(
        "if-not-env",
        Takes::Text,
        "up to `endif`: only when the variable is not set",
    )
    .many()
    .example("DEBUG"),
    row(
        "if-opt",
        Takes::Text,
        "up to `endif`: only when the option was given (or name=value)",
    )
    .many()
    .example("processes"),
    row(
        "if-not-opt",
        Takes::Text,
        "up to `endif`: only when the option was not given",
    )
    .many()
    .example("processes"),
    row(
        "if-exists",
        Takes::Text,
        "up to `endif`: only when the path exists",
    )
    .aliases(&["ifexists"])
    .many()
    .example("/etc/app"),
    row(
        "if-not-exists",
        Takes::Text,
        "up to `endif`: only when the path does not exist",
    )
    .many()
    .example("/etc/app"),
    row(
        "if-file",
        Takes::Text,
        "up to `endif`: only when the path is a file",
    )
    .many()
    .example("/etc/app.env"),
    row(
        "if-not-file",
        Takes::Text,
        "up to `endif`: only when the path is no file",
    )
    .many()
    .example("/etc/app.env"),
    row(
        "if-dir",
        Takes::Text,
        "up to `endif`: only when the path is a directory",
    )
    .aliases(&["ifdir", "if-directory"])
    .many()
    .example("/srv/app"),
    row(
        "if-not-dir",
        Takes::Text,
        "up to `endif`: only when the path is no directory",
    )
    .many()
    .example("/srv/app"),
    row(
        "if-plugin",
        Takes::Text,
        "up to `endif`: only when Verdigris does what the plugin does",
    )
    .aliases(&["ifplugin"])
    .many()
    .example("python3"),
    row(
        "if-not-plugin",
        Takes::Text,
        "up to `endif`: only when Verdigris lacks the plugin's work",
    )
    .many()
    .example("lua"),
    row(
        "if-hostname",
        Takes::Text,
        "up to `endif`: only on this host",
    )
    .many()
    .example("web1"),
    row(
        "if-not-hostname",
        Takes::Text,
        "up to `endif`: only on other hosts",
    )
    .many()
    .example("web1"),
    row(
        "if-hostname-match",
        Takes::Text,
        "up to `endif`: only on hosts that fit a pattern",
    )
    .many()
    .example("^web"),
    row(
        "if-not-hostname-match",
        Takes::Text,
        "up to `endif`: only on hosts that do not fit a pattern",
    )
    .many()
    .example("^web"),
    row(
        "else",
        Takes::Text,
        "up to `endif`: when the condition fails",
    )
    .many()
    .example("value")
    .changed(
        "uWSGI 2.0 has no `else`; there the lines before and after it all depend on the condition",
    ),
    row(
        "if-reload",
        Takes::Flag,
        "up to `endif`: only in a re-executed uWSGI; never true here",
    )
    .many(),
    row(
        "if-not-reload",
        Takes::Flag,
        "up to `endif`: always true here",
    )
    .many(),
    row(
        "for",
        Takes::Text,
        "up to `endfor`: once for each word; `%(_)` is the word",
    )
    .many()
    .example("red green"),
    row(
        "for-glob",
        Takes::Text,
        "up to `endfor`: once for each path that fits the pattern",
    )
    .many()
    .example("/srv/*/app.ini"),
    row(
        "for-times",
        Takes::Text,
        "up to `endfor`: this many times; `%(_)` counts from 1",
    )
    .many()
    .example("3"),
    row(
        "for-readline",
        Takes::Text,
        "up to `endfor`: once for each line of the file",
    )
    .many()
    .example("/etc/app/hosts"),
    row("endif", Takes::Text, "end of a condition or loop")
        .aliases(&["end", "endfor", "end-if", "end-for"])
        .optional()
        .many(),
    row(
        "exit",
        Takes::Text,
        "end here, with this exit code; of use in a condition",
    )
    .optional()
    .many()
    .example("1"),
    row(
        "strict",
        Takes::Flag,
        "an unknown key in a file is an error",
    )
    .common(),
    row(
        "show-config",
        Takes::Flag,
        "show what the configuration came to",
    ),
    row(
        "declare-option",
        Takes::Text,
        "an option made of others: name=option=$1;…",
    )
    .aliases(&["declare-option2"])
    .many()
    .example("site=chdir=/srv/$1;module=$1"),
    row("help", Takes::Flag, "show the usual options")
        .short('h')
        .common()
        .ours()
        .aliases(&["usage"]),
    row("help-all", Takes::Flag, "show every option")
        .common()
        .ours(),
    row("version", Takes::Flag, "show the version")
        .short('V')
        .common()
        .ours(),
];

const fn family(help: &'static str, verdict: Verdict, values: &'static [&'static str]) -> Family {
    Family::new(Group::Language, help, verdict, values)
}

pub(super) const FAMILIES: &[Family] = &[
    family(
        "show facts about the build of uWSGI",
        Verdict::Ignored("they are about uWSGI"),
        &[],
    )
    .flags(&[
        "alarm-list",
        "alarms-list",
        "cflags",
        "cgi-mode",
        "cheaper-algo-list",
        "cheaper-algos-list",
        "cheaper-list",
        "clock-list",
        "clocks-list",
        "config-py",
        "dot-h",
        "dump-options",
        "imperial-monitor-list",
        "imperial-monitors-list",
        "logger-list",
        "loggers-list",
        "loop-list",
        "loops-list",
        "plugin-list",
        "plugins-list",
        "python-version",
        "router-list",
        "routers-list",
    ]),
    family(
        "build plugins, append data to the program",
        Verdict::Refused("leave it out; there are no plugins to build"),
        &["build-plugin", "binary-append-data", "extract"],
    ),
    family(
        "print the value of an option and stop",
        Verdict::Refused("type `verdigris config FILE --show`"),
        &["get"],
    ),
    family(
        "which options may be given",
        Verdict::Planned("checks"),
        &["blacklist", "whitelist"],
    )
    .flags(&["end-blacklist", "end-whitelist"]),
    family(
        "text around the configuration",
        Verdict::Planned("checks"),
        &["inject-after", "inject-before"],
    ),
    family(
        "source of time",
        Verdict::Ignored("the kernel's clock is used"),
        &["clock"],
    ),
    family(
        "strange zero bytes",
        Verdict::Ignored("they are refused where they do harm"),
        &[],
    )
    .flags(&["skip-zero"]),
];
