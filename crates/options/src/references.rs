//! The three passes over all values once everything was read: `$(NAME)` from the environment,
//! `@(file)` from a file, `%(name)` from other options, in this order.

use std::collections::HashMap;
use std::path::Path;

use crate::entry::Entry;
use crate::surroundings::{self, Surroundings};

/// Looks up an environment variable.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A reference that could not be resolved and therefore stays in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unresolved {
    /// Which entry it stands in.
    pub(crate) entry: usize,
    /// The reference as it was written.
    pub(crate) reference: String,
    /// Why a file could not be read; `None` for the other two kinds.
    pub(crate) reason: Option<String>,
}

/// Runs the three passes over all entries.
pub(crate) fn replace_all(
    entries: &mut [Entry],
    variables: Variables<'_>,
    surroundings: &dyn Surroundings,
) -> Vec<Unresolved> {
    let mut unresolved = Vec::new();
    for (index, entry) in entries.iter_mut().enumerate() {
        let value = replace(&entry.value, "$(", &mut |name| {
            let found = variables(name);
            if found.is_none() {
                unresolved.push(Unresolved {
                    entry: index,
                    reference: format!("$({name})"),
                    reason: None,
                });
            }
            found
        });
        entry.value = value;
    }
    for (index, entry) in entries.iter_mut().enumerate() {
        let value = replace(
            &entry.value,
            "@(",
            &mut |source| match content(source, surroundings) {
                Ok(text) => Some(text),
                Err(reason) => {
                    let reference = format!("@({source})");
                    unresolved.push(Unresolved {
                        entry: index,
                        reference,
                        reason: Some(reason),
                    });
                    None
                }
            },
        );
        entry.value = value;
    }
    let mut first: HashMap<String, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        first.entry(entry.key.clone()).or_insert(index);
    }
    for index in 0..entries.len() {
        let known = |word: &str| first.get(word).map(|&index| entries[index].value.clone());
        let value = replace(&entries[index].value, "%(", &mut |expression| {
            let found = evaluate(expression, &known);
            if found.is_none() {
                unresolved.push(Unresolved {
                    entry: index,
                    reference: format!("%({expression})"),
                    reason: None,
                });
            }
            found
        });
        entries[index].value = value;
    }
    unresolved
}

/// Replaces every `open…)` by what `with` makes of the inside; where it has no answer the text
/// stays. What was put in is not looked at again.
pub(crate) fn replace(
    text: &str,
    open: &str,
    with: &mut dyn FnMut(&str) -> Option<String>,
) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        let inside = &rest[start + open.len()..];
        let Some(end) = inside.find(')') else {
            break;
        };
        result.push_str(&rest[..start]);
        match with(&inside[..end]) {
            Some(value) => result.push_str(&value),
            None => result.push_str(&rest[start..=start + open.len() + end]),
        }
        rest = &inside[end + 1..];
    }
    result.push_str(rest);
    result
}

/// The content behind `@(…)`, a path or `exec://command`, without the end of its last line.
fn content(source: &str, surroundings: &dyn Surroundings) -> Result<String, String> {
    let bytes = match source.split_once("://") {
        Some(("exec", command)) => surroundings.run(command),
        Some((scheme, _)) => return Err(format!("{scheme}:// is not a source Verdigris reads")),
        None => surroundings.read(Path::new(source)),
    };
    let bytes = bytes.map_err(|error| surroundings::reason(&error))?;
    match String::from_utf8(bytes) {
        Ok(text) => {
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
        Err(_) => Err("it is not UTF-8 text".to_owned()),
    }
}

/// What the next word does with the result so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Join,
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// Evaluates `%(…)`: blank-separated words from left to right. A word is the first value of an
/// option or placeholder of that name, or a number; words without a value are passed over. `None`
/// when nothing at all came out.
fn evaluate(expression: &str, known: Variables<'_>) -> Option<String> {
    let mut result: Option<String> = None;
    let mut operator = Operator::Join;
    for word in expression.split(' ').filter(|word| !word.is_empty()) {
        operator = match word {
            "++" | "--" => {
                let step = if word == "++" { 1 } else { -1 };
                result = result.map(|value| number(&value).saturating_add(step).to_string());
                Operator::Join
            }
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            _ => {
                if let Some(operand) = value_of(word, known) {
                    result = Some(apply(operator, result.as_deref(), &operand));
                }
                Operator::Join
            }
        };
    }
    result
}

/// The first value under this name, or the word itself when it is a number.
fn value_of(word: &str, known: Variables<'_>) -> Option<String> {
    let number = || {
        word.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| word.to_owned())
    };
    known(word).or_else(number)
}

fn apply(operator: Operator, left: Option<&str>, right: &str) -> String {
    let (first, second) = (number(left.unwrap_or_default()), number(right));
    let result = match operator {
        Operator::Join => return format!("{}{right}", left.unwrap_or_default()),
        Operator::Add => first.saturating_add(second),
        Operator::Subtract => first.saturating_sub(second),
        Operator::Multiply => first.saturating_mul(second),
        Operator::Divide => first.checked_div(second).unwrap_or(0),
    };
    result.to_string()
}

/// The number at the start of a text, as C's `atoi` finds it.
fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let end = text
        .char_indices()
        .find(|(index, character)| {
            !(character.is_ascii_digit() || (*index == 0 && matches!(character, '-' | '+')))
        })
        .map_or(text.len(), |(index, _)| index);
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(expression: &str, pairs: &[(&str, &str)]) -> Option<String> {
        let known = |word: &str| {
            let pair = pairs.iter().find(|(name, _)| *name == word);
            pair.map(|(_, value)| (*value).to_owned())
        };
        evaluate(expression, &known)
    }

    #[test]
    fn expressions_as_uwsgi_computes_them() {
        // Every line was compared with uWSGI 2.0.31.
        let known = [("workers", "5"), ("base", "one"), ("later", "two")];
        let cases = [
            ("base", Some("one")),
            ("workers * 2", Some("10")),
            ("3 + 4", Some("7")),
            ("workers + 1 * 2", Some("12")),
            ("base later", Some("onetwo")),
            ("base - 1", Some("-1")),
            ("workers / 0", Some("0")),
            ("workers ++", Some("6")),
            ("workers --", Some("4")),
            ("  workers  +  2 ", Some("7")),
            ("workers + workers * workers", Some("50")),
            ("nope + 1", Some("1")),
            ("base nope", Some("one")),
            ("workers-1", None),
            ("nope", None),
            ("-", None),
            ("", None),
        ];
        for (expression, expected) in cases {
            assert_eq!(
                evaluated(expression, &known).as_deref(),
                expected,
                "{expression}"
            );
        }
    }

    #[test]
    fn replacement_keeps_what_has_no_answer() {
        let mut with = |name: &str| (name == "A").then(|| "$(A)".to_owned());
        assert_eq!(replace("x $(A) $(B) $(", "$(", &mut with), "x $(A) $(B) $(");
    }

    #[test]
    fn large_numbers_do_not_overflow() {
        let known = [("big", "9223372036854775807")];
        assert_eq!(
            evaluated("big * big", &known).unwrap(),
            i64::MAX.to_string()
        );
        assert_eq!(evaluated("big ++", &known).unwrap(), i64::MAX.to_string());
    }
}
