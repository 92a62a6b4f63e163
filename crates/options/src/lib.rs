//! The options of Verdigris: one table that declares them, the reading of command line,
//! environment and files, and the resolved [`Config`].
//!
//! It knows nothing of sockets and processes: it says what was asked for, not how it is done.
//! Start with [`load`].

pub mod address;
mod bounds;
pub mod catalogue;
pub mod check;
mod command;
mod command_line;
pub mod config;
mod document;
pub mod entry;
mod envdir;
mod environment;
pub mod explain;
pub mod fake;
mod file_name;
mod gather;
mod gunicorn;
mod help;
mod ini;
mod json;
mod logic;
mod machine;
mod magic;
mod nearest;
mod origin;
mod own_option;
mod pattern;
mod references;
mod report;
mod resolve;
mod show;
mod source;
mod surroundings;
pub mod table;
mod toml;
pub mod value;
mod xml;
mod yaml;

use std::ffi::OsString;

pub use address::Address;
pub use config::Config;
pub use machine::Machine;
pub use origin::Origin;
pub use report::{
    Level, Notice, Problem, notices_json, problems_json, render_notices, render_problems,
};
pub use surroundings::{Kind, Person, Surroundings};

use gather::Gatherer;
use resolve::Circumstances;

/// What the command line asks for.
#[derive(Debug)]
pub enum Outcome {
    /// Serve with this configuration; the notices are to be said first.
    Run(Box<Config>, Vec<Notice>),
    /// Only check the configuration: these are its problems (none is good) and notices.
    Check(Vec<Problem>, Vec<Notice>),
    /// Show this text on standard output.
    Help(String),
    /// Show the version.
    Version,
    /// The configuration asks to end with this exit code, after these have been said.
    Exit(u8, Vec<Notice>),
    /// Nothing can be done; all reasons at once, and the notices that came before.
    Problems(Vec<Problem>, Vec<Notice>),
}

/// Reads everything that was asked for. `arguments` come without the program's own name.
pub fn load(
    arguments: impl Iterator<Item = OsString>,
    environment: &[(OsString, OsString)],
    surroundings: &dyn Surroundings,
) -> Outcome {
    let mut arguments = arguments.peekable();
    let check = arguments.next_if(|first| first == "check").is_some();
    let command_line = command_line::read(arguments);
    let asks = |option: &str| command_line.entries.iter().any(|entry| entry.key == option);
    if asks("help-all") || asks("help") {
        return Outcome::Help(help::help(asks("help-all")));
    }
    if asks("version") {
        return Outcome::Version;
    }
    let Loaded {
        config,
        problems,
        mut notices,
        exit,
    } = read(command_line, environment, surroundings);
    if let (Some(code), false) = (exit, check) {
        return Outcome::Exit(code, notices);
    }
    match (check, problems.is_empty()) {
        (true, _) => Outcome::Check(problems, notices),
        (false, true) => Outcome::Run(Box::new(config), notices),
        (false, false) => {
            // What would have been served is of no interest when nothing is.
            notices.retain(|notice| notice.level > Level::Info);
            Outcome::Problems(problems, notices)
        }
    }
}

/// A configuration with everything there is to say about it. The configuration is there even
/// beside problems, so that tools can show it.
#[derive(Debug)]
pub struct Loaded {
    /// What it came to.
    pub config: Config,
    /// What keeps the server from starting.
    pub problems: Vec<Problem>,
    /// What is worth knowing.
    pub notices: Vec<Notice>,
    /// The exit code of an `exit` that was reached.
    pub exit: Option<u8>,
}

/// Reads a configuration for a tool that looks at it: arguments as for [`load`], without help and
/// sub-commands.
pub fn look_at(
    arguments: impl Iterator<Item = OsString>,
    environment: &[(OsString, OsString)],
    surroundings: &dyn Surroundings,
) -> Loaded {
    read(command_line::read(arguments), environment, surroundings)
}

fn read(
    command_line: command_line::CommandLine,
    environment: &[(OsString, OsString)],
    surroundings: &dyn Surroundings,
) -> Loaded {
    let environment = text_only(environment);
    let mut gatherer = Gatherer::new(surroundings, &environment);
    gatherer.add_environment();
    command_line
        .problems
        .into_iter()
        .for_each(|problem| gatherer.problem(problem));
    command_line
        .entries
        .into_iter()
        .for_each(|entry| gatherer.add(entry));
    let mut gathered = gatherer.finish();
    gathered.notices.extend(command_line.notices);
    if !gathered.uwsgi {
        add_platform(&mut gathered, &environment);
    }
    resolved(gathered, &environment)
}

/// Reads one file alone: variables may be referred to, but are no options.
fn read_file_alone(
    file: &str,
    environment: &gather::Environment,
    surroundings: &dyn Surroundings,
) -> Loaded {
    let mut gatherer = Gatherer::new(surroundings, environment);
    gatherer.add(entry::Entry {
        key: "config".to_owned(),
        value: file.to_owned(),
        origin: Origin::CommandLine,
        dialect: value::Dialect::Native,
    });
    resolved(gatherer.finish(), environment)
}

fn resolved(mut gathered: gather::Gathered, environment: &gather::Environment) -> Loaded {
    if let Some(code) = gathered.exit {
        let text = format!("exit: the configuration ends here; the exit code is {code}");
        gathered.notices.push(Notice::warning(text));
    }
    let circumstances = Circumstances {
        something_is_missing: !gathered.problems.is_empty() || gathered.exit.is_some(),
        from_uwsgi_config: gathered.uwsgi,
        home: environment
            .iter()
            .find(|(name, _)| name == "HOME")
            .map(|(_, home)| home.clone()),
        sockets_from_systemd: environment.iter().any(|(name, _)| name == "LISTEN_FDS"),
        files: gathered.files,
        env_changes: gathered.env_changes,
    };
    let mut resolved = resolve::resolve(&gathered.entries, circumstances);
    if gathered.cut_off {
        resolved.problems.clear();
        resolved.notices.clear();
    }
    let mut problems = [gathered.problems, resolved.problems].concat();
    let mut notices = [gathered.notices, resolved.notices].concat();
    problems.sort_by_key(|problem| report::place(problem.origin.as_ref(), &resolved.config.files));
    notices.sort_by_key(|notice| report::place(notice.origin.as_ref(), &resolved.config.files));
    Loaded {
        config: resolved.config,
        problems,
        notices,
        exit: gathered.exit,
    }
}

/// Hosting platforms say where and how many; only where nobody else did.
fn add_platform(gathered: &mut gather::Gathered, environment: &gather::Environment) {
    let named = |option: &str| {
        let entries = gathered.entries.iter();
        entries
            .filter_map(|entry| table::find(&entry.key))
            .any(|row| match option {
                "http-socket" => row.takes == table::Takes::Address,
                _ => row.name == option,
            })
    };
    let missing: Vec<&str> = ["http-socket", "processes"]
        .into_iter()
        .filter(|option| !named(option))
        .collect();
    for option in missing {
        match environment::platform(environment, option) {
            Some(Ok(entry)) => gathered.entries.push(entry),
            Some(Err(problem)) => gathered.problems.push(*problem),
            None => {}
        }
    }
}

/// The part of the environment that is text; the rest cannot name or be an option.
fn text_only(environment: &[(OsString, OsString)]) -> Vec<(String, String)> {
    environment
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.to_str()?.to_owned())))
        .collect()
}
