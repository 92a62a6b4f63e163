//! Which application is served.

use super::reader::Reader;
use crate::config::App;
use crate::entry::Given;
use crate::file_name;
use crate::report::{Notice, Problem};

pub(super) fn app(reader: &mut Reader<'_>) -> App {
    let app = App {
        module: reader.text("module"),
        wsgi_file: reader.path("wsgi-file"),
        callable: reader.text("callable"),
        mounts: mounts(reader),
        manage_script_name: reader.is_on("manage-script-name"),
        no_default_app: reader.is_on("no-default-app"),
        chdir: reader.path("chdir"),
        chdir2: reader.path("chdir2"),
        python_path: reader.texts("pythonpath"),
        home: reader.path("home"),
        interpreter: reader.path("interpreter"),
        env: reader.pairs("env"),
        unenv: reader.texts("unenv"),
        pyargv: reader.text("pyargv"),
        need_app: reader.flag("need-app").unwrap_or(true),
        lazy_apps: reader.is_on("lazy-apps") | reader.is_on("lazy"),

        imports: reader.texts("import"),
        shared_imports: reader.texts("shared-import"),
        catch_exceptions: reader.is_on("catch-exceptions"),
        debugger: false, // decided once the sockets are known

        no_site: reader.is_on("no-site"),
    };
    check(reader, &app);
    app
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
const PLANNED_APPS: [&str; 4] = ["paste", "emperor", "http-to", "fastrouter"];

/// Says that nothing is there to serve, and why, if an option tried to name something.
fn nothing_to_serve(reader: &Reader<'_>) -> Problem {
    let hint = "type `verdigris module:callable`, or put `module = module:callable` or `wsgi-file = app.py` into the file";
    match reader
        .values()
        .all()
        .find(|given| PLANNED_APPS.contains(&given.row.name))
    {
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
        (None, None) if reader.something_is_missing || reader.values().last("mount").is_some() => {}
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
