//! Which application is served.

use std::net::IpAddr;

use super::reader::Reader;
use super::variables;
use crate::address::Address;
use crate::config::{App, Door, Paste, SiteName, Sockets};
use crate::entry::Given;
use crate::envdir::Change;
use crate::file_name;
use crate::report::{Notice, Problem};

pub(super) fn app(reader: &mut Reader<'_>, sockets: &Sockets, env_changes: &[Change]) -> App {
    let site_name = site_name(reader);
    let (env, unenv) = variables::changed(reader, env_changes);
    let app = App {
        module: reader.text("module"),
        wsgi_file: reader.path("wsgi-file"),
        callable: reader.text("callable"),
        mounts: mounts(reader),
        manage_script_name: reader.is_on("manage-script-name"),
        no_default_app: reader.is_on("no-default-app"),
        ignore_script_name: reader.is_on("ignore-script-name"),
        dynamic: dynamic(reader, sockets, site_name),
        site_name,
        chdir: reader.path("chdir"),
        chdir2: reader.path("chdir2"),
        python_path: python_path(reader),
        home: reader.path("home"),
        interpreter: reader.path("interpreter"),
        env,
        unenv,
        pyargv: reader.text("pyargv"),
        need_app: reader.flag("need-app").unwrap_or(true),
        lazy_apps: reader.is_on("lazy-apps") | reader.is_on("lazy"),

        imports: reader.texts("import"),
        shared_imports: shared_imports(reader),
        catch_exceptions: reader.is_on("catch-exceptions"),
        debugger: false, // decided once the sockets are known

        no_site: reader.is_on("no-site"),
        optimize: reader.count("optimize").unwrap_or(0),
        module_aliases: reader.pairs("pymodule-alias"),
        late_module_aliases: reader.pairs("post-pymodule-alias"),
        accept_buffers: reader.is_on("wsgi-accept-buffer"),
        paste: paste(reader),
    };
    check(reader, &app);
    app
}

/// What is put in front comes last: early directories stand behind the others.
fn python_path(reader: &mut Reader<'_>) -> Vec<String> {
    let early = reader.texts("early-pythonpath");
    early
        .into_iter()
        .chain(reader.texts("pythonpath"))
        .collect()
}

fn shared_imports(reader: &mut Reader<'_>) -> Vec<String> {
    let early = reader.texts("early-pyimport");
    early
        .into_iter()
        .chain(reader.texts("shared-import"))
        .collect()
}

/// `paste = config:FILE`; `ini-paste = FILE` is the same, and the file is read as a configuration too.
fn paste(reader: &mut Reader<'_>) -> Option<Paste> {
    let given = reader.values().last("paste")?;
    let value = given.entry.value.clone();
    let key = given.entry.key.as_str();
    let uri = if key.starts_with("ini-") {
        let file = std::path::absolute(&value).map_or(value, |path| path.display().to_string());
        format!("config:{file}")
    } else {
        value
    };
    let logging = key == "ini-paste-logged";
    Some(Paste {
        uri,
        name: reader.text("paste-name"),
        logging: reader.is_on("paste-logger") || logging,
    })
}

/// Where the name of the site is taken from, if apps are chosen by it.
fn site_name(reader: &mut Reader<'_>) -> Option<SiteName> {
    if reader.is_on("vhost-host") {
        return Some(SiteName::HostField);
    }
    reader.is_on("vhost").then_some(SiteName::ServerName)
}

/// Options that name an app by themselves.
const NAMING: [&str; 4] = ["module", "wsgi-file", "mount", "paste"];

/// Whether requests may name their apps. Unless somebody has decided it, they may where sites have apps
/// of their own, and where there would be no app otherwise.
fn dynamic(reader: &mut Reader<'_>, sockets: &Sockets, site_name: Option<SiteName>) -> bool {
    let speaks_uwsgi = sockets.list.iter().any(|socket| socket.door == Door::Uwsgi);
    let decided = reader.flag("dynamic-apps");
    let asked_for = decided == Some(true) || (decided.is_none() && site_name.is_some());
    let dynamic = asked_for || (decided.is_none() && speaks_uwsgi && may_be_named_later(reader));
    if dynamic && speaks_uwsgi {
        warn_of_open_doors(reader, sockets);
    } else if decided == Some(true) && !sockets.list.is_empty() {
        let text = "dynamic-apps: only the uwsgi protocol can name apps, and no socket speaks it";
        let notice = Notice::warning(text).hint("add `socket = 127.0.0.1:3031` for the web server");
        let origin = reader.origin("dynamic-apps").cloned();
        reader.notice(Notice { origin, ..notice });
    }
    dynamic
}

/// Whether nothing is named to serve, and nobody minds: uWSGI's "full dynamic mode".
fn may_be_named_later(reader: &mut Reader<'_>) -> bool {
    let values = reader.values();
    let named = NAMING.iter().any(|option| values.last(option).is_some());
    if named
        || reader.something_is_missing
        || planned_app(reader).is_some()
        || reader.flag("need-app") == Some(true)
    {
        return false;
    }
    let text = "no app is named: each request has to name its own (UWSGI_SCRIPT, UWSGI_MODULE or UWSGI_FILE)";
    reader
        .notice(Notice::warning(text).hint("if that is not meant, add `module = module:callable`"));
    true
}

/// Whoever may name apps may run any code that lies on this machine.
fn warn_of_open_doors(reader: &mut Reader<'_>, sockets: &Sockets) {
    let open = sockets
        .list
        .iter()
        .find(|socket| socket.door == Door::Uwsgi && !is_local(&socket.address));
    if let Some(socket) = open {
        let text = format!(
            "{}: whoever reaches {} can have this server run any Python file of this machine, because requests may name apps",
            socket.option, socket.address
        );
        let hint = "listen on a unix socket or on 127.0.0.1, or say `dynamic-apps = false`";
        reader.notice(Notice::warning(text).hint(hint).at(&socket.origin));
    }
}

fn is_local(address: &Address) -> bool {
    match address {
        Address::Tcp { host, .. } => host.as_deref().is_some_and(|host| {
            host == "localhost"
                || host
                    .parse::<IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }),
        Address::Unix(_) | Address::Abstract(_) | Address::Fd(_) => true,
    }
}

/// Mountpoints and what is mounted there; uWSGI ends at a value without `=`.
fn mounts(reader: &mut Reader<'_>) -> Vec<(String, String)> {
    let all: Vec<Given<'_>> = reader.values().of("mount").collect();
    let mut mounts = Vec::new();
    for given in all {
        let problem = match given.entry.value.split_once('=') {
            Some((_, app)) if file_name::extension(app) == "ini" => {
                format!("mount: `{app}` is a configuration, not an app")
            }
            Some((place, app)) if !app.is_empty() => {
                mounts.push((place.to_owned(), app.to_owned()));
                continue;
            }
            _ => format!("mount: `{}` is not a path and an app", given.entry.value),
        };
        let problem = Problem::new(problem).hint("for example `mount = /api=api.py`");
        reader.problem(problem.at(&given.entry.origin));
    }
    mounts
}

/// Options that name something to serve and are not active yet.
const PLANNED_APPS: [&str; 3] = ["emperor", "http-to", "fastrouter"];

/// The option that tried to name something to serve and is not active yet.
fn planned_app<'a>(reader: &Reader<'a>) -> Option<Given<'a>> {
    let mut all = reader.values().all();
    all.find(|given| PLANNED_APPS.contains(&given.row.name))
}

/// Says that nothing is there to serve, and why, if an option tried to name something.
fn nothing_to_serve(reader: &Reader<'_>) -> Problem {
    let hint = "type `verdigris module:callable`, or put `module = module:callable` or `wsgi-file = app.py` into the file";
    match planned_app(reader) {
        Some(given) => {
            let what = format!(
                "no application was named, and `{}` is not active yet",
                given.name
            );
            Problem::new(what).hint(hint).at(&given.entry.origin)
        }
        None => Problem::new("no application was named").hint(hint),
    }
}

fn check(reader: &mut Reader<'_>, app: &App) {
    match (&app.module, &app.wsgi_file) {
        (None, None)
            if app.dynamic
                || app.paste.is_some()
                || reader.something_is_missing
                || reader.values().last("mount").is_some() => {}
        (None, None) => {
            let problem = nothing_to_serve(reader);
            reader.problem(problem);
        }
        (Some(module), Some(file)) => {
            let text = format!(
                "both module ({module}) and wsgi-file ({}) are given; the module is served",
                file.display()
            );
            let mut notice = Notice::warning(text);
            notice.origin = reader.origin("wsgi-file").cloned();
            reader.notice(notice);
        }
        _ => {}
    }
    let Some(module) = &app.module else {
        return;
    };
    let (name, callable) = module.split_once(':').unwrap_or((module, ""));
    let origin = reader.origin("module").cloned();
    let problem = if name.is_empty() {
        Some(
            Problem::new(format!("module: `{module}` names no module"))
                .hint("write `module = module:callable`"),
        )
    } else if name.contains('/') || file_name::extension(name) == "py" {
        let callable = if callable.is_empty() {
            String::new()
        } else {
            format!(" and `callable = {callable}`")
        };
        Some(
            Problem::new(format!("module: `{name}` is a file, not a module"))
                .hint(format!("write `wsgi-file = {name}`{callable}")),
        )
    } else {
        None
    };
    if let Some(mut problem) = problem {
        problem.origin = origin;
        reader.problem(problem);
    }
}
