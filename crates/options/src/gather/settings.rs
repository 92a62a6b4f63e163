//! Options that make options: `set`, `set-ph`, `declare-option`, and what that declared.

use super::Gatherer;
use crate::entry::Entry;
use crate::own_option::OwnOption;
use crate::report::{Notice, Problem};
use crate::table;
use crate::value::Dialect;

/// Declared options may stand for declared options this deep.
const DEEPEST_OWN: usize = 8;

impl Gatherer<'_> {
    /// `declare-option = name=option=$1`.
    pub(super) fn declare(&mut self, entry: &Entry) {
        match OwnOption::declared(&entry.value) {
            Some(own) if table::find(&own.name).is_some() => {
                let what = format!("declare-option: `{}` is an option already", own.name);
                let problem = Problem::new(what).hint("choose another name");
                self.problems.push(problem.at(&entry.origin));
            }
            Some(own) => {
                self.placeholders.insert(own.name.clone());
                self.own_options.push(own);
            }
            None => {
                let what = format!("declare-option: `{}` declares nothing", entry.value);
                let problem =
                    Problem::new(what).hint("write `declare-option = name=option=$1;option=value`");
                self.problems.push(problem.at(&entry.origin));
            }
        }
    }

    /// Puts in what a declared option stands for.
    pub(super) fn act_for_own(&mut self, entry: &Entry) {
        let own = self
            .own_options
            .iter()
            .rev()
            .find(|own| own.name == entry.key);
        let Some(options) = own.map(|own| own.stands_for(&entry.value, &mut self.growth)) else {
            return;
        };
        let options = match options {
            Ok(options) => options,
            Err(what) => {
                self.has_room(Err(what), &entry.origin);
                return;
            }
        };
        if self.own_depth >= DEEPEST_OWN {
            let problem = Problem::new(format!("{}: it stands for itself without end", entry.key))
                .hint("end the circle of `declare-option` lines");
            self.problems.push(problem.at(&entry.origin));
            self.own_options.clear();
            return;
        }
        self.own_depth += 1;
        for (key, value) in options {
            self.act(&Entry {
                key,
                value,
                ..entry.clone()
            });
        }
        self.own_depth -= 1;
    }

    /// Says that a key with blanks around it is another one than the same key without.
    fn mind_blanks(&mut self, entry: &Entry, key: &str, value: &str) {
        if key.trim() == key {
            return;
        }
        let text = format!(
            "{}: the blank beside the second `=` makes this another key than `{}`, as in uWSGI",
            entry.key,
            key.trim()
        );
        let hint = format!("write `{} = {}={}`", entry.key, key.trim(), value.trim());
        self.notices
            .push(Notice::warning(text).hint(hint).at(&entry.origin));
    }

    /// `set = key=value` and `set-ph = key=value`.
    pub(super) fn set(&mut self, entry: &Entry, placeholder_only: bool) {
        let Some((key, value)) = entry.value.split_once('=') else {
            let what = format!("{}: `{}` sets nothing", entry.key, entry.value);
            let hint = format!("write `{} = {}=value`", entry.key, entry.value);
            self.problems
                .push(Problem::new(what).hint(hint).at(&entry.origin));
            return;
        };
        let (key, value) = match entry.dialect {
            Dialect::Native => (key.trim(), value.trim()),
            // Blanks count there; that hardly anybody means it is worth a word.
            Dialect::Uwsgi => {
                self.mind_blanks(entry, key, value);
                (key, value)
            }
        };
        if placeholder_only && table::find(key).is_some() {
            let problem = Problem::new(format!(
                "{}: `{key}` is an option, not a placeholder",
                entry.key
            ))
            .hint(format!("write `{key} = {value}`"));
            self.problems.push(problem.at(&entry.origin));
            return;
        }
        if self.own_depth >= DEEPEST_OWN {
            let problem = Problem::new(format!("{}: it sets itself without end", entry.key))
                .hint("write `set = key=value`");
            self.problems.push(problem.at(&entry.origin));
            return;
        }
        self.placeholders.insert(key.to_owned());
        if placeholder_only {
            self.set_ph.insert(self.entries.len());
        }
        self.own_depth += 1;
        self.act(&Entry {
            key: key.to_owned(),
            value: value.to_owned(),
            ..entry.clone()
        });
        self.own_depth -= 1;
    }
}
