//! `verdigris doctor [--gevent] app:app`: loads the app as for serving, says what was found, and serves
//! nothing.

mod report;

use std::ffi::OsString;

use options::{Config, Loaded, Machine, Problem, look_at};
use os::process::raise_open_files;
use os::users::effective_user;
use serde_json::json;
use supervise::{Diagnosis, LoadFailure, MoldCommand, diagnose};

use super::Words;
use crate::exit_codes::Exit;
use crate::{accounts, mold_settings, person, python, start};

pub(super) const USAGE: &str = "\
verdigris doctor app:app                   loads the app, and says what it leaves behind
verdigris doctor --gevent app:app          and what of it would block under gevent
verdigris doctor uwsgi.ini                 with what the configuration says
verdigris doctor --json …                  for programs

All options that concern loading the app count: --home, --chdir, --pythonpath, --gevent-patch …
Exit code: 0 nothing is wrong, 1 problems were found, 2 the app could not be looked at,
22 the app cannot be loaded.
";

/// As many greenlets as anybody wants; how many makes no difference here.
const GREENLETS: &str = "1000";

pub(super) fn run(words: &Words, environment: &[(OsString, OsString)]) -> Exit {
    if words.rest.is_empty() {
        person::answer(USAGE);
        return Exit::NotExamined;
    }
    let arguments = with_number(&words.rest);
    let Loaded {
        config, problems, ..
    } = look_at(arguments.into_iter(), environment, &Machine);
    if !problems.is_empty() {
        person::tell_problems(&problems);
        return Exit::NotExamined;
    }
    match command(&config).and_then(|command| examine(&command)) {
        Ok(diagnosis) => tell(diagnosis, words.has("json")),
        Err(problem) => {
            person::tell_problems(&[problem]);
            Exit::NotExamined
        }
    }
}

/// A bare `--gevent` is enough here; the server wants a number behind it.
fn with_number(words: &[OsString]) -> Vec<OsString> {
    let mut arguments = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        arguments.push(word.clone());
        let numbered = |next: &&OsString| {
            let text = next.to_str().unwrap_or_default();
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if word == "--gevent" && words.peek().is_none_or(|next| !numbered(next)) {
            arguments.push(GREENLETS.into());
        }
    }
    arguments
}

/// How the mold is started: as by the server, as the user that the server would be.
fn command(config: &Config) -> Result<MoldCommand, Problem> {
    let interpreter = python::interpreter(config)?;
    let script = python::mold_script()?;
    let identity = accounts::identity(config)?;
    let open_files = raise_open_files(config.process.open_files).map_err(|error| {
        Problem::new(format!("cannot raise the limit of open files: {error}"))
            .at(config.origin("max-fd"))
    })?;
    if effective_user() == 0 {
        start::drop_privileges(config, identity.as_ref())?;
    }
    Ok(mold_settings::command(
        config,
        &interpreter,
        &script,
        open_files,
    ))
}

fn examine(command: &MoldCommand) -> Result<Diagnosis, Problem> {
    diagnose(command).map_err(|error| {
        let shown = command.interpreter.display();
        Problem::new(format!("cannot run {shown}: {error}"))
    })
}

fn tell(diagnosis: Diagnosis, in_json: bool) -> Exit {
    match diagnosis {
        Diagnosis::Report(found) => {
            let report = report::Report::new(&found);
            if in_json {
                person::answer(&format!("{found:#}\n"));
            } else {
                person::answer(&report.text(person::answers_in_colour()));
            }
            if report.problems() == 0 {
                Exit::Success
            } else {
                Exit::ProblemsFound
            }
        }
        Diagnosis::NoApp(failure) => {
            if in_json {
                person::answer(&format!("{:#}\n", failure_in_json(&failure)));
            } else {
                person::tell_problems(&[Problem::new(failure.text())]);
            }
            Exit::AppFailed
        }
        Diagnosis::Ended(ending) => {
            let what = format!("Python ended while it imported the app: {ending}");
            person::tell_problems(&[Problem::new(what)]);
            Exit::AppFailed
        }
        Diagnosis::Interrupted => Exit::NotExamined,
    }
}

fn failure_in_json(failure: &LoadFailure) -> serde_json::Value {
    json!({
        "failed": {
            "what": failure.what,
            "message": failure.message,
            "hint": failure.hint,
            "looked": failure.looked,
            "near": failure.near,
            "traceback": failure.traceback,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(words: &[&str]) -> Vec<OsString> {
        with_number(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn gevent_needs_no_number() {
        assert_eq!(
            numbered(&["--gevent", "app:app"]),
            ["--gevent", GREENLETS, "app:app"]
        );
        assert_eq!(numbered(&["app:app", "--gevent"]).len(), 3);
        assert_eq!(
            numbered(&["--gevent", "7", "app:app"]),
            ["--gevent", "7", "app:app"]
        );
        assert_eq!(numbered(&["--gevent=7", "a"]), ["--gevent=7", "a"]);
    }
}
