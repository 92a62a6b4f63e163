//! Runs every check and says at the end which failed and what mends it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{generate, tidy, unsafe_code, walls};

/// What a check finds: one line per thing that is wrong.
type Findings = Vec<String>;

struct Check {
    name: &'static str,
    run: fn(&Path) -> Result<Findings>,
    mend: &'static str,
}

const CHECKS: [Check; 6] = [
    Check {
        name: "walls between crates",
        run: walls::check,
        mend: "remove the dependency, or discuss the wall",
    },
    Check {
        name: "unsafe code in its rooms",
        run: unsafe_code::check,
        mend: "move it to crates/os",
    },
    Check {
        name: "house rules",
        run: tidy::check,
        mend: "see the lines above",
    },
    Check {
        name: "generated pages",
        run: generate::check,
        mend: "cargo xtask generate",
    },
    Check {
        name: "format",
        run: format,
        mend: "cargo fmt --all",
    },
    Check {
        name: "lints",
        run: lints,
        mend: "cargo clippy --workspace --all-targets",
    },
];

/// Runs all checks; `false` when one of them found something.
pub(crate) fn check(root: &Path) -> Result<bool> {
    let mut failed = Vec::new();
    for check in CHECKS {
        let findings = (check.run)(root).with_context(|| check.name)?;
        if findings.is_empty() {
            println!("ok      {}", check.name);
            continue;
        }
        println!("FAILED  {}", check.name);
        for finding in &findings {
            println!("        {finding}");
        }
        failed.push(check);
    }
    for check in &failed {
        println!("\nhint: {}: {}", check.name, check.mend);
    }
    Ok(failed.is_empty())
}

fn format(root: &Path) -> Result<Findings> {
    cargo(root, &["fmt", "--all", "--", "--check", "-l"])
}

fn lints(root: &Path) -> Result<Findings> {
    cargo(
        root,
        &[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )
}

/// Runs cargo with its own output; what it says is the finding.
fn cargo(root: &Path, arguments: &[&str]) -> Result<Findings> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    if status.success() {
        return Ok(Vec::new());
    }
    Ok(vec![format!(
        "cargo {} ended with {status}",
        arguments.join(" ")
    )])
}
