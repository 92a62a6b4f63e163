//! Finds the files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The repository's root: two directories above this crate.
pub(crate) fn root() -> PathBuf {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_directory
        .ancestors()
        .nth(2)
        .unwrap_or(crate_directory)
        .to_path_buf()
}

/// Directories that hold nothing of ours.
const SKIPPED: [&str; 7] = [
    "target",
    "build",
    "dist",
    "artifacts",
    "results",
    "__pycache__",
    "node_modules",
];

/// Every file below a directory with one of these extensions, sorted.
pub(crate) fn files(directory: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect(directory, extensions, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(directory: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if !name.starts_with('.')
                && !SKIPPED.contains(&name.as_ref())
                && !name.ends_with(".egg-info")
            {
                collect(&entry.path(), extensions, found)?;
            }
        } else if kind.is_file() {
            let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
            if extensions.contains(&extension) {
                found.push(entry.path());
            }
        }
    }
    Ok(())
}

/// A path as it is shown: from the root.
pub(crate) fn shown<'a>(root: &Path, path: &'a Path) -> &'a Path {
    path.strip_prefix(root).unwrap_or(path)
}

/// The content of a text file.
pub(crate) fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
