//! `verdigris config FILE --show`: the values it comes to and where each is from. With `--all` also
//! the defaults, with `--as-uwsgi` the list that `uwsgi --show-config` prints.

use std::ffi::OsString;

use options::{Machine, look_at};

use super::{Words, misused};
use crate::exit_codes::Exit;
use crate::person;

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
