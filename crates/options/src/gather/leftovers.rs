//! What is said at the end about what was left over: references without an answer, and keys that are
//! no option.

use std::collections::HashSet;

use super::Gatherer;
use super::files::hint_for;
use crate::entry::Entry;
use crate::nearest::nearest;
use crate::origin::Origin;
use crate::references::{self, Unresolved, Why};
use crate::report::{Notice, Problem};
use crate::table::{self, Group};
use crate::xml;

/// References without an answer that are named.
const MOST_UNRESOLVED: usize = 1000;

/// Unknown keys that are named.
const MOST_UNKNOWN: usize = 50;

impl Gatherer<'_> {
    pub(super) fn report_unresolved(&mut self, unresolved: &[Unresolved]) {
        for missing in unresolved.iter().take(MOST_UNRESOLVED) {
            let Some(entry) = self.entries.get(missing.entry) else {
                continue;
            };
            let row = table::find(&entry.key);
            // The template of the request line has %(names) of its own, and the words of the
            // language have done their work before.
            let template = row.is_some_and(|row| matches!(row.name, "log-format" | "log-encoder"));
            let language =
                row.is_some_and(|row| row.group == Group::Language && row.name != "print");
            if language || (template && missing.reference.starts_with("%(")) {
                continue;
            }
            let (key, reference) = (&entry.key, &missing.reference);
            let text = match &missing.why {
                Why::Unreadable(why) => {
                    let problem = Problem::new(format!("{key}: cannot read {reference}: {why}"));
                    let hint = hint_for(reference.trim_start_matches("@("));
                    self.problems.push(problem.hint(hint).at(&entry.origin));
                    continue;
                }
                Why::Unknown => {
                    format!("{key}: there is nothing named {reference}; the text stays as it is")
                }
                Why::AtStart => format!(
                    "{key}: {reference} was put in at the start of the value and stays as it is, as in uWSGI"
                ),
            };
            let mut notice = Notice::warning(text).at(&entry.origin);
            if missing.why == Why::AtStart && reference.starts_with('%') {
                notice = notice.hint("write the line that is used above the line that uses it");
            }
            self.notices.push(notice);
        }
    }

    /// Keys that are no option are placeholders if some value uses them, else slips. With `strict`
    /// only `set-ph` makes placeholders.
    pub(super) fn report_unknown(&mut self, written: &[String]) {
        let used = words_in_references(written);
        let mut said = 0;
        for (index, entry) in self.entries.iter().enumerate() {
            let key = entry.key.as_str();
            let is_known = if xml::is_trace_of_app(key, &entry.value) {
                true
            } else if self.strict {
                self.set_ph.contains(&index) || self.own_options.iter().any(|own| own.name == key)
            } else {
                used.contains(key) || self.placeholders.contains(key)
            };
            if is_known || table::find(key).is_some() {
                continue;
            }
            said += 1;
            // Whoever has so many has a file of another kind; to name them all would help nobody.
            if said > MOST_UNKNOWN {
                continue;
            }
            let near = nearest(key, table::names(), 3);
            let near = (!near.is_empty()).then(|| format!("did you mean {}?", listed(&near)));
            let hint = written_without_sign(key, &entry.value)
                .map(|meant| format!("write `{meant}`"))
                .or(near);
            if self.strict {
                let problem = Problem::new(format!("`{key}` is no option, and strict is on"));
                let hint = hint.unwrap_or_else(|| placeholder(entry));
                self.problems.push(problem.hint(hint).at(&entry.origin));
            } else {
                let notice = Notice::warning(format!("`{key}` is no option; it has no effect"));
                let mut notice = notice.at(&entry.origin);
                if !matches!(entry.origin, Origin::Environment(_)) {
                    notice = notice.said_by_table();
                }
                notice.hint = hint;
                self.notices.push(notice);
            }
        }
        if said > MOST_UNKNOWN {
            let text = format!("{} further lines hold no option", said - MOST_UNKNOWN);
            self.notices.push(Notice::warning(text).said_by_table());
        }
    }
}

/// How to write a placeholder that `strict` lets pass.
fn placeholder(entry: &Entry) -> String {
    let key = &entry.key;
    match &entry.origin {
        Origin::Environment(variable) => format!("unset {variable}"),
        _ => format!("if it is a placeholder, write `set-ph = {key}=…`"),
    }
}

/// `http-socket :8000`: an option and its value, only the sign between them is missing.
pub(crate) fn written_without_sign(key: &str, value: &str) -> Option<String> {
    let end = key.find([' ', '\t', ':'])?;
    let (name, rest) = key.split_at(end);
    table::find(name)?;
    let rest = rest.trim();
    Some(if value.is_empty() {
        format!("{name} = {rest}")
    } else {
        format!("{name} = {rest}={value}")
    })
}

/// `a`, `b` or `c`, in backticks.
pub(crate) fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Every word inside a `%(…)`.
pub(crate) fn words_in_references(written: &[String]) -> HashSet<String> {
    let mut words = HashSet::new();
    for value in written {
        // Nothing is put in, so it cannot go too deep.
        let _ = references::replace(value, '%', &mut |expression| {
            words.extend(expression.split(' ').map(str::to_owned));
            None
        });
    }
    words
}
