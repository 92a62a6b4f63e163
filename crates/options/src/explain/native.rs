//! The shortest configuration for Verdigris that comes to the same: defaults left out, the last
//! value of each option, placeholders replaced.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::sentence::is_default;
use crate::Loaded;
use crate::config::Config;
use crate::entry::{Given, Values};
use crate::resolve::is_done_already;
use crate::table::{Group, Row, Takes, Verdict};
use crate::value::{self, Dialect};

/// The line above the options that do nothing yet.
pub(crate) const NOT_ACTIVE: &str = "# accepted, not active yet\n";

/// The whole file.
pub(super) fn native(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let values = Values::new(&config.entries);
    let mut last: HashMap<&str, usize> = HashMap::new();
    for (index, given) in values.all().enumerate() {
        last.insert(given.row.name, index);
    }
    let (mut active, mut waiting) = (String::new(), String::new());
    for (index, given) in values.all().enumerate() {
        if !given.row.many && last.get(given.row.name) != Some(&index) {
            continue;
        }
        let Some(value) = spelled(given) else {
            continue;
        };
        match given.row.verdict {
            Verdict::Planned(_) if is_done_already(given) => {}
            Verdict::Planned(_) => {
                write_line(&mut waiting, given.row, &value);
            }
            Verdict::Ignored(_) | Verdict::Refused(_) => {}
            // That is what `env = NAME` means to uWSGI.
            _ if given.row.name == "env" && !value.contains('=') => {
                let _ = writeln!(active, "unenv = {}", escaped(&value));
            }
            _ => write_line(&mut active, given.row, &value),
        }
    }
    assemble(config, &active, &waiting)
}

fn assemble(config: &Config, active: &str, waiting: &str) -> String {
    let mut text = format!("[verdigris]\n{active}");
    let mut origin = |option: &str, line: &str| {
        if *config.origin(option) == crate::Origin::Default {
            let _ = writeln!(text, "{line}");
        }
    };
    if config.from_uwsgi_config {
        // What uWSGI's silence means.
        origin("threads", "threads = 1");
        let formatted = *config.origin("log-format") != crate::Origin::Default;
        if !formatted {
            origin("log-style", "log-style = uwsgi");
        }
    }
    if !waiting.is_empty() {
        let _ = write!(text, "{NOT_ACTIVE}{waiting}");
    }
    text
}

fn write_line(text: &mut String, row: &Row, value: &str) {
    if row.takes == Takes::Flag && value == "true" {
        let _ = writeln!(text, "{} = true", row.name);
    } else {
        let _ = writeln!(text, "{} = {}", row.name, escaped(value));
    }
}

/// A percent sign is doubled, unless it begins a reference, which stays.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars().peekable();
    while let Some(character) = characters.next() {
        text.push(character);
        if character == '%' && characters.peek() != Some(&'(') {
            text.push('%');
        }
    }
    text
}

/// The value as the strict reader takes it; nothing when the line can be left out.
fn spelled(given: Given<'_>) -> Option<String> {
    let (row, value) = (given.row, given.entry.value.as_str());
    // A word that names the default may still mean more than silence does.
    let plain = matches!(
        row.takes,
        Takes::Flag | Takes::Integer(..) | Takes::Size | Takes::Seconds | Takes::Milliseconds
    );
    if row.group == Group::Language {
        return None;
    }
    if row.takes != Takes::Flag && value.is_empty() && !row.optional {
        return None;
    }
    if row.name == "env" && value.starts_with('=') {
        return None;
    }
    let text = counted(given)?;
    let off = row.takes == Takes::Flag && text == "false" && row.default != "true";
    (!off && (!plain || !is_default(row, &text))).then_some(text)
}

/// The part of a value that counts, spelled strictly; nothing when no part does.
pub(crate) fn counted(given: Given<'_>) -> Option<String> {
    let (row, value) = (given.row, given.entry.value.as_str());
    let uwsgi = Dialect::Uwsgi;
    let number = |read: Result<value::Read<i64>, value::ValueError>| {
        read.map_or_else(|_| value.to_owned(), |read| read.value.to_string())
    };
    let text = match row.takes {
        Takes::Flag => value::flag(Some(value), uwsgi).ok()?.value.to_string(),
        Takes::Integer(lowest, highest) => number(value::integer(value, lowest, highest, uwsgi)),
        Takes::Megabytes => number(value::integer(value, 0, i64::from(u32::MAX), uwsgi)),
        Takes::Threads if value != "auto" => number(value::integer(value, 0, 4096, uwsgi).map(
            |read| value::Read {
                value: read.value.max(1),
                ..read
            },
        )),
        Takes::Size => value::size(value, uwsgi)
            .map_or_else(|_| value.to_owned(), |read| read.value.to_string()),
        Takes::Seconds => time(value, Duration::from_secs(1)),
        Takes::Milliseconds => time(value, Duration::from_millis(1)),
        Takes::Address => match value::address(value, uwsgi) {
            Ok(read) if read.oddity.is_some() => read.value.to_string(),
            _ => value.to_owned(),
        },
        _ => value.to_owned(),
    };
    Some(text)
}

fn time(value: &str, unit: Duration) -> String {
    let odd = value::duration(value, unit, Dialect::Uwsgi).ok();
    match odd.filter(|read| read.oddity.is_some()) {
        Some(read) => (read.value.as_millis() / unit.as_millis().max(1)).to_string(),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_survive_the_magic() {
        assert_eq!(escaped("%Y %(addr) 5%"), "%%Y %(addr) 5%%");
    }
}
