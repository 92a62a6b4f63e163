//! Shell patterns over file names (`*`, `?`, `[a-z]`), for `for-glob`, as `glob` of the C library
//! expands them for uWSGI: directories end in a slash, and what fits nothing stands for itself.

use std::path::Path;

use crate::surroundings::{Kind, Surroundings};

/// Paths that are looked at on the way down; a pattern with more of them walks the whole disk.
const MOST_PATHS: usize = 10_000;

/// The paths that fit a pattern, sorted; the pattern itself when none does. `Err` when it fits more
/// than anybody can mean.
pub(crate) fn expand(
    pattern: &str,
    surroundings: &dyn Surroundings,
) -> Result<Vec<String>, String> {
    // Slashes behind ask for directories only; what is left has two characters or more.
    let mut wanted = pattern;
    while let Some(rest) = wanted.strip_suffix('/').filter(|rest| rest.len() > 1) {
        wanted = rest;
    }
    let all = wanted == pattern;
    let mut found = Vec::new();
    for mut path in walk(wanted, surroundings)? {
        let is_directory = surroundings.kind(Path::new(&path)) == Some(Kind::Directory);
        if is_directory {
            path.push('/');
        }
        if is_directory || all {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Ok(vec![wanted.to_owned()]);
    }
    found.sort();
    Ok(found)
}

/// Goes down name by name.
fn walk(pattern: &str, surroundings: &dyn Surroundings) -> Result<Vec<String>, String> {
    let (mut paths, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (vec!["/".to_owned()], rest),
        None => (vec![String::new()], pattern),
    };
    for part in rest.split('/') {
        let next = paths.iter().flat_map(|path| step(path, part, surroundings));
        paths = next.take(MOST_PATHS + 1).collect();
        if paths.len() > MOST_PATHS {
            return Err(format!("`{pattern}` fits more than {MOST_PATHS} paths"));
        }
    }
    paths.retain(|path| !path.is_empty());
    Ok(paths)
}

/// All ways to go one name further down from a directory. Nothing between two slashes is a name too:
/// it keeps the slashes as they were written.
fn step(directory: &str, part: &str, surroundings: &dyn Surroundings) -> Vec<String> {
    let here = Path::new(if directory.is_empty() { "." } else { directory });
    let below = |name: &str| match directory {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        _ => format!("{directory}/{name}"),
    };
    if part.is_empty() {
        let is_directory = surroundings.kind(here) == Some(Kind::Directory);
        return is_directory.then(|| below("")).into_iter().collect();
    }
    if !part.contains(['*', '?', '[']) {
        let path = below(&without_escapes(part));
        let exists = surroundings.kind(Path::new(&path)).is_some();
        return exists.then_some(path).into_iter().collect();
    }
    if surroundings.kind(here) != Some(Kind::Directory) {
        return Vec::new();
    }
    let mut names = surroundings.list(here).unwrap_or_default();
    let hidden = part.starts_with('.');
    if hidden {
        names.extend([".".to_owned(), "..".to_owned()]);
    }
    names
        .into_iter()
        .filter(|name| (hidden || !name.starts_with('.')) && fits(part, name))
        .map(|name| below(&name))
        .collect()
}

/// `a\*b` names the file `a*b`.
fn without_escapes(part: &str) -> String {
    let mut characters = part.chars();
    let mut name = String::with_capacity(part.len());
    while let Some(next) = characters.next() {
        name.push(match next {
            '\\' => characters.next().unwrap_or(next),
            _ => next,
        });
    }
    name
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
        '\\' if pattern.len() > 1 => (pattern[1] == character).then_some(2),
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
            .file("/v/a.b", "")
            .file("/v/c", "")
            .file("/v/d*e", "")
            .file("/v/[q]", "");
        let expand = |pattern| expand(pattern, &fake).unwrap();
        assert_eq!(expand("/v/*/*.ini"), ["/v/a/x.ini", "/v/b/x.ini"]);
        assert_eq!(expand("/v/c"), ["/v/c"]);
        // Each was compared with uWSGI 2.0.31.
        assert_eq!(expand("/v/[abc]*"), ["/v/a.b", "/v/a/", "/v/b/", "/v/c"]);
        assert_eq!(expand("/v/[abc]*//"), ["/v/a/", "/v/b/"]);
        assert_eq!(expand("/v//b//x*"), ["/v//b//x.ini"]);
        assert_eq!(expand("/v/\\d\\*e"), ["/v/d*e"]);
        assert_eq!(expand("/v/\\[?]"), ["/v/[q]"]);
        assert_eq!(expand("/v/a/.*"), ["/v/a/../", "/v/a/./", "/v/a/.x.ini"]);
        for nothing in ["/v/*/y", "/v/{a,b}", "", "/nope/*", "[", "~"] {
            assert_eq!(expand(nothing), [nothing]);
        }
        assert_eq!(expand("/v/c*/"), ["/v/c*"]);
        assert_eq!(expand("/"), ["//"]);
    }
}
