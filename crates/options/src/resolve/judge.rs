//! Says a word about every option that does not simply do what it does in uWSGI and is not active
//! here: ignored, planned, refused. Nothing is ignored without a word.

use std::collections::HashSet;

use super::reader::Reader;
use crate::entry::{Given, Values};
use crate::origin::Origin;
use crate::report::{Notice, Problem};
use crate::table::{Group, Takes, Verdict};
use crate::value::{self, Dialect};

/// Adds one notice or problem per option that deserves one.
pub(super) fn judge(values: &Values<'_>, reader: &mut Reader<'_>) {
    for given in values.of("print") {
        reader.notice(Notice::info(given.entry.value.clone()).at(&given.entry.origin));
    }
    if values
        .last("show-config")
        .is_some_and(|given| !is_switched_off(given))
    {
        reader.show_config();
    }
    overridden(values, reader);
    guards(values, reader);
    if let Some(given) = values.last("master") {
        reader.look_at(given);
    }
    let mut said = HashSet::new();
    for given in values.all() {
        if is_switched_off(given) || !said.insert(given.row.name) {
            continue;
        }
        let origin = &given.entry.origin;
        let name = given.name;
        match given.row.verdict {
            Verdict::Same | Verdict::Changed(_) | Verdict::Ours => {}
            Verdict::Ignored(why) => {
                let text = format!("{name}: ignored: {why}");
                reader.notice(Notice::info(text).at(origin).said_by_table());
            }
            Verdict::Planned(_) if is_done_already(given) => {}
            Verdict::Planned(_) if is_foreign_engine(given) => {
                let class = &given.entry.value;
                let text =
                    format!("{name}: there is no engine for `{class}`; threads serve the app");
                let hint = "use `gevent = N` or `threads = N`";
                reader.notice(Notice::warning(text).hint(hint).at(origin));
            }
            Verdict::Planned(feature) => {
                reader.look_at(given);
                let text = format!("{name}: accepted; not active yet ({feature})");
                reader.notice(Notice::warning(text).at(origin).said_by_table());
            }
            Verdict::Refused(instead) => {
                let problem = Problem::new(format!("{name} is not supported")).at(origin);
                reader.problem(problem.hint(instead));
            }
        }
    }
}

/// What stands later counts, and a bare file stands last, as in uWSGI. Somebody who types a value
/// beside a file usually expects the opposite.
fn overridden(values: &Values<'_>, reader: &mut Reader<'_>) {
    let mut said = HashSet::new();
    for typed in values
        .all()
        .filter(|given| given.entry.origin == Origin::CommandLine && !given.row.many)
    {
        let Some(last) = values.last(typed.row.name) else {
            continue;
        };
        let same = last.entry.value == typed.entry.value;
        let Origin::File { path, .. } = &last.entry.origin else {
            continue;
        };
        if same || !said.insert(typed.row.name) {
            continue;
        }
        let option = typed.spelled(&typed.entry.value);
        let text = format!(
            "{option}: overridden by {} in {}",
            last.spelled(&last.entry.value),
            last.entry.origin
        );
        let hint = format!("what comes later counts: `--ini {path} {option}`");
        reader.notice(Notice::warning(text).hint(hint).at(&typed.entry.origin));
    }
}

/// Rules that keep people out. Serving without them would open what was closed.
const GUARDS: [&str; 5] = ["basicauth", "ldapauth", "pam", "break:401", "break:403"];

/// Stops the start where a rule that is not active yet protects something.
fn guards(values: &Values<'_>, reader: &mut Reader<'_>) {
    for given in values
        .all()
        .filter(|given| given.row.group == Group::Routing)
    {
        let value = &given.entry.value;
        let Some(guard) = GUARDS.iter().find(|guard| value.contains(**guard)) else {
            continue;
        };
        let what = format!(
            "{}: routing rules are not active yet, and `{guard}` keeps people out",
            given.name
        );
        let problem = Problem::new(what)
            .hint("protect the path in the web server in front, and remove the rule");
        reader.problem(problem.at(&given.entry.origin));
    }
}

/// What an option asks for is there although the option as a whole is not: SIGTERM stops
/// gracefully anyway.
pub(crate) fn is_done_already(given: Given<'_>) -> bool {
    match given.row.name {
        "hook-master-start" => given.entry.value == "unix_signal:15 gracefully_kill_them_all",
        "worker-class" => matches!(
            given.entry.value.as_str(),
            "sync" | "gthread" | "threads" | "gevent"
        ),
        _ => false,
    }
}

/// A worker class of gunicorn that nothing here will ever stand for.
fn is_foreign_engine(given: Given<'_>) -> bool {
    let class = given.entry.value.to_ascii_lowercase();
    let asyncio = ["asyncio", "asgi", "uvicorn"];
    given.row.name == "worker-class" && !asyncio.iter().any(|word| class.contains(word))
}

/// A flag that is set to false asks for nothing.
fn is_switched_off(given: Given<'_>) -> bool {
    given.row.takes == Takes::Flag
        && value::flag(Some(&given.entry.value), Dialect::Uwsgi).is_ok_and(|read| !read.value)
}
