//! `verdigris check FILE…`: all problems of all files at once; the exit code tells whether there are
//! any.

use std::ffi::OsString;

use options::check::{Checked, check};
use options::{Machine, notices_json, problems_json};
use serde_json::json;

use super::Words;
use crate::exit_codes::Exit;
use crate::person;

pub(super) const USAGE: &str = "\
verdigris check uwsgi.ini                  is everything well? all problems at once
verdigris check a.ini b.yaml:web           several files, each on its own
verdigris check - < uwsgi.ini              what comes on standard input
verdigris check --ini a.ini -p 4 app:app   a command line, as it would be started
verdigris check --json …                   for programs

Nothing is served. Exit code: 0 no problems, 1 problems were found.
";

pub(super) fn run(words: &Words, environment: &[(OsString, OsString)]) -> Exit {
    let checked = check(&words.rest, environment, &Machine);
    if words.has("json") {
        person::answer(&in_json(&checked));
    } else {
        checked.iter().for_each(tell);
    }
    if checked.iter().all(|one| one.loaded.problems.is_empty()) {
        Exit::Success
    } else {
        Exit::CannotStart
    }
}

fn tell(one: &Checked) {
    person::tell_notices(&one.loaded.notices);
    person::tell_problems(&one.loaded.problems);
    let name = if one.name.is_empty() {
        "configuration"
    } else {
        &one.name
    };
    let verdict = match one.loaded.problems.len() {
        0 => "no problems".to_owned(),
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    person::answer(&format!("{name}: {verdict}\n"));
}

fn in_json(checked: &[Checked]) -> String {
    let list: Vec<_> = checked
        .iter()
        .map(|one| {
            json!({
                "name": one.name,
                "problems": problems_json(&one.loaded.problems),
                "notices": notices_json(&one.loaded.notices),
            })
        })
        .collect();
    format!("{:#}\n", json!(list))
}
