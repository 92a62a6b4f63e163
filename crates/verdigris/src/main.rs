//! `verdigris`: the command. It puts the rooms together and decides nothing by itself.

mod accounts;
mod again;
mod commands;
mod exit_codes;
mod front_settings;
mod host;
mod left_behind;
mod log_file;
mod mold_settings;
mod person;
mod plan;
mod python;
mod serving_thread;
mod sockets;
mod start;

use std::ffi::OsString;
use std::process::ExitCode;

use options::{Machine, Outcome};

use again::Source;
use exit_codes::Exit;

fn main() -> ExitCode {
    // The one variable of ours that is no option: it is for those who work on Verdigris.
    let environment = std::env::vars_os().filter(|(name, _)| name != python::PACKAGE);
    let environment: Vec<(OsString, OsString)> = environment.collect();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some(exit) = commands::run(&arguments, &environment) {
        return exit.into();
    }
    let exit = match options::load(arguments.clone().into_iter(), &environment, &Machine) {
        Outcome::Run(config, notices) => {
            let source = Source {
                arguments,
                environment,
            };
            start::serve(&config, &notices, &source)
        }
        Outcome::Help(text) => {
            person::answer(&text);
            Exit::Success
        }
        Outcome::Version => {
            person::answer(concat!("verdigris ", env!("CARGO_PKG_VERSION"), "\n"));
            Exit::Success
        }
        Outcome::Exit(code, notices) => {
            person::tell_notices(&notices);
            Exit::AsConfigured(code)
        }
        Outcome::Check(problems, notices) | Outcome::Problems(problems, notices) => {
            person::tell_notices(&notices);
            person::tell_problems(&problems);
            if problems.is_empty() {
                Exit::Success
            } else {
                Exit::CannotStart
            }
        }
    };
    exit.into()
}
