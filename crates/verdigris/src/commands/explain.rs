//! `verdigris explain FILE…`: what every line does here.

use std::ffi::OsString;

use options::Machine;
use options::explain::explain;

use super::{Words, misused};
use crate::exit_codes::Exit;
use crate::person;

pub(super) const USAGE: &str = "\
verdigris explain uwsgi.ini                what each line does here, beside uWSGI
verdigris explain gunicorn.conf.py         what each setting of gunicorn is called here
verdigris explain uwsgi.ini:web            another section than [uwsgi]
verdigris explain - < uwsgi.ini            what comes on standard input
verdigris explain --json …                 for programs

At the end stands the same configuration for Verdigris. Exit code: 0 explained, 1 it cannot be read.
";

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
