//! The three passes over all values once everything was read: `$(NAME)` from the environment,
//! `@(file)` from a file, `%(name)` from other options, in this order.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use crate::bounds::{Growth, MOST_BYTES, TooMuch};
use crate::entry::Entry;
use crate::surroundings::{self, Surroundings};

/// Looks up an environment variable.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Looks up the first value of an option or placeholder.
type Values<'a, 'text> = &'a dyn Fn(&str) -> Option<&'text str>;

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

/// What the three passes came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// References that have no answer.
    pub(crate) unresolved: Vec<Unresolved>,
    /// The entry at which everything had grown too far; the passes ended there.
    pub(crate) too_much: Option<(usize, TooMuch)>,
}

impl Outcome {
    fn unresolved(&mut self, entry: usize, reference: String, reason: Option<String>) {
        self.unresolved.push(Unresolved {
            entry,
            reference,
            reason,
        });
    }

    /// Takes what a reference came to, as long as there is room.
    fn put_in(&mut self, entry: usize, growth: &mut Growth, text: String) -> Option<String> {
        match growth.bytes(text.len()) {
            Ok(()) => Some(text),
            Err(what) => {
                self.too_much.get_or_insert((entry, what));
                None
            }
        }
    }
}

/// Runs the three passes over all entries.
pub(crate) fn replace_all(
    entries: &mut [Entry],
    variables: Variables<'_>,
    surroundings: &dyn Surroundings,
    growth: &mut Growth,
) -> Outcome {
    let mut outcome = Outcome::default();
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.value = replace(&entry.value, "$(", &mut |name| {
            let Some(found) = variables(name) else {
                outcome.unresolved(index, format!("$({name})"), None);
                return None;
            };
            outcome.put_in(index, growth, found)
        });
    }
    let mut stuck = false;
    for (index, entry) in entries.iter_mut().enumerate() {
        entry.value = replace(&entry.value, "@(", &mut |source| {
            // After a command that did not end in time, nobody waits for a second one.
            if stuck || outcome.too_much.is_some() {
                return None;
            }
            match content(source, surroundings) {
                Ok(text) => outcome.put_in(index, growth, text),
                Err(Unreadable { why, in_time }) => {
                    stuck = !in_time;
                    outcome.unresolved(index, format!("@({source})"), Some(why));
                    None
                }
            }
        });
    }
    let mut first: HashMap<String, usize> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        first.entry(entry.key.clone()).or_insert(index);
    }
    for index in 0..entries.len() {
        if outcome.too_much.is_some() {
            break;
        }
        let known = |word: &str| first.get(word).map(|&index| entries[index].value.as_str());
        let value = replace(&entries[index].value, "%(", &mut |expression| {
            if outcome.too_much.is_some() {
                return None;
            }
            let Some(found) = evaluate(expression, &known) else {
                outcome.unresolved(index, format!("%({expression})"), None);
                return None;
            };
            outcome.put_in(index, growth, found)
        });
        entries[index].value = value;
    }
    outcome
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

/// Why there is nothing to put in.
struct Unreadable {
    why: String,
    /// The answer came in time; it was only no good one.
    in_time: bool,
}

/// The content behind `@(…)`, a path or `exec://command`, without the end of its last line.
fn content(source: &str, surroundings: &dyn Surroundings) -> Result<String, Unreadable> {
    let no_use = |why: String| Unreadable { why, in_time: true };
    let bytes = match source.split_once("://") {
        Some(("exec", command)) => surroundings.run(command),
        Some((scheme, _)) => {
            let why = format!("{scheme}:// is not a source Verdigris reads");
            return Err(no_use(why));
        }
        None => surroundings.read(Path::new(source)),
    };
    let bytes = bytes.map_err(|error| Unreadable {
        why: surroundings::reason(&error),
        in_time: error.kind() != io::ErrorKind::TimedOut,
    })?;
    match String::from_utf8(bytes) {
        Ok(text) => {
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
        Err(_) => Err(no_use("it is not UTF-8 text".to_owned())),
    }
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
/// when nothing at all came out. It ends early when more comes out than there ever is room for.
fn evaluate(expression: &str, known: Values<'_, '_>) -> Option<String> {
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
                let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
                if let Some(operand) = known(word).or(is_number.then_some(word)) {
                    result = Some(apply(operator, result, operand));
                }
                if result.as_ref().is_some_and(|text| text.len() > MOST_BYTES) {
                    return result;
                }
                Operator::Join
            }
        };
    }
    result
}

fn apply(operator: Operator, left: Option<String>, right: &str) -> String {
    let mut left = left.unwrap_or_default();
    let (first, second) = (number(&left), number(right));
    let result = match operator {
        Operator::Join => {
            left.push_str(right);
            return left;
        }
        Operator::Add => first.saturating_add(second),
        Operator::Subtract => first.saturating_sub(second),
        Operator::Multiply => first.saturating_mul(second),
        Operator::Divide => first.checked_div(second).unwrap_or(0),
    };
    result.to_string()
}

/// More digits than any number has.
const MOST_DIGITS: usize = 32;

/// The number at the start of a text, as C's `atoi` finds it.
fn number(text: &str) -> i64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.bytes().skip(sign).take(MOST_DIGITS);
    let end = sign + digits.take_while(u8::is_ascii_digit).count();
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(expression: &str, pairs: &[(&str, &str)]) -> Option<String> {
        let known = |word: &str| {
            let pair = pairs.iter().find(|(name, _)| *name == word);
            pair.map(|(_, value)| *value)
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
