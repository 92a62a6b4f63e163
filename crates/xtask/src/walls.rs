//! The walls between the crates: which room may name which. An arrow that is not in this table is
//! the rarest change there is.

use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;

/// A crate and the crates of the workspace it may name.
const WALLS: [(&str, &[&str]); 12] = [
    ("os", &[]),
    ("options", &[]),
    ("wire", &[]),
    ("link", &["os"]),
    ("net", &["os", "wire"]),
    // `os`: answers that are files come with a descriptor.
    ("dispatch", &["link", "wire", "os"]),
    // The network thread lives here: it needs clocks and wake-ups (`os`), says which worker broke
    // the rules (`link`) and hands lines to the log (`observe`).
    (
        "front",
        &["net", "wire", "dispatch", "os", "link", "observe"],
    ),
    ("supervise", &["os", "link"]),
    ("observe", &["wire"]),
    // `os`: wake-ups and the clock of the heartbeat.
    ("worker", &["link", "wire", "os"]),
    (
        "verdigris",
        &[
            "os",
            "options",
            "wire",
            "link",
            "net",
            "dispatch",
            "front",
            "supervise",
            "observe",
        ],
    ),
    ("xtask", &["options"]),
];

/// Crates only these rooms may name, because they stand for knowledge the others must not have.
const ONLY_IN: [(&str, &[&str]); 3] = [
    ("pyo3", &["worker"]),
    ("anyhow", &["verdigris", "xtask"]),
    ("libc", &["os", "worker"]),
];

/// Compares every manifest with the table.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let crates = crate_names(root)?;
    for name in &crates {
        let Some((_, allowed)) = WALLS.iter().find(|(room, _)| room == name) else {
            findings.push(format!("crates/{name} is not in the table of walls"));
            continue;
        };
        let manifest = workspace::text(&root.join("crates").join(name).join("Cargo.toml"))?;
        for dependency in dependencies(&manifest) {
            let is_room = crates.contains(&dependency);
            if is_room && !allowed.contains(&dependency.as_str()) {
                findings.push(format!("crates/{name} may not name {dependency}"));
            }
            let reserved = ONLY_IN.iter().find(|(outside, _)| *outside == dependency);
            if reserved.is_some_and(|(_, rooms)| !rooms.contains(&name.as_str())) {
                findings.push(format!("crates/{name} may not use {dependency}"));
            }
        }
    }
    Ok(findings)
}

fn crate_names(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    if names.is_empty() {
        bail!("there are no crates");
    }
    names.sort();
    Ok(names)
}

/// The names under `[dependencies]` and its kin; what tests use does not build walls.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section == "dependencies" || section.ends_with(".dependencies");
            if let Some(name) = section.strip_prefix("dependencies.") {
                names.push(name.to_owned());
            }
            continue;
        }
        let is_key = inside && !line.is_empty() && !line.starts_with('#');
        if let Some((key, _)) = line.split_once('=').filter(|_| is_key) {
            let name = key.trim().split('.').next().unwrap_or_default();
            names.push(name.trim_matches('"').to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_found_in_every_spelling() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nos.workspace = true\n# no\nlink = { path = \"..\" }\n\
                        [dev-dependencies]\nproptest.workspace = true\n[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n\
                        [dependencies.net]\npath = \"..\"\n[lints]\nworkspace = true\n";
        assert_eq!(dependencies(manifest), ["os", "link", "libc", "net"]);
    }

    #[test]
    fn the_table_has_no_circles() {
        // Every room names only rooms that name fewer than it does, transitively.
        fn reach(name: &str, depth: usize) -> usize {
            assert!(depth < 12, "{name} leads back to itself");
            let (_, allowed) = WALLS.iter().find(|(room, _)| *room == name).unwrap();
            allowed
                .iter()
                .map(|next| 1 + reach(next, depth + 1))
                .max()
                .unwrap_or(0)
        }
        for (name, _) in WALLS {
            reach(name, 0);
        }
    }
}
