//! The three passes over all values once everything was read: `$(NAME)` from the environment,
//! `@(file)` from a file, `%(name)` from other options, in this order.

mod expression;
mod scan;

use std::collections::HashMap;
use std::io;

use crate::bounds::{Growth, TooMuch};
use crate::entry::Entry;
use crate::source;
use crate::surroundings::{self, Surroundings};

pub(crate) use expression::number;
pub(crate) use scan::{TooDeep, replace};

/// Looks up an environment variable.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A reference that stays in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// Which entry it stands in.
    pub(crate) entry: usize,
    /// The reference as it was written.
    pub(crate) reference: String,
    pub(crate) why: Why,
}

/// Why a reference stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is no such variable, option or placeholder.
    Unknown,
    /// The file cannot be read, for this reason.
    Unreadable(String),
    /// It was put in at the very start of the value, where nobody looks again.
    AtStart,
}

/// What the three passes came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// References that have no answer.
    pub(crate) unresolved: Vec<Unresolved>,
    /// The entry at which everything had grown too far; the passes ended there.
    pub(crate) too_much: Option<(usize, TooMuch)>,
}

impl Outcome {
    fn unresolved(&mut self, entry: usize, reference: String, why: Why) {
        self.unresolved.push(Unresolved {
            entry,
            reference,
            why,
        });
    }

    /// Notes what was put in at the very start of a value and stays there.
    fn look_at_start(&mut self, entry: usize, sign: char, value: &str) {
        let inside = value
            .strip_prefix(sign)
            .is_some_and(|rest| rest.starts_with('('));
        let Some(end) = value.find(')').filter(|_| inside) else {
            return;
        };
        let reference = &value[..=end];
        let mut said = self.unresolved.iter().rev();
        let known = said.find(|one| one.entry != entry || one.reference == reference);
        if known.is_none_or(|one| one.entry != entry) {
            self.unresolved(entry, reference.to_owned(), Why::AtStart);
        }
    }

    /// Takes what a reference came to, as long as there is room.
    fn put_in(&mut self, entry: usize, growth: &mut Growth, text: String) -> Option<String> {
        match growth.reference(text.len()) {
            Ok(()) => Some(text),
            Err(what) => {
                self.too_much.get_or_insert((entry, what));
                None
            }
        }
    }

    fn variables(&mut self, entries: &mut [Entry], known: Variables<'_>, growth: &mut Growth) {
        self.pass(entries, '$', growth, &mut |_, name| {
            known(name).ok_or(Why::Unknown)
        });
    }

    fn values(&mut self, entries: &mut [Entry], growth: &mut Growth) {
        let mut first: HashMap<String, usize> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            first.entry(entry.key.clone()).or_insert(index);
        }
        self.pass(entries, '%', growth, &mut |entries, expression| {
            let known = |word: &str| first.get(word).map(|&index| entries[index].value.as_str());
            expression::evaluate(expression, &known).ok_or(Why::Unknown)
        });
    }

    /// Replaces the references of one kind in all values.
    fn pass(
        &mut self,
        entries: &mut [Entry],
        sign: char,
        growth: &mut Growth,
        look_up: &mut dyn FnMut(&[Entry], &str) -> Answer,
    ) {
        for index in 0..entries.len() {
            let replaced = scan::replace(&entries[index].value, sign, &mut |inside| {
                if self.too_much.is_some() {
                    return None;
                }
                match look_up(entries, inside) {
                    Ok(text) => self.put_in(index, growth, text),
                    Err(why) => {
                        self.unresolved(index, format!("{sign}({inside})"), why);
                        None
                    }
                }
            });
            match replaced {
                Ok(value) => {
                    self.look_at_start(index, sign, &value);
                    entries[index].value = value;
                }
                Err(TooDeep) => self.too_much = Some((index, TooMuch::Depth)),
            }
            if self.too_much.is_some() {
                return;
            }
        }
    }
}

/// What a reference stands for, or why for nothing.
type Answer = Result<String, Why>;

/// Runs the three passes over all entries.
pub(crate) fn replace_all(
    entries: &mut [Entry],
    variables: Variables<'_>,
    surroundings: &dyn Surroundings,
    growth: &mut Growth,
) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.variables(entries, variables, growth);
    let mut stuck = false;
    outcome.pass(entries, '@', growth, &mut |_, source| {
        // After a command that did not end in time, nobody waits for a second one.
        if stuck {
            let why = "what was to be read before it took too long";
            return Err(Why::Unreadable(why.to_owned()));
        }
        content(source, surroundings).map_err(|Unreadable { why, in_time }| {
            stuck = !in_time;
            Why::Unreadable(why)
        })
    });
    outcome.values(entries, growth);
    outcome
}

/// What the names of inherited files go through: the same without files and commands.
pub(crate) fn replace_in_names(
    entries: &mut [Entry],
    variables: Variables<'_>,
    growth: &mut Growth,
) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.variables(entries, variables, growth);
    outcome.values(entries, growth);
    outcome
}

/// Why there is nothing to put in.
struct Unreadable {
    why: String,
    /// The answer came in time; it was only no good one.
    in_time: bool,
}

/// The content behind `@(…)`, without the last byte if that ends a line: a `\r` before it stays, as in
/// uWSGI.
fn content(from: &str, surroundings: &dyn Surroundings) -> Result<String, Unreadable> {
    let bytes = source::read(from, surroundings).map_err(|error| Unreadable {
        why: surroundings::reason(&error),
        in_time: error.kind() != io::ErrorKind::TimedOut,
    })?;
    let mut text = String::from_utf8(bytes).map_err(|_| Unreadable {
        why: "it is not UTF-8 text".to_owned(),
        in_time: true,
    })?;
    if text.ends_with(['\n', '\r']) {
        text.pop();
    }
    Ok(text)
}

/// Whether a text still holds the marks of a template.
pub(crate) fn is_template(value: &str) -> bool {
    ["{{", "{%", "<%"].iter().any(|mark| value.contains(mark))
}

/// The name behind `$NAME` or `${NAME}`.
pub(crate) fn shell_variable(value: &str) -> Option<&str> {
    let behind = &value[value.find('$')? + 1..];
    let name = behind.strip_prefix('{').unwrap_or(behind);
    let end = name.find(|other: char| !(other.is_ascii_alphanumeric() || other == '_'));
    let name = &name[..end.unwrap_or(name.len())];
    let first = name.bytes().next()?;
    (first.is_ascii_uppercase() || first == b'_').then_some(name)
}

/// What to do about a value that somebody or something was to fill in and did not.
pub(crate) fn not_filled_in(value: &str) -> Option<String> {
    if is_template(value) {
        return Some("the value comes from a template; fill that in first".to_owned());
    }
    if let Some((name, _)) = value
        .split_once("$(")
        .and_then(|(_, behind)| behind.split_once(')'))
        .filter(|(name, _)| !name.starts_with('('))
    {
        return Some(format!("set the environment variable {name}"));
    }
    let name = shell_variable(value)?;
    Some(format!(
        "`${name}` is not replaced in configuration files; write `$({name})`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_variables_are_seen() {
        assert_eq!(shell_variable("${PORT}"), Some("PORT"));
        assert_eq!(shell_variable("0.0.0.0:$PORT"), Some("PORT"));
        assert_eq!(shell_variable("$(PORT)"), None);
        assert_eq!(shell_variable("^/a$ b"), None);
    }

    #[test]
    fn what_was_not_filled_in_is_named() {
        let hint = |value| not_filled_in(value).unwrap_or_default();
        assert_eq!(hint(":$(PORT)"), "set the environment variable PORT");
        assert!(hint("${WORKERS}").contains("$(WORKERS)"));
        assert!(hint("{{ workers }}").contains("template"));
        assert_eq!(hint("many"), "");
    }
}
