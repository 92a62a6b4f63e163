//! `verdigris explain FILE`: what every line of a configuration does here, beside what it does under
//! uWSGI; what is a trap or a risk; and the shortest configuration that comes to the same.

mod advice;
mod json;
mod lists;
mod native;
mod sentence;
mod text;
mod traps;

pub(crate) use native::{NOT_ACTIVE, counted};

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

use crate::document::{Document, Format};
use crate::entry::{Entry, Given, Values};
use crate::gather::files::{STANDARD_INPUT, default_section, shown, split_section, take_apart};
use crate::gather::words_in_references;
use crate::nearest::nearest;
use crate::origin::Origin;
use crate::report::Problem;
use crate::surroundings::{self, Surroundings};
use crate::{Loaded, gunicorn, read_file_alone, table, text_only};

/// What becomes of an option here, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    /// As in uWSGI.
    Same,
    /// It says what is the case anyway.
    Default,
    /// Something better or other.
    Changed,
    /// Verdigris's own.
    Ours,
    /// Part of the configuration language.
    Language,
    /// Defines a placeholder that other lines use.
    Placeholder,
    /// Accepted and without effect, because nothing is needed.
    Ignored,
    /// Accepted, not active yet.
    Planned,
    /// Stops the start.
    Refused,
    /// No option of anybody.
    Unknown,
    /// In a section that is not read.
    Elsewhere,
    /// A line of a template that was not rendered.
    Template,
    /// The beginning of a section.
    Section,
}

impl Word {
    /// Whether it is about an option that exists, and not about the language.
    pub fn is_of_uwsgi(self) -> bool {
        matches!(self, Self::Planned | Self::Refused) || self.is_active()
    }

    /// Whether the option is served: it acts, or nothing needs to be done.
    pub fn is_active(self) -> bool {
        matches!(
            self,
            Self::Same | Self::Default | Self::Changed | Self::Ours | Self::Ignored
        )
    }
}

/// Why a remark is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The line does something else than it seems to do.
    Trap,
    /// The line works, and may hurt.
    Risk,
    /// Good to know.
    Note,
}

/// Something to say beside what an option does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Why it is made.
    pub kind: Kind,
    /// One sentence without a full stop.
    pub text: String,
}

/// One option on a line, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its name, as written; a section's name for a section.
    pub option: String,
    /// Its value, as written.
    pub value: String,
    /// What becomes of it.
    pub word: Word,
    /// The same in a sentence without a full stop.
    pub sentence: String,
    /// What else there is to say.
    pub remarks: Vec<Remark>,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u32,
    /// The line as it stands.
    pub text: String,
    /// The options on it; none on comments, blank lines and brackets.
    pub readings: Vec<Reading>,
    /// What there is to say about the line itself.
    pub remarks: Vec<Remark>,
}

/// A whole file, explained.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The file as it was named.
    pub file: String,
    /// What kind of file it is.
    pub kind: &'static str,
    /// Every line.
    pub lines: Vec<Line>,
    /// What keeps the server from starting with it.
    pub problems: Vec<Problem>,
    /// What is worth knowing about the whole.
    pub advice: Vec<Remark>,
    /// The shortest configuration that comes to the same.
    pub native: String,
}

impl Explanation {
    /// How many options became what.
    pub fn counts(&self) -> Vec<(Word, usize)> {
        let mut counts: HashMap<Word, usize> = HashMap::new();
        let readings = self.lines.iter().flat_map(|line| &line.readings);
        for reading in readings.filter(|reading| reading.word != Word::Section) {
            *counts.entry(reading.word).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable();
        counts
    }

    /// The explanation for a person; colour is the caller's decision.
    pub fn text(&self, colour: bool) -> String {
        text::render(self, colour)
    }

    /// The explanation for tools.
    pub fn json(&self) -> String {
        json::render(self)
    }
}

/// Explains a file, `FILE` or `FILE:section`. `Err` when it cannot be read at all.
pub fn explain(
    name: &str,
    environment: &[(OsString, OsString)],
    surroundings: &dyn Surroundings,
) -> Result<Explanation, Problem> {
    let (file, section) = split_section(name);
    let is_input = file == STANDARD_INPUT;
    let read = if is_input {
        surroundings.read_standard_input()
    } else {
        surroundings.read(Path::new(file))
    };
    let content = read.map_err(|error| {
        Problem::new(format!(
            "cannot read {}: {}",
            shown(file),
            surroundings::reason(&error)
        ))
        .hint("name a configuration file: `verdigris explain uwsgi.ini`")
    })?;
    if crate::file_name::extension(file) == "py" {
        return Ok(gunicorn::explain(file, &content));
    }
    if !crate::ini::is_text(&content) {
        return Err(Problem::new(format!("{file} is not a text file"))
            .hint("name a configuration file: `verdigris explain uwsgi.ini`"));
    }
    let format = match Format::of(file) {
        Some(format) => format,
        None if is_input => Format::of_nameless(&content),
        None => Format::Ini,
    };
    let section_name = section.unwrap_or_default();
    let document = take_apart(file, format, section_name, &content, surroundings);
    let environment = text_only(environment);
    let loaded = read_file_alone(name, &environment, surroundings);
    let wanted = section.map_or_else(|| default_section(&document), str::to_owned);
    let text = String::from_utf8_lossy(&content);
    let mut explainer = Explainer::new(shown(file), format, &wanted, &document, &loaded);
    if format == Format::Ini {
        explainer.written = values_with_magic(&text);
    }
    let mut lines = explainer.lines(&text);
    if format == Format::Yaml {
        lists::explain_heads(&mut lines);
    }
    Ok(Explanation {
        file: shown(name).to_owned(),
        kind: format.name(),
        advice: advice::advice(&lines, &loaded),
        native: native::native(&loaded),
        problems: loaded.problems,
        lines,
    })
}

/// Unknown names that are compared with all that are known.
const MOST_SLIPS: usize = 200;

/// What is known while the lines are explained.
struct Explainer<'a> {
    file: &'a str,
    format: Format,
    wanted: &'a str,
    document: &'a Document,
    loaded: &'a Loaded,
    values: Values<'a>,
    /// What the lines of this file came to, by line and key.
    entries: HashMap<(u32, &'a str), Vec<&'a Entry>>,
    /// The entry that counts of each option that takes one value.
    last: HashMap<&'static str, Given<'a>>,
    /// What was already found out about planned options, by option and value.
    done: RefCell<HashMap<(&'static str, String), bool>>,
    /// Names near those that are no options; looking for them takes long.
    near: RefCell<HashMap<String, Vec<&'static str>>>,
    /// Values of ini lines that hold magic, as they were written but for doubled percent signs.
    written: HashMap<u32, String>,
    /// Lines on which reading the value already told of a comment behind it.
    comments: HashSet<u32>,
    /// Words that stand inside `%(…)`.
    used: HashSet<String>,
    /// Placeholders and options that `set-ph` and `declare-option` made.
    declared: HashSet<String>,
}

impl<'a> Explainer<'a> {
    fn new(
        file: &'a str,
        format: Format,
        wanted: &'a str,
        document: &'a Document,
        loaded: &'a Loaded,
    ) -> Self {
        let mut entries: HashMap<(u32, &str), Vec<&Entry>> = HashMap::new();
        for entry in &loaded.config.entries {
            if let Some(line) = line_of(&entry.origin, file) {
                entries.entry((line, &entry.key)).or_default().push(entry);
            }
        }
        let written: Vec<String> = document
            .lines
            .iter()
            .map(|line| line.value.clone())
            .collect();
        let declares =
            |key: &str| matches!(key, "set" | "set-ph" | "set-placeholder" | "declare-option");
        let declared = document.lines.iter().filter(|line| declares(&line.key));
        let declared =
            declared.filter_map(|line| Some(line.value.split_once('=')?.0.trim().to_owned()));
        let values = Values::new(&loaded.config.entries);
        let last = values.all().map(|given| (given.row.name, given)).collect();
        Self {
            file,
            format,
            wanted,
            document,
            loaded,
            values,
            last,
            done: RefCell::default(),
            near: RefCell::default(),
            written: HashMap::new(),
            comments: commented_lines(loaded, file),
            entries,
            used: words_in_references(&written),
            declared: declared.collect(),
        }
    }

    /// Names near one that is no option. Whoever has hundreds of those has a file of another kind.
    fn near(&self, key: &str) -> Vec<&'static str> {
        let mut known = self.near.borrow_mut();
        if let Some(names) = known.get(key) {
            return names.clone();
        }
        if known.len() >= MOST_SLIPS {
            return Vec::new();
        }
        let names = nearest(key, table::names(), 3);
        known.insert(key.to_owned(), names.clone());
        names
    }

    fn lines(&self, content: &str) -> Vec<Line> {
        let mut readings: HashMap<u32, Vec<Reading>> = HashMap::new();
        for line in &self.document.lines {
            let reading = sentence::reading(self, line);
            readings.entry(line.number).or_default().push(reading);
        }
        let remarks = self.line_remarks();
        let text = content.strip_prefix('\u{feff}').unwrap_or(content);
        let lines = (1..).zip(text.lines());
        lines
            .map(|(number, text)| {
                let mut found = readings.remove(&number).unwrap_or_default();
                found.extend(self.section(text));
                Line {
                    number,
                    text: text.to_owned(),
                    remarks: remarks.get(&number).cloned().unwrap_or_default(),
                    readings: found,
                }
            })
            .collect()
    }

    /// The line that begins a section, in the spelling of the format.
    fn section(&self, text: &str) -> Option<Reading> {
        let text = text.trim();
        let begins = |name: &str| match self.format {
            Format::Ini => false,
            Format::Toml => text.starts_with(&format!("[{name}]")),
            Format::Yaml => text
                .split('#')
                .next()
                .is_some_and(|text| text.trim() == format!("{name}:")),
            Format::Json => text.contains(&format!("\"{name}\"")) && text.ends_with('{'),
            Format::Xml => text.starts_with(&format!("<{name}")) && text.contains('>'),
        };
        let is_ini = self.format == Format::Ini;
        let name = match text.strip_prefix('[').filter(|_| is_ini) {
            Some(inside) => inside.strip_suffix(']').unwrap_or(inside),
            None => self.document.sections.iter().find(|name| begins(name))?,
        };
        let sentence = if name == self.wanted {
            "what follows is read".to_owned()
        } else {
            format!(
                "what follows is read only when asked for: `{}:{name}`",
                self.file
            )
        };
        Some(Reading {
            option: name.to_owned(),
            value: String::new(),
            word: Word::Section,
            sentence,
            remarks: Vec::new(),
        })
    }

    /// What was said about lines while the file was read, except what the table says anyway.
    fn line_remarks(&self) -> HashMap<u32, Vec<Remark>> {
        let mut remarks: HashMap<u32, Vec<Remark>> = HashMap::new();
        for notice in self
            .loaded
            .notices
            .iter()
            .filter(|notice| !notice.from_table)
        {
            let Some(line) = notice
                .origin
                .as_ref()
                .and_then(|origin| line_of(origin, self.file))
            else {
                continue;
            };
            let hint = notice
                .hint
                .as_ref()
                .map_or(String::new(), |hint| format!(": {hint}"));
            let kind = if notice.level == crate::Level::Warning {
                Kind::Trap
            } else {
                Kind::Note
            };
            let text = format!("{}{hint}", notice.text);
            remarks.entry(line).or_default().push(Remark { kind, text });
        }
        let joined = |eaten: &&crate::magic::Eaten| eaten.byte == Some(b'\n');
        for eaten in self.document.eaten.iter().filter(joined) {
            let text = "it belongs to the line above, which ends in a `%`".to_owned();
            let kind = Kind::Trap;
            let line = eaten.line.saturating_add(1);
            remarks.entry(line).or_default().push(Remark { kind, text });
        }
        remarks
    }
}

/// The values of an ini file in which a `%` stands, by line.
fn values_with_magic(text: &str) -> HashMap<u32, String> {
    let value = |line: &str| Some(line.split_once('=')?.1.trim().replace("%%", "%"));
    let lines = (1..).zip(text.split('\n'));
    lines
        .filter(|(_, line)| line.contains('%'))
        .filter_map(|(number, line)| Some((number, value(line)?)))
        .collect()
}

/// Lines about which a notice already speaks of the comment behind the value.
fn commented_lines(loaded: &Loaded, file: &str) -> HashSet<u32> {
    let speaks = |notice: &&crate::Notice| {
        let hint = notice.hint.as_deref().unwrap_or_default();
        hint.starts_with(crate::resolve::NO_COMMENTS)
    };
    let notices = loaded.notices.iter().filter(speaks);
    notices
        .filter_map(|notice| line_of(notice.origin.as_ref()?, file))
        .collect()
}

/// The line of an origin in this file.
fn line_of(origin: &Origin, file: &str) -> Option<u32> {
    match origin {
        Origin::File { path, line } if path.as_ref() == file => Some(*line),
        _ => None,
    }
}
