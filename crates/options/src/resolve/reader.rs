//! Reads typed values out of what was given, and collects what is wrong with them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Circumstances;
use crate::address::AddressError;
use crate::config::Account;
use crate::entry::{Entry, Given, Values};
use crate::origin::Origin;
use crate::references;
use crate::report::{Notice, Problem};
use crate::table::Takes;
use crate::value::{self, Dialect, Read, ValueError};

/// How every hint about a comment behind a value begins.
pub(crate) const NO_COMMENTS: &str = "there are no comments behind a value";

/// Reads values and keeps the problems.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    values: &'a Values<'a>,
    entries: &'a [Entry],
    home: Option<String>,
    /// A uWSGI configuration is in play.
    pub(super) uwsgi: bool,
    /// Part of what was written could not be understood; complaints about what is missing would
    /// only hide the cause.
    pub(super) something_is_missing: bool,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        values: &'a Values<'a>,
        entries: &'a [Entry],
        circumstances: &Circumstances,
    ) -> Self {
        Self {
            values,
            entries,
            home: circumstances.home.clone(),
            uwsgi: circumstances.from_uwsgi_config,
            something_is_missing: circumstances.something_is_missing,
            problems: Vec::new(),
            notices: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Notice>) {
        (self.problems, self.notices)
    }

    /// What was given.
    pub(super) fn values(&self) -> &'a Values<'a> {
        self.values
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// The place of an option's last value.
    pub(super) fn origin(&self, option: &'static str) -> Option<&'a Origin> {
        self.values.last(option).map(|given| &given.entry.origin)
    }

    /// Takes a conversion's outcome: a value, a value with something to say about it, or a problem.
    pub(super) fn take<T>(
        &mut self,
        given: Given<'_>,
        outcome: Result<Read<T>, ValueError>,
    ) -> Option<T> {
        match outcome {
            Ok(Read {
                value,
                oddity: None,
            }) => Some(value),
            Ok(Read {
                value,
                oddity: Some(oddity),
            }) => {
                self.notice(odd(given, &oddity));
                Some(value)
            }
            Err(error) => {
                self.wrong(given, &error);
                None
            }
        }
    }

    /// Reports a value that cannot be used.
    pub(super) fn wrong(&mut self, given: Given<'_>, error: &ValueError) {
        let name = given.name;
        let hint = match error {
            ValueError::TrailingText { read, .. } if *read > 0 => {
                Some(format!("write `{}`", given.spelled(&read.to_string())))
            }
            ValueError::Range {
                value,
                lowest,
                highest,
            } => {
                let fit = (*value).clamp(*lowest, *highest);
                Some(format!("write `{}`", given.spelled(&fit.to_string())))
            }
            ValueError::Flag(_) => Some(format!(
                "write `{}` or `{}`",
                given.spelled("true"),
                given.spelled("false")
            )),
            ValueError::Address(AddressError::Host(host)) if host.contains('*') => Some(format!(
                "patterns of addresses are not looked up; name the address, or `{}` for all",
                given.spelled("0.0.0.0:PORT")
            )),
            _ if !given.row.example.is_empty() => Some(format!(
                "for example `{}`",
                given.spelled(given.row.example)
            )),
            _ => None,
        };
        let hint = references::not_filled_in(&given.entry.value).or(hint);
        let mut problem = Problem::new(format!("{name}: {error}")).at(&given.entry.origin);
        problem.hint = hint;
        self.problem(problem);
    }

    /// Shows everything that was written, in uWSGI's form.
    pub(super) fn show_config(&mut self) {
        let mut text = String::from("the whole configuration:\n[uwsgi]\n");
        for entry in self.entries {
            let _ = writeln!(text, "{} = {}", entry.key, entry.value);
        }
        text.push_str(";end of configuration");
        self.notice(Notice::info(text));
    }

    /// Checks a value that nobody reads yet.
    pub(super) fn look_at(&mut self, given: Given<'_>) {
        let outcome = given.row.check(&given.entry.value, given.entry.dialect);
        self.take(given, outcome.map(|oddity| Read { value: (), oddity }));
    }

    /// A flag; `None` when nobody said anything.
    pub(super) fn flag(&mut self, option: &'static str) -> Option<bool> {
        let given = self.values.last(option)?;
        self.take(
            given,
            value::flag(Some(&given.entry.value), given.entry.dialect),
        )
    }

    /// A flag that is off unless somebody says otherwise.
    pub(super) fn is_on(&mut self, option: &'static str) -> bool {
        self.flag(option).unwrap_or(false)
    }

    /// A whole number in the range the table gives.
    pub(super) fn integer(&mut self, option: &'static str) -> Option<i64> {
        let given = self.values.last(option)?;
        let (lowest, highest) = match given.row.takes {
            Takes::Integer(lowest, highest) => (lowest, highest),
            // For uWSGI 0 is what leaving it out is.
            Takes::Threads => (i64::from(!is_uwsgi(given)), 4096),
            _ => (0, i64::MAX),
        };
        self.take(
            given,
            value::integer(&given.entry.value, lowest, highest, given.entry.dialect),
        )
    }

    /// A whole number that fits 32 bits by the table's range.
    pub(super) fn count(&mut self, option: &'static str) -> Option<u32> {
        self.integer(option)
            .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// A number of bytes.
    pub(super) fn size(&mut self, option: &'static str) -> Option<u64> {
        let given = self.values.last(option)?;
        self.take(given, value::size(&given.entry.value, given.entry.dialect))
    }

    /// A number of bytes, where 0 means that there is no limit.
    pub(super) fn size_unless_zero(&mut self, option: &'static str) -> Option<u64> {
        self.size(option).filter(|bytes| *bytes > 0)
    }

    /// A length of time; the table says what a plain number counts.
    pub(super) fn duration(&mut self, option: &'static str) -> Option<Duration> {
        let given = self.values.last(option)?;
        let unit = match given.row.takes {
            Takes::Milliseconds => Duration::from_millis(1),
            _ => Duration::from_secs(1),
        };
        self.take(
            given,
            value::duration(&given.entry.value, unit, given.entry.dialect),
        )
    }

    /// A text; empty counts as not given.
    pub(super) fn text(&mut self, option: &'static str) -> Option<String> {
        let given = self.values.last(option)?;
        self.mind_comment(given);
        Some(given.entry.value.clone()).filter(|text| !text.is_empty())
    }

    /// Every text given for an option that may be repeated.
    pub(super) fn texts(&mut self, option: &'static str) -> Vec<String> {
        let all: Vec<Given<'a>> = self.values.of(option).collect();
        for given in &all {
            self.mind_comment(*given);
        }
        all.into_iter()
            .map(|given| given.entry.value.clone())
            .filter(|text| !text.is_empty())
            .collect()
    }

    /// A path; `~/` at its start stands for the home directory.
    pub(super) fn path(&mut self, option: &'static str) -> Option<PathBuf> {
        let given = self.values.last(option)?;
        if given.entry.value.is_empty() {
            self.wrong(given, &ValueError::Empty);
            return None;
        }
        self.mind_comment(given);
        let value = given.entry.value.as_str();
        // uWSGI takes the sign for a directory's name and fails.
        match (value.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => Some(Path::new(home).join(rest)),
            _ => Some(PathBuf::from(value)),
        }
    }

    /// The mode of a file.
    pub(super) fn mode(&mut self, option: &'static str) -> Option<u32> {
        let given = self.values.last(option)?;
        let outcome = value::mode(Some(&given.entry.value));
        self.take(
            given,
            outcome.map(|value| Read {
                value,
                oddity: None,
            }),
        )
    }

    /// A umask.
    pub(super) fn umask(&mut self, option: &'static str) -> Option<u32> {
        let given = self.values.last(option)?;
        let outcome = value::umask(&given.entry.value);
        self.take(
            given,
            outcome.map(|value| Read {
                value,
                oddity: None,
            }),
        )
    }

    /// One of the words the table lists.
    pub(super) fn choice(&mut self, option: &'static str) -> Option<&'static str> {
        let given = self.values.last(option)?;
        let Takes::Choice(words) = given.row.takes else {
            return None;
        };
        let outcome = value::choice(&given.entry.value, words);
        self.take(
            given,
            outcome.map(|value| Read {
                value,
                oddity: None,
            }),
        )
    }

    /// One `NAME=value`.
    pub(super) fn pair(&mut self, given: Given<'a>) -> Option<(String, String)> {
        let outcome = value::pair(&given.entry.value);
        self.take(given, outcome.map(Read::plain))
    }

    /// Every `NAME=value` given for an option.
    pub(super) fn pairs(&mut self, option: &'static str) -> Vec<(String, String)> {
        let all: Vec<Given<'a>> = self.values.of(option).collect();
        let pairs = all.into_iter();
        pairs.filter_map(|given| self.pair(given)).collect()
    }

    /// A user or group, by name or number.
    pub(super) fn account(&mut self, option: &'static str) -> Option<Account> {
        self.text(option).map(|text| account(&text))
    }

    /// Warns of a text that looks as if it ended in a comment.
    pub(super) fn mind_comment(&mut self, given: Given<'_>) {
        let from_file = matches!(given.entry.origin, Origin::File { .. });
        let Some(rest) = comment_in(&given.entry.value).filter(|_| from_file) else {
            return;
        };
        let text = format!("{}: `{rest}` is part of the value", given.name);
        let notice = Notice::warning(text).hint(format!("{NO_COMMENTS}; move it to its own line"));
        self.notice(notice.at(&given.entry.origin));
    }
}

/// A user or group: digits are a number, everything else a name.
pub(super) fn account(text: &str) -> Account {
    match text.parse::<u32>() {
        Ok(number) => Account::Number(number),
        Err(_) => Account::Name(text.to_owned()),
    }
}

/// What is said when a value was read in uWSGI's generous way.
fn odd(given: Given<'_>, oddity: &ValueError) -> Notice {
    let value = &given.entry.value;
    let mut notice = match oddity {
        ValueError::TrailingText { read, .. } => {
            Notice::warning(format!("{}: `{value}` is read as {read}", given.name))
        }
        ValueError::Integer(_) => {
            Notice::warning(format!("{}: `{value}` is read as 0", given.name))
        }
        ValueError::Flag(_) => {
            Notice::warning(format!("{}: `{value}` is read as true", given.name))
        }
        other => Notice::warning(format!("{}: {other}", given.name)),
    };
    if let Some(rest) = comment_in(value) {
        let hint = format!("{NO_COMMENTS}; move `{rest}` to its own line");
        notice = notice.hint(hint);
    }
    notice.at(&given.entry.origin)
}

/// The part of a value that looks like a comment somebody put behind it.
pub(crate) fn comment_in(value: &str) -> Option<&str> {
    let at = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min()?;
    Some(value[at..].trim())
}

/// Whether a value is read the way uWSGI reads it.
pub(super) fn is_uwsgi(given: Given<'_>) -> bool {
    given.entry.dialect == Dialect::Uwsgi
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_behind_values_are_seen() {
        assert_eq!(comment_in("app:app  # the app"), Some("# the app"));
        assert_eq!(comment_in("3600 ; seconds"), Some("; seconds"));
        assert_eq!(comment_in("a#b;c"), None);
    }

    #[test]
    fn accounts() {
        assert_eq!(account("33"), Account::Number(33));
        assert_eq!(account("www-data"), Account::Name("www-data".into()));
    }
}
