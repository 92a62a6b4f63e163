//! Keeps the house in order: `cargo xtask check` is what every change must pass, and
//! `cargo xtask generate` writes the pages that come from the option table.

mod check;
mod compatibility;
mod configs;
mod generate;
mod reference;
mod tidy;
mod unsafe_code;
mod walls;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "\
cargo xtask check      format, lints, walls between crates, house rules, generated pages
cargo xtask configs D  how much of the configurations in directory D is active
cargo xtask generate   write docs/reference/*.md from the option table
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a task; `false` means that it found something wrong and said what.
fn run(words: &[&str]) -> Result<bool> {
    let root = workspace::root();
    match words {
        ["check"] => check::check(&root),
        ["configs", directory] => configs::count(std::path::Path::new(directory)),
        ["generate"] => generate::write(&root).map(|()| true),
        _ => {
            eprint!("{USAGE}");
            Ok(false)
        }
    }
}
