//! The sentence for one option: what it does here, and how that relates to uWSGI.

use std::time::Duration;

use super::{Explainer, Kind, Reading, Remark, Word, line_of, traps};
use crate::document::{Format, Line};
use crate::entry::{Entry, Given};
use crate::gather::{listed, written_without_sign};
use crate::resolve::is_done_already;
use crate::table::{self, Group, Row, Takes, Verdict};
use crate::value::{self, Dialect};
use crate::xml;

/// Explains one option of the file.
pub(super) fn reading(explainer: &Explainer<'_>, line: &Line) -> Reading {
    let row = table::find(&line.key);
    let entries = explainer.entries.get(&(line.number, line.key.as_str()));
    let entry = entries.and_then(|entries| entries.last()).copied();
    let (word, sentence) = match row {
        Some(row) => known(explainer, row, line, entry),
        None => unknown(explainer, line),
    };
    let mut remarks = Vec::new();
    if line.section == explainer.wanted {
        remarks.extend(not_taken(line, entry, row));
        remarks.extend(replaced_later(explainer, row, entry));
        remarks.extend(resolved_value(
            explainer,
            line,
            entries.map_or(&[], Vec::as_slice),
        ));
    }
    let value = entry.map_or(line.value.as_str(), |entry| entry.value.as_str());
    let speaks_http = row.is_some_and(|row| row.name == "socket")
        && explainer
            .values
            .last("protocol")
            .is_some_and(|given| given.entry.value == "http");
    let said = explainer.comments.contains(&line.number);
    let traps = traps::remarks(row.filter(|_| !speaks_http), line, value, dialect(entry));
    remarks.extend(
        traps
            .into_iter()
            .filter(|remark| !(said && traps::is_comment(remark))),
    );
    let (word, sentence) = if line.section == explainer.wanted {
        (word, sentence)
    } else {
        let place = format!(
            "not read from here (section [{}]); there: {sentence}",
            line.section
        );
        (Word::Elsewhere, place)
    };
    Reading {
        option: line.key.clone(),
        value: line.value.clone(),
        word,
        sentence,
        remarks,
    }
}

/// How the value of a line is read.
fn dialect(entry: Option<&Entry>) -> Dialect {
    entry.map_or(Dialect::Uwsgi, |entry| entry.dialect)
}

fn known(
    explainer: &Explainer<'_>,
    row: &'static Row,
    line: &Line,
    entry: Option<&Entry>,
) -> (Word, String) {
    let value = entry.map_or(line.value.as_str(), |entry| entry.value.as_str());
    let help = row.help;
    if row.group == Group::Language && matches!(row.verdict, Verdict::Same | Verdict::Changed(_)) {
        return (Word::Language, help.to_owned());
    }
    let off = row.takes == Takes::Flag
        && value::flag(Some(value), Dialect::Uwsgi).is_ok_and(|read| !read.value);
    if off && row.default != "true" {
        return (
            Word::Default,
            format!("off ({help}), as it is without this line"),
        );
    }
    let default = is_default(row, value);
    match row.verdict {
        Verdict::Same if default => (Word::Default, format!("{help}; already the default here")),
        Verdict::Changed(how) if default => (
            Word::Default,
            format!("{help}; already the default here ({how})"),
        ),
        Verdict::Changed(how) if off => (Word::Changed, format!("off ({help}); {how}")),
        Verdict::Same => (Word::Same, format!("{help}; as in uWSGI")),
        Verdict::Changed(how) => (Word::Changed, format!("{help}; {how}")),
        Verdict::Ignored(why) => (Word::Ignored, format!("not needed: {why}")),
        Verdict::Refused(instead) => (Word::Refused, format!("stops the start: {instead}")),
        Verdict::Ours => (Word::Ours, format!("{help}; Verdigris's own")),
        Verdict::Planned(_) if done(explainer, entry) => (
            Word::Changed,
            format!("{help}; what this line asks for is the case here"),
        ),
        Verdict::Planned(feature) => (
            Word::Planned,
            format!("{help}; accepted, not active yet ({feature})"),
        ),
    }
}

/// What an option asks for may be there although the option as a whole is not.
fn done(explainer: &Explainer<'_>, entry: Option<&Entry>) -> bool {
    let Some((entry, row)) = entry.and_then(|entry| Some((entry, table::find(&entry.key)?))) else {
        return false;
    };
    let known = (row.name, entry.value.clone());
    if let Some(done) = explainer.done.borrow().get(&known) {
        return *done;
    }
    let given = Given {
        row,
        name: row.name,
        entry,
    };
    let done = is_done_already(given);
    explainer.done.borrow_mut().insert(known, done);
    done
}

fn unknown(explainer: &Explainer<'_>, line: &Line) -> (Word, String) {
    let key = line.key.as_str();
    // Magic has eaten the `%` of `{% if … %}` by now.
    if key.starts_with(['{', '<']) {
        let sentence = "a line of a template; explain the file that is made from it";
        return (Word::Template, sentence.to_owned());
    }
    if explainer.format == Format::Xml && xml::is_trace_of_app(key, &line.value) {
        let sentence = "an app below a path; what stands inside names it";
        return (Word::Language, sentence.to_owned());
    }
    let strict = explainer.values.of("strict").any(|given| {
        value::flag(Some(&given.entry.value), given.entry.dialect).is_ok_and(|read| read.value)
    });
    if explainer.used.contains(key) && !strict {
        let sentence = format!("a placeholder; other lines use it as `%({key})`");
        return (Word::Placeholder, sentence);
    }
    if explainer.declared.contains(key) {
        let sentence = "declared by this configuration; it stands for other options".to_owned();
        return (Word::Language, sentence);
    }
    if key.starts_with("if-") || key.starts_with("for-") {
        let sentence =
            "no condition or loop of uWSGI has this name; the lines behind it always count";
        return (Word::Unknown, sentence.to_owned());
    }
    if let Some(meant) = written_without_sign(key, &line.value) {
        let sentence =
            format!("there is no `=` behind the option, so the line does nothing; write `{meant}`");
        return (Word::Unknown, sentence);
    }
    let near = explainer.near(key);
    let hint = match (meant(key), near.is_empty()) {
        (Some(meant), _) => format!("; {meant}"),
        (None, false) => format!("; did you mean {}?", listed(&near)),
        (None, true) => String::new(),
    };
    let then = if strict {
        "and `strict` ends the start"
    } else {
        "so the line does nothing"
    };
    let sentence = format!("no option has this name, {then}, as in uWSGI{hint}");
    (Word::Unknown, sentence)
}

/// Names that people write and no spelling brings near the right one.
fn meant(key: &str) -> Option<&'static str> {
    Some(match key {
        "exec-before" | "exec-pre" => "did you mean `exec-asap` or `exec-pre-app`?",
        "master-log" => "did you mean `log-master`?",
        "timeout" => "did you mean `harakiri`?",
        "port" | "host" => "did you mean `http-socket`?",
        "user" => "did you mean `uid`?",
        "group" => "did you mean `gid`?",
        "script" => "did you mean `wsgi-file`?",
        "python-home" | "pythonhome" => "did you mean `home`?",
        "app" => "an app below a path is `mount = /path=app.py`",
        "RuntimeDirectory" | "ExecStart" | "Restart" | "KillSignal" | "User" | "Group" => {
            "it belongs into a systemd unit"
        }
        _ => return None,
    })
}

/// A condition may keep a line out.
fn not_taken(line: &Line, entry: Option<&Entry>, row: Option<&Row>) -> Option<Remark> {
    let missing = entry.is_none() && !line.key.is_empty() && row.is_some();
    missing.then(|| Remark {
        kind: Kind::Note,
        text:
            "left out on this machine: the condition above does not hold, or its loop has no turn"
                .to_owned(),
    })
}

/// Of an option that takes one value the last one counts.
fn replaced_later(
    explainer: &Explainer<'_>,
    row: Option<&'static Row>,
    entry: Option<&Entry>,
) -> Option<Remark> {
    let (row, entry) = (row.filter(|row| !row.many)?, entry?);
    let last = explainer.last.get(row.name)?.entry;
    if last.origin == entry.origin || row.group == Group::Language {
        return None;
    }
    let place = match line_of(&last.origin, explainer.file) {
        Some(line) => format!("line {line}"),
        None => last.origin.to_string(),
    };
    let (kind, text) = if last.value == entry.value {
        (Kind::Note, format!("said again in {place}"))
    } else {
        let text = format!(
            "without effect: {place} says `{} = {}`",
            last.key, last.value
        );
        (Kind::Trap, text)
    };
    Some(Remark { kind, text })
}

/// What magic, references and loops made of a value.
fn resolved_value(explainer: &Explainer<'_>, line: &Line, entries: &[&Entry]) -> Option<Remark> {
    let value = &entries.last()?.value;
    let written = explainer.written.get(&line.number);
    let by_magic = written.is_some_and(|written| *written != line.value);
    let text = match entries.len() {
        1 if *value == line.value && !by_magic => return None,
        1 => format!("here the value is `{value}`"),
        times => format!("it counts {times} times here, in the end with the value `{value}`"),
    };
    Some(Remark {
        kind: Kind::Note,
        text,
    })
}

/// Whether a value says what is the case without it.
pub(super) fn is_default(row: &Row, value: &str) -> bool {
    if row.name == "threads" {
        return value::integer(value, 1, 4096, Dialect::Uwsgi).is_ok_and(|read| read.value == 1);
    }
    let default = row.default;
    if default.is_empty() {
        return false;
    }
    let (uwsgi, native) = (Dialect::Uwsgi, Dialect::Native);
    match row.takes {
        Takes::Flag => same(
            value::flag(Some(value), uwsgi),
            value::flag(Some(default), native),
        ),
        Takes::Integer(lowest, highest) => same(
            value::integer(value, lowest, highest, uwsgi),
            value::integer(default, lowest, highest, native),
        ),
        Takes::Size => same(value::size(value, uwsgi), value::size(default, native)),
        Takes::Seconds | Takes::Milliseconds => {
            let unit = if row.takes == Takes::Seconds {
                Duration::from_secs(1)
            } else {
                Duration::from_millis(1)
            };
            same(
                value::duration(value, unit, uwsgi),
                value::duration(default, unit, native),
            )
        }
        _ => value == default,
    }
}

fn same<T: PartialEq, E>(
    value: Result<value::Read<T>, E>,
    default: Result<value::Read<T>, E>,
) -> bool {
    match (value, default) {
        (Ok(value), Ok(default)) => value.oddity.is_none() && value.value == default.value,
        _ => false,
    }
}
