//! Unsafe code lives in `os`, in `link`, and in one file of `worker`; nowhere else.

use std::path::Path;

use anyhow::Result;

use crate::workspace;

/// Rooms where unsafe code may stand anywhere.
const HOMES: [&str; 2] = ["os", "link"];

/// The room where one file may have it.
const ONE_FILE: &str = "worker";

/// Looks at every Rust file below `crates`.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut in_one_file = Vec::new();
    for path in workspace::files(&root.join("crates"), &["rs"])? {
        let shown = workspace::shown(root, &path);
        let room = shown
            .components()
            .nth(1)
            .map(|name| name.as_os_str().to_string_lossy().into_owned());
        let room = room.unwrap_or_default();
        if HOMES.contains(&room.as_str()) || !has_unsafe(&workspace::text(&path)?) {
            continue;
        }
        if room == ONE_FILE {
            in_one_file.push(shown.display().to_string());
        } else {
            findings.push(format!(
                "{}: unsafe code outside of its rooms",
                shown.display()
            ));
        }
    }
    if in_one_file.len() > 1 {
        findings.push(format!(
            "more than one file of {ONE_FILE} has unsafe code: {}",
            in_one_file.join(", ")
        ));
    }
    Ok(findings)
}

/// Whether a file uses the keyword; comments, texts and the lint's own name do not count.
fn has_unsafe(text: &str) -> bool {
    text.lines().any(|line| {
        let code = line.split("//").next().unwrap_or_default();
        let code: String = code.split('"').step_by(2).collect();
        code.match_indices("unsafe").any(|(start, word)| {
            let is_part =
                |side: Option<char>| side.is_some_and(|next| next.is_alphanumeric() || next == '_');
            !is_part(code[..start].chars().next_back())
                && !is_part(code[start + word.len()..].chars().next())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyword_is_told_from_talk_about_it() {
        assert!(has_unsafe("    let x = unsafe { y };"));
        assert!(has_unsafe("unsafe impl Send for X {}"));
        assert!(has_unsafe("#[unsafe(no_mangle)]"));
        assert!(!has_unsafe("// unsafe { }"));
        assert!(!has_unsafe("#![forbid(unsafe_code)]"));
        let quote = char::from(34);
        assert!(!has_unsafe(&format!("print({quote}unsafe{quote})")));
    }
}
