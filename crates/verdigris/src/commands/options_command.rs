//! `verdigris options [NAME] [--planned]`: the option table.

use options::Problem;
use options::catalogue::{Selection, about, about_json, list, list_json};

use super::Words;
use crate::exit_codes::Exit;
use crate::person;

pub(super) const USAGE: &str = "\
verdigris options                          every option: what it is for, and what became of uWSGI's
verdigris options harakiri processes       all about these
verdigris options --planned                those that are accepted and not active yet
verdigris options --json …                 for programs

Exit code: 0 shown, 1 there is no such option.
";

pub(super) fn run(words: &Words) -> Exit {
    if words.rest.is_empty() {
        let selection = if words.has("planned") {
            Selection::Planned
        } else {
            Selection::All
        };
        person::answer(&if words.has("json") {
            list_json(selection)
        } else {
            list(selection)
        });
        return Exit::Success;
    }
    let names = words.rest.iter().map(|name| name.to_string_lossy());
    let answers: Result<Vec<String>, Problem> = names
        .map(|name| {
            if words.has("json") {
                about_json(&name)
            } else {
                about(&name)
            }
        })
        .collect();
    match answers {
        Ok(texts) => {
            person::answer(&texts.join("\n"));
            Exit::Success
        }
        Err(problem) => {
            person::tell_problems(&[problem]);
            Exit::CannotStart
        }
    }
}
