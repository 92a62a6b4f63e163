//! `verdigris explain FILE…`: what every line does here.

use std::ffi::OsString;

use options::Machine;
use options::explain::explain;

use super::{Words, misused};
use crate::exit_codes::Exit;
use crate::person;

pub(super) fn run(words: &Words, environment: &[(OsString, OsString)]) -> Exit {
    if words.rest.is_empty() {
        return misused(
            "explain needs a file",
            "`verdigris explain uwsgi.ini`, or `verdigris explain gunicorn.conf.py`",
        );
    }
    let mut exit = Exit::Success;
    for file in &words.rest {
        match explain(&file.to_string_lossy(), environment, &Machine) {
            Ok(explanation) if words.has("json") => person::answer(&explanation.json()),
            Ok(explanation) => person::answer(&explanation.text(person::answers_in_colour())),
            Err(problem) => {
                person::tell_problems(&[problem]);
                exit = Exit::CannotStart;
            }
        }
    }
    exit
}
