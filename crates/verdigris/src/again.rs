//! Reading the configuration again for a reload, as uWSGI does. The app and its workers follow it;
//! what was opened, bound or given away at the start stays as it is, and the log says so.

use std::ffi::OsString;
use std::fs::File;
use std::io::ErrorKind;

use observe::{Level, ServerLog};
use options::{Config, Machine, Outcome, Problem};
use os::process::OpenFiles;
use supervise::Fresh;

use crate::{mold_settings, plan, python};

/// Where the configuration came from.
#[derive(Debug)]
pub(crate) struct Source {
    /// The command line.
    pub(crate) arguments: Vec<OsString>,
    /// The environment.
    pub(crate) environment: Vec<(OsString, OsString)>,
}

/// Reads the configuration again. None: it cannot be read any more, and the old one counts. The error
/// is for people.
pub(crate) fn read(
    source: &Source,
    at_start: &Config,
    open_files: OpenFiles,
    log: &ServerLog,
) -> Result<Option<Fresh>, String> {
    if let Some(reason) = unreadable(at_start) {
        let text = format!("{reason}; the app is loaded anew, with the configuration of the start");
        log.event(Level::Warning, &text, &[]);
        return Ok(None);
    }
    let arguments = source.arguments.clone().into_iter();
    let config = match options::load(arguments, &source.environment, &Machine) {
        Outcome::Run(config, _) => config,
        Outcome::Problems(problems, _) => return Err(texts(&problems)),
        Outcome::Exit(code, _) => return Err(format!("it ends with `exit = {code}` now")),
        Outcome::Check(..) | Outcome::Help(_) | Outcome::Version => return Ok(None),
    };
    let fixed = differences(at_start, &config);
    if !fixed.is_empty() {
        let text = format!(
            "the configuration has changed; what is new about {} counts after a restart",
            fixed.join(", ")
        );
        log.event(Level::Warning, &text, &[]);
    }
    let problem = |problem: Problem| texts(&[problem]);
    let interpreter = python::interpreter(&config).map_err(problem)?;
    let script = python::mold_script().map_err(problem)?;
    Ok(Some(Fresh {
        plan: plan::plan(&config),
        launch: plan::launch(
            &config,
            mold_settings::command(&config, &interpreter, &script, open_files),
        ),
        touches: plan::touches(&config.renewal),
    }))
}

/// Why the files cannot be read a second time: they came by a pipe, or belong to the user that the
/// server was before.
fn unreadable(config: &Config) -> Option<String> {
    config.files.iter().find_map(|path| {
        let shown = path.display();
        match File::open(path).and_then(|file| file.metadata()) {
            Ok(facts) if facts.is_file() => None,
            Ok(_) => Some(format!("{shown} is no file that can be read twice")),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Some(format!("{shown} may not be read by this user"))
            }
            // Reading it will fail with a better message.
            Err(_) if path.is_absolute() => None,
            Err(_) => Some(format!("{shown} cannot be read twice")),
        }
    })
}

/// What cannot follow while the server runs.
fn differences(old: &Config, new: &Config) -> Vec<&'static str> {
    let (was, is) = (&old.process, &new.process);
    let same_process = was.uid == is.uid
        && was.gid == is.gid
        && was.pid_files == is.pid_files
        && was.daemonize == is.daemonize
        && was.open_files == is.open_files;
    let pipes_and_counts = old.renewal.fifos == new.renewal.fifos
        && old.renewal.requests == new.renewal.requests
        && old.renewal.requests_delta == new.renewal.requests_delta;
    let groups = [
        ("sockets", old.sockets == new.sockets),
        ("limits", old.limits == new.limits),
        ("timeouts", old.timeouts == new.timeouts),
        ("logging", old.logging == new.logging),
        ("harakiri", old.deadlines == new.deadlines),
        ("the server's process", same_process),
        ("max-requests and master-fifo", pipes_and_counts),
    ];
    let changed = groups.into_iter().filter(|(_, same)| !same);
    changed.map(|(name, _)| name).collect()
}

fn texts(problems: &[Problem]) -> String {
    let text = |problem: &Problem| match &problem.origin {
        Some(origin) => format!("{origin}: {}", problem.what),
        None => problem.what.clone(),
    };
    problems.iter().map(text).collect::<Vec<_>>().join("\n")
}
