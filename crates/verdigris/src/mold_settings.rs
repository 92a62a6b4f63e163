//! What the mold is told: the part of the configuration that Python needs.

use std::ffi::OsString;
use std::path::Path;

use options::Config;
use options::config::{ExceptionRule, ProcessNames, SiteName, Threads};
use os::process::OpenFiles;
use serde_json::{Value, json};
use supervise::MoldCommand;

/// How to start a mold for this configuration.
pub(crate) fn command(
    config: &Config,
    interpreter: &Path,
    script: &Path,
    open_files: OpenFiles,
) -> MoldCommand {
    let no_site = config.app.no_site.then_some("-S");
    let optimize = ["", "-O", "-OO"][config.app.optimize.min(2) as usize];
    let options = no_site
        .into_iter()
        .chain(Some(optimize).filter(|option| !option.is_empty()))
        .map(OsString::from)
        .collect();
    MoldCommand {
        interpreter: interpreter.to_owned(),
        options,
        script: script.to_owned(),
        // The sockets that these tell of are ours, and the app would take them for its own.
        hidden: [
            "LISTEN_PID",
            "LISTEN_FDS",
            "LISTEN_FDNAMES",
            "VERDIGRIS_PACKAGE",
        ]
        .map(OsString::from)
        .to_vec(),
        // The server needs many descriptors; an app that uses `select` must not get high numbers
        // unless its owner has asked for them.
        open_files: config
            .process
            .open_files
            .is_none()
            .then_some(open_files.before),
        settings: settings(config),
    }
}

fn settings(config: &Config) -> Value {
    let app = &config.app;
    let (threads, max_threads) = match config.workers.threads {
        Threads::Count(count) => (json!(count), count),
        Threads::Auto { most } => (json!("auto"), most),
    };
    json!({
        "module": app.module,
        "wsgi_file": text(app.wsgi_file.as_deref()),
        "callable": app.callable,
        "paste": app.paste.as_ref().map(|paste| json!({
            "uri": paste.uri,
            "name": paste.name,
            "logging": paste.logging,
        })),
        "module_aliases": app.module_aliases,
        "late_module_aliases": app.late_module_aliases,
        "accept_buffers": app.accept_buffers,
        "mounts": app.mounts,
        "manage_script_name": app.manage_script_name,
        "no_default_app": app.no_default_app,
        "ignore_script_name": app.ignore_script_name,
        "dynamic_apps": app.dynamic,
        "vhost": app.site_name.map(SiteName::variable),
        "chdir": text(app.chdir.as_deref()),
        "chdir2": text(app.chdir2.as_deref()),
        "pythonpath": app.python_path,
        "home": text(app.home.as_deref()),
        "env": app.env,
        "unenv": app.unenv,
        "pyargv": app.pyargv,
        "umask": config.process.umask,
        "need_app": app.need_app,
        "lazy_apps": app.lazy_apps,
        "threads": threads,
        "max_threads": max_threads,
        "engine": if config.gevent.is_some() { "gevent" } else { "threads" },
        "greenlets": config.gevent.as_ref().map(|gevent| gevent.greenlets),
        "gevent_patch": config.gevent.as_ref().map(|gevent| &gevent.patch),
        "gevent_wait_for_hub": config.gevent.as_ref().is_some_and(|gevent| gevent.wait_for_hub),
        "mercy": config.stop.drain_timeout.as_secs_f64(),
        "processes": config.workers.processes,
        "imports": app.imports,
        "shared_imports": app.shared_imports,
        "catch_exceptions": app.catch_exceptions,
        "debugger": app.debugger,
        "fatal_exceptions": fatal_exceptions(&config.renewal.exceptions),
        "code_changes": config.renewal.code_changes.map(|period| period.as_secs_f64()),
        "address_space": config.process.address_space,
        "uwsgi_compat": config.from_uwsgi_config,
        "title": title(&config.process.names),
        "response_buffer": config.limits.response_buffer,
    })
}

/// Exceptions that a worker does not outlive: what is compared, and with what.
fn fatal_exceptions(rules: &[ExceptionRule]) -> Value {
    rules
        .iter()
        .map(|rule| match rule {
            ExceptionRule::Any => json!(["any", ""]),
            ExceptionRule::Type(name) => json!(["type", name]),
            ExceptionRule::Value(text) => json!(["value", text]),
            ExceptionRule::Repr(text) => json!(["repr", text]),
        })
        .collect()
}

fn text(path: Option<&Path>) -> Option<String> {
    path.map(|path| path.to_string_lossy().into_owned())
}

/// What the titles of Python processes begin with.
fn title(names: &ProcessNames) -> String {
    format!(
        "{}{}{}",
        names.prefix,
        names.name.as_deref().unwrap_or("verdigris"),
        names.suffix
    )
}
