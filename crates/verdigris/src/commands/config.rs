//! `verdigris config FILE --show`: the values it comes to and where each is from. With `--all` also
//! the defaults, with `--as-uwsgi` the list that `uwsgi --show-config` prints.

use std::ffi::OsString;

use options::{Machine, look_at};

use super::{Words, misused};
use crate::exit_codes::Exit;
use crate::person;

pub(super) const USAGE: &str = "\
verdigris config uwsgi.ini --show          the values it comes to, and where each is from
verdigris config uwsgi.ini --show --all    and the defaults
verdigris config uwsgi.ini --as-uwsgi      the list that `uwsgi --show-config` prints
verdigris config --ini a.ini -p 4 --show   a command line, as it would be started
verdigris config - --show < uwsgi.ini      what comes on standard input
verdigris config --json …                  for programs

Nothing is served. Exit code: 0 no problems, 1 problems were found.
";

pub(super) fn run(words: &Words, environment: &[(OsString, OsString)]) -> Exit {
    if words.rest.is_empty() {
        return misused(
            "config needs a file",
            "`verdigris config uwsgi.ini --show`; an app in config.py is `config:application`",
        );
    }
    let loaded = look_at(words.rest.iter().cloned(), environment, &Machine);
    let defaults = words.has("all");
    if words.has("json") {
        person::answer(&loaded.values_json(defaults));
    } else {
        if words.has("as-uwsgi") {
            person::answer(&loaded.as_uwsgi_shows_it());
        } else {
            person::answer(&loaded.values_text(defaults, person::answers_in_colour()));
        }
        person::tell_problems(&loaded.problems);
    }
    if loaded.problems.is_empty() {
        Exit::Success
    } else {
        Exit::CannotStart
    }
}
