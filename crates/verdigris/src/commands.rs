//! The sub-commands that look at a configuration instead of serving it. Each has its own file; this
//! one finds the command and its switches.

mod check;
mod config;
mod doctor;
mod explain;
mod options_command;

use std::ffi::OsString;

use crate::exit_codes::Exit;
use crate::person;

/// What the person typed behind the command.
struct Words {
    /// Switches like `--json`, without their dashes.
    switches: Vec<String>,
    /// Everything else, in order.
    rest: Vec<OsString>,
}

impl Words {
    /// Takes the switches a command knows out of the arguments.
    fn new(arguments: &[OsString], known: &[&str]) -> Self {
        let switch = |argument: &OsString| {
            let name = argument.to_str()?.strip_prefix("--")?;
            known.contains(&name).then(|| name.to_owned())
        };
        Self {
            switches: arguments.iter().filter_map(switch).collect(),
            rest: arguments
                .iter()
                .filter(|argument| switch(argument).is_none())
                .cloned()
                .collect(),
        }
    }

    fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|given| given == switch)
    }
}

/// Runs the sub-command the arguments begin with; nothing when they begin with none.
pub(crate) fn run(arguments: &[OsString], environment: &[(OsString, OsString)]) -> Option<Exit> {
    let (command, rest) = arguments.split_first()?;
    let command = command.to_str()?;
    // Their names are also words that may stand for themselves; only the first one counts.
    let usage = usage(command)?;
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        person::answer(usage);
        return Some(Exit::Success);
    }
    Some(match command {
        "check" => check::run(&Words::new(rest, &["json"]), environment),
        "explain" => explain::run(&Words::new(rest, &["json"]), environment),
        "config" => config::run(
            &Words::new(rest, &["json", "show", "all", "as-uwsgi"]),
            environment,
        ),
        "doctor" => doctor::run(&Words::new(rest, &["json"]), environment),
        "options" => options_command::run(&Words::new(rest, &["json", "planned"])),
        _ => return None,
    })
}

/// How a sub-command is called, for `--help` behind it.
fn usage(command: &str) -> Option<&'static str> {
    Some(match command {
        "check" => check::USAGE,
        "explain" => explain::USAGE,
        "config" => config::USAGE,
        "doctor" => doctor::USAGE,
        "options" => options_command::USAGE,
        _ => return None,
    })
}

/// Says what is wrong with the way a command was called.
fn misused(what: &str, hint: &str) -> Exit {
    person::tell_problems(&[options::Problem::new(what).hint(hint)]);
    Exit::CannotStart
}
