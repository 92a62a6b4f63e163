//! House rules a machine can look after: files are short, open with a word about themselves, and
//! hold no promises to finish them later.

use std::path::Path;

use anyhow::Result;

use crate::workspace;

/// A file longer than this holds more than one idea.
const LONGEST: usize = 600;

/// Files that may be longer, each with its reason.
const MAY_BE_LONGER: [(&str, &str); 0] = [];

/// Where our own sources are.
const PLACES: [&str; 8] = [
    "crates", "python", "tests", "bench", "examples", "scripts", "fuzz", "docs",
];

/// Looks at every source file.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for place in PLACES
        .iter()
        .map(|place| root.join(place))
        .filter(|place| place.is_dir())
    {
        for path in workspace::files(&place, &["rs", "py", "pyi", "md", "toml"])? {
            let shown = workspace::shown(root, &path).display().to_string();
            look_at(&shown, &workspace::text(&path)?, &mut findings);
        }
    }
    Ok(findings)
}

fn look_at(shown: &str, text: &str, findings: &mut Vec<String>) {
    let extension = shown
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension);
    let is_source = matches!(extension, "rs" | "py");
    let lines = text.lines().count();
    let excused = MAY_BE_LONGER.iter().any(|(path, _)| *path == shown);
    if is_source && lines > LONGEST && !excused {
        findings.push(format!(
            "{shown}: {lines} lines; split it (at most {LONGEST})"
        ));
    }
    if extension == "rs" && !text.starts_with("//!") {
        findings.push(format!(
            "{shown}:1: open the file with `//!` and say what it is for"
        ));
    }
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if promises_later(line) {
            findings.push(format!(
                "{shown}:{number}: finish it, or write down an issue"
            ));
        }
        if is_source && line.ends_with([' ', '\t']) {
            findings.push(format!("{shown}:{number}: blanks at the end of the line"));
        }
    }
}

/// The words people leave behind; spelled apart so that this file passes its own rule.
fn promises_later(line: &str) -> bool {
    [["TO", "DO"], ["FIX", "ME"], ["XX", "X"]]
        .iter()
        .any(|parts| {
            let word = parts.concat();
            line.match_indices(&word).any(|(start, _)| {
                let is_letter = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
                !is_letter(line[..start].chars().next_back())
                    && !is_letter(line[start + word.len()..].chars().next())
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(shown: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        look_at(shown, text, &mut findings);
        findings
    }

    #[test]
    fn rules() {
        assert!(findings("a.rs", "//! Good.\nfn main() {}\n").is_empty());
        assert_eq!(findings("a.rs", "fn main() {}\n").len(), 1);
        assert_eq!(findings("a.rs", "//! x\nlet x = 1; \n").len(), 1);
        assert_eq!(findings("a.py", &"x = 1\n".repeat(LONGEST + 1)).len(), 1);
        let promise = format!("//! x\n// {}{}: later\n", "TO", "DO");
        assert_eq!(findings("a.rs", &promise).len(), 1);
        assert!(findings("a.md", &"words\n".repeat(LONGEST + 1)).is_empty());
    }
}
