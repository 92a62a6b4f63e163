//! Shell patterns over file names (`*`, `?`, `[a-z]`), for `for-glob`.

use std::path::{Path, PathBuf};

use crate::surroundings::{Kind, Surroundings};

/// Paths that are looked at on the way down; a pattern with more of them walks the whole disk.
const MOST_PATHS: usize = 10_000;

/// The paths that fit a pattern, sorted; a pattern that fits nothing gives nothing. `Err` when it
/// fits more than anybody can mean.
pub(crate) fn expand(
    pattern: &str,
    surroundings: &dyn Surroundings,
) -> Result<Vec<String>, String> {
    let (mut paths, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (vec![PathBuf::from("/")], rest),
        None => (vec![PathBuf::new()], pattern),
    };
    for part in rest.split('/').filter(|part| !part.is_empty()) {
        let next = paths.iter().flat_map(|path| step(path, part, surroundings));
        paths = next.take(MOST_PATHS + 1).collect();
        if paths.len() > MOST_PATHS {
            return Err(format!("`{pattern}` fits more than {MOST_PATHS} paths"));
        }
    }
    let mut found: Vec<String> = paths
        .iter()
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    found.retain(|path| !path.is_empty());
    found.sort();
    Ok(found)
}

/// All ways to go one name further down from a directory.
fn step(directory: &Path, part: &str, surroundings: &dyn Surroundings) -> Vec<PathBuf> {
    let here = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    if !part.contains(['*', '?', '[']) {
        let path = directory.join(part);
        return surroundings.kind(&path).map(|_| path).into_iter().collect();
    }
    if surroundings.kind(here) != Some(Kind::Directory) {
        return Vec::new();
    }
    let names = surroundings.list(here).unwrap_or_default();
    let hidden = part.starts_with('.');
    names
        .into_iter()
        .filter(|name| (hidden || !name.starts_with('.')) && fits(part, name))
        .map(|name| directory.join(name))
        .collect()
}

/// Whether a name fits a pattern. Works without recursion, so that no pattern takes long: only the
/// last `*` is ever tried again.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, position));
            at += 1;
            continue;
        }
        if let Some(length) = one(&pattern[at.min(pattern.len())..], name[position]) {
            at += length;
            position += 1;
            continue;
        }
        let Some((star_at, star_position)) = star else {
            return false;
        };
        star = Some((star_at, star_position + 1));
        at = star_at + 1;
        position = star_position + 1;
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// How much of the pattern one character uses up, if it fits.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => class(pattern, character),
        first => (*first == character).then_some(1),
    }
}

/// A character class: `[abc]`, `[a-z]`, `[!a]`. Without a closing bracket it is a plain `[`.
fn class(pattern: &[char], character: char) -> Option<usize> {
    let Some(end) = pattern
        .iter()
        .skip(2)
        .position(|bracket| *bracket == ']')
        .map(|index| index + 2)
    else {
        return (character == '[').then_some(1);
    };
    let negated = matches!(pattern[1], '!' | '^');
    let inside = &pattern[if negated { 2 } else { 1 }..end];
    let mut found = false;
    let mut index = 0;
    while index < inside.len() {
        if index + 2 < inside.len() && inside[index + 1] == '-' {
            found |= (inside[index]..=inside[index + 2]).contains(&character);
            index += 3;
        } else {
            found |= inside[index] == character;
            index += 1;
        }
    }
    (found != negated).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;

    #[test]
    fn names_and_patterns() {
        assert!(fits("*.ini", "a.ini") && fits("*", "") && fits("a?c", "abc") && fits("**a", "ba"));
        assert!(fits("[a-c]x", "bx") && fits("[!a]", "b") && fits("[]", "[]"));
        assert!(!fits("*.ini", "a.yml") && !fits("[a-c]", "d") && !fits("a?", "a"));
    }

    #[test]
    fn unkind_patterns_end_soon() {
        let pattern = "*a".repeat(200);
        assert!(!fits(&pattern, &"a".repeat(150)));
    }

    #[test]
    fn paths_are_found_and_sorted() {
        let fake = Fake::default()
            .file("/v/b/x.ini", "")
            .file("/v/a/x.ini", "")
            .file("/v/a/.x.ini", "")
            .file("/v/c", "");
        let expand = |pattern| expand(pattern, &fake).unwrap();
        assert_eq!(expand("/v/*/*.ini"), ["/v/a/x.ini", "/v/b/x.ini"]);
        assert_eq!(expand("/v/c"), ["/v/c"]);
        assert!(expand("/v/*/y").is_empty());
    }
}
