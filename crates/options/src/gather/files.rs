//! Reads configuration files into the list, at the place where they are named.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Gatherer, in_file};
use crate::document::{Document, Format};
use crate::entry::Entry;
use crate::ini;
use crate::magic::{Facts, FileNames, Magic};
use crate::report::{Notice, Problem};
use crate::source;
use crate::surroundings::{self, Surroundings};
use crate::value::Dialect;

pub(crate) use crate::source::STANDARD_INPUT;

/// Files may include files this deep; nobody who means it goes deeper.
const DEEPEST: usize = 32;

/// The section of uWSGI.
const UWSGI_SECTION: &str = "uwsgi";

/// Our own section.
const OWN_SECTION: &str = "verdigris";

impl Gatherer<'_> {
    /// Reads the file an entry names: `FILE`, `FILE:section`, `:section` (of the file that was read
    /// last), or `-` for standard input. The file's extension tells its format, else `option` does.
    pub(super) fn read_named(&mut self, entry: &Entry, option: &str) {
        let name = self.with_variables(&entry.value);
        let (file, section) = split_section(&name);
        let file = match (file.is_empty(), &self.last_file) {
            (false, _) => file.to_owned(),
            (true, Some(last)) => last.clone(),
            (true, None) => {
                let problem = Problem::new(format!(
                    "{}: `{name}` needs a file that was read before it",
                    entry.key
                ))
                .hint(format!("write `{} = FILE{name}`", entry.key));
                self.problems.push(problem.at(&entry.origin));
                return;
            }
        };
        let opened = section.map_or_else(|| file.clone(), |section| format!("{file}:{section}"));
        if self.open_files.contains(&opened) || self.open_files.len() >= DEEPEST {
            let chain = [self.open_files.as_slice(), &[opened]].concat().join(" → ");
            let problem = Problem::new(format!(
                "{}: files include each other without end ({chain})",
                entry.key
            ))
            .hint("remove the line that leads back");
            self.problems.push(problem.at(&entry.origin));
            return;
        }
        let room = self.growth.file();
        if !self.has_room(room, &entry.origin) {
            return;
        }
        let content = match self.content(&file) {
            Ok(content) => content,
            Err(why) => {
                let problem =
                    Problem::new(format!("cannot read {file}: {why}")).hint(hint_for(&file));
                self.problems.push(problem.at(&entry.origin));
                return;
            }
        };
        let nameless = file == STANDARD_INPUT && option == "config";
        let format = match Format::of(&file) {
            Some(format) => format,
            None if nameless => Format::of_nameless(&content),
            None => Format::asked_by(option),
        };
        self.open_files.push(opened);
        self.read_content(entry, &file, section, (format, &content));
        self.open_files.pop();
    }

    fn content(&self, file: &str) -> Result<Vec<u8>, String> {
        let bytes = source::read(file, self.surroundings);
        let bytes = bytes.map_err(|error| surroundings::reason(&error))?;
        if ini::is_text(&bytes) {
            Ok(bytes)
        } else {
            Err("it is not a text file".to_owned())
        }
    }

    fn read_content(
        &mut self,
        entry: &Entry,
        file: &str,
        section: Option<&str>,
        (format, content): (Format, &[u8]),
    ) {
        let names = FileNames::new(file, section.unwrap_or_default(), self.surroundings);
        let first = self.first_file.get_or_insert_with(|| names.clone()).clone();
        let magic = Magic {
            facts: self.facts.clone(),
            first,
            this: names,
        };
        let document = format.parse(content, &magic);
        let shown: Arc<str> = shown(file).into();
        self.last_file = Some(file.to_owned());
        let path = PathBuf::from(file);
        if !self.files.contains(&path) {
            self.files.push(path);
        }
        let wanted = section.map_or_else(|| default_section(&document), str::to_owned);
        self.report_lines(&document, format, &shown);
        // A broken file says so; that it lacks a section as well is noise.
        if document.broken.is_empty() && !document.sections.contains(&wanted) {
            self.report_missing_section(entry, &document, &shown, &wanted);
        }
        let inherited =
            entry.dialect == Dialect::Native && entry.origin != crate::origin::Origin::CommandLine;
        let dialect = if wanted == OWN_SECTION || (section.is_some() && inherited) {
            Dialect::Native
        } else {
            Dialect::Uwsgi
        };
        self.uwsgi |= dialect == Dialect::Uwsgi && document.sections.contains(&wanted);
        for line in document
            .lines
            .into_iter()
            .filter(|line| line.section == wanted)
        {
            let origin = in_file(&shown, line.number);
            if line.key.is_empty() {
                self.notices
                    .push(Notice::warning("there is no key in front of the `=`").at(&origin));
                continue;
            }
            self.add(Entry {
                key: line.key,
                value: line.value,
                origin,
                dialect,
            });
        }
    }

    fn report_lines(&mut self, document: &Document, format: Format, shown: &Arc<str>) {
        for (line, what) in &document.broken {
            let problem = Problem::new(format!("this is no {}: {what}", format.name()))
                .hint("mend the line; `verdigris check` shows every problem at once");
            self.problems.push(problem.at(&in_file(shown, *line)));
        }
        for (line, what) in &document.passed_over {
            self.notices
                .push(Notice::warning(what.clone()).at(&in_file(shown, *line)));
        }
        for line in &document.not_text {
            let problem =
                Problem::new("this line is not UTF-8 text").hint("save the file as UTF-8");
            self.problems.push(problem.at(&in_file(shown, *line)));
        }
        for eaten in &document.eaten {
            let (pair, instead) = match eaten.byte {
                Some(b'\n') => (
                    "`%` at the end of a line joins it with the next one".to_owned(),
                    "%%".to_owned(),
                ),
                Some(byte) => {
                    let letter = byte.escape_ascii();
                    (
                        format!("`%{letter}` stands for nothing and is dropped"),
                        format!("%%{letter}"),
                    )
                }
                None => (
                    "`%` at the end of the file is dropped".to_owned(),
                    "%%".to_owned(),
                ),
            };
            let notice = Notice::warning(pair).hint(format!("write `{instead}`"));
            self.notices.push(notice.at(&in_file(shown, eaten.line)));
        }
    }

    fn report_missing_section(
        &mut self,
        entry: &Entry,
        document: &Document,
        shown: &Arc<str>,
        wanted: &str,
    ) {
        let mut notice = Notice::warning(format!(
            "{shown} has no section [{wanted}]; nothing was read from it"
        ));
        let names: Vec<String> = document
            .sections
            .iter()
            .filter(|name| !name.is_empty())
            .map(|name| format!("[{name}]"))
            .collect();
        if !names.is_empty() {
            notice = notice.hint(format!(
                "it has {}; name one with {shown}:section",
                names.join(", ")
            ));
        }
        self.notices.push(notice.at(&entry.origin));
    }
}

/// The hint for files that cannot be read.
pub(crate) const FILE_HINT: &str = "paths are looked up from the directory the server is started in; check the name and who may read it";

/// The hint for commands that do not answer as they should.
const COMMAND_HINT: &str = "run the command by itself and look at what it prints";

/// What to do when a source cannot be read.
pub(super) fn hint_for(source: &str) -> &'static str {
    match source.split_once("://") {
        Some(("exec", _)) => COMMAND_HINT,
        Some(("fd", _)) => "it has to be open where the server is started",
        Some(("file", _)) | None => FILE_HINT,
        Some(_) => SCHEME_HINT,
    }
}

/// The hint for sources that are no files.
const SCHEME_HINT: &str =
    "write `exec://command` for what a command prints, like `exec://curl -sf https://host/app.ini`";

/// A file's name for people.
pub(crate) fn shown(file: &str) -> &str {
    if file == STANDARD_INPUT {
        "standard input"
    } else {
        file
    }
}

/// A file taken apart on its own, as if it were the first one of a start.
pub(crate) fn take_apart(
    file: &str,
    format: Format,
    section: &str,
    content: &[u8],
    surroundings: &dyn Surroundings,
) -> Document {
    let names = FileNames::new(file, section, surroundings);
    let magic = Magic {
        facts: Facts::new(surroundings),
        first: names.clone(),
        this: names,
    };
    format.parse(content, &magic)
}

/// Our own section if the file has one, else uWSGI's.
pub(crate) fn default_section(document: &Document) -> String {
    let own = document
        .sections
        .iter()
        .any(|section| section == OWN_SECTION);
    if own { OWN_SECTION } else { UWSGI_SECTION }.to_owned()
}

/// Splits `FILE:section` at the last colon; a scheme's colon is not one.
pub(crate) fn split_section(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((_, section)) if section.starts_with("//") => (name, None),
        Some((file, section)) => (file, Some(section)),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_in_names() {
        assert_eq!(split_section("a.ini"), ("a.ini", None));
        assert_eq!(split_section("a.ini:prod"), ("a.ini", Some("prod")));
        assert_eq!(split_section(":base"), ("", Some("base")));
        assert_eq!(split_section("exec://cat a"), ("exec://cat a", None));
    }
}
